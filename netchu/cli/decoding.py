"""The options of every verb that reads: which decoder, and what it is told of the language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from netchu.decode.choose import KINDS, Wish
from netchu.settings import parse_setting


def decoding(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that `wish_of` understands."""
    options = (
        click.option("--decoder", default="", metavar="NAME",
                     help=f"{', '.join(KINDS)}, or one of the model's own.  [default: the model's]"),
        click.option("--lm", default="", metavar="FILE", help="Language model of characters (netchu lm train)."),
        click.option("--word-lm", default="", metavar="FILE", help="Language model of words; with --lexicon."),
        click.option("--lexicon", default="", metavar="FILE", help="Words, or whole lines: one to a line of text."),
        click.option("--grammar", default="", metavar="NAME|REGEX", help="What the whole line must match."),
        click.option("-D", "--decoder-set", "settings", multiple=True, metavar="NAME=VALUE",
                     help="A setting of the decoder: alpha=0.6."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def wish_of(decoder: str, lm: str, word_lm: str, lexicon: str, grammar: str, settings: tuple[str, ...]) -> Wish:
    """The options of `decoding`. Raises NetchuError for a setting without a value."""
    return Wish(decoder, lm, word_lm, lexicon, grammar, tuple(parse_setting(each) for each in settings))
