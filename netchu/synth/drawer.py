"""From a recipe to pictures: sample k of a seed is the same on any machine, in any process, whatever came before it.

text -> engine and writer -> ink -> moved and redrawn by a hand -> laid on paper -> seen by a camera
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from netchu.data.ops import GROUPS, Canvas, Mix, Quads
from netchu.errors import NetchuError
from netchu.image import Grey
from netchu.synth.camera import CAMERA
from netchu.synth.draw import FontEngine
from netchu.synth.fonts import Font, find_fonts
from netchu.synth.hand import Hand
from netchu.synth.ink import Engine, Rng, Style, pick
from netchu.synth.paper import PAPER
from netchu.synth.pen import hand_ops, room
from netchu.synth.recipe import Recipe, read_recipe
from netchu.synth.scene import SCENE
from netchu.synth.sheet import HAND, Sheet, lay, press
from netchu.synth.texts import open_texts
from netchu.synth.texts.guard import held_out
from netchu.synth.truth import Labels, canvas_of, follow_ink, inside, upright, widen

TRIES = 30  # texts tried per sample before giving up on the engine
EM = 48  # pixels per em while writing
FINER = 1.25  # rows of ink per row of the finished picture
NARROWEST = 0.75  # of the width that a font gives its letters


class Texts(Protocol):
    """What is written."""

    @property
    def alphabet(self) -> frozenset[str]:
        """Every character that may come."""
        ...

    def sample(self, rng: Rng) -> str:
        """A text; the same state of `rng` gives the same one."""
        ...


@dataclass(frozen=True)
class Drawn:
    """A drawn line and the truth about it. Boxes and labels are there when they were asked for."""

    picture: Grey
    text: str
    style: str  # what a reader could learn by heart: font or stroke source, and writer
    engine: str
    vertical: bool = False
    boxes: Quads | None = None  # (n, 4, 2): corners of each code point of the text, clockwise from the top left
    labels: Labels | None = None  # (h, w): number of the code point whose ink it is, from 1; 0 none
    parameters: Mapping[str, Any] = field(default_factory=dict)
    missed: tuple[str, ...] = ()  # texts that were tried before and that nothing could write


@dataclass(frozen=True)
class DrawSpec:
    """All that is needed to open the same drawer in another process. Folders: fonts, texts, strokes; pieces: a file."""

    recipe: str
    fonts: str = ""
    texts: str = ""
    strokes: str = ""
    pieces: str = ""
    seed: int = 0
    height: int = 0  # 0: the recipe's
    held_out: bool = False  # draw only the styles that are kept back otherwise
    settings: tuple[tuple[str, Any], ...] = ()  # that override the recipe's: ("effects.nib", 0)
    without: tuple[str, ...] = ()  # native data sets whose val and test transcripts are never drawn

    def open(self) -> Drawer:
        """Read everything. NetchuError when something is missing, or the recipe asks for what is not given."""
        recipe = read_recipe(self.recipe, dict(self.settings))
        if self.height:
            recipe = dataclasses.replace(recipe, height=self.height)
        if recipe.pages or recipe.scenes:
            raise NetchuError(f"recipe {recipe.name}: draws pages and no lines; teach a line finder with it (--pages)")
        _check_effects(recipe)
        engines: dict[str, Engine] = {}
        texts: dict[str, Texts] = {}
        for name in (name for name, weight in recipe.engines.items() if weight > 0):
            if name == "paste":
                from netchu.synth.bank import read_bank
                from netchu.synth.paste import PasteEngine, PasteTexts

                bank = read_bank(_given(self.pieces, name, "--pieces", "a file made by netchu synth pieces"))
                held = held_out(self.without) if self.without else None
                engines[name], texts[name] = PasteEngine(bank), PasteTexts(bank, held)
            else:
                engines[name] = self._engine(name, recipe)
        if rest := [name for name in engines if name not in texts]:
            folder = Path(self.texts) if self.texts else None
            source = open_texts(recipe.language, folder, recipe.texts, self.without)
            texts |= dict.fromkeys(rest, source)
        return Drawer(recipe, engines, texts, self.seed, self.held_out)

    def _engine(self, name: str, recipe: Recipe) -> Engine:
        """An engine that writes any text."""
        if name == "strokes":
            from netchu.synth.strokes import open_strokes

            return open_strokes(_given(self.strokes, name, "--strokes", "a folder of pen strokes"), recipe.language)
        found = find_fonts(_given(self.fonts, name, "--fonts", "a folder of .ttf or .otf files"))
        return FontEngine(_chosen(found, recipe, self.held_out), recipe.hand)

    def digest(self) -> str:
        """What is drawn, in 16 hexadecimal digits: the recipe and settings, the seed and the folders' names."""
        recipe = dataclasses.asdict(read_recipe(self.recipe, dict(self.settings)))
        rest = [Path(name).name for name in (self.fonts, self.texts, self.strokes, self.pieces)]
        without = [Path(name).name for name in self.without]
        said = json.dumps([recipe, rest, self.seed, self.height, self.held_out, without], sort_keys=True)
        return hashlib.sha256(said.encode("utf-8")).hexdigest()[:16]


def _given(folder: str, engine: str, option: str, what: str) -> str:
    if not folder:
        raise NetchuError(f"engine {engine!r} needs {option}: {what}")
    return folder


def _check_effects(recipe: Recipe) -> None:
    """NetchuError when the recipe weighs an effect that there is none of."""
    ops = (*hand_ops(Hand.of(Style(0, 0)), 1.0), *SCENE, *PAPER, *CAMERA)
    known = {*GROUPS, *(each.name for each in ops)}
    for name in recipe.effects:
        if name not in known:
            near = get_close_matches(name, sorted(known), 1)
            hint = f"did you mean {near[0]}?" if near else "netchu synth preview --effects shows them"
            raise NetchuError(f"recipe {recipe.name}: no effect {name!r}; {hint}")


def _chosen(fonts: Sequence[Font], recipe: Recipe, held_out: bool) -> list[Font]:
    """The fonts a recipe draws with, at its weights."""
    weighed = [dataclasses.replace(each, weight=recipe.fonts.get(each.name, each.weight)) for each in fonts]
    chosen = [each for each in weighed if each.weight > 0 and (each.name in recipe.held_out) == held_out]
    if not chosen:
        kind = "held-out font" if held_out else "font"
        raise NetchuError(f"recipe {recipe.name}: no {kind} is left in the folder; add fonts or change the recipe")
    return chosen


@dataclass(frozen=True)
class Drawer:
    """Draws sample k. Holds nothing that changes but caches, so any number of processes may open the same one."""

    recipe: Recipe
    engines: Mapping[str, Engine]
    texts: Mapping[str, Texts]  # by engine
    seed: int = 0
    held_out: bool = False

    @property
    def alphabet(self) -> frozenset[str]:
        """Every character that may be drawn."""
        return frozenset().union(*(source.alphabet for source in self.texts.values()))

    def sample(self, k: int, truth: bool = False) -> Drawn:
        """The k-th line; NetchuError when none of the texts tried can be written."""
        rng = np.random.default_rng([self.seed, k])
        recipe = self.recipe
        name = pick(recipe.engines, rng)
        engine, texts = self.engines[name], self.texts[name]
        vertical = bool(recipe.vertical and rng.random() < recipe.vertical)
        missed: list[str] = []
        for _ in range(TRIES):
            text = texts.sample(rng)
            if engine.covers(text, vertical):
                return self.draw(text, engine, rng, truth, vertical, tuple(missed))
            missed.append(text)
        raise NetchuError(f"nothing can write {missed[-1]!r} or the {TRIES - 1} texts before it; add fonts that do")

    def draw(
        self, text: str, engine: Engine, rng: Rng, truth: bool = False, vertical: bool = False,
        missed: tuple[str, ...] = (),
    ) -> Drawn:  # fmt: skip
        """A given text, which the engine covers, in a random writer's hand."""
        recipe = self.recipe
        writer = int(rng.integers(recipe.writers)) + (recipe.writers if self.held_out else 0)
        style = Style(self.seed, writer)
        ink, name = engine.write(text, style, rng, EM, truth, vertical)
        hand = Hand.of(style, recipe.hand)
        canvas = canvas_of(ink)
        self._move(canvas, hand, engine.name, rng)
        kind = self._lay(canvas, rng)
        picture = canvas.settle()
        boxes, labels = inside(canvas.boxes, picture.shape), canvas.labels
        if ink.vertical:
            picture, boxes, labels = upright(picture, boxes, labels)
        parameters = {"sheet": kind, "ops": [list(each) for each in canvas.done]}
        return Drawn(
            np.ascontiguousarray(picture), text, name, engine.name, vertical, boxes, labels, parameters, missed
        )

    def _move(self, canvas: Canvas, hand: Hand, engine: str, rng: Rng) -> None:
        """What hand and pen do, on ink alone, at `FINER` times the size of the picture."""
        recipe, written = self.recipe, engine != "font"
        down, across = room(hand, canvas.shape[0], canvas.unit / 0.45, recipe.strength, written)
        crop(canvas, down, round(across / NARROWEST))
        widen(canvas)
        scale(canvas, recipe, rng)
        ops = hand_ops(hand, FINER * recipe.height / 64, written)
        Mix((*ops, *SCENE) if recipe.scene else ops, weights=recipe.effects)(canvas, rng, recipe.strength, "ink")
        canvas.settle(0)
        follow_ink(canvas)
        crop(canvas)

    def _lay(self, canvas: Canvas, rng: Rng) -> str:
        """Paper and camera; the kind of sheet."""
        recipe, height = self.recipe, self.recipe.height
        rows, columns = canvas.shape
        factor = min(1 / FINER, height / rows)
        widen(canvas)
        canvas.resize(max(1, round(rows * factor)), max(1, round(columns * factor)))
        canvas.settle(0)
        follow_ink(canvas)
        sheet = lay(canvas, height, rng, Sheet.sample(rng, recipe.sheets or HAND))
        ops = (*SCENE, *PAPER, *CAMERA) if recipe.scene else (*PAPER, *CAMERA)
        mix = sheet.tuned(Mix(ops, weights=recipe.effects))
        mix(canvas, rng, recipe.strength, "paper")
        press(canvas)
        mix(canvas, rng, recipe.strength, "picture")
        return sheet.kind


def scale(canvas: Canvas, recipe: Recipe, rng: Rng) -> None:
    """Settle how large the line is written: between the recipe's sizes, and so that all of it fits the height."""
    rows, columns = canvas.shape
    inked = np.flatnonzero(canvas.pixels.max(axis=1) > 8)
    tall = int(inked[-1]) - int(inked[0]) + 1 if len(inked) else rows
    height = recipe.height * FINER
    fill = float(rng.beta(4, 1.5) * 0.4 + 0.6)  # real lines are cut out close to their ink
    wanted = float(rng.uniform(recipe.smallest, recipe.largest)) / 64 * height / canvas.unit
    factor = min(height * fill / tall, wanted)
    stretch = float(np.clip(rng.normal(1.0, 0.12), NARROWEST, 1.35))
    canvas.resize(max(4, round(rows * factor)), max(4, round(columns * factor * stretch)))


def crop(canvas: Canvas, down: int = 2, across: int = 2) -> None:
    """Cut to the ink with so much room above and below, and on each side."""
    rows, columns = np.flatnonzero(canvas.pixels.max(axis=1) > 8), np.flatnonzero(canvas.pixels.max(axis=0) > 8)
    if len(rows):
        height, width = canvas.shape
        top, left = int(rows[0]), int(columns[0])
        below, right = height - 1 - int(rows[-1]), width - 1 - int(columns[-1])
        canvas.pad(down - top, down - below, across - left, across - right)
