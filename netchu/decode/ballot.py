"""One voter and one line: what it read, and how likely it finds any other text (compiled by Numba)."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from netchu.compiled import compiled
from netchu.decode.frames import log_probabilities
from netchu.decode.reading import BLANK, Reading
from netchu.errors import NetchuError
from netchu.text import Charset, Form

FLOOR = -300.0  # nats: a text that a voter finds less likely, or has not the frames for, it finds as likely as that

Text = tuple[str, ...]  # by grapheme
Labels = NDArray[np.int64]
Floats = NDArray[np.float64]


class Spelling(NamedTuple):
    """The classes of a text, and how many of them each of its graphemes has."""

    labels: Labels
    counts: Labels


@dataclass(frozen=True, eq=False)
class Ballot:
    """What one voter saw of a line, logits (T, C) of which `length` frames are real, and what it read there.

    `weight` is what its log-probabilities count against those of others. Raises NetchuError for one that is not above
    0, for logits of another charset and a temperature that is none.
    """

    logits: NDArray[Any] = field(repr=False)
    length: int
    charset: Charset
    reading: Reading
    temperature: float = 1.0
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.weight < np.inf:
            raise NetchuError(f"a vote's weight is {self.weight}; it must be above 0")
        _ = self.log_probs

    @cached_property
    def log_probs(self) -> Floats:
        """(T, C + 1): the last class is all but the blank, which says nothing of a letter that the voter lacks."""
        known, _ = log_probabilities(self.logits, self.length, self.temperature, len(self.charset))
        with np.errstate(divide="ignore"):
            written = np.log1p(-np.minimum(np.exp(known[:, BLANK]), 1.0))
        return np.concatenate([known, written[:, None]], axis=1)

    def texts(self) -> list[str]:
        """The reading and those ranked with it, best first."""
        found = [self.reading.classes, *(classes for classes, _ in self.reading.ranked)]
        return [self.charset.decode(classes) for classes in dict.fromkeys(found)]

    def classes(self, symbol: str) -> tuple[int, ...]:
        """The classes that write a grapheme: several in a decomposed form, none for a space that it never writes."""
        found = self._spelt.get(symbol)
        if found is None:
            written = unicodedata.normalize(cast(Form, self.charset.form), symbol)
            if written in self.index:
                found = (self.index[written],)
            elif symbol == " ":
                found = ()
            elif self.charset.missing(written):
                found = (len(self.charset),)
            else:
                found = tuple(self.charset.encode(written))
            self._spelt[symbol] = found
        return found

    def spell(self, text: Text) -> Spelling:
        """How the voter writes a text."""
        found = self._spellings.get(text)
        if found is None:
            written = [self._spelt.get(symbol) or self.classes(symbol) for symbol in text]
            labels = np.fromiter(chain.from_iterable(written), np.int64)
            found = self._spellings[text] = Spelling(labels, np.fromiter(map(len, written), np.int64, len(written)))
        return found

    def fits(self, text: Text) -> bool:
        """Whether there are frames enough for the text."""
        labels = self.spell(text).labels
        return len(labels) + int((labels[1:] == labels[:-1]).sum()) <= len(self.log_probs)

    def scores(self, texts: Sequence[Text]) -> Floats:
        """Log-probability (nats) of each text over all paths that spell it, FLOOR at least; 0 for all without frames.

        By the forward algorithm (Graves et al. 2006, section 4.1).
        """
        if not len(self.log_probs):
            return np.zeros(len(texts))
        spelt = [self.spell(text).labels for text in texts]
        offsets = np.cumsum([0, *map(len, spelt)])
        return np.maximum(FLOOR, _forward(self._probs, np.concatenate(spelt), offsets)) if texts else np.zeros(0)

    @cached_property
    def index(self) -> dict[str, int]:
        """The class of each symbol."""
        return {symbol: index for index, symbol in enumerate(self.charset.symbols) if index}

    @cached_property
    def _probs(self) -> Floats:
        return np.exp(self.log_probs)

    @cached_property
    def _spelt(self) -> dict[str, tuple[int, ...]]:
        return {}

    @cached_property
    def _spellings(self) -> dict[Text, Spelling]:
        return {}


@compiled
def _forward(probs: Floats, classes: Labels, offsets: Labels) -> Floats:
    """Log-probabilities of texts i, classes[offsets[i] : offsets[i + 1]], under probs (T, C); -inf: impossible.

    Every frame's probabilities are divided by their sum, so that they stay in range: what then falls below 1e-200 is
    of texts below FLOOR.
    """
    frames = len(probs)
    found = np.empty(len(offsets) - 1)
    for index in range(len(found)):
        labels = classes[offsets[index] : offsets[index + 1]]
        states, log_prob = 2 * len(labels) + 1, 0.0
        ahead = np.zeros(states)
        ahead[0] = 1.0  # before the first frame
        for frame in range(frames):
            total = 0.0
            # beyond these there is no way there yet, or none to the end any more; downwards, for the last frame's sake
            for state in range(min(states, 2 * frame + 2) - 1, max(0, states - 2 * (frames - frame)) - 1, -1):
                value, place = ahead[state], state >> 1
                if state > 0:
                    value += ahead[state - 1]
                if state & 1:
                    if place > 0 and labels[place] != labels[place - 1]:
                        value += ahead[state - 2]
                    value *= probs[frame, labels[place]]
                else:
                    value *= probs[frame, BLANK]
                if value < 1e-200:
                    value = 0.0
                ahead[state] = value
                total += value
            if total <= 0.0:
                log_prob = -np.inf
                break
            log_prob += np.log(total)
            ahead /= total
        end = ahead[states - 1] + (ahead[states - 2] if states > 1 else 0.0)
        found[index] = log_prob + np.log(end) if end > 0.0 and log_prob > -np.inf else -np.inf
    return found
