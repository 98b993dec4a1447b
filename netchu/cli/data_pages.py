"""`netchu data` on sets of pages: check, import, export, stats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from netchu.cli.telling import print_json, show_table, tell
from netchu.data.lines import SPLITS, by_reason
from netchu.data.pages import IGNORED, PageSample, PageSet, read_pages
from netchu.errors import NetchuError

_COLOURS = {"error": "red", "warning": "yellow", "info": "dim"}


def check_pages(dataset: Path, as_json: bool, refused: Mapping[str, str | None]) -> None:
    """Tell what is left out of a page set, altered in it and doubtful; exit code 1 where pages are left out.

    Raises NetchuError for an option that only goes with lines.
    """
    for option, value in refused.items():
        if value is not None:
            raise NetchuError(f"{dataset}: {option} judges sets of lines, and this one holds pages; leave it out")
    pages = read_pages(dataset)
    findings = [
        {"level": level, "message": reason, "count": count, "examples": [first]}
        for level, notes in (("error", pages.rejects), ("warning", pages.doubts), ("info", pages.changes))
        for reason, count, first in by_reason(notes)
    ]
    lines = sum(len(sample.page.lines) for sample in pages.samples)
    summary = f"{len(pages):,} of {len(pages) + len(pages.rejects):,} pages usable, with {lines:,} lines"
    if as_json:
        print_json({"dataset": str(dataset), "summary": summary, "findings": findings})
    else:
        said = {"error": "left out", "warning": "kept, doubtful", "info": "altered"}
        rows = [
            (str(f["level"]), f"{said[str(f['level'])]}: {f['count']:,} x {f['message']}", f["examples"][0],  # type: ignore[index]
             _COLOURS[str(f["level"])])
            for f in findings
        ]  # fmt: skip
        show_table(("level", "what", "first"), rows)
        click.echo(summary)
    if pages.rejects:
        click.get_current_context().exit(1)


def import_as_pages(source: Path, out: Path, form: str | None, link: bool, images: Path | None) -> None:
    """Bring transcribed pages into a page set and tell what was done to them."""
    from netchu.data.formats import REJECTS, import_pages

    pages = import_pages(source, out, form, link, images)
    tell("changed", pages.changes)
    tell("left out", pages.rejects)
    tell("doubtful", pages.doubts)
    lines = sum(len(sample.page.lines) for sample in pages.samples)
    splits = ", ".join(f"{split} {len(pages.part(split)):,}" for split in SPLITS if len(pages.part(split)))
    counts = f"{len(pages):,} pages{f' ({splits})' if splits else ''}, {lines:,} lines"
    click.echo(f"{out}: {counts}, {len(pages.rejects):,} pages left out")
    if (out / REJECTS).exists():
        click.echo(f"{out / REJECTS}: all that were left out, with the reason")


def export_set(dataset: Path, out: Path, form: str) -> None:
    """Write a page set in another format, and tell what is not in it."""
    from netchu.data.export_formats import export_page_set

    pages = read_pages(dataset)
    done = export_page_set(pages, out, form)
    tell("left out", pages.rejects)
    for note in done.notes:
        click.echo(f"note: {note}", err=True)
    click.echo(f"{out}: {len(pages):,} pages, {done.lines:,} lines, {len(pages.rejects):,} pages left out")


def show_stats(dataset: Path, as_json: bool) -> None:
    """Count what a page set holds, per split and per source."""
    pages = read_pages(dataset)
    parts = {"all": _figures(pages.samples)}
    for name in (*SPLITS, None):
        part = pages.part(name).samples
        if part and len(part) < len(pages):
            parts[name or "none"] = _figures(part)
    sources = Counter(sample.source for sample in pages.samples if sample.source)
    if as_json:
        print_json(
            {
                "root": str(pages.root), "digest": pages.digest(), "rejected": len(pages.rejects), "parts": parts,
                "sources": dict(sources.most_common()), "characters": _characters(pages),
            }
        )  # fmt: skip
        return
    rows = [(name.replace("_", " "), *(f"{part[name]:,}" for part in parts.values()), "") for name in parts["all"]]
    show_table(("", *parts), rows)
    if sources:
        click.echo("sources: " + ", ".join(f"{name} {count}" for name, count in sources.most_common()))
    click.echo("characters, the most frequent first: " + "".join(_characters(pages)).replace(" ", "␣"))
    tell("left out", pages.rejects)


def _figures(samples: Sequence[PageSample]) -> dict[str, int]:
    lines = [line for sample in samples for line in sample.page.lines if line.text != IGNORED]
    return {
        "pages": len(samples),
        "lines": len(lines),
        "characters": sum(len(line.text) for line in lines),
        "lines_without_text": sum(not line.text for line in lines),
        "lines_without_baseline": sum(not line.baseline for line in lines),
        "lines_without_polygon": sum(not line.polygon for line in lines),
        "ignored_areas": sum(line.text == IGNORED for sample in samples for line in sample.page.lines),
        "regions": sum(len(sample.page.regions) for sample in samples),
        "most_lines_on_a_page": max(len(sample.page.lines) for sample in samples),
    }


def _characters(pages: PageSet) -> dict[str, int]:
    texts = (line.text for sample in pages.samples for line in sample.page.lines if line.text != IGNORED)
    counts: Counter[Any] = Counter(char for text in texts for char in text)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
