"""Lines of a drawn page as ink: texts one after another until a line is full, in one hand, across or down."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netchu.errors import NetchuError
from netchu.synth.draw import FontEngine
from netchu.synth.drawer import TRIES, Drawer
from netchu.synth.ink import Engine, Ink, Rng, Style, pick

PRINT = 0.35  # share of pages whose letters stand where the font has them
PLAIN = 0.05  # share of a hand's habits that print keeps
UNDER = 0.38  # ems from the axis of a line that runs down to its baseline, which is to the left of it


@dataclass(frozen=True)
class Written:
    """Ink of a line with what is on it: mask (h, w), text, and its first and last columns and baseline row.

    A line that runs down lies turned against the clock, so that it runs to the right as well.
    """

    mask: NDArray[np.uint8]
    text: str
    left: float
    right: float
    base: float
    unit: float


@dataclass(frozen=True)
class Hand:
    """Who writes all of a page: an engine, a style, and texts. `spaced`: words have spaces between them."""

    engine: Engine
    text: Callable[[], str]
    style: Style
    rng: Rng
    spaced: bool = True
    upright: bool = False  # lines run down

    def write(self, em: float, widest: float) -> Written | None:
        """A line that fills `widest` pixels, about, or as much of it as its last word leaves; None where none fits."""
        wide, narrow = (0.42, 0.3) if self.spaced else (1.0, 0.5)  # ems a character, usually and at least
        words = ""
        for _ in range(TRIES):
            if len(words) * em * wide >= widest:
                break
            more = f"{words}{' ' * self.spaced}{self.text()}".strip()
            if self.engine.covers(more, self.upright):
                words = more
        words = words[: max(1, round(widest / (em * narrow)))].strip()
        if not words:
            return None
        try:
            ink, _ = self.engine.write(words, self.style, self.rng, em, truth=True, vertical=self.upright)
        except NetchuError:  # no one font has all of these letters
            return None
        line = _cut(_flat(ink) if ink.vertical else ink, words, widest, self.spaced)
        # One letter alone has no direction: readers take it for upright.
        return line if line is None or len(line.text) > 1 or not self.upright else None


def hand_of(drawer: Drawer, rng: Rng, upright: bool = False, printed: float = PRINT) -> Hand:
    """A writer for a page, with one of the drawer's engines; `printed`: how likely fonts are set as in print."""
    name = pick(drawer.recipe.engines, rng)
    engine, texts = drawer.engines[name], drawer.texts[name]
    if isinstance(engine, FontEngine) and rng.random() < printed:
        engine = dataclasses.replace(engine, hand=PLAIN, _orders={})
    habits = drawer.recipe.writers if drawer.held_out else 0  # writers are kept back, too
    style = Style(drawer.seed, int(rng.integers(1 << 30)) + habits)
    return Hand(engine, lambda: texts.sample(rng), style, rng, not is_han(drawer), upright)


def is_han(drawer: Drawer) -> bool:
    """Whether a drawer's lines may run down: then there are no spaces between words either."""
    return drawer.recipe.vertical > 0


def _flat(ink: Ink) -> Ink:
    """A line that runs down, turned against the clock; its baseline is where that of a line across would lie."""
    columns = ink.mask.shape[1]
    left, top, right, bottom = ink.boxes.T
    boxes = np.stack([top, columns - right, bottom, columns - left], axis=1)
    base = columns - ink.base + 2 * UNDER * ink.unit
    return dataclasses.replace(ink, mask=np.ascontiguousarray(np.rot90(ink.mask)), boxes=boxes, base=base)


def _cut(ink: Ink, text: str, widest: float, spaced: bool) -> Written | None:
    """The line up to the last word that ends within `widest`; its first word's letters where that is too long."""
    shown = np.array([not char.isspace() for char in text])
    left = float(ink.boxes[shown][0, 0])
    fits = (ink.boxes[:, 2] <= left + widest) & shown
    ends = [place for place in np.flatnonzero(fits).tolist()
            if not spaced or place + 1 == len(text) or not shown[place + 1]]  # fmt: skip
    last = ends[-1] if ends else int(np.flatnonzero(fits)[-1]) if fits.any() else -1
    if last < 0:
        return None
    right = float(ink.boxes[: last + 1, 2].max())
    mask = ink.mask[:, : round(right) + 3]
    if last + 1 < len(text) and ends:  # what reaches over from the next word
        mask = mask.copy()
        mask[:, max(0, round((right + float(ink.boxes[last + 1, 2 * spaced])) / 2)) :] = 0
    return Written(mask, text[: last + 1], left, right, ink.base, ink.unit)
