"""The cells of a table: which lines stand in one, and which cells in one row, where cells hold several lines.

Rows of lines --gutters--> columns --rules, or a first column that starts each row--> rows of cells

Without either evidence each row of lines is a row of the table, as in registers: to read two rows as one would tear
both apart, to read a cell's lines as rows only leaves them where they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np

from netchu.page.frame import Floats, Frame

Rows = Sequence[tuple[int, ...]]
Cell = tuple[int, tuple[int, ...]]  # column from 0, and its lines from the top down


class Ruled(NamedTuple):
    """Rules seen in the picture, each (n, 3): `level` ones begin and end along the rows, and are so far down; `upright`
    ones begin and end downwards, and are so far along.
    """

    level: Floats
    upright: Floats


Rules = Callable[[], Ruled]  # looked for where there may be a table alone


CROSSING = 0.04  # of a table's lines that may cross a gutter between its columns
CROSSED = 0.2  # and a rule between them
GUTTER = 0.25  # sizes: a gutter is no narrower
NEXT = 1.35  # of the usual step within a cell: a line that is farther below the one above it begins another cell
GOING_ON = 0.85  # share of lines beside no entry of the first column that go on from the line above them, at least
STARTING = 0.7  # share of lines beside one that do, at most
FILLED = 0.85  # of the other columns that a row without an entry of the first one fills, at most
FULL, LONG = 0.65, 4.0  # of its column's width, and sizes: a line that goes on in the next is no shorter
WRAPPED = 0.45  # share of such lines in a column whose cells hold several
LEAST = 3  # rows of several lines that make a table
COVERED = 0.6  # of a table's width: rules that part its rows
DEEPEST = 8  # lines of a row between rules; where there are more, these are sections and no cells


def cells_of(frame: Frame, rows: Rows, rules: Rules) -> list[list[Cell]]:
    """The rows of cells of a table whose lines stand in `rows`, from the top down and each along it."""
    table = _Table(frame, rows, rules())
    return [table.cells(group) for group in table.deep() or [[row] for row in rows]]


def deep_rows(frame: Frame, rows: Rows, rules: Rules) -> list[Rows]:
    """Rows of lines in groups, each the lines of a row of cells; none where nothing says that cells hold several."""
    if sum(len(row) > 1 for row in rows) < LEAST:
        return []
    return _Table(frame, rows, rules()).deep()


def goes_on(frame: Frame, rows: Rows, rules: Rules, last: bool) -> bool:
    """Are the `last`, or the first, two of `rows` in one row of cells, a line close under another?"""
    table = _Table(frame, rows, rules())
    groups, follows = table.deep(), table.following()
    lower, upper = (rows[-1], rows[-2]) if last else (rows[1], rows[0])
    close = [follows.get(line) in upper for line in lower]
    return bool(groups) and len(groups[-1 if last else 0]) > 1 and (all(close) if last else any(close))


class _Table:
    def __init__(self, frame: Frame, rows: Rows, ruled: Ruled) -> None:
        self.frame, self.rows, self.ruled = frame, rows, ruled
        self.lines = np.array([line for row in rows for line in row], dtype=np.intp)
        self.gutters = self._gutters()
        self.column = dict(zip(self.lines.tolist(), np.searchsorted(self.gutters, frame.middle[self.lines]).tolist()))

    def deep(self) -> list[Rows]:
        return (self._by_rules() or self._by_entries()) if len(self.gutters) else []

    def _gutters(self) -> Floats:
        """The middles of strips that next to no line crosses, or rules that few cross, with lines on both sides."""
        left, right = self.frame.left[self.lines], self.frame.right[self.lines]
        least = max(GUTTER * self.frame.size, 1e-3 * float(right.max() - left.min()), 1e-9)
        places = np.arange(left.min(), right.max(), least / 2)
        crossing = ((left[None] < places[:, None]) & (places[:, None] < right[None])).sum(axis=1)
        free = crossing <= max(1.0, CROSSING * len(self.lines))
        found, place = self._ruled(left, right), 0
        for clear, run in groupby(free):
            count = len(list(run))
            if clear and count >= 3:
                strip = float(places[place]), float(places[place + count - 1])
                if not any(strip[0] - self.frame.size < rule < strip[1] + self.frame.size for rule in found):
                    found.append((strip[0] + strip[1]) / 2)
            place += count
        found.sort()
        middle = self.frame.middle[self.lines]
        parts = np.searchsorted(found, middle)
        held = [place for place in range(len(found)) if (parts == place).sum() > max(1.0, CROSSING * len(middle))]
        return np.array([found[place] for place in held if (middle > found[place]).any()])

    def _ruled(self, left: Floats, right: Floats) -> list[float]:
        """Upright rules along half of the table, but for those that many lines cross; double ones once."""
        base, over = self.frame.base[self.lines], 0.5 * self.frame.size
        first, last = float(base.min()), float(base.max())
        found: list[float] = []
        for place in sorted(self.ruled.upright[:, 2].tolist()):
            near = self.ruled.upright[np.abs(self.ruled.upright[:, 2] - place) < over]
            crossed = ((left < place - over) & (right > place + over)).mean()
            new = not found or place - found[-1] > 2 * over
            if new and crossed < CROSSED and _covered(near, first, last) > 0.5 * (last - first):
                found.append(place)
        return found

    def cells(self, group: Rows) -> list[Cell]:
        """The cells of a row, from its first column on."""
        inside: dict[int, list[int]] = {}
        for row in group:
            for line in row:
                inside.setdefault(self.column[line], []).append(line)
        return [(column, tuple(inside[column])) for column in sorted(inside)]

    def _by_rules(self) -> list[Rows]:
        """Rows of lines in groups between rules across the table; none where these do not part it into rows."""
        frame, rules = self.frame, self.ruled.level
        first, last = float(frame.left[self.lines].min()), float(frame.right[self.lines].max())
        base = [frame.base[list(row)] for row in self.rows]
        groups: list[list[tuple[int, ...]]] = [[self.rows[0]]]
        for place in range(1, len(self.rows)):
            above, below = float(np.median(base[place - 1])), float(np.median(base[place]))
            near = rules[(rules[:, 2] > above - 0.1 * frame.size) & (rules[:, 2] < below - 0.1 * frame.size)]
            if _covered(near, first, last) > COVERED * (last - first):
                groups.append([])
            groups[-1].append(self.rows[place])
        deep = sorted(len(group) for group in groups)
        parted = len(groups) > 2 and deep[-1] > 1
        return list(groups) if parted and deep[-1] <= min(DEEPEST, 4 * deep[len(deep) // 2]) else []

    def _by_entries(self) -> list[Rows]:
        """Rows of lines in groups that the entries of the first column start; none where these do not start them."""
        follows = self.following()
        starts = [any(self.column[line] == 0 for line in row) for row in self.rows]
        begun: list[bool] = []
        gone_on: list[bool] = []  # but for what stands in a cell that was empty so far: sums beside the last line
        known: set[int] = set()  # columns of the last group
        for place, (row, start) in enumerate(zip(self.rows, starts)):
            known = set() if start else known
            if place and start:
                begun += [line in follows for line in row if self.column[line]]
            else:
                gone_on += [line in follows for line in row if self.column[line] in known]
            known |= {self.column[line] for line in row}
        if sum(starts) < LEAST or min(len(begun), len(gone_on)) < LEAST:
            return []
        if np.mean(begun) > STARTING or np.mean(gone_on) < GOING_ON:
            return []
        entries = [line in follows for line in self.lines.tolist() if self.column[line] == 0]
        if np.mean(entries) > 0.5 or self._filled(starts) > FILLED:  # a first column of prose holds no entries
            return []
        wrapped = self._wrapped(follows)
        groups: list[list[tuple[int, ...]]] = []
        for row, start in zip(self.rows, starts):
            here = {self.column[line] for line in row}
            goes_on = all(
                self.column[line] in wrapped if line in follows else self.column[line] not in known for line in row
            )
            if not groups or start or not goes_on or not any(line in follows for line in row):
                groups.append([])
                known = set()
            groups[-1].append(row)
            known |= here
        return list(groups)

    def _filled(self, starts: Sequence[bool]) -> float:
        """How many of the cells beside an entry of the first column go on in a row below it: a list goes on in all."""
        beside: set[int] = set()
        shares = []
        for row, start in zip(self.rows, starts):
            columns = {self.column[line] for line in row}
            beside = columns - {0} if start else beside
            if not start and len(beside) > 1:
                shares.append(len(columns & beside) / len(beside))
        return float(np.mean(shares)) if shares else 0.0

    def following(self) -> dict[int, int]:
        """Lines that stand close under another one of their column, and that line."""
        pairs: list[tuple[int, int]] = []
        last: dict[int, int] = {}
        for row in self.rows:
            for line in row:
                if self.column[line] in last:
                    pairs.append((last[self.column[line]], line))
            last.update((self.column[line], line) for line in row)
        steps = np.array([self.frame.base[line] - self.frame.base[above] for above, line in pairs])
        steps = np.where(steps > 0.6 * self.frame.size, steps, np.inf)
        usual = float(np.quantile(steps, 0.2, method="lower")) if len(steps) else 0.0
        return {line: above for (above, line), step in zip(pairs, steps) if step < NEXT * usual}

    def _wrapped(self, follows: dict[int, int]) -> set[int]:
        """The columns in which lines that another one follows are long and reach their column's end."""
        found = set()
        frame = self.frame
        for column in set(self.column.values()):
            inside = np.array([line for line in self.lines if self.column[line] == column])
            above = np.array([follows[line] for line in inside if line in follows], dtype=np.intp)
            width = float(np.quantile(frame.right[inside], 0.9) - np.quantile(frame.left[inside], 0.1))
            full = frame.length[above] > max(FULL * width, LONG * frame.size)
            if len(above) and full.mean() > WRAPPED:
                found.add(column)
        return found


def _covered(rules: Floats, first: float, last: float) -> float:
    """How much of the way from `first` to `last` some rule runs along."""
    total, reached = 0.0, first
    for begin, end in sorted((float(rule[0]), float(rule[1])) for rule in rules):
        total += max(0.0, min(end, last) - max(begin, reached))
        reached = max(reached, end)
    return total
