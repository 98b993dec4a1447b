"""A small grammar of made-up texts: dates, amounts, plates, addresses. The rules are data: netchu.rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from netchu.rules import TOKEN

Rng = np.random.Generator
Draw = Callable[[Rng], str]
Rules = Mapping[str, "Sequence[str] | Draw"]
T = TypeVar("T")


def pick(options: Sequence[T], rng: Rng) -> T:
    """One of the options, evenly."""
    return options[int(rng.random() * len(options))]


class Grammar:
    """Rules by name, each a list of patterns of which one is chosen evenly (repeat one to have it more often).

    netchu.rules says what a pattern may hold. A rule may also be a function. With `alphabet`, patterns that hold any
    other letter are left out; ValueError when that empties a rule or when a rule is not known.
    """

    def __init__(self, rules: Rules, alphabet: frozenset[str] | None = None) -> None:
        self._rules: dict[str, tuple[tuple[str | Draw, ...], ...]] = {}
        for name, patterns in rules.items():
            if callable(patterns):
                self._rules[name] = ((patterns,),)
                continue
            kept = [self._compile(pattern, rules) for pattern in patterns]
            if alphabet is not None:
                kept = [parts for parts in kept if all(callable(part) or alphabet.issuperset(part) for part in parts)]
            if not kept:
                raise ValueError(f"grammar: rule {name!r} has no pattern within the alphabet")
            self._rules[name] = tuple(kept)

    def draw(self, name: str, rng: Rng) -> str:
        """A text by the rule `name`."""
        return "".join(part if isinstance(part, str) else part(rng) for part in pick(self._rules[name], rng))

    def rule(self, name: str) -> Draw:
        """The rule `name` as a function."""
        return lambda rng: self.draw(name, rng)

    def _compile(self, pattern: str, rules: Rules) -> tuple[str | Draw, ...]:
        parts: list[str | Draw] = []
        for match in TOKEN.finditer(pattern):
            if match["rule"]:
                if match["rule"] not in rules:
                    raise ValueError(f"grammar: pattern {pattern!r} names no rule {match['rule']!r}")
                parts.append(self.rule(match["rule"]))
            elif match["low"]:
                parts.append(_number(match["low"], match["high"]))
            elif match["digit"]:
                parts.append(_number("0" if match["digit"] == "#" else "1", "9"))
            else:
                parts.append(match["text"] or match["sign"])
        return tuple(parts)


def _number(low: str, high: str) -> Draw:
    first, count = int(low), int(high) - int(low) + 1
    width = len(low) if low.startswith("0") else 0
    return lambda rng: str(first + int(rng.random() * count)).zfill(width)
