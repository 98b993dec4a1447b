"""netchu eval: a model's scores on data sets of lines and of pages."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from rich.console import Console
from rich.table import Table

from netchu.cli.decoding import decoding, finding, open_wished, title_of, use_finder
from netchu.cli.evaluate_pages import (
    ScoredPages,
    evaluate_found,
    evaluate_reader,
    notes_of,
    show_pages,
    texts_of,
)
from netchu.cli.evaluate_pages import table_of as pages_table
from netchu.cli.evaluate_pages import warnings_of as page_warnings
from netchu.data.lines import SPLITS, LineSet, read_lines, write_whole
from netchu.data.pages import holds_pages, read_pages
from netchu.decode.choose import FILES, Choice
from netchu.errors import NetchuError
from netchu.image import Grey, open_grey
from netchu.metrics import score
from netchu.page.reading_scores import pages_to_score
from netchu.page_scorecard import write_page as write_pages_report
from netchu.read import Reader
from netchu.records import Line
from netchu.reliability import examine
from netchu.scorecard import Scored, write_page
from netchu.text import normaliser as named_normaliser
from netchu.voters import Voters

_GIVEN = ParameterSource.COMMANDLINE
CHUNK = 64  # lines decoded and read at a time: bounded memory, and enough to sort by width


@click.command("eval")
@click.argument("datasets", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--split", type=click.Choice(SPLITS), help="Only these lines or pages; without one, the whole set.")
@click.option(
    "--normaliser", default="nfc", show_default=True, help="How texts are compared; an unknown name lists them."
)
@click.option("--unit", type=click.Choice(["codepoint", "grapheme"]), default="codepoint", show_default=True)
@decoding
@finding
@click.option(
    "--found",
    type=click.Path(path_type=Path),
    metavar="FILE|DIR",
    help="Of pages: score what another program found, in ALTO, PAGE, hOCR, JSON or a pages.jsonl; nothing is read.",
)
@click.option("--allow-leak", is_flag=True, help="Score even where a language model saw these lines; it is said.")
@click.option("-j", "--jobs", type=click.IntRange(1), default=None, help="Threads.  [default: all cores]")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Write every line with its reference and reading, or every page with its scores, here (TSV).",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    metavar="FILE.html",
    help="Write a page here: scores, how sure readings were of lines, and the worst lines or pages.",
)
@click.option("--json", "as_json", is_flag=True)
def evaluate(
    datasets: tuple[Path, ...], split: str | None, normaliser: str, unit: str, finder: str, found: Path | None,
    jobs: int | None, out: Path | None, report: Path | None, as_json: bool, allow_leak: bool, **wished: Any,
) -> None:  # fmt: skip
    """Score a model on data sets in the native format, of lines or of pages.

    Of pages it is scored how well lines are found and read. A set of lines without a split column is scored whole;
    pages without one are divided by document.
    """
    named_normaliser(normaliser)  # an unknown name is said before hours of reading, not after
    if out and report and out.absolute() == report.absolute():
        raise NetchuError(f"{out}: named by both --out and --report; give each a file of its own")
    asked = Asked(split, normaliser, unit, allow_leak, jobs or os.cpu_count() or 1, finder, found, wished)
    kinds = [holds_pages(dataset) for dataset in datasets]
    check_kinds(asked, datasets, kinds, bool(out or report))
    reader, choice = (None, None) if found else open_wished(**wished)
    if reader:
        use_finder(reader, finder)
    lines: list[Scored] = []
    pages: list[ScoredPages] = []
    results: list[dict[str, Any]] = []
    for dataset, of_pages in zip(datasets, kinds):
        name = str(dataset) if [each.name for each in datasets].count(dataset.name) > 1 else dataset.name
        if of_pages:
            pages.append(score_pages_of(dataset, name, reader, choice, asked))
            results.append(pages[-1].result)
        elif reader and choice:
            lines.append(score_lines_of(dataset, name, reader, choice, asked, results))
    if as_json:
        click.echo(json.dumps(results[0] if len(results) == 1 else results, ensure_ascii=False))
    else:
        if lines:
            show([result for result in results if result["kind"] == "lines"])
        if pages:
            show_pages(pages)
    with ExitStack() as writing:  # last, and one whatever becomes of the other: the scores are out
        if report:
            heading = f"{reader.info.name if reader else found}: evaluation"
            if pages:
                writing.callback(write_pages_report, report, heading, facts_of(reader, results, asked), pages)
            else:
                writing.callback(write_page, report, heading, facts_of(reader, results, asked), lines)
        if out:
            table = pages_table(pages) if pages else table_of(lines)
            writing.callback(write_whole, out, table.encode("utf-8", "replace"))


@dataclass(frozen=True)
class Asked:
    """The options of the verb; `wished` are those of `decoding`."""

    split: str | None
    normaliser: str
    unit: str
    allow_leak: bool
    jobs: int
    finder: str
    found: Path | None
    wished: Mapping[str, Any]

    @property
    def title(self) -> str:
        return title_of(self.wished["models"], self.wished["weights"], self.wished["views"])


def check_kinds(asked: Asked, datasets: Sequence[Path], of_pages: Sequence[bool], writes: bool) -> None:
    """Raises NetchuError for options that do not go with one of the data sets, or with one another."""
    lines = [dataset for dataset, pages in zip(datasets, of_pages) if not pages]
    for name, value in (("--found", asked.found), ("--finder", asked.finder)):
        if value and lines:
            raise NetchuError(f"{lines[0]}: holds lines and no pages, and {name} is for pages; score it without")
    if asked.found:
        context = click.get_current_context()
        given = [name for name in ("finder", *asked.wished) if context.get_parameter_source(name) == _GIVEN]
        if given:
            option = {"models": "model", "settings": "decoder-set"}.get(given[0], given[0].replace("_", "-"))
            raise NetchuError(f"--found scores what is in its files and reads nothing; leave --{option} out")
    if any(of_pages) and asked.unit != "codepoint":
        raise NetchuError("--unit: pages are scored by code point; leave it out, or score sets of lines alone")
    if any(of_pages) and lines and writes:
        raise NetchuError("--out and --report hold sets of one kind; score lines and pages apart for them")


def score_lines_of(
    dataset: Path, name: str, reader: Reader, choice: Choice, asked: Asked, results: list[dict[str, Any]]
) -> Scored:
    """Score a set of lines; its result as JSON joins `results`."""
    lines = lines_of(dataset, asked.split)
    fair, used_choice, leak = without_leak(reader, choice, lines, asked.allow_leak, asked.wished)
    result, scored = evaluate_set(fair, name, lines, asked.normaliser, asked.unit, asked.jobs)
    used = asked.split if "split" in lines.columns else None
    about = {"kind": "lines", "model": asked.title, "dataset": str(dataset), "split": used}
    results.append({**about, **result, "decoder": used_choice.name, "leak": leak})
    return replace(scored, warnings=tuple(warnings_of(results[-1])))


def score_pages_of(dataset: Path, name: str, reader: Reader | None, choice: Choice | None, asked: Asked) -> ScoredPages:
    """Score a set of pages: what the reader finds and reads on them, or what is in the files of --found."""
    whole = read_pages(dataset)
    pages, way = pages_to_score(whole, asked.split)
    about = {"kind": "pages", "model": None, "dataset": str(dataset), "split": asked.split, "split_by": way}
    leak, decoder = "", None
    if reader and choice:
        fair, used, leak = without_leak(reader, choice, texts_of(pages), asked.allow_leak, asked.wished)
        if fair is not reader:
            fair.finder = reader.finder
        about["model"], decoder = asked.title, used.name
        result, scored = evaluate_reader(fair, pages, whole.digest(), asked.normaliser, asked.jobs)
    else:
        assert asked.found is not None  # without it there is a reader
        result, scored = evaluate_found(asked.found, pages, asked.normaliser)
    result = {**about, **result, "unit": "codepoint", "decoder": decoder, "leak": leak, "rejected": len(pages.rejects)}
    said = {"warnings": [*page_warnings(pages, result, scored)], "notes": [*notes_of(pages, result, scored)]}
    return ScoredPages(name, {**result, **said}, scored)


def facts_of(reader: Reader | None, results: Sequence[Mapping[str, Any]], asked: Asked) -> dict[str, str]:
    """What holds of all that was scored, for the report."""
    about = {"part": asked.split or "all", "compared as": f"{asked.normaliser}, by {asked.unit}"}
    if reader is None:
        return {"found in": str(asked.found), **about}
    readers = reader.readers if isinstance(reader, Voters) else (reader,)
    finders = {each["finder"] for each in results if each["kind"] == "pages"}
    return {
        "model": " + ".join(f"{each.info.name} ({each.session.digest[:12]})" for each in readers),
        **({"votes": asked.title} if isinstance(reader, Voters) else {}),
        **({"finder": f"{reader.finder.info.name} ({reader.finder.digest[:12]})"} if finders else {}),
        "decoder": ", ".join(dict.fromkeys(str(each["decoder"]) for each in results)),
        **about,
    }  # fmt: skip


def lines_of(dataset: Path, split: str | None) -> LineSet:
    """What is to be scored. Raises NetchuError where the split holds nothing."""
    found = read_lines(dataset)
    lines = found.part(split) if split and "split" in found.columns else found
    if not len(lines):
        there = ", ".join(name for name in SPLITS if any(sample.split == name for sample in found.samples))
        raise NetchuError(f"{dataset}: no lines in split {split!r}; it has {there or 'no splits: leave --split out'}")
    return replace(lines, rejects=found.rejects)


def without_leak(
    reader: Reader, choice: Choice, lines: LineSet, allowed: bool, wished: Mapping[str, Any]
) -> tuple[Reader, Choice, str]:
    """The reader and decoder to score these lines with, and what its language models have seen of them.

    A model's default that was made from these very lines gives way to greedy, and that is said. Raises NetchuError, as
    `leaked` does, for a decoder that was asked for.
    """
    try:
        return reader, choice, leaked(choice, lines, allowed)
    except NetchuError as error:
        if any(wished[name] for name in ("decoder", "settings", "grammar", *FILES)):
            raise
        click.echo(f"netchu: {error}; scored greedy", err=True)
        return *open_wished(**{**wished, "decoder": "greedy"}), ""


def leaked(choice: Choice, lines: LineSet, allowed: bool) -> str:
    """What the decoder's language models and lexicon have seen of the lines; empty: nothing worth telling.

    Raises NetchuError where that is too much for an honest score, or cannot be told, unless it is allowed.
    """
    if not choice.models and not choice.entries:
        return ""
    from netchu.lm.guard import Sketch, overlap

    texts = [sample.text for sample in lines.samples]
    said = []
    for model in (*choice.models, *((Sketch.of(choice.entries),) if choice.entries else ())):
        name = "the lexicon" if isinstance(model, Sketch) else f"language model {model.name}"
        try:
            found = overlap(model, texts)
        except NetchuError as error:
            if not allowed:
                raise NetchuError(f"{error} (--allow-leak)") from None
            said.append(str(error))
            continue
        if found.leaks:
            said.append(f"{name} was made from the lines it is scored on: {found}")
    if said and not allowed:
        raise NetchuError(f"{lines.root}: {'; '.join(said)}; use another, or --allow-leak to score all the same")
    return "; ".join(said)


def evaluate_set(
    reader: Reader, name: str, lines: LineSet, normaliser: str, unit: str, jobs: int
) -> tuple[dict[str, Any], Scored]:
    """One data set -> (its result as JSON, and for the page). Pictures that cannot be opened count as read empty."""
    started = time.perf_counter()
    readings, unreadable = read_set(reader, lines, jobs)
    seconds = time.perf_counter() - started
    references = [sample.text for sample in lines.samples]
    writers = [sample.writer for sample in lines.samples] if "writer" in lines.columns else None
    scores = score(references, [line.text for line in readings], normaliser=normaliser, unit=unit, writers=writers)
    examined = examine(references, readings, normaliser)
    result = {
        **scores.to_json(), **examined.to_json(), "seconds": round(seconds, 3),
        "lines_per_second": round(len(lines) / seconds, 2), "threads": jobs, "unreadable": unreadable,
        "rejected": len(lines.rejects),
    }  # fmt: skip
    return result, Scored(name, lines, readings, scores, examined)


def table_of(sets: Sequence[Scored]) -> str:
    """Image, reference and reading of every line, as TSV."""
    rows = ["image\treference\treading\n"]
    for each in sets:
        pairs = zip(each.lines.samples, each.readings)
        rows += [f"{each.lines.name(sample)}\t{sample.text}\t{line.text}\n" for sample, line in pairs]
    return "".join(rows)


def warnings_of(result: dict[str, Any]) -> Iterator[str]:
    """What a person must know of a result besides its figures."""
    if result["leak"]:
        yield f"NOT AN HONEST SCORE: {result['leak']}"
    if result["unreadable"] or result["rejected"]:
        yield f"{result['unreadable']} pictures unreadable (scored as read empty), " \
              f"{result['rejected']} rows rejected (netchu data check lists them)"  # fmt: skip


def read_set(reader: Reader, lines: LineSet, jobs: int) -> tuple[list[Line], int]:
    """Readings in order, and how many pictures could not be opened."""
    nothing = Line("", 0.0, (), ())

    def chunk(start: int) -> list[Line]:
        pictures: list[Grey | None] = []
        for sample in lines.samples[start : start + CHUNK]:
            try:
                pictures.append(open_grey(sample.image))
            except NetchuError as error:
                click.echo(f"netchu: {error}", err=True)
                pictures.append(None)
        good = iter(reader.read_lines([picture for picture in pictures if picture is not None], boxes=False))
        return [nothing if picture is None else next(good) for picture in pictures]

    with ThreadPoolExecutor(jobs) as pool:
        readings = [line for part in pool.map(chunk, range(0, len(lines), CHUNK)) for line in part]
    return readings, sum(line is nothing for line in readings)


def show(results: list[dict[str, Any]]) -> None:
    table = Table(title=f"{results[0]['model']}, {results[0]['normalisation']}, by {results[0]['unit']}")
    for column in ("data set", "split", "lines", "CER % [95 % interval]", "WER %", "SER %", "lines/s"):
        table.add_column(column, justify="left" if column in ("data set", "split") else "right")
    for result in results:
        low, high = result["cer_ci95"]
        table.add_row(
            Path(result["dataset"]).name, result["split"] or "all", f"{result['lines']:,}",
            f"{100 * result['cer']:.2f} [{100 * low:.2f}, {100 * high:.2f}]", f"{100 * result['wer']:.2f}",
            f"{100 * result['ser']:.2f}", f"{result['lines_per_second']:.1f}",
        )  # fmt: skip
    Console().print(table)
    for result in results:
        name, worst = Path(result["dataset"]).name, result["worst_writer"]
        right, low, high = (100 * (1 - wrong) for wrong in (result["ser"], *reversed(result["ser_ci95"])))
        click.echo(f"{name}: {right:.2f} % of the lines exactly right [{low:.2f}, {high:.2f}]")
        if worst:
            rate = 100 * worst["cer"]
            click.echo(f"{name}: worst writer {worst['writer']}, CER {rate:.2f} % on {worst['lines']} lines")
        for said in warnings_of(result):
            click.echo(f"{result['dataset']}: {said}", err=True)
