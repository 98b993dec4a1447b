"""Forced alignment against every alignment there is, on small cases."""

import itertools
import time

import numpy as np
import pytest

from netchu.decode.align import align
from netchu.errors import NetchuError


def enumerate_best(log_probs: np.ndarray, classes: list[int]) -> float:
    """Log-probability of the best path, by trying all of them."""
    frames, width = log_probs.shape
    best = -np.inf
    for path in itertools.product(range(width), repeat=frames):
        merged = [state for state, _ in itertools.groupby(path) if state]
        if merged == classes:
            best = max(best, float(log_probs[np.arange(frames), path].sum()))
    return best


def draw(seed: int, frames: int, width: int) -> np.ndarray:
    logits = np.random.default_rng(seed).normal(0, 2, (frames, width))
    return logits - np.log(np.exp(logits).sum(1, keepdims=True))


@pytest.mark.parametrize("classes", [[], [1], [1, 2], [2, 2], [1, 2, 1], [1, 1, 2], [3, 3, 3]])
@pytest.mark.parametrize("seed", range(4))
def test_finds_the_best_of_all_paths(classes: list[int], seed: int) -> None:
    log_probs = draw(seed, 6, 4)
    found = align(log_probs, classes)
    assert found.log_prob == pytest.approx(enumerate_best(log_probs, classes))
    # the spans are that path: labels in them, blanks elsewhere
    path = np.zeros(6, dtype=int)
    for (start, end), label in zip(found.spans, classes):
        assert start < end and not path[start:end].any()
        path[start:end] = label
    assert log_probs[np.arange(6), path].sum() == pytest.approx(found.log_prob)
    assert [state for state, _ in itertools.groupby(path) if state] == classes
    for peak, (start, end), label in zip(found.peaks, found.spans, classes):
        assert peak == log_probs[start:end, label].max()


def test_labels_are_found_where_they_peak() -> None:
    logits = np.zeros((12, 5))
    logits[:, 0] = 4
    for frame, label in ((2, 3), (3, 3), (6, 3), (10, 1)):
        logits[frame, label] = 9
    log_probs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    assert align(log_probs, [3, 3, 1]).spans.tolist() == [[2, 4], [6, 7], [10, 11]]


def test_exactly_enough_frames() -> None:
    assert align(draw(0, 4, 4), [1, 2, 2]).spans.tolist() == [[0, 1], [1, 2], [3, 4]]
    with pytest.raises(NetchuError, match="needs 4 frames and the line has 3"):
        align(draw(0, 3, 4), [1, 2, 2])


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="not the blank"):
        align(draw(0, 4, 4), [1, 0])
    with pytest.raises(ValueError, match="in 1..3"):
        align(draw(0, 4, 4), [4])
    impossible = draw(0, 4, 4)
    impossible[:, 2] = -np.inf
    with pytest.raises(NetchuError, match="impossible"):
        align(impossible, [2])
    assert align(draw(0, 0, 4)[:0], []).spans.shape == (0, 2)


def test_fast_enough_for_a_whole_set() -> None:
    log_probs = draw(1, 250, 300)
    classes = np.random.default_rng(2).integers(1, 300, 60).tolist()
    align(log_probs, classes)
    start = time.process_time()
    for _ in range(5):
        align(log_probs, classes)
    assert (time.process_time() - start) / 5 < 0.05  # about 3 ms; ten times that for slow machines
