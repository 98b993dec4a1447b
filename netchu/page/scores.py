"""Scores of whole pages: were the lines found, and was the text read? Counts first, rates second.

`docs/pages.md` says in plain words what each figure counts; the measures themselves are in `baseline_score`,
`area_score` and `text_score`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netchu.data.pages import IGNORED
from netchu.errors import NetchuError
from netchu.metrics import Counts, Interval, resampled_sums
from netchu.page.area_score import mostly_in, outline, pairs
from netchu.page.baseline_score import coverage, page_rates
from netchu.page.text_score import in_place, ordered, unordered
from netchu.records import Line, Page
from netchu.text import normaliser as named_normaliser


@dataclass(frozen=True)
class Tally:
    """What was counted, over one page or many; tallies add up.

    `true_lines` and `found_lines` leave out don't-care areas and what was found there (`ignored`). `recall_sum` and
    `precision_sum` are the baseline measure's R and P summed over the `baseline_pages`: those whose true lines all
    have a baseline. `area_true`, `area_found` and `matched` are lines of the `area_pages`: those whose true lines all
    have a polygon. `exact` are the matched lines whose text is right. `ordered`, `unordered` and `in_place` are
    character edits (`text_score`); the last of area pages only.
    """

    pages: int = 0
    true_lines: int = 0
    found_lines: int = 0
    ignored: int = 0
    baseline_pages: int = 0
    recall_sum: float = 0.0
    precision_sum: float = 0.0
    area_pages: int = 0
    area_true: int = 0
    area_found: int = 0
    matched: int = 0
    exact: int = 0
    ordered: Counts = field(default_factory=Counts)
    unordered: Counts = field(default_factory=Counts)
    in_place: Counts = field(default_factory=Counts)

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, entry.name) + getattr(other, entry.name) for entry in fields(self)))

    @property
    def rates(self) -> dict[str, float | None]:
        """Fractions by name: `baseline_recall`, `baseline_precision`, `baseline_f` (means over pages, and the harmonic
        mean of the two), `recall`, `precision`, `hmean` (of lines, by area), `cer`, `cer_unordered`, `cer_in_place`.
        None where no page could be counted.
        """
        found = _rates(self._row()[None])
        return {name: None if np.isnan(values[0]) else float(values[0]) for name, values in found.items()}

    def to_json(self) -> dict[str, Any]:
        """Rates and counts, as what json.dumps takes."""
        counts = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        shown = {name: value.to_json() if isinstance(value, Counts) else value for name, value in counts.items()}
        return {**self.rates, **shown}

    def _row(self) -> NDArray[np.float64]:
        """The numbers that `_rates` takes."""
        edits = [x for text in (self.ordered, self.unordered, self.in_place) for x in (text.edits, text.units)]
        baseline = (self.recall_sum, self.precision_sum, self.baseline_pages)
        return np.array([*baseline, self.area_pages, self.matched, self.area_true, self.area_found, self.pages, *edits])


@dataclass(frozen=True)
class PageScores:
    """The result of `score_pages`. `ci95`: the 95 % interval of each rate, resampling pages; None where it has none.

    `sources` are the tallies of each source by name, in order of their first pages; empty where none was named.
    """

    total: Tally
    ci95: dict[str, Interval | None]
    normalisation: str
    pages: tuple[Tally, ...]
    sources: tuple[tuple[str, Tally], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Everything but the single pages, as what json.dumps takes."""
        intervals = {f"{name}_ci95": list(ends) if ends else None for name, ends in self.ci95.items()}
        sources = {name: tally.to_json() for name, tally in self.sources}
        labels = {"normalisation": self.normalisation, "resampled": "pages"}
        return {**self.total.to_json(), **intervals, **labels, "sources": sources}


def score_pages(
    truth: Sequence[Page],
    found: Sequence[Page],
    normaliser: str = "nfc",
    *,
    sources: Sequence[str] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> PageScores:
    """Lines and texts found on pages against the truth, page for page; both in pixels of the same pictures.

    True lines with the text IGNORED are don't-care areas: a found line is left out when more than half of its area
    lies in them and on no true line. A found line without a baseline is a wrong baseline, one without a polygon a wrong
    polygon; true lines without them take their page out of that measure.
    Intervals are 95 % percentile bootstrap over pages.
    Raises NetchuError for no pages, sizes that differ or an unknown normaliser, ValueError for unequal lengths.
    """
    if len(truth) != len(found) or (sources is not None and len(sources) != len(truth)):
        raise ValueError(f"{len(truth)} true pages, {len(found)} found, {len(sources or truth)} sources")
    if not truth:
        raise NetchuError("nothing to score: the data set has no pages")
    for true, page in zip(truth, found):
        if (true.width, true.height) != (page.width, page.height):
            sizes = f"{true.width} x {true.height} pixels in the truth, {page.width} x {page.height} as read"
            raise NetchuError(f"{true.source or page.source or 'a page'}: {sizes}; give both in the same pixels")
    tallies = [score_page(true, page, normaliser) for true, page in zip(truth, found)]
    return summed(tallies, normaliser, sources=sources, resamples=resamples, seed=seed)


def summed(
    pages: Sequence[Tally],
    normalisation: str = "nfc",
    *,
    sources: Sequence[str] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> PageScores:
    """The scores of pages that `score_page` has counted, at least one; `normalisation` is only passed on."""
    by_source: dict[str, Tally] = {}
    for source, tally in zip(sources or (), pages):
        by_source[source] = by_source.get(source, Tally()) + tally
    sums = resampled_sums(np.stack([tally._row() for tally in pages]), resamples, seed)
    intervals = {name: _interval(values) for name, values in _rates(sums).items()}
    return PageScores(sum(pages, Tally()), intervals, normalisation, tuple(pages), tuple(by_source.items()))


def score_page(truth: Page, found: Page, normaliser: str = "nfc") -> Tally:
    """The tally of one page; see `score_pages`."""
    normalise = named_normaliser(normaliser)
    true = [line for line in truth.lines if line.text != IGNORED]
    true_outlines = [outline(line.polygon) for line in true]
    zones = [outline(line.polygon) for line in truth.lines if line.text == IGNORED]
    kept = [line for line in found.lines if not mostly_in(outline(_body(line)), zones, true_outlines)]

    baselines = all(len(line.baseline) > 1 for line in true)
    recall = precision = 0.0
    if baselines:
        covered = coverage([line.baseline for line in true], [_baseline(line) for line in kept])
        recall, precision = page_rates(covered)
    areas = all(len(line.polygon) > 2 for line in true)
    same = pairs(true_outlines, [outline(line.polygon) for line in kept]) if areas else []
    left, right = ([normalise(line.text) for line in side] for side in (true, kept))
    return Tally(
        pages=1,
        true_lines=len(true),
        found_lines=len(kept),
        ignored=len(found.lines) - len(kept),
        baseline_pages=int(baselines),
        recall_sum=recall,
        precision_sum=precision,
        area_pages=int(areas),
        area_true=len(true) if areas else 0,
        area_found=len(kept) if areas else 0,
        matched=len(same),
        exact=sum(left[pair.true] == right[pair.found] for pair in same),
        ordered=ordered(left, right),
        unordered=unordered(left, right),
        in_place=in_place(left, right, [pair[:2] for pair in same]) if areas else Counts(),
    )


def _baseline(line: Line) -> tuple[tuple[float, float], ...]:
    return line.baseline if len(line.baseline) > 1 else ()


def _body(line: Line) -> tuple[tuple[float, float], ...]:
    """What stands for a line's area: its polygon, else a strip one pixel to either side of its baseline."""
    if len(line.polygon) > 2 or not line.baseline:
        return line.polygon
    wide, high = (max(ends) - min(ends) for ends in zip(*line.baseline))
    x, y = (0, 1) if wide >= high else (1, 0)
    there, back = ([(p[0] + side * x, p[1] + side * y) for p in line.baseline] for side in (-1, 1))
    return (*there, *reversed(back))


def _rates(rows: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Rates of sums as Tally._row has them, (n, 14) -> n each; not a number where no page could be counted."""
    recall_sum, precision_sum, pages, areas, matched, true, found, read, *texts = rows.T
    with np.errstate(invalid="ignore", divide="ignore"):
        rates = {"baseline_recall": recall_sum / pages, "baseline_precision": precision_sum / pages}
        rates["baseline_f"] = _harmonic(rates["baseline_recall"], rates["baseline_precision"])
        # A side without lines: nothing to be wrong about where the other has none either.
        rates["recall"] = np.where(true > 0, matched / true, np.where(areas > 0, found == 0, np.nan))
        rates["precision"] = np.where(found > 0, matched / found, np.where(areas > 0, true == 0, np.nan))
        rates["hmean"] = _harmonic(rates["recall"], rates["precision"])
        for place, name in enumerate(("cer", "cer_unordered", "cer_in_place")):
            edits, units = texts[2 * place : 2 * place + 2]
            counted = areas if name == "cer_in_place" else read
            rate = np.where(units > 0, edits / units, edits > 0)
            rates[name] = np.where(counted > 0, rate, np.nan)
    return rates


def _harmonic(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """The harmonic mean; of two zeros 0."""
    both = one + other
    return np.where(both == 0, 0.0, 2 * one * other / both)


def _interval(values: NDArray[np.float64]) -> Interval | None:
    """95 % percentile interval of the resamples in which the rate could be counted."""
    known = values[~np.isnan(values)]
    if not len(known):
        return None
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)
