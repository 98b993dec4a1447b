"""Deterministic weighted automata over small integer labels: n-gram models, lexicons and grammars are all walked so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netchu.errors import NetchuError

Array = NDArray[Any]
IMPOSSIBLE = -1  # the state of a walk that met a label it has no way for
NEVER = 2**31 - 1  # labels to an end that cannot be reached
LONGEST_CONTEXT = 1000
FORBIDDEN_16 = int(np.iinfo(np.int16).min)
FORBIDDEN_32 = float(np.finfo(np.float32).min)
TYPES = {
    "offsets": ("int64", "int32", "uint32"),
    "labels": ("uint16", "int32"),
    "targets": ("int32", "uint32"),
    "weights": ("int16", "float32"),
    "back": ("int32",),
    "back_weights": ("int16", "float32"),
    "finals": ("int16", "float32"),
}


@dataclass(frozen=True, eq=False)
class Automaton:
    """S states and A arcs as plain arrays, memory-mapped or not. Labels from 0 to 2^31 - 1, weights in nats / scale.

    A state without an arc for a label passes the question to `back[state]`, adding `back_weights[state]`: an n-gram
    model backs off so (Katz 1987), a trie or a grammar has nothing to fall back to (-1) and refuses. A weight of
    FORBIDDEN_16 or FORBIDDEN_32, the lowest of its type, is impossible. `finals` is whole: nothing is backed off.
    Raises NetchuError when the arrays do not belong together.
    """

    offsets: Array  # (S + 1,): the arcs of state s are offsets[s]:offsets[s + 1], sorted by label
    labels: Array  # (A,)
    targets: Array  # (A,)
    weights: Array  # (A,)
    back: Array  # (S,)
    back_weights: Array  # (S,)
    finals: Array  # (S,): log-probability of ending here; forbidden: this is not the end of anything
    scale: float = 1.0  # nats a unit of weight
    start: int = 0

    def __post_init__(self) -> None:
        states, arcs = len(self.back), len(self.labels)
        for name, types in TYPES.items():
            array = getattr(self, name)
            if array.ndim != 1 or array.dtype.name not in types:
                raise NetchuError(f"automaton: {name} is {array.ndim}-d {array.dtype}, not 1-d {' or '.join(types)}")
            length = {"offsets": states + 1, "labels": arcs, "targets": arcs, "weights": arcs}.get(name, states)
            if len(array) != length:
                raise NetchuError(f"automaton: {name} has {len(array)} entries, not {length}; the file is damaged")
        if not states or arcs >= 2**31:
            raise NetchuError(f"automaton: {states} states and {arcs} arcs; it needs a state and less than 2^31 arcs")
        if not 0 <= self.start < states:
            raise NetchuError(f"automaton: the start {self.start} is none of the {states} states")
        if not (np.isfinite(self.scale) and self.scale > 0):
            raise NetchuError(f"automaton: a scale of {self.scale} gives no log-probabilities")
        _check_arcs(self)

    @property
    def states(self) -> int:
        return len(self.back)

    @property
    def arcs(self) -> int:
        return len(self.labels)

    @cached_property
    def empty(self) -> int:
        """The state that all falling back ends in: of an n-gram model the empty context, of a trie its start."""
        state = self.start
        while self.back[state] >= 0:
            state = int(self.back[state])
        return state

    def step(self, state: int, label: int) -> tuple[int, float]:
        """Where `label` leads from `state`, and its log-probability; (IMPOSSIBLE, -inf) when it leads nowhere."""
        total = 0.0
        while True:
            first, end = int(self.offsets[state]), int(self.offsets[state + 1])
            arc = first + int(np.searchsorted(self.labels[first:end], label))
            if arc < end and self.labels[arc] == label:
                total += self.weight(self.weights[arc])
                return (int(self.targets[arc]), total) if total > -np.inf else (IMPOSSIBLE, -np.inf)
            if self.back[state] < 0:
                return IMPOSSIBLE, -np.inf
            total += self.weight(self.back_weights[state])
            state = int(self.back[state])

    def weight(self, value: Any) -> float:
        """An entry of `weights`, `back_weights` or `finals` in nats."""
        return -np.inf if value <= lowest(value.dtype) else float(value) * self.scale

    def walk(self, labels: Iterable[int]) -> tuple[int, float]:
        """The state after `labels` from the start, and their log-probability; (IMPOSSIBLE, -inf) when refused."""
        state, total = self.start, 0.0
        for label in labels:
            state, weight = self.step(state, label)
            if state == IMPOSSIBLE:
                return IMPOSSIBLE, -np.inf
            total += weight
        return state, total

    def score(self, labels: Iterable[int]) -> float:
        """Log-probability (nats) of these labels and nothing after them; -inf when they are refused."""
        state, total = self.walk(labels)
        return -np.inf if state == IMPOSSIBLE else total + self.weight(self.finals[state])

    @cached_property
    def remaining(self) -> NDArray[np.int32]:
        """(S,): the fewest labels from each state to an end; NEVER where there is no way to any."""
        sources = np.repeat(np.arange(self.states), np.diff(self.offsets))
        possible = self.weights > lowest(self.weights.dtype)
        sources, targets = sources[possible], np.asarray(self.targets[possible], np.int64)
        by_target = np.argsort(targets, kind="stable")
        sources, into = sources[by_target], np.zeros(self.states + 1, np.int64)
        into[1:] = np.cumsum(np.bincount(targets, minlength=self.states))
        falls = np.flatnonzero((self.back >= 0) & (self.back_weights > lowest(self.back_weights.dtype)))
        found = np.full(self.states, NEVER, np.int32)
        now, distance = np.flatnonzero(self.finals > lowest(self.finals.dtype)), 0
        while len(now):
            found[now] = distance
            while len(falls):  # falling back costs no label
                reach = falls[(found[falls] == NEVER) & (found[self.back[falls]] == distance)]
                if not len(reach):
                    break
                found[reach] = distance
                now = np.concatenate([now, reach])
            first, count = into[now], into[now + 1] - into[now]
            places = np.repeat(first - np.cumsum(count) + count, count) + np.arange(count.sum())
            before = sources[places]
            now, distance = np.unique(before[found[before] == NEVER]), distance + 1
        return found


def lowest(dtype: np.dtype[Any]) -> float:
    """The weight that means impossible."""
    return FORBIDDEN_16 if dtype == np.int16 else FORBIDDEN_32


def _check_arcs(automaton: Automaton) -> None:
    """Whatever would make a walk go astray raises NetchuError."""
    offsets, labels, targets, back = automaton.offsets, automaton.labels, automaton.targets, automaton.back
    states, arcs = automaton.states, automaton.arcs

    def need(right: Any, fault: str) -> None:
        if not right:
            raise NetchuError(f"automaton: {fault}; the file is damaged")

    need(offsets[0] == 0 and offsets[-1] == arcs, "offsets do not run from 0 to the number of arcs")
    need((offsets[1:] >= offsets[:-1]).all(), "offsets fall")
    if arcs:
        need(labels.min() >= 0, "a label is negative")
        need(targets.min() >= 0 and targets.max() < states, "an arc leads to a state that is not there")
        first = np.zeros(arcs + 1, bool)  # arcs that no other of their state comes before
        first[offsets] = True
        need(((labels[1:] > labels[:-1]) | first[1:-1]).all(), "the labels of a state do not rise")
    need(back.min() >= -1 and back.max() < states, "falling back leads to a state that is not there")
    above, steps = back[back >= 0], 0
    while len(above):
        steps += 1
        need(steps <= LONGEST_CONTEXT, "falling back never ends")
        above = back[above]
        above = above[above >= 0]
    for array in (automaton.weights, automaton.back_weights, automaton.finals):
        need(array.dtype == np.int16 or not np.isnan(array).any(), "a weight is not a number")


def trie(sequences: Sequence[Sequence[int]], scores: Sequence[float] | None = None) -> Automaton:
    """The automaton that takes these sequences of labels and no others, the start being state 0.

    Of a sequence that is there twice the better score counts. States are numbered depth first, children by label, so
    those of a subtree are a range. `scores`: log-probabilities, added at the end of each; else all ends weigh 0.
    Raises NetchuError when there is no sequence.
    """
    if not len(sequences):
        raise NetchuError("no sequences to make a lexicon of; give at least one word or line")
    lengths = np.array([len(sequence) for sequence in sequences])
    table = np.full((len(sequences), max(1, lengths.max())), -1, np.int32)
    table[np.arange(table.shape[1]) < lengths[:, None]] = np.fromiter(
        (label for sequence in sequences for label in sequence), np.int32, int(lengths.sum())
    )
    order = np.lexsort(table.T[::-1])
    table, lengths = table[order], lengths[order]
    if len(table) and (table[np.arange(table.shape[1]) < lengths[:, None]] < 0).any():
        raise NetchuError("a lexicon's labels must not be negative")
    # a letter begins a new state when the letters up to it are not those of the sequence before
    differs = np.ones(table.shape, bool)
    differs[1:] = np.logical_or.accumulate(table[1:] != table[:-1], axis=1)
    new = differs & (table >= 0)
    numbers = np.maximum.accumulate(np.where(new, np.cumsum(new).reshape(new.shape), 0), axis=0)
    before = np.concatenate([np.zeros((len(table), 1), numbers.dtype), numbers[:, :-1]], axis=1)
    sources, labels, states = before[new], table[new], int(new.sum()) + 1
    by_source = np.argsort(sources, kind="stable")
    ends = np.where(lengths > 0, numbers[np.arange(len(table)), np.maximum(lengths, 1) - 1], 0)
    finals = np.full(states, FORBIDDEN_32, np.float32)
    np.maximum.at(
        finals, ends, np.zeros(len(ends), np.float32) if scores is None else np.asarray(scores, np.float32)[order]
    )
    return Automaton(
        offsets=np.concatenate([[0], np.cumsum(np.bincount(sources, minlength=states))]).astype(np.int32),
        labels=labels[by_source],
        targets=np.arange(1, states, dtype=np.int32)[by_source],
        weights=np.zeros(states - 1, np.int16),
        back=np.full(states, -1, np.int32),
        back_weights=np.zeros(states, np.int16),
        finals=finals,
    )
