"""What is round the sheet on a photograph, and the shadows on it. Both are left alone unless they are plain to see."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu.image import Grey

SMALL = 320  # pixels of the longer side at which surroundings and light are looked at
APART = 60.0  # grey levels between sheet and surroundings, at least
WHOLE = 0.9  # share of its bounding box that a sheet fills, at least: what fills less is no sheet, or lies askew
SAVED = 0.12  # share of the picture that surroundings must take up to be cut off
SPARE = 0.015  # of the picture's longer side, left round the sheet
EVEN = 1.35  # times as light as its darkest part: a page whose paper varies less is lit evenly
PAPER = 200.0  # grey level of paper that was lit
DEEPEST = 4.0  # times by which a shadow is made lighter at most

Box = tuple[int, int, int, int]  # left, top, right, bottom in whole pixels


def sheet_box(grey: Grey) -> Box | None:
    """The box round a light sheet on dark surroundings, or None where there are none, or not plainly so.

    Surroundings must be dark and take up a good part of the picture, and the sheet must fill its box: a torn, folded or
    slanting sheet is never cut.
    """
    small = preview(grey, SMALL)
    level, mask = cv2.threshold(cv2.GaussianBlur(small, (5, 5), 0), 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    light, dark = small[mask > 0], small[mask == 0]
    if not len(light) or not len(dark) or float(np.median(light)) - float(np.median(dark)) < APART:
        return None
    # Writing is dark, too: it must not part the sheet.
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=4)
    if count < 2:
        return None
    left, top, width, height, area = (int(value) for value in stats[1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))])
    outside = np.ones(small.shape, bool)
    outside[top : top + height, left : left + width] = False
    if area < WHOLE * width * height or outside.mean() < SAVED or float((small[outside] > level).mean()) > 0.1:
        return None
    rows, columns = grey.shape
    scale, spare = max(grey.shape) / max(small.shape), SPARE * max(grey.shape)
    edges = (left * scale - spare, top * scale - spare, (left + width) * scale + spare, (top + height) * scale + spare)
    return max(0, int(edges[0])), max(0, int(edges[1])), min(columns, round(edges[2])), min(rows, round(edges[3]))


def evened(grey: Grey) -> Grey | None:
    """The page with the same light everywhere, or None where its paper is lit evenly, or no paper is to be seen.

    The light is what paper shows between the writing: the brightest of a neighbourhood, smoothed. Grey levels are
    divided by it, as a shadow multiplies them.
    """
    light = _light(preview(grey, SMALL))
    dark, bright = np.percentile(light, (3, 97))
    if bright < EVEN * dark or dark < 24:
        return None
    gain = PAPER / np.clip(light, max(bright / DEEPEST, 1.0), 255)
    wide = cv2.resize(gain.astype(np.float32), grey.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.multiply(grey, wide, dtype=cv2.CV_8U), np.uint8)


def _light(small: Grey) -> NDArray[np.float32]:
    """How light the paper is, pixel for pixel of a small picture."""
    side = 2 * (max(small.shape) // 24) + 1
    paper = cv2.morphologyEx(cv2.medianBlur(small, 3), cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    return np.asarray(cv2.GaussianBlur(paper.astype(np.float32), (0, 0), side / 2), np.float32)


def preview(grey: Grey, side: int) -> Grey:
    """A small picture, with a longer side of `side` pixels at most; of a large one not every pixel is looked at."""
    step = max(1, max(grey.shape) // (2 * side))
    columns, rows = (max(1, round(length * min(1.0, side / max(grey.shape)))) for length in grey.shape[::-1])
    return np.asarray(cv2.resize(grey[::step, ::step], (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)
