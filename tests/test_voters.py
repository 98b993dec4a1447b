"""Several models and views as one reader: from Python and from the command line, and what is asked of them in vain."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

import netchu as package
from netchu import voters
from netchu.cli import netchu
from netchu.cli.decoding import parse_weights, title_of
from netchu.decode.choose import Wish
from netchu.errors import NetchuError
from netchu.image import lay_flat, open_grey
from netchu.read import Reader
from netchu.records import Page
from netchu.voters import Voters

SAMPLE = open_grey(Path(package.__file__).parent / "samples" / "sample.png")
PIECES = [SAMPLE[:, 200:700], np.full((50, 300), 255, np.uint8), SAMPLE[:, :170], SAMPLE[:, 620:]]


@pytest.fixture(scope="module")
def two() -> Reader:
    return package.load(["vi", "vi-tiny"], views=2, weights=(2, 1))


@pytest.fixture(scope="module")
def scans(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("scans")
    for place, picture in enumerate(PIECES):
        Image.fromarray(picture).save(root / f"{place}.png")
    return root


def run(*arguments) -> Result:
    return CliRunner().invoke(netchu, [str(argument) for argument in arguments])


def test_one_model_and_view_is_the_plain_reader(scans):
    alone = package.load("vi-tiny")
    assert type(alone) is Reader
    assert alone.read_lines(PIECES) == package.load("vi-tiny").read_lines(PIECES)
    plain, same = (
        run("read", scans, "--json", "-m", "vi-tiny"),
        run("read", scans, "--json", "-m", "vi-tiny", "--views", 1),
    )
    assert plain.exit_code == 0 and plain.stdout == same.stdout


def test_lines_of_several_models_and_views(two):
    lines = two.read_lines(PIECES)
    assert [bool(line.text) for line in lines] == [True, False, True, True]
    for line, picture in zip(lines, PIECES):
        assert line.polygon[2] == (picture.shape[1], picture.shape[0])
        assert " ".join(word.text for word in line.words) == line.text == "".join(char.text for char in line.chars)
        assert not line.text or 0 < line.confidence <= min(word.confidence for word in line.words) + 1e-9
        for char in line.chars:
            assert 0 <= char.box[0] <= char.box[2] <= picture.shape[1]
            assert char.confidence + sum(share for _, share in char.alternatives) <= 1 + 1e-6
        scores = [score for _, score in line.readings]
        assert not line.text or line.readings[0][0] == line.text
        assert scores == sorted(scores, reverse=True) and np.isfinite(scores).all()
        assert json.loads(json.dumps(line.to_json()))


def test_a_line_reads_the_same_in_any_batch_and_thread(two):
    pictures = [*PIECES, SAMPLE[:, 300:900], SAMPLE[10:50, 100:400]]
    together = [line.text for line in two.read_lines(pictures)]
    assert [two.read_lines([picture])[0].text for picture in pictures] == together
    with ThreadPoolExecutor(3) as pool:
        assert [[line.text for line in lines] for lines in pool.map(two.read_lines, [pictures] * 3)] == [together] * 3


def test_vertical_lines_and_those_across():
    voting = package.load(["ja"], views=2)
    tall = np.rot90(SAMPLE[:, :300], -1).copy()
    across, down, blank = voting.read_lines([lay_flat(tall), tall, np.full((300, 40), 255, np.uint8)])
    assert down.text == across.text and blank.text == ""
    assert down.polygon[2] == (tall.shape[1], tall.shape[0])
    assert all(char.box[3] <= tall.shape[0] and char.box[2] <= tall.shape[1] for char in down.chars)


def test_models_of_different_scripts_are_refused_and_others_are_not():
    with pytest.raises(NetchuError, match="models vi and ja share 52 letters of 227: they read different scripts"):
        package.load(["vi", "ja"])
    assert isinstance(package.load(["ja", "zh"]), Voters)


@pytest.mark.parametrize(("models", "options", "message"), [
    ([], {}, "no models to vote"),
    (["vi-tiny", "vi-tiny"], {}, "vi-tiny votes already"),
    (["vi-tiny"], {"views": 9}, "views=9: must be 1 to 5"),
    (["vi-tiny"], {"weights": (1, 2)}, "weights 1, 2: expected one above 0 for each of the 1 models"),
    (["vi-tiny", "vi"], {"weights": (1, 0)}, "weights 1, 0: expected one above 0"),
    (["vi-tiny", "vi"], {"weights": (1, float("nan"))}, "expected one above 0"),
    (["vi-tiny", "vi"], {"weights": (1, float("inf"))}, "expected one above 0"),
    (["vi-tiny", "klingon"], {}, "bundled are"),
    (["vi-tiny", "vi"], {"decoder": "nonsense"}, "decoder 'nonsense'"),
])  # fmt: skip
def test_what_cannot_be(models, options, message):
    with pytest.raises(NetchuError, match=message):
        package.load(models, **options)


def test_the_same_file_under_another_name(tmp_path):
    path = tmp_path / "mine.onnx"
    path.write_bytes((Path(package.__file__).parent / "weights" / "vi-tiny.onnx").read_bytes())
    with pytest.raises(NetchuError, match="mine.onnx votes already"):
        package.load(["vi-tiny", str(path)])


def test_all_decode_as_the_first_model_does():
    """A name that only the first model gives to a decoder is that decoder for all of them."""
    tiny = package.load("vi-tiny")
    tiny.session.info = replace(tiny.info, decoders={"digits": {"kind": "beam", "grammar": r"[\d ]+"}})
    own = voters.Session
    try:
        voters.Session = lambda path, threads: tiny.session if Path(path).stem == "vi-tiny" else own(path)
        voting = package.load(["vi-tiny", "vi"], decoder="digits")
    finally:
        voters.Session = own
    assert all(reader.decoder.grammar is not None for reader in voting.readers)
    (line,) = voting.read_lines(PIECES[:1])
    assert line.text and set(line.text) <= set("0123456789 ") and line.note == ""


def test_a_grammar_and_a_lexicon_hold_for_the_vote(tmp_path):
    (tmp_path / "words.txt").write_text("Nội\nHà\nphố\n", encoding="utf-8")
    for decoder, good in (
        (Wish(grammar=r"[A-ZĐ]{3,9}"), lambda text: text.isalpha() and text.isupper()),
        (Wish(lexicon=str(tmp_path / "words.txt")), lambda text: set(text.split()) <= {"Nội", "Hà", "phố"}),
        (Wish("lines", lexicon=str(tmp_path / "words.txt")), lambda text: text in ("Nội", "Hà", "phố")),
    ):
        lines = package.load(["vi-tiny", "vi"], views=2, decoder=decoder).read_lines(
            [SAMPLE[:, :170], SAMPLE[:, 200:400]]
        )
        for line in lines:
            words = "".join(char if char.isalpha() else " " for char in line.text)
            assert good(words.strip()) and line.note == ""
            assert all(np.isfinite(score) for _, score in line.readings)


def test_the_command_line_reads_by_vote(scans, two, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    options = ("-m", "vi", "-m", "vi-tiny", "--views", 2, "--weights", "2,1")
    result = run("read", scans, tmp_path / "bad.png", "--json", *options)
    assert result.exit_code == 1 and "bad.png" in result.stderr
    pages = [Page.from_json(json.loads(line)) for line in result.stdout.splitlines()]
    assert [page.text for page in pages] == [line.text for line in two.read_lines(PIECES)]


def test_eval_scores_a_vote_and_names_it(scans, two):
    lines = two.read_lines(PIECES)
    rows = "".join(f"{place}.png\t{line.text or 'x'}\n" for place, line in enumerate(lines))
    (scans / "lines.tsv").write_text("image\ttext\n" + rows, encoding="utf-8")
    result = run("eval", scans, "--json", "-m", "vi", "-m", "vi-tiny", "--views", 2, "--weights", "2,1")
    found = json.loads(result.stdout)
    assert found["model"] == "vi + vi-tiny, weights 2,1, 2 views"
    assert found["ser"] == pytest.approx(1 / 4)  # the blank line, whose text is not empty
    alone = json.loads(run("eval", scans, "--json", "-m", "vi-tiny").stdout)
    assert alone["model"] == "vi-tiny"


@pytest.mark.parametrize(("options", "message"), [
    (("--weights", "two,1"), "weights 'two,1': expected numbers above 0 with commas between, one for each -m"),
    (("--weights", "1,"), "expected numbers above 0 with commas between"),
    (("--weights", "nan,1"), "expected one above 0 for each of the 2 models"),
    (("--weights", "2,1,1"), "weights 2, 1, 1: expected one above 0 for each of the 2 models"),
    (("-m", "vi"), "model vi votes already; give it a larger weight instead"),
])  # fmt: skip
def test_wrong_votes_are_one_line(scans, options, message):
    result = run("read", scans / "2.png", "-m", "vi", "-m", "vi-tiny", *options)
    assert isinstance(result.exception, NetchuError)
    assert message in str(result.exception) and "\n" not in str(result.exception)


def test_too_many_views_are_a_usage_error(scans):
    result = run("read", scans / "2.png", "--views", 9)
    assert result.exit_code == 2 and "9 is not in the range 1<=x<=5" in result.stderr


def test_weights_and_titles():
    assert parse_weights("") is None
    assert parse_weights("2,1") == parse_weights(" 2, 1.0") == (2.0, 1.0)
    assert title_of(["vi"], "", 1) == "vi"
    assert title_of(["vi", "C:\\x.onnx"], "2,1", 3) == "vi + C:\\x.onnx, weights 2,1, 3 views"
