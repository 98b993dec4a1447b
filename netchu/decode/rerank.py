"""The best of a beam's readings by more than the beam knows: n-grams, a neural model and length, with fitted weights.

total = acoustic + alpha * n-gram + gamma * neural + beta * characters, all log-probabilities in nats.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from netchu.decode.frames import log_probabilities
from netchu.decode.reading import Reading
from netchu.decode.search import Beam, Hypothesis
from netchu.decode.sureness import attach
from netchu.errors import NetchuError
from netchu.text import canonical

if TYPE_CHECKING:
    from netchu.lm.neural import NeuralModel
    from netchu.lm.ngram import NGram

Table = NDArray[np.float64]

ALPHAS = tuple(round(0.1 * step, 1) for step in range(13))
GAMMAS = ALPHAS
BETAS = tuple(0.25 * step for step in range(-2, 13))


@dataclass(frozen=True)
class Weights:
    """What counts how much: n-grams, the neural model, and nats for every character."""

    alpha: float = 0.0
    gamma: float = 0.0
    beta: float = 0.0


@dataclass(frozen=True, eq=False)
class Judge:
    """What language models add to the log-probability of a text. Those that are missing add nothing."""

    weights: Weights
    ngram: NGram | None = None
    neural: NeuralModel | None = None

    def __call__(self, texts: Sequence[str]) -> Table:
        """Texts -> nats to add, (N,)."""
        weights = self.weights
        return np.asarray(self.features(texts) @ np.array([weights.alpha, weights.gamma, weights.beta]))

    def features(self, texts: Sequence[str]) -> Table:
        """Log-probabilities (nats) of the n-grams and of the neural model, and characters, (N, 3)."""
        found = np.zeros((len(texts), 3))
        if self.ngram is not None:
            found[:, 0] = [self.ngram.score(text) for text in texts]
        if self.neural is not None:
            found[:, 1] = self.neural.score(texts)
        found[:, 2] = [len(canonical(text)) for text in texts]
        return found


@dataclass(frozen=True, eq=False)
class Rerank:
    """A decoder: the readings that a beam ends with, ranked anew by their acoustic score and what the judge adds.

    The beam may have a model of characters of its own, which then decides what is in its list and nothing else; what
    its words and its grammar weigh still counts. Of equal totals the beam's order stands. Raises NetchuError for less
    than one candidate.
    """

    beam: Beam
    judge: Judge
    candidates: int = 20
    ranked: int = 5

    def __post_init__(self) -> None:
        if self.candidates < 1 or self.ranked < 1:
            raise NetchuError(f"candidates={self.candidates}, ranked={self.ranked}: must be 1 or more")

    def __call__(self, logits: NDArray[Any], length: int, temperature: float = 1.0) -> Reading:
        """logits (T, C) of one line, of which `length` frames are real -> the best reading, and others ranked."""
        log_probs, note = log_probabilities(logits, length, temperature, len(self.beam.charset))
        found = self.beam.search(logits, length, temperature)[: self.candidates]
        if not found:
            return self.beam(logits, length, temperature)
        texts = [self.beam.charset.decode(each.classes) for each in found]
        totals = np.array([each.acoustic for each in found]) + self._kept(found, texts) + self.judge(texts)
        order = np.argsort(-totals, kind="stable")
        ranked = tuple((found[place].classes, float(totals[place])) for place in order)
        return attach(log_probs, ranked[0][0], ranked=ranked, keep=self.ranked, note=note)

    def _kept(self, found: Sequence[Hypothesis], texts: Sequence[str]) -> Table:
        """What words and grammar add to each, (N,): all that the beam adds, but for characters and their model."""
        beam = self.beam
        if beam.lexicon is None and beam.grammar is None:
            return np.zeros(len(found))
        own = Judge(Weights(alpha=beam.alpha if beam.lm is not None else 0.0, beta=beam.beta), beam.lm)
        return np.array([each.score - each.acoustic for each in found]) - own(texts)


@dataclass(frozen=True, eq=False)
class Candidates:
    """One line to fit weights on: the right text, and each candidate with its acoustic score and judge's features."""

    reference: str
    texts: tuple[str, ...]
    acoustic: Table  # (N,)
    features: Table  # (N, 3)


def fit(lines: Sequence[Candidates], ngram: bool = True, neural: bool = True) -> tuple[Weights, int]:
    """The weights with the fewest character edits on these lines, and how many those are.

    All of a grid are tried: ALPHAS, GAMMAS (0 alone for a model that is not there) and BETAS. Of equal ones those
    with the least sum of squares win. Fit on lines that are not those reported on, hundreds of them.
    Raises NetchuError when no line has a candidate.
    """
    lines = [line for line in lines if line.texts]
    if not lines:
        raise NetchuError("no line has a candidate to fit weights on; give lines that were read")
    most = max(len(line.texts) for line in lines)
    acoustic = np.full((len(lines), most), -np.inf)
    features = np.zeros((len(lines), most, 3))
    edits = np.zeros((len(lines), most), np.int64)
    for row, line in enumerate(lines):
        count = len(line.texts)
        acoustic[row, :count], features[row, :count] = line.acoustic, line.features
        edits[row, :count] = [Levenshtein.distance(line.reference, text) for text in line.texts]
    grid = itertools.product(ALPHAS if ngram else (0.0,), GAMMAS if neural else (0.0,), BETAS)
    rows, best = np.arange(len(lines)), (np.inf, np.inf)
    chosen = (0.0, 0.0, 0.0)
    for point in grid:
        picks = (acoustic + features @ np.array(point)).argmax(1)
        found = float(edits[rows, picks].sum()), sum(value * value for value in point)
        if found < best:
            best, chosen = found, point
    return Weights(*chosen), int(best[0])
