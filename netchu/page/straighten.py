"""From a picture of a page to the page as if it lay flat, upright and alone, with the way back to the picture's pixels.

look -> turn upright -> cut off surroundings -> even the light -> uncurl, or level; and a look at what each step made

Every step must be plainly called for, and undoing it exactly is always possible. A clean scan passes through untouched:
no pixel is resampled, and nothing is paid but the first look, which finding its lines needs anyway.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from netchu.image import Grey
from netchu.page.curl import Curl
from netchu.page.dewarp import Evidence, Fit, evidence, fit
from netchu.page.edges import sheet_edges
from netchu.page.flat import Affine, Flat, Step, resampled, turned
from netchu.page.light import evened, sheet_box
from netchu.page.orient import Find, Sureness, orientation
from netchu.page.trace import FoundLine

LEVEL = 3.0  # degrees of skew that are left: lines are cut along their baselines, and resampling costs sharpness
BENT = 0.06  # usual deviation of baselines, in line heights, from which lines alone may show a curl
SEEN = 3  # edges of the sheet, from which they may show it, too: then lines must only not contradict
AGREEING = 1.1  # times the deviation before that lines may then have on the sheet
EXPLAINED = 0.55  # share of it that may be left on the sheet
GAIN = 0.6  # of cost a line, for a sheet to be believed
MOVED = 0.003  # mean displacement, to the diagonal, under which a curl is left alone
KEPT, MOST = 0.97, 1.3  # times as much as before that must, and may, be found on a picture, or it is given up
HIDDEN = 0.02  # share of the picture that a sheet may hide, away from all lines
GROWN = 0.15  # of the diagonal, that the flat picture may reach beyond the lines
LARGEST = 2.0  # times as many pixels as the picture: a sheet that would need more is not believed
LONGEST = 32_000  # pixels of a side that can be resampled


def straighten(
    grey: Grey,
    finder: Find,
    sureness: Sureness | None = None,
    lines: Sequence[FoundLine] | None = None,
    light: bool = False,
) -> Flat:
    """The flat picture of a page (h, w), the lines found on it, and the way back: see Flat.

    `finder` finds lines in a picture; `lines` are what it finds in this one, where that is known. Only with `sureness`
    (see orient.orientation) is a page turned by quarters. `light` evens shadows out, for people to look at: models that
    read see each line's own light, and read no better for it. A picture with a side over
    LONGEST stays as it is.
    """
    flat = Flat(grey, tuple(finder(grey) if lines is None else lines))
    if max(grey.shape) > LONGEST:
        return flat
    if sureness is not None and (turn := orientation(grey, finder, sureness, flat.lines)):
        picture, step = turned(grey, turn)
        flat = Flat(picture, tuple(finder(picture)), (step,), turn)
    flat = _cropped(flat, finder)
    flat = _lit(flat, finder) if light else flat
    return _uncurled(flat, finder)


def _cropped(flat: Flat, finder: Find) -> Flat:
    """Without surroundings, unless a line was found there."""
    box = sheet_box(flat.picture)
    if box is None:
        return flat
    left, top, right, bottom = box
    for line in flat.lines:
        points = np.asarray(line.polygon or line.baseline)
        if (points.min(axis=0) < (left, top)).any() or (points.max(axis=0) > (right, bottom)).any():
            return flat
    picture = np.ascontiguousarray(flat.picture[top:bottom, left:right])
    step = Affine(((1.0, 0.0, float(left)), (0.0, 1.0, float(top))))
    return _looked(flat, finder, picture, step, cropped=True) or flat


def _lit(flat: Flat, finder: Find) -> Flat:
    picture = evened(flat.picture)
    return flat if picture is None else _looked(flat, finder, picture, None, lit=True) or flat


def _uncurled(flat: Flat, finder: Find) -> Flat:
    """Lying flat where its lines say what the sheet is like, else level where they say that."""
    height, width = flat.picture.shape
    size = (width, height)
    edges = sheet_edges(flat.picture)
    said = evidence(flat.lines, size, edges)
    if said is None:
        return flat
    if said.bent >= BENT or len(edges) >= SEEN:
        found = fit(said, size)
        if _is_plain(found, len(edges)) and _displacement(found.curl, said) >= MOVED * np.hypot(*size):
            uncurled = _resampled(flat, finder, _placed(found.curl, flat.lines, size), found.curl.numbers[0])
            if uncurled is not None:
                return replace(uncurled, dewarped=True)
    if abs(np.degrees(said.skew)) < LEVEL:
        return flat
    return _resampled(flat, finder, _levelled(size, said.skew), said.skew) or flat


def _resampled(flat: Flat, finder: Find, placed: tuple[Step, tuple[int, int]] | None, skew: float) -> Flat | None:
    """The picture that a step leads from, if as much is found on it as before."""
    if placed is None:
        return None
    step, size = placed
    picture = resampled(flat.picture, step, size)
    return _looked(flat, finder, picture, step, angle=float(np.degrees(skew)))


def _looked(flat: Flat, finder: Find, picture: Grey, step: Step | None, **done: Any) -> Flat | None:
    """The page with another picture and what is found there, or None where that is less than before, or far more."""
    lines = tuple(finder(picture))
    before = written(flat.lines)
    if before and not KEPT * before <= written(lines) <= MOST * before:
        return None
    steps = flat.steps if step is None else (step, *flat.steps)
    return replace(flat, picture=picture, lines=lines, steps=steps, **done)


def written(lines: Sequence[FoundLine]) -> float:
    """How much writing is found, in line heights, by how sure that is: the same at any scale."""
    return sum(
        line.confidence * float(np.hypot(*np.diff(np.asarray(line.baseline), axis=0).T).sum()) / line.height
        for line in lines
    )


def _is_plain(found: Fit, edges: int) -> bool:
    """Whether a sheet explains most of what is bent, or what its edges show, and much better than a flat one does."""
    if found.gain < GAIN:
        return False
    by_lines = found.before >= BENT and found.after <= EXPLAINED * found.before
    return by_lines or (edges >= SEEN and found.after <= max(AGREEING * found.before, BENT))


def _displacement(curl: Curl, said: Evidence) -> float:
    """How far, on the mean, lines are moved by a sheet, but for turning, shifting and scaling all of it: pixels."""
    seen = said.points.reshape(-1, 2)
    one, other = (points @ (1, 1j) for points in (curl.to_flat(seen), seen))
    one, other = one - one.mean(), other - other.mean()
    return float(np.abs(one * (np.vdot(one, other) / np.vdot(one, one)) - other).mean())


def _levelled(size: tuple[int, int], skew: float) -> tuple[Step, tuple[int, int]]:
    """The step that takes out a skew in radians, and the size of a picture that holds all of the page."""
    cos, sin = float(np.cos(skew)), float(np.sin(skew))
    width, height = size
    wide, high = (math.ceil(cos * one + abs(sin) * other) for one, other in ((width, height), (height, width)))
    left = width / 2 - (cos * wide - sin * high) / 2
    top = height / 2 - (sin * wide + cos * high) / 2
    return Affine(((cos, -sin, left), (sin, cos, top))), (wide, high)


def _lost(curl: Curl, size: tuple[int, int]) -> float:
    """The share of a picture that the sheet hides from the camera, or that lies beside it: no way leads back there."""
    share = (np.arange(24) + 0.5) / 24
    points = np.stack(np.meshgrid(share * size[0], share * size[1]), axis=-1).reshape(-1, 2)
    return float((np.abs(curl.to_original(curl.to_flat(points)) - points).max(axis=1) > 0.5).mean())


def _placed(curl: Curl, lines: Sequence[FoundLine], size: tuple[int, int]) -> tuple[Step, tuple[int, int]] | None:
    """The sheet with its corner where the flat picture begins, and that picture's size (width, height).

    It holds all lines and all of the page that is not far from them. None where the way back from the lines is not the
    way there, or the picture would be far larger than the page was: such a sheet is none.
    """
    written = np.concatenate([np.asarray(line.polygon or line.baseline) for line in lines])
    share = np.linspace(0, 1, 33)
    zero = 0 * share
    edges = [np.stack(side, axis=1) for side in ((share, zero), (share, zero + 1), (zero, share), (zero + 1, share))]
    inner, outer = curl.to_flat(written), curl.to_flat(np.concatenate(edges) * size)
    if not np.allclose(curl.to_original(inner), written, atol=0.1) or _lost(curl, size) > HIDDEN:
        return None
    spare = GROWN * np.hypot(*size)
    low = np.minimum(np.maximum(outer.min(axis=0), inner.min(axis=0) - spare), inner.min(axis=0) - 1)
    high = np.maximum(np.minimum(outer.max(axis=0), inner.max(axis=0) + spare), inner.max(axis=0) + 1)
    width, height = (math.ceil(side) for side in high - low)
    if width * height > LARGEST * size[0] * size[1] or max(width, height) > LONGEST:
        return None
    return replace(curl, corner=(float(low[0]), float(low[1]))), (width, height)
