"""Model files and ARPA: round trips, damage, other makers' files."""

import gzip
import json
import math
import struct

import numpy as np
import pytest

from netchu.decode.automaton import TYPES
from netchu.errors import NetchuError
from netchu.lm import guard, load, save
from netchu.lm.arpa import read_arpa, write_arpa
from netchu.lm.sources import Source
from netchu.lm.train import Options, train

LINES = tuple(f"{n} đường Lê Lợi, phường {n % 7}, quận {n % 5} thành phố Hồ Chí Minh" for n in range(40))


def model_of(unit="char", lines=LINES, **more):
    return train([Source("own", tuple(lines))], Options(unit=unit, order=more.pop("order", 4), **more))


@pytest.fixture(scope="module")
def model():
    return model_of()


def test_saved_and_loaded_it_is_the_same(tmp_path, model):
    path = tmp_path / "tiếng Việt.lm"
    save(model, path)
    first = path.read_bytes()
    back = load(path)
    for name in TYPES:
        assert np.array_equal(getattr(back.automaton, name), getattr(model.automaton, name))
        assert not getattr(back.automaton, name).flags.owndata  # mapped, not copied
    for name in ("name", "unit", "order", "form", "vocabulary", "unknown", "depths", "about"):
        assert getattr(back, name) == getattr(model, name)
    assert back.score(LINES[3]) == model.score(LINES[3])
    assert guard.overlap(back, LINES).held == len(LINES)
    save(back, path)
    assert path.read_bytes() == first
    save(model_of(), path)
    assert path.read_bytes() == first


def test_int16_is_close_to_exact(model):
    labels = model.labels(LINES[0])
    assert model.log_probs([LINES[0]]).sum() == pytest.approx(model.automaton.score(labels))
    assert model.score("日本") == pytest.approx(model.log_probs(["日本"]).sum())


def test_damaged_files_are_refused_in_one_line(tmp_path, model):
    path = tmp_path / "m.lm"
    save(model, path)
    data = path.read_bytes()
    size = struct.unpack_from("<I", data, 12)[0]
    header = json.loads(data[16 : 16 + size])
    flipped = bytearray(data)
    flipped[-5] ^= 64

    def with_header(**changes):
        text = json.dumps({**header, **changes}).encode()
        text += b" " * (-(16 + len(text)) % 64)
        return data[:12] + struct.pack("<I", len(text)) + text + data[16 + size :]

    bad = {
        "empty": b"",
        "cut": data[:-1000],
        "cut header": data[:40],
        "cut magic": data[:5],
        "longer": data + b"x",
        "flipped": bytes(flipped),
        "foreign": b"\x89PNG\r\n\x1a\n" + data,
        "arpa": b"\\data\\\nngram 1=2\n",
        "newer": data[:8] + struct.pack("<I", 2) + data[12:],
        "no json": data[:16] + b"[" * size + data[16 + size :],
        "list": data[:16] + (b"[]" + b" " * (size - 2)) + data[16 + size :],
        "no vocabulary": with_header(vocabulary=None),
        "short vocabulary": with_header(vocabulary=["a"]),
        "bad start": with_header(start=10**9),
        "bad depths": with_header(depths=[1]),
        "bad place": with_header(arrays={**header["arrays"], "labels": {"type": "uint16", "length": 10**9, "at": 0}}),
        "bad type": with_header(arrays={**header["arrays"], "labels": {"type": "object", "length": 1, "at": 0}}),
        "extra": with_header(arrays={**header["arrays"], "more": header["arrays"]["labels"]}),
        "bad unit": with_header(unit="syllable"),
    }
    for why, content in bad.items():
        path.write_bytes(content)
        with pytest.raises(NetchuError) as caught:
            load(path)
        assert str(path) in str(caught.value), why
        assert "\n" not in str(caught.value), why
    with pytest.raises(NetchuError, match="no such file"):
        load(tmp_path / "none.lm")
    with pytest.raises(NetchuError):
        load(tmp_path)


@pytest.mark.parametrize("unit", ["char", "word"])
@pytest.mark.parametrize("ending", [".arpa", ".arpa.gz"])
def test_arpa_and_back(tmp_path, unit, ending):
    own = model_of(unit, least=1)
    write_arpa(own, tmp_path / f"a{ending}")
    back = read_arpa(tmp_path / f"a{ending}")
    assert (back.unit, back.order, back.vocabulary, back.name) == (unit, own.order, own.vocabulary, "a")
    for name in TYPES:
        assert np.array_equal(getattr(back.automaton, name), getattr(own.automaton, name)), name
    assert back.unknown == own.unknown
    with pytest.raises(NetchuError, match="no sketch"):
        guard.overlap(back, LINES)


def test_a_pruned_model_goes_through_arpa(tmp_path):
    own = model_of(order=5, entropy=1e-4)
    write_arpa(own, tmp_path / "a.arpa")
    back = read_arpa(tmp_path / "a.arpa")
    texts = [*LINES[:5], "quận xyz", "", "Lê"]
    assert np.allclose(back.log_probs(texts), own.log_probs(texts), atol=1e-2)


PRUNED = """\ufeff\\data\\
ngram 1=6
ngram 2=4
ngram 3=1

\\1-grams:
-1.0\t<unk>
-99\t<s>\t-0.5
-0.7\t</s>
-0.6\ta\t-0.25
-0.8\tb\t-0.125
-0.9\tc

\\2-grams:
-0.2\t<s> a\t-0.3
-0.4\ta b\t-0.1
-0.5\tb </s>
-0.6 a <unk>

\\3-grams:
-0.05\t<s> a c

\\end\\
"""


def test_a_pruned_model_of_another_maker_backs_off_as_it_says(tmp_path):
    path = tmp_path / "other.arpa"
    path.write_bytes(PRUNED.replace("\n", "\r\n").encode())
    model = read_arpa(path, "word")
    log10 = {
        "a b": -0.2 + (-0.3 - 0.4) + (-0.1 - 0.5),
        "a c": -0.2 + -0.05 + -0.7,  # "a c" is no 2-gram: after it the walk is in the empty context
        "b b": (-0.5 - 0.8) + (-0.125 - 0.8) + -0.5,
        "a x b": -0.2 + (-0.3 - 0.25 - 1.0) - 0.8 - 0.5,  # "a <unk>" is left out, and unknown symbols end the context
        "": -0.5 - 0.7,
    }
    for text, wanted in log10.items():
        assert model.score(text) == pytest.approx(wanted * math.log(10), abs=5e-3), text
    assert model.about["left out"] == 1
    assert read_arpa(path).unit == "char"


def test_arpa_spaces(tmp_path):
    for sign in ("<space>", "\u2581"):
        path = tmp_path / "s.arpa"
        text = f"\\data\\\nngram 1=4\n\n\\1-grams:\n-1 </s>\n-99 <s>\n-0.5 {sign}\n-0.5 a\n\n\\end\\\n"
        path.write_bytes(gzip.compress(text.encode()))
        model = read_arpa(path)
        assert model.vocabulary == (" ", "a")
        assert model.score("a a") == pytest.approx(-2.5 * math.log(10), abs=5e-3)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("-0.6\ta\t", "-0.6x\ta\t"), "line 10"),
        (("-0.4\ta b\t-0.1", "-0.4\ta b c d\t-0.1"), "line 16"),
        (("-0.4\ta b", "-0.4\ta z"), "'z' is in no 1-gram"),
        (("-0.4\ta b\t-0.1", "0.4\ta b\t-0.1"), "line 16"),
        (("ngram 2=4", "ngram 2=5"), "announces"),
        (("ngram 2=4", "ngram two"), "line 3"),
        (("\\3-grams", "\\4-grams"), "expected"),
        (("\\end\\", ""), "cut short"),
        (("\\data\\", "data"), "ARPA"),
        (("<s> a c", "c a c"), "no 2-gram"),
    ],
)
def test_bad_arpa_is_named(tmp_path, change, says):
    path = tmp_path / "bad.arpa"
    assert change[0] in PRUNED
    path.write_text(PRUNED.replace(*change, 1), encoding="utf-8")
    with pytest.raises(NetchuError) as caught:
        read_arpa(path, "word")
    assert says in str(caught.value)
    assert str(path) in str(caught.value)


def test_arpa_in_another_encoding(tmp_path):
    path = tmp_path / "latin.arpa"
    path.write_bytes(PRUNED.replace("\tc\n", "\té\n").encode("latin-1", "ignore"))
    with pytest.raises(NetchuError, match="UTF-8"):
        read_arpa(path)
    with pytest.raises(NetchuError, match="is more than a character"):
        path.write_text(PRUNED.replace("c\n", "cd\n"), encoding="utf-8")
        read_arpa(path, "char")
