"""From the maps that a network painted to lines: baselines, outlines and how sure they are. numpy and OpenCV only.

Ribbon without the marks of ends -> connected pieces -> the centre of each, straight across its main direction ->
pieces that follow one another joined -> baseline and outline in pixels of the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu.page.maps import ABOVE, BELOW, END, INSIDE, RIBBON, START, STRIDE, Floats, from_map
from netchu.records import Point

Numbers = NDArray[np.float64]
ROUND = 0.08  # variance across a piece to that along it from which it has no direction of its own: lines lie flat
MOSTLY = 0.8  # share of a piece that lies along a longer one, for it to be part of that
TURN = float(np.cos(np.radians(30)))  # pieces that meet at a sharper angle are not one line
LIKELY = (16.0, 9.6, 3.7, -10.0)  # log-odds of being a line: of each of `traced`'s signs, and to begin with


@dataclass(frozen=True)
class FoundLine:
    """A line on a page: baseline in reading order, outline clockwise from the top of its start, pixels of the picture.

    `height` is its usual height in pixels, `confidence` how likely it is a line of text, 0..1.
    """

    baseline: tuple[Point, ...]
    polygon: tuple[Point, ...]
    confidence: float
    height: float


@dataclass(frozen=True)
class TraceOptions:
    """What tracing takes for a line. Lengths are in line heights."""

    ribbon: float = 0.5  # least probability of a ribbon's pixels
    end: float = 0.5  # least probability of a pixel that parts lines
    shortest: float = 0.2  # lines shorter than this are dropped
    sure: float = 0.5  # and those less likely to be one than this
    gap: float = 1.0  # pieces no farther apart than this are joined where no end is between them
    stop: float = 0.3  # probability of an end, between two pieces, that keeps them apart
    aside: float = 0.6  # how far pieces that follow one another may lie apart across the line
    doubled: float = 0.35  # pieces no farther than this from a longer one, all along, are part of it
    even: bool = True  # a line far lower than is usual on the page is less likely one


USUAL = TraceOptions()


@dataclass(frozen=True)
class _Piece:
    """A stretch of ribbon, from its start to its end, in map pixels."""

    points: Numbers  # (n, 2)
    above: Numbers  # (n,): pixels of the network's picture
    below: Numbers
    weight: float  # sum of its pixels' probabilities
    pixels: int

    @property
    def height(self) -> float:
        """Usual height, in map pixels."""
        return float(np.median(self.above + self.below)) / STRIDE

    @property
    def length(self) -> float:
        return float(np.hypot(*np.diff(self.points, axis=0).T).sum())

    def flipped(self) -> _Piece:
        return replace(self, points=self.points[::-1], above=self.above[::-1], below=self.below[::-1])

    def tip(self, last: bool) -> tuple[Numbers, Numbers]:
        """The first or last point, and the direction, of length 1, in which the line goes there."""
        reach = max(1, min(len(self.points) - 1, round(2 * self.height)))
        one, other = (-1 - reach, -1) if last else (0, reach)
        along = self.points[other] - self.points[one]
        return self.points[-1 if last else 0], along / max(float(np.hypot(*along)), 1e-9)


def trace(maps: Floats, scale: tuple[float, float] = (1.0, 1.0), options: TraceOptions = USUAL) -> list[FoundLine]:
    """Maps (MAPS, h, w) -> the lines on them, from the top down. The first three hold probabilities.

    `scale`: pixels of the page to one of the network's picture, across and down.
    """
    lines, signs = traced(maps, scale, options)
    odds = np.clip(signs @ np.array(LIKELY[:-1]) + LIKELY[-1], -30, 30)
    likely = (1 / (1 + np.exp(-odds))).tolist()
    found = [replace(line, confidence=each) for line, each in zip(lines, likely) if each >= options.sure]
    return sorted(found, key=lambda line: (min(y for _, y in line.baseline), line.baseline[0]))


def traced(maps: Floats, scale: tuple[float, float], options: TraceOptions) -> tuple[list[FoundLine], Numbers]:
    """All that may be lines, in no order, and the signs (n, 3) that they are some.

    The signs are the ribbon's mean probability, the log of the height over the page's usual one where it is smaller,
    and the weaker of the marks at both ends: a stamp's letters, ditto marks and specks lack one or the other.
    """
    ends = np.maximum(maps[START], maps[END])
    pieces = [piece for group in _components(maps, ends, options) for piece in _pieces(*group)]
    lines = [_directed(line, maps) for line in _joined(_single(pieces, options), ends, options)]
    lines = [line for line in lines if line.length >= options.shortest * line.height]
    if not lines:
        return [], np.empty((0, 3))
    heights = np.maximum([line.height for line in lines], 1e-3)
    smaller = np.minimum(np.log(heights / np.median(heights)), 0) * options.even
    signs = [
        (line.weight / line.pixels, small, min(_marked(line, last, ends) for last in (False, True)))
        for line, small in zip(lines, smaller)
    ]
    found = [_outlined(_extended(line, ends), np.asarray(scale) * STRIDE, min(scale)) for line in lines]
    return found, np.array(signs)


def _marked(line: _Piece, last: bool, ends: Floats) -> float:
    """How plainly an end of a line is marked as one, 0..1: at its tip or up to two pixels on."""
    point, along = line.tip(last)
    places = np.rint(point + (1 if last else -1) * np.arange(3)[:, None] * along).astype(int)
    rows, columns = (np.clip(places[:, axis], 0, ends.shape[1 - axis] - 1) for axis in (1, 0))
    return float(ends[rows, columns].max())


def _components(maps: Floats, ends: Floats, options: TraceOptions) -> list[tuple[Numbers, Numbers, Numbers]]:
    """The connected pieces of ribbon: points (n, 2), probabilities (n,), heights above and below (n, 2) of each."""
    mask = (maps[RIBBON] >= options.ribbon) & (ends < options.end)
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    rows, columns = np.nonzero(mask)
    owners = labels[rows, columns]
    order = np.argsort(owners, kind="stable")
    rows, columns, owners = rows[order], columns[order], owners[order]
    borders = np.searchsorted(owners, np.arange(1, count + 1))
    points = np.stack([columns, rows], axis=1).astype(np.float64)
    weights = maps[RIBBON][rows, columns].astype(np.float64)
    heights = from_map(maps[ABOVE : BELOW + 1, rows, columns]).T.astype(np.float64)
    return [(points[a:b], weights[a:b], heights[a:b]) for a, b in pairwise(borders) if b - a >= 3]


def _pieces(points: Numbers, weights: Numbers, heights: Numbers) -> list[_Piece]:
    """The stretches of a connected piece of ribbon: one, unless it forks or bends back."""
    middle = np.average(points, axis=0, weights=weights)
    spread = (points - middle).T @ ((points - middle) * weights[:, None])
    sizes, ways = np.linalg.eigh(spread)
    along = ways[:, 1] if sizes[0] < ROUND * sizes[1] else np.array([1.0, 0.0])
    along = along if along[0] > 1e-6 or (abs(along[0]) <= 1e-6 and along[1] > 0) else -along
    across = np.array([-along[1], along[0]])
    u, v = (points - middle) @ along, (points - middle) @ across
    bins = np.floor(u - u.min()).astype(int)
    order = np.lexsort((v, bins))
    bins, v, u = bins[order], v[order], u[order]
    values = np.stack([u, v, *heights[order].T], axis=1)
    starts = np.flatnonzero(np.concatenate([[True], (np.diff(bins) > 0) | (np.diff(v) > 1.6)]))
    weighed = weights[order]
    sums = np.add.reduceat(weighed, starts)
    runs = np.add.reduceat(values * weighed[:, None], starts, axis=0) / sums[:, None]
    counts = np.diff(np.append(starts, len(v)))
    chains = _chains(bins[starts], runs[:, 1])
    found = []
    for chain in chains:
        if len(chain) < 2 and len(chains) > 1:
            continue
        path = runs[chain]
        path = np.repeat(path, 2, axis=0) if len(path) == 1 else path
        path[0, 0], path[-1, 0] = path[0, 0] - 0.5, path[-1, 0] + 0.5  # to the edges of their pixels
        level = _smoothed(path[:, 1], 5)
        back = middle + path[:, :1] * along + level[:, None] * across
        found.append(_Piece(back, path[:, 2], path[:, 3], float(sums[chain].sum()), int(counts[chain].sum())))
    return found


def _chains(bins: NDArray[np.int64], levels: Numbers) -> list[list[int]]:
    """Runs of pixels across the line (where along it, at what height; in order) -> those that continue each other."""
    if len(np.unique(bins)) == len(bins):
        return [list(range(len(bins)))]
    chains: list[list[int]] = []
    open_ends: list[int] = []  # chains that may go on
    borders = np.flatnonzero(np.concatenate([[True], np.diff(bins) > 0, [True]]))
    for start, stop in pairwise(borders.tolist()):
        free = list(range(start, stop))
        going = []
        near = sorted(
            (abs(float(levels[run] - levels[chains[number][-1]])), number, run) for number in open_ends for run in free
        )
        for distance, number, run in near:
            if distance < 2 and run in free and number not in going:
                chains[number].append(run)
                free.remove(run)
                going.append(number)
        for run in free:
            going.append(len(chains))
            chains.append([run])
        open_ends = going
    return chains


def _smoothed(values: Numbers, width: int) -> Numbers:
    """A running mean that keeps straight lines straight to their ends."""
    width = min(width, len(values) - 1 + len(values) % 2)
    if width < 3:
        return values
    half = width // 2
    before = 2 * values[0] - values[half:0:-1]
    after = 2 * values[-1] - values[-2 : -2 - half : -1]
    result: Numbers = np.convolve(np.concatenate([before, values, after]), np.full(width, 1 / width), "valid")
    return result


def _single(pieces: Sequence[_Piece], options: TraceOptions) -> list[_Piece]:
    """The pieces without those that only run along a longer one: the frayed edges of a ribbon."""
    order = sorted(pieces, key=lambda piece: -piece.length)
    boxes = np.array([(*piece.points.min(axis=0), *piece.points.max(axis=0)) for piece in order]).reshape(-1, 4)
    kept: list[int] = []
    for place, piece in enumerate(order):
        reach = options.doubled * np.array([order[other].height for other in kept])
        inside = (boxes[kept, :2] - reach[:, None] <= boxes[place, 2:]) & (
            boxes[kept, 2:] + reach[:, None] >= boxes[place, :2]
        )
        near = np.zeros(len(piece.points), dtype=bool)
        for which in np.flatnonzero(inside.all(axis=1)):
            gaps = piece.points[:, None] - order[kept[which]].points[None]
            near |= (gaps * gaps).sum(axis=2).min(axis=1) < reach[which] ** 2
        if not len(near) or near.mean() < MOSTLY:
            kept.append(place)
    return [order[place] for place in kept]


def _joined(pieces: Sequence[_Piece], ends: Floats, options: TraceOptions) -> list[_Piece]:
    """Pieces, each with those that go on where it stops: near, in its direction, and no end of a line between them."""
    if len(pieces) < 2:
        return list(pieces)
    tails, heads = ([piece.tip(last) for piece in pieces] for last in (True, False))
    tail, tail_way = (np.array(values) for values in zip(*tails))
    head, head_way = (np.array(values) for values in zip(*heads))
    height = np.maximum([piece.height for piece in pieces], 2.0)
    tall = np.minimum(height[:, None], height[None, :])
    gap = head[None] - tail[:, None]  # (from, to, 2)
    ahead = (gap * tail_way[:, None]).sum(axis=2)
    beside = np.abs(gap[..., 0] * tail_way[:, None, 1] - gap[..., 1] * tail_way[:, None, 0])
    straight = (tail_way[:, None] * head_way[None]).sum(axis=2) > TURN
    near = (ahead > -0.5 * tall) & (ahead < options.gap * tall) & (beside < options.aside * tall)
    close = near & straight
    np.fill_diagonal(close, False)
    pairs = sorted(zip(*np.nonzero(close)), key=lambda pair: float(np.hypot(*gap[pair])))
    after: dict[int, int] = {}
    for one, other in pairs:
        if one in after or other in after.values() or _is_parted(tail[one], head[other], ends, options.stop):
            continue
        if not _leads_to(int(other), int(one), after):
            after[int(one)] = int(other)
    firsts = [place for place in range(len(pieces)) if place not in after.values()]
    return [_chained(pieces, place, after) for place in firsts]


def _is_parted(start: Numbers, stop: Numbers, ends: Floats, limit: float) -> bool:
    """Whether the mark of an end lies on the way."""
    share = np.linspace(0, 1, max(2, int(np.abs(stop - start).max()) + 2))[:, None]
    places = np.rint(start + share * (stop - start)).astype(int)
    rows, columns = (np.clip(places[:, axis], 0, ends.shape[1 - axis] - 1) for axis in (1, 0))
    return bool(ends[rows, columns].max() > limit)


def _leads_to(start: int, stop: int, after: dict[int, int]) -> bool:
    while start in after:
        start = after[start]
    return start == stop


def _chained(pieces: Sequence[_Piece], place: int, after: dict[int, int]) -> _Piece:
    chain = [pieces[place]]
    while place in after:
        place = after[place]
        chain.append(pieces[place])
    if len(chain) == 1:
        return chain[0]
    points, above, below = (
        np.concatenate([getattr(piece, name) for piece in chain]) for name in ("points", "above", "below")
    )
    return _Piece(points, above, below, sum(piece.weight for piece in chain), sum(piece.pixels for piece in chain))


def _directed(line: _Piece, maps: Floats) -> _Piece:
    """The line in the direction that its marks of start and end say; as it is where they say nothing."""
    votes = 0.0
    for last, sign in ((False, 1), (True, -1)):
        point, along = line.tip(last)
        place = np.rint(point - sign * along).astype(int)
        row, column = (int(np.clip(place[axis], 0, maps.shape[2 - axis] - 1)) for axis in (1, 0))
        votes += sign * float(maps[START, row, column] - maps[END, row, column])
    return line.flipped() if votes < -0.5 else line


def _extended(line: _Piece, ends: Floats) -> _Piece:
    """The line with what the marks at its ends cover of it."""
    points = line.points.copy()
    for last, sign in ((False, -1), (True, 1)):
        point, along = line.tip(last)
        beyond = point + sign * 1.0 * along
        place = np.rint(beyond).astype(int)
        row, column = (int(np.clip(place[axis], 0, ends.shape[1 - axis] - 1)) for axis in (1, 0))
        if ends[row, column] > 0.25:
            points[-1 if last else 0] = point + sign * INSIDE * along
    return replace(line, points=points)


def _outlined(line: _Piece, scale: Numbers, heights: float) -> FoundLine:
    """A line in pixels of the page; its outline is smooth along the line, and wide enough for its tallest letters."""
    step = max(1, round(line.height / 2))
    above, below = (_enveloped(values, 4 * step + 1) for values in (line.above, line.below))
    chosen = np.unique(np.append(np.arange(0, len(line.points), step), len(line.points) - 1))
    points = (line.points[chosen] + 0.5) * scale
    reach = max(1, min(4, len(points) // 4))
    padded = np.pad(points, ((reach, reach), (0, 0)), mode="edge")
    along = padded[2 * reach :] - padded[: -2 * reach]
    along /= np.maximum(np.hypot(*along.T), 1e-9)[:, None]
    up = np.stack([along[:, 1], -along[:, 0]], axis=1)
    top = points + up * np.maximum(above[chosen] * heights, 1.0)[:, None]
    foot = points - up * np.maximum(below[chosen] * heights, 1.0)[:, None]
    polygon = np.concatenate([top, foot[::-1]])
    return FoundLine(_as_points(points), _as_points(polygon), line.weight / line.pixels, line.height * STRIDE * heights)


def _enveloped(values: Numbers, width: int) -> Numbers:
    """Half way between the running mean and the running maximum."""
    row = values[None].astype(np.float32)
    tallest = cv2.dilate(row, np.ones((1, width), np.uint8))[0]
    mean = cv2.blur(row, (width, 1))[0]
    tallest = cv2.blur(tallest[None], (width, 1))[0]
    result: Numbers = (mean + tallest).astype(np.float64) / 2
    return result


def _as_points(points: Numbers) -> tuple[Point, ...]:
    return tuple((round(float(x), 1), round(float(y), 1)) for x, y in points)
