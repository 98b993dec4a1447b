"""Files of several pages: every page comes, in order, at the scan's own size; a bad one is told, the others come."""

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pikepdf
import pypdfium2
import pytest
from PIL import Image

import netchu
import netchu.documents as documents
from netchu.documents import sheets
from netchu.errors import NetchuError
from netchu.formats import write
from netchu.image import MAX_PIXELS, open_grey
from netchu.records import Page

SAMPLE = open_grey(Path(netchu.__file__).parent / "samples" / "sample.png")


def picture(columns: int = 300, shade: int = 0) -> Image.Image:
    found = Image.new("L", (columns, 80), 250)
    found.paste(shade, (20, 20, 120, 60))
    return found


def tiff(*pictures: Image.Image, **options: object) -> bytes:
    data = io.BytesIO()
    pictures[0].save(data, "TIFF", save_all=True, append_images=pictures[1:], **options)
    return data.getvalue()


def pdf(*sizes: tuple[float, float], **options: object) -> bytes:
    with pikepdf.new() as document:
        for size in sizes:
            document.add_blank_page(page_size=size)
        data = io.BytesIO()
        document.save(data, **options)
        return data.getvalue()


def pages(source: object, name: str = "") -> list[np.ndarray]:
    found = list(sheets(source, name))  # type: ignore[arg-type]
    assert [(sheet.number, sheet.total) for sheet in found] == [(k, len(found)) for k in range(1, len(found) + 1)]
    return [open_grey(sheet.picture) for sheet in found]


def test_a_picture_is_one_page(tmp_path):
    path = tmp_path / "thư.png"
    picture().save(path)
    for source in (path, str(path), path.read_bytes(), picture(), np.asarray(picture())):
        (found,) = pages(source)
        assert (found == np.asarray(picture())).all()


@pytest.mark.parametrize("options", [{}, {"compression": "tiff_lzw"}, {"compression": "jpeg"}])
def test_every_picture_of_a_tiff_is_a_page(options):
    drawn = [picture(300), picture(400, 90), picture(200, 30)]
    found = pages(tiff(*drawn, **options))
    assert [each.shape for each in found] == [(80, 300), (80, 400), (80, 200)]
    for one, other in zip(found, drawn):
        assert np.abs(one.astype(int) - np.asarray(other)).mean() < 3


def test_pages_of_one_bit_and_of_other_kinds():
    kinds = [picture().convert(mode) for mode in ("1", "CMYK", "RGB")]
    kinds.append(Image.fromarray(np.asarray(picture(), np.uint16) * 257))
    for found in pages(tiff(*kinds)):
        assert found.shape == (80, 300) and found[40, 60] < found[10, 10]


def directories(data: bytes) -> list[tuple[int, int]]:
    """Where each directory of a TIFF begins, and where it says which comes next."""
    found, at = [], int.from_bytes(data[4:8], "little")
    while at:
        link = at + 2 + 12 * int.from_bytes(data[at : at + 2], "little")
        found.append((at, link))
        at = int.from_bytes(data[link : link + 4], "little")
    return found


def test_smaller_copies_are_no_pages():
    data = bytearray(tiff(picture(), picture().resize((30, 8))))
    assert len(pages(bytes(data))) == 2
    _, (at, link) = directories(bytes(data))
    for entry in range(at + 2, link, 12):  # PlanarConfiguration, which nobody misses, becomes NewSubfileType
        if int.from_bytes(data[entry : entry + 2], "little") == 284:
            data[entry : entry + 12] = b"\xfe\x00\x04\x00\x01\x00\x00\x00\x01\x00\x00\x00"
    (found,) = pages(bytes(data))
    assert found.shape == (80, 300)


def test_a_damaged_page_is_told_and_the_others_come():
    data = tiff(picture(300), picture(400, 90), picture(200), compression="tiff_lzw")
    second = data.index(b"II*\0") + 4
    first = int.from_bytes(data[second : second + 4], "little")
    count = int.from_bytes(data[first : first + 2], "little")
    next_one = int.from_bytes(data[first + 2 + 12 * count :][:4], "little")
    spoilt = bytearray(data)
    for place in range(int.from_bytes(data[next_one : next_one + 2], "little")):
        at = next_one + 2 + 12 * place
        if int.from_bytes(data[at : at + 2], "little") == 273:  # StripOffsets
            spoilt[at + 8 : at + 12] = (len(data) + 99).to_bytes(4, "little")
    found = list(sheets(bytes(spoilt), "thư.tif"))
    assert [isinstance(sheet, NetchuError) for sheet in found] == [False, True, False]
    assert "thư.tif, page 2" in str(found[1]) and "\n" not in str(found[1])
    assert found[2].number == 3 and found[2].total == 3


def test_a_tiff_that_breaks_off_says_so():
    whole = tiff(picture(300), picture(400), picture(200))
    (_, _), (second, _), (third, _) = directories(whole)
    for at, pages_left in ((second, 1), (third, 2)):
        found = list(sheets(whole[: at + 4] + b"\xff" * 9, "thư.tif"))
        assert [isinstance(sheet, NetchuError) for sheet in found] == [False] * pages_left + [True]
        assert f"damaged after page {pages_left}" in str(found[-1])


def test_a_tiff_that_begins_anew_ends():
    whole = bytearray(tiff(picture(300), picture(400)))
    (first, _), (_, link) = directories(whole)
    whole[link : link + 4] = first.to_bytes(4, "little")
    assert [open_grey(sheet.picture).shape for sheet in sheets(bytes(whole))] == [(80, 300), (80, 400)]


@pytest.mark.parametrize("scale", [1, 2])
def test_a_scan_in_a_pdf_comes_at_its_own_size(scale):
    scan = Image.fromarray(SAMPLE).resize((SAMPLE.shape[1] * scale, SAMPLE.shape[0] * scale))
    data = io.BytesIO()
    scan.save(data, "PNG")
    made = write([Page(scan.width, scan.height, ())], "pdf", [data.getvalue()]).data
    (found,) = pages(made)
    assert np.abs(np.subtract(found.shape, (scan.height, scan.width))).max() <= 1
    inner = open_grey(scan)[10:-10, 10:-10].astype(int)
    assert np.abs(found[10 : 10 + inner.shape[0], 10 : 10 + inner.shape[1]] - inner).mean() < 6


def test_pages_of_a_pdf_without_a_scan_are_drawn_at_300_dots_an_inch():
    found = pages(pdf((144, 72), (72, 72)))
    assert [each.shape for each in found] == [(300, 600), (300, 300)]
    assert all((each == 255).all() for each in found)


def test_a_giant_page_is_bounded():
    (found,) = pages(pdf((14_400, 14_400)))
    assert 0.9 * MAX_PIXELS < found.size <= MAX_PIXELS


def test_pdfs_that_cannot_be_read_are_one_line(tmp_path):
    cases = {
        "encrypted": pdf((72, 72), encryption=pikepdf.Encryption(owner="a", user="b")),
        "broken": b"%PDF-1.7\nnothing of the kind",
        "no pages": pdf(),
    }
    for said, data in cases.items():
        with pytest.raises(NetchuError, match=said) as caught:
            list(sheets(data, "tờ\nkhai.pdf"))
        assert "\n" not in str(caught.value) and "khai.pdf" in str(caught.value)
    with pytest.raises(NetchuError, match="no such file"):
        list(sheets(tmp_path / "none.pdf"))


def test_pdfs_are_drawn_one_at_a_time_whatever_the_threads():
    files = [pdf(*[(72, 72 + 10 * k)] * 3) for k in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for k, found in enumerate(pool.map(pages, files)):
            assert len(found) == 3 and abs(found[0].shape[0] - 300 * (72 + 10 * k) / 72) <= 1


def test_a_long_pdf_does_not_stay_in_memory(tmp_path, monkeypatch):
    """pdfium keeps what it drew as long as a document is open; each of them draws a few pages and is closed."""
    paper = [Image.new("L", (40 + 10 * number, 30), 255) for number in range(3 * documents.AFRESH + 5)]
    paper[0].save(tmp_path / "long.pdf", save_all=True, append_images=paper[1:], resolution=300)
    drawn, draw, closed = {}, documents._draw, []
    close = pypdfium2.PdfDocument.close

    def counted(document, place, name):
        drawn.setdefault(id(document), []).append(place)
        documents_kept.append(document)  # or its id is given again
        return draw(document, place, name)

    documents_kept: list = []
    monkeypatch.setattr(documents, "_draw", counted)
    monkeypatch.setattr(pypdfium2.PdfDocument, "close", lambda self: (closed.append(id(self)), close(self)))
    pages = list(sheets(tmp_path / "long.pdf", without={2, 3}))
    wanted = [number for number in range(1, len(paper) + 1) if number not in (2, 3)]
    assert [page.number for page in pages] == wanted
    assert [round((page.picture.shape[1] - 30) / 10) for page in pages] == wanted
    assert max(map(len, drawn.values())) <= documents.AFRESH and set(drawn) == set(closed)
