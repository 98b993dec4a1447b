"""What sheets and pens do to a line of ink on its way from `lay` to `press`: all ops of the stage "paper".

What belongs to the sheet goes to the ground, so it never covers ink. Lengths go by the height of an x, so that a line
looks the same at any resolution.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu.data.ops import Canvas, Op, Rng, op
from netchu.synth.forms import FORMS
from netchu.synth.sheet import clip_ground, extent, gaps, grain, laid, soak, spread, unit

# --- the sheet itself


@op("texture", "paper", "paper", chance=0.2)
def texture(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Paper's fibres or tooth."""
    ground = laid(canvas)
    depth = (0.8 + 5 * float(rng.random()) ** 2) * strength / 32
    tooth = grain(canvas.shape, rng, "soft" if rng.random() < 0.6 else "fibre")
    canvas.ground = cv2.addWeighted(ground, 1, tooth, depth, -128 * depth, dtype=cv2.CV_32F)  # type: ignore[assignment]


@op("vignette", "paper", "paper", chance=0.06)
def vignette(canvas: Canvas, rng: Rng, strength: float) -> None:
    """The sheet grows darker towards some of its corners, as near a book's fold."""
    sides, ends = rng.uniform(0, 0.08, 2), rng.uniform(0, 0.16, 2)
    down, across = np.zeros((4, 1)), np.zeros((1, max(5, canvas.shape[1] // (2 * canvas.shape[0]))))
    down[[0, -1], 0], across[0, [0, -1]] = sides, ends
    across[0, [1, -2]] = ends * 0.35
    kept = (1 - strength * (down + across)).astype(np.float32)
    canvas.ground = laid(canvas) * spread(kept, canvas.shape)


@op("colour", "paper", "paper", chance=0.03)
def colour(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Coloured paper: a darker grey, still far from the ink's."""
    ground = laid(canvas)
    room = float(ground.mean()) - canvas.tone - 105
    if room > 0:
        canvas.ground = ground - np.float32(min(room, float(rng.uniform(10, 90)) * strength))


@op("dark", "paper", "paper", chance=0.008)
def dark(canvas: Canvas, rng: Rng, strength: float) -> None:
    """A blackboard or dark card, written on in white."""
    if strength <= 0:
        return
    canvas.ground = laid(canvas) * np.float32(rng.uniform(0.12, 0.38))
    canvas.tone = float(rng.uniform(180, 250))


@op("stain", "paper", "paper", chance=0.025)
def stain(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Blots and the rings of cups; a third of the ink's contrast at most."""
    rows, columns = canvas.shape
    spots = np.zeros((rows // 4 + 2, columns // 4 + 2), np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        centre = int(rng.integers(spots.shape[1])), int(rng.integers(-2, spots.shape[0] + 2))
        size = int(rng.integers(2, rows // 6 + 4)), int(rng.integers(2, rows // 8 + 4))
        if rng.random() < 0.35:  # a cup's ring is larger than the line is high
            radius = int(rng.integers(rows // 6 + 1, rows // 2 + 4))
            cv2.ellipse(spots, centre, (radius, radius), 0, 0, 360, int(rng.integers(120, 256)), 2)
        else:
            cv2.ellipse(spots, centre, size, float(rng.uniform(0, 180)), 0, 360, int(rng.integers(90, 256)), -1)
    soft = cv2.GaussianBlur(spots, (0, 0), float(rng.uniform(0.6, 2.0)))
    soak(canvas, cv2.resize(soft, (columns, rows)), canvas.tone, float(rng.uniform(0.06, 0.3)) * strength)  # type: ignore[arg-type]


@op("crease", "paper", "paper", chance=0.03)
def crease(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Folds: a dark line beside a light one, mostly across the writing."""
    rows, columns = canvas.shape
    depth = float(rng.uniform(5, 22)) * strength
    for _ in range(int(rng.integers(1, 4))):
        mask = np.zeros((rows, columns), np.uint8)
        if rng.random() < 0.8:
            x, lean = int(rng.integers(columns)), int(rng.integers(-rows // 3, rows // 3 + 1))
            ends = (x, -1), (x + lean, rows)
        else:
            y, lean = int(rng.integers(rows)), int(rng.integers(-rows // 4, rows // 4 + 1))
            ends = (-1, y), (columns, y + lean)
        cv2.line(mask, *ends, 255, 1, cv2.LINE_AA)
        edge = cv2.subtract(np.roll(mask, 1, 1), mask, dtype=cv2.CV_32F)
        canvas.ground = cv2.scaleAdd(cv2.GaussianBlur(edge, (5, 3), 0.9), 2 * depth / 255, laid(canvas))  # type: ignore[assignment]
    clip_ground(canvas)


@op("bleed", "paper", "paper", chance=0.05)
def bleed(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Writing on the other side shows through: mirrored, blurred, faint."""
    pixels = canvas.settle(0)
    rows, columns = pixels.shape
    half = cv2.resize(pixels, (columns // 2 + 1, rows // 2 + 1), interpolation=cv2.INTER_AREA)
    half = np.roll(half[:, ::-1], (int(rng.integers(half.shape[0])), int(rng.integers(half.shape[1]))), (0, 1))
    soft = cv2.GaussianBlur(half, (0, 0), float(rng.uniform(0.4, 1.2)))
    soak(canvas, cv2.resize(soft, (columns, rows)), canvas.tone, float(rng.uniform(0.04, 0.2)) * strength)  # type: ignore[arg-type]


# --- ink


@op("neighbours", "paper", "paper", chance=0.13)
def neighbours(canvas: Canvas, rng: Rng, strength: float) -> None:
    """The lines above and below reach in at the edges: pieces of this line's own ink."""
    top, bottom, left, right = extent(canvas)
    canvas.pixels = pixels = canvas.pixels.copy()
    rows = canvas.shape[0]
    small = rows / 64
    for upper in (True, False):
        if rng.random() < 0.4:
            continue
        free = top if upper else rows - bottom
        depth = round(min(float(rng.uniform(2, 14)) * small, free + 3 * small) * min(strength, 1.5))
        tall = min(depth, bottom - top)
        if tall < 1 or right - left < 8:
            continue
        strip = pixels[bottom - tall : bottom, left:right] if upper else pixels[top : top + tall, left:right]
        strip = np.roll(strip, int(rng.integers(right - left)), axis=1)
        gate = (rng.random((1, max(2, (right - left) // (2 * rows) + 1))) < 0.65).astype(np.uint8)
        strip = strip * cv2.resize(gate, (right - left, 1), interpolation=cv2.INTER_NEAREST)
        start = left if rng.random() < 0.6 else int(rng.integers(canvas.shape[1] - (right - left) + 1))
        view = pixels[:tall] if upper else pixels[rows - tall :]
        view = view[:, start : start + right - left]
        np.maximum(view, strip, out=view)


@op("underline", "paper", "paper", chance=0.012)
def underline(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Some words are underlined with the same pen."""
    x = unit(canvas)
    y = (canvas.base or canvas.shape[0] * 0.7) + float(rng.uniform(0.25, 0.55)) * x
    _pen_line(canvas, y, rng, strength)


@op("strike", "paper", "paper", chance=0.003)
def strike(canvas: Canvas, rng: Rng, strength: float) -> None:
    """A thin line through some words, which stay readable below it."""
    y = (canvas.base or canvas.shape[0] * 0.7) - float(rng.uniform(0.3, 0.6)) * unit(canvas)
    _pen_line(canvas, y, rng, 0.8 * strength)


@op("pressure", "paper", "paper", chance=0.9)
def pressure(canvas: Canvas, rng: Rng, strength: float) -> None:
    """How much of the ink reaches the paper, from stroke to stroke."""
    rows, columns = canvas.shape
    mean, deviation = float(rng.uniform(0.72, 1.0)), float(rng.uniform(0, 0.12))
    knots = rng.normal(mean, deviation, (3, max(2, round(columns / (1.2 * unit(canvas))))))
    _weaken(canvas, spread(np.clip(knots, 0.4, 1).astype(np.float32), (rows, columns)), strength)


@op("pencil", "paper", "paper", chance=0.25)
def pencil(canvas: Canvas, rng: Rng, strength: float) -> None:
    """A pencil leaves out what is deep in the paper's tooth."""
    depth = float(rng.uniform(0.06, 0.3)) * strength * 255 / 32
    tooth = grain(canvas.shape, rng, "fine" if rng.random() < 0.5 else "soft")
    level = 255 - 0.5 * depth * 32 - 128 * depth
    kept = np.maximum(cv2.addWeighted(tooth, depth, tooth, 0, level), 90)
    canvas.pixels = cv2.multiply(canvas.settle(0), kept, scale=1 / 255)  # type: ignore[assignment]


@op("dry", "paper", "paper", chance=0.07)
def dry(canvas: Canvas, rng: Rng, strength: float) -> None:
    """A dry pen breaks its strokes into streaks; the worst place keeps a third of its ink."""
    gain = float(rng.uniform(3, 9))
    start = 128 + float(rng.uniform(18, 50))  # streaks are where the fibre is above that
    fibre = grain(canvas.shape, rng, "fibre" if rng.random() < 0.6 else "soft")
    lost = np.minimum(cv2.addWeighted(fibre, gain, fibre, 0, -start * gain), np.uint8(min(1.0, strength) * 165))
    canvas.pixels = cv2.multiply(canvas.settle(0), cv2.bitwise_not(lost), scale=1 / 255)  # type: ignore[assignment]


@op("greys", "paper", "paper", chance=0.04)
def greys(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Ink of several greys: another pen from some word on, or a typewriter's uneven keys."""
    columns = canvas.shape[1]
    keys = rng.random() < 0.5
    stops = gaps(canvas, 0.1) if keys else [x for x in gaps(canvas) if rng.random() < 0.4]
    stops = [0, *stops, columns]
    levels = rng.uniform(0.72 if keys else 0.5, 1.0, len(stops) - 1).astype(np.float32)
    row = np.repeat(levels, np.diff(stops))[None, :]
    _weaken(canvas, np.repeat(row, canvas.shape[0], axis=0), strength)


PAPER: tuple[Op, ...] = (
    texture, vignette, colour, dark, stain, crease,
    *FORMS,
    bleed, neighbours, underline, strike, pressure, pencil, dry, greys,
)  # fmt: skip


def _weaken(canvas: Canvas, kept: NDArray[np.float32], strength: float) -> None:
    """Multiply the ink by a field (h, w) of what is kept of it."""
    field = cv2.convertScaleAbs(np.maximum(1 - (1 - kept) * np.float32(strength), 0.3), alpha=255)
    canvas.pixels = cv2.multiply(canvas.settle(0), field, scale=1 / 255)  # type: ignore[assignment]


def _pen_line(canvas: Canvas, y: float, rng: Rng, strength: float) -> None:
    """A stroke of the same pen from one gap between words to another."""
    _, _, left, right = extent(canvas)
    stops = [left, *gaps(canvas), right]
    first = int(rng.integers(len(stops) - 1))
    last = min(len(stops) - 1, first + 1 + int(rng.integers(3)))
    thick = max(1, round(unit(canvas) * 0.08))
    mask = np.zeros(canvas.shape, np.uint8)
    ends = (stops[first], round(y)), (stops[last], round(y + rng.normal(0, 1.5)))
    cv2.line(mask, *ends, min(255, round(230 * strength)), thick, cv2.LINE_AA)
    canvas.pixels = cv2.max(canvas.pixels, mask)  # type: ignore[assignment]
