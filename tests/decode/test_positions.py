"""Boxes against where the ink was put."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchu.decode.positions import find_boxes, find_ink, stand_up

FRAME = 4.0
# left, top, right, bottom of four letters in a picture of 40 rows and 160 columns; a wide gap before the last
LETTERS = [(10, 12, 24, 30), (30, 6, 44, 30), (50, 12, 58, 38), (120, 12, 140, 30)]


def paper(value: int = 230) -> np.ndarray:
    return np.full((40, 160), value, np.uint8)


def drawn(boxes: list[tuple[int, int, int, int]] = LETTERS, ink: int = 40, ground: int = 230) -> np.ndarray:
    """Letters as hollow boxes."""
    picture = paper(ground)
    for left, top, right, bottom in boxes:
        picture[top:bottom, left:right] = ink
        picture[top + 3 : bottom - 3, left + 3 : right - 3] = ground
    return picture


def spans(boxes: list[tuple[int, int, int, int]]) -> tuple[list[int], list[int]]:
    """A frame in the middle of each."""
    starts = [int((left + right) / 2 / FRAME) for left, _, right, _ in boxes]
    return starts, [start + 1 for start in starts]


def near(found: list[tuple[float, ...]], wanted: list[tuple[float, ...]], by: float = 1.0) -> bool:
    return bool(np.abs(np.array(found) - np.array(wanted)).max() <= by)


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize(("ink", "ground"), [(40, 230), (220, 30)])
def test_letters_are_boxed_on_their_ink(size: int, ink: int, ground: int) -> None:
    picture = drawn(ink=ink, ground=ground).repeat(size, 0).repeat(size, 1)
    found = find_boxes(picture, *spans(LETTERS), FRAME * size, [False] * 4)
    assert near(found, [tuple(size * edge for edge in box) for box in LETTERS], 2 * size)


@pytest.mark.parametrize("early", [0.0, 1.0, 2.0])
def test_a_network_that_tells_early_is_seen_through(early: float) -> None:
    letters = [(left, 10, left + 12, 30) for left in range(12, 150, 18)]
    starts = [(left + 6) / FRAME - 0.5 - early for left, *_ in letters]
    found = find_boxes(drawn(letters), starts, [start + 1 for start in starts], FRAME, [False] * len(letters))  # type: ignore[arg-type]
    assert near(found, letters)


def test_white_space_gets_the_gap() -> None:
    starts, ends = spans([*LETTERS[:3], (80, 0, 90, 40), LETTERS[3]])
    blank = [False, False, False, True, False]
    found = find_boxes(drawn(), starts, ends, FRAME, blank)
    assert near([found[3]], [(58, 0, 120, 40)])
    assert near([*found[:3], found[4]], LETTERS)


def test_joined_letters_are_cut_where_they_are_thinnest() -> None:
    picture = drawn(LETTERS[:2])
    picture[20:22, 20:34] = 40  # a stroke from one to the other
    (_, _, right, _), (left, _, _, _) = find_boxes(picture, *spans(LETTERS[:2]), FRAME, [False] * 2)
    assert 24 <= right <= 31 and right - 1 <= left <= right + 1


def test_a_stroke_that_hangs_over_stays_with_its_letter() -> None:
    picture = drawn(LETTERS[:2])
    picture[2:4, 10:40] = 40  # a bar of the first letter over the second
    picture[2:12, 10:12] = 40
    first, second = find_boxes(picture, *spans(LETTERS[:2]), FRAME, [False] * 2)
    assert near([first], [(10, 2, 40, 30)]) and near([second], [LETTERS[1]])


def test_ruled_lines_and_specks_are_no_ink() -> None:
    picture = drawn()
    picture[34, :] = 90
    picture[3, 70] = 20
    assert near(find_boxes(picture, *spans(LETTERS), FRAME, [False] * 4)[:2], LETTERS[:2])
    assert not find_ink(picture)[3, 70] and not find_ink(picture)[34, 80]


def test_text_to_the_left_comes_in_its_order() -> None:
    starts, ends = spans(LETTERS)
    right = find_boxes(drawn(), starts, ends, FRAME, [False] * 4)
    assert find_boxes(drawn(), starts[::-1], ends[::-1], FRAME, [False] * 4) == right[::-1]


def test_a_vertical_line_stands_up_again() -> None:
    standing = np.ascontiguousarray(np.rot90(drawn(), -1))  # top down
    lying = np.ascontiguousarray(np.rot90(standing))
    found = [stand_up(box, standing.shape[1]) for box in find_boxes(lying, *spans(LETTERS), FRAME, [False] * 4)]
    wanted = [(40 - bottom, left, 40 - top, right) for left, top, right, bottom in LETTERS]
    assert near(found, wanted)
    left, top, right, bottom = wanted[0]
    assert standing[top:bottom, left:right].min() == 40 and standing[top, left] == 40


def test_without_ink_boxes_reach_half_way() -> None:
    found = find_boxes(paper(), [4, 14], [6, 16], FRAME, [False, False])
    assert found[0][0] == 0 and found[1][2] == 160 and found[0][2] == found[1][0] == pytest.approx(40, abs=1)
    assert {(box[1], box[3]) for box in found} == {(0.0, 40.0)}
    assert find_boxes(paper(), [], [], FRAME, []) == []


def test_a_letter_whose_ink_its_neighbours_have_is_as_high_as_they_are() -> None:
    letters = [(12, 10, 30, 30), (48, 14, 72, 34)]
    _, between, _ = find_boxes(drawn(letters), [4, 9, 14], [5, 10, 15], FRAME, [False] * 3)
    assert (between[1], between[3]) == (pytest.approx(10, abs=1), pytest.approx(34, abs=1))


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_any_picture_gives_boxes_inside_it(data: st.DataObject) -> None:
    rows, columns = data.draw(st.integers(1, 90)), data.draw(st.integers(1, 120))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    picture = rng.integers(0, 256, (rows, columns)).astype(np.uint8)
    starts = sorted(data.draw(st.lists(st.integers(0, 40), max_size=12)))
    blank = [data.draw(st.booleans()) for _ in starts]
    found = find_boxes(picture, starts, [start + 1 for start in starts], columns / 30, blank)
    assert len(found) == len(starts)
    for left, top, right, bottom in found:
        assert 0 <= left <= right <= columns and 0 <= top <= bottom <= rows
