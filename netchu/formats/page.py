"""PAGE XML: written as 2019-07-15, read from 2013 on (PRImA, https://github.com/PRImA-Research-Lab/PAGE-XML).

Transkribus' ways are known: its Metadata, reading orders in `custom`, TableCells, CRLF. Programs take a line's text
from the TextEquiv directly under it, so it always has one.
"""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from itertools import count

from netchu.errors import NetchuError
from netchu.formats.kinds import PAGE, kind_of
from netchu.formats.layout import (
    Block,
    Found,
    assemble,
    base_name,
    blocks,
    bounds,
    by_custom_index,
    chars_by_word,
    in_pixels,
    numbers,
    outline,
    page_size,
    points_of,
    rectangle,
    region_outline,
    share,
    told,
    with_spaces,
    words_of,
)
from netchu.formats.markup import add, clean, serialise
from netchu.records import Char, Choice, Line, Page, Point, Word

NAMESPACE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
_LOCATION = f"{NAMESPACE} {NAMESPACE}/pagecontent.xsd"
_UNDATED = "1970-01-01T00:00:00"  # the schema wants a date; the same page must make the same file
_LOOSE = "netchu {region:none;}"  # in `custom`: holds lines together that are in no region
_LEAST = 1e-300  # a probability whose logarithm is still a number


def write(page: Page) -> bytes:
    """A page as PAGE 2019-07-15."""
    root = ET.Element("PcGts", {"xmlns": NAMESPACE, "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance"})
    root.set("xsi:schemaLocation", _LOCATION)
    about = add(root, "Metadata")
    add(about, "Creator", "netchu")
    add(about, "Created", _UNDATED)
    add(about, "LastChange", _UNDATED)
    size = {"imageWidth": str(page.width), "imageHeight": str(page.height)}
    paper = add(root, "Page", imageFilename=clean(base_name(page.source)), **size)
    parts = blocks(page)
    if parts:
        order = add(add(paper, "ReadingOrder"), "OrderedGroup", id="order")
        for place in range(len(parts)):
            add(order, "RegionRefIndexed", index=str(place), regionRef=f"region_{place + 1}")
    for place, part in enumerate(parts, 1):
        _write_block(paper, f"region_{place}", part, page)
    return serialise(root)


def _write_block(paper: ET.Element, key: str, part: Block, page: Page) -> None:
    element, kind = PAGE[part.region.kind] if part.region else PAGE["paragraph"]
    custom = None if part.region else _LOOSE
    points = _points(region_outline(part, page), page)
    node = add(paper, element, id=key, type=kind if part.region else None, custom=custom)
    add(node, "Coords", points=points)
    if element != "TextRegion" and part.lines:  # only a TextRegion may hold lines
        node = add(node, "TextRegion", id=f"{key}_text")
        add(node, "Coords", points=points)
    for place in part.lines:
        _write_line(node, place, page)
    if part.lines:
        add(add(node, "TextEquiv"), "Unicode", clean("\n".join(page.lines[place].text for place in part.lines)))


def _write_line(node: ET.Element, place: int, page: Page) -> None:
    line, key = page.lines[place], f"line_{place + 1}"
    row = add(node, "TextLine", id=key)
    add(row, "Coords", points=_points(outline(line), page))
    if line.baseline:
        add(row, "Baseline", points=_points(line.baseline, page))
    letters = chars_by_word(line)
    ids = count(1)
    for index, word in enumerate(words_of(line)):
        text = add(row, "Word", id=f"{key}_word_{index + 1}")
        add(text, "Coords", points=_points(rectangle(word.box), page))
        for char in letters[index] if letters else ():
            glyph = add(text, "Glyph", id=f"{key}_char_{next(ids)}")
            add(glyph, "Coords", points=_points(rectangle(char.box), page))
            _write_text(glyph, char.text, char.confidence, char.alternatives)
        _write_text(text, word.text, word.confidence, ())
    readings = tuple((text, min(1.0, math.exp(min(0.0, score)))) for text, score in line.readings)
    _write_text(row, line.text, line.confidence, readings)


def _write_text(node: ET.Element, text: str, sure: float, others: Sequence[Choice]) -> None:
    """The text, and what else it may be under higher indices."""
    index = "0" if others else None
    add(add(node, "TextEquiv", index=index, conf=told(sure)), "Unicode", clean(text))
    for place, (other, share_of) in enumerate(others, 1):
        add(add(node, "TextEquiv", index=str(place), conf=f"{share_of:.6g}"), "Unicode", clean(other))


def _points(points: Sequence[Point], page: Page) -> str:
    """Two points at least, by the schema; what has no place is at 0,0."""
    whole = in_pixels(points, page) or ((0, 0),)
    return " ".join(f"{x},{y}" for x, y in (whole if len(whole) > 1 else whole * 2))


def read(root: ET.Element, name: str) -> list[Page]:
    """The page of a PAGE file. Raises NetchuError when it has none, or one without a size."""
    paper = root.find("./Page")
    if paper is None:
        raise NetchuError(f"{name}: a PAGE file without a Page; export it again")
    width, height = page_size(paper.get("imageWidth"), paper.get("imageHeight"), name)
    nodes = _in_order([*_regions(paper)], paper.find("./ReadingOrder"))
    found = [_read_region(node) for node in nodes]
    return [assemble(width, height, paper.get("imageFilename", ""), 1, found)]


def _regions(paper: ET.Element) -> Iterator[ET.Element]:
    """Regions as the file has them. One within a TextRegion stands for itself, one within any other is part of it."""
    for node in paper:
        if node.tag.endswith("Region"):
            yield node
            if node.tag == "TextRegion":
                yield from _regions(node)


def _in_order(nodes: list[ET.Element], order: ET.Element | None) -> list[ET.Element]:
    """By ReadingOrder; those that it does not name follow. Without one by Transkribus' indices, if all have one."""
    if order is None:
        return [nodes[place] for place in by_custom_index(lambda place: nodes[place].get("custom", ""), len(nodes))]
    ranks = {key: rank for rank, key in reversed([*enumerate(_references(order))])}
    return sorted(nodes, key=lambda node: ranks.get(node.get("id", ""), len(ranks)))


def _references(group: ET.Element) -> Iterator[str]:
    """The regions that a group and the groups in it name, in order."""
    members = [node for node in group if node.get("regionRef") or node.tag.endswith(("Group", "GroupIndexed"))]
    if all(numbers(node.get("index")) for node in members):
        members.sort(key=lambda node: numbers(node.get("index"))[0])
    for node in members:
        if node.get("regionRef"):
            yield node.get("regionRef", "")
        yield from _references(node)


def _read_region(node: ET.Element) -> Found:
    nested = node.tag != "TextRegion"
    rows = [*_lines(node, nested)]
    if not nested:
        rows = [rows[place] for place in by_custom_index(lambda place: rows[place].get("custom", ""), len(rows))]
    lines = tuple((row.get("id", ""), _read_line(row)) for row in rows)
    custom = node.get("custom", "")
    if _LOOSE in custom or node.get("id", "").startswith("eSc_dummyblock"):
        return Found(None, (), lines)
    told_type = re.search(r"structure\s*\{[^}]*type\s*:\s*([^;}]+)", custom)
    element = node.tag if node.tag != "TextRegion" or not (node.get("type") or told_type) else None
    return Found(kind_of(node.get("type"), told_type and told_type[1], element), _coords(node), lines)


def _lines(node: ET.Element, nested: bool) -> Iterator[ET.Element]:
    """The TextLines of a region; of tables and pictures those within their cells and regions too."""
    for child in node:
        if child.tag == "TextLine":
            yield child
        elif nested and (child.tag.endswith("Region") or child.tag == "TableCell"):
            yield from _lines(child, nested)


def _read_line(node: ET.Element) -> Line:
    words, letters = [], []
    for child in node.iterfind("Word"):
        text, sure, _ = _text(child)
        polygon = _coords(child)
        if text and polygon:
            words.append(Word(text, sure, bounds(polygon)))
            letters.append([_read_glyph(glyph) for glyph in child.iterfind("Glyph") if _coords(glyph)])
    text, sure, others = _text(node)
    if node.find("TextEquiv") is None and words:  # nothing directly under the line: what its words say
        text, sure = " ".join(word.text for word in words), math.prod(word.confidence for word in words)
    good = text.split() == [word.text for word in words]
    chars = with_spaces(letters) if good else ()
    whole = "".join(char.text for char in chars) == text
    readings = tuple((other, math.log(max(share_of, _LEAST))) for other, share_of in others)
    baseline = points_of(_attribute(node, "Baseline"))
    return Line(
        text, sure, _coords(node), chars if whole else (), tuple(words) if good else (), readings, baseline=baseline
    )


def _read_glyph(node: ET.Element) -> Char:
    text, sure, others = _text(node)
    return Char(text, sure, bounds(_coords(node)), others)


def _text(node: ET.Element) -> tuple[str, float, tuple[Choice, ...]]:
    """The text with the lowest index, its confidence, and the others. A line break in it is a space."""
    found = []
    for place, equiv in enumerate(node.iterfind("TextEquiv")):
        text = equiv.findtext("Unicode") or equiv.findtext("PlainText") or ""
        text = re.sub(r"\s*[\r\n]+\s*", " ", text.strip("\r\n"))
        index = numbers(equiv.get("index"))
        found.append((index[0] if index else 0.0, place, text, share(equiv.get("conf"))))
    if not found:
        return "", 0.0, ()
    (*_, text, sure), *others = sorted(found)
    return text, sure if text else 0.0, tuple((other, share_of) for *_, other, share_of in others)


def _coords(node: ET.Element) -> tuple[Point, ...]:
    """The outline; 2009's Point elements too. All at 0,0 is nowhere."""
    points = points_of(_attribute(node, "Coords"))
    if not points:
        points = tuple(
            (numbers(point.get("x"))[0], numbers(point.get("y"))[0])
            for point in node.iterfind("Coords/Point")
            if numbers(point.get("x")) and numbers(point.get("y"))
        )
    return points if any(any(point) for point in points) else ()


def _attribute(node: ET.Element, path: str) -> str | None:
    found = node.find(path)
    return None if found is None else found.get("points")
