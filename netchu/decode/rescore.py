"""Lexicon re-scoring: of the whole lines (or words) that a picture may show, the one with the highest CTC probability.

As in CRNN (Shi et al. 2017, section 2.3.2): the entries near the greedy reading, each by its exact probability. CRNN
finds them by a BK-tree (Burkhard and Keller 1973); here every entry of about the reading's length is measured, many at
a time by bit-parallel edit distances, which needs nothing built and finds the same entries.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netchu.compiled import compiled
from netchu.decode.beam import log_add
from netchu.decode.ctc import greedy
from netchu.decode.frames import log_probabilities
from netchu.decode.reading import BLANK, Reading
from netchu.decode.sureness import attach
from netchu.errors import NetchuError
from netchu.text import Charset, canonical, describe

Array = NDArray[Any]
MOST = 1000  # entries scored of those within the tolerance, the nearest; a lexicon for other pictures has so many
_NEGLIGIBLE = 45.0  # nats below the best entry: what adds up to less than its rounding
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Lines:
    """Entries over the classes of a charset, sorted by them. Entry i has classes[offsets[i] : offsets[i + 1]]."""

    texts: tuple[str, ...]
    keys: tuple[str, ...]  # the classes of entries `by_length` as code points, to measure distances between
    classes: NDArray[np.int32]
    offsets: NDArray[np.int64]  # (N + 1,)
    shared: NDArray[np.int32]  # (N,): how many classes an entry begins with that the one before it has too
    by_length: NDArray[np.int64]  # (N,): the shortest entry first
    left_out: tuple[str, ...] = ()  # entries with letters that the charset lacks


def make_lines(entries: Iterable[str], charset: Charset) -> Lines:
    """The canonical `entries`, each once. Raises NetchuError when there are none, or none that can be written."""
    texts = dict.fromkeys(canonical(entry, charset.form) for entry in entries)
    texts.pop("", None)
    if not texts:
        raise NetchuError("the lexicon is empty; give it the texts that a picture may show, one to a line")
    found, left_out = {}, []
    for text in texts:
        try:
            found["".join(map(chr, charset.encode(text)))] = text
        except NetchuError:  # it has letters without a class
            left_out.append(text)
    if not found:
        named = ", ".join(describe(char) for char in charset.missing(left_out[0])[:3])
        raise NetchuError(
            f"none of the lexicon's {len(texts):,} entries can be written with the model's letters: "
            f"{left_out[0][:40]!r} needs {named}; use another lexicon or model"
        )
    keys = sorted(found)
    classes = np.array([ord(char) for key in keys for char in key], np.int32)
    lengths = np.array([len(key) for key in keys])
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    by_length = np.argsort(lengths, kind="stable")
    return Lines(
        tuple(found[key] for key in keys), tuple(keys[place] for place in by_length), classes, offsets,
        _shared(classes, offsets), by_length, tuple(left_out),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Rescoring:
    """Reads one of `lexicon`, whatever the picture shows; a lexicon given with the call, as for CRNN's 50 words a
    picture, takes its place.

    Entries are scored when their edit distance from the greedy reading is at most the nearest one's plus `tolerance`,
    and MOST of them; with an infinite tolerance, all are. The best has the highest probability over all CTC paths, of
    equal ones the first by classes. `margin`: when the greedy reading's own log-probability is more than so many nats
    above the best entry's, the reading is left alone; infinite: never. `ranked`: how many entries to give back.

    Raises NetchuError for an empty lexicon and options that make no sense.
    """

    charset: Charset
    lexicon: Lines | Iterable[str] | None = None
    tolerance: float = 3.0
    margin: float = math.inf
    ranked: int = 1

    def __post_init__(self) -> None:
        for name, least in (("tolerance", 0), ("margin", 0), ("ranked", 1)):
            if not getattr(self, name) >= least:
                raise NetchuError(f"{name}={getattr(self, name)}: must be {least} or more")
        _ = self.lines  # an empty lexicon is wrong now or never

    def __call__(
        self,
        logits: NDArray[Any],
        length: int,
        temperature: float = 1.0,
        lexicon: Lines | Iterable[str] | None = None,
    ) -> Reading:
        """logits (T, C) of one line, of which `length` frames are real -> the entry that it shows, if one fits."""
        lines = self.lines if lexicon is None else _as_lines(lexicon, self.charset)
        if lines is None:
            raise NetchuError("there is no lexicon; give one to the decoder or with every call")
        log_probs, note = log_probabilities(logits, length, temperature, len(self.charset))
        read = greedy(log_probs, len(log_probs))
        own = log_prob(log_probs, read.classes) if self.margin < math.inf else -np.inf
        ranked = self.rank(log_probs, read.classes, lines, own - self.margin)
        if ranked:
            return attach(log_probs, ranked[0][0], ranked=ranked, note=note)
        if own > -np.inf:
            why = "no entry of the lexicon is likely enough; read without"
        else:
            why = f"no entry of the lexicon fits the line's {len(log_probs)} frames; read without"
        return attach(log_probs, read.classes, note="; ".join(filter(None, [note, why])))

    def rank(
        self, log_probs: NDArray[np.float64], read: tuple[int, ...], lines: Lines, least: float = -np.inf
    ) -> tuple[tuple[tuple[int, ...], float], ...]:
        """The best entries as classes and log-probabilities (nats) of at least `least`, best first."""
        if not len(log_probs):
            return ()
        lengths, count = np.diff(lines.offsets), min(self.ranked, len(lines.texts))
        nearest, near = _near("".join(map(chr, read)), lines, self.tolerance)
        # what is longer than the line has frames cannot be it, and would take memory
        nearest, near = (entries[lengths[entries] <= len(log_probs)] for entries in (nearest, near))
        # the nearest first: what they score is what the others have to reach
        found, scores = _best(log_probs, *_arrays(lines), np.sort(nearest[:count]), least, count)
        if len(scores) == count:
            least = max(least, float(scores[-1]))
        found, scores = _best(log_probs, *_arrays(lines), np.sort(near), least, count)
        return tuple(
            (tuple(lines.classes[lines.offsets[entry] : lines.offsets[entry + 1]].tolist()), float(score))
            for entry, score in zip(found, scores)
        )

    @cached_property
    def lines(self) -> Lines | None:
        """The lexicon's entries for the charset; None without a lexicon."""
        return None if self.lexicon is None else _as_lines(self.lexicon, self.charset)


def log_prob(log_probs: NDArray[np.float64], classes: Iterable[int]) -> float:
    """Log-probability (nats) of a text over all CTC paths that spell it; -inf when there is none (Graves et al. 2006).

    log_probs float64 (T, C), T at least 1; classes without blanks.
    """
    labels = np.array(list(classes), np.int32)
    offsets = np.array([0, len(labels)], np.int64)
    _, scores = _best(log_probs, labels, offsets, np.zeros(1, np.int32), np.zeros(1, np.int64), -np.inf, 1)
    return float(scores[0]) if len(scores) else -math.inf


def _near(key: str, lines: Lines, tolerance: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The entries at the smallest distance from `key`, and those at most `tolerance` farther, the nearest MOST; by
    distance, then by number."""
    from rapidfuzz.distance import Levenshtein
    from rapidfuzz.process import cdist

    lengths = np.diff(lines.offsets)[lines.by_length]
    longest = max(len(key), int(lengths[-1]))
    reach = min(4, longest)  # what is farther is not measured out; when nothing is within reach, once more
    while True:
        low, high = np.searchsorted(lengths, [len(key) - reach, len(key) + reach + 1])
        keys = lines.keys[low:high]
        distances = cdist([key], keys, scorer=Levenshtein.distance, score_cutoff=reach, dtype=np.int32)[0]
        smallest = int(distances.min(initial=reach + 1))
        needed = smallest if tolerance == math.inf else smallest + int(min(tolerance, longest))
        if smallest <= reach and (needed <= reach or reach == longest):
            break
        reach = min(needed, longest) if smallest <= reach else 12 if reach < 12 < longest else longest
    entries = lines.by_length[low:high]
    order = np.lexsort((entries, distances))
    entries, distances = entries[order], distances[order]
    nearest = entries[distances == smallest]
    if tolerance == math.inf:
        return nearest, np.arange(len(lines.texts))
    return nearest, entries[distances <= needed][:MOST]


def _as_lines(lexicon: Lines | Iterable[str], charset: Charset) -> Lines:
    return lexicon if isinstance(lexicon, Lines) else make_lines(lexicon, charset)


def _arrays(lines: Lines) -> tuple[Array, Array, Array]:
    return lines.classes, lines.offsets, lines.shared


@compiled
def _shared(classes: Array, offsets: Array) -> Array:
    shared = np.zeros(len(offsets) - 1, np.int32)
    for entry in range(1, len(shared)):
        most = min(offsets[entry] - offsets[entry - 1], offsets[entry + 1] - offsets[entry])
        while shared[entry] < most:
            place = shared[entry]
            if classes[offsets[entry - 1] + place] != classes[offsets[entry] + place]:
                break
            shared[entry] += 1
    return shared


@compiled
def _best(
    log_probs: Array, classes: Array, offsets: Array, shared: Array, chosen: Array, least: float, count: int
) -> tuple[Array, Array]:
    """The `count` best of the `chosen` entries (sorted) that score `least` or more, and their scores, best first.

    The forward algorithm, a column of all frames for each letter, so that entries share those of the letters they
    begin with. No text is likelier than that the line begins as it does: where that is less than the best so far,
    all that begin so are passed over. Frames that cannot add anything to that are left out of a column.
    """
    frames = len(log_probs)
    deepest = 0
    for entry in chosen:
        deepest = max(deepest, offsets[entry + 1] - offsets[entry])
    letter, blank = np.full((deepest + 1, frames), -np.inf), np.full((deepest + 1, frames), -np.inf)
    first, last = np.zeros(deepest + 1, np.int64), np.full(deepest + 1, frames - 1, np.int64)
    blank[0] = np.cumsum(log_probs[:, BLANK])
    best, scores = np.full(count, -1, np.int64), np.full(count, -np.inf)
    done = 0  # letters of the entry before whose columns are there
    before = -1
    for entry in chosen:
        common = offsets[entry + 1] - offsets[entry]
        for between in range(before + 1, entry + 1):
            common = min(common, np.int64(shared[between]))
        if before < 0:
            common = 0
        before = entry
        if common > done:  # it begins with what was passed over
            continue
        done = common
        labels = classes[offsets[entry] : offsets[entry + 1]]
        while done < len(labels):
            begun = _column(log_probs, labels, done, letter, blank, first, last, least - _NEGLIGIBLE)
            if not begun >= least - _ROUNDING or begun == -np.inf:
                break
            done += 1
        if done < len(labels) or last[done] < frames - 1:
            continue
        score = log_add(letter[done, frames - 1], blank[done, frames - 1])
        if score > scores[count - 1] and score >= least - _ROUNDING:
            at = count - 1
            while at > 0 and scores[at - 1] < score:
                best[at], scores[at] = best[at - 1], scores[at - 1]
                at -= 1
            best[at], scores[at] = entry, score
            least = max(least, scores[count - 1])
    size = 0
    while size < count and best[size] >= 0:
        size += 1
    return best[:size], scores[:size]


@compiled
def _column(
    log_probs: Array, labels: Array, place: int, letter: Array, blank: Array, first: Array, last: Array, cut: float
) -> float:
    """Fill column `place` + 1 of `letter` and `blank` from the one before; the probability that a text begins so.

    letter[n, t], blank[n, t]: the first t + 1 frames spell n letters, the last of them (a blank) in frame t. Valid in
    frames first[n] to last[n]; outside, both are below `cut`.
    """
    frames, label, column = len(log_probs), labels[place], place + 1
    twice = place > 0 and labels[place - 1] == label
    begun, letter_before, blank_before = -np.inf, -np.inf, -np.inf
    low, high = -1, -1
    for frame in range(0 if place == 0 else first[place] + 1, frames):
        entering = -np.inf
        if frame == 0:
            entering = 0.0
        elif frame - 1 <= last[place]:
            entering = blank[place, frame - 1]
            if not twice:
                entering = log_add(entering, letter[place, frame - 1])
        elif max(letter_before, blank_before) < cut or (letter_before == -np.inf and blank_before == -np.inf):
            break
        entering += log_probs[frame, label]
        begun = log_add(begun, entering)
        blank_before = log_add(blank_before, letter_before) + log_probs[frame, BLANK]
        letter_before = log_add(entering, letter_before + log_probs[frame, label])
        letter[column, frame], blank[column, frame] = letter_before, blank_before
        if letter_before >= cut or blank_before >= cut:
            low = frame if low < 0 else low
            high = frame
    first[column], last[column] = (low, high) if low >= 0 else (frames, -1)
    return begun
