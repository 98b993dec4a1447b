"""What is behind the lettering of a drawn scene: clouds, walls, shapes, and things that are no text but busy."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu.synth.ink import Rng

Plane = NDArray[np.float32]


def ground(shape: tuple[int, int], rng: Rng) -> Plane:
    """A ground of that shape (h, w), greys 0 to 255."""
    plane = _clouds(shape, rng, float(rng.uniform(20, 235)), float(rng.uniform(5, 60)))
    for _ in range(int(rng.integers(0, 14))):
        _shape(plane, rng)
    for _ in range(int(rng.integers(0, 4))):
        _wall(plane, rng)
    for _ in range(int(rng.integers(0, 6))):
        (_thicket, _fence, _marks)[int(rng.integers(3))](plane, rng)
    if rng.random() < 0.4:
        plane = np.asarray(cv2.GaussianBlur(plane, (0, 0), float(rng.uniform(0.5, 6))), dtype=np.float32)
    return np.clip(plane, 0, 255)


def _clouds(shape: tuple[int, int], rng: Rng, level: float, depth: float) -> Plane:
    """Noise of all sizes, each with its own share."""
    height, width = shape
    plane = np.full(shape, level, np.float32)
    for cells in (2, 4, 9, 20, 50, 120):
        knots = rng.normal(0, depth * rng.random() / cells**0.4, (cells, cells)).astype(np.float32)
        plane += cv2.resize(knots, (width, height), interpolation=cv2.INTER_CUBIC)
    return plane


def _box(shape: tuple[int, ...], rng: Rng, least: float = 0.1, most: float = 0.7) -> tuple[slice, slice]:
    sides = [max(8, int(side * rng.uniform(least, most))) for side in shape[:2]]
    starts = [int(rng.integers(0, max(1, side - part))) for side, part in zip(shape[:2], sides)]
    return slice(starts[0], starts[0] + sides[0]), slice(starts[1], starts[1] + sides[1])


def _shape(plane: Plane, rng: Rng) -> None:
    """A polygon or ellipse in a grey of its own, with a texture of its own."""
    height, width = plane.shape
    cover = np.zeros(plane.shape, np.uint8)
    centre = rng.uniform(0, 1, 2) * (width, height)
    reach = float(rng.uniform(0.03, 0.4)) * max(plane.shape)
    if rng.random() < 0.4:
        axes = (int(reach * rng.uniform(0.2, 1)) + 1, int(reach) + 1)
        thick = -1 if rng.random() < 0.7 else int(rng.integers(1, 12))
        cv2.ellipse(cover, (int(centre[0]), int(centre[1])), axes, float(rng.uniform(0, 180)), 0, 360, 255, thick)
    else:
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 7))))
        points = centre + np.stack([np.cos(angles), np.sin(angles)], axis=1) * reach * rng.uniform(
            0.4, 1.2, (len(angles), 1)
        )
        cv2.fillPoly(cover, [np.round(points).astype(np.int32)], 255)
    grey = _clouds(plane.shape, rng, float(rng.uniform(0, 255)), float(rng.uniform(0, 25)))
    plane += cover.astype(np.float32) / 255 * float(rng.uniform(0.4, 1)) * (grey - plane)


def _wall(plane: Plane, rng: Rng) -> None:
    """Bricks, windows or boards: rows of blocks."""
    area = _box(plane.shape, rng)
    view = plane[area]
    rows, columns = view.shape
    high, wide = int(rng.integers(6, 70)), int(rng.integers(8, 120))
    y, x = np.arange(rows)[:, None], np.arange(columns)[None, :] + np.zeros((rows, 1), int)
    x = x + (y // high % 2) * (wide // 2) * int(rng.integers(2))
    greys = rng.normal(0, 30 * rng.random(), (rows // high + 2, columns // wide + 3)).astype(np.float32)
    seam = (y % high < max(1, high // 8)) | (x % wide < max(1, wide // 10))
    view += greys[np.broadcast_to(y // high, x.shape), x // wide] + np.where(seam, rng.normal(0, 50), 0).astype(
        np.float32
    )


def _thicket(plane: Plane, rng: Rng) -> None:
    """Leaves, cracks, hair: many short strokes in all directions."""
    area = _box(plane.shape, rng, 0.05, 0.5)
    view = np.ascontiguousarray(plane[area])
    rows, columns = view.shape
    reach, thick = float(rng.uniform(4, 40)), int(rng.integers(1, 5))
    for _ in range(int(rng.integers(10, 120))):
        x, y, angle = rng.uniform(0, columns), rng.uniform(0, rows), rng.uniform(0, 2 * np.pi)
        bend = angle + rng.normal(0, 0.6)
        points = np.cumsum(
            [[x, y], [np.cos(angle) * reach, np.sin(angle) * reach], [np.cos(bend) * reach, np.sin(bend) * reach]],
            axis=0,
        )
        cv2.polylines(view, [np.round(points).astype(np.int32)], False, float(rng.uniform(0, 255)), thick, cv2.LINE_AA)
    plane[area] = view


def _fence(plane: Plane, rng: Rng) -> None:
    """Bars side by side, or the code on a package: regular strokes, but no letters."""
    area = _box(plane.shape, rng, 0.03, 0.4)
    view = plane[area]
    along = view.shape[1]
    edges = np.cumsum(rng.uniform(1, 1 + rng.uniform(2, 14), along))
    bars = np.searchsorted(edges, np.arange(along)) % 2
    pattern = (bars * rng.uniform(-140, 140)).astype(np.float32)
    view += pattern[None, :]


def _marks(plane: Plane, rng: Rng) -> None:
    """Rows of dots, rings, arrows or tiles: as regular as letters."""
    height, width = plane.shape
    size, count = float(rng.uniform(5, 50)), int(rng.integers(3, 15))
    start = rng.uniform(0, 1, 2) * (width, height)
    angle, kind, grey = rng.uniform(0, np.pi), int(rng.integers(4)), float(rng.uniform(0, 255))
    step = np.array([np.cos(angle), np.sin(angle)]) * size * float(rng.uniform(1.2, 3))
    for place in range(count):
        x, y = (int(value) for value in start + place * step)
        half = max(2, int(size / 2))
        if kind == 0:
            cv2.circle(plane, (x, y), half, grey, -1, cv2.LINE_AA)
        elif kind == 1:
            cv2.circle(plane, (x, y), half, grey, max(1, half // 4), cv2.LINE_AA)
        elif kind == 2:
            cv2.rectangle(plane, (x - half, y - half), (x + half, y + half), grey, max(1, half // 4))
        else:
            cv2.arrowedLine(plane, (x - half, y), (x + half, y + half), grey, max(1, half // 5), cv2.LINE_AA)
