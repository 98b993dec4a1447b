"""Labels and boxes stay on the ink when lines are turned, made smaller and drawn anew."""

from __future__ import annotations

import numpy as np
import pytest

from netchu.data.ops import Canvas
from netchu.synth.ink import Ink
from netchu.synth.truth import canvas_of, follow_ink, inside, upright, widen


def dashes(thick: int = 2) -> Ink:
    """Nine dashes in a column, each another character, far apart."""
    mask, labels = np.zeros((200, 60), np.uint8), np.zeros((200, 60), np.uint16)
    boxes = []
    for k in range(9):
        top = 10 + 20 * k + k % 3
        mask[top : top + thick, 20:40], labels[top : top + thick, 20:40] = 255, k + 1
        boxes.append((20, top, 40, top + thick))
    return Ink(mask, np.array(boxes, np.float32), 20.0, 30.0, labels, vertical=True)


def test_a_vertical_line_is_laid_on_its_side_and_stood_up_again() -> None:
    ink = dashes()
    canvas = canvas_of(ink)
    assert canvas.shape == (60, 200) and canvas.base == 30 and canvas.boxes is not None and canvas.labels is not None
    firsts = canvas.boxes[:, :, 0].min(axis=1)
    assert (np.diff(firsts) > 0).all() and canvas.labels[:, :20].max() == 1  # what was at the top is on the left
    for k, box in enumerate(canvas.boxes, 1):
        rows, columns = np.nonzero(canvas.labels == k)
        assert (box[:, 0].min(), box[:, 0].max()) == (columns.min(), columns.max() + 1)
        assert (box[:, 1].min(), box[:, 1].max()) == (rows.min(), rows.max() + 1)
    picture, boxes, labels = upright(canvas.pixels, canvas.boxes, canvas.labels)
    assert np.array_equal(picture, ink.mask) and np.array_equal(labels, ink.labels)
    assert boxes is not None and np.array_equal(boxes[:, [0, 2]].reshape(-1, 4), ink.boxes)
    assert upright(canvas.pixels, None, None)[1:] == (None, None)


def test_without_truth_there_is_none() -> None:
    ink = dashes()
    canvas = canvas_of(Ink(ink.mask, np.zeros((0, 4), np.float32), 20.0, 30.0, None, vertical=True))
    widen(canvas)
    follow_ink(canvas)
    assert canvas.boxes is None and canvas.labels is None and inside(None, (3, 4)) is None


@pytest.mark.parametrize("part", [0.4, 0.5, 0.62, 0.8])
@pytest.mark.parametrize("thick", [1, 2])
def test_thin_strokes_keep_their_labels_in_a_smaller_picture(part: float, thick: int) -> None:
    canvas = canvas_of(dashes(thick))
    widen(canvas)
    canvas.resize(round(60 * part), round(200 * part))
    follow_ink(canvas)
    assert canvas.labels is not None and canvas.boxes is not None
    inked = canvas.pixels > 40
    assert np.array_equal(canvas.labels > 0, inked)
    assert set(np.unique(canvas.labels[inked])) == set(range(1, 10))


def test_labels_and_boxes_follow_a_pen_that_makes_strokes_wider_or_thinner() -> None:
    canvas = canvas_of(dashes())
    wide = np.zeros((60, 200), np.uint8)
    for k in range(9):
        left = 10 + 20 * k + k % 3
        wide[18:42, left - 2 : left + 4] = 255
    canvas.pixels = wide
    follow_ink(canvas)
    assert canvas.labels is not None and canvas.boxes is not None
    assert np.array_equal(canvas.labels > 0, wide > 0)
    assert np.allclose(canvas.boxes[0], [(8, 42), (8, 18), (14, 18), (14, 42)])  # from the upright top left on
    thin = np.where(np.arange(60)[:, None] < 30, wide, 0).astype(np.uint8)
    canvas.pixels = thin
    follow_ink(canvas)
    assert np.array_equal(canvas.labels > 0, thin > 0) and np.allclose(canvas.boxes[:, 0, 1], 30)


def test_boxes_lean_with_their_letters() -> None:
    canvas = canvas_of(dashes())
    lean = 0.5 * (np.arange(60, dtype=np.float32) - 30)[:, None]
    canvas.bend(across=lean)
    follow_ink(canvas)
    assert canvas.boxes is not None
    low, high, _, beside = canvas.boxes[4]  # the left side, and below
    assert low[1] - high[1] > 18 and beside[0] - low[0] < 6
    assert high[0] - low[0] == pytest.approx(0.5 * (low[1] - high[1]), abs=1.5)


def test_what_has_no_ink_keeps_its_box() -> None:
    boxes = np.array([[(1, 1), (4, 1), (4, 4), (1, 4)]] * 2, np.float32)
    canvas = Canvas(np.zeros((9, 9), np.uint8), boxes.copy(), np.zeros((9, 9), np.uint16))
    follow_ink(canvas)
    assert np.array_equal(canvas.boxes, boxes)


def test_boxes_end_where_the_picture_does() -> None:
    boxes = np.array([[(-3, 2), (5, -1), (12, 8), (1, 9)]], np.float32)
    assert inside(boxes, (6, 10)).tolist() == [[[0, 2], [5, 0], [10, 6], [1, 6]]]  # type: ignore[union-attr]
