"""A decoder from what a person asks for: a name, and the files and settings that go with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netchu.decode.ctc import greedy
from netchu.decode.reading import Decoder
from netchu.errors import NetchuError
from netchu.session import ModelInfo
from netchu.zoo import WEIGHTS

if TYPE_CHECKING:
    from netchu.lm import NGram

KINDS = {
    "greedy": "the best class of every frame; nothing is known of the language",
    "beam": "prefix beam search; takes --lm, --word-lm, --lexicon and --grammar, alone or together",
    "tokens": "token passing: words of a --lexicon, and a --word-lm if there is one",
    "lines": "the most likely of the whole lines in a --lexicon",
}
FILES = ("lm", "word_lm", "lexicon")


@dataclass(frozen=True)
class Wish:
    """What is asked for. `name` is one of KINDS, or what the model calls a set of these options; empty: what fits.

    `lm` and `word_lm` are files of language models of characters and of words, `lexicon` a text with a word or a whole
    line in each line, `grammar` a template's name or a regular expression. `settings` are the decoder's own options.
    """

    name: str = ""
    lm: str = ""
    word_lm: str = ""
    lexicon: str = ""
    grammar: str = ""
    settings: tuple[tuple[str, Any], ...] = ()

    def given(self) -> dict[str, Any]:
        """All that is not left open, by name."""
        files = {name: getattr(self, name) for name in (*FILES, "grammar") if getattr(self, name)}
        return {**files, **dict(self.settings)}


@dataclass(frozen=True)
class Choice:
    """A decoder, and what it knows of the language, for those who ask whether that is fair."""

    name: str
    decoder: Decoder
    models: tuple[NGram, ...] = ()
    entries: tuple[str, ...] = ()


def choose(wish: Wish, info: ModelInfo, folder: Path = WEIGHTS) -> Choice:
    """The decoder asked for, made for the model `info`, whose own language models lie in `folder`.

    Raises NetchuError for a name or a setting that there is not, and for files that are missing, damaged or made for
    another alphabet.
    """
    options = wish.given()
    name = wish.name or ("beam" if options else info.decoders.get("default", {}).get("name", "greedy"))
    kind = name
    if name in info.decoders and name != "default":
        own = dict(info.decoders[name])
        kind = str(own.pop("kind", "beam"))
        options = {**{key: str(folder / value) if key in FILES else value for key, value in own.items()}, **options}
    if kind not in KINDS:
        known = [*KINDS, *(each for each in info.decoders if each != "default")]
        near = get_close_matches(name, known, 1, cutoff=0.5)
        hint = f"did you mean {near[0]}? " if near else ""
        raise NetchuError(f"decoder {name!r}: {hint}model {info.name} has {', '.join(known)}")
    if kind == "greedy":
        if options:
            raise NetchuError(f"the greedy decoder takes no {', '.join(options)}; leave it out, or use --decoder beam")
        return Choice(name, greedy)
    return _make(name, kind, options, info)


def _make(name: str, kind: str, options: Mapping[str, Any], info: ModelInfo) -> Choice:
    """Open the files and build the decoder."""
    from netchu.decode import grammar
    from netchu.decode.rescore import Rescoring
    from netchu.decode.search import Beam
    from netchu.decode.tokens import TokenPassing
    from netchu.lm.sources import raw_lines

    makers: dict[str, Any] = {"beam": Beam, "tokens": TokenPassing, "lines": Rescoring}
    maker = makers[kind]
    taken = {field.name: field for field in dataclasses.fields(maker) if field.name != "charset"}
    for key in options:
        if key not in taken:
            near = get_close_matches(key, taken, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(taken)}"
            raise NetchuError(f"decoder {name} has no {key!r}; {hint}")
    made: dict[str, Any] = dict(options)
    models = []
    for key in ("lm", "word_lm"):
        if key in made:
            made[key] = _open(str(made[key]), "char" if key == "lm" else "word", info)
            models.append(made[key])
    entries: tuple[str, ...] = ()
    if "lexicon" in made:
        entries = tuple(raw_lines(str(made["lexicon"])))
        made["lexicon"] = entries
    elif "word_lm" in made:
        made["lexicon"] = made["word_lm"].vocabulary
    elif kind in ("tokens", "lines"):
        raise NetchuError(f"decoder {name} needs words: add --lexicon FILE")
    if "grammar" in made:
        made["grammar"] = grammar.find(str(made["grammar"]), info.charset).automaton
    for key, value in made.items():  # a setting of the wrong kind would be found in the middle of a line
        default = taken[key].default
        if isinstance(default, float | int) and not isinstance(value, float | int):
            raise NetchuError(f"decoder {name}: {key}={value!r}: expected a number")
        if isinstance(default, str) and not isinstance(value, str):
            raise NetchuError(f"decoder {name}: {key}={value!r}: expected a word")
    return Choice(name, maker(info.charset, **made), tuple(models), entries)


def _open(path: str, unit: str, info: ModelInfo) -> NGram:
    """A language model over these units, for the letters of the line model."""
    from netchu.lm import load

    model = load(path)
    if model.unit != unit:
        other = "--word-lm" if unit == "char" else "--lm"
        raise NetchuError(f"{path}: a model of {model.unit}s; give it as {other}")
    model.require(info.charset)
    return model
