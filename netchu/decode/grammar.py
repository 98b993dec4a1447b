"""Grammars: a regular expression, or a template by name, as an automaton over the classes of a charset."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from netchu.decode import templates
from netchu.decode.automaton import FORBIDDEN_32, IMPOSSIBLE, Automaton
from netchu.decode.regular import parse
from netchu.decode.subsets import Machine, determinise
from netchu.errors import NetchuError
from netchu.text import Charset, canonical, describe

MOST_ARCS = 4_000_000  # 32 MB


@dataclass(frozen=True, eq=False)
class Grammar:
    """The texts that a line may hold. `automaton` takes the classes of each of them, with weight 0, and no others."""

    source: str  # the name of the template, or the pattern
    charset: Charset
    automaton: Automaton
    missing: tuple[str, ...]  # letters of the grammar that the charset cannot write: texts with them are left out

    def matches(self, text: str) -> bool:
        """Whether the canonical `text` is one of them. A letter without a class is in none."""
        text = canonical(text, self.charset.form)
        return not self.charset.missing(text) and self.accepts(self.charset.encode(text))

    def accepts(self, classes: Iterable[int]) -> bool:
        """Whether these classes, without blanks, write one of them."""
        state, _ = self.automaton.walk(classes)
        return state != IMPOSSIBLE and bool(self.automaton.finals[state] == 0)

    def __str__(self) -> str:
        return f"{self.source}: {self.automaton.states} states, {self.automaton.arcs} arcs"


def compile(pattern: str, charset: Charset, ignore_case: bool = False) -> Grammar:
    r"""The grammar of a regular expression that the whole line must match, such as `\d{2}[A-Z]-\d{3}\.\d{2}`.

    netchu.decode.regular.parse says what a pattern may hold. Only canonical texts are let through: no space at the ends
    of a line, no two in a row. Raises NetchuError for a pattern that is wrong, has no text that the charset can write,
    or would need more than MOST_STATES states or MOST_ARCS arcs.
    """
    return _compiled(pattern, charset, ignore_case, pattern)


def template(name: str, charset: Charset) -> Grammar:
    """The grammar called `name`, one of `names()`. Raises NetchuError like `compile`, and for an unknown name."""
    if name not in templates.names():
        raise NetchuError(f"no grammar is called {name!r}; known: {_nearest(name)}; or give a regular expression")
    return _compiled(templates.pattern(name), charset, False, name)


def find(text: str, charset: Charset) -> Grammar:
    """The template of that name, or else the regular expression.

    Raises NetchuError like `compile`, and for what looks like a mistyped name: small letters, digits and dashes alone.
    """
    if text in templates.names() or re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", text):
        return template(text, charset)
    return compile(text, charset)


def names() -> tuple[str, ...]:
    """The templates."""
    return templates.names()


def _nearest(name: str) -> str:
    return ", ".join(difflib.get_close_matches(name, templates.names(), n=len(templates.names()), cutoff=0.0))


@lru_cache(maxsize=64)
def _compiled(pattern: str, charset: Charset, ignore_case: bool, source: str) -> Grammar:
    tree, missing = parse(pattern, charset, ignore_case)
    shown = source if len(source) <= 60 else source[:57] + "..."
    try:
        machine = determinise(tree, charset)
    except NetchuError as error:
        raise NetchuError(f"grammar {shown!r}: {error}") from None
    if not machine.arcs:
        named = ", ".join(describe(char) for char in missing[:5]) + (", ..." if len(missing) > 5 else "")
        why = f"the model has no {named}" if missing else "all are empty, or have a space at an end or two in a row"
        raise NetchuError(f"grammar {shown!r}: no text of it can be written: {why}; change it, or use another model")
    return Grammar(source, charset, _automaton(machine, shown), missing)


def _automaton(machine: Machine, shown: str) -> Automaton:
    """Arcs of groups become arcs of classes."""
    sizes = [len(machine.groups[group]) for _, group, _ in machine.arcs]
    if sum(sizes) > MOST_ARCS:
        raise NetchuError(
            f"grammar {shown!r}: it needs {sum(sizes):,} arcs with this charset, at most {MOST_ARCS:,} are allowed; "
            "repeat '.' and large sets less"
        )
    sources = np.repeat(np.array([source for source, _, _ in machine.arcs], np.int64), sizes)
    targets = np.repeat(np.array([target for _, _, target in machine.arcs], np.int32), sizes)
    groups = [np.array(group, np.int32) for group in machine.groups]
    labels = np.concatenate([groups[group] for _, group, _ in machine.arcs] or [np.zeros(0, np.int32)])
    order = np.lexsort((labels, sources))
    finals = np.full(machine.count, FORBIDDEN_32, np.float32)
    finals[sorted(machine.finals)] = 0
    offsets = np.zeros(machine.count + 1, np.int32)
    np.cumsum(np.bincount(sources, minlength=machine.count), out=offsets[1:])
    return Automaton(
        offsets=offsets,
        labels=labels[order],
        targets=targets[order],
        weights=np.zeros(len(labels), np.int16),
        back=np.full(machine.count, -1, np.int32),
        back_weights=np.zeros(machine.count, np.int16),
        finals=finals,
    )
