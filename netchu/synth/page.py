"""Whole pages, drawn: columns, registers, letters and loose notes, with the baseline and outline of every line.

Page k of a seed is the same picture whatever came before it. Lines are written by the engines of `drawer`, bent, and
laid as ink on one sheet (`page_sheet`), with things between them that are no text.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu.errors import NetchuError
from netchu.image import Grey
from netchu.records import Line, Page
from netchu.synth.draw import FontEngine
from netchu.synth.drawer import TRIES, Drawer
from netchu.synth.ink import Engine, Ink, Rng, Style, pick
from netchu.synth.page_sheet import Sheet

PRINT = 0.35  # share of pages whose letters stand where the font has them
EM = (18.0, 46.0)  # pixels per em of a page's lines: smallest and largest usual
LAYOUTS = {"columns": 3.0, "letter": 3.0, "register": 2.5, "notes": 1.0}
STEP = 6  # columns between the points of a baseline
PLAIN = 0.05  # share of a hand's habits that print keeps


@dataclass(frozen=True)
class Written:
    """Ink of a line with what is on it: mask (h, w), text, and its first and last columns and baseline row."""

    mask: NDArray[np.uint8]
    text: str
    left: float
    right: float
    base: float
    unit: float


@dataclass
class Draft:
    """A page in the making."""

    sheet: Sheet
    rng: Rng
    write: Callable[[float, float], Written | None]  # (em, widest) -> a line of no more than that width
    em: float
    lines: list[Line] = field(default_factory=list)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.sheet.ink.shape[1], self.sheet.ink.shape[0]

    def put(self, x: float, y: float, widest: float, em: float = 0.0, align: float = 0.0, slope: float = 0.0) -> float:
        """Write a line with its baseline from (x, y); its width, 0 where none was written.

        `align`: share of the room that is left before it. `slope`: rows a column.
        """
        line = self.write(em or self.em, widest)
        if line is None:
            return 0.0
        width = line.right - line.left
        x += align * max(0.0, widest - width)
        curve = _curve(line.mask.shape[1], slope, line.unit, self.rng)
        truth = self.sheet.lay(line.mask, x - line.left, y - line.base, curve)
        if truth is None:
            return 0.0
        columns = np.append(np.arange(line.left, line.right - 1, STEP), line.right)
        rows = line.base + np.interp(columns, np.arange(len(curve)), curve)
        top, foot = _envelope(truth, columns, rows, line.unit)
        move = np.array([x - line.left, y - line.base])
        points = np.stack([columns, rows], axis=1) + move
        outline = np.concatenate([np.stack([columns, top], axis=1), np.stack([columns, foot], axis=1)[::-1]]) + move
        clip = np.array(self.size, dtype=np.float64)
        if (points < 0).any() or (points > clip).any():
            self.sheet.unlay()
            return 0.0
        outline = np.clip(outline, 0, clip)
        self.lines.append(Line(line.text, 1.0, _points(outline), (), baseline=_points(points)))
        return width


@dataclass(frozen=True)
class PageDrawer:
    """Draws page k with the engines, texts and seed of a drawer of lines."""

    drawer: Drawer

    def sample(self, k: int) -> tuple[Grey, Page]:
        """The picture, uint8 (h, w), and the truth about it, lines in the order in which they were written."""
        rng = np.random.default_rng([self.drawer.seed, 77, k])
        area, aspect = float(rng.uniform(0.8e6, 1.3e6)), float(np.exp(rng.normal(0.33, 0.15)))
        if rng.random() < 0.15:
            aspect = 1 / aspect
        width, height = round((area / aspect) ** 0.5), round((area * aspect) ** 0.5)
        em = float(np.exp(rng.uniform(*np.log(EM))))
        draft = Draft(Sheet.blank(width, height, rng), rng, self._writer(rng), em)
        {"columns": columns, "letter": letter, "register": register, "notes": notes}[pick(LAYOUTS, rng)](draft)
        picture = draft.sheet.seen(rng, em)
        return picture, Page(width, height, tuple(draft.lines))

    def _writer(self, rng: Rng) -> Callable[[float, float], Written | None]:
        """A hand that writes all of a page."""
        name = pick(self.drawer.recipe.engines, rng)
        engine, texts = self.drawer.engines[name], self.drawer.texts[name]
        if isinstance(engine, FontEngine) and rng.random() < PRINT:
            engine = dataclasses.replace(engine, hand=PLAIN, _orders={})
        style = Style(self.drawer.seed, int(rng.integers(1 << 30)))
        return lambda em, widest: _written(engine, lambda: texts.sample(rng), style, rng, em, widest)


def _written(
    engine: Engine, text: Callable[[], str], style: Style, rng: Rng, em: float, widest: float
) -> Written | None:
    """A line that fills `widest` pixels, about, or as much of it as its last word leaves; None where none fits."""
    words = ""
    for _ in range(TRIES):
        if len(words) * em * 0.42 >= widest:
            break
        more = f"{words} {text()}".strip()
        if engine.covers(more):
            words = more
    words = words[: max(1, round(widest / (em * 0.3)))].strip()
    if not words:
        return None
    try:
        ink, _ = engine.write(words, style, rng, em, truth=True)
    except NetchuError:  # no one font has all of these letters
        return None
    return _cut(ink, words, widest)


def _cut(ink: Ink, text: str, widest: float) -> Written | None:
    """The line up to the last word that ends within `widest`; its first word's letters where that is too long."""
    shown = np.array([not char.isspace() for char in text])
    left = float(ink.boxes[shown][0, 0])
    fits = ink.boxes[:, 2] <= left + widest
    ends = [place for place in range(len(text)) if fits[place] and shown[place]
            and (place + 1 == len(text) or not shown[place + 1])]  # fmt: skip
    last = ends[-1] if ends else int(np.flatnonzero(fits & shown)[-1]) if (fits & shown).any() else -1
    if last < 0:
        return None
    right = float(ink.boxes[last, 2])
    mask = ink.mask[:, : round(right) + 3]
    if last + 1 < len(text) and ends:  # what reaches over from the next word
        mask = mask.copy()
        mask[:, round((right + float(ink.boxes[last + 1, 2])) / 2) :] = 0
    return Written(mask, text[: last + 1], left, right, ink.base, ink.unit)


def _curve(width: int, slope: float, unit: float, rng: Rng) -> NDArray[np.float64]:
    """How far each column of a line is moved down: its slope, and a slow wave."""
    x = np.arange(width, dtype=np.float64)
    wave = rng.uniform(0, 0.35) * unit * (rng.random() < 0.5)
    period = float(rng.uniform(300, 1200))
    phase = float(rng.uniform(0, 2 * np.pi))
    return np.asarray(slope * x + wave * (np.sin(2 * np.pi * x / period + phase) - np.sin(phase)))


def _envelope(
    ink: NDArray[np.uint8], columns: NDArray[np.float64], rows: NDArray[np.float64], unit: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The rows between which a line's ink lies round each of the columns; at least the height of an x."""
    inked = ink > 60
    first = np.where(inked.any(axis=0), inked.argmax(axis=0), 1 << 20).astype(np.float32)
    last = np.where(inked.any(axis=0), len(ink) - inked[::-1].argmax(axis=0), -1).astype(np.float32)
    reach = np.ones((1, 2 * round(unit) + 1), np.uint8)
    places = np.clip(np.rint(columns).astype(int), 0, ink.shape[1] - 1)
    top = cv2.erode(first[None], reach)[0][places].astype(np.float64)
    foot = cv2.dilate(last[None], reach)[0][places].astype(np.float64)
    above, below = rows - unit, rows + 0.15 * unit
    return np.asarray(np.minimum(top, above)), np.asarray(np.maximum(foot, below))


def _points(array: NDArray[np.float64]) -> tuple[tuple[float, float], ...]:
    return tuple((round(float(x), 1), round(float(y), 1)) for x, y in array)


def columns(draft: Draft) -> None:
    """One to four columns of paragraphs, a title, page numbers, notes in the margin."""
    rng, (width, height), em = draft.rng, draft.size, draft.em
    count = int(rng.choice([1, 1, 1, 2, 2, 3, 4]))
    draft.em = em = min(em, 46 - 7 * count)
    left, right = (width * rng.uniform(0.04, 0.16) for _ in range(2))
    gap = em * rng.uniform(0.8, 2.5)
    room = (width - left - right - gap * (count - 1)) / count
    pitch, slope = em * rng.uniform(0.95, 1.9), rng.normal(0, 0.008)
    top = height * rng.uniform(0.05, 0.14)
    if rng.random() < 0.6:
        big = em * rng.uniform(1.1, 2.2)
        draft.put(left, top, width - left - right, big, 0.5, slope)
        top += big * 1.6
    foot, rule = height * rng.uniform(0.86, 0.96), rng.random() < 0.3
    for column in range(count):
        x = left + column * (room + gap)
        y = top + (rng.random() < 0.3) * pitch
        short = rng.random() < 0.2  # verse, lists
        while y < foot - pitch:
            if rng.random() < 0.06:  # between paragraphs
                y += pitch * rng.choice([0.5, 1, 3])
                continue
            indent = em * 1.5 if rng.random() < 0.12 else 0.0
            share = rng.uniform(0.3, 0.9) if short or rng.random() < 0.1 else 1.0
            draft.put(x + indent, y, (room - indent) * share, slope=slope + rng.normal(0, 0.001))
            y += pitch * (1 + rng.normal(0, 0.02))
        if rule and column:
            draft.sheet.rule((x - gap / 2, top - pitch), (x - gap / 2, foot), rng)
    if rng.random() < 0.5:
        draft.put(width * rng.choice([0.5, 0.9, 0.08]), foot + pitch, em * 2.5)
    if left > 4 * em and rng.random() < 0.7:
        for y in np.arange(top, foot, pitch * 3):
            if rng.random() < 0.4:
                for line in range(int(rng.integers(1, 4))):
                    draft.put(em * 0.4, y + line * em * 0.8, left - em, em * 0.7)


def letter(draft: Draft) -> None:
    """A letter or a note book: lines that rise or sink, a date, a signature, words between the lines."""
    rng, (width, height), em = draft.rng, draft.size, draft.em
    left, pitch, slope = width * rng.uniform(0.02, 0.25), em * rng.uniform(0.9, 2.2), rng.normal(0, 0.02)
    if rng.random() < 0.4:
        draft.sheet.ruled(pitch, slope, rng)
    y = height * rng.uniform(0.05, 0.2)
    if rng.random() < 0.6:
        draft.put(left, y, width * 0.9 - left, align=1.0, slope=slope)
        y += pitch * rng.uniform(1, 3)
    drift = rng.normal(0, 0.15)  # of the margin, columns a row
    while y < height * 0.95:
        x = float(np.clip(left + drift * y + rng.normal(0, 0.3 * em), 2, width * 0.5))
        share = rng.uniform(0.2, 0.7) if rng.random() < 0.12 else 1.0
        tilt = slope + rng.normal(0, 0.006)
        done = draft.put(x, y, (width * rng.uniform(0.93, 0.99) - x) * share, em * np.exp(rng.normal(0, 0.05)), 0, tilt)
        if done > 6 * em and pitch > 1.5 * em and rng.random() < 0.06:
            draft.put(x + done * rng.uniform(0, 0.6), y - pitch * 0.5, 5 * em, em * 0.6, slope=tilt)
        y += pitch * (1 + rng.normal(0, 0.06)) + (rng.random() < 0.08) * pitch * rng.uniform(0.5, 2)
    if rng.random() < 0.3:
        draft.sheet.stamp(rng, em)


def register(draft: Draft) -> None:
    """A table: cells of words or figures, ruled or not, some of several lines, many empty."""
    rng, (width, height) = draft.rng, draft.size
    count = int(rng.integers(3, 10))
    draft.em = em = min(draft.em, 30.0)
    edges = np.cumsum(np.concatenate([[rng.uniform(0.01, 0.08)], rng.dirichlet(np.full(count, 1.5)) * 0.9])) * width
    pitch = em * rng.uniform(0.95, 1.7)
    slope = rng.normal(0, 0.004)
    top, foot = height * rng.uniform(0.06, 0.2), height * rng.uniform(0.85, 0.98)
    upright, level = rng.random() < 0.75, rng.random() < 0.35
    full = rng.uniform(0.2, 1.0, count)
    if rng.random() < 0.5:
        draft.put(edges[0], top - 1.8 * em, width * 0.8, em * rng.uniform(1, 1.8), rng.uniform(0, 0.5))
    y = top + em
    while y < foot - pitch:
        deep = int(rng.choice([1, 1, 1, 2, 4]))
        for column in range(count):
            x, room = edges[column] + 0.25 * em, edges[column + 1] - edges[column] - 0.4 * em
            lines = 1 if room < 5 * em else int(rng.integers(1, deep + 1))
            if room < 0.8 * em or rng.random() > full[column]:
                continue
            align = 0.0 if room > 4 * em else float(rng.choice([0.0, 0.5, 1.0]))
            for line in range(lines):
                share = 1.0 if rng.random() < 0.6 else rng.uniform(0.3, 1)
                draft.put(x, y + line * pitch + slope * x, room * share, align=align, slope=slope)
        y += deep * pitch * rng.uniform(1.0, 1.15)
        if level:
            draft.sheet.rule((edges[0], y - 0.75 * pitch), (edges[-1], y - 0.75 * pitch + slope * width), rng)
    if upright:
        for x in edges:
            draft.sheet.rule((x, top - em * rng.uniform(0, 2)), (x - slope * height, foot), rng)


def notes(draft: Draft) -> None:
    """Loose blocks, each of its own size and slope, and things that are no text."""
    rng, (width, height) = draft.rng, draft.size
    for _ in range(int(rng.integers(1, 3))):
        (draft.sheet.stamp if rng.random() < 0.5 else draft.sheet.photo)(rng, draft.em)
    y = height * 0.08
    while y < height * 0.9:
        em = draft.em * float(np.exp(rng.normal(0, 0.35)))
        x, slope = width * rng.uniform(0.02, 0.6), rng.normal(0, 0.05)
        room = (width * 0.97 - x) * rng.uniform(0.3, 1)
        for _ in range(int(rng.integers(1, 6))):
            draft.put(x, y - min(0.0, slope * room), room, em, float(rng.choice([0, 0, 0.5])), slope)
            y += em * rng.uniform(1.0, 1.6)
        y += em * rng.uniform(0.5, 3) + abs(slope) * room
