"""How sure each character of the best reading is, from how many of the others agree with it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netchu.compiled import compiled

LEAST = 1e-3  # alternatives with less probability are nobody's concern


def agree(
    readings: NDArray[np.int32], lengths: NDArray[np.int64], scores: NDArray[np.float64]
) -> tuple[tuple[float, ...], tuple[tuple[tuple[int, float], ...], ...]]:
    """readings int32 (n, T) of given lengths, best first, with log scores -> confidences and alternatives of the first.

    The readings share all probability by their scores. Each is aligned with the first by edit distance; those that
    have another class where the first has a character make its alternatives, those that have none there lower its
    confidence too.
    """
    near = scores >= scores[0] + math.log(LEAST / len(scores))  # together, the others would not make one alternative
    weights = np.exp(scores[near] - scores[0])
    weights /= weights.sum()
    facing = _facing(readings[near], lengths[near])
    own = readings[0, : lengths[0]]
    sure = np.minimum(1.0, weights @ (facing == own))
    alternatives = [
        () if certain > 1 - LEAST else _others(column, weights, letter)
        for column, letter, certain in zip(facing.T, own, sure)
    ]
    return tuple(sure.tolist()), tuple(alternatives)


def _others(column: NDArray[np.int32], weights: NDArray[np.float64], own: int) -> tuple[tuple[int, float], ...]:
    """The classes in a column that are none of `own` and none, likeliest first."""
    classes, places = np.unique(column, return_inverse=True)
    shares = zip(classes.tolist(), np.bincount(places, weights).tolist())
    found = [(label, share) for label, share in shares if label not in (0, own) and share >= LEAST]
    return tuple(sorted(found, key=lambda other: (-other[1], other[0])))


@compiled
def _facing(readings: Any, lengths: Any) -> Any:
    """(n, length of the first) int32: the class of each reading that faces each character of the first; 0: none."""
    count, columns = len(lengths), lengths[0]
    facing = np.zeros((count, columns), np.int32)
    costs = np.zeros((columns + 1, readings.shape[1] + 1), np.int32)
    first = readings[0]
    for index in range(count):
        other, length = readings[index], lengths[index]
        for i in range(columns + 1):
            for j in range(length + 1):
                if i == 0 or j == 0:
                    costs[i, j] = i + j
                    continue
                change = costs[i - 1, j - 1] + (first[i - 1] != other[j - 1])
                costs[i, j] = min(change, costs[i - 1, j] + 1, costs[i, j - 1] + 1)
        i, j = columns, length
        while i > 0 and j > 0:
            if costs[i, j] == costs[i - 1, j - 1] + (first[i - 1] != other[j - 1]):
                i, j = i - 1, j - 1
                facing[index, i] = other[j]
            elif costs[i, j] == costs[i - 1, j] + 1:
                i -= 1
            else:
                j -= 1
    return facing
