"""Beam search as a decoder: what is known of the language, and how much it counts against what is seen."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netchu.decode.automaton import NEVER, Automaton, trie
from netchu.decode.beam import search
from netchu.decode.frames import log_norms, real_frames
from netchu.decode.layers import FORECAST, KIND, NGRAMS, PLAIN, SAMPLE, SYMBOL_LABEL, Layers
from netchu.decode.lexicon import Lexicon, Words, make_lexicon, make_words
from netchu.decode.reading import Reading
from netchu.decode.sureness import attach
from netchu.decode.walk import pack
from netchu.errors import NetchuError
from netchu.text import Charset

if TYPE_CHECKING:
    from netchu.lm.ngram import NGram

MODES = {
    "words": PLAIN,  # the lexicon alone
    "ngrams": NGRAMS,  # a word weighs what the model of words says, once it ends
    "forecast": FORECAST,  # and before that what all the words that it may become weigh together
    "sample": SAMPLE,  # the same, estimated from some of those words
}
SAMPLED = 20  # words
READINGS = 64  # that say how sure each of the best one's characters is
MOST = 4_000_000  # prefixes of one line: 200 MB


class Hypothesis(NamedTuple):
    """One reading of a line. `score` is what it was chosen by: `acoustic` and what every layer adds, in nats."""

    classes: tuple[int, ...]
    score: float
    acoustic: float  # log-probability by the network alone, over all of its paths that were not pruned


class _Frames(NamedTuple):
    """What the network says of a line: logits * scale - norms are log-probabilities."""

    logits: NDArray[np.float32]  # (T, C)
    norms: NDArray[np.float64]  # (T,)
    scale: float


class _Found(NamedTuple):
    """What the search gives: n readings, best first."""

    classes: NDArray[np.int32]  # (n, T)
    lengths: NDArray[np.int64]
    scores: NDArray[np.float64]
    acoustics: NDArray[np.float64]

    def hypotheses(self, most: int | None = None) -> list[Hypothesis]:
        return [
            Hypothesis(tuple(row[:length]), score, acoustic)
            for row, length, score, acoustic in zip(
                self.classes[:most].tolist(), self.lengths.tolist(), self.scores.tolist(), self.acoustics.tolist()
            )
        ]


@dataclass(frozen=True, eq=False)
class Beam:
    """CTC prefix beam search with as much as is given of: a model of characters, a grammar, words and a model of them.

    With width=0, threshold=inf, least=-inf and top=0 it is exact. Where nothing fits the grammar or the lexicon, the
    line is read without and the reading's `note` says so. Frames that are not numbers are taken for blanks and noted:
    the rest of the line, and of a batch of thousands, is worth more than an exception. Raises NetchuError for options
    that make no sense and, in calls, for logits of another charset and for a beam that would not fit in memory.
    """

    charset: Charset
    lm: NGram | None = None  # model of characters
    alpha: float = 0.5  # what its log-probabilities are multiplied by
    beta: float = 0.0  # nats added for every character: models prefer short texts
    grammar: Automaton | None = None  # over classes; the whole line must obey
    lexicon: Lexicon | Iterable[str] | None = None  # words; between them stands what is not a letter
    word_lm: NGram | None = None  # model of words
    mode: str = ""  # one of MODES; by default "forecast" with a model of words, else "words"
    word_alpha: float = 0.5
    word_beta: float = 0.0
    penalty: float = math.inf  # nats taken for a word outside the lexicon; infinite: there are none
    width: int = 32  # prefixes that live on after each frame; 0: all, which only very short lines allow
    threshold: float = 16.0  # nats that a prefix may be worse than the best
    least: float = -9.0  # log-probability that a class needs to begin a letter, unless a grammar leaves a few alone
    top: int = 0  # and how many may in a frame, the likeliest first; 0: all
    ranked: int = 5  # readings to give back

    def __post_init__(self) -> None:
        for name in ("alpha", "word_alpha", "penalty", "threshold"):
            if not getattr(self, name) >= 0:
                raise NetchuError(f"{name}={getattr(self, name)}: must be 0 or more")
        for name in ("alpha", "beta", "word_alpha", "word_beta"):
            if not math.isfinite(getattr(self, name)):
                raise NetchuError(f"{name}={getattr(self, name)}: must be a finite number")
        for name, lowest, highest in (("width", 0, MOST), ("top", 0, len(self.charset)), ("ranked", 1, MOST)):
            if not lowest <= getattr(self, name) <= highest:
                raise NetchuError(f"{name}={getattr(self, name)}: must be from {lowest} to {highest}")
        if not self.least <= 0:
            raise NetchuError(f"least={self.least}: is a log-probability, which is never above 0")
        if self.mode and self.mode not in MODES:
            raise NetchuError(f"unknown mode {self.mode!r}; known: {', '.join(MODES)}")
        if self.mode not in ("", "words") and self.word_lm is None:
            raise NetchuError(f"mode {self.mode!r} weighs words; give a model of words, or choose mode 'words'")
        if self.word_lm is not None and (self.lexicon is None or self.mode == "words"):
            raise NetchuError("a model of words needs a lexicon, and any mode but 'words'")
        _ = self.layers, self._free  # what they are made of is wrong now or never

    def __call__(self, logits: NDArray[Any], length: int, temperature: float = 1.0) -> Reading:
        """logits (T, C) of one line, of which `length` frames are real -> the best reading, and others ranked."""
        frames, note = self._frames(logits, length, temperature)
        found = self._search(frames, self.layers)
        if not len(found.lengths):
            found = self._search(frames, self._free)
            note = "; ".join(filter(None, [note, f"nothing that {self._asked} allows fits the line; read without"]))
        if not len(found.lengths):
            return Reading((), (), (), (), note=note)
        ranked = [(best.classes, best.score) for best in found.hypotheses()]
        return attach(frames.logits, ranked[0][0], temperature, ranked, self.ranked, note)

    def search(self, logits: NDArray[Any], length: int, temperature: float = 1.0) -> list[Hypothesis]:
        """The readings that are left at the end, best first, `ranked` of them or up to READINGS; none: nothing fits."""
        frames, _ = self._frames(logits, length, temperature)
        return self._search(frames, self.layers).hypotheses()

    def _search(self, frames: _Frames, layers: Layers) -> _Found:
        width, most = self._room(*frames.logits.shape)
        return _Found(
            *search(
                frames.logits, frames.norms, frames.scale, layers,
                width, most, float(self.least), int(self.top), float(self.threshold), max(int(self.ranked), READINGS),
            )
        )  # fmt: skip

    def _room(self, frames: int, classes: int) -> tuple[int, int]:
        """How many prefixes may live at a time, and how many ever. Raises NetchuError when that is too many."""
        if self.width:
            most = 1 + frames * self.width
            if most > MOST:
                raise NetchuError(
                    f"a width of {self.width} over the line's {frames} frames is {most:,} prefixes, "
                    f"more than {MOST:,}; choose a width of {MOST // frames} or less"
                )
            return self.width, most
        most = power = 1
        for _ in range(frames):
            power *= classes - 1
            most += power
            if most > MOST:
                raise NetchuError(
                    f"a line of {frames} frames and {classes} classes has more than {MOST:,} readings; "
                    "give a width, 32 for instance"
                )
        return most, most

    def _frames(self, logits: NDArray[Any], length: int, temperature: float) -> tuple[_Frames, str]:
        """The real frames, those that are not numbers made blanks, which the note says."""
        frames, note = real_frames(logits, length, len(self.charset))
        norms = log_norms(frames, temperature)
        frames = frames.view()
        frames.flags.writeable = False  # one type of array for Numba, whoever made it
        return _Frames(frames, norms, 1 / float(temperature)), note

    @property
    def _asked(self) -> str:
        return " and ".join(
            name for name, given in (("the grammar", self.grammar), ("the lexicon", self.lexicon)) if given is not None
        )

    @cached_property
    def layers(self) -> Layers:
        """All that is known of the language, as the search takes it."""
        lexicon = self.lexicon
        if lexicon is not None and not isinstance(lexicon, Lexicon):
            lexicon = make_lexicon(lexicon, self.charset)
        layers = self._free
        if self.grammar is not None:
            layers = self._with_rules(layers, self.grammar)
        if lexicon is not None:
            layers = self._with_words(layers, lexicon, make_words(self.word_lm, lexicon, self.charset))
        return layers

    @cached_property
    def _free(self) -> Layers:
        """The model of characters alone: what a line is read with that nothing else fits."""
        layers = _nothing(len(self.charset))._replace(bonus=float(self.beta), slack=max(0.0, float(self.beta)))
        if self.lm is None or self.alpha == 0:
            return layers
        self.lm.require(self.charset)
        classes = layers.classes.copy()
        classes[:, SYMBOL_LABEL] = self.lm.classes(self.charset)
        return layers._replace(
            classes=classes,
            symbols=self.lm.walk,
            start=self.lm.automaton.start,
            alpha=float(self.alpha),
            unknown=float(self.lm.unknown),
        )

    def _with_rules(self, layers: Layers, rules: Automaton) -> Layers:
        if rules.arcs and int(rules.labels.max()) >= len(self.charset):
            raise NetchuError(
                f"the grammar has class {rules.labels.max()} and the model {len(self.charset)} classes; "
                "make the grammar for this model's charset"
            )
        if rules.remaining[rules.start] == NEVER:
            raise NetchuError("the grammar allows no text at all; check what it was made from")
        heaviest = rules.weight(rules.weights.max()) if rules.arcs else 0.0
        return layers._replace(
            slack=layers.slack + max(0.0, heaviest),
            rules=pack(rules),
            remaining=rules.remaining,
            rule_start=rules.start,
            ruled=True,
        )

    def _with_words(self, layers: Layers, lexicon: Lexicon, words: Words) -> Layers:
        weighed = self.word_lm is not None and self.word_alpha > 0
        classes = layers.classes.copy()
        classes[:, KIND] = lexicon.kinds
        return layers._replace(
            slack=layers.slack + max(0.0, float(self.word_beta)),
            classes=classes,
            trie=pack(lexicon.trie),
            stems=np.stack([lexicon.first, lexicon.last, lexicon.trie.remaining], axis=1),
            worded=True,
            mode=MODES[self.mode or "forecast"] if weighed else PLAIN,
            words=words.walk,
            sums=words.sums,
            word_start=words.automaton.start,
            word_empty=words.automaton.empty,
            word_alpha=float(self.word_alpha),
            word_bonus=float(self.word_beta),
            word_unknown=float(words.unknown),
            penalty=float(self.penalty),
        )


def _nothing(classes: int) -> Layers:
    """No layer at all: prefixes weigh what the network says."""
    empty, nothing = pack(trie([[]])), np.full((classes, 2), -1, np.int32)
    return Layers(
        bonus=0.0, slack=0.0, classes=nothing,
        symbols=empty, start=0, alpha=0.0, unknown=0.0,
        rules=empty, remaining=np.zeros(1, np.int32), rule_start=0, ruled=False,
        trie=empty, stems=np.zeros((1, 3), np.int32), worded=False, mode=PLAIN, sample=SAMPLED,
        words=empty, sums=np.zeros((0, 2)), word_start=0, word_empty=0,
        word_alpha=0.0, word_bonus=0.0, word_unknown=0.0, penalty=math.inf,
    )  # fmt: skip
