"""What signs, shop fronts and packages do to letters: bent layout, outlines, depth, shadows, busy grounds.

The effects are those of SynthTIGER (Yim et al. 2021), in grey, on this house's canvas: the reader sees no colours, and
a grey plane is a third of the work.
"""

from __future__ import annotations

import cv2
import numpy as np

from netchu.data.ops import Canvas, Op, Plane, Rng, op
from netchu.image import Grey
from netchu.synth.sheet import grain, laid, spread, unit

APART = 80.0  # greys that letters and what is behind them are apart, at least


@op("arch", "scene", "ink", chance=0.25)
def arch(canvas: Canvas, rng: Rng, strength: float) -> None:
    """The line is bent upwards or downwards, at most by half its height."""
    rows, columns = canvas.shape
    depth = float(rng.uniform(0.1, 0.5)) * strength * min(rows, columns / 4) * (1 if rng.random() < 0.5 else -1)
    room = int(abs(depth)) + 1
    canvas.pad(room, room, 2, 2)
    along = np.linspace(-1, 1, canvas.shape[1], dtype=np.float32)[None, :]
    canvas.bend(down=np.asarray(depth * (np.square(along) - 0.5), np.float32))


@op("tilt", "scene", "ink", chance=0.5)
def tilt(canvas: Canvas, rng: Rng, strength: float) -> None:
    """The line rises or falls, one in three steeply; long lines less, so that the letters stay large."""
    rows, columns = canvas.shape
    steepest = min(0.35, 0.9 * rows / columns)
    slope = float(np.clip(rng.normal(0, 0.07 if rng.random() < 0.67 else 0.2), -1, 1)) * strength
    slope = min(steepest, max(-steepest, slope))
    room = int(abs(slope) * columns / 2) + 1
    canvas.pad(room, room, 0, 0)
    canvas.bend(down=slope * (np.arange(columns, dtype=np.float32) - columns / 2)[None, :])


@op("colours", "scene", "paper", chance=1.0)
def colours(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Any ground and any letters, light or dark, that can be told apart."""
    ground = laid(canvas)
    paper = float(rng.uniform(0, 255))
    ink = paper
    while abs(ink - paper) < APART:
        ink = float(rng.uniform(0, 255))
    drift = ground - float(ground.mean())
    canvas.ground, canvas.tone = np.clip(drift * strength + paper, 0, 255).astype(np.float32), ink


@op("surface", "scene", "paper", chance=0.6)
def surface(canvas: Canvas, rng: Rng, strength: float) -> None:
    """What the letters stand on: clouds, bricks or boards, stripes, or a step from one grey to another."""
    ground = laid(canvas)
    rows, columns = ground.shape
    depth = _spare(canvas) * float(rng.uniform(0.2, 0.9)) * strength
    kind = int(rng.integers(4))
    if kind == 0:
        pattern = _clouds(rows, columns, rng)
    elif kind == 1:
        pattern = _boards(rows, columns, rng)
    elif kind == 2:
        period, turn = rows * float(rng.uniform(0.1, 0.6)), float(rng.uniform(-1, 1))
        x = np.arange(columns, dtype=np.float32)[None, :] + turn * np.arange(rows, dtype=np.float32)[:, None]
        pattern = np.sin(x * np.float32(2 * np.pi / period))
    else:
        way = np.linspace(-1, 1, columns)[None, :] * rng.normal() + np.linspace(-1, 1, rows)[:, None] * rng.normal()
        pattern = np.tanh((way + float(rng.uniform(-1, 1))) * float(rng.uniform(1, 30)))
    canvas.ground = np.clip(ground + pattern.astype(np.float32) * np.float32(depth), 0, 255)


@op("midground", "scene", "paper", chance=0.3)
def midground(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Other lettering behind the line: its own ink, larger and upside down, in one of the greys of the ground."""
    ground = laid(canvas)
    rows, columns = ground.shape
    large = cv2.resize(canvas.settle(0)[::-1], None, fx=2.0, fy=2.0, interpolation=cv2.INTER_LINEAR)
    top, left = int(rng.integers(0, rows)), int(rng.integers(0, max(1, large.shape[1] - columns)))
    other = large[top : top + rows, left : left + columns]
    grey = float(ground.mean()) + _spare(canvas) * float(rng.uniform(-1, 1))
    _paint(canvas, other, grey, strength)  # type: ignore[arg-type]


@op("depth", "scene", "paper", chance=0.12)
def depth(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Letters cut out of thick board: their sides go back in one direction."""
    reach = max(1.0, unit(canvas) * float(rng.uniform(0.06, 0.2)) * strength)
    turn = float(rng.uniform(0, 2 * np.pi))
    ink, side = canvas.settle(0), np.zeros_like(canvas.pixels)
    steps = int(np.ceil(reach))
    for step in range(1, steps + 1):
        cv2.max(side, _shifted(ink, reach * step / steps * np.cos(turn), reach * step / steps * np.sin(turn)), side)
    _paint(canvas, side, _third(canvas, rng), 1.0)


@op("outline", "scene", "paper", chance=0.2)
def outline(canvas: Canvas, rng: Rng, strength: float) -> None:
    """A border round the letters in a third grey."""
    width = max(1, round(unit(canvas) * float(rng.uniform(0.05, 0.14)) * strength))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    _paint(canvas, cv2.dilate(canvas.settle(0), kernel), _third(canvas, rng), 1.0)  # type: ignore[arg-type]


@op("shadow", "scene", "paper", chance=0.25)
def shadow(canvas: Canvas, rng: Rng, strength: float) -> None:
    """A shadow, hard or soft, beside the letters."""
    reach, turn = unit(canvas) * float(rng.uniform(0.05, 0.25)) * strength, float(rng.uniform(0, 2 * np.pi))
    fallen = _shifted(canvas.settle(0), reach * np.cos(turn), reach * np.sin(turn))
    soft = unit(canvas) * float(rng.uniform(0, 0.12))
    if soft > 0.4:
        fallen = cv2.GaussianBlur(fallen, (0, 0), soft)  # type: ignore[assignment]
    _paint(canvas, fallen, _third(canvas, rng), float(rng.uniform(0.3, 0.9)))


@op("worn", "scene", "paper", chance=0.15)
def worn(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Paint that shows what is beneath, in grains; strokes stay more than half covered."""
    rough = grain(canvas.shape, rng, "soft").astype(np.float32) - 128
    kept = np.clip(0.8 + rough * (0.012 * strength), 0.45, 1.0)
    canvas.pixels = (canvas.settle(0) * kept).astype(np.uint8)


SCENE: tuple[Op, ...] = (arch, tilt, colours, surface, midground, shadow, depth, outline, worn)


def _spare(canvas: Canvas) -> float:
    """How far, in greys, the ground may go towards the letters' grey and leave them apart."""
    return max(0.0, abs(canvas.tone - float(laid(canvas).mean())) - APART)


def _third(canvas: Canvas, rng: Rng) -> float:
    """A grey for borders and shadows, apart from the letters."""
    while True:
        grey = float(rng.uniform(0, 255))
        if abs(grey - canvas.tone) >= APART:
            return grey


def _paint(canvas: Canvas, cover: Grey, grey: float, share: float) -> None:
    """Paint the ground where `cover` (0 .. 255) says."""
    ground, grey, share = laid(canvas), min(255.0, max(0.0, grey)), min(1.0, share)
    canvas.ground = ground + (np.float32(grey) - ground) * (cover.astype(np.float32) * np.float32(share / 255))


def _shifted(mask: Grey, across: float, down: float) -> Grey:
    matrix = np.array([[1, 0, across], [0, 1, down]], np.float32)
    return cv2.warpAffine(mask, matrix, mask.shape[::-1])  # type: ignore[return-value]


def _clouds(rows: int, columns: int, rng: Rng) -> Plane:
    """Noise of three sizes."""
    clouds = np.zeros((rows, columns), np.float32)
    for size, share in ((1.0, 0.5), (0.35, 0.3), (0.12, 0.2)):
        knots = (max(2, round(1 / size)), max(2, round(columns / rows / size)))
        clouds += spread(rng.uniform(-1, 1, knots).astype(np.float32), (rows, columns)) * np.float32(share)
    return clouds


def _boards(rows: int, columns: int, rng: Rng) -> Plane:
    """Bricks or boards: blocks of several greys, seams between them."""
    high, wide = max(3, round(rows * float(rng.uniform(0.15, 0.6)))), max(6, round(rows * float(rng.uniform(0.5, 3))))
    y, x = np.arange(rows)[:, None] + int(rng.integers(high)), np.arange(columns)[None, :]
    x = x + (y // high % 2) * (wide // 2)
    greys = rng.uniform(-0.5, 0.5, (rows // high + 3, columns // wide + 4)).astype(np.float32)
    boards = greys[np.broadcast_to(y // high, x.shape), x // wide]
    seam = (y % high < max(1, high // 10)) | (x % wide < max(1, wide // 20))
    return np.where(seam, np.float32(-1), boards).astype(np.float32)
