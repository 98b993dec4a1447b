"""Files of several pages: every page of a TIFF or a PDF as a picture, one after the other."""

from __future__ import annotations

import io
import itertools
import math
import os
import threading
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from netchu.errors import NetchuError
from netchu.image import MAX_PIXELS, Grey, Source, open_grey, printable, read_bytes

PDF = b"%PDF-"
HEAD = 1024  # bytes: a PDF may have other things before its first line, but no more than these
DPI = 300  # of a page that is drawn and not scanned
LOWEST, HIGHEST = 150, 600  # dots an inch: what a scan may say of itself
AFRESH = 20  # pages: pdfium keeps a copy of every scan that it drew until the document is closed
FULL = 0.5  # of a page's area: a picture that covers so much is a scan of it
SMALLER = 1  # the bit of a TIFF's tag NewSubfileType that says: a smaller copy of another page
NEW_SUBFILE_TYPE = 254
_PDFIUM = threading.Lock()  # pdfium is not for several threads


class Sheet(NamedTuple):
    """A page of a file: its number from 1, how many pages the file has, and its picture."""

    number: int
    total: int
    picture: Source


def sheets(source: Source, name: str = "", without: Collection[int] = ()) -> Iterator[Sheet | NetchuError]:
    """The pages of a picture file or a PDF in their order, one at a time; the error in place of one that cannot be had.

    A TIFF has a page for each of its pictures but smaller copies of others; of what moves, GIF and WebP, the first
    picture is the page. PDFs are drawn in grey, at the resolution of the scan that fills the page, 150 to 600 dots an
    inch, or else at 300; a page is never larger than MAX_PIXELS. Pages whose numbers are in `without` are passed over.
    Raises NetchuError when the file cannot be read at all, is a PDF that is encrypted, broken or without pages, or is
    one and pypdfium2 is missing.
    """
    if isinstance(source, np.ndarray | Image.Image):
        yield Sheet(1, 1, source)
        return
    name = name or (os.fspath(source) if isinstance(source, str | os.PathLike) else "")
    data = read_bytes(source) if isinstance(source, str | os.PathLike) else bytes(source)
    if PDF in data[:HEAD]:
        yield from _pdf(data, printable(name or "PDF"), without)
        return
    places, whole = _frames(data)
    if len(places) < 2:
        if 1 not in without:
            yield Sheet(1, 1, data)
    else:
        for number, place in enumerate(places, 1):
            if number in without:
                continue
            try:
                yield Sheet(number, len(places), _frame(data, place, f"{printable(name or 'TIFF')}, page {number}"))
            except NetchuError as error:
                yield error
    if not whole:
        last = max(1, len(places))
        yield NetchuError(f"{printable(name or 'TIFF')}: damaged after page {last}; save or fetch it again")


def _frames(data: bytes) -> tuple[list[int], bool]:
    """Which pictures of a TIFF are pages, and whether these are all: the file does not break off behind them.

    None for any other file, and for one that does not open: open_grey has the words for that.
    """
    places: list[int] = []
    if data[:4] not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return places, True
    try:
        picture = Image.open(io.BytesIO(data), formats=("TIFF",))
    except Exception:  # Pillow raises many kinds
        return places, True
    for place in itertools.count():
        try:
            picture.seek(place)
            kind = int(picture.tag_v2.get(NEW_SUBFILE_TYPE, 0))  # type: ignore[attr-defined]
        except EOFError:
            return places, True
        except Exception:
            return places, False
        if not kind & SMALLER:
            places.append(place)
    return places, True


def _frame(data: bytes, place: int, name: str) -> Grey:
    try:
        picture = Image.open(io.BytesIO(data), formats=("TIFF",))
        picture.seek(place)
        if picture.width * picture.height > MAX_PIXELS:
            raise NetchuError(
                f"{name}: {picture.width} x {picture.height} pixels is over the limit of {MAX_PIXELS:,}; scale it down"
            )
        picture.load()
    except NetchuError:
        raise
    except Exception as error:
        raise NetchuError(f"{name}: damaged picture ({error!s:.80}); save or fetch it again") from error
    return open_grey(picture, name)


def _pdf(data: bytes, name: str, without: Collection[int] = (), only: int = 0) -> Iterator[Sheet | NetchuError]:
    """The pages of a PDF but those `without`, or the one of the number `only`."""
    try:
        import pypdfium2
    except ModuleNotFoundError:
        raise NetchuError(f"{name}: PDFs need pypdfium2; run: pip install 'netchu[pdf]'") from None
    with _PDFIUM:
        try:
            document = pypdfium2.PdfDocument(data)
            count = len(document)
        except pypdfium2.PdfiumError as error:
            locked = "assword" in str(error)
            why = "is encrypted; save it without a password" if locked else "is broken or has no pages; fetch it again"
            raise NetchuError(f"{name}: the PDF {why}") from None
    try:
        wanted = (place for place in range(count) if place + 1 not in without and only in (0, place + 1))
        for drawn_before, place in enumerate(wanted):
            with _PDFIUM:
                if drawn_before and drawn_before % AFRESH == 0:
                    document.close()
                    document = pypdfium2.PdfDocument(data)
                drawn = _draw(document, place, f"{name}, page {place + 1}")
            yield drawn if isinstance(drawn, NetchuError) else Sheet(place + 1, count, drawn)
    finally:
        with _PDFIUM:
            document.close()


def _draw(document: Any, place: int, name: str) -> Grey | NetchuError:
    """A page of a PDF in grey."""
    from pypdfium2 import PdfiumError

    try:
        page = document[place]
        width, height = page.get_size()  # points, an inch has 72
        if not (width > 0 and height > 0):
            return NetchuError(f"{name}: the page has no area")
        scale = min(_dpi(page, width * height) / 72, math.sqrt(MAX_PIXELS / (width * height)) * 0.999)
        bitmap = page.render(scale=scale, grayscale=True)
        drawn = np.array(bitmap.to_numpy(), np.uint8)
        bitmap.close()
        page.close()
    except (PdfiumError, MemoryError, ValueError) as error:
        return NetchuError(f"{name}: cannot be drawn ({error!s:.80})")
    return drawn.reshape(drawn.shape[:2])


def _dpi(page: Any, area: float) -> float:
    """Dots an inch of the scan that fills the page, or DPI."""
    from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE

    for each in page.get_objects(filter=[FPDF_PAGEOBJ_IMAGE], max_depth=4):
        left, bottom, right, top = each.get_bounds()
        covered = (right - left) * (top - bottom)
        if covered >= FULL * area:
            columns, rows = each.get_px_size()
            return min(HIGHEST, max(LOWEST, 72 * math.sqrt(columns * rows / covered)))
    return DPI


def sheet(source: Source, number: int = 1, name: str = "") -> Source:
    """The picture of one page of a file, counted from 1 as `sheets` does; the pages before it are not opened.

    Raises NetchuError as `sheets` does, and where there is no such page.
    """
    if isinstance(source, np.ndarray | Image.Image):
        return source
    name = printable(name or (os.fspath(source) if isinstance(source, str | os.PathLike) else "picture"))
    data = read_bytes(source) if isinstance(source, str | os.PathLike) else bytes(source)
    if PDF in data[:HEAD]:
        for found in _pdf(data, name, only=number):
            if isinstance(found, NetchuError):
                raise found
            return found.picture
        raise NetchuError(f"{name}: has no page {number}")
    places, _ = _frames(data)
    if number > max(1, len(places)):
        raise NetchuError(f"{name}: has no page {number}")
    return data if len(places) < 2 else _frame(data, places[number - 1], f"{name}, page {number}")
