"""Several models of one vocabulary as one: linear interpolation, its weights given or fitted to held-out text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from netchu.lm.counts import Index
from netchu.lm.table import Floats, Grams, Table


def mix(tables: Sequence[Table], weights: Sequence[float]) -> Table:
    """Models with the same vocabulary, and their weights (sum 1) -> one with every n-gram that any of them has.

    Each n-gram gets the weighted mean of what the models say of it, whether by themselves or by backing off; the
    back-off weights are made anew, so that what no model saw is close to the mean and sums to one with the rest.
    """
    width = tables[0].width
    none = np.zeros(width, np.int32)
    given = [table.grams[0].probs for table in tables]  # probabilities of the union's rows, one array per model
    rows: list[Index] = [table.grams[0].labels for table in tables]  # row of a model's n-gram in the union
    levels = [_mean(0, tables, weights, rows, given, none, rows[0], none)]
    for n in range(1, max(len(table.grams) for table in tables)):
        parts = [table.grams[n] if len(table.grams) > n else _NOTHING for table in tables]
        keys = [above[part.parents].astype(np.int64) * width + part.labels for above, part in zip(rows, parts)]
        union = np.unique(np.concatenate(keys))
        parents, suffixes = (union // width).astype(np.int32), np.zeros(len(union), np.int32)
        above, rows = rows, [np.searchsorted(union, key).astype(np.int32) for key in keys]
        for part, row, upper in zip(parts, rows, above):
            suffixes[row] = upper[part.suffixes]
        for i, part in enumerate(parts):
            backs = np.ones(len(levels[-1]))
            if len(tables[i].grams) >= n:
                backs[above[i]] = tables[i].grams[n - 1].backs
            given[i] = backs[parents] * given[i][suffixes]
            given[i][rows[i]] = part.probs
        levels.append(_mean(n, tables, weights, rows, given, parents, (union % width).astype(np.int32), suffixes))
    return Table(tables[0].vocabulary, tuple(levels)).renormalised()


def fit_weights(log_probs: Sequence[Floats], rounds: int = 200) -> tuple[float, ...]:
    """What each model gives each symbol of one held-out text (nats) -> the weights under which it is likeliest.

    Expectation maximisation (Jelinek and Mercer 1980), from equal weights; it stops when no weight moves by 1e-6.
    """
    likely = np.exp(np.stack(log_probs))  # (models, symbols)
    weights = np.full(len(log_probs), 1.0 / len(log_probs))
    for _ in range(rounds):
        joint = weights[:, None] * likely
        fresh = (joint / joint.sum(0)).mean(1)
        moved = float(np.abs(fresh - weights).max())
        weights = fresh
        if moved < 1e-6:
            break
    return tuple(float(weight) for weight in weights)


_NO_INDEX, _NO_FLOATS = np.zeros(0, np.int32), np.zeros(0)
_NOTHING = Grams(_NO_INDEX, _NO_INDEX, _NO_INDEX, _NO_FLOATS, _NO_FLOATS, _NO_FLOATS)


def _mean(
    n: int, tables: Sequence[Table], weights: Sequence[float], rows: Sequence[Index], given: Sequence[Floats],
    parents: Index, labels: Index, suffixes: Index,
) -> Grams:  # fmt: skip
    """The union's n-grams of order n + 1, with mean probabilities and masses."""
    probs, masses = np.zeros(len(labels)), np.zeros(len(labels))
    for weight, table, row, own in zip(weights, tables, rows, given):
        probs += weight * own
        if len(table.grams) > n:
            masses[row] += weight * table.grams[n].masses
    return Grams(parents, labels, suffixes, probs, np.ones(len(labels)), masses)
