"""Greedy decoding against counting: every path of a small table, and the definition of collapsing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchu.decode.ctc import greedy


def collapse(path: tuple[int, ...]) -> tuple[int, ...]:
    """Graves' map B: repeats merged, then blanks dropped."""
    return tuple(label for label, _ in itertools.groupby(path) if label)


def logits_of(path: list[int], classes: int = 4, sure: float = 5.0) -> np.ndarray:
    logits = np.zeros((len(path), classes), np.float32)
    logits[np.arange(len(path)), path] = sure
    return logits


@pytest.mark.parametrize(
    ("path", "classes", "starts", "ends"),
    [
        ([], (), (), ()),
        ([0], (), (), ()),
        ([0, 0, 0], (), (), ()),
        ([1], (1,), (0,), (1,)),
        ([1, 1, 1], (1,), (0,), (3,)),
        ([1, 0, 1], (1, 1), (0, 2), (1, 3)),
        ([0, 1, 1, 2, 0, 0, 2, 2, 3], (1, 2, 2, 3), (1, 3, 6, 8), (3, 4, 8, 9)),
        ([3, 2, 1, 0], (3, 2, 1), (0, 1, 2), (1, 2, 3)),
    ],
)
def test_repeats_merge_and_blanks_drop(
    path: list[int], classes: tuple[int, ...], starts: tuple[int, ...], ends: tuple[int, ...]
) -> None:
    read = greedy(logits_of(path), len(path))
    assert (read.classes, read.starts, read.ends) == (classes, starts, ends)
    assert len(read.confidences) == len(classes)


def test_frames_beyond_the_length_are_not_read() -> None:
    assert greedy(logits_of([1, 0, 2, 3]), 2).classes == (1,)
    assert greedy(logits_of([1, 0, 2, 3]), 0).classes == ()


@pytest.mark.parametrize("seed", range(20))
def test_it_is_the_likeliest_of_all_paths(seed: int) -> None:
    logits = np.random.default_rng(seed).normal(0, 2, (5, 3))
    paths = itertools.product(range(3), repeat=5)
    likeliest = max(paths, key=lambda path: sum(logits[frame, label] for frame, label in enumerate(path)))
    assert greedy(logits, 5).classes == collapse(likeliest)


tables = st.integers(0, 12).flatmap(
    lambda frames: st.integers(2, 5).flatmap(
        lambda classes: st.lists(
            st.lists(st.floats(-80, 80, width=32), min_size=classes, max_size=classes),
            min_size=frames,
            max_size=frames,
        ).map(lambda rows: np.array(rows, np.float32).reshape(frames, classes))
    )
)


@settings(max_examples=150, deadline=None)
@given(tables, st.floats(0.2, 5))
def test_it_is_the_collapsed_argmax_with_honest_confidences(logits: np.ndarray, temperature: float) -> None:
    read = greedy(logits, len(logits), temperature)
    best = tuple(logits.argmax(1).tolist()) if len(logits) else ()
    assert read.classes == collapse(best)
    scaled = logits.astype(np.float64) / temperature
    shares = np.exp(scaled - scaled.max(1, keepdims=True, initial=-1e9))
    shares /= shares.sum(1, keepdims=True)
    for label, start, end, sure in zip(read.classes, read.starts, read.ends, read.confidences, strict=True):
        assert 0 < sure <= 1
        assert set(best[start:end]) == {label}
        assert best[start - 1 : start] != (label,)
        assert best[end : end + 1] != (label,)
        assert sure == pytest.approx(shares[start:end, label].max(), rel=1e-4)


def test_a_higher_temperature_is_less_sure() -> None:
    logits = logits_of([1, 0, 2], sure=3.0)
    cold, warm = (greedy(logits, 3, temperature).confidences for temperature in (1.0, 2.0))
    assert all(one > other for one, other in zip(cold, warm))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_frames_that_are_not_numbers_are_passed_over(bad: float) -> None:
    logits = logits_of([1, 2, 2, 3])
    logits[1] = bad
    logits[2, 0] = bad if bad != -np.inf else 0
    read = greedy(logits, 4)
    assert read.note == f"{1 if bad == -np.inf else 2} of 4 frames are not numbers and were passed over"
    assert set(read.classes) <= {1, 2, 3} and all(0 < sure <= 1 for sure in read.confidences)
    assert greedy(np.full((3, 4), bad, np.float32), 3).classes == ()
