"""Handwriting that is not a font: pen trajectories, moved by a model of the hand and inked by a model of the pen."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from netchu.errors import NetchuError
from netchu.synth.ink import Ink, Rng, Style
from netchu.synth.strokes.hand import Hand, Reals, hand_of, steady_chance
from netchu.synth.strokes.kinematics import Path as PenPath
from netchu.synth.strokes.kinematics import distort, join, move
from netchu.synth.strokes.layout import BASE, Placed, kind, place
from netchu.synth.strokes.pens import draw, draw_labels, press
from netchu.synth.strokes.punctuation import alike
from netchu.synth.strokes.sources import FILES, Glyph, Source, own_glyph, voiced

PREFER = {  # how often a writer's characters come from each source; what it lacks comes from the next weightiest
    "ja": {"tomoe": 0.45, "kanjivg": 0.55, "medians": 0.0},
    "zh": {"medians": 0.7, "kanjivg": 0.2, "tomoe": 0.1},
}
_STEPS = 5  # moments at which an arc is sampled
_EDGE = 3  # empty pixels on each side


class StrokeEngine:
    """Writes from pen trajectories; an `Engine`. `weights` say how often a writer is of each source."""

    name = "strokes"

    def __init__(self, sources: Sequence[Source], weights: Mapping[str, float]) -> None:
        self._sources = sorted(sources, key=lambda source: (-weights.get(source.name, 0.0), source.name))
        self._weights = tuple((source.name, weights.get(source.name, 0.0)) for source in self._sources)
        if sum(weight for _, weight in self._weights) <= 0:
            self._weights = tuple((name, 1.0) for name, _ in self._weights)

    @property
    def characters(self) -> frozenset[str]:
        """What the sources hold themselves; marks, full-width forms and derived kana come on top: see `covers`."""
        return frozenset(char for source in self._sources for char in source.characters)

    def covers(self, text: str, vertical: bool = False) -> bool:
        """True when every character of `text` can be written, spaces included."""
        return all(self._covers(char) for char in text)

    def write(
        self, text: str, style: Style, rng: Rng, em: float = 48.0, truth: bool = False, vertical: bool = False
    ) -> tuple[Ink, str]:
        """The ink of `text` and its style's id, "tomoe/17": where the writer's characters come from, and the writer.

        `em` is the pixels of a kanji's cell. Raises NetchuError when `text` is not covered or has no ink.
        """
        hand = hand_of(style, self._weights)
        choice = steady_chance(hand.key, np.array([ord(char) for char in text]), 7).tolist()
        glyphs = [None if char.isspace() else self._glyph(char, hand, part) for char, part in zip(text, choice)]
        drawn = [(k, glyph) for k, glyph in enumerate(glyphs) if glyph is not None]
        if not drawn:
            raise NetchuError(f"strokes: nothing to write in {text!r}; give a text with letters")
        placed = place(text, glyphs, hand, rng, vertical)
        path = _trace(text, drawn, placed, hand, rng)
        width, cover = press(path, _slimmed(text, drawn, hand), hand)
        return _ink(text, path, width * em, cover, placed, em, truth, vertical), f"{hand.source}/{style.writer}"

    def _covers(self, char: str) -> bool:
        if char.isspace():
            return True
        char = alike(char)
        return own_glyph(char) is not None or any(source.draws(char) for source in self._sources)

    def _glyph(self, char: str, hand: Hand, choice: float) -> Glyph:
        """The drawing a writer starts from; `choice` 0 .. 1 among those that a source has."""
        char = alike(char)
        own = own_glyph(char)
        if own is not None:
            return own
        able = [source for source in self._sources if source.draws(char)]
        if not able:
            raise NetchuError(f"strokes: no source draws {char!r}; ask `covers` first")
        source = next((source for source in able if source.name == hand.source), able[0])
        count = source.count(char)
        return source.glyph(char, min(int(choice * count), count - 1))


def open_strokes(folder: str | os.PathLike[str], language: str) -> StrokeEngine:
    """The engine on the trajectory files in `folder` (as many of `FILES` as it holds), for a language of `PREFER`.

    Raises NetchuError for a language that has none, and for a folder that is missing, empty or damaged.
    """
    if language not in PREFER:
        raise NetchuError(f"no pen strokes for language {language!r}; known: {', '.join(sorted(PREFER))}")
    root = Path(folder)
    if not root.is_dir():
        raise NetchuError(f"{root}: no such folder of pen strokes; give one that holds {', '.join(FILES.values())}")
    found = [Source(name, root / file) for name, file in FILES.items() if (root / file).is_file()]
    if not found:
        raise NetchuError(f"{root}: holds no pen strokes; put {' or '.join(FILES.values())} there")
    return StrokeEngine(found, PREFER[language])


def _trace(text: str, drawn: Sequence[tuple[int, Glyph]], placed: Placed, hand: Hand, rng: Rng) -> PenPath:
    """The pen's way through a line, in ems."""
    codes = np.array([ord(char) for char in text])
    points = np.concatenate([glyph.points for _, glyph in drawn])
    char = np.repeat([k for k, _ in drawn], [len(glyph.points) for _, glyph in drawn])
    before = np.cumsum([0] + [int(glyph.stroke[-1]) + 1 for _, glyph in drawn])
    stroke = np.concatenate([glyph.stroke + start for (_, glyph), start in zip(drawn, before)])
    points = distort(points, stroke, char, codes, hand, rng)
    points = (points.real * placed.stretch[char] + 1j * points.imag) * placed.scale[char] + placed.shift[char]
    kinds = [kind(each) for each in text]
    free = np.array([_FREE.get(of, 0.0) for of in kinds])
    sharp = np.array([_SHARP.get(of, 1.6) for of in kinds])
    katakana = np.array(["\u30a1" <= each <= "\u30ff" for each in text])
    free[katakana], sharp[katakana] = 0.25, 1.1
    free[[voiced(each) for each in text]] = 0.0  # joined, a dakuten is a handakuten
    return move(join(points, stroke, char, codes, free, hand, rng), sharp, hand, rng, _STEPS)


def _slimmed(text: str, drawn: Sequence[tuple[int, Glyph]], hand: Hand) -> Reals:
    """How much thinner than usual each character is written: those of many strokes, and voiced kana by thick pens."""
    power = 0.5 if hand.brush else 0.4 if hand.pen == "fibre" else 0.15
    thin = np.ones(len(text))
    for k, glyph in drawn:
        thin[k] = min(1.0, (9 / (int(glyph.stroke[-1]) + 1)) ** power)
        if voiced(text[k]):
            thin[k] = min(thin[k], 0.055 / hand.width)
    return thin


_FREE = {"kanji": 1.0, "kana": 0.7, "small": 0.7}  # how readily their strokes are joined
_SHARP = {"kanji": 0.95, "kana": 1.45, "small": 1.45}  # turns above this are corners


def _ink(
    text: str, path: PenPath, width: Reals, cover: Reals, placed: Placed, em: float, truth: bool, vertical: bool
) -> Ink:
    zoom = 4 if em < 40 else 3 if em < 80 else 2
    points = path.points * em
    width = np.maximum(width, 0.75)
    half = width / 2
    left, top = points.real - half, points.imag - half
    right, bottom = points.real + half, points.imag + half
    origin = np.floor(left.min()) - _EDGE, np.floor(top.min()) - _EDGE
    size = int(np.ceil(bottom.max() - origin[1])) + _EDGE, int(np.ceil(right.max() - origin[0])) + _EDGE
    path = replace(path, points=points - complex(*origin))
    own = ~path.linked
    first = np.flatnonzero(np.diff(path.char[own], prepend=-1))
    boxes = placed.cells * em
    boxes[path.char[own][first]] = np.stack(
        [
            np.minimum.reduceat(left[own].min(axis=1), first),
            np.minimum.reduceat(top[own].min(axis=1), first),
            np.maximum.reduceat(right[own].max(axis=1), first),
            np.maximum.reduceat(bottom[own].max(axis=1), first),
        ],
        axis=1,
    )
    boxes = np.clip(boxes - np.tile(origin, 2), 0, [size[1], size[0], size[1], size[0]])
    mask = draw(path, width, cover, size, zoom)
    labels = draw_labels(path, width, mask, zoom) if truth else None
    base = 0.5 * em - origin[0] if vertical else BASE * em - origin[1]
    unit = _unit(text) * em
    return Ink(mask, boxes.astype(np.float32), unit, float(base), labels, vertical)


def _unit(text: str) -> float:
    """Height of an x, or half an em where kanji or kana are written; in ems."""
    return 0.5 if any(kind(char) in ("kanji", "kana", "small") for char in text) else 0.46


__all__ = ["PREFER", "StrokeEngine", "open_strokes"]
