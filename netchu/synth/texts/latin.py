"""French, English, German, Italian and Spanish: running text, words, forms, figures and rare letters."""

from __future__ import annotations

from collections.abc import Mapping

from netchu.alphabets import ALPHABETS
from netchu.rules import shipped
from netchu.synth.texts.corpus import Corpus, Lengths
from netchu.synth.texts.grammar import Draw, Grammar
from netchu.synth.texts.rare import Rare
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
        words: Kinds = {"words": (0.06, lambda: word_strings(self._words(), case))} if self._code in _WORDS else {}
        return {
            "running": (0.60, lambda: passages(self._running(), self._lengths, case)),
            **words,
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


def _styled(draw: Draw) -> Draw:
    return lambda rng: case(draw(rng), rng)
