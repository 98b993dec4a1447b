"""What a decoder knows of the language, asked about whole texts: the judge of a vote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netchu.compiled import compiled
from netchu.decode.layers import LETTER, RULE, STEM, SYMBOL, WORD, Layers, extend, finish
from netchu.decode.reading import Decoder
from netchu.decode.rerank import Rerank
from netchu.decode.rescore import Rescoring
from netchu.decode.search import Beam
from netchu.decode.tokens import TokenPassing
from netchu.decode.vote import Judge
from netchu.text import Charset, canonical

FOREIGN = "\uffff"  # stands for every letter that the charset lacks; no text has it: it is no character


def judge_of(decoder: Decoder) -> Judge | None:
    """What a decoder adds to the log-probability of a text, in nats, -inf for texts that it may never read.

    None for one that adds nothing and forbids nothing.
    """
    if isinstance(decoder, Beam):
        known = (decoder.lm, decoder.grammar, decoder.lexicon)
        return Opinion(decoder) if decoder.beta or any(each is not None for each in known) else None
    if isinstance(decoder, TokenPassing):
        return Opinion(
            Beam(
                decoder.charset, lexicon=decoder.words, word_lm=decoder.word_lm, word_alpha=decoder.word_alpha,
                word_beta=decoder.word_beta, penalty=decoder.penalty,
            )
        )  # fmt: skip
    if isinstance(decoder, Rerank):
        rules = judge_of(decoder.beam)
        return decoder.judge if rules is None else Obeying(decoder.judge, rules)
    if isinstance(decoder, Rescoring) and decoder.lines is not None and decoder.margin == np.inf:
        return Entries(frozenset(decoder.lines.texts), decoder.charset.form)
    return None


@dataclass(frozen=True, eq=False)
class Opinion:
    """All that a beam weighs besides what the network says. Letters that its charset lacks are unknown to all of it."""

    beam: Beam

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Canonical texts -> nats to add, (N,); -inf: the grammar or the lexicon forbids it."""
        spelt = [self._spell(text) for text in texts]
        offsets = np.cumsum([0, *map(len, spelt)])
        classes = np.array([label for labels in spelt for label in labels], np.int64)
        return _weigh(self._layers, classes, offsets)

    def _spell(self, text: str) -> list[int]:
        charset = self.beam.charset
        text = canonical(text, charset.form)
        for symbol in charset.missing(text):
            text = text.replace(symbol, FOREIGN)
        return self._wider.encode(text)

    @cached_property
    def _wider(self) -> Charset:
        return Charset((*self.beam.charset.symbols, FOREIGN), self.beam.charset.form)

    @cached_property
    def _layers(self) -> Layers:
        layers = self.beam.layers
        return layers._replace(classes=np.concatenate([layers.classes, np.array([[-1, LETTER]], np.int32)]))


@dataclass(frozen=True, eq=False)
class Obeying:
    """What one judge says of the texts that another allows."""

    judge: Judge
    rules: Judge

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float64]:
        allowed = self.rules(texts) > -np.inf
        return np.where(allowed, self.judge(texts), -np.inf)


@dataclass(frozen=True, eq=False)
class Entries:
    """Allows some whole texts, all alike."""

    texts: frozenset[str]
    form: str

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float64]:
        return np.array([0.0 if canonical(text, self.form) in self.texts else -np.inf for text in texts])


@compiled
def _weigh(layers: Layers, classes: NDArray[Any], offsets: NDArray[Any]) -> NDArray[np.float64]:
    """What the layers add to texts i, classes[offsets[i] : offsets[i + 1]]."""
    found = np.empty(len(offsets) - 1)
    now, then = np.empty(4, np.int64), np.empty(4, np.int64)
    for index in range(len(found)):
        now[SYMBOL], now[RULE], now[STEM], now[WORD] = layers.start, layers.rule_start, 0, layers.word_start
        settled = total = 0.0
        for place in range(offsets[index], offsets[index + 1]):
            settled, total = extend(layers, now, settled, classes[place], then)
            if total == -np.inf:
                break
            now, then = then, now
        found[index] = finish(layers, now, settled) if total > -np.inf else -np.inf
    return found
