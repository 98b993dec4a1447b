"""Training-time augmentation: what another pen, hand, sheet or camera would have done to the same line, as ops.

Nothing here flips, erases or moves ink so far that a tone mark could be lost: vertical shifts stay under a tenth of the
height, the elastic field is smoother than a letter, thinning leaves a quarter of a stroke's darkness. Ops that need to
know ink from paper take the commoner grey for paper, so light ink on a dark ground works too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from netchu.data.limits import LIMITS
from netchu.data.ops import Canvas, Mix, Op, Plane, Rng, op
from netchu.image import Grey

# pen, at the source's own resolution: a pixel more or less of ink, whichever way round the greys are


@op("thicken", "pen", chance=0.15)
def thicken(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Dark strokes a pixel wider on every side; between whole pixels, that much darker at the rim."""
    whole, part = divmod(strength, 1.0)
    line = canvas.settle()
    if whole:
        line = cv2.erode(line, _CROSS, iterations=int(whole))  # type: ignore[assignment]
    if part:
        line = cv2.addWeighted(line, 1 - part, cv2.erode(line, _CROSS), part, 0)  # type: ignore[assignment]
    canvas.pixels = line


@op("thin", "pen", chance=0.1)
def thin(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Dark strokes half a pixel narrower on every side; never more than a thin stroke bears."""
    line = canvas.settle()
    part = min(0.75, 0.5 * strength)
    canvas.pixels = cv2.addWeighted(line, 1 - part, cv2.dilate(line, _CROSS), part, 0)  # type: ignore[assignment]


@op("soften", "pen", chance=0.15)
def soften(canvas: Canvas, rng: Rng, strength: float) -> None:
    """A soft focus, or a blunt pen."""
    spread = float(rng.uniform(0.4, 1.3)) * strength
    canvas.pixels = cv2.GaussianBlur(canvas.settle(), (0, 0), max(spread, 0.05))  # type: ignore[assignment]


_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=np.uint8)

# shape: all in one resampling


@op("tall", "shape")
def tall(canvas: Canvas, rng: Rng, strength: float) -> None:
    """The line's rows spread from its middle, or drawn together, by some 8 %."""
    factor = math.exp(min(0.2, max(-0.5, float(rng.normal(-0.02, 0.08)) * strength)))
    canvas.bend(down=_rows(canvas) * np.float32(1 / factor - 1))


@op("shift", "shape")
def shift(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Up or down, by 8 % of the height at strength 1 and never more than a tenth."""
    canvas.bend(down=float(rng.uniform(-1, 1)) * min(0.1, 0.08 * strength) * canvas.shape[0])


@op("slant", "shape")
def slant(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Letters leaning, about the middle row."""
    canvas.bend(across=_rows(canvas) * np.float32(rng.normal(0.0, 0.18) * strength))


@op("turn", "shape")
def turn(canvas: Canvas, rng: Rng, strength: float) -> None:
    """The whole line rising or sinking: its ends by a tenth of its height at most."""
    height, width = canvas.shape
    steepest = 0.2 * height / width
    slope = min(steepest, max(-steepest, float(rng.normal(0.0, 0.006)) * strength))
    canvas.bend(down=((np.arange(width, dtype=np.float32) - width / 2 + 0.5) * np.float32(slope))[None])


@op("elastic", "shape")
def elastic(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Smooth random displacements (Simard et al. 2003), their knots about a line height apart."""
    height, width = canvas.shape
    knots = max(2, width // height + 2)
    fields: list[Any] = []
    for reach in (1.6, 1.0):  # sideways further than up and down
        grid = rng.normal(0.0, 0.022 * height * strength * reach, (3, knots)).astype(np.float32)
        fields.append(cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC))
    canvas.bend(fields[0], fields[1])


def _rows(canvas: Canvas) -> Plane:
    """(h, 1): how far below the middle each row lies, in pixels."""
    height = canvas.shape[0]
    return (np.arange(height, dtype=np.float32) - height / 2 + 0.5).astype(np.float32)[:, None]


# paper: what else is written or printed there


@op("rule", "paper")
def rule(canvas: Canvas, rng: Rng, strength: float) -> None:
    """A printed rule under the letters or at the picture's edge, solid or dotted, paler than the ink."""
    picture = canvas.settle()
    height, width = picture.shape
    low = 0.62 if rng.random() < 0.6 else float(rng.choice([0.0, 0.9]))
    y, rise = float(rng.uniform(low, low + 0.18)) * height, float(rng.uniform(-0.06, 0.06)) * height
    cover = np.zeros_like(picture)
    thick = max(1, round(height / 48 * float(rng.uniform(0.6, 1.6))))
    dark = min(0.85, float(rng.uniform(0.25, 0.6)) * strength)
    cv2.line(cover, (0, round(8 * y)), (8 * width, round(8 * (y + rise))), 255 * dark, thick, cv2.LINE_AA, 3)
    if rng.random() < 0.35:
        step, on = int(rng.integers(4, 16)), float(rng.uniform(0.3, 0.7))
        cover *= (np.arange(width) % step < max(1, step * on)).astype(np.uint8)
    canvas.pixels = _inked(picture, cover)


@op("intrude", "paper")
def intrude(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Ends of the strokes of the lines above and below, at the edges: bits of this line's own ink."""
    picture = canvas.settle()
    height, width = picture.shape
    paper, ink = _greys(picture)
    darkness = np.abs(picture.astype(np.int16) - paper).clip(0, abs(ink - paper)) * (255 / abs(ink - paper))
    cover = np.zeros_like(picture)
    for above in (True, False):
        depth = min(height // 3, round(float(rng.uniform(0.015, 0.06)) * strength * height))
        start = int(rng.integers(height // 3, max(height // 3 + 1, 2 * height // 3 - depth)))
        strip = np.roll(darkness[start : start + depth], int(rng.integers(width)), axis=1)
        gate = (rng.random(max(2, width // height)) < 0.5).astype(np.float32)[None]
        strip = (strip * cv2.resize(gate, (width, 1), interpolation=cv2.INTER_LINEAR)).astype(np.uint8)
        cover[slice(0, len(strip)) if above else slice(height - len(strip), height)] = strip
    canvas.pixels = _inked(picture, cover)


def _greys(picture: Grey) -> tuple[int, int]:
    """The grey of the paper, and that of the ink: the extreme that lies further from it."""
    some = np.sort(picture[::3, ::3], axis=None)
    paper, low, high = (int(some[int(part * (some.size - 1))]) for part in (0.5, 0.01, 0.99))
    ink = low if paper - low >= high - paper else high
    return paper, ink if ink != paper else max(0, paper - 1)


def _inked(picture: Grey, cover: Grey) -> Grey:
    """More ink where `cover` (0..255) says; what is written stays at least as dark."""
    paper, ink = _greys(picture)
    added = paper + cover.astype(np.float32) * ((ink - paper) / 255)
    levels = np.clip(added + 0.5, 0, 255).astype(np.uint8)
    return np.where(cover > 0, (np.minimum if ink < paper else np.maximum)(picture, levels), picture)


# camera: light, lens and file


@op("contrast", "camera", chance=0.5)
def contrast(canvas: Canvas, rng: Rng, strength: float) -> None:
    """More or less contrast and light."""
    picture = canvas.settle()
    gain, light = float(rng.uniform(0.5, 1.3)) ** strength, float(rng.uniform(-25, 15)) * strength
    middle = cv2.mean(picture)[0]
    canvas.pixels = cv2.LUT(picture, _levels(gain, middle * (1 - gain) + light))  # type: ignore[assignment]


@op("shade", "camera", chance=0.3)
def shade(canvas: Canvas, rng: Rng, strength: float) -> None:
    """A shadow, or light, across the sheet."""
    height, width = canvas.shape
    corners = rng.uniform(-25, 25, (2, max(2, width // (6 * height) + 2))).astype(np.float32) * np.float32(strength)
    shadow = cv2.resize(corners, (width, height), interpolation=cv2.INTER_LINEAR)
    canvas.pixels = cv2.add(canvas.settle(), shadow, dtype=cv2.CV_8U)  # type: ignore[assignment]


@op("grain", "camera", chance=0.25)
def grain(canvas: Canvas, rng: Rng, strength: float) -> None:
    """A sensor's noise."""
    size = np.float32(rng.uniform(2, 9) * strength)
    noise = rng.standard_normal(canvas.shape, dtype=np.float32) * size
    canvas.pixels = cv2.add(canvas.settle(), noise, dtype=cv2.CV_8U)  # type: ignore[assignment]


@op("invert", "camera", chance=0.03)
def invert(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Light ink on a dark ground, whatever the strength."""
    canvas.pixels = cv2.bitwise_not(canvas.settle())  # type: ignore[assignment]


@op("coarse", "camera")
def coarse(canvas: Canvas, rng: Rng, strength: float) -> None:
    """A camera of fewer pixels: down to 2/3 or a half at strength 1, and up again."""
    height, width = canvas.shape
    factor = 1 + float(rng.uniform(0.4, 1.0)) * strength
    small = max(1, round(width / factor)), max(1, round(height / factor))
    low = cv2.resize(canvas.settle(), small, interpolation=cv2.INTER_AREA)
    low = cv2.resize(low, (width, height), interpolation=cv2.INTER_LINEAR)
    part = min(1.0, 4 * (factor - 1))  # a few pixels fewer blur as much as many: come to it by degrees
    canvas.pixels = cv2.addWeighted(canvas.pixels, 1 - part, low, part, 0)  # type: ignore[assignment]


@op("motion", "camera")
def motion(canvas: Canvas, rng: Rng, strength: float) -> None:
    """A shaken hand: a short straight blur in any direction."""
    reach = float(rng.uniform(0.02, 0.06)) * strength * canvas.shape[0]
    angle = float(rng.uniform(0, math.pi))
    size = 2 * math.ceil(reach / 2) + 1
    steps = np.linspace(-reach / 2, reach / 2, 4 * size) + 0.0
    kernel = np.zeros((size, size), np.float32)
    for x, y in zip(steps * math.cos(angle) + size // 2, steps * math.sin(angle) + size // 2):
        kernel[round(y), round(x)] += 1
    moved = cv2.filter2D(canvas.settle(), -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)
    canvas.pixels = moved  # type: ignore[assignment]


@op("sharpen", "camera")
def sharpen(canvas: Canvas, rng: Rng, strength: float) -> None:
    """A scanner's or a phone's sharpening, with the halo that it leaves."""
    picture = canvas.settle()
    much = float(rng.uniform(0.3, 1.2)) * strength
    soft = cv2.GaussianBlur(picture, (0, 0), 1.2)
    canvas.pixels = cv2.addWeighted(picture, 1 + much, soft, -much, 0)  # type: ignore[assignment]


@op("jpeg", "camera")
def jpeg(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Compressed hard: quality 60 to 20 at strength 1, half of that at 2."""
    quality = max(1, min(100, round(float(rng.uniform(20, 60)) / max(strength, 0.2))))
    done, data = cv2.imencode(".jpg", canvas.settle(), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if done:  # a picture too long for JPEG stays as it is
        canvas.pixels = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)  # type: ignore[assignment]


def _levels(gain: float, offset: float) -> Grey:
    """A table of 256 greys: gain * grey + offset."""
    levels: Grey = np.clip(np.arange(256, dtype=np.float32) * gain + offset + 0.5, 0, 255).astype(np.uint8)
    return levels


USUAL: tuple[Op, ...] = (thicken, thin, soften, tall, shift, slant, turn, elastic, contrast, shade, grain, invert)
OPS: tuple[Op, ...] = (*USUAL[:8], rule, intrude, *USUAL[8:], coarse, motion, sharpen, jpeg)


def for_script(mix: Mix, script: str) -> Mix:
    """The mix within what a reader of `script` was measured to stand (limits.py); within 1 where it never was."""
    measured = LIMITS.get(script, {})
    return replace(mix, limits={each.name: mix.limited(each, measured.get(each.name, 1.0)) for each in mix.ops})


_HALF = {each.name: 0.5 for each in USUAL}
MIXES: Mapping[str, Mix] = {  # before for_script
    "default": Mix(USUAL, single=("pen",)),
    "rand2": Mix(OPS, pick=2, weights={"invert": 0.2}),
    "gentle": Mix(USUAL, weights={"invert": 0.0}, limits=_HALF, single=("pen",)),
    "none": Mix(()),
}
DEFAULT = for_script(MIXES["default"], "latin")


def strength_at(start: float, end: float, progress: float) -> float:
    """The strength of augmentation when `progress` (0..1) of a training is done: in a straight line from start to end.

    Growing, it is a curriculum; waning, it lets the last epochs see lines as they are.
    """
    return start + (end - start) * min(1.0, max(0.0, progress))


def augment(line: Grey, height: int, width: int, rng: Rng, strength: float = 1.0, mix: Mix = DEFAULT) -> Grey:
    """A line picture (h, w) -> a varied one (height, width). strength 0 only scales; 1 is the usual."""
    canvas = Canvas(line)
    for each, limited in mix.choose(rng, strength):
        if each.group != "pen":  # a pen's width is in the source's pixels
            canvas.resize(height, width)
        each(canvas, rng, limited)
    canvas.resize(height, width)
    return canvas.settle()
