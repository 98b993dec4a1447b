"""From the picture of a page to its lines with their texts.

grey --straighten--> the page laid flat and its lines --original_lines, cut_lines--> strips --Reader.read_lines--> texts
     --arrange, of the flat page--> reading order and regions --> Page, in the picture's pixels
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from netchu.image import Grey
from netchu.page.crop import cut_lines
from netchu.page.flat import Flat
from netchu.page.order import arrange
from netchu.page.straighten import straighten
from netchu.page.trace import FoundLine
from netchu.page.upright import either_way
from netchu.records import Box, Line, Page, Point

if TYPE_CHECKING:
    from netchu.read import Reader

Numbers = NDArray[np.float64]
Mapping = Callable[[Numbers], Numbers]  # (n, 2) -> (n, 2), pixels


class Seen(Protocol):
    """A line cut out of a picture, with the way back."""

    def to_page(self, points: Numbers) -> Numbers:
        """(n, 2) of the strip -> (n, 2) of the picture, pixels."""
        ...


def read_page(reader: Reader, grey: Grey, name: str = "", boxes: bool = True) -> Page:
    """The lines of a page (h, w) that its finder finds and that have a text, in reading order, and its regions.

    A page that lies on its side or head, slants or is curled is laid flat, so that its lines are found and put in
    order; all places are those of the picture. Which way up it is, is not asked of a reader of lines that run down:
    lines across that lie on their side look alike.
    """
    if reader.info.vertical:
        flat = straighten(grey, either_way(reader.finder.find_lines))
    else:
        flat = straighten(grey, reader.finder.find_lines, _sureness(reader))
    return read_flat(reader, grey, flat, name, boxes)


def read_flat(reader: Reader, grey: Grey, flat: Flat, name: str = "", boxes: bool = True) -> Page:
    """The same of a page that was laid flat and whose lines are found.

    Strips are cut out of the picture itself, along the lines as they run there: pixels are resampled once.
    """
    height, width = grey.shape
    found = original_lines(flat, (width, height))
    cuts = cut_lines(grey, found)
    texts = reader.read_lines([cut.picture for cut in cuts], boxes)
    kept = [place for place, text in enumerate(texts) if text.text]
    lines = [placed(texts[place], cuts[place], found[place], (width, height)) for place in kept]
    across, down = flat.picture.shape[::-1]
    order, regions = arrange(
        [flat.lines[place] for place in kept], across, down, _direction(reader, lines), flat.picture
    )
    outlines = [_points(region.polygon, flat.to_original, (width, height)) for region in regions]
    return Page(
        width, height, tuple(lines[place] for place in order), name,
        tuple(replace(region, polygon=polygon) for region, polygon in zip(regions, outlines)),
    )  # fmt: skip


def original_lines(flat: Flat, size: tuple[int, int]) -> list[FoundLine]:
    """The lines of a flat page as they run on its picture of that size (width, height), nothing beyond its edges."""
    return [
        replace(
            line,
            baseline=_points(line.baseline, flat.to_original, size),
            polygon=_points(line.polygon, flat.to_original, size),
        )
        for line in flat.lines
    ]


def _sureness(reader: Reader) -> Callable[[Sequence[Grey]], list[float]]:
    """How sure the network is of the characters of each line, on the mean; 0 where it reads none."""
    from netchu.read import Reader

    plain = Reader(reader.session)

    def sureness(strips: Sequence[Grey]) -> list[float]:
        sure = ([char.confidence for char in line.chars] for line in plain.read_lines(strips, boxes=False))
        return [float(np.mean(each)) if each else 0.0 for each in sure]

    return sureness


def _direction(reader: Reader, lines: Sequence[Line]) -> str:
    """How the lines of a page follow one another, as `arrange` calls it."""
    if reader.info.vertical:
        ways = [np.subtract(line.baseline[-1], line.baseline[0]) for line in lines if len(line.baseline) > 1]
        across, down = (sum(abs(float(way[axis])) for way in ways) for axis in (0, 1))
        if down > across:
            return "vertical-rl"
    return "rtl" if "rtl" in reader.info.direction.split() else "ltr"


def placed(text: Line, cut: Seen, found: FoundLine, size: tuple[int, int]) -> Line:
    """What was read of a strip, as a line of the page: its boxes are the upright ones around where they lie."""
    rows = [char.box for char in text.chars] + [word.box for word in text.words]
    boxes = iter(_boxes(rows, cut, size))
    chars = tuple(replace(char, box=box) for char, box in zip(text.chars, islice(boxes, len(text.chars))))
    words = tuple(replace(word, box=box) for word, box in zip(text.words, boxes))
    return replace(text, polygon=found.polygon, baseline=found.baseline, chars=chars, words=words)


def _boxes(boxes: Sequence[Box], cut: Seen, size: tuple[int, int]) -> list[Box]:
    if not boxes:
        return []
    corners = np.asarray(boxes, dtype=np.float64)[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 2)
    there = np.clip(cut.to_page(corners), 0, size).reshape(-1, 4, 2)
    edges = np.concatenate([there.min(axis=1), there.max(axis=1)], axis=1).tolist()
    return [(left, top, right, bottom) for left, top, right, bottom in edges]


def _points(points: Sequence[Point], mapping: Mapping, size: tuple[int, int]) -> tuple[Point, ...]:
    if not points:
        return ()
    there = np.clip(mapping(np.asarray(points, dtype=np.float64)), 0, size)
    return tuple((x, y) for x, y in np.round(there, 1).tolist())
