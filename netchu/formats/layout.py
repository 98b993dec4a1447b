"""What the formats with places share: a page as blocks of lines, lines as words, points as whole pixels.

ALTO, PAGE and hOCR nest lines in regions and give places in whole pixels: PAGE and hOCR allow no others, and ALTO's
readers in use expect none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from netchu.errors import NetchuError
from netchu.records import Box, Char, Line, Page, Point, Region, Word

Pixels = tuple[tuple[int, int], ...]
Corners = tuple[int, int, int, int]  # left, top, right, bottom
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_LARGEST = 1e9  # no picture reaches it, and beyond it a float no longer tells pixels apart


class Block(NamedTuple):
    """A region with the places of its lines in Page.lines; lines that are in none stand in blocks without one."""

    region: Region | None
    lines: tuple[int, ...]


class Found(NamedTuple):
    """A block as it was read: `kind` is None when it only holds lines together. `order` are the lines' identifiers."""

    kind: str | None
    polygon: tuple[Point, ...]
    lines: tuple[tuple[str, Line], ...]


def blocks(page: Page) -> list[Block]:
    """The page's regions in order, and before each the lines that come before it and are in none."""
    inside = {place for region in page.regions for place in region.lines}
    loose = [place for place in range(len(page.lines)) if place not in inside]
    found: list[Block] = []
    for region in page.regions:
        before = [place for place in loose if region.lines and place < min(region.lines)]
        if before:
            found.append(Block(None, tuple(before)))
            loose = loose[len(before) :]
        found.append(Block(region, tuple(sorted(region.lines))))
    return [*found, Block(None, tuple(loose))] if loose else found


def assemble(
    width: int, height: int, source: str, number: int, found: Sequence[Found], order: Sequence[str] = ()
) -> Page:
    """A page of what was read, blocks in reading order; `order` tells the order of some lines across blocks."""
    ranks = {key: rank for rank, key in reversed([*enumerate(order)])}
    every = [(block, key, line) for block, part in enumerate(found) for key, line in part.lines]
    if all(key in ranks for _, key, _ in every):  # else the order is not one of the whole page
        every.sort(key=lambda each: ranks[each[1]])
    regions = tuple(
        Region(part.kind, part.polygon, tuple(place for place, each in enumerate(every) if each[0] == block))
        for block, part in enumerate(found)
        if part.kind is not None
    )
    return Page(width, height, tuple(line for *_, line in every), source, regions, number)


def in_pixels(points: Iterable[Point], page: Page) -> Pixels:
    """Whole pixels, half of one rounded up, within the page."""
    return tuple((_within(x, page.width), _within(y, page.height)) for x, y in points)


def corners(box: Box, page: Page) -> Corners:
    """A box in whole pixels, within the page."""
    (left, top), (right, bottom) = in_pixels((box[:2], box[2:]), page)
    return left, top, max(left, right), max(top, bottom)


def bounds(points: Iterable[Point]) -> Box:
    """The box around points, of which there is at least one."""
    across, down = zip(*points)
    return min(across), min(down), max(across), max(down)


def rectangle(box: Box) -> tuple[Point, ...]:
    """A box as a polygon, clockwise from the upper left."""
    left, top, right, bottom = box
    return (left, top), (right, top), (right, bottom), (left, bottom)


def outline(line: Line) -> tuple[Point, ...]:
    """A line's polygon; where it has none the box around its words or its baseline; nothing where it has neither."""
    if line.polygon:
        return line.polygon
    points = [point for word in line.words for point in (word.box[:2], word.box[2:])] or [*line.baseline]
    return rectangle(bounds(points)) if points else ()


def region_outline(block: Block, page: Page) -> tuple[Point, ...]:
    """A block's polygon; where it has none the box around its lines."""
    if block.region and block.region.polygon:
        return block.region.polygon
    points = [point for place in block.lines for point in outline(page.lines[place])]
    return rectangle(bounds(points)) if points else ()


def words_of(line: Line) -> tuple[Word, ...]:
    """A line's words, provided that they are its text; nothing else, so that a file never says two things."""
    return line.words if [word.text for word in line.words] == line.text.split() else ()


def spaced_words(line: Line) -> tuple[Word, ...]:
    """As words_of, for formats that know one kind of space: no words where the text has others, or doubled ones."""
    words = words_of(line)
    return words if " ".join(word.text for word in words) == line.text else ()


def chars_by_word(line: Line) -> list[tuple[Char, ...]]:
    """The characters of each word, without the space between; nothing unless words and characters are the text."""
    if not line.chars or "".join(char.text for char in line.chars) != line.text:
        return []
    groups: list[tuple[Char, ...]] = [()]
    for char in line.chars:
        if not char.text.isspace():
            groups[-1] += (char,)
        elif groups[-1]:
            groups.append(())
    groups = groups if groups[-1] else groups[:-1]
    words = words_of(line)
    good = ["".join(char.text for char in group) for group in groups] == [word.text for word in words]
    return groups if good else []


def with_spaces(groups: Sequence[Sequence[Char]], spaces: Sequence[Box | None] = ()) -> tuple[Char, ...]:
    """The characters of words with the spaces between them, which are sure; nothing when a word has none.

    `spaces` are their boxes; that of any other reaches from the character before it to the one after.
    """
    if not groups or not all(groups):
        return ()
    chars = [*groups[0]]
    for place, (before, after) in enumerate(pairwise(groups)):
        box = spaces[place] if place < len(spaces) else None
        chars += [Char(" ", 1.0, box or gap(before[-1].box, after[0].box)), *after]
    return tuple(chars)


def gap(before: Box, after: Box) -> Box:
    """What lies between two characters of a line, whichever way it runs."""
    left, right = sorted((min(before[2], after[2]), max(before[0], after[0])))
    if after[1] >= before[3]:  # one below the other
        return min(before[0], after[0]), before[3], max(before[2], after[2]), after[1]
    return left, min(before[1], after[1]), right, max(before[3], after[3])


def numbers(text: str | None) -> list[float]:
    """All numbers of a text, whatever stands between them: ALTO's points are written in four ways."""
    return [float(found) for found in _NUMBER.findall(text or "") if abs(float(found)) < _LARGEST]


def points_of(text: str | None) -> tuple[Point, ...]:
    """Points written as x,y x,y or x y x y; an odd number at the end stands for nothing."""
    values = numbers(text)
    return tuple(zip(values[::2], values[1::2]))


def share(text: str | None, missing: float = 1.0) -> float:
    """A confidence, 0..1; what is not told counts as sure, as in a transcription."""
    found = numbers(text)
    return min(1.0, max(0.0, found[0])) if found else missing


def told(value: float) -> str:
    """A number as it is written: four decimals at most, none where there is nothing to say."""
    return f"{round(value, 4):.4f}".rstrip("0").rstrip(".")


def base_name(source: str) -> str:
    """A picture's file name without its folder: the file lies beside its picture, or is matched by name alone."""
    return source.replace("\\", "/").rpartition("/")[2]


def page_size(width: str | None, height: str | None, name: str) -> tuple[int, int]:
    """Both in pixels. Raises NetchuError when one is missing or is not over 0."""
    found = [numbers(width), numbers(height)]
    if not all(found) or min(found[0][0], found[1][0]) < 1:
        raise NetchuError(f"{name}: a page without its width and height; write the picture's size into it")
    return int(found[0][0] + 0.5), int(found[1][0] + 0.5)


def by_custom_index(custom: Callable[[int], str], count: int) -> list[int]:
    """Places in the order of Transkribus' custom="readingOrder {index:5;}"; as they are unless all have one."""
    found = [re.search(r"readingOrder\s*\{[^}]*index\s*:\s*(\d+)", custom(place)) for place in range(count)]
    if not all(found):
        return [*range(count)]
    return sorted(range(count), key=lambda place: int(found[place][1]))  # type: ignore[index]


def _within(value: float, most: int) -> int:
    return int(min(max(value, 0.0), float(most)) + 0.5)
