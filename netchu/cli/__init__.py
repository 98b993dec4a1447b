"""The command line: one verb each. A verb's module is imported only when the verb is used."""

from __future__ import annotations

import importlib
import os
import sys
import warnings

import click

from netchu import __version__
from netchu.errors import NetchuError

VERBS = {
    "read": ("netchu.cli.read", "Read text out of pictures of pages and lines."),
    "eval": ("netchu.cli.evaluate", "Score a model on sets of lines or pages."),
    "train": ("netchu.cli.train", "Teach a model from transcribed lines."),
    "data": ("netchu.cli.data", "Import, check, split, look at and export data sets."),
    "synth": ("netchu.cli.synth", "Draw training lines."),
    "lm": ("netchu.cli.lm", "Train, check and convert language models."),
    "models": ("netchu.cli.models", "List, show and verify models."),
    "export": ("netchu.cli.models", "Turn a checkpoint into a model file."),
}


class Verbs(click.Group):
    """A click group whose commands live in modules of their own, listed without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        command = getattr(importlib.import_module(VERBS[name][0]), "evaluate" if name == "eval" else name)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # the reader of a pipe left, as in `netchu read ... | head`; click would exit with 1
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl([(name, summary) for name, (_, summary) in VERBS.items()])


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="netchu")
def netchu() -> None:
    """Reads handwriting out of pictures, offline, on a CPU; and learns a new hand from a few hundred lines."""


def main() -> None:
    """Entry point. Bad input: one line on stderr, exit code 2. Never a traceback for what a user did."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")  # Windows consoles default to a code page
    warnings.filterwarnings("ignore", module=r"PIL\.")  # what it finds odd in a picture that it can read all the same
    try:
        netchu.main(standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (NetchuError, click.Abort, KeyboardInterrupt) as error:
        if isinstance(error, NetchuError):
            click.echo(f"netchu: {error}", err=True)
            sys.exit(2)
        click.echo("netchu: interrupted", err=True)
        sys.exit(130)
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").split(".")[0])
        if extra is None:
            raise
        click.echo(f"netchu: {error.name} is not installed; pip install 'netchu[{extra}]'", err=True)
        sys.exit(2)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        click.echo(f"netchu: {where}{error.strerror or error}", err=True)
        sys.exit(2)


_EXTRAS = {
    "torch": "train", "safetensors": "train", "onnx": "train", "lmdb": "lmdb", "fontTools": "synth", "pikepdf": "pdf",
    "pypdfium2": "pdf", "ray": "ray",
}  # fmt: skip
