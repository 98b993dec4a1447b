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
from netchu.zoo import WEIGHTS, find_language

if TYPE_CHECKING:
    from netchu.decode.search import Beam
    from netchu.lm import NGram
    from netchu.lm.guard import Sketched
    from netchu.lm.neural import NeuralModel

KINDS = {
    "greedy": "the best class of every frame; nothing is known of the language",
    "beam": "prefix beam search; takes --lm, --word-lm, --lexicon, --grammar and --rerank, alone or together",
    "tokens": "token passing: words of a --lexicon, and a --word-lm if there is one",
    "lines": "the most likely of the whole lines in a --lexicon",
}
FILES = ("lm", "word_lm", "lexicon", "rerank")
RERANKING = {"rerank": "", "gamma": 0.2, "candidates": 20}  # further settings of a beam: see netchu.decode.rerank


@dataclass(frozen=True)
class Wish:
    """What is asked for. `name` is one of KINDS, or what the model calls a set of these options; empty: a beam where
    words, a model of the language or a grammar are given, else the model's default, with these settings.

    `lm` and `word_lm` are language models of characters and of words, bundled ones or files; `lexicon` is a text with a
    word or a whole line in each line, `grammar` a template's name or a regular expression, `rerank` a neural language
    model, by which the best readings of a beam are ranked anew. `settings` are the decoder's own options.
    """

    name: str = ""
    lm: str = ""
    word_lm: str = ""
    lexicon: str = ""
    grammar: str = ""
    rerank: str = ""
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
    models: tuple[Sketched, ...] = ()
    entries: tuple[str, ...] = ()


def choose(wish: Wish, info: ModelInfo, folder: Path = WEIGHTS) -> Choice:
    """The decoder asked for, made for the model `info`, whose own language models lie in `folder`.

    Raises NetchuError for a name or a setting that there is not, and for files that are missing, damaged or made for
    another alphabet.
    """
    options = wish.given()
    default = info.decoders.get("default", {}).get("name", "greedy")
    told = any((wish.lm, wish.word_lm, wish.lexicon, wish.grammar))  # then what the model knows of language gives way
    name = wish.name or ("beam" if told or (options and default == "greedy") else default)
    kind = name
    if name in info.decoders and name != "default":
        own = dict(info.decoders[name])
        kind = str(own.pop("kind", "beam"))
        options = {
            **{key: str(beside(folder, value)) if key in FILES else value for key, value in own.items()},
            **options,
        }
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


def beside(folder: Path, name: str) -> Path:
    """A file that a model's decoder names: beside the model, or else a bundled one, where there is one of that name."""
    path = folder / name
    return WEIGHTS / name if not path.exists() and (WEIGHTS / name).exists() else path


def _make(name: str, kind: str, options: Mapping[str, Any], info: ModelInfo) -> Choice:
    """Open the files and build the decoder."""
    from netchu.decode import grammar
    from netchu.decode.lexicon import make_lexicon
    from netchu.decode.rescore import Rescoring, make_lines
    from netchu.decode.search import Beam
    from netchu.decode.tokens import TokenPassing
    from netchu.lm.neural import load_neural
    from netchu.lm.sources import raw_lines

    makers: dict[str, Any] = {"beam": Beam, "tokens": TokenPassing, "lines": Rescoring}
    maker = makers[kind]
    taken = {field.name: field.default for field in dataclasses.fields(maker) if field.name != "charset"}
    taken |= RERANKING if kind == "beam" else {}
    for key in options:
        if key not in taken:
            near = get_close_matches(key, taken, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(taken)}"
            raise NetchuError(f"decoder {name} has no {key!r}; {hint}")
    made: dict[str, Any] = {key: str(value) if key in FILES else value for key, value in options.items()}
    models: list[Sketched] = []
    for key in ("lm", "word_lm"):
        if key in made:
            made[key] = _open(made[key], "char" if key == "lm" else "word", info)
            models.append(made[key])
    entries: tuple[str, ...] = ()
    if "lexicon" in made:
        path = made["lexicon"]
        entries = tuple(raw_lines(path))
        try:
            made["lexicon"] = (make_lines if kind == "lines" else make_lexicon)(entries, info.charset)
        except NetchuError as error:
            raise NetchuError(f"{path}: {error}") from None
    elif "word_lm" in made:
        made["lexicon"] = made["word_lm"].vocabulary
    elif kind in ("tokens", "lines"):
        raise NetchuError(f"decoder {name} needs words: add --lexicon FILE")
    if "grammar" in made:
        made["grammar"] = grammar.find(str(made["grammar"]), info.charset).automaton
    for key, value in made.items():  # a setting of the wrong kind would be found in the middle of a line
        _check(f"decoder {name}: {key}={value!r}", taken[key], value)
    reranking = {key: made.pop(key) for key in RERANKING if key in made}
    decoder = maker(info.charset, **made)
    if reranking:
        if "rerank" not in reranking:
            raise NetchuError(f"decoder {name}: {next(iter(reranking))} is a setting of --rerank; add that")
        neural = load_neural(reranking["rerank"])
        _require(neural, reranking["rerank"], info)
        models.append(neural.info)
        decoder = _reranked(decoder, neural, **{**RERANKING, **reranking})
    return Choice(name, decoder, tuple(models), entries)


def _check(shown: str, default: Any, value: Any) -> None:
    """Raises NetchuError for a setting of another type than its default, a file's or a number's."""
    if isinstance(default, float | int) and (isinstance(value, bool) or not isinstance(value, float | int)):
        raise NetchuError(f"{shown}: expected a number")
    if isinstance(default, int) and not isinstance(value, int):
        raise NetchuError(f"{shown}: expected a whole number")
    if isinstance(default, str) and not isinstance(value, str):
        raise NetchuError(f"{shown}: expected a word")


def _reranked(beam: Beam, neural: NeuralModel, rerank: str, gamma: float, candidates: int) -> Decoder:
    """The beam with its best readings ranked anew: its own model of characters counts as it does in the beam."""
    from netchu.decode.rerank import Judge, Rerank, Weights

    alpha = beam.alpha if beam.lm is not None else 0.0
    return Rerank(beam, Judge(Weights(alpha, gamma, beam.beta), beam.lm, neural), candidates, beam.ranked)


def _open(path: str, unit: str, info: ModelInfo) -> NGram:
    """A language model over these units, for the letters of the line model."""
    from netchu.lm import load

    model = load(find_language(path))
    if model.unit != unit:
        other = "--word-lm" if unit == "char" else "--lm"
        raise NetchuError(f"{path}: a model of {model.unit}s; give it as {other}")
    _require(model, path, info)
    return model


def _require(model: NGram | NeuralModel, path: str, info: ModelInfo) -> None:
    try:
        model.require(info.charset)
    except NetchuError as error:
        raise NetchuError(f"{path}: {error}") from None
