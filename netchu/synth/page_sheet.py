"""The sheet of a drawn page: paper, ink on it, and what is no text: rules, stamps, photographs, the other side."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu.image import Grey
from netchu.synth.ink import Rng

Place = tuple[float, float]  # x, y


@dataclass
class Sheet:
    """Coverage of ink and of everything else, uint8 (h, w), 255 full; and the greys of the bare paper."""

    ink: Grey
    other: Grey
    paper: NDArray[np.float32]
    _undo: tuple[tuple[slice, slice], Grey] | None = field(default=None, repr=False)

    @classmethod
    def blank(cls, width: int, height: int, rng: Rng) -> Sheet:
        """Paper of uneven grey, perhaps with stains and with what lies beside it."""
        low, high = ((225, 255), (150, 235), (90, 180))[int(rng.choice(3, p=[0.5, 0.4, 0.1]))]
        level = float(rng.uniform(low, high))
        paper = np.full((height, width), level, dtype=np.float32)
        for cells, amount in ((3, 12.0), (12, 5.0), (60, 2.0)):
            knots = rng.normal(0, amount * rng.random(), (cells, cells)).astype(np.float32)
            paper += cv2.resize(knots, (width, height), interpolation=cv2.INTER_CUBIC)
        grain = rng.normal(0, 4 * rng.random(), (height // 2, width // 2)).astype(np.float32)
        paper += cv2.resize(grain, (width, height))
        for _ in range(int(rng.integers(0, 4)) if rng.random() < 0.4 else 0):
            _stain(paper, rng)
        if rng.random() < 0.4:
            _beside(paper, rng)
        return cls(np.zeros((height, width), np.uint8), np.zeros((height, width), np.uint8), paper)

    def lay(self, mask: Grey, x: float, y: float, curve: NDArray[np.float64]) -> Grey | None:
        """Lay a line's ink (h, w) with its upper left corner at x, y, each column moved down by `curve`.

        The ink as it was bent, in the frame of the mask; None, and nothing laid, where it reaches beyond the sheet.
        """
        rows, columns = mask.shape
        margin = int(np.ceil(np.abs(curve).max())) + 1
        steps = np.arange(columns, dtype=np.float32), np.arange(-margin, rows + margin, dtype=np.float32)
        across, down = np.meshgrid(*steps)
        shift = np.array([x - np.floor(x), y - np.floor(y)], dtype=np.float32)
        bent = cv2.remap(mask, across - shift[0], down - curve.astype(np.float32)[None] - shift[1], cv2.INTER_LINEAR)
        left, top = int(np.floor(x)), int(np.floor(y)) - margin
        inked = np.flatnonzero(bent.max(axis=1) > 8)
        if not len(inked):
            return None
        bent = bent[inked[0] : inked[-1] + 1]
        first = top + int(inked[0])
        height, width = self.ink.shape
        low, high = max(0, -left), min(columns, width - left)
        if first < 0 or first + len(bent) > height or high - low < columns - 4:
            return None
        area = (slice(first, first + len(bent)), slice(left + low, left + high))
        self._undo = area, self.ink[area].copy()
        np.maximum(self.ink[area], bent[:, low:high], out=self.ink[area])
        whole = np.zeros((rows + 2 * margin, columns), np.uint8)  # in the mask's frame its rows start at -margin
        whole[inked[0] : inked[-1] + 1] = bent
        return np.asarray(whole[margin:], dtype=np.uint8)

    def inked(self, shape: tuple[int, ...], x: float, y: float, spare: float) -> bool:
        """Whether there is ink, or the sheet's end, where a line of that shape would lie or `spare` pixels from it."""
        top, left = round(y - spare), round(x - spare)
        foot, right = round(y + shape[0] + spare), round(x + shape[1] + spare)
        if top < 0 or left < 0 or foot > self.ink.shape[0] or right > self.ink.shape[1]:
            return True
        return bool((self.ink[top:foot, left:right] > 8).any())

    def turned(self, quarters: int) -> Sheet:
        """The same sheet turned by quarters against the clock: what is laid there lies here."""
        return Sheet(np.rot90(self.ink, quarters), np.rot90(self.other, quarters), np.rot90(self.paper, quarters))

    def unlay(self) -> None:
        """Take back the line laid last."""
        if self._undo is not None:
            self.ink[self._undo[0]] = self._undo[1]
            self._undo = None

    def rule(self, start: Place, end: Place, rng: Rng) -> None:
        """A line drawn or printed, perhaps double."""
        ink, thick = int(rng.uniform(60, 255)), int(rng.choice([1, 1, 2, 3]))
        for apart in (0, *((4 + thick,) if rng.random() < 0.2 else ())):
            points = [(round((x + apart) * 16), round((y + apart) * 16)) for x, y in (start, end)]
            cv2.line(self.other, *points, ink, thick, cv2.LINE_AA, 4)  # type: ignore[call-overload]

    def ruled(self, pitch: float, slope: float, rng: Rng) -> None:
        """The printed lines, or squares, of writing paper."""
        height, width = self.ink.shape
        ink, apart = int(rng.uniform(25, 110)), pitch * float(rng.choice([1, 1, 0.5]))
        for y in np.arange(rng.uniform(0, apart) + abs(slope) * width, height, apart):
            cv2.line(self.other, (0, round(y)), (width, round(y + slope * width * 0.5)), ink, 1, cv2.LINE_AA)
        if rng.random() < 0.3:
            for x in np.arange(0, width, apart):
                cv2.line(self.other, (round(x), 0), (round(x), height), ink, 1, cv2.LINE_AA)

    def squares(self, corner: Place, side: float, count: int, ink: float) -> None:
        """A row of squares from its upper left corner, as on manuscript paper."""
        x, y = corner
        for step in range(count + 1):
            ends = (round(x + step * side), round(y)), (round(x + step * side), round(y + side))
            cv2.line(self.other, *ends, round(ink), 1, cv2.LINE_AA)
        for level in (y, y + side):
            ends = (round(x), round(level)), (round(x + count * side), round(level))
            cv2.line(self.other, *ends, round(ink), 1, cv2.LINE_AA)

    def stamp(self, rng: Rng, em: float) -> None:
        """A round or square stamp without legible letters."""
        height, width = self.ink.shape
        centre = (round(rng.uniform(0.1, 0.9) * width), round(rng.uniform(0.1, 0.9) * height))
        size, ink = round(em * float(rng.uniform(1, 4))), int(rng.uniform(80, 220))
        for inner in (1.0, 0.9, 0.6):
            axes = (round(size * inner), round(size * inner * 0.8))
            cv2.ellipse(self.other, centre, axes, float(rng.uniform(0, 180)), 0, 360, ink, 2, cv2.LINE_AA)

    def photo(self, rng: Rng, em: float) -> None:
        """A picture: soft blobs and edges in a frame."""
        height, width = self.ink.shape
        tall, wide = (round(side * float(rng.uniform(0.1, 0.3))) for side in (height, width))
        y, x = int(rng.integers(0, height - tall)), int(rng.integers(0, width - wide))
        cells = (max(2, round(wide / em)), max(2, round(tall / em)))
        knots = rng.integers(0, 256, (cells[1], cells[0])).astype(np.uint8)
        way = cv2.INTER_NEAREST if rng.random() < 0.3 else cv2.INTER_CUBIC
        inside = cv2.resize(knots, (wide, tall), interpolation=way)
        free = cv2.dilate(self.ink, np.ones((9, 9), np.uint8))[y : y + tall, x : x + wide] < 8
        self.other[y : y + tall, x : x + wide] = np.where(free, inside, 0)

    def seen(self, rng: Rng, em: float) -> Grey:
        """The picture, uint8 (h, w): ink, things and the other side's ink on paper."""
        dark = float(rng.uniform(0.45, 0.95)) if rng.random() < 0.8 else float(rng.uniform(0.2, 0.5))
        if rng.random() < 0.25:  # before its own ink, or a reader of columns would see the lines of both sides
            through = cv2.GaussianBlur(self.ink[:, ::-1], (0, 0), float(rng.uniform(0.6, 2.0)))
            shift = np.roll(through, (round(em * float(rng.uniform(-2, 2))), round(em)), axis=(0, 1))
            self.paper *= 1 - float(rng.uniform(0.03, 0.2)) * shift.astype(np.float32) / 255
        ink = self.ink.astype(np.float32)
        if rng.random() < 0.5:  # pressure and ink run out
            knots = rng.uniform(0.45, 1.2, (12, 16)).astype(np.float32)
            ink = np.minimum(ink * cv2.resize(knots, ink.shape[::-1], interpolation=cv2.INTER_CUBIC), 255)
        paper = self.paper * (1 - np.float32(rng.uniform(0.3, 0.9)) * self.other / 255)
        return np.asarray(np.clip(paper * (1 - dark * ink / 255), 0, 255), dtype=np.uint8)


def _stain(paper: NDArray[np.float32], rng: Rng) -> None:
    height, width = paper.shape
    blot = np.zeros((height // 4, width // 4), np.float32)
    centre = (int(rng.integers(0, width // 4)), int(rng.integers(0, height // 4)))
    axes = (int(rng.integers(3, width // 12)), int(rng.integers(3, width // 12)))
    cv2.ellipse(blot, centre, axes, float(rng.uniform(0, 180)), 0, 360, 1.0, -1 if rng.random() < 0.7 else 3)
    blot = cv2.GaussianBlur(blot, (0, 0), float(rng.uniform(1, 12)))
    paper *= 1 - float(rng.uniform(-0.1, 0.45)) * cv2.resize(blot, (width, height))


def _beside(paper: NDArray[np.float32], rng: Rng) -> None:
    """What a scanner sees beside a sheet: dark or light edges, a fold."""
    width = paper.shape[1]
    level = float(rng.choice([rng.uniform(0, 40), rng.uniform(40, 255)]))
    for side in range(4):
        if rng.random() < 0.5:
            deep = int(rng.uniform(0.003, 0.03) * width) + 1
            view = (paper[:deep], paper[-deep:], paper[:, :deep], paper[:, -deep:])[side]
            view[:] = level
    if rng.random() < 0.3:
        x = int(rng.uniform(0.02, 0.98) * width)
        reach = int(rng.uniform(0.01, 0.08) * width) + 2
        fall = np.abs(np.arange(width) - x) / reach
        paper *= (1 - 0.6 * np.exp(-fall)).astype(np.float32)
