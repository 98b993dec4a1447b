"""A tree of letters -> the smallest deterministic automaton that accepts the same texts, over the classes of a charset.

Positions of letters with what may follow them (Glushkov 1961), subsets of positions as states (Rabin and Scott 1959),
minimised by refining partitions of states and arcs in turn (Valmari and Lehtinen 2008): O(arcs log states).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netchu.decode.regular import Chain, Letter, Node, Repeat
from netchu.errors import NetchuError
from netchu.text import Charset

MOST_STATES = 10_000
MOST_STEPS = 1_000_000  # positions looked at and arcs made: about a second
_LETTER, _SPACE, _NOTHING = range(3)  # what the text so far ends with

Arc = tuple[int, int, int]  # state, group of classes, state
Subset = tuple[int, bool, int]  # positions that may come next, whether the text may end here, what it ends with


@dataclass(frozen=True)
class Machine:
    """States 0 (the start) .. count - 1; an arc stands for every class of its group. Every state can reach an end."""

    count: int
    arcs: list[Arc]
    finals: set[int]
    groups: list[list[int]]


def determinise(tree: Node, charset: Charset) -> Machine:
    """Accepts the classes that write a canonical text of the tree: no space at its ends, no two in a row.

    States are numbered breadth first, groups by their first class. No state is left when there is no such text.
    Raises NetchuError when more than MOST_STATES states or MOST_STEPS steps would be needed.
    """
    positions = _Positions()
    nullable, first, last = positions.add(tree)
    kinds = positions.kinds(set("".join(charset.symbols)))
    words: dict[tuple[int, ...], list[int]] = {}
    for index, symbol in enumerate(charset.symbols[1:], start=1):
        word = tuple(kinds.get(char, -1) for char in symbol)
        if -1 not in word:
            words.setdefault(word, []).append(index)
    walk = _Walk(positions, last, kinds)
    start = (first, nullable, _NOTHING)
    states: dict[Subset, int] = {start: 0}
    waiting = [start]
    arcs: list[Arc] = []
    for subset in waiting:  # grows while we go
        for group, word in enumerate(words):
            reached = walk.along(subset, word)
            if reached is None:
                continue
            if reached not in states:
                if len(states) == MOST_STATES:
                    raise _too_large(f"{MOST_STATES} states")
                states[reached] = len(states)
                waiting.append(reached)
            arcs.append((states[subset], group, states[reached]))
    finals = {states[subset] for subset in waiting if subset[1] and subset[2] != _SPACE}
    return _numbered(*_minimal(*_useful(len(states), arcs, finals)), list(words.values()))


def _too_large(what: str) -> NetchuError:
    return NetchuError(
        f"the grammar needs more than {what}; repeat less, above all after a part that can match the same text"
    )


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


class _Positions:
    """The letters of a tree, repetitions written out; sets of them are the bits of an integer."""

    def __init__(self) -> None:
        self.letters: list[frozenset[str]] = []
        self.follow: list[int] = []

    def add(self, node: Node) -> tuple[bool, int, int]:
        """Whether it can be empty, the positions it can begin with, and those it can end with."""
        if isinstance(node, Letter):
            self.letters.append(node.chars)
            self.follow.append(0)
            here = 1 << (len(self.letters) - 1)
            return False, here, here
        if isinstance(node, Repeat):
            return self._repeat(node)
        if isinstance(node, Chain):
            whole = (True, 0, 0)
            for part in node.parts:
                whole = self._join(whole, self.add(part))
            return whole
        nullable, first, last = False, 0, 0
        for part in node.parts:
            can, begin, end = self.add(part)
            nullable, first, last = nullable or can, first | begin, last | end
        return nullable, first, last

    def _join(self, left: tuple[bool, int, int], right: tuple[bool, int, int]) -> tuple[bool, int, int]:
        for position in _bits(left[2]):
            self.follow[position] |= right[1]
        return (
            left[0] and right[0],
            left[1] | right[1] if left[0] else left[1],
            left[2] | right[2] if right[0] else right[2],
        )

    def _repeat(self, node: Repeat) -> tuple[bool, int, int]:
        """From the last copy to the first, x{2,4} as xx(x(x)?)?: each copy is followed by the next one only."""
        whole = (True, 0, 0)
        for copy in range(node.copies, 0, -1):
            nullable, first, last = self.add(node.body)
            if node.high is None and copy == node.copies:
                self._join((False, first, last), (False, first, last))
            _, begin, end = whole = self._join((nullable, first, last), whole)
            if copy > node.low:
                whole = (True, begin, end)
        return whole

    def kinds(self, alphabet: set[str]) -> dict[str, int]:
        """A number for each code point that some letter holds, the same for those that no letter tells apart."""
        distinct = list(dict.fromkeys([frozenset(" "), *self.letters]))
        numbers: dict[tuple[int, ...], int] = {}
        found = {}
        for char in sorted(alphabet):
            signature = tuple(index for index, letters in enumerate(distinct) if char in letters)
            if signature:
                found[char] = numbers.setdefault(signature, len(numbers))
        return found


class _Walk:
    """Steps from subset to subset, counted."""

    def __init__(self, positions: _Positions, last: int, kinds: dict[str, int]) -> None:
        self._follow, self._last = positions.follow, last
        self._space = kinds.get(" ", -1)
        self._holding = [0] * (max(kinds.values(), default=-1) + 1)
        samples = {kind: char for char, kind in kinds.items()}
        for index, letters in enumerate(positions.letters):
            for kind, char in samples.items():
                if char in letters:
                    self._holding[kind] |= 1 << index
        self._known: dict[int, tuple[int, bool]] = {}
        self._steps = 0

    def along(self, subset: Subset, word: tuple[int, ...]) -> Subset | None:
        """Where the code points of a symbol lead; None: nowhere."""
        for kind in word:
            self._steps += 1
            expected, _, before = subset
            met = expected & self._holding[kind]
            if not met or (kind == self._space and before != _LETTER):
                return None
            subset = (*self._after(met), _SPACE if kind == self._space else _LETTER)
        return subset

    def _after(self, met: int) -> tuple[int, bool]:
        if met not in self._known:
            expected = 0
            for position in _bits(met):
                self._steps += 1
                expected |= self._follow[position]
            self._known[met] = (expected, bool(met & self._last))
            if self._steps > MOST_STEPS:
                raise _too_large(f"{MOST_STEPS:,} steps to work out")
        return self._known[met]


def _useful(count: int, arcs: list[Arc], finals: set[int]) -> tuple[int, list[Arc], set[int]]:
    """Without the states from which no final one can be reached. The start stays number 0; count 0: nothing is left."""
    into: list[list[int]] = [[] for _ in range(count)]
    for source, _, target in arcs:
        into[target].append(source)
    alive = set(finals)
    waiting = list(finals)
    while waiting:
        for source in into[waiting.pop()]:
            if source not in alive:
                alive.add(source)
                waiting.append(source)
    if 0 not in alive:
        return 0, [], set()
    number = {state: index for index, state in enumerate(sorted(alive))}
    kept = [(number[source], group, number[target]) for source, group, target in arcs if {source, target} <= alive]
    return len(number), kept, {number[state] for state in finals}


class _Partition:
    """Sets of the numbers below `count`, that split into what was marked and what was not."""

    def __init__(self, count: int) -> None:
        self.elements = list(range(count))
        self._where = list(range(count))
        self.set_of = [0] * count
        self.first = [0] if count else []
        self.end = [count] if count else []
        self._marked = [0] * len(self.first)
        self._touched: list[int] = []

    def mark(self, element: int) -> None:
        own = self.set_of[element]
        place, middle = self._where[element], self.first[own] + self._marked[own]
        if place < middle:
            return
        other = self.elements[middle]
        self.elements[place], self._where[other] = other, place
        self.elements[middle], self._where[element] = element, middle
        if not self._marked[own]:
            self._touched.append(own)
        self._marked[own] += 1

    def split(self) -> None:
        """The smaller part of every touched set becomes a set of its own."""
        for own in self._touched:
            middle = self.first[own] + self._marked[own]
            self._marked[own] = 0
            if middle == self.end[own]:
                continue
            if middle - self.first[own] <= self.end[own] - middle:
                self.first.append(self.first[own])
                self.end.append(middle)
                self.first[own] = middle
            else:
                self.first.append(middle)
                self.end.append(self.end[own])
                self.end[own] = middle
            self._marked.append(0)
            new = len(self.first) - 1
            for place in range(self.first[new], self.end[new]):
                self.set_of[self.elements[place]] = new
        self._touched.clear()


def _minimal(count: int, arcs: list[Arc], finals: set[int]) -> tuple[int, list[Arc], set[int]]:
    """States that no text tells apart become one. The start's becomes state 0."""
    blocks, cords = _Partition(count), _Partition(len(arcs))
    by_group: dict[int, list[int]] = {}
    into: list[list[int]] = [[] for _ in range(count)]
    for index, (_, group, target) in enumerate(arcs):
        by_group.setdefault(group, []).append(index)
        into[target].append(index)
    for state in finals:
        blocks.mark(state)
    blocks.split()
    for members in by_group.values():
        for index in members:
            cords.mark(index)
        cords.split()
    block, cord = 1, 0
    while cord < len(cords.first):
        for place in range(cords.first[cord], cords.end[cord]):
            blocks.mark(arcs[cords.elements[place]][0])
        blocks.split()
        cord += 1
        while block < len(blocks.first):
            for place in range(blocks.first[block], blocks.end[block]):
                for index in into[blocks.elements[place]]:
                    cords.mark(index)
            cords.split()
            block += 1
    number = blocks.set_of
    merged = {(number[source], group, number[target]) for source, group, target in arcs}
    start = number[0] if count else 0
    swap = {start: 0, 0: start}
    renamed = [(swap.get(source, source), group, swap.get(target, target)) for source, group, target in merged]
    return len(blocks.first), renamed, {swap.get(number[state], number[state]) for state in finals}


def _numbered(count: int, arcs: list[Arc], finals: set[int], groups: list[list[int]]) -> Machine:
    """States numbered breadth first from the start, arcs in order of state and group."""
    out: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for source, group, target in sorted(arcs):
        out[source].append((group, target))
    number = {0: 0} if count else {}
    waiting = list(number)
    for state in waiting:  # grows while we go
        for _, target in out[state]:
            if target not in number:
                number[target] = len(number)
                waiting.append(target)
    ordered = [(number[state], group, number[target]) for state in waiting for group, target in out[state]]
    return Machine(count, ordered, {number[state] for state in finals}, groups)
