"""What an n-gram model counts: the code points of a line, or its words; and lines as one long row of labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from netchu.errors import NetchuError

Unit = Literal["char", "word"]
UNITS: tuple[Unit, ...] = get_args(Unit)

# Labels 0 .. V - 1 are the vocabulary; behind it stand the end of a line, its start, and every unknown symbol.
END, START, UNKNOWN = 0, 1, 2
SPECIALS = 3


def words(text: str) -> list[str]:
    """The words of `text` as they are written: runs of letters and marks.

    All else parts words and is passed over, digits too: house numbers and sums are no vocabulary. So it is for language
    models of words, for lexicons and for the decoders that use them: the 12/3A of an address holds one word, A.
    """
    import regex  # here, so that `import netchu` stays light

    found: list[str] = regex.findall(r"[\p{L}\p{M}]+", text)
    return found


def splitter(unit: Unit) -> Callable[[str], Sequence[str]]:
    """What cuts a canonical line into the symbols of `unit`. Raises NetchuError for another unit."""
    if unit not in UNITS:
        raise NetchuError(f"unit {unit!r} is not known; choose one of: {', '.join(UNITS)}")
    return words if unit == "word" else str


def find_vocabulary(lines: Iterable[str], unit: Unit) -> tuple[str, ...]:
    """Every symbol of the canonical `lines`, sorted by code point."""
    split = splitter(unit)
    found: set[str] = set()
    for line in lines:
        found.update(split(line))
    return tuple(sorted(found))


def encode(lines: Iterable[str], vocabulary: Sequence[str], unit: Unit) -> NDArray[np.int32]:
    """Canonical lines -> their labels one after the other, each line between START and END.

    Lines without a symbol are left out. Raises KeyError for a symbol that is not in the vocabulary.
    """
    size = len(vocabulary)
    if unit == "char":
        # carriage return and line feed stand for start and end: a canonical line has no white space but U+0020
        text = "".join(f"\r{line}\n" for line in lines if line)
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        table = np.full(0x110000, -1, np.int32)
        table[[ord(char) for char in vocabulary]] = np.arange(size)
        table[[ord("\n"), ord("\r")]] = size + END, size + START
        labels = table[codes]
        if len(labels) and labels.min() < 0:
            raise KeyError(chr(codes[labels.argmin()]))
        return labels
    index: Mapping[str, int] = {word: label for label, word in enumerate(vocabulary)}
    row: list[int] = []
    for line in lines:
        found = [index[word] for word in words(line)]
        if found:
            row += [size + START, *found, size + END]
    return np.array(row, np.int32)
