"""One reading out of several of the same line: every voter says how likely each text is, and the best mean wins.

Voters that have read something else than others are asked about the others' texts too, and about all that can be put
together from their parts. So a vote is not a count of letters (ROVER: Fiscus 1997; confidences instead: Reul et al.
2018), and needs neither a common charset, nor frames that mean the same place: networks peak in different frames.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np
from rapidfuzz.distance import Levenshtein

from netchu.decode.align import align
from netchu.decode.ballot import FLOOR, Ballot, Floats, Text
from netchu.decode.lattice import Neighbours, neighbours
from netchu.decode.reading import BLANK, Reading
from netchu.decode.sureness import ALTERNATIVES, HEAVIEST, LIKELY, Sureness, weigh
from netchu.text import Charset, Form, canonical, graphemes

GAIN = 1e-9  # nats by which a text must be better than one found before it; what is less is rounding
TINY = 1e-7  # probabilities are kept this far from 0 and 1, where log-odds end
WORTH = 0.01  # times as likely as the text: neighbours from there on are what the judge is asked about
ROUNDS = 50  # changes of the best text; each betters it, so this many are only ever made of readings at odds throughout

Judge = Callable[[Sequence[str]], Floats]  # canonical texts -> nats to add to what the voters say; -inf: not that text


def vote(ballots: Sequence[Ballot], judge: Judge | None = None, ranked: int = 5) -> tuple[Reading, Charset]:
    """The reading that the voters agree on, and the charset of its classes: the first ballot's, or this line's letters.

    It is searched from all texts that were read, by replacing parts with what others read there for as long as that
    betters the mean log-probability and what `judge` adds, a language model say. Of equal texts the one found first
    wins: those of earlier ballots, then better ranked ones. What the judge forbids wins only where it forbids all that
    was found; it is not asked then. Frames are those of the first ballot, whose form of Unicode it is, too.
    Confidences, what may be missing and alternatives are what the voters say, who each know their own letters only.
    A single ballot's reading is given back as it is. Raises ValueError without any.
    """
    if not ballots:
        raise ValueError("a vote needs a ballot")
    lead = ballots[0]
    if len(ballots) == 1:
        return lead.reading, lead.charset
    own = [[_split(text, lead.charset.form) for text in ballot.texts()] for ballot in ballots]
    texts = [text for text in dict.fromkeys(itertools.chain(*own)) if lead.fits(text)]
    election = Election(ballots, judge)
    best = election.run(texts)
    forbidden = {text for text, score in election.scores.items() if score == -np.inf}
    if best in forbidden:
        judge, forbidden = None, set()
        election = Election(ballots)
        best = election.run(texts)
    order = sorted(election.scores, key=lambda text: (text != best, -election.scores[text]))
    order = [text for text in order if text not in forbidden][:ranked]
    sure, missing, others = _sureness(ballots, best, judge)
    spans = _spans(lead, best)
    charset, classes = _letters(lead, {symbol for text in order for symbol in text}.union(*others))
    reading = Reading(
        classes=tuple(classes[symbol] for symbol in best),
        starts=tuple(start for start, _ in spans),
        ends=tuple(end for _, end in spans),
        confidences=sure,
        alternatives=tuple(tuple((classes[symbol], share) for symbol, share in some.items()) for some in others),
        missing=missing,
        ranked=tuple((tuple(classes[symbol] for symbol in text), election.scores[text]) for text in order),
        # one who could read only what is forbidden says so; that is no news of this reading
        note="; ".join(
            dict.fromkeys(
                ballot.reading.note
                for ballot, read in zip(ballots, own)
                if ballot.reading.note and read[0] not in forbidden
            )
        ),
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
        new = [text for text in texts if text not in self.scores and self.ballots[0].fits(text)]
        if new:
            weights = np.array([ballot.weight for ballot in self.ballots])
            scores = np.stack([ballot.scores(new) for ballot in self.ballots])
            found = (weights[:, None] * scores).sum(0) / weights.sum()
            if self.judge is not None:
                found = found + self.judge(["".join(text) for text in new])
            self.scores.update(zip(new, found.tolist()))
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


def _letters(lead: Ballot, symbols: set[str]) -> tuple[Charset, dict[str, int]]:
    """The charset of a reading, and the class of each symbol and of nothing."""
    if symbols - {""} <= lead.index.keys():
        return lead.charset, {**lead.index, "": BLANK}
    charset = Charset(("", *sorted(symbols - {""})), lead.charset.form)
    return charset, {symbol: index for index, symbol in enumerate(charset.symbols)}


def _spans(ballot: Ballot, text: Text) -> list[tuple[int, int]]:
    """The frames [start, end) of each grapheme on the best path of a ballot."""
    labels, counts = ballot.spell(text)
    found = align(np.maximum(ballot.log_probs, FLOOR), labels.tolist()).spans.tolist()
    spans, at, last = [], 0, 0
    for count in counts.tolist():
        spans.append((found[at][0], found[at + count - 1][1]) if count else (last, last))
        at, last = at + count, spans[-1][1]
    return spans


def _sureness(
    ballots: Sequence[Ballot], text: Text, judge: Judge | None
) -> tuple[tuple[float, ...], tuple[float, ...], list[dict[str, float]]]:
    """How sure the voters are of each grapheme (n,), how likely one is missing before each and at the end (n + 1,), and
    the shares of what else may stand there, likeliest first.

    Each voter's neighbours of the text are weighed with what the judge says of them, too. Log-odds are averaged, as
    log-probabilities are in the vote (logarithmic pooling: Genest and Zidek 1986); means of probabilities are less sure
    than right. A voter that lacks a letter of the text has no part in it, and one without spaces none in those.
    """
    odds, total, agreed = np.zeros(len(text)), np.zeros(len(text)), np.zeros(len(text))
    gaps, asked = np.zeros(len(text) + 1), np.zeros(len(text) + 1)
    shares: list[dict[str, float]] = [{} for _ in text]
    form = cast(Form, ballots[0].charset.form)
    for ballot in ballots:
        found = _weighed(ballot, text, judge)
        if found is None:
            continue
        counts = ballot.spell(text).counts
        places, starts = np.flatnonzero(counts), (np.cumsum(counts) - counts)[counts > 0]
        inner = found.missing.copy()
        inner[starts] = 0.0  # what is missing within a grapheme makes another of it
        whole = np.multiply.reduceat(found.confidences * (1 - inner[:-1]), starts)
        odds[places] += ballot.weight * _logit(whole)
        agreed[places] += ballot.weight * whole
        total[places] += ballot.weight
        ends = np.append(places, len(text))
        gaps[ends] += ballot.weight * _logit(found.missing[np.append(starts, len(found.confidences))])
        asked[ends] += ballot.weight
        for place, start in zip(places.tolist(), starts.tolist()):
            for label, share in found.alternatives[start] if counts[place] == 1 else ():
                other = unicodedata.normalize(form, ballot.charset.symbols[label])
                shares[place][other] = shares[place].get(other, 0.0) + ballot.weight * share
    sure = np.where(total > 0, 1 / (1 + np.exp(-odds / np.maximum(total, TINY))), 0.0)
    missing = np.where(asked > 0, 1 / (1 + np.exp(-gaps / np.maximum(asked, TINY))), 0.0)
    left = (1 - sure) / np.maximum(total - agreed, TINY)  # what others may share, of what they would by their mean
    listed: list[dict[str, float]] = []
    for some, scale in zip(shares, left.tolist()):
        pairs = sorted(some.items(), key=lambda pair: (-pair[1], pair[0]))[:ALTERNATIVES]
        listed.append({other: share * scale for other, share in pairs if share * scale >= LIKELY})
    return tuple(sure.tolist()), tuple(missing.tolist()) if text else (), listed


def _logit(shares: Floats) -> Floats:
    clipped = np.clip(shares, TINY, 1 - TINY)
    found: Floats = np.log(clipped) - np.log1p(-clipped)
    return found


def _weighed(ballot: Ballot, text: Text, judge: Judge | None) -> Sureness | None:
    """How sure a voter is of each class of the text; None where it lacks some, or has nothing to say at all."""
    labels = ballot.spell(text).labels.tolist()
    count = len(labels)
    if not count or len(ballot.charset) in labels:
        return None
    if not ballot.fits(text):
        return Sureness(np.zeros(count), np.ones(count + 1), ((),) * count)
    found = neighbours(np.maximum(ballot.log_probs[:, :-1], FLOOR), labels)
    return weigh(found if judge is None else _judged(found, labels, ballot.charset, judge), labels)


def _judged(found: Neighbours, labels: list[int], charset: Charset, judge: Judge) -> Neighbours:
    """The neighbours of a text with what the judge says of those that are worth asking about."""
    replaced, inserted = found.replaced.copy(), found.inserted.copy()
    replaced[np.arange(len(labels)), labels] = 0.0
    others = [(replaced, place, label, place + 1) for place, label in np.argwhere(replaced > WORTH).tolist()]
    others += [(inserted, place, label, place) for place, label in np.argwhere(inserted > WORTH).tolist()]
    texts = [labels, *([*labels[:place], label, *labels[after:]] for _, place, label, after in others)]
    said = judge([canonical(charset.decode(each), charset.form) for each in texts])
    if said[0] == -np.inf:  # written by one without spaces, say
        return found
    for (table, place, label, _), nats in zip(others, (said[1:] - said[0]).tolist()):
        table[place, label] *= np.exp(min(nats, HEAVIEST))
    return replace(found, replaced=replaced, inserted=inserted)
