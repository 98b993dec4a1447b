"""netchu train: transcribed lines in, a model file out."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from netchu.errors import NetchuError

_path = click.Path(path_type=Path)


@click.command()
@click.argument("datasets", nargs=-1, metavar="[DATASET[@WEIGHT]]...")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("model.onnx"), show_default=True,
              help="The model file. Checkpoints, log and report go to the folder of that name with .run.")  # fmt: skip
@click.option("-m", "--base", help="Start from this model: a bundled name, a .onnx or a checkpoint.")
@click.option("-c", "--recipe", type=click.Path(path_type=Path), help="A TOML file of options.")
@click.option("-s", "--set", "settings", multiple=True, metavar="NAME=VALUE", help="One option, over the recipe's.")
@click.option("-a", "--architecture", help="tiny, base, ...; an unknown name lists them. With -m, one it fits.")
@click.option("-e", "--epochs", type=click.IntRange(1), help="How often the data is gone through.")
@click.option("--rehearse", metavar="DATASET[@WEIGHT]", multiple=True,
              help="Old data to mix in when fine-tuning, so that it is not forgotten.  [weight 0.2]")  # fmt: skip
@click.option("--synth", metavar="RECIPE",
              help="Draw lines while training: a shipped recipe (netchu synth recipes) or a .toml.")  # fmt: skip
@click.option("--fonts", type=_path, help="For --synth: folder of .ttf and .otf files.")
@click.option("--text", "texts", type=_path, help="For --synth: folder of word lists and running text.")
@click.option("--strokes", type=_path, help="For --synth: folder of pen strokes.")
@click.option("--pieces", type=_path, help="For --synth: file of pieces of real lines.")
@click.option("--synth-set", "changes", multiple=True, metavar="NAME=VALUE", help="One setting, over --synth's.")
@click.option("--pages", is_flag=True,
              help="Teach a line finder instead, from data sets of pages: see docs/pages.md.")  # fmt: skip
@click.option("--overfit-check", is_flag=True, help="Only see whether 32 lines of the data can be learnt; a minute.")
@click.option("--resume", is_flag=True, help="Go on with the run in the output's .run folder.")
@click.option("--json", "as_json", is_flag=True, help="Print every event as a JSON line.")
def train(
    datasets: tuple[str, ...], output: Path, base: str | None, recipe: Path | None, settings: tuple[str, ...],
    architecture: str | None, epochs: int | None, rehearse: tuple[str, ...], synth: str | None,
    fonts: Path | None, texts: Path | None, strokes: Path | None, pieces: Path | None, changes: tuple[str, ...],
    pages: bool, overfit_check: bool, resume: bool, as_json: bool,
) -> None:  # fmt: skip
    """Teach a model from data sets of transcribed lines, from lines that are drawn, or from both. No option is needed.

    A weight is how many times a data set's lines are seen in an epoch: `old@0.2` shows a fifth of them, in turn.
    """
    from netchu.settings import parse_setting, read_toml
    from netchu.train.config import TrainConfig, configure
    from netchu.train.examples import Source
    from netchu.train.pages.config import PageConfig
    from netchu.train.run import train as run

    options = read_toml(recipe) if recipe else {}
    options |= dict(parse_setting(text) for text in settings)
    options |= {
        name: value for name, value in (("architecture", architecture), ("epochs", epochs)) if value is not None
    }
    if pages and (epochs or rehearse or overfit_check):
        raise NetchuError("--pages: -e, --rehearse and --overfit-check are for line readers; leave them out")
    config: Any = configure(options, PageConfig() if pages else TrainConfig())
    spec = None
    if synth:
        from netchu.cli.synth import spec_of

        spec = spec_of(None, synth, fonts, texts, strokes, pieces, None, config.seed, False, changes)
    elif fonts or texts or strokes or pieces or changes:
        raise NetchuError("--fonts, --text, --strokes, --pieces and --synth-set go with --synth RECIPE")
    if isinstance(config, PageConfig):
        from netchu.cli.train_pages import train_finder

        return train_finder([Path(name) for name in datasets], output, config, resume, as_json, spec, base)
    sources = [Source.parse(text) for text in datasets]
    sources += [Source.parse(text if "@" in text else f"{text}@0.2") for text in rehearse]
    if not sources and spec is None:
        raise NetchuError("nothing to train on: name a data set, or a recipe with --synth")
    if overfit_check:
        return see_overfitting(sources, config, spec, as_json)
    show: Any = Screen() if not as_json else lambda event: click.echo(json.dumps(event, ensure_ascii=False))
    outcome = run(sources, output, config, base, resume, show, spec)
    if isinstance(show, Screen):
        show.end(outcome)
    if not outcome.finished:
        click.echo(f"netchu: interrupted; --resume goes on from {outcome.folder}", err=True)
        sys.exit(130)


def see_overfitting(sources: list[Any], config: Any, synth: Any, as_json: bool) -> None:
    """Print what the doctor's experiment found; exit code 1 when something is wrong."""
    from netchu.train.run import learn_by_heart

    found = learn_by_heart(sources, config, synth)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(found), ensure_ascii=False))
    else:
        click.echo(f"{found.lines} lines by heart: CER {100 * found.cer:.1f} % after {found.steps} steps, "
                   f"{found.seconds:.0f} s")  # fmt: skip
        for advice in found.advice:
            click.echo(advice.message)
        if not found.advice:
            click.echo("they can be learnt" + ("" if found.unseen is None else ", and belong to their pictures"))
    if found.advice:
        sys.exit(1)


class Screen:
    """Shows a run's events to a person: a bar with loss, speed and time left, a row an evaluation."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        self.bar: Progress | None = None
        self.task: TaskID | None = None
        self.said = 0.0

    def __call__(self, event: dict[str, Any]) -> None:
        kind = event["event"]
        if kind == "start":
            self.start(event)
        elif kind == "step":
            self.step(event)
        elif kind == "evaluation" and "cer" in event:
            sets = "; ".join(f"{name} {100 * rates['cer']:.2f}" for name, rates in event["sets"].items())
            rates = " ".join(f"{name.upper()} {100 * event[name]:.2f}" for name in ("cer", "wer", "ser"))
            self.console.print(f"epoch {event['epoch']:4}  {rates}  ({sets})", highlight=False)
        elif kind in ("advice", "skipped step", "stopped early"):
            self.console.print(f"{kind}: {event.get('message') or event.get('why') or ''}", highlight=False)

    def start(self, event: dict[str, Any]) -> None:
        self.console.print(event["summary"], highlight=False)
        about = "about " if event["steps_estimated"] else ""
        self.console.print(
            f"{event['architecture']}, {event['parameters']:,} parameters, {event['characters']} characters; "
            f"{event['epochs']} epochs, {about}{event['steps']:,} steps in {event['precision']} on {event['device']}, "
            f"{event['threads']} threads; {event['folder']}", highlight=False,
        )  # fmt: skip
        columns = (BarColumn(), TextColumn("{task.percentage:3.0f} %  {task.description}"), TimeElapsedColumn(),
                   TextColumn("left"), TimeRemainingColumn(elapsed_when_finished=True))  # fmt: skip
        self.bar = Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal)
        self.bar.start()
        self.task = self.bar.add_task("", total=event["steps"])

    def step(self, event: dict[str, Any]) -> None:
        line = f"epoch {event['epoch'] + 1}  loss {event['loss']:.3f}  {event['lines_per_second']:.1f} lines/s"
        line += f"  waiting {100 * event['waiting_share']:.0f} %"
        line += f"  {event['drawn']:,} drawn" if "drawn" in event else ""
        if self.console.is_terminal and self.bar is not None and self.task is not None:
            self.bar.update(self.task, completed=event["step"], total=event["steps"], description=line)
        elif time.monotonic() - self.said > 30:  # a log file: a line now and then
            self.said = time.monotonic()
            share = 100 * event["step"] / max(1, event["steps"])
            self.console.print(f"{share:3.0f} %  {line}", highlight=False)

    def end(self, outcome: Any) -> None:
        """What came out, and where it is; before and after when fine-tuning."""
        if self.bar is not None:
            self.bar.stop()
        if outcome.after:
            table = Table(title="validation")
            for column in (
                "data set",
                "lines",
                *(("CER % before",) if outcome.before else ()),
                "CER %",
                "WER %",
                "SER %",
            ):
                table.add_column(column, justify="left" if column == "data set" else "right")
            for name, rates in outcome.after.items():
                old = (f"{100 * outcome.before[name]['cer']:.2f}",) if outcome.before else ()
                new = [f"{100 * rates[key]:.2f}" for key in ("cer", "wer", "ser")]
                table.add_row(name, str(rates["lines"]), *old, *new)
            self.console.print(table)
        if outcome.model:
            click.echo(f"{outcome.model}")
