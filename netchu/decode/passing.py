"""Token passing over the frames of a line, compiled: netchu.decode.tokens says what it finds."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netchu.compiled import compiled
from netchu.decode.reading import BLANK

Array = NDArray[Any]
FEW = 16  # histories tried for every word before all of them are
# what a part of a path is besides a word of the lexicon, this many behind the last of them: another word, what stands
# behind a word, and what stands before the first
UNKNOWN, GAPS, BEGINNING = range(3)


class Network(NamedTuple):
    """The states of the words: nodes, each a letter with a blank behind it. Parents come before their children."""

    parent: Array  # int64 (N,): the node of the letter before; -1: a word's first
    label: Array  # int64 (N,)
    entry: Array  # int64 (N,): of a first letter, the entry where words come in; else -1
    last: Array  # int64 (V,): the node of each word's last letter
    leaving: Array  # float64 (V,): added where the word ends
    after: Array  # int64 (V,): the history behind it
    entries: int  # 1: all words come in together; else each by its own


class Model(NamedTuple):
    """What words weigh after H histories, times its weight: the arcs of those that are known to follow, sorted."""

    offsets: Array  # int64 (H + 1,)
    labels: Array  # int32: words
    weights: Array  # float64
    back: Array  # float64 (H,): for a word that is not among a history's arcs, before its own weight
    words: Array  # float64 (V,): that
    unknown: Array  # float64 (H,): for a word outside the lexicon; -inf: there are none
    finals: Array  # float64 (H,)
    start: int
    empty: int  # the history that knows nothing


class Tokens(NamedTuple):
    """The best paths into each state: scores, and the part of the path that each is in, a row of `Parts`; -1: start."""

    letter: Array  # (N,)
    letter_part: Array
    blank: Array  # (N,)
    blank_part: Array
    gap: Array  # (H,): between words
    gap_part: Array
    gap_kind: Array  # whether that part is GAPS or BEGINNING, V added
    unknown: Array  # (1,)
    unknown_part: Array


class Parts(NamedTuple):
    """Where parts of paths begin. Row t * (entries + 1 + H) + i begins in frame t: a word by entry i (behind them one
    outside the lexicon), or what stands between words, with history i - entries - 1."""

    before: Array  # int64: the part before; -1: none but the line's start
    kind: Array  # int32: which word that was, or V + UNKNOWN, GAPS or BEGINNING


@compiled
def pass_tokens(log_probs: Array, best: Array, network: Network, model: Model) -> tuple[Parts, float, int, int]:
    """log_probs float64 (T, C) and the best class between words and letter (T, 2) of each frame.

    Returns the parts, and the best path's score, kind of its last part, and that part.
    """
    frames, histories, nodes, words = len(log_probs), len(model.back), len(network.label), len(network.last)
    width = network.entries + 1 + histories
    parts = Parts(np.full(frames * width, -1, np.int64), np.full(frames * width, -1, np.int32))
    tokens = Tokens(
        np.full(nodes, -np.inf), np.full(nodes, -1, np.int64), np.full(nodes, -np.inf), np.full(nodes, -1, np.int64),
        np.full(histories, -np.inf), np.full(histories, -1, np.int64), np.full(histories, words + BEGINNING, np.int64),
        np.full(1, -np.inf), np.full(1, -1, np.int64),
    )  # fmt: skip
    tokens.gap[model.start] = 0.0
    entering, chosen = np.empty(network.entries), np.zeros(network.entries, np.int64)
    for frame in range(frames):
        row = frame * width
        gap, letter, blank = best[frame, 0], best[frame, 1], log_probs[frame, BLANK]
        if network.entries == 1:
            entering[0], chosen[0] = tokens.gap[0], 0
        else:
            _choose_histories(tokens.gap, model, entering, chosen)
        stranger, after_stranger = -np.inf, 0
        for history in range(histories):
            if tokens.gap[history] + model.unknown[history] > stranger:
                stranger, after_stranger = tokens.gap[history] + model.unknown[history], history
        for entry in range(network.entries + 1):
            history = chosen[entry] if entry < network.entries else after_stranger
            parts.before[row + entry], parts.kind[row + entry] = tokens.gap_part[history], tokens.gap_kind[history]
        _leave(tokens, network, model, parts, row, gap, blank)
        _move(tokens, network, entering, row, log_probs[frame])
        tokens.unknown[0] += max(letter, blank)
        if stranger + letter > tokens.unknown[0]:
            tokens.unknown[0], tokens.unknown_part[0] = stranger + letter, row + network.entries
    score, kind, part = _finish(tokens, network, model)
    return parts, score, kind, part


@compiled
def _choose_histories(gap: Array, model: Model, entering: Array, chosen: Array) -> None:
    """For every word the best history that it can follow, and its score there, what the word weighs included."""
    histories, words = len(gap), len(entering)
    top, size = np.empty(FEW, np.int64), 0  # where words that are not among the arcs come from, best first
    for history in range(histories):
        value = gap[history] + model.back[history]
        if value == -np.inf or (size == FEW and value <= gap[top[size - 1]] + model.back[top[size - 1]]):
            continue
        at = size if size < FEW else FEW - 1
        size = min(size + 1, FEW)
        while at > 0 and gap[top[at - 1]] + model.back[top[at - 1]] < value:
            top[at] = top[at - 1]
            at -= 1
        top[at] = history
    for word in range(words):
        entering[word], chosen[word] = -np.inf, 0
        tried = 0
        while tried < size and _follows(model, top[tried], word):
            tried += 1
        if tried < size:
            history = top[tried]
            entering[word], chosen[word] = gap[history] + model.back[history] + model.words[word], history
        elif size == FEW:
            for history in range(histories):
                value = gap[history] + model.back[history] + model.words[word]
                if value > entering[word] and not _follows(model, history, word):
                    entering[word], chosen[word] = value, history
    for history in range(histories):
        if gap[history] == -np.inf:
            continue
        for arc in range(model.offsets[history], model.offsets[history + 1]):
            value, word = gap[history] + model.weights[arc], model.labels[arc]
            if value > entering[word]:
                entering[word], chosen[word] = value, history


@compiled
def _follows(model: Model, history: int, word: int) -> bool:
    """Whether the word is among the arcs of the history."""
    low, end = model.offsets[history], model.offsets[history + 1]
    high = end
    while low < high:
        middle = (low + high) >> 1
        if model.labels[middle] < word:
            low = middle + 1
        else:
            high = middle
    return bool(low < end and model.labels[low] == word)


@compiled
def _leave(tokens: Tokens, network: Network, model: Model, parts: Parts, row: int, gap: float, blank: float) -> None:
    """The tokens between words after a frame: those that stay there, and those that come out of words."""
    words = len(network.last)
    for history in range(len(model.back)):
        tokens.gap[history] += max(gap, blank)
    first = row + network.entries + 1
    for word in range(-1, words):
        if word < 0:
            value, part, kind, history = tokens.unknown[0], tokens.unknown_part[0], words + UNKNOWN, model.empty
        else:
            node, kind, history = network.last[word], word, network.after[word]
            value, part = tokens.letter[node], tokens.letter_part[node]
            if tokens.blank[node] > value:
                value, part = tokens.blank[node], tokens.blank_part[node]
            value += network.leaving[word]
        if value + gap > tokens.gap[history]:
            tokens.gap[history], tokens.gap_part[history] = value + gap, first + history
            tokens.gap_kind[history] = words + GAPS
            parts.before[first + history], parts.kind[first + history] = part, kind


@compiled
def _move(tokens: Tokens, network: Network, entering: Array, row: int, log_probs: Array) -> None:
    """The tokens in words after a frame. Downwards: those of a node's parent are still the frame's before."""
    for node in range(len(network.label) - 1, -1, -1):
        parent, label = network.parent[node], network.label[node]
        letter, letter_part = tokens.letter[node], tokens.letter_part[node]
        if letter > tokens.blank[node]:
            tokens.blank[node], tokens.blank_part[node] = letter, letter_part
        tokens.blank[node] += log_probs[BLANK]
        if parent < 0:
            entry = network.entry[node]
            if entering[entry] > letter:
                letter, letter_part = entering[entry], row + entry
        else:
            if tokens.blank[parent] > letter:
                letter, letter_part = tokens.blank[parent], tokens.blank_part[parent]
            if tokens.letter[parent] > letter and network.label[parent] != label:
                letter, letter_part = tokens.letter[parent], tokens.letter_part[parent]
        tokens.letter[node], tokens.letter_part[node] = letter + log_probs[label], letter_part


@compiled
def _finish(tokens: Tokens, network: Network, model: Model) -> tuple[float, int, int]:
    """The score, kind of last part and last part of the best path that may end here."""
    words = len(network.last)
    score, kind, part = tokens.unknown[0] + model.finals[model.empty], words + UNKNOWN, tokens.unknown_part[0]
    for history in range(len(model.back)):
        value = tokens.gap[history] + model.finals[history]
        if value > score:
            score, kind, part = value, tokens.gap_kind[history], tokens.gap_part[history]
    for word in range(words):
        node, history = network.last[word], network.after[word]
        value, own = tokens.letter[node], tokens.letter_part[node]
        if tokens.blank[node] > value:
            value, own = tokens.blank[node], tokens.blank_part[node]
        value += network.leaving[word] + model.finals[history]
        if value > score:
            score, kind, part = value, word, own
    return score, kind, part
