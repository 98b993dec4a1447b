"""hOCR 1.2 (https://kba.github.io/hocr-spec/1.2/): what Tesseract writes of it, which is what OCRmyPDF and others read.

Beyond that subset a polygon is in `poly`, a kind of region in `x_kind`, a line's confidence in its `x_wconf`.
"""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from html import escape

from netchu.errors import NetchuError
from netchu.formats.kinds import kind_of
from netchu.formats.layout import (
    Found,
    assemble,
    base_name,
    blocks,
    bounds,
    chars_by_word,
    corners,
    in_pixels,
    numbers,
    outline,
    page_size,
    points_of,
    rectangle,
    region_outline,
    share,
    spaced_words,
    told,
    with_spaces,
)
from netchu.formats.markup import classes, clean
from netchu.records import Box, Char, Line, Page, Point, Word

_BLOCKS = ("ocr_carea", "ocrx_block", "ocr_photo", "ocr_image", "ocr_linedrawing", "ocr_separator", "ocr_table",
           "ocr_pageno", "ocr_float")  # fmt: skip
_LINES = ("ocr_line", "ocrx_line", "ocr_header", "ocr_footer", "ocr_caption", "ocr_textfloat")
_ONE_SPACE = re.compile(r"[ \t\r\n\f]+")  # HTML's white space; other spaces are letters to it
_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml">
 <head>
  <title>{title}</title>
  <meta http-equiv="Content-Type" content="text/html;charset=utf-8"/>
  <meta name="ocr-system" content="netchu {version}"/>
  <meta name="ocr-capabilities" content="ocr_page ocr_carea ocr_par ocr_line ocrx_word ocrx_cinfo"/>
 </head>
 <body>
"""


def write(pages: Sequence[Page]) -> bytes:
    """Pages as one hOCR file."""
    from netchu import __version__

    title = escape(clean(base_name(pages[0].source))) if pages else ""
    rows = [_HEAD.format(title=title, version=__version__)]
    for index, page in enumerate(pages, 1):
        rows += _write_page(page, index)
    return "".join([*rows, " </body>\n</html>\n"]).encode()


def _write_page(page: Page, index: int) -> Iterator[str]:
    image = clean(base_name(page.source)).replace("\\", "\\\\").replace('"', '\\"')
    about = f'image "{image}"; bbox 0 0 {page.width} {page.height}; ppageno {page.number - 1}'
    yield f'  <div class="ocr_page" id="page_{index}" title="{escape(about)}">\n'
    for place, part in enumerate(blocks(page), 1):
        key = f"{index}_{place}"
        edge = region_outline(part, page)
        kind = f"; x_kind {part.region.kind}" if part.region else "; x_kind none"
        yield f'   <div class="ocr_carea" id="block_{key}" title="{_where(edge, page)}{kind}">\n'
        if part.lines:
            box = rectangle(bounds(edge)) if edge else ()
            yield f'    <p class="ocr_par" id="par_{key}" title="{_where(box, page)}">\n'
            for line in part.lines:
                yield from _write_line(page, line, f"{index}_{line + 1}")
            yield "    </p>\n"
        yield "   </div>\n"
    yield "  </div>\n"


def _write_line(page: Page, place: int, key: str) -> Iterator[str]:
    line = page.lines[place]
    edge = outline(line)
    box = corners(bounds(edge), page) if edge else (0, 0, 0, 0)
    where, _, shape = _where(edge, page).partition("; ")
    size = f"x_size {box[3] - box[1]}"
    about = [where, _baseline(line, box, page), size, f"x_wconf {_percent(line.confidence)}", shape]
    yield f'     <span class="ocr_line" id="line_{key}" title="{"; ".join(filter(None, about))}">'
    words, letters = spaced_words(line), chars_by_word(line)
    if not words and line.text:
        words, letters = (Word(line.text, line.confidence, tuple(map(float, box))),), []  # type: ignore[arg-type]
    for index, word in enumerate(words):
        yield " " if index else ""
        yield f'<span class="ocrx_word" id="word_{key}_{index + 1}" title="{_where(rectangle(word.box), page)}; '
        yield f'x_wconf {_percent(word.confidence)}">'
        if letters:
            yield from (_write_char(char, page) for char in letters[index])
        else:
            yield escape(clean(word.text))
        yield "</span>"
    yield "</span>\n"


def _write_char(char: Char, page: Page) -> str:
    left, top, right, bottom = corners(char.box, page)
    about = f"x_bboxes {left} {top} {right} {bottom}; x_conf {told(100 * char.confidence)}"
    return f'<span class="ocrx_cinfo" title="{about}">{escape(clean(char.text))}</span>'


def _where(points: Sequence[Point], page: Page) -> str:
    """bbox, and poly where the outline is not that box."""
    if not points:
        return "bbox 0 0 0 0"
    whole = in_pixels(points, page)
    box = bounds(whole)
    about = f"bbox {' '.join(told(value) for value in box)}"
    if whole == rectangle(box):
        return about
    return f"{about}; poly {' '.join(f'{x} {y}' for x, y in whole)}"


def _baseline(line: Line, box: Sequence[int], page: Page) -> str:
    """Slope and offset from the lower left corner of the box, of the straight line through both ends of the baseline.

    A line that runs down the page has no such slope.
    """
    points = in_pixels(line.baseline, page)
    if len(points) < 2:
        return ""
    (left, start), (right, end) = sorted((points[0], points[-1]))
    if right == left or abs(end - start) > abs(right - left):
        return ""
    slope = (end - start) / (right - left)
    low, high = (math.floor(start + slope * (edge - left) + 0.5) for edge in (box[0], box[2]))
    slope = (high - low) / max(1, box[2] - box[0])  # from whole pixel to whole pixel, so that it stays when read
    return f"baseline {f'{slope:.6f}'.rstrip('0').rstrip('.')} {low - box[3]}"


def _percent(confidence: float) -> int:
    return math.floor(100 * confidence + 0.5)


def read(root: ET.Element, name: str) -> list[Page]:
    """The pages of an hOCR file. Raises NetchuError when it has none, or one without a bbox."""
    found = [node for node in root.iter() if "ocr_page" in classes(node)]
    if not found:
        raise NetchuError(f"{name}: HTML without an ocr_page; expected hOCR")
    return [_read_page(node, index, name) for index, node in enumerate(found, 1)]


def _read_page(node: ET.Element, index: int, name: str) -> Page:
    about = _properties(node)
    values = numbers(about.get("bbox"))
    if len(values) < 4:
        raise NetchuError(f"{name}: page {index} without a bbox; write the picture's size into it")
    width, height = page_size(str(values[2] - values[0]), str(values[3] - values[1]), name)
    image = re.match(r'"((?:[^"\\]|\\.)*)"|(.*)', about.get("image", ""))
    source = (re.sub(r'\\(["\\])', r"\1", image[1]) if image[1] is not None else image[2].strip()) if image else ""
    number = numbers(about.get("ppageno"))
    parts = [part for block in _blocks(node) for part in _read_block(block)]
    return assemble(width, height, source, int(number[0]) + 1 if number and number[0] >= 0 else index, parts)


def _blocks(node: ET.Element) -> Iterator[ET.Element]:
    """Blocks, paragraphs and lines that stand in nothing smaller than the page, in order."""
    for child in node:
        if {*_BLOCKS, *_LINES, "ocr_par"} & {*classes(child)}:
            yield child
        else:
            yield from _blocks(child)


def _read_block(node: ET.Element) -> list[Found]:
    """A block as a region, or its paragraphs as regions where it has several; lines without a block in none."""
    about, names = _properties(node), classes(node)
    lines = [child for child in node.iter() if {*_LINES} & {*classes(child)}]
    paragraphs = [child for child in node.iter() if "ocr_par" in classes(child)]
    inside = {id(line) for child in paragraphs for line in child.iter()}
    whole = len(paragraphs) < 2 or any(id(line) not in inside for line in lines)
    kind = about.get("x_kind") or next((name for name in names if kind_of(name) != "other"), None)
    if {*_LINES} & {*names} or kind == "none":
        return [Found(None, (), tuple(("", _read_line(line)) for line in lines))]
    parts = [(node, lines)] if whole else [(child, [line for line in child.iter() if {*_LINES} & {*classes(line)}])
                                           for child in paragraphs]  # fmt: skip
    return [
        Found(kind_of(kind), _outline(_properties(part)), tuple(("", _read_line(line)) for line in rows))
        for part, rows in parts
    ]


def _read_line(node: ET.Element) -> Line:
    about = _properties(node)
    polygon = _outline(about)
    words, letters = [], []
    for child in node.iter():
        text = _text(child)
        if "ocrx_word" in classes(child) and text:
            word = _properties(child)
            box = _box(word) or (0.0, 0.0, 0.0, 0.0)
            words.append(Word(text, share(str(_hundredth(word.get("x_wconf")))), box))
            letters.append([*_chars(child, box)])
    text = " ".join(word.text for word in words) if words else _text(node)
    whole = len(words) == 1 and not letters[0] and bool(polygon) and words[0].box == bounds(polygon)
    whole = whole or text.split() != [word.text for word in words] or not all(any(word.box) for word in words)
    sure = _hundredth(about["x_wconf"]) if "x_wconf" in about else math.prod(word.confidence for word in words)
    chars = () if whole else with_spaces(letters)
    baseline = _read_baseline(numbers(about.get("baseline")), polygon)
    return Line(text, sure if text else 0.0, polygon, chars, () if whole else tuple(words), baseline=baseline)


def _chars(word: ET.Element, box: Box) -> list[Char]:
    """The letters of a word; none unless they are the word."""
    found = []
    for node in word.iter():
        if "ocrx_cinfo" in classes(node):
            about = _properties(node)
            values = numbers(about.get("x_bboxes"))
            place = (values[0], values[1], values[2], values[3]) if len(values) > 3 else box
            found.append(Char(_text(node), _hundredth(about.get("x_conf")), place))
    return found if "".join(char.text for char in found) == _text(word) else []


def _properties(node: ET.Element) -> dict[str, str]:
    """What a title tells: name and values, parted by semicolons that are not in quotes."""
    parts = re.findall(r'(?:[^;"]|"(?:[^"\\]|\\.)*")+', node.get("title", ""))
    pairs = [part.strip().partition(" ") for part in parts]
    return {name: value.strip() for name, _, value in pairs}


def _text(node: ET.Element) -> str:
    return _ONE_SPACE.sub(" ", "".join(node.itertext())).strip(" ")


def _hundredth(text: str | None) -> float:
    found = numbers(text)
    return min(1.0, max(0.0, found[0] / 100)) if found else 1.0


def _box(about: dict[str, str]) -> Box | None:
    values = numbers(about.get("bbox"))
    return (values[0], values[1], values[2], values[3]) if len(values) > 3 and any(values) else None


def _outline(about: dict[str, str]) -> tuple[Point, ...]:
    box = _box(about)
    return points_of(about.get("poly")) or (rectangle(box) if box else ())


def _read_baseline(values: list[float], polygon: tuple[Point, ...]) -> tuple[Point, ...]:
    """A polynomial by the specification; its first two coefficients from below are all that anybody writes."""
    if len(values) < 2 or not polygon:
        return ()
    left, _, right, bottom = bounds(polygon)
    slope, offset = values[-2:]
    return (left, bottom + offset), (right, round(bottom + offset + slope * (right - left), 1))
