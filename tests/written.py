"""A line of plain letters as ink, and on paper, for the tests of what comes after writing."""

import numpy as np

from netchu.data.ops import Canvas
from netchu.synth.sheet import Sheet, lay

SHEET = Sheet("plain", 225.0, 60.0, 3.0, False)


def written(letters: int = 12, rows: int = 40) -> Canvas:
    """Letters of one upright stroke with a crossbar, two pixels thick, words of four; boxes and labels."""
    pixels = np.zeros((rows, letters * 20 + 40), np.uint8)
    labels = np.zeros(pixels.shape, np.uint16)
    boxes = []
    for k in range(letters):
        left = 8 + k * 18 + k // 4 * 14
        view = np.zeros_like(pixels)
        view[6 : rows - 6, left + 5 : left + 7] = 255
        view[rows // 2 : rows // 2 + 2, left : left + 12] = 255
        pixels |= view
        labels[view > 0] = k + 1
        boxes.append([[left, 6], [left + 12, 6], [left + 12, rows - 6], [left, rows - 6]])
    return Canvas(pixels, np.array(boxes, np.float32), labels, unit=14.0, base=rows - 8.0)


def laid(seed: int = 0, sheet: Sheet = SHEET) -> Canvas:
    canvas = written()
    lay(canvas, 64, np.random.default_rng(seed), sheet)
    return canvas


def contrast(canvas: Canvas) -> float:
    """Greys between the letters' middles and their surroundings, on the average of the letters."""
    assert canvas.labels is not None and canvas.boxes is not None
    apart = []
    for k, box in enumerate(canvas.boxes):
        left, top, right, bottom = (int(v) for v in (*box.min(axis=0), *box.max(axis=0)))
        grey, own = canvas.pixels[top:bottom, left:right], canvas.labels[top:bottom, left:right] == k + 1
        apart.append(float(grey[own].mean()) - float(np.median(grey[~own])))
    return float(np.mean(apart))
