"""The neural language model: it is a distribution, padding and batches change nothing, and it learns."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from netchu.errors import NetchuError
from netchu.lm.guard import overlap
from netchu.lm.neural import SPECIALS, NeuralInfo, load_neural
from netchu.lm.sources import Source

torch = pytest.importorskip("torch")

from netchu.train.language import LanguageNetwork, NeuralOptions, Progress, export_neural, train_neural  # noqa: E402

LINES = ("số nhà mười hai", "đường Hai Bà Trưng", "quận Hoàn Kiếm", "một dòng chữ dài hơn năm từ để nhớ")
SMALL = NeuralOptions(steps=150, batch=8, width=24, layers=3, learning_rate=0.02, least=1, terms="free")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("lm") / "small.onnx"
    told: list[Progress] = []
    train_neural([Source("lines", LINES)], path, SMALL, told.append)
    assert [each.step for each in told] == list(range(1, 151))
    assert told[-1].bits < told[0].bits and str(told[-1]).startswith("step 150 of 150: ")
    return load_neural(path)


def test_what_follows_is_told_from_what_came_before_alone(model):
    one, other = model.next_symbols("số nhà mười hai"), model.next_symbols("số nhà Kiếm")
    np.testing.assert_allclose(one[:8], other[:8], atol=1e-5)
    assert np.abs(one[8] - other[8]).max() > 0.1


def test_what_may_follow_sums_to_one(model):
    for text in ("", "số nhà", "Hà ☃ Nội", "quận " * 20):
        found = model.next_symbols(text)
        assert found.shape == (len(" ".join(text.split())) + 1, SPECIALS + len(model.info.vocabulary))
        np.testing.assert_allclose(np.exp(found).sum(1), 1, atol=1e-5)


def test_a_score_is_the_sum_over_what_follows(model):
    text = "Hà Nội"
    table, labels = model.next_symbols(text), model.encode(text)
    wanted = sum(table[place, label] for place, label in enumerate(labels[1:]))
    assert model.score([text])[0] == pytest.approx(wanted, abs=1e-4)
    assert model.score([""])[0] == pytest.approx(model.next_symbols("")[0, 0], abs=1e-5)
    assert model.score([]).shape == (0,)


def test_batches_and_padding_change_nothing(model):
    rng = np.random.default_rng(0)
    alphabet = "".join(model.info.vocabulary) + "☃"
    texts = ["".join(rng.choice(list(alphabet), length)) for length in rng.integers(0, 90, 120)]
    together, alone = model.score(texts), np.concatenate([model.score([text]) for text in texts])
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-4)
    padded = model.score(["Hà Nội", "x" * 500])[0]
    assert padded == pytest.approx(model.score(["Hà Nội"])[0], abs=1e-5)
    assert np.array_equal(together, model.score(texts))


def test_forms_and_spaces_are_one_text(model):
    import unicodedata

    apart = unicodedata.normalize("NFD", "  Hà   Nội ")
    assert np.array_equal(model.score([apart]), model.score(["Hà Nội"]))


def test_it_learnt_its_lines(model):
    assert model.bits(LINES) < 0.5
    right, wrong = model.score(["đường Hai Bà Trưng", "đường Hai Ba Trung"])
    assert right > wrong + 5
    with pytest.raises(NetchuError, match="every line is empty"):
        model.bits(["", "  "])


def test_the_file_says_what_it_is_made_of(model):
    info = model.info
    assert info.vocabulary == tuple(sorted(set("".join(LINES))))
    assert info.form == "NFC" and info.about["terms"] == "free"
    (source,) = info.about["sources"]
    assert (source["name"], source["lines"], source["weight"]) == ("lines", len(LINES), 1.0)
    assert source["sha256"] == Source("lines", LINES).digest()
    assert NeuralInfo.from_json(info.to_json()).to_json() == info.to_json()
    assert info.sketch is not None
    assert overlap(info.sketch, [LINES[-1].upper()]).held == 1
    assert overlap(info.sketch, ["một dòng chữ khác cũng dài hơn năm từ"]).held == 0
    assert len(model.digest) == 64


def test_onnx_says_what_torch_says(tmp_path):
    torch.manual_seed(3)
    network = LanguageNetwork(SPECIALS + 5, 24, 3)
    path = tmp_path / "a.onnx"
    export_neural(network, NeuralInfo("a", "NFC", tuple("abcde")), path)
    model = load_neural(path)
    for text in ("", "abc", "edcba" * 30, "zz"):
        with torch.no_grad():
            scores, log_probs = network(torch.tensor([model.encode(text)]))
        assert np.abs(model.next_symbols(text) - log_probs[0].numpy()).max() < 1e-4
        assert model.score([text])[0] == pytest.approx(float(scores.sum()), abs=1e-3)


def test_a_wrong_export_is_refused(tmp_path, monkeypatch):
    from netchu.train import language

    network = LanguageNetwork(SPECIALS + 2, 8, 2)
    data = language._to_onnx(network, NeuralInfo("a", "NFC", ("a", "b")))
    with torch.no_grad():
        network.head.bias[0] += 1
    monkeypatch.setattr(language, "_to_onnx", lambda *_: data)
    with pytest.raises(NetchuError, match="export failed"):
        export_neural(network, NeuralInfo("a", "NFC", ("a", "b")), tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []


def test_the_same_seed_gives_the_same_file(tmp_path):
    options = NeuralOptions(steps=5, batch=4, width=8, layers=2, least=1)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        train_neural([Source("lines", LINES)], tmp_path / name / "m.onnx", options)
    assert (tmp_path / "a" / "m.onnx").read_bytes() == (tmp_path / "b" / "m.onnx").read_bytes()


def test_rare_symbols_are_unknown_ones(tmp_path):
    options = NeuralOptions(steps=2, batch=4, width=8, layers=2, least=2)
    info = train_neural([Source("a", ("abab", "abc"))], tmp_path / "m.onnx", options)
    assert info.vocabulary == ("a", "b")
    model = load_neural(tmp_path / "m.onnx")
    assert model.score(["c"])[0] == model.score(["☃"])[0]


@pytest.mark.parametrize(
    ("sources", "options", "why"),
    [
        ((), NeuralOptions(), "no text"),
        ((Source("a", ("ab",)),), NeuralOptions(), "3 times or more"),
        ((Source("a", ("ab",)),), NeuralOptions(steps=0), "steps = 0"),
        ((Source("a", ("ab",)),), NeuralOptions(width=10**6), "width = 1000000: must be from 1 to 1024"),
        ((Source("a", ("ab",)),), NeuralOptions(weights={"a": float("nan")}), "must be numbers"),
        ((Source("a", ("ab",)),), NeuralOptions(learning_rate=float("nan")), "learning_rate"),
        ((Source("a", ("ab",)),), NeuralOptions(weights={"b": 1.0}), "'b'"),
        ((Source("a", ("ab",)),), NeuralOptions(weights={"a": 0.0}), "nor all 0"),
    ],
)
def test_bad_options(sources, options, why, tmp_path):
    with pytest.raises(NetchuError, match=why):
        train_neural(sources, tmp_path / "m.onnx", options)
    assert list(tmp_path.iterdir()) == []


def test_bad_files(tmp_path, model):
    with pytest.raises(NetchuError, match="no such file"):
        load_neural(tmp_path / "missing.onnx")
    (tmp_path / "text.onnx").write_text("hello")
    with pytest.raises(NetchuError, match="not a whole ONNX model"):
        load_neural(tmp_path / "text.onnx")
    from netchu import zoo

    with pytest.raises(NetchuError, match="no language model of ours"):
        load_neural(zoo.find("vi-tiny"))


def test_an_interrupted_training_leaves_nothing(tmp_path):
    code = (
        "import signal, sys\nfrom netchu.lm.sources import Source\nfrom netchu.train.language import *\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # what is started in the background ignores it\n"
        "options = NeuralOptions(steps=100_000, least=1, width=8, batch=4)\nprint('going', flush=True)\n"
        f"train_neural([Source('a', {LINES!r})], sys.argv[1], options)\n"
    )
    call = [sys.executable, "-c", code, str(tmp_path / "m.onnx")]
    process = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout and process.stdout.readline().strip() == b"going"
    time.sleep(1)
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(60) != 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("steps", [1, 2, 3, 20, 21])
def test_any_number_of_steps(steps, tmp_path):
    told: list[Progress] = []
    options = NeuralOptions(steps=steps, batch=1, width=2, layers=1, least=1)
    train_neural([Source("a", ("ab",))], tmp_path / "m.onnx", options, told.append)
    assert len(told) == steps
