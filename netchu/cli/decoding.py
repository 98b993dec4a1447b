"""The options of every verb that reads: which models, which decoder, and what it is told of the language."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import click
from click.core import ParameterSource

from netchu.decode.choose import FILES, KINDS, Choice, Wish
from netchu.errors import NetchuError
from netchu.read import Reader
from netchu.settings import parse_setting
from netchu.views import VIEWS
from netchu.voters import Wanted, open_reader

COMPILING = "netchu: compiling the decoder for this processor; once, about fifteen seconds"


def decoding(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that `open_wished` understands."""
    options = (
        click.option("-m", "--model", "models", multiple=True, default=("vi",), show_default=True,
                     help="A bundled model's name or a path to a .onnx. Given several times, the models vote."),
        # not -m NAME:WEIGHT: a path may hold a colon, C:\\vi.onnx
        click.option("--weights", default="", metavar="W,...",
                     help="What each model counts in a vote, in their order: 2,1.  [default: all the same]"),
        click.option("--views", type=click.IntRange(1, len(VIEWS)), default=1, show_default=True,
                     help="Look at each line in so many ways, and let them vote; each takes as long as reading."),
        click.option("--decoder", default="", metavar="NAME",
                     help=f"{', '.join(KINDS)}, or one of the model's own.  [default: the model's]"),
        click.option("--lm", default="", metavar="NAME|FILE",
                     help="Language model of characters: a bundled one, or made by netchu lm train."),
        click.option("--word-lm", default="", metavar="NAME|FILE", help="Language model of words."),
        click.option("--lexicon", default="", metavar="FILE", help="Words, or whole lines: one to a line of text."),
        click.option("--grammar", default="", metavar="NAME|REGEX", help="What the whole line must match."),
        click.option("--rerank", default="", metavar="FILE",
                     help="Neural language model (netchu lm train --neural), to rank the best readings anew."),
        click.option("-D", "--decoder-set", "settings", multiple=True, metavar="NAME=VALUE",
                     help="A setting of the decoder: alpha=0.6."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def finding(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option of every verb that reads pages, which `use_finder` understands."""
    return click.option(
        "--finder", default="", metavar="NAME|FILE",
        help="What finds the lines of pages: bundled, or made by netchu train --pages.  [default: the bundled one]",
    )(command)  # fmt: skip


def use_finder(reader: Reader, finder: str) -> None:
    """Have `reader` find the lines of pages with a finder of that name or path; empty: with the bundled one.

    Raises NetchuError when there is none.
    """
    if finder:
        from netchu.page.detect import open_finder

        reader.finder = open_finder(finder, reader.session.threads)


def open_wished(threads: int = 1, **wished: Any) -> tuple[Reader, Choice]:
    """The reader that the options of `decoding` ask for, and the decoder that was chosen for its first model.

    `threads` are those of a single call.

    Raises NetchuError for weights that are no numbers, and as voters.open_reader does.
    """
    opened = open_reader(*parse_wished(**wished), threads=threads)
    if "netchu.compiled" in sys.modules:  # a greedy reader starts without
        sys.modules["netchu.compiled"].announce(lambda: click.echo(COMPILING, err=True))
    return opened


def parse_wished(models: Sequence[str], weights: str, views: int, settings: Sequence[str], **asked: str) -> Wanted:
    """What the options of `decoding` ask for. Raises NetchuError for empty names and weights that are no numbers."""
    context = click.get_current_context()
    for name in (*FILES, "grammar"):
        if name in asked and not asked[name] and context.get_parameter_source(name) == ParameterSource.COMMANDLINE:
            raise NetchuError(f"--{name.replace('_', '-')} is empty; name what is to be used, or leave it out")
    wish = Wish(asked.pop("decoder"), **asked, settings=tuple(parse_setting(each) for each in settings))
    return Wanted(tuple(models), wish, views, parse_weights(weights))


def parse_weights(text: str) -> tuple[float, ...] | None:
    """ "2,1" -> (2.0, 1.0); None for an empty text. Raises NetchuError for anything else."""
    try:
        return tuple(float(each) for each in text.split(",")) if text else None
    except ValueError:
        raise NetchuError(f"weights {text!r}: expected numbers above 0 with commas between, one for each -m") from None


def title_of(models: Sequence[str], weights: str, views: int) -> str:
    """What is to read, in words; for one model and one view that model's name."""
    return " + ".join(models) + (f", weights {weights}" if weights else "") + (f", {views} views" if views > 1 else "")
