"""Running text and word lists, held as one string: any line, or one that holds a wanted letter; pieces of a length."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from netchu.synth.texts.grammar import pick
from netchu.synth.texts.guard import HeldOut

Rng = np.random.Generator

_FEED = 10
_SELDOM = 1 / 2000  # of letters less frequent than this every place is kept, of the others some
_STEP = 61
_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")
_CLOSING = frozenset(
    "、。，．！？；：）」』】》〉”’・ー々ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ…—％,.!?;:)%"
)  # start no line
_OPENING = frozenset("（「『【《〈“‘￥¥〒([")  # end no line
_LOOSE = re.compile(r"(?:[^\w\s«¿¡(\[\"'-]+ )+")  # signs between spaces, as French sets them
_TRAIL = re.compile(r" [!?;:»]+(?= |$)")
_VOWELS = "aeiouyàâäáéèêëîïíìôöóòûüúù"
_SYLLABLE = re.compile(rf"(?<=[{_VOWELS}])(?=[bcdfglmnprstvz][{_VOWELS}])")


@dataclass(frozen=True)
class Lengths:
    """How long pieces of running text are, in characters, evenly from `shortest` to `longest`.

    `brief` of them are only one to three words (or characters). `spaced`: words stand between spaces; else pieces end
    anywhere but where a line may not break. `joined` of them run on from one line of the text into the next, as in
    letters; `hyphen` of the longer ones end inside a word.
    """

    shortest: int
    longest: int
    spaced: bool = True
    brief: float = 0.06
    joined: float = 0.0
    hyphen: float = 0.0

    def draw(self, corpus: Corpus, rng: Rng) -> str:
        """A piece of any place of the text."""
        if rng.random() < self.joined:
            return self.piece(corpus.passage(rng, 2 * self.longest, " " if self.spaced else ""), rng)
        return self.piece(corpus.pick(rng), rng)

    def piece(self, line: str, rng: Rng, at: int | None = None) -> str:
        """A piece of `line`; of one round the place `at`, when that is given."""
        if rng.random() < self.brief:
            return _brief_words(line, rng, at) if self.spaced else _cut(line, 1 + int(rng.random() * 4), rng, at)
        goal = self.shortest + int(rng.random() * (self.longest - self.shortest + 1))
        if not self.spaced:
            return _cut(line, goal, rng, at)
        return cut_words(line, goal, rng, at, self.hyphen)


@dataclass(frozen=True)
class Corpus:
    """Lines of one or more files, and where their letters stand. Characters are one code point each."""

    text: str  # every line ended by a line feed
    starts: NDArray[np.int64]  # (n + 1,): where line k starts; the last is the text's length
    parts: tuple[int, ...]  # the first line of every file, and the number of lines
    dropped: int = 0  # lines that shared a run with a held-out transcript

    @classmethod
    def build(
        cls, texts: Sequence[str], alphabet: frozenset[str] | None = None, held: HeldOut | None = None,
        shortest: int = 1, plain: Mapping[str, str] | None = None,
    ) -> Corpus:  # fmt: skip
        """The lines of the `texts` (NFC) that lie within the alphabet and have `shortest` characters, less the held.

        `plain` says what is put in place of signs before anything else.
        """
        kept, parts, starts, dropped, offset = [], [0], [np.zeros(1, np.int64)], 0, 0
        for text in texts:
            codes, found = _plain_codes(text, plain or {})
            ends = np.flatnonzero(codes == _FEED) + 1
            sizes = np.diff(ends, prepend=0)
            good = sizes > shortest
            strange = [code for code in found if alphabet is not None and chr(code) not in alphabet and code != _FEED]
            if strange:
                wrong = np.zeros(int(found[-1]) + 1, np.bool_)
                wrong[strange] = True
                good[np.searchsorted(ends, np.flatnonzero(wrong[codes]), side="right")] = False
            if held is not None:
                bad = held.find(codes) & good
                dropped += int(bad.sum())
                good &= ~bad
            if not good.all():
                codes = codes[np.repeat(good, sizes)]
            kept.append(codes.tobytes().decode("utf-32-le"))
            starts.append(offset + np.cumsum(sizes[good]))
            offset += len(codes)
            parts.append(parts[-1] + int(good.sum()))
        parts = [first for k, first in enumerate(parts) if k == 0 or first > parts[k - 1]]  # an empty part is none
        return cls("".join(kept), np.concatenate(starts), tuple(parts), dropped)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def line(self, k: int) -> str:
        """Line `k`."""
        return self.text[int(self.starts[k]) : int(self.starts[k + 1]) - 1]

    def pick(self, rng: Rng, lean: float = 1.0) -> str:
        """A line of a file chosen evenly; `lean` over 1 favours the file's first lines."""
        part = int(rng.random() * (len(self.parts) - 1))
        first, count = self.parts[part], self.parts[part + 1] - self.parts[part]
        return self.line(first + int(rng.random() ** lean * count))

    def passage(self, rng: Rng, least: int, joint: str) -> str:
        """Lines that follow one another in a file, of `least` characters together if it goes on that long."""
        part = int(rng.random() * (len(self.parts) - 1))
        first, last = self.parts[part], self.parts[part + 1]
        first += int(rng.random() * (last - first))
        stop = min(last, max(first + 1, int(np.searchsorted(self.starts, self.starts[first] + least))))
        return self.text[int(self.starts[first]) : int(self.starts[stop]) - 1].replace("\n", joint)

    @property
    def shares(self) -> Mapping[str, float]:
        """How much of the text every letter is."""
        return self._index[0]

    def count(self, char: str) -> int:
        """How many places of a letter are kept: all of a seldom one."""
        return len(self._index[1].get(char, ()))

    def around(self, char: str, rng: Rng) -> tuple[str, int]:
        """A line that holds the letter, each kept place of it as likely, and where in the line it stands."""
        places = self._index[1][char]
        at = int(places[int(rng.random() * len(places))])
        start = self.text.rfind("\n", 0, at) + 1
        return self.text[start : self.text.index("\n", at)], at - start

    @cached_property
    def _index(self) -> tuple[dict[str, float], dict[str, NDArray[np.int64]]]:
        """The share of every letter, and places of it: all of a seldom one."""
        codes = np.frombuffer(self.text.encode("utf-32-le"), np.uint32)
        counts = np.bincount(codes) if len(codes) else np.zeros(1, np.int64)
        found = [code for code in np.flatnonzero(counts).tolist() if code not in (_FEED, 32)]
        shares = {chr(code): int(counts[code]) / len(codes) for code in found}
        seldom = np.zeros(len(counts), np.bool_)
        seldom[[code for code in found if shares[chr(code)] < _SELDOM]] = True
        some = np.arange(0, len(codes), _STEP)
        at = np.concatenate([np.flatnonzero(seldom[codes]), some[~seldom[codes[some]]]])
        at = at[np.argsort(codes[at], kind="stable")]
        first, last = (np.searchsorted(codes[at], np.array(found, np.uint32), side) for side in _SIDES)
        return shares, {chr(code): at[a:b] for code, a, b in zip(found, first.tolist(), last.tolist())}


def _plain_codes(text: str, plain: Mapping[str, str]) -> tuple[NDArray[np.uint32], list[int]]:
    """Code points, the last line ended, signs replaced, all white space but line feeds as U+0020; which ones occur."""
    codes = np.frombuffer((text if text.endswith("\n") else text + "\n").encode("utf-32-le"), np.uint32)
    found = _occurring(codes)
    if any(len(plain.get(chr(code), " ")) != 1 for code in found):
        for code in found:
            text = text.replace(chr(code), plain.get(chr(code), chr(code))) if chr(code) in plain else text
        return _plain_codes(text, {})
    swaps = {code: ord(plain.get(chr(code), " ")) for code in found if chr(code) in plain or chr(code).isspace()}
    swaps.pop(_FEED, None)
    if set(swaps) - {32}:
        table = np.arange(found[-1] + 1, dtype=np.uint32)
        for code, instead in swaps.items():
            table[code] = instead
        codes = table[codes]
        found = sorted({swaps.get(code, code) for code in found})
    return codes, found


def _occurring(codes: NDArray[np.uint32]) -> list[int]:
    seen = np.zeros(int(codes.max(initial=0)) + 1, np.bool_)
    seen[codes] = True
    return [int(code) for code in np.flatnonzero(seen)]


def cut_words(line: str, goal: int, rng: Rng, at: int | None = None, hyphen: float = 0.0) -> str:
    """A run of whole words of at most `goal` characters (a longer word is cut); the line itself when it is short."""
    if len(line) <= goal:
        return line
    room = len(line) - goal
    if at is not None:
        start = min(room, max(0, at - int(rng.random() * goal)))
    elif rng.random() < 0.4:
        start = 0
    else:  # some reach the end of the sentence early, as the last line of a paragraph does
        start = int(rng.random() * (room if rng.random() < 0.6 else len(line)))
    start = line.rfind(" ", 0, start + 1) + 1
    loose = _LOOSE.match(line, start) if start else None
    if loose and loose.end() < len(line) and (at is None or loose.end() <= at):
        start = loose.end()
    stop = _stop(line, start, goal)
    if at is not None and stop <= at:
        start = line.rfind(" ", 0, at + 1) + 1
        start = start if at - start < goal else at
        stop = _stop(line, start, goal)
    trail = _TRAIL.match(line, stop)
    if trail:
        return line[start : trail.end()]
    if hyphen and rng.random() < hyphen:
        word = re.compile(r" [^\W\d_]+").match(line, stop)
        ends = [m.start() for m in _SYLLABLE.finditer(word.group())] if word else []
        ends = [end for end in ends if 3 <= end <= len(word.group()) - 2] if word else []
        if ends:
            return line[start : stop + pick(ends, rng)] + "-"
    return line[start:stop]


def _stop(line: str, start: int, goal: int) -> int:
    """Where a piece ends that starts there: after the last word that fits, or inside a word longer than that."""
    if len(line) - start <= goal:
        return len(line)
    stop = line.rfind(" ", start, start + goal + 1)
    return stop if stop > start else start + goal


def _brief_words(line: str, rng: Rng, at: int | None) -> str:
    words = line.split()
    count = 1 + int(rng.random() * 3)
    first = int(rng.random() * max(1, len(words) - count + 1))
    if at is not None:
        first = max(0, line.count(" ", 0, at) - int(rng.random() * count))
    text = " ".join(words[first : first + count])
    return text.strip(' ,;:!?."«»()') or text


def _cut(line: str, goal: int, rng: Rng, at: int | None) -> str:
    """A run of about `goal` characters that starts and ends where a line of Japanese or Chinese may (JIS X 4051)."""
    if len(line) <= goal:
        return line
    room = len(line) - goal
    if at is not None:
        start = min(room, max(0, at - int(rng.random() * goal)))
    else:
        start = 0 if rng.random() < 0.4 else int(rng.random() * (room + 1))
    while start and (_bound(line, start) or line[start] in _CLOSING):
        start -= 1
    stop = min(len(line), max(start + goal, 0 if at is None else at + 1))
    while stop < len(line) and (_bound(line, stop) or line[stop] in _CLOSING):
        stop += 1
    while stop - 1 > max(start, at or 0) and line[stop - 1] in _OPENING:
        stop -= 1
    return line[start:stop]


def _bound(line: str, at: int) -> bool:
    """True when the characters on both sides of a place belong together: ASCII words, numbers, marks on a letter."""
    left, right = line[at - 1], line[at]
    if left.isascii() and right.isascii():
        return left.isalnum() and right.isalnum()
    return right > "\u02ff" and unicodedata.category(right)[0] == "M"
