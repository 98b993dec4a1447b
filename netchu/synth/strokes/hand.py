"""A writer's traits: drawn once from the writer's style, the same along a line and from line to line."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from netchu.synth.ink import Rng, Style, pick

Reals = NDArray[np.float64]
Field = NDArray[np.complex128]  # (3, 3): weights of cosines down and across that displace the points of a character

FIELD = np.array([[0.0, 0.6, 0.5], [0.6, 0.8, 0.4], [0.5, 0.4, 0.25]])  # how much of each cosine; 0: a mere shift
PENS = {"ball": 0.34, "pencil": 0.14, "fibre": 0.16, "fountain": 0.16, "brush": 0.2}
_WIDTHS = {"ball": (0.024, 0.05), "pencil": (0.026, 0.05), "fibre": (0.038, 0.075), "fountain": (0.032, 0.065)}
_BRUSH = (0.055, 0.1)


@dataclass(frozen=True)
class Hand:
    """One writer; lengths are in ems, angles in radians."""

    key: int  # what `steady` noise hangs on
    source: str  # where this writer's characters are taken from, as far as it has them
    pen: str  # one of PENS
    width: float
    contrast: float  # 0: constant width .. 1: as much as the pen can
    nib: float  # how much thicker strokes down are than strokes across, as a fraction
    needle: bool  # strokes straight down end in a point
    slant: float  # columns per row
    rise: float  # rows that lines across go up, per column
    aspect: float  # width of a character over its height
    kana: float  # size of kana against kanji
    latin: float  # size of digits and Latin letters
    narrow: float  # their width against their drawn width
    pitch: float  # distance from cell to cell
    fit: float  # 0: every character has a cell .. 1: as much room as its own ink
    gap: float  # between characters, where they are fitted
    space: float  # width of a space
    wander: float  # how far characters leave their line
    size: float  # how far characters differ in size
    turn: float  # how far characters are rotated
    sloppy: float  # how far the same character differs from itself
    field: Field  # how this writer bends every character
    bearing: Reals  # (4,): how the writer turns strokes by their direction, as weights of cos, sin of 1 and 2 times it
    reach: Reals  # (4,): and lengthens them
    arch: Reals  # (2,): half the angle that strokes across and strokes down bend through
    overshoot: float  # how far strokes go past their ends
    fluent: float  # how far movements overlap: 0 stops at corners .. 0.5 rounds them
    cursive: float  # how readily strokes are joined
    link: float  # how readily characters are joined
    flick: float  # how readily a stroke ends towards the next one
    speed: float  # how strongly ink follows speed
    paired: bool  # two digits stand side by side in vertical writing

    @property
    def brush(self) -> bool:
        """True for a pen whose strokes have an entry and an exit."""
        return self.pen == "brush"


@lru_cache(maxsize=4096)
def hand_of(style: Style, sources: tuple[tuple[str, float], ...]) -> Hand:
    """The writer of that style; `sources` are names with the weights by which one is drawn."""
    rng = style.rng("strokes")
    key = int(rng.integers(2**62))
    pen = pick(PENS, rng)
    width = float(np.exp(rng.uniform(*np.log(_WIDTHS.get(pen, _BRUSH)))))
    free = float(rng.beta(1.1, 1.6))  # one trait behind many: a careful hand .. a free one
    return Hand(
        key=key,
        source=pick(dict(sources), rng),
        pen=pen,
        width=width,
        contrast=float(rng.uniform(0.5, 1.0)) if pen in ("brush", "fountain") else float(rng.uniform(0.1, 0.4)),
        nib=float(rng.uniform(0.1, 0.5)) if pen in ("brush", "fountain") else 0.0,
        needle=bool(rng.random() < 0.25),
        slant=_normal(rng, 0.01, 0.07, -0.2, 0.25),
        rise=_normal(rng, 0.045, 0.05, -0.06, 0.17),
        aspect=float(np.exp(_normal(rng, -0.02, 0.09, -0.25, 0.2))),
        kana=float(rng.uniform(0.74, 0.98)),
        latin=float(rng.uniform(0.78, 1.0)),
        narrow=float(rng.uniform(0.66, 1.0)),
        pitch=_normal(rng, 1.0, 0.07, 0.88, 1.25),
        fit=float(rng.choice([0.0, rng.uniform(0.1, 0.6), rng.uniform(0.6, 1.0)], p=[0.2, 0.4, 0.4])),
        gap=_normal(rng, 0.11, 0.05, 0.03, 0.3),
        space=float(rng.uniform(0.25, 0.6)),
        wander=float(rng.uniform(0.004, 0.03) * (0.5 + free)),
        size=float(rng.uniform(0.01, 0.05) * (0.5 + free)),
        turn=float(rng.uniform(0.004, 0.028)),
        sloppy=float(rng.uniform(0.45, 1.0) * (0.5 + 0.7 * free)),
        field=np.asarray(FIELD * rng.uniform(0.016, 0.042) * bounded(rng, 3, 6).view(complex), np.complex128),
        bearing=0.028 * bounded(rng, 4),
        reach=0.03 * bounded(rng, 4),
        arch=0.07 * bounded(rng, 2),
        overshoot=_normal(rng, 0.0, 0.014, -0.025, 0.035),
        fluent=float(np.clip(0.12 + 0.36 * free + 0.06 * rng.normal(), 0.08, 0.5)),
        cursive=float(np.clip(free * rng.uniform(0, 1.15) - 0.12, 0, 0.85)),
        link=float(max(0.0, free * rng.uniform(0, 0.4) - 0.14)),
        flick=float(rng.uniform(0, 0.35) * free),
        speed=float(rng.uniform(0.2, 1.0)),
        paired=bool(rng.random() < 0.6),
    )


def bounded(rng: Rng, *shape: int) -> Reals:
    """Normal noise, no further than 2 from 0: what goes far is a slip, not a style."""
    return np.asarray(np.minimum(np.maximum(rng.standard_normal(shape), -2.0), 2.0))


def steady(key: int, *parts: NDArray[np.integer] | int) -> Reals:
    """Noise that is the same whenever this writer does the same thing: about normal, within 3.5.

    `parts` say what is done (a code point, a stroke's number); arrays are broadcast. SplitMix64's mixer (Steele et al.
    2014) over them, and the sum of four 16-bit pieces.
    """
    bits = np.asarray(key, np.uint64)
    with np.errstate(over="ignore"):
        for part in parts:
            bits = (bits ^ np.asarray(part, np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
            bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            bits = bits ^ (bits >> np.uint64(31))
    pieces = [(bits >> np.uint64(shift)) & np.uint64(0xFFFF) for shift in (0, 16, 32, 48)]
    total = pieces[0] + pieces[1] + pieces[2] + pieces[3]
    return np.asarray((total.astype(np.float64) / 65536 - 2) * np.sqrt(3))


def steady_chance(key: int, *parts: NDArray[np.integer] | int) -> Reals:
    """The same, even in 0 .. 1."""
    return 0.5 + 0.5 * np.tanh(0.85 * steady(key, *parts))


def _normal(rng: Rng, mean: float, sd: float, low: float, high: float) -> float:
    return float(np.clip(rng.normal(mean, sd), low, high))
