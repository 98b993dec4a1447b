"""CTC token passing: the best path through the words of a lexicon (Graves et al. 2009, PAMI 31(5); Graves 2008, 7.5.2).

A best-path (Viterbi) method: a text is worth its single best path, not all of them. Without a model of words, or with
one that knows no context, words share the states of the letters they begin with, which loses nothing. With a model of
pairs every word has states of its own, because the best word before depends on the word that comes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from netchu.decode.automaton import FORBIDDEN_32, Automaton
from netchu.decode.frames import log_probabilities
from netchu.decode.layers import GAP, LETTER
from netchu.decode.lexicon import Lexicon, make_lexicon, make_words
from netchu.decode.passing import BEGINNING, UNKNOWN, Model, Network, pass_tokens
from netchu.decode.reading import BLANK, Reading
from netchu.decode.sureness import attach
from netchu.errors import NetchuError
from netchu.text import Charset

if TYPE_CHECKING:
    from netchu.lm.ngram import NGram

MOST = 50_000_000  # places in the memory of one line where a part of a path may begin: 12 bytes each


@dataclass(frozen=True, eq=False)
class TokenPassing:
    """Reads words of the lexicon, and between them at least one character that is no letter, whichever is likeliest.

    Words are runs of letters and marks; spaces, signs and digits are free. A path is worth the log-probabilities of
    its classes, plus for each word `word_beta` and `word_alpha` times what the model says. `penalty`: nats taken for a
    word outside the lexicon, whose letters are then free as well; infinite: there are none.

    Raises NetchuError for an empty lexicon, for a model of characters or of more than two words in a row, for options
    that make no sense and, in calls, for a lexicon and line too large for memory.
    """

    charset: Charset
    lexicon: Lexicon | Iterable[str]
    word_lm: NGram | None = None
    word_alpha: float = 0.5
    word_beta: float = 0.0
    penalty: float = math.inf

    def __post_init__(self) -> None:
        if not 0 <= self.word_alpha < math.inf:
            raise NetchuError(f"word_alpha={self.word_alpha}: must be a finite number, 0 or more")
        if not math.isfinite(self.word_beta):
            raise NetchuError(f"word_beta={self.word_beta}: must be a finite number")
        if not self.penalty >= 0:
            raise NetchuError(f"penalty={self.penalty}: must be 0 or more")
        model = self.word_lm
        if model is not None and model.unit == "word" and model.order > 2:
            raise NetchuError(
                f"language model {model.name} is of order {model.order}, token passing takes 1 or 2; "
                "train one of pairs of words, or decode by beam"
            )
        _ = self._network  # what it is made of is wrong now or never

    def __call__(self, logits: NDArray[Any], length: int, temperature: float = 1.0) -> Reading:
        """logits (T, C) of one line, of which `length` frames are real -> what its best path through words says."""
        log_probs, note = log_probabilities(logits, length, temperature, len(self.charset))
        if not len(log_probs):
            return Reading((), (), (), (), note=note)
        if len(log_probs) * self._width > MOST:
            raise NetchuError(
                f"a line of {len(log_probs)} frames and a model of pairs of {len(self.words.words):,} words are too "
                "much for the memory of token passing; use fewer words, a model of order 1, or decode by beam"
            )
        best = np.stack([self._of_kind(log_probs, kind).max(1) for kind in (GAP, LETTER)], axis=1)
        parts, score, kind, part = pass_tokens(log_probs, best, self._network, self._model)
        if score == -np.inf:
            note = "; ".join(filter(None, [note, "no path is possible: a probability of 0 is in the way of all"]))
            return Reading((), (), (), (), note=note)
        classes: tuple[int, ...] = ()
        end = len(log_probs)
        while True:  # from the last part of the best path to the first
            begin = part // self._width if part >= 0 else 0
            classes = self._written(log_probs[begin:end], kind) + classes
            if part < 0:
                return attach(log_probs, classes, ranked=((classes, float(score)),), note=note)
            kind, part, end = int(parts.kind[part]), int(parts.before[part]), begin

    def _written(self, log_probs: NDArray[np.float64], kind: int) -> tuple[int, ...]:
        """The classes of a part of a path: those of a word, or the best of each frame that may stand there."""
        words = self.words.words
        if kind < len(words):
            return tuple(self.charset.encode(words[kind]))
        allowed = self._of_kind(log_probs, LETTER if kind - len(words) == UNKNOWN else GAP)
        seen = allowed if kind - len(words) == BEGINNING else allowed[1:]  # all other parts begin with a character
        seen[:, BLANK] = log_probs[len(log_probs) - len(seen) :, BLANK]
        return tuple(label for label, _ in groupby(allowed.argmax(1).tolist()) if label != BLANK)

    def _of_kind(self, log_probs: NDArray[np.float64], kind: int) -> NDArray[Any]:
        """log_probs, those of other kinds and of the blank -inf."""
        allowed = self.words.kinds == kind
        allowed[BLANK] = False
        return np.where(allowed, log_probs, -np.inf)

    @property
    def _width(self) -> int:
        return self._network.entries + 1 + len(self._model.back)

    @cached_property
    def words(self) -> Lexicon:
        """The lexicon, cut for the charset."""
        return self.lexicon if isinstance(self.lexicon, Lexicon) else make_lexicon(self.lexicon, self.charset)

    @cached_property
    def _automaton(self) -> Automaton | None:
        """The model over the words of the lexicon, after which the history depends on the last word alone."""
        if self.word_lm is None or self.word_alpha == 0:
            return None
        return make_words(self.word_lm, self.words, self.charset).automaton

    @cached_property
    def _model(self) -> Model:
        count, automaton = len(self.words.words), self._automaton
        if automaton is None:
            zero = np.zeros(1)
            unknown = np.full(1, self.word_beta - self.penalty)
            offsets = np.zeros(2, np.int64)
            return Model(offsets, np.zeros(0, np.int32), np.zeros(0), zero, np.zeros(count), unknown, zero, 0, 0)
        weights, back, finals = (
            np.where(array > FORBIDDEN_32, self.word_alpha * automaton.scale * array, -np.inf).astype(np.float64)
            for array in (automaton.weights, automaton.back_weights, automaton.finals)
        )
        empty = automaton.empty
        own = slice(int(automaton.offsets[empty]), int(automaton.offsets[empty + 1]))
        words = np.full(count, -np.inf)
        words[automaton.labels[own]] = weights[own] + self.word_beta
        # the history that knows nothing says of all words what they weigh: it has no arcs of its own
        kept = np.ones(automaton.arcs, bool)
        kept[own] = False
        sizes = np.diff(automaton.offsets).astype(np.int64)
        sizes[empty] = 0
        back[empty] = 0.0
        assert self.word_lm is not None
        unknown = back + self.word_alpha * self.word_lm.unknown + self.word_beta - self.penalty
        return Model(
            np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
            automaton.labels[kept].astype(np.int32),
            weights[kept] + self.word_beta,
            back, words, unknown, finals, int(automaton.start), int(empty),
        )  # fmt: skip

    @cached_property
    def _network(self) -> Network:
        words, automaton = self.words, self._automaton
        count = len(words.words)
        if len(self._model.back) == 1:
            tree = words.trie
            parent = np.empty(tree.states, np.int64)
            parent[tree.targets] = np.repeat(np.arange(tree.states), np.diff(tree.offsets))
            label = np.empty(tree.states, np.int64)
            label[tree.targets] = tree.labels
            parent = parent[1:] - 1  # the start of the trie is no letter
            leaving = self._model.words + (0.0 if automaton is not None else self.word_beta)
            last = np.flatnonzero(tree.finals > FORBIDDEN_32) - 1
            entry = np.where(parent < 0, 0, -1)
            return Network(parent, label[1:], entry, last, leaving, np.zeros(count, np.int64), 1)
        assert automaton is not None
        written = [self.charset.encode(word) for word in words.words]
        sizes = np.array([len(classes) for classes in written])
        last = np.cumsum(sizes) - 1
        parent = np.arange(-1, int(sizes.sum()) - 1)
        entry = np.full(len(parent), -1, np.int64)
        first = last - sizes + 1
        parent[first], entry[first] = -1, np.arange(count)
        after = np.empty(count, np.int64)
        after[automaton.labels] = automaton.targets
        if (after[automaton.labels] != automaton.targets).any():
            raise NetchuError("the model looks at more than one word before; token passing takes pairs of words")
        label = np.array([index for classes in written for index in classes], np.int64)
        return Network(parent, label, entry, last, np.zeros(count), after, count)
