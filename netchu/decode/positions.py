"""Boxes of characters: cut between the frames they were seen in, where there is least ink, and drawn tight round it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu.image import Grey
from netchu.records import Box

ROWS = 64  # a taller picture is looked at this tall: strokes stay wider than a pixel
FLAT = 24  # grey levels: a picture with less between paper and ink is blank
RULE = 1.5  # line heights: a straight stroke this long is a ruled line, not a letter
SPECK = 0.03  # of the line height: ink no larger than a square of this side is dirt
WHOLE = 0.75  # a stroke with this share of its ink on one side of the cuts belongs there whole
SHIFTS = np.arange(-1, 2.01, 0.25)  # frames: how much further on than it was seen a character may stand
RELUCTANCE = 0.05  # what a frame of shift must gain, in mean ink per column: short lines say little
OFF_CENTRE = 0.5  # what a cut at the end of its range costs, in mean ink per column, against one in the middle

Ink = NDArray[np.float32]
Array = NDArray[Any]


def find_boxes(
    picture: Grey, starts: Sequence[int], ends: Sequence[int], across: float, spaces: Sequence[bool]
) -> list[Box]:
    """The boxes of n characters of a line (h, w) that runs along its columns, in its pixels.

    Character i was seen in frames [starts[i], ends[i]), of `across` columns each; frames rise from one to the next, or
    fall throughout where the text runs to the left. White space gets the gap between its neighbours. Where there is no
    ink to go by, a box is as high as the line's ink, or else the line, and reaches half way to its neighbours.
    """
    if not len(starts):
        return []
    rows, columns = picture.shape
    if starts[0] > starts[-1]:
        turned = find_boxes(picture, starts[::-1], ends[::-1], across, spaces[::-1])
        return turned[::-1]
    small, scale = _shrink(picture)
    ink = find_ink(small)
    middles = np.clip((np.asarray(starts, np.float64) + np.asarray(ends)) / 2 * across * scale, 0, small.shape[1])
    blank = np.asarray(spaces, bool)
    profile = ink.sum(0)
    middles = np.clip(middles + _lag(profile, middles, across * scale, blank), 0, small.shape[1])
    edges = _cuts(profile, middles)
    left, top, right, bottom = _fit(ink, edges, blank)
    _fill_gaps(left, right, blank, small.shape[1])
    found = np.stack([left, top, right, bottom], axis=1) / scale
    found = np.clip(found, 0, [columns, rows, columns, rows])
    return [(float(a), float(b), float(c), float(d)) for a, b, c, d in found]


def find_ink(picture: Grey) -> Ink:
    """How much darker than the paper around it each pixel is (h, w), 0..1; 0 on paper, specks and ruled lines.

    On a dark ground, how much lighter.
    """
    rows, columns = picture.shape
    shades = np.cumsum(cv2.calcHist([picture], [0], None, [256], [0, 256]).ravel()) / picture.size
    low, middle, high = np.searchsorted(shades, (0.01, 0.5, 0.99))
    if high - low < FLAT:
        return np.zeros((rows, columns), np.float32)
    dark = 255 - picture if middle - low >= high - middle else picture  # ink is light from here on
    side = 2 * (rows // 3) + 1
    paper = cv2.blur(cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((side, side), np.uint8)), (side, side))
    above = cv2.subtract(dark, paper)
    level, _ = cv2.threshold(above, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    solid = (above > max(level, FLAT / 2)).astype(np.uint8)
    long = np.ones((1, max(3, round(RULE * rows))), np.uint8)
    ruled = cv2.morphologyEx(cv2.morphologyEx(solid, cv2.MORPH_CLOSE, np.ones((1, 5), np.uint8)), cv2.MORPH_OPEN, long)
    solid[ruled > 0] = 0
    _, parts, sizes, _ = cv2.connectedComponentsWithStats(solid, connectivity=8)
    keep = sizes[:, cv2.CC_STAT_AREA] > (SPECK * rows) ** 2
    keep[0] = False
    ink: Ink = np.where(keep[parts], above, 0).astype(np.float32) / np.float32(255)
    return ink


def _shrink(picture: Grey) -> tuple[Grey, float]:
    """A picture of ROWS rows at most, and its size over the original's."""
    rows, columns = picture.shape
    if rows <= ROWS:
        return picture, 1.0
    scale = ROWS / rows
    return cv2.resize(picture, (max(1, round(columns * scale)), ROWS), interpolation=cv2.INTER_AREA), scale  # type: ignore[return-value]


def _lag(profile: Array, middles: Array, frame: float, blank: Array) -> float:
    """Columns by which the characters stand further on than the network saw them, the same for the whole line.

    CTC tells a network that a character comes, not where: some do as soon as they are sure, some late. At the right
    shift there is much ink in the middles of letters, and little half way between them and in spaces.
    """
    width, letters = len(profile), middles[~blank]
    usual = float(profile.mean())
    if len(letters) < 3 or not usual:
        return 0.0
    between = np.concatenate([(middles[1:] + middles[:-1]) / 2, middles[blank]])
    at = np.arange(width) + 0.5
    gains = [
        np.interp(letters + shift * frame, at, profile).mean() - np.interp(between + shift * frame, at, profile).mean()
        for shift in SHIFTS
    ]
    return float(SHIFTS[np.argmax(np.array(gains) / usual - RELUCTANCE * SHIFTS**2)]) * frame


def _cuts(profile: Array, middles: Array) -> Array:
    """Ink by column (w,) and the characters' middles (n,) -> n + 1 edges: the thinnest places between the middles.

    Of places alike, the one nearest to half way. The first and last edges are the picture's.
    """
    width = len(profile)
    edges = np.zeros(len(middles) + 1)
    edges[-1] = width
    usual = float(profile.mean()) or 1.0
    for place, (one, two) in enumerate(itertools.pairwise(middles), start=1):
        first, last = int(np.floor(one)), min(int(np.ceil(two)), width - 1)
        if last - first < 2:
            edges[place] = (one + two) / 2
            continue
        at = np.arange(first, last + 1)
        off = (2 * at + 1 - (one + two)) / (two - one)
        thinnest = first + int(np.argmin(profile[first : last + 1] + OFF_CENTRE * usual * off**2)) + 0.5
        edges[place] = min(max(thinnest, one), two)
    return edges


def _fit(ink: Ink, edges: Array, blank: Array) -> tuple[Array, Array, Array, Array]:
    """Left, top, right and bottom of each character's ink; of one without any, its strip of the line's ink."""
    rows, columns = ink.shape
    count = len(blank)
    left, right = edges[:-1].copy(), edges[1:].copy()
    top, bottom = np.zeros(count), np.full(count, float(rows))
    letters = np.flatnonzero(~blank)
    if not len(letters):
        return left, top, right, bottom
    # ink within a space's strip is a neighbour's that reaches into it: the nearer one's
    owner = np.searchsorted(edges, np.arange(columns) + 0.5, "right") - 1
    owner = np.clip(owner, 0, count - 1)
    middle = (left + right) / 2
    nearest = letters[np.abs(middle[letters][None, :] - middle[:, None]).argmin(1)]
    owner = np.where(blank[owner], nearest[owner], owner)
    inked = ink > 0
    parts_found, parts = cv2.connectedComponents(inked.astype(np.uint8), connectivity=8)
    y, x = np.nonzero(inked)
    of, part = owner[x], parts[y, x]
    shares = np.bincount(part * count + of, minlength=parts_found * count).reshape(parts_found, count)
    whole = shares.max(1) >= WHOLE * shares.sum(1)
    of = np.where(whole[part], shares.argmax(1)[part], of)
    for values, size, low, high in ((x, columns, left, right), (y, rows, top, bottom)):
        there = np.zeros((count, size), bool)
        there[of, values] = True
        seen = there.any(1)
        low[seen] = there.argmax(1)[seen]
        high[seen] = size - there[:, ::-1].argmax(1)[seen]
    bare = ~seen & ~blank  # a neighbour has its ink: it must not make its word higher than what is written
    if seen.any():
        top[bare], bottom[bare] = top[seen].min(), bottom[seen].max()
    return left, top, right, bottom


def _fill_gaps(left: Array, right: Array, blank: Array, width: int) -> None:
    """Let each run of white space reach from the character before it to the one after it, shared equally."""
    count = len(blank)
    place = 0
    while place < count:
        end = place
        while end < count and blank[end]:
            end += 1
        if end > place:
            first = right[place - 1] if place else 0.0
            last = max(first, left[end] if end < count else float(width))
            steps = np.linspace(first, last, end - place + 1)
            left[place:end], right[place:end] = steps[:-1], steps[1:]
        place = end + 1


def stand_up(box: Box, columns: float) -> Box:
    """A box in a vertical line that was laid flat (image.lay_flat), in the standing picture, `columns` wide."""
    left, top, right, bottom = box
    return columns - bottom, left, columns - top, right
