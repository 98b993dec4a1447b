"""Texts by grammar alone: number plates, captchas, figures."""

from __future__ import annotations

import string
from collections.abc import Mapping

import numpy as np

from netchu.rules import shipped
from netchu.synth.texts.grammar import Draw, Grammar, pick
from netchu.synth.texts.source import Kinds

Rng = np.random.Generator

# The kinds of figures, rules of netchu/rules/figures.txt, and how often each comes.
_KINDS: Mapping[str, float] = {
    "number": 0.22, "date": 0.18, "money": 0.14, "phone": 0.12, "time": 0.07, "percent": 0.06, "fraction": 0.05,
    "measure": 0.06, "code": 0.07, "sum": 0.03, "web": 0.04, "sign": 0.04,
}  # fmt: skip
_DIGITS, _LETTERS, _CAPITALS = string.digits, string.ascii_lowercase, string.ascii_uppercase
_NOT_IO, _NOT_VN = (dict.fromkeys(map(ord, letters)) for letters in ("IO", "IJOW"))

CN_ALPHABET = frozenset("".join(shipped("plate-cn")["province"]) + _CAPITALS.translate(_NOT_IO) + _DIGITS + "学警港澳")
VN_ALPHABET = frozenset(_CAPITALS.translate(_NOT_VN) + _DIGITS + "Đ-. ")
CAPTCHA_ALPHABET = frozenset(_DIGITS + _LETTERS + _CAPITALS)
FIGURES_ALPHABET = frozenset(_DIGITS + _CAPITALS + _LETTERS + " !\"#$%&'()*+,-./:=?@[]_°€£§")


def plate_cn() -> Kinds:
    """Mainland Chinese plates without the dot: 京A12345, 粤BD12345 (new energy), 沪A1234学."""
    grammar = Grammar(shipped("plate-cn"))
    weights = {"ordinary": 0.72, "energy": 0.2, "special": 0.08}
    return {name: (weight, lambda name=name: grammar.rule(name)) for name, weight in weights.items()}  # type: ignore[misc]


def plate_vn() -> Kinds:
    """Vietnamese plates: 29A-123.45 (cars), 59-X1 234.56 (motorbikes), 80-NG-123-45 and other special ones."""
    grammar = Grammar(shipped("plate-vn"))
    weights = {"car": 0.55, "motorbike": 0.37, "special": 0.08}
    return {name: (weight, lambda name=name: grammar.rule(name)) for name, weight in weights.items()}  # type: ignore[misc]


def captcha(shortest: int, longest: int) -> Kinds:
    """Random strings of these lengths, each of one repertoire."""

    def strings(letters: str) -> Draw:
        sizes = range(shortest, longest + 1)
        return lambda rng: "".join(pick(letters, rng) for _ in range(pick(sizes, rng)))

    repertoires = {"digits": _DIGITS, "lower": _DIGITS + _LETTERS, "upper": _DIGITS + _CAPITALS,
                   "mixed": _DIGITS + _LETTERS + _CAPITALS}  # fmt: skip
    weights = {"digits": 0.2, "lower": 0.35, "upper": 0.2, "mixed": 0.25}
    return {name: (weights[name], lambda text=text: strings(text)) for name, text in repertoires.items()}  # type: ignore[misc]


def figures() -> Kinds:
    """Numbers, dates, amounts, phones and the like in no language."""
    grammar = Grammar(shipped("figures"), FIGURES_ALPHABET)
    return {name: (weight, lambda name=name: grammar.rule(name)) for name, weight in _KINDS.items()}  # type: ignore[misc]
