"""Small language models to decode with, and what the layers of a beam must weigh, worked out the plain way."""

import itertools
import math
from types import SimpleNamespace
from typing import Any

import numpy as np

from netchu.decode.automaton import Automaton
from netchu.decode.walk import pack
from netchu.text import Charset


def draw_bigrams(rng: np.random.Generator, count: int) -> Automaton:
    """A back-off bigram model over labels 0 .. count - 1 with some bigrams missing; probabilities add up to 1 or less.

    State 0 is the empty context, 1 + v the one after label v, the last one the start.
    """
    offsets, labels, targets, weights, backs = [0], [], [], [], []
    for state in range(count + 2):
        own = list(range(count)) if state == 0 else sorted(rng.permutation(count)[: rng.integers(0, count)])
        shares = rng.dirichlet(np.ones(len(own) + 1))
        labels += own
        targets += [1 + label for label in own]
        weights += np.log(shares[:-1]).tolist()
        backs.append(0.0 if state == 0 else math.log(shares[-1]))
        offsets.append(len(labels))
    finals = rng.uniform(-3, 0, count + 2)
    return Automaton(
        np.array(offsets), np.array(labels, np.uint16), np.array(targets, np.int32), np.array(weights, np.float32),
        np.array([-1] + [0] * (count + 1), np.int32), np.array(backs, np.float32), finals.astype(np.float32),
        start=count + 1,
    )  # fmt: skip


def model(unit: str, vocabulary: tuple[str, ...], automaton: Automaton, unknown: float = -7.0) -> Any:
    """Something like netchu.lm.NGram."""
    index = {symbol: label for label, symbol in enumerate(vocabulary)}

    def classes(charset: Charset) -> np.ndarray:
        return np.array([index.get(symbol, -1) for symbol in charset.symbols], np.int32)

    return SimpleNamespace(
        unit=unit, vocabulary=vocabulary, automaton=automaton, walk=pack(automaton), unknown=unknown, name="drawn",
        classes=classes, require=lambda charset: None,
    )  # fmt: skip


def step(lm: Any, state: int, symbol: str) -> tuple[int, float]:
    """As NGram says it: an unknown symbol costs falling back to the empty context and `unknown`."""
    if symbol in lm.vocabulary:
        after, weight = lm.automaton.step(state, lm.vocabulary.index(symbol))
        if after >= 0:
            return after, weight
    total = lm.unknown
    while lm.automaton.back[state] >= 0:
        total += float(lm.automaton.back_weights[state])
        state = int(lm.automaton.back[state])
    return state, total


def weigh(text: str, beam: Any, classes: tuple[int, ...]) -> float:
    """What all layers of a beam together must add to a reading."""
    total = beam.beta * len(text)
    if beam.grammar is not None:
        total += beam.grammar.score(classes)
    if beam.lm is not None:
        state = beam.lm.automaton.start
        for char in text:
            state, weight = step(beam.lm, state, char)
            total += beam.alpha * weight
        total += beam.alpha * float(beam.lm.automaton.finals[state])
    if beam.lexicon is not None:
        total += weigh_words(text, beam)
    return total


def weigh_words(text: str, beam: Any) -> float:
    lm, total = beam.word_lm, 0.0
    state = lm.automaton.start if lm else -1
    for is_word, chars in itertools.groupby(text, str.isalpha):
        token = "".join(chars)
        if not is_word:
            continue
        total += beam.word_beta
        unknown, known, after = -beam.penalty, -math.inf, state
        if lm:
            unknown += beam.word_alpha * step(SimpleNamespace(**{**vars(lm), "vocabulary": ()}), state, token)[1]
        if token in beam.lexicon:
            known = 0.0
            if lm:
                after, known = step(lm, state, token)
                known *= beam.word_alpha
        if lm and known < unknown:
            after = lm.automaton.empty
        total += max(known, unknown)
        state = after
    return total + (beam.word_alpha * float(lm.automaton.finals[state]) if lm else 0.0)


def spread(logits: np.ndarray) -> np.ndarray:
    """Log-softmax."""
    logits = logits.astype(np.float64)
    top = logits.max(1, keepdims=True)
    return logits - top - np.log(np.exp(logits - top).sum(1, keepdims=True))


def every_reading(log_probs: np.ndarray) -> dict[tuple[int, ...], float]:
    """Log-probability of every reading: all paths there are, added up."""
    frames, count = log_probs.shape
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(count), repeat=frames):
        reading = tuple(state for state, _ in itertools.groupby(path) if state)
        found[reading] = np.logaddexp(found.get(reading, -np.inf), log_probs[np.arange(frames), path].sum())
    return found
