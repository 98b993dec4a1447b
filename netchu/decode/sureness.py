"""From the lattice to a Reading: how sure each character is, what else may stand there, and what may be missing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from netchu.decode.lattice import Labels, Neighbours, Table, neighbours
from netchu.decode.reading import BLANK, Reading

ALTERNATIVES = 5  # a character
LIKELY = 1e-3  # alternatives below this are not worth a person's look
HEAVIEST = 50.0  # nats by which a ranked text can outweigh the one that was chosen

Ranked = Sequence[tuple[Sequence[int], float]]


@dataclass(frozen=True)
class Sureness:
    """How sure each of n characters is, and how likely one is missing from each gap between them.

    What is probably right as a whole, a word or a line: the product of its characters' confidences and of 1 - missing
    of its gaps.
    """

    confidences: Table  # (n,)
    missing: Table  # (n + 1,): before each character, and at the end
    alternatives: tuple[tuple[tuple[int, float], ...], ...]  # as in Reading; class 0: no character


def attach(
    logits: NDArray[np.floating[Any]],
    classes: Sequence[int],
    temperature: float = 1.0,
    ranked: Ranked = (),
    keep: int | None = None,
    note: str = "",
) -> Reading:
    """The Reading of a text that any decoder read from logits (T, C) of the real frames of a line.

    `ranked` is what the decoder found: whole readings with their scores in nats, `classes` among them, or nothing; the
    first `keep` of them go into the Reading. A text that cannot come from these logits is not sure at all; NetchuError
    where it needs more frames than there are.
    """
    shown = tuple((tuple(map(int, other)), float(score)) for other, score in ranked[:keep])
    if not len(classes):
        return Reading((), (), (), (), ranked=shown, note=note)
    found = neighbours(logits, classes, temperature)
    sure = weigh(found, classes, ranked)
    starts, ends = found.spans.T.tolist()
    return Reading(
        classes=tuple(map(int, classes)),
        starts=tuple(starts),
        ends=tuple(ends),
        confidences=tuple(sure.confidences.tolist()),
        alternatives=sure.alternatives,
        missing=tuple(sure.missing.tolist()),
        ranked=shown,
        note=note,
    )


def weigh(found: Neighbours, classes: Sequence[int], ranked: Ranked = ()) -> Sureness:
    """The share of a text among all those it is weighed against: its neighbours, and the other `ranked` ones.

    A language model knows more than the logits do: a neighbour that is ranked counts with its score there, any other
    at most as much as the last ranked one, which the decoder preferred to it. Raises ValueError when `classes` is not
    in `ranked`.
    """
    labels = np.asarray(classes, np.int64)
    count = len(labels)
    if found.log_prob == -math.inf:
        return Sureness(np.zeros(count), np.ones(count + 1), ((),) * count)
    replaced, inserted = found.replaced.copy(), found.inserted.copy()
    replaced[np.arange(count), labels] = 0.0
    runs = np.cumsum(np.diff(labels, prepend=-1) != 0) - 1
    share = 1.0 / np.bincount(runs, minlength=1)[runs]  # of a run of equal characters one is too many: no matter which
    replaced[:, BLANK] *= share
    inserted[np.arange(1, count + 1), labels] = 0.0  # doubling a character is one text: the one with it put before
    if len(ranked) > 1:
        _merge(replaced, inserted, labels, ranked, share)
    against = 1.0 + replaced.sum(1)
    missing = inserted.sum(1)
    shares = replaced / against[:, None]
    others: list[list[tuple[int, float]]] = [[] for _ in range(count)]
    for place, label in np.argwhere(shares > LIKELY).tolist():
        others[place].append((label, float(shares[place, label])))
    best = tuple(tuple(sorted(some, key=lambda pair: (-pair[1], pair[0]))[:ALTERNATIVES]) for some in others)
    return Sureness(1.0 / against, missing / (1.0 + missing), best)


def _merge(replaced: Table, inserted: Table, labels: Labels, ranked: Ranked, share: Table) -> None:
    """Let what the decoder says of the texts it ranked stand in place of what the logits say of them."""
    text = labels.tolist()
    own = [score for other, score in ranked if list(other) == text]
    if not own:
        raise ValueError("the text is not among the ranked ones")
    edits = [(Levenshtein.editops(text, list(other)).as_list(), other, score - own[0]) for other, score in ranked]
    least = math.exp(min(0.0, *(score for _, _, score in edits)))
    np.minimum(replaced, least, out=replaced)
    np.minimum(inserted, least, out=inserted)
    for forget in (True, False):  # all neighbours are taken out before any text is put in
        for steps, other, score in edits:
            if forget and len(steps) > 1:
                continue
            weight = math.exp(min(score, HEAVIEST))
            for inserting, places, label in {_step(text, other, *step) for step in steps}:
                table = inserted if inserting else replaced
                for place in places:
                    worth = weight * share[place] if label == BLANK else weight
                    table[place, label] = 0.0 if forget else table[place, label] + worth


def _step(text: list[int], other: Sequence[int], kind: str, at: int, there: int) -> tuple[bool, tuple[int, ...], int]:
    """An edit -> whether it inserts, the places of the text that it is counted at, and the class that it puts there."""
    if kind == "delete":
        return False, tuple(_run(text, at)), BLANK
    label = int(other[there])
    if kind == "insert":
        return True, (_run(text, at - 1)[0] if at and text[at - 1] == label else at,), label
    return False, (at,), label


def _run(text: Sequence[int], at: int) -> list[int]:
    """The places of the equal characters around one, up to it and beyond."""
    first = last = at
    while first and text[first - 1] == text[at]:
        first -= 1
    while last + 1 < len(text) and text[last + 1] == text[at]:
        last += 1
    return list(range(first, last + 1))
