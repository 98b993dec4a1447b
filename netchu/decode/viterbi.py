"""The best CTC path among those that spell a known text, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netchu.compiled import compiled


@compiled
def best_path(log_probs: NDArray[np.float64], labels: NDArray[np.int64]) -> tuple[Any, float]:
    """log_probs float64 (T, 1 + n) of the blank and each label -> the state of every frame int64 (T,), its log-prob.

    State 2i + 1 is label i, 2i the blank before it. Of equal paths the one that stays longest in a state wins.
    """
    frames, states = log_probs.shape[0], 2 * len(labels) + 1
    came = np.zeros((frames, states), np.uint8)  # how many states back the best way into this one began
    best = np.full(states, -np.inf)
    for state in range(min(2, states)):
        best[state] = log_probs[0, state]
    for frame in range(1, frames):
        for state in range(states - 1, -1, -1):  # downwards: those before it are still the last frame's
            value, back, label = best[state], 0, (state + 1) // 2 if state % 2 else 0
            if state > 0 and best[state - 1] > value:
                value, back = best[state - 1], 1
            if label > 1 and labels[label - 1] != labels[label - 2] and best[state - 2] > value:
                value, back = best[state - 2], 2
            best[state] = value + log_probs[frame, label]
            came[frame, state] = back
    state = states - 1
    if states > 1 and best[states - 2] >= best[states - 1]:
        state = states - 2
    log_prob = best[state]
    path = np.empty(frames, np.int64)
    for frame in range(frames - 1, -1, -1):
        path[frame] = state
        state -= came[frame, state]
    return path, log_prob
