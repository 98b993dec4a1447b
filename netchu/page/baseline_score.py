"""How well baselines were found: the measure of the cBAD competitions.

Source: Grüning, Labahn, Diem, Kleber, Fiel 2018, "READ-BAD: A New Dataset and Evaluation Scheme for Baseline Detection
in Archival Documents" (DAS; arXiv 1705.03311), and its reference program, TranskribusBaseLineEvaluationScheme (as of
commit 05af49f).
Where the program is more exact than the paper (whole pixels, distances |dx| + |dy|, what counts as a neighbour), this
follows the program, so that figures can be compared with published ones.

A baseline's points are spread about 5 pixels apart. Each true line has a tolerance: a quarter of the distance to its
nearest neighbour, and no more than the page's mean of it. A point counts as covered where the other side has a point
within the tolerance, as half covered at twice the tolerance, not at three times. R is the mean covered share of the
true lines, by any found lines; P that of the found lines, each by the one true line that it is paired with.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import atan, cos, pi, sin
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netchu.records import Point

Points = NDArray[np.int64]  # (n, 2): x, y in whole pixels
SPACING = 5  # pixels between the points of a line, about
FEWEST = 20  # points that a line longer than this keeps at least
FARTHEST = 250  # pixels within which a neighbour is looked for; what stands for the distance where nobody has one
SHARE = 0.25  # of the distance between lines: the tolerance


class Coverage(NamedTuple):
    """`recall`: the covered share of each true line; `precision`: of each found line. Both 0..1, in the order given."""

    recall: NDArray[np.float64]
    precision: NDArray[np.float64]


def coverage(truth: Sequence[Sequence[Point]], found: Sequence[Sequence[Point]]) -> Coverage:
    """How far each baseline of a page is covered by those of the other side; all zero where that side has none.

    A baseline is its points in reading order, in pixels. One without points covers nothing and is not covered.
    """
    true_places = [place for place, line in enumerate(truth) if len(line)]
    found_places = [place for place, line in enumerate(found) if len(line)]
    recall, precision = np.zeros(len(truth)), np.zeros(len(found))
    if true_places and found_places:
        true_lines = [spread(truth[place]) for place in true_places]
        found_lines = [spread(found[place]) for place in found_places]
        limits = tolerances(true_lines)
        boxes = _boxes(found_lines)
        shares = np.zeros((len(found_lines), len(true_lines)))
        for number, (line, limit) in enumerate(zip(true_lines, limits)):
            nearest = np.full(len(line), np.inf)
            for other in _near(line, boxes, 3 * limit):
                distances = _distances(line, found_lines[other])
                nearest = np.minimum(nearest, distances.min(axis=1))
                shares[other, number] = _covered(distances.min(axis=0), limit)
            recall[true_places[number]] = _covered(nearest, limit)
        precision[found_places] = _paired(shares)
    return Coverage(recall, precision)


def page_rates(covered: Coverage) -> tuple[float, float]:
    """(R, P) of a page. A side without lines has nothing to be wrong about: R is 1 without true lines, P without found.

    Thus a blank page left alone has 1 and 1, lines on a blank page 1 and 0, nothing found on a written page 0 and 1.
    """
    recall, precision = (float(side.mean()) if len(side) else 1.0 for side in covered)
    return recall, precision


def spread(line: Sequence[Point]) -> Points:
    """A baseline as points about SPACING apart, from its first to its last: all its pixels, of which some are taken.

    At least FEWEST are left, or all pixels where there are fewer.
    """
    corners = np.floor(np.asarray(line, dtype=np.float64) + 0.5).astype(np.int64)  # halves go up, as in the reference
    pieces = [_pixels(start, end) for start, end in pairwise(corners)]
    pixels = np.concatenate([*pieces, corners[-1:]])
    last = len(pixels) - 1
    if last < FEWEST:
        return pixels
    count = max(FEWEST, last // SPACING + 1)
    chosen = (np.arange(count) * (last / (count - 1))).astype(np.int64)
    chosen[-1] = last
    return pixels[chosen]


def tolerances(lines: Sequence[Points]) -> NDArray[np.float64]:
    """The tolerance of each true line in pixels, always above 0; `lines` as spread.

    The distance to the nearest neighbour is measured across the line's own direction, among lines beside it (not those
    that only follow it or precede it). Lines without a neighbour within FARTHEST get the mean of the others.
    """
    boxes = _boxes(lines)
    distances = np.array([_neighbour(lines, place, boxes) for place in range(len(lines))])
    known = distances[distances > 0]
    mean = float(known.mean()) if len(known) else float(FARTHEST)
    limits: NDArray[np.float64] = SHARE * np.minimum(np.where(distances > 0, distances, mean), mean)
    return limits


def _pixels(start: Points, end: Points) -> Points:
    """The pixels of a straight piece, one for each step along its longer side, without the last; none of no length."""
    step = end - start
    count = int(np.abs(step).max())
    if count == 0:
        return np.empty((0, 2), dtype=np.int64)
    longer = int(abs(step[1]) > abs(step[0]))
    moved = np.arange(count) * np.sign(step[longer])
    pixels = np.empty((count, 2), dtype=np.int64)
    pixels[:, longer] = start[longer] + moved
    shorter = start[1 - longer] + moved.astype(np.float64) * step[1 - longer] / step[longer]
    pixels[:, 1 - longer] = np.floor(shorter + 0.5)
    return pixels


def _boxes(lines: Sequence[Points]) -> NDArray[np.int64]:
    """(lines, 2, 2): the upper left and lower right corner of the box around each line."""
    return np.array([(line.min(axis=0), line.max(axis=0)) for line in lines])


def _near(line: Points, boxes: NDArray[np.int64], reach: float) -> list[int]:
    """Which lines may have points within `reach` of this one's, as their boxes tell."""
    inside = (boxes[:, 1] >= line.min(axis=0) - reach) & (boxes[:, 0] <= line.max(axis=0) + reach)
    return [int(place) for place in np.flatnonzero(inside.all(axis=1))]


def _distances(points: Points, others: Points) -> NDArray[np.int64]:
    """(points, others): |dx| + |dy| between every two."""
    distances: NDArray[np.int64] = np.abs(points[:, None] - others[None]).sum(axis=2)
    return distances


def _covered(distances: NDArray[np.float64] | NDArray[np.int64], limit: float) -> float:
    """The mean over a line's points of 1 up to the tolerance, falling to 0 at three times the tolerance."""
    return float(np.clip((3 * limit - distances) / (2 * limit), 0, 1).mean())


def _paired(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of each found line (row) with its true line (column): the best pair first, each line in one at most."""
    left, paired = shares.copy(), np.zeros(len(shares))
    while (best := float(left.max())) > 0:
        row, column = np.unravel_index(int(left.argmax()), left.shape)  # of equals the first found line, then true line
        paired[row] = best
        left[row, :] = 0
        left[:, column] = 0
    return paired


def _neighbour(lines: Sequence[Points], place: int, boxes: NDArray[np.int64]) -> float:
    """Distance from a line to its nearest neighbour, 0 where there is none within FARTHEST (or one that it crosses).

    The reference leaves out, point by point, lines whose box is farther than the distance found so far, which now and
    then spares a nearer one that lies askew; so the order of points and lines matters, and is kept.
    """
    line = lines[place]
    along = _direction(line)
    near = [other for other in _near(line, boxes, FARTHEST) if other != place and _overlap(line, lines[other], along)]
    if not near:
        return 0.0
    across = np.stack([_across(line, lines[other], along) for other in near], axis=1)  # (points, near)
    outside = np.stack([_box_distances(line, boxes[other]) for other in near], axis=1)
    distances, bounds, best = across.ravel(), outside.ravel(), float(FARTHEST)
    while len(nearer := np.flatnonzero((distances < best) & (bounds <= best))):
        best = float(distances[nearer[0]])
        distances, bounds = distances[nearer[0] + 1 :], bounds[nearer[0] + 1 :]
    return best if best < FARTHEST else 0.0


def _across(line: Points, other: Points, along: tuple[float, float]) -> NDArray[np.float64]:
    """From each point of a line the distance to the nearest of the other's points beside it; infinite without any."""
    right = line[:, None, 0] - other[None, :, 0]
    up = other[None, :, 1] - line[:, None, 1]
    beside = np.abs(right * along[0] + up * along[1]) <= 2 * SPACING
    distances: NDArray[np.float64] = np.where(beside, np.abs(right * along[1] - up * along[0]), np.inf).min(axis=1)
    return distances


def _direction(line: Points) -> tuple[float, float]:
    """(right, up): the direction of the straight line through the points, of length 1, by least squares in y.

    Its sign does not matter here: only whether others lie on both sides, and absolute distances.
    """
    x, y = line[:, 0].astype(np.float64), -line[:, 1].astype(np.float64)
    if len(line) < 2:
        return 1.0, 0.0
    angle = pi / 2
    if np.ptp(x) >= (2 if len(line) > 2 else 1):
        count, total = len(line), float(x.sum())
        scale = 1 / (count * float((x * x).sum()) - total * total)
        angle = atan(-scale * total * float(y.sum()) + scale * count * float((x * y).sum()))
    return cos(angle), sin(angle)


def _overlap(line: Points, other: Points, along: tuple[float, float]) -> bool:
    """Whether the ends of the two, seen along the first, do not lie one line before the other."""
    ends, theirs = line[[0, -1]], other[[0, -1]]
    ahead = (ends[:, None, 0] - theirs[None, :, 0]) * along[0] + (theirs[None, :, 1] - ends[:, None, 1]) * along[1]
    return not ((ahead < 0).all() or (ahead > 0).all())


def _box_distances(line: Points, box: NDArray[np.int64]) -> NDArray[np.int64]:
    """|dx| + |dy| from each point of a line to a box."""
    outside = np.maximum(np.maximum(box[0] - line, line - box[1]), 0)
    distances: NDArray[np.int64] = outside.sum(axis=1)
    return distances
