"""How one writer moves the pen: what stays the same from line to line."""

from __future__ import annotations

from dataclasses import dataclass

from netchu.synth.ink import Rng, Style

_SPACE = 0.28  # ems, as in most fonts
_SPACES = ((0.12, 0.25), (0.25, 0.45), (0.25, 0.45), (0.45, 0.9))


@dataclass(frozen=True)
class Hand:
    """A writer's habits; lengths are in ems. Drawn from the writer's style, so it is the same in every line."""

    slant: float  # columns per row
    wander: float  # how far words leave the baseline
    size: float  # how far words differ in size
    space: float  # width of a space
    letters: float  # extra width between letters
    uneven: float  # how far those widths differ
    warp: float  # how far strokes are bent
    marks: tuple[float, float]  # where tone marks fall, to the right and up
    loose: float  # how far each mark differs from that
    apart: float  # how far commas and full stops stand from their words, on average
    mixed: float  # share of words in the writer's other script
    nib: float  # width of the pen, in pixels of a line of 64 rows
    ball: bool  # a pen of even width

    @classmethod
    def of(cls, style: Style, share: float = 1.0) -> Hand:
        """The habits of a writer; with a `share` below 1 they go less far from what the font does, 0 nowhere."""
        rng = style.rng("hand")
        spread = bool(rng.random() < 0.6)
        return cls(
            slant=_within(rng.normal(0.08, 0.16), -0.3, 0.5) * share,
            wander=abs(float(rng.normal(0, 0.035))) * share,
            size=float(rng.uniform(0, 0.09)) * share,
            space=_SPACE + (float(rng.uniform(*_SPACES[int(rng.integers(4))])) - _SPACE) * share,
            letters=(float(rng.normal(0.05, 0.06)) if spread else 0.0) * share,
            uneven=(0.045 if spread else 0.015) * share,
            warp=float(rng.uniform(0.01, 0.05)) * share,
            marks=(float(rng.normal(0.03, 0.04)) * share, float(rng.normal(0.02, 0.035)) * share),
            loose=float(rng.uniform(0, 0.05)) * share,
            apart=(float(rng.exponential(0.12)) if rng.random() < 0.6 else 0.0) * share,
            mixed=float(rng.uniform(0.05, 0.5)) if rng.random() < 0.12 * share else 0.0,
            nib=_within(rng.normal(1.25, 0.4), 0.8, 3.2),
            ball=bool(rng.random() < 0.5),
        )


def habit(rng: Rng, spread: float) -> float:
    """A factor round 1 for how strongly a line keeps to a habit."""
    return _within(rng.normal(1.0, spread), 1 - 2.5 * spread, 1 + 2.5 * spread)


def _within(value: float, low: float, high: float) -> float:
    return float(min(high, max(low, value)))
