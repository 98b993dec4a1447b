"""Where a language model's text comes from: files, data sets (their train lines), standard input, drawn texts."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from netchu.data.lines import TABLE, read_lines
from netchu.errors import NetchuError
from netchu.text import Form, canonical, normaliser


@dataclass(frozen=True)
class Source:
    """Lines that belong together, in one Unicode form, none empty; `origins` says where they are from."""

    name: str
    lines: tuple[str, ...] = field(repr=False)
    origins: tuple[str, ...] = ()

    def digest(self) -> str:
        """SHA-256 of the lines."""
        return hashlib.sha256("\n".join(self.lines).encode("utf-8", "surrogatepass")).hexdigest()

    def halves(self, share: int = 10) -> tuple[Source, Source]:
        """(all but every `share`-th line, every `share`-th line), by a hash of the text: equal lines stay together."""
        fold = normaliser("caseless-nopunct")
        held = [
            hashlib.blake2b(fold(line).encode("utf-8", "surrogatepass"), digest_size=4).digest()[0] % share == 0
            for line in self.lines
        ]
        parts = (tuple(line for line, out in zip(self.lines, held) if out is wanted) for wanted in (False, True))
        rest, out = parts
        return Source(self.name, rest, self.origins), Source(self.name, out, self.origins)


def read_sources(
    specs: Sequence[str],
    form: Form = "NFC",
    texts: Path | None = None,
    without: Sequence[Path] = (),
    seed: int = 0,
) -> list[Source]:
    """`[NAME=]WHERE` each -> sources; those of one name are joined. Without a name it is that of the file.

    WHERE is a text file or a gzip of one, a line a sentence; a folder of such; a data set (its folder or table), of
    which only train lines are taken, or all where it has no splits; "-" for standard input; or LANGUAGE:KIND+KIND:COUNT
    after "draw:", for texts drawn as `netchu synth` does from the folder `texts`. Lines that are val or test
    transcripts of the data sets in `without` are left out. Raises NetchuError when a source is missing, bad or empty.
    """
    lines: dict[str, list[str]] = {}
    origins: dict[str, list[str]] = {}
    fold = normaliser("caseless-nopunct")
    barred = {fold(text) for path in without for text in _held_out(path)}
    for spec in specs:
        name, where = _split(spec)
        raw = _draw(where, texts, seed) if where.startswith("draw:") else raw_lines(where)
        tidy = (canonical(line, form) for line in raw)
        kept = [line for line in tidy if line and not (barred and fold(line) in barred)]
        if not kept:
            raise NetchuError(f"{where}: holds no line of text; expected a line a sentence")
        lines.setdefault(name, []).extend(kept)
        origins.setdefault(name, []).append(where if where.startswith("draw:") else Path(where).name)
    return [Source(name, tuple(found), tuple(origins[name])) for name, found in lines.items()]


def _split(spec: str) -> tuple[str, str]:
    """NAME=WHERE -> both; a path that is there is a path, whatever signs it has."""
    name, equals, where = spec.partition("=")
    if equals and name and where and not Path(spec).exists():
        return name, where
    if spec == "-":
        return "stdin", spec
    if spec.startswith("draw:"):
        return "drawn", spec
    return Path(spec).name.removesuffix(".gz").removesuffix(".txt") or spec, spec


def raw_lines(where: str) -> list[str]:
    """The lines of a source as they are written. Raises NetchuError when it cannot be read."""
    if where == "-":
        try:
            return sys.stdin.buffer.read().decode("utf-8-sig").replace("\r\n", "\n").split("\n")
        except UnicodeDecodeError as error:
            raise NetchuError(f"standard input: not UTF-8 (byte {error.start}); convert it first") from None
    path = Path(where)
    if path.suffix == ".tsv" or (path / TABLE).is_file():
        found = read_lines(path, check_pictures=False).samples
        split = any(sample.split for sample in found)
        chosen = [sample.text for sample in found if sample.split == "train" or not split]
        if not chosen:
            raise NetchuError(f"{where}: has no train lines, and others must not enter a language model")
        return chosen
    from netchu.synth.texts.files import read_text, text_files

    return [line for file in text_files(path) for line in read_text(file).split("\n")]


def _held_out(path: Path) -> list[str]:
    """The transcripts of a data set that are not train; all where it has no splits."""
    return [sample.text for sample in read_lines(path, check_pictures=False).samples if sample.split != "train"]


def _draw(where: str, texts: Path | None, seed: int) -> list[str]:
    """draw:LANGUAGE:KIND+KIND:COUNT -> that many texts of these kinds in equal parts, or of all without a kind."""
    from netchu.synth.texts import open_texts

    parts = where.split(":")
    try:
        language, kinds, count = parts[1], parts[2] if len(parts) == 4 else "", int(parts[-1])
        if len(parts) not in (3, 4) or count < 1:
            raise ValueError
    except (IndexError, ValueError):
        raise NetchuError(f"{where}: expected draw:LANGUAGE:COUNT or draw:LANGUAGE:KIND+KIND:COUNT") from None
    weights = None
    if kinds:
        wanted = kinds.split("+")
        every = open_texts(language, texts, {}).kinds
        unknown = [kind for kind in wanted if kind not in every]
        if unknown:
            raise NetchuError(
                f"{where}: {language} has no texts of kind {unknown[0]!r}; its kinds are {', '.join(every)}"
            )
        weights = {kind: float(kind in wanted) for kind in every}
    source = open_texts(language, texts, weights)
    return [source.sample(np.random.default_rng([seed, k])) for k in range(count)]
