"""Searchable PDF: the picture as it is, and over it the text, unseen (text rendering mode 3), word by word.

Every word lies on its piece of the baseline, slanted as that is, and is stretched to its width; a space fills the gap
to the next, so that programs that search need not guess where words end.
"""

from __future__ import annotations

import io
import math
import os
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import accumulate, pairwise, zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

from netchu.errors import NetchuError
from netchu.formats.layout import bounds, outline, rectangle, words_of
from netchu.formats.markup import clean
from netchu.formats.pdf_font import ASCENT, DESCENT, WIDTH, Font, clusters
from netchu.records import Line, Page, Point

if TYPE_CHECKING:
    from netchu.formats import Picture
    from netchu.formats.pdf_picture import Matrix

_ABOVE = ASCENT / (ASCENT - DESCENT)  # the share of a letter's height that stands above the baseline
_LEAST = 0.5  # pixels: no word is narrower


class Placed(NamedTuple):
    """A word and where it starts and ends on the baseline, in pixels of the picture."""

    text: str
    start: Point
    end: Point


def write(pages: Sequence[Page], pictures: Sequence[Picture]) -> bytes:
    """Pages as one PDF. Of a file of several pictures, or of a PDF, `Page.number` tells which the page is.

    Raises NetchuError when pikepdf is missing, and when a picture cannot be opened or is not of the page's size.
    """
    try:
        import pikepdf
    except ModuleNotFoundError:
        raise NetchuError("pdf: needs pikepdf; run: pip install 'netchu[pdf]'") from None
    if not pages:
        raise NetchuError("pdf: no page to write; a PDF has one at least")
    font = Font()
    with pikepdf.new() as document, ExitStack() as opened:
        sheets = []
        sources = _Sources(opened)
        for page, picture in zip(pages, pictures):
            data, source, name = sources.open(picture, page)
            if source is None:
                sheet, matrix, shown = _add_picture(document, data, page, name)
            else:
                sheet, matrix, shown = _add_sheet(document, source, page, name)
            layer = shown + "".join(_layer(page, matrix, font)).encode("latin-1")
            content = document.make_stream(zlib.compress(layer, 9), Filter=pikepdf.Name.FlateDecode)
            if shown:
                sheet.obj.Contents = content
            else:
                sheet.contents_add(content)
            sheets.append(sheet)
        fonts = font.embed(document)
        for sheet in sheets:
            for key, value in fonts.items():
                sheet.add_resource(value, pikepdf.Name.Font, pikepdf.Name(key))
        document.docinfo["/Producer"] = "netchu"
        out = io.BytesIO()
        streams = pikepdf.ObjectStreamMode.generate
        document.save(out, compress_streams=True, object_stream_mode=streams, deterministic_id=True)
    return out.getvalue()


class _Sources:
    """The pictures' files, each opened once as long as its pages follow each other, a PDF until all is written."""

    def __init__(self, opened: ExitStack) -> None:
        self._opened = opened
        self._last: tuple[Picture, bytes, Any] | None = None

    def open(self, picture: Picture, page: Page) -> tuple[bytes, Any, str]:
        """The bytes of a picture's file, the document where it is a PDF, and what errors call it."""
        import pikepdf

        from netchu.image import printable, read_bytes

        name = printable(page.source if isinstance(picture, bytes) else os.fspath(picture)) or "picture"
        if self._last is None or (self._last[0] is not picture and self._last[0] != picture):
            data, source = picture if isinstance(picture, bytes) else read_bytes(picture), None
            if data[:1024].lstrip()[:4] == b"%PDF":
                try:
                    source = self._opened.enter_context(pikepdf.open(io.BytesIO(data)))
                except pikepdf.PasswordError:
                    raise NetchuError(f"{name}: is encrypted; remove its password first") from None
                except pikepdf.PdfError as error:
                    why = str(error).splitlines()[0]
                    raise NetchuError(f"{name}: damaged PDF ({why}); save or fetch it again") from None
            self._last = (picture, data, source)
        return self._last[1], self._last[2], name


def _add_picture(document: Any, data: bytes, page: Page, name: str) -> tuple[Any, Matrix, bytes]:
    """A new sheet, the matrix from a picture's pixels to its points, and the operators that show the picture."""
    from netchu.formats.pdf_picture import embed

    shown = embed(document, data, page.number - 1, name)
    if (shown.width, shown.height) != (page.width, page.height):
        sizes = f"{shown.width} x {shown.height} pixels, the page {page.width} x {page.height}"
        raise NetchuError(f"{name}: is {sizes}; give the picture that the page was read from")
    scale = 72 / shown.dpi
    width, height = page.width * scale, page.height * scale
    sheet = document.add_blank_page(page_size=(round(max(width, 3), 3), round(max(height, 3), 3)))
    image = sheet.add_resource(shown.object, _name("XObject"), _name("Picture"))
    a, b, c, d, e, f = shown.turn
    turned = " ".join(_number(value) for value in (a * width, b * height, c * width, d * height, e * width, f * height))
    return sheet, (scale, 0, 0, -scale, 0, height), f"q {turned} cm {image} Do Q\n".encode("ascii")


def _add_sheet(document: Any, source: Any, page: Page, name: str) -> tuple[Any, Matrix, bytes]:
    """A copy of a PDF's page, as it was, and the matrix from the pixels of its rendering to its points."""
    if page.number > len(source.pages):
        raise NetchuError(f"{name}: has {len(source.pages)} pages, not {page.number}; give the PDF that was read")
    document.pages.append(source.pages[page.number - 1])
    sheet = document.pages[-1]
    left, bottom, right, top = (float(value) for value in sheet.cropbox)
    turn = int(sheet.obj.get("/Rotate", 0)) % 360
    sheet.contents_add(document.make_stream(b"q\n"), prepend=True)
    sheet.contents_add(document.make_stream(b"\nQ\n"))
    left, right = sorted((left, right))
    bottom, top = sorted((bottom, top))
    across, down = (right - left) / page.width, (top - bottom) / page.height
    if turn in (90, 270):
        across, down = (right - left) / page.height, (top - bottom) / page.width
    matrices: dict[int, Matrix] = {
        90: (0, down, across, 0, left, bottom),
        180: (-across, 0, 0, down, right, bottom),
        270: (0, -down, -across, 0, right, top),
    }
    return sheet, matrices.get(turn, (across, 0, 0, -down, left, top)), b""


def _name(text: str) -> Any:
    from pikepdf import Name

    return Name(f"/{text}")


class _Pen:
    """Writes words as a PDF's operators, saying only what changes: a text layer is to weigh next to nothing."""

    def __init__(self, font: Font) -> None:
        self._font = font
        self._at: tuple[float, float] | None = (0.0, 0.0)  # where Td counts from; None after words that are turned
        self._state: dict[str, str] = {}

    def write(self, letters: list[str], start: Point, end: Point, size: float, spaced: int) -> Iterator[str]:
        """Letters from one point to another; `spaced` puts a space after them, or before where it is negative."""
        length = math.dist(start, end)
        across, up = ((end[0] - start[0]) / length, (end[1] - start[1]) / length) if length else (1.0, 0.0)
        one = length / len(letters)
        if spaced:
            letters = [*letters, " "] if spaced > 0 else [" ", *letters]
        if spaced < 0:
            start = start[0] - one * across, start[1] - one * up
        yield self._move(round(start[0], 1), round(start[1], 1), across, up)
        size = round(max(size, 0.1), 1)
        yield self._set("Tz", _number(float(f"{max(100 * one / (WIDTH / 1000 * size), 0.1):.3g}"), 1))
        for number, codes in self._font.encode(letters):
            yield self._set("Tf", f"/Netchu{number} {_number(size, 1)}")
            yield f"({codes})Tj\n"

    def _move(self, x: float, y: float, across: float, up: float) -> str:
        before, self._at = self._at, (x, y)
        if abs(up) > 1e-4 or across < 0:
            self._at = None
            turned = " ".join(_number(value, 4) for value in (across, up, -up, across))
            return f"{turned} {_number(x, 1)} {_number(y, 1)} Tm "
        if before is None:
            return f"1 0 0 1 {_number(x, 1)} {_number(y, 1)} Tm "
        return f"{_number(x - before[0], 1)} {_number(y - before[1], 1)} Td "

    def _set(self, operator: str, value: str) -> str:
        if self._state.get(operator) == value:
            return ""
        self._state[operator] = value
        return f"{value} {operator} "


def _layer(page: Page, matrix: Matrix, font: Font) -> Iterator[str]:
    """The operators that write a page's text, in reading order."""
    pen = _Pen(font)
    scale = math.sqrt(abs(matrix[0] * matrix[3] - matrix[1] * matrix[2]))
    yield "q BT 3 Tr\n"
    for place, line in enumerate(page.lines):
        if not outline(line):  # nobody knows where it is: a row of its own, so that at least it is found
            rows = [page.height * (place + step) / len(page.lines) for step in (0.25, 0.75)]
            line = replace(line, polygon=rectangle((0.0, rows[0], float(page.width), rows[1])), baseline=())
        words = [*place_words(line)]
        size = _size(line, words)
        for word, after in zip_longest(words, words[1:]):
            letters = clusters(clean(word.text))
            if is_rtl(word.text):
                letters.reverse()  # from left to right, as they are seen: readers put them back in order
            end = _before(word, after, size) if after else word.end
            spaced = (-1 if _goes_on_left(word, after) else 1) if after else 0
            yield from pen.write(letters, _moved(word.start, matrix), _moved(end, matrix), size * scale, spaced)
    yield "ET Q\n"


def _size(line: Line, words: Sequence[Placed]) -> float:
    """The letters' size in pixels: the line's height, but no more than makes them four times as high as wide.

    Readers look for spaces that are a seventh of that size.
    """
    letters = sum(len(clusters(word.text)) for word in words)
    wide = sum(math.dist(word.start, word.end) for word in words) / max(1, letters)
    return min(_height(line), 4 * wide) if words else 1.0


def _goes_on_left(word: Placed, after: Placed) -> bool:
    """Whether the next word stands before this one's start rather than after its end."""
    return math.dist(after.end, word.start) < math.dist(word.end, after.start)


def _before(word: Placed, after: Placed, size: float) -> Point:
    """The end of a word, moved back where readers would see no space before the next, by half the word at most."""
    length = math.dist(word.start, word.end)
    gap = math.dist(word.start, after.start) - length
    if gap < size / 5 and not _goes_on_left(word, after):
        share = max(0.5, 1 - (size / 5 - gap) / length)
        (x, y), (x2, y2) = word.start, word.end
        return x + share * (x2 - x), y + share * (y2 - y)
    return word.end


def place_words(line: Line) -> Iterator[Placed]:
    """The words of a line on its baseline, each where its box is; without boxes by their share of the letters."""
    texts = line.text.split()
    points = baseline_of(line)
    if not texts or len(points) < 2:
        return
    words = words_of(line)
    axis = 0 if abs(points[-1][0] - points[0][0]) >= abs(points[-1][1] - points[0][1]) else 1
    forward = points[-1][axis] >= points[0][axis]
    first, last = points[0][axis], points[-1][axis]
    ends = [*accumulate(len(clusters(text)) + 1 for text in texts)]
    for index, text in enumerate(texts):
        if words:
            low, high = _on_baseline(words[index].box, points, axis, _height(line))
            start, end = (low, high) if forward else (high, low)
        else:
            begun = (ends[index - 1] if index else 0) / (ends[-1] - 1)
            start, end = (first + (last - first) * at for at in (begun, (ends[index] - 1) / (ends[-1] - 1)))
            if is_rtl(line.text):
                start, end = first + last - end, first + last - start
        if abs(end - start) < _LEAST:
            end = start + (_LEAST if forward else -_LEAST)
        yield _levelled(Placed(text, _at(points, start, axis), _at(points, end, axis)), axis, _height(line))


def _levelled(word: Placed, axis: int, high: float) -> Placed:
    """A word of little slant, laid level at its middle: poppler cuts words whose letters stand at several heights.

    It then lies off the ink by a sixth of the line's height, at most and at its ends.
    """
    low, far = word.start[1 - axis], word.end[1 - axis]
    if abs(far - low) > high / 3:
        return word
    ends = ((point[axis], (low + far) / 2) for point in word[1:])
    start, end = (point if axis == 0 else point[::-1] for point in ends)
    return Placed(word.text, start, end)


def _on_baseline(box: Sequence[float], points: Sequence[Point], axis: int, high: float) -> tuple[float, float]:
    """Where a word starts and ends: as its box does, less what a slanted word's height adds to the box."""
    low, far = box[axis], box[axis + 2]
    (x, y), (x2, y2) = points[0], points[-1]
    slant = high * (y2 - y) / math.dist((x, y), (x2, y2)) if axis == 0 and x2 > x else 0.0
    before, after = (slant * (1 - _ABOVE), slant * _ABOVE) if slant > 0 else (-slant * _ABOVE, -slant * (1 - _ABOVE))
    return (low + before, far - after) if before + after < (far - low) / 2 else (low, far)


def baseline_of(line: Line) -> tuple[Point, ...]:
    """What the letters stand on, as seen from left to right where they are read from right to left.

    Where nobody looked for it, a fifth of the height above the lower edge; of a line that is taller than wide, down its
    left side, as of letters that are turned to the right.
    """
    points = line.baseline
    if len(points) < 2 or math.dist(points[0], points[-1]) == 0:
        edge = outline(line)
        if not edge:
            return ()
        left, top, right, bottom = bounds(edge)
        below = 1 - _ABOVE
        if bottom - top > 1.5 * (right - left) and len(line.text) > 1:
            return (left + below * (right - left), top), (left + below * (right - left), bottom)
        return (left, bottom - below * (bottom - top)), (right, bottom - below * (bottom - top))
    return points[::-1] if is_rtl(line.text) and points[0][0] > points[-1][0] else points


def _height(line: Line) -> float:
    """How high a line is across its baseline, in pixels: its area over its length."""
    edge = outline(line)
    if not edge:
        return 1.0
    left, top, right, bottom = bounds(edge)
    area = abs(sum(x * y2 - x2 * y for (x, y), (x2, y2) in zip(edge, (*edge[1:], edge[0])))) / 2
    points = line.baseline
    length = sum(math.dist(a, b) for a, b in pairwise(points)) or max(right - left, bottom - top)
    return max(1.0, min(area / max(length, 1.0) or min(right - left, bottom - top), bottom - top + right - left))


def is_rtl(text: str) -> bool:
    """Whether a text is read from right to left, by its first letter that tells."""
    return next((kind != "L" for kind in map(unicodedata.bidirectional, text) if kind in ("L", "R", "AL")), False)


def _at(points: Sequence[Point], value: float, axis: int) -> Point:
    """The point of a polyline at a value of one coordinate; beyond its ends, as they go on."""
    step = 1 if points[-1][axis] >= points[0][axis] else -1
    index = next((i for i in range(1, len(points) - 1) if step * points[i][axis] >= step * value), len(points) - 1)
    before, after = points[index - 1], points[index]
    wide = after[axis] - before[axis]
    if wide == 0:  # a piece that goes straight across: what it all does
        before, after = points[0], points[-1]
        wide = after[axis] - before[axis] or 1.0
    other = before[1 - axis] + (after[1 - axis] - before[1 - axis]) * (value - before[axis]) / wide
    return (value, other) if axis == 0 else (other, value)


def _moved(point: Point, matrix: Matrix) -> Point:
    a, b, c, d, e, f = matrix
    return a * point[0] + c * point[1] + e, b * point[0] + d * point[1] + f


def _number(value: float, places: int = 2) -> str:
    text = f"{value + 0.0:.{places}f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
