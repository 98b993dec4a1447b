"""The order in which the lines of a page are read, and the regions they form, from where the lines are.

lines --frame.frame_of--> numbers --columns.parts_of--> parts, row by row --regions.blocks_of, cells--> regions
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from netchu.image import Grey
from netchu.page.cells import Ruled
from netchu.page.columns import parts_of
from netchu.page.frame import Frame, Lined, check_direction, check_lines, frame_of
from netchu.page.regions import blocks_of
from netchu.page.rules import level_rules
from netchu.records import Page, Point, Region


def arrange(
    lines: Sequence[Lined], width: int, height: int, direction: str = "ltr", picture: Grey | None = None
) -> tuple[list[int], list[Region]]:
    """The reading order of a page's lines, as places in `lines`, and its regions, both from geometry.

    `width` and `height` are the page's, in the pixels of the lines. `direction`: "ltr", "rtl" or "vertical-rl" (upright
    lines from right to left). Each line is in one region; Region.lines are places in the new order, and regions follow
    one another in it. The order that `lines` come in does not matter. In `picture`, the page's (height, width), ruled
    lines are looked for that part the rows of a table; without it, its cells are told by where lines stand alone.
    Raises NetchuError for an unknown direction, a line with neither baseline nor polygon, points that are no numbers.
    """
    check_direction(direction)
    check_lines(lines)
    known = sorted(range(len(lines)), key=lambda place: _points(lines[place]))
    order: list[int] = []
    regions: list[Region] = []
    for kind, polygon, members, cells in _found(lines, known, (width, height), direction, picture):
        regions.append(Region(kind, polygon, tuple(range(len(order), len(order) + len(members))), cells))
        order.extend(members)
    return order, regions


def _found(
    lines: Sequence[Lined], places: list[int], size: tuple[int, int], direction: str, picture: Grey | None
) -> list[tuple[str, tuple[Point, ...], list[int], tuple[tuple[int, int], ...]]]:
    """Kind, outline, lines and cells of each region. Lines that run across the others are a page of their own, read
    last.
    """
    if not places:
        return []
    frame = frame_of([lines[place] for place in places], direction)
    rules = cache(lambda: _rules(frame, picture))
    downwards = np.array([(x, y) for x in (0, size[0]) for y in (0, size[1])]) @ frame.axes[1]
    length = None if direction == "vertical-rl" else (float(downwards.min()), float(downwards.max()))
    found = []
    for block in blocks_of(frame, parts_of(frame, rules), length, rules):
        points = np.clip(frame.picture(block.outline), 0, size)
        polygon = tuple((round(float(x), 1), round(float(y), 1)) for x, y in points)
        found.append((block.kind, polygon, [places[line] for line in block.lines], block.cells))
    turned = [places[line] for line in np.flatnonzero(frame.turned)]
    across = _found(lines, turned, size, "ltr" if direction == "vertical-rl" else direction, None)
    return found + [("margin", polygon, members, ()) for _, polygon, members, _ in across]


def _rules(frame: Frame, picture: Grey | None) -> Ruled:
    """The rules of a picture that run along and across the lines; none without a picture."""
    if picture is None:
        return Ruled(np.empty((0, 3)), np.empty((0, 3)))
    aside = abs(frame.axes[0, 0]) < abs(frame.axes[0, 1])
    level, upright = level_rules(picture), level_rules(np.ascontiguousarray(picture.T))[..., ::-1]
    along, across = (upright, level) if aside else (level, upright)
    return Ruled(*(
        np.stack([ends[..., axis].min(axis=1), ends[..., axis].max(axis=1), ends[..., 1 - axis].mean(axis=1)], axis=1)
        for axis, ends in ((0, along @ frame.axes.T), (1, across @ frame.axes.T))
    ))  # fmt: skip


def arranged(page: Page, direction: str = "ltr", picture: Grey | None = None) -> Page:
    """The page with its lines in reading order and its regions found anew; see `arrange`."""
    order, regions = arrange(page.lines, page.width, page.height, direction, picture)
    return replace(page, lines=tuple(page.lines[place] for place in order), regions=tuple(regions))


def _points(line: Lined) -> tuple[Point, ...]:
    """What lines are sorted by before anything is looked at, so that ties do not depend on the order they came in."""
    return (*((x, y) for x, y in line.baseline), *((x, y) for x, y in line.polygon))
