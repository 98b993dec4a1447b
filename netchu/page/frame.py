"""Lines of a page as plain numbers, turned so that they run to the right and follow one another downwards.

Reading order and regions are worked out in this frame, so right-to-left pages, vertical ones and pages that lie askew
or on their side are one case.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu.errors import NetchuError
from netchu.records import Point

Floats = NDArray[np.float64]
DIRECTIONS = ("ltr", "rtl", "vertical-rl")
RISE = 0.25  # of a line's height: how far its baseline is above the lower edge of its outline
TURNED = math.radians(30)  # a line that is more askew than this against the page's was written in another direction
STEEP = 0.6  # rows a column: no line is steeper in the frame, but for noise in short ones
LONG = 2.5  # heights: the direction of a shorter line says nothing


class Lined(Protocol):
    """What a line must have: records.Line, trace.FoundLine. One of the two may be empty."""

    @property
    def baseline(self) -> tuple[Point, ...]: ...

    @property
    def polygon(self) -> tuple[Point, ...]: ...


@dataclass(frozen=True)
class Frame:
    """n lines: ends `left`, `right` (n) along the page's direction of reading, baseline `base` at their middle and its
    `slope`, `top` and `foot` of the outline across, `height` of the outline; pixels. `angle` (n): against the page's,
    0 to pi / 2; `turned` (n): written in another direction. `size` is the usual height, `pitch` the usual distance of
    a baseline to the next. `axes` (2, 2): rows are the directions of reading and of the next line, in the picture.
    """

    left: Floats
    right: Floats
    base: Floats
    slope: Floats
    top: Floats
    foot: Floats
    height: Floats
    angle: Floats
    turned: NDArray[np.bool_]
    size: float
    pitch: float
    axes: Floats

    @property
    def middle(self) -> Floats:
        return (self.left + self.right) / 2

    @property
    def length(self) -> Floats:
        return self.right - self.left

    def at(self, lines: NDArray[np.intp], place: Floats) -> Floats:
        """Baselines of lines at places along the direction of reading; of their ends beyond those."""
        inside = np.clip(place, self.left[lines], self.right[lines])
        return np.asarray(self.base[lines] + self.slope[lines] * (inside - self.middle[lines]))

    def gaps(self) -> tuple[Floats, Floats]:
        """(n, n): how far lines overlap along the direction of reading, negative for a gap; and how far line j's
        baseline is below i's, measured in the middle of what they share or between their nearest ends.
        """
        left, right = np.maximum.outer(self.left, self.left), np.minimum.outer(self.right, self.right)
        place = (left + right) / 2
        lines = np.arange(len(self.left))
        first = self.at(np.repeat(lines, len(lines)), place.ravel()).reshape(place.shape)
        second = self.at(np.tile(lines, len(lines)), place.ravel()).reshape(place.shape)
        return right - left, second - first

    def picture(self, points: Floats) -> Floats:
        """Points (k, 2) of the frame in pixels of the picture."""
        return np.asarray(points @ self.axes)


def check_direction(direction: str) -> None:
    """Raises NetchuError when `direction` is none of DIRECTIONS."""
    if direction not in DIRECTIONS:
        raise NetchuError(f"direction: expected one of {', '.join(DIRECTIONS)}, found {direction!r:.40}")


def check_lines(lines: Sequence[Lined]) -> None:
    """Raises NetchuError that names the first line that has no place on a page."""
    for place, line in enumerate(lines):
        if len(line.baseline) < 2 and len(line.polygon) < 3:
            raise NetchuError(f"lines[{place}]: has neither baseline nor polygon, so it has no place on the page")
        if not all(math.isfinite(x) and math.isfinite(y) for x, y in (*line.baseline, *line.polygon)):
            raise NetchuError(f"lines[{place}]: a point is no number; leave the line out or mend it")


def frame_of(lines: Sequence[Lined], direction: str = "ltr") -> Frame:
    """The frame of one line or more that `check_lines` has seen."""
    strokes, outlines = zip(*(_arrays(line, direction) for line in lines))
    chords = np.array([stroke[-1] - stroke[0] for stroke in strokes])
    along = _direction(chords, _upward(strokes, outlines), direction)
    down = np.array([-along[1], along[0]])
    if direction == "rtl":
        along = -along
    axes = np.stack([along, down])
    lengths = np.hypot(chords[:, 0], chords[:, 1])
    angle = np.arctan2(np.abs(chords @ down), np.abs(chords @ along))
    ends = np.array([_ends(stroke @ axes.T, outline @ axes.T) for stroke, outline in zip(strokes, outlines)])
    left, right, base, slope, top, foot = ends.T
    bare = np.array([len(outline) < 3 for outline in outlines])
    areas = np.array([0.0 if len(o) < 3 else cv2.contourArea(o.astype(np.float32)) for o in outlines])
    height = areas / np.maximum(np.maximum(right - left, lengths), 1e-9)
    pitch = _pitch(left, right, base)
    known = height[~bare & (height > 0)]
    size = float(np.median(known)) if len(known) else 0.7 * pitch if pitch else 0.05 * float(lengths.max() or 1.0)
    height = np.where(bare | (height <= 0), size, height)
    top, foot = np.where(bare, base - (1 - RISE) * size, top), np.where(bare, base + RISE * size, foot)
    turned = (angle > TURNED) & (lengths > LONG * size)
    pitch = min(max(pitch, 0.6 * size), 3 * size) if pitch else 1.4 * size
    return Frame(left, right, base, slope, top, foot, height, angle, turned, size, pitch, axes)


def _arrays(line: Lined, direction: str) -> tuple[Floats, Floats]:
    """A line's baseline (k, 2), k at least 2, and outline (m, 2), which may be none."""
    outline = np.asarray(line.polygon or np.empty((0, 2)), dtype=np.float64)
    stroke = np.asarray(line.baseline or np.empty((0, 2)), dtype=np.float64)
    if len(stroke) > 1 and (len(outline) < 3 or np.ptp(stroke, axis=0).max() > 0):
        return stroke, outline
    corners = cv2.boxPoints(cv2.minAreaRect(outline.astype(np.float32))).astype(np.float64)
    sides = corners[1] - corners[0], corners[2] - corners[1]
    wide, high = sorted((float(np.hypot(*side)) for side in sides), reverse=True)
    upright = direction == "vertical-rl"
    if wide <= 1.5 * high:  # too square to say which way it runs
        (x0, y0), (x1, y1) = outline.min(axis=0), outline.max(axis=0)
        across = [[(x0 + x1) / 2, y0], [(x0 + x1) / 2, y1]]
        return np.array(across if upright else [[x0, y1 - RISE * (y1 - y0)], [x1, y1 - RISE * (y1 - y0)]]), outline
    long = max(sides, key=lambda side: float(np.hypot(*side)))
    long = long * (1 if long[1 if upright else 0] >= 0 else -1)
    lower = np.array([-long[1], long[0]]) / wide * (0 if upright else high * (0.5 - RISE))
    middle = corners.mean(axis=0) + lower
    return np.stack([middle - long / 2, middle + long / 2]), outline


def _upward(strokes: Sequence[Floats], outlines: Sequence[Floats]) -> Floats:
    """(n, 2): from each baseline to the middle of its outline, for letters stand on their baseline; 0 where unknown."""
    sides = np.zeros((len(strokes), 2))
    for place, (stroke, outline) in enumerate(zip(strokes, outlines)):
        if len(outline) > 2:
            along = stroke[-1] - stroke[0]
            normal = np.array([along[1], -along[0]]) / max(float(np.hypot(*along)), 1e-9)
            away = outline.sum(axis=0) / len(outline) - stroke.sum(axis=0) / len(stroke)
            sides[place] = normal * float(away @ normal)
    return sides


def _direction(chords: Floats, upward: Floats, direction: str) -> Floats:
    """The page's direction of reading, as if it were left to right: a unit vector.

    The usual direction of the lines, longer ones counting for more, whichever way their baselines are drawn; then the
    way that has the letters on their feet.
    """
    weights = np.hypot(chords[:, 0], chords[:, 1])
    angles = np.arctan2(chords[:, 1], chords[:, 0]) % np.pi
    wanted = np.pi / 2
    if direction != "vertical-rl":
        near = np.abs((angles[:, None] - angles[None] + np.pi / 2) % np.pi - np.pi / 2) < math.radians(5)
        wanted = float(angles[(near * weights).sum(axis=1).argmax()])
    off = (angles - wanted + np.pi / 2) % np.pi - np.pi / 2
    like = np.abs(off) < math.radians(20)
    if like.any() and weights[like].sum() > 0:
        order = np.argsort(off[like], kind="stable")
        total = np.cumsum(weights[like][order])
        wanted += float(off[like][order][np.searchsorted(total, total[-1] / 2)])
    along = np.array([math.cos(wanted), math.sin(wanted)])
    if direction == "vertical-rl":
        return along if along[1] > 0 else -along
    up = float((upward @ np.array([along[1], -along[0]]) * weights).sum())
    if not upward.any():
        way = float((chords @ along).sum()) * (-1 if direction == "rtl" else 1)
        up = float(along[0]) if abs(along[0]) > 0.5 else way
    return along if up >= 0 else -along


def _ends(stroke: Floats, outline: Floats) -> tuple[float, ...]:
    """left, right, base, slope, top and foot of a line in the frame; top and foot hold what most of the outline does,
    so that one long stroke does not make a line tall.
    """
    left, right = float(stroke[:, 0].min()), float(stroke[:, 0].max())
    steps = np.hypot(*np.diff(stroke, axis=0).T)
    share = (np.append(steps, 0) + np.append(0, steps)) / 2 if steps.sum() > 0 else np.ones(len(stroke))
    share = share / share.sum()
    u, v = share @ stroke[:, 0], share @ stroke[:, 1]
    spread = float(share @ (stroke[:, 0] - u) ** 2)
    slope = float(share @ ((stroke[:, 0] - u) * (stroke[:, 1] - v))) / spread if spread > 0 else 0.0
    slope = min(max(slope, -STEEP), STEEP)
    base = float(v + slope * ((left + right) / 2 - u))
    if len(outline) < 3:
        return left, right, base, slope, base, base
    edge = np.sort(outline[:, 1])  # half of what is over the baseline reaches the top, half of the rest the foot
    under = int(np.searchsorted(edge, v, "right"))
    top, foot = float(edge[under // 2]), float(edge[min((under + len(edge)) // 2, len(edge) - 1)])
    return left, right, base, slope, min(top, base), max(foot, base)


def _pitch(left: Floats, right: Floats, base: Floats) -> float:
    """The usual distance to the next line below that stands under at least half of the shorter; 0 where none does."""
    shared = np.minimum.outer(right, right) - np.maximum.outer(left, left)
    below = base[None] - base[:, None]
    least = 0.5 * np.minimum.outer(right - left, right - left)
    steps = np.where((shared > least) & (below > 0), below, np.inf).min(axis=1)
    steps = steps[np.isfinite(steps)]
    return float(np.median(steps)) if len(steps) else 0.0
