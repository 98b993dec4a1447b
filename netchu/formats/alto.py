"""ALTO: written as 4.4, read from 2 to 4 (Library of Congress, https://www.loc.gov/standards/alto/).

What other programs look for: eScriptorium needs fileName, kraken whole pixels and takes a block without a place for no
region, and so do we, both ways.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from netchu.errors import NetchuError
from netchu.formats.kinds import kind_of
from netchu.formats.layout import (
    Block,
    Found,
    assemble,
    base_name,
    blocks,
    bounds,
    chars_by_word,
    corners,
    gap,
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
from netchu.formats.markup import add, clean, serialise
from netchu.records import Box, Char, Line, Page, Point, Word

NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
_LOCATION = f"{NAMESPACE} http://www.loc.gov/standards/alto/v4/alto-4-4.xsd"
NOWHERE = (0.0, 0.0, 0.0, 0.0)  # the box of what tells none
_LONGEST_VARIANT = 3  # characters, by the schema; a Glyph holds one


def write(page: Page) -> bytes:
    """A page as ALTO 4.4."""
    parts = blocks(page)
    root = ET.Element("alto", {"xmlns": NAMESPACE, "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance"})
    root.set("xsi:schemaLocation", _LOCATION)
    root.set("SCHEMAVERSION", "4.4")
    _describe(root, page)
    kinds = sorted({part.region.kind for part in parts if part.region})
    if kinds:
        tags = add(root, "Tags")
        for kind in kinds:
            add(tags, "OtherTag", ID=f"kind_{kind}", TYPE="region", LABEL=kind)
    _order(root, parts)
    size = {"WIDTH": str(page.width), "HEIGHT": str(page.height)}
    paper = add(add(root, "Layout"), "Page", ID="page_1", PHYSICAL_IMG_NR=str(page.number), **size)
    space = add(paper, "PrintSpace", HPOS="0", VPOS="0", **size)
    for place, part in enumerate(parts, 1):
        _write_block(space, place, part, page)
    return serialise(root)


def _describe(root: ET.Element, page: Page) -> None:
    from netchu import __version__

    about = add(root, "Description")
    add(about, "MeasurementUnit", "pixel")
    add(add(about, "sourceImageInformation"), "fileName", clean(base_name(page.source)))
    step = add(about, "Processing", ID="reading")
    add(step, "processingCategory", "contentGeneration")
    software = add(step, "processingSoftware")
    add(software, "softwareName", "netchu")
    add(software, "softwareVersion", __version__)


def _order(root: ET.Element, parts: list[Block]) -> None:
    """The reading order: of blocks, or of lines where it leaves a block before its end."""
    if not parts:
        return
    group = add(add(root, "ReadingOrder"), "OrderedGroup", ID="order")
    flat = [place for part in parts for place in part.lines]
    if flat == sorted(flat):
        names = [f"block_{place}" for place in range(1, len(parts) + 1)]
    else:
        names = [f"line_{place + 1}" for place in sorted(flat)]
    for name in names:
        add(group, "ElementRef", ID=f"order_{name}", REF=name)


def _write_block(space: ET.Element, place: int, part: Block, page: Page) -> None:
    name = "TextBlock"
    attributes = {"ID": f"block_{place}"}
    if part.region:
        name = "Illustration" if part.region.kind == "picture" and not part.lines else name
        attributes |= {"TAGREFS": f"kind_{part.region.kind}"} | _box(region_outline(part, page), page)
    node = add(space, name, **attributes)
    if part.region:
        _shape(node, region_outline(part, page), page)
    for line in part.lines:
        _write_line(node, line, page)


def _write_line(node: ET.Element, place: int, page: Page) -> None:
    line = page.lines[place]
    edge = outline(line)
    baseline = " ".join(f"{x} {y}" for x, y in in_pixels(line.baseline, page)) or None
    row = add(node, "TextLine", ID=f"line_{place + 1}", **_box(edge, page), BASELINE=baseline)
    _shape(row, edge, page)
    words, letters = spaced_words(line), chars_by_word(line)
    if not words:  # the one String in the line's own box: what is known is the line's
        sure = told(line.confidence) if line.text else None
        add(row, "String", CONTENT=clean(line.text), WC=sure, **_box(edge, page))
        return
    if any(len(char.text) > 1 for group in letters for char in group):
        letters = []
    spaces = _spaces(line, words, bool(letters))
    for index, word in enumerate(words):
        if index:
            add(row, "SP", **_box(rectangle(spaces[index - 1]), page))
        text = add(row, "String", CONTENT=clean(word.text), WC=told(word.confidence), **_box(rectangle(word.box), page))
        for char in letters[index] if letters else ():
            _write_glyph(text, char, page)


def _spaces(line: Line, words: tuple[Word, ...], known: bool) -> list[Box]:
    """The boxes between words: those of the spaces that were read, where they are one between each two."""
    read = [char.box for char in line.chars if char.text.isspace()] if known else []
    if len(read) == len(words) - 1:
        return read
    return [gap(before.box, after.box) for before, after in pairwise(words)]


def _write_glyph(text: ET.Element, char: Char, page: Page) -> None:
    place = _box(rectangle(char.box), page)
    glyph = add(text, "Glyph", CONTENT=clean(char.text), GC=told(char.confidence), **place)
    for other, sure in char.alternatives:
        if len(other) <= _LONGEST_VARIANT:
            add(glyph, "Variant", CONTENT=clean(other), VC=told(sure))


def _box(points: tuple[Point, ...], page: Page) -> dict[str, str]:
    """The four attributes of a place; none where there is none."""
    if not points:
        return {}
    left, top, right, bottom = corners(bounds(points), page)
    return {"HPOS": str(left), "VPOS": str(top), "WIDTH": str(right - left), "HEIGHT": str(bottom - top)}


def _shape(node: ET.Element, points: tuple[Point, ...], page: Page) -> None:
    if points:
        add(add(node, "Shape"), "Polygon", POINTS=" ".join(f"{x},{y}" for x, y in in_pixels(points, page)))


def read(root: ET.Element, name: str) -> list[Page]:
    """The pages of an ALTO file. Raises NetchuError when it is not measured in pixels or a page has no size."""
    unit = (root.findtext(".//MeasurementUnit") or "pixel").strip()
    if unit != "pixel":
        raise NetchuError(f"{name}: measured in {unit}, not in pixels; export it in pixels")
    source = (root.findtext(".//fileName") or "").strip()
    tags = {tag.get("ID", ""): tag.get("LABEL", "") for tag in root.iterfind("./Tags/*")}
    spaced = root.find(".//SP") is None  # a file without a single space leaves them to its reader
    order = [name for ref in root.iterfind("./ReadingOrder//ElementRef") for name in ref.get("REF", "").split()]
    pages = []
    for node in root.iterfind("./Layout/Page"):
        width, height = page_size(node.get("WIDTH"), node.get("HEIGHT"), name)
        parts = [(block.get("ID", ""), _read_block(block, tags, spaced)) for block in _blocks(node)]
        parts, lines = _ordered(parts, order)
        number = numbers(node.get("PHYSICAL_IMG_NR")) or [1.0]
        found = [part for _, part in parts]
        pages.append(assemble(width, height, source, max(1, int(number[0])), found, lines))
    if not pages:
        raise NetchuError(f"{name}: an ALTO file without a Page; export it again")
    return pages


def _ordered(parts: list[tuple[str, Found]], order: list[str]) -> tuple[list[tuple[str, Found]], list[str]]:
    """Blocks by the order of those that it names, the others after them; and the lines that it names, if any."""
    ranks = {name: rank for rank, name in reversed([*enumerate(order)])}
    blocks_named = any(key in ranks for key, _ in parts)
    lines = [] if blocks_named else list(dict.fromkeys(order))
    return sorted(parts, key=lambda part: ranks.get(part[0], len(order))) if blocks_named else parts, lines


def _blocks(node: ET.Element) -> Iterator[ET.Element]:
    """Blocks in the order of the file, those within a ComposedBlock too unless it is one region, as a table is."""
    for child in node:
        table = child.tag == "ComposedBlock" and kind_of(child.get("TYPE")) == "table"
        if table or child.tag in ("TextBlock", "Illustration", "GraphicalElement"):
            yield child
        else:  # margins, PrintSpace, ComposedBlock
            yield from _blocks(child)


def _read_block(block: ET.Element, tags: dict[str, str], spaced: bool) -> Found:
    polygon = _polygon(block)
    labels = [tags.get(tag, "") for tag in block.get("TAGREFS", "").split()]
    lines = tuple((line.get("ID", ""), _read_line(line, spaced)) for line in block.iter("TextLine"))
    if not polygon and lines:
        return Found(None, (), lines)
    named = any(labels) or block.get("TYPE")
    return Found(kind_of(*labels, block.get("TYPE"), None if named else block.tag), polygon, lines)


def _read_line(node: ET.Element, spaced: bool) -> Line:
    words: list[Word] = []
    letters: list[list[Char]] = []
    spaces: list[Box | None] = []
    joined = False  # to the word before: without a space between, two Strings are one word
    for part in node:
        if part.tag == "SP":
            joined = False
            if words:
                spaces[len(words) - 1 :] = [_place(part)]
        elif part.tag in ("String", "HYP"):
            word, chars = _read_word(part)
            if joined and words and (part.tag == "HYP" or not spaced):
                words[-1] = _joined(words[-1], word)
                letters[-1] = [*letters[-1], *chars] if chars and letters[-1] else []
            elif word.text:
                words.append(word)
                letters.append(chars)
                spaces += [None] * (len(words) - 1 - len(spaces))
            joined = True
    polygon = _polygon(node)
    text = " ".join(word.text for word in words)
    sure = math.prod(word.confidence for word in words) if words else 0.0
    # The only String, in the line's own box and without letters, says no more than the line
    whole = len(words) == 1 and not letters[0] and bool(polygon) and words[0].box == bounds(polygon)
    whole = whole or text.split() != [word.text for word in words] or NOWHERE in [word.box for word in words]
    chars_read = () if whole else with_spaces(letters, spaces)
    return Line(text, sure, polygon, chars_read, () if whole else tuple(words), baseline=_baseline(node))


def _read_word(node: ET.Element) -> tuple[Word, list[Char]]:
    word = Word(node.get("CONTENT", ""), share(node.get("WC")), _place(node) or NOWHERE)
    chars = [
        Char(
            glyph.get("CONTENT", ""),
            share(glyph.get("GC")),
            _place(glyph) or word.box,
            tuple((other.get("CONTENT", ""), share(other.get("VC"), 0.0)) for other in glyph.iterfind("Variant")),
        )
        for glyph in node.iterfind("Glyph")
    ]
    return word, chars if "".join(char.text for char in chars) == word.text else []


def _joined(word: Word, more: Word) -> Word:
    box = bounds((word.box[:2], word.box[2:], more.box[:2], more.box[2:])) if any(more.box) else word.box
    return replace(word, text=word.text + more.text, confidence=min(word.confidence, more.confidence), box=box)


def _polygon(node: ET.Element) -> tuple[Point, ...]:
    shape = points_of(_attribute(node, "Shape/Polygon", "POINTS"))
    box = _place(node)
    return shape or (rectangle(box) if box else ())


def _attribute(node: ET.Element, path: str, name: str) -> str | None:
    found = node.find(path)
    return None if found is None else found.get(name)


def _place(node: ET.Element) -> Box | None:
    values = [numbers(node.get(key)) for key in ("HPOS", "VPOS", "WIDTH", "HEIGHT")]
    if node.tag == "HYP":  # a hyphen is as high as its word
        values[3] = values[3] or [0.0]
    if not all(values):
        return None
    (left, *_), (top, *_), (width, *_), (height, *_) = values
    return left, top, left + width, top + height


def _baseline(node: ET.Element) -> tuple[Point, ...]:
    """Points since 4.2; before, the one height at which the letters stand."""
    values = numbers(node.get("BASELINE"))
    box = _place(node)
    if len(values) == 1 and box:
        return (box[0], values[0]), (box[2], values[0])
    return points_of(node.get("BASELINE"))
