"""Interpolated modified Kneser-Ney smoothing (Chen and Goodman 1998, "An empirical study of smoothing techniques")."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from netchu.lm.counts import Counts
from netchu.lm.symbols import SPECIALS, START
from netchu.lm.table import Floats, Grams, Table

_USUAL = (0.5, 1.0, 1.5)  # where a text is too small or too odd to estimate discounts from


def kneser_ney(vocabulary: Sequence[str], levels: Sequence[Counts], continuation: bool = True) -> Table:
    """Counts of orders 1 to N -> their smoothed model.

    Orders below N count how many symbols an n-gram was seen after, not how often it was seen (n-grams that begin a line
    excepted: nothing stands before them); `continuation=False` counts occurrences at every order instead, which loses
    less when most of the model is pruned afterwards. The 1-grams are interpolated with the uniform distribution over
    vocabulary, end and unknown, which is all that unseen symbols get.
    """
    start = len(vocabulary) + START
    tokens = max(1, int(levels[0].counts.sum() - levels[0].counts[start]))
    begins = np.arange(len(levels[0].labels)) == start
    grams: list[Grams] = []
    lower = np.full(1, 1.0 / (len(vocabulary) + SPECIALS - 1))  # all but START
    for n, level in enumerate(levels):
        if n:
            begins = begins[level.parents]
        adjusted = level.counts
        if continuation and n + 1 < len(levels):
            distinct = np.bincount(levels[n + 1].suffixes, minlength=len(adjusted))
            adjusted = np.where(begins, adjusted, distinct)
        if not n:
            adjusted = np.where(begins, 0, adjusted)
        off = np.array([0.0, *discounts(adjusted)])[np.minimum(adjusted, 3)]
        contexts = len(grams[-1]) if grams else 1
        total = np.bincount(level.parents, adjusted, minlength=contexts)
        freed = np.divide(
            np.bincount(level.parents, off, minlength=contexts), total, out=np.ones(contexts), where=total > 0
        )
        probs = (adjusted - off) / np.maximum(total, 1)[level.parents] + freed[level.parents] * lower[level.suffixes]
        if grams:
            grams[-1] = _with_backs(grams[-1], freed)
        else:
            probs[start] = 0.0
        grams.append(
            Grams(level.parents, level.labels, level.suffixes, probs, np.ones(len(probs)), level.counts / tokens)
        )
        lower = probs
    return Table(tuple(vocabulary), tuple(grams))


def discounts(adjusted: NDArray[np.int64]) -> tuple[float, float, float]:
    """What is taken off counts of one, two, and three or more: D1, D2, D3+ of section 3 of the paper (equation 26).

    They come from how many n-grams have each of the counts 1 to 4. Where one of these is 0 or a discount falls outside
    0 .. its count, all three are the usual 0.5, 1 and 1.5.
    """
    times = np.bincount(np.minimum(adjusted, 5), minlength=6)[1:5].tolist()
    if not all(times):
        return _USUAL
    share = times[0] / (times[0] + 2 * times[1])
    found = tuple(k - (k + 1) * share * times[k] / times[k - 1] for k in (1, 2, 3))
    if not all(0.0 <= each <= k for k, each in enumerate(found, start=1)):
        return _USUAL
    return found[0], found[1], found[2]


def _with_backs(grams: Grams, backs: Floats) -> Grams:
    return Grams(grams.parents, grams.labels, grams.suffixes, grams.probs, backs, grams.masses)
