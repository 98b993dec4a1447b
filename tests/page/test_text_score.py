"""Edits of pages with order, without, and in place, against every way there is to pair lines."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from netchu.metrics import Counts, count
from netchu.page.text_score import assign, in_place, ordered, unordered

SIZE = st.integers(1, 5)
TEXTS = st.lists(st.text("ab ", max_size=4), max_size=4)


@given(SIZE, SIZE, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_assignment_is_the_cheapest_of_all(rows, columns, random):
    cost = np.array([[random.randint(-9, 9) for _ in range(columns)] for _ in range(rows)])
    pairs = assign(cost)
    assert len(pairs) == min(rows, columns) == len({i for i, _ in pairs}) == len({j for _, j in pairs})
    tall = cost if rows <= columns else cost.T
    best = min(sum(tall[i, j] for i, j in enumerate(p)) for p in permutations(range(tall.shape[1]), tall.shape[0]))
    assert sum(cost[pair] for pair in pairs) == best


@given(TEXTS, TEXTS)
@settings(deadline=None)
def test_unordered_is_the_least_over_all_pairings(truth, found):
    """Lines padded with empty ones, so that each permutation is one way to pair or leave alone."""
    padded = [truth + [""] * len(found), found + [""] * len(truth)]
    least = (
        min((sum(count(a, b).edits for a, b in zip(padded[0], order)) for order in permutations(padded[1])), default=0)
        if len(padded[0]) <= 6
        else None
    )
    result = unordered(truth, found)
    assert least is None or result.edits == least
    assert result.units == sum(map(len, truth)) == result.hits + result.substitutions + result.deletions
    assert result == unordered(truth, found[::-1]) or result.edits == unordered(truth, found[::-1]).edits


def test_order_costs_only_where_it_counts():
    truth, swapped = ["first line", "second"], ["second", "first line"]
    assert unordered(truth, swapped) == Counts(units=16, hits=16)
    assert ordered(truth, swapped).edits > 0
    assert ordered(truth, truth) == Counts(units=17, hits=17)  # the space between two lines is a character


def test_lines_too_many_missing_and_split():
    assert unordered(["abc"], ["abc", "xy"]) == Counts(units=3, insertions=2, hits=3)
    assert unordered(["abc", "xy"], ["abc"]) == Counts(units=5, deletions=2, hits=3)
    assert unordered(["abcdef"], ["abc", "def"]) == Counts(units=6, deletions=3, insertions=3, hits=3)
    assert ordered(["abc def"], ["abc", "def"]).edits == 0
    assert ordered([], ["ab"]) == Counts(insertions=2) == unordered([], ["ab"])
    assert ordered(["", "a"], ["a", ""]) == Counts(units=1, hits=1)


def test_in_place_takes_the_pairs_it_is_given():
    assert in_place(["ab", "cd"], ["cd", "ab"], [(0, 0)]) == Counts(units=4, substitutions=2, deletions=2, insertions=2)
