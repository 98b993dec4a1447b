"""`netchu synth`: draw a data set of handwritten lines."""

from __future__ import annotations

from pathlib import Path

import click

from netchu.synth.text import LANGUAGES


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("-n", "count", type=click.IntRange(min=1), required=True, help="How many lines to draw.")
@click.option(
    "--fonts", type=click.Path(path_type=Path), required=True, help="Folder of .ttf and .otf files; may hold fonts.tsv."
)
@click.option(
    "--text", "texts", type=click.Path(path_type=Path), required=True, help="Folder of word lists and running text."
)
@click.option(
    "--lang", "language", type=click.Choice(LANGUAGES), default="vi", show_default=True, help="Language to draw."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Same seed, same pictures.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes; changes no picture.")
def synth(out: Path, count: int, fonts: Path, texts: Path, language: str, seed: int, jobs: int) -> None:
    """Draw N handwritten lines into the folder OUT: lines.tsv and pictures, ready for training."""
    from netchu.synth import write_set

    with click.progressbar(length=count, label="drawing", width=30) as bar:
        write_set(out, count, fonts, texts, language, seed, jobs, lambda done: bar.update(done - bar.pos))
    click.echo(f"{count} lines in {out}")
