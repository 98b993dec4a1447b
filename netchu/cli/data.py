"""`netchu data`: check, import, export, preview, split and stats of data sets."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import cast

import click

from netchu.cli.telling import print_json, show_table, tell
from netchu.data.lines import SPLITS, TABLE, LineSet, read_lines, write_lines
from netchu.data.pages import holds_pages
from netchu.errors import NetchuError

_COLOURS = {"error": "red", "warning": "yellow", "info": "dim"}
_folder = click.Path(path_type=Path)


@click.group()
def data() -> None:
    """Look after data sets: check, import, export, preview, split, stats."""


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

    if holds_pages(dataset):
        from netchu.cli.data_pages import check_pages

        check_pages(dataset, as_json, refused={"--model": model})
        return
    lines = read_lines(dataset)
    if model:
        info = Session(zoo.find(model)).info
        findings = examine(lines, info.charset, info.height, info.stride, pitch=info.pitch)
    else:
        findings = examine(lines)
    summary = used_summary(findings)
    errors = sum(finding.level == "error" for finding in findings)
    if as_json:
        print_json({"dataset": str(dataset), "summary": summary, "findings": [asdict(finding) for finding in findings]})
    else:
        rows = [
            (f.level, f.code, f.message, "\n".join(f.examples[:3]), _COLOURS[f.level])
            for f in findings
            if f.code != "summary"
        ]
        show_table(("level", "code", "what, and what to do", "for example"), rows)
        click.echo(summary)
    if errors:
        click.get_current_context().exit(1)


@data.command("import")
@click.argument("source", type=_folder)
@click.argument("out", type=_folder)
@click.option("--format", "form", metavar="NAME", help="Format of SOURCE; recognised when left out.")
@click.option("--link", is_flag=True, help="Point at the pictures where they are, do not copy them.")
@click.option("--include-err", is_flag=True, help="Keep the rows that IAM marks err.")
@click.option(
    "--to",
    "kind",
    type=click.Choice(["lines", "pages"]),
    default="lines",
    show_default=True,
    help="Of transcribed pages: their lines, cut out, or the pages as they are.",
)
@click.option("--images", type=_folder, help="Folder in which the pictures of pages are looked for first.")
def import_(
    source: Path, out: Path, form: str | None, link: bool, include_err: bool, kind: str, images: Path | None
) -> None:  # fmt: skip
    """Bring SOURCE into netchu's own form in the folder OUT.

    Formats of lines: native, gt-txt (Calamari, kraken, tesstrain), paddleocr (VietOCR alike), lmdb, iam, json (docTR),
    hf, names (the label in the file name, only when asked for). Formats of pages: alto, page (Transkribus,
    eScriptorium), hocr, netchu-json (netchu read --json), pages (netchu's own page set).
    """
    from netchu.data.formats import REJECTS, import_lines

    if kind == "pages":
        from netchu.cli.data_pages import import_as_pages

        import_as_pages(source, out, form, link, images)
        return
    lines = import_lines(source, out, form, link, include_err, images)
    tell("changed", lines.changes)
    tell("left out", lines.rejects)
    splits = ", ".join(f"{split} {len(lines.part(split)):,}" for split in SPLITS if len(lines.part(split)))
    click.echo(f"{out}: {len(lines):,} lines{f' ({splits})' if splits else ''}, {len(lines.rejects):,} left out")
    if lines.rejects:
        click.echo(f"{out / REJECTS}: all that were left out, with the reason")


@data.command()
@click.argument("dataset", type=_folder)
@click.argument("out", type=_folder)
@click.option(
    "--format",
    "form",
    required=True,
    metavar="NAME",
    help="Of lines: lmdb, gt-txt, paddleocr or hf. Of pages: alto, page, hocr or netchu-json.",
)
def export(dataset: Path, out: Path, form: str) -> None:
    """Write DATASET, of lines or of pages, into the new folder OUT in another project's format."""
    from netchu.data.export_formats import export_lines

    if holds_pages(dataset):
        from netchu.cli.data_pages import export_set

        export_set(dataset, out, form)
        return
    lines = read_lines(dataset)
    done = export_lines(lines, out, form)
    tell("left out", lines.rejects)
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
    tell("left out", lines.rejects)


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
    tell("changed", lines.changes)
    tell("left out", lines.rejects)
    rows = [(name, f"{len(divided.part(name)):,}", f"{len(divided.part(name)) / len(divided):.1%}") for name in SPLITS]
    show_table(("split", "lines", "share"), [(*row, "") for row in rows])
    click.echo(str(target))


@data.command()
@click.argument("dataset", type=_folder)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def stats(dataset: Path, as_json: bool) -> None:
    """Count and measure DATASET: lines, characters, writers, sizes, per split."""
    from netchu.data.stats import LEVELS
    from netchu.data.stats import stats as measure

    if holds_pages(dataset):
        from netchu.cli.data_pages import show_stats

        show_stats(dataset, as_json)
        return
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
    show_table(("", *found.parts), rows)
    click.echo("characters, the most frequent first: " + "".join(found.characters).replace(" ", "␣"))
    tell("left out", lines.rejects)


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
