"""Crops of pages to train on: scaled, turned, bent, seen by a camera; and the maps that belong to them.

Crop k of a seed is the same whatever came before it: everything random in it is drawn from (seed, k).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu.data.ops import Canvas, Mix
from netchu.image import Grey
from netchu.page.detect import fitting_scale
from netchu.page.maps import STRIDE, Floats, Track, paint
from netchu.synth.camera import CAMERA
from netchu.synth.ink import Rng
from netchu.train.pages.truth import PageTruth

Plane = NDArray[np.float32]
SMALLEST, LARGEST = 0.55, 1.6  # times the size at which a page is looked at
TURN = 3.5  # degrees, s.d., at strength 1; no more than 9
QUARTER = 0.03  # share of crops that lie on a side or upside down
BEND = 7.0  # pixels, s.d. of what each knot of the bend moves
KNOTS = 160  # pixels between the knots
OUTSIDE = 80.0  # pixels beyond the crop's edges up to which lines are followed
ON_TEXT = 0.8  # share of crops that are laid over a line
TONES = Mix(CAMERA, weights={"perspective": 0, "curl": 0, "shape": 0, "binary": 2, "invert": 2, "jpeg": 1.5})
SHADE = 0.3  # share of crops with uneven light over all of the page


@dataclass(frozen=True)
class Crop:
    """A training picture with its maps. `counts` is 0 where nothing is to be learnt, `known` where heights are."""

    picture: Grey  # (size, size)
    maps: Floats  # (MAPS, size / STRIDE, size / STRIDE)
    known: Floats  # (size / STRIDE, size / STRIDE)
    counts: Floats


def cut(page: PageTruth, size: int, rng: Rng, strength: float) -> Crop:
    """A crop of size x size pixels, augmented; strength 0: upright, at the size at which pages are looked at."""
    picture = page.picture
    height, width = picture.shape
    factor = fitting_scale(width, height)
    if strength > 0:
        spread = np.log([SMALLEST, LARGEST]) * min(1.0, strength)
        factor *= float(np.exp(rng.uniform(*spread)))
    stretch = float(np.exp(np.clip(rng.normal(0, 0.06 * strength), -0.15, 0.15)))
    matrix = _turned(rng, strength) @ np.diag([factor * stretch, factor / stretch])
    shift = size / 2 - matrix @ _aim(page, (width, height), rng) + rng.uniform(-size / 4, size / 4, 2)
    bend = _bend(size, rng, strength)
    grey = _seen(picture, matrix, shift, bend, size, rng)
    side = size // STRIDE
    maps, known = paint(_within(page.tracks, matrix, shift, bend), (side, side))
    counts = np.ones((side, side), dtype=np.float32)
    for area in page.ignored:
        corners = np.round(_moved(area, matrix, shift, bend) / STRIDE).astype(np.int32)
        cv2.fillPoly(counts, [corners], 0.0)
    counts = np.maximum(counts, (maps[:3].max(axis=0) > 0.01).astype(np.float32))
    return Crop(toned(grey, rng, strength), maps, known, counts)


def _turned(rng: Rng, strength: float) -> NDArray[np.float64]:
    """A turn, now and then by quarters, and a shear."""
    degrees = float(np.clip(rng.normal(0, TURN), -9, 9)) * min(1.0, strength)
    quarter, which = rng.random(), int(rng.integers(1, 4))
    if quarter < QUARTER * strength:
        degrees += 90 * which
    angle = np.radians(degrees)
    shear = float(rng.normal(0, 0.04)) * strength
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return turn @ np.array([[1.0, shear], [0.0, 1.0]])


def _aim(page: PageTruth, shape: tuple[int, int], rng: Rng) -> NDArray[np.float64]:
    """A point of the page that is to lie in the crop: mostly one on a line."""
    anywhere = rng.uniform(0, 1, 2) * shape
    text, which, along = rng.random(), rng.random(), rng.random()
    if not page.tracks or text > ON_TEXT:
        return anywhere
    line = page.tracks[int(which * len(page.tracks))]
    return np.asarray(line[int(along * len(line)), 1])


def _bend(size: int, rng: Rng, strength: float) -> Plane:
    """(2, size, size): what each pixel of the crop looks to the right and down of its own place, smooth."""
    count = size // KNOTS + 4
    amount = BEND * strength * float(rng.uniform(0, 1)) * (rng.random() < 0.6)
    knots = rng.normal(0, 1, (2, count, count)).astype(np.float32) * np.float32(amount)
    coarse = KNOTS // 8  # first to an 8th of the crop's pixels: a spline that is linear there is as smooth
    planes = []
    for plane in knots:
        plane = cv2.resize(plane, (count * coarse, count * coarse), interpolation=cv2.INTER_CUBIC)
        part = plane[
            coarse : coarse - (-size // 8), coarse : coarse - (-size // 8)
        ]  # the spline's own edges lie outside
        planes.append(cv2.resize(part, (part.shape[1] * 8, part.shape[0] * 8))[:size, :size])
    return np.stack(planes)


def _seen(
    picture: Grey, matrix: NDArray[np.float64], shift: NDArray[np.float64], bend: Plane, size: int, rng: Rng
) -> Grey:
    """The crop's pixels: a part of the page made smaller by areas, as reading does, then turned and bent."""
    scale = float(np.sqrt(abs(np.linalg.det(matrix))))
    back = np.linalg.inv(matrix)
    reach = np.abs(bend).max() + 4
    box = np.array([[-reach, -reach], [size + reach, -reach], [size + reach, size + reach], [-reach, size + reach]])
    there = (box - shift) @ back.T
    rows, columns = picture.shape
    low = np.clip(np.floor(there.min(axis=0)).astype(int), 0, [columns - 1, rows - 1])
    high = np.clip(np.ceil(there.max(axis=0)).astype(int), low + 1, [columns, rows])
    part = picture[low[1] : high[1], low[0] : high[0]]
    sides = [max(1, round((high[axis] - low[axis]) * scale)) for axis in (0, 1)]
    part = cv2.resize(part, (sides[0], sides[1]), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)  # type: ignore[assignment]
    shrink = np.array(sides) / (high - low)
    way = (back * shrink[:, None]).astype(np.float32)
    start = ((-shift @ back.T - low) * shrink - 0.5).astype(np.float32)
    middles = np.arange(size, dtype=np.float32) + np.float32(0.5)
    across, down = bend[0] + middles, bend[1] + middles[:, None]
    maps = [row[0] * across + row[1] * down + first for row, first in zip(way, start)]
    fill, paper = rng.random(), int(rng.integers(0, 256))
    border = (cv2.BORDER_REPLICATE, 0) if fill < 0.5 else (cv2.BORDER_CONSTANT, paper if fill < 0.8 else 0)
    result = cv2.remap(part, maps[0], maps[1], cv2.INTER_LINEAR, borderMode=border[0], borderValue=border[1])
    return np.asarray(result, dtype=np.uint8)


def _moved(points: NDArray[np.float64], matrix: NDArray[np.float64], shift: NDArray[np.float64], bend: Plane) -> Track:
    """Points (..., 2) of the page as the crop shows them."""
    straight = points @ matrix.T + shift
    size = bend.shape[1]
    result = straight
    for _ in range(3):  # a pixel p shows what lies at p + bend(p): the reverse by fixed point
        with np.errstate(invalid="ignore"):
            places = np.clip(np.nan_to_num(result), 0, size - 1).astype(int)
        result = straight - bend[:, places[..., 1], places[..., 0]].transpose(*range(1, places.ndim), 0)
    return result


def _within(
    tracks: Sequence[Track], matrix: NDArray[np.float64], shift: NDArray[np.float64], bend: Plane
) -> list[Track]:
    """The lines that the crop shows, as it shows them, without what lies far outside."""
    if not tracks:
        return []
    moved = _moved(np.concatenate(tracks), matrix, shift, bend)
    near = (np.abs(moved[:, 1] - bend.shape[1] / 2) < bend.shape[1] / 2 + OUTSIDE).all(axis=1)
    found, start = [], 0
    for each in tracks:
        places = np.flatnonzero(near[start : start + len(each)])
        if len(places):
            first, last = max(0, places[0] - 1), min(len(each) - 1, places[-1] + 1)
            found.append(moved[start + first : start + last + 1])
        start += len(each)
    return found


def toned(grey: Grey, rng: Rng, strength: float) -> Grey:
    """What light and camera do."""
    if strength <= 0:
        return grey
    if rng.random() < SHADE * strength:
        knots = rng.normal(0, 0.25, (3, 3)).astype(np.float32)
        shade = np.exp(np.minimum(cv2.resize(knots, grey.shape[::-1], interpolation=cv2.INTER_CUBIC), 0.2))
        grey = np.clip(grey * shade, 0, 255).astype(np.uint8)
    gamma = float(np.exp(rng.normal(0, 0.2 * strength)))
    table = (255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
    canvas = Canvas(cv2.LUT(grey, table), unit=10.0)  # type: ignore[arg-type]
    TONES(canvas, rng, 0.7 * strength, "picture")
    return canvas.settle()


@dataclass(frozen=True)
class Batch:
    """Crops as arrays: pictures uint8 (N, size, size), maps (N, MAPS, h, w), known and counts (N, h, w)."""

    pictures: Grey
    maps: Floats
    known: Floats
    counts: Floats


def stacked(crops: Sequence[Crop]) -> Batch:
    """Crops of one size as a batch."""
    names = ("picture", "maps", "known", "counts")
    return Batch(*(np.stack([getattr(crop, name) for crop in crops]) for name in names))
