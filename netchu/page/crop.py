"""Lines cut out of a page along their baselines, so that what was slanting, bent or upright lies straight for a reader.

A strip is sampled from the page: a column for each pixel of the baseline's length, straight across it there. Its
height is the same all along the line, so letters keep their shape where the outline comes and goes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu.image import Grey
from netchu.page.frame import Lined
from netchu.page.maps import Track, track
from netchu.records import Point

Numbers = NDArray[np.float64]
MARGIN = 0.03  # share of the line's height added above and below it
BEYOND = 0.1  # and before and behind it: found baselines stop inside the last letter
REACH = 0.8  # quantile of the outline's extent along the line that is its height: one flourish does not shrink all
TALLEST = 160  # pixels: taller strips are sampled coarser, from a page made smaller first; no reader looks closer
LEAST = 4.0  # pixels: no line is lower than that
SAMPLE = 32_000  # columns: what cv2.remap takes


@dataclass(frozen=True)
class Cut:
    """A line lying straight: grey (h, w), and where its pixels come from.

    `middle` and `up`, (n, 2): points along the baseline `step` strip pixels apart, and there the way up, in pixels of
    the page; `above`: the baseline's row in the strip; `scale`: pixels of the page to one of the strip.
    """

    picture: Grey
    middle: Numbers
    up: Numbers
    above: float
    scale: float

    def to_page(self, points: Numbers) -> Numbers:
        """(n, 2) of the strip -> (n, 2) of the page, pixels."""
        at = np.asarray(points, dtype=np.float64)
        places = np.arange(len(self.middle)) + 0.5
        x = np.clip(at[:, 0], 0, self.picture.shape[1])
        base, up = (
            np.stack([np.interp(x, places, values[:, axis]) for axis in (0, 1)], axis=1)
            for values in (self.middle, self.up)
        )
        found: Numbers = base + up * ((self.above - at[:, 1]) * self.scale)[:, None]
        return found


def cut_lines(grey: Grey, lines: Iterable[Lined]) -> list[Cut]:
    """A page (h, w) and lines on it -> a strip for each, in order.

    A line without a baseline gets one a fifth of its height over the lower edge of its outline; a line without an
    outline is taken to be as tall as is usual on the page. Beyond the page its edge goes on.
    """
    tracks = [_track(line) for line in lines]
    known = [_extents(each) for each in tracks]
    usual = [sum(each) for each in known if each is not None]
    tall = float(np.median(usual)) if usual else max(LEAST, min(grey.shape) / 30)
    smaller: dict[int, Grey] = {1: grey}
    return [_cut(smaller, each, extent or (0.75 * tall, 0.25 * tall)) for each, extent in zip(tracks, known)]


def _track(line: Lined) -> Track:
    baseline, polygon = line.baseline, line.polygon
    if len(set(baseline)) < 2:
        baseline = _assumed(polygon if len(polygon) > 2 else baseline)
    body = np.asarray(polygon if len(polygon) > 2 else baseline, dtype=np.float32)
    return track(baseline, polygon, max(1.0, min(cv2.minAreaRect(body)[1]) / 4))


def _assumed(outline: Sequence[Point]) -> tuple[Point, Point]:
    """A baseline for an outline that has none: level, or downwards where it is half as tall again as it is wide."""
    points = np.asarray(outline, dtype=np.float64)
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    if bottom - top >= 1.5 * (right - left):
        x = left + 0.2 * (right - left)
        return (x, top), (x, max(bottom, top + 1))
    y = bottom - 0.2 * (bottom - top)
    return (left, y), (max(right, left + 1), y)


def _extents(each: Track) -> tuple[float, float] | None:
    """How far a line reaches above and below its baseline, in pixels of the page; None where that is unknown."""
    if np.isnan(each[:, (0, 2)]).any():
        return None
    above, below = (np.quantile(np.hypot(*(each[:, side] - each[:, 1]).T), REACH) for side in (0, 2))
    more = max(0.0, LEAST - above - below)
    return float(above + more), float(below)


def _cut(smaller: dict[int, Grey], each: Track, extent: tuple[float, float]) -> Cut:
    """`smaller`: the page, made so many times as small; what is missing is added."""
    height = sum(extent)
    above, below = (reach + MARGIN * height for reach in extent)
    base, up = _even(each[:, 1], BEYOND * height, height)
    scale = max(1, math.ceil(len(base) / SAMPLE), math.floor((above + below) / TALLEST))
    if scale not in smaller:
        rows, columns = (max(1, -(-side // scale)) for side in smaller[1].shape)
        smaller[scale] = np.asarray(cv2.resize(smaller[1], (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)
    page = smaller[scale]
    first = min(scale // 2, len(base) - 1)
    base, up = base[first::scale], up[first::scale]
    rows = max(1, round((above + below) / scale))
    over = above / scale - (np.arange(rows) + 0.5)  # strip pixels over the baseline
    x, y = (
        ((base[None, :, axis] + up[None, :, axis] * over[:, None] * scale) * (side / whole) - 0.5).astype(np.float32)
        for axis, side, whole in zip((0, 1), page.shape[::-1], smaller[1].shape[::-1])
    )
    strip = cv2.remap(page, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return Cut(np.asarray(strip, np.uint8), base, up, above / scale, float(scale))


def _even(points: Numbers, beyond: float, height: float) -> tuple[Numbers, Numbers]:
    """A baseline as points a pixel apart, and the way up at each; so much longer at both ends.

    Directions are means over about the line's height: a kink must not fan letters out.
    """
    steps = np.hypot(*np.diff(points, axis=0).T)
    lengths = np.concatenate([[0.0], np.cumsum(steps)])
    reach = min(max(1, round(len(points) * height / max(lengths[-1], 1e-9))), max(1, (len(points) - 1) // 2))
    padded = np.pad(points, ((reach, reach), (0, 0)), mode="edge")
    along = padded[2 * reach :] - padded[: -2 * reach]
    along /= np.maximum(np.hypot(*along.T), 1e-9)[:, None]
    start, stop = points[0] - beyond * along[0], points[-1] + beyond * along[-1]
    corners = np.concatenate([start[None], points, stop[None]])
    ways = np.concatenate([along[:1], along, along[-1:]])
    places = np.concatenate([[-beyond], lengths, [lengths[-1] + beyond]])
    at = np.arange(max(1, round(places[-1] - places[0]))) + 0.5 + places[0]
    base, way = (
        np.stack([np.interp(at, places, values[:, axis]) for axis in (0, 1)], axis=1) for values in (corners, ways)
    )
    way /= np.maximum(np.hypot(*way.T), 1e-9)[:, None]
    return base, np.stack([way[:, 1], -way[:, 0]], axis=1)
