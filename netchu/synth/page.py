"""Whole pages, drawn: columns, registers, letters and loose notes, with the baseline and outline of every line.

Page k of a seed is the same picture whatever came before it. Lines are written by the engines of `drawer`, bent, and
laid as ink on one sheet (`page_sheet`), with things between them that are no text. Pages whose lines run down are drawn
lying on their side, and turned: so their lines follow one another from right to left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netchu.image import Grey
from netchu.records import Page
from netchu.synth.drawer import Drawer
from netchu.synth.ink import Rng, pick
from netchu.synth.page_draft import Draft, turned_back
from netchu.synth.page_layouts import aslant, columns, letter, manuscript, notes, register
from netchu.synth.page_sheet import Sheet
from netchu.synth.page_table import table
from netchu.synth.page_write import hand_of, is_han

EM = (18.0, 46.0)  # pixels per em of a page's lines: smallest and largest usual
LAYOUTS = {"columns": 3.0, "letter": 3.0, "register": 2.5, "notes": 1.0}
HAN_LAYOUTS = {"columns": 4.0, "letter": 2.0, "register": 1.0, "notes": 1.0, "manuscript": 2.5}
DRAWN = {
    "columns": columns, "letter": letter, "register": register, "notes": notes, "manuscript": manuscript,
    "table": table,  # in no mix: order is measured on it, and pages that finders learn from stay what they were
}  # fmt: skip
UPRIGHT = 0.7  # share of the pages whose lines run down, where they may
ASIDE = 0.25  # share of the pages with lines that lie on their side


@dataclass(frozen=True)
class PageDrawer:
    """Draws page k with the engines, texts and seed of a drawer of lines."""

    drawer: Drawer
    upright: float = UPRIGHT
    aside: float = ASIDE

    def sample(self, k: int) -> tuple[Grey, Page]:
        """The picture, uint8 (h, w), and the truth about it, lines in the order in which they were written."""
        rng = np.random.default_rng([self.drawer.seed, 77, k])
        area, aspect = float(rng.uniform(0.8e6, 1.3e6)), float(np.exp(rng.normal(0.33, 0.15)))
        if rng.random() < 0.15:
            aspect = 1 / aspect
        width, height = round((area / aspect) ** 0.5), round((area * aspect) ** 0.5)
        em = float(np.exp(rng.uniform(*np.log(EM))))
        upright = is_han(self.drawer) and rng.random() < self.upright
        if upright:
            width, height = height, width
        hand = hand_of(self.drawer, rng, upright)
        draft = Draft(Sheet.blank(width, height, rng), rng, hand.write, em, is_han(self.drawer))
        DRAWN[pick(HAN_LAYOUTS if draft.han else LAYOUTS, rng)](draft)
        if rng.random() < self.aside:
            self._aside(draft, rng, upright)
        picture = draft.sheet.seen(rng, em)
        if not upright:
            return picture, Page(width, height, tuple(draft.lines))
        lines = tuple(turned_back(line, (height, width), 1) for line in draft.lines)
        return np.ascontiguousarray(np.rot90(picture, -1)), Page(height, width, lines)

    def _aside(self, draft: Draft, rng: Rng, upright: bool) -> None:
        """Lines across the others: on the side of a page of lines across, across one of lines that run down."""
        if not upright:
            aslant(draft)
            return
        across = draft.aside(-1, hand_of(self.drawer, rng).write)
        width, height = across.size
        for _ in range(int(rng.integers(1, 4))):
            edge = rng.uniform(0.02, 0.06) if rng.random() < 0.5 else rng.uniform(0.95, 0.985)
            small = draft.em * rng.uniform(0.6, 1.2)
            across.put(width * rng.uniform(0.02, 0.9), height * edge, small * rng.uniform(1, 14), small, free=True)
        draft.take(across, -1)
