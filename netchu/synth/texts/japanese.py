"""Japanese: running text, words, names, addresses, dates and amounts, and strings balanced over kana and kanji."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from netchu.errors import NetchuError
from netchu.rules import shipped
from netchu.synth.texts.corpus import Corpus, Lengths
from netchu.synth.texts.files import read_rows, read_text
from netchu.synth.texts.grammar import Draw, Grammar, pick
from netchu.synth.texts.rare import Rare
from netchu.synth.texts.shelf import Shelf, passages, word_strings
from netchu.synth.texts.source import Kinds

Rng = np.random.Generator

HIRAGANA = "".join(chr(code) for code in range(0x3041, 0x3094))
KATAKANA = "".join(chr(code) for code in range(0x30A1, 0x30F7))
ASCII = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) not in "<>\\^`{|}~")
SIGNS = "、。「」『』（）！？・ー…―々〇〜：％￥¥〒０１２３４５６７８９§£€°" + ASCII
PLAIN: Mapping[str, str] = {"—": "―", "～": "〜", "\u200b": "", "\ufeff": "", "‥": "…"}
RUNNING = ("ja_aozora.txt.gz", "ja_tanaka.txt.gz")
_WIDE = str.maketrans("0123456789%", "０１２３４５６７８９％")
_KANJI = str.maketrans("0123456789", "〇一二三四五六七八九")
_ORDER = "一二三四五六七八九"


def counted(most: int) -> Draw:
    """Numbers from 1 to `most` (under 100) as they are read: 二十三."""

    def draw(rng: Rng) -> str:
        ten, one = divmod(1 + int(rng.random() * most), 10)
        return (("" if ten == 1 else _ORDER[ten - 1]) + "十" if ten else "") + (_ORDER[one - 1] if one else "")

    return draw


class Japanese:
    """The kinds of Japanese text. `wide`: with the kanji of JIS X 0208 level 1 beside the jōyō kanji."""

    def __init__(self, shelf: Shelf, lengths: Lengths, common: frozenset[str]) -> None:
        self._shelf, self._lengths, self._common = shelf, lengths, common

    def kinds(self) -> Kinds:
        """Names, default weights and loaders."""
        numbers: dict[str, Draw] = {f"k{most}": counted(most) for most in (8, 9, 12, 20, 30, 31, 63, 99)}
        grammar = Grammar({**shipped("figures"), **shipped("ja"), **numbers}, self._shelf.alphabet)
        return {
            "running": (0.41, lambda: passages(self._running(), self._lengths)),
            "words": (0.06, lambda: word_strings(self._words(), joints=("、", " ", "・"), most=3)),
            "katakana": (0.05, self._katakana),
            "person": (0.05, lambda: grammar.rule("person")),
            "address": (0.07, lambda: _digits(grammar.rule("address"))),
            "figures": (0.07, lambda: _digits(grammar.rule("figures"))),
            "form": (0.02, lambda: grammar.rule("form")),
            "rare": (0.10, self._rare),
            "balanced": (0.17, lambda: balanced(self._shelf.alphabet or frozenset(), self._common, 10)),
        }

    def _running(self) -> Corpus:
        return self._shelf.running(*RUNNING, shortest=4)

    def _words(self) -> Corpus:
        return self._shelf.words("freq_ja.tsv.gz")

    def _katakana(self) -> Draw:
        loans = self._shelf.words("freq_ja.tsv.gz", lambda row: len(row[0]) > 2 and set(row[0]) <= set(KATAKANA + "ー"))
        return word_strings(loans, joints=("・", " ", "", "、"), most=3)

    def _rare(self) -> Draw:
        letters = frozenset(char for char in self._shelf.alphabet or () if char > "\u3040" and char.isalpha())
        share = 1 / 20000
        return Rare.find(letters, self._running(), self._words(), self._lengths, share, ("、", " "), 2).draw


def repertoire(shelf: Shelf, wide: bool) -> tuple[frozenset[str], frozenset[str]]:
    """The alphabet and, in it, what is met daily: kana and jōyō kanji (and with `wide` JIS X 0208 level 1)."""
    path = shelf.folder / "joyo_kanji.tsv.gz"
    kanji = {row[0] for row in read_rows(path, 1)}
    if any(len(char) != 1 for char in kanji):
        raise NetchuError(f"{path}: its first column must hold one kanji per row")
    common = frozenset(HIRAGANA + KATAKANA + "ー々").union(kanji)
    more = frozenset(read_text(shelf.folder / "jisx0208_level1.txt.gz").split()) if wide else frozenset()
    return common | more | frozenset(SIGNS), common


def balanced(alphabet: frozenset[str], common: frozenset[str], longest: int) -> Draw:
    """Strings of letters chosen evenly, half of them from the whole alphabet where it is larger than `common`."""
    daily = sorted(common)
    every = sorted(char for char in alphabet if char > "\u3040" and char.isalpha())

    def draw(rng: Rng) -> str:
        count = 1 + int(rng.random() * longest)
        return "".join(pick(daily if rng.random() < 0.5 else every, rng) for _ in range(count))

    return draw


def _digits(draw: Draw) -> Draw:
    """Some texts with full-width digits, a few with kanji for digits."""

    def styled(rng: Rng) -> str:
        text, kind = draw(rng), rng.random()
        return text if kind < 0.7 else text.translate(_WIDE) if kind < 0.94 or "月" in text else text.translate(_KANJI)

    return styled
