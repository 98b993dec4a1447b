"""From the n-grams of a table to the automaton that is walked: states are contexts, arcs what follows them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netchu.decode.automaton import Automaton
from netchu.lm.counts import Index
from netchu.lm.table import Floats, Table

SCALE = 1.0 / 1024  # nats a unit: rounding moves a probability by a two-thousandth of itself at most
LOWEST = -32767  # below -32 nats nothing is told apart
Weights = NDArray[np.int16]


def build(table: Table) -> tuple[Automaton, float, tuple[int, ...]]:
    """A table -> its automaton, the log-probability of an unknown symbol, and how many states have 0, 1, 2 ... symbols.

    Contexts that nothing follows are no states of their own: a walk that has read one is in the state of the longest
    end of it that is. The end of a line takes no arc: what it costs, backing off included, is in `finals`.
    """
    own, longest, depths = _number(table)
    backs, finals = _contexts(table, own, longest)
    labels, targets, weights, sources = [], [], [], []
    for n, level in enumerate(table.grams):
        arcs = level.labels < len(table.vocabulary)
        labels.append(level.labels[arcs])
        weights.append(to_units(level.probs[arcs]))
        targets.append(longest[n + 1][arcs])
        sources.append(own[n][level.parents[arcs]])
    states = sum(depths)
    counts = np.bincount(np.concatenate(sources), minlength=states)
    short = len(table.vocabulary) <= 1 << 16
    automaton = Automaton(
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        labels=np.concatenate(labels).astype(np.uint16 if short else np.int32),
        targets=np.concatenate(targets).astype(np.int32),
        weights=np.concatenate(weights),
        back=backs[0],
        back_weights=backs[1],
        finals=finals,
        scale=SCALE,
        start=int(longest[1][table.start]),
    )
    return automaton, float(to_units(table.grams[0].probs[table.unknown :])[0]) * SCALE, depths


def to_units(probs: Floats) -> Weights:
    """Linear probabilities or back-off weights as logarithms in units of SCALE."""
    with np.errstate(divide="ignore"):
        logs = np.log(probs) / SCALE
    return np.clip(np.rint(logs), LOWEST, -LOWEST).astype(np.int16)


def _number(table: Table) -> tuple[list[Index], list[Index], tuple[int, ...]]:
    """By order, 0 first: the state of each context itself (-1: none), that of its longest end, and how many there are.

    A context is a state when anything follows it here, or when backing off from it costs something.
    """
    own, longest = [np.zeros(1, np.int32)], [np.zeros(1, np.int32)]
    depths = [1]
    for n, level in enumerate(table.grams):
        wanted = to_units(level.backs) != 0
        if n + 1 < len(table.grams):
            wanted[table.grams[n + 1].parents] = True
        wanted &= level.labels != table.end
        if not n:
            wanted[table.unknown] = False
        states = np.where(wanted, sum(depths) + np.cumsum(wanted) - 1, -1).astype(np.int32)
        own.append(states)
        longest.append(np.where(wanted, states, longest[n][level.suffixes] if n else 0).astype(np.int32))
        depths.append(int(wanted.sum()))
    while len(depths) > 1 and not depths[-1]:
        depths.pop()
    return own, longest, tuple(depths)


def _contexts(table: Table, own: list[Index], longest: list[Index]) -> tuple[tuple[Index, Weights], Weights]:
    """Where each state backs off to, at what cost, and what the end of the line costs there."""
    back, cost = [np.full(1, -1, np.int32)], [np.zeros(1, np.int64)]
    finals = [to_units(table.grams[0].probs[[table.end]]).astype(np.int64)]
    end_of = finals[0]  # of every context of one symbol less, state or not
    for n, level in enumerate(table.grams):
        weights = to_units(level.backs).astype(np.int64)
        ends = np.maximum(weights + end_of[level.suffixes if n else np.zeros(len(level), np.int32)], LOWEST)
        if n + 1 < len(table.grams):
            longer = table.grams[n + 1]
            ending = longer.labels == table.end
            ends[longer.parents[ending]] = to_units(longer.probs[ending])
        states = own[n + 1] >= 0
        back.append(longest[n][level.suffixes[states]])
        cost.append(weights[states])
        finals.append(ends[states])
        end_of = ends
    return (
        (np.concatenate(back).astype(np.int32), np.concatenate(cost).astype(np.int16)),
        np.minimum(np.concatenate(finals), -LOWEST).astype(np.int16),
    )
