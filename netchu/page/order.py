"""The order in which the lines of a page are read, and the regions they form, from where the lines are.

lines --frame.frame_of--> numbers --columns.parts_of--> parts, row by row --regions.regions_of--> regions
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from netchu.page.columns import parts_of
from netchu.page.frame import Lined, check_direction, frame_of
from netchu.page.regions import regions_of
from netchu.records import Page, Point, Region


def arrange(
    lines: Sequence[Lined], width: int, height: int, direction: str = "ltr"
) -> tuple[list[int], list[Region]]:
    """The reading order of a page's lines, as places in `lines`, and its regions, both from geometry alone.

    `width` and `height` are the page's, in the pixels of the lines. `direction`: "ltr", "rtl" or "vertical-rl" (upright
    lines from right to left). Each line is in one region; Region.lines are places in the new order, and regions follow
    one another in it. The order that `lines` come in does not matter.
    Raises NetchuError for an unknown direction, a line with neither baseline nor polygon, points that are no numbers.
    """
    check_direction(direction)
    if not lines:
        return [], []
    known = sorted(range(len(lines)), key=lambda place: _points(lines[place]))
    frame = frame_of([lines[place] for place in known], direction)
    parts = parts_of(frame)
    order = [known[line] for part in parts for row in part.rows for line in row]
    return order, regions_of(frame, parts, width, height)


def arranged(page: Page, direction: str = "ltr") -> Page:
    """The page with its lines in reading order and its regions found anew; see `arrange`."""
    order, regions = arrange(page.lines, page.width, page.height, direction)
    return replace(page, lines=tuple(page.lines[place] for place in order), regions=tuple(regions))


def _points(line: Lined) -> tuple[Point, ...]:
    """What lines are sorted by before anything is looked at, so that ties do not depend on the order they came in."""
    return (*(tuple(point) for point in line.baseline), *(tuple(point) for point in line.polygon))
