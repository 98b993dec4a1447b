"""A text and a font -> a grey picture of a handwritten line: letters shaken and warped, one pen, some paper.

The ink is drawn as a mask with all its marks inside, at `SCALE` times the height of the picture; paper comes after.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from netchu.image import Grey
from netchu.synth.fonts import Font
from netchu.synth.marks import compose, draw_marks
from netchu.synth.paper import lay_on_paper

Rng = np.random.Generator
Mask = NDArray[np.uint8]  # (height, width): 0 no ink .. 255 ink

HEIGHT = 64  # rows of the finished picture
SCALE = 1.5  # rows drawn per row of the picture
_EM = 64  # pixels per em while drawing


@dataclass(frozen=True)
class Hand:
    """How one writer moves: sampled once per line; lengths are in ems."""

    slant: float  # columns per row
    wander: float  # how far words leave the baseline
    size: float  # how far words differ in size
    space: float  # width of a space
    letters: float  # extra width between letters; 0 keeps words whole
    warp: float  # how far strokes are bent
    marks: tuple[float, float]  # where tone marks fall, to the right and up
    loose: float  # how far each mark differs from that

    @classmethod
    def sample(cls, rng: Rng) -> Hand:
        """A writer drawn at random."""
        return cls(
            slant=float(rng.normal(0.08, 0.16)),
            wander=float(abs(rng.normal(0, 0.035))),
            size=float(rng.uniform(0, 0.09)),
            space=float(rng.uniform(*[(0.12, 0.25), (0.25, 0.45), (0.25, 0.45), (0.45, 0.9)][int(rng.integers(4))])),
            letters=float(rng.normal(0.01, 0.04)) if rng.random() < 0.35 else 0.0,
            warp=float(rng.uniform(0.005, 0.03)),
            marks=(float(rng.normal(0.03, 0.04)), float(rng.normal(0.02, 0.035))),
            loose=float(rng.uniform(0, 0.05)),
        )


def draw_line(text: str, font: Font, rng: Rng) -> Grey:
    """Draw `text` as one handwritten line, grey (64, width); the same state of `rng` gives the same picture.

    The font must cover the text: what it lacks would come out as empty boxes.
    """
    hand = Hand.sample(rng)
    ink = _bend(write(text, font, hand, rng), hand, rng)
    ink = _crop(ink)
    rows, fill = ink.shape[0], float(rng.beta(3, 2) * 0.5 + 0.48)
    height = round(HEIGHT * SCALE)
    middle = _middle(font, _EM)
    factor = min(height * fill / rows, float(rng.uniform(12, 25)) * SCALE / middle)
    stretch = float(np.clip(rng.normal(1.0, 0.12), 0.75, 1.35))
    size = max(4, round(ink.shape[1] * factor * stretch)), max(4, min(height, round(rows * factor)))
    ink = cv2.resize(ink, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR).astype(np.uint8)
    width = min(float(np.clip(rng.normal(1.75, 0.45), 1.0, 3.4)) * SCALE, max(1.2, middle * factor * 0.17))
    ink = _pen(ink, width, rng.random() < 0.5)
    return lay_on_paper(ink, HEIGHT, SCALE, rng)


def write(text: str, font: Font, hand: Hand, rng: Rng) -> Mask:
    """The words of `text` side by side on a wandering baseline, as an ink mask with empty edges."""
    words = text.split()
    masks, places = [], []
    x = float(_EM)
    for word in words:
        size = max(8, round(_EM * (1 + float(np.clip(rng.normal(0, hand.size), -0.15, 0.15)))))
        mask, left, top, advance = _word(word, font, size, hand, rng)
        y = float(np.clip(rng.normal(0, hand.wander), -0.1, 0.1)) * _EM
        masks.append(mask)
        places.append((round(x + left), round(y + top)))
        x += advance + _EM * max(0.1, hand.space * float(rng.uniform(0.7, 1.4)))
    left = min(column for column, _ in places)
    top = min(row for _, row in places)
    right = max(column + mask.shape[1] for (column, _), mask in zip(places, masks))
    bottom = max(row + mask.shape[0] for (_, row), mask in zip(places, masks))
    edge = _EM // 2  # room for the warp
    canvas = np.zeros((bottom - top + 2 * edge, right - left + 2 * edge), np.uint8)
    for mask, (column, row) in zip(masks, places):
        view = canvas[row - top + edge :, column - left + edge :][: mask.shape[0], : mask.shape[1]]
        np.maximum(view, mask, out=view)
    return canvas


def _word(word: str, font: Font, size: int, hand: Hand, rng: Rng) -> tuple[Mask, int, int, float]:
    """A word's mask, where its corner lies from the pen's start on the baseline, and how far the pen moves."""
    face = font.at(size)
    pairs = [compose(char, font.characters) or (char, ()) for char in word]
    bases = "".join(base for base, _ in pairs)
    ends = _ends(bases, face) if hand.letters or bases != word else [0.0, float(face.getlength(bases))]
    pieces = [(0.0, bases)]
    if hand.letters:
        gaps = np.cumsum(rng.normal(hand.letters, 0.02, len(bases))) * size
        ends = [0.0, *(end + float(gap) for end, gap in zip(ends[1:], gaps))]
        pieces = list(zip(ends, bases))
    for room in (size, 3 * size):  # a swash may need more
        base = 2 * room
        picture = Image.new("L", (int(max(ends)) + 2 * room, base + room))
        pen = ImageDraw.Draw(picture)
        for start, piece in pieces:
            up = float(np.clip(rng.normal(0, hand.wander * 0.5), -0.06, 0.06)) * size if hand.letters else 0.0
            pen.text((room + start, base + up), piece, fill=255, font=face, anchor="ls")
        left, top, right, bottom = picture.getbbox() or (room, base, room + 1, base + 1)
        if left > 0 and top > 0 and right < picture.width and bottom < picture.height:
            break
    mask: Mask = np.array(picture)
    unit = _middle(font, size)
    for (char, marks), start in zip(pairs, ends):
        if marks:
            box = face.getbbox(char, anchor="ls")
            place = (room + start + box[0], base + box[1], room + start + box[2], base + box[3])
            draw_marks(mask, place, char, marks, unit, rng)
    if bases != word:
        left, top, right, bottom = Image.fromarray(mask).getbbox() or (left, top, right, bottom)
    edge = round(0.3 * size)  # marks may move that far
    left, top = max(0, left - edge), max(0, top - edge)
    mask = mask[top : bottom + edge, left : right + edge]
    return _move_marks(mask, base - top, unit, size, hand, rng), left - room, top - base, max(ends)


def _ends(text: str, face: ImageFont.FreeTypeFont) -> list[float]:
    """Where each letter starts, and the last one ends."""
    return [float(face.getlength(text[:k])) if k else 0.0 for k in range(len(text) + 1)]


@lru_cache(maxsize=1024)
def _middle(font: Font, size: int) -> float:
    """The height of an x."""
    return max(size * 0.12, -float(font.at(size).getbbox("x", anchor="ls")[1]))


def _move_marks(mask: Mask, base: int, middle: float, size: int, hand: Hand, rng: Rng) -> Mask:
    """Shift the marks that stand free above or below the letters, as a hurried hand does."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((mask > 40).astype(np.uint8), connectivity=8)
    moved = mask
    for k in range(1, count):
        x, y, w, h, _ = (int(v) for v in stats[k])
        above = y + h < base - 0.8 * middle and h < 0.9 * middle
        below = y > base and h < 0.5 * middle and w < 0.5 * middle
        if not above and not below:
            continue
        right = float(np.clip(hand.marks[0] + rng.normal(0, hand.loose), -0.1, 0.14)) * size
        up = float(np.clip(hand.marks[1] + rng.normal(0, hand.loose * 0.6), -0.03, 0.15)) * size
        dx, dy = (round(right / 2), 0) if below else (round(right), -round(up))
        y0, y1, x0, x1 = max(0, y - 1), y + h + 1, max(0, x - 1), x + w + 1
        if moved is mask:
            moved = mask.copy()
        box = np.where(labels[y0:y1, x0:x1] == k, mask[y0:y1, x0:x1], 0).astype(np.uint8)
        moved[y0:y1, x0:x1][box > 0] = 0
        ty, tx = max(0, y0 + dy), max(0, x0 + dx)
        view = moved[ty : ty + box.shape[0], tx : tx + box.shape[1]]
        np.maximum(view, box[: view.shape[0], : view.shape[1]], out=view)
    return moved


def _bend(ink: Mask, hand: Hand, rng: Rng) -> Mask:
    """Slant the line and bend it with a smooth random field; the mask grows so that nothing leaves it."""
    slant = float(np.clip(hand.slant, -0.3, 0.5))
    rows = ink.shape[0]
    grow = int(abs(slant) * rows / 2) + 2
    ink = cv2.copyMakeBorder(ink, 0, 0, grow, grow, cv2.BORDER_CONSTANT, value=0).astype(np.uint8)
    columns = ink.shape[1]
    y = np.arange(rows, dtype=np.float32)[:, None]
    x = np.arange(columns, dtype=np.float32)[None, :]
    letters = max(3, round(columns / (_EM * 0.45)))
    fields = rng.normal(0, hand.warp * _EM, (2, 4, letters)).astype(np.float32)
    across, down = (cv2.resize(field, (columns, rows), interpolation=cv2.INTER_CUBIC) for field in fields)
    slow = rng.normal(0, hand.wander * 0.7 * _EM, (1, max(2, columns // (_EM * 4)))).astype(np.float32)
    drift = np.clip(cv2.resize(slow, (columns, 1), interpolation=cv2.INTER_CUBIC), -0.15 * _EM, 0.15 * _EM)
    tall = rng.normal(0, hand.size * 0.8, (1, letters)).astype(np.float32)
    scale = 1 + np.clip(cv2.resize(tall, (columns, 1), interpolation=cv2.INTER_CUBIC), -0.15, 0.15)
    limit = 0.07 * _EM
    down = np.clip(down, -limit, limit)
    middle = rows * 0.6
    map_x = x + slant * (y - middle) + np.clip(across, -limit, limit)
    map_y = middle + (y - middle) * scale + drift + down
    return cv2.remap(ink, map_x.astype(np.float32), map_y.astype(np.float32), cv2.INTER_LINEAR).astype(np.uint8)


def _crop(ink: Mask) -> Mask:
    """The mask cut to its ink, one pixel of room on each side; a mask without ink stays."""
    ink = cv2.copyMakeBorder(ink, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0).astype(np.uint8)
    rows, columns = np.flatnonzero(ink.max(axis=1) > 8), np.flatnonzero(ink.max(axis=0) > 8)
    if not len(rows):
        return ink
    return ink[rows[0] - 1 : rows[-1] + 2, columns[0] - 1 : columns[-1] + 2]


def _pen(ink: Mask, width: float, ball: bool) -> Mask:
    """Redraw the strokes `width` pixels wide: evenly as a ball pen does, or keeping part of the font's own contrast."""
    room = int(width) + 1
    ink = cv2.copyMakeBorder(ink, room, room, room, room, cv2.BORDER_CONSTANT, value=0).astype(np.uint8)
    solid = (ink > 110).astype(np.uint8)
    if not solid.any():
        return ink
    inside = cv2.distanceTransform(solid, cv2.DIST_L2, 3)
    ridge = (solid > 0) & (inside >= cv2.dilate(inside, np.ones((3, 3), np.uint8)) - 0.45)
    away = cv2.distanceTransform((~ridge).astype(np.uint8), cv2.DIST_L2, 3)
    even = width / 2 + 0.2 - away
    if not ball:
        own = 4 * float(inside[solid > 0].mean()) - 1
        outside = cv2.distanceTransform(1 - solid, cv2.DIST_L2, 3)
        shift = float(np.clip((width * 1.1 - own) / 2, -1.5 - own * 0.2, 2.5))
        thin = np.minimum(0.8, width / 2) - away
        even = np.maximum(inside - outside + shift, thin)
    return np.asarray(np.clip(even + 0.5, 0, 1) * 255, np.uint8)
