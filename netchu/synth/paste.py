"""Lines pasted together from real ink: words of a bank of pieces, one writer's first, others' made to fit.

`PasteEngine` writes any text its pieces can spell; `PasteTexts` makes up texts that they spell well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu.errors import NetchuError
from netchu.synth.bank import Bank, Piece
from netchu.synth.ink import Boxes, Ink, Mask, Rng, Style
from netchu.synth.texts.guard import HeldOut

UNIT = 0.45  # height of an x, ems
EDGE = 3  # empty pixels around a line
LOOKED_AT = 48  # candidates compared for one piece: common words have a thousand
_SPREADS = (0.25, 0.2, 0.25)  # how much pen width (log), slant and letter width (log) differ among usual hands


@dataclass(frozen=True)
class Cast:
    """A piece on its way into the line: scaled, with where its baseline is and how it is joined."""

    piece: Piece
    space: float | None  # pixels to the word before it; None: it goes on with that word
    drop: float  # rows below the baseline of the line


@dataclass(frozen=True)
class PasteEngine:
    """Writes with the pieces of a bank (an `ink.Engine`)."""

    bank: Bank
    name: str = "paste"

    def covers(self, text: str, vertical: bool = False) -> bool:
        """True when every word is in the bank, or can be put together from parts that are; horizontal lines only."""
        return not vertical and bool(text) and all(self.spell(word) for word in text.split(" "))

    def spell(self, word: str) -> tuple[str, ...]:
        """The fewest texts of pieces, or of parts of them, that make up `word`; none when it cannot be spelt."""
        if self.bank.has_word(word):
            return (word,)
        ways: list[tuple[str, ...] | None] = [(), *[None] * len(word)]
        for stop in range(1, len(word) + 1):
            for start in range(stop):
                before = ways[start]
                if before is None or not self.bank.has(word[start:stop]):
                    continue
                best = ways[stop]
                if best is None or len(before) + 1 < len(best):
                    ways[stop] = (*before, word[start:stop])
        return ways[-1] or ()

    def write(
        self, text: str, style: Style, rng: Rng, em: float = 48.0, truth: bool = False, vertical: bool = False
    ) -> tuple[Ink, str]:
        """The ink of `text` at `em` pixels per em, and its style's id, "paste-set/writer".

        The writer is one of those who have most of the text; which of them depends on the style. What that writer
        lacks is taken from the likest others, scaled to the same height of an x, leant and thickened to fit.
        Raises NetchuError for a text that is not covered.
        """
        spelt = [self.spell(word) for word in text.split(" ")]
        if vertical or not text or not all(spelt):
            raise NetchuError(f"the bank of pieces cannot write {text!r}; ask covers() first")
        refs = [self._refs(part) for parts in spelt for part in parts]
        anchor = self._anchor(refs, style)
        chosen = [self._choose(among, anchor, rng) for among in refs]
        unit = UNIT * em
        casts = self._cast(chosen, [len(parts) for parts in spelt], anchor, style, unit, rng)
        return _lay(casts, unit, truth, rng), f"{self.name}-{self.bank.writers[anchor]}"

    def _refs(self, part: str) -> NDArray[np.int64]:
        """(n, 3): piece, first character, one past the last, of everything in the bank that reads `part`."""
        whole = self.bank.whole(part)
        full = np.zeros((len(whole), 3), np.int64)
        full[:, 0], full[:, 2] = whole, len(part)
        cut = self.bank.cut(part)
        return np.concatenate([full, cut]) if len(cut) else full

    def _anchor(self, refs: Sequence[NDArray[np.int64]], style: Style) -> int:
        """The writer of most of the line, to the style's taste."""
        has = np.zeros(len(self.bank.writers), np.float64)
        total = 0.0
        for among in refs:
            weight = float(among[0, 2] - among[0, 1])
            there = np.zeros(len(has), bool)
            there[self._hands.writer[among[:, 0]]] = True
            has += weight * there
            total += weight
        return int((has + 0.3 * total * style.rng("paste").random(len(has))).argmax())

    def _choose(self, among: NDArray[np.int64], anchor: int, rng: Rng) -> tuple[int, int, int]:
        """One of the writer's own, or else one of those most like the writer's hand."""
        own = among[self._hands.writer[among[:, 0]] == anchor]
        if len(own):
            among = own[rng.integers(len(own))][None]
        elif len(among) > 1:
            if len(among) > LOOKED_AT:
                among = among[rng.integers(len(among), size=LOOKED_AT)]
            away = (self._hands.traits[among[:, 0]] - self._hands.means[anchor]) / _SPREADS
            among = among[(np.square(away).sum(axis=1) - rng.gumbel(0, 0.5, len(among))).argmin()][None]
        piece, start, stop = among[0].tolist()
        return piece, start, stop

    def _cast(
        self, chosen: Sequence[tuple[int, int, int]], counts: Sequence[int], anchor: int, style: Style, unit: float,
        rng: Rng,
    ) -> list[Cast]:  # fmt: skip
        """Pieces scaled, leant and thickened to one hand; `counts` says how many make up each word."""
        hands, habits = self._hands, style.rng("paste habits")
        stretch = float(np.clip(habits.normal(1.0, 0.07), 0.85, 1.2))
        lean = float(np.clip(habits.normal(0, 0.07), -0.15, 0.15))
        gap = float(hands.gaps[anchor]) * float(np.clip(habits.normal(1.0, 0.15), 0.7, 1.4))
        nib, slant = float(np.exp(hands.means[anchor, 0])) * unit, float(hands.means[anchor, 1])
        casts: list[Cast] = []
        drop, before = 0.0, (-1, 0, 0)
        starts = {int(start) for start in np.cumsum([0, *counts[:-1]])}
        for place, (number, start, stop) in enumerate(chosen):
            new = place in starts
            if new:
                drop = 0.7 * drop + float(np.clip(rng.normal(0, 0.06), -0.15, 0.15)) * unit
            scale = unit / float(hands.unit[number]) * float(np.clip(rng.normal(1, 0.03), 0.92, 1.08))
            foreign = int(hands.writer[number]) != anchor
            shear = lean + (float(np.clip(slant - hands.traits[number, 1], -0.25, 0.25)) if foreign else 0.0)
            wider = nib - float(np.exp(hands.traits[number, 0])) * unit if foreign else 0.0
            piece = _fit(self.bank.piece(number, start, stop), scale, stretch, shear, wider)
            space = self._natural_gap(before[0], number) if start == 0 else None
            if space is None:
                space = gap * float(np.clip(rng.normal(1, 0.2), 0.6, 1.6))
            casts.append(Cast(piece, max(0.25, space) * stretch * unit if new else None, drop))
            before = (number, start, stop)
        return casts

    def _natural_gap(self, before: int, number: int) -> float | None:
        """The gap between two words that stood side by side in one line, heights of an x; None of others."""
        hands = self._hands
        if before < 0 or hands.line[before] != hands.line[number] or hands.place[before] + 1 != hands.place[number]:
            return None
        return float(np.clip(hands.gap[before], 0.1, 4.0))

    @cached_property
    def _hands(self) -> _Hands:
        return _Hands.of(self.bank)


@dataclass(frozen=True)
class _Hands:
    """What is compared among pieces (k,) and writers (w,)."""

    writer: NDArray[np.int64]  # (k,)
    line: NDArray[np.int64]  # (k,)
    place: NDArray[np.int64]  # (k,)
    unit: NDArray[np.float64]  # (k,)
    gap: NDArray[np.float64]  # (k,)
    traits: NDArray[np.float64]  # (k, 3): pen width (log, heights of an x), slant, width of a letter (log, the same)
    means: NDArray[np.float64]  # (w, 3)
    gaps: NDArray[np.float64]  # (w,): between words, heights of an x

    @classmethod
    def of(cls, bank: Bank) -> _Hands:
        facts = {name: bank.arrays[name].astype(np.float64) for name in ("unit", "stroke", "slant", "gap")}
        writer = bank.arrays["writer"].astype(np.int64)
        letters = np.array([len(text) for text in bank.vocabulary], np.float64)[bank.arrays["text"].astype(np.int64)]
        unit = facts["unit"]
        narrow = bank.arrays["shape"][:, 1].astype(np.float64) / letters / unit
        traits = np.stack([np.log(np.maximum(0.03, facts["stroke"] / unit)), facts["slant"], np.log(narrow)], axis=1)
        size = np.maximum(1, np.bincount(writer, minlength=len(bank.writers)))
        means = np.stack([np.bincount(writer, column, len(bank.writers)) / size for column in traits.T], axis=1)
        known = np.isfinite(facts["gap"])
        wide = np.clip(np.where(known, facts["gap"], 0), 0, 3)
        # a writer with few gaps is thought to leave the usual ones
        usual = float(np.median(wide[known])) if known.any() else 0.8
        sums = np.bincount(writer, wide * known, len(bank.writers)) + 2 * usual
        gaps = np.clip(sums / (np.bincount(writer, known, len(bank.writers)) + 2), 0.4, 2.2)
        line, place = bank.arrays["line"].astype(np.int64), bank.arrays["place"].astype(np.int64)
        return cls(writer, line, place, unit, facts["gap"], traits, means, gaps)


def _fit(piece: Piece, scale: float, stretch: float, shear: float, wider: float) -> Piece:
    """Scale a piece, wider by `stretch`, lean it by `shear` columns a row, make its pen `wider` by that many pixels."""
    rows, columns = piece.ink.shape
    size = max(1, round(columns * scale * stretch)), max(1, round(rows * scale))
    ink: Mask = cv2.resize(piece.ink, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)  # type: ignore[assignment]
    labels: Mask = cv2.resize(piece.labels, size, interpolation=cv2.INTER_NEAREST)  # type: ignore[assignment]
    across, down = size[0] / columns, size[1] / rows
    boxes = piece.boxes * np.array([across, down, across, down], np.float32)
    base = piece.base * down
    if scale > 1.15:  # enlarged edges are soft
        ink = cv2.LUT(ink, _sharper(round(min(scale, 2.0), 1)))  # type: ignore[assignment]
    room = 1 if wider > 0.3 else 0
    aside = int(np.ceil(abs(shear) * size[1] / 2)) + 1 if abs(shear) > 0.03 else 0
    if room or aside:
        wide = aside + room
        ink = cv2.copyMakeBorder(ink, room, room, wide, wide, cv2.BORDER_CONSTANT, value=(0,))  # type: ignore[assignment]
        labels = cv2.copyMakeBorder(labels, room, room, wide, wide, cv2.BORDER_CONSTANT, value=(0,))  # type: ignore[assignment]
        boxes, base = boxes + np.array([wide, room] * 2, np.float32), base + room
    if aside:
        middle = ink.shape[0] / 2
        matrix = np.array([[1, shear, -shear * middle], [0, 1, 0]], np.float32)
        whole = ink.shape[1], ink.shape[0]
        ink = cv2.warpAffine(ink, matrix, whole, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)  # type: ignore[assignment]
        labels = cv2.warpAffine(labels, matrix, whole, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)  # type: ignore[assignment]
        boxes[:, 0::2] -= shear * ((boxes[:, 1:2] + boxes[:, 3:4]) / 2 - middle)
    return Piece(piece.text, _thicken(ink, wider), labels, boxes, base)


@lru_cache(maxsize=16)
def _sharper(factor: float) -> Mask:
    """Table of coverages, steeper round the half."""
    table: Mask = np.clip((np.arange(256) - 128) * factor + 128, 0, 255).astype(np.uint8)
    return table


def _thicken(ink: Mask, wider: float) -> Mask:
    """Make strokes wider by about that many pixels, thinner where negative, by a share of a dilation or erosion."""
    if abs(wider) <= 0.3:
        return ink
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    share = min(wider / 2, 1.0) if wider > 0 else min(-wider / 2, 0.5)  # a thin stroke is not to break
    other = cv2.dilate(ink, cross) if wider > 0 else cv2.erode(ink, cross)
    return cv2.addWeighted(other, share, ink, 1 - share, 0)  # type: ignore[return-value]


def _lay(casts: Sequence[Cast], unit: float, truth: bool, rng: Rng) -> Ink:
    """Set pieces side by side and put them into one mask, with the spaces' boxes between the words."""
    corners: list[tuple[int, int]] = []
    boxes: list[Boxes] = []
    end = 0.0  # of the word
    for place, cast in enumerate(casts):
        piece = cast.piece
        top = round(cast.drop - piece.base)
        if not place:
            left = 0
        elif cast.space is not None:
            left = round(end + cast.space)
            boxes.append(np.array([[end, -unit, left, 0]], np.float32))
            end = 0.0
        else:
            before, (x, y) = casts[place - 1].piece, corners[-1]
            left = x + _join(before, y, piece, top, max(1.0, float(rng.normal(0.13, 0.04)) * unit), unit)
            left = max(left, x + 1)
        corners.append((left, top))
        boxes.append(piece.boxes + np.array([left, top] * 2, np.float32))
        end = max(end, left + piece.ink.shape[1])
    start = min(x for x, _ in corners) - EDGE
    ceiling = min(y for _, y in corners) - EDGE
    high = max(y + cast.piece.ink.shape[0] for (_, y), cast in zip(corners, casts)) - ceiling + EDGE
    wide = max(x + cast.piece.ink.shape[1] for (x, _), cast in zip(corners, casts)) - start + EDGE
    mask = np.zeros((high, wide), np.uint8)
    labels = np.zeros((high, wide), np.uint16) if truth else None
    number = 0
    for (x, y), cast in zip(corners, casts):
        piece = cast.piece
        number += int(number > 0 and cast.space is not None)  # the space
        view = np.s_[y - ceiling : y - ceiling + piece.ink.shape[0], x - start : x - start + piece.ink.shape[1]]
        if labels is not None:
            mine = (piece.labels > 0) & (piece.ink > 0) & (piece.ink >= mask[view])
            labels[view][mine] = piece.labels[mine].astype(np.uint16) + np.uint16(number)
        np.maximum(mask[view], piece.ink, out=mask[view])
        number += len(piece.text)
    places = np.concatenate(boxes) - np.array([start, ceiling] * 2, np.float32)
    np.clip(places, 0, np.array([wide, high] * 2, np.float32), out=places)
    return Ink(mask, places, unit, float(-ceiling), labels)


def _join(before: Piece, above: int, after: Piece, top: int, gap: float, unit: float) -> int:
    """How far right of the left edge of `before` the piece `after` starts, `gap` pixels at the narrowest place."""
    upper, lower = max(above, top), min(above + before.ink.shape[0], top + after.ink.shape[0])
    usual = int(before.ink.shape[1]) + round(gap)
    if lower <= upper:
        return usual
    near = before.ink[upper - above : lower - above] > 64
    far = after.ink[upper - top : lower - top] > 64
    both = near.any(axis=1) & far.any(axis=1)
    if not both.any():
        return usual
    free = near[both, ::-1].argmax(axis=1) + far[both].argmax(axis=1)
    return usual - min(int(free.min()), round(unit))


@dataclass(frozen=True)
class PasteTexts:
    """Texts that a bank spells with whole words: real lines that change, at a shared word, into other real lines."""

    bank: Bank
    held: HeldOut | None = None  # transcripts that must not come out
    longest: int = 72  # characters
    leap: float = 0.3  # chance, after a word, to go on in another line that has the same word
    swap: float = 0.15  # chance that a word stands for another of its kind

    @cached_property
    def alphabet(self) -> frozenset[str]:
        """Every character that may come."""
        return frozenset(" ").union(*self.bank.vocabulary)

    def sample(self, rng: Rng) -> str:
        """One text: words of the bank, single spaces, none of the held-out transcripts."""
        while True:
            text = self._text(rng)
            if not (self.held and self.held.holds(text)):
                return text

    def _text(self, rng: Rng) -> str:
        starts = self._chains.starts
        first = int(starts[rng.integers(len(starts))])
        text = self._walk(first, self.longest, rng)
        if len(text) < 0.3 * self.longest and rng.random() < 0.5:
            alike = starts[self._chains.sets[starts] == self._chains.sets[first]]
            more = self._walk(int(alike[rng.integers(len(alike))]), self.longest - len(text) - 1, rng)
            text = f"{text} {more}" if more else text
        return text or self.bank.vocabulary[int(rng.integers(len(self.bank.vocabulary)))]

    def _walk(self, at: int, room: int, rng: Rng) -> str:
        """Words from a piece on until a line ends or there is no room; "" where the first is too long."""
        bank, chains = self.bank, self._chains
        words: list[str] = []
        left = room
        while at >= 0:
            word = bank.word(at)
            if rng.random() < self.swap:
                among = chains.kinds[int(chains.kind[at])]
                word = bank.vocabulary[int(among[rng.integers(len(among))])]
            left -= len(word) + bool(words)
            if left < 0:
                break
            words.append(word)
            if rng.random() < self.leap:
                same = bank.whole(bank.word(at))
                other = int(same[rng.integers(len(same))])
                at = other if chains.sets[other] == chains.sets[at] else at
            at = int(chains.following[at])
        return " ".join(words)

    @cached_property
    def _chains(self) -> _Chains:
        return _Chains.of(self.bank)


@dataclass(frozen=True)
class _Chains:
    """How pieces follow one another in their lines, and which words are of a kind."""

    starts: NDArray[np.int64]  # pieces that are the first of their line
    following: NDArray[np.int64]  # (k,): the next piece of the line, or the one after; -1 where there is neither
    sets: NDArray[np.int64]  # (k,): which set a piece is from
    kind: NDArray[np.int64]  # (k,)
    kinds: list[NDArray[np.int64]]  # numbers of the words of each kind: those of one set and shape, "Aa," or "00"

    @classmethod
    def of(cls, bank: Bank) -> _Chains:
        line, place = bank.arrays["line"].astype(np.int64), bank.arrays["place"].astype(np.int64)
        order = np.lexsort((place, line))
        following = np.full(len(order), -1)
        near = (np.diff(line[order]) == 0) & (np.diff(place[order]) <= 2)
        following[order[:-1][near]] = order[1:][near]
        starts = order[np.flatnonzero(np.diff(line[order], prepend=-1))]
        names = [writer.split("/")[0] for writer in bank.writers]
        numbers = {name: number for number, name in enumerate(sorted(set(names)))}
        sets = np.array([numbers[name] for name in names], np.int64)[bank.arrays["writer"].astype(np.int64)]
        shapes = [_shape(word) for word in bank.vocabulary]
        known = {shape: number for number, shape in enumerate(sorted(set(shapes)))}
        text = bank.arrays["text"].astype(np.int64)
        kind = np.array([known[shape] for shape in shapes], np.int64)[text] * len(numbers) + sets
        used, kind = np.unique(kind, return_inverse=True)
        by_kind = np.argsort(kind, kind="stable")
        ends = np.searchsorted(kind[by_kind], np.arange(1, len(used)))
        kinds = [np.unique(text[members]) for members in np.split(by_kind, ends)]
        return cls(starts, following, sets, kind.astype(np.int64), kinds)


def _shape(word: str) -> str:
    """Digits as 0, capitals as A, other letters as a, runs of each as one; the rest as it is."""
    marked = "".join("0" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c for c in word)
    return re.sub(r"([0Aa])\1+", r"\1", marked)
