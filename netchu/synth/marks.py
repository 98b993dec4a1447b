"""Vietnamese letters for fonts that lack them: the font's own base letter, and marks drawn on it with the pen."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Rng = np.random.Generator
Points = list[tuple[float, float]]

HORN, DOT, BAR = "\u031b", "\u0323", "\u0335"
# Strokes over a letter, in heights of an x: right of the letter's middle, above its top.
_OVER: dict[str, Points] = {
    "\u0300": [(-0.22, 0.46), (0.06, 0.14)],  # grave
    "\u0301": [(-0.06, 0.14), (0.22, 0.46)],  # acute
    "\u0302": [(-0.24, 0.12), (0.0, 0.38), (0.24, 0.12)],  # circumflex
    "\u0303": [(-0.28, 0.2), (-0.16, 0.34), (0.0, 0.27), (0.14, 0.2), (0.28, 0.34)],  # tilde
    "\u0306": [(-0.24, 0.38), (-0.13, 0.18), (0.1, 0.17), (0.24, 0.38)],  # breve
    "\u0309": [(-0.1, 0.42), (0.02, 0.52), (0.13, 0.42), (0.06, 0.3), (0.0, 0.24), (0.0, 0.14)],  # hook
}
_FIRST = ("\u0302", "\u0306")  # these sit on the letter, tones on them
_TONES = "".join(mark for mark in _OVER if mark not in _FIRST)
_VOWELS = "aăâeêioôơuưyAĂÂEÊIOÔƠUƯY"
LETTERS = (
    *(unicodedata.normalize("NFC", letter + tone) for letter in _VOWELS for tone in ("", *_TONES, DOT)),
    *"đĐ",
)


@lru_cache(maxsize=4096)
def _split(char: str) -> tuple[str, tuple[str, ...]]:
    """A letter -> its base and its marks: ậ -> a, (circumflex, dot); đ -> d, (bar)."""
    if char in "đĐ":
        return ("d" if char == "đ" else "D"), (BAR,)
    base, *marks = list(unicodedata.normalize("NFD", char))
    return base, tuple(sorted(marks, key=lambda mark: (mark not in _FIRST, mark)))


def compose(char: str, known: frozenset[str]) -> tuple[str, tuple[str, ...]] | None:
    """The letter of `known` nearest to `char` and the marks to draw on it; None when that cannot be done."""
    if char in known:
        return char, ()
    base, marks = _split(char)
    if not marks or any(mark not in _OVER and mark not in (HORN, DOT, BAR) for mark in marks):
        return None
    for count in range(len(marks) - 1, -1, -1):
        for kept in itertools.combinations(marks, count):
            near = unicodedata.normalize("NFC", base + "".join(kept))
            stacks = any(mark in _FIRST for mark in marks) and not any(mark in _FIRST for mark in kept)
            if near in known and not (stacks and any(mark in _TONES for mark in kept)):
                return near, tuple(mark for mark in marks if mark not in kept)
    return None


def composable(known: frozenset[str]) -> frozenset[str]:
    """The Vietnamese letters that `known` lacks and `compose` can make of it."""
    return frozenset(char for char in LETTERS if char not in known and compose(char, known) is not None)


def draw_marks(
    mask: NDArray[np.uint8],
    box: tuple[float, float, float, float],
    base: str,
    marks: Sequence[str],
    unit: float,
    rng: Rng,
) -> None:
    """Draw `marks` round a letter whose ink fills `box` (left, top, right, bottom); `unit` is the height of an x."""
    left, top, right, bottom = box
    middle = (left + right) / 2
    low = bottom if base not in "yY" else bottom - (0.55 * unit if base == "y" else 0)
    stacked = any(mark in _FIRST for mark in unicodedata.normalize("NFD", base))  # the font's own mark is in the box
    reach = float(np.clip(1.3 * (right - left), 0.6 * unit, unit))  # narrow letters bear small marks
    horned = base in "ơưƠƯ" or HORN in marks  # tones keep clear of the horn
    for mark in marks:
        size = reach * float(rng.uniform(0.8, 1.15))
        if mark in _OVER:
            aside, above = (-0.1 * unit, 0.06 * unit) if horned else (0.0, 0.0)
            if stacked:
                over = mark in "\u0303\u0309" and rng.random() < 0.5
                aside, above = (0.0, -0.02) if over else (0.3 * unit, -0.3 * unit)
            points = [(middle + aside + x * size, top - above - y * size) for x, y in _OVER[mark]]
            if mark in _FIRST:
                stacked, top = True, top - 0.36 * size
        elif mark == DOT:
            at = (middle + (0.35 * unit if base == "y" else 0), low + 0.28 * size)
            points = [at, (at[0] + 0.04 * size, at[1] + 0.04 * size)]
        elif mark == HORN:
            high = top + (0.2 if base in "oO" else 0.1) * size
            start = right - (0.12 if base in "oO" else 0.04) * size
            tip = right + 0.19 * size
            points = [(start, high), (tip - 0.07 * size, high - 0.04 * size), (tip, high - 0.28 * size)]
        elif base == "d":
            high = top + 0.22 * (bottom - top)
            points = [(right - 0.45 * size, high), (right + 0.22 * size, high - 0.03 * size)]
        else:
            high = (top + bottom) / 2
            points = [(left - 0.16 * size, high), (left + 0.36 * size, high)]
        _stroke(mask, points, max(2, round(unit * 0.13)), 0.035 * unit, rng)


def _stroke(mask: NDArray[np.uint8], points: Points, width: int, shake: float, rng: Rng) -> None:
    """A smooth stroke through `points`, each shaken a little."""
    path = np.array(points, np.float32) + rng.normal(0, shake, (len(points), 2)).astype(np.float32)
    for _ in range(2 if len(points) > 2 else 0):  # Chaikin's corner cutting
        near, far = 0.75 * path[:-1] + 0.25 * path[1:], 0.25 * path[:-1] + 0.75 * path[1:]
        path = np.concatenate([path[:1], np.stack([near, far], 1).reshape(-1, 2), path[-1:]])
    cv2.polylines(mask, [np.round(path * 16).astype(np.int32)], False, 255, width, cv2.LINE_AA, 4)
