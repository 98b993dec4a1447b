"""Writing with fonts: a text and a writer -> ink. Letters are set one by one, shaken, with the writer's habits.

Fonts that join letters are shaped word by word. Every mask is pasted whole into a canvas made large enough for it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from netchu.errors import NetchuError
from netchu.synth.fonts import Font, check_shaping
from netchu.synth.glyphs import BELOW, BODY, SOLID, Glyph, Piece, cell, glyph, kerning, middle, owners, shapes, stature
from netchu.synth.hand import Hand
from netchu.synth.ink import Boxes, Ink, Mask, Rng, Style
from netchu.synth.marks import compose, draw_marks

_CLOSER = 0.25  # of a letter's width by which the next may come closer: two narrow ones must not fall into one
_HANGING = ",.;:!?"  # often set apart from the word before, though no space is meant
_PARTS = re.compile(f"[^{_HANGING}]+[{_HANGING}]*|[{_HANGING}]+")


@dataclass(frozen=True)
class _Set:
    """A glyph at its place: the pen's position on the baseline, and the first of the characters that it draws."""

    glyph: Glyph
    x: float
    y: float
    first: int
    composed: tuple[str, tuple[str, ...]] | None = None  # the drawn base letter, and marks still to be drawn on it
    word: tuple[Font, int, str] | None = None  # what was shaped as a whole


@dataclass(frozen=True)
class FontEngine:
    """Writes with fonts. A writer keeps to one, with perhaps a second for some words, as long as it has the letters."""

    fonts: Sequence[Font]
    hand: float = 1.0  # share of a writer's habits: see Hand.of
    name: str = "font"
    _orders: dict[tuple[int, int], list[int]] = field(default_factory=dict, repr=False)

    def covers(self, text: str, vertical: bool = False) -> bool:
        """True when one of the fonts can write the text. None writes from right to left."""
        return not any(map(_leftward, text)) and any(_able(font, text, vertical) for font in self.fonts)

    def write(
        self, text: str, style: Style, rng: Rng, em: float = 48.0, truth: bool = False, vertical: bool = False
    ) -> tuple[Ink, str]:
        """See `netchu.synth.ink.Engine`. NetchuError when no font has every letter."""
        able = self._choose(text, style, vertical)
        hand = Hand.of(style, self.hand)
        size = round(em)
        if vertical:
            placed, unit = _column(text, able[0], size, hand, rng), size / 2
        else:
            second = able[1] if len(able) > 1 and hand.mixed else able[0]
            placed, unit = _row(text, able[0], second, size, hand, rng), middle(able[0], size)
        return _paste(placed, text, unit, hand, rng, truth, vertical), f"{able[0].name}/{style.writer}"

    def _choose(self, text: str, style: Style, vertical: bool) -> list[Font]:
        """The writer's first two fonts that have all letters of the text."""
        key = (style.seed, style.writer)
        order = self._orders.get(key)
        if order is None:
            weights = np.array([font.weight for font in self.fonts])
            keys = style.rng("font").exponential(1.0, len(weights)) / weights  # sampling without replacement
            order = [int(k) for k in np.argsort(keys, kind="stable")]
            if len(self._orders) < 20_000:
                self._orders[key] = order
        letters = "".join(sorted(set(text)))
        able = []
        for k in order:
            if _able(self.fonts[k], letters, vertical):
                able.append(self.fonts[k])
                if len(able) == 2:
                    break
        if not able:
            raise NetchuError(f"no font has all letters of {text!r}; add fonts that do")
        return able


@lru_cache(maxsize=10_000)
def _leftward(char: str) -> bool:
    return unicodedata.bidirectional(char) in ("R", "AL")


def _able(font: Font, text: str, vertical: bool) -> bool:
    """True when a font can write a text; marks are drawn on letters in horizontal lines only."""
    return font.covers(text) if vertical else font.writes(text)


def _row(text: str, font: Font, second: Font, size: int, hand: Hand, rng: Rng) -> list[_Set]:
    """A horizontal line, word after word on a wandering baseline."""
    placed: list[_Set] = []
    x, start = 0.0, 0
    for word in text.split(" "):
        face = second if hand.mixed and rng.random() < hand.mixed else font
        here = size
        if face is not font:  # as large as the first; few sizes, so that glyphs are found in the cache
            here = 4 * round(size / 4 * min(1.6, max(0.6, stature(font, size) / stature(face, size))))
        y = float(np.clip(rng.normal(0, hand.wander), -0.1, 0.1)) * size
        for part in _PARTS.findall(word):
            core = part.rstrip(_HANGING)
            if core and shapes(face, core):
                check_shaping(core)
                whole = glyph(face, here, core)
                placed.append(_Set(whole, _clear(x, whole, placed, text, start), y, start, word=(face, here, core)))
                x = placed[-1].x + whole.advance
            else:
                core = ""
            x = _letters(part[len(core) :], face, here, x, y, start + len(core), hand, rng, placed)
            start += len(part)
        x += size * max(0.1, hand.space * float(rng.uniform(0.7, 1.4)))
        start += 1
    return placed


def _clear(x: float, each: Glyph, placed: list[_Set], text: str, at: int) -> float:
    """Where the pen starts a word's part after a mark within the word: a capital's swash must not hide the mark."""
    if not at or text[at - 1] not in _HANGING or not placed:
        return x
    return max(x, placed[-1].x + placed[-1].glyph.box[2] - each.box[0])


def _letters(
    word: str, font: Font, size: int, x: float, y: float, start: int, hand: Hand, rng: Rng, placed: list[_Set]
) -> float:
    """Set the letters of a word; where the pen is after it."""
    pairs = [compose(char, font.characters) or (char, ()) for char in word]
    gaps = rng.normal(hand.letters, hand.uneven, len(word)) * size
    rises = np.clip(rng.normal(0, hand.wander * 0.5, len(word)), -0.06, 0.06) * (size if hand.letters else 0)
    for k, ((base, marks), gap, rise) in enumerate(zip(pairs, gaps.tolist(), rises.tolist())):
        each = glyph(font, size, base)
        if base in _HANGING and hand.apart:
            x += min(0.45, float(rng.exponential(hand.apart))) * size
        placed.append(_Set(each, x, y + rise, start + k, (base, marks) if marks else None))
        beside = base in _HANGING or (k + 1 < len(pairs) and pairs[k + 1][0] in _HANGING)
        x += each.advance + max(gap, 0.0 if beside else -_CLOSER * each.advance)  # a point must not fall into a letter
        if k + 1 < len(pairs):
            x += kerning(font, base + pairs[k + 1][0]) * size
    return x


def _column(text: str, font: Font, size: int, hand: Hand, rng: Rng) -> list[_Set]:
    """A vertical line from the top down, cell after cell on a wandering axis."""
    placed: list[_Set] = []
    y = 0.0
    for k, char in enumerate(text):
        if char == " ":
            y += size * 0.5
            continue
        each = cell(font, size, char)
        aside = float(np.clip(rng.normal(0, hand.wander), -0.1, 0.1)) * size
        placed.append(_Set(each, aside, y + each.advance / 2, k))
        y += each.advance + size * float(rng.normal(max(hand.letters, -0.02), hand.uneven))
    return placed


def _paste(
    placed: list[_Set], text: str, unit: float, hand: Hand, rng: Rng, truth: bool, vertical: bool
) -> Ink:  # fmt: skip
    """All pieces on one canvas, free marks moved as a hurried hand does."""
    spots = [_spots(each, unit, hand, rng) for each in placed]
    inked = np.array([_around(each) for each in spots if each], np.int64)
    if not len(inked):
        raise NetchuError(f"{text!r}: draws no ink")
    edge = int(1.6 * unit) + 4 if any(each.composed for each in placed) else 2  # room for marks that are drawn
    left, top = (inked[:, :2].min(0) - edge).tolist()
    right, bottom = (inked[:, 2:].max(0) + edge).tolist()
    mask: Mask = np.zeros((bottom - top, right - left), np.uint8)
    labels = np.zeros(mask.shape, np.uint16) if truth else None
    boxes = np.full((len(text), 4), np.nan, np.float32)
    for each, pieces in zip(placed, spots):
        pieces = [(piece, x - left, y - top) for piece, x, y in pieces]
        box = _around(pieces) if pieces else (round(each.x) - left, round(each.y) - top) * 2
        for place, (piece, x, y) in enumerate(pieces):
            rows, columns = piece.mask.shape
            view = np.s_[y : y + rows, x : x + columns]
            if labels is not None:
                new = (piece.mask > mask[view]) & (piece.mask > SOLID)
                labels[view][new] = each.first + (1 if each.word is None else owners(*each.word)[place][new])
            np.maximum(mask[view], piece.mask, out=mask[view])
        box = _complete(mask, labels, each, box, unit, rng)
        if labels is not None:
            _bound(each, pieces, box, boxes)
    found = _gaps(boxes, vertical) if truth else np.zeros((0, 4), np.float32)
    return Ink(mask, found, unit, -left if vertical else -top, labels, vertical)


_Spots = list[tuple[Piece, int, int]]  # pieces, and the column and row of their corners
_Box = tuple[int, int, int, int]


def _spots(each: _Set, unit: float, hand: Hand, rng: Rng) -> _Spots:
    """Where a glyph's pieces go; marks to the right and up as the writer has it, each a little differently."""
    size = unit / 0.45
    spots = []
    for piece in each.glyph.pieces:
        x, y = round(each.x) + piece.x, round(each.y) + piece.y
        if piece.kind != BODY:
            across = float(np.clip(hand.marks[0] + rng.normal(0, hand.loose), -0.1, 0.14)) * size
            up = float(np.clip(hand.marks[1] + rng.normal(0, hand.loose * 0.6), -0.03, 0.15)) * size
            x, y = (x + round(across / 2), y) if piece.kind == BELOW else (x + round(across), y - round(up))
        spots.append((piece, x, y))
    return spots


def _around(spots: _Spots) -> _Box:
    """The box round pieces."""
    return (
        min(x for _, x, _ in spots),
        min(y for _, _, y in spots),
        max(x + piece.mask.shape[1] for piece, x, _ in spots),
        max(y + piece.mask.shape[0] for piece, _, y in spots),
    )


def _complete(
    mask: Mask, labels: NDArray[np.uint16] | None, each: _Set, box: _Box, unit: float, rng: Rng
) -> _Box:  # fmt: skip
    """Draw the marks that a letter's glyph lacks, if any; the box round all of it."""
    if each.composed is None:
        return box
    reach = int(1.6 * unit) + 2
    view = np.s_[max(0, box[1] - reach) : box[3] + reach, max(0, box[0] - reach) : box[2] + reach]
    before = mask[view].copy() if labels is not None else None
    draw_marks(mask, box, *each.composed, unit, rng)
    if labels is None or before is None:
        return box
    drawn = (mask[view] > before) & (mask[view] > SOLID)
    labels[view][drawn & (labels[view] == 0)] = each.first + 1
    rows, columns = np.flatnonzero(drawn.any(axis=1)) + view[0].start, np.flatnonzero(drawn.any(axis=0)) + view[1].start
    if not len(rows):
        return box
    return (
        min(box[0], int(columns[0])), min(box[1], int(rows[0])),
        max(box[2], int(columns[-1]) + 1), max(box[3], int(rows[-1]) + 1),
    )  # fmt: skip


def _bound(each: _Set, pieces: _Spots, box: _Box, boxes: Boxes) -> None:
    """Note the box of a glyph's character, or those of a shaped word's."""
    if each.word is None:
        boxes[each.first] = box
        return
    for (piece, x, y), owner in zip(pieces, owners(*each.word)):
        rows, columns = np.nonzero(piece.mask > SOLID)
        of = owner[rows, columns]
        for number in np.unique(of).tolist():
            down, across = rows[of == number] + y, columns[of == number] + x
            here = np.array([across.min(), down.min(), across.max() + 1, down.max() + 1], np.float32)
            there = boxes[each.first + number - 1]
            boxes[each.first + number - 1, :2] = np.fmin(there[:2], here[:2])
            boxes[each.first + number - 1, 2:] = np.fmax(there[2:], here[2:])


def _gaps(boxes: Boxes, vertical: bool) -> Boxes:
    """The boxes with those of spaces, which are what lies between their neighbours."""
    along = 1 if vertical else 0
    for k in np.flatnonzero(np.isnan(boxes[:, 0])):
        before = boxes[k - 1] if k else np.zeros(4, np.float32)
        after = boxes[k + 1] if k + 1 < len(boxes) and not np.isnan(boxes[k + 1, 0]) else before
        boxes[k] = before
        boxes[k, along], boxes[k, along + 2] = before[along + 2], max(before[along + 2], after[along])
    return boxes
