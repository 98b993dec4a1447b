"""Regions of a page from the geometry of its lines: paragraphs, headings, tables, margins, headers, footers, numbers.

What the words say is not known here, so kinds are guesses from height, length, gaps, indents and position.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netchu.page.cells import Rules, cells_of, deep_rows, goes_on
from netchu.page.columns import SHORT, Part, Role
from netchu.page.frame import Floats, Frame

GAP = 1.5  # usual steps between baselines: more is a new paragraph
AWAY = 1.3  # pitches from a header to the text and from that to a footer
TALLER = 1.35  # times the usual height: a heading
INDENT = 1.0  # sizes: an indent that begins a paragraph
LONGEST_INDENT = 8.0  # sizes: more is no indent
EDGE = 0.14  # of the page's length: where headers, footers and numbers stand
WHOLE = 0.75  # of the text's width: a shorter line at the head or foot of a page may be its header or footer


class Block(NamedTuple):
    """A region: its kind, its lines in reading order, its outline in the frame, (k, 2), and in a table the row and the
    column of each line.
    """

    kind: str
    lines: tuple[int, ...]
    outline: Floats
    cells: tuple[tuple[int, int], ...]


def blocks_of(frame: Frame, parts: Sequence[Part], length: tuple[float, float] | None, rules: Rules) -> list[Block]:
    """The regions of parts in their order; each row is in one. `length`: where the page begins and ends
    downwards; None where that is not known, and nothing is its header or footer. `rules`: see `cells`.
    """
    pieces = [(rows, kind) for part in parts for rows, kind in _pieces(frame, part, rules)]
    kinds = _Kinds(frame, pieces, length)
    blocks = []
    for place, (rows, role) in enumerate(pieces):
        table = cells_of(frame, rows, rules) if role == "table" else []
        held = [(line, (row, column)) for row, cells in enumerate(table) for column, lines in cells for line in lines]
        lines = tuple(line for line, _ in held) or tuple(line for row in rows for line in row)
        area = outline(frame, rows, role == "table")
        blocks.append(Block(kinds.of(place), lines, area, tuple(cell for _, cell in held)))
    return blocks


Rows = tuple[tuple[int, ...], ...]
Piece = tuple[Rows, Role | Literal["table"]]


def _pieces(frame: Frame, part: Part, rules: Rules) -> list[Piece]:
    """A part cut into what is one region each."""
    if part.role == "number":
        return [(part.rows, "number")]
    first, last = _table(frame, part.rows, rules) if part.role == "text" else (0, 0)
    result: list[Piece] = [(rows, part.role) for rows in _paragraphs(frame, part.rows[:first])]
    if last > first:
        result.append((part.rows[first:last], "table"))
    return result + [(rows, part.role) for rows in _paragraphs(frame, part.rows[last:])]


def _table(frame: Frame, rows: Rows, rules: Rules) -> tuple[int, int]:
    """The rows from the first to the last that have several lines, if these make up most of what is between and part in
    the same places. Lines that were found in pieces do not. Or if they are cells of several lines, with all lines of
    these.
    """
    several = [place for place, row in enumerate(rows) if len(row) > 1]
    if len(several) < 3:
        return 0, 0
    first, last = several[0], several[-1] + 1
    if deep_rows(frame, rows[first:last], rules):
        while last < len(rows) and goes_on(frame, rows[first : last + 1], rules, last=True):
            last += 1
        while first and goes_on(frame, rows[first - 1 : last], rules, last=False):
            first -= 1
        return first, last
    lines = sum(len(row) for row in rows[first:last])
    if sum(len(rows[place]) for place in several) < 0.55 * lines:
        return 0, 0
    gaps = [(frame.right[one], frame.left[other]) for place in several for one, other in pairwise(rows[place])]
    ends = np.array(gaps) + np.array([-0.5, 0.5]) * frame.size
    middles = ends.mean(axis=1)
    common = ((ends[:, 0] < middles[:, None]) & (middles[:, None] < ends[:, 1])).sum(axis=1).max()
    return (first, last) if common >= max(3, 0.6 * len(several)) else (0, 0)


def _paragraphs(frame: Frame, rows: Rows) -> list[Rows]:
    """Rows parted where the gap is large, the height changes or a line is indented."""
    if not rows:
        return []
    main = np.array([max(row, key=lambda line: frame.length[line]) for row in rows])
    begins, ends = frame.left[main], frame.right[main]
    place = (np.maximum(begins[1:], begins[:-1]) + np.minimum(ends[1:], ends[:-1])) / 2
    steps = frame.at(main[1:], place) - frame.at(main[:-1], place)
    usual = steps[steps > 0.6 * frame.pitch]
    usual_step = float(np.median(usual)) if len(usual) else frame.pitch
    height = frame.height[main]
    left = np.array([frame.left[list(row)].min() for row in rows])
    indented = _indented(frame, left)
    result, begin = [], 0
    for row in range(1, len(rows)):
        between = steps[row - 1] < 0.6 * usual_step  # words written between two lines
        ratio = height[row] / max(height[row - 1], 1e-9)
        long = frame.length[main[row - 1 : row + 1]].min() > 2 * SHORT * frame.size  # heights of few letters vary
        change = long and not between and not 1 / TALLER < ratio < TALLER
        if steps[row - 1] > GAP * usual_step or change or indented[row]:
            result.append(rows[begin:row])
            begin = row
    return [*result, rows[begin:]]


def _indented(frame: Frame, left: Floats) -> NDArray[np.bool_]:
    """Which rows begin farther in than both the row before and the one after, where rows begin under one another."""
    result = np.zeros(len(left), dtype=bool)
    if len(left) < 4:
        return result
    spread = float(np.median(np.abs(np.diff(left))))
    least = max(INDENT * frame.size, 4 * spread)
    into = left[1:-1] - np.maximum(left[:-2], left[2:])
    result[1:-1] = (into > least) & (into < LONGEST_INDENT * frame.size)
    return result


class _Kinds:
    """What the pieces of a page are."""

    def __init__(self, frame: Frame, pieces: Sequence[Piece], length: tuple[float, float] | None) -> None:
        self.frame, self.pieces = frame, pieces
        self.lines = [line for rows, role in pieces if role != "margin" for row in rows for line in row]
        text = [line for rows, role in pieces if role == "text" for row in rows for line in row] or self.lines
        self.size, self.width = frame.size, 0.0
        if text:
            order = sorted(text, key=lambda line: float(frame.height[line]))
            total = np.cumsum(frame.length[order])
            self.size = float(frame.height[order[int(np.searchsorted(total, total[-1] / 2))]])
            self.width = float(frame.right[text].max() - frame.left[text].min())
        self.edges = -np.inf, np.inf
        if length is not None:
            edge = EDGE * (length[1] - length[0])
            self.edges = length[0] + edge, length[1] - edge

    def of(self, place: int) -> str:
        rows, role = self.pieces[place]
        if role != "text":
            return {"margin": "margin", "number": "page-number", "table": "table"}[role]
        end = self._at_end(rows)
        if end and len(rows) == 1 and len(rows[0]) == 1 and self._wide(rows) < SHORT * self.size:
            return "page-number"
        tall = float(np.median(self.frame.height[[line for row in rows for line in row]])) > TALLER * self.size
        if tall and len(rows) <= 3:
            return "heading"
        if end and len(rows) <= 2 and self._wide(rows) < WHOLE * self.width:
            return end
        return "heading" if self._centred(place) else "paragraph"

    def _at_end(self, rows: Rows) -> str:
        """header or footer: what stands at the page's head or foot, away from all but its own row, with two lines at
        most farther out; else nothing.
        """
        own = {line for row in rows for line in row}
        rest = self.frame.base[[line for line in self.lines if line not in own]]
        base = self.frame.base[sorted(own)]
        far = AWAY * self.frame.pitch
        over, under = rest < base.min() - far, rest > base.max() + far
        beside = (rest > base.min() - 0.3 * far) & (rest < base.max() + 0.3 * far)
        if not (over | under).any() or not (over | under | beside).all():
            return ""
        if base.max() < self.edges[0] and over.sum() <= 2:
            return "header"
        return "footer" if base.min() > self.edges[1] and under.sum() <= 2 else ""

    def _wide(self, rows: Rows) -> float:
        lines = [line for row in rows for line in row]
        return float(self.frame.right[lines].max() - self.frame.left[lines].min())

    def _centred(self, place: int) -> bool:
        """A line or two in the middle of the text over or under them, which is wider and no margin."""
        rows = self.pieces[place][0]
        near = [self.pieces[other] for other in (place - 1, place + 1) if 0 <= other < len(self.pieces)]
        wide = [self._span(other) for other, role in near if role == "text" and len(other) > 1]
        if len(rows) > 2 or not wide:
            return False
        left, right = self._span(rows)
        low, high = max(wide, key=lambda span: span[1] - span[0])
        room = 0.12 * (high - low)
        even = abs((left - low) - (high - right)) < 0.15 * (high - low)
        return left - low > room and high - right > room and even

    def _span(self, rows: Rows) -> tuple[float, float]:
        lines = [line for row in rows for line in row]
        return float(self.frame.left[lines].min()), float(self.frame.right[lines].max())


def outline(frame: Frame, rows: Rows, straight: bool = False) -> Floats:
    """A polygon (k, 2) of the frame around rows: along their ends, half way between those that overlap; or `straight`,
    as far out as the longest.
    """
    order = sorted(rows, key=lambda row: float(frame.base[list(row)].mean()))
    pad = 0.15 * frame.size
    left = np.array([frame.left[list(row)].min() for row in order]) - pad
    right = np.array([frame.right[list(row)].max() for row in order]) + pad
    if straight:
        left[:], right[:] = left.min(), right.max()
    for one in range(len(order) - 1):  # rows that are not under one another are bridged
        bridge = frame.size
        left[one + 1] = min(left[one + 1], right[one] - bridge)
        right[one + 1] = max(right[one + 1], left[one] + bridge)
    sides = []
    for ends, pick in ((right, np.argmax), (left, np.argmin)):
        outer = [row[int(pick(frame.right[list(row)] if ends is right else frame.left[list(row)]))] for row in order]
        rise = frame.slope[outer] * (np.clip(ends, frame.left[outer], frame.right[outer]) - frame.middle[outer])
        top = np.array([(frame.top - frame.base)[list(row)].min() for row in order]) + frame.base[outer] + rise - pad
        foot = np.array([(frame.foot - frame.base)[list(row)].max() for row in order]) + frame.base[outer] + rise + pad
        meet = (foot[:-1] + top[1:]) / 2
        over = foot[:-1] > top[1:]
        foot[:-1][over], top[1:][over] = meet[over], meet[over]
        down = np.maximum.accumulate(np.stack([top, foot], axis=1).ravel())
        sides.append(np.stack([np.repeat(ends, 2), down], axis=1))
    return np.concatenate([sides[0], sides[1][::-1]])
