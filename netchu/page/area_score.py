"""Areas of outlines, and which found lines are which true lines by how far their areas agree.

Intersection over union as in the ICDAR competitions on text in scenes (Karatzas et al. 2015, "ICDAR 2015 Competition on
Robust Reading", task 4.1): at least THRESHOLD makes a pair, no line is in two. What lies mostly where the truth says
nothing (don't-care areas) is neither right nor wrong. Here the best pair goes first, so that order changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netchu.records import Point

THRESHOLD = 0.5
ROWS = 2  # scan lines a pixel: areas are exact along x, sampled along y


class Pair(NamedTuple):
    """Places of a true and a found line that are one, and their intersection over union (0..1)."""

    true: int
    found: int
    overlap: float


@dataclass(frozen=True)
class Outline:
    """A polygon cut into scan lines: `spans[k]` (n, 2) are the stretches inside on row `first + k`, left to right.

    Rows are half pixels apart. Any simple or crossed polygon will do: inside is where its windings do not cancel out.
    """

    first: int
    spans: tuple[NDArray[np.float64], ...]
    left: float
    right: float

    @property
    def area(self) -> float:
        """Square pixels."""
        return sum(float((span[:, 1] - span[:, 0]).sum()) for span in self.spans) / ROWS


def outline(polygon: Sequence[Point]) -> Outline:
    """Cut a polygon (pixels, any direction, closed of itself) into rows; fewer than three points have no inside."""
    if len(polygon) < 3:
        return Outline(0, (), 0.0, 0.0)
    corners = np.asarray(polygon, dtype=np.float64)
    ends = np.roll(corners, -1, axis=0)
    low, high = corners[:, 1].min(), corners[:, 1].max()
    first, last = int(np.ceil(low * ROWS - 0.5)), int(np.ceil(high * ROWS - 0.5))
    spans = tuple(_inside(corners, ends, (row + 0.5) / ROWS) for row in range(first, last))
    return Outline(first, spans, float(corners[:, 0].min()), float(corners[:, 0].max()))


def intersection(one: Outline, other: Outline) -> float:
    """The area inside both, in square pixels."""
    if one.right <= other.left or other.right <= one.left:
        return 0.0
    start = max(one.first, other.first)
    stop = min(one.first + len(one.spans), other.first + len(other.spans))
    total = 0.0
    for row in range(start, stop):
        mine, theirs = one.spans[row - one.first], other.spans[row - other.first]
        shared = np.minimum(mine[:, None, 1], theirs[None, :, 1]) - np.maximum(mine[:, None, 0], theirs[None, :, 0])
        total += float(np.maximum(shared, 0).sum())
    return total / ROWS


def pairs(truth: Sequence[Outline], found: Sequence[Outline], threshold: float = THRESHOLD) -> list[Pair]:
    """The true and found lines that are one: best overlap first, each line in one pair at most, in order of truth."""
    areas = [[line.area for line in side] for side in (truth, found)]
    candidates = []
    for i, true in enumerate(truth):
        for j, line in enumerate(found):
            # The smaller over the larger area is the most that the overlap can be.
            small, large = sorted((areas[0][i], areas[1][j]))
            if small and small / large >= threshold and (shared := intersection(true, line)):
                candidates.append(Pair(i, j, shared / (small + large - shared)))
    chosen: list[Pair] = []
    for pair in sorted(candidates, key=lambda pair: (-pair.overlap, pair.true, pair.found)):
        free = all(pair.true != other.true and pair.found != other.found for other in chosen)
        if free and pair.overlap >= threshold:
            chosen.append(pair)
    return sorted(chosen)


def mostly_in(line: Outline, zones: Sequence[Outline], but: Sequence[Outline] = ()) -> bool:
    """Whether more than half of a line's area lies in the zones, not counting what lies in `but`, too."""
    area = line.area
    if not area or not zones:
        return False
    inside = sum(intersection(line, zone) for zone in zones)
    if inside <= area / 2:
        return False
    return inside - sum(intersection(_common(line, zone), other) for zone in zones for other in but) > area / 2


def _common(one: Outline, other: Outline) -> Outline:
    """The part of one outline that lies in another; of neighbouring stretches none are joined."""
    start = max(one.first, other.first)
    stop = max(start, min(one.first + len(one.spans), other.first + len(other.spans)))
    spans = []
    for row in range(start, stop):
        mine, theirs = one.spans[row - one.first], other.spans[row - other.first]
        left = np.maximum(mine[:, None, 0], theirs[None, :, 0]).ravel()
        right = np.minimum(mine[:, None, 1], theirs[None, :, 1]).ravel()
        spans.append(np.stack([left, right], axis=1)[right > left])
    return Outline(start, tuple(spans), max(one.left, other.left), min(one.right, other.right))


def _inside(starts: NDArray[np.float64], ends: NDArray[np.float64], y: float) -> NDArray[np.float64]:
    """(n, 2): the stretches of a row that are inside, by the non-zero winding rule."""
    crossed = (starts[:, 1] <= y) != (ends[:, 1] <= y)
    (x1, y1), (x2, y2) = starts[crossed].T, ends[crossed].T
    x = x1 + (y - y1) / (y2 - y1) * (x2 - x1)
    order = np.argsort(x, kind="stable")
    winding = np.cumsum(np.sign(y2 - y1)[order])
    inside = winding[:-1] != 0
    return np.stack([x[order][:-1][inside], x[order][1:][inside]], axis=1)
