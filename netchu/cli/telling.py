"""What the verbs of `netchu data` tell: tables, JSON, and what was done to the data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from netchu.data.lines import Reject, by_reason


def tell(what: str, notes: Sequence[Reject]) -> None:
    """Rejects or changes by reason, on stderr: what was done to the data is always shown."""
    for reason, count, first in by_reason(notes):
        click.echo(f"{what}: {count:,} x {reason}, first {first}", err=True)


def show_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
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


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))
