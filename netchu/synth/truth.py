"""Where the characters of a drawn line are: kept right while ink is turned, moved and redrawn."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu.data.ops import Canvas, Quads
from netchu.image import Grey
from netchu.synth.glyphs import SOLID
from netchu.synth.ink import Ink, Mask

Labels = NDArray[np.uint16]  # (h, w): number of the character whose ink it is, from 1; 0 none
_SQUARE = np.ones((3, 3), np.uint8)
_GROWN = 5  # pixels by which a pen makes strokes wider at most


def canvas_of(ink: Ink) -> Canvas:
    """The canvas to work on ink; a vertical line is turned against the clock, so that it runs from left to right."""
    boxes = _corners(ink) if ink.labels is not None else None
    if not ink.vertical:
        return Canvas(ink.mask, boxes, ink.labels, unit=ink.unit, base=ink.base)
    width = ink.mask.shape[1]
    if boxes is not None:
        boxes = np.stack([boxes[..., 1], width - boxes[..., 0]], axis=-1)
    labels = None if ink.labels is None else np.ascontiguousarray(np.rot90(ink.labels))
    return Canvas(np.ascontiguousarray(np.rot90(ink.mask)), boxes, labels, unit=ink.unit, base=width - ink.base)


def upright(picture: Grey, boxes: Quads | None, labels: Labels | None) -> tuple[Grey, Quads | None, Labels | None]:
    """A picture of a line that lies on its side, and its truth, turned back."""
    if boxes is not None:
        boxes = np.stack([picture.shape[0] - boxes[..., 1], boxes[..., 0]], axis=-1)
    return np.rot90(picture, -1), boxes, None if labels is None else np.ascontiguousarray(np.rot90(labels, -1))


def follow_ink(canvas: Canvas) -> None:
    """Let labels and boxes follow strokes that a pen made wider or thinner."""
    mask = canvas.settle(0)
    if canvas.labels is None or canvas.boxes is None:
        return
    canvas.labels = _spread(canvas.labels, mask)
    canvas.boxes = _fitted(canvas.boxes, canvas.labels)


def widen(canvas: Canvas) -> None:
    """Let labels reach a pixel beyond the ink, so that thin strokes keep theirs in a smaller picture."""
    if canvas.labels is not None:
        labels = canvas.labels
        canvas.labels = np.where(labels == 0, cv2.dilate(labels, _SQUARE), labels).astype(np.uint16)


def inside(boxes: Quads | None, shape: tuple[int, ...]) -> Quads | None:
    """Boxes that end where the picture (rows, columns) does: the empty corner of a slanted letter may lie beyond."""
    return None if boxes is None else np.clip(boxes, 0, np.array([shape[1], shape[0]], np.float32))


def _corners(ink: Ink) -> Quads:
    """(n, 4) boxes as (n, 4, 2) corners."""
    left, top, right, bottom = ink.boxes.T
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return np.stack([np.stack(corner, axis=-1) for corner in corners], axis=1).astype(np.float32)


def _spread(labels: Labels, mask: Mask) -> Labels:
    """Labels on all ink and on nothing else; ink that has none takes its neighbour's."""
    solid = mask > SOLID
    for _ in range(_GROWN):
        bare = solid & (labels == 0)
        if not bare.any():
            break
        labels = np.where(bare, cv2.dilate(labels, _SQUARE), labels).astype(np.uint16)
    return np.where(solid, labels, 0).astype(np.uint16)


def _fitted(boxes: Quads, labels: Labels) -> Quads:
    """Boxes drawn tight round their characters' pixels, their sides still in the directions that slanting gave them."""
    rows, columns = np.nonzero(labels)
    of = labels[rows, columns].astype(np.int64) - 1
    order = np.argsort(of, kind="stable")
    of, points = of[order], np.stack([columns[order], rows[order]], axis=-1) + 0.5
    first = np.flatnonzero(np.diff(of, prepend=-1))
    found = of[first]
    if not len(found):
        return boxes
    middle = boxes.mean(axis=1, dtype=np.float64)
    a, b, c, d = boxes.astype(np.float64).transpose(1, 0, 2)
    sides = np.stack([b - a + c - d, d - a + c - b], axis=-1) / 2  # columns: along the line and down
    sides[np.abs(np.linalg.det(sides)) < 1.0] = np.eye(2)
    back = np.linalg.inv(sides)
    at = np.einsum("nij,nj->ni", back[of], points - middle[of])
    half = np.abs(back[found]).sum(axis=2) / 2  # of a pixel
    low, high = np.minimum.reduceat(at, first) - half, np.maximum.reduceat(at, first) + half
    spans = np.stack([low, np.stack([high[:, 0], low[:, 1]], -1), high, np.stack([low[:, 0], high[:, 1]], -1)], axis=1)
    fitted: Quads = boxes.copy()
    fitted[found] = middle[found, None] + np.einsum("nij,nkj->nki", sides[found], spans)
    return fitted
