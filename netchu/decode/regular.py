"""Regular expressions over the symbols of a charset: the text of a pattern -> a tree of letters.

A parser of our own: that of `re` is private and has moved between Python versions, knows code points and not symbols,
and would let through what no automaton can do (look-around, references) for us to find in its opcodes and refuse.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NoReturn, Union, cast

from netchu.errors import NetchuError
from netchu.text import Charset, Form

MOST_LETTERS = 10_000  # of the pattern, repetitions written out
MOST_NESTED = 50
_QUANTIFIER = re.compile(r"[*+?]|\{(?P<low>\d*)(?P<comma>,?)(?P<high>\d*)\}")
_KINDS: dict[str, Callable[[str], bool]] = {
    "d": str.isdecimal,
    "s": str.isspace,
    "w": lambda char: char.isalnum() or char == "_",
}
_CODES = {"x": 2, "u": 4, "U": 8}  # hexadecimal digits of an escape
_REFUSED = {
    "(?=": "look-ahead", "(?!": "look-ahead", "(?<=": "look-behind", "(?<!": "look-behind",
    "(?P=": "a reference to a group", "(?(": "a condition", "(?>": "an atomic group", "(?#": "a comment",
}  # fmt: skip


@dataclass(frozen=True)
class Letter:
    """One code point of these; of none, when the charset cannot write it."""

    chars: frozenset[str]


@dataclass(frozen=True)
class Chain:
    """One after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Choice:
    """One of them."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Repeat:
    """`low` to `high` times; None: any number."""

    body: Node
    low: int
    high: int | None

    @property
    def copies(self) -> int:
        """How often the body has to be written out: the last copy of an endless one goes round."""
        return max(1, self.low) if self.high is None else self.high


Node = Union[Letter, Chain, Choice, Repeat]  # noqa: UP007 the classes above refer to it before it is there


def parse(pattern: str, charset: Charset, ignore_case: bool = False) -> tuple[Node, tuple[str, ...]]:
    """A pattern in a subset of the syntax of `re` -> its tree, and the letters in it that the charset cannot write.

    Literals, escapes (\\. \\x41 \\u0111 \\d \\D \\w \\W \\s \\S), `.`, sets and negated sets with ranges, groups (also
    (?:...), (?P<name>...), (?i:...)), `|`, * + ? {m} {m,} {,n} {m,n} (a `?` after them changes nothing), (?i) at the
    start, ^ and $ at the ends, where they change nothing: a pattern always matches the whole line.

    The pattern is brought to the form of the charset. `.`, \\d and sets stand for one symbol of the charset, whatever
    its length; a letter and the combining marks after it are one unit, to repeat or to put into a set. White space
    is U+0020. Raises NetchuError naming the place of what is wrong or cannot be done.
    """
    parser = _Parser(unicodedata.normalize("NFC", pattern), charset)
    tree = parser.whole(ignore_case)
    return tree, tuple(parser.missing)


def count(node: Node) -> int:
    """Letters of the tree when repetitions are written out."""
    if isinstance(node, Letter):
        return 1
    if isinstance(node, Repeat):
        return count(node.body) * node.copies
    return sum(count(part) for part in node.parts)


def _fold(text: str) -> str:
    """Equal for letters that differ in case only, also for ſ and s, ẞ and ß, ς and σ."""
    return text.lower().upper().lower()


class _Parser:
    def __init__(self, pattern: str, charset: Charset) -> None:
        self.pattern, self.charset = pattern, charset
        self.place = 0
        self.depth = 0
        self.missing: dict[str, None] = {}  # a set in order

    def whole(self, ignore: bool) -> Node:
        if self._take("(?i)"):
            ignore = True
        tree = self._choice(ignore)
        if self.place < len(self.pattern):
            self._fail("no group is open for this ')'; write \\) for the sign itself")
        if count(tree) > MOST_LETTERS:
            self._fail(f"the pattern has more than {MOST_LETTERS} letters; shorten it", 0)
        return tree

    @cached_property
    def _alphabet(self) -> dict[str, list[str]]:
        """Code points that the charset can write, by what they are but for case."""
        found: dict[str, list[str]] = {}
        for char in sorted(set("".join(self.charset.symbols))):
            found.setdefault(_fold(char), []).append(char)
        return found

    @cached_property
    def _keys(self) -> dict[str, str]:
        """What a pattern writes for each symbol -> the symbol."""
        return {unicodedata.normalize("NFC", symbol): symbol for symbol in self.charset.symbols[1:]}

    def _fail(self, what: str, place: int | None = None) -> NoReturn:
        shown = self.pattern if len(self.pattern) <= 60 else self.pattern[:57] + "..."
        where = (self.place if place is None else place) + 1
        raise NetchuError(f"grammar {shown!r}, character {where}: {what}")

    def _take(self, text: str) -> bool:
        if not self.pattern.startswith(text, self.place):
            return False
        self.place += len(text)
        return True

    def _choice(self, ignore: bool) -> Node:
        parts = [self._chain(ignore)]
        while self._take("|"):
            parts.append(self._chain(ignore))
        return Choice(tuple(parts)) if len(parts) > 1 else parts[0]

    def _chain(self, ignore: bool) -> Node:
        parts: list[Node] = []
        if self.depth == 0:
            self._take("^")
        while self.place < len(self.pattern) and self.pattern[self.place] not in "|)":
            start = self.place
            if self.depth == 0 and self._take("$"):
                if self.pattern[self.place : self.place + 1] not in ("", "|"):
                    self._fail("'$' is the end of the line, nothing can follow; write \\$ for the sign itself", start)
                break
            parts.append(self._repeated(self._atom(ignore), start))
        return parts[0] if len(parts) == 1 else Chain(tuple(parts))

    def _repeated(self, body: Node, start: int) -> Node:
        found = self._quantifier()
        if found is None:
            return body
        if self._take("+"):
            self._fail("possessive repetition is not done here; drop the second '+'", self.place - 1)
        self._take("?")
        place = self.place
        if self._quantifier() is not None:
            self._fail("a repetition of a repetition; put the first into a group, (?:...)", place)
        low, high = found
        if high is not None and high < low:
            self._fail(f"repetition from {low} down to {high}; give the smaller number first", start)
        repeat = Repeat(body, low, high)
        letters = count(body)
        if letters * repeat.copies > MOST_LETTERS:
            self._fail(f"written out, this repetition has more than {MOST_LETTERS} letters; repeat it less", start)
        return repeat if letters and repeat.copies else Chain(())

    def _quantifier(self) -> tuple[int, int | None] | None:
        """The bounds of the quantifier here, gone past; None when there is none: a lone { is itself."""
        match = _QUANTIFIER.match(self.pattern, self.place)
        if not match or match[0] == "{}":
            return None
        self.place = match.end()
        if match[0] in "*+?":
            return int(match[0] == "+"), 1 if match[0] == "?" else None
        low = self._number(match["low"])
        if not match["comma"]:
            return low, low
        return low, self._number(match["high"]) if match["high"] else None

    def _number(self, digits: str) -> int:
        """Digits as a number, none as 0, without the cost of a number of thousands of digits."""
        return int(digits or "0") if len(digits) < 10 else 10**10

    def _atom(self, ignore: bool) -> Node:
        char = self.pattern[self.place]
        start = self.place
        if char in "*+?" or (char == "{" and self._quantifier() is not None):
            self._fail(f"nothing to repeat before {char!r}; write \\{char} for the sign itself", start)
        if char in "^$":
            self._fail(
                f"{char!r} belongs at the {'start' if char == '^' else 'end'} of the pattern, where it is not needed: "
                f"the whole line is matched; write \\{char} for the sign itself"
            )
        if char == "(":
            return self._group(ignore)
        if char == "[":
            return self._set(ignore)
        if char == ".":
            self.place += 1
            return self._one_of(self.charset.symbols[1:])
        if char == "\\" and self.pattern[self.place + 1 : self.place + 2].lower() in tuple(_KINDS):
            kind = self._kind()
            return self._one_of(symbol for symbol in self.charset.symbols[1:] if kind(symbol))
        return self._literal(self._unit(), ignore)

    def _group(self, ignore: bool) -> Node:
        start = self.place
        for opening, what in _REFUSED.items():
            if self._take(opening):
                self._fail(f"{what}, {opening!r}, is not done here; say the same without it", start)
        if self._take("(?i:"):
            ignore = True
        elif self._take("(?i)"):
            self._fail("(?i) belongs at the start of the pattern; for a part, write (?i:...)", start)
        elif not self._take("(?:"):
            match = re.compile(r"\((?:\?P<\w+>)?(?!\?)").match(self.pattern, start)
            if not match:
                opening = self.pattern[start : start + 4]
                self._fail(f"{opening!r} opens no group known here; known: ( (?: (?P<name> (?i:", start)
            self.place = match.end()
        self.depth += 1
        if self.depth > MOST_NESTED:
            self._fail(f"groups in groups more than {MOST_NESTED} deep; write it flatter", start)
        inside = self._choice(ignore)
        if not self._take(")"):
            self._fail("this group is never closed; add ')', or write \\( for the sign itself", start)
        self.depth -= 1
        return inside

    def _kind(self) -> Callable[[str], bool]:
        """The escape for a kind of character here, gone past, as a test of a symbol: its first code point decides."""
        name = self.pattern[self.place + 1]
        self.place += 2
        test = _KINDS[name.lower()]
        return (lambda symbol: not test(symbol[0])) if name.isupper() else (lambda symbol: test(symbol[0]))

    def _unit(self) -> str:
        """The character here, escaped or not, with the combining marks after it: NFC; gone past."""
        start = self.place
        char = self.pattern[start]
        self.place += 1
        if char == "\\":
            char = self._escaped(start)
        if char.isspace():
            return " "
        end = self.place
        while end < len(self.pattern) and unicodedata.category(self.pattern[end]).startswith("M"):
            end += 1
        marks, self.place = self.pattern[self.place : end], end
        return unicodedata.normalize("NFC", char + marks)

    def _escaped(self, start: int) -> str:
        name = self.pattern[self.place : self.place + 1]
        self.place += 1
        if not name:
            self._fail("a backslash escapes nothing at the end; write \\\\ for the sign itself", start)
        if name in _CODES:
            digits = self.pattern[self.place : self.place + _CODES[name]]
            self.place += len(digits)
            if not re.fullmatch(f"[0-9a-fA-F]{{{_CODES[name]}}}", digits) or int(digits, 16) > 0x10FFFF:
                self._fail(f"\\{name} needs {_CODES[name]} hexadecimal digits of a code point", start)
            return chr(int(digits, 16))
        if name in "nrtfv":
            return " "
        if name.isascii() and name.isdigit():
            self._fail(f"\\{name} refers to a group, which is not done here; write the group again", start)
        if name.isascii() and name.isalpha():
            known = "\\d \\D \\w \\W \\s \\S \\n \\t \\xhh \\uhhhh"
            self._fail(f"the escape \\{name} is not done here; known: {known}", start)
        return name

    def _literal(self, unit: str, ignore: bool) -> Node:
        form = cast(Form, self.charset.form)
        letters = [self._letter(char, ignore) for char in unicodedata.normalize(form, unit)]
        return letters[0] if len(letters) == 1 else Chain(tuple(letters))

    def _letter(self, char: str, ignore: bool) -> Letter:
        known = self._alphabet.get(_fold(char), [])
        chars = frozenset(known if ignore else [char] if char in known else [])
        if not chars:
            self.missing[char] = None
        return Letter(chars)

    def _set(self, ignore: bool) -> Node:
        start = self.place
        self.place += 1
        negated = self._take("^")
        units: set[str] = set()
        tests: list[Callable[[str], bool]] = []
        first = True
        while first or not self._take("]"):
            first = False
            if self.place >= len(self.pattern):
                self._fail("this set is never closed; add ']', or write \\[ for the sign itself", start)
            self._member(units, tests)
        folded = {_fold(unit) for unit in units} if ignore else units

        def holds(key: str) -> bool:
            variants = {key, key.lower(), key.upper(), _fold(key)} if ignore else {key}
            return not variants.isdisjoint(folded) or any(test(variant) for variant in variants for test in tests)

        chosen = {symbol for key, symbol in self._keys.items() if holds(key)}
        if negated:
            return self._one_of(symbol for symbol in self.charset.symbols[1:] if symbol not in chosen)
        others = [self._literal(unit, ignore) for unit in sorted(units - self._keys.keys())]
        return Choice((self._one_of(chosen), *others)) if others else self._one_of(chosen)

    def _member(self, units: set[str], tests: list[Callable[[str], bool]]) -> None:
        """The next unit, range or kind of a set, put where it belongs."""
        start = self.place
        if self.pattern.startswith("[:", start):
            self._fail("sets by name, [:...:], are not done here; write \\d, \\w or \\s, or \\[ for the sign", start)
        low = self._single()
        if not self.pattern.startswith("-", self.place) or self.pattern.startswith("-]", self.place):
            units.add(low) if isinstance(low, str) else tests.append(low)
            return
        self.place += 1
        if self.place >= len(self.pattern):
            self._fail("this range has no end", start)
        high = self._single()
        if not isinstance(low, str) or not isinstance(high, str) or len(low) != 1 or len(high) != 1:
            self._fail("a range goes from one character to one; write \\- for the sign itself", start)
        if high < low:
            self._fail(f"the range from {low!r} to {high!r} runs backwards; turn it round", start)
        tests.append(lambda key: len(key) == 1 and low <= key <= high)

    def _single(self) -> str | Callable[[str], bool]:
        if self.pattern[self.place] == "\\" and self.pattern[self.place + 1 : self.place + 2].lower() in tuple(_KINDS):
            return self._kind()
        return self._unit()

    def _one_of(self, words: Iterable[str]) -> Node:
        """Any one of these texts."""
        given = sorted(words)
        letters = Letter(frozenset(word for word in given if len(word) == 1))
        longer = [Chain(tuple(Letter(frozenset(char)) for char in word)) for word in given if len(word) > 1]
        return Choice((letters, *longer)) if longer else letters
