"""Flat pages as a camera would see them if they curled, with the exact way from every flat point to its pixel.

Other mathematics than netchu/page/curl.py: the profile is a gutter and two waves, the lens its own, and the inverse is
found by iterating, so that the fit is not held against itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu.image import Grey

Numbers = NDArray[np.float64]
KNOTS = 12  # pixels between points at which the inverse is computed


@dataclass(frozen=True)
class Warp:
    """A flat page of `size` (width, height), seen by a camera. Lengths in halves of the width, angles in radians."""

    size: tuple[int, int]
    turn: Numbers  # (3, 3)
    gutter: tuple[float, float, float]  # height, where, how wide
    waves: tuple[tuple[float, float, float], ...]  # height, waves a unit, phase
    distance: float
    frame: tuple[float, float, float] = (1.0, 0.0, 0.0)  # pixels a unit of the lens's picture, and its corner

    def forward(self, points: Numbers) -> Numbers:
        """Flat pixels (n, 2) -> pixels of the warped picture."""
        width, height = self.size
        flat = (np.asarray(points) - (width / 2, height / 2)) / (width / 2)
        along, x, z = self._surface
        at = (
            np.stack([np.interp(flat[:, 0], along, x), flat[:, 1], np.interp(flat[:, 0], along, z)], axis=1)
            @ self.turn.T
        )
        scale, left, top = self.frame
        return at[:, :2] / (1 + at[:, 2:] / self.distance) * scale - (left, top)

    @cached_property
    def _surface(self) -> tuple[Numbers, Numbers, Numbers]:
        """Places along the paper, which is as long as the flat page is wide, and where they are across and in depth."""
        along = np.linspace(-1.6, 1.6, 1601)
        slope = self._slope(along)
        x = np.cumsum(1 / np.sqrt(1 + slope**2)) * (along[1] - along[0])
        z = np.cumsum(slope / np.sqrt(1 + slope**2)) * (along[1] - along[0])
        return along, x - x[800], z - z[800]

    def _slope(self, along: Numbers) -> Numbers:
        height, where, wide = self.gutter
        slope = height * np.exp(-(((along - where) / wide) ** 2)) * np.sign(where)
        for tall, often, phase in self.waves:
            slope = slope + tall * often * np.cos(often * along + phase)
        return np.asarray(slope)

    def inverse(self, points: Numbers) -> Numbers:
        """Warped pixels (n, 2) -> flat pixels, by Newton's method; outside the page by and large."""
        found = np.clip(points, 0, self.size).astype(np.float64)
        for _ in range(8):
            error = self.forward(found) - points
            right, down = (self.forward(found + step) - points - error for step in ((1, 0), (0, 1)))
            scale = right[:, 0] * down[:, 1] - right[:, 1] * down[:, 0]
            scale = np.where(np.abs(scale) < 1e-3, 1e-3, scale)
            across = error[:, 0] * down[:, 1] - error[:, 1] * down[:, 0]
            along = error[:, 1] * right[:, 0] - error[:, 0] * right[:, 1]
            step = np.stack([across, along], axis=1) / scale[:, None]
            found = np.clip(found - np.clip(step, -400, 400), -0.5 * max(self.size), 1.5 * max(self.size))
        return found


def drawn(size: tuple[int, int], seed: int) -> tuple[Warp, tuple[int, int]]:
    """A warp for flat pages of `size` (width, height), and the size of its picture: about as many pixels."""
    rng = np.random.default_rng([seed, 5])
    roll, pitch, yaw = np.radians(rng.normal(0, [2.5, 10.0, 6.0]).clip(-20, 20))
    distance = float(rng.uniform(2.2, 5.0)) * max(1.0, size[1] / size[0])
    gutter = (rng.uniform(0, 1.6), rng.choice([-1, 1]) * rng.uniform(0.85, 1.15), rng.uniform(0.2, 0.5))
    waves = tuple((rng.uniform(0, share), often, rng.uniform(0, 6.28)) for often, share in ((1.5, 0.3), (3.0, 0.08)))
    warp = Warp(size, _turn(roll, pitch, yaw), gutter, waves, distance)
    edge = np.linspace(0, 1, 40)
    sides = [(edge, 0 * edge), (edge, 1 + 0 * edge), (0 * edge, edge), (1 + 0 * edge, edge)]
    outline = warp.forward(np.concatenate([np.stack(side, axis=1) for side in sides]) * size)
    low, high = outline.min(axis=0), outline.max(axis=0)
    margin = 0.03 * (high - low)
    low, high = low - margin, high + margin
    scale = float(np.sqrt(size[0] * size[1] / np.prod(high - low)))
    width, height = np.ceil((high - low) * scale).astype(int)
    return Warp(size, warp.turn, gutter, waves, distance, (scale, *(low * scale))), (int(width), int(height))


def warped(grey: Grey, warp: Warp, size: tuple[int, int], shade: float = 0.3, seed: int = 0) -> Grey:
    """The picture of `size` (width, height) that the camera takes, on a dark table, in light that falls off."""
    rng = np.random.default_rng([seed, 6])
    width, height = size
    xs, ys = (np.linspace(0, side, -(-side // KNOTS) + 1) for side in size)
    knots = warp.inverse(np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)).reshape(len(ys), len(xs), 2)
    across, down = (np.arange(width) + 0.5) / xs[1], (np.arange(height) + 0.5) / ys[1]
    column, row = np.minimum(across.astype(int), len(xs) - 2), np.minimum(down.astype(int), len(ys) - 2)
    dx, dy = (across - column)[None, :, None], (down - row)[:, None, None]
    wide = knots[:, column] * (1 - dx) + knots[:, column + 1] * dx
    places = (wide[row] * (1 - dy) + wide[row + 1] * dy - 0.5).astype(np.float32)
    table = int(rng.integers(20, 90))
    seen = cv2.remap(grey, places[..., 0], places[..., 1], cv2.INTER_CUBIC, borderValue=table).astype(np.float32)
    way = rng.uniform(0, 6.28)
    light = 1 - shade * (0.5 + 0.5 * (np.cos(way) * (2 * across / across[-1] - 1)[None]
                                      + np.sin(way) * (2 * down / down[-1] - 1)[:, None]) / 1.42)  # fmt: skip
    return np.clip(seen * light, 0, 255).astype(np.uint8)


def _turn(roll: float, pitch: float, yaw: float) -> Numbers:
    (cr, cp, cy), (sr, sp, sy) = np.cos([roll, pitch, yaw]), np.sin([roll, pitch, yaw])
    return (
        np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
        @ [[1, 0, 0], [0, cp, -sp], [0, sp, cp]]
        @ np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    )


def similar(points: Numbers, truth: Numbers) -> Numbers:
    """Points (n, 2), turned, shifted and scaled so that they lie as near to the truth as they can."""
    one, other = (np.asarray(side) @ (1, 1j) for side in (points, truth))
    one, middle = one - one.mean(), other.mean()
    scale = np.vdot(one, other - middle) / np.vdot(one, one)
    moved = one * scale + middle
    return np.stack([moved.real, moved.imag], axis=1)
