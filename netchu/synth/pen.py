"""What a writer's hand and pen do to ink, whatever it was written with: ops of the stage "ink".

Slant, bends and drift only add to the canvas's displacements; the nib then redraws the strokes at their final size.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu.data.ops import Canvas, Op, Plane, Rng
from netchu.synth.hand import Hand, habit
from netchu.synth.ink import Mask

_SQUARE, _WIDE = np.ones((3, 3), np.uint8), np.ones((5, 5), np.uint8)
_WRITTEN = 0.4  # how far ink that comes from a hand already is moved
_FAT = 0.28  # width of a brush's strokes, in heights of an x
_DOT = 1.3  # radius of the smallest point, in pixels
_OVER = 1.375  # how far a cubic (a = -0.75) goes beyond its knots at most, along one axis


def hand_ops(hand: Hand, thickness: float, written: bool = False) -> tuple[Op, ...]:
    """The ops of one writer; `thickness` is the picture's pixels per pixel of a line of 64 rows.

    `written`: the ink comes from a hand already (pen strokes, pieces of real lines), so it is moved less and keeps its
    own strokes.
    """
    share = _WRITTEN if written else 1.0

    def slant(canvas: Canvas, rng: Rng, strength: float) -> None:
        rows = canvas.shape[0]
        lean = (hand.slant + float(np.clip(rng.normal(0, 0.03), -0.1, 0.1))) * strength * share
        canvas.bend(across=(lean * (np.arange(rows, dtype=np.float32) - rows * 0.6))[:, None])

    def waver(canvas: Canvas, rng: Rng, strength: float) -> None:
        rows, columns = canvas.shape
        em = _em(canvas)
        amount, knots = hand.warp * habit(rng, 0.25) * strength * share, max(3, round(columns / (em * 0.45)))
        fields = np.clip(rng.normal(0, amount, (2, 4, knots)), -0.11, 0.11).astype(np.float32) * em
        canvas.bend(_smooth(fields[0], rows, columns), _smooth(fields[1], rows, columns))

    def drift(canvas: Canvas, rng: Rng, strength: float) -> None:
        em = _em(canvas)
        slow = np.clip(rng.normal(0, hand.wander * 0.7, max(2, round(canvas.shape[1] / (em * 4)))), -0.15, 0.15)
        canvas.bend(down=_along(slow * (em * strength * share), canvas.shape[1]))

    def uneven(canvas: Canvas, rng: Rng, strength: float) -> None:
        rows, columns = canvas.shape
        tall = np.clip(rng.normal(0, hand.size * 0.8, max(3, round(columns / (_em(canvas) * 0.45)))), -0.15, 0.15)
        scale = _along(tall * (strength * share), columns)
        canvas.bend(down=(np.arange(rows, dtype=np.float32) - rows * 0.6)[:, None] * scale)

    def nib(canvas: Canvas, rng: Rng, strength: float) -> None:
        canvas.pad(*(4 * (int(hand.nib * thickness) + 2,)))  # strokes may grow
        mask = canvas.pixels
        width = min(hand.nib * thickness * float(rng.uniform(0.85, 1.15)), max(1.2, canvas.unit * 0.17))
        canvas.pixels = redraw(mask, width, hand.ball, max(_FAT * canvas.unit, 2 * width))

    moves = tuple(Op(act.__name__, "shape", "ink", act) for act in (slant, waver, drift, uneven))
    pens = (Op("broken", "pen", "ink", broken, chance=0.1),)
    return (*moves, *pens) if written else (*moves, Op("nib", "pen", "ink", nib), *pens)


def room(hand: Hand, rows: int, em: float, strength: float, written: bool = False) -> tuple[int, int]:
    """Empty rows above and below, and columns on each side, that ink of so many rows needs to be moved and not cut."""
    share = strength * (_WRITTEN if written else 1.0)
    wavers, drifts = 0.11 * _OVER, min(0.15, 3.2 * hand.wander)
    taller = min(0.3, 0.6 * _OVER * share * min(0.15, 3.6 * hand.size))  # rows, per row
    down = (_OVER * em * share * (wavers + drifts) + taller * rows) / (1 - 2 * taller)
    across = share * (_OVER * em * wavers + (abs(hand.slant) + 0.1) * 0.6 * (rows + 2 * down))
    return int(down) + 3, int(across) + 3


def broken(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Ink that fails for a moment here and there: smooth blotches in which strokes grow faint, none quite gone."""
    mask = canvas.settle(0)
    rows, columns = mask.shape
    em = _em(canvas)
    knots = rng.random((max(2, round(rows / em * 3)), max(2, round(columns / em * 3)))).astype(np.float32)
    field = cv2.resize(knots, (columns, rows), interpolation=cv2.INTER_LINEAR)
    keep = np.clip((field - 0.16 * strength) * 8 + 0.35, 0.35, 1.0)
    canvas.pixels = (mask * keep).astype(np.uint8)


def redraw(mask: Mask, width: float, ball: bool, fattest: float = np.inf) -> Mask:
    """The strokes `width` pixels wide: evenly as a ball pen draws, or keeping part of the ink's own contrast.

    Ink whose own strokes are wider than `fattest` comes back as it is: thinned, its small marks would go into the rest.
    """
    weak = (mask > 40) & (mask > cv2.dilate(mask, _WIDE) // 2)  # thin strokes, which cover no pixel wholly
    solid = ((mask > 110) | weak).astype(np.uint8)
    if not solid.any():
        return mask
    inside = cv2.distanceTransform(solid, cv2.DIST_L2, 3)
    own = 4 * float(inside[solid > 0].mean()) - 1  # how wide strokes are
    if own > fattest:
        return mask
    reach = 2 * max(1, int(0.35 * own)) + 1
    half = cv2.dilate(inside, np.ones((reach, reach), np.uint8))  # of the stroke that a pixel is in
    ridge = (solid > 0) & (inside >= cv2.dilate(inside, _SQUARE) - 0.45) & (inside > 0.45 * half)
    away = cv2.distanceTransform((~ridge).astype(np.uint8), cv2.DIST_L2, 3)
    even = width / 2 + 0.2 - away
    if not ball:
        outside = cv2.distanceTransform(1 - solid, cv2.DIST_L2, 3)
        shift = float(np.clip((width * 1.1 - own) / 2, -1.5 - own * 0.2, 2.5))
        thin = np.minimum(0.8, width / 2) - away
        even = np.maximum(inside - outside + np.maximum(shift, -0.55 * half), thin)  # marks are thinner, and stay
    _dot(even, solid, own, max(0.75 * width, _DOT))
    return np.asarray(np.clip(even + 0.5, 0, 1) * 255, np.uint8)


def _dot(ink: Plane, solid: Mask, own: float, radius: float) -> None:
    """Let points be at least so large: a pen that rests leaves more than the middle of a line, which blur takes."""
    _, _, stats, middles = cv2.connectedComponentsWithStats(solid, connectivity=8)
    small = np.flatnonzero(stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(1) <= 2 * own)
    reach = int(radius) + 2
    for x, y in middles[small]:
        top, left = max(0, int(y) - reach), max(0, int(x) - reach)
        part = ink[top : int(y) + reach + 1, left : int(x) + reach + 1]
        rows, columns = np.ogrid[top : top + part.shape[0], left : left + part.shape[1]]
        np.maximum(part, radius - np.hypot(rows - y, columns - x), out=part)


def _smooth(knots: Plane, rows: int, columns: int) -> Plane:
    """A field (rows, columns) through coarse knots: cubic to an eighth, linear from there, at a tenth of the cost."""
    small = cv2.resize(knots, (max(2, columns // 8), max(2, rows // 6)), interpolation=cv2.INTER_CUBIC)
    return cv2.resize(small, (columns, rows), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]


def _along(knots: NDArray[np.float64], columns: int) -> Plane:
    """A smooth row (1, columns) through evenly spaced knots."""
    return cv2.resize(knots.astype(np.float32)[None], (columns, 1), interpolation=cv2.INTER_CUBIC)  # type: ignore[return-value]


def _em(canvas: Canvas) -> float:
    """Pixels per em: an x is about 0.45 of it."""
    return (canvas.unit or canvas.shape[0] / 3) / 0.45
