"""A drawer for tests, with the interface of a recipe's: lines in the font that Pillow carries. Can be pickled."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass

import numpy as np
from drawn import draw_text, words

from netchu.errors import NetchuError
from netchu.synth.drawer import Drawn
from netchu.synth.recipe import Recipe

LETTERS = "abdehiklmnorstu"


@dataclass(frozen=True)
class Sketches:
    spec: SketchSpec

    @property
    def recipe(self) -> Recipe:
        return Recipe("sketch", vertical=float(bool(self.spec.vertical)))

    @property
    def alphabet(self) -> frozenset[str]:
        return frozenset(LETTERS + " ż")

    def sample(self, k: int, truth: bool = False) -> Drawn:
        spec = self.spec
        if k in spec.failing:
            raise NetchuError(f"nothing can write line {k}")
        if k in spec.breaking:
            raise ZeroDivisionError("a fault of the drawer")
        if k == spec.deadly:
            os._exit(9)
        time.sleep(spec.slow)
        (text,) = words(1, seed=1000 * spec.seed + k, letters=LETTERS, longest=5)
        text = text if k not in spec.strange else "Ω"
        picture = draw_text(text, 24, seed=k)
        if k in spec.narrow:
            text, picture = "mm" * 20, picture[:, :30]
        if k in spec.vertical:
            picture = np.rot90(picture, -1)
        style = f"sketch/{k % 7 + (7 if spec.held_out else 0)}"
        return Drawn(picture, text, style, "font", k in spec.vertical)


@dataclass(frozen=True)
class SketchSpec:
    """`failing` and `breaking` samples raise, `deadly` ends its process, `strange` ones are of unknown letters."""

    recipe: str = "sketch"
    seed: int = 0
    held_out: bool = False
    without: tuple[str, ...] = ()
    slow: float = 0.0
    failing: frozenset[int] | range = frozenset()
    breaking: frozenset[int] = frozenset()
    deadly: int = -1
    strange: frozenset[int] = frozenset()
    narrow: frozenset[int] = frozenset()
    vertical: frozenset[int] = frozenset()

    def open(self) -> Sketches:
        if self.recipe == "none":
            raise NetchuError("none: no such recipe")
        if self.held_out and self.recipe == "all":
            raise NetchuError("all: nothing is held out")
        return Sketches(self)

    def digest(self) -> str:
        return hashlib.sha256(f"{self.recipe} {self.seed}".encode()).hexdigest()[:16]
