"""What a prefix of a beam weighs besides what the network says: compiled walks of language model, grammar and words."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netchu.compiled import compiled
from netchu.decode.walk import BACK, BACK_WEIGHT, FIRST, TARGET, Walk, fall, final, find, nats, place, step

Array = NDArray[Any]
GAP, LETTER = 0, 1  # classes between words, and in them
PLAIN, NGRAMS, FORECAST, SAMPLE = 0, 1, 2, 3  # what words weigh: netchu.decode.search.MODES
OUTSIDE = -1  # the stem of a word that is not in the lexicon
SYMBOL, RULE, STEM, WORD = range(4)  # the columns of a prefix's states
SYMBOL_LABEL, KIND = range(2)  # of `classes`
FIRST_WORD, LAST_WORD, MISSING = range(3)  # of `stems`


class Layers(NamedTuple):
    """All that a prefix is weighed by besides the network. Who is not there is an automaton of one state."""

    bonus: float  # added for every character
    slack: float  # the most that a character can add, all layers taken together
    classes: Array  # int32 (C, 2): the label of each class in `symbols`, -1 unknown; and GAP or LETTER
    symbols: Walk  # language model over characters
    start: int
    alpha: float  # its weight; 0: it is not asked
    unknown: float
    rules: Walk  # grammar over classes
    remaining: Array  # int32: the fewest labels from a state of it to an end
    rule_start: int
    ruled: bool
    trie: Walk  # words over classes
    stems: Array  # int32 (S, 3): the words below its states, from the first up to, without, the last; labels to an end
    worded: bool
    mode: int
    sample: int  # words that SAMPLE looks at
    words: Walk  # language model over the words of the lexicon
    sums: Array  # float64 (A, 2): see lexicon.Words
    word_start: int
    word_empty: int
    word_alpha: float
    word_bonus: float
    word_unknown: float
    penalty: float  # for a word outside the lexicon; inf: there are none


@compiled
def mass(words: Walk, sums: Array, state: int, first: int, last: int) -> float:
    """Probability that the word after `state` is one of first ... last - 1: exact, and about as fast as of one."""
    total, share = 0.0, 1.0
    while True:
        low, high = place(words, state, first), place(words, state, last)
        own = missing = 0.0
        if high > low:
            own, missing = sums[high - 1, 0], sums[high - 1, 1]
            if low > words.states[state, FIRST]:
                own -= sums[low - 1, 0]
                missing -= sums[low - 1, 1]
        total += share * own
        if words.states[state, BACK] < 0:
            return total
        share *= np.exp(nats(words.states[state, BACK_WEIGHT]))
        total -= share * missing
        state = np.int64(words.states[state, BACK])


@compiled
def sampled_mass(words: Walk, sample: int, state: int, first: int, last: int) -> float:
    """The same, estimated from `sample` words that lie evenly among them."""
    count = min(last - first, sample)
    total = 0.0
    for index in range(count):
        _, weight = step(words, state, first + (index * (last - first)) // count)
        total += np.exp(weight)
    return float(total * (last - first) / count)


@compiled
def weigh_unknown(layers: Layers, word: int) -> float:
    """What a word outside the lexicon weighs after the words before it."""
    if layers.mode == PLAIN or layers.penalty == np.inf:
        return -layers.penalty
    _, weight = fall(layers.words, word)
    return layers.word_alpha * (weight + layers.word_unknown) - layers.penalty


@compiled
def look_ahead(layers: Layers, stem: int, word: int) -> float:
    """What the word that begins with `stem` will weigh, as far as the mode looks ahead; -inf: there is no such word."""
    if stem == OUTSIDE:
        return weigh_unknown(layers, word)
    if layers.mode < FORECAST:
        return 0.0
    first, last = np.int64(layers.stems[stem, FIRST_WORD]), np.int64(layers.stems[stem, LAST_WORD])
    if layers.mode == FORECAST:
        share = mass(layers.words, layers.sums, word, first, last)
    else:
        share = sampled_mass(layers.words, layers.sample, word, first, last)
    known = layers.word_alpha * np.log(min(max(share, 1e-30), 1.0))  # differences of sums may lose the last digits
    return float(max(known, weigh_unknown(layers, word)))


@compiled
def end_word(layers: Layers, stem: int, word: int) -> tuple[float, int]:
    """What the word `stem` weighs, and the state of the model of words after it; -inf when it must not end here.

    A word of the lexicon that would be likelier as an unknown one counts as that.
    """
    unknown = weigh_unknown(layers, word)
    if stem != OUTSIDE and final(layers.trie, stem) > -np.inf:
        if layers.mode == PLAIN:
            return layers.word_bonus, word
        after, weight = step(layers.words, word, np.int64(layers.stems[stem, FIRST_WORD]))
        if layers.word_alpha * weight >= unknown:
            return layers.word_alpha * weight + layers.word_bonus, after
    return unknown + layers.word_bonus, layers.word_empty


@compiled
def extend(layers: Layers, states: Array, settled: float, label: int, to: Array) -> tuple[float, float]:
    """The states of a prefix with one more character -> `to`; what is settled of its weight, and all; -inf: forbidden.

    What looks ahead in a word that has begun is not settled.
    """
    settled += layers.bonus
    for column in range(4):
        to[column] = states[column]
    if layers.ruled:
        rule, weight = step(layers.rules, np.int64(states[RULE]), label)
        if rule < 0:
            return settled, -np.inf
        to[RULE] = rule
        settled += weight
    if layers.alpha > 0:
        symbol, weight = -1, 0.0
        known = np.int64(layers.classes[label, SYMBOL_LABEL])
        if known >= 0:
            symbol, weight = step(layers.symbols, np.int64(states[SYMBOL]), known)
        if symbol < 0:
            symbol, weight = fall(layers.symbols, np.int64(states[SYMBOL]))
            weight += layers.unknown
        to[SYMBOL] = symbol
        settled += layers.alpha * weight
    if not layers.worded:
        return settled, settled
    stem, word = np.int64(states[STEM]), np.int64(states[WORD])
    if layers.classes[label, KIND] == LETTER:
        if stem != OUTSIDE:
            arc = find(layers.trie, stem, label)
            stem = np.int64(layers.trie.arcs[arc, TARGET]) if arc >= 0 else OUTSIDE
            to[STEM] = stem
        return settled, settled + look_ahead(layers, stem, word)
    if stem != 0:
        weight, word = end_word(layers, stem, word)
        settled += weight
    to[STEM], to[WORD] = 0, word
    return settled, settled


@compiled
def finish(layers: Layers, states: Array, settled: float) -> float:
    """The weight of a prefix as a whole line; -inf when the line must not end here."""
    if layers.ruled:
        settled += final(layers.rules, np.int64(states[RULE]))
    if layers.alpha > 0:
        settled += layers.alpha * final(layers.symbols, np.int64(states[SYMBOL]))
    if layers.worded:
        word = np.int64(states[WORD])
        if states[STEM] != 0:
            weight, word = end_word(layers, np.int64(states[STEM]), word)
            settled += weight
        if layers.mode != PLAIN:
            settled += layers.word_alpha * final(layers.words, word)
    return settled


@compiled
def too_far(layers: Layers, states: Array, left: int) -> bool:
    """Whether more characters are missing to an end than frames are left."""
    if layers.ruled and layers.remaining[states[RULE]] > left:
        return True
    if not layers.worded or layers.penalty < np.inf or states[STEM] == 0:
        return False
    return bool(layers.stems[states[STEM], MISSING] > left)
