"""The order in which the lines of a page are read, and the regions they form, from where the lines are.

lines --frame.frame_of--> numbers --columns.parts_of--> parts, row by row --regions.blocks_of--> regions
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from netchu.page.columns import parts_of
from netchu.page.frame import Lined, check_direction, check_lines, frame_of
from netchu.page.regions import blocks_of
from netchu.records import Page, Point, Region


def arrange(lines: Sequence[Lined], width: int, height: int, direction: str = "ltr") -> tuple[list[int], list[Region]]:
    """The reading order of a page's lines, as places in `lines`, and its regions, both from geometry alone.

    `width` and `height` are the page's, in the pixels of the lines. `direction`: "ltr", "rtl" or "vertical-rl" (upright
    lines from right to left). Each line is in one region; Region.lines are places in the new order, and regions follow
    one another in it. The order that `lines` come in does not matter.
    Raises NetchuError for an unknown direction, a line with neither baseline nor polygon, points that are no numbers.
    """
    check_direction(direction)
    check_lines(lines)
    known = sorted(range(len(lines)), key=lambda place: _points(lines[place]))
    order: list[int] = []
    regions: list[Region] = []
    for kind, polygon, members in _found(lines, known, (width, height), direction):
        regions.append(Region(kind, polygon, tuple(range(len(order), len(order) + len(members)))))
        order.extend(members)
    return order, regions


def _found(
    lines: Sequence[Lined], places: list[int], size: tuple[int, int], direction: str
) -> list[tuple[str, tuple[Point, ...], list[int]]]:
    """Kind, outline and lines of each region. Lines that run across the others are a page of their own, read last."""
    if not places:
        return []
    frame = frame_of([lines[place] for place in places], direction)
    downwards = np.array([(x, y) for x in (0, size[0]) for y in (0, size[1])]) @ frame.axes[1]
    length = None if direction == "vertical-rl" else (float(downwards.min()), float(downwards.max()))
    found = []
    for block in blocks_of(frame, parts_of(frame), length):
        points = np.clip(frame.picture(block.outline), 0, size)
        polygon = tuple((round(float(x), 1), round(float(y), 1)) for x, y in points)
        found.append((block.kind, polygon, [places[line] for row in block.rows for line in row]))
    turned = [places[line] for line in np.flatnonzero(frame.turned)]
    across = _found(lines, turned, size, "ltr" if direction == "vertical-rl" else direction)
    return found + [("margin", polygon, members) for _, polygon, members in across]


def arranged(page: Page, direction: str = "ltr") -> Page:
    """The page with its lines in reading order and its regions found anew; see `arrange`."""
    order, regions = arrange(page.lines, page.width, page.height, direction)
    return replace(page, lines=tuple(page.lines[place] for place in order), regions=tuple(regions))


def _points(line: Lined) -> tuple[Point, ...]:
    """What lines are sorted by before anything is looked at, so that ties do not depend on the order they came in."""
    return (*((x, y) for x, y in line.baseline), *((x, y) for x, y in line.polygon))
