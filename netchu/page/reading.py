"""From the picture of a page to its lines with their texts: find them, put them in order, cut them out, read them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from netchu.image import Grey
from netchu.page.crop import Cut, cut_lines
from netchu.page.trace import FoundLine
from netchu.records import Box, Line, Page, Point

if TYPE_CHECKING:
    from netchu.read import Reader

Numbers = NDArray[np.float64]
Mapping = Callable[[Numbers], Numbers]  # (n, 2) -> (n, 2), pixels


def read_page(reader: Reader, grey: Grey, name: str = "", boxes: bool = True) -> Page:
    """The lines of a page (h, w) that its finder finds and that have a text, in reading order."""
    return read_found(reader, grey, reader.finder.find_lines(grey), name, boxes)


def read_found(reader: Reader, grey: Grey, found: Sequence[FoundLine], name: str = "", boxes: bool = True) -> Page:
    """The same of lines that are found already, in their order."""
    cuts = cut_lines(grey, found)
    texts = reader.read_lines([cut.picture for cut in cuts], boxes)
    lines = [placed(text, cut, line) for text, cut, line in zip(texts, cuts, found) if text.text]
    return Page(grey.shape[1], grey.shape[0], tuple(lines), name)


def placed(text: Line, cut: Cut, found: FoundLine) -> Line:
    """What was read of a strip, as a line of the page."""
    rows = [char.box for char in text.chars] + [word.box for word in text.words]
    boxes = iter(on_page(rows, cut.to_page))
    chars = tuple(replace(char, box=box) for char, box in zip(text.chars, islice(boxes, len(text.chars))))
    words = tuple(replace(word, box=box) for word, box in zip(text.words, boxes))
    return replace(text, polygon=found.polygon, baseline=found.baseline, chars=chars, words=words)


def on_page(boxes: Sequence[Box], mapping: Mapping) -> list[Box]:
    """The upright boxes around these, mapped."""
    if not boxes:
        return []
    corners = np.asarray(boxes)[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 2)
    there = mapping(corners).reshape(-1, 4, 2)
    edges = np.concatenate([there.min(axis=1), there.max(axis=1)], axis=1).tolist()
    return [(left, top, right, bottom) for left, top, right, bottom in edges]


def points_of(points: Sequence[Point], mapping: Mapping) -> tuple[Point, ...]:
    """Points, mapped."""
    if not points:
        return ()
    return tuple((x, y) for x, y in mapping(np.asarray(points, dtype=np.float64)).tolist())
