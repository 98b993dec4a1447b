"""netchu eval on sets of pages: how well lines are found and read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from netchu.data.lines import LineSet, Sample
from netchu.data.page_found import match, read_found
from netchu.data.page_sources import UNMARKED, split_pages
from netchu.data.pages import IGNORED, PageSample, PageSet
from netchu.metrics import Interval
from netchu.page.reading_scores import PageResult, ReadingScores, score_set
from netchu.page.scores import Tally
from netchu.read import Reader
from netchu.records import Page

WORST = 5
RATES = (
    ("baselines found (R)", "baseline_recall"),
    ("baselines right (P)", "baseline_precision"),
    ("baselines F", "baseline_f"),
    ("areas found (R)", "recall"),
    ("areas right (P)", "precision"),
    ("areas hmean", "hmean"),
    ("CER", "cer"),
    ("CER without order", "cer_unordered"),
    ("CER in place", "cer_in_place"),
)  # fmt: skip
COLUMNS = ("dataset", "image", "source", "split", "true_lines", "found_lines", "ignored", "matched", "exact",
           *(name for _, name in RATES), "characters", "edits", "seconds", "peak_mib", "fault")  # fmt: skip


@dataclass(frozen=True)
class ScoredPages:
    """A set of pages that was scored: its name, its result as JSON, and everything behind that."""

    name: str
    result: dict[str, Any]
    scored: ReadingScores


def texts_of(pages: PageSet) -> LineSet:
    """The true texts as a set of lines, to ask what a language model has seen of them."""
    lines = (line for sample in pages.samples for line in sample.page.lines if line.text and line.text != IGNORED)
    return LineSet(pages.root, tuple(Sample(pages.root, line.text) for line in lines))


def evaluate_reader(
    reader: Reader, pages: PageSet, digest: str, normaliser: str, jobs: int
) -> tuple[dict[str, Any], ReadingScores]:
    """Find and read the lines of every page -> (the result as JSON, all of it). `digest` is that of the whole set."""
    finder = reader.finder  # opened before the clock starts

    def read(sample: PageSample) -> Page:
        return reader.read(sample.image, page=True, boxes=False)

    scored = score_set(pages, read, normaliser, jobs)
    for page in scored.pages:
        if page.fault:
            click.echo(f"netchu: {page.fault}", err=True)
    said = []
    if digest in finder.info.data.values() and (
        seen := sum(each.split == "train" for each in split_pages(pages).samples)
    ):
        said.append(f"{seen} of these pages are of the part that the finder {finder.info.name} was trained on")
    result = {"finder": finder.info.name, "found": None, **scored.to_json(), "missing": 0, "threads": jobs}
    return result, replace(scored, warnings=tuple(said))


def evaluate_found(found: Path, pages: PageSet, normaliser: str) -> tuple[dict[str, Any], ReadingScores]:
    """Score what a program found, given in its files -> (the result as JSON, all of it)."""
    given = read_found(found)
    matched = match(pages.samples, given)
    by_image = dict(zip((sample.image for sample in pages.samples), matched.pages))
    scored = score_set(pages, lambda sample: by_image[sample.image], normaliser, 1, timed=False)
    faults = dict.fromkeys(matched.missing, "no page of that name was given")
    scored = replace(
        scored, pages=tuple(replace(page, fault=faults.get(page.sample.image.name, "")) for page in scored.pages)
    )
    for reject in (*given.rejects, *matched.unfit):
        click.echo(f"netchu: {found}: {reject.where}: {reject.reason}", err=True)
    said = []
    if matched.missing:
        first = ", ".join(matched.missing[:3])
        said.append(f"{len(matched.missing)} pages not among those found (scored as without lines), first {first}")
    if given.rejects or matched.unfit:
        said.append(
            f"{len(given.rejects)} files of {found} unreadable, {len(matched.unfit)} pages of a size that cannot be"
        )
    beside = len(given.pages) - len(pages) + len(matched.missing)
    if beside:
        said.append(f"{beside} pages of {found} are not in the set, or not in this part: not scored")
    result = {"finder": None, "found": str(found), **scored.to_json()}
    counts = {"unreadable": len(given.rejects) + len(matched.unfit), "missing": len(matched.missing), "threads": None}
    return {**result, **counts}, replace(scored, warnings=tuple(said))


def warnings_of(pages: PageSet, result: dict[str, Any], scored: ReadingScores) -> Iterator[str]:
    """What a person must know of a result besides its figures."""
    if result["leak"]:
        yield f"NOT AN HONEST SCORE: {result['leak']}"
    if result["found"] is None and result["unreadable"]:
        yield f"{result['unreadable']} pictures unreadable (scored as without lines)"
    if result["rejected"]:
        yield f"{result['rejected']} pages rejected (netchu data check lists them)"
    yield from scored.warnings


def notes_of(pages: PageSet, result: dict[str, Any], scored: ReadingScores) -> Iterator[str]:
    """How the set was scored, where that does not go without saying."""
    if result["split_by"] == "document":
        yield "the set has no split of its own for all pages: divided by document, by the published rule"
    banded = sum(sample.source in UNMARKED for sample in pages.samples)
    if banded:
        yield f"on {banded} pages a band that nobody transcribed is not scored (docs/pages.md)"
    bare = sum(not line.baseline for page in scored.pages for line in page.found.lines)
    if bare:
        yield f"{bare:,} found lines have no baseline, and count as wrong ones; their areas are scored"
    if not scored.texts:
        yield "no texts on one side: character errors say nothing"


def table_of(sets: Sequence[ScoredPages]) -> str:
    """Every page with what was counted on it, as TSV with COLUMNS; rates that could not be counted are empty."""
    rows = ["\t".join(COLUMNS) + "\n"]
    for each in sets:
        rows += ["\t".join(_row(each.name, page)) + "\n" for page in each.scored.pages]
    return "".join(rows)


def _row(name: str, page: PageResult) -> Iterator[str]:
    tally, sample = page.tally, page.sample
    rates = {key: "" if value is None else f"{value:.4f}" for key, value in tally.rates.items()}
    seconds = "" if page.seconds is None else f"{page.seconds:.3f}"
    most = "" if page.peak_mib is None else f"{page.peak_mib:.1f}"
    texts = (name, str(sample.image), sample.source, sample.split or "")
    counts = (tally.true_lines, tally.found_lines, tally.ignored, tally.matched, tally.exact)
    every = (*texts, *counts, *(rates[key] for _, key in RATES), tally.ordered.units, tally.ordered.edits)
    for cell in (*every, seconds, most, page.fault):
        yield " ".join(str(cell).split())


def show_pages(sets: Sequence[ScoredPages]) -> None:
    """A table of all sets, one of sources where there are several, and the worst pages."""
    first = sets[0].result
    title = f"{first['model'] or first['found']}, {first['normalisation']}; 95 % intervals over pages"
    table = Table(title=title)
    table.add_column("")
    for each in sets:
        table.add_column(each.name, justify="right")
    for label, cells in _rows(sets):
        table.add_row(label, *cells)
    console = Console()
    console.print(table)
    for each in sets:
        if len(each.scored.scores.sources) > 1:
            console.print(_sources(each))
        worst = each.scored.worst(WORST)
        for page in worst:
            click.echo(f"{each.name}: worst: {page.sample.image.name}: {_told(page, each.scored.texts)}")
        for said in (*each.result["warnings"], *each.result["notes"]):
            click.echo(f"{each.result['dataset']}: {said}", err=True)


def _rows(sets: Sequence[ScoredPages]) -> Iterator[tuple[str, list[str]]]:
    totals = [each.scored.scores.total for each in sets]
    yield "part", [each.result["split"] or "all" for each in sets]
    yield "pages", [f"{total.pages:,}" for total in totals]
    yield "true lines, found", [f"{total.true_lines:,}, {total.found_lines:,}" for total in totals]
    yield "same line by area, exactly right", [f"{total.matched:,}, {total.exact:,}" for total in totals]
    for label, name in RATES:
        yield (
            label,
            [
                "–" if "cer" in name and not each.scored.texts else _rate(total, name, each.scored.scores.ci95[name])
                for each, total in zip(sets, totals)
            ],
        )
    timed = [each.result["seconds_per_page"] for each in sets]
    if any(timed):
        shown = [f"{each['median']:.2f}, {each['p95']:.2f}" if each else "–" for each in timed]
        yield f"seconds a page: median, 95 % ({sets[0].result['threads']} at a time)", shown
    memory = [each.result["peak_memory_mib"] for each in sets]
    if any(memory):
        yield "peak memory of the process, MiB", [f"{each:,.0f}" if each else "–" for each in memory]


def _rate(total: Tally, name: str, ends: Interval | None) -> str:
    value = total.rates[name]
    if value is None:
        return "–"
    shown = f"{100 * value:.1f} %" if "cer" in name else f"{value:.3f}"
    if ends is None:
        return shown
    low, high = ends
    return f"{shown} [{100 * low:.1f}, {100 * high:.1f}]" if "cer" in name else f"{shown} [{low:.3f}, {high:.3f}]"


def _sources(each: ScoredPages) -> Table:
    table = Table(title=each.name, box=None)
    for column in ("source", "pages", "lines", "F", "areas", "CER", "unordered"):
        table.add_column(column, justify="left" if column == "source" else "right", no_wrap=True)
    for source, total in each.scored.scores.sources:
        rates = [_rate(total, name, None) for name in ("baseline_f", "hmean", "cer", "cer_unordered")]
        if not each.scored.texts:
            rates[2:] = "–", "–"
        table.add_row(source, f"{total.pages:,}", f"{total.true_lines:,}", *rates)
    return table


def _told(page: PageResult, texts: bool) -> str:
    if page.fault:
        return f"nothing found: {page.fault}"
    tally = page.tally
    parts = [f"CER {_rate(tally, 'cer', None)}, without order {_rate(tally, 'cer_unordered', None)}"] if texts else []
    parts.append(f"baselines F {_rate(tally, 'baseline_f', None)}")
    return ", ".join([*parts, f"{tally.found_lines} lines found of {tally.true_lines}"])
