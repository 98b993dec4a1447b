"""Chinese in simplified characters: running text, words, names, addresses, dates and amounts, balanced strings."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from netchu.rules import shipped
from netchu.synth.texts.corpus import Corpus, Lengths
from netchu.synth.texts.files import read_text
from netchu.synth.texts.grammar import Draw, Grammar
from netchu.synth.texts.japanese import ASCII, balanced, counted
from netchu.synth.texts.rare import Rare
from netchu.synth.texts.shelf import Shelf, passages, word_strings
from netchu.synth.texts.source import Kinds

Rng = np.random.Generator

SIGNS = "，。！？；：、“”‘’（）《》【】…—·～％￥¥〇§£€°" + ASCII
PLAIN: Mapping[str, str] = {"「": "“", "」": "”", "・": "·", "•": "·", "\u200b": "", "\ufeff": ""}
RUNNING = ("zh_cmrc_wiki.txt.gz", "zh_tatoeba.txt.gz")
_CAPITAL = "零壹贰叁肆伍陆柒捌玖"
_YEAR = str.maketrans("0123456789", "〇一二三四五六七八九")


def capital_amount(cents: int) -> str:
    """A sum of money, 1 to 999,999,999,999 cents, in the numerals of cheques and receipts: 壹仟零伍拾元整."""
    whole, rest = divmod(cents, 100)
    text = ""
    for power, group in ((8, "亿"), (4, "万"), (0, "")):
        part = whole // 10**power % 10000
        if not part:
            continue
        if text and (part < 1000 or (whole // 10 ** (power + 4) % 10000 == 0)):
            text += "零"
        text += _four(part) + group
    text = text + "元" if text else ""
    jiao, fen = divmod(rest, 10)
    if not rest:
        return text + "整"
    text += (_CAPITAL[jiao] + "角") if jiao else ("零" if text else "")
    return text + (_CAPITAL[fen] + "分" if fen else "整")


def _four(number: int) -> str:
    """A number under 10,000; one zero for any run of zeros inside it."""
    text, gap = "", False
    for power, unit in ((3, "仟"), (2, "佰"), (1, "拾"), (0, "")):
        digit = number // 10**power % 10
        if digit:
            text += ("零" if gap and text else "") + _CAPITAL[digit] + unit
        gap = not digit
    return text


def _capital(rng: Rng) -> str:
    whole = 1 + int(rng.random() * 10 ** (1 + int(rng.random() * 7)))
    if rng.random() < 0.4:
        whole = max(1, whole // 100 * 100)
    return capital_amount(whole * 100 + (int(rng.random() * 100) if rng.random() < 0.3 else 0))


def _year(rng: Rng) -> str:
    return str(1950 + int(rng.random() * 80)).translate(_YEAR)


class Chinese:
    """The kinds of Chinese text."""

    def __init__(self, shelf: Shelf, lengths: Lengths, common: frozenset[str]) -> None:
        self._shelf, self._lengths, self._common = shelf, lengths, common

    def kinds(self) -> Kinds:
        """Names, default weights and loaders."""
        numbers: dict[str, Draw] = {f"k{most}": counted(most) for most in (12, 20, 31)}
        grammar = Grammar(
            {**shipped("figures"), **shipped("zh"), **numbers, "capital": _capital, "spelt": _year},
            self._shelf.alphabet,
        )
        return {
            "running": (0.40, lambda: passages(self._running(), self._lengths)),
            "words": (0.08, lambda: word_strings(self._words(), joints=("、", " ", "，"), most=3)),
            "person": (0.06, lambda: grammar.rule("person")),
            "address": (0.07, lambda: grammar.rule("address")),
            "figures": (0.08, lambda: grammar.rule("figures")),
            "form": (0.02, lambda: grammar.rule("form")),
            "rare": (0.11, self._rare),
            "balanced": (0.18, lambda: balanced(self._shelf.alphabet or frozenset(), self._common, 10)),
        }

    def _running(self) -> Corpus:
        return self._shelf.running(*RUNNING, shortest=4)

    def _words(self) -> Corpus:
        return self._shelf.words("freq_zh.tsv.gz")

    def _rare(self) -> Draw:
        share = 1 / 20000
        return Rare.find(self._common, self._running(), self._words(), self._lengths, share, ("、", " "), 2).draw


def repertoire(shelf: Shelf, wide: bool) -> tuple[frozenset[str], frozenset[str]]:
    """The alphabet and, in it, the characters of GB2312 level 1 (3,755); with `wide` level 2 (3,008) is in it too."""
    common = frozenset(read_text(shelf.folder / "gb2312_level1.txt.gz").split())
    more = frozenset(read_text(shelf.folder / "gb2312_level2.txt.gz").split()) if wide else frozenset()
    return common | more | frozenset(SIGNS), common
