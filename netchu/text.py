"""Text as the model sees it: one Unicode form, one kind of space, a class per symbol; and named ways to compare it."""

from __future__ import annotations

import difflib
import itertools
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from netchu.errors import NetchuError

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
FORMS: tuple[Form, ...] = ("NFC", "NFD", "NFKC", "NFKD")


def canonical(text: str, form: str = "NFC") -> str:
    """`text` in Unicode form `form`, every run of white space one U+0020, none at the ends.

    Labels, output and metric all go through here. White space is what str.isspace says: no-break and ideographic
    spaces, tabs and line ends too; zero-width characters are not, `lookalikes` points at those.
    Raises NetchuError for an unknown form.
    """
    return " ".join(unicodedata.normalize(_form(form), text).split())


@dataclass(frozen=True)
class Charset:
    """The classes of a model: `symbols[i]` is what class i writes. Class 0 is the CTC blank and writes nothing.

    Symbols are mostly single code points; longer ones (a grapheme without a precomposed form) are matched longest
    first. Raises NetchuError when the blank is not first, or a symbol is empty, doubled or not in `form`.
    """

    symbols: tuple[str, ...]
    form: str = "NFC"

    def __post_init__(self) -> None:
        form = _form(self.form)
        if not self.symbols or self.symbols[0] != "":
            raise NetchuError("charset: class 0 must be the blank, an empty string; Charset.from_symbols puts it there")
        seen: set[str] = set()
        for index, symbol in enumerate(self.symbols[1:], start=1):
            if not symbol:
                raise NetchuError(f"charset: class {index} is empty; only class 0, the blank, may be")
            if symbol in seen:
                raise NetchuError(f"charset: {describe(symbol)} is there twice; every symbol has one class")
            if not unicodedata.is_normalized(form, symbol):
                raise NetchuError(f"charset: {describe(symbol)} is not {form}, the form the charset declares")
            seen.add(symbol)

    @classmethod
    def from_texts(cls, texts: Iterable[str], form: str = "NFC", extra: str = "") -> Charset:
        """Every code point of the canonical `texts` and of `extra`, sorted: the order of the texts does not matter."""
        found = set(unicodedata.normalize(_form(form), extra))
        for text in texts:
            found.update(canonical(text, form))
        return cls(("", *sorted({" " if char.isspace() else char for char in found})), form)

    @classmethod
    def from_symbols(cls, symbols: Iterable[str], form: str = "NFC") -> Charset:
        """These symbols in this order (a string is one symbol per code point); the blank is put first if it is not."""
        given = tuple(symbols)
        return cls(given if given[:1] == ("",) else ("", *given), form)

    def __len__(self) -> int:
        """The number of classes, the blank included."""
        return len(self.symbols)

    def encode(self, text: str) -> list[int]:
        """The classes of the canonical text, without blanks. Raises NetchuError naming every character without one."""
        text = canonical(text, self.form)
        if self._longest == 1:
            try:
                return [self._classes[char] for char in text]
            except KeyError:
                pass  # the slow path below names them all
        pieces = list(self._pieces(text))
        unknown = list(dict.fromkeys(piece for piece, index in pieces if index is None))
        if unknown:
            named = ", ".join(describe(char) for char in unknown)
            shown = text if len(text) <= 60 else text[:57] + "..."
            raise NetchuError(f"no class for {named} in {shown!r}; extend the charset, or map or drop the character")
        return [index for _, index in pieces if index is not None]

    def decode(self, indices: Iterable[int]) -> str:
        """What the classes write, one after the other. No CTC collapsing: repeats stay, blanks write nothing."""
        written = []
        for index in indices:
            if not 0 <= index < len(self.symbols):  # -1 is a common padding, and would be the last symbol
                raise ValueError(f"class {index} is outside 0..{len(self.symbols) - 1}")
            written.append(self.symbols[index])
        return "".join(written)

    def missing(self, text: str) -> list[str]:
        """The characters of the canonical text that have no class, each once, in order of appearance."""
        pieces = self._pieces(canonical(text, self.form))
        return list(dict.fromkeys(piece for piece, index in pieces if index is None))

    def _pieces(self, text: str) -> Iterator[tuple[str, int | None]]:
        """Cut text greedily, longest symbol first -> (piece, class); a code point without a class comes with None."""
        start = 0
        while start < len(text):
            piece = text[start : start + self._longest]
            while len(piece) > 1 and piece not in self._classes:
                piece = piece[:-1]
            yield piece, self._classes.get(piece)
            start += len(piece)

    @cached_property
    def _classes(self) -> dict[str, int]:
        return {symbol: index for index, symbol in enumerate(self.symbols) if index}

    @cached_property
    def _longest(self) -> int:
        return max(1, *map(len, self.symbols))


def needed_frames(indices: Sequence[int]) -> int:
    """The fewest frames in which CTC can write these classes: one each, and a blank between two equal neighbours.

    A label that needs more than its picture gives has no path and an infinite loss.
    Source: Graves et al. 2006, "Connectionist Temporal Classification", ICML (the map B removes repeats, then blanks).
    """
    return len(indices) + sum(left == right for left, right in itertools.pairwise(indices))


def graphemes(text: str) -> list[str]:
    """The user-perceived characters of `text`: extended grapheme clusters, Unicode annex 29."""
    import regex  # here, so that `import netchu` stays light

    found: list[str] = regex.findall(r"\X", text)
    return found


def _caseless(text: str) -> str:
    return canonical(canonical(text).lower())


def _nopunct(text: str) -> str:
    return canonical("".join(" " if unicodedata.category(char)[0] == "P" else char for char in canonical(text)))


def _alnum36(text: str) -> str:
    return "".join(char for char in _caseless(text) if char in "abcdefghijklmnopqrstuvwxyz0123456789")


def _nodiacritics(text: str) -> str:
    # A combining class of 0 is a vowel sign of an Indic script or a selector: part of the letter, not a mark on it.
    bare = "".join(char for char in canonical(text, "NFD") if not unicodedata.combining(char))
    return canonical(bare.replace("đ", "d").replace("Đ", "D"))  # the bar of đ has no decomposition


NORMALISERS: dict[str, Callable[[str], str]] = {
    "nfc": canonical,
    "caseless": _caseless,  # lower case
    "nopunct": _nopunct,  # Unicode punctuation (P*) to space
    "caseless-nopunct": lambda text: _nopunct(_caseless(text)),
    "alnum36": _alnum36,  # scene text: lower case, a-z and 0-9 only; spaces and accented letters go whole
    "nodiacritics": _nodiacritics,  # marks dropped, đ -> d, case kept: what is left when only the marks are wrong
}


def normaliser(name: str) -> Callable[[str], str]:
    """The convention called `name`; it gives canonical NFC. Raises NetchuError listing the names, nearest first."""
    if name not in NORMALISERS:
        known = ", ".join(difflib.get_close_matches(name, NORMALISERS, n=len(NORMALISERS), cutoff=0.0))
        raise NetchuError(f"unknown normaliser {name!r}; known: {known}")
    return NORMALISERS[name]


def describe(char: str) -> str:
    """Code point, Unicode name and, where it shows, the character: "U+0110 LATIN CAPITAL LETTER D WITH STROKE 'Đ'"."""
    if not char:
        return "nothing"
    nameless = {"Cc": "CONTROL CHARACTER", "Co": "PRIVATE USE", "Cs": "LONE SURROGATE"}
    names = [unicodedata.name(c, nameless.get(unicodedata.category(c), "UNASSIGNED")) for c in char]
    named = " + ".join(f"U+{ord(c):04X} {name}" for c, name in zip(char, names))
    if not char.isprintable():
        return named
    return f"{named} '{'◌' if unicodedata.combining(char[0]) else ''}{char}'"


# Invisible characters that come along with pasted text. Scripts that join or run right to left do need them.
_FORMAT = "\u200b\u200c\u200d\u200e\u200f\u2060\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_NEEDS_FORMAT = frozenset({
    "ARABIC", "HEBREW", "SYRIAC", "THAANA", "NKO", "DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI", "ORIYA", "TAMIL",
    "TELUGU", "KANNADA", "MALAYALAM", "SINHALA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN", "MONGOLIAN",
})  # fmt: skip
_NEEDS_FULLWIDTH = frozenset({"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO"})
_LATIN_DOUBLES = frozenset({"CYRILLIC", "GREEK"})

LOOKALIKES: dict[str, str] = {
    **dict(zip("ÐðƉɖ", "ĐđĐđ")),  # eth and African d for the Vietnamese letter
    **dict(zip("АВЕЁЅІЇЈКМНОРСТУХаеёѕіїјорсухһԁ", "ABEËSIÏJKMHOPCTYXaeësiïjopcyxhd")),  # Cyrillic
    **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧοόνβ", "ABEZHIKMNOPTYXoóvß")),  # Greek
    **{chr(code + 0xFEE0): chr(code) for code in range(0x21, 0x7F)},  # full-width forms
    **dict.fromkeys("´ʹʻʼˈ′‛", "'"),  # accents and primes typed as an apostrophe
    **dict.fromkeys("‐‑", "-"),
    "˚": "°",
    **dict(zip("ﬀﬁﬂﬃﬄ", ("ff", "fi", "fl", "ffi", "ffl"))),  # ligatures pasted from a PDF
    **dict.fromkeys(_FORMAT + "\u00ad\ufeff", ""),  # and soft hyphen, byte order mark
}


def lookalikes(text: str) -> list[tuple[str, str]]:
    """Characters that were probably typed wrong -> (character, what was meant), each once, in order of appearance.

    A flag for a person, not a repair: ð is right in Icelandic. A letter stays unflagged where it is at home: a Cyrillic
    or Greek one in a text with letters only that script has, unless its own word has Latin letters; a full-width form
    beside Chinese, Japanese or Korean; an invisible joiner or direction mark in a script that needs them.
    """
    if text.isascii():
        return []
    found = [char for char in dict.fromkeys(text) if char in LOOKALIKES]
    if not found:
        return []
    scripts = {_script(char) for char in set(text) - LOOKALIKES.keys() if char.isalpha()}
    mixed = {char for word in text.split() if any(_script(char) == "LATIN" for char in word) for char in word}
    return [(char, LOOKALIKES[char]) for char in found if not _at_home(char, scripts, char in mixed)]


def _at_home(char: str, scripts: set[str], in_latin_word: bool) -> bool:
    """Whether a look-alike is the right letter, given the scripts of the text's unmistakable letters."""
    script = _script(char)
    if script in _LATIN_DOUBLES:
        return script in scripts and not in_latin_word
    if script == "FULLWIDTH":
        return bool(scripts & _NEEDS_FULLWIDTH)
    return char in _FORMAT and bool(scripts & _NEEDS_FORMAT)


def _script(char: str) -> str:
    """The first word of the Unicode name, which for a letter is its script."""
    return unicodedata.name(char, "").split(" ")[0]


def _form(name: str) -> Form:
    for form in FORMS:
        if form == name:
            return form
    raise NetchuError(f"unknown Unicode form {name!r}; known: {', '.join(FORMS)}")
