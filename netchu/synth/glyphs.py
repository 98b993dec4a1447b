"""Glyphs as little masks: drawn once per font and size, taken apart into body and free marks, then only pasted.

Rasterising is most of what drawing a line costs; a hand that shakes needs the letters one by one in any case.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFont

from netchu.synth.fonts import Font, needs_shaping
from netchu.synth.ink import Mask

BODY, ABOVE, BELOW = 0, 1, 2
SOLID = 40  # coverage from which a pixel counts as some character's ink
_TURNED = frozenset("ー〜～…‥—–-―（）()「」『』【】〈〉《》〔〕［］[]{}｛｝<>＝=：:；;→←")  # lie down in vertical lines
_CORNERED = frozenset("、。，．,.")  # stand in the upper right corner of their cell
_SMALL = frozenset("ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ")


@dataclass(frozen=True)
class Piece:
    """A part of a glyph: its mask and where its corner lies from the pen on the baseline, in pixels."""

    mask: Mask
    x: int
    y: int
    kind: int = BODY  # or a mark that stands free above or below


@dataclass(frozen=True)
class Glyph:
    """A character (or a shaped word) in one font at one size."""

    pieces: tuple[Piece, ...]
    advance: float  # pixels

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of its ink from the pen on the baseline; all 0 without ink."""
        if not self.pieces:
            return 0, 0, 0, 0
        return (
            min(piece.x for piece in self.pieces),
            min(piece.y for piece in self.pieces),
            max(piece.x + piece.mask.shape[1] for piece in self.pieces),
            max(piece.y + piece.mask.shape[0] for piece in self.pieces),
        )


@lru_cache(maxsize=30_000)
def glyph(font: Font, size: int, text: str) -> Glyph:
    """A character, or a word shaped as a whole, at `size` pixels per em."""
    face = font.at(size) if len(text) > 1 else unshaped(font, size)
    mask, (left, top) = _raster(face, text)
    if mask.size and not _marked(text):
        return Glyph((Piece(mask, left, top),), float(face.getlength(text)))
    return Glyph(_apart(mask, left, top, middle(font, size)), float(face.getlength(text)))


@lru_cache(maxsize=2048)
def owners(font: Font, size: int, word: str) -> tuple[NDArray[np.uint16], ...]:
    """For each piece of a shaped word, whose ink each pixel is: 1 for the word's first letter.

    Letters lay claim to what their own glyphs would cover where the word has them, and to what is nearest to that; a
    mark goes whole to whom most of it belongs.
    """
    face = font.at(size)
    left, top, right, bottom = glyph(font, size, word).box
    claims = np.zeros((bottom - top, right - left), np.uint16)
    for place, char in enumerate(word, 1):
        letter = glyph(font, size, char)
        pen = round(float(face.getlength(word[:place])) - letter.advance)
        for own in letter.pieces:
            rows, columns = np.nonzero(own.mask > SOLID)
            rows, columns = rows + own.y - top, columns + own.x + pen - left
            within = (rows >= 0) & (rows < bottom - top) & (columns >= 0) & (columns < right - left)
            claims[rows[within], columns[within]] = place
    if not claims.any():
        claims[:] = 1
    _, nearest = cv2.distanceTransformWithLabels(
        (claims == 0).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    names = np.zeros(int(nearest.max()) + 1, np.uint16)
    names[nearest[claims > 0]] = claims[claims > 0]
    whole = names[nearest]
    parts = []
    for piece in glyph(font, size, word).pieces:
        rows, columns = piece.mask.shape
        part = whole[piece.y - top : piece.y - top + rows, piece.x - left : piece.x - left + columns]
        if piece.kind != BODY:
            part = np.full_like(part, np.bincount(part[piece.mask > SOLID], minlength=1).argmax())
        parts.append(part)
    return tuple(parts)


def _marked(text: str) -> bool:
    """True when some letter bears a mark; strokes of kanji and the bar of a 5 that stands free are none."""
    return not wide(text) and any(char in "ij" or len(unicodedata.normalize("NFD", char)) > 1 for char in text)


def wide(text: str) -> bool:
    """True when some character takes a whole cell: kanji, kana, Hangul."""
    return not text.isascii() and any(unicodedata.east_asian_width(char) in "WF" for char in text)


@lru_cache(maxsize=1024)
def unshaped(font: Font, size: int) -> ImageFont.FreeTypeFont:
    """The font drawing each character's own glyph: quicker, and right where a shaper would take a letter to pieces."""
    return ImageFont.truetype(font.path, size, font.number, layout_engine=ImageFont.Layout.BASIC)


def shapes(font: Font, word: str) -> bool:
    """True when a word is to be shaped as a whole, and the font's rules leave its letters' marks where they belong."""
    if not joined(font) and not needs_shaping(word):
        return False
    return font.covers(word) and all(_sound(font, char) for char in word)


@lru_cache(maxsize=50_000)
def _sound(font: Font, char: str) -> bool:
    """False when shaping tears a letter's mark off: fonts merged from subsets lose the anchors but not the rule."""
    if len(unicodedata.normalize("NFD", char)) == 1:
        return True
    (own, (_, high)), (shaped, (_, up)) = (_raster(face, char) for face in (unshaped(font, _WIDE), font.at(_WIDE)))
    return abs(own.shape[1] - shaped.shape[1]) < 0.12 * _WIDE and abs(high - up) < 0.12 * _WIDE


def _raster(face: object, text: str) -> tuple[Mask, tuple[int, int]]:
    """A text's mask, cut to its ink, and where its corner lies from the pen on the baseline."""
    core, (left, top) = face.getmask2(text, "L", anchor="ls")  # type: ignore[attr-defined]
    if not core.size[0] or not core.size[1]:
        return np.zeros((0, 0), np.uint8), (0, 0)
    mask: Mask = np.array(Image.Image()._new(core))  # type: ignore[attr-defined]
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return np.zeros((0, 0), np.uint8), (0, 0)
    cut = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.ascontiguousarray(cut), (int(left) + int(columns[0]), int(top) + int(rows[0]))


def _apart(mask: Mask, left: int, top: int, unit: float) -> tuple[Piece, ...]:
    """The mask's body and the marks that stand free above or below it."""
    if not mask.size:
        return ()
    count, labels, stats, _ = cv2.connectedComponentsWithStats((mask > SOLID).astype(np.uint8), connectivity=8)
    body, marks = mask, []
    for k in range(1, count):
        x, y, w, h, _ = (int(value) for value in stats[k])
        above = top + y + h < -0.8 * unit and h < 0.9 * unit
        below = top + y > 0 and h < 0.5 * unit and w < 0.5 * unit
        if (not above and not below) or count == 2:
            continue
        y0, y1, x0, x1 = max(0, y - 1), y + h + 1, max(0, x - 1), x + w + 1
        near = cv2.dilate((labels[y0:y1, x0:x1] == k).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        near &= (labels[y0:y1, x0:x1] == k) | (labels[y0:y1, x0:x1] == 0)
        mark = np.where(near, mask[y0:y1, x0:x1], 0).astype(np.uint8)
        if body is mask:
            body = mask.copy()
        body[y0:y1, x0:x1][near] = 0
        marks.append(Piece(mark, left + x0, top + y0, ABOVE if above else BELOW))
    return (Piece(body, left, top), *marks) if body.any() else tuple(marks)


@lru_cache(maxsize=200_000)
def kerning(font: Font, pair: str) -> float:
    """How much closer (negative) or farther a font sets two characters, in ems."""
    return (font.at(_WIDE).getlength(pair) - _width(font, pair[0]) - _width(font, pair[1])) / _WIDE


@lru_cache(maxsize=50_000)
def _width(font: Font, char: str) -> float:
    return float(font.at(_WIDE).getlength(char))


_WIDE = 96  # pixels per em that widths are measured at


@lru_cache(maxsize=4096)
def middle(font: Font, size: int) -> float:
    """The height of an x in pixels; half an em in a font without one."""
    if "x" not in font.characters:
        return size / 2
    return float(max(size * 0.12, -font.at(size).getbbox("x", anchor="ls")[1]))


@lru_cache(maxsize=4096)
def stature(font: Font, size: int) -> float:
    """How large a font's letters look, in pixels: the mean of an x and an H."""
    tall = -font.at(size).getbbox("H", anchor="ls")[1] if "H" in font.characters else 0.0
    return float(np.sqrt(middle(font, size) * max(tall, middle(font, size))))


@lru_cache(maxsize=1024)
def joined(font: Font) -> bool:
    """True when the font chooses or joins letters by their neighbours, so that words have to be shaped as wholes."""
    from fontTools.ttLib import TTFont

    with TTFont(font.path, fontNumber=font.number, lazy=True) as tables:
        if "GSUB" not in tables or tables["GSUB"].table.FeatureList is None:
            return False
        tags = {record.FeatureTag for record in tables["GSUB"].table.FeatureList.FeatureRecord}
    return bool(tags & {"calt", "rclt", "init", "medi", "fina"})


@lru_cache(maxsize=30_000)
def cell(font: Font, size: int, char: str) -> Glyph:
    """A character for vertical lines: pieces lie from the middle of a square cell; the advance goes down.

    Dashes and brackets are turned, full stops and small kana go to the upper right, whatever the font itself knows.
    """
    mask, (left, top) = _raster(unshaped(font, size), char)
    if not mask.size:
        return Glyph((), size * 0.5)
    square = wide(char)
    rows, columns = mask.shape
    x = left - round(font.at(size).getlength(char) / 2)
    y = top + round(size * (0.38 if square else 0.28))  # the middle of a character lies that far over the baseline
    long = rows  # downwards
    if char in _TURNED:
        mask, x, y, long = np.ascontiguousarray(np.rot90(mask, -1)), -(y + rows), x, columns
    elif not square:
        y = -(rows // 2)
    if char in _CORNERED:
        x, y = round(size * 0.15), round(-size * 0.42) if square else y
    elif char in _SMALL:
        x, y = x + round(size * 0.1), y - round(size * 0.1)
    return Glyph((Piece(mask, x, y),), float(max(long + 0.05 * size, size)) if square else long + 0.15 * size)
