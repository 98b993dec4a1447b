"""Searchable PDF, as pdfium sees it: the picture as it was, and its words where they are."""

import io
import unicodedata
from dataclasses import replace

import numpy as np
import pikepdf
import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageOps
from sheets import laid_line, rectangle

from netchu.errors import NetchuError
from netchu.formats import write
from netchu.formats.pdf import place_words
from netchu.formats.pdf_font import MOST, Font, to_unicode
from netchu.records import Line, Page, Word

WIDTH, HEIGHT = 300, 200


def drawn():
    picture = Image.new("RGB", (WIDTH, HEIGHT), "white")
    pen = ImageDraw.Draw(picture)
    pen.rectangle((20, 30, 140, 60), fill=(200, 30, 40))
    pen.rectangle((180, 120, 260, 150), fill=(20, 90, 200))
    pen.polygon([(30, 180), (60, 100), (90, 190)], fill=(0, 0, 0))
    return picture


def saved(picture, form, **how):
    buffer = io.BytesIO()
    picture.save(buffer, form, **how)
    return buffer.getvalue()


def seen(data, number=0, size=(WIDTH, HEIGHT)):
    page = pypdfium2.PdfDocument(data)[number]
    return np.asarray(page.render(scale=size[0] / page.get_width()).to_pil().convert("RGB").resize(size), int)


def page_of(*lines, size=(WIDTH, HEIGHT), number=1):
    return Page(*size, lines, "a.png", (), number)


def text_of(data, number=0):
    return pypdfium2.PdfDocument(data)[number].get_textpage().get_text_bounded().replace("\r\n", "\n")


PICTURE = drawn()
BLACK = PICTURE.convert("1", dither=0)
CLEAR = PICTURE.convert("RGBA")
CLEAR.putalpha(Image.linear_gradient("L").resize((WIDTH, HEIGHT)))
ON_WHITE = Image.alpha_composite(Image.new("RGBA", (WIDTH, HEIGHT), "white"), CLEAR)
DEEP = Image.fromarray(np.asarray(PICTURE.convert("L")).astype(np.uint16) * 257)
PICTURES = {  # file, what is seen, by how much it may differ
    "JPEG": (saved(PICTURE, "JPEG", quality=95), PICTURE, 1),
    "JPEG, grey": (saved(PICTURE.convert("L"), "JPEG", quality=95), PICTURE.convert("L"), 1),
    "JPEG, progressive": (saved(PICTURE, "JPEG", quality=95, progressive=True), PICTURE, 1),
    "JPEG, CMYK": (saved(PICTURE.convert("CMYK"), "JPEG", quality=95), PICTURE, 6),
    "PNG": (saved(PICTURE, "PNG"), PICTURE, 0),
    "PNG, grey": (saved(PICTURE.convert("L"), "PNG"), PICTURE.convert("L"), 0),
    "PNG, 1 bit": (saved(BLACK, "PNG"), BLACK, 0),
    "PNG, 4 bits": (saved(PICTURE.quantize(8), "PNG", bits=4), PICTURE.quantize(8), 0),
    "PNG, 16 bits": (saved(DEEP, "PNG"), PICTURE.convert("L"), 0),
    "PNG, transparent": (saved(CLEAR, "PNG"), ON_WHITE, 0.1),
    "PNG, a transparent colour": (saved(PICTURE.quantize(8), "PNG", transparency=255), PICTURE.quantize(8), 0),
    "TIFF, fax": (saved(BLACK, "TIFF", compression="group4"), BLACK, 0),
    "TIFF, 1 bit": (saved(BLACK, "TIFF"), BLACK, 0),
    "TIFF, LZW": (saved(PICTURE, "TIFF", compression="tiff_lzw"), PICTURE, 0),
    "TIFF, CMYK": (saved(PICTURE.convert("CMYK"), "TIFF"), PICTURE, 6),
    "WebP": (saved(PICTURE, "WEBP", lossless=True), PICTURE, 0),
    "BMP": (saved(PICTURE, "BMP"), PICTURE, 0),
    "GIF": (saved(PICTURE.quantize(8), "GIF"), PICTURE.quantize(8), 0),
}


@pytest.mark.parametrize("kind", PICTURES)
def test_a_picture_looks_as_it_did_and_a_jpeg_is_in_it_byte_for_byte(kind):
    data, shown, differ = PICTURES[kind]
    written = write([page_of()], "pdf", [data]).data
    assert np.abs(seen(written) - np.asarray(shown.convert("RGB"), int)).mean() <= differ
    if kind.startswith("JPEG"):
        assert data in written
    assert len(written) < len(data) + 2500


@pytest.mark.parametrize("turn", range(1, 9))
def test_exif_turns_the_picture_but_not_its_data(turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    for data in (saved(PICTURE, "JPEG", quality=95, exif=exif), saved(PICTURE, "TIFF", tiffinfo={0x0112: turn})):
        upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
        written = write([page_of(size=upright.size)], "pdf", [data]).data
        assert np.abs(seen(written, 0, upright.size) - np.asarray(upright, int)).mean() < 1


def words_at(data, line_words, size):
    """Where pdfium finds each word: its box in pixels of the picture."""
    page = pypdfium2.PdfDocument(data)[0]
    scale = size[0] / page.get_width()
    text = page.get_textpage()
    found = []
    for word in line_words:
        index, count = text.search(word).get_next()
        boxes = [text.get_charbox(place, loose=True) for place in range(index, index + count)]
        left, low = min(box[0] for box in boxes), min(box[1] for box in boxes)
        right, high = max(box[2] for box in boxes), max(box[3] for box in boxes)
        found.append((left * scale, size[1] - high * scale, right * scale, size[1] - low * scale))
    return found


def test_words_lie_where_they_are():
    line = laid_line(["Tom", "and", "Jerry"], lambda: 1.0, 20.0, 50.0, 12.0, 30.0)
    moved = [replace(word, box=(word.box[0], 50.0, word.box[2] + 4 * at, 80.0)) for at, word in enumerate(line.words)]
    line = replace(line, words=tuple(moved), chars=(), polygon=rectangle(18, 50, 270, 80))
    written = write([page_of(line)], "pdf", [saved(PICTURE, "PNG")]).data
    assert text_of(written).split() == ["Tom", "and", "Jerry"]
    for box, word in zip(words_at(written, ["Tom", "and", "Jerry"], (WIDTH, HEIGHT)), moved):
        assert box == pytest.approx(word.box, abs=1.5)


@pytest.mark.parametrize("rise", [-60, -20, -8, 8, 20, 60])
def test_words_follow_a_slanted_baseline(rise):
    low = 150.0 if rise < 0 else 60.0
    base = ((20.0, low), (280.0, low + rise))
    edge = ((20, low - 24), (280, low + rise - 24), (280, low + rise + 6), (20, low + 6))
    texts = ["one", "twenty", "three", "forty"]
    line = Line(" ".join(texts), 1.0, edge, (), baseline=base)
    written = write([page_of(line)], "pdf", [saved(PICTURE, "PNG")]).data
    assert text_of(written).split() == texts
    boxes = words_at(written, texts, (WIDTH, HEIGHT))
    for (left, top, right, bottom), before in zip(boxes, [(0, 0, 20, 0), *boxes]):
        assert left > before[2] - 8
        on_line = low + rise * ((left + right) / 2 - 20) / 260
        assert top + 10 < on_line < bottom
        assert (top + bottom) / 2 == pytest.approx(on_line - 9, abs=4)


TEXTS = ["Tiếng Việt đã được ghi nhớ", "東京都千代田区", "𠀀𠮷 𝔘𝔫𝔦 😀", "e\u0301 x\u0323\u0302", "fi ſt", "हिन्दी",
         "ไทย", "שלום עולם", "مرحبا بالعالم", "<&>\\()[]\r"]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_any_script_can_be_had_back(text):
    line = Line(text, 1.0, rectangle(10, 20, 290, 50), ())
    found = text_of(write([page_of(line)], "pdf", [saved(PICTURE, "PNG")]).data)
    assert unicodedata.normalize("NFC", found).split() == unicodedata.normalize("NFC", text).split()


def test_words_from_right_to_left_begin_at_the_right():
    words = (Word("שלום", 1.0, (160, 20, 290, 50)), Word("עולם", 1.0, (10, 20, 140, 50)))
    line = Line("שלום עולם", 1.0, rectangle(10, 20, 290, 50), (), words, baseline=((290.0, 44.0), (10.0, 44.0)))
    written = write([page_of(line)], "pdf", [saved(PICTURE, "PNG")]).data
    assert text_of(written) == "שלום עולם"
    boxes = words_at(written, ["שלום", "עולם"], (WIDTH, HEIGHT))
    assert [box[0::2] for box in boxes] == [pytest.approx((160, 290), abs=2), pytest.approx((10, 140), abs=2)]


@pytest.mark.parametrize("base", [(), ((26.0, 10.0), (26.0, 190.0))])
def test_a_line_that_runs_down_is_read_down(base):
    line = Line("東京都 千代田区", 1.0, rectangle(20, 10, 50, 190), (), baseline=base)
    written = write([page_of(line)], "pdf", [saved(PICTURE, "PNG")]).data
    assert text_of(written).split() == ["東京都", "千代田区"]
    first, second = words_at(written, ["東京都", "千代田区"], (WIDTH, HEIGHT))
    assert first[3] < second[1] + 5
    assert (first[0], first[2]) == pytest.approx((20, 50), abs=3)


def test_a_line_without_a_place_is_found_all_the_same():
    written = write([page_of(Line("somewhere", 1.0, (), ()))], "pdf", [saved(PICTURE, "PNG")]).data
    assert text_of(written) == "somewhere"


def test_the_text_leaves_no_mark():
    line = Line("seen by nobody", 1.0, rectangle(10, 20, 290, 150), ())
    written = write([page_of(line)], "pdf", [saved(PICTURE, "PNG")]).data
    assert np.array_equal(seen(written), np.asarray(PICTURE, int))
    with pikepdf.open(io.BytesIO(written)) as document:
        parts = pikepdf.parse_content_stream(document.pages[0])
    modes = [[int(value) for value in operands] for operands, operator in parts if str(operator) == "Tr"]
    assert modes == [[3]]  # neither filled nor stroked


def test_a_word_of_little_slant_is_level_and_a_steep_one_turned():
    edge = rectangle(0, 0, 200, 40)
    (level,) = place_words(Line("word", 1.0, edge, (), baseline=((0.0, 30.0), (200.0, 40.0))))
    assert (level.start, level.end) == ((0.0, 35.0), (200.0, 35.0))
    (steep,) = place_words(Line("word", 1.0, edge, (), baseline=((0.0, 30.0), (200.0, 60.0))))
    assert (steep.start, steep.end) == ((0.0, 30.0), (200.0, 60.0))


def test_words_that_touch_are_kept_apart():
    words = (Word("left", 1.0, (10, 20, 100, 50)), Word("right", 1.0, (100, 20, 200, 50)))
    line = Line("left right", 1.0, rectangle(10, 20, 200, 50), (), words)
    written = write([page_of(line)], "pdf", [saved(PICTURE, "PNG")]).data
    left, right = words_at(written, ["left", "right"], (WIDTH, HEIGHT))
    assert right[0] - left[2] > 30 / 7  # what readers take for a space


def test_codes_that_are_marks_of_a_string_are_escaped():
    letters = [chr(0x4E00 + k) for k in range(300)]
    some = [Line("".join(letters[k : k + 30]), 1.0, rectangle(5, 5 + k / 2, 295, 18 + k / 2), ())
            for k in range(0, 300, 30)]  # fmt: skip
    written = write([page_of(*some)], "pdf", [saved(PICTURE, "PNG")]).data
    assert "".join(text_of(written).split()) == "".join(letters)


def test_pages_of_one_file_by_their_number():
    flipped = ImageOps.flip(PICTURE)
    data = saved(PICTURE, "TIFF", save_all=True, append_images=[flipped])
    some = [page_of(Line(f"page {k}", 1.0, rectangle(9, 9, 90, 30), ()), number=k) for k in (1, 2)]
    written = write(some, "pdf", [data, data]).data
    assert [text_of(written, k) for k in (0, 1)] == ["page 1", "page 2"]
    assert np.array_equal(seen(written, 1), np.asarray(flipped, int))


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_pdf_gets_its_text_on_the_pages_that_it_has(turn):
    with pikepdf.open(io.BytesIO(write([page_of()] * 2, "pdf", [saved(PICTURE, "PNG")] * 2).data)) as source:
        for page in source.pages:
            page.obj["/Rotate"] = turn
        source.pages[1].obj["/CropBox"] = [10, 6, 82, 66]
        buffer = io.BytesIO()
        source.save(buffer)
    size = (HEIGHT, WIDTH) if turn % 180 else (WIDTH, HEIGHT)
    line = Line("hello world", 1.0, rectangle(10, 20, 190, 50), ())
    some = [page_of(line, size=size), page_of(line, size=size, number=2)]
    written = write(some, "pdf", [buffer.getvalue()] * 2).data
    assert np.array_equal(seen(written, 1), seen(buffer.getvalue(), 1))
    for number in (0, 1):
        assert text_of(written, number) == "hello world"
    page = pypdfium2.PdfDocument(written)[0]
    text = page.get_textpage()
    box = text.get_charbox(0, loose=True)
    high = HEIGHT * 72 / 200, WIDTH * 72 / 200
    corner = {0: (box[0], high[0] - box[3]), 90: (box[1], box[0]), 180: (high[1] - box[2], box[1]),
              270: (high[0] - box[3], high[1] - box[2])}[turn]  # fmt: skip
    assert [value * 200 / 72 for value in corner] == pytest.approx([10, 20], abs=2)


def test_a_text_layer_weighs_little():
    line = laid_line(["handwriting", "of", "many", "words"] * 2, lambda: 1.0, 20.0, 20.0, 12.0, 30.0)
    data = saved(Image.effect_noise((1200, 1700), 60), "JPEG", quality=60)
    some = [replace(line, polygon=tuple((x, y + 50 * k) for x, y in line.polygon),
                    words=tuple(replace(w, box=(w.box[0], w.box[1] + 50 * k, w.box[2], w.box[3] + 50 * k))
                                for w in line.words)) for k in range(30)]  # fmt: skip
    written = write([page_of(*some, size=(1200, 1700))], "pdf", [data]).data
    assert len(written) < 1.05 * len(data)
    assert len(text_of(written).split()) == 240


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=12), st.lists(st.tuples(st.floats(-50, 400), st.floats(-50, 400)), max_size=4).map(tuple),
       st.lists(st.tuples(st.floats(-50, 400), st.floats(-50, 400)), max_size=3).map(tuple))  # fmt: skip
def test_any_line_makes_a_file_that_opens(text, edge, base):
    written = write([page_of(Line(text, 1.0, edge, (), baseline=base))], "pdf", [saved(BLACK, "PNG")]).data
    text_of(written)
    with pikepdf.open(io.BytesIO(written)) as document:
        assert len(document.pages) == 1


def test_more_letters_than_a_font_has_codes():
    font = Font()
    letters = [chr(0x20000 + k) for k in range(MOST)] + ["é"]
    assert [number for number, _ in font.encode(letters)] == [0, 1]
    assert b"1 beginbfchar\n<0001> <00E9>\nendbfchar" in to_unicode(["é"])


def damaged(data):
    return data[: len(data) // 2]


BAD = {
    "no picture": (b"hello", "not a picture"),
    "damaged": (damaged(saved(PICTURE, "PNG")), "damaged picture"),
    "another size": (saved(PICTURE.resize((20, 20)), "PNG"), "20 x 20 pixels, the page 300 x 200"),
    "damaged PDF": (b"%PDF-1.4\nnothing", "damaged PDF"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_picture_is_an_error_of_one_line(case):
    data, why = BAD[case]
    with pytest.raises(NetchuError, match=why) as caught:
        write([page_of()], "pdf", [data])
    assert str(caught.value).startswith("a.png: ")
    assert "\n" not in str(caught.value)


def test_a_missing_picture_a_missing_page_and_a_password(tmp_path):
    with pytest.raises(NetchuError, match="no such file"):
        write([page_of()], "pdf", [tmp_path / "none.png"])
    with pytest.raises(NetchuError, match="needs the picture of each page: 1, not 0"):
        write([page_of()], "pdf")
    whole = write([page_of()], "pdf", [saved(PICTURE, "PNG")]).data
    two = saved(PICTURE, "TIFF", save_all=True, append_images=[PICTURE])
    for file, count in ((whole, 1), (two, 2)):
        with pytest.raises(NetchuError, match=f"has {count} pages, not 3"):
            write([page_of(number=3)], "pdf", [file])
    with pytest.raises(NetchuError, match="no page to write"):
        write([], "pdf", [])
    with pikepdf.open(io.BytesIO(whole)) as document:
        document.save(tmp_path / "locked.pdf", encryption=pikepdf.Encryption(user="a", owner="b"))
    with pytest.raises(NetchuError, match="encrypted"):
        write([page_of()], "pdf", [tmp_path / "locked.pdf"])
