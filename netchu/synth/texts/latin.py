"""French, English, German, Italian and Spanish: running text, words, forms, figures and rare letters."""

from __future__ import annotations

import string
from collections.abc import Mapping

import numpy as np

from netchu.alphabets import ALPHABETS
from netchu.rules import shipped
from netchu.synth.texts.corpus import Corpus, Lengths
from netchu.synth.texts.grammar import Draw, Grammar, pick
from netchu.synth.texts.rare import Rare, title, upper
from netchu.synth.texts.shelf import Shelf, passages, word_strings
from netchu.synth.texts.source import Kinds
from netchu.synth.texts.vietnamese import case

CODES = ("de", "en", "es", "fr", "it")
PLAIN: Mapping[str, str] = {
    **dict.fromkeys("“”„", '"'), **dict.fromkeys("‘’", "'"), "–": "—", "…": "...",
    "\u00ad": "", "\u200b": "", "\ufeff": "",
}  # fmt: skip
_SIGNS = "0123456789 !\"#$%&'()*+,-./:;=?@[]_—°§€£"
_OWN: Mapping[str, str] = {"de": "«»", "en": "", "es": "«»¿¡ºª", "fr": "«»", "it": "«»ª"}
_RUNNING: Mapping[str, tuple[str, ...]] = {"en": ("en_literature.txt.gz", "en_tatoeba.txt.gz")}
_WORDS: Mapping[str, str] = {"en": "freq_en.tsv.gz", "fr": "freq_fr.tsv.gz"}
_TOP = 25000  # further down, the lists are names and slips


def alphabet(code: str) -> frozenset[str]:
    """The language's letters in both cases, digits, and the signs that pens make beside them."""
    return frozenset(ALPHABETS[code] + _SIGNS + _OWN[code])


class Latin:
    """The kinds of text of one of the five languages."""

    def __init__(self, code: str, shelf: Shelf, lengths: Lengths) -> None:
        self._code, self._shelf, self._lengths = code, shelf, lengths

    def kinds(self) -> Kinds:
        """Names, default weights and loaders."""
        grammar = Grammar({**shipped("figures"), **shipped(self._code)}, alphabet(self._code))
        listed = self._code in _WORDS
        words: Kinds = {"words": (0.06, lambda: word_strings(self._words(), case))} if listed else {}
        signs: Kinds = {"signs": (0.0, lambda: _sign(self._words(), grammar.rule("figures")))} if listed else {}
        return {
            "running": (0.60, lambda: passages(self._running(), self._lengths, case)),
            **words,
            **signs,  # on the recipe's word alone: nobody writes letters so
            "form": (0.08, lambda: _styled(grammar.rule("form"))),
            "figures": (0.14, lambda: grammar.rule("figures")),
            "rare": (0.12, self._rare),
        }

    def _running(self) -> Corpus:
        return self._shelf.running(*_RUNNING.get(self._code, (f"{self._code}_literature.txt.gz",)), shortest=8)

    def _words(self) -> Corpus:
        return self._shelf.words(_WORDS[self._code], top=_TOP, more=shipped(self._code).get("rare", ()))

    def _rare(self) -> Draw:
        words = self._words() if self._code in _WORDS else None
        return Rare.find(ALPHABETS[self._code], self._running(), words, self._lengths, 1 / 2500, most=4).draw


def _sign(words: Corpus, figures: Draw) -> Draw:
    """One word as it is cut out of the picture of a street: mostly capitals; now and then a figure, or no word."""

    def draw(rng: np.random.Generator) -> str:
        kind = rng.random()
        if kind < 0.08:
            return pick(figures(rng).split(), rng)
        if kind < 0.18:  # brands and codes, of which no word list knows
            letters = pick((string.ascii_uppercase, string.ascii_uppercase + string.digits, string.digits), rng)
            return "".join(pick(letters, rng) for _ in range(2 + int(rng.random() * 6)))
        word = words.pick(rng, 1.3)
        if rng.random() < 0.04:
            word += "'s"
        style = rng.random()
        word = upper(word) if style < 0.55 else title(word) if style < 0.8 else word
        return word + pick(".,!?:", rng) if rng.random() < 0.03 else word

    return draw


def _styled(draw: Draw) -> Draw:
    return lambda rng: case(draw(rng), rng)
