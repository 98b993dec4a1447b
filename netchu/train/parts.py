"""The timetable of a run: which lines of the data sets and which drawn lines come when. Arithmetic, no chance.

An epoch with drawn lines is gone through in parts: the lines of one are drawn while the one before is trained on, and
batches of one width are formed within it. Without drawn lines an epoch is one part.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

from netchu.train.config import TrainConfig

FIRST, SMALLEST, LARGEST = 256, 2048, 16384  # lines of a part: the run's first, and the bounds of those that follow
DRAWN_LINES = 10_000  # of an epoch that has no others


@dataclass(frozen=True)
class Part:
    """Lines that are planned and trained on together. Every number counts from the beginning of the run."""

    number: int  # seeds what is random about it
    begin: float  # progress of the run, 0..1: from ...
    end: float  # ... to
    passes: tuple[float, float]  # through the data sets, as `choose` takes them
    drawn: tuple[int, int]  # samples of the drawer that are in it
    uses: int  # drawn lines in it: `drawn` are gone through until there are so many
    size: float  # lines in all

    def order(self) -> list[int]:
        """The samples in the order of their use."""
        first, last = self.drawn
        return [first + use % (last - first) for use in range(self.uses)] if last > first else []


@dataclass(frozen=True)
class Drawing:
    """How large a share of the lines is drawn: from `start` in a straight line to `end` at progress `until`.

    Each line is used `reuse` times on average, freshly augmented: a part holds the last lines drawn, the oldest of
    which give way to new ones from part to part.
    """

    start: float
    end: float
    until: float
    reuse: int = 1

    def share(self, progress: float) -> float:
        return self.end if progress >= self.until else self.start + (self.end - self.start) * progress / self.until


def run_timetable(config: TrainConfig, a_pass: float, live: bool) -> list[list[Part]]:
    """The parts of each epoch of a run, on data sets whose lines make `a_pass` (0: none), drawn lines or both."""
    lines = config.epoch_lines or a_pass or DRAWN_LINES
    epochs = config.epochs or min(400, max(20, math.ceil(120_000 / max(1.0, lines))))
    start, end = (config.drawn_start, config.drawn_end) if a_pass else (1.0, 1.0)
    drawing = Drawing(start, end, config.drawn_until, config.drawn_reuse) if live else None
    # Enough lines for batches of one width, few enough to hold and to wait for.
    largest = max(SMALLEST, min(LARGEST, config.batch_columns // 16))
    return timetable(epochs, lines, a_pass, drawing, largest)


def timetable(epochs: int, lines: float, a_pass: float, drawing: Drawing | None, largest: int) -> list[list[Part]]:
    """The parts of each of `epochs` epochs of `lines` lines; a pass through the data sets has `a_pass` lines.

    `largest` is about how many lines a part with drawn lines has; the run's first are smaller, to begin soon.
    """
    lines = max(1, round(lines)) if drawing else lines
    table: list[list[Part]] = []
    numbers = itertools.count()
    passes = used = done = 0.0  # through the data sets; drawn lines; all lines so far
    first = 0
    for epoch in range(epochs):
        parts = []
        for size in _sizes(int(lines), largest, epoch == 0) if drawing else (lines,):
            begin = done / (epochs * lines)
            done += size
            share = drawing.share(begin) if drawing else 0.0
            earlier, passes = passes, passes + (size * (1 - share) / a_pass if a_pass else 0.0)
            uses = round(used + size * share) - round(used)
            used += size * share
            last = -(-round(used) // drawing.reuse) if drawing else 0
            first = max(first, last - max(1, uses))  # what is given up stays given up
            end = min(1.0, done / (epochs * lines))
            parts.append(Part(next(numbers), begin, end, (earlier, passes), (first, last), uses, size))
        table.append(parts)
    return table


def _sizes(lines: int, largest: int, first: bool) -> Iterator[int]:
    """An epoch's lines in parts of about equal size, after ever larger ones at the beginning of a run."""
    size = FIRST
    while first and size < largest and 2 * size <= lines:
        yield size
        lines -= size
        size *= 2
    count = -(-lines // largest)
    yield from (lines * (part + 1) // count - lines * part // count for part in range(count))
