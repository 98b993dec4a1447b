"""Counts first, rates second: edits are counted per line, added up, and divided once over the whole data set."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from netchu.errors import NetchuError
from netchu.text import canonical, graphemes
from netchu.text import normaliser as named_normaliser

Interval = tuple[float, float]

UNITS: dict[str, Callable[[str], Sequence[str]]] = {"codepoint": str, "grapheme": graphemes}


@dataclass(frozen=True)
class Counts:
    """An edit count: `units` is the length of the reference = hits + substitutions + deletions."""

    units: int = 0
    substitutions: int = 0
    insertions: int = 0
    deletions: int = 0
    hits: int = 0

    @property
    def edits(self) -> int:
        """The edit distance."""
        return self.substitutions + self.insertions + self.deletions

    @property
    def rate(self) -> float:
        """edits / units, which may exceed 1. Of an empty reference: 0.0 if nothing was written, else 1.0."""
        return _rate(self.edits, self.units)

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.units + other.units,
            self.substitutions + other.substitutions,
            self.insertions + other.insertions,
            self.deletions + other.deletions,
            self.hits + other.hits,
        )

    def to_json(self) -> dict[str, int]:
        """The counts and `edits`, by name."""
        return {
            "units": self.units,
            "edits": self.edits,
            "substitutions": self.substitutions,
            "insertions": self.insertions,
            "deletions": self.deletions,
            "hits": self.hits,
        }


class WriterScore(NamedTuple):
    """One writer's character error rate and number of lines."""

    writer: str
    cer: float
    lines: int


@dataclass(frozen=True)
class Scores:
    """The result of `score`. Rates are fractions, 0.05 = 5 %; intervals are (low, high) at 95 %."""

    lines: int
    wrong_lines: int
    characters: Counts
    words: Counts
    cer_ci95: Interval
    wer_ci95: Interval
    ser_ci95: Interval
    normalisation: str
    unit: str  # what a character is: codepoint or grapheme
    resampled: str  # what the intervals resample: lines or writers
    writers: tuple[WriterScore, ...]  # the named ones, worst first

    @property
    def cer(self) -> float:
        """Character error rate: sum of edits / sum of reference characters."""
        return self.characters.rate

    @property
    def wer(self) -> float:
        """Word error rate: the same over tokens between white space."""
        return self.words.rate

    @property
    def ser(self) -> float:
        """Sentence error rate: the share of lines that are not exactly right."""
        return self.wrong_lines / self.lines

    @property
    def worst_writer(self) -> WriterScore | None:
        """The writer with the highest CER; None where no line names its writer."""
        return self.writers[0] if self.writers else None

    def to_json(self) -> dict[str, Any]:
        """Everything, as what json.dumps takes."""
        return {
            "lines": self.lines,
            "cer": self.cer,
            "wer": self.wer,
            "ser": self.ser,
            "cer_ci95": list(self.cer_ci95),
            "wer_ci95": list(self.wer_ci95),
            "ser_ci95": list(self.ser_ci95),
            "normalisation": self.normalisation,
            "unit": self.unit,
            "resampled": self.resampled,
            "wrong_lines": self.wrong_lines,
            "characters": self.characters.to_json(),
            "words": self.words.to_json(),
            "worst_writer": self.worst_writer._asdict() if self.worst_writer else None,
            "writers": [writer._asdict() for writer in self.writers],
        }


class DiacriticOnly(NamedTuple):
    """How many substitutions miss only the marks of a letter, and their share of all character edits."""

    substitutions: int
    share: float


def count(reference: Sequence[Hashable], hypothesis: Sequence[Hashable]) -> Counts:
    """The fewest edits that make `reference` into `hypothesis`, by kind: of a str over code points, else over items.

    Their sum is unique; how it splits into kinds is that of one shortest path.
    """
    kinds = Counter(edit.tag for edit in Levenshtein.editops(*_comparable(reference, hypothesis)))
    substitutions, insertions, deletions = kinds["replace"], kinds["insert"], kinds["delete"]
    units = len(reference)
    return Counts(units, substitutions, insertions, deletions, units - substitutions - deletions)


def align(reference: Sequence[str], hypothesis: Sequence[str]) -> list[tuple[str | None, str | None]]:
    """One shortest path as pairs (reference, hypothesis), None where the one side has nothing."""
    pairs: list[tuple[str | None, str | None]] = []
    for step in Levenshtein.opcodes(*_comparable(reference, hypothesis)):
        left, right = reference[step.src_start : step.src_end], hypothesis[step.dest_start : step.dest_end]
        if step.tag == "delete":
            pairs.extend((item, None) for item in left)
        elif step.tag == "insert":
            pairs.extend((None, item) for item in right)
        else:
            pairs.extend(zip(left, right))
    return pairs


def score(
    references: Sequence[str],
    hypotheses: Sequence[str],
    *,
    normaliser: str = "nfc",
    unit: str = "codepoint",
    writers: Sequence[str | None] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Scores:
    """CER, WER and SER of a data set, one text per line, both sides under the named normaliser.

    Corpus level: sums of edits over sums of reference lengths; words are what stands between white space.
    Intervals are 95 % percentile bootstrap over lines; over writers (a cluster bootstrap: whole writers are drawn, as
    lines of one hand are not independent) when `writers` names at least two. A line whose writer is None or "" is a
    cluster of its own. One line, or all alike, has an interval of no width.
    Raises NetchuError for an empty data set or an unknown name, ValueError for unequal lengths or resamples < 1.
    """
    _check_lengths(references, hypotheses)
    if writers is not None and len(writers) != len(references):
        raise ValueError(f"{len(references)} references but {len(writers)} writers")
    if resamples < 1:
        raise ValueError(f"resamples is {resamples}; at least 1 is needed for an interval")
    if not references:
        raise NetchuError("nothing to score: the data set has no lines")
    if unit not in UNITS:
        raise NetchuError(f"unknown unit {unit!r}; known: {', '.join(UNITS)}")
    normalise, split = named_normaliser(normaliser), UNITS[unit]
    pairs = [(normalise(reference), normalise(hypothesis)) for reference, hypothesis in zip(references, hypotheses)]
    characters = [count(split(reference), split(hypothesis)) for reference, hypothesis in pairs]
    words = [count(reference.split(), hypothesis.split()) for reference, hypothesis in pairs]
    wrong = [reference != hypothesis for reference, hypothesis in pairs]

    named = writers if writers is not None else [None] * len(pairs)
    by_writer = len({writer for writer in named if writer}) > 1
    rows = [(c.edits, c.units, w.edits, w.units, bad, 1) for c, w, bad in zip(characters, words, wrong)]
    table = np.array(rows, dtype=np.int64)  # (lines, 6)
    clusters = _sum_clusters(table, named) if by_writer else table
    cer_ci95, wer_ci95, ser_ci95 = _bootstrap(clusters, resamples, seed)
    return Scores(
        lines=len(pairs),
        wrong_lines=sum(wrong),
        characters=sum(characters, Counts()),
        words=sum(words, Counts()),
        cer_ci95=cer_ci95,
        wer_ci95=wer_ci95,
        ser_ci95=ser_ci95,
        normalisation=normaliser,
        unit=unit,
        resampled="writers" if by_writer else "lines",
        writers=_rank_writers(named, characters),
    )


def confusions(references: Sequence[str], hypotheses: Sequence[str], top: int = 30) -> list[tuple[str, str, int]]:
    """The `top` most frequent character errors of the NFC texts -> (reference, hypothesis, count), most frequent first.

    An insertion has the reference "", a deletion the hypothesis "". Equal counts are in code point order.
    """
    errors = Counter(_edits(references, hypotheses))
    ranked = sorted(errors.items(), key=lambda item: (-item[1], item[0]))
    return [(left, right, number) for (left, right), number in ranked[:top]]


def diacritic_only(references: Sequence[str], hypotheses: Sequence[str]) -> DiacriticOnly:
    """Substitutions of NFC code points that are equal once their marks are off, case kept: ế read as ê, đ as d."""
    bare = named_normaliser("nodiacritics")
    edits = _edits(references, hypotheses)
    # A space, a mark alone and an absent side are all bare of everything: "" on both sides is no letter.
    number = sum(bare(left) != "" and bare(left) == bare(right) for left, right in edits)
    return DiacriticOnly(number, _rate(number, len(edits)))


def resampled_sums(clusters: NDArray[Any], resamples: int, seed: int) -> NDArray[np.float64]:
    """Sums of as many rows of `clusters` (n, k), drawn with replacement, `resamples` times: (resamples, k)."""
    generator = np.random.default_rng(seed)
    size = len(clusters)
    values = clusters.astype(np.float64)  # exact below 2**53, and the product below is then BLAS
    sums = np.empty((resamples, values.shape[1]))
    for row in sums:  # one resample at a time: memory stays (n,) for archives of millions of lines
        row[:] = np.bincount(generator.integers(size, size=size), minlength=size) @ values
    return sums


def _edits(references: Sequence[str], hypotheses: Sequence[str]) -> list[tuple[str, str]]:
    """The unequal pairs of all lines, aligned as canonical NFC; "" where a side has nothing."""
    _check_lengths(references, hypotheses)
    lines = (align(canonical(left), canonical(right)) for left, right in zip(references, hypotheses))
    return [(left or "", right or "") for line in lines for left, right in line if left != right]


def _check_lengths(references: Sequence[str], hypotheses: Sequence[str]) -> None:
    if len(references) != len(hypotheses):
        raise ValueError(f"{len(references)} references but {len(hypotheses)} hypotheses")


def _comparable(left: Sequence[Hashable], right: Sequence[Hashable]) -> tuple[Any, Any]:
    """Two str as they are; other items numbered: rapidfuzz would compare their hashes, and those of -1 and -2 agree."""
    if isinstance(left, str) and isinstance(right, str):
        return left, right
    numbers: dict[Hashable, int] = {}
    first = [numbers.setdefault(item, len(numbers)) for item in left]
    return first, [numbers.setdefault(item, len(numbers)) for item in right]


def _rate(edits: float, units: float) -> float:
    return edits / units if units else float(edits > 0)


def _sum_clusters(table: NDArray[np.int64], writers: Sequence[str | None]) -> NDArray[np.int64]:
    """Per-line rows (lines, 6) -> per-cluster rows (clusters, 6): one per writer, one per line without a writer."""
    numbers: dict[Hashable, int] = {}
    cluster = [numbers.setdefault(writer or (line,), len(numbers)) for line, writer in enumerate(writers)]
    sums = np.zeros((len(numbers), table.shape[1]), dtype=np.int64)
    np.add.at(sums, cluster, table)
    return sums


def _bootstrap(clusters: NDArray[np.int64], resamples: int, seed: int) -> tuple[Interval, Interval, Interval]:
    """95 % percentile intervals of three rates; clusters (n, 6) holds three pairs of columns: edits, units.

    Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13.
    """
    sums = resampled_sums(clusters, resamples, seed)
    edits, units = sums[:, 0::2], sums[:, 1::2]  # (resamples, 3) each
    rates = np.where(units > 0, edits / np.maximum(units, 1), edits > 0)
    low, high = np.percentile(rates, [2.5, 97.5], axis=0).tolist()
    return (low[0], high[0]), (low[1], high[1]), (low[2], high[2])


def _rank_writers(writers: Iterable[str | None], characters: Iterable[Counts]) -> tuple[WriterScore, ...]:
    """The named writers by falling CER; of equals the one with more lines first, then by name."""
    counts: defaultdict[str, list[Counts]] = defaultdict(list)
    for writer, line in zip(writers, characters):
        if writer:
            counts[writer].append(line)
    rows = [WriterScore(writer, sum(lines, Counts()).rate, len(lines)) for writer, lines in counts.items()]
    return tuple(sorted(rows, key=lambda row: (-row.cer, -row.lines, row.writer)))
