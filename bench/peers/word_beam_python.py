"""Word beam search and token passing in plain Python, from the papers; a worker of bench/decoding.py.

What a reader of handwriting gets who writes these decoders without a compiler: dictionaries of beams, a prefix tree of
nodes, loops over lists. There is no package of it to install. Word beam search: Scheidl, Fiel and Sablatnig 2018, "Word
Beam Search: A Connectionist Temporal Classification Decoding Algorithm", in its modes words and ngrams. Token passing:
Graves et al. 2009, "A Novel Connectionist System for Unconstrained Handwriting Recognition", without a language model.
A class that is in no word stands between words, as in both.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

BLANK = 0
Labels = tuple[int, ...]
Rows = Sequence[Sequence[float]]


class Node:
    """A prefix of words; `word` is the one that it is, if it is one."""

    def __init__(self) -> None:
        self.children: dict[int, Node] = {}
        self.word = ""


class Bigrams:
    """A back-off model of pairs of words out of an ARPA file, in nats."""

    def __init__(self, path: str | Path) -> None:
        self.probs: dict[tuple[str, ...], float] = {}
        self.backs: dict[str, float] = {}
        order = 0
        for line in Path(path).read_text(encoding="utf-8").split("\n"):
            if line.endswith("-grams:"):
                order = int(line[1:-7])
            elif order and "\t" in line:
                prob, words, *back = line.split("\t")
                self.probs[tuple(words.split(" "))] = float(prob) * math.log(10)
                if back and order == 1:
                    self.backs[words] = float(back[0]) * math.log(10)

    def __call__(self, before: str, word: str) -> float:
        if (before, word) in self.probs:
            return self.probs[before, word]
        return self.backs.get(before, 0.0) + self.probs[(word,)]


class Beam:
    """A text, and the probabilities of its paths that end in a blank and in a letter; `worth`: what its words weigh."""

    def __init__(self, labels: Labels, node: Node, before: str, worth: float) -> None:
        self.labels, self.node, self.before, self.worth = labels, node, before, worth
        self.blank = self.letter = 0.0

    @property
    def total(self) -> float:
        return self.blank + self.letter

    @property
    def score(self) -> float:
        return (self.blank + self.letter) * self.worth


class WordBeam:
    """Word beam search: mode words without `bigrams`, else mode ngrams, whose weight is `alpha`; `beta` a word."""

    def __init__(
        self,
        words: Iterable[Sequence[int]],
        names: Iterable[str],
        gaps: Sequence[int],
        bigrams: Bigrams | None = None,
        alpha: float = 0.5,
        beta: float = 0.0,
    ) -> None:
        self.root, self.gaps, self.bigrams, self.alpha, self.beta = Node(), tuple(gaps), bigrams, alpha, beta
        for labels, name in zip(words, names):
            node = self.root
            for label in labels:
                node = node.children.setdefault(label, Node())
            node.word = name

    def __call__(self, probs: Rows, width: int, least: float = 0.0, ratio: float = 0.0) -> tuple[Labels, float]:
        """Probabilities of classes, a row a frame -> the best text and its score in nats; () and -inf: there is none.

        Classes less likely than `least`, and beams worse than `ratio` times the best, are passed over.
        """
        first = Beam((), self.root, "<s>", 1.0)
        first.blank = 1.0
        beams, lost = {(): first}, 0.0
        for row in probs:
            kept = sorted(beams.values(), key=lambda beam: -beam.score)[:width]
            scale = 1.0 / kept[0].total  # or else the probabilities of long lines are too small for a float
            lost -= math.log(scale)
            floor = kept[0].score * ratio
            beams = {}
            for beam in kept:
                if beam.score < floor:
                    break
                self._extend(beam, row, scale, least, beams)
        best, score = (), -math.inf
        for beam in beams.values():
            worth = self._end(beam)
            if worth > 0 and beam.total > 0 and math.log(beam.total) + math.log(worth) + lost > score:
                best, score = beam.labels, math.log(beam.total) + math.log(worth) + lost
        return best, score

    def _extend(self, beam: Beam, row: Sequence[float], scale: float, least: float, beams: dict[Labels, Beam]) -> None:
        """What a beam becomes in a frame: itself, and itself with a character more."""
        labels, node, blank, total = beam.labels, beam.node, beam.blank * scale, beam.total * scale
        last = labels[-1] if labels else BLANK
        same = beams.get(labels)
        if same is None:
            same = beams[labels] = Beam(labels, node, beam.before, beam.worth)
        same.blank += total * row[BLANK]
        if labels:
            same.letter += beam.letter * scale * row[last]
        for label, child in node.children.items():
            if row[label] >= least:
                self._add(beams, (*labels, label), child, beam.before, beam.worth).letter += row[label] * (
                    blank if label == last else total
                )
        if node is not self.root and not node.word:
            return
        before, worth = beam.before, beam.worth
        if node is not self.root:
            before, worth = node.word, worth * self._weigh(beam.before, node.word)
        for label in self.gaps:
            if row[label] >= least:
                self._add(beams, (*labels, label), self.root, before, worth).letter += row[label] * (
                    blank if label == last else total
                )

    @staticmethod
    def _add(beams: dict[Labels, Beam], labels: Labels, node: Node, before: str, worth: float) -> Beam:
        found = beams.get(labels)
        if found is None:
            found = beams[labels] = Beam(labels, node, before, worth)
        return found

    def _weigh(self, before: str, word: str) -> float:
        return math.exp(self.beta + (self.alpha * self.bigrams(before, word) if self.bigrams else 0.0))

    def _end(self, beam: Beam) -> float:
        """What the words of a whole line weigh; 0: it must not end in this part of a word."""
        before, worth = beam.before, beam.worth
        if beam.node is not self.root:
            if not beam.node.word:
                return 0.0
            before, worth = beam.node.word, worth * self._weigh(before, beam.node.word)
        return worth * math.exp(self.alpha * self.bigrams(before, "</s>")) if self.bigrams else worth


class TokenPassing:
    """The best path through words and what stands between them. A token is (score, the part of the path it is in); a
    part is (the part before, the word or () for a gap, the frame it begins in)."""

    def __init__(self, words: Iterable[Sequence[int]], gaps: Sequence[int]) -> None:
        self.words, self.gaps = [tuple(word) for word in words], tuple(gaps)

    def __call__(self, logs: Rows) -> tuple[Labels, float]:
        """Log-probabilities of classes, a row a frame -> the best text and the score of its path."""
        none: tuple[float, Any] = (-math.inf, None)
        letters = [[none] * len(word) for word in self.words]
        blanks = [[none] * len(word) for word in self.words]
        gap: tuple[float, Any] = (0.0, (None, (), 0))
        for frame, row in enumerate(logs):
            blank = row[BLANK]
            seen = max((row[label] for label in self.gaps), default=-math.inf)
            entering = (gap[0], gap[1])
            left = max((max(a[-1], b[-1], key=_score) for a, b in zip(letters, blanks)), key=_score)
            stays, comes = gap[0] + max(seen, blank), left[0] + seen
            gap = (stays, gap[1]) if stays >= comes else (comes, (left[1], (), frame))
            for word, on, off in zip(self.words, letters, blanks):
                for place in range(len(word) - 1, -1, -1):
                    label, own = word[place], on[place]
                    rest = max(off[place], own, key=_score)
                    if place == 0:
                        way = (entering[0], (entering[1], word, frame)) if entering[0] > own[0] else own
                    else:
                        way = max(own, off[place - 1], key=_score)
                        if word[place - 1] != label:
                            way = max(way, on[place - 1], key=_score)
                    off[place] = (rest[0] + blank, rest[1])
                    on[place] = (way[0] + row[label], way[1])
        best = max([gap, *(max(a[-1], b[-1], key=_score) for a, b in zip(letters, blanks))], key=_score)
        return self._written(logs, best[1]), best[0]

    def _written(self, logs: Rows, part: Any) -> Labels:
        """The characters of a path's parts: those of words, and between them the likeliest of each frame."""
        text: Labels = ()
        end = len(logs)
        while part is not None:
            before, word, begin = part
            if not word:
                first = self.gaps if before is not None else (*self.gaps, BLANK)
                path = [
                    max(first if frame == begin else (*self.gaps, BLANK), key=lambda label: logs[frame][label])
                    for frame in range(begin, end)
                ]
                word = tuple(label for label, _ in groupby(path) if label != BLANK)
            text, part, end = word + text, before, begin
        return text


def _score(token: tuple[float, Any]) -> float:
    return token[0]


def main() -> None:
    import numpy as np
    from harness import Requests, versions

    requests = Requests()
    setup = requests.receive() or sys.exit()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {setup["core"]})
    with np.load(setup["logits"], allow_pickle=False) as saved:
        lines = [saved[f"line{index}"].astype(np.float64) for index in range(setup["lines"])]
    words, gaps = [tuple(word) for word in setup["spelt"]], setup["gaps"]
    weights = {"alpha": setup["word_alpha"], "beta": setup["word_beta"]}
    beams = {
        "word beam, words": WordBeam(words, setup["words"], gaps, beta=setup["word_beta"]),
        "word beam, ngrams": WordBeam(words, setup["words"], gaps, Bigrams(setup["arpa"]), **weights),
    }
    tokens = TokenPassing(words[: setup["few"]], gaps)
    limits = setup["width"], math.exp(setup["least"]), math.exp(-setup["threshold"])
    requests.send(versions=versions("numpy"))
    while request := requests.receive():
        start = time.process_time()
        found = []
        for line in lines[: request["lines"]]:
            top = line.max(1, keepdims=True)
            logs = line - top - np.log(np.exp(line - top).sum(1, keepdims=True))
            if request["mode"] in beams:
                found.append(beams[request["mode"]](np.exp(logs).tolist(), *limits)[0])
            else:
                found.append(tokens(logs.tolist())[0])
        cpu = time.process_time() - start
        requests.send(cpu=cpu, texts=["".join(setup["symbols"][label] for label in labels) for labels in found])


if __name__ == "__main__":
    main()
