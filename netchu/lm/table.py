"""A back-off n-gram model while it is made: for every order the n-grams with probabilities and back-off weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from netchu.lm.counts import Index
from netchu.lm.symbols import END, SPECIALS, START, UNKNOWN

Floats = NDArray[np.float64]
_LEAST = 1e-12  # what is left for unseen symbols is never called nothing


@dataclass(frozen=True)
class Grams:
    """The n-grams of one order, laid out as in `counts.Counts`, with linear (not log) probabilities.

    `probs` is that of the last symbol after the others, `backs` what the next shorter context's probabilities are
    multiplied by for symbols that do not follow this n-gram here, `masses` how often it occurs per symbol of text.
    """

    parents: Index
    labels: Index
    suffixes: Index
    probs: Floats
    backs: Floats
    masses: Floats

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Table:
    """Orders 1, 2, ... over a vocabulary. Every n-gram's prefix and suffix are there too; 1-grams: a row per label."""

    vocabulary: tuple[str, ...]
    grams: tuple[Grams, ...]

    @property
    def end(self) -> int:
        """The label of the end of a line."""
        return len(self.vocabulary) + END

    @property
    def start(self) -> int:
        """The label of the start of a line, which is a context and never follows anything."""
        return len(self.vocabulary) + START

    @property
    def unknown(self) -> int:
        """The label of symbols outside the vocabulary."""
        return len(self.vocabulary) + UNKNOWN

    @property
    def width(self) -> int:
        """The number of labels."""
        return len(self.vocabulary) + SPECIALS

    def renormalised(self) -> Table:
        """The same n-grams with the back-off weights that make the probabilities after every context sum to one."""
        grams = list(self.grams)
        for n in range(1, len(grams)):
            left, below = unexplained(grams[n - 1], grams[n])
            has = np.bincount(grams[n].parents, minlength=len(grams[n - 1])) > 0
            grams[n - 1] = replace(grams[n - 1], backs=np.where(has, left / below, 1.0))
        if grams:
            grams[-1] = replace(grams[-1], backs=np.ones(len(grams[-1])))
        return replace(self, grams=tuple(grams))

    def keep(self, masks: Sequence[NDArray[np.bool_]]) -> Table:
        """The n-grams marked in `masks` (one per order), renormalised.

        A marked n-gram's prefix and suffix must be marked too, and so must the three special labels. What the
        1-grams left out had goes to the unknown symbol.
        """
        grams: list[Grams] = []
        label_of = row_of = _new_rows(masks[0])
        for n, (level, mask) in enumerate(zip(self.grams, masks)):
            if not mask.any():
                break
            above = row_of
            row_of = _new_rows(mask)
            grams.append(
                Grams(
                    above[level.parents[mask]] if n else np.zeros(int(mask.sum()), np.int32),
                    label_of[level.labels[mask]],
                    above[level.suffixes[mask]] if n else np.zeros(int(mask.sum()), np.int32),
                    level.probs[mask],
                    level.backs[mask],
                    level.masses[mask],
                )
            )
        probs = grams[0].probs.copy()
        probs[-SPECIALS + UNKNOWN] += self.grams[0].probs[~masks[0]].sum()
        grams[0] = replace(grams[0], probs=probs)
        known = tuple(symbol for symbol, kept in zip(self.vocabulary, masks[0]) if kept)
        return Table(known, tuple(grams)).renormalised()

    def without_rare(self, rare: NDArray[np.bool_]) -> Table:
        """The model without the symbols marked in `rare` (V,): they are unknown from here on."""
        masks = [np.append(~rare, np.ones(SPECIALS, np.bool_))]
        for level in self.grams[1:]:
            masks.append(masks[-1][level.parents] & masks[0][level.labels])
        return self.keep(masks)


def unexplained(context: Grams, children: Grams) -> tuple[Floats, Floats]:
    """For every row of `context`: 1 - what its children have, and 1 - what the next shorter context gives them."""
    lower = context.probs[children.suffixes]
    left = 1.0 - np.bincount(children.parents, children.probs, minlength=len(context))
    free = 1.0 - np.bincount(children.parents, lower, minlength=len(context))
    return np.maximum(left, _LEAST), np.maximum(free, _LEAST)


def _new_rows(mask: NDArray[np.bool_]) -> Index:
    """Old row -> new row; of rows that go, a number without meaning."""
    return np.asarray(np.cumsum(mask) - 1, np.int32)
