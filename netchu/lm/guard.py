"""Did a language model or a lexicon see the transcripts that a reader is judged on? A sketch of its lines answers.

Lines are compared without case and punctuation. Whole lines are all in the sketch; so that a transcript is also found
inside a longer line, so is one run of words in RUN_SHARE. The sketch is a Bloom filter (Bloom 1970): what is in it is
always found, and what is not with a known small chance.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol
from unicodedata import category

import numpy as np
from numpy.typing import NDArray

from netchu.errors import NetchuError
from netchu.text import normaliser

WORDS, CHARACTERS = 5, 12  # shorter lines are common property (a province's name) and not looked at
RUN, RUN_CHARACTERS = 6, 12  # a run: so many words, or characters where a line has no spaces
RUN_SHARE = 32
BITS, HASHES = 12, 8  # a member: one in 314 of what is not in the sketch is found all the same
TOLERANCE = 0.05  # two people do write the same line now and then: of val in train, 1 % of addresses, 2 % of letters
_RUNS_TOLERANCE, _FEWEST_RUNS = 0.8, 8  # addresses of val share 42 % of their runs with those of train

Hashes = NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Sketch:
    """The lines of a text, as a Bloom filter's bits. `members`: how many lines and runs were put in."""

    bits: NDArray[np.uint8]
    members: int

    @classmethod
    def of(cls, lines: Iterable[str]) -> Sketch:
        """A sketch of these lines, or of the entries of a lexicon. The order and repeats of lines change nothing."""
        found: set[int] = set()
        for whole, runs in map(_members, lines):
            found.update(runs, () if whole is None else (whole,))
        size = max(64, -(-len(found) * BITS // 64) * 64)
        marks = np.zeros(size, np.uint8)
        if found:
            marks[_places(np.array(sorted(found), np.uint64), size)] = 1
        return cls(np.packbits(marks), len(found))

    @property
    def chance(self) -> float:
        """How likely something that was never put in is found: (share of bits set) ^ HASHES."""
        return float(np.unpackbits(self.bits).mean()) ** HASHES

    def holds(self, hashes: Hashes) -> NDArray[np.bool_]:
        """Which of these are in it (or are thought to be)."""
        places = _places(hashes, 8 * len(self.bits))
        return np.asarray((np.unpackbits(self.bits)[places] == 1).all(1), np.bool_)


class Sketched(Protocol):
    """A language model, as far as this module is concerned."""

    @property
    def name(self) -> str: ...

    @property
    def sketch(self) -> Sketch | None:
        """Of the lines it was made from; None: not known."""


@dataclass(frozen=True)
class Overlap:
    """How many of the evaluation's lines, and of the sampled runs of words in them, a model was made from."""

    lines: int
    compared: int  # lines long enough to look at
    held: int
    runs: int  # sampled
    runs_held: int
    chance: float  # of a false find, for each
    examples: tuple[str, ...] = ()

    @property
    def leaks(self) -> bool:
        """Whether a score with this model would not be honest.

        More whole lines are held than chance explains plus 5 % of them, or more than four fifths of the runs, if 8 or
        more are sampled: the transcripts are there inside longer lines. Fewer are no proof: addresses share parts.
        """
        return self._lines_leak or self._runs_leak

    @property
    def _lines_leak(self) -> bool:
        # three standard deviations of chance: with few lines one false find is not a leak
        expected = self.compared * self.chance
        return bool(self.held > max(TOLERANCE * self.compared + expected, expected + 3 * math.sqrt(expected + 1 / 9)))

    @property
    def _runs_leak(self) -> bool:
        return self.runs >= _FEWEST_RUNS and self.runs_held > _RUNS_TOLERANCE * self.runs

    def __str__(self) -> str:
        shown = f"{self.held:,} of {self.compared:,} lines"
        if self.compared < self.lines:
            shown += f" (the other {self.lines - self.compared:,} have fewer than {WORDS} words)"
        expected = f"{self.compared * self.chance:.2f}"
        return (
            f"{shown}, {expected} expected by chance; {self.runs_held:,} of {self.runs:,} sampled runs of {RUN} words"
        )


def overlap(model: Sketched | Sketch, texts: Iterable[str]) -> Overlap:
    """How much of an evaluation's transcripts the text of a model, or a sketch of a lexicon's entries, holds.

    Raises NetchuError for a model without a sketch, as those imported from ARPA are: nothing is known of its text.
    """
    sketch = model if isinstance(model, Sketch) else model.sketch
    if sketch is None:
        name = "" if isinstance(model, Sketch) else model.name
        raise NetchuError(
            f"language model {name}: holds no sketch of its text, so whether it saw these lines cannot be told; "
            "train it here, or allow it and say so beside the score"
        )
    every = list(texts)
    lines: list[int] = []
    names: list[str] = []
    runs: set[int] = set()
    for text in every:
        whole, parts = _members(text)
        runs.update(parts)
        if whole is not None:
            lines.append(whole)
            names.append(text)
    held = sketch.holds(np.array(lines, np.uint64))
    runs_held = sketch.holds(np.array(sorted(runs), np.uint64))
    examples = tuple(name for name, found in zip(names, held) if found)[:5]
    return Overlap(len(every), len(lines), int(held.sum()), len(runs), int(runs_held.sum()), sketch.chance, examples)


_fold = normaliser("caseless-nopunct")


def _members(line: str) -> tuple[int | None, list[int]]:
    """The hash of a line (None: too short to look at) and those of its runs that are sampled."""
    folded = _fold(line)
    # a long word alone is a word and no line, but for scripts without cases, of which most write no spaces
    spaced = " " in folded or not any(category(letter) == "Lo" for letter in folded)
    pieces: list[str] = folded.split() if spaced else list(folded)
    if len(pieces) < (WORDS if spaced else CHARACTERS):
        return None, []
    runs = [code for code in map(_hash, _runs(pieces, spaced)) if code % RUN_SHARE == 0]
    return _hash("\n" + folded), runs  # the line feed: a line that is one run long is not that run


def _runs(pieces: list[str], spaced: bool) -> Iterator[str]:
    size = RUN if spaced else RUN_CHARACTERS
    for start in range(len(pieces) - size + 1):
        yield " ".join(pieces[start : start + size])


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def _places(hashes: Hashes, size: int) -> NDArray[np.int64]:
    """(n, HASHES): the bits of each member; two halves of one hash make them all (Kirsch and Mitzenmacher 2006)."""
    low, high = hashes & np.uint64(0xFFFFFFFF), (hashes >> np.uint64(32)) | np.uint64(1)
    steps = np.arange(HASHES, dtype=np.uint64)
    return np.asarray((low[:, None] + steps * high[:, None]) % np.uint64(size), np.int64)
