"""Other pictures of the same line: what a network that read each of them a little differently can be asked about."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from netchu.errors import NetchuError
from netchu.image import Grey

View = Callable[[Grey], Grey]  # a line picture (h, w) -> another of the same height


def plain(line: Grey) -> Grey:
    """As it is."""
    return line


def wide(line: Grey) -> Grey:
    """A quarter wider."""
    rows, columns = line.shape
    return cv2.resize(line, (round(1.25 * columns), rows), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]


def narrow(line: Grey) -> Grey:
    """A tenth narrower."""
    rows, columns = line.shape
    size = (max(1, round(0.9 * columns)), rows)
    return cv2.resize(line, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def upright(line: Grey) -> Grey:
    """Leaning an eighth less to the right."""
    return _shear(line, -0.12)


def leaning(line: Grey) -> Grey:
    """Leaning an eighth more to the right."""
    return _shear(line, 0.12)


def _shear(line: Grey, slope: float) -> Grey:
    rows, columns = line.shape
    room = abs(slope) * rows / 2
    # dark strokes lean to the right when upper rows are moved to the right
    matrix = np.array([[1.0, -slope, room + slope * rows / 2], [0.0, 1.0, 0.0]])
    size = (round(columns + 2 * room), rows)
    return cv2.warpAffine(line, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[return-value]


# In the order of what they add to those before: on real lines the second view takes a tenth of the character errors
# away, all others together a few hundredths more. Thicker, thinner, paler and shifted pictures add next to nothing.
VIEWS: tuple[View, ...] = (plain, wide, leaning, narrow, upright)


def views(count: int) -> tuple[View, ...]:
    """The first `count` views, the plain one first. Raises NetchuError when there are not so many."""
    if not 1 <= count <= len(VIEWS):
        raise NetchuError(f"views={count}: must be 1 to {len(VIEWS)}; 1 is the picture as it is")
    return VIEWS[:count]
