"""Pages that may be written across or down: looked at as they stand and on their side, for what is more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from netchu.image import Grey
from netchu.page.orient import Find
from netchu.page.straighten import written
from netchu.page.trace import FoundLine
from netchu.records import Point


def either_way(find: Find) -> Find:
    """A finder that also looks at a page turned against the clock, where lines that run down lie across.

    The network knows lines across best, so these come out whole where they run down; what is surely more writing is
    taken, all of one look. Costs a second look.
    """

    def found(grey: Grey) -> Sequence[FoundLine]:
        width = float(grey.shape[1])
        here, lying = find(grey), find(np.ascontiguousarray(np.rot90(grey)))
        there = [
            replace(line, baseline=_back(line.baseline, width), polygon=_back(line.polygon, width)) for line in lying
        ]
        return there if written(there) > written(here) else here

    return found


def _back(points: Sequence[Point], width: float) -> tuple[Point, ...]:
    """Points of the turned page on the page of that width."""
    return tuple((round(width - y, 1), x) for x, y in points)
