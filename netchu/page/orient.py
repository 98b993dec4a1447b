"""Which way up a page is: its lines tell the axis, and a reader that tries a few of them both ways round the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netchu.image import Grey
from netchu.page.crop import cut_lines
from netchu.page.flat import turned
from netchu.page.trace import FoundLine

Find = Callable[[Grey], Sequence[FoundLine]]
Sureness = Callable[[Sequence[Grey]], Sequence[float]]  # pictures of lines -> how sure a reader is of each, 0..1
LONG = 3.0  # line heights: shorter lines have no axis
LONGEST = 20.0  # line heights: of longer lines the reader gets only so much
FEW, MORE = 3, 9  # lines that are read both ways round: at first, and where those do not agree
TELLING = 8.0  # line heights: what is taken for lines on a page that lies on its side is shorter, and agrees by chance
AGREED = 0.05  # by how much each of the first ones must differ in sureness to be believed
SURELY = 3.0  # standard errors by which the mean of many must differ from nothing
TURNED = 0.02  # and all of them on the mean, for a page to be turned on its head: most pages are upright
ASIDE = 1.3  # times as much that is surely writing must there be on a page turned by a quarter


class Way(NamedTuple):
    """How lines that lie across a page read: on their head or not, whether all agree, and how much is surely text."""

    on_its_head: bool
    agreed: bool
    amount: float


def orientation(grey: Grey, finder: Find, sureness: Sureness, lines: Sequence[FoundLine] | None = None) -> int:
    """By how many degrees with the clock a page (h, w) must be turned to be upright: 0, 90, 180 or 270.

    `lines`: what the finder finds on the page, where that is known. `sureness` is best a mean over characters: how sure
    one is of a whole line says little where lines are long. An upright page costs the reading of FEW lines both ways
    round; where those do not agree, the page turned by a quarter is looked at, too. Blank pages stay as they are.

    For writing that runs across the page: lines that run down look the same to a reader as lines across that lie.
    """
    lines = finder(grey) if lines is None else lines
    here = _way(grey, lines, sureness)
    if here.agreed:
        return 180 if here.on_its_head else 0
    aside = turned(grey, 90)[0]
    there = _way(aside, finder(aside), sureness)
    if there.amount > ASIDE * here.amount:
        return 270 if there.on_its_head else 90
    return 180 if here.on_its_head else 0


def _way(grey: Grey, lines: Sequence[FoundLine], sureness: Sureness) -> Way:
    level = sorted(lines, key=lambda line: -min(_amount(line), LONGEST) * line.confidence)
    chosen = [line for line in level[:MORE] if _amount(line) > 0]
    sure: list[tuple[float, float]] = []  # of each line as it is, and on its head
    agreed = False
    for some in (chosen[:FEW], chosen[FEW:]):
        if some and not agreed:
            strips = [_start(cut.picture) for cut in cut_lines(grey, [_rightwards(line) for line in some])]
            found = sureness([*strips, *(np.ascontiguousarray(np.rot90(strip, 2)) for strip in strips)])
            sure += zip(found[: len(some)], found[len(some) :])
            telling = len(sure) > FEW or min(map(_amount, some)) >= TELLING
            agreed = telling and _agree(np.array([back - there for there, back in sure]))
    if not sure:
        return Way(False, False, 0.0)
    there, back = np.mean(sure, axis=0)
    amount = sum(line.confidence * _amount(line) for line in lines)
    return Way(bool(back > there + TURNED), agreed, float(max(there, back)) * amount)


def _agree(gains: NDArray[np.float64]) -> bool:
    """Whether lines agree on which way round they read better: each of a few, or many by and large."""
    if len(gains) <= FEW:
        return len(gains) == FEW and bool(gains.min() > AGREED or gains.max() < -AGREED)
    return bool(abs(gains.mean()) > SURELY * max(float(gains.std()), AGREED / 2) / np.sqrt(len(gains)))


def _amount(line: FoundLine) -> float:
    """How much is written on a line across the page, in line heights; none on a short or an upright one."""
    wide, high = np.abs(np.asarray(line.baseline[-1]) - line.baseline[0])
    return float(wide) / line.height if wide >= high and wide >= LONG * line.height else 0.0


def _rightwards(line: FoundLine) -> FoundLine:
    if line.baseline[0][0] <= line.baseline[-1][0]:
        return line
    half = len(line.polygon) // 2
    return FoundLine(line.baseline[::-1], line.polygon[half:] + line.polygon[:half], line.confidence, line.height)


def _start(strip: Grey) -> Grey:
    """No more of a line than a reader needs."""
    return strip[:, : round(LONGEST * strip.shape[0] / 1.25)]
