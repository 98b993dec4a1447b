"""netchu models and netchu export."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from netchu import zoo
from netchu.data.lines import LineSet, read_lines, write_whole
from netchu.decode.choose import Choice
from netchu.errors import NetchuError
from netchu.framing import check_pitch
from netchu.image import read_bytes
from netchu.page.detect import LineFinder, open_finder
from netchu.session import ModelInfo, Session
from netchu.text import normaliser as named_normaliser


@click.group()
def models() -> None:
    """The models that come with the package, and what a model file says of itself."""


def _bundled() -> Iterator[tuple[str, str, zoo.Bundled]]:
    """Kind, name and facts of every model of the package."""
    kinds = ("model", zoo.MODELS), ("line finder", zoo.FINDERS), ("language model", zoo.LANGUAGE_MODELS)
    for kind, bundled in kinds:
        for name, model in bundled.items():
            yield kind, name, model


@models.command("list")
@click.option("--json", "as_json", is_flag=True)
def list_models(as_json: bool) -> None:
    """Bundled models, the default first; what finds the lines of pages; the language models, for --lm and --word-lm."""
    if as_json:
        rows = [
            {"name": name, "kind": kind, "summary": model.summary, "sha256": model.sha256}
            for kind, name, model in _bundled()
        ]
        click.echo(json.dumps(rows, ensure_ascii=False))
    else:
        width = max(len(name) for _, name, _ in _bundled())
        for kind, group in groupby(_bundled(), lambda each: each[0]):
            click.echo(f"{kind}s:")
            for _, name, model in group:
                click.echo(f"  {name:{width}}  {model.summary}")


@models.command()
@click.argument("model")
@click.option("--json", "as_json", is_flag=True)
def show(model: str, as_json: bool) -> None:
    """What a model file says of itself: a bundled name or a path."""
    opened = _opened(model)
    facts: dict[str, Any] = {**json.loads(opened.info.to_json()), "sha256": opened.digest}
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False))
        return
    if "charset" in facts:
        facts["charset"] = f"{len(facts['charset']) - 1} characters: {''.join(facts['charset'])}"
    for key in sorted(facts):
        value = facts[key]
        click.echo(f"{key:14} {json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value}")


def _opened(model: str) -> Session | LineFinder:
    """What reads, or what finds lines. Raises NetchuError for a file that is neither."""
    if model in zoo.FINDERS:
        return open_finder(model)
    path = zoo.find(model)
    try:
        return Session(path)
    except NetchuError as error:
        try:
            return LineFinder(path)
        except NetchuError:
            raise error from None


@models.command()
def verify() -> None:
    """Whether each bundled file is the one that was shipped. Exit code 1 if one is not."""
    sound = True
    for _, name, model in _bundled():
        try:
            good = model.as_shipped(name)
            verdict = "as shipped" if good else "CHANGED since it was shipped; install the package again"
        except NetchuError as error:
            good, verdict = False, f"MISSING ({error}); install the package again"
        sound = sound and good
        click.echo(f"{model.path(name).name:20} {verdict}")
    sys.exit(0 if sound else 1)


def _pitch(context: click.Context, option: click.Parameter, given: tuple[float, float] | None) -> Any:
    try:
        return given and check_pitch(*given)
    except ValueError as error:
        raise NetchuError(f"--{error}") from None


@click.command()
@click.argument("model")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The .onnx to write.")
@click.option("--int8", type=click.Path(path_type=Path), metavar="DATASET",
              help="8-bit convolutions, their scales measured on lines of this data set's train part.")  # fmt: skip
@click.option("--decoders", type=click.Path(path_type=Path), metavar="FILE.toml",
              help="The model's own decoders: a table each, naming files beside OUT or bundled ones.")  # fmt: skip
@click.option("--calibrate", multiple=True, metavar="DATASET[:NORMALISER][@DECODER,...]",
              help="Make confidences probabilities, as measured on this set's val part; repeatable. "
                   "After @ the decoders it is for, where it is not for all.")  # fmt: skip
@click.option("--pitch", type=(float, float), metavar="LEAST MOST", callback=_pitch,
              help="Stretch lines for their strokes to stand so many line heights apart, or nearer to it.")  # fmt: skip
@click.option("--name", help="What the model is called.  [default: the file's name]")
@click.option("--licence", default="", help="The terms its weights are given away on.")
def export(
    model: str, output: Path, int8: Path | None, decoders: Path | None, calibrate: tuple[str, ...],
    pitch: tuple[float, float] | None, name: str | None, licence: str,
) -> None:  # fmt: skip
    """Turn a checkpoint into a model file, checked to read the same; or write a model file (a bundled name, a .onnx)
    anew, with what these options add. A model that named decoders keeps them unless --decoders names others.

    --calibrate prints the expected calibration error before and after, the latter on lines that the map was not fitted
    on. What `netchu eval` then shows of the same val part is a little better than that: it was fitted there.
    """
    from netchu import metadata

    bare = not Path(model).exists() and Path(model).name == model and "." not in model  # then it is meant for a name
    known = model in zoo.MODELS or Path(model).suffix == ".onnx" or bare
    _check_target(output, zoo.find(model) if known else Path(model))
    if not known:
        from netchu.export import export as write_model  # first: without onnx or torch nothing of this can be done
    if not known and _is_finder(Path(model)):
        if int8 or decoders or calibrate or pitch is not None:
            options = "--int8, --decoders, --calibrate and --pitch"
            raise NetchuError(f"{model}: a line finder; {options} are for models that read")
        from netchu.train.pages.export import export_finder

        return _say(output, export_finder(model, output, name=name or output.stem, licence=licence))
    wanted = metadata.read_decoders(decoders) if decoders else None
    sets = [_parse_held_out(each) for each in calibrate]
    with TemporaryDirectory() as folder:
        made = Path(folder) / output.name
        if int8:
            from netchu.quantise import quantise

            found = read_lines(int8)
            quantise(zoo.find(model), made, found.part("train") if "split" in found.columns else found)
        elif known:
            made = zoo.find(model)
        else:
            write_model(model, made)
        session = Session(made)
        info = replace(session.info, name=name or output.stem, licence=licence or session.info.licence)
        if pitch is not None:
            info = replace(info, pitch=pitch)
        if wanted is not None:
            info = metadata.with_decoders(info, wanted)
        choices = metadata.open_decoders(info, output.absolute().parent)
        if sets:
            info = _calibrated(session, info, choices, sets)
        write_whole(output, metadata.with_info(read_bytes(made), info))
    _say(output, info)


def _say(output: Path, info: Any) -> None:
    size = output.stat().st_size / 1e6
    click.echo(f"{output}: {info.architecture}, {info.parameters:,} parameters, {size:.1f} MB")


def _is_finder(path: Path) -> bool:
    """Whether a checkpoint is of a line finder: it has no letters."""
    from netchu.train import checkpoint

    return "charset" not in checkpoint.load(path)[1]


def _check_target(output: Path, source: Path) -> None:
    """Refuse what cannot be written, or should not, before the work rather than after it."""
    if output.suffix != ".onnx":
        raise NetchuError(f"{output}: a model file's name ends in .onnx")
    if output.is_dir():
        raise NetchuError(f"{output}: is a folder; name a file for -o")
    if output.exists() and source.exists() and output.samefile(source):
        raise NetchuError(f"{output}: is the model itself; write another file with -o and put that in its place")


@dataclass(frozen=True)
class HeldOut:
    """Lines to calibrate on, how they are compared, and which decoders they are for; none: all."""

    name: str
    lines: LineSet
    normaliser: str
    decoders: tuple[str, ...]


def _parse_held_out(given: str) -> HeldOut:
    """DATASET[:NORMALISER][@DECODER,...] -> its held-out lines."""
    path, normaliser, decoders = given, "nfc", ""
    if "@" in path and not Path(path).exists():
        path, _, decoders = path.rpartition("@")
    if ":" in path and not Path(path).exists():
        path, _, normaliser = path.rpartition(":")
    named_normaliser(normaliser)
    names = tuple(filter(None, decoders.split(",")))
    found = read_lines(path)
    if "split" not in found.columns:
        click.echo(f"netchu: {path}: has no split column; all of its lines are taken for held out", err=True)
        return HeldOut(found.root.name, found, normaliser, names)
    part = found.part("val")
    if not len(part):
        raise NetchuError(f"{path}: no lines in split 'val'; confidences are measured on lines kept from training")
    return HeldOut(found.root.name, part, normaliser, names)


def _calibrated(session: Session, info: ModelInfo, choices: Mapping[str, Choice], sets: Sequence[HeldOut]) -> ModelInfo:
    """`info` with a temperature and a calibration for each decoder; what they are worth is printed."""
    from netchu.cli.evaluate import leaked
    from netchu.tune import see, tune

    for each in sets:
        if each.lines.digest() in info.data.values():
            raise NetchuError(
                f"{each.name}: the model was trained on these lines; calibrate on others, or give it a split"
            )
        for name in each.decoders:
            if name not in choices:
                raise NetchuError(f"{each.name}@{name}: the model has no such decoder; it has {', '.join(choices)}")
        for name in each.decoders or choices:
            if said := leaked(choices[name], each.lines, allowed=True):
                click.echo(f"netchu: {each.name}: {name} will be too sure: {said}", err=True)
    seen = [
        replace(see(session, info, each.name, each.lines, each.normaliser), decoders=each.decoders) for each in sets
    ]
    tuned = tune(info, seen, {name: choice.decoder for name, choice in choices.items()})
    table = Table(title=f"temperature {tuned.temperature}; expected calibration error, %")
    for column in ("decoder", "data set", "of", "judged", "before", "after", "by chance"):
        table.add_column(column, justify="left" if column in ("decoder", "data set", "of") else "right")
    for gain in tuned.gains:
        rates = (f"{100 * rate:.2f}" for rate in (gain.before, gain.after, gain.chance))
        table.add_row(gain.decoder, gain.dataset, f"{gain.level}s", f"{gain.count:,}", *rates)
    Console().print(table)
    calibration = {name: each.to_json() for name, each in tuned.calibration.items()}
    return replace(info, temperature=tuned.temperature, calibration=calibration)
