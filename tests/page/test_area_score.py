"""Areas of outlines against areas known otherwise, and which lines pair."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchu.page.area_score import intersection, mostly_in, outline, pairs


def box(left, top, right, bottom):
    return outline([(left, top), (right, top), (right, bottom), (left, bottom)])


BOX = st.tuples(st.integers(0, 29), st.integers(0, 29), st.integers(1, 30), st.integers(1, 30)).map(
    lambda b: (b[0], b[1], min(b[0] + b[2], 30), min(b[1] + b[3], 30))
)


@given(BOX, BOX)
@settings(deadline=None)
def test_boxes_are_exact(one, other):
    wide = max(0, min(one[2], other[2]) - max(one[0], other[0]))
    high = max(0, min(one[3], other[3]) - max(one[1], other[1]))
    assert intersection(box(*one), box(*other)) == intersection(box(*other), box(*one)) == wide * high
    assert box(*one).area == (one[2] - one[0]) * (one[3] - one[1])


def test_areas_of_any_polygon():
    assert outline([(0, 0), (100, 0), (0, 60)]).area == pytest.approx(3000, rel=0.001)
    assert outline([(0, 0), (0, 60), (100, 0)]).area == pytest.approx(3000, rel=0.001)  # the other way round
    notch = [(0, 0), (40, 0), (40, 30), (30, 30), (30, 10), (10, 10), (10, 30), (0, 30)]  # like an n
    assert outline(notch).area == 40 * 30 - 20 * 20
    assert intersection(outline(notch), box(0, 10, 40, 30)) == 2 * 10 * 20
    twice = [(0, 0), (10, 0), (10, 10), (0, 10)] * 2  # wound twice is still inside
    assert outline(twice).area == 100
    assert outline([(0, 0), (5, 5)]).area == outline([]).area == outline([(0, 0), (5, 0), (9, 0)]).area == 0


def test_half_an_overlap_makes_a_pair():
    true = box(0, 0, 90, 20)
    assert pairs([true], [box(30, 0, 120, 20)]) == [(0, 0, pytest.approx(0.5))]  # 60 of 120
    assert pairs([true], [box(31, 0, 121, 20)]) == []
    assert pairs([true], [box(0, 0, 44, 20)]) == []  # less than half of it
    assert pairs([true], []) == pairs([], [true]) == pairs([outline([])], [true]) == []


def test_the_best_pair_goes_first_and_no_line_is_in_two():
    true = [box(0, 0, 100, 20), box(0, 30, 100, 50)]
    found = [box(0, 0, 80, 20), box(0, 31, 100, 50), box(0, 0, 99, 20)]
    assert [pair[:2] for pair in pairs(true, found)] == [(0, 2), (1, 1)]
    assert [pair[:2] for pair in pairs(true, found[::-1])] == [(0, 0), (1, 1)]


def test_what_lies_in_a_zone_but_on_no_line():
    zone, line = box(0, 0, 200, 50), box(0, 30, 200, 60)
    assert mostly_in(box(10, 5, 100, 25), [zone])
    assert mostly_in(box(10, 5, 100, 25), [zone], [line])
    assert not mostly_in(box(0, 32, 200, 50), [zone], [line])  # in the zone, but on a true line
    assert not mostly_in(box(0, 40, 200, 70), [zone])  # a third of it is inside
    assert not mostly_in(box(0, 5, 10, 25), []) and not mostly_in(outline([]), [zone])
