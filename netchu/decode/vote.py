"""One reading out of several of the same line: every voter says how likely each text is, and the best mean wins.

Voters that have read something else than others are asked about the others' texts too, and about all that can be put
together from their parts. So a vote is not a count of letters (ROVER: Fiscus 1997; confidences instead: Reul et al.
2018), and needs neither a common charset, nor frames that mean the same place: networks peak in different frames.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from netchu.decode.align import align
from netchu.decode.frames import log_probabilities
from netchu.decode.lattice import neighbours
from netchu.decode.reading import BLANK, Reading
from netchu.decode.rescore import log_prob
from netchu.decode.sureness import ALTERNATIVES, LIKELY, weigh
from netchu.errors import NetchuError
from netchu.text import Charset, Form, canonical, graphemes

FLOOR = -300.0  # nats: a text that a voter finds less likely, or has not the frames for, it finds as likely as that
GAIN = 1e-9  # nats by which a text must be better than one found before it; what is less is rounding
ROUNDS = 50  # changes of the best text; each betters it, so this many are only ever made of readings at odds throughout

Text = tuple[str, ...]  # by grapheme
Judge = Callable[[Sequence[str]], NDArray[np.float64]]  # canonical texts -> nats to add to what the voters say


@dataclass(frozen=True, eq=False)
class Ballot:
    """What one voter saw of a line, logits (T, C) of which `length` frames are real, and what it read there.

    `weight` is what its log-probabilities count against those of others. Raises NetchuError for one that is not above
    0, for logits of another charset and a temperature that is none.
    """

    logits: NDArray[Any] = field(repr=False)
    length: int
    charset: Charset
    reading: Reading
    temperature: float = 1.0
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.weight < np.inf:
            raise NetchuError(f"a vote's weight is {self.weight}; it must be above 0")
        _ = self.log_probs

    @cached_property
    def log_probs(self) -> NDArray[np.float64]:
        """(T, C + 1): the last class is all but the blank, which says nothing of a letter that the voter lacks."""
        known, _ = log_probabilities(self.logits, self.length, self.temperature, len(self.charset))
        with np.errstate(divide="ignore"):
            written = np.log1p(-np.minimum(np.exp(known[:, BLANK]), 1.0))
        return np.concatenate([known, written[:, None]], axis=1)

    def texts(self) -> list[str]:
        """The reading and those ranked with it, best first."""
        found = [self.reading.classes, *(classes for classes, _ in self.reading.ranked)]
        return [self.charset.decode(classes) for classes in found]

    def classes(self, symbol: str) -> tuple[int, ...]:
        """The classes that write a grapheme: several in a decomposed form, none for a space that it never writes."""
        found = self._spelt.get(symbol)
        if found is None:
            written = unicodedata.normalize(cast(Form, self.charset.form), symbol)
            if written in self._index:
                found = (self._index[written],)
            elif symbol == " ":
                found = ()
            elif self.charset.missing(written):
                found = (len(self.charset),)
            else:
                found = tuple(self.charset.encode(written))
            self._spelt[symbol] = found
        return found

    def spell(self, text: Text) -> list[int]:
        """The classes of a text."""
        return [label for symbol in text for label in self.classes(symbol)]

    def score(self, text: Text) -> float:
        """Log-probability (nats) of a text over all paths that spell it, FLOOR at least; 0 for any without frames."""
        return max(FLOOR, log_prob(self.log_probs, self.spell(text))) if len(self.log_probs) else 0.0

    @cached_property
    def _index(self) -> dict[str, int]:
        return {symbol: index for index, symbol in enumerate(self.charset.symbols) if index}

    @cached_property
    def _spelt(self) -> dict[str, tuple[int, ...]]:
        return {}


def vote(ballots: Sequence[Ballot], judge: Judge | None = None, ranked: int = 5) -> tuple[Reading, Charset]:
    """The reading that the voters agree on, and the charset of its classes: the graphemes of this line.

    It is searched from all texts that were read, by replacing parts with what others read there for as long as that
    betters the mean log-probability (and what `judge` adds, a language model say). Of equal texts the one found first
    wins: those of earlier ballots, then better ranked ones. Frames are those of the first ballot, whose form of
    Unicode it is, too. Confidences and alternatives are means of the voters', who each know their own letters only.
    A single ballot's reading is given back as it is. Raises ValueError without any.
    """
    if not ballots:
        raise ValueError("a vote needs a ballot")
    lead = ballots[0]
    if len(ballots) == 1:
        return lead.reading, lead.charset
    texts = list(dict.fromkeys(_split(text, lead.charset.form) for ballot in ballots for text in ballot.texts()))
    election = Election(ballots, judge)
    best = election.run([text for text in texts if _fits(lead, text)])
    order = sorted(election.scores, key=lambda text: (text != best, -election.scores[text]))[:ranked]
    sure, others = _confidences(ballots, best)
    spans = _spans(lead, best)
    symbols = {symbol for text in order for symbol in text}.union(*others)
    charset = Charset(("", *sorted(symbols - {""})), lead.charset.form)
    classes = {symbol: index for index, symbol in enumerate(charset.symbols)}
    reading = Reading(
        classes=tuple(classes[symbol] for symbol in best),
        starts=tuple(start for start, _ in spans),
        ends=tuple(end for _, end in spans),
        confidences=sure,
        alternatives=tuple(tuple((classes[symbol], share) for symbol, share in some.items()) for some in others),
        ranked=tuple((tuple(classes[symbol] for symbol in text), election.scores[text]) for text in order),
        note="; ".join(dict.fromkeys(ballot.reading.note for ballot in ballots if ballot.reading.note)),
    )
    return reading, charset


@dataclass(frozen=True, eq=False)
class Election:
    """The texts of a line that were thought of, with their mean log-probabilities (nats), in order of finding."""

    ballots: Sequence[Ballot]
    judge: Judge | None = None
    scores: dict[Text, float] = field(default_factory=dict)

    def run(self, texts: Sequence[Text]) -> Text:
        """The best of these texts and of what their parts make, by steepest ascent."""
        best = self.best_of(texts)
        for _ in range(ROUNDS):
            better = self.best_of([best, *dict.fromkeys(mix for other in texts for mix in _mixes(best, other))])
            if better == best:
                break
            best = better
        return best

    def best_of(self, texts: Sequence[Text]) -> Text:
        """The best of these texts, of equal ones the first. Those that do not fit the first ballot are passed over."""
        new = [text for text in texts if text not in self.scores and _fits(self.ballots[0], text)]
        total = sum(ballot.weight for ballot in self.ballots)
        found = [sum(ballot.weight * ballot.score(text) for ballot in self.ballots) / total for text in new]
        if self.judge is not None and new:
            found = list(found + self.judge(["".join(text) for text in new]))
        self.scores.update((text, float(score)) for text, score in zip(new, found))
        best = texts[0]
        for text in texts:
            if text in self.scores and self.scores[text] > self.scores[best] + GAIN:
                best = text
        return best


def _split(text: str, form: str) -> Text:
    return tuple(graphemes(canonical(text, form)))


def _mixes(text: Text, other: Text) -> Iterable[Text]:
    """`text` with one of the places where `other` differs replaced by what stands there."""
    for edit in Levenshtein.opcodes(text, other):
        if edit.tag != "equal":
            mixed = text[: edit.src_start] + other[edit.dest_start : edit.dest_end] + text[edit.src_end :]
            spaced = (" ", *mixed, " ")
            if not any(left == right == " " for left, right in itertools.pairwise(spaced)):
                yield mixed


def _fits(ballot: Ballot, text: Text) -> bool:
    """Whether there are frames enough for the text."""
    labels = ballot.spell(text)
    return len(labels) + sum(a == b for a, b in itertools.pairwise(labels)) <= len(ballot.log_probs)


def _spans(ballot: Ballot, text: Text) -> list[tuple[int, int]]:
    """The frames [start, end) of each grapheme on the best path of a ballot."""
    found = align(np.maximum(ballot.log_probs, FLOOR), ballot.spell(text)).spans.tolist()
    spans, at, last = [], 0, 0
    for symbol in text:
        count = len(ballot.classes(symbol))
        spans.append((found[at][0], found[at + count - 1][1]) if count else (last, last))
        at, last = at + count, spans[-1][1]
    return spans


def _confidences(ballots: Sequence[Ballot], text: Text) -> tuple[tuple[float, ...], list[dict[str, float]]]:
    """The voters' mean confidence of each grapheme, and the mean shares of what else may stand there, likeliest first.

    A voter that lacks a letter of the text has no part in it.
    """
    sure, total = np.zeros(len(text)), np.zeros(len(text))
    shares: list[dict[str, float]] = [{} for _ in text]
    form = cast(Form, ballots[0].charset.form)
    for ballot in ballots:
        labels = ballot.spell(text)
        if len(ballot.charset) in labels or not _fits(ballot, text) or not labels:
            continue
        found = weigh(neighbours(np.maximum(ballot.log_probs[:, :-1], FLOOR), labels), labels)
        at = 0
        for place, symbol in enumerate(text):
            count = len(ballot.classes(symbol))
            if not count:
                continue
            total[place] += ballot.weight
            sure[place] += ballot.weight * float(found.confidences[at : at + count].min())
            for label, share in found.alternatives[at] if count == 1 else ():
                other = unicodedata.normalize(form, ballot.charset.symbols[label])
                shares[place][other] = shares[place].get(other, 0.0) + ballot.weight * share
            at += count
    sure = np.divide(sure, total, out=np.zeros(len(text)), where=total > 0)
    listed: list[dict[str, float]] = []
    for some, whole in zip(shares, total):
        pairs = sorted(some.items(), key=lambda pair: (-pair[1], pair[0]))[:ALTERNATIVES]
        listed.append({other: float(share / whole) for other, share in pairs if share >= LIKELY * whole})
    return tuple(sure.tolist()), listed
