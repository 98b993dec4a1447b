"""Where the characters of a line go: cells for kanji, fitted ink for the rest; horizontal and vertical writing."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netchu.synth.ink import Rng
from netchu.synth.strokes.hand import Hand, bounded
from netchu.synth.strokes.sources import Glyph

BASE = 0.86  # where a baseline lies in a cell, from its top
_SMALL = frozenset("ぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶ")
_STOPS = frozenset("、。，．｡､")
_TURNED = frozenset("「」『』（）《》〈〉【】〔〕［］()[]{}<>“”‘’ー―—─〜～…-–－−=：；:;→←_|~｢｣")  # in vertical writing


@dataclass(frozen=True)
class Placed:
    """Of n characters: a point z of one's unit box lies at `scale * z + shift` ems, after x was stretched.

    `cells` (n, 4) are left, top, right, bottom of the room each takes, in ems, the line starting at 0, 0.
    """

    stretch: NDArray[np.float64]
    scale: NDArray[np.complex128]
    shift: NDArray[np.complex128]
    cells: NDArray[np.float64]


def kind(char: str) -> str:
    """What a character's place and size follow: kanji, kana, small, stop, mark, latin or space."""
    if char.isspace():
        return "space"
    if char in _SMALL:
        return "small"
    if char in _STOPS:
        return "stop"
    if "\u3041" <= char <= "\u30ff" and char not in "・ー":
        return "kana"
    if char < "\u2000" and char.isalnum():
        return "latin"
    if "\uff10" <= char <= "\uff5a" and char.isalnum():
        return "latin"
    return "kanji" if unicodedata.category(char) == "Lo" else "mark"


def place(text: str, glyphs: Sequence[Glyph | None], hand: Hand, rng: Rng, vertical: bool) -> Placed:
    """Lay out a line; `glyphs` has None for spaces."""
    count = len(text)
    kinds = [kind(char) for char in text]
    groups = _groups(text, kinds, hand) if vertical else [[k] for k in range(count)]
    jitter = bounded(rng, 4, count)
    sizes, turns = np.exp(hand.size * jitter[0]).tolist(), np.exp(1j * hand.turn * jitter[1]).tolist()
    drift, uneven = _drift(hand.wander * jitter[2]), jitter[3].tolist()
    stretch, scale, shift = [1.0] * count, [1 + 0j] * count, [0j] * count
    cells = [(0.0, 0.0, 0.0, 0.0)] * count
    pen = 0.0
    for group in groups:
        paired = len(group) == 2 and text[group[0]].isdecimal()
        lying = len(group) > 1 and not paired
        row = pen
        for column, k in enumerate(group):
            glyph = glyphs[k]
            if glyph is None:
                wide = hand.space * math.exp(0.2 * uneven[k]) * (2 if text[k] == "\u3000" else 1)
                cells[k] = (0.1, pen, 0.9, pen + wide) if vertical else (pen, 0.1, pen + wide, 0.9)
                pen += wide
                continue
            turned = vertical and (lying or text[k] in _TURNED)
            own, offset = _in_cell(kinds[k], vertical, turned)
            size = own * _size(kinds[k], hand, glyph) * sizes[k]
            narrow = hand.aspect * (0.6 if paired else hand.narrow if kinds[k] == "latin" else 1.0)
            linear = size * turns[k] * (1j if turned else 1)
            about = complex(0.5, BASE if kinds[k] == "latin" and not turned else 0.5)
            constant = about + (0.5 - 0.5 * narrow + (offset - about) / own) * linear  # about its middle or baseline
            left, top, right, bottom = _extent(glyph, narrow, linear, constant)
            low, high, near, far = (top, bottom, left, right) if vertical else (left, right, top, bottom)
            before, after = _bearings(kinds[k], text[k], low, high, hand, vertical, lying)
            aside = drift[k] + ((column - 0.5) * 0.46 if paired else 0.0)
            start = row if paired else pen
            along = start + before - low
            stretch[k], scale[k] = narrow, linear
            shift[k] = constant + (complex(aside, along) if vertical else complex(along, aside))
            end = start + before + (high - low) + after
            near, far = near + aside, far + aside
            cells[k] = (near, start, far, end) if vertical else (start, near, end, far)
            pen = max(pen, end + 0.03 * hand.sloppy * uneven[k])
    return Placed(np.array(stretch), np.array(scale), np.array(shift), np.array(cells))


def _size(of: str, hand: Hand, glyph: Glyph) -> float:
    if of == "kanji":  # those with many strokes come out larger
        return 0.94 + 0.004 * min(max(int(glyph.stroke[-1]) - 9, -8), 12)
    if of == "small":
        return hand.kana * 0.9
    return {"kana": hand.kana, "latin": hand.latin}.get(of, 0.92)


def _in_cell(of: str, vertical: bool, turned: bool) -> tuple[float, complex]:
    """Scale and shift, within its cell, of a character whose place hangs on the direction of writing."""
    if of == "small":
        return 0.9, (complex(0.14, -0.05) if vertical else complex(0.03, 0.08))
    if of == "stop" and vertical:
        return 1.0, complex(0.62, -0.62)
    if of == "latin" and turned:
        return 1.0, complex(0, -0.1)
    return 1.0, 0j


def _extent(glyph: Glyph, narrow: float, linear: complex, constant: complex) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of a glyph's box once it is placed."""
    left, top, right, bottom = glyph.box
    corners = [complex(x * narrow, y) * linear + constant for x in (left, right) for y in (top, bottom)]
    xs, ys = [corner.real for corner in corners], [corner.imag for corner in corners]
    return min(xs), min(ys), max(xs), max(ys)


def _bearings(
    of: str, char: str, low: float, high: float, hand: Hand, vertical: bool, lying: bool
) -> tuple[float, float]:
    """Room before and after the ink, along the line: a cell's own, drawn towards an even gap by `hand.fit`."""
    gap = (hand.gap + hand.width) / 2
    if of == "latin" or (of == "mark" and char < "\u2000"):
        tight = max(gap, 0.08) if vertical and not lying else gap
        return tight, tight
    edge = (hand.pitch - 1) / 2
    before, after = low + edge, 1 - high + edge
    fit = hand.fit * (0.6 if vertical else 1.0)
    if of in ("stop", "mark"):
        fit = max(fit, 0.35)
    return (1 - fit) * max(before, 0.0) + fit * gap, (1 - fit) * max(after, 0.0) + fit * gap


def _drift(steps: NDArray[np.float64]) -> list[float]:
    """A walk that keeps near its line: each step forgets a third of where it was."""
    drift, here = [], 0.0
    for step in steps.tolist():
        here = 0.65 * here + 0.76 * step
        drift.append(here)
    return drift


def _groups(text: str, kinds: list[str], hand: Hand) -> list[list[int]]:
    """Characters of a vertical line that are set together: two digits side by side, Latin words lying."""
    groups: list[list[int]] = []
    start = 0
    while start < len(text):
        end = start + 1
        while kinds[start] == "latin" and end < len(text) and kinds[end] == "latin":
            end += 1
        run = text[start:end]
        together = (len(run) == 2 and run.isdecimal() and hand.paired) or (len(run) > 2 and run.isalpha())
        groups += [list(range(start, end))] if together else [[k] for k in range(start, end)]
        start = end
    return groups
