"""Ruled lines of a page: thin strokes, longer than any of a letter, that lie level. They tell a table's rows apart."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu.image import Grey
from netchu.page.detect import fitting_scale, scaled

THICK = 9  # pixels at the size of a first look: a rule is thinner
STROKE, GAP, SHORTEST = 25, 15, 60  # pixels: a whole stretch of a rule, a break in it, and a rule, at least
FAINTEST = 6  # grey levels darker than the paper beside it


def level_rules(grey: Grey) -> NDArray[np.float64]:
    """Rules of a page (h, w) that lie within some degrees of level: (n, 2, 2), both ends as x, y in its pixels."""
    scale = fitting_scale(grey.shape[1], grey.shape[0])
    seen = scaled(grey, scale)
    dark = cv2.morphologyEx(seen, cv2.MORPH_BLACKHAT, np.ones((THICK, 1), np.uint8))
    level = max(FAINTEST, float(np.quantile(dark, 0.9)) / 2)
    inked = cv2.dilate(np.asarray(dark > level, np.uint8), np.ones((2, 1), np.uint8))  # a rule may sink by a row
    long = cv2.morphologyEx(inked, cv2.MORPH_OPEN, np.ones((1, STROKE), np.uint8))
    whole = cv2.morphologyEx(long, cv2.MORPH_CLOSE, np.ones((3, GAP), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(whole, connectivity=8)
    found = []
    for label in range(1, count):
        left, top, width, height = stats[label, :4]
        if width < SHORTEST or height > max(THICK, 0.1 * width):
            continue
        part = labels[top : top + height, left : left + width] == label
        ends = (part[:, :STROKE], part[:, -STROKE:])
        rows = [float(np.nonzero(end)[0].mean()) + top + 0.5 for end in ends]
        found.append(((left, rows[0]), (left + width, rows[1])))
    return np.array(found, dtype=np.float64).reshape(-1, 2, 2) / scale
