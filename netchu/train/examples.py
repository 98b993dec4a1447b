"""From data sets to examples: the charset, the lines that can be trained on, and every line that cannot, with why."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from netchu.alphabets import alphabet
from netchu.data.batch import Example
from netchu.data.lines import LineSet, Reject, Sample, read_lines
from netchu.data.split import split_lines
from netchu.data.survey import Seen, survey
from netchu.errors import NetchuError
from netchu.framing import Pitch, stretch
from netchu.text import Charset, describe, needed_frames


@dataclass(frozen=True)
class Source:
    """A data set with the number of times each of its lines is seen in an epoch."""

    path: Path
    weight: float = 1.0

    @classmethod
    def parse(cls, text: str) -> Source:
        """`PATH` or `PATH@WEIGHT`, as the command line takes it."""
        path, at, weight = text.rpartition("@")
        try:
            value = float(weight)
        except ValueError:
            at, value = "", 1.0
        if not at:
            return cls(Path(text))
        if not 0 < value <= 1000:
            raise NetchuError(f"{text}: the weight after @ must lie between 0 and 1000")
        return cls(Path(path), value)


@dataclass(frozen=True)
class Surveyed:
    """A data set as it stands, and what a look at each of its pictures told: nobody need look twice."""

    lines: LineSet
    seen: tuple[Seen, ...]  # by sample


@dataclass(frozen=True)
class Material:
    """What a run trains and validates on."""

    train: tuple[Example, ...]
    val: tuple[Example, ...]
    names: tuple[str, ...]  # data sets, by Example.source
    weights: tuple[float, ...]
    digests: tuple[str, ...]
    rejects: tuple[Reject, ...]
    charset: Charset
    surveyed: tuple[Surveyed, ...] = ()
    vertical: bool = False  # tall pictures are lines that run from the top down
    pitch: Pitch | None = None  # that lines are stretched towards

    def summary(self) -> str:
        """One line: what is used, and how many were left out for which reason."""
        reasons = Counter(reject.reason.split(":")[0] for reject in self.rejects)
        left = "".join(f"; {count:,} left out: {reason}" for reason, count in reasons.most_common())
        return f"{len(self.train):,} lines to train on, {len(self.val):,} to validate on{left}"

    @property
    def direction(self) -> str:
        """How the lines run, as ModelInfo says it."""
        return "ltr ttb" if self.vertical else "ltr"

    def a_pass(self) -> float:
        """The lines of a pass through the data sets, each as often as its weight says."""
        return sum(self.weights[example.source] for example in self.train)


def gather(
    sources: Sequence[Source],
    height: int,
    stride: int,
    languages: Sequence[str],
    base: Charset | None,
    drawn: frozenset[str] | None = None,
    vertical: bool = False,
    pitch: Pitch | None = None,
) -> Material:
    """Read the data sets, settle the charset and sort out the lines.

    Training lines give the charset (with `languages`, with `drawn`, the characters of lines that are drawn, and, when
    fine-tuning, with `base`); a validation line with a character outside it is kept and simply cannot be read right, so
    that scores stay honest. Raises NetchuError when nothing is left to train on and nothing is drawn.
    """
    read = [read_lines(source.path) for source in sources]
    sets = [_with_validation(found) for found in read]
    names = _names([found.root for found in sets])
    rejects = [
        Reject(f"{name}/{note.where}", note.reason) for name, found in zip(names, sets) for note in found.rejects
    ]
    charset = _charset(sets, languages, base, drawn or frozenset())
    train: list[Example] = []
    val: list[Example] = []
    surveyed = tuple(Surveyed(found, tuple(survey(found.samples))) for found in read)
    for number, (found, looks) in enumerate(zip(sets, surveyed)):
        for sample, seen in zip(found.samples, looks.seen):  # a split keeps their order
            if sample.split == "test":
                continue
            into = val if sample.split == "val" else train
            try:
                flat = seen.flat() if vertical else seen
                into.append(_example(sample, flat, number, charset, height, stride, pitch, into is train))
            except NetchuError as error:
                rejects.append(Reject(f"{names[number]}/{found.name(sample)}", str(error)))
    if not train and drawn is None:
        why = f": {rejects[0].reason}" if rejects else ""
        raise NetchuError(f"{', '.join(str(source.path) for source in sources)}: no line to train on{why}")
    digests = tuple(found.digest() for found in sets)
    weights = tuple(source.weight for source in sources)
    return Material(
        tuple(train), tuple(val), names, weights, digests, tuple(rejects), charset, surveyed, vertical, pitch
    )


def _names(roots: Sequence[Path]) -> tuple[str, ...]:
    """What the data sets are called: the folder's name, and where two share it, enough of their paths besides."""
    names = [root.name for root in roots]
    for depth in range(2, max((len(root.parts) for root in roots), default=0) + 1):
        twice = {name for name, count in Counter(names).items() if count > 1}
        names = ["/".join(root.parts[-depth:]) if name in twice else name for root, name in zip(roots, names)]
    return tuple(f"{name} ({number})" if name in names[:number] else name for number, name in enumerate(names))


def _with_validation(found: LineSet) -> LineSet:
    """A set without any split gets one, by hash: a tenth to validate on. One that names its splits is left alone."""
    if any(sample.split for sample in found.samples) or len(found) < 20:
        return found
    try:
        return split_lines(found)
    except NetchuError:  # one text throughout, or one writer: nothing can be held back that is not also trained on
        return found


def _charset(sets: Sequence[LineSet], languages: Sequence[str], base: Charset | None, drawn: frozenset[str]) -> Charset:
    texts = [sample.text for found in sets for sample in found.samples if sample.split not in ("val", "test")]
    texts += sorted(drawn)  # each a text of its own: side by side a letter and a mark could become another letter
    extra = (alphabet(*languages) if languages else "") + (" " if " " in drawn else "")
    if base is None:
        return Charset.from_texts(texts, extra=extra)
    new = Charset.from_texts(texts, form=base.form, extra=extra)
    return Charset(base.symbols + tuple(symbol for symbol in new.symbols if symbol not in base.symbols), base.form)


def _example(
    sample: Sample, seen: Seen, source: int, charset: Charset, height: int, stride: int, pitch: Pitch | None,
    training: bool,
) -> Example:  # fmt: skip
    if seen.fault:
        raise NetchuError(f"unreadable picture: {seen.fault}")
    path = os.fspath(sample.image)
    columns = seen.width * stretch(seen.strokes, pitch)
    return fit(path, sample.text, columns, seen.rows, source, charset, height, stride, training)


def fit(
    path: str, text: str, columns: float, rows: int, source: int, charset: Charset, height: int, stride: int,
    training: bool = True,
) -> Example:  # fmt: skip
    """A line of `columns` x `rows` pixels, once it is stretched, as an example for a model.

    To validate on, any line will do. Raises NetchuError when it cannot be `training`'s.
    """
    width = max(1, round(columns * height / rows))
    unknown = charset.missing(text)
    if unknown and training:
        raise NetchuError(f"unknown characters: {', '.join(describe(char) for char in unknown)}")
    target = tuple(charset.encode(text)) if not unknown else ()
    if training and needed_frames(target) > -(-width // stride):
        raise NetchuError(f"label longer than its picture allows: {needed_frames(target)} frames in {width} columns")
    return Example(path, text, target, width, source)
