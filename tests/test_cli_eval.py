"""netchu eval: the promised keys, every line counted, and errors before the work rather than after it."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

import netchu.cli.evaluate as verb
import netchu.read as reading
from netchu import voters
from netchu.cli import netchu
from netchu.errors import NetchuError
from netchu.image import open_grey
from netchu.lm import save
from netchu.lm.sources import Source
from netchu.lm.train import Options, train
from netchu.metrics import score
from netchu.read import Reader
from netchu.session import Session

SAMPLE = open_grey(reading.__file__.replace("read.py", "samples/sample.png"))
KEYS = {"model", "dataset", "split", "lines", "cer", "wer", "ser", "cer_ci95", "normalisation", "unit", "decoder",
        "seconds", "lines_per_second"}  # fmt: skip
CUTS = [(0, 170), (620, 1256), (200, 700), (0, 640), (300, 900)]


@pytest.fixture(scope="module")
def reader():
    return reading.load("vi")


@pytest.fixture(autouse=True)
def loaded(reader, monkeypatch):
    """The verb loads its model once for the whole module."""
    own = reader.session.path
    monkeypatch.setattr(voters, "Session", lambda path, threads: reader.session if str(path) == own else Session(path))


@pytest.fixture(scope="module")
def texts(reader) -> list[str]:
    """What the model reads of the cuts: references made of these are right, whatever the weights."""
    return [line.text for line in reader.read_lines([SAMPLE[:, left:right] for left, right in CUTS])]


def dataset(root: Path, rows: list[tuple[str, ...]], columns: str = "image text") -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for (left, right), row in zip(CUTS, rows):
        Image.fromarray(SAMPLE[:, left:right]).save(root / row[0])
    lines = [columns.replace(" ", "\t"), *("\t".join(row) for row in rows)]
    (root / "lines.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


@pytest.fixture
def plain(tmp_path, texts) -> Path:
    return dataset(tmp_path / "tập", [(f"{k}.png", text) for k, text in enumerate(texts)])


@pytest.fixture
def split(tmp_path, texts) -> Path:
    parts = ["train", "val", "val", "train", "val"]
    return dataset(
        tmp_path / "chia", [(f"{k}.png", *row) for k, row in enumerate(zip(texts, parts))], "image text split"
    )


def run(*arguments) -> Result:
    return CliRunner().invoke(netchu, ["eval", *map(str, arguments)])


def scores(*arguments):
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def fault(*arguments) -> str:
    result = run(*arguments)
    assert isinstance(result.exception, NetchuError)
    assert "\n" not in str(result.exception)
    assert result.stdout == ""
    return str(result.exception)


def test_json_holds_what_is_promised(plain):
    found = scores(plain)
    assert set(found) >= KEYS
    assert found["model"] == "vi"
    assert found["dataset"] == str(plain)
    assert found["lines"] == len(CUTS)
    assert (found["cer"], found["wer"], found["ser"], found["cer_ci95"]) == (0, 0, 0, [0, 0])
    assert (found["normalisation"], found["unit"], found["decoder"]) == ("nfc", "codepoint", "text")
    assert found["lines_per_second"] > 0
    assert found["seconds"] > 0
    assert (found["unreadable"], found["rejected"]) == (0, 0)


def test_scores_are_those_of_the_metrics(tmp_path, texts):
    wrong = [texts[0], texts[1] + " thêm", texts[2].upper(), "khác hẳn", texts[4]]
    data = dataset(tmp_path / "sai", [(f"{k}.png", text) for k, text in enumerate(wrong)])
    for normaliser, unit in (("nfc", "codepoint"), ("caseless-nopunct", "grapheme")):
        found = scores(data, "--normaliser", normaliser, "--unit", unit)
        expected = score(wrong, texts, normaliser=normaliser, unit=unit).to_json()
        assert {key: found[key] for key in expected} == expected
    assert scores(data)["cer"] > scores(data, "--normaliser", "caseless-nopunct")["cer"] > 0


def test_one_set_is_an_object_several_are_a_list(plain, split):
    assert isinstance(scores(plain), dict)
    found = scores(plain, split)
    assert [row["dataset"] for row in found] == [str(plain), str(split)]
    assert all(set(row) >= KEYS for row in found)


@pytest.mark.parametrize(("part", "lines"), [("train", 2), ("val", 3), (None, 5)])
def test_a_split_is_evaluated_alone(split, part, lines):
    found = scores(split, *(["--split", part] if part else []))
    assert (found["split"], found["lines"], found["cer"]) == (part, lines, 0)


def test_a_set_without_splits_is_evaluated_whole(plain):
    found = scores(plain, "--split", "test")
    assert (found["split"], found["lines"]) == (None, len(CUTS))


def test_a_split_that_is_empty_or_unknown_is_an_error(split, plain):
    message = fault(split, "--split", "test")
    assert message.startswith(f"{split}: no lines in split 'test'")
    assert "train, val" in message
    result = run(plain, "--split", "tset")
    assert result.exit_code == 2
    assert "'train', 'val', 'test'" in result.stderr


def test_the_worst_writer_is_named(tmp_path, texts):
    rows = [(f"{k}.png", text if k else "khác hẳn", f"tay {k % 2}") for k, text in enumerate(texts)]
    found = dataset(tmp_path / "tay", rows, "image text writer")
    assert scores(found)["worst_writer"]["writer"] == "tay 0"
    assert "tay: worst writer tay 0, CER" in run(found).stdout


def test_an_unreadable_picture_counts_as_read_empty(plain, texts):
    (plain / "2.png").write_bytes(b"no picture")
    result = run(plain, "--json")
    found = json.loads(result.stdout)
    assert (found["lines"], found["unreadable"]) == (5, 1)
    assert found["ser"] == 1 / 5
    assert found["characters"]["deletions"] == len(texts[2]) == found["characters"]["edits"]
    assert str(plain / "2.png") in result.stderr
    table = run(plain)
    assert "1 pictures unreadable" in table.stderr


def test_missing_pictures_are_told(plain):
    (plain / "2.png").unlink()
    result = run(plain, "--json")
    found = json.loads(result.stdout)
    assert (found["lines"], found["rejected"]) == (4, 1)
    assert "1 rows rejected" in run(plain).stderr


@pytest.mark.parametrize("jobs", [1, 3])
def test_readings_are_written_in_the_order_of_the_set(split, texts, tmp_path, jobs, monkeypatch):
    monkeypatch.setattr(verb, "CHUNK", 2)
    out = tmp_path / "ra" / "đọc.tsv"
    result = run(split, "--out", out, "--json", "-j", jobs)
    assert json.loads(result.stdout)["cer"] == 0
    header, *rows = out.read_text(encoding="utf-8").splitlines()
    assert header == "image\treference\treading"
    assert rows == [f"{k}.png\t{text}\t{text}" for k, text in enumerate(texts)]
    assert list(out.parent.iterdir()) == [out]


def test_where_the_readings_cannot_be_written_the_scores_are_out(plain, tmp_path):
    (tmp_path / "file").write_text("mine")
    result = run(plain, "--json", "--out", tmp_path)
    assert isinstance(result.exception, NetchuError)
    assert json.loads(result.stdout)["lines"] == 5


def test_json_says_how_far_confidence_is_probability(split):
    found = scores(split)
    assert set(found["ece"]) == set(found["reliability"]) == {"char", "word", "line"}
    assert found["reliability"]["line"]["count"] == 5 and found["reliability"]["char"]["right"] == 1
    assert found["coverage"][0] | {"threshold": 0} == {"coverage": 1, "threshold": 0, "cer": 0, "best": 0, "right": 1}


def test_the_report_is_one_page_of_all_sets_and_the_same_every_time(plain, split, tmp_path, texts):
    one, two = tmp_path / "a" / "một.html", tmp_path / "hai.html"
    (split / "2.png").write_bytes(b"no picture")
    assert run(plain, split, "--report", one).exit_code == 0
    assert run(plain, split, "--report", two, "--json", "-j", 2).exit_code == 0
    assert one.read_bytes() == two.read_bytes()
    page = one.read_text("utf-8")
    for word in ("Confidence: tập", "Confidence: chia", "Coverage: tập", "1 pictures unreadable", "100.00%", "text"):
        assert word in page
    assert page.count("<svg") == 8 and page.count("<figure>") == 1


def test_sets_of_one_name_are_told_apart(tmp_path, texts):
    roots = [dataset(tmp_path / part / "tập", [("0.png", texts[0])]) for part in "ab"]
    assert run(*roots, "--report", tmp_path / "page.html").exit_code == 0
    assert all(f"Confidence: {root}<" in (tmp_path / "page.html").read_text("utf-8") for root in roots)


def test_a_report_that_cannot_be_written_takes_neither_scores_nor_readings(plain, tmp_path):
    (tmp_path / "folder").mkdir()
    result = run(plain, "--json", "--report", tmp_path / "folder", "--out", tmp_path / "out.tsv")
    assert isinstance(result.exception, NetchuError) and "cannot be written" in str(result.exception)
    assert json.loads(result.stdout)["lines"] == 5
    assert len((tmp_path / "out.tsv").read_text("utf-8").splitlines()) == 6
    result = run(plain, "--json", "--out", tmp_path / "folder", "--report", tmp_path / "page.html")
    assert isinstance(result.exception, NetchuError) and (tmp_path / "page.html").exists()
    assert "each a file" in fault(plain, "--out", tmp_path / "x", "--report", tmp_path / "x")


def test_confidences_are_those_that_the_model_calibrates(plain, reader, monkeypatch):
    monkeypatch.setattr(reader.session, "info", replace(reader.info, calibration={}))
    before = scores(plain)["reliability"]["char"]["bins"]
    tame = {"text": {"char": {"slope": 0.5, "offset": 0.0}}}
    monkeypatch.setattr(reader.session, "info", replace(reader.info, calibration=tame))
    after = scores(plain)["reliability"]["char"]["bins"]
    assert all(new["confidence"] < old["confidence"] for new, old in zip(after, before))


def test_a_default_that_saw_the_lines_gives_way_to_greedy(tmp_path):
    seen = [f"{word} hai ba bốn năm sáu bảy tám" for word in ("một", "mười", "trăm", "nghìn", "vạn")]
    save(train([Source("lines", tuple(seen))], Options(order=3)), tmp_path / "own.lm")
    (tmp_path / "own.toml").write_text('default = "own"\n[own]\nlm = "own.lm"\n', encoding="utf-8")
    model = tmp_path / "own.onnx"
    made = CliRunner().invoke(netchu, ["export", "vi-tiny", "-o", str(model), "--decoders", str(tmp_path / "own.toml")])
    assert made.exit_code == 0, made.output
    lines = dataset(tmp_path / "đã thấy", [(f"{k}.png", text) for k, text in enumerate(seen)])
    result = run(lines, "-m", model, "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert (found["decoder"], found["leak"]) == ("greedy", "")
    assert "5 of 5 lines" in result.stderr and "scored greedy" in result.stderr
    assert "5 of 5 lines" in fault(lines, "-m", model, "--decoder", "own")
    told = scores(lines, "-m", model, "--allow-leak")
    assert told["decoder"] == "own" and "5 of 5 lines" in told["leak"]


def test_an_unknown_normaliser_is_said_before_any_reading(plain, reader, monkeypatch):
    monkeypatch.setattr(Reader, "read_lines", lambda *given: pytest.fail("read before the name was checked"))
    assert "nfc" in fault(plain, "--normaliser", "nfcc")
    assert "caseless-nopunct" in fault(plain, "--normaliser", "caseless-nopunkt")


def test_bad_sets_are_one_line(tmp_path):
    assert str(tmp_path / "none") in fault(tmp_path / "none")
    assert "lines.tsv" in fault(tmp_path)
    (tmp_path / "lines.tsv").write_text("image\ttext\n")
    assert "no rows" in fault(tmp_path)


def test_a_writer_column_is_used(tmp_path, texts):
    rows = [(f"{k}.png", text if k else "sai", "AB"[k % 2]) for k, text in enumerate(texts)]
    found = scores(dataset(tmp_path / "tay", rows, "image text writer"))
    assert found["resampled"] == "writers"
    assert found["worst_writer"]["writer"] == "A"


def test_the_table_for_people_names_everything(plain, split):
    result = run(plain, split)
    assert result.exit_code == 0
    for word in ("vi", "nfc", "codepoint", "tập", "chia", "CER", "WER", "SER", "0.00"):
        assert word in result.stdout


def test_lines_that_are_exactly_right_under_the_protocol(tmp_path, texts):
    rows = [(f"{k}.png", text.upper() if k else "sai") for k, text in enumerate(texts)]
    root = dataset(tmp_path / "bien", rows)
    share = 100 * (len(texts) - 1) / len(texts)
    assert f"bien: {share:.2f} % of the lines exactly right [" in run(root, "--normaliser", "alnum36").stdout
    assert "bien: 0.00 % of the lines exactly right [0.00, 0.00]" in run(root).stdout


def test_blank_lines_are_lines(tmp_path):
    root = tmp_path / "trắng"
    root.mkdir()
    Image.fromarray(np.full((40, 200), 255, np.uint8)).save(root / "a.png")
    (root / "lines.tsv").write_text("image\ttext\na.png\tabc\n")
    found = scores(root)
    assert (found["lines"], found["cer"], found["ser"]) == (1, 1, 1)


def test_the_command_itself_ends_with_2_and_one_line(tmp_path):
    call = [sys.executable, "-m", "netchu", "eval", str(tmp_path / "không có"), "--json"]
    found = subprocess.run(call, capture_output=True)
    assert (found.returncode, found.stdout) == (2, b"")
    (line,) = found.stderr.decode("utf-8").splitlines()
    assert line.startswith(f"netchu: {tmp_path / 'không có'}")
