"""Texts for the letters that are seldom met: a letter is chosen evenly, then a text that holds it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from netchu.errors import NetchuError
from netchu.synth.texts.corpus import Corpus, Lengths
from netchu.synth.texts.grammar import pick

Rng = np.random.Generator

_FEW = 20  # a capital met less often than this is mostly made of its small letter


def upper(text: str) -> str:
    """Capitals, letter for letter: ß becomes ẞ, and what has no single capital stays."""
    text = text.replace("ß", "ẞ")
    big = text.upper()
    return big if len(big) == len(text) else "".join(c.upper() if len(c.upper()) == 1 else c for c in text)


def title(text: str) -> str:
    """Every word with a capital."""
    return " ".join(upper(word[:1]) + word[1:] for word in text.split())


@dataclass(frozen=True)
class Rare:
    """Draws pieces of running text, or a few words, round a seldom letter."""

    letters: Sequence[str]
    running: Corpus
    words: Corpus | None
    lengths: Lengths
    joints: Sequence[str] = (" ",)
    most: int = 6

    @classmethod
    def find(
        cls, letters: Iterable[str], running: Corpus, words: Corpus | None, lengths: Lengths, share: float,
        joints: Sequence[str] = (" ",), most: int = 6,
    ) -> Rare:  # fmt: skip
        """For the `letters` that are less than `share` of the running text; where all are more, for the ten rarest.

        Raises NetchuError when neither the text nor the words hold any of the letters.
        """
        corpora = [each for each in (running, words) if each is not None]
        able = [letter for letter in sorted(letters) if any(_seek(each, letter) for each in corpora)]
        if not able:
            raise NetchuError("the texts hold no letter of the language; give the kind 'rare' the weight 0")
        able.sort(key=lambda letter: running.shares.get(letter, 0.0))
        seldom = [letter for letter in able if running.shares.get(letter, 0.0) < share] or able[:10]
        return cls(seldom, running, words, lengths, joints, most)

    def draw(self, rng: Rng) -> str:
        """A text that holds a letter chosen evenly."""
        letter = pick(self.letters, rng)
        in_words = bool(self.words and _seek(self.words, letter))
        if in_words and (not _seek(self.running, letter) or rng.random() < 0.65):
            return self._some_words(letter, rng)
        seek = _choose(self.running, letter, rng)
        line, at = self.running.around(seek, rng)
        piece = self.lengths.piece(line, rng, at)
        return piece if seek == letter else _capitals(piece, seek, rng)

    def _some_words(self, letter: str, rng: Rng) -> str:
        """A few words, each for a seldom letter of the same case."""
        assert self.words is not None
        seek = _choose(self.words, letter, rng)
        chosen = [self.words.around(seek, rng)[0]]
        for _ in range(int(rng.random() * self.most)):
            other = pick(self.letters, rng)
            near = _choose(self.words, other if _small(other) == other else _small(other), rng)
            chosen.append(self.words.around(near, rng)[0] if self.words.count(near) else self.words.pick(rng))
        if rng.random() < 0.5:
            chosen.append(chosen.pop(0))
        text = pick(self.joints, rng).join(chosen)
        if seek != letter:
            return _capitals(text, seek, rng)
        return title(text) if text != upper(text) and upper(seek) != seek and rng.random() < 0.2 else text


def _small(letter: str) -> str:
    return letter.lower() if len(letter.lower()) == 1 else letter


def _seek(corpus: Corpus, letter: str) -> int:
    """How often the letter, or its small form where that is seldom too, is there."""
    return corpus.count(letter) + (corpus.count(_small(letter)) if _small(letter) != letter else 0)


def _choose(corpus: Corpus, letter: str, rng: Rng) -> str:
    """The form to look for: the letter, or its small form where the capital is hardly there."""
    count, small = corpus.count(letter), _small(letter)
    if small == letter or not corpus.count(small) or (count >= _FEW and rng.random() < 0.6):
        return letter
    return letter if count and rng.random() < count / (count + _FEW) else small


def _capitals(text: str, small: str, rng: Rng) -> str:
    """The text in capitals; or only its words' first letters, when one of them is the wanted one."""
    if rng.random() < 0.5 and any(word.startswith(small) for word in text.split()):
        return title(text)
    return upper(text)
