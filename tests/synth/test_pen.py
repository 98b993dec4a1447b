"""Hand and pen: strokes move and are never cut, grow as wide as the pen, and none gets lost."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from netchu.data.ops import Canvas, Mix
from netchu.synth.drawer import crop
from netchu.synth.hand import Hand, habit
from netchu.synth.ink import Style
from netchu.synth.pen import broken, hand_ops, redraw, room
from netchu.synth.truth import follow_ink

EM = 40


def block(rows: int = 60, columns: int = 400) -> Canvas:
    """Letters that fill their line from corner to corner; every fifth column another one."""
    mask = np.zeros((rows + 4, columns + 4), np.uint8)
    mask[2:-2, 2:-2] = 255
    labels = np.zeros(mask.shape, np.uint16)
    labels[2:-2, 2:-2] = np.arange(columns) // 40 + 1
    left = 2 + 40 * np.arange(columns // 40)
    boxes = np.stack([left, 0 * left + 2, left + 40, 0 * left + rows + 2], axis=-1).astype(np.float32)
    return Canvas(mask, boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2), labels, unit=0.45 * EM, base=50.0)


def moved(hand: Hand, seed: int, strength: float = 1.0, written: bool = False) -> Canvas:
    canvas = block()
    down, across = room(hand, canvas.shape[0], EM, strength, written)
    crop(canvas, down, across)
    moves = [each for each in hand_ops(hand, 1.0, written) if each.group == "shape"]
    for each in moves:
        each(canvas, np.random.default_rng([seed, len(canvas.done)]), strength)
    canvas.settle(0)
    return canvas


FAR = [Hand.of(Style(3, writer)) for writer in range(40)] + [
    Hand(slant, 0.2, 0.2, 0.3, 0.0, 0.0, 0.06, (0.0, 0.0), 0.0, 0.0, 0.0, 1.7, True) for slant in (-0.5, 0.5)
]


@pytest.mark.parametrize("strength", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("written", [False, True])
def test_nothing_is_cut_however_far_it_moves(strength: float, written: bool) -> None:
    for seed, hand in enumerate(FAR):
        canvas = moved(hand, seed, strength, written)
        pixels = canvas.pixels
        edge = max(pixels[0].max(), pixels[-1].max(), pixels[:, 0].max(), pixels[:, -1].max())
        assert edge == 0, (seed, hand)
        assert canvas.labels is not None and len(np.unique(canvas.labels)) == 11
        assert canvas.boxes is not None and (canvas.boxes >= 0).all()


def test_the_same_writer_moves_alike_and_another_does_not() -> None:
    one, again, other = moved(FAR[3], 1), moved(FAR[3], 1), moved(FAR[4], 1)
    assert np.array_equal(one.pixels, again.pixels)
    assert one.pixels.shape != other.pixels.shape or not np.array_equal(one.pixels, other.pixels)


def test_ink_from_a_hand_is_moved_less_and_keeps_its_strokes() -> None:
    written = {each.name for each in hand_ops(FAR[0], 1.0, written=True)}
    assert {each.name for each in hand_ops(FAR[0], 1.0)} - written == {"nib"}
    assert room(FAR[-1], 60, EM, 1.0, written=True) < room(FAR[-1], 60, EM, 1.0)


def test_boxes_and_labels_follow_the_ink() -> None:
    for seed in range(10):
        canvas = moved(FAR[seed], seed)
        follow_ink(canvas)
        assert canvas.labels is not None and canvas.boxes is not None
        assert ((canvas.labels > 0) == (canvas.pixels > 40)).all()
        for number, box in enumerate(canvas.boxes, 1):
            points = np.argwhere(canvas.labels == number)[:, ::-1] + 0.5
            away = [cv2.pointPolygonTest(box.reshape(-1, 1, 2), (float(x), float(y)), True) for x, y in points[::37]]
            assert min(away) > -2, (seed, number)


@pytest.mark.parametrize("ball", [True, False])
@pytest.mark.parametrize("width", [1.2, 2.0, 3.5])
def test_strokes_become_as_wide_as_the_pen(ball: bool, width: float) -> None:
    mask = np.zeros((60, 200), np.uint8)
    cv2.line(mask, (20, 30), (180, 30), 255, 5)
    drawn = redraw(mask, width, ball)
    across = drawn[:, 60:140].astype(float).sum(axis=0) / 255
    assert abs(across.mean() - width) < (0.7 if ball else 2.5)
    assert drawn[:, 60:140].max(axis=0).min() > 128


@pytest.mark.parametrize("ball", [True, False])
@pytest.mark.parametrize("size", [1, 2, 3, 5, 9])
def test_no_dot_gets_lost_under_the_pen(ball: bool, size: int) -> None:
    mask = np.zeros((40, 240), np.uint8)
    for k in range(5):
        mask[10 + k : 10 + k + size, 20 + 40 * k : 20 + 40 * k + size] = 255
    for width in (1.2, 1.8, 3.0):
        assert cv2.connectedComponents((redraw(mask, width, ball) > 60).astype(np.uint8))[0] == 6


@pytest.mark.parametrize("ball", [True, False])
def test_strokes_too_thin_to_cover_a_pixel_are_kept(ball: bool) -> None:
    mask = np.zeros((40, 100), np.uint8)
    mask[20:22, 20:80] = 90
    cv2.circle(mask, (60, 8), 4, 255, -1)
    drawn = redraw(mask, 1.8, ball)
    assert drawn[19:23, 25:75].max(axis=0).min() > 128


def test_marks_thinner_than_the_letter_are_not_eaten() -> None:
    mask = np.zeros((80, 200), np.uint8)
    cv2.line(mask, (20, 60), (180, 60), 255, 15)
    cv2.line(mask, (60, 20), (70, 28), 255, 5)
    for ball in (True, False):
        drawn = redraw(mask, 1.8, ball)
        assert (drawn[15:35] > 128).sum() >= 18, ball
        assert (drawn[50:70] > 128).sum() < 0.75 * (mask[50:70] > 128).sum()
        assert cv2.connectedComponents((drawn > 60).astype(np.uint8))[0] == 3, "specks"


def test_ink_of_a_brush_is_left_as_it_is() -> None:
    mask = np.zeros((60, 200), np.uint8)
    cv2.line(mask, (20, 30), (180, 30), 255, 15)
    assert redraw(mask, 1.8, True, 8.0) is mask and redraw(mask, 1.8, True, 20.0) is not mask


def test_no_ink_stays_no_ink() -> None:
    empty = np.zeros((20, 30), np.uint8)
    assert not redraw(empty, 2.0, True).any()


def test_broken_ink_is_faint_but_never_gone() -> None:
    for seed in range(20):
        canvas = block()
        before = canvas.pixels.copy()
        broken(canvas, np.random.default_rng(seed), 1.0)
        assert (canvas.pixels[before > 0] >= 80).all() and not canvas.pixels[before == 0].any()
        assert (canvas.pixels < 0.6 * before).any()


def test_the_nib_leaves_room_for_what_it_adds() -> None:
    thick = Hand(0.0, 0.0, 0.0, 0.3, 0.0, 0.0, 0.0, (0.0, 0.0), 0.0, 0.0, 0.0, 3.4, False)
    canvas = block()
    Mix([each for each in hand_ops(thick, 2.0) if each.name == "nib"])(canvas, np.random.default_rng(0), 1.0, "ink")
    pixels = canvas.pixels
    assert [name for name, _ in canvas.done] == ["nib"]
    assert not (pixels[0].any() or pixels[-1].any() or pixels[:, 0].any() or pixels[:, -1].any())


def test_habits_lie_round_one() -> None:
    rng = np.random.default_rng(0)
    drawn = [habit(rng, 0.2) for _ in range(2000)]
    assert 0.5 <= min(drawn) < 0.6 and 1.4 < max(drawn) <= 1.5 and abs(np.mean(drawn) - 1) < 0.03


def test_hands_differ_and_a_share_of_none_is_print() -> None:
    hands = {Hand.of(Style(0, writer)).slant for writer in range(50)}
    assert len(hands) == 50 and -0.3 <= min(hands) < -0.05 and 0.2 < max(hands) <= 0.5
    still = Hand.of(Style(0, 1), share=0.0)
    assert not any((still.slant, still.wander, still.size, still.letters, still.warp, *still.marks, still.loose))
    assert still.mixed == 0
    assert still.space == 0.28
