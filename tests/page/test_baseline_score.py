"""The baseline measure: cases counted by hand, and what must hold of any lines."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchu.page.baseline_score import coverage, page_rates, spread, tolerances

COLUMN = [[(10, y), (500, y)] for y in (100, 200, 300, 400)]  # 100 pixels apart: a tolerance of 25
POINT = st.tuples(st.integers(0, 900), st.integers(0, 900))
LINES = st.lists(st.lists(POINT, min_size=2, max_size=4), min_size=1, max_size=6)


def rates(truth, found):
    return page_rates(coverage(truth, found))


def moved(lines, right, down):
    return [[(x + right, y + down) for x, y in line] for line in lines]


def test_points_lie_about_five_pixels_apart():
    line = spread([(0, 0), (500, 0)])
    assert len(line) == 101 and line[0].tolist() == [0, 0] and line[-1].tolist() == [500, 0]
    assert np.diff(line[:, 0]).tolist() == [5] * 100
    assert len(spread([(0, 0), (60, 0)])) == 20  # 61 pixels: 13 points would do, but 20 is the least
    assert spread([(0, 0), (3, 1), (3, 1)]).tolist() == [[0, 0], [1, 0], [2, 1], [3, 1]]  # short: every pixel
    assert spread([(7.5, 2.4), (7.5, 2.4)]).tolist() == [[8, 2]]  # halves go up
    assert np.abs(np.diff(spread([(0, 0), (100, 40), (90, 300)]), axis=0)).max() <= 6


def test_tolerance_is_a_quarter_of_the_distance_to_the_nearest_line():
    assert tolerances([spread(line) for line in COLUMN]).tolist() == [25.0] * 4
    uneven = [[(0, y), (300, y)] for y in (0, 40, 200)]  # distances 40, 40, 160; their mean is 80
    assert tolerances([spread(line) for line in uneven]).tolist() == [10.0, 10.0, 20.0]


def test_tolerance_of_lines_without_a_neighbour():
    alone = [[(0, 0), (300, 0)]]
    assert tolerances([spread(line) for line in alone]).tolist() == [62.5]  # a quarter of 250
    after = [*alone, [(305, 5), (600, 5)]]  # follows on the same row: no neighbour, near as it is
    assert tolerances([spread(line) for line in after]).tolist() == [62.5, 62.5]
    far = [[(0, y), (300, y)] for y in (0, 40, 600)]  # the third has none within 250: the mean of the others
    assert tolerances([spread(line) for line in far]).tolist() == [10.0, 10.0, 10.0]


def test_tolerance_is_measured_across_the_line():
    tall = [[(x, 0), (x, 400)] for x in (0, 60)]
    assert tolerances([spread(line) for line in tall]) == pytest.approx([15, 15])
    askew = [[(0, y), (400, y + 400)] for y in (0, 100)]  # 100 below, but 70.7 away
    assert tolerances([spread(line) for line in askew]) == pytest.approx([100 / 2**0.5 / 4] * 2, rel=0.02)


def test_the_same_lines_in_any_order_are_right():
    assert rates(COLUMN, COLUMN) == (1.0, 1.0)
    assert rates(COLUMN, COLUMN[::-1]) == (1.0, 1.0)
    assert rates(COLUMN, [line[::-1] for line in COLUMN]) == (1.0, 1.0)  # the measure does not ask for a direction


@pytest.mark.parametrize(("down", "share"), [(25, 1.0), (30, 0.9), (50, 0.5), (70, 0.1), (75, 0.0), (90, 0.0)])
def test_a_line_beside_the_truth_counts_less_from_one_to_three_tolerances(down, share):
    two = COLUMN[:2]  # the tolerance is 25; only the first is found, moved up so that the second is out of reach
    assert rates(two, moved(two[:1], 0, -down)) == pytest.approx((share / 2, share))


def test_distances_are_sums_of_both_axes():
    """20 right and 20 down is 40 away: (75 - 40) / 50 for a single pixel, though it is 28 as the crow flies."""
    truth = [[(100, 100), (101, 100)], [(100, 200), (101, 200)]]
    found = [[(120, 120), (120, 120)]]
    assert coverage(truth, found).precision == pytest.approx([(75 - 39) / 50])


def test_a_split_line_is_found_but_half_of_what_was_found_is_false():
    halves = [[(10, 100), (255, 100)], [(255, 100), (500, 100)]]
    assert rates(COLUMN, [*halves, *COLUMN[1:]]) == (1.0, pytest.approx(4 / 5))


def test_merged_lines_are_found_but_only_one_of_them_pairs():
    """Two columns of 200 pixels, found as one line across the gap of 40: of its points the left half pairs."""
    truth = [[(0, y), (200, y)] for y in (0, 100)] + [[(240, y), (440, y)] for y in (0, 100)]
    found = [[(0, y), (440, y)] for y in (0, 100)]
    recall, precision = rates(truth, found)
    assert recall == 1.0
    # 89 points 5 apart: 0 to 225 within the tolerance of 25 (46), then 9 that fade: (75 - d) / 50 for d = 30 to 70.
    assert precision == pytest.approx((46 + sum((75 - d) / 50 for d in range(30, 75, 5))) / 89)


def test_extra_and_missing_lines():
    extra = [[(10, 600), (500, 600)]]
    assert rates(COLUMN, COLUMN + extra) == (1.0, pytest.approx(4 / 5))
    assert rates(COLUMN, COLUMN[:3]) == (pytest.approx(3 / 4), 1.0)
    assert rates(COLUMN, [*COLUMN, COLUMN[0]]) == (1.0, pytest.approx(4 / 5))  # found twice


def test_pages_without_lines():
    assert rates([], []) == (1.0, 1.0)
    assert rates([], COLUMN) == (1.0, 0.0)
    assert rates(COLUMN, []) == (0.0, 1.0)
    assert rates(COLUMN, [()]) == (0.0, 0.0)  # a line without a baseline is a wrong one


@settings(deadline=None, max_examples=40)
@given(LINES, LINES)
def test_shares_are_shares_and_nobody_beats_the_truth(truth, found):
    covered = coverage(truth, found)
    assert all(((side >= 0) & (side <= 1)).all() for side in covered)
    assert coverage(truth, truth).recall.min() == 1
    assert coverage(truth, truth + found).recall.min() == 1
    assert (tolerances([spread(line) for line in truth]) > 0).all()
