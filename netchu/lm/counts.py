"""How often every n-gram occurs, level by level, by sorting: no dictionary, so that tens of megabytes take seconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netchu.lm.symbols import SPECIALS, START

Index = NDArray[np.int32]
CHUNK = 1 << 22  # positions sorted at a time; what is kept of them is one entry per distinct n-gram


@dataclass(frozen=True)
class Counts:
    """The n-grams of one order, sorted by (parent, label); parents and suffixes are rows of the order below.

    Row i is the n-gram `parents[i]` followed by `labels[i]`; `suffixes[i]` is the same without its first symbol. The
    1-grams are one row per label, seen or not.
    """

    parents: Index
    labels: Index
    suffixes: Index
    counts: NDArray[np.int64]


def count(stream: Index, vocabulary: int, order: int) -> list[Counts]:
    """Labels as `encode` gives them, and how many the vocabulary has -> counts of orders 1 to `order`.

    An n-gram lies within one line: START can only be its first symbol, END only its last.
    """
    width = vocabulary + SPECIALS
    none = np.zeros(width, np.int32)
    levels = [Counts(none, np.arange(width, dtype=np.int32), none, np.bincount(stream, minlength=width))]
    rows = stream
    for _ in range(1, order):
        level, rows = _longer(rows, stream, vocabulary + START, width)
        if not len(level.labels):
            break
        levels.append(level)
    return levels


def _longer(rows: Index, stream: Index, start: int, width: int) -> tuple[Counts, Index]:
    """`rows[t]` is the n-gram that ends at t (-1: none) -> the (n + 1)-grams, and the same of them.

    What follows END is START, so that refusing START as the last symbol keeps n-grams within their line.
    """
    found = np.full(len(stream), -1, np.int32)
    keys, counts, suffixes = [], [], []
    spans = [(begin, min(begin + CHUNK, len(stream))) for begin in range(1, len(stream), CHUNK)]
    for begin, end in spans:
        at = begin + np.flatnonzero((rows[begin - 1 : end - 1] >= 0) & (stream[begin:end] != start))
        key, inverse, times = np.unique(
            rows[at - 1].astype(np.int64) * width + stream[at], return_inverse=True, return_counts=True
        )
        found[at] = inverse
        suffix = np.zeros(len(key), np.int32)
        suffix[inverse] = rows[at]  # the same wherever the n-gram stands
        keys.append(key)
        counts.append(times)
        suffixes.append(suffix)
    if not keys:
        empty = np.zeros(0, np.int32)
        return Counts(empty, empty, empty, np.zeros(0, np.int64)), found
    merged, row_of = np.unique(np.concatenate(keys), return_inverse=True)
    total = np.bincount(row_of, np.concatenate(counts), minlength=len(merged)).astype(np.int64)
    below = np.zeros(len(merged), np.int32)
    below[row_of] = np.concatenate(suffixes)
    used = 0
    for (begin, end), key in zip(spans, keys):
        part = found[begin:end]  # a view: what the span called its k-th n-gram gets its row among them all
        known = part >= 0
        part[known] = row_of[used : used + len(key)][part[known]]
        used += len(key)
    parents, labels = np.divmod(merged, width)
    return Counts(parents.astype(np.int32), labels.astype(np.int32), below, total), found
