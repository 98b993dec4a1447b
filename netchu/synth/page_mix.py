"""What draws the pages that a recipe asks for: one kind of page, or several by weight."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from netchu.errors import NetchuError
from netchu.image import Grey
from netchu.records import Page
from netchu.synth.drawer import DrawSpec
from netchu.synth.ink import pick
from netchu.synth.page import PageDrawer
from netchu.synth.page_scene import SceneDrawer
from netchu.synth.recipe import read_recipe


class Pages(Protocol):
    """Draws pages."""

    def sample(self, k: int) -> tuple[Grey, Page]:
        """Page k, uint8 (h, w), and the truth about it; the same whenever it is asked for."""
        ...


@dataclass(frozen=True)
class Mixed:
    """Draws page k with one of several drawers."""

    seed: int
    drawers: dict[str, Pages]
    weights: dict[str, float]

    def sample(self, k: int) -> tuple[Grey, Page]:
        """Page k of the one whose turn it is."""
        return self.drawers[pick(self.weights, np.random.default_rng([self.seed, 79, k]))].sample(k)


def open_pages(spec: DrawSpec) -> Pages:
    """What draws the pages of a recipe. NetchuError where something is missing, as DrawSpec.open has it."""
    recipe = read_recipe(spec.recipe, dict(spec.settings))
    if not (recipe.pages or recipe.scenes):
        drawer = spec.open()
        return SceneDrawer(drawer) if recipe.scene else PageDrawer(drawer)
    drawers: dict[str, Pages] = {}
    weights: dict[str, float] = {}
    for table, made in ((recipe.pages, PageDrawer), (recipe.scenes, SceneDrawer)):
        for name, weight in table.items():
            if weight > 0:
                if read_recipe(name).pages or read_recipe(name).scenes:
                    raise NetchuError(f"recipe {recipe.name}: {name} is a mix itself; name recipes that draw lines")
                own = Path(spec.fonts) / name if spec.fonts else Path()
                fonts = str(own) if spec.fonts and own.is_dir() else spec.fonts
                key = f"{name} {made.__name__}"
                drawers[key] = made(dataclasses.replace(spec, recipe=name, fonts=fonts, settings=()).open())
                weights[key] = weight
    return Mixed(spec.seed, drawers, weights)
