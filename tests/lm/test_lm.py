"""Training from sources, the guard, other alphabets, and the command line."""

import gzip
import json
import math
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import netchu
from netchu.cli import netchu as cli
from netchu.cli.lm import lm
from netchu.errors import NetchuError
from netchu.lm import guard, load
from netchu.lm.sources import Source, read_sources
from netchu.lm.symbols import words
from netchu.lm.train import Options, train
from netchu.text import Charset

STREETS = ("Lê Lợi", "Nguyễn Huệ", "Trần Phú", "Hùng Vương", "Lý Thường Kiệt", "Phan Bội Châu", "Hai Bà Trưng")
CITIES = ["Hà Nội", "Đà Nẵng", "Cần Thơ", "Hải Phòng", "Hồ Chí Minh"]
ADDRESSES = tuple(
    f"{n * 7 % 301} {STREETS[n % 7]}, phường {n % 13}, quận {n % 11}, {CITIES[n % 5]}" for n in range(300)
)
PROSE = tuple(f"Ngày {n} anh ấy đi học {'rất ' * (n % 3)}sớm và về nhà trước khi trời tối" for n in range(200))


def one(lines, **options):
    return train([Source("own", tuple(lines))], Options(**options))


def test_word_models_see_words_only():
    assert words("Số 3/12, đ. Lê-Lợi (quận_1)") == ["Số", "đ", "Lê", "Lợi", "quận"]
    assert words("12/3A P.5, Q1 2024") == ["A", "P", "Q"]
    assert words(unicodedata.normalize("NFD", "Huế")) == [unicodedata.normalize("NFD", "Huế")]
    model = one(["a, b", "a-b", "a b"], unit="word", order=2)
    assert model.vocabulary == ("a", "b")
    assert model.score("a b") == model.score("a... b!") == model.score("1a 2024 b") > 2 * model.score("b a")


def test_odd_texts():
    for lines in (["a"], ["日本語", "한국어 👍🏽"], ["\x00\x01"], ["a" * 5000], ["<s> </s> <unk>"]):
        model = one(lines, order=6)
        assert math.isfinite(model.score(lines[0]))
        assert model.score(lines[0]) > model.score(lines[0] + "§")
    with pytest.raises(NetchuError, match="holds no word"):
        one(["...", "!"], unit="word", order=2)
    with pytest.raises(NetchuError, match="every line is empty"):
        model.bits(["", " "])


def test_files_of_all_sorts(tmp_path):
    lines = "Huế\r\n\r\n  Đà   Nẵng \r\nHà Nội"
    (tmp_path / "plain.txt").write_bytes(b"\xef\xbb\xbf" + unicodedata.normalize("NFD", lines).encode())
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(b"Vinh\n"))
    plain, gz, folder = read_sources([str(tmp_path / "plain.txt"), f"x={tmp_path / 'b.txt.gz'}", str(tmp_path)])
    assert plain.lines == ("Huế", "Đà Nẵng", "Hà Nội")
    assert (gz.name, gz.lines, plain.name) == ("x", ("Vinh",), "plain")
    assert set(folder.lines) == {*plain.lines, *gz.lines}
    both = read_sources([f"x={tmp_path / 'plain.txt'}", f"x={tmp_path / 'b.txt.gz'}"], "NFD")
    assert len(both) == 1
    assert both[0].lines == tuple(unicodedata.normalize("NFD", line) for line in (*plain.lines, "Vinh"))
    (tmp_path / "blank.txt").write_text(" \n \n")
    for bad in ("blank.txt", "none.txt"):
        with pytest.raises(NetchuError, match=bad):
            read_sources([str(tmp_path / bad)])


def dataset(folder, rows, header="image\ttext\tsplit"):
    folder.mkdir()
    table = [header, *("\t".join((f"{n}.png", *row)) for n, row in enumerate(rows))]
    (folder / "lines.tsv").write_text("\n".join(table) + "\n", encoding="utf-8")
    return folder


def test_only_train_lines_of_a_data_set_are_taken(tmp_path):
    rows = [("một hai", "train"), ("ba bốn", "val"), ("năm sáu", "test"), ("bảy", "")]
    mixed = dataset(tmp_path / "mixed", rows)
    assert read_sources([str(mixed)])[0].lines == ("một hai",)
    whole = dataset(tmp_path / "whole", [("một hai",), ("ba bốn",)], "image\ttext")
    assert read_sources([str(whole / "lines.tsv")])[0].lines == ("một hai", "ba bốn")
    val = dataset(tmp_path / "val", [("ba bốn", "val")])
    with pytest.raises(NetchuError, match="no train lines"):
        read_sources([str(val)])
    (tmp_path / "a.txt").write_text("Ba, bốn!\nmười\n", encoding="utf-8")
    assert read_sources([str(tmp_path / "a.txt")], without=[mixed])[0].lines == ("mười",)


def test_a_fitted_mixture_is_better_than_its_parts_and_the_same_every_time():
    wordy = tuple(f"Anh ấy ở nhà số {line} từ lâu" for line in ADDRESSES[30:200])
    sources = [Source("prose", wordy), Source("streets", ADDRESSES[:25])]
    held = ADDRESSES[200:]
    mixed = train(sources, Options(fit="streets"))
    alone = [train([source], Options()).bits(held) for source in sources]
    assert mixed.bits(held) < min(alone)
    shares = {each["name"]: each["weight"] for each in mixed.about["sources"]}
    assert 0.05 < shares["streets"] < 0.95
    again = train(sources, Options(fit="streets"))
    assert np.array_equal(again.automaton.weights, mixed.automaton.weights)
    given = train(sources, Options(weights={"prose": 3, "streets": 1}))
    assert [each["weight"] for each in given.about["sources"]] == [0.75, 0.25]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"order": 0}, "--order 0"),
        ({"order": 99}, "--order 99"),
        ({"unit": "syllable"}, "syllable"),
        ({"fit": "other"}, "'other'"),
        ({"weights": {"own": 0}}, "all 0"),
        ({"weights": {"own": 1}, "fit": "own"}, "given or fitted"),
        ({"size": -1}, "--size"),
        ({"size": 1e-6}, "vocabulary alone"),
        ({"least": 10**6}, "--least"),
    ],
)
def test_options_that_make_no_sense(options, says):
    with pytest.raises(NetchuError, match=says):
        one(ADDRESSES[:10], **options)


def test_size_is_the_files_size(tmp_path):
    from netchu.lm import save

    save(one(ADDRESSES, order=6, size=0.03), tmp_path / "m.lm")
    assert 0.02e6 < (tmp_path / "m.lm").stat().st_size <= 0.03e6


def test_classes_and_alphabets():
    model = one(ADDRESSES, order=2)
    charset = Charset.from_texts(ADDRESSES, extra="§")
    classes = model.classes(charset)
    assert classes.dtype == np.int32
    for symbol, label in zip(charset.symbols, classes):
        assert label == -1 if symbol in ("", "§") else model.vocabulary[label] == symbol
    model.require(charset)
    one(["0123456789"], order=1).require(charset)  # digits only, of which the reader has all
    japanese = Charset.from_texts(["日本語の文字を読む機械"])
    with pytest.raises(NetchuError, match="another alphabet"):
        model.require(japanese)
    taken_apart = one(ADDRESSES, order=2, form="NFD")
    assert taken_apart.score(ADDRESSES[0]) == taken_apart.score(unicodedata.normalize("NFD", ADDRESSES[0]))
    vietnamese = Charset.from_texts(["ăâđêôơưắằẳẵặấầẩẫậếềểễệốồổỗộớờởỡợứừửữự"])
    with pytest.raises(NetchuError, match="Unicode form NFD"):
        taken_apart.require(vietnamese)
    by_word = one(ADDRESSES, unit="word", order=2)
    by_word.require(charset)
    with pytest.raises(NetchuError, match="another alphabet"):
        by_word.require(japanese)
    with pytest.raises(ValueError, match="words"):
        by_word.classes(charset)


def test_the_guard_finds_what_was_trained_on():
    model = one(PROSE, order=3)
    found = guard.overlap(model, [line.upper() + "." for line in PROSE[:50]])
    assert found.held == found.compared == 50
    assert found.leaks and "50 of 50 lines" in str(found)
    clean = guard.overlap(model, ADDRESSES)
    assert clean.held <= 1
    assert not clean.leaks


def test_the_guard_states_its_rate_of_false_finds():
    sketch = guard.Sketch.of(f"{n} {n * n} {n + 7} {n ^ 991} {n % 17} {n * 3}" for n in range(3000))
    others = [f"x {n} {n * n} {n + 8} {n ^ 997} y" for n in range(20000)]
    found = guard.overlap(sketch, others)
    assert found.chance == pytest.approx(1 / 314, rel=0.1)
    assert found.held == pytest.approx(20000 * found.chance, abs=5 * math.sqrt(20000 * found.chance))
    assert not found.leaks


def test_the_guard_leaves_short_lines_alone_and_looks_inside_long_ones():
    model = one(["Thành phố Hà Nội", "Hà Nội", " ".join(PROSE)], order=2)
    words = guard.Sketch.of(["INTERNATIONAL", "communication", "0123456789012", "日本語の手書き文字を読む機械"])
    alone = guard.overlap(words, ["International", "Communication!", "0123456789012", "日本語の手書き文字を読む機械"])
    assert (alone.lines, alone.compared, alone.held) == (4, 1, 1)  # words of a list are nobody's transcript
    short = guard.overlap(model, ["Hà Nội"] * 30)
    assert (short.lines, short.compared, short.held, short.leaks) == (30, 0, 0, False)
    inside = guard.overlap(model, PROSE)
    assert inside.held <= 2
    assert inside.runs >= 8
    assert inside.runs_held == inside.runs
    assert inside.leaks


def test_a_few_lines_that_others_wrote_too_are_no_leak():
    model = one(PROSE, order=2)
    few = guard.overlap(model, [*PROSE[:4], *ADDRESSES[:196]])
    assert few.held >= 4
    assert not few.leaks
    assert guard.overlap(model, [*PROSE[:20], *ADDRESSES[:180]]).leaks
    assert not guard.overlap(model, []).leaks


def run(*arguments, code=0, stdin=None):
    outcome = CliRunner().invoke(lm, [str(each) for each in arguments], input=stdin)
    if code == 2:
        assert isinstance(outcome.exception, NetchuError), outcome.output
        return str(outcome.exception)
    assert outcome.exit_code == code, outcome.output
    return outcome.output


def test_the_command_line(tmp_path):
    rows = [(line, "val" if n % 5 == 0 else "train") for n, line in enumerate(ADDRESSES)]
    data = dataset(tmp_path / "data", rows)
    (tmp_path / "prose.txt").write_text("\n".join(PROSE), encoding="utf-8")
    model = tmp_path / "m.lm"
    out = run("train", f"streets={data}", tmp_path / "prose.txt", "-o", model, "--fit", "streets", "--terms", "CC0")
    assert "weights fitted" in out
    assert load(model).about["terms"] == "CC0"
    facts = json.loads(run("show", model, data, "--split", "val", "--json"))
    assert facts["bits per character"] < 2
    assert facts["unknown"] == 0
    assert "characters:" in run("show", model)
    assert "clean" in run("check", model, data, "--split", "val")
    assert "LEAKS" in run("check", model, data, "--split", "train", code=1)
    arpa = tmp_path / "m.arpa"
    run("export", model, arpa)
    run("import", arpa, "-o", tmp_path / "back.lm")
    assert load(tmp_path / "back.lm").score(ADDRESSES[0]) == load(model).score(ADDRESSES[0])
    run("train", "-", "-o", tmp_path / "in.lm", "--unit", "word", stdin="một hai ba\nmột hai\n")
    assert load(tmp_path / "in.lm").vocabulary == ("hai", "một")
    assert "--prune" in run("train", "-", "-o", model, "--prune", "a", stdin="a", code=2)
    assert "--weight" in run("train", "-", "-o", model, "--weight", "a", stdin="a", code=2)
    assert "no data set" in run("show", model, tmp_path / "prose.txt", "--split", "val", code=2)
    assert "is a folder" in run("train", "-", "-o", tmp_path, stdin="a", code=2)
    for wrong in (["--entropy", "nan"], ["--entropy", "inf"], ["--weight", "stdin=nan"], ["--weight", "stdin=inf"]):
        assert wrong[0][2:] in run("train", "-", "-o", model, *wrong, stdin="a", code=2)
    assert "ends in .onnx" in run("train", "-", "-o", tmp_path / "m.onnx", stdin="a", code=2)
    assert "--steps is of --neural" in run("train", "-", "-o", model, "--steps", 3, stdin="a", code=2)


def test_a_neural_model_from_the_command_line(tmp_path):
    pytest.importorskip("torch")
    rows = [(line, "val" if n % 5 == 0 else "train") for n, line in enumerate(ADDRESSES)]
    data = dataset(tmp_path / "data", rows)
    model = tmp_path / "m.onnx"
    out = run("train", data, "-o", model, "--neural", "--steps", 20, "--width", 8, "--without", data, "--terms", "CC0")
    assert out.count("bits a character") == 10 and "20 of 20" in out
    facts = json.loads(run("show", model, data, "--split", "val", "--json"))
    assert (facts["unit"], facts["terms"], facts["made"]["steps"], facts["made"]["width"]) == ("char", "CC0", 20, 8)
    assert 0 < facts["bits per character"] < 8
    assert "characters:" in run("show", model)
    assert "clean" in run("check", model, data, "--split", "val")
    assert "LEAKS" in run("check", model, data, "--split", "train", code=1)
    sample = Path(netchu.__file__).parent / "samples" / "sample.png"
    read = ["read", str(sample), "-m", "vi-tiny", "--decoder", "beam", "--rerank", str(model)]
    assert "Hà Nội" in CliRunner().invoke(cli, read, catch_exceptions=False).output
    before = model.read_bytes()
    assert "--order is not of --neural" in run("train", data, "-o", model, "--neural", "--order", 3, code=2)
    assert "ends in .onnx" in run("train", data, "-o", tmp_path / "m.lm", "--neural", code=2)
    assert "3 times or more" in run("train", "-", "-o", model, "--neural", stdin="ab", code=2)
    assert model.read_bytes() == before
