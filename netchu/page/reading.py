"""From the picture of a page to its lines with their texts.

grey --straighten--> the flat page and its lines --cut_lines--> strips --Reader.read_lines--> texts
     --arrange--> reading order and regions --Flat.to_original--> Page, in the picture's pixels
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from netchu.image import Grey
from netchu.page.crop import Cut, cut_lines
from netchu.page.flat import Flat
from netchu.page.order import arranged
from netchu.page.straighten import straighten
from netchu.page.trace import FoundLine
from netchu.records import Box, Line, Page, Point

if TYPE_CHECKING:
    from netchu.read import Reader

Numbers = NDArray[np.float64]
Mapping = Callable[[Numbers], Numbers]  # (n, 2) -> (n, 2), pixels


def read_page(reader: Reader, grey: Grey, name: str = "", boxes: bool = True) -> Page:
    """The lines of a page (h, w) that its finder finds and that have a text, in reading order, and its regions.

    A page that lies on its side or head, slants or is curled is laid flat first; all places are those of the picture.
    Which way up it is, is not asked of a reader of lines that run down: lines across that lie on their side look alike.
    """
    turnable = None if reader.info.vertical else _sureness(reader)
    return read_flat(reader, straighten(grey, reader.finder.find_lines, turnable), grey.shape, name, boxes)


def read_flat(reader: Reader, flat: Flat, shape: tuple[int, ...], name: str = "", boxes: bool = True) -> Page:
    """The same of a page that lies flat and whose lines are found; `shape`, (h, w), is the original picture's."""
    cuts = cut_lines(flat.picture, flat.lines)
    texts = reader.read_lines([cut.picture for cut in cuts], boxes)
    lines = tuple(_placed(text, cut, line) for text, cut, line in zip(texts, cuts, flat.lines) if text.text)
    height, width = flat.picture.shape
    page = arranged(Page(width, height, lines, name), _direction(reader, lines))
    return _original(page, flat, shape)


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


def _placed(text: Line, cut: Cut, found: FoundLine) -> Line:
    """What was read of a strip, as a line of the page."""
    line = replace(text, polygon=found.polygon, baseline=found.baseline)
    return _moved(line, cut.to_page)


def _original(page: Page, flat: Flat, shape: tuple[int, ...]) -> Page:
    """A page in the pixels of the picture that it was made from, nothing of it beyond that picture's edges."""
    height, width = shape

    def back(points: Numbers) -> Numbers:
        return np.clip(flat.to_original(points), 0, (width, height))

    lines = tuple(
        replace(_moved(line, back), polygon=_points(line.polygon, back), baseline=_points(line.baseline, back))
        for line in page.lines
    )
    regions = tuple(replace(each, polygon=_points(each.polygon, back)) for each in page.regions)
    return replace(page, width=width, height=height, lines=lines, regions=regions)


def _moved(line: Line, mapping: Mapping) -> Line:
    """A line whose characters and words have the upright boxes around their mapped ones."""
    rows = [char.box for char in line.chars] + [word.box for word in line.words]
    boxes = iter(_boxes(rows, mapping))
    chars = tuple(replace(char, box=box) for char, box in zip(line.chars, islice(boxes, len(line.chars))))
    return replace(line, chars=chars, words=tuple(replace(word, box=box) for word, box in zip(line.words, boxes)))


def _boxes(boxes: Sequence[Box], mapping: Mapping) -> list[Box]:
    if not boxes:
        return []
    corners = np.asarray(boxes, dtype=np.float64)[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 2)
    there = mapping(corners).reshape(-1, 4, 2)
    edges = np.concatenate([there.min(axis=1), there.max(axis=1)], axis=1).tolist()
    return [(left, top, right, bottom) for left, top, right, bottom in edges]


def _points(points: Sequence[Point], mapping: Mapping) -> tuple[Point, ...]:
    if not points:
        return ()
    return tuple((x, y) for x, y in np.round(mapping(np.asarray(points, dtype=np.float64)), 1).tolist())
