"""netchu lm: make, show, convert and check language models."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import click

from netchu.data.lines import SPLITS, read_lines
from netchu.errors import NetchuError
from netchu.text import FORMS, canonical

_path = click.Path(path_type=Path)


def _bundled(_context: click.Context, _parameter: click.Parameter, model: Path) -> Path:
    """The file of a bundled model's name; any other is a path."""
    from netchu.zoo import find_language

    return Path(find_language(str(model)))


@click.group()
def lm() -> None:
    """Language models of characters or words, for decoders that use one."""


@lm.command()
@click.argument("sources", nargs=-1, required=True, metavar="[NAME=]SOURCE...")
@click.option("-o", "--output", type=_path, required=True, help="The model file to write.")
@click.option("--unit", type=click.Choice(["char", "word"]), default="char", show_default=True)
@click.option("--order", type=click.IntRange(min=1), help="Symbols an n-gram has.  [default: char 6, word 3]")
@click.option("--size", type=float, help="Prune until the file has this many MB.")
@click.option("--entropy", type=float, default=0.0, help="Prune what costs less: nats per symbol, such as 1e-7.")
@click.option("--prune", metavar="0,0,1", help="Drop n-grams seen this often or less, by order; the last goes on.")
@click.option("--least", type=click.IntRange(min=1),
              help="Rarer symbols are unknown.  [default: char 1, word 2, --neural 3]")  # fmt: skip
@click.option("--weight", "weights", multiple=True, metavar="NAME=SHARE", help="A source's share; repeatable.")
@click.option("--fit", metavar="NAME", help="Fit the shares to a tenth of this source, held out meanwhile.")
@click.option("--raw", is_flag=True, help="Count occurrences at every order, not Kneser-Ney's contexts; see --size.")
@click.option("--form", type=click.Choice(FORMS), default="NFC", show_default=True, help="Unicode form of symbols.")
@click.option("--text", "texts", type=_path, help="Folder that draw: sources are drawn from.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of draw: sources and --neural.")
@click.option("--without", type=_path, multiple=True,
              help="Data set whose val and test transcripts are left out; repeatable.")  # fmt: skip
@click.option("--name", help="What the model is called.  [default: the file's name]")
@click.option("--terms", default="", help="Licence or other terms of the texts, kept in the file.")
@click.option("--neural", is_flag=True, help="A small network of characters (.onnx), for --rerank; needs torch.")
@click.option("--steps", type=click.IntRange(min=1), default=3000, show_default=True, help="Of --neural.")
@click.option("--width", type=click.IntRange(min=1), default=64, show_default=True, help="Of --neural: channels.")
def train(
    sources: tuple[str, ...], output: Path, unit: Any, order: int | None, prune: str | None, least: int | None,
    weights: tuple[str, ...], raw: bool, form: Any, texts: Path | None, seed: int, without: tuple[Path, ...],
    name: str | None, terms: str, neural: bool, steps: int, width: int, **more: Any,
) -> None:  # fmt: skip
    """Train a model on SOURCES: text files (.gz too), folders of them, data sets (train lines only), - (stdin).

    draw:vi:address+bare:100000 draws texts as netchu synth does, from the folder --text. Sources of one NAME are one;
    several are mixed, in equal shares unless --weight or --fit says otherwise. Ctrl-C leaves what was there before.
    """
    from netchu.lm.sources import read_sources

    _check_options(output, neural)
    common: dict[str, Any] = {"form": form, "weights": _shares(weights), "name": name or output.stem, "terms": terms}
    if neural:
        from netchu.train.language import NeuralOptions, train_neural

        found = read_sources(sources, form, texts, without, seed)
        options = NeuralOptions(steps=steps, width=width, seed=seed, least=least or 3, **common)
        show = _Steps()
        made = train_neural(found, output, options, show)
        show.end()
        symbols = len(made.vocabulary)
    else:
        from netchu.lm.file import save
        from netchu.lm.train import Options, train

        counting = Options(
            unit=unit, order=order or (6 if unit == "char" else 3), least=least or (1 if unit == "char" else 2),
            cutoffs=_numbers(prune), continuation=not raw, **common, **more,
        )  # fmt: skip
        found = read_sources(sources, form, texts, without, seed)
        model = train(found, counting, lambda message: click.echo(message, err=True))
        save(model, output)
        symbols = len(model.vocabulary)
    click.echo(f"{output}: {output.stat().st_size / 1e6:.2f} MB, {symbols:,} symbols")


def _check_options(output: Path, neural: bool) -> None:
    """Raises NetchuError for options of the other kind of model, which would do nothing, and a folder as output."""
    context = click.get_current_context()
    if neural != (output.suffix == ".onnx"):
        raise NetchuError(f"-o {output}: the name of a neural model (--neural) ends in .onnx, no other's does")
    if output.is_dir():  # now, not after the training
        raise NetchuError(f"-o {output}: is a folder; name a file in it")
    others = ("unit", "order", "size", "entropy", "prune", "fit", "raw") if neural else ("steps", "width")
    for option in others:
        if context.get_parameter_source(option) != click.core.ParameterSource.DEFAULT:
            raise NetchuError(f"--{option} is {'not ' if neural else ''}of --neural; leave one of the two out")


class _Steps:
    """Shows how far a training is: on a terminal in one line, else in a line each tenth."""

    def __init__(self) -> None:
        self.live = sys.stderr.isatty()
        self.said = 0.0

    def __call__(self, progress: Any) -> None:
        if self.live and (time.monotonic() - self.said > 0.2 or progress.step == progress.steps):
            self.said = time.monotonic()
            click.echo(f"\r\x1b[K{progress}", nl=False, err=True)
        elif not self.live and progress.step % max(1, progress.steps // 10) == 0:
            click.echo(str(progress), err=True)

    def end(self) -> None:
        if self.live:
            click.echo(err=True)


@lm.command()
@click.argument("model", type=_path, callback=_bundled)
@click.argument("texts", type=_path, required=False)
@click.option("--split", type=click.Choice(SPLITS), help="Of a data set TEXTS, only these lines.")
@click.option("--json", "as_json", is_flag=True)
def show(model: Path, texts: Path | None, split: str | None, as_json: bool) -> None:
    """What MODEL says of itself, and how well it foretells TEXTS: a data set, a text file, or - (stdin)."""
    from netchu.lm.file import digest, load

    if model.suffix == ".onnx":
        return _show_neural(model, texts, split, as_json)
    loaded = load(model)
    facts: dict[str, Any] = {
        "name": loaded.name,
        "unit": loaded.unit,
        "order": loaded.order,
        "form": loaded.form,
        "vocabulary": len(loaded.vocabulary),
        "bytes": model.stat().st_size,
        "contexts": loaded.automaton.states,
        "arcs": loaded.automaton.arcs,
        "sketch": _sketched(loaded),
        "sha256": digest(model),
        **loaded.about,
    }
    if loaded.unit == "char" and not as_json:
        facts["vocabulary"] = f"{len(loaded.vocabulary)} characters: {''.join(loaded.vocabulary)}"
    if texts is not None:
        lines = _transcripts(texts, split)
        facts["perplexity"] = round(loaded.perplexity(lines), 3)
        if loaded.unit == "char":
            facts["bits per character"] = round(loaded.bits(lines), 4)
        labels = [label for line in lines for label in loaded.labels(line)]
        facts["unknown"] = round(sum(label < 0 for label in labels) / max(1, len(labels)), 5)
    _print(facts, as_json)


def _show_neural(path: Path, texts: Path | None, split: str | None, as_json: bool) -> None:
    """The same of a neural model."""
    from netchu.lm.neural import load_neural

    model = load_neural(path)
    info, letters = model.info, "".join(model.info.vocabulary)
    facts: dict[str, Any] = {
        "name": info.name,
        "unit": "char",
        "form": info.form,
        "vocabulary": len(letters) if as_json else f"{len(letters)} characters: {letters}",
        "bytes": path.stat().st_size,
        "sketch": _sketched(info),
        "sha256": model.digest,
        **info.about,
    }
    if texts is not None:
        lines = _transcripts(texts, split)
        facts["bits per character"] = round(model.bits(lines), 4)
        symbols = "".join(canonical(line, info.form) for line in lines)
        facts["unknown"] = round(sum(symbol not in letters for symbol in symbols) / max(1, len(symbols)), 5)
    _print(facts, as_json)


def _sketched(model: Any) -> str:
    return "none" if model.sketch is None else f"{model.sketch.members:,} lines and runs"


def _print(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False))
        return
    for key, value in facts.items():
        click.echo(f"{key:18} {json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value}")


@lm.command("export")
@click.argument("model", type=_path, callback=_bundled)
@click.argument("arpa", type=_path)
def export_arpa(model: Path, arpa: Path) -> None:
    """Write MODEL as an ARPA file (.gz too). A space as a symbol is written <space>."""
    from netchu.lm.arpa import write_arpa
    from netchu.lm.file import load

    write_arpa(load(model), arpa)
    click.echo(str(arpa))


@lm.command("import")
@click.argument("arpa", type=_path)
@click.option("-o", "--output", type=_path, required=True, help="The model file to write.")
@click.option("--unit", type=click.Choice(["char", "word"]), help="Else characters when every symbol is one.")
@click.option("--name", help="What the model is called.  [default: the file's name]")
def import_arpa(arpa: Path, output: Path, unit: Any, name: str | None) -> None:
    """Bring an ARPA file of KenLM, SRILM or another maker into our form."""
    from netchu.lm.arpa import read_arpa
    from netchu.lm.file import save

    model = read_arpa(arpa, unit, name or "")
    save(model, output)
    if model.about.get("left out"):
        click.echo(f"note: {model.about['left out']:,} n-grams with the unknown symbol in them were left out", err=True)
    click.echo(f"{output}: order {model.order}, {len(model.vocabulary):,} {model.unit}s")


@lm.command()
@click.argument("model", type=_path, callback=_bundled)
@click.argument("dataset", type=_path)
@click.option("--split", type=click.Choice(SPLITS), help="Only these lines; without one, the whole set.")
@click.option("--json", "as_json", is_flag=True)
def check(model: Path, dataset: Path, split: str | None, as_json: bool) -> None:
    """Whether MODEL was made from the transcripts of DATASET. Exit code 1 if it was."""
    from netchu.lm import guard
    from netchu.lm.file import load
    from netchu.lm.neural import load_neural

    sketched = load_neural(model).info if model.suffix == ".onnx" else load(model)
    found = guard.overlap(sketched, _transcripts(dataset, split))
    if as_json:
        click.echo(json.dumps({**found.__dict__, "leaks": found.leaks}, ensure_ascii=False))
    else:
        click.echo(f"{'LEAKS' if found.leaks else 'clean'}: {found}")
        for example in found.examples:
            click.echo(f"  held: {example}")
    if found.leaks:
        sys.exit(1)


def _transcripts(path: Path, split: str | None) -> list[str]:
    """The lines of a data set or of a text."""
    from netchu.lm.sources import raw_lines

    if path.suffix == ".tsv" or (path / "lines.tsv").is_file():
        found = read_lines(path, check_pictures=False)
        samples = found.part(split).samples if split else found.samples
        if not samples:
            raise NetchuError(f"{path}: has no {split} lines")
        return [sample.text for sample in samples]
    if split:
        raise NetchuError(f"{path}: no data set, so it has no {split} lines; leave out --split")
    return raw_lines(str(path))


def _numbers(text: str | None) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise NetchuError(f"--prune {text}: expected numbers such as 0,0,1") from None


def _shares(given: tuple[str, ...]) -> dict[str, float] | None:
    shares: dict[str, float] = {}
    for each in given:
        name, _, share = each.rpartition("=")
        try:
            shares[name] = float(share)
        except ValueError:
            shares = {}
        if not name or not shares:
            raise NetchuError(f"--weight {each}: expected NAME=SHARE, such as general=0.3")
    return shares or None
