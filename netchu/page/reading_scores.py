"""A reader, or what another program found, scored on a set of pages: scores, time and memory, page by page."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from netchu.data.page_sources import scored_page, split_pages
from netchu.data.pages import IGNORED, PageSample, PageSet
from netchu.errors import NetchuError
from netchu.memory import peak, reset_peak
from netchu.page.scores import PageScores, Tally, score_page, summed
from netchu.records import Page

Read = Callable[[PageSample], Page]


@dataclass(frozen=True)
class PageResult:
    """A page of a set: the truth it was scored by, what was found, what that counts, and what it took.

    `seconds` and `peak_mib` (of the whole process) are None where they were not measured; `fault` is why nothing could
    be found on a page. Characters and words found are not kept: thousands of pages would not fit into memory.
    """

    sample: PageSample
    truth: Page
    found: Page
    tally: Tally
    seconds: float | None = None
    peak_mib: float | None = None
    fault: str = ""

    @property
    def badness(self) -> float:
        """What the worst pages are sorted by: character errors over characters, of texts; else 1 - F of baselines."""
        rates = self.tally.rates
        if self.tally.ordered.units and any(line.text for line in self.found.lines):
            return rates["cer"] or 0.0
        finding = rates["baseline_f"] if rates["baseline_f"] is not None else rates["hmean"]
        return 1 - (finding if finding is not None else 1.0)


@dataclass(frozen=True)
class ReadingScores:
    """The result of `score_set`: the pages in the set's order. `peak_how` says how memory was measured."""

    scores: PageScores
    pages: tuple[PageResult, ...]
    seconds: float = 0.0
    peak_mib: float | None = None
    peak_how: str = ""
    texts: bool = True  # whether both sides have any: else character errors say nothing
    warnings: tuple[str, ...] = field(default=())

    def worst(self, count: int) -> list[PageResult]:
        """The pages with most errors for what is on them, the worst first; those without any left out."""
        bad = [page for page in self.pages if page.badness > 0]
        return sorted(bad, key=lambda page: -page.badness)[:count]

    def to_json(self) -> dict[str, Any]:
        """Scores, time and memory, as what json.dumps takes; keys are in docs/pages.md."""
        took = sorted(page.seconds for page in self.pages if page.seconds is not None)
        spread = None
        if took:
            spread = {"median": statistics.median(took), "p95": took[round(0.95 * (len(took) - 1))], "most": took[-1]}
        return {
            **self.scores.to_json(),
            "texts": self.texts,
            "unreadable": sum(bool(page.fault) for page in self.pages),
            "seconds": round(self.seconds, 3) if took else None,
            "pages_per_second": round(len(took) / self.seconds, 3) if took else None,
            "seconds_per_page": spread and {name: round(value, 3) for name, value in spread.items()},
            "peak_memory_mib": None if self.peak_mib is None else round(self.peak_mib, 1),
            "peak_memory_how": self.peak_how or None,
            "worst": [
                {"image": page.sample.image.name, **page.tally.rates, "fault": page.fault or None}
                for page in self.worst(5)
            ],
        }


def pages_to_score(pages: PageSet, split: str | None) -> tuple[PageSet, str | None]:
    """The pages of a split (None: all), and by what they were divided: "column" or "document".

    Pages without a split in the file have the published one, by document (`page_sources`). Raises NetchuError where
    the split holds nothing.
    """
    if split is None:
        return pages, None
    way = "column" if all(sample.split for sample in pages.samples) else "document"
    part = split_pages(pages).part(split)
    if not len(part):
        raise NetchuError(f"{pages.root}: no pages in split {split!r}; leave --split out to score all")
    return replace(part, rejects=pages.rejects), way


def score_set(pages: PageSet, read: Read, normaliser: str, jobs: int, timed: bool = True) -> ReadingScores:
    """Score what `read` finds on each page, `jobs` of them at a time; a NetchuError of it is a page without lines.

    Don't-care areas are those of `scored_page`. With one job each page's peak of memory is measured, else that of all.
    """
    single = timed and jobs == 1 and reset_peak()

    def score(sample: PageSample) -> PageResult:
        truth, fault = scored_page(sample), ""
        if single:
            reset_peak()
        began = time.perf_counter()
        try:
            found = read(sample)
        except NetchuError as error:
            found, fault = Page(truth.width, truth.height, ()), str(error)
        seconds = time.perf_counter() - began
        most = peak() if single else None
        tally = score_page(truth, found, normaliser)
        found = replace(found, lines=tuple(replace(line, chars=(), words=(), readings=()) for line in found.lines))
        return PageResult(sample, truth, found, tally, seconds if timed else None, most and most[0], fault)

    began = time.perf_counter()
    if jobs == 1:
        results = [score(sample) for sample in pages.samples]
    else:
        with ThreadPoolExecutor(jobs) as pool:
            results = list(pool.map(score, pages.samples))
    seconds = time.perf_counter() - began
    most, how = _memory(results, single, jobs) if timed else (None, "")
    return ReadingScores(_summed(results, normaliser), tuple(results), seconds, most, how, _has_texts(results))


def _summed(results: Sequence[PageResult], normaliser: str) -> PageScores:
    sources = [result.sample.source for result in results]
    return summed([result.tally for result in results], normaliser, sources=sources if all(sources) else None)


def _memory(results: Sequence[PageResult], single: bool, jobs: int) -> tuple[float | None, str]:
    """The most memory that the process held, and how that is known."""
    if single:
        return max(result.peak_mib or 0.0 for result in results), "VmHWM of the process, set back before each page"
    found = peak()
    if found is None:
        return None, ""
    return found[0], f"{found[1]} of the process since it began, {jobs} pages at a time"


def _has_texts(results: Sequence[PageResult]) -> bool:
    true = any(line.text and line.text != IGNORED for result in results for line in result.truth.lines)
    return true and any(line.text for result in results for line in result.found.lines)
