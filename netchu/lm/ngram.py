"""A back-off n-gram model that is ready to walk: its automaton, its vocabulary, and what is known of its making."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netchu.compiled import compiled
from netchu.decode.automaton import Automaton
from netchu.decode.walk import Walk, fall, final, pack, step
from netchu.errors import NetchuError
from netchu.lm.guard import Sketch
from netchu.lm.symbols import Unit, splitter
from netchu.text import Charset, Form, canonical

_ENOUGH = 0.5  # of the alphabet's letters, or of the vocabulary's words: below it a model is for something else
_BREAK = -2  # between two lines in a row of labels


@dataclass(frozen=True, eq=False)
class NGram:
    """Symbols and their log-probabilities (nats) after the `order` - 1 before them. Label i is `vocabulary[i]`.

    The automaton starts after the start of a line; its `finals` are the line's end. A symbol that is not in the
    vocabulary has no label: it costs what backing off to the empty context costs and then `unknown`, and the walk
    goes on from `automaton.empty`. A context's state stands for the longest end of it that the model has;
    `depths[n]` states have n symbols, and states are numbered by that, the empty context being 0.
    """

    name: str
    unit: Unit
    order: int
    form: Form  # the Unicode form of the symbols
    vocabulary: tuple[str, ...]
    automaton: Automaton
    unknown: float
    depths: tuple[int, ...]
    sketch: Sketch | None = None  # of the lines it was made from; None: not known
    about: dict[str, Any] = field(default_factory=dict)  # sources, terms, counts: whatever JSON can say

    @cached_property
    def index(self) -> dict[str, int]:
        """Symbol -> label."""
        return {symbol: label for label, symbol in enumerate(self.vocabulary)}

    @cached_property
    def walk(self) -> Walk:
        """The automaton for compiled code, packed at the first use."""
        return pack(self.automaton)

    def labels(self, text: str) -> list[int]:
        """The labels of a text in any Unicode form, -1 for symbols that are unknown."""
        return [self.index.get(symbol, -1) for symbol in splitter(self.unit)(canonical(text, self.form))]

    def score(self, text: str) -> float:
        """Log-probability (nats) of the text as a whole line, its end included."""
        return float(self.log_probs([text]).sum())

    def log_probs(self, texts: Iterable[str]) -> NDArray[np.float64]:
        """What every symbol of the texts, and each text's end behind them, is given: nats, one after the other."""
        row: list[int] = []
        for text in texts:
            row += [*self.labels(text), _BREAK]
        return np.asarray(_walk(self.walk, np.array(row, np.int64), self.automaton.start, self.unknown), np.float64)

    def bits(self, texts: Iterable[str]) -> float:
        """Bits a character of the canonical texts (ends of lines among the characters): lower is better.

        Comparable between models of characters; one of words says nothing of what stands between them.
        Raises NetchuError when the texts hold nothing.
        """
        lines = [line for line in (canonical(text, self.form) for text in texts) if line]
        if not lines:
            raise NetchuError("no text to measure a language model on; every line is empty")
        return -float(self.log_probs(lines).sum()) / math.log(2) / sum(len(line) + 1 for line in lines)

    def perplexity(self, texts: Iterable[str]) -> float:
        """Perplexity per symbol, the ends of lines included. Raises NetchuError when the texts hold nothing."""
        found = self.log_probs(text for text in texts if canonical(text))
        if not len(found):
            raise NetchuError("no text to measure a language model on; every line is empty")
        return math.exp(-float(found.mean()))

    def classes(self, charset: Charset) -> NDArray[np.int32]:
        """int32 (C,): the label of each class of a reader, -1 for the blank and for what the model does not know.

        A class that is several code points in the model's Unicode form has no label. Raises ValueError for a model of
        words, which has no label for a character.
        """
        if self.unit != "char":
            raise ValueError("a model of words has no labels for characters; walk it word by word")
        return np.array(
            [self.index.get(" " if symbol == " " else canonical(symbol, self.form), -1) for symbol in charset.symbols],
            np.int32,
        )

    def require(self, charset: Charset) -> None:
        """Raises NetchuError when the model is for another alphabet than a reader with this charset.

        Of a model of words, half the words must be writable; see require_alphabet for one of characters.
        """
        if self.unit == "word":
            letters = {char for symbol in charset.symbols for char in symbol}
            writable = sum(letters.issuperset(canonical(word, charset.form)) for word in self.vocabulary)
            if writable < _ENOUGH * len(self.vocabulary):
                raise NetchuError(
                    f"language model {self.name}: the reader has the letters for {writable:,} of its "
                    f"{len(self.vocabulary):,} words; it is for another alphabet: choose one of the reader's language"
                )
            return
        require_alphabet(self.name, self.form, self.vocabulary, charset)


def require_alphabet(name: str, form: Form, vocabulary: Iterable[str], charset: Charset) -> None:
    """Raises NetchuError for a model of characters in another alphabet than a reader with this charset.

    It must know half the charset's letters or more, or the charset half of those that it knows: a model of digits
    serves a reader of everything.
    """
    letters = {symbol for symbol in charset.symbols if symbol.isalnum()}
    own = {symbol for symbol in vocabulary if symbol.isalnum()}
    known = {symbol for symbol in letters if canonical(symbol, form) in own}
    if len(known) < _ENOUGH * len(letters) and len(known) < _ENOUGH * len(own):
        why = f"; it is of Unicode form {form}, the reader of {charset.form}" if form != charset.form else ""
        raise NetchuError(
            f"language model {name}: knows {len(known)} of the reader's {len(letters)} letters and digits"
            f"{why}; it is for another alphabet: choose one of the reader's language"
        )


@compiled
def _walk(walk: Walk, labels: Any, start: int, unknown: float) -> Any:
    """Log-probabilities of a row of labels; _BREAK ends a line, and other labels below 0 are unknown."""
    found = np.empty(len(labels), np.float64)
    state = start
    for index in range(len(labels)):
        label = labels[index]
        if label == _BREAK:
            found[index] = final(walk, state)
            state = start
            continue
        if label >= 0:
            after, weight = step(walk, state, label)
            found[index] = weight
            if after >= 0:
                state = after
                continue
        state, weight = fall(walk, state)
        found[index] = weight + unknown
    return found
