"""Reading order on constructed layouts: the numbers of the lines are the order in which a person reads them."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchu.errors import NetchuError
from netchu.page.order import arrange, arranged
from netchu.records import KINDS, Line, Page

W, H = 1000, 1400


def line(x: float, y: float, long: float, tall: float = 20.0, rise: float = 0.0) -> Line:
    """A line of `long` pixels with its baseline from (x, y), which sinks by `rise` to its end."""
    base = ((x, y), (x + long, y + rise))
    outline = ((x, y - 0.75 * tall), (x + long, y + rise - 0.75 * tall))
    outline += ((x + long, y + rise + 0.25 * tall), (x, y + 0.25 * tall))
    return Line("", 1.0, outline, (), baseline=base)


def column(x: float, y: float, count: int, long: float = 400.0, pitch: float = 30.0, seed: int = 0) -> list[Line]:
    rng = random.Random(f"{x} {seed}")
    return [line(x, y + k * pitch, long * rng.uniform(0.93, 1.0)) for k in range(count)]


def moved(lines: Iterable[Line], map_: np.ndarray, shift: tuple[float, float] = (0.0, 0.0)) -> list[Line]:
    """Lines with their points (x, y) mapped to map_ @ (x, y) + shift."""

    def points(old: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        return tuple((float(x), float(y)) for x, y in np.array(old) @ map_.T + shift)

    return [Line(each.text, 1.0, points(each.polygon), (), baseline=points(each.baseline)) for each in lines]


def turned(lines: Iterable[Line], degrees: float) -> list[Line]:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return moved(lines, np.array([[cos, -sin], [sin, cos]]), (200.0, 200.0))


def order_of(lines: list[Line], direction: str = "ltr", seed: int = 1) -> list[int]:
    """The order found when the lines come shuffled."""
    places = list(range(len(lines)))
    random.Random(seed).shuffle(places)
    order, regions = arrange([lines[place] for place in places], W, H, direction)
    assert sorted(order) == list(range(len(lines)))
    assert [place for region in regions for place in region.lines] == list(range(len(lines)))
    return [places[place] for place in order]


def in_order(lines: list[Line], direction: str = "ltr") -> None:
    assert order_of(lines, direction) == list(range(len(lines)))


TWO = column(60, 100, 20) + column(520, 112, 18)
MARGIN = column(300, 100, 24, 600) + [line(60, y + 17 * k, 130, 14) for y in (230, 640) for k in range(4)]
CELLS = [line(x, 200 + 34 * row, long) for row in range(12) for x, long in ((60, 40), (160, 90), (330, 300), (800, 70))]


def test_no_lines_and_one_line() -> None:
    assert arrange([], W, H) == ([], [])
    order, regions = arrange([line(100, 100, 300)], W, H)
    assert order == [0] and [region.lines for region in regions] == [(0,)]


def test_two_columns_are_read_one_after_the_other() -> None:
    in_order(TWO)


def test_three_columns() -> None:
    in_order(column(40, 100, 20, 280) + column(360, 108, 20, 280) + column(680, 95, 20, 280))


@pytest.mark.parametrize("gutter", [14, 30, 90])
def test_narrow_and_wide_gutters(gutter: int) -> None:
    rng = random.Random(gutter)
    right = 460 + gutter
    left = [line(60, 100 + 30 * k, 400 * (1 if k % 5 else rng.uniform(0.3, 1))) for k in range(20)]
    in_order(left + [line(right, 109 + 30 * k, 400 * (1 if k % 7 else 0.5)) for k in range(20)])


def test_columns_on_the_same_rows() -> None:
    in_order(column(60, 100, 20) + column(520, 100, 20))


def test_heading_across_two_columns() -> None:
    over = [line(200, 60, 600, 36)]
    between = [line(250, 500, 520, 36)]
    in_order(over + column(60, 120, 11) + column(520, 120, 11) + between + column(60, 560, 10) + column(520, 560, 9))


def test_one_column_above_two() -> None:
    in_order(column(60, 100, 8, 860) + column(60, 380, 12) + column(520, 380, 12))


def test_notes_in_the_margin_are_read_after_the_text() -> None:
    in_order(MARGIN)
    order, regions = arrange(MARGIN, W, H)
    margin = [order[place] for region in regions if region.kind == "margin" for place in region.lines]
    assert margin == list(range(24, 32)) and "paragraph" in {region.kind for region in regions}


def test_tables_are_read_row_by_row() -> None:
    in_order(CELLS)
    assert [region.kind for region in arrange(CELLS, W, H)[1]] == ["table"]


def test_tables_with_empty_cells() -> None:
    rng = random.Random(3)
    in_order([cell for cell in CELLS if rng.random() < 0.7])


def test_register_with_a_date_and_a_sum_at_the_end_of_each_entry() -> None:
    lines, y = [], 150.0
    for entry in range(8):
        lines += [line(40, y, 40), line(110, y, 60), line(200, y, 110)]
        for _ in range(3 + entry % 3):
            lines.append(line(340, y, 420))
            y += 30
        lines += [line(790, y - 30, 40), line(870, y - 30, 60)]
        y += 15
    in_order(lines)


def test_words_far_apart_on_a_line() -> None:
    lines = column(60, 200, 10, 860)
    lines[3:4] = [line(60, 290, 400), line(500, 291, 400)]
    in_order([line(60, 100, 150), line(700, 103, 200), *lines])


def test_an_insertion_follows_the_line_it_stands_over() -> None:
    lines = column(60, 100, 10, 860)
    over = line(400, 100 + 5 * 30 - 14, 120, 12)
    in_order([*lines[:6], over, *lines[6:]])


def test_number_of_the_page_beside_the_first_lines() -> None:
    in_order([line(930, 112, 30), *column(60, 100, 12, 820)])


def test_two_page_spread() -> None:
    left, right = column(40, 120, 22, 400), column(560, 130, 22, 400)
    in_order([line(40, 60, 25), *left, *right])


def test_a_line_joined_across_the_gutter_by_mistake() -> None:
    lines = column(60, 100, 20) + column(520, 100, 20)
    joined = [*lines[:10], line(60, 400, 860), *lines[11:30], *lines[31:]]
    order = order_of(joined)
    assert order == list(range(len(joined)))


def test_false_and_missing_lines_leave_the_rest_in_order() -> None:
    rng = random.Random(5)
    true = [each for each in TWO if rng.random() > 0.1]
    false = [line(470, 300, 12), line(250, 415, 25), line(700, 640, 30), line(480, 500, 15)]
    order = [place for place in order_of(true + false) if place < len(true)]
    assert order == list(range(len(true)))


def test_lines_that_wander_into_the_other_column() -> None:
    lines = list(TWO)
    lines[4], lines[9] = line(60, 220, 475), line(60, 370, 480)
    in_order(lines)


@pytest.mark.parametrize("degrees", [-5, 5, 90, 180, -90])
@pytest.mark.parametrize("layout", [TWO, MARGIN, CELLS], ids=["columns", "margin", "cells"])
def test_pages_askew_or_on_their_side(layout: list[Line], degrees: float) -> None:
    in_order(turned(layout, degrees))


def test_lines_that_fan_out() -> None:
    """Each line at a slope of its own, as on a page that was photographed from the side."""
    in_order([line(60, 100 + 30 * k, 860, rise=1.2 * k - 40) for k in range(40)])


@pytest.mark.parametrize("layout", [TWO, MARGIN, CELLS], ids=["columns", "margin", "cells"])
@pytest.mark.parametrize("drawn", ["from right to left", "from left to right"])
def test_right_to_left(layout: list[Line], drawn: str) -> None:
    mirror = moved(layout, np.array([[-1.0, 0.0], [0.0, 1.0]]), (W, 0.0))
    if drawn == "from left to right":
        mirror = [Line("", 1.0, each.polygon, (), baseline=each.baseline[::-1]) for each in mirror]
    in_order(mirror, "rtl")


@pytest.mark.parametrize("baselines", [True, False])
def test_vertical_lines_are_read_from_the_right(baselines: bool) -> None:
    upright = moved(column(60, 100, 20) + column(520, 100, 20), np.array([[0.0, -1.0], [1.0, 0.0]]), (W, 0.0))
    assert upright[0].baseline[0][0] > upright[1].baseline[0][0]
    if not baselines:
        upright = [Line("", 1.0, each.polygon, ()) for each in upright]
    in_order(upright, "vertical-rl")


def test_outlines_or_baselines_alone() -> None:
    in_order([Line("", 1.0, each.polygon, ()) for each in TWO])
    in_order([Line("", 1.0, (), (), baseline=each.baseline) for each in TWO])


def test_a_note_written_upwards_in_the_margin_comes_last() -> None:
    note = moved([line(-1200, 20, 500), line(-1200, 50, 500)], np.array([[0.0, 1.0], [-1.0, 0.0]]))
    lines = column(120, 100, 30, 800) + note
    in_order(lines)
    assert arrange(lines, W, H)[1][-1].kind == "margin"


def test_an_arranged_page_has_its_lines_in_order() -> None:
    page = Page(W, H, tuple(reversed(TWO)), "a.png", number=3)
    done = arranged(page)
    assert done.lines == tuple(TWO) and (done.source, done.number) == ("a.png", 3)
    assert Page.from_json(done.to_json()) == done


@pytest.mark.parametrize("bad", ["up", "", "LTR"])
def test_unknown_direction(bad: str) -> None:
    for lines in ([], TWO):
        with pytest.raises(NetchuError, match="ltr, rtl, vertical-rl"):
            arrange(lines, W, H, bad)


@pytest.mark.parametrize(
    "bad", [Line("", 1.0, (), ()), Line("", 1.0, ((0.0, 0.0), (1.0, 1.0)), ()), line(0, float("nan"), 9)]
)
def test_lines_without_a_place(bad: Line) -> None:
    with pytest.raises(NetchuError, match=r"^lines\[2\]: "):
        arrange([*TWO[:2], bad], W, H)


def test_lines_without_extent() -> None:
    point = ((5.0, 5.0),) * 4
    lines = [
        Line("", 1.0, point, (), baseline=point[:2]),
        Line("", 1.0, point, ()),
        Line("", 1.0, (), (), baseline=point),
    ]
    for chosen in (lines[:1], lines[1:2], lines[2:], lines, [*lines, *TWO]):
        order, regions = arrange(chosen, W, H)
        assert sorted(order) == list(range(len(chosen)))
        assert sum(len(region.lines) for region in regions) == len(chosen)


def test_many_lines_are_quick() -> None:
    lines = [line(20 + 120 * x, 40 + 32 * y, 100 - y % 40) for y in range(40) for x in range(8)]
    began = time.process_time()
    arrange(lines, W, H)
    assert time.process_time() - began < 1.0  # 0.05 on an idle machine


layouts = st.lists(
    st.tuples(
        st.integers(0, 900), st.integers(20, 1390), st.integers(1, 900), st.integers(4, 60), st.integers(-80, 80)
    ).map(lambda each: line(*map(float, each))),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(layouts, st.integers(0, 9), st.sampled_from(["ltr", "rtl", "vertical-rl"]))
def test_every_line_has_one_place_whatever_the_layout(lines: list[Line], seed: int, direction: str) -> None:
    order, regions = arrange(lines, W, H, direction)
    assert sorted(order) == list(range(len(lines)))
    assert [place for region in regions for place in region.lines] == list(range(len(lines)))
    for region in regions:
        points = np.array(region.polygon)
        assert region.kind in KINDS and len(points) > 3
        assert np.isfinite(points).all() and (points >= 0).all() and (points <= (W, H)).all()
    shuffled = list(range(len(lines)))
    random.Random(seed).shuffle(shuffled)
    again, same = arrange([lines[place] for place in shuffled], W, H, direction)
    assert [lines[shuffled[place]] for place in again] == [lines[place] for place in order]
    assert same == regions


@settings(max_examples=40, deadline=None)
@given(layouts, st.sampled_from([0.25, 0.5, 2.0, 8.0]), st.integers(0, 1000), st.integers(0, 1000))
def test_scale_and_place_do_not_matter(lines: list[Line], scale: float, x: int, y: int) -> None:
    order, regions = arrange(lines, W, H)
    other = moved(lines, np.eye(2) * scale, (x, y))
    again, same = arrange(other, round(W * scale) + x, round(H * scale) + y)
    # What is the same place for both may come in either order.
    assert [lines[place] for place in again] == [lines[place] for place in order]
    assert [region.lines for region in same] == [region.lines for region in regions]


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 4), st.integers(5, 30), st.integers(0, 10_000), st.floats(-4, 4))
def test_random_columns(count: int, rows: int, seed: int, degrees: float) -> None:
    rng = random.Random(seed)
    room = 900 / count
    long, lines = room - rng.uniform(15, 40), []
    for place in range(count):
        top = 100 + rng.uniform(0, 40)
        for k in range(rows):
            lines.append(line(50 + place * room, top + k * 30, long * (1 if k % 6 else rng.uniform(0.3, 1)), 15))
    in_order(turned(lines, degrees))


def test_pairs_of_regions_are_in_reading_order() -> None:
    _, regions = arrange(list(reversed(TWO + MARGIN)), W, H)
    assert all(one.lines[-1] + 1 == other.lines[0] for one, other in pairwise(regions))
