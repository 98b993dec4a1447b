"""From the lines of a page to the sheet that they are written on: found by least squares, or not at all.

Lines of writing are straight, level and parallel on the sheet; lines that begin or end under one another do so upright;
and writing is about equally high all over. Only what lines say plainly is believed: see `fit`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from netchu.page.curl import FOCAL, NUMBERS, Curl, Numbers, View, on_sheet
from netchu.page.trace import FoundLine

POINTS = 13  # of a baseline, evenly along it
LINES = 60  # more than these tell nothing new
FEWEST = 5  # lines that can tell of a sheet
LONG = 5.0  # line heights: shorter ones are too wavy to tell
COVERED = 0.3  # share of the picture's width that the longest lines must reach over
LAGS = (1, 2, 4, 8)  # lines between those whose ends are compared
# What a deviation is divided by, one unit being as unlikely for each: of baselines and margins in line heights.
STRAIGHT, MARGIN, HEIGHT = 0.12, 0.5, 0.25
LIKELY = np.array([0.35, 0.25, 0.25, 0.25, 0.12, 0.12])  # of the numbers of a sheet: as flat as can be
STARTS = ((0.0, 0.0), (0.25, 0.1), (0.25, -0.1), (-0.25, 0.1), (-0.25, -0.1))  # pitch, curl: several valleys
ROUGH, FINE = 4, 14  # steps of the search from each start, and from the best


@dataclass(frozen=True)
class Evidence:
    """What lines say, in pixels: `points` (lines, POINTS, 2), `heights` (lines,), `weights` (lines,), sum 1 a line.

    `pairs` (k, 3): two lines, and 0 or 1 where their starts or their ends are compared. `height`: of a usual line.
    """

    points: Numbers
    heights: Numbers
    weights: Numbers
    pairs: NDArray[np.int64]
    height: float


@dataclass(frozen=True)
class Fit:
    """A sheet and how well it explains the lines: the usual deviation of baselines from straight and level ones in line
    heights, on the picture as it is (but for its skew) and on the sheet; and that of aligned line ends likewise."""

    curl: Curl
    before: float
    after: float
    margins_before: float
    margins_after: float
    cost_before: float
    cost_after: float


def evidence(lines: Sequence[FoundLine]) -> Evidence | None:
    """What the longer lines of a page say; None where too few are found to say anything."""
    chosen = [line for line in lines if len(line.baseline) > 1 and _length(line) >= LONG * line.height]
    chosen = sorted(sorted(chosen, key=lambda line: -_length(line))[:LINES], key=lambda line: line.baseline[0][1])
    if len(chosen) < FEWEST:
        return None
    points = np.stack([_evenly(line) for line in chosen])
    heights = np.array([line.height for line in chosen])
    lengths = np.array([_length(line) for line in chosen])
    weights = np.sqrt(lengths / lengths.mean())
    return Evidence(points, heights, weights, _pairs(points, float(np.median(heights))), float(np.median(heights)))


def fit(said: Evidence, size: tuple[int, int]) -> Fit:
    """The likeliest sheet for what lines say on a picture of `size` (width, height).

    Levenberg and Marquardt's method from STARTS, with weights that let go of lines which do not agree. The position of
    a line on the sheet needs no parameter: it is the mean of its points.
    """
    view = _view(said, size)
    roll = float(np.median(_slopes(said.points)))
    starts = [np.array([roll, pitch, 0.0, curl, 0.0, 0.0]) for pitch, curl in STARTS]
    few = replace(said, points=said.points[:, :: POINTS // 4])
    rough = [_search(few, view, start, ROUGH) for start in starts]
    numbers, _ = min(rough, key=lambda found: found[1])
    numbers, cost = _search(said, view, numbers, FINE)
    level = np.zeros(NUMBERS)
    level[0] = roll
    flat = _weighed(said, view, level[None], POINTS)[2]
    (before, margins), (after, margins_after) = (_deviations(said, view, each) for each in (level, numbers))
    return Fit(Curl(tuple(map(float, numbers)), view), before, after, margins, margins_after, flat, cost)


def _length(line: FoundLine) -> float:
    return float(np.hypot(*np.diff(np.asarray(line.baseline), axis=0).T).sum())


def _evenly(line: FoundLine) -> Numbers:
    """POINTS points along a baseline, each the mean of what is around it: (POINTS, 2)."""
    corners = np.asarray(line.baseline, dtype=np.float64)
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))])
    at = np.linspace(0, lengths[-1], 4 * (POINTS - 1) + 1)
    fine = np.stack([np.interp(at, lengths, corners[:, axis]) for axis in (0, 1)], axis=1)
    smooth = fine.copy()
    for axis in (0, 1):
        padded = np.concatenate([2 * fine[:1, axis] - fine[2:0:-1, axis], fine[:, axis],
                                 2 * fine[-1:, axis] - fine[-2:-4:-1, axis]])  # fmt: skip
        smooth[:, axis] = np.convolve(padded, np.full(5, 0.2), "valid")
    return smooth[::4]


def _slopes(points: Numbers) -> Numbers:
    """(lines,): the angle of each line's chord, radians."""
    chord = points[:, -1] - points[:, 0]
    return np.arctan2(chord[:, 1], chord[:, 0])


def _pairs(points: Numbers, height: float) -> NDArray[np.int64]:
    """Lines whose starts (0) or ends (1) may stand under one another: those a few lines apart that nearly do."""
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
    """Deviations of m sheets, each in its own unit: of baselines (m, lines * points), margins (m, k), heights (m, l)."""
    count, points = said.points.shape[:2]
    x, y, depth = (each.reshape(len(numbers), count, points) for each in on_sheet(said.points.reshape(-1, 2), numbers, view))
    # In pixels of the picture: else a sheet far away would make all deviations small.
    scale = view.focal / depth
    off = (y - y.mean(axis=2, keepdims=True)) * scale / (STRAIGHT * said.height)
    straight = off * (said.weights / np.sqrt(points))[:, None]
    one, other, side = said.pairs.T
    last = -side
    across = (x[:, other, last] - x[:, one, last]) * (scale[:, other, last] + scale[:, one, last]) / 2
    margins = across / (MARGIN * said.height)
    tall = np.log(said.heights * depth.mean(axis=2))
    heights = (tall - np.median(tall, axis=1, keepdims=True)) / HEIGHT
    return straight.reshape(len(numbers), -1), margins, heights


def _search(said: Evidence, view: View, start: Numbers, steps: int) -> tuple[Numbers, float]:
    """From a sheet (NUMBERS,) to the best one near it, and its cost."""
    numbers, damping = start, 1e-2
    count = said.points.shape[1]
    values, weights, cost = _weighed(said, view, numbers[None], count)
    for _ in range(steps):
        around = numbers + np.concatenate([np.zeros((1, NUMBERS)), 1e-5 * np.eye(NUMBERS)])
        all_values = _stacked(said, view, around)
        slopes = (all_values[1:] - all_values[0]) / 1e-5 * weights
        gradient = slopes @ (all_values[0] * weights)
        square = slopes @ slopes.T
        for _ in range(4):
            step = np.linalg.solve(square + damping * np.diag(np.diag(square)), gradient)
            tried = numbers - step
            _, new_weights, new_cost = _weighed(said, view, tried[None], count)
            if new_cost < cost:
                break
            damping *= 6
        else:
            break
        gain, numbers, weights, cost, damping = cost - new_cost, tried, new_weights, new_cost, damping / 5
        if gain < 1e-4 * cost:
            break
    return numbers, cost


def _stacked(said: Evidence, view: View, numbers: Numbers) -> Numbers:
    parts = _residuals(said, view, numbers)
    return np.concatenate([*parts, numbers / LIKELY * [0, 1, 1, 1, 1, 1]], axis=1)


def _weighed(said: Evidence, view: View, numbers: Numbers, points: int) -> tuple[Numbers, Numbers, float]:
    """Deviations (r,), the root of how much each counts, and the cost; of one sheet (1, NUMBERS).

    Whole lines count less the less they agree (Cauchy), line ends hardly where they are not aligned (Geman, McClure).
    """
    straight, margins, heights = (part[0] for part in _residuals(said, view, numbers))
    lines = (straight.reshape(-1, points) ** 2).sum(axis=1)
    prior = (numbers[0] / LIKELY)[1:]
    square = margins**2
    # A margin is one thing, however many pairs of lines show it.
    share = MARGINS / max(len(margins), 1)
    tall = heights**2
    height_share = HEIGHTS / len(heights)
    cost = float(
        4 * np.log1p(lines / 4).sum() + share * (square / (1 + square)).sum()
        + height_share * np.log1p(tall).sum() + (prior**2).sum()
    )  # fmt: skip
    weights = np.concatenate([
        np.repeat(1 / (1 + lines / 4), points),
        share / (1 + square) ** 2,
        height_share / (1 + tall),
        np.ones(NUMBERS),
    ])  # fmt: skip
    values = np.concatenate([straight, margins, heights, numbers[0] / LIKELY])
    return values, np.sqrt(weights), cost


def _deviations(said: Evidence, view: View, numbers: Numbers) -> tuple[float, float]:
    """The usual deviation of baselines, and of such line ends as stand under one another, both in line heights."""
    count = said.points.shape[1]
    straight, margins, _ = (part[0] for part in _residuals(said, view, numbers[None]))
    lines = np.sqrt((straight.reshape(-1, count) ** 2).sum(axis=1)) / said.weights * STRAIGHT
    near = margins[np.abs(margins) < 2.0]
    return float(np.median(lines)), float(np.sqrt(np.mean(near**2))) * MARGIN if len(near) else 0.0


MARGINS = 40.0  # what all aligned ends together count, in lines' deviations of one unit
HEIGHTS = 20.0  # and all heights
