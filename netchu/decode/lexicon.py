"""Words that a decoder may write, as a trie over classes, and a language model over them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netchu.compiled import compiled
from netchu.decode.automaton import FORBIDDEN_32, Automaton, lowest, trie
from netchu.decode.layers import GAP, LETTER
from netchu.decode.walk import BACK, FIRST, LABEL, Walk, pack, step
from netchu.errors import NetchuError
from netchu.lm.symbols import words as split_words
from netchu.text import Charset, canonical

if TYPE_CHECKING:
    from netchu.lm.ngram import NGram


LONGEST = 500  # letters: what has more is no word, and one such would make the table of a large lexicon enormous


@dataclass(frozen=True, eq=False)
class Lexicon:
    """Words over the classes of a charset, as netchu.lm.symbols.words cuts them; what stands between them is free.

    Word i is `words[i]`; they are sorted by classes, as the trie has them.
    """

    words: tuple[str, ...]
    trie: Automaton  # state 0 is where words begin
    first: NDArray[np.int32]  # (S,): the words that begin as state s does are first[s] ...
    last: NDArray[np.int32]  # (S,): ... up to, without, last[s]
    kinds: NDArray[np.uint8]  # (C,): LETTER or GAP
    left_out: tuple[str, ...] = ()  # words that the charset has no classes for, or longer than LONGEST


def make_lexicon(texts: Iterable[str], charset: Charset) -> Lexicon:
    """The words in `texts`, each of which may hold one or many. Raises NetchuError when not one can be written."""
    kinds = np.array([LETTER if split_words(symbol) == [symbol] else GAP for symbol in charset.symbols], np.uint8)
    found: dict[str, None] = {}
    for text in texts:
        found.update(dict.fromkeys(split_words(canonical(text, charset.form))))
    if not found:
        raise NetchuError("the lexicon is empty; give it words, one to a line")
    known, left_out = {}, []
    for word in found:
        if len(word) > LONGEST or charset.missing(word):
            left_out.append(word)
        else:
            known[word] = tuple(charset.encode(word))
    if not known:
        raise NetchuError(
            f"none of the lexicon's {len(found):,} words can be written with the model's letters; "
            "it is for another alphabet"
        )
    words = sorted(known, key=lambda word: known[word])
    tree = trie([known[word] for word in words])
    first, last = _ranges(tree)
    return Lexicon(tuple(words), tree, first, last, kinds, tuple(left_out))


def _ranges(tree: Automaton) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The range of words below each state of a trie whose states are numbered depth first."""
    ends = tree.finals > lowest(tree.finals.dtype)
    first: NDArray[np.int64] = np.cumsum(ends) - ends  # ends before the state
    parents = np.empty(tree.states, np.int64)
    parents[tree.targets] = np.repeat(np.arange(tree.states), np.diff(tree.offsets))
    behind = list(range(1, tree.states + 1))  # one past the last state below
    for state, parent in zip(range(tree.states - 1, 0, -1), parents[:0:-1].tolist()):  # children have higher numbers
        behind[parent] = max(behind[parent], behind[state])
    total = np.concatenate([first, [ends.sum()]])
    return first.astype(np.int32), total[behind].astype(np.int32)


class Words(NamedTuple):
    """A language model over the words of a lexicon, and sums with which whole ranges of words are looked up."""

    automaton: Automaton  # label i is word i
    walk: Walk  # the same
    unknown: float  # log-probability (nats) of a word that the model does not know
    sums: NDArray[np.float64]  # (A, 2): probabilities of the arcs of a state up to and with this one; and those that
    # the same words have where the state falls back to, likewise


def make_words(model: NGram | None, lexicon: Lexicon, charset: Charset) -> Words:
    """The words of the lexicon as `model` weighs them; without one, all alike.

    A word of the lexicon that the model does not know is `unknown` to it. Raises NetchuError for a model that is not
    one of words, or knows none of these.
    """
    if model is None:
        automaton, unknown = _alike(len(lexicon.words)), 0.0
    else:
        if model.unit != "word":
            raise NetchuError(f"language model {model.name} is one of characters; word_lm takes one of words")
        places = {word: place for place, word in enumerate(lexicon.words)}
        mapped = [places.get(canonical(word, charset.form), -1) for word in model.vocabulary]
        automaton, unknown = _relabel(model.automaton, mapped, len(lexicon.words), model.unknown), model.unknown
    walk, sums = pack(automaton), np.empty((automaton.arcs, 2))
    _sum_arcs(walk, sums)
    return Words(automaton, walk, unknown, sums)


def _alike(count: int) -> Automaton:
    weights = np.full(count, -np.log(count), np.float32)
    nothing = np.zeros(1, np.float32)
    return Automaton(
        np.array([0, count]), np.arange(count, dtype=np.int32), np.zeros(count, np.int32), weights,
        np.full(1, -1, np.int32), nothing, nothing,
    )  # fmt: skip


def _relabel(model: Automaton, mapped: list[int], count: int, unknown: float) -> Automaton:
    """Arcs get new labels (mapped[label]; -1: dropped); those of `count` that nobody has are `unknown` at the root."""
    labels = np.array(mapped, np.int32)[model.labels]
    if not (labels >= 0).any():
        raise NetchuError("the language model knows none of the lexicon's words; both must be of one language")
    sources = np.repeat(np.arange(model.states), np.diff(model.offsets))
    targets = model.targets.astype(np.int32)
    weights = _to_nats(model.weights, model.scale)
    kept = labels >= 0
    missing = np.setdiff1d(np.arange(count), labels[(sources == model.empty) & kept]).astype(np.int32)
    labels = np.concatenate([labels[kept], missing])
    sources = np.concatenate([sources[kept], np.full(len(missing), model.empty)])
    targets = np.concatenate([targets[kept], np.full(len(missing), model.empty, np.int32)])
    weights = np.concatenate([weights[kept], np.full(len(missing), unknown, np.float32)])
    order = np.lexsort((labels, sources))
    return Automaton(
        np.concatenate([[0], np.cumsum(np.bincount(sources, minlength=model.states))]),
        labels[order], targets[order], weights[order],
        model.back, _to_nats(model.back_weights, model.scale), _to_nats(model.finals, model.scale),
        start=model.start,
    )  # fmt: skip


def _to_nats(weights: NDArray[Any], scale: float) -> NDArray[np.float32]:
    return np.where(weights > lowest(weights.dtype), weights * np.float64(scale), FORBIDDEN_32).astype(np.float32)


@compiled
def _sum_arcs(walk: Walk, sums: NDArray[np.float64]) -> None:
    """Probabilities of each state's arcs added up, and those that the same labels have one context further back."""
    for state in range(len(walk.states) - 1):
        total = back_total = 0.0
        for arc in range(walk.states[state, FIRST], walk.states[state + 1, FIRST]):
            total += np.exp(step(walk, state, np.int64(walk.arcs[arc, LABEL]))[1])
            if walk.states[state, BACK] >= 0:
                back_total += np.exp(step(walk, np.int64(walk.states[state, BACK]), np.int64(walk.arcs[arc, LABEL]))[1])
            sums[arc, 0], sums[arc, 1] = total, back_total
