"""`netchu synth`: draw data sets of lines; fonts and pieces to draw them with; previews."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from netchu.errors import NetchuError

_path = click.Path(path_type=Path)


class _Synth(click.Group):
    """`netchu synth OUT ...` draws: what is no verb is the folder to draw into."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = ["draw", *args]
        return super().parse_args(ctx, args)


def drawing(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what is drawn, for every verb that draws."""
    options = (
        click.option("--lang", "language", help="Language to draw: its own recipe, or the general one."),
        click.option("--recipe", help="A shipped recipe (netchu synth recipes) or a .toml file."),
        click.option("--fonts", type=_path, help="Folder of .ttf and .otf files (netchu synth fonts install)."),
        click.option("--text", "texts", type=_path, help="Folder of word lists and running text, or one text file."),
        click.option("--strokes", type=_path, help="Folder of pen strokes, for recipes that draw with them."),
        click.option("--pieces", type=_path, help="File of pieces of real lines (netchu synth pieces)."),
        click.option("--height", type=click.IntRange(16, 512), help="Rows of the pictures; else the recipe's."),
        click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Same seed, same lines."),
        click.option("--without", type=_path, multiple=True,
                     help="Data set whose val and test transcripts are never drawn; repeatable."),
        click.option("--held-out", is_flag=True, help="Draw only the styles that are otherwise kept back."),
        click.option("-s", "--set", "settings", multiple=True, metavar="NAME=VALUE",
                     help="Override the recipe: effects.nib=0."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def spec_of(
    language: str | None, recipe: str | None, fonts: Path | None, texts: Path | None, strokes: Path | None,
    pieces: Path | None, height: int | None, seed: int, held_out: bool, settings: tuple[str, ...],
    without: tuple[Path, ...] = (),
) -> Any:  # fmt: skip
    """The options of `drawing` as a DrawSpec."""
    from netchu.settings import parse_setting
    from netchu.synth.drawer import DrawSpec
    from netchu.synth.recipe import shipped

    chosen = dict(parse_setting(each) for each in settings)
    if language and not recipe and language in shipped():
        recipe = language
    elif language:
        recipe, chosen = recipe or "general", {"language": language, **chosen}
    given = {"fonts": fonts, "texts": texts, "strokes": strokes, "pieces": pieces}
    folders = {name: str(path) for name, path in given.items() if path}
    return DrawSpec(recipe or "vi", **folders, seed=seed, height=height or 0, held_out=held_out,
                    settings=tuple(chosen.items()), without=tuple(str(path) for path in without))  # fmt: skip


@click.group(cls=_Synth, invoke_without_command=False)
def synth() -> None:
    """Draw lines to train on: `netchu synth OUT -n N` draws N of them into the folder OUT."""


@synth.command()
@click.argument("out", type=_path)
@click.option("-n", "count", type=click.IntRange(min=1), required=True, help="How many lines to draw.")
@drawing
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes; changes no picture.")
@click.option("--split", type=click.Choice(["train", "val", "test"]), default="train", show_default=True)
@click.option("--truth", is_flag=True, help="Also write styles, character boxes and masks.")
@click.option("--format", "form", default="native", show_default=True, help="native, lmdb, gt-txt, paddleocr or hf.")
def draw(out: Path, count: int, jobs: int, split: str, truth: bool, form: str, **what: Any) -> None:
    """Draw lines into the folder OUT. An interrupted run goes on when it is called again."""
    from netchu.data.export_formats import EXPORTS, export_lines
    from netchu.data.lines import read_lines
    from netchu.synth.write import write_set

    if form != "native" and form not in EXPORTS:
        raise NetchuError(f"--format {form}: not known; choose native or one of: {', '.join(EXPORTS)}")
    if form != "native" and out.exists():
        raise NetchuError(f"{out}: exists already; choose another folder or remove it")
    spec = spec_of(**what)
    into = out if form == "native" else out.with_name(out.name + ".drawing")
    with click.progressbar(length=count, label="drawing", width=30) as bar:
        written = write_set(into, count, spec, jobs, truth, split, lambda done: bar.update(done - bar.pos))
    if form != "native":
        import shutil

        for note in export_lines(read_lines(into), out, form).notes:
            click.echo(f"note: {note}", err=True)
        shutil.rmtree(into)
    click.echo(
        f"{written.lines:,} lines in {out}" + (f", {written.resumed:,} of them from before" if written.resumed else "")
    )
    if written.missed:
        text, count = written.missed.most_common(1)[0][0], sum(written.missed.values())
        where = f"; listed in {out / 'not-drawn.tsv'}" if form == "native" else ""
        click.echo(
            f"{count:,} texts that nothing could write were passed over, such as {text!r}{where}",
            err=True,
        )


@synth.command()
@drawing
@click.option("-o", "--output", type=_path, default=Path("preview.png"), show_default=True, help="The PNG to write.")
@click.option("-n", "count", type=click.IntRange(1, 200), default=12, show_default=True,
              help="How many lines; with --effects, which line.")  # fmt: skip
@click.option("--effects", is_flag=True, help="One line under every effect at four strengths, instead.")
def preview(output: Path, count: int, effects: bool, **what: Any) -> None:
    """Draw some lines, or what every effect does to one, into a picture to look at."""
    from netchu.synth.preview import preview_effects, preview_lines

    drawer = spec_of(**what).open()
    (preview_effects if effects else preview_lines)(drawer, output, count)
    click.echo(str(output))


@synth.command()
def recipes() -> None:
    """List the shipped recipes."""
    from netchu.synth.recipe import read_recipe, shipped

    for name in shipped():
        recipe = read_recipe(name)
        if mixed := sorted({*recipe.pages, *recipe.scenes}):
            click.echo(f"{name:10} pages and scenes of {', '.join(mixed)}")
            continue
        engines = ", ".join(sorted(each for each, weight in recipe.engines.items() if weight > 0))
        click.echo(f"{name:10} {recipe.language:10} {engines}")


@synth.group()
def fonts() -> None:
    """Fonts to draw with: install free ones, list and show what is there."""


@fonts.command()
@click.argument("folder", type=_path)
@click.option(
    "--lang", "languages", multiple=True, default=("vi",), show_default=True, help="vi, latin, ja, zh; repeatable."
)
def install(folder: Path, languages: tuple[str, ...]) -> None:
    """Fetch free handwriting and print fonts from npm and Debian into FOLDER. What is there already stays."""
    from netchu.synth.font_recipe import install_fonts

    outcome = install_fonts(folder, languages, lambda message: click.echo(message))
    for name, reason in outcome.failed:
        click.echo(f"not installed: {name}: {reason}", err=True)
    click.echo(f"{outcome.installed:,} fonts installed, {outcome.present:,} were there, {len(outcome.failed):,} failed")
    if outcome.failed and not outcome.installed and not outcome.present:
        raise NetchuError(f"{folder}: no font could be installed")


@fonts.command("list")
@click.argument("folder", type=_path, required=False)
@click.option("--lang", "languages", multiple=True, default=("vi",), show_default=True)
def list_fonts(folder: Path | None, languages: tuple[str, ...]) -> None:
    """How much of each language's alphabet the fonts in FOLDER (or of this system) can write."""
    from netchu.synth.font_sheet import coverage_table
    from netchu.synth.fonts import find_fonts, system_fonts

    found = find_fonts(folder) if folder else system_fonts()
    click.echo("font\tlanguage\town glyphs\twith marks drawn")
    for row in coverage_table(found, languages):
        click.echo(f"{row.font}\t{row.language}\t{row.covered:.1%}\t{row.composed:.1%}")


@fonts.command()
@click.argument("folder", type=_path, required=False)
@click.option("-o", "--output", type=_path, default=Path("fonts.png"), show_default=True, help="The PNG to write.")
@click.option("--lang", "languages", multiple=True, default=("vi",), show_default=True)
def sheet(folder: Path | None, output: Path, languages: tuple[str, ...]) -> None:
    """Draw a sheet with a line in every font."""
    from netchu.synth.font_sheet import font_sheet
    from netchu.synth.fonts import find_fonts, system_fonts

    font_sheet(find_fonts(folder) if folder else system_fonts(), languages, output)
    click.echo(str(output))


@synth.command()
@click.argument("datasets", type=_path, nargs=-1, required=True)
@click.option("-m", "--model", default="vi", show_default=True, help="The model that finds the letters.")
@click.option("-o", "--output", type=_path, required=True, help="The .npz to write.")
def pieces(datasets: tuple[Path, ...], model: str, output: Path) -> None:
    """Cut the words out of the training lines of DATASETS, to recombine them into new lines."""
    from netchu.synth.pieces import build_bank

    summary = build_bank(datasets, model, output, lambda message: click.echo(message, err=True))
    click.echo(f"{output}: {summary}")
