"""Ink on paper: margins, rules, boxes, neighbours' strokes, greys, blur and noise."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu.image import Grey

Rng = np.random.Generator
Plane = NDArray[np.float32]


def lay_on_paper(ink: NDArray[np.uint8], height: int, scale: float, rng: Rng) -> Grey:
    """An ink mask drawn at `scale` -> a grey picture of `height` rows, the whole ink inside, on one kind of paper."""
    kind = str(rng.choice(["plain", "box", "ruled"], p=[0.5, 0.33, 0.17]))
    rows = max(round(height * scale), ink.shape[0])
    left, right = _margins(kind, rows, rng)
    free = rows - ink.shape[0]
    above = round(free * float(rng.beta(2, 2)))
    columns = ink.shape[1] + left + right
    written = np.zeros((rows, columns), np.float32)
    written[above : above + ink.shape[0], left : left + ink.shape[1]] = ink.astype(np.float32) / 255
    paper, dark = _greys(kind, rng)
    strength = _pressure(written.shape, rng, pencil=kind != "box" and rng.random() < 0.7)
    lines = np.zeros_like(written)
    if kind == "box":
        _box(lines, right, scale, rng)
    elif kind == "ruled":
        _rules(lines, above + ink.shape[0] * 0.72, scale, rng)
    if rng.random() < (0.6 if kind == "box" else 0.15):
        _neighbours(written, ink, above, rng)
    sheet = paper + _shade(written.shape, float(rng.uniform(0, 14 if kind == "plain" else 26)), rng)
    rule = dark if kind == "box" else float(rng.uniform(dark, paper - 25))
    sheet = sheet + (rule - sheet) * lines
    sheet = sheet + (dark - sheet) * (written * strength)
    return _camera(sheet.astype(np.float32), height, rng, kind)


def _margins(kind: str, rows: int, rng: Rng) -> tuple[int, int]:
    """Empty columns left and right of the ink."""
    left = int(rng.integers(2, 20)) if rng.random() < 0.7 else int(rng.integers(10, rows))
    if kind == "box":
        return left, int(rng.integers(10, rows * 5))
    return left, int(rng.integers(2, 30)) if rng.random() < 0.5 else int(rng.integers(10, rows * 3))


def _greys(kind: str, rng: Rng) -> tuple[float, float]:
    """The grey of the paper and of the ink."""
    if kind == "box":
        return float(rng.uniform(178, 228)), float(rng.uniform(0, 60))
    paper = float(np.clip(rng.normal(228, 12), 170, 254))
    return paper, float(np.clip(rng.normal(70, 30), 0, 130))


def _shade(shape: tuple[int, ...], depth: float, rng: Rng) -> Plane:
    """A slow change of the paper's grey, at most about `depth` either way."""
    small = rng.normal(0, depth / 3, (2, max(2, shape[1] // 200))).astype(np.float32)
    return cv2.resize(small, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR).astype(np.float32)


def _pressure(shape: tuple[int, ...], rng: Rng, pencil: bool) -> Plane:
    """How much of the ink reaches the paper, column by column; a pencil leaves grain."""
    mean, spread = float(rng.uniform(0.7, 1.0)), float(rng.uniform(0, 0.12))
    small = rng.normal(mean, spread, (3, max(2, shape[1] // 25))).astype(np.float32)
    strength = cv2.resize(small, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    if pencil:
        tile = rng.normal(1.0, float(rng.uniform(0.05, 0.3)), (shape[0], 256)).astype(np.float32)
        strength = strength * np.tile(tile, (1, -(-shape[1] // 256)))[:, : shape[1]]
    return np.clip(strength, 0.35, 1.0).astype(np.float32)


def _box(lines: Plane, right: int, scale: float, rng: Rng) -> None:
    """A cell's rules above, below and at the right of the words, slightly tilted, some of them outside the crop."""
    rows, columns = lines.shape
    thick = max(1, round(float(rng.uniform(0.8, 2.2)) * scale))
    end = columns - int(rng.integers(2, max(3, right - 1)))
    tilt = int(rng.integers(-4, 5))
    over = columns if rng.random() < 0.5 else end
    value = float(rng.uniform(0.75, 1.0))
    if rng.random() < 0.85:
        y = int(rng.integers(-2, 7))
        cv2.line(lines, (0, y), (over, y + tilt), value, thick, cv2.LINE_AA)
    if rng.random() < 0.85:
        y = rows - 1 - int(rng.integers(-2, 7))
        cv2.line(lines, (0, y), (over, y + tilt), value, thick, cv2.LINE_AA)
    if rng.random() < 0.85 and right > 8:
        cv2.line(lines, (end, 0), (end + int(rng.integers(-2, 3)), rows), value, thick, cv2.LINE_AA)
    if rng.random() < 0.15:
        cv2.line(lines, (0, 0), (0, rows), value, thick, cv2.LINE_AA)


def _rules(lines: Plane, base: float, scale: float, rng: Rng) -> None:
    """A rule to write on, solid or dotted, and now and then a second one above or below."""
    rows, columns = lines.shape
    thick = max(1, round(float(rng.uniform(0.6, 1.5)) * scale))
    tilt, value = int(rng.integers(-4, 5)), float(rng.uniform(0.4, 1.0))
    y = round(base + float(rng.normal(0, 4)))
    fresh = np.zeros_like(lines)
    cv2.line(fresh, (0, y), (columns, y + tilt), value, thick, cv2.LINE_AA)
    if rng.random() < 0.3:
        y -= round(rows * float(rng.uniform(0.6, 1.0)))
        cv2.line(fresh, (0, y), (columns, y + tilt), value, thick, cv2.LINE_AA)
    if rng.random() < 0.5:
        step, on = int(rng.integers(4, 16)), float(rng.uniform(0.25, 0.7))
        fresh *= (np.arange(columns) % step < max(1, step * on)).astype(np.float32)
    np.maximum(lines, fresh, out=lines)


def _neighbours(written: Plane, ink: NDArray[np.uint8], above: int, rng: Rng) -> None:
    """Ends of strokes of the lines above and below, reaching in at the edges: bits of this line's own ink."""
    rows, columns = written.shape
    below = rows - above - len(ink)
    for top in (True, False):
        if rng.random() < 0.5:
            continue
        depth = min(int(rng.integers(3, 13)), 5 + (above if top else below))  # little of it among the words
        source = ink[-min(len(ink), depth + 3) : -3] if top else ink[3 : depth + 3]
        strip = np.roll(source, int(rng.integers(source.shape[1])), axis=1)[:, :columns].astype(np.float32) / 255
        gate = (rng.random(max(2, columns // 60)) < 0.6).astype(np.float32)[None]
        strip = strip * cv2.resize(gate, (strip.shape[1], 1), interpolation=cv2.INTER_NEAREST)
        start = int(rng.integers(0, max(1, columns - strip.shape[1])))
        view = written[: len(strip)] if top else written[rows - len(strip) :]
        view = view[:, start : start + strip.shape[1]]
        np.maximum(view, strip, out=view)


def _camera(sheet: Plane, height: int, rng: Rng, kind: str) -> Grey:
    """Scale to `height`, blur, sharpen, add noise, change the contrast."""
    columns = max(1, round(sheet.shape[1] * height / sheet.shape[0]))
    picture: Plane = cv2.resize(sheet, (columns, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    if rng.random() < 0.6:
        picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.3, 0.9))).astype(np.float32)
    if rng.random() < (0.5 if kind == "box" else 0.1):
        soft = cv2.GaussianBlur(picture, (0, 0), 1.2)
        picture = picture + (picture - soft) * float(rng.uniform(0.3, 1.2))
    grain = float(rng.uniform(0.3, 3.0 if kind == "plain" else 6.0))
    noise = rng.normal(0, grain, (height, 256)).astype(np.float32)
    picture = picture + np.tile(noise, (1, -(-columns // 256)))[:, :columns]
    if rng.random() < 0.03:
        low, high = float(picture.min()), float(picture.max())
        picture = np.where(picture > low + (high - low) * float(rng.uniform(0.55, 0.75)), 255, 0).astype(np.float32)
    grey: Grey = np.clip(picture + 0.5, 0, 255).astype(np.uint8)
    if rng.random() < 0.35:
        done, data = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 80))])
        if done:
            grey = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
    return grey
