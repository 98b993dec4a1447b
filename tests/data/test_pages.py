"""The native page data set: what is read, what is refused and why, and that nothing goes missing without a word."""

from __future__ import annotations

import json
import unicodedata

import pytest
from PIL import Image

from netchu.data.lines import by_reason
from netchu.data.pages import PageSample, read_pages, write_pages
from netchu.errors import NetchuError
from netchu.records import Line, Page, Region

SQUARE = [[10, 10], [90, 10], [90, 40], [10, 40]]
LINE = {"text": "Hà Nội", "polygon": SQUARE, "baseline": [[10, 35], [90, 35]]}


def record(image="1.png", **changes):
    data = {"image": image, "width": 100, "height": 200, "lines": [LINE]} | changes
    return {name: value for name, value in data.items() if value is not None}


@pytest.fixture
def folder(tmp_path):
    """Writes records (or raw text) as a page set whose pictures 1.png and 2.png have 100 x 200 pixels."""

    def make(*rows):
        for name in ("1.png", "2.png"):
            Image.new("L", (100, 200), 255).save(tmp_path / name)
        text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
        (tmp_path / "pages.jsonl").write_text(text, encoding="utf-8")
        return tmp_path

    return make


def why(root):
    """The reason for which the second of two pages is left out."""
    pages = read_pages(root)
    assert len(pages) == 1 and [reject.where for reject in pages.rejects] == ["pages.jsonl:2"]
    return pages.rejects[0].reason


def test_reads_everything_a_record_holds(folder):
    region = {"kind": "paragraph", "polygon": SQUARE, "lines": [0]}
    table = {"kind": "table", "polygon": SQUARE, "lines": [1], "cells": [[3, 2]]}
    both = {"lines": [LINE, LINE], "regions": [region, table]}
    root = folder(record(split="val", source="letters", **both), "", record("2.png", lines=[]))
    pages = read_pages(root)
    first, second = pages.samples
    assert first.image == root / "1.png" and (first.split, first.source) == ("val", "letters")
    outline = tuple(map(tuple, SQUARE))
    assert first.page.regions == (Region("paragraph", outline, (0,)), Region("table", outline, (1,), ((3, 2),)))
    assert first.page.lines[0] == Line("Hà Nội", 1.0, tuple(map(tuple, SQUARE)), (), baseline=((10, 35), (90, 35)))
    assert (second.split, second.source, second.page.lines) == (None, "", ())
    assert (len(pages), len(pages.part("val")), len(pages.part(None)), len(pages.part("test"))) == (2, 1, 1, 0)
    assert pages.rejects == pages.changes == () and [d.reason for d in pages.doubts] == ["page without lines"]
    with pytest.raises(NetchuError, match="no split is called 'dev'"):
        pages.part("dev")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"width": None}, "fields missing: width"),
        ({"image": "3.png"}, "picture missing: 3.png"),
        ({"image": "./1.png"}, "picture named twice: ./1.png, first in line 1"),
        ({"image": 5}, "no picture named"),
        ({"width": 200, "height": 400}, "2.png has 100 x 200 pixels, the record says 200 x 400"),
        ({"width": "100"}, "Page.width: expected a whole number over 0"),
        ({"split": "dev"}, "unknown split: 'dev'"),
        ({"lines": {}}, "lines is a list"),
        ({"lines": [LINE, 7]}, "line 2"),
        ({"lines": [{**LINE, "polygon": SQUARE[:2]}]}, "polygon of fewer than 3 points: line 1"),
        ({"lines": [{**LINE, "polygon": [[0, 0], [9, 9], [5, 5]]}]}, "polygon without area: line 1"),
        ({"lines": [{**LINE, "polygon": 5}]}, "polygon is no list of points"),
        ({"lines": [{**LINE, "polygon": [[0, 0], [9, "9"], [5, 5]]}]}, "polygon is no list of points"),
        ({"lines": [{**LINE, "polygon": [[0, 0], [9, float("nan")], [5, 5]]}]}, "polygon is no list of points"),
        ({"lines": [{**LINE, "baseline": [[10, 35]]}]}, "baseline of one point: line 1"),
        ({"lines": [{**LINE, "baseline": [[10, 35], [10, 35]]}]}, "baseline of one point: line 1"),
        ({"lines": [{"text": "x"}]}, "neither polygon nor baseline: line 1"),
        (
            {"lines": [{**LINE, "baseline": [[10, 35], [150, 35]]}]},
            "baseline far outside the page: line 1, point 150, 35",
        ),
        ({"regions": [{"kind": "paragraph", "polygon": SQUARE, "lines": [4]}]}, "Region.lines"),
    ],
)
def test_a_page_that_cannot_be_right_is_left_out_with_the_reason(folder, changes, reason):
    assert reason in why(folder(record(), record(**{"image": "2.png", **changes})))


@pytest.mark.parametrize(("row", "reason"), [("{", "not JSON"), ("[1]", "not a JSON object"), ("[" * 9999, "not JSON")])
def test_rows_that_are_no_records(folder, row, reason):
    assert reason in why(folder(record(), row))


def test_a_damaged_or_turned_picture(folder):
    root = folder(record(), record("2.png"))
    (root / "2.png").write_bytes(b"no picture")
    assert "picture cannot be opened: 2.png" in why(root)
    assert len(read_pages(root, check_pictures=False)) == 2
    exif = Image.Exif()
    exif[0x0112] = 6  # shown with width and height exchanged
    Image.new("L", (200, 100)).save(root / "2.png", exif=exif)
    assert len(read_pages(root)) == 2


def test_what_is_repaired_is_listed(folder):
    outside = {**LINE, "polygon": [[-2, 10], [103, 10], [103, 40], [10, 40]]}
    line = {**LINE, "text": unicodedata.normalize("NFD", "Huế"), "id": 4}
    pages = read_pages(folder(record(lines=[outside, line], dpi=300)))
    assert pages.samples[0].page.lines[0].polygon == ((0, 10), (100, 10), (100, 40), (10, 40))
    assert pages.samples[0].page.lines[1].text == "Huế"
    assert [change.reason for change in pages.changes] == [
        "unknown field dropped: dpi",
        "points moved to the page's edge: 3 of the polygon of line 1",
        "unknown field dropped: id of line 2",
        "text brought to Unicode form NFC: line 2",
    ]


def test_what_may_be_meant_is_kept_and_listed(folder):
    lines = [{"text": "a", "polygon": SQUARE}, {"text": " ", "baseline": LINE["baseline"]}]
    pages = read_pages(folder(record(lines=lines)))
    assert len(pages.samples[0].page.lines) == 2 and pages.changes[0].reason.startswith("white space")
    assert [kind for kind, _, _ in by_reason(pages.doubts)] == [
        "line without a baseline", "line without a text", "line without a polygon",
    ]  # fmt: skip


def test_files_that_hold_no_page(folder, tmp_path):
    with pytest.raises(NetchuError, match="holds no pages.jsonl"):
        read_pages(tmp_path)
    with pytest.raises(NetchuError, match="the file is empty"):
        read_pages(folder())
    with pytest.raises(NetchuError, match="none of 2 pages can be used; 2 x picture missing, first pages.jsonl:1"):
        read_pages(folder(record("8.png"), record("9.png")))


def test_round_trip_and_digest(folder, tmp_path):
    region = {"kind": "table", "polygon": SQUARE, "lines": [0], "cells": [[1, 0]]}
    root = folder(record(split="val", source="letters", regions=[region]), record("2.png", lines=[]))
    pages = read_pages(root)
    write_pages(root, pages.samples)
    again = read_pages(root)
    assert again.samples == pages.samples and again.digest() == pages.digest()
    write_pages(root, again.samples)
    assert read_pages(root).samples == pages.samples and "Hà" in (root / "pages.jsonl").read_text(encoding="utf-8")
    write_pages(root, again.samples[:1])
    assert read_pages(root).digest() != pages.digest()


def test_half_a_character_survives(folder):
    root = folder(record())
    (root / "pages.jsonl").write_text(json.dumps(record(lines=[{**LINE, "text": "\ud800"}])), encoding="utf-8")
    pages = read_pages(root)
    write_pages(root, pages.samples)
    assert read_pages(root).samples == pages.samples


def test_what_could_not_be_read_back_is_not_written(tmp_path):
    good = PageSample(tmp_path / "1.png", Page(100, 200, ()))
    thin = PageSample(tmp_path / "2.png", Page(100, 200, (Line("a", 1.0, ((0, 0), (5, 5)), ()),)))
    for samples, reason in (([], "no pages to write"), ([good, good], "named twice"), ([good, thin], "fewer than 3")):
        with pytest.raises(NetchuError, match=reason):
            write_pages(tmp_path, samples)
    with pytest.raises(NetchuError, match="no split is called"):
        write_pages(tmp_path, [PageSample(tmp_path / "1.png", good.page, "dev")])
    assert not (tmp_path / "pages.jsonl").exists()
