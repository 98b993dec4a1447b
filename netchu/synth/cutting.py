"""One real line and where its characters are -> its ink, free of paper and rules, cut into words and characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu.image import Grey

Mask = NDArray[np.uint8]  # (h, w): 0 no ink .. 255 full ink
Array = NDArray[Any]

SOLID = 64  # coverage from which ink connects
FAINT = 24  # coverage from which a rule is seen
FAINTEST = 16.0  # ink less than this many greys darker than its paper is not told from the paper's own grain
_SMALL = frozenset("acemnorsuvwxz")  # letters as high as an x
_TALL = frozenset("bdhkltABCDEFGHIJKLMNOPRSTUVWXYZ0123456789")
_ON_BASE = frozenset("abcdehiklmnorstuvwxABCDEFHIKLMNOPRSTUVWXZ0234568")  # letters that stand on the line


@dataclass(frozen=True)
class Word:
    """A word cut out of a line. All lengths are pixels of the line's picture."""

    text: str
    ink: Mask  # (h, w), tight
    labels: Mask  # (h, w): which character of the text the ink is, 1 for the first; 0 where there is none
    boxes: NDArray[np.int16]  # (n, 4): left, top, right, bottom of each character's ink
    free: NDArray[np.bool_]  # (n + 1): no ink crosses from before to after that many characters
    left: int  # column of the picture
    top: int  # row of the picture
    base: float  # row of the baseline in `ink`


@dataclass(frozen=True)
class Cut:
    """The words of a line, None where one was not found, and what they have in common."""

    words: tuple[Word | None, ...]
    unit: float  # height of an x, pixels
    stroke: float  # width of the pen, pixels
    slant: float  # columns to the right per row upwards
    contrast: float  # greys between paper and ink


def lift_ink(grey: Grey) -> tuple[Mask, float]:
    """Grey (h, w) -> coverage (h, w), and by how many greys its ink is darker than its paper (0: there is none).

    The paper is what a closing wider than any stroke leaves; rules are taken out.
    """
    rows = grey.shape[0]
    across = 2 * round(rows * 0.13) + 1
    paper = cv2.morphologyEx(grey, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (across, across)))
    dark = cv2.subtract(cv2.GaussianBlur(paper, (0, 0), rows * 0.08), grey)
    limit, _ = cv2.threshold(dark, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    written = dark[dark > limit]
    contrast = float(np.percentile(written, 70)) if len(written) else 0.0
    if contrast < FAINTEST:
        return np.zeros_like(grey), 0.0
    low, high = 0.25 * contrast, 0.85 * contrast
    ink = np.clip((dark.astype(np.float32) - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
    return _without_rules(ink), contrast


def _without_rules(ink: Mask) -> Mask:
    """Take out long straight lines, level or upright, faint or dashed, but not the strokes that cross them."""
    rows, columns = ink.shape
    for level, long in ((True, round(rows * 1.2)), (False, round(rows * 0.9))):
        solid = (ink > SOLID).astype(np.uint8)
        # a level rule is long enough to step by a row; an upright one is little longer than the stem of a p: be strict
        thick = cv2.dilate(solid, np.ones((3, 1), np.uint8)) if level else solid
        rule: Mask = np.zeros_like(ink)
        if long <= (columns if level else rows):
            runs = cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones((1, long) if level else (long, 1), np.uint8))
            rule = cv2.dilate(runs, np.ones((3, 1) if level else (1, 3), np.uint8))  # type: ignore[assignment]
        if level:
            rule |= _faint_rules(ink)
        if not rule.any():
            continue
        rest = np.where(rule > 0, 0, solid).astype(np.uint8)
        crossing = cv2.morphologyEx(rest, cv2.MORPH_CLOSE, np.ones((9, 1) if level else (1, 9), np.uint8))
        ink = np.where((rule > 0) & (crossing == 0), 0, ink).astype(np.uint8)
    return ink


def _faint_rules(ink: Mask) -> Mask:
    """1 along nearly level lines of which more than half is inked from end to end: no line of letters is."""
    rows, columns = ink.shape
    seen = (ink > FAINT).astype(np.uint8)
    rule = np.zeros_like(ink)
    across = np.arange(columns)
    for tilt in np.linspace(-0.02, 0.02, 9):
        shear = np.array([[1, 0, 0], [tilt, 1, -tilt * columns / 2]], np.float32)
        share = cv2.warpAffine(seen, shear, (columns, rows), flags=cv2.INTER_NEAREST).mean(axis=1)
        for row in np.flatnonzero(share > 0.55):
            at = np.rint(row - tilt * (across - columns / 2)).astype(np.int64)
            for near in (-1, 0, 1):
                rule[np.clip(at + near, 0, rows - 1), across] = 1
    return rule


def cut_line(grey: Grey, words: Sequence[str], centres: Array) -> Cut | None:
    """Cut a line picture into `words`; `centres` (n,) are the columns of their characters, spaces left out.

    Between two characters the cut follows the way from top to bottom over the least ink. What hangs together goes to
    the side that has nearly all of it; tone marks and dots go with the nearest letter that bears one.
    None when the picture has no ink, or no letter from which to tell the height of an x.
    """
    ink, contrast = lift_ink(grey)
    chars = "".join(words)
    if not contrast or not len(chars):
        return None
    owner = _owners(ink, centres)  # (h, w): the number of the character, from 0
    count, parts = cv2.connectedComponents((ink > SOLID).astype(np.uint8), connectivity=8)
    shares = np.bincount((parts * len(chars) + owner)[parts > 0], minlength=count * len(chars)).reshape(count, -1)
    whole = shares.max(axis=1) >= 0.85 * np.maximum(1, shares.sum(axis=1))
    whole[0] = False
    target = shares.argmax(axis=1)
    lost = whole[:, None] & (np.arange(len(chars)) != target[:, None])
    bare = np.where(lost, 0, shares).sum(axis=0, where=np.arange(count)[:, None] > 0) == 0
    whole &= ~((shares > 0) & bare).any(axis=1)  # never at the price of a character's only ink
    owner = np.where(whole[parts], target[parts], owner)
    measured = _measure(ink, owner, chars)
    if measured is None:
        return None
    base, slope, unit = measured
    gone = _give_marks(parts, count, owner, chars, centres, (base, slope, unit))
    soft = cv2.dilate(parts.astype(np.uint16), np.ones((3, 3), np.uint8))  # edges too faint to connect follow the solid
    held = np.where(parts > 0, parts, soft)
    ink = np.where(gone[held], 0, ink).astype(np.uint8)
    reach = _reach(parts, owner, count, len(chars))
    found: list[Word | None] = []
    start = 0
    for text in words:
        stop = start + len(text)
        found.append(_word(ink, owner, held, text, start, stop, reach[start : stop + 1], (base, slope)))
        start = stop
    solid = (ink > 110).astype(np.uint8)
    stroke = 4 * float(cv2.distanceTransform(solid, cv2.DIST_L2, 3)[solid > 0].mean()) - 2 if solid.any() else 1.0
    return Cut(tuple(found), unit, stroke, _slant(ink), contrast)


def _owners(ink: Mask, centres: Array) -> NDArray[np.int64]:
    """(h, w): how many cuts lie left of each pixel, with a least-ink cut between every two neighbouring centres."""
    rows, columns = ink.shape
    left = np.clip(np.floor(centres[:-1]).astype(np.int64), 0, columns - 1)
    right = np.clip(np.ceil(centres[1:]).astype(np.int64), left, columns - 1)
    if not len(left):
        return np.zeros(ink.shape, np.int64)
    offsets = np.arange(int((right - left).max()) + 1)
    at = np.minimum(left[:, None] + offsets, columns - 1)  # (cuts, width)
    half = np.maximum(1.0, (right - left) / 2)[:, None]
    middle = 0.03 * (np.abs(offsets - half) / half) ** 2  # where there is nothing to avoid, cut half-way
    middle = np.where(offsets <= (right - left)[:, None], middle, 1e6).astype(np.float32)
    cost = (ink[:, at].astype(np.float32) / 255 + middle).transpose(1, 0, 2)  # (cuts, h, width)
    total = cost[:, 0]
    steps = np.zeros(cost.shape, np.int8)
    aside = np.full((len(left), len(offsets) + 2), 1e9, np.float32)
    for row in range(1, rows):
        aside[:, 1:-1] = total
        ways = np.stack([aside[:, 1:-1], aside[:, :-2] + 0.01, aside[:, 2:] + 0.01])
        best = ways.argmin(axis=0)
        steps[:, row] = np.array([0, -1, 1], np.int8)[best]
        total = np.take_along_axis(ways, best[None], axis=0)[0] + cost[:, row]
    place = total.argmin(axis=1)
    passed = np.zeros((rows, columns + 1), np.int64)
    number = np.arange(len(left))
    for row in range(rows - 1, -1, -1):
        np.add.at(passed[row], at[number, place] + 1, 1)
        place = place + steps[number, row, place]
    return passed.cumsum(axis=1)[:, :columns]


def _measure(ink: Mask, owner: Array, chars: str) -> tuple[float, float, float] | None:
    """Baseline at column 0, its slope, and the height of an x, from the letters that tell; None when none does."""
    top, bottom, left, right = _body(ink, owner, len(chars))
    there = bottom > top
    bases = [unicodedata.normalize("NFD", char) for char in chars]
    plain = np.array([len(form) == 1 for form in bases])
    below = np.array([any(unicodedata.combining(mark) == 220 for mark in form[1:]) for form in bases])
    standing = np.array([form[0] in _ON_BASE for form in bases]) & ~below & there
    if not standing.any():
        return None
    x, y = ((left + right) / 2)[standing], bottom[standing].astype(np.float64)
    apart = x[None, :] - x[:, None]
    far = apart > 2 * ink.shape[0]
    rise = (y[None, :] - y[:, None])[far] / apart[far]
    slope = float(np.clip(np.median(rise), -0.08, 0.08)) if len(rise) else 0.0  # Theil-Sen
    base = float(np.median(y - slope * x))
    height = bottom - top
    small = height[np.array([form[0] in _SMALL for form in bases]) & plain & there]
    tall = height[np.array([form[0] in _TALL for form in bases]) & plain & there]
    if len(small) < 3 and not len(tall):
        return None
    if len(tall) < 3:
        unit = float(np.median(small)) if len(small) >= 3 else 0.6 * float(np.median(tall))
    else:  # joined letters hold bits of their neighbours: believe the tall ones too
        capital = float(np.median(tall))
        unit = float(np.clip(np.median(small), 0.4 * capital, 0.7 * capital)) if len(small) >= 3 else 0.6 * capital
    return (base, slope, unit) if 4 < unit < 0.7 * ink.shape[0] else None


def _body(ink: Mask, owner: Array, count: int) -> tuple[Array, Array, Array, Array]:
    """Rows and columns between which 92 % of each character's ink lies: stray ends of strokes do not count."""
    rows, columns = ink.shape
    limits: list[Array] = []
    for size, place in ((rows, np.arange(rows)[:, None]), (columns, np.arange(columns)[None, :])):
        profile = np.bincount((owner * size + place).ravel(), ink.ravel(), count * size).reshape(count, size)
        share = profile.cumsum(axis=1) / np.maximum(1, profile.sum(axis=1, keepdims=True))
        limits += [(share < 0.04).sum(axis=1), np.where(share[:, -1] > 0, (share < 0.96).sum(axis=1) + 1, 0)]
    return limits[0], limits[1], limits[2], limits[3]


def _extents(solid: Array, owner: Array, count: int) -> tuple[Array, Array, Array, Array]:
    """First row, one past the last row, and the same of columns, of each owner's pixels; 0, 0 of one without."""
    y, x = np.nonzero(solid)
    who = owner[y, x]
    limits = []
    for values, far in ((y, solid.shape[0]), (x, solid.shape[1])):
        low, high = np.full(count, far), np.zeros(count, np.int64)
        np.minimum.at(low, who, values)
        np.maximum.at(high, who, values + 1)
        limits += [np.where(high > 0, low, 0), high]
    return limits[0], limits[1], limits[2], limits[3]


def _give_marks(
    parts: Array, count: int, owner: Array, chars: str, centres: Array, line: tuple[float, ...]
) -> NDArray[np.bool_]:
    """Give small parts above the letters, or just below the baseline, to the nearest letter that bears a mark.

    Returns which parts (count,) are no ink of this line: specks, bits of rules, what lies far
    from the letters, and what hangs in from the upper edge or stands on the lower one and is not the mark of a letter.
    """
    base, slope, unit = line
    rows = parts.shape[0]
    _, _, stats, middles = cv2.connectedComponentsWithStats((parts > 0).astype(np.uint8), connectivity=8)
    marks = [unicodedata.normalize("NFD", char)[1:] for char in chars]
    above = np.array([sum(unicodedata.combining(m) == 230 for m in of) for of in marks])  # how many
    dotted = above + np.array([char in "ij" for char in chars])
    under = np.array([sum(unicodedata.combining(m) == 220 for m in of) for of in marks])
    gone: NDArray[np.bool_] = stats[:, 4] < max(3.0, 0.0006 * rows * rows)
    gone |= (stats[:, 0] > centres[-1] + 2.2 * unit) | (stats[:, 0] + stats[:, 2] < centres[0] - 2.2 * unit)
    upright = (stats[:, 3] > 1.2 * unit) & (stats[:, 2] < 0.4 * unit)  # the side of a box
    gone |= upright & ((middles[:, 0] < centres[0] - 0.8 * unit) | (middles[:, 0] > centres[-1] + 0.8 * unit))
    level = (stats[:, 3] < 0.3 * unit) & (stats[:, 2] > 1.3 * unit)
    floors = base + slope * middles[:, 0]
    if "_" not in chars:  # what is left of a rule
        gone |= level & (np.abs(middles[:, 1] - floors) < 0.5 * unit)
    gone |= (stats[:, 1] + stats[:, 3] < floors - 3 * unit) | (stats[:, 1] > floors + 1.6 * unit)
    small = stats[:, 3] < np.minimum(1.1 * unit, 0.35 * rows)
    touching = (stats[:, 1] <= 1) | (stats[:, 1] + stats[:, 3] >= rows - 1)
    touching &= small & (np.abs(middles[:, 1] - rows / 2) > 0.3 * rows)
    gone |= touching
    gone[0] = False
    borne = np.zeros(len(chars), np.int64)
    for part in sorted(np.flatnonzero(small[1:]) + 1, key=lambda part: bool(touching[part])):
        left, top, wide, high, _ = (int(value) for value in stats[part])
        x, y = (float(value) for value in middles[part])
        floor = float(floors[part])
        if top + high < floor - 0.75 * unit and wide < 1.8 * unit:
            bears = dotted if wide < 0.45 * unit else above
        elif y > floor + 0.1 * unit and high < 0.6 * unit and wide < 0.7 * unit:
            bears = under
        else:
            continue
        aside = x - centres - 0.2 * unit  # hurried marks fall to the right
        away = np.maximum(aside, -2 * aside) + np.where(borne < bears, 0, unit)
        nearest = int(np.where(bears > 0, away, np.inf).argmin())
        if not bears[nearest] or away[nearest] > 2.2 * unit or (touching[part] and borne[nearest] >= bears[nearest]):
            continue
        gone[part] &= not touching[part]
        borne[nearest] += 1
        view = np.s_[top : top + high, left : left + wide]
        owner[view][parts[view] == part] = nearest
    return gone


def _reach(parts: Array, owner: Array, count: int, chars: int) -> NDArray[np.bool_]:
    """(chars + 1,): no part has ink on both sides of that cut."""
    inside = parts > 0
    first, last = np.full(count, chars), np.full(count, -1)
    np.minimum.at(first, parts[inside], owner[inside])
    np.maximum.at(last, parts[inside], owner[inside])
    crossed = np.zeros(chars + 2, np.int64)
    spans = last > first
    np.add.at(crossed, first[spans] + 1, 1)
    np.add.at(crossed, last[spans] + 1, -1)
    free: NDArray[np.bool_] = crossed.cumsum()[: chars + 1] == 0
    return free


def _word(
    ink: Mask, owner: Array, held: Array, text: str, start: int, stop: int, free: Array, line: tuple[float, float]
) -> Word | None:
    """The ink of characters start..stop, tight; None when more than a third have none."""
    mine = (owner >= start) & (owner < stop) & (ink > 0) & (held > 0)
    columns, rows = np.flatnonzero(mine.any(axis=0)), np.flatnonzero(mine.any(axis=1))
    if not len(columns):
        return None
    left, right, top, bottom = int(columns[0]), int(columns[-1]) + 1, int(rows[0]), int(rows[-1]) + 1
    view = np.s_[top:bottom, left:right]
    labels = np.where(mine[view], owner[view] - start + 1, 0).astype(np.uint8)
    own = np.where(mine[view], ink[view], 0).astype(np.uint8)
    own = ((own.astype(np.uint16) + 18) // 36 * 36).clip(0, 255).astype(np.uint8)  # 8 levels: half the size on disk
    y0, y1, x0, x1 = _extents(own > SOLID, labels.astype(np.int64) - 1, len(text))
    if 3 * (y1 == 0).sum() > len(text) or len(text) > 255:  # a label is a byte
        return None
    for number in np.flatnonzero(y1 == 0):  # all its ink is taken for its neighbours': a sliver between them
        x0[number] = x1[number - 1] if number else 0
        x1[number], y0[number], y1[number] = x0[number] + 1, 0, bottom - top
    base = line[0] + line[1] * (left + right) / 2 - top
    boxes = np.stack([x0, y0, x1, y1], axis=1).astype(np.int16)
    return Word(text, own, labels, boxes, np.asarray(free, np.bool_), left, top, base)


def _slant(ink: Mask) -> float:
    """How far the strokes lean: the shear with the fullest columns (as Vinciarelli and Luettin 2001)."""
    rows, columns = ink.shape
    best, found = -1.0, 0.0
    for slant in np.linspace(-0.4, 0.9, 14):
        shear = np.array([[1, slant, -slant * rows / 2], [0, 1, 0]], np.float32)
        profile = cv2.warpAffine(ink, shear, (columns, rows), flags=cv2.INTER_NEAREST).sum(axis=0, dtype=np.float64)
        fullness = float((profile**2).sum())
        if fullness > best:
            best, found = fullness, float(slant)
    return found
