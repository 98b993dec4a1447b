"""What is printed on sheets: rules, squares, cells, leaders, stamps.

All of it goes to the ground, so it never covers ink. Lengths go by the height of an x.
"""

from __future__ import annotations

import cv2
import numpy as np

from netchu.data.ops import Canvas, Op, Rng, op
from netchu.image import Grey
from netchu.synth.sheet import between, clip_ground, extent, gaps, grain, laid, soak, unit


@op("rules", "paper", "paper", chance=0.04)
def rules(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Rules to write on: solid, dotted or double, at the baseline, now and then one above and one below."""
    rows, columns = canvas.shape
    x = unit(canvas)
    base = (canvas.base or rows * 0.7) + min(max(float(rng.normal(0.14, 0.16)), -0.2), 0.5) * x
    pitch = float(rng.uniform(2.2, 3.6)) * x
    tilt = float(rng.normal(0, 0.004)) * min(columns, 12 * rows)
    thick = 1 + int(rng.random() < 0.25 * rows / 64)
    grey = canvas.tone if rng.random() < 0.3 else between(canvas, float(rng.uniform(0.3, 0.9)))
    mask = np.zeros((rows, columns), np.uint8)
    _along(mask, base, tilt, thick)
    if rng.random() < 0.15:
        _along(mask, base + float(rng.uniform(0.9, 1.2)) * x * (-1.0 if rng.random() < 0.5 else 0.25), tilt, thick)
    for side in (-1, 1):
        if rng.random() < 0.4:
            _along(mask, base + side * pitch, tilt, thick)
    if rng.random() < 0.45:
        step = float(rng.uniform(0.18, 0.7)) * x
        _dots(mask, max(2.0, step), float(rng.uniform(0.3, 0.7)), int(rng.integers(99)))
    soak(canvas, mask, grey, float(rng.uniform(0.35, 1.0)) * strength)


@op("grid", "paper", "paper", chance=0.015)
def grid(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Squared paper: faint lines both ways."""
    rows, columns = canvas.shape
    step = float(rng.uniform(0.8, 2.6)) * unit(canvas)
    mask = np.zeros((rows, columns), np.uint8)
    down = float(rng.random()) * step
    for y in np.arange(down, rows, step):
        mask[int(y)] = 255
    for x in np.arange(float(rng.random()) * step, columns, step):
        mask[:, int(x)] = 255
    soak(canvas, mask, between(canvas, float(rng.uniform(0.15, 0.45))), float(rng.uniform(0.4, 0.8)) * strength)


@op("squares", "paper", "paper", chance=0.006)
def squares(canvas: Canvas, rng: Rng, strength: float) -> None:
    """A row of squares an em wide, as Japanese manuscript paper has."""
    top, bottom, _, _ = extent(canvas)
    rows, columns = canvas.shape
    room = max(2, min(top, rows - bottom))
    y0, y1 = top - int(rng.integers(room)) - 1, bottom + int(rng.integers(room))
    mask = np.zeros((rows, columns), np.uint8)
    thick = 1 + int(rng.random() < 0.2 * rows / 64)
    for y in (y0, y1):
        _along(mask, y, 0.0, thick)
    for x in _stops(canvas, 2 * unit(canvas)):
        cv2.line(mask, (x, y0), (x, y1), 255, thick, cv2.LINE_AA)
    soak(canvas, mask, between(canvas, float(rng.uniform(0.3, 0.8))), float(rng.uniform(0.4, 0.9)) * strength)


@op("comb", "paper", "paper", chance=0.006)
def comb(canvas: Canvas, rng: Rng, strength: float) -> None:
    """A form's comb: a rule under the words with a tooth between letters."""
    _, bottom, _, _ = extent(canvas)
    rows, columns = canvas.shape
    y = min(rows - 1, bottom + int(rng.integers(0, 4)))
    tall = round(unit(canvas) * float(rng.uniform(0.3, 0.9)))
    mask = np.zeros((rows, columns), np.uint8)
    _along(mask, y, 0.0, 1)
    for x in _stops(canvas, 1.5 * unit(canvas)):
        mask[max(0, y - tall) : y, x] = 255
    soak(canvas, mask, between(canvas, float(rng.uniform(0.3, 0.8))), float(rng.uniform(0.4, 0.9)) * strength)


@op("box", "paper", "paper", chance=0.02)
def box(canvas: Canvas, rng: Rng, strength: float) -> None:
    """The edges of a cell above, below and beside the words, slightly tilted, some of them outside the picture."""
    top, bottom, left, right = extent(canvas)
    rows, columns = canvas.shape
    small = rows / 64
    thick = 1 + int(rng.random() < 0.45 * small) + int(rng.random() < 0.1 * small)
    end = right + 2 + int((columns - right - 2) * float(rng.uniform(0.3, 1.0)))
    tilt = float(rng.normal(0, 2)) * small
    over = columns if rng.random() < 0.3 else end
    mask = np.zeros((rows, columns), np.uint8)
    if rng.random() < 0.9:
        y = min(float(rng.uniform(-2, 7)) * small, top + 4 * small)
        _along(mask, y, tilt, thick, over)
    if rng.random() < 0.9:
        y = max(rows - 1 - float(rng.uniform(-2, 7)) * small, bottom - 5 * small)
        _along(mask, y, tilt, thick, over)
    if rng.random() < 0.9 and end < columns - 1:
        cv2.line(mask, (end, -1), (end + int(rng.integers(-2, 3)), rows), 255, thick, cv2.LINE_AA)
        if rng.random() < 0.5:  # what lies beyond has another grey
            beyond = np.zeros((1, columns), np.float32)
            beyond[:, end + 1 :] = float(rng.uniform(-8, 16)) * strength
            canvas.ground = laid(canvas) + beyond
            clip_ground(canvas)
    if rng.random() < 0.15:
        cv2.line(mask, (int(rng.integers(0, max(1, left - 1))), -1), (0, rows), 255, thick, cv2.LINE_AA)
    soak(canvas, mask, canvas.tone, float(rng.uniform(0.6, 1.0)) * strength)


@op("table", "paper", "paper", chance=0.01)
def table(canvas: Canvas, rng: Rng, strength: float) -> None:
    """A table's rules between some of the words."""
    between_words = gaps(canvas)
    mask = np.zeros(canvas.shape, np.uint8)
    if rng.random() < 0.4:
        between_words = between_words[::-1]
    for x in between_words[: int(rng.integers(1, 5))]:
        cv2.line(mask, (x, -1), (x + int(rng.integers(-1, 2)), canvas.shape[0]), 255, 1, cv2.LINE_AA)
    soak(canvas, mask, between(canvas, float(rng.uniform(0.4, 1.0))), float(rng.uniform(0.5, 1.0)) * strength)


@op("margin", "paper", "paper", chance=0.015)
def margin(canvas: Canvas, rng: Rng, strength: float) -> None:
    """The pink line at the left of a notebook's page."""
    x = int(float(rng.uniform(0.0, 1.1)) * (extent(canvas)[2] + unit(canvas)))
    mask = np.zeros(canvas.shape, np.uint8)
    for at in (x, x + 3)[: 1 + int(rng.random() < 0.2)]:
        cv2.line(mask, (at, -1), (at + int(rng.integers(-2, 3)), canvas.shape[0]), 255, 1, cv2.LINE_AA)
    soak(canvas, mask, between(canvas, float(rng.uniform(0.2, 0.5))), strength)


@op("leaders", "paper", "paper", chance=0.015)
def leaders(canvas: Canvas, rng: Rng, strength: float) -> None:
    """A form's row of dots: below the words, or from their end on."""
    rows, columns = canvas.shape
    x = unit(canvas)
    y = (canvas.base or rows * 0.7) + float(rng.uniform(0.0, 0.35)) * x
    mask = np.zeros((rows, columns), np.uint8)
    _along(mask, y, float(rng.normal(0, 1)), 1 + int(x > 14))
    _dots(mask, max(3.0, float(rng.uniform(0.22, 0.5)) * x), 0.4, int(rng.integers(99)))
    if rng.random() < 0.4:
        mask[:, : extent(canvas)[3] + round(0.3 * x)] = 0
    soak(canvas, mask, between(canvas, float(rng.uniform(0.5, 1.0))), float(rng.uniform(0.5, 1.0)) * strength)


@op("stamp", "paper", "paper", chance=0.01)
def stamp(canvas: Canvas, rng: Rng, strength: float) -> None:
    """A stamp crosses the line, lighter than the ink: rings or a frame, with ticks in the place of its letters."""
    rows, columns = canvas.shape
    mask = np.zeros((rows, columns), np.uint8)
    centre = int(rng.integers(columns)), int(rng.integers(-rows // 3, rows + rows // 3))
    radius = int(rng.integers(rows // 2, rows + 8))
    if rng.random() < 0.6:
        for part in (1.0, 0.9, 0.55):
            reach = round(radius * part)
            cv2.ellipse(mask, centre, (reach, reach), 0, 0, 360, 255, 1 + int(part == 1.0), cv2.LINE_AA)
        for turn in np.arange(0.0, 6.28, float(rng.uniform(0.13, 0.25))):
            way = np.array([np.cos(turn), np.sin(turn)])
            start, end = (np.rint(centre + way * radius * part).astype(int).tolist() for part in (0.62, 0.8))
            cv2.line(mask, start, end, 255, 1 + int(rng.random() < 0.5), cv2.LINE_AA)
    else:
        wide = round(radius * float(rng.uniform(1.2, 2.5)))
        corners = cv2.boxPoints((centre, (2.0 * wide, 1.2 * radius), float(rng.normal(0, 12))))
        cv2.polylines(mask, [np.rint(corners).astype(np.int32)], True, 255, 2, cv2.LINE_AA)
    worn = cv2.multiply(mask, grain(mask.shape, rng, "soft"), scale=1.6 / 255)
    soak(canvas, worn, between(canvas, float(rng.uniform(0.3, 0.6))), float(rng.uniform(0.5, 0.9)) * strength)  # type: ignore[arg-type]


FORMS: tuple[Op, ...] = (rules, grid, squares, comb, box, table, margin, leaders, stamp)


def _along(mask: Grey, y: float, tilt: float, thick: int, end: int | None = None) -> None:
    """Draw a rule from the left edge to column `end`, at a row that need not be whole."""
    reach = mask.shape[1] if end is None else end
    rise = tilt * reach / mask.shape[1]
    cv2.line(mask, (0, round(y * 16)), (reach * 16, round((y + rise) * 16)), 255, thick, cv2.LINE_AA, 4)


def _dots(mask: Grey, step: float, on: float, start: int) -> None:
    """Keep a dash of `on` of every `step` columns."""
    mask *= ((np.arange(start, start + mask.shape[1]) % step) < max(1.0, step * on)).astype(np.uint8)


def _stops(canvas: Canvas, pitch: float) -> list[int]:
    """Columns of the rules of a row of cells about `pitch` wide, there where they cross the least ink."""
    filled = canvas.settle(0).sum(axis=0, dtype=np.float32)
    best, columns = np.inf, np.zeros(0, np.intp)
    for step in np.linspace(0.85, 1.2, 15) * max(4.0, pitch):
        starts = np.linspace(0, step, 12, endpoint=False)[:, None]
        stops = (starts + np.arange(max(1, int(len(filled) / step - 1))) * step).astype(np.intp)
        crossed = filled[np.minimum(stops, len(filled) - 1)].mean(axis=1)
        least = int(np.argmin(crossed))
        if crossed[least] < best:
            best, columns = float(crossed[least]), stops[least]
    return columns[columns < len(filled)].tolist()  # type: ignore[no-any-return]
