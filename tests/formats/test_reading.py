"""What other programs write of ALTO, PAGE and hOCR is read as they mean it; what is none of them is refused."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sheets import laid_line, rectangle

from netchu.errors import NetchuError
from netchu.formats import read, write
from netchu.records import Page, Region

ALTO_2 = """<?xml version="1.0" encoding="ISO-8859-1"?>
<alto xmlns="http://www.loc.gov/standards/alto/ns-v2#"><Description><MeasurementUnit>pixel</MeasurementUnit>
<sourceImageInformation><fileName> 0001.tif </fileName></sourceImageInformation></Description>
<Layout><Page ID="P1" PHYSICAL_IMG_NR="7" HEIGHT="400" WIDTH="300.0">
<TopMargin HPOS="0" VPOS="0" WIDTH="300" HEIGHT="10"/>
<PrintSpace HPOS="0" VPOS="0" WIDTH="300" HEIGHT="400">
 <ComposedBlock ID="C" HPOS="0" VPOS="0" WIDTH="300" HEIGHT="90">
 <TextBlock ID="B1" HPOS="10" VPOS="20" WIDTH="200" HEIGHT="60">
  <TextLine ID="L1" HPOS="10" VPOS="20" WIDTH="200" HEIGHT="20" BASELINE="36.5">
   <String ID="S1" HPOS="10" VPOS="20" WIDTH="40" HEIGHT="20" CONTENT="caf\xe9" WC="0.91" CC="0000"/>
   <SP HPOS="50" VPOS="20" WIDTH="10"/>
   <String HPOS="60" VPOS="20" WIDTH="40" HEIGHT="20" CONTENT="zer"
    SUBS_TYPE="HypPart1" SUBS_CONTENT="zerlegt" WC="0.5"/>
   <HYP CONTENT="-" HPOS="100" VPOS="20" WIDTH="5"/>
  </TextLine>
  <TextLine ID="L2" HPOS="10" VPOS="50" WIDTH="200" HEIGHT="20"/>
 </TextBlock></ComposedBlock>
 <Illustration ID="I1" HPOS="10" VPOS="200" WIDTH="100" HEIGHT="50"/>
</PrintSpace></Page></Layout></alto>""".encode("latin-1")


def test_alto_2_with_margins_hyphens_and_one_height_for_a_baseline():
    (page,) = read(ALTO_2)
    assert (page.width, page.height, page.source, page.number) == (300, 400, "0001.tif", 7)
    first, second = page.lines
    assert first.text == "café zer-"
    assert [(word.text, word.confidence, word.box) for word in first.words] == [
        ("café", 0.91, (10, 20, 50, 40)),
        ("zer-", 0.5, (60, 20, 105, 40)),
    ]
    assert first.baseline == ((10, 36.5), (210, 36.5))
    assert first.polygon == rectangle(10, 20, 210, 40)
    assert first.confidence == pytest.approx(0.455)
    assert (second.text, second.confidence) == ("", 0.0)
    assert [(region.kind, region.lines) for region in page.regions] == [("paragraph", (0, 1)), ("picture", ())]


def alto_4(lines, tags="", order="", block='HPOS="1" VPOS="1" WIDTH="9" HEIGHT="9" TAGREFS="T1"'):
    return f"""<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"><Description><MeasurementUnit>pixel</MeasurementUnit>
    </Description><Tags>{tags}</Tags>{order}<Layout><Page ID="p" PHYSICAL_IMG_NR="1" WIDTH="99" HEIGHT="99"><PrintSpace>
    <TextBlock ID="b1" {block}>{lines}</TextBlock></PrintSpace></Page></Layout></alto>""".encode()


def test_alto_as_escriptorium_writes_it():
    line = """<TextLine ID="l{0}" BASELINE="1 8 9 8" HPOS="1" VPOS="1" WIDTH="9" HEIGHT="9">
    <Shape><Polygon POINTS="1 1 10 1 10 10"/></Shape>
    <String CONTENT="{0} words" HPOS="1" VPOS="1" WIDTH="9" HEIGHT="9"/></TextLine>"""
    tag = '<OtherTag ID="T1" LABEL="MarginTextZone:note" DESCRIPTION="block type"/>'
    (page,) = read(alto_4(line.format("two") + line.format("also"), tag))
    assert [(each.text, each.words, each.confidence) for each in page.lines] == [
        ("two words", (), 1.0), ("also words", (), 1.0)
    ]  # fmt: skip
    assert page.lines[0].polygon == ((1, 1), (10, 1), (10, 10))
    assert page.regions[0].kind == "margin"
    (page,) = read(alto_4(line.format("x"), block=""))
    assert page.regions == ()  # a block without a place


def test_alto_whose_reading_order_names_lines():
    line = '<TextLine ID="l{0}"><String CONTENT="{0}"/></TextLine>'
    refs = "".join(f'<ElementRef ID="r{at}" REF="l{at}"/>' for at in (2, 0, 1))
    order = f'<ReadingOrder><OrderedGroup ID="g">{refs}</OrderedGroup></ReadingOrder>'
    (page,) = read(alto_4("".join(map(line.format, range(3))), order=order))
    assert [each.text for each in page.lines] == ["2", "0", "1"]


def test_words_without_a_space_between_are_one_unless_the_file_knows_no_spaces():
    word = '<String CONTENT="{}" HPOS="{}" VPOS="1" WIDTH="9" HEIGHT="9" WC="0.5"/>'
    joined = word.format("a", 1) + word.format("b", 10)
    spaced = joined + '<SP WIDTH="2"/>' + word.format("c", 30)
    (page,) = read(alto_4(f"<TextLine>{spaced}</TextLine>"))
    assert page.lines[0].text == "ab c"
    assert page.lines[0].words[0].box == (1, 1, 19, 10)
    assert read(alto_4(f"<TextLine>{joined}</TextLine>"))[0].lines[0].text == "a b"


PAGE_2013 = """\ufeff<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2013-07-15">
<Metadata><Creator>prov=x</Creator><Created>2020-01-01T00:00:00</Created><LastChange>2020-01-01T00:00:00</LastChange>
<TranskribusMetadata docId="1" pageId="2" pageNr="3"/></Metadata>
<Page imageFilename="a &amp; b.jpg" imageWidth="800" imageHeight="600">
<ReadingOrder><OrderedGroup id="ro" caption="Regions reading order">
<RegionRefIndexed index="1" regionRef="r1"/><RegionRefIndexed index="0" regionRef="r2"/></OrderedGroup></ReadingOrder>
<TextRegion id="r1" custom="readingOrder {index:1;} structure {type:marginalia;}"><Coords points="1,1 9,1 9,9"/>
 <TextLine id="l2" custom="readingOrder {index:5;}"><Coords points="1,1 9,1 9,9"/><Baseline points="1,8 9,8"/>
  <TextEquiv><Unicode>last</Unicode></TextEquiv></TextLine>
 <TextLine id="l1" custom="readingOrder {index:2;} unclear {offset:0; length:2;}"><Coords points="1,1 9,1 9,9"/>
  <Word id="w"><Coords points="1,1 9,1 9,9"/><TextEquiv conf="0.5"><Unicode>first</Unicode></TextEquiv></Word>
 </TextLine>
 <TextEquiv><Unicode>first
last</Unicode></TextEquiv></TextRegion>
<TextRegion id="r2" type="page-number"><Coords points="1,1 9,1 9,9"/></TextRegion>
<TableRegion id="t"><Coords points="0,0 5,5 5,0"/><TableCell row="0" col="0"><Coords points="0,0 5,5 5,0"/>
 <TextLine id="c"><Coords points=""/><TextEquiv conf="0.25"><Unicode>cell</Unicode></TextEquiv></TextLine>
 </TableCell></TableRegion>
<GraphicRegion id="g"><Coords points="0,0 5,5 5,0"/></GraphicRegion>
<SeparatorRegion id="s"><Coords points="0,0 5,5 5,0"/></SeparatorRegion>
</Page></PcGts>""".replace("\n", "\r\n").encode()


def test_page_as_transkribus_writes_it():
    (page,) = read(PAGE_2013)
    assert (page.source, page.width, page.height) == ("a & b.jpg", 800, 600)
    assert [(line.text, line.confidence) for line in page.lines] == [("first", 0.5), ("last", 1.0), ("cell", 0.25)]
    assert [(region.kind, region.lines) for region in page.regions] == [
        ("page-number", ()), ("margin", (0, 1)), ("table", (2,)), ("picture", ()), ("other", ())
    ]  # fmt: skip
    assert page.lines[1].baseline == ((1, 8), (9, 8))
    assert page.lines[2].polygon == ()


@pytest.mark.parametrize("year", ["2010-03-19", "2013-07-15", "2017-07-15", "2018-07-15", "2019-07-15"])
def test_page_of_any_year(year):
    data = PAGE_2013.replace(b"2013-07-15", year.encode())
    assert read(data) == read(PAGE_2013)
    assert read(data.replace(b"<", b"<pc:").replace(b"<pc:/", b"</pc:").replace(b"<pc:?", b"<?")) == read(PAGE_2013)


TESSERACT = b"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en"><head><title></title>
<meta name='ocr-system' content='tesseract 5.3.0' /></head><body>
<div class='ocr_page' id='page_1' title='image "/tmp/my; page.png"; bbox 0 0 600 400; ppageno 0; scan_res 300 300'>
 <div class='ocr_carea' id='block_1_1' title="bbox 36 90 500 200">
  <p class='ocr_par' id='par_1_1' lang='eng' title="bbox 36 90 500 140">
   <span class='ocr_line' id='line_1_1' title="bbox 36 90 236 120; baseline 0.1 -5; x_size 30; x_descenders 6">
    <span class='ocrx_word' id='word_1_1' title='bbox 36 90 90 120; x_wconf 90'>Tom</span>
    <span class='ocrx_word' id='word_1_2' title='bbox 100 90 130 120; x_wconf 50'><strong>&amp;&nbsp;Co</strong></span>
   </span>
   <span class='ocr_header' id='line_1_2' title="bbox 36 125 236 140">
    <span class='ocrx_word' title='bbox 36 125 90 140; x_wconf 96'><span class='ocrx_cinfo'
     title='x_bboxes 36 125 60 140; x_conf 99.5'>H</span><span class='ocrx_cinfo'
     title='x_bboxes 60 125 90 140; x_conf 98'>i</span></span>
   </span></p>
  <p class='ocr_par' title="bbox 36 150 500 200">
   <span class='ocr_line' title="bbox 36 150 236 200">loose text</span></p>
 </div>
 <div class='ocr_photo' id='block_1_2' title="bbox 300 300 400 400"></div>
</div></body></html>"""


def test_hocr_as_tesseract_writes_it():
    (page,) = read(TESSERACT)
    assert (page.source, page.width, page.height, page.number) == ("/tmp/my; page.png", 600, 400, 1)
    first, second, third = page.lines
    assert (first.text, second.text, third.text) == ("Tom &\xa0Co", "Hi", "loose text")
    assert first.confidence == pytest.approx(0.45)
    assert first.baseline == ((36, 115), (236, 135))
    assert [(char.text, char.confidence) for char in second.chars] == [("H", 0.995), ("i", 0.98)]
    assert third.polygon == rectangle(36, 150, 236, 200)
    assert [(region.kind, region.lines) for region in page.regions] == [
        ("paragraph", (0, 1)), ("paragraph", (2,)), ("picture", ())
    ]  # fmt: skip


def test_hocr_that_is_no_xml():
    page = read(TESSERACT.replace(b"</span></p>", b"<br></span>").split(b"?>", 1)[1])
    assert [line.text for line in page[0].lines] == ["Tom &\xa0Co", "Hi", "loose text"]


def test_json_in_one_object_or_in_lines_or_as_a_list():
    pages = [Page(9, 9, (), "a"), Page(9, 9, (), "b", (), 2)]
    assert read(write(pages, "json").data) == pages
    assert read(json.dumps([page.to_json() for page in pages], indent=1).encode()) == pages
    assert read(b"\xef\xbb\xbf" + json.dumps(pages[0].to_json(), indent=1).encode()) == pages[:1]


BOMB = "".join(f'<!ENTITY e{k} "{f"&e{k - 1};" * 10 if k else "lol"}">' for k in range(12))
BAD = {
    "empty": (b" \n", "the file is empty"),
    "text": (b"hello", "neither XML nor JSON"),
    "picture": (b"\x89PNG\r\n\x1a\n\0\0", "neither XML nor JSON"),
    "other JSON": (b'{"a": 1}', "Page: expected an object"),
    "other XML": (b"<svg xmlns='x'/>", "XML of another kind (<svg>)"),
    "cut short": (PAGE_2013[:900], "broken XML"),
    "not in its encoding": (b'<?xml version="1.0" encoding="UTF-8"?><alto>\xff</alto>', "broken XML"),
    "unknown encoding": (b'<?xml version="1.0" encoding="klingon"?><alto/>', "klingon|unknown encoding"),
    "bomb": (f'<!DOCTYPE alto [{BOMB}]><alto a="&e11;">&e11;</alto>'.encode(), "declares a DTD"),
    "external entity": (b'<!DOCTYPE alto [<!ENTITY x SYSTEM "file:///etc/passwd">]><alto>&x;</alto>', "declares a DTD"),
    "bomb in hOCR": (f"<!DOCTYPE html [{BOMB}]><html><p>&e11;</p></html>".encode(), "declares a DTD"),
    "bomb in UTF-16": (f"\ufeff<!DOCTYPE alto [{BOMB}]><alto>&e11;</alto>".encode("utf-16-le"), "declares a DTD"),
    "other declarations": (b'<!DOCTYPE alto [<!ATTLIST alto a CDATA "x">]><alto/>', "declares a DTD"),
    "deep": (b"<alto>" + b"<a>" * 5000, "nested over"),
    "deep HTML": (b"<html>" + b"<b>" * 5000, "nested over"),
    "HTML": (b"<html><body>hi</body></html>", "without an ocr_page"),
    "hOCR without a size": (b"<html><div class='ocr_page'></div></html>", "without a bbox"),
    "hOCR without an extent": (b"<html><div class='ocr_page' title='bbox 0 0 0 0'></div></html>", "width and height"),
    "ALTO without a page": (b"<alto><Layout/></alto>", "without a Page"),
    "ALTO without a size": (b"<alto><Layout><Page/></Layout></alto>", "width and height"),
    "ALTO in mm10": (ALTO_2.replace(b"pixel", b"mm10"), "measured in mm10"),
    "PAGE without a page": (b"<PcGts/>", "without a Page"),
    "PAGE without a size": (b'<PcGts><Page imageWidth="-5" imageHeight="9"/></PcGts>', "width and height"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_none_of_them_is_refused_in_one_line(case, tmp_path):
    data, why = BAD[case]
    path = tmp_path / "a.xml"
    path.write_bytes(data)
    with pytest.raises(NetchuError, match=why.replace("(", r"\(").replace(")", r"\)")) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_missing(tmp_path):
    with pytest.raises(NetchuError, match="no such file"):
        read(tmp_path / "none.xml")


def test_a_dtd_that_is_only_named_is_never_fetched():
    """As in every hOCR file of Tesseract's; an entity of it that is not HTML's stays as it is written."""
    data = ALTO_2.replace(b"<alto ", b'<!DOCTYPE alto SYSTEM "http://127.0.0.1:9/alto.dtd"><alto ')
    assert read(data) == read(ALTO_2)


OURS = write([Page(90, 70, (laid_line(["a", "bc"], lambda: 0.5, 5, 5, 3, 9),), "a.png",
                   (Region("margin", rectangle(1, 1, 9, 9), (0,)),))], "alto").data  # fmt: skip
FILES = [OURS, ALTO_2, PAGE_2013, TESSERACT]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FILES), st.data())
def test_any_damage_makes_a_page_or_a_netchu_error(data, draw):
    for _ in range(draw.draw(st.integers(1, 3))):
        start = draw.draw(st.integers(0, len(data) - 1))
        end = min(len(data), start + draw.draw(st.integers(0, 20)))
        piece = st.binary(max_size=4) | st.sampled_from(
            [b"-1", b"1e999", b"nan", b'"', b"<", b"/>", b"&x;", b"-", b"9" * 400]
        )
        data = data[:start] + draw.draw(piece) + data[end:]
    try:
        pages = read(data)
    except NetchuError as error:
        assert "\n" not in str(error)
        return
    for page in pages:
        assert Page.from_json(json.loads(json.dumps(page.to_json(), allow_nan=False))) == page
        assert write([page], "page").data
