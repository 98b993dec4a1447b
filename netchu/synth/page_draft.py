"""A page in the making: lines are put on its sheet, and what is put there is noted as the truth about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu.records import Line, Point
from netchu.synth.ink import Rng
from netchu.synth.page_sheet import Sheet
from netchu.synth.page_write import Written

STEP = 6  # columns between the points of a baseline
RUBY = 0.42  # ems of the reading aids beside a line

Points = NDArray[np.float64]  # (n, 2)


@dataclass
class Draft:
    """A page in the making."""

    sheet: Sheet
    rng: Rng
    write: Callable[[float, float], Written | None]  # (em, widest) -> a line of no more than that width
    em: float
    han: bool = False  # Japanese or Chinese: letters fill their squares, and may have reading aids
    lines: list[Line] = field(default_factory=list)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.sheet.ink.shape[1], self.sheet.ink.shape[0]

    def pitch(self, low: float, high: float) -> float:
        """From a baseline to the next, in ems: letters that fill their squares want more."""
        return max(self.rng.uniform(low, high), 1.2 if self.han else 0.0)

    def put(
        self, x: float, y: float, widest: float, em: float = 0.0, align: float = 0.0, slope: float = 0.0,
        free: bool = False,
    ) -> float:  # fmt: skip
        """Write a line with its baseline from (x, y); its width, 0 where none was written.

        `align`: share of the room that is left before it. `slope`: rows a column. `free`: only where no ink is.
        """
        line = self.write(em or self.em, widest)
        if line is None:
            return 0.0
        width = line.right - line.left
        x += align * max(0.0, widest - width)
        curve = curve_of(line.mask.shape[1], slope, line.unit, self.rng)
        if free and self.sheet.inked(line.mask.shape, x - line.left, y - line.base, line.unit):
            return 0.0
        truth = self.sheet.lay(line.mask, x - line.left, y - line.base, curve)
        if truth is None:
            return 0.0
        columns = np.append(np.arange(line.left, line.right - 1, STEP), line.right)
        rows = line.base + np.interp(columns, np.arange(len(curve)), curve)
        top, foot = envelope(truth, columns, rows, line.unit)
        move = np.array([x - line.left, y - line.base])
        points = np.stack([columns, rows], axis=1) + move
        outline = np.concatenate([np.stack([columns, top], axis=1), np.stack([columns, foot], axis=1)[::-1]]) + move
        clip = np.array(self.size, dtype=np.float64)
        if (points < 0).any() or (points > clip).any():
            self.sheet.unlay()
            return 0.0
        outline = np.clip(outline, 0, clip)
        self.lines.append(Line(line.text, 1.0, as_points(outline), (), baseline=as_points(points)))
        return width

    def ruby(self, x: float, y: float, widest: float) -> None:
        """Reading aids over the line whose baseline begins at (x, y): ink that is no line of its own."""
        known, small = len(self.lines), RUBY * self.em
        while widest > 2 * small:
            room = min(widest, small * self.rng.uniform(1.5, 5))
            self.put(x, y - 0.98 * self.em, room, small, free=True)
            step = room + self.em * self.rng.exponential(2.0)
            x, widest = x + step, widest - step
        del self.lines[known:]

    def aside(self, quarters: int, write: Callable[[float, float], Written | None] | None = None) -> Draft:
        """The same sheet turned by quarters against the clock, to write lines that lie on their side."""
        return replace(self, sheet=self.sheet.turned(quarters), write=write or self.write, lines=[])

    def take(self, aside: Draft, quarters: int) -> None:
        """Note the lines of `aside` as they lie here."""
        self.lines.extend(turned_back(line, self.size, quarters) for line in aside.lines)


def turned_back(line: Line, size: tuple[int, int], quarters: int) -> Line:
    """A line of a page that was turned by quarters against the clock, as it is on the page of that size."""

    width, height = size

    def back(points: Sequence[Point]) -> tuple[Point, ...]:
        found = list(points)
        for turn in range(quarters % 4, 0, -1):  # the last turn first: it was made on a page of these sides
            wide = width if turn % 2 else height
            found = [(wide - y, x) for x, y in found]
        return tuple((round(x, 1), round(y, 1)) for x, y in found)

    return replace(line, polygon=back(line.polygon), baseline=back(line.baseline))


def curve_of(width: int, slope: float, unit: float, rng: Rng) -> NDArray[np.float64]:
    """How far each column of a line is moved down: its slope, and a slow wave."""
    x = np.arange(width, dtype=np.float64)
    wave = rng.uniform(0, 0.35) * unit * (rng.random() < 0.5)
    period = float(rng.uniform(300, 1200))
    phase = float(rng.uniform(0, 2 * np.pi))
    return np.asarray(slope * x + wave * (np.sin(2 * np.pi * x / period + phase) - np.sin(phase)))


def envelope(
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


def as_points(array: NDArray[np.float64]) -> tuple[tuple[float, float], ...]:
    return tuple((round(float(x), 1), round(float(y), 1)) for x, y in array)
