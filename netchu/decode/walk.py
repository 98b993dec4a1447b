"""Automata packed for compiled walks: all that is asked of an arc or a state lies side by side in memory.

A copy, so that a language model of 25 MB takes 36 MB more in each process; walking the mapped file would share it, and
takes 2.7 times as long a step.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netchu.compiled import compiled
from netchu.decode.automaton import Automaton, lowest

UNIT = 2.0**-20  # nats; weights are whole numbers of it, so 2^11 nats is the most there is
FORBIDDEN = -(2**31)
LABEL, TARGET, WEIGHT = range(3)
FIRST, BACK, BACK_WEIGHT, FINAL = range(4)


class Walk(NamedTuple):
    """An automaton as compiled code takes it: two arrays, for fewer would be slow to read and more to compile."""

    arcs: NDArray[np.int32]  # (A, 3): LABEL, TARGET, WEIGHT
    states: NDArray[np.int32]  # (S + 1, 4): FIRST arc, BACK, BACK_WEIGHT, FINAL


def pack(automaton: Automaton) -> Walk:
    """12 bytes an arc and 16 a state, whatever the types of the automaton's own arrays."""

    def units(weights: NDArray[Any]) -> NDArray[np.float64]:
        whole = np.clip(np.rint(weights * np.float64(automaton.scale / UNIT)), FORBIDDEN + 1, -FORBIDDEN - 1)
        return np.where(weights > lowest(weights.dtype), whole, FORBIDDEN)

    arcs = np.empty((automaton.arcs, 3), np.int32)
    arcs[:, LABEL], arcs[:, TARGET], arcs[:, WEIGHT] = automaton.labels, automaton.targets, units(automaton.weights)
    states = np.zeros((automaton.states + 1, 4), np.int32)
    states[:, FIRST], states[:-1, BACK] = automaton.offsets, automaton.back
    states[:-1, BACK_WEIGHT], states[:-1, FINAL] = units(automaton.back_weights), units(automaton.finals)
    return Walk(arcs, states)


@compiled
def nats(units: int) -> float:
    """A weight as a log-probability."""
    return -np.inf if units == FORBIDDEN else units * UNIT


@compiled
def place(walk: Walk, state: int, label: int) -> int:
    """The first arc of `state` with `label` or a higher one; the first of the next state when there is none."""
    low, high = np.int64(walk.states[state, FIRST]), np.int64(walk.states[state + 1, FIRST])
    while low < high:
        middle = (low + high) >> 1
        if walk.arcs[middle, LABEL] < label:
            low = middle + 1
        else:
            high = middle
    return int(low)


@compiled
def find(walk: Walk, state: int, label: int) -> int:
    """The arc of `state` with `label`, or -1."""
    arc = place(walk, state, label)
    return arc if arc < walk.states[state + 1, FIRST] and walk.arcs[arc, LABEL] == label else -1


@compiled
def step(walk: Walk, state: int, label: int) -> tuple[int, float]:
    """Where `label` leads from `state`, and its log-probability (nats); (-1, -inf) when it leads nowhere."""
    total = 0.0
    while state >= 0:
        arc = find(walk, state, label)
        if arc >= 0:
            total += nats(walk.arcs[arc, WEIGHT])
            return (np.int64(walk.arcs[arc, TARGET]) if total > -np.inf else -1), total
        total += nats(walk.states[state, BACK_WEIGHT])
        state = np.int64(walk.states[state, BACK])
    return -1, -np.inf


@compiled
def fall(walk: Walk, state: int) -> tuple[int, float]:
    """The empty context, and what falling back to it from `state` costs."""
    total = 0.0
    while walk.states[state, BACK] >= 0:
        total += nats(walk.states[state, BACK_WEIGHT])
        state = np.int64(walk.states[state, BACK])
    return state, total


@compiled
def final(walk: Walk, state: int) -> float:
    """Log-probability (nats) of ending in `state`; -inf when it is not final."""
    return nats(walk.states[state, FINAL])
