"""What must never be drawn: the transcripts on which a reader is judged, and running text that shares a run with one.

All by 64-bit hashes of folded words in numpy: millions of words take well under a second.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from netchu.data.lines import read_table
from netchu.errors import NetchuError
from netchu.text import canonical

WORDS, CHARACTERS = 6, 12  # a run this long is no chance: in words, or in characters where words are not spaced
_ODD = np.uint64(0x9E3779B97F4A7C15)
_LOOSE = re.compile(r"[\W_]+")
Codes = NDArray[np.uint32]
Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class HeldOut:
    """The val and test transcripts of some data sets, as hashes. `spaced`: runs are of words, else of characters."""

    texts: frozenset[str]  # folded
    lines: Hashes  # sorted
    runs: Hashes  # sorted
    spaced: bool

    def holds(self, text: str) -> bool:
        """True when `text` is one of the transcripts, but for case and punctuation."""
        return _fold(text) in self.texts

    def find(self, codes: Codes) -> NDArray[np.bool_]:
        """For every line of a text (code points, each line ended by a line feed): True when it must not be drawn."""
        bad = np.zeros(int(np.count_nonzero(codes == 10)), np.bool_)
        hashes, of_line = _hash_words(codes, self.spaced)
        if len(hashes):
            bad[_hash_lines(hashes, of_line, self.lines)] = True
            runs, at = _hash_runs(hashes, of_line, self.spaced)
            bad[at[_among(runs, self.runs)]] = True
        return bad


def held_out(paths: Iterable[str | os.PathLike[str]], spaced: bool = True) -> HeldOut:
    """Read native data sets (folders or tables): every row that is not `train` is held out, one without a split too.

    Raises NetchuError when a table is missing or bad, or when nothing in one is held out.
    """
    texts: list[str] = []
    for path in paths:
        table = read_table(path)
        at, split = (table.columns.index(name) if name in table.columns else None for name in ("text", "split"))
        rows = [row.fields for row in table.rows if len(row.fields) == len(table.columns)]
        found = [row[at or 0] for row in rows if split is None or row[split] != "train"]
        if not found:
            raise NetchuError(f"{table.path}: no row is val or test; name only sets that a reader is judged on")
        texts += [canonical(text) for text in found]
    joined = "\n".join(texts) + "\n"
    hashes, of_line = _hash_words(np.frombuffer(joined.encode("utf-32-le"), np.uint32), spaced)
    if not len(hashes):
        return HeldOut(frozenset(), hashes, hashes, spaced)
    folded = frozenset(_fold(text) for text in texts) - {""}
    return HeldOut(
        folded, np.unique(_line_hashes(hashes, of_line)[0]), np.unique(_hash_runs(hashes, of_line, spaced)[0]), spaced
    )


def _fold(text: str) -> str:
    return _LOOSE.sub("", text.lower())


@lru_cache(maxsize=32768)
def _folded(code: int) -> int:
    """A letter's or digit's lower case as a code point; 0 for what parts words."""
    char = chr(code)
    if not re.match(r"[^\W_]", char):
        return 0
    return ord(char.lower()[0])


def _hash_words(codes: Codes, spaced: bool) -> tuple[Hashes, NDArray[np.int64]]:
    """A hash of every word (or character), and the number of its line."""
    table = np.zeros(int(codes.max()) + 1, np.uint32)
    for code in np.flatnonzero(np.bincount(codes)).tolist():
        table[code] = _folded(code)
    low = table[codes]
    at = np.flatnonzero(low)
    if not len(at):
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    stops = np.flatnonzero(codes == 10)
    if spaced:
        first = np.ones(len(at), np.bool_)
        first[1:] = np.diff(at) > 1
        begin = np.flatnonzero(first)
        place = np.arange(len(at)) - np.repeat(begin, np.diff(np.append(begin, len(at))))
        hashes = np.add.reduceat(_mix(low[at].astype(np.uint64) + (place.astype(np.uint64) << np.uint64(32))), begin)
        at = at[begin]
    else:
        hashes = _mix(low[at].astype(np.uint64))
    return hashes, np.searchsorted(stops, at)


def _hash_runs(hashes: Hashes, of_line: NDArray[np.int64], spaced: bool) -> tuple[Hashes, NDArray[np.int64]]:
    """A hash of every run of words within one line, and its line."""
    size = WORDS if spaced else CHARACTERS
    count = len(hashes) - size + 1
    if count <= 0:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    total = hashes[:count].copy()
    for k in range(1, size):
        total *= _ODD
        total += hashes[k : k + count]
    whole = of_line[:count] == of_line[size - 1 :]
    return total[whole], of_line[:count][whole]


def _line_hashes(hashes: Hashes, of_line: NDArray[np.int64]) -> tuple[Hashes, NDArray[np.int64]]:
    """A hash of every line that holds a word, and its number."""
    begin = np.flatnonzero(np.diff(of_line, prepend=-1))
    sizes = np.diff(np.append(begin, len(hashes)))
    powers = np.cumprod(np.full(int(sizes.max()), _ODD, np.uint64))
    place = np.arange(len(hashes)) - np.repeat(begin, sizes)
    return np.add.reduceat(hashes * powers[place], begin), of_line[begin]


def _hash_lines(hashes: Hashes, of_line: NDArray[np.int64], wanted: Hashes) -> NDArray[np.int64]:
    totals, lines = _line_hashes(hashes, of_line)
    return lines[_among(totals, wanted)]


def _among(values: Hashes, wanted: Hashes) -> NDArray[np.bool_]:
    """Which values are in the sorted `wanted`; a table of their low 16 bits settles nearly all."""
    likely = np.zeros(1 << 16, np.bool_)
    likely[(wanted & np.uint64(0xFFFF)).astype(np.intp)] = True
    found = likely[(values & np.uint64(0xFFFF)).astype(np.intp)]
    at = np.flatnonzero(found)
    if len(wanted) and len(at):
        near = np.minimum(np.searchsorted(wanted, values[at]), len(wanted) - 1)
        found[at] = wanted[near] == values[at]
    return np.asarray(found, np.bool_)


def _mix(values: Hashes) -> Hashes:
    """SplitMix64's finaliser (Steele et al. 2014): neighbouring inputs come out far apart."""
    values = values * _ODD
    values ^= values >> np.uint64(30)
    values *= np.uint64(0xBF58476D1CE4E5B9)
    values ^= values >> np.uint64(27)
    values *= np.uint64(0x94D049BB133111EB)
    values ^= values >> np.uint64(31)
    return values
