"""A sheet of paper that curls, as a camera sees it: from places on the sheet to pixels and back.

The sheet is a general cylinder: bent along one direction only, its profile a polynomial, seen by a pinhole camera (Cao,
Ding and Liu 2003, "A cylindrical surface model to rectify the bound document image"; Zucker 2016, "Page dewarping").
It has few parameters, which the lines of a page can tell, and cannot do what paper cannot.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
FOCAL = 1.2  # usual focal length to the picture's longer side
POWERS = 3  # of the profile: squared, cubed, fourth
NUMBERS = (
    4 + POWERS
)  # of a sheet: roll, pitch, yaw in radians, the profile, and the focal length, log of its ratio to the usual
TURNS = 5  # of Newton's method: how deep along the view the sheet is
BEYOND = 1.2  # how far the profile's polynomial reaches, in halves of the written width; then it goes on straight
NODES = 1024  # of the table of lengths along the sheet
WIDEST = 12.0  # halves of the written width that the table reaches to either side


@dataclass(frozen=True)
class View:
    """What is known of a picture before any sheet is: its middle, the focal length and where it is written on, pixels.

    `middle` (x, y) is the middle of the picture, `centre` and `half` that of the written part and half its width.
    """

    middle: tuple[float, float]
    focal: float
    centre: float
    half: float

    @property
    def unit(self) -> tuple[float, float]:
        """Centre and half width on the sheet, whose unit is its distance from the camera."""
        return (self.centre - self.middle[0]) / self.focal, self.half / self.focal


@dataclass(frozen=True)
class Curl:
    """A sheet: `numbers` (NUMBERS,) and the view of it. A step from the flat picture to the one that was taken.

    A pixel of the flat picture is one of the original in the middle of the page; `corner` is the flat picture's upper
    left corner on the sheet, in those pixels.
    """

    numbers: tuple[float, ...]
    view: View
    corner: tuple[float, float] = (0.0, 0.0)

    def to_original(self, points: Numbers) -> Numbers:
        """(n, 2) of the flat picture -> (n, 2) of the original, pixels."""
        focal = self._focal
        sheet = (np.asarray(points) + self.corner) / focal
        places, lengths = self._lengths
        x = np.interp(sheet[:, 0], lengths, places)
        depth, _ = _profile(x, np.asarray(self.numbers)[None], self.view)
        seen = np.stack([x, sheet[:, 1], depth[0]], axis=1) @ rotation(np.asarray(self.numbers)[None])[0].T
        # Nothing behind the camera can be seen; what comes near it is far out of the picture.
        scale = focal / np.maximum(seen[:, 2] + 1.0, 0.05)
        return np.asarray(seen[:, :2] * scale[:, None] + self.view.middle)

    def to_flat(self, points: Numbers) -> Numbers:
        """The inverse."""
        x, y, _ = on_sheet(np.asarray(points), np.asarray(self.numbers)[None], self.view)
        places, lengths = self._lengths
        sheet = np.stack([np.interp(x[0], places, lengths), y[0]], axis=1)
        return np.asarray(sheet * self._focal - self.corner)

    @property
    def _focal(self) -> float:
        return float(lens(np.asarray(self.numbers)[None], self.view)[0])

    @cached_property
    def _lengths(self) -> tuple[Numbers, Numbers]:
        """Places across the sheet, and how far they are from the middle along its surface."""
        centre, half = self.view.unit
        places = centre + half * WIDEST * np.linspace(-1, 1, NODES) ** 3  # dense where the sheet curls
        places = np.union1d(places, centre + half * BEYOND * np.linspace(-1, 1, NODES))
        _, slope = _profile(places, np.asarray(self.numbers)[None], self.view)
        speed = np.sqrt(1 + slope[0] ** 2)
        lengths = np.concatenate([[0.0], np.cumsum(np.diff(places) * (speed[1:] + speed[:-1]) / 2)])
        return places, lengths - np.interp(0.0, places, lengths)


def rotation(numbers: Numbers) -> Numbers:
    """(m, NUMBERS) -> (m, 3, 3): turned about the page's upright, then its level axis, then in the picture."""
    (cr, cp, cy), (sr, sp, sy) = np.cos(numbers[:, :3].T), np.sin(numbers[:, :3].T)
    zero, one = np.zeros_like(cr), np.ones_like(cr)
    roll = np.array([[cr, -sr, zero], [sr, cr, zero], [zero, zero, one]])
    pitch = np.array([[one, zero, zero], [zero, cp, -sp], [zero, sp, cp]])
    yaw = np.array([[cy, zero, sy], [zero, one, zero], [-sy, zero, cy]])
    return np.asarray(np.einsum("abm,bcm,cdm->mad", roll, pitch, yaw))


def on_sheet(points: Numbers, numbers: Numbers, view: View) -> tuple[Numbers, Numbers, Numbers]:
    """Pixels (n, 2) as they lie on m sheets (m, NUMBERS): across, down, and the depth before the camera, (m, n) each.

    A view that misses the sheet, or meets it from behind, comes back as where the iteration stands: finite.
    """
    turned = rotation(numbers)
    sideways = (points - view.middle).T / lens(numbers, view)[:, None, None]  # (m, 2, n)
    ways = np.einsum("mkn,mka->man", sideways, turned[:, :2]) + turned[:, 2, :, None]
    eye = -turned[:, 2, :]  # of the camera, as the sheet sees it
    far = -eye[:, 2:] / np.maximum(ways[:, 2], 0.1)
    for _ in range(TURNS):
        depth, slope = _profile(eye[:, :1] + far * ways[:, 0], numbers, view)
        error = eye[:, 2:] + far * ways[:, 2] - depth
        far = np.clip(far - error / np.maximum(ways[:, 2] - slope * ways[:, 0], 0.1), 0.1, 10.0)
    return eye[:, :1] + far * ways[:, 0], eye[:, 1:2] + far * ways[:, 1], far


def lens(numbers: Numbers, view: View) -> Numbers:
    """Focal lengths in pixels, (m,)."""
    return np.asarray(view.focal * np.exp(numbers[:, -1]))


def _profile(x: Numbers, numbers: Numbers, view: View) -> tuple[Numbers, Numbers]:
    """How deep m sheets lie at places across them, and how steep: (n,) or (m, n) -> (m, n) each."""
    centre, half = view.unit
    at = (x - centre) / half
    inside = np.clip(at, -BEYOND, BEYOND)
    two, three, four = (numbers[:, 3 + power, None] for power in range(POWERS))
    slope = inside * (2 * two + inside * (3 * three + inside * 4 * four))
    depth = inside * inside * (two + inside * (three + inside * four)) + (at - inside) * slope
    return half * depth, slope
