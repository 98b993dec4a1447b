"""From sources of text to a language model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netchu.errors import NetchuError
from netchu.lm.build import build
from netchu.lm.counts import count
from netchu.lm.guard import Sketch
from netchu.lm.kneser_ney import kneser_ney
from netchu.lm.mixing import fit_weights, mix
from netchu.lm.ngram import NGram
from netchu.lm.pruning import cut_rare, prune
from netchu.lm.sources import Source
from netchu.lm.symbols import SPECIALS, Unit, encode, find_vocabulary, splitter
from netchu.lm.table import Table
from netchu.text import Form

LONGEST = {"char": 12, "word": 5}  # orders beyond which nothing but memory is used


@dataclass(frozen=True)
class Options:
    """How a model is made. `weights` of sources by name, or `fit`: the source on a tenth of which they are fitted."""

    unit: Unit = "char"
    order: int = 6
    form: Form = "NFC"
    weights: Mapping[str, float] | None = None
    fit: str | None = None
    least: int = 1  # symbols seen less often in all sources together are unknown
    cutoffs: tuple[int, ...] = ()  # n-grams of order n seen this often or less are dropped, in each source
    entropy: float = 0.0  # nats: n-grams that cost less are dropped
    size: float | None = None  # MB the file may have
    continuation: bool = True  # see kneser_ney.kneser_ney
    name: str = "lm"
    terms: str = ""  # licence or other terms of the texts


def train(sources: Sequence[Source], options: Options, tell: Callable[[str], None] = lambda message: None) -> NGram:
    """One model of all sources. `tell` gets a line about each step. The same input gives the same model.

    Raises NetchuError for options that contradict, an unknown source, or text without a symbol of the unit.
    """
    _check(sources, options)
    vocabulary = find_vocabulary(chain.from_iterable(source.lines for source in sources), options.unit)
    if not vocabulary:
        raise NetchuError(f"the text holds no {options.unit}; a language model needs some")
    learnt = {source.name: _learn(source, vocabulary, options) for source in sources if source.name != options.fit}
    weights = _weights(sources, options, vocabulary, learnt, tell)
    seen = np.zeros(len(vocabulary), np.int64)
    tables = []
    for source in sources:
        table, counts = learnt[source.name] if source.name in learnt else _learn(source, vocabulary, options)
        seen += counts
        tables.append(table)
        tell(f"{source.name}: {len(source.lines):,} lines, {sum(map(len, table.grams)):,} n-grams")
    table = mix(tables, weights) if len(tables) > 1 else tables[0]
    del tables, learnt  # pruning needs the room
    if options.least > 1:
        rare = seen < options.least
        if rare.all():
            raise NetchuError(f"every {options.unit} is seen less than {options.least} times; lower --least")
        table = table.without_rare(rare)
    sketch = Sketch.of(chain.from_iterable(source.lines for source in sources))
    about = _about(sources, weights, options, table)
    if options.size is not None:
        room = int(options.size * 1e6) - _overhead(table, sketch)
        if room <= 0:
            raise NetchuError(f"--size {options.size:g}: the vocabulary alone takes more; allow more, or raise --least")
        table = prune(table, size=room)
    if options.entropy:
        table = prune(table, options.entropy)
    about["ngrams"] = [len(level) for level in table.grams]
    tell(f"{sum(about['ngrams']):,} n-grams kept")
    automaton, unknown, depths = build(table)
    order = len(table.grams)
    return NGram(
        options.name, options.unit, order, options.form, table.vocabulary, automaton, unknown, depths, sketch, about
    )


def _check(sources: Sequence[Source], options: Options) -> None:
    """Raises NetchuError for options that make no sense."""
    splitter(options.unit)
    if not sources:
        raise NetchuError("no text to train a language model on; name a file, a data set or - for standard input")
    if not 1 <= options.order <= LONGEST[options.unit]:
        raise NetchuError(f"--order {options.order}: must be 1 to {LONGEST[options.unit]} for a {options.unit} model")
    names = [source.name for source in sources]
    for name in (*(options.weights or {}), *([options.fit] if options.fit else [])):
        if name not in names:
            raise NetchuError(f"no source is called {name!r}; the sources are {', '.join(names)}")
    if options.weights and options.fit:
        raise NetchuError("weights are either given or fitted; leave out --weight or --fit")
    shares = (options.weights or {"": 1.0}).values()
    if not all(0 <= share < math.inf for share in shares) or not sum(shares):
        raise NetchuError("weights must be numbers that are not negative, nor all 0")
    if not 0 <= options.entropy < math.inf or options.least < 1 or (options.size is not None and not options.size > 0):
        raise NetchuError("--entropy must not be negative, --least at least 1 and --size more than 0")


def _learn(source: Source, vocabulary: Sequence[str], options: Options) -> tuple[Table, NDArray[np.int64]]:
    """One source's model over the whole vocabulary, and how often it has each symbol."""
    levels = count(encode(source.lines, vocabulary, options.unit), len(vocabulary), options.order)
    table = kneser_ney(vocabulary, levels, options.continuation)
    if options.cutoffs:
        table = cut_rare(table, levels, options.cutoffs)
    return table, levels[0].counts[:-SPECIALS]


def _weights(
    sources: Sequence[Source],
    options: Options,
    vocabulary: Sequence[str],
    learnt: Mapping[str, tuple[Table, NDArray[np.int64]]],
    tell: Callable[[str], None],
) -> tuple[float, ...]:
    """The sources' weights, given or fitted on a tenth of one source that is not learnt from meanwhile."""
    if options.fit is None or len(sources) == 1:
        given = options.weights or {source.name: 1.0 for source in sources}
        total = sum(given.values())
        return tuple(given.get(source.name, 0.0) / total for source in sources)
    rest, held = next(source for source in sources if source.name == options.fit).halves()
    if not held.lines or not rest.lines:
        raise NetchuError(f"{options.fit}: too few lines to fit weights on; give them with --weight")
    found = []
    for source in sources:
        table, _ = learnt[source.name] if source.name in learnt else _learn(rest, vocabulary, options)
        automaton, unknown, depths = build(table)
        model = NGram("", options.unit, options.order, options.form, table.vocabulary, automaton, unknown, depths)
        found.append(model.log_probs(held.lines))
    weights = fit_weights(found)
    shown = ", ".join(f"{source.name} {weight:.3f}" for source, weight in zip(sources, weights))
    tell(f"weights fitted on {len(held.lines):,} lines of {options.fit}: {shown}")
    return weights


def _about(sources: Sequence[Source], weights: Sequence[float], options: Options, table: Table) -> dict[str, Any]:
    """What the file says of its making."""
    listed = [
        {"name": source.name, "weight": round(weight, 4), "lines": len(source.lines), "sha256": source.digest(),
         "from": list(source.origins)}
        for source, weight in zip(sources, weights)
    ]  # fmt: skip
    made = {"cutoffs": list(options.cutoffs), "entropy": options.entropy, "size": options.size, "least": options.least,
            "continuation": options.continuation, "unpruned": [len(level) for level in table.grams]}  # fmt: skip
    return {"sources": listed, "terms": options.terms, "made": made}


def _overhead(table: Table, sketch: Sketch) -> int:
    """About how many bytes a file has beside its n-grams and contexts: header, vocabulary, sketch, alignment."""
    return 4096 + len(sketch.bits) + sum(len(symbol.encode("utf-8", "replace")) + 4 for symbol in table.vocabulary)
