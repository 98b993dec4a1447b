"""Pages of other programs brought in: pictures found, places scaled, lines cut; and nothing lost without a word."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from netchu import formats
from netchu.cli.data import data
from netchu.data.formats import detect, import_lines, import_pages
from netchu.data.lines import by_reason, read_lines
from netchu.data.page_readers import fit_page, mend_lines
from netchu.data.pages import PageSample, read_pages, write_pages
from netchu.errors import NetchuError
from netchu.records import Line, Page, Region

WIDE, HIGH = 400, 300

TRANSKRIBUS = """\ufeff<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2013-07-15">
<Metadata><Creator>prov=me</Creator><Created>2020-01-01T00:00:00</Created><LastChange>2020-01-01T00:00:00</LastChange>
<TranskribusMetadata docId="1" pageId="2" pageNr="1"/></Metadata>
<Page imageFilename="C:\\Users\\me\\thư viện\\IMG_1.JPG" imageWidth="400" imageHeight="300">
<TextRegion id="r2" custom="readingOrder {index:2;}"><Coords points="10,150 390,150 390,290 10,290"/>
 <TextLine id="l3" custom="readingOrder {index:0;}"><Coords points="20,160 380.6,160 380,190.5 20,190"/>
  <Baseline points="20,185.5 200,186.25 380,185"/><TextEquiv><Unicode>dòng ba</Unicode></TextEquiv></TextLine>
 <TextLine id="l4" custom="readingOrder {index:1;}"><Coords points="20,200 380,200 380,230 20,230"/>
  <Baseline points="20,225 380,225"/></TextLine>
</TextRegion>
<TextRegion id="r1" custom="readingOrder {index:0;} structure {type:heading;}">
 <Coords points="10,10 390,10 390,140 10,140"/>
 <TextLine id="l2" custom="readingOrder {index:1;}"><Coords points="20,60 380,60 380,90 20,90"/>
  <Baseline points="20,85"/><TextEquiv><Unicode>dòng hai</Unicode></TextEquiv></TextLine>
 <TextLine id="l1" custom="readingOrder {index:0;}"><Coords points="20,30 380,30"/>
  <Baseline points="20,45 380,45"/><TextEquiv><Unicode> dòng
 một </Unicode></TextEquiv></TextLine>
 <TextLine id="l0" custom="readingOrder {index:2;}"><Coords points="0,0"/></TextLine>
 <TextRegion id="r3" custom="readingOrder {index:1;}"><Coords points="200,100 390,100 390,140 200,140"/>
  <TextLine id="l5"><Coords points="210,105 380,105 380,135 210,135"/><Baseline points="210,130 403,130"/>
   <TextEquiv><Unicode>trong</Unicode></TextEquiv></TextLine></TextRegion>
</TextRegion></Page></PcGts>
"""


def draw(path: Path, size=(WIDE, HIGH), **saving) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    grey = np.full((size[1], size[0]), 230, np.uint8)
    grey[:: size[1] // 20] = 40
    Image.fromarray(grey).save(path, **saving)
    return path


def page(name="0001.png", **changes) -> Page:
    lines = [
        Line(
            f"dòng {k}",
            1.0,
            ((20, y), (380, y), (380, y + 30), (20, y + 30)),
            (),
            baseline=((20, y + 24), (380, y + 24)),
        )
        for k, y in enumerate((20, 80, 140))
    ]
    whole = ((5, 5), (395, 5), (395, 180), (5, 180))
    region = Region("margin", whole, (0, 1, 2))
    return Page(
        **{"width": WIDE, "height": HIGH, "lines": tuple(lines), "source": name, "regions": (region,)} | changes
    )


def put(path: Path, record: Page, form: str = "page") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(formats.write([record], form).data)
    return path


def reasons(notes) -> list[str]:
    return [reason for reason, *_ in by_reason(notes)]


@pytest.fixture
def transkribus(tmp_path) -> Path:
    """An export with its ways: a byte order mark, a Windows path, a picture in the folder above, METS beside it."""
    root = tmp_path / "export"
    (root / "page").mkdir(parents=True)
    (root / "page" / "IMG_1.xml").write_bytes(TRANSKRIBUS.replace("\n", "\r\n").encode())
    (root / "mets.xml").write_text('<mets xmlns="http://www.loc.gov/METS/"/>', encoding="utf-8")
    draw(root / "img_1.jpg")
    return root


def test_a_transkribus_export_becomes_pages(transkribus, tmp_path):
    pages = import_pages(transkribus, tmp_path / "out")
    (sample,) = read_pages(tmp_path / "out").samples
    assert sample == pages.samples[0] and sample.image == tmp_path / "out" / "images" / "img_1.jpg"
    assert [line.text for line in sample.page.lines] == ["dòng một", "dòng hai", "trong", "dòng ba", ""]
    assert [region.kind for region in sample.page.regions] == ["heading", "paragraph", "paragraph"]
    assert [region.lines for region in sample.page.regions] == [(0, 1), (2,), (3, 4)]
    first, second, third, fourth, _ = sample.page.lines
    assert not first.polygon and first.baseline == ((20, 45), (380, 45))
    assert not second.baseline and len(second.polygon) == 4
    assert third.baseline == ((210, 130), (400, 130))
    assert fourth.baseline == ((20, 185.5), (200, 186.25), (380, 185))
    told = reasons(pages.changes)
    assert {
        "passed over, as it is not page", "polygon of fewer than 3 points, left out", "baseline of one point, left out",
        "points moved to the page's edge", "line with neither text nor place dropped", "white space in the text tidied",
    } == set(told)  # fmt: skip
    assert "line without a text" in reasons(pages.doubts) and not pages.rejects


def test_a_transkribus_export_becomes_lines(transkribus, tmp_path):
    lines = import_lines(transkribus, tmp_path / "out")
    assert [sample.text for sample in lines.samples] == ["dòng một", "dòng hai", "trong", "dòng ba"]
    assert lines.name(lines.samples[0]) == "lines/img_1/0001.png"
    assert reasons(lines.rejects) == ["line without a text"]
    assert "line without a text" in (tmp_path / "out" / "rejects.tsv").read_text(encoding="utf-8")
    for sample in lines.samples:
        with Image.open(sample.image) as picture:
            assert picture.width > 150 and 20 < picture.height < 80


def test_a_line_is_cut_where_it_stands(tmp_path):
    grey = np.full((HIGH, WIDE), 255, np.uint8)
    grey[85:104, 100:300] = 0  # ink in the second line alone
    Image.fromarray(grey).save(tmp_path / "0001.png")
    put(tmp_path / "0001.xml", page())
    lines = import_lines(tmp_path, tmp_path / "out")
    dark = [np.mean(np.asarray(Image.open(sample.image)) < 128) for sample in lines.samples]
    assert dark[0] == dark[2] == 0 and dark[1] > 0.15


@pytest.mark.parametrize("form", ["page", "alto", "hocr", "netchu-json"])
def test_every_format_there_and_back(form, tmp_path):
    """What is exported comes back the same, regions and order included; the sign of each format is seen."""
    draw(tmp_path / "a" / "0001.png")
    record = page()
    if form == "hocr":  # whose baselines go from edge to edge
        whole = [((20, y + 24), (380, y + 24)) for y in (20, 80, 140)]
        assert [line.baseline for line in record.lines] == whole
    write_pages(tmp_path / "a", [PageSample(tmp_path / "a" / "0001.png", record, "val", "thư")])
    run("export", tmp_path / "a", tmp_path / "b", "--format", form)
    assert detect(tmp_path / "b") == form
    pages = import_pages(tmp_path / "b", tmp_path / "c")
    assert (pages.rejects, pages.changes) == ((), ())
    assert pages.samples[0].page.lines == record.lines and pages.samples[0].page.regions == record.regions


def test_places_are_scaled_to_another_copy_of_the_picture(tmp_path):
    draw(tmp_path / "0001.png", (1201, 900))
    put(tmp_path / "0001.xml", page())
    pages = import_pages(tmp_path, tmp_path / "out")
    found = pages.samples[0].page
    assert (found.width, found.height) == (1201, 900)
    assert found.lines[0].baseline[1] == pytest.approx((380 * 1201 / 400, 132))
    assert found.regions[0].polygon[0] == pytest.approx((5 * 1201 / 400, 15))
    assert reasons(pages.changes) == ["places scaled"]


@pytest.mark.parametrize(("size", "reason"), [((400, 310), "sizes of different shapes"), ((300, 400), "turned by")])
def test_places_that_cannot_be_scaled_are_refused(size, reason, tmp_path):
    draw(tmp_path / "0001.png", size)
    put(tmp_path / "0001.xml", page())
    with pytest.raises(NetchuError, match=f"no page can be used; 1 x {reason}.*400 x 300 pixels in the file"):
        import_pages(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(NetchuError, match=reason):
        fit_page(page(), *size)


def test_pictures_are_found_by_name_beside_above_and_in_a_named_folder(tmp_path):
    source = tmp_path / "xml"
    for number, name in enumerate(["0.png", "https://a.b/x/Th%C6%B0%201.png", "full/default.jpg", "3.png"]):
        put(source / f"p{number}.xml", page())
        text = (source / f"p{number}.xml").read_text(encoding="utf-8")
        (source / f"p{number}.xml").write_text(text.replace("0001.png", name), encoding="utf-8")
    draw(source / "0.png")
    draw(tmp_path / "images" / "Thư 1.png")
    draw(source / "p2.tif")
    pages = import_pages(source, tmp_path / "out", link=True)
    assert [sample.image.name for sample in pages.samples] == ["0.png", "Thư 1.png", "p2.tif"]
    assert not (tmp_path / "out" / "images").exists()
    assert reasons(pages.changes) == ["picture taken by the file's own name"]
    assert [reject.reason for reject in pages.rejects] == [
        "picture missing: 3.png; put it beside the file, or name --images"
    ]
    draw(tmp_path / "scans" / "deep" / "3.png")
    again = import_pages(source, tmp_path / "again", images=tmp_path / "scans")
    assert len(again) == 4 and not again.rejects
    with pytest.raises(NetchuError, match="no such folder; name the one with the pictures"):
        import_pages(source, tmp_path / "never", images=tmp_path / "gone")


def test_two_files_for_a_picture_and_two_pictures_for_a_file(tmp_path):
    put(tmp_path / "s" / "0001.xml", page())
    put(tmp_path / "s" / "0002.xml", page())
    put(tmp_path / "s" / "0003.xml", page("x.png"))
    draw(tmp_path / "s" / "0001.png")
    draw(tmp_path / "s" / "a" / "x.png")
    draw(tmp_path / "s" / "b" / "x.png")
    told = [reject.reason for reject in import_pages(tmp_path / "s", tmp_path / "out").rejects]
    assert told[0] == "picture named twice: 0001.png, first in 0001.xml"
    assert told[1].startswith("several pictures may be meant: a/x.png, b/x.png; keep one")


def test_a_page_with_a_line_that_has_no_place_is_left_out_and_its_other_lines_cut(tmp_path):
    draw(tmp_path / "s" / "0001.png")
    draw(tmp_path / "s" / "0002.png")
    lost = Line("đâu", 1.0, (), ())
    far = Line("xa", 1.0, (), (), baseline=((10, 20), (900, 20)))
    placeless = formats.write([page(lines=(*page().lines, lost), regions=())], "json").data
    (tmp_path / "s" / "0001.json").write_bytes(placeless)
    (tmp_path / "s" / "0002.json").write_bytes(
        formats.write([page("0002.png", lines=(*page().lines, far), regions=())], "json").data
    )
    with pytest.raises(NetchuError, match="no page can be used"):
        import_pages(tmp_path / "s", tmp_path / "pages")
    lines = import_lines(tmp_path / "s", tmp_path / "lines")
    assert len(lines) == 6
    assert reasons(lines.rejects) == ["line without a place", "line far outside the page"]


def test_a_file_of_several_pages(tmp_path):
    records = [page(name) for name in ("0001.png", "0002.png", "0001.png")]
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "all.jsonl").write_bytes(formats.write(records, "json").data)
    for name in ("0001.png", "0002.png", "all.png"):
        draw(tmp_path / "s" / name)
    pages = import_pages(tmp_path / "s", tmp_path / "out")
    assert [sample.image.name for sample in pages.samples] == ["0001.png", "0002.png"]
    assert pages.rejects[0].where == "all.jsonl, page 3"
    assert pages.rejects[0].reason == "picture named twice: 0001.png, first in all.jsonl, page 1"


def test_broken_files_are_told_and_the_others_kept(tmp_path):
    draw(tmp_path / "s" / "0001.png")
    put(tmp_path / "s" / "0001.xml", page())
    (tmp_path / "s" / "0002.xml").write_text("<PcGts><Page", encoding="utf-8")
    pages = import_pages(tmp_path / "s", tmp_path / "out")
    assert len(pages) == 1 and pages.rejects[0].where == "0002.xml"
    assert pages.rejects[0].reason.startswith("cannot be read: line 1: broken XML")


def test_alto_and_page_side_by_side_are_told_apart(tmp_path):
    draw(tmp_path / "s" / "0001.png")
    put(tmp_path / "s" / "page" / "0001.xml", page())
    put(tmp_path / "s" / "alto" / "0001.xml", page(), "alto")
    with pytest.raises(NetchuError, match=r"more than one format: alto .*; page .*choose one with --format"):
        import_pages(tmp_path / "s", tmp_path / "out")
    pages = import_pages(tmp_path / "s", tmp_path / "out", "alto")
    assert len(pages) == 1 and [change.where for change in pages.changes] == ["page/0001.xml"]


def test_formats_of_lines_make_no_pages_and_lines_of_pages_cannot_be_linked(make, tmp_path):
    with pytest.raises(NetchuError, match="native: holds lines; pages are made of"):
        import_pages(make(("1.png", "một")), tmp_path / "out", "native")
    draw(tmp_path / "s" / "0001.png")
    put(tmp_path / "s" / "0001.xml", page())
    with pytest.raises(NetchuError, match="import it without --link"):
        import_lines(tmp_path / "s", tmp_path / "out", link=True)
    assert not (tmp_path / "out").exists()


def test_a_set_of_pages_becomes_lines_with_the_split_of_their_pages(tmp_path):
    samples = [
        PageSample(draw(tmp_path / "s" / f"{k}.png"), page(f"{k}.png", regions=()), part, "x")
        for k, part in enumerate(["train", "val", "test"])
    ]
    write_pages(tmp_path / "s", samples)
    lines = import_lines(tmp_path / "s", tmp_path / "out")
    assert [sample.split for sample in lines.samples] == ["train"] * 3 + ["val"] * 3 + ["test"] * 3
    names = ["copiste_d_un_jour__wikitexte_0258.png", "copiste_d_un_jour__wikitexte_0016_1.png"]
    bare = [PageSample(draw(tmp_path / "t" / n), page(n, regions=()), None, "copiste_d_un_jour") for n in names]
    write_pages(tmp_path / "t", bare)
    lines = import_lines(tmp_path / "t", tmp_path / "published")
    assert [sample.split for sample in lines.samples] == ["val"] * 3 + ["train"] * 3
    assert reasons(lines.changes) == ["no split in the file"]


def run(*arguments, code=0):
    result = CliRunner().invoke(data, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def test_the_verbs(tmp_path):
    draw(tmp_path / "s" / "0001.png")
    put(tmp_path / "s" / "0001.xml", page())
    put(tmp_path / "s" / "0002.xml", page("gone.png"))
    result = run("import", tmp_path / "s", tmp_path / "set", "--to", "pages")
    assert "1 pages, 3 lines, 1 pages left out" in result.stdout and "picture missing" in result.stderr
    result = run("import", tmp_path / "set", tmp_path / "lines")
    assert "3 lines, 0 left out" in result.stdout and len(read_lines(tmp_path / "lines")) == 3
    assert run("check", tmp_path / "set").stdout == "1 of 1 pages usable, with 3 lines\n"
    shown = run("stats", tmp_path / "set").stdout
    assert "lines\t3" in shown and "regions\t1" in shown
    figures = json.loads(run("stats", tmp_path / "set", "--json").stdout)
    assert figures["parts"]["all"]["lines"] == 3 and figures["characters"]["d"] == 3
    with (tmp_path / "set" / "pages.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"image": "gone.png", "width": 1, "height": 1, "lines": []}\n')
    result = run("check", tmp_path / "set", code=1)
    assert "error\tleft out: 1 x picture missing" in result.stdout and "1 of 2 pages usable" in result.stdout
    assert json.loads(run("check", tmp_path / "set", "--json", code=1).stdout)["findings"][0]["level"] == "error"
    with pytest.raises(NetchuError, match="--model judges sets of lines"):
        run("check", tmp_path / "set", "-m", "vi")
    with pytest.raises(NetchuError, match="lmdb: no such export format for pages"):
        run("export", tmp_path / "set", tmp_path / "x", "--format", "lmdb")
    assert not (tmp_path / "x").exists()


def test_a_table_keeps_the_cells_of_the_lines_that_are_kept():
    area = ((0.0, 0.0), (90.0, 0.0), (90.0, 20.0), (0.0, 20.0))
    lines = (Line("a", 1.0, area, ()), Line("", 0.0, (), ()), Line("b", 1.0, area, ()))
    table = Region("table", area, (0, 1, 2), ((0, 0), (0, 1), (1, 1)))
    page, _ = mend_lines(Page(100, 100, lines, "a.png", (table,)))
    assert page.regions[0].lines == (0, 1) and page.regions[0].cells == ((0, 0), (1, 1))
