"""A page made flat, and the way back to the pixels of its picture.

Points are float64 (n, 2), x to the right and y down, in pixels whose first has its corner at (0, 0) and its middle at
(0.5, 0.5). A step is a map between a flatter picture and the one that it was made from, both ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu.image import Grey
from netchu.page.trace import FoundLine

Numbers = NDArray[np.float64]
KNOTS = 16  # pixels between the points of a flat picture whose places are computed; between them they are interpolated
STRIP = 512  # rows that are resampled at a time: memory does not grow with the page


class Step(Protocol):
    """A map between two pictures of the same page."""

    def to_original(self, points: Numbers) -> Numbers:
        """Points (n, 2) of the flatter picture -> of the one that it was made from."""
        ...

    def to_flat(self, points: Numbers) -> Numbers:
        """The inverse."""
        ...


@dataclass(frozen=True)
class Affine:
    """Turns, shifts and scales: original = matrix @ (x, y, 1), with a matrix (2, 3) that can be inverted."""

    matrix: tuple[tuple[float, float, float], tuple[float, float, float]]

    def to_original(self, points: Numbers) -> Numbers:
        matrix = np.asarray(self.matrix)
        return np.asarray(points @ matrix[:, :2].T + matrix[:, 2])

    def to_flat(self, points: Numbers) -> Numbers:
        matrix = np.asarray(self.matrix)
        return np.asarray(np.linalg.solve(matrix[:, :2], (points - matrix[:, 2]).T).T)


@dataclass(frozen=True)
class Flat:
    """A page's flat picture, and what was done to get it.

    `turn`: degrees (0, 90, 180, 270) by which the picture was turned with the clock; `angle`: the degrees of skew that
    were then taken out (positive: its lines sank); `cropped`, `dewarped`, `lit`: whether surroundings were cut off,
    curves straightened, and shadows taken out. `lines` are found on the flat picture, in its pixels; `steps` lead from
    there to the original one, in that order.
    """

    picture: Grey
    lines: tuple[FoundLine, ...] = ()
    steps: tuple[Step, ...] = ()
    turn: int = 0
    angle: float = 0.0
    cropped: bool = False
    dewarped: bool = False
    lit: bool = False

    @property
    def untouched(self) -> bool:
        """Whether the picture is the original one, pixel for pixel."""
        return not self.steps and not self.lit

    def to_original(self, points: Numbers | Sequence[tuple[float, float]]) -> Numbers:
        """Points (n, 2) of the flat picture -> in pixels of the original."""
        moved = np.asarray(points, dtype=np.float64).reshape(-1, 2)
        for step in self.steps:
            moved = step.to_original(moved)
        return moved

    def to_flat(self, points: Numbers | Sequence[tuple[float, float]]) -> Numbers:
        """Points (n, 2) of the original -> in pixels of the flat picture."""
        moved = np.asarray(points, dtype=np.float64).reshape(-1, 2)
        for step in reversed(self.steps):
            moved = step.to_flat(moved)
        return moved


def turned(grey: Grey, turn: int) -> tuple[Grey, Affine]:
    """A picture turned by 0, 90, 180 or 270 degrees with the clock, and the way back; no pixel is resampled."""
    rows, columns = grey.shape
    back = {
        0: ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
        90: ((0.0, 1.0, 0.0), (-1.0, 0.0, float(rows))),
        180: ((-1.0, 0.0, float(columns)), (0.0, -1.0, float(rows))),
        270: ((0.0, -1.0, float(columns)), (1.0, 0.0, 0.0)),
    }[turn]
    return np.ascontiguousarray(np.rot90(grey, -turn // 90)), Affine(back)


def resampled(grey: Grey, step: Step, size: tuple[int, int]) -> Grey:
    """The flat picture of `size` (width, height) that a step leads from; beyond the original its edge is repeated.

    Places are computed every KNOTS pixels, or closer in a small picture, and interpolated between: a page bends far
    less than a pixel over such a stretch.
    """
    width, height = size
    xs, ys = (np.linspace(0, side, max(2, -(-side // KNOTS) + 1)) for side in size)
    knots = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
    places = step.to_original(knots).reshape(len(ys), len(xs), 2).astype(np.float32)
    flat = np.empty((height, width), np.uint8)
    columns, across = _between(width, xs)
    wide = places[:, columns] * (1 - across[:, None]) + places[:, columns + 1] * across[:, None]
    rows, down = _between(height, ys)
    for start in range(0, height, STRIP):
        low, share = rows[start : start + STRIP], down[start : start + STRIP, None, None]
        exact = wide[low] * (1 - share) + wide[low + 1] * share - np.float32(0.5)
        flat[start : start + STRIP] = cv2.remap(
            grey, exact[..., 0], exact[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
    return flat


def _between(count: int, knots: Numbers) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """For the middle of each pixel of a side, the place of the knot before it and how far it is to the next, 0..1."""
    at = (np.arange(count) + 0.5) / knots[1]
    low = np.minimum(at.astype(np.int64), len(knots) - 2)
    return low, (at - low).astype(np.float32)
