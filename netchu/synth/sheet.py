"""A sheet of paper: what the lines written on it share, how ink and marks come onto it, and the picture of it all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu.data.ops import Canvas, Mix, Plane, Rng
from netchu.image import Grey
from netchu.synth.ink import pick


@dataclass(frozen=True)
class Kind:
    """A look that real sets have: greys as (mean, spread), margins in heights, how often ops act on such sheets."""

    paper: tuple[float, float]
    ink: tuple[float, float]
    light: float = 8.0  # greys by which the paper's grey drifts at most
    pencil: float = 0.0  # share of sheets written in pencil
    right: float = 1.0  # the widest margin right of the words
    chances: Mapping[str, float] = field(default_factory=dict)  # instead of the ops' own


_NO_PAPER = {
    "texture": 0.0,
    "vignette": 0.0,
    "colour": 0.0,
    "dark": 0.0,
    "stain": 0.005,
    "crease": 0.005,
    "bleed": 0.01,
}
_NO_LENS = {"motion": 0.01, "light": 0.0, "perspective": 0.03, "curl": 0.03, "shot": 0.02, "noise": 0.1}
_PRESS = {"pressure": 0.0, "pencil": 0.0, "greys": 0.0, "margin": 0.0, "strike": 0.0, "stamp": 0.005}

KINDS: Mapping[str, Kind] = {
    # pencil or pen on one even grey, as scanned and evened out
    "plain": Kind(
        (228, 9), (66, 34), light=6, pencil=0.5, right=4.0,
        chances={"focus": 0.75, "noise": 0.6, "rules": 0.02, "box": 0.01, "light": 0.05, "vignette": 0.03},
    ),
    # a scan whose paper was driven to white
    "white": Kind(
        (252, 5), (55, 36), light=0, pencil=0.25, right=0.6,
        chances={**_NO_PAPER, **_NO_LENS, "rules": 0.3, "neighbours": 0.2, "levels": 0.75, "sharpen": 0.25},
    ),
    # a cell of a form, photographed and sharpened by the telephone
    "box": Kind(
        (203, 9), (22, 18), light=16, right=6.0,
        chances={"box": 0.97, "neighbours": 0.6, "rules": 0.01, "sharpen": 0.65, "noise": 0.6, "light": 0.25,
                 "perspective": 0.35, "curl": 0.2, "texture": 0.3, "levels": 0.01, "focus": 0.3, "table": 0.05},
    ),
    # a notebook
    "ruled": Kind(
        (226, 13), (66, 32), light=10, pencil=0.35, right=2.0,
        chances={"rules": 0.88, "grid": 0.1, "margin": 0.15, "neighbours": 0.25, "levels": 0.1},
    ),
    # an archive's photograph of an old letter
    "old": Kind(
        (210, 18), (22, 24), light=14, right=0.7,
        chances={"texture": 0.9, "bleed": 0.45, "stain": 0.12, "crease": 0.1, "neighbours": 0.4, "colour": 0.1,
                 "dry": 0.2, "greys": 0.1, "levels": 0.15},
    ),
    # something to be filled in
    "form": Kind(
        (238, 12), (50, 32), light=8, pencil=0.1, right=2.0,
        chances={"leaders": 0.5, "comb": 0.3, "table": 0.3, "box": 0.3, "stamp": 0.06, "levels": 0.2},
    ),
    # squares for one character each, as Japanese is practised in
    "squares": Kind((235, 12), (60, 34), light=8, pencil=0.4, right=2.0, chances={"squares": 0.9, "levels": 0.15}),
    # a book's page, as scanners give it
    "print": Kind(
        (252, 5), (14, 14), light=0, right=0.35,
        chances={**_NO_PAPER, **_NO_LENS, **_PRESS, "dry": 0.03, "neighbours": 0.3, "levels": 0.7, "rules": 0.0},
    ),
    # a sign, a shop front, a package: the word fills the picture; its greys are settled by the op `colours`
    "sign": Kind(
        (215, 20), (60, 34), light=12, right=0.15, chances={**_PRESS, "texture": 0.3, "focus": 0.7, "levels": 0.0}
    ),
    # a typewriter's ribbon
    "typed": Kind(
        (222, 18), (62, 28), light=8, right=0.4,
        chances={**_PRESS, "pressure": 0.6, "greys": 0.6, "dry": 0.3, "texture": 0.7, "bleed": 0.2, "underline": 0.08,
                 "rules": 0.0, "neighbours": 0.15, "focus": 0.7, "levels": 0.1},
    ),
}  # fmt: skip

HAND: Mapping[str, float] = {"plain": 0.36, "white": 0.16, "box": 0.27, "ruled": 0.14, "old": 0.05, "form": 0.02}
PRINT: Mapping[str, float] = {"print": 0.5, "typed": 0.25, "plain": 0.1, "old": 0.05, "box": 0.05, "form": 0.05}


@dataclass(frozen=True)
class Sheet:
    """What all lines of one sheet share; greys are 0 black .. 255 white."""

    kind: str
    paper: float
    ink: float
    light: float  # greys by which the paper's grey drifts along a line
    pencil: bool

    @classmethod
    def sample(cls, rng: Rng, kinds: Mapping[str, float] = HAND) -> Sheet:
        """A sheet of one of `kinds`, a name's share of them each."""
        kind = pick(kinds, rng)
        of = KINDS[kind]
        paper = min(max(float(rng.normal(*of.paper)), 150.0), 255.0)
        ink = min(max(float(rng.normal(*of.ink)), 0.0), 140.0, paper - 75)
        return cls(kind, paper, ink, of.light * float(rng.random()) ** 2, bool(rng.random() < of.pencil))

    def tuned(self, mix: Mix) -> Mix:
        """The mix with its ops as frequent as they are on sheets of this kind; the mix's own weights still count."""
        chances = {"pencil": float(self.pencil), **KINDS[self.kind].chances}
        weights = {
            op.name: mix.weight(op) * (chances.get(op.name, op.chance) / op.chance if op.chance else 1.0)
            for op in mix.ops
        }
        return replace(mix, weights=weights)


def lay(canvas: Canvas, height: int, rng: Rng, sheet: Sheet | None = None) -> Sheet:
    """Put ink (stage "ink", at most `height` rows) on a sheet (stage "paper", `height` rows), wholly inside.

    Returns the sheet, one at random when none is given. ValueError when the ink is higher than `height`.
    Vertical lines are laid turned on their side.
    """
    sheet = sheet or Sheet.sample(rng)
    rows, columns = canvas.settle(0).shape
    if rows > height:
        raise ValueError(f"ink of {rows} rows does not fit in {height}: scale it first")
    above = round((height - rows) * float(rng.beta(2, 2)))
    near = rng.random() < 0.75
    left = round(height * float(rng.uniform(0.0, 0.16) if near else rng.uniform(0.1, 0.6)))
    right = round(height * (0.03 + KINDS[sheet.kind].right * float(rng.random()) ** 2))
    canvas.pad(above, height - rows - above, left, right)
    knots = rng.standard_normal((2, columns // (3 * height) + 2), dtype=np.float32)
    ground = spread(knots * (sheet.light / 2) + sheet.paper, canvas.shape)
    canvas.ground = np.clip(ground, 0, 255, out=ground)
    canvas.tone = sheet.ink
    return sheet


def press(canvas: Canvas) -> Grey:
    """Ink and ground -> the grey picture (stage "paper" -> "picture")."""
    coverage = canvas.settle(0).astype(np.float32)
    ground, canvas.ground = laid(canvas), None
    coverage *= (np.float32(canvas.tone) - ground) * np.float32(1 / 255)
    coverage += ground
    canvas.pixels = cv2.convertScaleAbs(coverage)  # type: ignore[assignment]  # rounds, at a tenth of numpy's time
    return canvas.pixels


def laid(canvas: Canvas) -> Plane:
    """The ground of a canvas at rest; ValueError when it has none."""
    canvas.settle(0)
    if canvas.ground is None:
        raise ValueError("the canvas has no ground: lay it on a sheet first")
    return canvas.ground


def spread(knots: Plane, shape: tuple[int, int]) -> Plane:
    """A small field (a, b) -> a smooth one (h, w)."""
    return cv2.resize(knots, shape[::-1], interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]


def unit(canvas: Canvas) -> float:
    """The height of an x in pixels, guessed where it is not known."""
    return canvas.unit or canvas.shape[0] / 3


GRAINS = ("fine", "soft", "fibre")


def grain(shape: tuple[int, int], rng: Rng, of: str = "fine") -> Grey:
    """Noise (h, w) about 128 with a deviation of 32: a piece of a fixed tile, so that it costs next to nothing.

    "fine" is white, "soft" has grains of some two pixels, "fibre" is drawn out along the rows.
    """
    tile = _tiles()[of]
    down, across = shape[0] - tile.shape[0], shape[1] - tile.shape[1]
    if down > 0 or across > 0:
        tile = np.tile(tile, (-(-shape[0] // tile.shape[0]), -(-shape[1] // tile.shape[1])))
    top = int(rng.integers(tile.shape[0] - shape[0] + 1))
    left = int(rng.integers(tile.shape[1] - shape[1] + 1))
    return tile[top : top + shape[0], left : left + shape[1]]


@lru_cache(maxsize=1)
def _tiles() -> dict[str, NDArray[np.uint8]]:
    white = np.random.default_rng(20260).standard_normal((192, 2048), dtype=np.float32)
    tiles = {}
    for of, deviations in zip(GRAINS, ((0.0, 0.0), (0.9, 0.9), (2.6, 0.6))):
        plane = cv2.GaussianBlur(white, (0, 0), deviations[0], sigmaY=deviations[1]) if deviations[0] else white
        tiles[of] = np.clip(plane * (32 / plane.std()) + 128.5, 0, 255).astype(np.uint8)
    return tiles


def soak(canvas: Canvas, mask: Grey, grey: float, amount: float) -> None:
    """Tint the ground with a grey where the mask (h, w) says."""
    ground = laid(canvas)
    part = mask * np.float32(min(1.0, amount) / 255)
    part *= np.float32(grey) - ground
    canvas.ground = ground + part


def between(canvas: Canvas, part: float) -> float:
    """A grey between the sheet's (0) and the ink's (1)."""
    paper = float(laid(canvas)[::5, ::29].mean())
    return paper + (canvas.tone - paper) * part


def clip_ground(canvas: Canvas) -> None:
    """Keep the ground within black and white."""
    canvas.ground = np.clip(laid(canvas), 0, 255)


def extent(canvas: Canvas) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of the ink (ends exclusive); the whole canvas when there is none."""
    pixels = canvas.settle(0)
    down, across = np.flatnonzero(pixels.max(axis=1) > 40), np.flatnonzero(pixels.max(axis=0) > 40)
    if not len(down):
        return 0, pixels.shape[0], 0, pixels.shape[1]
    return int(down[0]), int(down[-1]) + 1, int(across[0]), int(across[-1]) + 1


def gaps(canvas: Canvas, least: float = 0.5) -> list[int]:
    """The columns in the middle of the gaps between words, or of all gaps of `least` heights of an x."""
    filled = np.flatnonzero(canvas.settle(0).max(axis=0) > 40)
    widths = np.diff(filled)
    wide = np.flatnonzero(widths > max(1.0, least * unit(canvas)))
    return (filled[wide] + widths[wide] // 2).tolist()  # type: ignore[no-any-return]
