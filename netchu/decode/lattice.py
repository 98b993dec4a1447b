"""How sure a reading is: its exact CTC probability and that of every text one edit away (compiled by Numba).

All come from one forward-backward pass over the frames (Graves et al. 2006, section 4.1), whatever decoder read the
text. A character is as sure as its text is against those with another class, or none, in its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netchu.compiled import compiled
from netchu.decode.reading import BLANK
from netchu.decode.viterbi import best_path
from netchu.errors import NetchuError

TOLERANCE = 1e-6  # of the text's own probability: at most twice this is left out of each neighbour's
FLOOR = 1e-20  # probabilities below this are taken for it, so that unlikely texts do not underflow
BAND = 24  # states to either side of the best path that are looked at: a dozen characters out of step

Frames = NDArray[np.float32]
Table = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Neighbours:
    """A text's log-probability, the frames of its best path, and its neighbours' probabilities divided by its own."""

    log_prob: float  # nats, over all paths that spell it
    spans: Labels  # (n, 2): first frame and one past the last frame of each character
    replaced: Table  # (n, C): class c instead of character i, so 1 for its own; class 0: nothing instead
    inserted: Table  # (n + 1, C): class c before character i or at the end; 0 for class 0


def neighbours(logits: NDArray[np.floating[Any]], classes: Sequence[int], temperature: float = 1.0) -> Neighbours:
    """logits (T, C) of the real frames of a line, and the classes of a text of it, without blanks -> its neighbours.

    A text too unlikely for float64 has log_prob -inf and empty tables. Raises NetchuError when it needs more frames
    than there are, ValueError for classes that they do not have.
    """
    labels = np.asarray(classes, np.int64)
    frames, width = logits.shape
    if len(labels) and (labels.min() < 0 or labels.max() >= width or (labels == BLANK).any()):
        raise ValueError(f"classes must be in 1..{width - 1} and not the blank, class {BLANK}")
    needed = len(labels) + int((labels[1:] == labels[:-1]).sum())
    if needed > frames:
        raise NetchuError(f"the text needs {needed} frames and the line has {frames}; check that they belong together")
    probs = probabilities(logits, temperature)
    top = probs[:, 1:].max(1, initial=0.0)
    path = np.zeros(0, np.int64)
    if frames:
        path, _ = best_path(np.log(probs[:, np.concatenate([[BLANK], labels])].astype(np.float64)), labels)
    log_prob, replaced, inserted = _neighbours(probs, top, labels, path, TOLERANCE)
    odd = np.arange(1, 2 * len(labels), 2)
    spans = np.stack([np.searchsorted(path, odd, "left"), np.searchsorted(path, odd, "right")], axis=1)
    return Neighbours(float(log_prob), spans, replaced, inserted)


def probabilities(logits: NDArray[np.floating[Any]], temperature: float = 1.0) -> Frames:
    """Softmax over classes of logits / temperature (Guo et al. 2017), none under FLOOR.

    Frames that are not numbers are blanks, as they are for beam search, which says so in its note.
    """
    probs: Frames = np.array(logits, np.float32)
    with np.errstate(invalid="ignore"):
        probs -= probs.max(1, keepdims=True)
        probs *= np.float32(1 / temperature)
        np.exp(probs, out=probs)
        sums = probs.sum(1, keepdims=True)
        probs /= sums
    probs[~np.isfinite(sums[:, 0])] = np.eye(1, probs.shape[1], BLANK, np.float32)
    np.maximum(probs, np.float32(FLOOR), out=probs)
    return probs


@compiled
def _sweep(probs: Frames, labels: Labels, path: Labels) -> tuple[Table, Table, Table, float]:
    """Forward (T + 1, S) and backward (T + 1, S) probabilities of the text, the divisors that keep them in range, and
    what they leave of the text's probability.

    ahead[t, s]: the first t frames spell the text up to state s; behind[t, s]: the rest spell it from state s on, the
    frame t in it. A frame's are both divided by the sum of the forward ones, so that their products stay comparable.
    """
    frames, count = len(probs), len(labels)
    states = 2 * count + 1
    ahead, behind = np.zeros((frames + 1, states)), np.zeros((frames + 1, states))
    divisors = np.ones(frames + 1)
    ahead[0, 0] = 1.0
    for frame in range(frames):
        total = 0.0
        for state in range(max(0, path[frame] - BAND), min(states, path[frame] + BAND + 1)):
            place = state >> 1
            value = ahead[frame, state]
            if state > 0:
                value += ahead[frame, state - 1]
            if state & 1:
                if state > 1 and labels[place] != labels[place - 1]:
                    value += ahead[frame, state - 2]
                value *= probs[frame, labels[place]]
            else:
                value *= probs[frame, 0]
            ahead[frame + 1, state] = value
            total += value
        if total <= 0.0:
            return ahead, behind, divisors, 0.0
        divisors[frame + 1] = total
        for state in range(max(0, path[frame] - BAND), min(states, path[frame] + BAND + 1)):
            ahead[frame + 1, state] /= total
    behind[frames, states - 1] = 1.0
    for frame in range(frames - 1, -1, -1):
        for state in range(max(0, path[frame] - BAND), min(states, path[frame] + BAND + 1)):
            place = state >> 1
            value = behind[frame + 1, state]
            if state + 1 < states:
                value += behind[frame + 1, state + 1]
            if state & 1:
                if state + 2 < states and labels[place] != labels[place + 1]:
                    value += behind[frame + 1, state + 2]
                value *= probs[frame, labels[place]]
            else:
                value *= probs[frame, 0]
            behind[frame, state] = value / divisors[frame + 1]
    whole = ahead[frames, states - 1]
    if count:
        whole += ahead[frames, states - 2]
    return ahead, behind, divisors, whole


@compiled
def _window(before: Table, after: Table, top: Frames, divisors: Table, allowed: float) -> tuple[int, int]:
    """The frames that a new character between two parts of a text may fill: what lies outside is at most 2 * allowed.

    before and after (T + 1,): the parts' probabilities by the frame between them. The bound is that of a character
    that has the likeliest class in every frame.
    """
    frames = len(top)
    reach = np.zeros(frames + 1)
    for frame in range(frames - 1, -1, -1):
        reach[frame] = (reach[frame + 1] + after[frame + 1]) * top[frame] / divisors[frame + 1]
    first, lost = 0, 0.0
    while first < frames:
        lost += before[first] * reach[first]
        if lost > allowed:
            break
        first += 1
    running = 0.0
    for frame in range(first, frames):
        running = (running + before[frame]) * top[frame] / divisors[frame + 1]
        reach[frame + 1] = running * after[frame + 1]
    last, lost = frames, 0.0
    while last > first:
        lost += reach[last]
        if lost > allowed:
            break
        last -= 1
    return first, last


@compiled
def _between(
    probs: Frames, top: Frames, swept: tuple[Table, Table, Table, float], labels: Labels, path: Labels,
    left: int, right: int, tolerance: float, out: Table,
) -> None:  # fmt: skip
    """Into out (C,): the probability of labels[:left] + [c] + labels[right:] over the text's own, for every class c."""
    ahead, behind, divisors, whole = swept
    width, count = probs.shape[1], len(labels)
    # beyond these frames the band has nothing of the one part or of the other
    begin = np.searchsorted(path, 2 * left - 1 - BAND)
    end = np.searchsorted(path, 2 * right + 1 + BAND, "right")
    ahead, behind, divisors = ahead[begin : end + 1], behind[begin : end + 1], divisors[begin : end + 1]
    probs = probs[begin:end]
    # the part before may end in its last label or in a blank, the part after begin so
    before, after = ahead[:, 2 * left].copy(), behind[:, 2 * right].copy()
    if left > 0:
        before += ahead[:, 2 * left - 1]
    if right < count:
        after += behind[:, 2 * right + 1]
    first, last = _window(before, after, top[begin:end], divisors, tolerance * whole)
    running = np.zeros(width)  # the character has begun, and has not ended
    for frame in range(first, last):
        began, ends, scale = before[frame], after[frame + 1] / whole, 1.0 / divisors[frame + 1]
        for label in range(width):
            running[label] = (running[label] + began) * (probs[frame, label] * scale)
            out[label] += running[label] * ends
    out[0] = 0.0
    for place in (left - 1, right):  # a class equal to a neighbour's needs a blank between the two
        if 0 <= place < count:
            label = labels[place]
            same_left, same_right = left > 0 and labels[left - 1] == label, right < count and labels[right] == label
            one, total = 0.0, 0.0
            for frame in range(first, last):
                began = ahead[frame, 2 * left] if same_left else before[frame]
                one = (one + began) * probs[frame, label] / divisors[frame + 1]
                total += one * (behind[frame + 1, 2 * right] if same_right else after[frame + 1])
            out[label] = total / whole


@compiled
def _without(ahead: Table, behind: Table, whole: float, labels: Labels, place: int) -> float:
    """The probability of the text without one label, over that of the text."""
    frames, count = len(ahead) - 1, len(labels)
    if place == count - 1:
        return float(ahead[frames, 2 * place] + (ahead[frames, 2 * place - 1] if place else 0.0)) / whole
    total = 0.0
    for frame in range(frames):  # the first one of the label after
        left = ahead[frame, 2 * place]
        if place > 0 and labels[place - 1] != labels[place + 1]:
            left += ahead[frame, 2 * place - 1]
        total += left * behind[frame, 2 * place + 3]
    return total / whole


@compiled
def _neighbours(
    probs: Frames, top: Frames, labels: Labels, path: Labels, tolerance: float
) -> tuple[float, Table, Table]:
    """The log-probability of the text (-inf: impossible) and the tables of Neighbours."""
    count, width = len(labels), probs.shape[1]
    replaced, inserted = np.zeros((count, width)), np.zeros((count + 1, width))
    swept = _sweep(probs, labels, path)
    ahead, behind, divisors, whole = swept
    if not whole > 0.0:
        return -np.inf, replaced, inserted
    for place in range(count):
        _between(probs, top, swept, labels, path, place, place + 1, tolerance, replaced[place])
        replaced[place, 0] = _without(ahead, behind, whole, labels, place)
    for gap in range(count + 1):
        _between(probs, top, swept, labels, path, gap, gap, tolerance, inserted[gap])
    return np.log(whole) + np.log(divisors).sum(), replaced, inserted
