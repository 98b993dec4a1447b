"""From the lines of a page to the sheet that they are written on: found by least squares, or not at all.

Lines of writing are straight, level and parallel on the sheet; lines that begin or end under one another do so upright;
and writing is about equally high all over. Only what lines say plainly is believed: see `fit`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from netchu.page.curl import FOCAL, NUMBERS, Curl, Numbers, View, lens, on_sheet
from netchu.page.edges import POINTS, Edge, evenly
from netchu.page.trace import FoundLine

LINES = 60  # more than these tell nothing new
FEWEST = 5  # lines that can tell of a sheet
LONG = 5.0  # line heights: shorter ones are too wavy to tell
COVERED = 0.3  # share of the picture's longer side that lines must reach over
STEEPEST = 0.7  # radians of skew from which a page does not lie askew, but on its side
LAGS = (1, 2, 4, 8)  # lines between those whose ends are compared
# What a deviation is divided by, one unit being as unlikely for each: of baselines and margins in line heights.
STRAIGHT, MARGIN, HEIGHT = 0.12, 0.3, 0.25
MARGINS = 40.0  # what all aligned ends together count at most, in lines that deviate by one unit
HEIGHTS = 6.0  # and all heights
EDGE = 6.0  # times as much as a line counts an edge of the sheet
LIKELY = np.array([0.35, 0.25, 0.2, 0.35, 0.25, 0.25, 0.35])  # of the numbers of a sheet: as flat as can be
STARTS = ((0.0, 0.0), (0.25, 0.1), (0.25, -0.1), (-0.25, 0.1), (-0.25, -0.1))  # pitch, curl: several valleys
FREE = np.array([0.0, 1, 1, 1, 1, 1, 1])  # a page may lie askew as it likes
STEP = 1e-5  # of the numerical derivative
ROUGH, FINE = 4, 14  # steps of the search from each start, and from the best


@dataclass(frozen=True)
class Evidence:
    """What lines say, in pixels: `points` (lines, POINTS, 2), `heights` and `weights` (lines,), from the top down.

    `pairs` (k, 3): two lines, and 0 or 1 where their starts or their ends are compared. `height`: of a usual line.
    `skew`: radians by which the usual line sinks. `edges` of the sheet are a help where they can be seen.
    """

    points: Numbers
    heights: Numbers
    weights: Numbers
    pairs: NDArray[np.int64]
    height: float
    skew: float
    edges: tuple[Edge, ...] = ()

    @property
    def bent(self) -> float:
        """The usual deviation of lines from straight ones in the usual direction, in line heights."""
        across = (self.points @ _turn(self.skew))[..., 1]
        return float(np.median(across.std(axis=1))) / self.height


@dataclass(frozen=True)
class Fit:
    """A sheet, and how well it explains the lines.

    `before` and `after` are the usual deviation of baselines from straight and level ones, in line heights: on the
    picture as it is but for its skew, and on the sheet. `gain`: by how much its cost is less, a line.
    """

    curl: Curl
    before: float
    after: float
    gain: float


def evidence(lines: Sequence[FoundLine], size: tuple[int, int], edges: Sequence[Edge] = ()) -> Evidence | None:
    """What the longer lines of a page of `size` (width, height) say; None where they are too few to say anything."""
    chosen = [line for line in lines if len(line.baseline) > 1 and _length(line) >= LONG * line.height]
    chosen = sorted(chosen, key=lambda line: -_length(line))[:LINES]
    if len(chosen) < FEWEST:
        return None
    points = np.stack([evenly(np.asarray(line.baseline)) for line in chosen])
    backwards = points[:, -1, 0] < points[:, 0, 0]  # as some scripts are read
    points[backwards] = points[backwards, ::-1]
    heights, lengths = (np.array([size(line) for line in chosen]) for size in (lambda line: line.height, _length))
    chords = points[:, -1] - points[:, 0]
    skew = _weighed_median(np.arctan2(chords[:, 1], chords[:, 0]), lengths)
    level = points @ _turn(skew)
    if abs(skew) > STEEPEST or np.ptp(level[..., 0]) < COVERED * max(size):
        return None
    order = np.argsort(level[:, 0, 1])
    height = float(np.median(heights))
    weights = np.sqrt(lengths / lengths.mean())
    pairs = _pairs(level[order], height)
    return Evidence(points[order], heights[order], weights[order], pairs, height, skew, tuple(edges))


def fit(said: Evidence, size: tuple[int, int]) -> Fit:
    """The likeliest sheet for what lines say on a picture of `size` (width, height).

    Levenberg and Marquardt's method from STARTS, with weights that let go of lines which do not agree. The position of
    a line on the sheet needs no parameter: it is the mean of its points.
    """
    view = _view(said, size)
    starts = [np.array([said.skew, pitch, 0.0, curl, 0.0, 0.0, 0.0]) for pitch, curl in STARTS]
    thin = tuple(replace(edge, points=edge.points[:: POINTS // 4]) for edge in said.edges)
    few = replace(said, points=said.points[:, :: POINTS // 4], edges=thin)
    numbers, _ = min((_search(few, view, start, ROUGH) for start in starts), key=lambda found: found[1])
    numbers, cost = _search(said, view, numbers, FINE)
    level = np.array([said.skew, *[0.0] * (NUMBERS - 1)])
    gain = (_weighed(said, view, level)[-1] - cost) / len(said.points)
    before, after = (_deviation(said, view, each) for each in (level, numbers))
    return Fit(Curl(tuple(map(float, numbers)), view), before, after, gain)


def _length(line: FoundLine) -> float:
    return float(np.hypot(*np.diff(np.asarray(line.baseline), axis=0).T).sum())


def _turn(angle: float) -> Numbers:
    """(2, 2): what points (n, 2) are multiplied by for lines that sink by an angle to become level."""
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _weighed_median(values: Numbers, weights: Numbers) -> float:
    order = np.argsort(values)
    return float(values[order][np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)])


def _pairs(points: Numbers, height: float) -> NDArray[np.int64]:
    """Lines whose starts (0) or ends (1) may stand under one another: those a few lines apart that nearly do.

    `points` of lines from the top down, (lines, POINTS, 2), without their skew.
    """
    found = []
    for side in (0, 1):
        tips = points[:, -side]
        for lag in LAGS:
            for one in range(len(points) - lag):
                across, down = tips[one + lag] - tips[one]
                if down > 0.5 * height and abs(across) < 0.5 * down + height:
                    found.append((one, one + lag, side))
    return np.array(found, dtype=np.int64).reshape(-1, 3)


def _view(said: Evidence, size: tuple[int, int]) -> View:
    width, height = size
    left, right = said.points[..., 0].min(), said.points[..., 0].max()
    middle = (width / 2, height / 2)
    return View(middle, FOCAL * max(size), float(left + right) / 2, max(float(right - left) / 2, 1.0))


def _residuals(said: Evidence, view: View, numbers: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Deviations of m sheets, each in its own unit: of baselines (m, lines * points), margins (m, k), heights."""
    count, points = said.points.shape[:2]
    seen = np.concatenate([said.points.reshape(-1, 2), *(edge.points for edge in said.edges)])
    found = on_sheet(seen, numbers, view)
    x, y, depth = (each[:, : count * points].reshape(-1, count, points) for each in found)
    # In pixels of the picture: else a sheet far away would make all deviations small.
    focal = lens(numbers, view)[:, None]
    scale = focal[..., None] / depth
    off = (y - y.mean(axis=2, keepdims=True)) * scale / (STRAIGHT * said.height)
    straight = [(off * (said.weights / np.sqrt(points))[:, None]).reshape(len(numbers), -1)]
    for place, edge in enumerate(said.edges):
        own = slice(count * points + place * points, count * points + (place + 1) * points)
        along = found[1 if edge.level else 0][:, own]
        off = (along - along.mean(axis=1, keepdims=True)) * focal / found[2][:, own]
        straight.append(off * EDGE / (STRAIGHT * said.height * np.sqrt(points)))
    one, other, side = said.pairs.T
    last = -side
    across = (x[:, other, last] - x[:, one, last]) * (scale[:, other, last] + scale[:, one, last]) / 2
    margins = across / (MARGIN * said.height)
    tall = np.log(said.heights * depth.mean(axis=2))
    heights = (tall - np.median(tall, axis=1, keepdims=True)) / HEIGHT
    return np.concatenate(straight, axis=1), margins, heights


def _search(said: Evidence, view: View, start: Numbers, steps: int) -> tuple[Numbers, float]:
    """From a sheet (NUMBERS,) to the best one near it, and its cost."""
    numbers, damping = start, 1e-2
    values, weights, cost = _weighed(said, view, numbers)
    for _ in range(steps):
        around = _values(said, view, numbers + STEP * np.eye(NUMBERS))
        slopes = (around - values) / STEP * weights
        gradient, square = slopes @ (values * weights), slopes @ slopes.T
        for _ in range(4):
            tried = numbers - np.linalg.solve(square + damping * np.diag(np.diag(square)), gradient)
            better = _weighed(said, view, tried)
            if better[-1] < cost:
                break
            damping *= 6
        else:
            break
        gain = cost - better[-1]
        numbers, damping, (values, weights, cost) = tried, damping / 5, better
        if gain < 1e-4 * cost:
            break
    return numbers, cost


def _values(said: Evidence, view: View, numbers: Numbers) -> Numbers:
    """All deviations of m sheets: of lines, margins and heights, and of the sheets from flat ones: (m, r)."""
    return np.concatenate([*_residuals(said, view, numbers), numbers / LIKELY * FREE], axis=1)


def _weighed(said: Evidence, view: View, numbers: Numbers) -> tuple[Numbers, Numbers, float]:
    """Deviations (r,) of a sheet (NUMBERS,), the root of how much each counts, and the cost of all.

    A line counts less the less it agrees (Cauchy), line ends that are not aligned hardly at all (Geman and McClure).
    """
    count, points = said.points.shape[:2]
    values = _values(said, view, numbers[None])[0]
    sizes = (count + len(said.edges)) * points, len(said.pairs), count
    straight, margins, heights, sheet = np.split(values**2, np.cumsum(sizes))
    lines = straight.reshape(-1, points).sum(axis=1) / 4
    # A margin is one thing, however many pairs of lines show it; so are heights.
    margin, height = MARGINS / max(len(margins), 1), HEIGHTS / count
    cost = 4 * np.log1p(lines).sum() + margin * (margins / (1 + margins)).sum()
    cost += height * np.log1p(heights).sum() + sheet.sum()
    shares = (1 / (1 + lines)).repeat(points), margin / (1 + margins) ** 2, height / (1 + heights), np.ones(NUMBERS)
    return values, np.sqrt(np.concatenate(shares)), float(cost)


def _deviation(said: Evidence, view: View, numbers: Numbers) -> float:
    """The usual deviation of baselines, in line heights."""
    lines = _residuals(said, view, numbers[None])[0].reshape(-1, said.points.shape[1])[: len(said.points)]
    return float(np.median(np.hypot.reduce(lines, axis=1) / said.weights)) * STRAIGHT
