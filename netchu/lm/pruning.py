"""Making a model small: the n-grams go whose loss changes the model least."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from netchu.errors import NetchuError
from netchu.lm.counts import Counts
from netchu.lm.table import Floats, Table, unexplained

ARC_BYTES, STATE_BYTES = 8, 12  # what an n-gram and a context take in a file: see automaton.build
_PASSES = 4


def cut_rare(table: Table, levels: Sequence[Counts], least: Sequence[int]) -> Table:
    """Drop the n-grams of order n that occur `least[n - 1]` times or less; the last number goes for longer ones too.

    Nothing is cut of the 1-grams. Raises NetchuError when a number is below the one before it: an n-gram cannot stay
    without the shorter ones in it.
    """
    cuts = [0, *least[1:]]
    if list(cuts) != sorted(cuts) or any(cut < 0 for cut in least):
        raise NetchuError(f"count cut-offs {','.join(map(str, least))}: each must be at least the one before it")
    masks = [np.ones(len(table.grams[0]), np.bool_)]
    for n, level in enumerate(levels[1:], start=1):
        masks.append(level.counts > cuts[min(n, len(cuts) - 1)])
    return table.keep(masks)


def prune(table: Table, threshold: float = 0.0, size: int | None = None) -> Table:
    """Drop the n-grams whose loss costs at most `threshold` (nats per symbol of text), or as many as `size` bytes need.

    The cost is the relative entropy between the model with and without the n-gram (Stolcke 1998), with contexts
    weighted by how often they occur in the text: Kneser-Ney's lower orders are no estimate of that. With a size it is
    reached in a few steps, the costs reckoned anew at each, as they grow when the shorter n-grams go too.
    """
    if size is None:
        return _above(table, _costs(table), threshold) if threshold > 0 else table
    start = bytes_of(table)
    for step in range(1, _PASSES + 1):
        wanted = int(start * (size / start) ** (step / _PASSES)) if start > size else start
        if bytes_of(table) > wanted:
            costs = _costs(table)
            table = _above(table, costs, _threshold(table, costs, wanted))
    return table


def bytes_of(table: Table) -> int:
    """What the model's n-grams and contexts take in a file, less its vocabulary and header."""
    arcs = states = 0
    for n, level in enumerate(table.grams):
        arcs += int((level.labels != table.end).sum()) if n else len(table.vocabulary)
        states += len(np.unique(level.parents[level.labels != table.end])) if n else 1
    return ARC_BYTES * arcs + STATE_BYTES * states


def _costs(table: Table) -> list[Floats]:
    """What the loss of each n-gram and of all that need it costs: the highest among them; 1-grams are never lost.

    Ends of lines take no room of their own in a file and are not asked for: they stay as long as their context does.
    """
    costs = [np.full(len(table.grams[0]), np.inf)]
    for shorter, level in zip(table.grams, table.grams[1:]):
        left, free = (each[level.parents] for each in unexplained(shorter, level))
        own, lower = level.probs, np.maximum(shorter.probs[level.suffixes], 1e-300)
        back = np.log((left + own) / (free + lower))  # the context's back-off weight without this n-gram
        change = own * (np.log(lower) + back - np.log(own)) + left * (back - np.log(left / free))
        cost = -shorter.masses[level.parents] * change
        costs.append(np.where(level.labels == table.end, -np.inf, cost))
    for n in range(len(costs) - 1, 1, -1):
        np.maximum.at(costs[n - 1], table.grams[n].parents, costs[n])
        np.maximum.at(costs[n - 1], table.grams[n].suffixes, costs[n])
    return costs


def _threshold(table: Table, costs: Sequence[Floats], size: int) -> float:
    """The lowest cost above which n-grams may stay in `size` bytes."""
    arcs, states = [], []
    for level, shorter, cost in zip(table.grams[1:], table.grams, costs[1:]):
        arcs.append(cost[level.labels != table.end])
        dearest = np.full(len(shorter), -np.inf)
        np.maximum.at(dearest, level.parents, cost)
        states.append(dearest[np.isfinite(dearest)])
    every = np.sort(np.concatenate(arcs)) if arcs else np.zeros(0)
    contexts = np.sort(np.concatenate(states)) if states else np.zeros(0)
    fixed = ARC_BYTES * len(table.vocabulary) + STATE_BYTES
    low, high = 0, len(every)  # the first n-gram that may stay
    while low < high:
        middle = (low + high) // 2
        staying = len(contexts) - int(np.searchsorted(contexts, every[middle]))
        if fixed + ARC_BYTES * (len(every) - middle) + STATE_BYTES * staying <= size:
            high = middle
        else:
            low = middle + 1
    return float(every[low - 1]) if low else -np.inf


def _above(table: Table, costs: Sequence[Floats], threshold: float) -> Table:
    """The n-grams that cost more than `threshold`, and the ends of lines after contexts that stay."""
    masks = [np.ones(len(table.grams[0]), np.bool_)]
    for shorter, level, cost in zip(table.grams, table.grams[1:], costs[1:]):
        kept = cost > threshold
        context = np.zeros(len(shorter), np.bool_)
        context[level.parents[kept]] = True
        ends = (level.labels == table.end) & context[level.parents] & masks[-1][level.suffixes]
        masks.append(kept | ends)
    return table.keep(masks)
