"""Where in its picture a line stands: a line cut out loosely, or lying aslant, is framed as a reader expects it.

A reader sees a line at a fixed height. Wide margins above and below make its letters small, and a tilt of two degrees
over the length of a line does the same; both cost far more than any handwriting does (docs/experiments.md, entry 34).
So what stands well is left as it is, to the pixel, and the rest is sheared upright and cut to where its ink is. Columns
are never touched. The slope is the one that makes the rows' profile sharpest (Postl 1986, here strip by strip).

How wide a line is drawn is another matter. Hands differ threefold in how far apart their strokes stand, and where that
is far from what it learnt most of, a model that says so gets the line stretched (`stretch`; entry 39).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu.decode.positions import stand_up
from netchu.image import Grey, lay_flat
from netchu.records import Box, Line, Point

ROWS, COLUMNS = 32, 768  # the small picture in which ink is looked for: at most so many columns
LOOSE = 0.17  # share of the height that the core of a line may take before the line is cut to
SNUG = 0.22  # share that the core then gets: handwriting in Latin letters has 0.2 to 0.3
CORE = 0.6  # share of the ink that is its core: rather the small letters than how far the tall ones reach
LEAST = 0.5  # share that all of the ink then gets at least, should rules or capitals make its core wide
TRIM = 0.85  # share of the height: a frame that takes off less is worth nothing to the reader
AIR = 1.06  # times the ink's height: no less is cut to
STEEPEST = 0.13  # rise per column that is looked for: 7 degrees
RISE = 0.4  # of the ink's height, over the line's length: a smaller tilt is left to the reader
SHARPER = 1.06  # the profile must be that much sharper for it: short words have a slope by chance
LENGTH = 4.0  # ink at least so many times as long as high has a slope
LEAST_LENGTH = 1.2  # and can be a line at all
STROKES = 0.25  # strokes along a row, per height of ink: fewer are a rule, a dash, or the Chinese for one
SPECKS = 0.003  # share of the ink that may lie outside at either side
FEWEST = 8  # strokes: fewer do not tell how far apart a hand sets them
NEARER = 0.75  # of the way, in logarithms, to a model's pitch: the estimate is a rough one
NARROWEST, WIDEST = 0.8, 1.25  # times its width: no line is stretched further
FAINT = 18  # grey levels from the paper

Pitch = tuple[float, float]  # heights that strokes may stand apart: at least, at most


@dataclass(frozen=True)
class Frame:
    """Where a line stands in its picture of `height` rows: from row `top` in the middle column on, so many `rows`,
    sinking by `slope` rows a column. In pixels of the picture; `top` may lie outside."""

    height: int
    top: int
    rows: int
    slope: float = 0.0

    def cut(self, picture: Grey) -> Grey:
        """(h, w) -> (rows, w), lying straight; paper where the frame leaves the picture."""
        height, width = picture.shape
        if not self.slope:
            return picture[self.top : self.top + self.rows]
        moved = np.array([[1, 0, 0], [self.slope, 1, self.top - self.slope * width / 2]], dtype=np.float32)
        paper = int(np.median(picture[:: max(1, height // 64), :: max(1, width // 256)]))
        cut: Grey = cv2.warpAffine(
            picture, moved, (width, self.rows), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT, borderValue=paper,
        )  # type: ignore[assignment]  # fmt: skip
        return cut

    def back(self, line: Line, width: int) -> Line:
        """What was read in the cut of a picture of `width` columns, in the picture's own pixels."""

        def down(x: float, y: float) -> float:  # never out of the picture, as the paper added at a slope's ends is
            return min(float(self.height), max(0.0, y + self.top + self.slope * (x - width / 2)))

        def moved(box: Box) -> Box:
            left, top, right, bottom = box
            middle = (left + right) / 2
            return left, down(middle, top), right, down(middle, bottom)

        if self.rows == self.height and not self.slope:
            return line
        polygon: tuple[Point, ...] = tuple((x, down(x, y)) for x, y in line.polygon)
        chars = tuple(replace(char, box=moved(char.box)) for char in line.chars)
        words = tuple(replace(word, box=moved(word.box)) for word in line.words)
        return replace(line, polygon=polygon, chars=chars, words=words)


def find_frame(picture: Grey) -> Frame:
    """The frame of the line in a picture (h, w); all of it where the line stands well or nothing says where it is."""
    height, width = picture.shape
    whole = Frame(height, 0, height)
    if width < height or height < 8:
        return whole
    ink = _ink(picture)
    columns = np.flatnonzero(ink.any(axis=0))
    if not len(columns):
        return whole
    down, across = height / ink.shape[0], width / ink.shape[1]  # pixels of the picture a pixel of `ink`
    profile = ink.sum(axis=1, dtype=np.float64)
    top, bottom = _band(profile)
    length = (columns[-1] + 1 - columns[0]) * across
    slope = 0.0
    if length >= LENGTH * (bottom - top) * down / 3:  # aslant it may seem three times as high as it is
        found, tilted = _slope(ink, profile, down, across)
        first, last = _band(tilted)
        if length >= LENGTH * (last - first) * down and abs(found) * length >= RISE * (last - first) * down:
            slope, profile = found, tilted
            top, bottom = first - (len(tilted) - len(ink)) // 2, last - (len(tilted) - len(ink)) // 2
    band, core = bottom - top, _core(profile)
    if not slope and core >= LOOSE * ROWS and band >= LEAST * ROWS:
        return whole
    if length < LEAST_LENGTH * band * down or _strokes(ink).max() < STROKES * length / (band * down):
        return whole
    rows = min(height, max(8, round(max(min(core / SNUG, band / LEAST), AIR * band) * down)))
    if not slope and rows > TRIM * height:
        return whole
    first = round((top + bottom) / 2 * down - rows / 2)
    if not slope:  # never more than the picture shows
        first = min(max(first, 0), height - rows)
    if 2 * rows < height and not slope:  # so small a line was seen too coarsely: look again
        inner = find_frame(picture[first : first + rows])
        return Frame(height, first + inner.top, inner.rows, inner.slope)
    return Frame(height, first, rows, slope)


@dataclass(frozen=True)
class Framed:
    """A line as a reader is to see it, and the way back to the picture that it was in."""

    picture: Grey
    frame: Frame
    laid: bool = False  # it ran down, and lies on its side

    def back(self, line: Line) -> Line:
        """What was read in `picture`, in the pixels of the picture that was given."""
        line = self.frame.back(line, self.picture.shape[1])
        return _upright(line, self.frame.height) if self.laid else line


def frame(picture: Grey, vertical: bool = False) -> Framed:
    """The line in a picture (h, w), straight and cut to where its ink is; a tall one laid flat if they may run down."""
    flat = lay_flat(picture) if vertical else picture
    found = find_frame(flat)
    return Framed(found.cut(flat), found, flat.shape != picture.shape)


def stroke_pitch(picture: Grey) -> float:
    """How far apart the strokes of a framed line (h, w) stand, in heights of the picture; 0 where too few tell."""
    height, width = picture.shape
    if width < height or height < 8:
        return 0.0
    ink = _ink(picture)
    columns = np.flatnonzero(ink.any(axis=0))
    strokes = float(np.sort(_strokes(ink))[-2:].mean())  # a letter's rows differ, the fullest tell letters best
    return float(columns[-1] + 1 - columns[0]) / strokes / ROWS if strokes >= FEWEST else 0.0


def check_pitch(densest: float, widest: float) -> Pitch:
    """What ModelInfo.pitch holds. Raises ValueError for what cannot be one."""
    if not 0 < densest <= widest < math.inf:
        raise ValueError(f"pitch {densest:g} {widest:g}: expected two numbers above 0, the smaller one first")
    return densest, widest


def stretch(own: float, pitch: Pitch | None) -> float:
    """Times its width that a line is to be drawn whose strokes stand `own` heights apart (stroke_pitch), for them to
    stand nearer to what `pitch` allows; 1 where they do, where too few told and where a model names no pitch."""
    if not own or pitch is None:
        return 1.0
    wanted = min(pitch[1], max(pitch[0], own))
    return float(min(WIDEST, max(NARROWEST, (wanted / own) ** NEARER)))


def _upright(line: Line, columns: int) -> Line:
    """A line that was read lying on its side (image.lay_flat), in the pixels of the standing picture so wide."""
    chars = tuple(replace(char, box=stand_up(char.box, columns)) for char in line.chars)
    words = tuple(replace(word, box=stand_up(word.box, columns)) for word in line.words)
    top_left, top_right, bottom_right, bottom_left = ((columns - y, x) for x, y in line.polygon)
    return replace(line, polygon=(bottom_left, top_left, top_right, bottom_right), chars=chars, words=words)


def _ink(picture: Grey) -> NDArray[np.bool_]:
    """(h, w) -> (ROWS, w'): what is darker than the paper round it, or lighter where the ink is light."""
    height, width = picture.shape
    size = min(max(8, round(width * ROWS / height)), COLUMNS), ROWS
    every = picture[:: max(1, height // (2 * ROWS)), :: max(1, width // (2 * size[0]))]
    small: Grey = cv2.resize(every, size, interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]
    low, middle, high = _levels(small, 0.01, 0.5, 0.99)
    shape = cv2.getStructuringElement(cv2.MORPH_RECT, (11, 11))
    light = high - middle > middle - low
    hat = cv2.MORPH_TOPHAT if light else cv2.MORPH_BLACKHAT
    depth: Grey = cv2.morphologyEx(small, hat, shape)  # type: ignore[assignment]
    ink: NDArray[np.bool_] = depth > max(FAINT, 0.4 * _levels(depth, 0.99)[0])
    return ink


def _levels(picture: Grey, *shares: float) -> list[int]:
    """The greys below which such shares of the pixels lie."""
    total = np.cumsum(np.bincount(picture.ravel(), minlength=256))
    return [int(np.searchsorted(total, share * picture.size)) for share in shares]


def _band(profile: NDArray[np.float64]) -> tuple[int, int]:
    """First and one past the last row with ink, but for specks."""
    share = np.cumsum(profile) / profile.sum()
    return int(np.searchsorted(share, SPECKS, side="right")), int(np.searchsorted(share, 1 - SPECKS)) + 1


def _core(profile: NDArray[np.float64]) -> float:
    """Rows that the densest stretch with CORE of the ink takes."""
    share = np.concatenate(([0.0], np.cumsum(profile) / profile.sum()))
    starts = np.linspace(0, len(profile), 4 * len(profile) + 1)
    begin = np.interp(starts, np.arange(len(share)), share)
    starts, begin = starts[begin <= 1 - CORE], begin[begin <= 1 - CORE]
    return float((np.interp(begin + CORE, share, np.arange(len(share))) - starts).min())


def _slope(
    ink: NDArray[np.bool_], profile: NDArray[np.float64], down: float, across: float
) -> tuple[float, NDArray[np.float64]]:
    """The slope, in pixels of the picture, and the rows' profile along it; 0 where no slope makes it sharper."""
    rows, columns = ink.shape
    count = min(24, max(4, columns // 16))
    starts = np.arange(count) * columns // count
    strips = np.add.reduceat(ink, starts, axis=1, dtype=np.float64).T  # (strips, rows)
    middles = ((starts + np.append(starts[1:], columns)) / 2 - columns / 2) * across / down
    first, last = _band(profile)
    if _trend(strips, middles) < RISE / 2 * (last - first):
        return 0.0, profile
    reach = int(np.ceil(STEEPEST * abs(middles).max())) + 1
    size = rows + 2 * reach
    best, along = 0.0, np.pad(profile, reach)
    sharp = flat = float((profile**2).sum())
    for spread, steps in ((STEEPEST, 17), (STEEPEST / 8, 9)):
        slopes = np.clip(best + np.linspace(-spread, spread, steps), -STEEPEST, STEEPEST)
        moved = np.rint(reach - slopes[:, None] * middles).astype(np.int64)  # (steps, strips)
        place = moved[:, :, None] + np.arange(rows) + (np.arange(steps) * size)[:, None, None]
        weights = np.broadcast_to(strips, place.shape)
        profiles = np.bincount(place.ravel(), weights.ravel(), steps * size).reshape(steps, size)
        sharpness = (profiles**2).sum(axis=1)
        if sharpness.max() > sharp:
            found = int(sharpness.argmax())
            best, along, sharp = float(slopes[found]), profiles[found], float(sharpness[found])
        if not best:  # what a finer look could find is too little to matter
            break
    return (best, along) if sharp >= SHARPER * flat else (0.0, profile)


def _trend(strips: NDArray[np.float64], middles: NDArray[np.float64]) -> float:
    """Rows by which the middles of the ink of strips (n, rows) rise or sink from end to end: a cheap first look."""
    weight = strips.sum(axis=1)
    heights = strips @ np.arange(strips.shape[1]) / np.maximum(weight, 1)
    off = middles - np.average(middles, weights=weight)
    slope = float((weight * off * heights).sum()) / max(1e-9, float((weight * off**2).sum()))
    return abs(slope) * float(np.ptp(middles))


def _strokes(ink: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Strokes that each row of ink meets."""
    strokes: NDArray[np.int64] = (np.diff(ink, axis=1, prepend=False) & ink).sum(axis=1)
    return strokes
