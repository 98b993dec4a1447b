"""Where the characters of a known text stand in a line: the best CTC path among those that spell it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netchu.decode.reading import BLANK
from netchu.errors import NetchuError


@dataclass(frozen=True)
class Alignment:
    """Frames of each label, and how likely the path and each label on it are."""

    spans: NDArray[np.int64]  # (n, 2): first frame and one past the last frame of each label
    peaks: NDArray[np.float64]  # (n,): highest log-probability of the label within its span
    log_prob: float  # of the whole path


def align(log_probs: NDArray[np.floating[Any]], classes: Sequence[int]) -> Alignment:
    """log_probs (T, C) of one line and the classes of its text, without blanks -> the most likely alignment.

    Viterbi over the labels with a blank before, between and after them; a blank between two labels may be skipped
    unless the labels are equal (Graves et al. 2006, sections 3.1 and 4.1). Of equal paths the one that stays longest in
    a state wins. Raises NetchuError when the text needs more frames than there are or is impossible, ValueError for
    classes that `log_probs` does not have or that are blanks.
    """
    frames, width = log_probs.shape
    labels = np.asarray(classes, dtype=np.int64)
    count = len(labels)
    if count and (labels.min() < 0 or labels.max() >= width or (labels == BLANK).any()):
        raise ValueError(f"classes must be in 1..{width - 1} and not the blank, class {BLANK}")
    needed = count + int((labels[1:] == labels[:-1]).sum())
    if needed > frames:
        raise NetchuError(f"the text needs {needed} frames and the line has {frames}; check that they belong together")
    if not frames:
        return Alignment(np.zeros((0, 2), np.int64), np.zeros(0), 0.0)
    states = np.full(2 * count + 1, BLANK, dtype=np.int64)
    states[1::2] = labels
    skip = np.zeros(len(states), dtype=bool)
    skip[3::2] = labels[1:] != labels[:-1]
    path, log_prob = _viterbi(log_probs[:, states].astype(np.float64), skip)
    if not np.isfinite(log_prob):
        raise NetchuError("the text is impossible under the given probabilities; check that they belong together")
    # a path stays in or leaves a state, never returns to it: states are sorted, and each label's are a run
    odd = np.arange(1, len(states), 2)
    spans = np.stack([np.searchsorted(path, odd, "left"), np.searchsorted(path, odd, "right")], axis=1)
    seen = np.where(path % 2 == 1, log_probs[np.arange(frames), states[path]], -np.inf)  # blanks count for no label
    peaks = np.maximum.reduceat(seen, spans[:, 0]) if count else np.zeros(0)
    return Alignment(spans, np.asarray(peaks, np.float64), log_prob)


def _viterbi(emitted: NDArray[np.float64], skip: NDArray[np.bool_]) -> tuple[NDArray[np.int64], float]:
    """Log-probabilities (T, S) of the states by frame, and whether a state can be entered from two before it.

    Returns the state of each frame (T,) and the log-probability of the path.
    """
    frames, count = emitted.shape
    came = np.zeros((frames, count), dtype=np.uint8)  # how many states back the best way into this one began
    best = np.full(count + 2, -np.inf)  # two states in front that nothing comes from
    best[2:4] = emitted[0, :2]
    barred = np.where(skip, 0.0, -np.inf)
    ways = np.empty((3, count))
    index = np.arange(count)
    for frame in range(1, frames):
        ways[0] = best[2:]
        ways[1] = best[1:-1]
        np.add(best[:-2], barred, out=ways[2])
        chosen = ways.argmax(axis=0)
        came[frame] = chosen
        best[2:] = ways[chosen, index] + emitted[frame]
    ends = best[2:][-2:]
    state = count - len(ends) + int(ends.argmax())
    log_prob = float(best[2 + state])
    path = np.empty(frames, dtype=np.int64)
    for frame in range(frames - 1, -1, -1):
        path[frame] = state
        state -= int(came[frame, state])
    return path, log_prob
