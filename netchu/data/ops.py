"""The one protocol of whatever changes a picture on purpose: real lines at training time, drawn ones in synthesis.

An `Op` changes a `Canvas` in place. Ops that move pixels only add to the canvas's map of displacements; the first op
that looks at pixels resamples once for all of them. That keeps strokes sharp, and it is most of the speed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu.image import Grey

Rng = np.random.Generator
Plane = NDArray[np.float32]  # (h, w)
AnyPlane = NDArray[Any]  # (h, w)
Quads = NDArray[np.float32]  # (n, 4, 2): corners x, y of n characters, from the top left clockwise, in pixels

STAGES = ("ink", "paper", "picture")  # what `Canvas.pixels` is when an op is called; see Canvas
GROUPS = ("pen", "shape", "paper", "camera", "scene")
LONGEST = 32767  # rows or columns: cv2.remap takes less than that


@dataclass
class Canvas:
    """A picture in the making, and where its characters are.

    Stage "ink": `pixels` is the coverage of ink, 0 none .. 255 full, on nothing. Stage "paper": the same, at its place
    on a sheet whose greys are `ground`, to be written in the grey `tone`. Stage "picture": `pixels` is the grey
    picture and there is no ground any more; a real line is always in this stage. `labels` says for every pixel which
    character's ink it is (1 for the first, 0 for none).

    An op that looks at pixels takes them from `settle()`, and puts new arrays in their place: those that it finds may
    be somebody else's.
    """

    pixels: Grey
    boxes: Quads | None = None
    labels: NDArray[np.uint16] | None = None
    ground: Plane | None = None
    tone: float = 0.0
    unit: float = 0.0  # height of an x (half an em for kanji) in pixels; 0: not known, take a third of the height
    base: float = 0.0  # row of the baseline; 0: not known
    done: list[tuple[str, float]] = field(default_factory=list)  # ops that acted, with their strengths
    # Where each pixel looks: columns (h, w) or (1, w), rows (h, w) or (h, 1), in present pixels from the corner
    _map: tuple[Plane, Plane] | None = field(default=None, repr=False)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns as the next op sees them."""
        if self._map is None:
            return int(self.pixels.shape[0]), int(self.pixels.shape[1])
        return self._map[1].shape[0], self._map[0].shape[1]

    def bend(self, across: Plane | float = 0.0, down: Plane | float = 0.0) -> None:
        """Let every pixel show what lies `across` columns to its right and `down` rows below, in present pixels.

        Fields (h, w), or anything that broadcasts to it, or numbers; (1, w) and (h, 1) are the cheap ones. Bends add
        up: each counts from a pixel's own place, not from where the ones before sent it.
        """
        height, width = self.shape
        map_x, map_y = self._map or _identity(height, width)
        self._map = _moved(map_x, across, (height, width)), _moved(map_y, down, (height, width))

    def resize(self, height: int, width: int) -> None:
        """Make the picture that size; what was bent before stays bent. Nothing is resampled yet."""
        rows, columns = self.shape
        if (height, width) == (rows, columns):
            return
        map_x, map_y = self._map or _identity(rows, columns)
        map_x = cv2.resize(map_x, (width, 1 if map_x.shape[0] == 1 else height)) * np.float32(width / columns)  # type: ignore[assignment]
        map_y = cv2.resize(map_y, (1 if map_y.shape[1] == 1 else width, height)) * np.float32(height / rows)  # type: ignore[assignment]
        self._map = map_x, map_y

    def settle(self, border: int | None = None) -> Grey:
        """Resample now if anything moved; the pixels. Beyond the edge lies `border`, or the edge's own pixels."""
        if self._map is None:
            return self.pixels
        height, width = self.shape
        source, size = self.pixels, self.pixels.shape[:2]
        map_x, map_y = self._map
        self._map = None
        if size != (height, width):
            map_x, map_y = map_x * np.float32(size[1] / width), map_y * np.float32(size[0] / height)
        map_x, map_y = (np.broadcast_to(plane, (height, width)) - np.float32(0.5) for plane in (map_x, map_y))
        # far smaller than its source: blur first, or thin strokes alias away
        blur = [0.35 * shrink if shrink > 1.6 else 0.0 for shrink in (size[1] / width, size[0] / height)]
        if any(blur):
            source = cv2.GaussianBlur(source, (0, 0), blur[0] or 0.01, sigmaY=blur[1] or 0.01)  # type: ignore[assignment]
        if self.ground is not None:
            self.ground = _look_up(self.ground, map_x, map_y)
        if self.labels is not None:
            self.labels = _look_up(self.labels, map_x, map_y, cv2.INTER_NEAREST, 0)
        if self.boxes is not None and self.boxes.size:
            self.boxes = _follow(self.boxes, map_x, map_y, size)
        if self.base:  # where the middle column shows it
            column = map_y[:, width // 2]
            beyond = self.base - 0.5 - min(max(self.base - 0.5, float(column[0])), float(column[-1]))
            self.base = float(np.interp(self.base - 0.5, column, np.arange(height))) + 0.5 + beyond * height / size[0]
        self.unit *= height / size[0]
        self.pixels = _look_up(source, map_x, map_y, border=border)
        return self.pixels

    def pad(self, top: int, bottom: int, left: int, right: int, value: int = 0) -> None:
        """Add rows and columns of `value` (or, where negative, cut them off). A sheet goes on as it is at its edge.

        Raises ValueError when nothing would be left.
        """
        height, width = self.shape
        if height + top + bottom < 1 or width + left + right < 1:
            raise ValueError(f"pad {top}, {bottom}, {left}, {right} leaves nothing of {height} x {width} pixels")
        sides = (top, bottom, left, right)
        self.pixels = _padded(self.settle(value), sides, value)
        if self.ground is not None:
            self.ground = _padded(self.ground, sides, None)
        if self.labels is not None:
            self.labels = _padded(self.labels, sides, 0)
        if self.boxes is not None:
            self.boxes = self.boxes + np.array([left, top], np.float32)
        if self.base:
            self.base += top


def _identity(height: int, width: int) -> tuple[Plane, Plane]:
    """The map that moves nothing: (1, width), (height, 1)."""
    x, y = np.arange(width, dtype=np.float32) + np.float32(0.5), np.arange(height, dtype=np.float32) + np.float32(0.5)
    return x[None, :], y[:, None]


def _moved(plane: Plane, by: Plane | float, shape: tuple[int, int]) -> Plane:
    """A plane of the map plus a bend; in place where it is a full one, which nobody else holds."""
    if isinstance(by, float) and by == 0:
        return plane
    if plane.shape == shape and shape[0] > 1 < shape[1]:
        plane += by
        return plane
    moved: Plane = plane + np.asarray(by, np.float32)
    if moved.ndim != 2 or moved.shape[0] not in (1, shape[0]) or moved.shape[1] not in (1, shape[1]):
        raise ValueError(f"a field that makes {moved.shape} bends no canvas of {shape[0]} x {shape[1]}")
    return moved


def _padded(plane: AnyPlane, sides: tuple[int, int, int, int], value: int | None) -> AnyPlane:
    """Add (or cut) rows above and below, columns left and right, of `value` or of what lies at the edge."""
    cut = [max(0, -side) for side in sides]
    kept = plane[cut[0] : plane.shape[0] - cut[1], cut[2] : plane.shape[1] - cut[3]]
    mode = cv2.BORDER_REPLICATE if value is None else cv2.BORDER_CONSTANT
    return cv2.copyMakeBorder(kept, *(max(0, side) for side in sides), mode, value=(value or 0,))  # type: ignore[return-value, call-overload, no-any-return]


def _look_up(
    source: AnyPlane, map_x: Plane, map_y: Plane, how: int = cv2.INTER_LINEAR, border: int | None = None
) -> AnyPlane:
    """cv2.remap for pictures of any size; it takes only sides below 32,767 itself."""
    mode = cv2.BORDER_REPLICATE if border is None else cv2.BORDER_CONSTANT
    if max(*source.shape, *map_x.shape) < LONGEST:
        return cv2.remap(source, map_x, map_y, how, borderMode=mode, borderValue=(border or 0,))  # type: ignore[return-value]
    # The part of the source that is looked at, no less than 2 x 2 pixels at its edge; if that is too long, in halves.
    part, corner = source, [0, 0]
    for axis, plane in enumerate((map_y, map_x)):
        size = source.shape[axis]
        start = int(np.clip(np.floor(plane.min()) - 1, 0, max(0, size - 2)))
        stop = int(np.clip(np.ceil(plane.max()) + 2, min(size, 2), size))
        part, corner[axis] = part[(slice(None),) * axis + (slice(start, stop),)], start
    if max(*part.shape, *map_x.shape) < LONGEST:
        map_x, map_y = map_x - np.float32(corner[1]), map_y - np.float32(corner[0])
        return cv2.remap(part, map_x, map_y, how, borderMode=mode, borderValue=(border or 0,))  # type: ignore[return-value]
    axis = int(map_x.shape[1] >= map_x.shape[0])
    halves = zip(np.array_split(map_x, 2, axis), np.array_split(map_y, 2, axis))
    return np.concatenate([_look_up(source, half_x, half_y, how, border) for half_x, half_y in halves], axis)


def _follow(points: Quads, map_x: Plane, map_y: Plane, source: tuple[int, ...]) -> Quads:
    """Where points of the source come to lie in a picture whose pixels look up (map_x, map_y): Newton's method.

    Coordinates count from a pixel's corner, maps from its centre. Beyond the edge the map goes on as it does there.
    """
    height, width = map_x.shape
    from_x, from_y = width / source[1], height / source[0]
    wanted_x, wanted_y = (points.reshape(1, -1, 2) - np.float32(0.5)).transpose(2, 0, 1)
    x, y = (wanted_x + np.float32(0.5)) * from_x - 0.5, (wanted_y + np.float32(0.5)) * from_y - 0.5
    for turn in range(8):
        column, row = np.clip(x, 0, max(0, width - 2)), np.clip(y, 0, max(0, height - 2))
        at_x = np.concatenate([column, column + 1, column]).astype(np.float32)
        at_y = np.concatenate([row, row, row + 1]).astype(np.float32)
        u, v = _look_up(map_x, at_x, at_y), _look_up(map_y, at_x, at_y)
        # how far a step right and a step down leads in the source
        x_right, x_down = (u[1] - u[0] if width > 1 else 1 / from_x), u[2] - u[0]
        y_right, y_down = v[1] - v[0], (v[2] - v[0] if height > 1 else 1 / from_y)
        off_x = wanted_x - u[0] - (x - column) * x_right - (y - row) * x_down
        off_y = wanted_y - v[0] - (x - column) * y_right - (y - row) * y_down
        if max(np.abs(off_x).max(), np.abs(off_y).max()) < 0.05:
            break
        area = (x_right * y_down - x_down * y_right) * (from_x * from_y)
        steep = (area > 0.1) & (turn > 1)  # the first steps are plain ones: they lead near from far away
        area = np.where(steep, area, 1.0) / (from_x * from_y)
        x = x + np.where(steep, (y_down * off_x - x_down * off_y) / area, off_x * from_x)
        y = y + np.where(steep, (x_right * off_y - y_right * off_x) / area, off_y * from_y)
    return np.stack([x + 0.5, y + 0.5], axis=-1).astype(np.float32).reshape(points.shape)


Act = Callable[[Canvas, Rng, float], None]


@dataclass(frozen=True)
class Op:
    """One way of changing a canvas. `act(canvas, rng, strength)` acts in place: strength 1 is usual, near 0 nothing."""

    name: str
    group: str  # one of GROUPS
    stage: str  # one of STAGES: when it may be called
    act: Act
    chance: float = 1.0  # that it acts at all, at strength 1

    def __call__(self, canvas: Canvas, rng: Rng, strength: float = 1.0) -> None:
        """Act and put it on the canvas's record."""
        self.act(canvas, rng, strength)
        canvas.done.append((self.name, round(strength, 3)))


def op(name: str, group: str, stage: str = "picture", chance: float = 1.0) -> Callable[[Act], Op]:
    """Decorator: a function (canvas, rng, strength) -> an Op."""
    if group not in GROUPS or stage not in STAGES:
        raise ValueError(f"op {name}: group {group!r} or stage {stage!r} is not known")
    return lambda act: Op(name, group, stage, act, chance)


@dataclass(frozen=True)
class Mix:
    """Ops in the order in which they act, how often each does and how strongly at most.

    `pick` 0: every op acts with its own chance. `pick` n: RandAugment (Cubuk et al. 2020): n of them act, in their
    order. `weights` scale an op's chance, or that of being picked, by its name or its group's; `limits` cap its
    strength by name. Of the ops of the groups in `single` one at most acts.
    """

    ops: Sequence[Op]
    pick: int = 0
    weights: Mapping[str, float] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)
    single: Collection[str] = ()

    def __call__(self, canvas: Canvas, rng: Rng, strength: float = 1.0, stage: str = "picture") -> None:
        """Let the ops of a stage act. The same state of `rng` gives the same picture."""
        for each, limited in self.choose(rng, strength, stage):
            each(canvas, rng, limited)

    def choose(self, rng: Rng, strength: float = 1.0, stage: str = "picture") -> list[tuple[Op, float]]:
        """The ops of a stage that are to act this time, in their order, and how strongly. None at strength 0."""
        ops = [each for each in self.ops if each.stage == stage]
        draws = rng.random(len(ops)).tolist()
        if strength <= 0:
            return []
        chosen = self._picked(ops, draws) if self.pick else self._by_chance(ops, draws, strength)
        limited = [(each, self.limited(each, strength)) for each in chosen]
        return [(each, given) for each, given in limited if given > 0]

    def _picked(self, ops: Sequence[Op], draws: Sequence[float]) -> list[Op]:
        """`pick` of the ops, without replacement, by their weights (Efraimidis and Spirakis 2006)."""
        weights = [self.weight(each) for each in ops]
        keys = [draw ** (1 / weight) if weight > 0 else -1.0 for draw, weight in zip(draws, weights)]
        first = sorted(range(len(ops)), key=lambda place: -keys[place])[: self.pick]
        return [ops[place] for place in sorted(first) if keys[place] >= 0]

    def _by_chance(self, ops: Sequence[Op], draws: Sequence[float], strength: float) -> list[Op]:
        chosen = []
        left: dict[str, float] = {}  # of the one draw that the ops of a single group share
        for each, own in zip(ops, draws):
            chance = each.chance * self.weight(each) * strength
            draw = left.get(each.group, own)
            if 0 <= draw < chance:
                chosen.append(each)
            if each.group in self.single:
                left[each.group] = draw - chance
        return chosen

    def weight(self, of: Op) -> float:
        """How often an op acts, in its usual chances."""
        return self.weights.get(of.name, self.weights.get(of.group, 1.0))

    def limited(self, of: Op, strength: float) -> float:
        """The strength an op is given: no more than is safe for its letters."""
        return min(strength, self.limits.get(of.name, strength))
