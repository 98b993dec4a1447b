"""What a line finder's network is taught to paint: the maps of a page, and the lines that they are painted from.

Maps are STRIDE times smaller than the picture that the network sees. A line is its baseline as points with, at each,
the top and the foot of its ink (Track). The ribbon along the baseline and what ends it at both sides follow Grüning,
Leifert, Strauß, Michael and Labahn 2019, "A Two-Stage Method for Text Line Detection in Historical Documents"
(ARU-Net); start apart from end is of Kiessling 2020, "A Modular Region and Text Line Layout Analysis System" (kraken).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu.records import Point

Floats = NDArray[np.float32]
Track = NDArray[np.float64]  # (points, 3, 2): top, baseline, foot of a line at each of its points; x, y

STRIDE = 4  # pixels of the picture to one of the maps
RIBBON, START, END, ABOVE, BELOW = range(5)  # the maps; the last two hold heights as `to_map` gives them
MAPS = 5
HALF = (0.07, 0.75, 2.0)  # half the ribbon's width: share of the line's height; least and most, in map pixels
INSIDE, OUTSIDE = 0.5, 1.5  # map pixels that the mark of a line's end reaches into the line and beyond it
TALL = 0.75  # share of the line's height above and below its baseline that these marks have
SPACING = 2.0  # map pixels between the points of a track, about
UNIT, LEAST = 16.0, 2.0  # pixels of the picture: heights are learnt as log((height + LEAST) / UNIT)


def to_map(height: Floats) -> Floats:
    """Heights in pixels of the network's picture -> what their maps hold: relative errors then count alike."""
    result: Floats = np.log((np.maximum(height, 0) + LEAST) / UNIT).astype(np.float32)
    return result


def from_map(value: Floats) -> Floats:
    """The reverse of to_map; never below 0."""
    result: Floats = np.maximum(np.exp(np.clip(value, -6, 6)) * UNIT - LEAST, 0).astype(np.float32)
    return result


def track(baseline: Sequence[Point], polygon: Sequence[Point], spacing: float) -> Track:
    """A line of the truth as points about `spacing` apart along its baseline, with its polygon's extent at each.

    The extent is looked for straight across the baseline; where the polygon has none at a point, that of the nearest
    points stands for it. Without a polygon tops and feet are NaN. Units are those of the points given.
    """
    corners = np.asarray(baseline, dtype=np.float64)
    corners = corners[np.concatenate([[True], np.abs(np.diff(corners, axis=0)).sum(axis=1) > 0])]
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))])
    count = max(2, round(lengths[-1] / spacing) + 1)
    at = np.linspace(0, lengths[-1], count)
    points = np.stack([np.interp(at, lengths, corners[:, axis]) for axis in (0, 1)], axis=1)
    up = _normals(points)
    if len(polygon) < 3:
        blank = np.full_like(points, np.nan)
        return np.stack([blank, points, blank], axis=1)
    above, below = _extents(points, up, np.asarray(polygon, dtype=np.float64))
    return np.stack([points + up * above[:, None], points, points - up * below[:, None]], axis=1)


def _normals(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 2): at each point the direction, of length 1, that is up for someone who reads along the line."""
    reach = max(1, min(4, len(points) // 4))  # a kink of the truth must not turn it far
    ends = np.pad(points, ((reach, reach), (0, 0)), mode="edge")
    along = ends[2 * reach :] - ends[: -2 * reach]
    along /= np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)[:, None]
    return np.stack([along[:, 1], -along[:, 0]], axis=1)


def _extents(
    points: NDArray[np.float64], up: NDArray[np.float64], polygon: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n,), (n,): how far the polygon reaches above and below each point along `up`; at least 0."""
    ends = np.roll(polygon, -1, axis=0)
    side = ends - polygon
    from_start = polygon[None] - points[:, None]  # (n, m, 2)
    across = up[:, None, 0] * side[None, :, 1] - up[:, None, 1] * side[None, :, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = (from_start[..., 0] * side[None, :, 1] - from_start[..., 1] * side[None, :, 0]) / across
        share = (from_start[..., 0] * up[:, None, 1] - from_start[..., 1] * up[:, None, 0]) / across
    hit = (share >= 0) & (share <= 1) & (across != 0)
    found = []
    for sign in (1, -1):
        far = np.where(hit, sign * reach, -np.inf).max(axis=1)
        known = np.isfinite(far)
        if not known.any():  # the baseline lies wholly beside its polygon
            far, known = np.full(len(points), np.ptp(polygon, axis=0).min() / 2), np.ones(len(points), bool)
        places = np.arange(len(points))
        found.append(np.maximum(np.interp(places, places[known], far[known]), 0))
    return found[0], found[1]


def paint(tracks: Sequence[Track], shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """The maps (MAPS, h, w) of lines whose points are in pixels of the network's picture; `shape` is that of the maps.

    And where heights are known, (h, w): the ribbons of lines that have a polygon. Elsewhere the last two maps are 0.
    """
    maps = np.zeros((MAPS, *shape), dtype=np.float32)
    inner = np.zeros(shape, dtype=np.float32)
    known = np.zeros(shape, dtype=np.float32)
    heights = [_height(each) for each in tracks]
    usual = float(np.nanmedian(heights)) if tracks and not np.isnan(heights).all() else 8.0
    for each, height in zip(tracks, heights):
        tall = usual if np.isnan(height) else height
        half = float(np.clip(HALF[0] * tall, *HALF[1:]))
        base = _to_pixels(each[:, 1])
        up = _normals(base)
        _ribbon(maps[RIBBON], base, up, half)
        inside = _shortened(base, INSIDE)
        if len(inside) > 1:
            _ribbon(inner, inside, _normals(inside), half)
        for kind, at, sign in ((START, 0, 1), (END, -1, -1)):
            mark = _mark(base[at], up[at], sign, (_extent(each[at], tall)))
            _fill(maps[kind], mark)
        if not np.isnan(height):
            _heights(maps, known, each, base, up, half + 1)
    maps[START : END + 1] *= 1 - inner  # a tall mark must not cut the lines above and below
    return maps, known


def _height(each: Track) -> float:
    """A line's usual height in map pixels; NaN where it has no polygon."""
    return float(np.median(np.hypot(*(each[:, 0] - each[:, 2]).T))) / STRIDE


def _to_pixels(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """From pixels of the picture, where 0 is the corner, to those of the maps, where whole numbers are centres."""
    return points / STRIDE - 0.5


def _extent(point: NDArray[np.float64], tall: float) -> tuple[float, float]:
    """How far a line reaches above and below one of its points, in map pixels."""
    if np.isnan(point).any():
        return 0.75 * tall, 0.25 * tall
    return (
        max(float(np.hypot(*(point[0] - point[1]))) / STRIDE, 0.4 * tall),
        max(float(np.hypot(*(point[2] - point[1]))) / STRIDE, 0.15 * tall),
    )


def _shortened(points: NDArray[np.float64], by: float) -> NDArray[np.float64]:
    """A polyline without so much of its length at both ends; empty where nothing is left."""
    steps = np.hypot(*np.diff(points, axis=0).T)
    lengths = np.concatenate([[0.0], np.cumsum(steps)])
    if lengths[-1] <= 2 * by:
        return points[:0]
    at = np.concatenate([[by], lengths[(lengths > by) & (lengths < lengths[-1] - by)], [lengths[-1] - by]])
    return np.stack([np.interp(at, lengths, points[:, axis]) for axis in (0, 1)], axis=1)


def _ribbon(plane: Floats, points: NDArray[np.float64], up: NDArray[np.float64], half: float) -> None:
    _fill(plane, np.concatenate([points + half * up, (points - half * up)[::-1]]))


def _mark(point: NDArray[np.float64], up: NDArray[np.float64], sign: int, tall: tuple[float, float]) -> Track:
    """The corners of what marks a line's start (sign 1) or end (-1)."""
    along = np.array([-up[1], up[0]]) * sign
    near, far = point + INSIDE * along, point - OUTSIDE * along
    top, foot = TALL * max(tall[0], 1.5) * up, TALL * max(tall[1], 1.5) * up
    return np.stack([near + top, far + top, far - foot, near - foot])


def _fill(plane: Floats, corners: NDArray[np.float64]) -> None:
    """Raise the pixels of a polygon to how much of them it covers, about."""
    low = np.floor(corners.min(axis=0)).astype(int) - 1
    high = np.ceil(corners.max(axis=0)).astype(int) + 2
    low, high = np.maximum(low, 0), np.minimum(high, plane.shape[::-1])
    if (low >= high).any():
        return
    patch = np.zeros((high[1] - low[1], high[0] - low[0]), dtype=np.uint8)
    fine = 4  # times: cv2's own smooth edges make thin shapes wider
    patch = np.repeat(np.repeat(patch, fine, axis=0), fine, axis=1)
    moved = np.round(((corners - low + 0.5) * fine - 0.5) * 16).astype(np.int32)
    cv2.fillPoly(patch, [moved], 255, cv2.LINE_8, 4)
    small = cv2.resize(patch, (int(high[0] - low[0]), int(high[1] - low[1])), interpolation=cv2.INTER_AREA)
    view = plane[low[1] : high[1], low[0] : high[0]]
    np.maximum(view, small.astype(np.float32) / 255, out=view)


def _heights(
    maps: Floats, known: Floats, each: Track, base: NDArray[np.float64], up: NDArray[np.float64], half: float
) -> None:
    """Lay down a line's heights along its ribbon, a little wider than that."""
    above = to_map(np.hypot(*(each[:, 0] - each[:, 1]).T).astype(np.float32))
    below = to_map(np.hypot(*(each[:, 2] - each[:, 1]).T).astype(np.float32))
    upper, lower = base + half * up, base - half * up
    quads = np.stack([upper[:-1], upper[1:], lower[1:], lower[:-1]], axis=1)
    corners = np.round(quads * 16).astype(np.int32)
    for place, quad in enumerate(corners):
        for plane, value in ((maps[ABOVE], above), (maps[BELOW], below), (known, None)):
            fill = 1.0 if value is None else float(value[place] + value[place + 1]) / 2
            cv2.fillConvexPoly(plane, quad, fill, cv2.LINE_8, 4)
