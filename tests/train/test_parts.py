"""The timetable: every line at its time, shares as asked for, and nothing that depends on anything but arithmetic."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchu.train.config import TrainConfig
from netchu.train.parts import FIRST, Drawing, Part, run_timetable, timetable


def flat(table: list[list[Part]]) -> list[Part]:
    return [part for parts in table for part in parts]


def test_without_drawn_lines_an_epoch_is_one_pass() -> None:
    table = timetable(7, 3000.4, 3000.4, None, 2048)
    assert [[part.passes for part in parts] for parts in table] == [[(float(e), e + 1.0)] for e in range(7)]
    assert [part.number for part in flat(table)] == list(range(7))
    assert not any(part.uses for part in flat(table))


@settings(max_examples=80, deadline=None)
@given(
    st.integers(1, 6), st.integers(1, 9000), st.sampled_from([0.0, 100.0, 3000.4]), st.floats(0, 1), st.floats(0, 1),
    st.floats(0, 1), st.integers(1, 5),
)  # fmt: skip
def test_parts_make_up_the_run(
    epochs: int, lines: int, a_pass: float, start: float, end: float, until: float, reuse: int
) -> None:
    drawing = Drawing(*((start, end) if a_pass else (1.0, 1.0)), until, reuse)
    parts = flat(timetable(epochs, lines, a_pass, drawing, 2048))
    assert [part.number for part in parts] == list(range(len(parts)))
    assert parts[0].begin == 0.0
    assert parts[-1].end == pytest.approx(1.0)
    for part, other in itertools.pairwise(parts):
        assert part.end == pytest.approx(other.begin)
        assert part.passes[1] == other.passes[0]
        assert part.drawn[0] <= other.drawn[0] and part.drawn[1] <= other.drawn[1]  # what is given up stays so
    assert sum(part.size for part in parts) == epochs * lines
    real = parts[-1].passes[1] * a_pass
    uses = sum(part.uses for part in parts)
    assert real + uses == pytest.approx(epochs * lines, abs=1)
    assert all(len(part.order()) == part.uses for part in parts)
    assert parts[-1].drawn[1] == -(-uses // reuse)


def test_a_run_begins_with_small_parts_and_goes_on_with_equal_ones() -> None:
    table = timetable(2, 10_000, 0.0, Drawing(1.0, 1.0, 1.0), 2048)
    sizes = [part.size for part in table[0]]
    assert sizes[:3] == [FIRST, 2 * FIRST, 4 * FIRST]
    assert len(sizes) == 8
    assert set(sizes[3:]) <= {1641, 1642}
    assert [part.size for part in table[1]] == [2000] * 5


@pytest.mark.parametrize("reuse", [1, 2, 3])
def test_each_drawn_line_is_used_so_often(reuse: int) -> None:
    parts = flat(timetable(4, 6000, 0.0, Drawing(1.0, 1.0, 1.0, reuse), 2048))
    uses = Counter(line for part in parts for line in part.order())
    assert set(uses) == set(range(-(-24_000 // reuse)))
    settled = [uses[line] for line in range(4000 // reuse, 16_000 // reuse)]
    assert abs(sum(settled) / len(settled) - reuse) < 0.1
    late = parts[-3]  # no line twice in a part, once there are enough
    assert len(set(late.order())) == late.uses


def test_the_share_falls_in_a_straight_line() -> None:
    drawing = Drawing(0.8, 0.2, 0.5)
    assert [round(drawing.share(at), 3) for at in (0, 0.25, 0.5, 0.75, 1)] == [0.8, 0.5, 0.2, 0.2, 0.2]
    assert Drawing(0.8, 0.2, 0.0).share(0.0) == 0.2
    table = timetable(40, 2000, 500.0, drawing, 2048)
    drawn = [sum(part.uses for part in parts) for parts in table]
    assert drawn[0] == pytest.approx(1600, rel=0.02)
    assert drawn[10] == pytest.approx(1000, abs=2)
    assert drawn[-1] == pytest.approx(400, abs=1)


def test_what_the_options_leave_open() -> None:
    config = TrainConfig()
    alone = run_timetable(config, 0.0, True)
    assert sum(part.size for part in alone[0]) == 10_000
    assert all(part.uses == part.size for part in flat(alone))
    both = run_timetable(config, 3000.0, True)
    assert sum(part.size for part in both[0]) == 3000
    assert sum(part.uses for part in both[0]) == pytest.approx(1500, rel=0.05)
    assert len(run_timetable(config, 3000.0, False)) == 40  # 120,000 line passes
    assert len(run_timetable(TrainConfig(epoch_lines=6000), 3000.0, True)) == 20
    assert flat(run_timetable(TrainConfig(epoch_lines=6000, epochs=1), 3000.0, False))[0].passes == (0.0, 2.0)


def test_a_large_batch_gets_larger_parts() -> None:
    small, large = (
        run_timetable(TrainConfig(epoch_lines=100_000, epochs=2, batch_columns=columns), 0.0, True)
        for columns in (14_336, 200_000)
    )
    assert max(part.size for part in small[1]) <= 2048 < max(part.size for part in large[1]) <= 12_500
