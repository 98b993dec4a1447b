"""What every way of writing has in common: a text and a writer's style -> ink with its characters' places.

Ways of writing ("engines"): fonts.py through draw.py, pen strokes, pieces cut out of real lines.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Rng = np.random.Generator
Mask = NDArray[np.uint8]  # (height, width): 0 no ink .. 255 full ink
Boxes = NDArray[np.float32]  # (n, 4): left, top, right, bottom in pixels


def pick(weights: Mapping[str, float], rng: Rng) -> str:
    """A name, drawn by weight."""
    ends = np.cumsum(list(weights.values()))
    return list(weights)[int(np.searchsorted(ends, rng.random() * ends[-1], side="right"))]


@dataclass(frozen=True)
class Ink:
    """A written line: all its ink with at least 2 empty pixels on every side.

    `boxes` has one row per code point of the text, spaces included (they are as wide as the gap and hold no ink);
    `labels`, when asked for, says for each pixel which character it belongs to (1 for the first, 0 for none).
    Vertical lines run from top to bottom; `base` is then the column of their axis.
    """

    mask: Mask
    boxes: Boxes
    unit: float  # height of an x, or half an em for scripts without: what pens and effects are measured in, pixels
    base: float  # row of the baseline
    labels: NDArray[np.uint16] | None = None
    vertical: bool = False


@dataclass(frozen=True)
class Style:
    """One writer. All that stays the same along a line, and from line to line, is drawn from (seed, writer)."""

    seed: int
    writer: int

    def rng(self, of: str) -> Rng:
        """A fresh generator for one trait of this writer: the same every time it is asked for."""
        return np.random.default_rng([self.seed, self.writer, zlib.crc32(of.encode("utf-8"))])


class Engine(Protocol):
    """A way of writing. Implementations hold what they need (fonts, trajectories, a bank of pieces), read-only."""

    @property
    def name(self) -> str:
        """What recipes call it."""
        ...

    def covers(self, text: str, vertical: bool = False) -> bool:
        """True when every character of `text` can be written, spaces included."""
        ...

    def write(
        self, text: str, style: Style, rng: Rng, em: float = 48.0, truth: bool = False, vertical: bool = False
    ) -> tuple[Ink, str]:
        """The ink of `text` (single spaces, covered) at `em` pixels per em, and its style's id: "caveat-400/17".

        The id names what a reader could overfit to: a font or trajectory source, and the writer. `truth` asks for
        labels.
        The same state of `rng` gives the same ink on any machine.
        """
        ...
