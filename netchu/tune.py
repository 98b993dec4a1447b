"""Fits a model's temperature, and a calibration for each of its decoders, on held-out lines; and says what they do."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from netchu.calibration import LEVELS, Calibration, Logistic, fit_logistic, fit_temperature, log_loss
from netchu.compose import compose
from netchu.data.lines import LineSet, Sample
from netchu.decode.ctc import greedy
from netchu.decode.reading import Decoder
from netchu.errors import NetchuError
from netchu.framing import frame
from netchu.image import open_grey, pad_batch
from netchu.read import stepped, to_line
from netchu.reliability import Judged, confidences_of, judge, measure
from netchu.session import ModelInfo, Session

MOST = 1000  # lines of a data set: their logits are held in memory, some 0.5 MB a line with 300 classes
FOLDS = 2
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Seen:
    """Lines as a model's network saw them: their texts, what folds they fall into, and their logits (T, C).

    `decoders` names those that these lines calibrate; empty: all.
    """

    name: str
    texts: tuple[str, ...]
    folds: tuple[int, ...]
    logits: tuple[NDArray[np.float32], ...]
    normaliser: str = "nfc"  # how texts are compared: what it drops is neither right nor wrong
    decoders: tuple[str, ...] = ()


@dataclass(frozen=True)
class Marks:
    """How sure a decoder was, whether it was right, and of a line in which fold: (n,) each, of one level of one set."""

    sure: Floats
    right: NDArray[np.bool_]
    folds: NDArray[np.int64]


@dataclass(frozen=True)
class Gain:
    """What calibrating did to the confidences of one level of one data set.

    `before`: the expected calibration error at temperature 1. `after`: the same once calibrated, each half of the lines
    by a map that was fitted on the other halves. `chance`: what perfect confidences would show on so few.
    """

    decoder: str
    dataset: str
    level: str
    count: int
    before: float
    after: float
    chance: float


@dataclass(frozen=True)
class Tuned:
    """What a model's file is to say, and what it is worth."""

    temperature: float
    calibration: dict[str, Calibration]  # decoder's name -> its map
    gains: tuple[Gain, ...]


def see(session: Session, info: ModelInfo, name: str, lines: LineSet, normaliser: str = "nfc", jobs: int = 0) -> Seen:
    """Run the network over a data set's lines, or MOST of them; which, and in which fold, their names' hashes say.

    `info` says how lines are shown to it.

    Raises NetchuError where there are no lines, or one cannot be opened.
    """
    if not len(lines):
        raise NetchuError(f"{lines.root}: no lines to calibrate on")

    def drawn(sample: Sample) -> int:
        return zlib.crc32(lines.name(sample).encode("utf-8", "surrogatepass"))

    def run(sample: Sample) -> NDArray[np.float32]:
        picture = open_grey(sample.image)
        line = to_line(frame(picture, info.vertical).picture, info.height, info.pitch)
        logits, lengths = session.run(*pad_batch([line], stepped(line.shape[1])))
        return logits[0, : lengths[0]]

    samples = sorted(lines.samples, key=drawn)[:MOST]
    with ThreadPoolExecutor(jobs or os.cpu_count() or 1) as pool:
        logits = tuple(pool.map(run, samples))
    texts, folds = tuple(sample.text for sample in samples), tuple(drawn(sample) % FOLDS for sample in samples)
    return Seen(name, texts, folds, logits, normaliser)


def tune(info: ModelInfo, sets: Sequence[Seen], decoders: Mapping[str, Decoder]) -> Tuned:
    """Fit one temperature, on greedy's characters, and at it a calibration for each decoder, on all its sets together.

    Each set weighs the same. The temperature is one number fitted on thousands of characters, so the figures of what
    calibrating gains do not cross-fit it.
    """
    mark = _marker(info)

    def loss(temperature: float) -> float:
        """Mean log-loss of greedy's characters, each set counting the same."""
        marked = [mark(each, greedy, temperature)["char"] for each in sets]
        return float(np.mean([log_loss(each.sure, each.right.astype(np.float64)) for each in marked]))

    temperature = round(fit_temperature(loss), 3)
    calibration, gains = {}, []
    for name, decoder in decoders.items():
        own = [each for each in sets if not each.decoders or name in each.decoders]
        if not own:
            continue
        before = [mark(each, decoder, 1.0) for each in own]
        at_it = [mark(each, decoder, temperature) for each in own]
        maps = {level: fit([each[level] for each in at_it]) for level in LEVELS}
        calibration[name] = Calibration(**maps)
        for level in LEVELS:
            crossed = cross_fit([each[level] for each in at_it])
            for seen, raw, sure, marks in zip(own, before, crossed, at_it):
                found = measure(sure.tolist(), marks[level].right.tolist())
                plain = measure(raw[level].sure.tolist(), raw[level].right.tolist())
                gains.append(Gain(name, seen.name, level, found.count, plain.ece, found.ece, found.chance))
    return Tuned(temperature, calibration, tuple(gains))


def fit(sets: Sequence[Marks], without: int | None = None) -> Logistic:
    """The map fitted on all sets together, each weighing the same, on the lines that are not in fold `without`."""
    kept = [marks.folds != without for marks in sets]
    sizes = [int(keep.sum()) for keep in kept]
    mean = sum(sizes) / max(1, sum(size > 0 for size in sizes))
    return fit_logistic(
        np.concatenate([marks.sure[keep] for marks, keep in zip(sets, kept)]),
        np.concatenate([marks.right[keep] for marks, keep in zip(sets, kept)]).astype(np.float64),
        np.concatenate([np.full(size, mean / max(1, size)) for size in sizes]),
    )


def cross_fit(sets: Sequence[Marks]) -> list[Floats]:
    """Each set's confidences, calibrated by maps of which none saw the line it maps."""
    maps = [fit(sets, without=fold) for fold in range(FOLDS)]
    calibrated = []
    for marks in sets:
        by_fold = np.stack([each(marks.sure) for each in maps])
        calibrated.append(by_fold[marks.folds, np.arange(len(marks.sure))])
    return calibrated


def _marker(info: ModelInfo) -> Callable[[Seen, Decoder, float], dict[str, Marks]]:
    """What judges the readings of a set by level. The same reading is judged once, however sure it was."""
    paper = np.zeros((info.height, 1), np.uint8)  # boxes do not matter

    @lru_cache(maxsize=1 << 16)
    def judged(text: str, chars: tuple[str, ...], normaliser: str) -> Judged:
        return judge(text, chars, normaliser)

    def mark(seen: Seen, decoder: Decoder, temperature: float) -> dict[str, Marks]:
        found: dict[str, list[tuple[float, bool, int]]] = {level: [] for level in LEVELS}
        for text, fold, logits in zip(seen.texts, seen.folds, seen.logits):
            line = compose(decoder(logits, len(logits), temperature), info.charset, paper, 1.0, boxes=False)
            marks = judged(text, tuple(char.text for char in line.chars), seen.normaliser)
            for level, sure, right in zip(LEVELS, confidences_of(line), marks):
                found[level] += [(p, good, fold) for p, good in zip(sure, right) if good is not None]
        return {level: _columns(rows) for level, rows in found.items()}

    return mark


def _columns(rows: Sequence[tuple[float, bool, int]]) -> Marks:
    sure, right, folds = zip(*rows) if rows else ((), (), ())
    return Marks(np.array(sure, np.float64), np.array(right, bool), np.array(folds, np.int64))
