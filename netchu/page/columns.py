"""Cutting a page into parts that are read one after the other: columns, margins, what is above and below them.

Columns are found as gutters: upright strips that no line crosses, with lines side by side to their left and right. The
page is cut along the gutter that parts most lines, and above and below it where a line crosses, until none is left;
what then remains is read row by row. That is the whitespace of Breuel 2002 ("Two geometric algorithms for layout
analysis") in the recursion of Nagy and Seth's XY-cut (1984), with two differences. A cut needs evidence: lines side by
side that look like text columns or like a note beside a text, so cells of a table, words far apart and a date beside an
address are not taken apart. And a line that reaches a little over a gutter, or one joined across it by mistake, does
not stop it. Rows follow one another by the partial order "is above, of what overlaps", sorted topologically, as in
Breuel 2003 ("High performance document layout analysis"), so rows that rise or fall are no case of their own.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netchu.page.cells import Rules, deep_rows
from netchu.page.frame import Floats, Frame

Places = NDArray[np.intp]
Flags = NDArray[np.bool_]
Role = Literal["text", "margin", "number"]

OVER = 1.5  # sizes: how far a line may reach over a gutter
TRIED = 24  # gutters looked at for each part of a page: those that part most lines
LEAST = 3  # lines on each side that make a gutter
WIDE = 6.5  # sizes: a usual line of a text column is longer; cells of tables are not
NARROW = 0.6  # of the text's width: a margin is no wider
SHORT = 3.0  # sizes: a page's number is no longer
SAME = 0.45  # pitches between baselines of one row
BESIDE = 0.75  # pitches between baselines of lines side by side


@dataclass(frozen=True)
class Part:
    """Lines that are read one after the other, row by row, each row in the direction of reading."""

    rows: tuple[tuple[int, ...], ...]
    role: Role = "text"


class _Gutter(NamedTuple):
    above: Places
    left: Places
    right: Places
    below: Places
    parted: int  # pairs of lines side by side


def parts_of(frame: Frame, rules: Rules) -> list[Part]:
    """All lines of a frame but the turned ones, in reading order. `rules`: those seen in the picture, as in `cells`."""
    upright = np.flatnonzero(~frame.turned)
    return _Cutter(frame, rules).cut(upright) if len(upright) else []


class _Cutter:
    def __init__(self, frame: Frame, rules: Rules) -> None:
        self.frame, self.rules = frame, rules
        self.shared, self.below = frame.gaps()
        shorter = np.minimum.outer(frame.length, frame.length)
        self.apart = self.shared <= 0.3 * np.maximum(shorter, 1e-9)  # (n, n): not one above the other
        self.unit = np.minimum(np.maximum.outer(frame.height, frame.height), 1.5 * frame.pitch)
        self.unit = np.maximum(self.unit, 0.8 * frame.pitch)
        self.known: dict[tuple[bytes, float], tuple[Places, Places]] = {}
        self.tables: dict[bytes, bool] = {}

    def cut(self, lines: Places, role: Role = "text") -> list[Part]:
        """The parts of some of the lines."""
        for gutter in self._gutters(lines):
            kind = self._judge(gutter)
            if kind and not (self._is_table(lines) or self._is_table(np.union1d(gutter.left, gutter.right))):
                break
        else:
            return self._whole(lines, role)
        left, right = gutter.left, gutter.right
        if kind == "left margin":
            middle = [*self.cut(right, role), *self.cut(left, "margin")]
        elif kind == "right margin":
            middle = [*self.cut(left, role), *self.cut(right, "margin")]
        else:
            middle = [*self.cut(left, role), *self.cut(right, role)]
        before, after = ([*self.cut(side, role)] if len(side) else [] for side in (gutter.above, gutter.below))
        return [*before, *middle, *after]

    def _is_table(self, lines: Places) -> bool:
        """Do lines stand in cells that hold several?"""
        key = lines.tobytes()
        if key not in self.tables:
            self.tables[key] = bool(deep_rows(self.frame, self._rows(lines), self.rules))
        return self.tables[key]

    def _whole(self, lines: Places, role: Role) -> list[Part]:
        """Lines that no gutter parts. A page's number beside its first or last lines is read before or after them."""
        numbers = self._numbers(lines) if role == "text" and not self._is_table(lines) else []
        rest = self._rows(np.setdiff1d(lines, numbers))
        middle = float(np.median(self.frame.base[lines]))
        parts = [Part(((number,),), "number") for number in sorted(numbers, key=lambda each: self.frame.base[each])]
        before = sum(bool(self.frame.base[part.rows[0][0]] < middle) for part in parts)
        return [*parts[:before], Part(rest, role), *parts[before:]]

    def _numbers(self, lines: Places) -> list[int]:
        """Short lines at the outer end of the first or last rows of a text, away from it."""
        frame = self.frame
        left, right = float(frame.left[lines].min()), float(frame.right[lines].max())
        first, last = float(frame.base[lines].min()), float(frame.base[lines].max())
        text = frame.length[lines] > 2 * SHORT * frame.size
        if text.sum() < 4 or text.mean() < 0.6 or right - left < 5 * SHORT * frame.size:
            return []
        edge = 0.12 * (right - left)
        found = []
        for line in lines[frame.length[lines] < SHORT * frame.size]:
            outer = frame.left[line] > right - max(edge, SHORT * frame.size) or frame.right[line] < left + edge
            end = min(frame.base[line] - first, last - frame.base[line]) < 2.2 * frame.pitch
            near = np.abs(self.below[line, lines]) < 0.6 * self.unit[line, lines]
            room = float((-self.shared[line, lines])[near & (lines != line)].min(initial=np.inf))
            if outer and end and room > frame.size:
                found.append(int(line))
        return found if len(found) <= 4 else []

    def _beside(self, lines: Places, reach: float) -> tuple[Places, Places]:
        """Lines that have another one to their right, `reach` units up or down at most, and the nearest such line."""
        key = lines.tobytes(), reach
        if key not in self.known:
            self.known[key] = self._nearest(lines, reach)
        return self.known[key]

    def _nearest(self, lines: Places, reach: float) -> tuple[Places, Places]:
        if not len(lines):
            return lines, lines
        frame, grid = self.frame, np.ix_(lines, lines)
        right = frame.middle[lines][None] > frame.middle[lines][:, None]
        near = np.abs(self.below[grid]) < reach * self.unit[grid]
        # The nearest: what begins first; of what begins at the same place, what is most on the same height.
        far = -self.shared[grid] + 0.5 * np.abs(self.below[grid])
        far = np.where(right & near & self.apart[grid], far, np.inf)
        best = far.argmin(axis=1)
        some = np.isfinite(far.min(axis=1))
        return lines[some], lines[best[some]]

    def _gutters(self, lines: Places) -> list[_Gutter]:
        """Gutters among some of the lines, those that part most first."""
        if len(lines) < 2 * LEAST:
            return []
        frame = self.frame
        one, other = self._beside(lines, BESIDE)
        if len(one) < LEAST:
            return []
        places = np.unique(np.round((frame.right[one] + frame.left[other]) / frame.size) * frame.size / 2)
        crossing = self._crossing(lines, places)
        index = np.full(len(frame.left), -1)
        index[lines] = np.arange(len(lines))
        sides = np.where(crossing, 0, np.where(frame.middle[lines][None] < places[:, None], -1, 1))
        parted = (sides[:, index[one]] < 0) & (sides[:, index[other]] > 0)
        found = []
        _, unique = np.unique(sides, axis=0, return_index=True)
        unique = np.sort(unique)
        for place in unique[np.argsort(-parted[unique].sum(axis=1), kind="stable")][:TRIED]:
            if parted[place].sum() < LEAST:
                break
            found.append(self._between(lines, sides[place], index[one[parted[place]]], index[other[parted[place]]]))
        return sorted((gutter for gutter in found if gutter.parted >= LEAST), key=lambda gutter: -gutter.parted)

    def _crossing(self, lines: Places, places: Floats) -> Flags:
        """(places, lines): which lines stand on both sides of a place, and by more than a little."""
        frame = self.frame
        over = np.minimum(places[:, None] - frame.left[lines], frame.right[lines] - places[:, None])
        return np.asarray(over > np.minimum(OVER * frame.size, 0.25 * frame.length[lines]))

    def _between(self, lines: Places, sides: NDArray[np.intp], one: Places, other: Places) -> _Gutter:
        """The stretch of a gutter, from one line that crosses it to the next, that parts most lines."""
        frame = self.frame
        base = frame.base[lines]
        row = (base[one] + base[other]) / 2
        stops = np.flatnonzero(sides == 0)
        stops = stops[np.argsort(base[stops], kind="stable")]
        counts = np.bincount(np.searchsorted(base[stops], row), minlength=len(stops) + 1)
        # A line that lies across a gutter which goes on above and below it may be two that were joined by mistake.
        inner = np.flatnonzero((counts[:-1] >= LEAST) & (counts[1:] >= LEAST))
        false = [place for place in inner if self._joined(lines, sides, int(stops[place]))]
        if false:
            stops = np.delete(stops, false)
            counts = np.bincount(np.searchsorted(base[stops], row), minlength=len(stops) + 1)
        best = int(counts.argmax())
        slack = SAME * frame.pitch
        first = float(base[stops[best - 1]]) + slack if best else -np.inf
        last = max(first, float(base[stops[best]]) - slack) if best < len(stops) else np.inf
        above, below = base < first, base > last
        inside = ~above & ~below
        left = inside & (sides <= 0)  # with what was joined across the gutter
        return _Gutter(lines[above], lines[left], lines[inside & (sides > 0)], lines[below], int(counts[best]))

    def _joined(self, lines: Places, sides: NDArray[np.intp], place: int) -> bool:
        """Does a crossing line look like one of either column: of their height, on a row of theirs and alone?"""
        frame = self.frame
        if frame.height[lines[place]] > 1.25 * frame.size:
            return False
        steps = frame.base[lines] - frame.base[lines[place]]
        near = [way * steps[sides == side] for side in (-1, 1) for way in (-1, 1)]
        alone = (np.abs(steps[sides == 0]) < 2.5 * frame.pitch).sum() == 1
        return bool(alone) and all((0.3 * frame.pitch < np.sort(step[step > 0])[:1]).any()
                                   and step[step > 0].min() < 1.3 * frame.pitch for step in near)  # fmt: skip

    def _judge(self, gutter: _Gutter) -> str:
        """What a gutter parts: "columns", "left margin", "right margin" or, as in a table, nothing to be cut."""
        frame = self.frame
        one, other = self._edges(gutter)
        if min(len(one), len(other)) < LEAST:
            return ""
        usual = [float(np.median(frame.length[side])) / frame.size for side in (one, other)]
        sides = gutter.left, gutter.right
        widths = [float(np.ptp(np.concatenate([frame.left[side], frame.right[side]]))) for side in sides]
        aligned = self._aligned(one, other)
        narrow = int(widths[1] < widths[0])
        notes, text = sides[narrow], sides[1 - narrow]
        if (
            widths[narrow] < NARROW * widths[1 - narrow]
            and usual[1 - narrow] > 1.5 * WIDE
            and (aligned < 0.75 or len(notes) < 0.5 * len(text))
            and self._single(text)
            and self._single(notes)
            and self._stacked(notes)
            and len(notes) < 0.7 * len(text)
        ):
            return ("left margin", "right margin")[narrow]
        return "columns" if self._text_columns(gutter, one, other, aligned, min(usual) / WIDE) else ""

    def _text_columns(self, gutter: _Gutter, one: Places, other: Places, aligned: float, wide: float) -> bool:
        """Are the lines next to a gutter columns of text? The shorter they are, the more they must look like it: full,
        dense, and not on one another's rows. `wide`: the usual length of the shorter ones over WIDE.
        """
        sparse = max(self._sparse(one), self._sparse(other))
        full = min(self._full(one), self._full(other)) > 0.75
        if sparse > (0.5 if wide > 2.3 else 0.3 if wide > 1.5 else 0.2):
            return False
        if sparse < 0.07 and min(len(one), len(other)) > 2 * LEAST and wide > 0.8:
            return True  # no gaps at all: verse, lists of names
        alone = self._single(gutter.left) and self._single(gutter.right)
        if aligned > 0.75 and (sparse > 0.1 or not full) and not alone:
            return False  # three columns or more on the same rows, with gaps: a table
        loose = aligned < 0.6 and min(len(one), len(other)) > LEAST
        return wide > 1.5 or (wide > 1 and (full or loose)) or (loose and wide > SHORT / WIDE)

    def _single(self, lines: Places) -> bool:
        """Do few lines stand side by side?"""
        return len(self._beside(lines, BESIDE)[0]) < 0.2 * len(lines)

    def _full(self, lines: Places) -> float:
        """How long the usual line is against the long ones."""
        lengths = self.frame.length[lines]
        return float(np.median(lengths) / max(float(np.quantile(lengths, 0.9)), 1e-9))

    def _stacked(self, lines: Places) -> bool:
        """Do most lines stand close under one another, as in notes and not in a table's cells?"""
        grid = np.ix_(lines, lines)
        under = ~self.apart[grid] & (self.below[grid] > 0) & (self.below[grid] < 1.4 * self.frame.pitch)
        return bool((under.any(axis=0) | under.any(axis=1)).mean() > 0.6)

    def _edges(self, gutter: _Gutter) -> tuple[Places, Places]:
        """The lines next to the gutter, left and right."""
        left, right = gutter.left, gutter.right
        inner = left[~np.isin(left, self._beside(left, BESIDE)[0])]
        outer = right[~np.isin(right, self._beside(right, BESIDE)[1])]
        return inner, outer

    def _aligned(self, one: Places, other: Places) -> float:
        """The share of lines of the side that has fewer whose baselines go on on the other side."""
        few, many = (one, other) if len(one) <= len(other) else (other, one)
        steps = np.abs(self.below[np.ix_(few, many)]).min(axis=1)
        return float((steps < 0.2 * self.frame.pitch).mean())

    def _sparse(self, lines: Places) -> float:
        """The share of lines of a column with room for more above them."""
        return float((np.diff(np.sort(self.frame.base[lines])) > 1.6 * self.frame.pitch).mean())

    def _rows(self, lines: Places) -> tuple[tuple[int, ...], ...]:
        """Lines row by row."""
        rows = self._joined_rows(lines)
        return self._insertions(self._sorted(rows))

    def _joined_rows(self, lines: Places) -> list[list[int]]:
        """Lines that go on from one another, in the direction of reading."""
        frame = self.frame
        row = {int(line): [int(line)] for line in lines}
        pairs = zip(*self._beside(lines, SAME))
        for one, other in sorted(pairs, key=lambda pair: (abs(self.below[pair]), -self.shared[pair])):
            first, second = row[int(one)], row[int(other)]
            if first is second or not self.apart[np.ix_(first, second)].all():
                continue
            first.extend(second)
            for line in second:
                row[line] = first
        unique = {id(found): found for found in row.values()}
        return [sorted(found, key=lambda line: frame.middle[line]) for found in unique.values()]

    def _sorted(self, rows: list[list[int]]) -> list[list[int]]:
        """Rows from the top down: what is above another is before it; of the rest, what stands higher."""
        member = np.zeros((len(rows), len(self.frame.left)))
        for place, row in enumerate(rows):
            member[place, row] = 1
        over = (~self.apart) & (self.below > 0)
        before = (member @ over @ member.T > 0) & ~(member @ over.T @ member.T > 0)
        np.fill_diagonal(before, False)
        height = member @ self.frame.base / member.sum(axis=1)
        waiting = before.sum(axis=0)
        ready = [(float(height[place]), int(place)) for place in np.flatnonzero(waiting == 0)]
        heapq.heapify(ready)
        order: list[int] = []
        done = np.zeros(len(rows), dtype=bool)
        while len(order) < len(rows):
            if not ready:  # rows that are above one another in a circle: the highest goes first
                left = np.flatnonzero(~done)
                ready = [(0.0, int(left[height[left].argmin()]))]
            place = heapq.heappop(ready)[1]
            if done[place]:
                continue
            done[place] = True
            order.append(place)
            for later in np.flatnonzero(before[place] & ~done):
                waiting[later] -= 1
                if waiting[later] == 0:
                    heapq.heappush(ready, (float(height[later]), int(later)))
        return [rows[place] for place in order]

    def _insertions(self, rows: list[list[int]]) -> tuple[tuple[int, ...], ...]:
        """Words written between two lines are read after the line that they stand over, where they were put in."""
        frame = self.frame
        result = [list(row) for row in rows]
        for place in range(len(rows) - 1, 0, -1):
            over, line = rows[place - 1], rows[place]
            if len(over) > 1 or not line:
                continue
            word = over[0]
            under = [each for each in line if not self.apart[word, each]]
            if len(under) != 1 or frame.length[word] > 0.6 * frame.length[under[0]]:
                continue
            step = self.below[word, under[0]]
            higher = [each for row in rows[: place - 1] for each in row if not self.apart[under[0], each]]
            room = min((float(self.below[each, under[0]]) for each in higher), default=0.0)
            if 0 < step < 0.62 * frame.pitch and step < room < 1.45 * frame.pitch:
                result[place - 1], result[place] = result[place], result[place - 1]
        return tuple(tuple(row) for row in result)
