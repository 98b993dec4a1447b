"""Training-time augmentation: what another pen, hand, sheet or camera would have done to the same line.

Nothing here flips, erases or moves ink so far that a tone mark could be lost: vertical shifts stay under a tenth of the
height, the elastic field is smoother than a letter, and thickening is one pixel at the source's own resolution.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from netchu.image import Grey


def augment(line: Grey, height: int, width: int, rng: Generator, strength: float = 1.0) -> Grey:
    """A line picture (h, w) -> a varied one (height, width). strength 0 only scales; 1 is the default mix."""
    line = _pen(line, rng, strength)
    line = _warp(line, height, width, rng, strength)
    return _light(line, rng, strength)


def _pen(line: Grey, rng: Generator, strength: float) -> Grey:
    """One pixel more or less of ink, whichever way its polarity is; or a soft focus."""
    choice = rng.random()
    if choice < 0.15 * strength:
        return cv2.erode(line, _CROSS)  # type: ignore[return-value]
    if choice < 0.25 * strength:
        thick = cv2.dilate(line, _CROSS)
        return cv2.addWeighted(line, 0.5, thick, 0.5, 0)  # type: ignore[return-value]
    if choice < 0.40 * strength:
        return cv2.GaussianBlur(line, (0, 0), float(rng.uniform(0.4, 1.3)))  # type: ignore[return-value]
    return line


_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=np.uint8)


def _warp(line: Grey, height: int, width: int, rng: Generator, strength: float) -> Grey:
    """Scale, slant, rotation, shift and a smooth elastic field in a single resampling."""
    rows, columns = line.shape
    tall = float(np.exp(rng.normal(-0.02, 0.08) * strength))
    slant = float(rng.normal(0.0, 0.18) * strength)
    turn = float(rng.normal(0.0, 0.006) * strength)
    steepest = 0.2 * rows / columns  # the ends of a line may rise or sink by a tenth of its height
    turn = min(steepest, max(-steepest, turn))
    shift = float(rng.uniform(-0.08, 0.08) * strength) * rows
    # target pixel centre (x, y) -> source: x scaled and slanted about the middle row, y scaled about it and turned
    to_x, to_y = columns / width, rows / height
    x = (np.arange(width, dtype=np.float32) + 0.5) * to_x - 0.5
    y = ((np.arange(height, dtype=np.float32) + 0.5) * to_y - rows / 2) / tall
    field_x, field_y = _elastic(height, width, rows, rng, strength)
    map_x = x[None, :] + slant * y[:, None] + field_x
    map_y = (y[:, None] + rows / 2 - 0.5 + shift) + turn * (x[None, :] - columns / 2) + field_y
    if to_y > 1.6:  # far smaller than its source: blur first, or thin strokes alias away
        line = cv2.GaussianBlur(line, (0, 0), 0.35 * to_y)  # type: ignore[assignment]
    return cv2.remap(line, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[return-value]


def _elastic(height: int, width: int, rows: int, rng: Generator, strength: float) -> tuple[Grey, Grey]:
    """Two smooth displacement fields (height, width) in source pixels: knots about a line height apart."""
    knots = max(2, width // height + 2)
    size = 0.022 * rows * strength
    fields = []
    for reach in (1.6, 1.0):  # sideways further than up and down
        grid = rng.normal(0.0, size * reach, (3, knots)).astype(np.float32)
        fields.append(cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC))
    return fields[0], fields[1]  # type: ignore[return-value]


def _light(line: Grey, rng: Generator, strength: float) -> Grey:
    """Contrast, brightness, a shade across the sheet, grain, and sometimes light ink on a dark ground."""
    grey = line.astype(np.float32)
    rows, columns = line.shape
    if rng.random() < 0.5 * strength:
        middle = float(grey.mean())
        grey = (grey - middle) * float(rng.uniform(0.5, 1.3)) + middle + float(rng.uniform(-25, 15))
    if rng.random() < 0.3 * strength:
        corners = rng.uniform(-25, 25, (2, max(2, columns // (6 * rows) + 2))).astype(np.float32)
        grey = grey + cv2.resize(corners, (columns, rows), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.25 * strength:
        grey = grey + rng.standard_normal(line.shape, dtype=np.float32) * float(rng.uniform(2, 9))
    if rng.random() < 0.03 * strength:
        grey = 255.0 - grey
    return np.clip(grey, 0, 255).astype(np.uint8)
