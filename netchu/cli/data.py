"""`netchu data`: check, import, export, preview, split and stats of line data sets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from netchu.data.lines import SPLITS, TABLE, LineSet, Reject, by_reason, read_lines, write_lines
from netchu.errors import NetchuError

_COLOURS = {"error": "red", "warning": "yellow", "info": "dim"}
_folder = click.Path(path_type=Path)


@click.group()
def data() -> None:
    """Look after line data sets: check, import, export, preview, split, stats."""


@data.command()
@click.argument("dataset", type=_folder)
@click.option("-m", "--model", help="Judge by this model's alphabet, rows and stride: a bundled name or a .onnx.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check(dataset: Path, model: str | None, as_json: bool) -> None:
    """Find what would spoil a training run on DATASET.

    Ends with exit code 1 when there are errors.
    """
    from netchu import zoo
    from netchu.data.check import check as examine
    from netchu.data.check import used_summary
    from netchu.session import Session

    lines = read_lines(dataset)
    if model:
        info = Session(zoo.find(model)).info
        findings = examine(lines, info.charset, info.height, info.stride)
    else:
        findings = examine(lines)
    summary = used_summary(findings)
    errors = sum(finding.level == "error" for finding in findings)
    if as_json:
        _print_json(
            {"dataset": str(dataset), "summary": summary, "findings": [asdict(finding) for finding in findings]}
        )
    else:
        rows = [
            (f.level, f.code, f.message, "\n".join(f.examples[:3]), _COLOURS[f.level])
            for f in findings
            if f.code != "summary"
        ]
        _table(("level", "code", "what, and what to do", "for example"), rows)
        click.echo(summary)
    if errors:
        click.get_current_context().exit(1)


@data.command("import")
@click.argument("source", type=_folder)
@click.argument("out", type=_folder)
@click.option("--format", "form", metavar="NAME", help="Format of SOURCE; recognised when left out.")
@click.option("--link", is_flag=True, help="Point at the pictures where they are, do not copy them.")
@click.option("--include-err", is_flag=True, help="Keep the rows that IAM marks err.")
def import_(source: Path, out: Path, form: str | None, link: bool, include_err: bool) -> None:
    """Bring SOURCE into netchu's own form in the folder OUT.

    Formats: native, gt-txt (Calamari, kraken, tesstrain), paddleocr (VietOCR alike), lmdb, iam, json (docTR), hf,
    names (the label in the file name, only when asked for).
    """
    from netchu.data.formats import REJECTS, import_lines

    lines = import_lines(source, out, form, link, include_err)
    _tell("changed", lines.changes)
    _tell("left out", lines.rejects)
    splits = ", ".join(f"{split} {len(lines.part(split)):,}" for split in SPLITS if len(lines.part(split)))
    click.echo(f"{out}: {len(lines):,} lines{f' ({splits})' if splits else ''}, {len(lines.rejects):,} left out")
    if lines.rejects:
        click.echo(f"{out / REJECTS}: all that were left out, with the reason")


@data.command()
@click.argument("dataset", type=_folder)
@click.argument("out", type=_folder)
@click.option("--format", "form", required=True, metavar="NAME", help="lmdb, gt-txt, paddleocr or hf.")
def export(dataset: Path, out: Path, form: str) -> None:
    """Write DATASET into the new folder OUT in another project's format."""
    from netchu.data.export_formats import export_lines

    lines = read_lines(dataset)
    done = export_lines(lines, out, form)
    _tell("left out", lines.rejects)
    for note in done.notes:
        click.echo(f"note: {note}", err=True)
    click.echo(f"{out}: {done.lines:,} lines, {len(lines.rejects):,} left out")


@data.command()
@click.argument("dataset", type=_folder)
@click.option("-o", "--output", type=_folder, default=Path("preview.png"), show_default=True, help="The PNG to write.")
@click.option("-n", "--lines", "count", default=20, show_default=True, help="How many lines.")
@click.option("--split", type=click.Choice(SPLITS), help="Only lines of this split.")
@click.option("--seed", type=int, help="Choose at random; without it, evenly over the set.")
def preview(dataset: Path, output: Path, count: int, split: str | None, seed: int | None) -> None:
    """Draw some lines of DATASET with their labels beneath."""
    from netchu.data.preview import preview as draw

    lines = read_lines(dataset)
    click.echo(str(draw(lines, output, count, split, seed)))
    _tell("left out", lines.rejects)


@data.command()
@click.argument("dataset", type=_folder)
@click.option("--by", type=click.Choice(["auto", "writer", "group", "hash"]), default="auto", show_default=True)
@click.option("--val", default=0.1, show_default=True, help="Share of the lines for val.")
@click.option("--test", default=0.0, show_default=True, help="Share of the lines for test.")
@click.option("--group", "group_regex", metavar="REGEX", help="What in an image's name must stay together.")
@click.option("--seed", default="", help="Any text: another one gives another split.")
@click.option("--replace", is_flag=True, help="Overwrite splits, or a table, that are there already.")
@click.option("-o", "--output", type=_folder, help="Folder for the new lines.tsv; in place when left out.")
def split(
    dataset: Path,
    by: str,
    val: float,
    test: float,
    group_regex: str | None,
    seed: str,
    replace: bool,
    output: Path | None,
) -> None:
    """Divide DATASET by hash, so that no writer, page or text is on both sides. The same data, the same split."""
    from netchu.data.split import By, split_lines

    lines = read_lines(dataset)
    _guard_split(lines, replace, output)
    divided = split_lines(lines, cast(By, by), val, test, group_regex, seed)
    target = write_lines(output or lines.root, divided.samples)
    _tell("changed", lines.changes)
    _tell("left out", lines.rejects)
    rows = [(name, f"{len(divided.part(name)):,}", f"{len(divided.part(name)) / len(divided):.1%}") for name in SPLITS]
    _table(("split", "lines", "share"), [(*row, "") for row in rows])
    click.echo(str(target))


@data.command()
@click.argument("dataset", type=_folder)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def stats(dataset: Path, as_json: bool) -> None:
    """Count and measure DATASET: lines, characters, writers, sizes, per split."""
    from netchu.data.stats import LEVELS
    from netchu.data.stats import stats as measure

    lines = read_lines(dataset)
    found = measure(lines)
    if as_json:
        click.echo(found.to_json())
        return
    parts = list(found.parts.values())
    names = ("lines", "characters", "distinct_characters", "distinct_texts", "writers", "unreadable")
    rows = [(name.replace("_", " "), *(f"{getattr(part, name):,}" for part in parts), "") for name in names]
    for name in ("label_length", "height", "width"):
        for level, label in ((0, "least"), (50, "middle"), (100, "most")):
            at = LEVELS.index(level)
            cells = (f"{getattr(part, name)[at]:g}" if getattr(part, name) else "-" for part in parts)
            rows.append((f"{name.replace('_', ' ')}, {label}", *cells, ""))
    _table(("", *found.parts), rows)
    click.echo("characters, the most frequent first: " + "".join(found.characters).replace(" ", "␣"))
    _tell("left out", lines.rejects)


def _guard_split(lines: LineSet, replace: bool, output: Path | None) -> None:
    """A split that is there is somebody's protocol, and a row that could not be read would be lost by rewriting."""
    target = (output or lines.root).absolute() / TABLE
    if target != lines.table:
        if target.exists() and not replace:
            raise NetchuError(f"{target}: is there already; overwrite it with --replace")
        return
    if lines.rejects:
        first = lines.rejects[0]
        fault = f"{len(lines.rejects):,} rows cannot be used, first {first.where}: {first.reason}"
        raise NetchuError(f"{target}: {fault}; correct them, or write elsewhere with -o")
    if any(sample.split for sample in lines.samples) and not replace:
        raise NetchuError(f"{target}: has splits already; overwrite them with --replace, or write elsewhere with -o")


def _tell(what: str, notes: Sequence[Reject]) -> None:
    """Rejects or changes by reason, on stderr: what was done to the data is always shown."""
    for reason, count, first in by_reason(notes):
        click.echo(f"{what}: {count:,} x {reason}, first {first}", err=True)


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows whose last cell is a colour: a table on a terminal, tab-separated lines (no header) anywhere else."""
    console = Console()
    if not console.is_terminal:
        for *cells, _ in rows:
            click.echo("\t".join(" | ".join(cell.split("\n")) for cell in cells))
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for header in headers:
        table.add_column(header, overflow="fold")
    for *cells, colour in rows:
        table.add_row(*map(escape, cells), style=colour or None)
    console.print(table)


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))
