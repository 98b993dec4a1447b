"""netchu eval on sets of pages: lines found and read, what another program found, and both kinds of set at once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

import netchu.page.detect as detect
import netchu.read as reading
from netchu import formats, memory, voters
from netchu.cli import netchu
from netchu.data.page_sources import document, part_of
from netchu.data.pages import PageSample, read_pages, write_pages
from netchu.errors import NetchuError
from netchu.image import open_grey
from netchu.page.crop import cut_lines
from netchu.page.reading_scores import pages_to_score, score_set
from netchu.page.scores import score_pages
from netchu.page.trace import FoundLine
from netchu.records import Line, Page
from netchu.session import Session

SAMPLE = open_grey(reading.__file__.replace("read.py", "samples/sample.png"))
TALL = SAMPLE.shape[0]
CUTS = ((0, 170), (620, 1256), (200, 700))
WIDE, HIGH = 700, 3 * TALL + 200
KEYS = {
    "kind", "model", "finder", "found", "dataset", "split", "split_by", "pages", "true_lines", "found_lines", "ignored",
    "baseline_recall", "baseline_precision", "baseline_f", "baseline_f_ci95", "recall", "precision", "hmean", "matched",
    "exact", "cer", "cer_ci95", "cer_unordered", "cer_in_place", "normalisation", "unit", "decoder", "leak", "seconds",
    "seconds_per_page", "pages_per_second", "peak_memory_mib", "peak_memory_how", "threads", "unreadable", "missing",
    "rejected", "texts", "worst", "sources", "warnings", "notes",
}  # fmt: skip


@pytest.fixture(scope="module")
def reader():
    return reading.load("vi")


@pytest.fixture(autouse=True)
def loaded(reader, monkeypatch):
    own = reader.session.path
    monkeypatch.setattr(voters, "Session", lambda path, threads: reader.session if str(path) == own else Session(path))


def places() -> list[Line]:
    """Three lines without texts, where `sheet` draws them."""
    lines = []
    for number, (left, right) in enumerate(CUTS):
        top, edge = 40.0 + number * (TALL + 50), 30.0 + right - left
        base = top + 0.75 * TALL
        polygon = ((30.0, top), (edge, top), (edge, top + TALL), (30.0, top + TALL))
        lines.append(Line("", 0.0, polygon, (), baseline=((30.0, base), (edge, base))))
    return lines


def sheet() -> np.ndarray:
    picture = np.full((HIGH, WIDE), 255, np.uint8)
    for number, (left, right) in enumerate(CUTS):
        top = 40 + number * (TALL + 50)
        picture[top : top + TALL, 30 : 30 + right - left] = SAMPLE[:, left:right]
    return picture


@pytest.fixture(scope="module")
def truth(reader) -> Page:
    """The page with what the model reads on it: scores are right by definition, whatever the weights."""
    lines = places()
    read = reader.read_lines([cut.picture for cut in cut_lines(sheet(), lines)], boxes=False)
    assert all(line.text for line in read)
    return Page(WIDE, HIGH, tuple(replace(line, text=one.text, confidence=1.0) for line, one in zip(lines, read)))


@pytest.fixture
def finder(monkeypatch):
    """The bundled finder's place is taken by one that finds the lines of `sheet`, and on others what `.lines` says."""
    lines = [FoundLine(line.baseline, line.polygon, 1.0, float(TALL)) for line in places()]
    one = SimpleNamespace(
        info=SimpleNamespace(name="lines", data={}), digest="0" * 64, lines=lines, find_lines=lambda grey: one.lines
    )
    monkeypatch.setattr(detect, "open_finder", lambda *arguments, **options: one)
    return one


def dataset(root: Path, truth: Page, count: int = 2, split: str | None = None, source: str = "", changes=()) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    pages = {k: replace(truth, **dict(changes).get(k, {})) for k in range(count)}
    for k in pages:
        Image.fromarray(sheet()).save(root / f"doc{k}_1.png")
    write_pages(root, [PageSample(root / f"doc{k}_1.png", page, split, source) for k, page in pages.items()])
    return root


def run(*arguments) -> Result:
    return CliRunner().invoke(netchu, ["eval", *map(str, arguments)])


def scores(*arguments):
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output + repr(result.exception)
    return json.loads(result.stdout)


def fault(*arguments) -> str:
    result = run(*arguments)
    assert isinstance(result.exception, NetchuError), result.output
    assert "\n" not in str(result.exception) and result.stdout == ""
    return str(result.exception)


def test_json_holds_what_is_promised_and_a_perfect_page_is_perfect(tmp_path, truth, finder):
    found = scores(dataset(tmp_path / "trang", truth), "-j", 1)
    assert set(found) >= KEYS
    assert (found["kind"], found["model"], found["finder"], found["found"]) == ("pages", "vi", "lines", None)
    assert [found[key] for key in ("pages", "true_lines", "found_lines", "matched", "exact")] == [2, 6, 6, 6, 6]
    rates = ("baseline_f", "hmean", "cer", "cer_unordered", "cer_in_place")
    assert [found[key] for key in rates] == [1, 1, 0, 0, 0]
    assert (found["unreadable"], found["missing"], found["rejected"], found["worst"]) == (0, 0, 0, [])
    assert found["seconds_per_page"]["most"] >= found["seconds_per_page"]["median"] > 0
    assert (found["split"], found["split_by"], found["decoder"], found["unit"]) == (None, None, "text", "codepoint")
    if memory.peak():
        assert 20 < found["peak_memory_mib"] < 20_000 and found["peak_memory_how"]


def test_scores_are_those_of_score_pages(tmp_path, truth, finder):
    """A line missed, one too many, and texts that differ in case: the command adds nothing of its own."""
    wrong = tuple(replace(line, text=line.text.upper()) for line in truth.lines)
    root = dataset(tmp_path / "sai", truth, changes={1: {"lines": wrong}})
    extra = FoundLine(((30.0, 350.0), (200.0, 352.0)), ((30.0, 330.0), (200.0, 330.0), (200.0, 360.0)), 1.0, 30.0)
    finder.lines = [*finder.lines[:2], extra]
    reader = reading.load("vi")
    reader.finder = finder
    samples = read_pages(root).samples
    pages = [reader.read(sample.image, page=True, boxes=False) for sample in samples]
    for normaliser in ("nfc", "caseless-nopunct"):
        expected = score_pages([sample.page for sample in samples], pages, normaliser).to_json()
        found = scores(root, "--normaliser", normaliser)
        assert {key: found[key] for key in expected} == expected
        assert 0 < found["baseline_f"] < 1 and found["cer"] > 0


def test_pages_out_and_the_worst_first(tmp_path, truth, finder):
    wrong = tuple(replace(line, text="khác hẳn") for line in truth.lines)
    half = (*truth.lines[:2], wrong[2])
    root = dataset(tmp_path / "trang", truth, 3, source="thư", changes={1: {"lines": half}, 2: {"lines": wrong}})
    result = run(root, "-j", 1, "--out", tmp_path / "o.tsv", "--report", tmp_path / "r.html")
    assert result.exit_code == 0, result.exception
    rows = [row.split("\t") for row in (tmp_path / "o.tsv").read_text(encoding="utf-8").splitlines()]
    table = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    assert [Path(row["image"]).name for row in table] == ["doc0_1.png", "doc1_1.png", "doc2_1.png"]
    assert [row["cer"] == "0.0000" for row in table] == [True, False, False]
    assert {(row["true_lines"], row["found_lines"], row["baseline_f"], row["source"]) for row in table} == {
        ("3", "3", "1.0000", "thư")
    }
    assert all(float(row["seconds"]) > 0 for row in table)
    worst = [result.stdout.find(f"worst: doc{k}_1.png") for k in range(3)]
    assert worst[0] == -1 and 0 < worst[2] < worst[1]
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert page.count("<image ") == 2 and page.count("<polyline ") == 12 and "doc1_1.png" in page


def test_splits_of_the_file_and_by_document(tmp_path, truth, finder):
    assert scores(dataset(tmp_path / "a", truth, split="val"), "--split", "val")["split_by"] == "column"
    assert "no pages in split 'test'" in fault(tmp_path / "a", "--split", "test")
    root = dataset(tmp_path / "b", truth, 12)
    parts = [part_of("", f"doc{k}_1.png") for k in range(12)]
    assert 0 < parts.count("val") < 12 and document("", "doc3_1.png") == "doc3_"
    found = scores(root, "--split", "val")
    assert (found["pages"], found["split_by"]) == (parts.count("val"), "document")
    assert any("divided by document" in note for note in found["notes"])


def test_the_band_that_nobody_transcribed_is_not_scored(tmp_path, truth, finder):
    band = ((0.0, 0.04 * HIGH), (600.0, 0.04 * HIGH), (600.0, 0.08 * HIGH), (0.0, 0.08 * HIGH))
    finder.lines = [*finder.lines[1:], FoundLine((band[3], band[2]), band, 1.0, 20.0)]
    known = dataset(tmp_path / "known", truth, 1, source="copiste_d_un_jour", changes={0: {"lines": truth.lines[1:]}})
    pages, _ = pages_to_score(read_pages(known), None)
    result = score_set(pages, lambda sample: Page(WIDE, HIGH, tuple(
        Line("", 0.0, line.polygon, (), baseline=line.baseline) for line in finder.lines
    )), "nfc", 1)  # fmt: skip
    assert (result.scores.total.ignored, result.scores.total.found_lines) == (1, 2)
    assert result.scores.total.rates["baseline_f"] == 1 and not result.texts
    assert any("a band that nobody transcribed" in note for note in scores(known)["notes"])


def test_a_finder_trained_on_these_pages_is_told(tmp_path, truth, finder):
    root = dataset(tmp_path / "trang", truth, split="train")
    assert scores(root)["warnings"] == []
    finder.info.data = {"elsewhere": read_pages(root).digest()}
    assert "2 of these pages are of the part that the finder lines was trained on" in scores(root)["warnings"][0]
    finder.info.data = {"trang": read_pages(dataset(tmp_path / "trang", truth, split="val")).digest()}
    assert scores(root)["warnings"] == []


def test_a_picture_that_breaks_off_counts_as_a_page_without_lines(tmp_path, truth, finder):
    root = dataset(tmp_path / "trang", truth)
    broken = root / "doc1_1.png"
    Image.fromarray(sheet()).save(broken, "jpeg")
    broken.write_bytes(broken.read_bytes()[:3000])
    result = run(root)
    assert result.exit_code == 0 and "1 pictures unreadable (scored as without lines)" in result.stderr
    assert "doc1_1.png: damaged picture" in result.stderr
    found = scores(root)
    assert (found["unreadable"], found["pages"], found["found_lines"], found["baseline_recall"]) == (1, 2, 3, 0.5)
    broken.unlink()
    found = scores(root)
    assert (found["rejected"], found["pages"]) == (1, 1) and "1 pages rejected" in found["warnings"][0]


@pytest.mark.parametrize("form", ["alto", "page", "hocr", "json"])
def test_what_another_program_found(form, tmp_path, truth):
    """Perfect files score perfectly; one page missing, one too many and one in a smaller picture's pixels are told."""
    root = dataset(tmp_path / "trang", truth, 3)
    files = tmp_path / "files"
    files.mkdir()
    for k in (0, 1, 7):
        data = formats.write([replace(truth, source=f"C:\\x\\doc{k}_1.png")], form).data
        (files / f"any{k}{formats.FORMS[form].suffix}").write_bytes(data)
    found = scores(root, "--found", files)
    assert (found["model"], found["found"], found["seconds"]) == (None, str(files), None)
    assert (found["pages"], found["missing"], found["found_lines"], found["exact"]) == (3, 1, 6, 6)
    assert found["cer"] == pytest.approx(1 / 3) and found["baseline_recall"] == pytest.approx(2 / 3)
    assert "1 pages not among those found" in found["warnings"][0] and "first doc2_1.png" in found["warnings"][0]
    assert "1 pages of" in found["warnings"][1] and found["worst"][0]["image"] == "doc2_1.png"


def test_found_pages_are_scaled_or_refused_and_known_by_their_files(tmp_path, truth):
    root = dataset(tmp_path / "trang", truth, 2)
    files = tmp_path / "files"
    files.mkdir()
    half = tuple(
        replace(
            line,
            polygon=tuple((x / 2, y / 2) for x, y in line.polygon),
            baseline=tuple((x / 2, y / 2) for x, y in line.baseline),
        )
        for line in truth.lines
    )
    for name, page in (
        ("doc0_1.png.xml", Page(WIDE // 2, HIGH // 2, half, "0.tif")),
        ("doc1_1.xml", Page(WIDE, HIGH + 90, truth.lines, "")),
    ):
        (files / name).write_bytes(formats.write([page], "page").data)
    found = scores(root, "--found", files)
    assert (found["unreadable"], found["missing"], found["exact"]) == (1, 0, 3)
    assert "1 pages of a size that cannot be" in found["warnings"][0]


def test_found_in_a_set_of_pages_and_names_that_fit_twice(tmp_path, truth):
    root = dataset(tmp_path / "trang", truth)
    assert scores(root, "--found", root)["baseline_f"] == 1
    every = [replace(truth, source=f"doc{k}_1.png", number=1) for k in range(2)]
    (tmp_path / "all.json").write_bytes(formats.write(every, "json").data)
    result = run(root, "--found", tmp_path / "all.json", "--report", tmp_path / "r.html")
    assert result.exit_code == 0 and "Every page is right." in (tmp_path / "r.html").read_text(encoding="utf-8")
    files = tmp_path / "files"
    files.mkdir()
    for name in "ab":
        (files / f"{name}.xml").write_bytes(formats.write([replace(truth, source="doc0_1.png")], "page").data)
    assert "several pages for doc0_1.png: a.xml, b.xml" in fault(root, "--found", files)
    (files / "b.xml").write_bytes(formats.write([truth], "alto").data)
    assert "holds alto, page; name a folder with one of them" in fault(root, "--found", files)
    assert "holds no pages of lines" in fault(root, "--found", root / "doc0_1.png")


def test_lines_and_pages_in_one_command(tmp_path, truth, finder):
    pages = dataset(tmp_path / "trang", truth, 1)
    lines = tmp_path / "dòng"
    lines.mkdir()
    Image.fromarray(cut_lines(sheet(), places())[0].picture).save(lines / "0.png")
    (lines / "lines.tsv").write_text(f"image\ttext\n0.png\t{truth.lines[0].text}\n", encoding="utf-8")
    found = scores(lines, pages)
    assert [row["kind"] for row in found] == ["lines", "pages"] and [row["cer"] for row in found] == [0, 0]
    result = run(pages, lines)
    assert result.exit_code == 0 and "WER %" in result.stdout and "baselines F" in result.stdout
    assert "--out and --report hold sets of one kind" in fault(lines, pages, "--out", tmp_path / "o.tsv")
    assert "--finder is for pages" in fault(lines, "--finder", "x.onnx")
    assert "--found is for pages" in fault(lines, "--found", pages)
    assert "leave --model out" in fault(pages, "--found", pages, "-m", "vi")
    assert "pages are scored by code point" in fault(pages, "--unit", "grapheme")
    (lines / "pages.jsonl").write_bytes((pages / "pages.jsonl").read_bytes())
    assert "holds both pages.jsonl and lines.tsv" in fault(lines)


def test_a_finder_that_is_not_there(tmp_path, truth):
    root = dataset(tmp_path / "trang", truth, 1)
    assert "none.onnx: no such file" in fault(root, "--finder", tmp_path / "none.onnx")
