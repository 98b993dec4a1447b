"""One compiled CTC prefix beam search; language model, grammar and words are layers that it may or may not have.

Prefix search: Graves 2008, "Supervised Sequence Labelling with Recurrent Neural Networks", section 7.5; as a beam with
a language model: Hannun et al. 2014, arXiv 1408.2873. Words: Scheidl et al. 2018, "Word Beam Search", ICFHR.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netchu.compiled import compiled
from netchu.decode.layers import RULE, STEM, SYMBOL, WORD, Layers, extend, finish, too_far
from netchu.decode.reading import BLANK
from netchu.decode.walk import BACK, FIRST, LABEL

Array = NDArray[Any]
FEW_ARCS = 64  # a state of a grammar with no more than these is asked for its arcs, not for the likely classes
NEGLIGIBLE = 25.0  # nats: a probability so much below another adds nothing to it
ZERO, ONE = np.int64(0), np.int64(1)  # a bare 0 that is passed on is a type of its own to Numba, compiled apart
STATES = 4  # columns 0 to 3 of a prefix are the states of its layers
PARENT, CLASS, CHILD, SIBLING, SLOT = range(4, 9)  # and those behind of one that lives or lived
NODE, AGE, UNDER, NEW = range(4, 8)  # or of one that lives or may
SETTLED, WEIGHT, IN_BLANK, IN_LETTER, ACOUSTIC, SCORE = range(6)


class Tree(NamedTuple):
    """Every prefix that ever lived is a node, the empty one the first; so two that are equal are one."""

    nodes: Array  # int32 (N, 9): states, PARENT, the CLASS it ends in, a CHILD, another child of its parent, its SLOT
    weights: Array  # float64 (N, 2): SETTLED and WEIGHT, as layers.extend has them


class Rows(NamedTuple):
    """Prefixes that live, or may live after the next frame."""

    states: Array  # int64 (width, 8): states, NODE (-1: none yet), AGE (order of finding), UNDER which node, NEW class
    scores: Array  # float64 (width, 6): log-probabilities of paths that end IN_BLANK and IN_LETTER; ACOUSTIC: of all


class Frame(NamedTuple):
    """What the network says; a class's log-probability is its logit * scale - norm."""

    logits: Array
    scale: float
    norm: float
    highest: float  # log-probability of the likeliest class that may begin a letter
    candidates: int  # how many may
    left: int  # frames behind this one


@compiled
def log_add(left: float, right: float) -> float:
    """log(exp(left) + exp(right))."""
    if left < right:
        left, right = right, left
    return left + np.log1p(np.exp(right - left)) if right > left - NEGLIGIBLE else left


@compiled
def look(logits: Array, scale: float, norm: float, least: float, top: int, left: int, chosen: Array) -> Frame:
    """One frame; its classes of at least `least`, the `top` best (0: all), but not the blank -> `chosen`."""
    floor, count, highest = (least + norm) / scale, 0, -np.inf
    for label in range(len(logits)):
        value = logits[label]
        if value < floor or value == -np.inf or label == BLANK:
            continue
        highest = max(highest, value)
        if top == 0:
            chosen[count] = label
            count += 1
            continue
        if count == top and value <= logits[chosen[count - 1]]:
            continue
        at = count if count < top else top - 1
        while at > 0 and logits[chosen[at - 1]] < value:
            chosen[at] = chosen[at - 1]
            at -= 1
        chosen[at] = label
        count = min(count + 1, top)
    return Frame(logits, scale, norm, highest * scale - norm, count, left)


@compiled
def worse(scores: Array, states: Array, one: int, two: int) -> bool:
    """Whether row `one` has the lower score, or the same and came later."""
    if scores[one, SCORE] == scores[two, SCORE]:
        return bool(states[one, AGE] > states[two, AGE])
    return bool(scores[one, SCORE] < scores[two, SCORE])


@compiled
def sink(scores: Array, states: Array, heap: Array, size: int, at: int) -> None:
    """Put heap[at] in its place below; the worst row is on top."""
    moved = heap[at]
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and worse(scores, states, heap[child + 1], heap[child]):
            child += 1
        if worse(scores, states, moved, heap[child]):
            break
        heap[at] = heap[child]
        at = child
    heap[at] = moved


@compiled
def pile(scores: Array, states: Array, heap: Array, size: int) -> None:
    """Make a heap of the first rows."""
    for at in range(size):
        heap[at] = at
    for at in range(size // 2 - 1, -1, -1):
        sink(scores, states, heap, size, at)


@compiled
def stay(tree: Tree, live: Rows, rows: Rows, alive: int, frame: Frame, layers: Layers) -> tuple[int, float]:
    """Live prefixes that stay what they are in this frame -> `rows`; how many, and the best score."""
    # arrays by names of their own: asking a tuple for them counts references, which in a loop costs more than the rest
    nodes, weights, live_states, live_scores = tree.nodes, tree.weights, live.states, live.scores
    states, scores, logits, scale, norm = rows.states, rows.scores, frame.logits, frame.scale, frame.norm
    size, best = ZERO, -np.inf
    blank_now, ends = logits[BLANK] * scale - norm, layers.ruled or layers.worded
    for slot in range(alive):
        node = live_states[slot, NODE]
        if ends and too_far(layers, nodes[node], frame.left):
            continue
        last, parent = nodes[node, CLASS], nodes[node, PARENT]
        blank, letter = live_scores[slot, ACOUSTIC] + blank_now, -np.inf
        if parent >= 0:
            now = logits[last] * scale - norm
            letter = live_scores[slot, IN_LETTER] + now
            above = nodes[parent, SLOT]
            if above >= 0:  # the prefix without its last letter lives too, and may become this one
                way = live_scores[above, IN_BLANK if nodes[parent, CLASS] == last else ACOUSTIC]
                letter = log_add(letter, way + now)
        acoustic = log_add(blank, letter)
        score = acoustic + weights[node, WEIGHT]
        if score == -np.inf:
            continue
        best = max(best, score)
        states[size, NODE], states[size, AGE] = node, size
        scores[size, IN_BLANK], scores[size, IN_LETTER] = blank, letter
        scores[size, ACOUSTIC], scores[size, SCORE] = acoustic, score
        size += 1
    return size, best


@compiled
def grow(
    tree: Tree, live: Rows, rows: Rows, alive: int, frame: Frame, layers: Layers,
    size: int, best: float, threshold: float, heap: Array, marks: Array, stamp: int,
) -> tuple[int, float]:  # fmt: skip
    """Live prefixes with one more letter -> `rows`, the worst of which give way; how many rows, and the best score."""
    nodes, weights, live_states, live_scores = tree.nodes, tree.weights, live.states, live.scores
    states, scores, logits, scale, norm = rows.states, rows.scores, frame.logits, frame.scale, frame.norm
    chosen, stamps, twins, to = marks[0], marks[1], marks[2], np.empty(STATES, np.int32)
    width, age, full, ends = len(heap), size, False, layers.ruled or layers.worded
    for slot in range(alive):
        node = live_states[slot, NODE]
        last, reach = nodes[node, CLASS], weights[node, SETTLED] + layers.slack
        few, begin, end = False, 0, frame.candidates
        if layers.ruled:
            rule = nodes[node, RULE]
            first, behind = np.int64(layers.rules.states[rule, FIRST]), np.int64(layers.rules.states[rule + 1, FIRST])
            if behind - first <= FEW_ARCS and layers.rules.states[rule, BACK] < 0:
                few, begin, end = True, first, behind
        bar = max(best - threshold, scores[heap[0], SCORE]) if full else best - threshold
        if begin == end or (not few and live_scores[slot, ACOUSTIC] + frame.highest + reach < bar):
            continue
        stamp += 1
        child = nodes[node, CHILD]
        while child >= 0:
            stamps[nodes[child, CLASS]], twins[nodes[child, CLASS]] = stamp, child
            child = nodes[child, SIBLING]
        for index in range(begin, end):
            label = np.int64(layers.rules.arcs[index, LABEL]) if few else chosen[index]
            acoustic = live_scores[slot, IN_BLANK if label == last else ACOUSTIC] + logits[label] * scale - norm
            if size == width and not full:
                pile(scores, states, heap, size)
                full = True
            bar = max(best - threshold, scores[heap[0], SCORE]) if full else best - threshold
            if acoustic == -np.inf or acoustic + reach < bar:
                continue
            twin = twins[label] if stamps[label] == stamp else -1
            if twin >= 0:
                if nodes[twin, SLOT] >= 0:
                    continue  # it lives: `stay` has counted this
                for column in range(STATES):
                    to[column] = nodes[twin, column]
                settled, weight = weights[twin, SETTLED], weights[twin, WEIGHT]
            else:
                settled, weight = extend(layers, nodes[node], weights[node, SETTLED], label, to)
            score = acoustic + weight
            if score == -np.inf or score < bar or (full and score == bar):
                continue
            if ends and too_far(layers, to, frame.left):
                continue
            at = heap[0] if full else size
            for column in range(STATES):
                states[at, column] = to[column]
            states[at, NODE], states[at, AGE], states[at, UNDER], states[at, NEW] = twin, age, node, label
            scores[at, SETTLED], scores[at, WEIGHT], scores[at, SCORE] = settled, weight, score
            scores[at, IN_BLANK], scores[at, IN_LETTER], scores[at, ACOUSTIC] = -np.inf, acoustic, acoustic
            age += 1
            best = max(best, score)
            if full:
                sink(scores, states, heap, size, ZERO)
            else:
                size += 1
    return size, best


@compiled
def choose(tree: Tree, live: Rows, rows: Rows, alive: int, size: int, bar: float, made: int) -> tuple[int, int]:
    """Rows that are good enough live on, new ones with a node each, and `live` no longer do; how many live, and nodes.

    Gaps are closed.
    """
    nodes, weights, live_states, states, scores = tree.nodes, tree.weights, live.states, rows.states, rows.scores
    for slot in range(alive):
        nodes[live_states[slot, NODE], SLOT] = -1
    alive = 0
    for at in range(size):
        if scores[at, SCORE] < bar:
            continue
        node = states[at, NODE]
        if node < 0:
            node, parent = made, states[at, UNDER]
            made += 1
            for column in range(STATES):
                nodes[node, column] = states[at, column]
            nodes[node, PARENT], nodes[node, CLASS], nodes[node, CHILD] = parent, states[at, NEW], -1
            nodes[node, SIBLING], nodes[parent, CHILD] = nodes[parent, CHILD], node
            weights[node, SETTLED], weights[node, WEIGHT] = scores[at, SETTLED], scores[at, WEIGHT]
        nodes[node, SLOT], states[alive, NODE] = alive, node
        if at > alive:
            for column in range(IN_BLANK, SCORE + 1):
                scores[alive, column] = scores[at, column]
        alive += 1
    return alive, made


@compiled
def collect(
    tree: Tree, live: Rows, alive: int, heap: Array, layers: Layers, frames: int, count: int
) -> tuple[Array, Array, Array, Array]:
    """The `count` best of the live prefixes that may end here."""
    size = ZERO
    for slot in range(alive):
        node = live.states[slot, NODE]
        score = live.scores[slot, ACOUSTIC] + finish(layers, tree.nodes[node], tree.weights[node, SETTLED])
        if score > -np.inf:
            live.states[size, NODE], live.states[size, AGE] = node, slot
            live.scores[size, ACOUSTIC], live.scores[size, SCORE] = live.scores[slot, ACOUSTIC], score
            size += 1
    pile(live.scores, live.states, heap, size)
    for end in range(size - 1, 0, -1):  # the worst goes to the end, and so on
        heap[0], heap[end] = heap[end], heap[0]
        sink(live.scores, live.states, heap, end, ZERO)
    size = min(size, count)
    found, lengths = np.zeros((size, frames), np.int32), np.zeros(size, np.int64)
    scores, acoustics = np.empty(size), np.empty(size)
    for index in range(size):
        at = heap[index]
        scores[index], acoustics[index] = live.scores[at, SCORE], live.scores[at, ACOUSTIC]
        node, length = live.states[at, NODE], 0
        while node > 0:
            node, length = np.int64(tree.nodes[node, PARENT]), length + 1
        lengths[index], node = length, live.states[at, NODE]
        while node > 0:
            length -= 1
            found[index, length] = tree.nodes[node, CLASS]
            node = np.int64(tree.nodes[node, PARENT])
    return found, lengths, scores, acoustics


@compiled
def search(
    logits: Array, norms: Array, scale: float, layers: Layers,
    width: int, most: int, least: float, top: int, threshold: float, count: int,
) -> tuple[Array, Array, Array, Array]:  # fmt: skip
    """logits float32 (T, C), norms float64 (T,): log-probabilities are logits * scale - norms -> `count` best readings.

    Gives classes int32 (n, T), and lengths, scores and acoustic scores (n,).
    At most `width` prefixes live at a time, none of them worse than the best by more than `threshold`; `most` is how
    many can ever be made. Classes below `least` or outside the `top` of a frame begin nothing there. Of equal scores
    the one found first is better; in each frame prefixes that stay come first, then their extensions by class (the
    likelier first where `top` is set).
    """
    frames, classes = logits.shape
    tree = Tree(np.empty((most, 9), np.int32), np.empty((most, 2)))
    live = Rows(np.empty((width, 8), np.int64), np.empty((width, 6)))
    rows = Rows(np.empty((width, 8), np.int64), np.empty((width, 6)))
    heap, marks = np.empty(width, np.int64), np.zeros((3, classes), np.int64)
    root = tree.nodes[0]
    root[SYMBOL], root[RULE], root[STEM], root[WORD] = layers.start, layers.rule_start, 0, layers.word_start
    root[PARENT], root[CLASS], root[CHILD], root[SIBLING], root[SLOT] = -1, BLANK, -1, -1, 0
    tree.weights[0] = 0.0
    live.states[0, NODE] = 0
    live.scores[0, IN_BLANK], live.scores[0, IN_LETTER], live.scores[0, ACOUSTIC] = 0.0, -np.inf, 0.0
    alive, made, stamp = ONE, ONE, ZERO
    for index in range(frames):
        frame = look(logits[index], scale, norms[index], least, top, frames - index - 1, marks[0])
        size, best = stay(tree, live, rows, alive, frame, layers)
        if frame.candidates or layers.ruled:
            size, best = grow(tree, live, rows, alive, frame, layers, size, best, threshold, heap, marks, stamp)
            stamp += alive
        alive, made = choose(tree, live, rows, alive, size, best - threshold, made)
        live, rows = rows, live
    return collect(tree, live, alive, heap, layers, frames, count)
