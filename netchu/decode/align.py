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
    from netchu.decode.viterbi import best_path  # here, so that Numba is asked for by those alone who align

    emitted = log_probs[:, np.concatenate([[BLANK], labels])].astype(np.float64)
    path, log_prob = best_path(emitted, labels)
    if not np.isfinite(log_prob):
        raise NetchuError("the text is impossible under the given probabilities; check that they belong together")
    # a path stays in or leaves a state, never returns to it: states are sorted, and each label's are a run
    odd = np.arange(1, 2 * count + 1, 2)
    spans = np.stack([np.searchsorted(path, odd, "left"), np.searchsorted(path, odd, "right")], axis=1)
    seen = emitted[np.arange(frames), (path + 1) // 2]
    seen[path % 2 == 0] = -np.inf  # blanks count for no label
    peaks = np.maximum.reduceat(seen, spans[:, 0]) if count else np.zeros(0)
    return Alignment(spans, peaks, float(log_prob))
