"""The picture of a page with what was found drawn in: for a person to see at a glance what is right.

Lines are outlined in the colour of how sure their characters are on average (green, amber, red; a line without
characters is as sure as it says), numbered in reading order, their baselines blue; regions have a frame and their kind.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu.documents import sheet
from netchu.errors import NetchuError
from netchu.formats import Picture
from netchu.formats.layout import blocks, outline, region_outline
from netchu.image import open_grey
from netchu.records import Line, Page, Point

Canvas = NDArray[np.uint8]  # (h, w, 3), blue green red
SURE, DOUBTFUL = 0.9, 0.75  # mean confidences from which lines are green, amber; else red
COLOURS = ((60, 160, 0), (0, 140, 230), (40, 40, 220))
BASELINE, FRAME = (220, 120, 0), (160, 60, 140)
PALE = 0.65  # of the ink's darkness is left, so that what is drawn stands out


def write(page: Page, picture: Picture) -> bytes:
    """A page drawn into its picture, as PNG of the picture's size.

    Raises NetchuError for a picture that cannot be opened or is of another size than the page.
    """
    name = page.source or "picture"
    grey = open_grey(sheet(picture, page.number, name), name)
    if grey.shape != (page.height, page.width):
        sizes = f"{grey.shape[1]} x {grey.shape[0]} pixels, the page {page.width} x {page.height}"
        raise NetchuError(f"{name}: is {sizes}; give the picture that the page was read from")
    canvas = np.asarray(cv2.cvtColor((255 - (255 - grey) * PALE).astype(np.uint8), cv2.COLOR_GRAY2BGR), np.uint8)
    thick = max(1, round(max(grey.shape) / 900))
    for block in blocks(page):
        if block.region:
            _outline(canvas, region_outline(block, page), FRAME, thick)
            _label(canvas, region_outline(block, page), block.region.kind, FRAME, thick)
    for number, line in enumerate(page.lines, 1):
        _line(canvas, line, number, thick)
    good, data = cv2.imencode(".png", canvas)
    if not good:
        raise NetchuError(f"{name}: {page.width} x {page.height} pixels do not fit a PNG; scale it down first")
    return data.tobytes()


def _line(canvas: Canvas, line: Line, number: int, thick: int) -> None:
    sure = sum(char.confidence for char in line.chars) / len(line.chars) if line.chars else line.confidence
    colour = COLOURS[0 if sure >= SURE else 1 if sure >= DOUBTFUL else 2]
    _outline(canvas, outline(line), colour, thick)
    if len(line.baseline) > 1:
        cv2.polylines(canvas, [_pixels(line.baseline)], False, BASELINE, thick, cv2.LINE_AA)
    _label(canvas, line.baseline[:1] or outline(line), str(number), colour, thick)


def _outline(canvas: Canvas, points: tuple[Point, ...], colour: tuple[int, int, int], thick: int) -> None:
    if len(points) > 1:
        cv2.polylines(canvas, [_pixels(points)], True, colour, thick, cv2.LINE_AA)


def _label(canvas: Canvas, points: tuple[Point, ...], text: str, colour: tuple[int, int, int], thick: int) -> None:
    """Text that ends where the leftmost of the points is, on white."""
    if not points:
        return
    x, y = (round(value) for value in min(points))
    (width, height), under = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.4 * thick, thick)
    left = min(max(0, x - width - 2 * thick), max(0, canvas.shape[1] - width))
    base = min(max(height, y), canvas.shape[0] - 1)
    canvas[max(0, base - height - thick) : base + under, left : left + width] = 255
    cv2.putText(canvas, text, (left, base), cv2.FONT_HERSHEY_SIMPLEX, 0.4 * thick, colour, thick, cv2.LINE_AA)


def _pixels(points: tuple[Point, ...]) -> NDArray[np.int32]:
    return np.asarray(np.rint(np.asarray(points)), dtype=np.int32)
