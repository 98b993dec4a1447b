"""Is a confidence a probability? What was read is judged right or wrong, and how often is compared with how sure."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netchu.calibration import LEVELS
from netchu.compose import split
from netchu.metrics import align, count
from netchu.records import Line
from netchu.text import canonical, graphemes
from netchu.text import normaliser as named_normaliser

BINS = 15
COVERAGES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.5, 0.3, 0.1)
Marks = list["bool | None"]  # whether each is right; None: it is neither
Judged = tuple[Marks, Marks, Marks]


class Bin(NamedTuple):
    """Things about equally sure: from `low` to `high`; how sure they are on average, and what share is right."""

    low: float
    high: float
    confidence: float
    right: float
    number: int


class Covered(NamedTuple):
    """The surest lines: their share, the confidence of the least sure, their CER, and the share of whole right ones.

    `best` is the CER of as many lines had one known which have the most errors for their length.
    """

    coverage: float
    threshold: float
    cer: float
    best: float
    right: float


@dataclass(frozen=True)
class Reliability:
    """How well the confidences of one level are calibrated and tell right from wrong.

    `ece`: expected calibration error over bins of equal mass (Guo et al. 2017; Nguyen and O'Connor 2015). `chance`: the
    ECE that perfect confidences would show on so few things, on average. `brier`: mean squared error. `auroc`: how
    often a right one is surer than a wrong one; None where all are right or all wrong.
    """

    count: int
    right: float
    ece: float
    chance: float
    brier: float
    auroc: float | None
    bins: tuple[Bin, ...]

    def to_json(self) -> dict[str, Any]:
        """As what json.dumps takes."""
        return {**self.__dict__, "bins": [each._asdict() for each in self.bins]}


@dataclass(frozen=True)
class Examined:
    """A data set's reliability by level, and what refusing the least sure lines leaves."""

    levels: dict[str, Reliability]  # char, word, line
    coverage: tuple[Covered, ...]

    def to_json(self) -> dict[str, Any]:
        """As what json.dumps takes: `ece` by level, `reliability` with the bins, `coverage`."""
        return {
            "ece": {level: each.ece for level, each in self.levels.items()},
            "reliability": {level: each.to_json() for level, each in self.levels.items()},
            "coverage": [each._asdict() for each in self.coverage],
        }


def examine(references: Sequence[str], readings: Sequence[Line], normaliser: str = "nfc") -> Examined:
    """Judge what was read of a data set under the named normaliser. Raises ValueError for unequal lengths."""
    normalise = named_normaliser(normaliser)
    sure: dict[str, list[float]] = {level: [] for level in LEVELS}
    right: dict[str, list[bool | None]] = {level: [] for level in LEVELS}
    edits, units = [], []
    for reference, reading in zip(references, readings, strict=True):
        judged = judge(reference, [char.text for char in reading.chars], normaliser)
        for level, confidences, good in zip(LEVELS, confidences_of(reading), judged):
            sure[level] += confidences
            right[level] += good
        counted = count(normalise(reference), normalise(reading.text))
        edits.append(counted.edits)
        units.append(counted.units)
    levels = {level: measure(sure[level], right[level]) for level in LEVELS}
    return Examined(levels, tuple(cover(sure["line"], edits, units)))


def confidences_of(line: Line) -> tuple[list[float], list[float], list[float]]:
    """How sure a line is of its characters, of its words and of the whole of it, in the order of LEVELS."""
    return [char.confidence for char in line.chars], [word.confidence for word in line.words], [line.confidence]


def judge(reference: str, chars: Sequence[str], normaliser: str = "nfc") -> Judged:
    """Whether each character, each word between spaces, and the whole of a line (a list of one) were read right.

    Both sides are normalised and aligned by metrics.align, one shortest path, whose ties are therefore those of the
    CER; a character is right when all that it became meets its equal. A mark that is a class of its own is judged with
    its letter. None is what the normaliser drops: it is neither. `chars` are what a Line's characters say, in order.
    """
    normalise = named_normaliser(normaliser)
    wanted, text = normalise(reference), "".join(chars)
    pieces = [normalise(f"x{char}x")[1:-1] for char in chars]  # what one becomes within a text
    found, owners = _join(chars, pieces)
    right: list[bool | None] = [None] * len(chars)
    if found == normalise(text):
        sides, owned = (list(wanted), list(found)), [[owner] for owner in owners]
    else:  # marks that join with their letters
        clusters = graphemes(found)
        starts = np.cumsum([0, *map(len, clusters)])
        sides = ([canonical(each) or " " for each in graphemes(wanted)], [canonical(each) or " " for each in clusters])
        owned = [owners[one:two] for one, two in itertools.pairwise(starts)]
    _settle(right, owned, align(*sides))

    spans = split(chars)
    parts = [normalise("".join(chars[start:end])).split() for start, end in spans]
    words: list[bool | None] = [None] * len(spans)
    pairs = align(wanted.split(), [part for parts_of_one in parts for part in parts_of_one])
    _settle(words, [[index] for index, each in enumerate(parts) for _ in each], pairs)
    return right, words, [wanted == normalise(text)]


def measure(confidences: Sequence[float], right: Sequence[bool | None], bins: int = BINS) -> Reliability:
    """Confidences (n,) against judgements (n,); those that are None are left out."""
    judged = [(sure, good) for sure, good in zip(confidences, right, strict=True) if good is not None]
    p = np.array([sure for sure, _ in judged], np.float64)
    y = np.array([good for _, good in judged], np.float64)
    if not len(p):
        return Reliability(0, 0.0, 0.0, 0.0, 0.0, None, ())
    parts = [part for part in np.array_split(np.argsort(p, kind="stable"), bins) if len(part)]
    rows = tuple(
        Bin(float(p[part[0]]), float(p[part[-1]]), float(p[part].mean()), float(y[part].mean()), len(part))
        for part in parts
    )
    rng = np.random.default_rng(0)
    chance = float(np.mean([_ece(p, (rng.random(len(p)) < p).astype(np.float64), parts) for _ in range(50)]))
    brier = float(((p - y) ** 2).mean())
    return Reliability(len(p), float(y.mean()), _ece(p, y, parts), chance, brier, _auroc(p, y), rows)


def cover(
    confidences: Sequence[float], edits: Sequence[int], units: Sequence[int], coverages: Sequence[float] = COVERAGES
) -> list[Covered]:
    """Lines with their confidence, edits and reference characters -> what is left when the least sure are refused.

    Of equally sure lines the earlier stays.
    """
    sure, wrong, length = np.asarray(confidences, np.float64), np.asarray(edits), np.asarray(units)
    order = np.argsort(-sure, kind="stable")
    ideal = np.argsort(wrong / np.maximum(length, 1), kind="stable")
    rows = []
    for share in coverages if len(order) else ():
        count = max(1, round(share * len(order)))
        kept = order[:count]
        cer, best = (_rate(wrong[some].sum(), length[some].sum()) for some in (kept, ideal[:count]))
        rows.append(Covered(float(share), float(sure[kept[-1]]), cer, best, float((wrong[kept] == 0).mean())))
    return rows


def _rate(edits: int, units: int) -> float:
    return float(edits / units) if units else float(edits > 0)


def _join(chars: Sequence[str], pieces: Sequence[str]) -> tuple[str, list[int]]:
    """The canonical text that the pieces make, and which character each of its code points comes from.

    Of a run of spaces that become one, it is that of a space that was read, before punctuation that turned into one.
    """
    text, owners = "", list[int]()
    for index, piece in enumerate(pieces):
        for char in piece:
            if char != " " or (text and text[-1] != " "):
                text += char
                owners.append(index)
            elif text and chars[index].isspace() and not chars[owners[-1]].isspace():
                owners[-1] = index
    return (text[:-1], owners[:-1]) if text.endswith(" ") else (text, owners)


def _settle(
    right: list[bool | None], owned: Sequence[Sequence[int]], pairs: Sequence[tuple[str | None, str | None]]
) -> None:
    """An item is right where all its parts meet their equal."""
    parts = iter(owned)
    for wanted, found in pairs:
        if found is not None:
            for owner in next(parts):
                right[owner] = wanted == found and right[owner] is not False


def _ece(p: NDArray[np.float64], y: NDArray[np.float64], parts: Sequence[NDArray[np.int64]]) -> float:
    return float(sum(abs((p[part] - y[part]).sum()) for part in parts) / len(p))


def _auroc(p: NDArray[np.float64], y: NDArray[np.float64]) -> float | None:
    """Area under the ROC curve by ranks, ties counting half (Mann and Whitney 1947)."""
    _, which, counts = np.unique(p, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[which]
    hits = float(y.sum())
    misses = len(y) - hits
    return float((ranks[y > 0.5].sum() - hits * (hits + 1) / 2) / (hits * misses)) if hits and misses else None
