"""netchu models and netchu export."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from netchu import zoo
from netchu.data.lines import read_lines
from netchu.errors import NetchuError
from netchu.session import Session


@click.group()
def models() -> None:
    """The models that come with the package, and what a model file says of itself."""


@models.command("list")
@click.option("--json", "as_json", is_flag=True)
def list_models(as_json: bool) -> None:
    """Bundled models, the default first."""
    if as_json:
        rows = [{"name": name, "summary": model.summary, "sha256": model.sha256} for name, model in zoo.MODELS.items()]
        click.echo(json.dumps(rows, ensure_ascii=False))
    else:
        for name, model in zoo.MODELS.items():
            click.echo(f"{name:12} {model.summary}")


@models.command()
@click.argument("model")
@click.option("--json", "as_json", is_flag=True)
def show(model: str, as_json: bool) -> None:
    """What a model file says of itself: a bundled name or a path."""
    session = Session(zoo.find(model))
    facts: dict[str, Any] = {**json.loads(session.info.to_json()), "sha256": session.digest}
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False))
        return
    facts["charset"] = f"{len(facts['charset']) - 1} characters: {''.join(facts['charset'])}"
    for key in sorted(facts):
        value = facts[key]
        click.echo(f"{key:14} {json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value}")


@models.command()
def verify() -> None:
    """Whether each bundled file is the one that was shipped. Exit code 1 if one is not."""
    sound = True
    for name in zoo.MODELS:
        try:
            good = zoo.verify(name)
            verdict = "as shipped" if good else "CHANGED since it was shipped; install the package again"
        except NetchuError as error:
            good, verdict = False, f"MISSING ({error}); install the package again"
        sound = sound and good
        click.echo(f"{name:12} {verdict}")
    sys.exit(0 if sound else 1)


@click.command()
@click.argument("model")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The .onnx to write.")
@click.option("--int8", type=click.Path(path_type=Path), metavar="DATASET",
              help="8-bit convolutions, their scales measured on lines of this data set's train part.")  # fmt: skip
@click.option("--name", help="What the model is called.  [default: the file's name]")
@click.option("--licence", default="", help="The terms its weights are given away on.")
def export(model: str, output: Path, int8: Path | None, name: str | None, licence: str) -> None:
    """Turn a checkpoint into a model file and check that both read the same; or MODEL into an 8-bit one with --int8."""
    if output.suffix != ".onnx":
        raise NetchuError(f"{output}: a model file's name ends in .onnx")
    if int8:
        from netchu.quantise import quantise

        found = read_lines(int8)
        quantise(zoo.find(model), output, found.part("train") if "split" in found.columns else found)
        info = Session(output).info
    else:
        from netchu.export import export as write_model

        info = write_model(model, output, licence=licence, **({"name": name} if name else {}))
    size = output.stat().st_size / 1e6
    click.echo(f"{output}: {info.architecture}, {info.parameters:,} parameters, {size:.1f} MB")
