"""netchu eval: a model's scores on line data sets."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from netchu.cli.decoding import decoding, open_wished, title_of
from netchu.data.lines import SPLITS, LineSet, read_lines, write_whole
from netchu.decode.choose import FILES, Choice
from netchu.errors import NetchuError
from netchu.image import Grey, open_grey
from netchu.metrics import score
from netchu.read import Reader
from netchu.records import Line
from netchu.reliability import examine
from netchu.scorecard import Scored, write_page
from netchu.text import normaliser as named_normaliser
from netchu.voters import Voters

CHUNK = 64  # lines decoded and read at a time: bounded memory, and enough to sort by width


@click.command("eval")
@click.argument("datasets", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--split", type=click.Choice(SPLITS), help="Only these lines; without one, the whole set.")
@click.option(
    "--normaliser", default="nfc", show_default=True, help="How texts are compared; an unknown name lists them."
)
@click.option("--unit", type=click.Choice(["codepoint", "grapheme"]), default="codepoint", show_default=True)
@decoding
@click.option("--allow-leak", is_flag=True, help="Score even where a language model saw these lines; it is said.")
@click.option("-j", "--jobs", type=click.IntRange(1), default=None, help="Threads.  [default: all cores]")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write image, reference and reading of every line here (TSV)."
)
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    metavar="FILE.html",
    help="Write a page here: scores, calibration of confidences, what refusing unsure lines leaves, the worst.",
)
@click.option("--json", "as_json", is_flag=True)
def evaluate(
    datasets: tuple[Path, ...], split: str | None, normaliser: str, unit: str, jobs: int | None, out: Path | None,
    report: Path | None, as_json: bool, allow_leak: bool, **wished: Any,
) -> None:  # fmt: skip
    """Score a model on data sets in the native format. A set without a split column is scored whole."""
    named_normaliser(normaliser)  # an unknown name is said before hours of reading, not after
    if out and report and out.absolute() == report.absolute():
        raise NetchuError(f"{out}: named by both --out and --report; give each a file of its own")
    reader, choice = open_wished(**wished)
    title = title_of(wished["models"], wished["weights"], wished["views"])
    results, every = [], []
    for dataset in datasets:
        lines = lines_of(dataset, split)
        fair, used_choice, leak = without_leak(reader, choice, lines, allow_leak, wished)
        name = str(dataset) if [each.name for each in datasets].count(dataset.name) > 1 else dataset.name
        result, scored = evaluate_set(fair, name, lines, normaliser, unit, jobs or os.cpu_count() or 1)
        used = split if "split" in lines.columns else None
        results.append(
            {
                "model": title,
                "dataset": str(dataset),
                "split": used,
                **result,
                "decoder": used_choice.name,
                "leak": leak,
            }
        )
        every.append(replace(scored, warnings=tuple(warnings_of(results[-1]))))
    if as_json:
        click.echo(json.dumps(results[0] if len(results) == 1 else results, ensure_ascii=False))
    else:
        show(results)
    readers = reader.readers if isinstance(reader, Voters) else (reader,)
    facts = {
        "model": " + ".join(f"{each.info.name} ({each.session.digest[:12]})" for each in readers),
        **({"votes": title} if isinstance(reader, Voters) else {}),
        "decoder": ", ".join(dict.fromkeys(str(each["decoder"]) for each in results)),
        "part": split or "all lines", "compared as": f"{normaliser}, by {unit}",
    }  # fmt: skip
    with ExitStack() as writing:  # last, and one whatever becomes of the other: the scores are out
        if report:
            writing.callback(write_page, report, f"{reader.info.name}: evaluation", facts, every)
        if out:
            writing.callback(write_whole, out, table_of(every).encode("utf-8"))


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
        worst = result["worst_writer"]
        if worst:
            name, rate = Path(result["dataset"]).name, 100 * worst["cer"]
            click.echo(f"{name}: worst writer {worst['writer']}, CER {rate:.2f} % on {worst['lines']} lines")
        for said in warnings_of(result):
            click.echo(f"{result['dataset']}: {said}", err=True)
