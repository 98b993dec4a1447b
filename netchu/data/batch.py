"""Batches: which lines, in which order, at which width; then their pictures and labels as arrays.

Everything that looks random is drawn from (seed, epoch, line), so a batch is the same whichever thread, process or
resumed run makes it.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from netchu.data.augment import DEFAULT, augment
from netchu.data.ops import Mix
from netchu.framing import frame
from netchu.image import Grey, open_grey, pad_batch, to_height
from netchu.text import needed_frames


def bucket(width: int) -> int:
    """The padded width of a batch whose widest line has `width` columns.

    Few distinct shapes: each new one costs a processor's kernel compiler seconds (oneDNN compiles by shape).
    """
    step = 64 if width <= 512 else 128
    return -(-width // step) * step


@dataclass(frozen=True)
class Example:
    """A line ready to train on: where its picture is, its classes and its width in columns at the model's height."""

    path: str
    text: str
    target: tuple[int, ...]
    width: int
    source: int = 0  # which data set


@dataclass(frozen=True)
class Batch:
    images: NDArray[np.uint8]  # (N, H, W)
    widths: NDArray[np.int64]  # (N,)
    targets: NDArray[np.int64]  # (sum of target lengths,)
    target_lengths: NDArray[np.int64]  # (N,)
    examples: tuple[Example, ...]
    characters: int  # in the whole global batch, over all processes


class Pictures:
    """Decoded line pictures, kept in memory up to a budget so that an epoch costs no JPEG decoding."""

    def __init__(self, tallest: int | None = None, budget_bytes: int = 4 << 30, vertical: bool = False) -> None:
        """Framed as for reading. With `tallest`, lines of more rows are kept at that many; with `vertical`, tall ones
        are laid flat."""
        self.tallest, self.vertical = tallest, vertical
        self.room = budget_bytes
        self.kept: dict[str, Grey] = {}

    def __call__(self, path: str) -> Grey:
        line = self.kept.get(path)
        if line is None:
            line = frame(open_grey(path), self.vertical).picture
            if self.tallest and line.shape[0] > self.tallest:
                line = to_height(line, self.tallest)
            if line.nbytes <= self.room:
                self.room -= line.nbytes
                self.kept[path] = line
        return line

    def keep(self, path: str, line: Grey) -> None:
        """Hold a picture that is in no file, until it is forgotten."""
        self.kept[path] = line

    def forget(self, path: str) -> None:
        """Let go of a picture that was given to keep."""
        self.kept.pop(path, None)


def choose(
    examples: Sequence[Example], weights: Sequence[float], seed: int, begin: float, end: float | None = None
) -> list[int]:
    """The lines of a pass, or of what lies between two points on the way through many: the passes `begin` to `end`.

    A pass shows each data set's lines `weight` times; a fraction takes turns through the set.
    """
    end = begin + 1 if end is None else end
    chosen: list[int] = []
    for source, weight in enumerate(weights):
        members = [index for index, example in enumerate(examples) if example.source == source]
        order = np.random.default_rng((seed, source)).permutation(len(members))
        first, last = round(begin * weight * len(members)), round(end * weight * len(members))
        chosen += [members[order[position % len(members)]] for position in range(first, last)]
    return chosen


@dataclass(frozen=True)
class Pick:
    """One line of a planned batch: which example, and how wide it is to be drawn."""

    index: int
    width: int


@dataclass(frozen=True)
class PlannedBatch:
    picks: tuple[Pick, ...]
    width: int  # padded


def plan(
    examples: Sequence[Example],
    chosen: Sequence[int],
    columns: int,
    seed: int = 0,
    epoch: int = 0,
    stretch: float = 0.0,
) -> list[PlannedBatch]:
    """Batches of lines of similar width, in random order: `columns // width` lines of each padded width, never none.

    Lines are drawn wider or narrower by a factor with a log-s.d. of `stretch`. With a stretch, as in training, what is
    left over at the end is topped up with other lines of the epoch, so that every batch of a width has one shape.
    """
    rng = np.random.default_rng((seed, epoch, 1))
    factors = np.exp(rng.normal(0.0, stretch, len(chosen))) if stretch else np.ones(len(chosen))
    picks = [Pick(i, max(1, round(examples[i].width * factor))) for i, factor in zip(chosen, factors)]
    picks = sorted((picks[position] for position in rng.permutation(len(picks))), key=lambda pick: bucket(pick.width))
    batches: list[PlannedBatch] = []
    while picks:
        width = bucket(picks[0].width)
        while True:  # lines too few to fill this width move on to the next
            size = max(1, columns // width)
            widest = bucket(picks[min(size, len(picks)) - 1].width)
            if widest <= width:
                break
            width = widest
        group, picks = picks[:size], picks[size:]
        width = bucket(max(pick.width for pick in group))
        if stretch:
            spare = [pick for batch in batches for pick in batch.picks] or group
            group = group + [spare[k] for k in rng.integers(0, len(spare), max(1, columns // width) - len(group))]
        batches.append(PlannedBatch(tuple(group), width))
    return [batches[position] for position in rng.permutation(len(batches))]


@dataclass(frozen=True)
class Maker:
    """Turns planned indices into batches; `share` = (rank, world) keeps every world-th line of each global batch."""

    examples: Sequence[Example]
    pictures: Pictures
    height: int
    seed: int
    strength: float
    stride: int
    share: tuple[int, int] = (0, 1)
    mix: Mix = DEFAULT

    def __call__(self, planned: PlannedBatch, epoch: int) -> Batch:
        rank, world = self.share
        places = range(rank, len(planned.picks), world)
        lines = [self.line(planned.picks[place], epoch, place) for place in places]
        examples = tuple(self.examples[planned.picks[place].index] for place in places)
        images, widths = pad_batch(lines or [np.zeros((self.height, 1), np.uint8)], planned.width)
        labels = [np.array(example.target, dtype=np.int64) for example in examples]
        return Batch(
            images,
            widths,
            np.concatenate(labels) if labels else np.zeros(0, np.int64),
            np.array([len(label) for label in labels], dtype=np.int64),
            examples,
            sum(len(self.examples[pick.index].target) for pick in planned.picks),
        )

    def line(self, pick: Pick, epoch: int, place: int) -> Grey:
        """The picture of a pick at the model's height; never narrower than its label needs frames."""
        example = self.examples[pick.index]
        picture = self.pictures(example.path)
        if self.strength <= 0:
            return to_height(picture, self.height, example.width)  # what the label was measured against
        width = max(pick.width, min(example.width, needed_frames(example.target) * self.stride))
        rng = np.random.default_rng((self.seed, epoch, pick.index, place))
        return augment(picture, self.height, width, rng, self.strength, self.mix)

    def stream(
        self, batches: Sequence[PlannedBatch], epoch: int, workers: int = 1, ahead: int = 4
    ) -> Generator[Batch, None, None]:
        """The batches in order, made `ahead` of time by threads (OpenCV and NumPy release the interpreter's lock)."""
        with ThreadPoolExecutor(max(1, workers)) as pool:
            waiting = iter(batches)
            queue: list[Future[Batch]] = [pool.submit(self, batch, epoch) for batch in islice(waiting, ahead)]
            while queue:
                batch = queue.pop(0).result()
                queue += [pool.submit(self, following, epoch) for following in islice(waiting, 1)]
                yield batch
