"""A folder of text files as the languages read it: each file once, in one alphabet, without what is held out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from netchu.errors import NetchuError
from netchu.synth.texts.corpus import Corpus, Lengths
from netchu.synth.texts.files import read_rows, read_text
from netchu.synth.texts.grammar import Draw, pick
from netchu.synth.texts.guard import HeldOut

Rng = np.random.Generator


@dataclass
class Shelf:
    """Reads running text and word lists from a folder for one language."""

    folder: Path
    alphabet: frozenset[str] | None  # None: whatever the files hold
    held: HeldOut | None = None
    plain: Mapping[str, str] = field(default_factory=dict)  # replaced as read: typeset signs that pens do not make
    dropped: int = 0
    _read: dict[tuple[str, ...], Corpus] = field(default_factory=dict)

    def running(self, *names: str, shortest: int = 15) -> Corpus:
        """The lines of these files that have `shortest` characters and lie within the alphabet."""
        return self.corpus([self.folder / name for name in names], shortest)

    def corpus(self, paths: Sequence[Path], shortest: int = 1) -> Corpus:
        """As `running`, for any paths. Raises NetchuError when a file is bad or no line of them all is left."""
        key = (str(shortest), *map(str, paths))
        if key not in self._read:
            found = Corpus.build([read_text(path) for path in paths], self.alphabet, self.held, shortest, self.plain)
            if not len(found):
                raise NetchuError(f"{paths[0]}: no line can be used; all are too short, held out or in other letters")
            self._read[key] = found
            self.dropped += found.dropped
        return self._read[key]

    def words(
        self,
        name: str,
        keep: Callable[[list[str]], bool] = lambda row: True,
        top: int | None = None,
        more: Sequence[str] = (),
    ) -> Corpus:
        """The first column of a frequency list as a corpus of one word per line, most frequent first; then `more`."""
        words = [row[0] for row in read_rows(self.folder / name, 2)[:top] if keep(row)] + list(more)
        found = Corpus.build(["\n".join(words)], self.alphabet)
        if not len(found):
            raise NetchuError(f"{self.folder / name}: no word of it can be used; expected words of the language")
        return found

    def rows(self, name: str, fields: int) -> list[list[str]]:
        """The rows of a table below its header."""
        return read_rows(self.folder / name, fields)


def need_folder(language: str, folder: Path | None) -> Path:
    """The folder; NetchuError when there is none."""
    if folder is None:
        raise NetchuError(f"{language} is drawn from a folder of texts; name it")
    if not folder.is_dir():
        raise NetchuError(f"{folder}: no such folder; {language} is drawn from the texts in it")
    return folder


def as_is(text: str, rng: Rng) -> str:
    """The text itself: the case style of scripts without cases."""
    return text


def passages(corpus: Corpus, lengths: Lengths, style: Callable[[str, Rng], str] = as_is) -> Draw:
    """Pieces of running text, each in a case style."""
    return lambda rng: style(lengths.draw(corpus, rng), rng)


def word_strings(
    words: Corpus, style: Callable[[str, Rng], str] = as_is, joints: Sequence[str] = (" ",), most: int = 4
) -> Draw:
    """One to `most` words of a frequency list side by side, frequent ones a little more often."""

    def draw(rng: Rng) -> str:
        joint = pick(joints, rng)
        return style(joint.join(words.pick(rng, 1.5) for _ in range(1 + int(rng.random() * most))), rng)

    return draw
