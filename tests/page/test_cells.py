"""Tables whose cells hold several lines: read cell by cell where the page says so, row by row where it does not."""

from __future__ import annotations

import random

import cv2
import numpy as np
import pytest
from test_order import CELLS, H, W, column, in_order, line, order_of, turned

from netchu.page.order import arrange
from netchu.page.rules import level_rules
from netchu.records import Line

Depths = list[tuple[int, ...]]
DEEP: Depths = [(1, 3, 1, 1), (1, 1, 4, 1), (1, 2, 2, 0), (1, 4, 1, 1), (1, 1, 3, 1), (1, 3, 2, 1)]
PLACES = ((60, 50), (150, 320), (500, 300), (840, 80))  # left end and width of the columns
PITCH = 30


def table(depths: Depths, gap: float = 0.0, low: bool = False, full: float = 1.0, seed: int = 1) -> list[Line]:
    """Cells of so many lines, row by row and cell by cell, at the top of their row or, `low`, at its foot. All lines
    but a cell's last are long; `full`: as long as this of the column, at least.
    """
    rng, lines, y = random.Random(seed), [], 150.0
    for row in depths:
        for (x, width), count in zip(PLACES, row):
            first = y + (max(row) - count) * PITCH * low
            for k in range(count):
                share = rng.uniform(0.3, 0.9) if k == count - 1 else rng.uniform(min(full, 0.85), full)
                lines.append(line(x, first + k * PITCH, width * (share if count > 1 else 0.8)))
        y += max(row) * PITCH + gap
    return lines


def ruled(depths: Depths, gap: float, upright: bool = True) -> np.ndarray:
    """The page of such a table with rules between its rows, and between its columns."""
    picture = np.full((H, W), 210, np.uint8)
    y = 150.0 - 0.8 * PITCH - gap / 2
    for row in [*depths, (0,)]:
        cv2.line(picture, (40, round(y)), (940, round(y + 3)), 120, 2)
        y += max(row) * PITCH + gap
    if upright:
        for x in (40, 130, 485, 820, 940):
            cv2.line(picture, (x, 120), (x, round(y)), 120, 2)
    return picture


def cells(lines: list[Line], picture: np.ndarray | None = None) -> list[tuple[tuple[int, int], ...]]:
    """Cells of each table among lines in their order, which must be the one they are read in."""
    order, regions = arrange(lines, W, H, picture=picture)
    assert order == list(range(len(lines)))
    return [region.cells for region in regions if region.kind == "table"]


def expected(depths: Depths) -> tuple[tuple[int, int], ...]:
    return tuple((r, c) for r, row in enumerate(depths) for c, count in enumerate(row) for _ in range(count))


@pytest.mark.parametrize("gap", [0.0, 15.0])
def test_entries_of_the_first_column_start_rows_of_cells(gap: float) -> None:
    lines = table(DEEP, gap)
    in_order(lines)
    assert cells(lines) == [expected(DEEP)]


@pytest.mark.parametrize("degrees", [-4, 4, 90])
def test_cells_on_a_page_askew(degrees: float) -> None:
    in_order(turned(table(DEEP, 8), degrees))


def test_the_last_lines_of_the_last_row_belong_to_it() -> None:
    depths = [*DEEP, (1, 5, 1, 1)]
    lines = table(depths)
    assert cells(lines) == [expected(depths)]
    in_order([*lines, *column(60, 150 + 30 * sum(map(max, depths)) + 60, 5, 860)])


def test_a_sum_beside_the_last_line_of_an_entry_is_in_its_row() -> None:
    lines, wanted, y = [], [], 150.0
    for row, count in enumerate((3, 5, 2, 4, 3)):
        found = [line(60, y, 45)] + [line(150, y + k * PITCH, 310 - 60 * (k == count - 1)) for k in range(count)]
        found += [line(500, y + k * PITCH, 290 - 50 * k) for k in range(2)] + [line(850, y + (count - 1) * PITCH, 60)]
        lines += found
        wanted += [(row, 0), *[(row, 1)] * count, (row, 2), (row, 2), (row, 3)]
        y += count * PITCH
    assert cells(lines) == [tuple(wanted)]


@pytest.mark.parametrize("low", [False, True])
def test_rules_part_rows_whatever_stands_in_them(low: bool) -> None:
    depths = [(3, 2, 1, 1), (2, 2, 4, 2), (1, 2, 2, 1), (2, 3, 1, 1), (1, 1, 2, 1)]
    lines = table(depths, 12, low, 0.6)
    assert cells(lines, ruled(depths, 12)) == [expected(depths)]
    assert order_of(lines) != list(range(len(lines)))  # without the picture nothing tells


def test_upright_rules_part_columns_that_lines_reach_over() -> None:
    lines, wanted, y = [], [], 150.0
    for row, count in enumerate((3, 4, 2, 4, 3, 3)):
        wide = 345 if row % 2 else 300
        found = [line(60, y, 45), *[line(150, y + k * PITCH, wide) for k in range(2)]]
        found += [line(490, y + k * PITCH, 320) for k in range(count)] + [line(850, y, 60)]
        lines, y = lines + found, y + count * PITCH
        wanted += [(row, 0), (row, 1), (row, 1), *[(row, 2)] * count, (row, 3)]
    picture = np.full((H, W), 210, np.uint8)
    for x in (40, 130, 480, 820, 940):
        cv2.line(picture, (x, 110), (x, round(y)), 110, 2)
    assert cells(lines, picture) == [tuple(wanted)]


def test_rules_under_each_line_leave_a_register_as_it_is() -> None:
    picture = np.full((H, W), 210, np.uint8)
    for row in range(13):
        cv2.line(picture, (40, 175 + 34 * row), (940, 175 + 34 * row), 120, 2)
    assert cells(CELLS, picture) == [expected([(1, 1, 1, 1)] * 12)]


@pytest.mark.parametrize(("gap", "shortest"), [(0.0, 60), (20.0, 60), (20.0, 115)])
@pytest.mark.parametrize("last", [50, 120])
def test_a_register_with_dates_on_some_rows_is_read_row_by_row(gap: float, shortest: int, last: int) -> None:
    """As where a day's entries stand together, its date beside the first: no cells, though dates start them."""
    rng, lines, y = random.Random(7), [], 150.0
    for count in (3, 1, 4, 2, 3, 5, 2):
        for k in range(count):
            date = [line(60, y, 50)] if k == 0 else []
            lines += [*date, *(line(x, y, rng.uniform(shortest, 125)) for x in (150, 400)), line(600, y, last)]
            y += PITCH
        y += gap
    in_order(lines)


def test_sections_between_rules_are_no_cells() -> None:
    """A heading, rows of one line, a sum: rules part these, and the rows between stay rows."""
    picture = np.full((H, W), 210, np.uint8)
    for row in (1, 11):
        cv2.line(picture, (40, 175 + 34 * row), (940, 175 + 34 * row), 100, 2)
    assert cells(CELLS, picture) == [expected([(1, 1, 1, 1)] * 12)]


def test_prose_in_columns_with_notes_beside_it_is_no_table() -> None:
    notes = [line(20, 100 + 30 * k, 60, 14) for k in (0, 6, 11, 17)]
    text = column(110, 100, 24, 400) + column(540, 100, 24, 400)
    assert "table" not in {region.kind for region in arrange(notes + text, W, H)[1]}
    order = [place for place in order_of(notes + text) if place >= len(notes)]
    assert order == list(range(len(notes), len(notes) + len(text)))


def test_rules_are_found_where_they_are() -> None:
    picture = np.full((900, 700), 190, np.uint8)
    cv2.line(picture, (50, 300), (640, 310), 90, 2)  # sinks a little
    cv2.line(picture, (50, 600), (640, 600), 170, 1)  # faint
    cv2.rectangle(picture, (100, 400), (500, 440), 40, -1)  # no thin stroke
    cv2.line(picture, (30, 50), (30, 800), 40, 2)  # upright
    for x in range(80, 600, 22):  # letters
        cv2.line(picture, (x, 500), (x + 14, 500), 40, 3)
    found = sorted(level_rules(picture).tolist(), key=lambda ends: ends[0][1])
    assert np.array(found) == pytest.approx(np.array([[(50, 300), (640, 310)], [(50, 600), (640, 600)]]), abs=5)


def test_rules_of_large_pictures_are_told_in_their_pixels() -> None:
    picture = np.full((3000, 2400), 190, np.uint8)
    cv2.line(picture, (300, 1500), (2000, 1500), 60, 6)
    assert level_rules(picture) == pytest.approx(np.array([[(300, 1500), (2000, 1500)]]), abs=12)
    assert level_rules(np.full((40, 1), 190, np.uint8)).shape == (0, 2, 2)
