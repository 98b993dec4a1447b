"""A source of texts: kinds with weights, one alphabet, nothing that is held out; and how to see what it gives."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

import numpy as np

from netchu.errors import NetchuError
from netchu.synth.texts.grammar import Draw
from netchu.synth.texts.guard import HeldOut

Rng = np.random.Generator
Kinds = Mapping[str, tuple[float, Callable[[], Draw]]]  # name -> default weight, and what loads the kind

_TRIES = 300


@dataclass(frozen=True)
class TextSource:
    """Draws texts of one language. What sample k is depends on the generator it is given, on nothing drawn before."""

    language: str
    alphabet: frozenset[str]  # every character it can ever give
    kinds: Mapping[str, float]  # name -> weight
    draws: Mapping[str, Draw] = field(repr=False)
    held: HeldOut | None = field(default=None, repr=False)
    dropped: int = 0  # running lines left out because a held-out transcript shares a run with them

    def sample(self, rng: Rng) -> str:
        """One text: NFC, single spaces, never empty, within the alphabet, none of the held-out transcripts."""
        return self.sample_kind(rng)[1]

    def sample_kind(self, rng: Rng) -> tuple[str, str]:
        """A kind and a text of that kind. Raises NetchuError when the kind gives nothing usable time and again."""
        names, ends = self._ends
        kind = names[min(len(names) - 1, bisect_right(ends, rng.random() * ends[-1]))]
        draw = self.draws[kind]
        text = ""
        for _ in range(_TRIES):
            text = " ".join(unicodedata.normalize("NFC", draw(rng)).split())
            if text and self.alphabet.issuperset(text) and not (self.held and self.held.holds(text)):
                return kind, text
        raise NetchuError(
            f"{self.language}: {_TRIES} texts of kind {kind!r} were empty, held out or outside the alphabet "
            f"(the last: {text[:40]!r}); give that kind the weight 0 or more text to draw from"
        )

    @cached_property
    def _ends(self) -> tuple[list[str], list[float]]:
        able = {name: weight for name, weight in self.kinds.items() if weight > 0}
        return list(able), list(accumulate(able.values()))


def build(
    language: str,
    alphabet: frozenset[str],
    kinds: Kinds,
    weights: Mapping[str, float] | None = None,
    held: HeldOut | None = None,
    dropped: Callable[[], int] = lambda: 0,
) -> TextSource:
    """A source of these kinds; those of weight 0 are not loaded, so that their files need not be there.

    Raises NetchuError for a weight of an unknown kind or below 0, and when all are 0.
    """
    for name, weight in (weights or {}).items():
        if name not in kinds:
            raise NetchuError(f"{language} has no texts of kind {name!r}; its kinds are {', '.join(kinds)}")
        if not (np.isfinite(weight) and weight >= 0):
            raise NetchuError(f"{language}: the weight of {name!r} is {weight}; it must be 0 or more")
    chosen = {name: float((weights or {}).get(name, weight)) for name, (weight, _) in kinds.items()}
    if not any(chosen.values()):
        raise NetchuError(f"{language}: every kind has weight 0; give one of {', '.join(kinds)} more")
    draws = {name: load() for name, (_, load) in kinds.items() if chosen[name] > 0}
    return TextSource(language, alphabet, chosen, draws, held, dropped())


def coverage(source: TextSource, count: int, seed: int = 0) -> dict[str, int]:
    """How often every character of the alphabet, sorted, occurs in samples 0 .. count - 1 of a seed."""
    found = dict.fromkeys(sorted(source.alphabet), 0)
    for k in range(count):
        for char in source.sample(np.random.default_rng([seed, k])):
            found[char] += 1
    return found
