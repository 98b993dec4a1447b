"""The one protocol of whatever changes a picture on purpose: real lines at training time, drawn ones in synthesis.

An `Op` changes a `Canvas` in place. Ops that move pixels only add to the canvas's map of displacements; the first op
that looks at pixels resamples once for all of them. That keeps strokes sharp, and it is most of the speed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu.image import Grey

Rng = np.random.Generator
Plane = NDArray[np.float32]  # (h, w)
Quads = NDArray[np.float32]  # (n, 4, 2): corners x, y of n characters, from the top left clockwise, in pixels

STAGES = ("ink", "paper", "picture")  # what `Canvas.pixels` is when an op is called; see Canvas
GROUPS = ("pen", "shape", "paper", "camera", "scene")


@dataclass
class Canvas:
    """A picture in the making, and where its characters are.

    Stage "ink": `pixels` is the coverage of ink, 0 none .. 255 full, on nothing. Stage "paper": the same, at its place
    on a sheet whose greys are `ground`, to be written in the grey `tone`. Stage "picture": `pixels` is the grey
    picture and there is no ground any more; a real line is always in this stage. `labels` says for every pixel which
    character's ink it is (1 for the first, 0 for none).
    """

    pixels: Grey
    boxes: Quads | None = None
    labels: NDArray[np.uint16] | None = None
    ground: Plane | None = None
    tone: float = 0.0
    unit: float = 0.0  # height of an x (half an em for kanji) in pixels; 0: not known, take a third of the height
    base: float = 0.0  # row of the baseline; 0: not known
    done: list[tuple[str, float]] = field(default_factory=list)  # ops that acted, with their strengths
    _map: tuple[Plane, Plane] | None = field(default=None, repr=False)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns as the next op sees them."""
        at = self._map[0] if self._map else self.pixels
        return int(at.shape[0]), int(at.shape[1])

    def bend(self, across: Plane | float = 0.0, down: Plane | float = 0.0) -> None:
        """Let every pixel show what lies `across` columns to its right and `down` rows below, in present pixels.

        Fields (h, w), or anything that broadcasts to it, or numbers.
        """
        map_x, map_y = self._map or self._identity(*self.pixels.shape[:2])
        to_x, to_y = self.pixels.shape[1] / map_x.shape[1], self.pixels.shape[0] / map_y.shape[0]
        map_x += np.asarray(across, np.float32) * to_x
        map_y += np.asarray(down, np.float32) * to_y
        self._map = map_x, map_y

    def resize(self, height: int, width: int) -> None:
        """Make the picture that size; what was bent before stays bent."""
        if self._map is not None:
            self.settle()
        self._map = self._identity(height, width)

    def settle(self, border: int | None = None) -> Grey:
        """Resample now if anything moved; the pixels. Beyond the edge lies `border`, or the edge's own pixels."""
        if self._map is None:
            return self.pixels
        (map_x, map_y), self._map = self._map, None
        source = self.pixels
        shrink = source.shape[0] / map_x.shape[0]
        if shrink > 1.6:  # far smaller than its source: blur first, or thin strokes alias away
            source = cv2.GaussianBlur(source, (0, 0), 0.35 * shrink)  # type: ignore[assignment]
        mode = cv2.BORDER_REPLICATE if border is None else cv2.BORDER_CONSTANT
        empty = (border or 0,)
        if self.ground is not None:
            self.ground = cv2.remap(self.ground, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[assignment]
        if self.labels is not None:
            self.labels = cv2.remap(self.labels, map_x, map_y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)  # type: ignore[assignment]
        if self.boxes is not None and len(self.boxes):
            self.boxes = _follow(self.boxes, map_x, map_y, self.pixels.shape[:2])
        if self.base:
            middle = np.array([[[self.pixels.shape[1] / 2, self.base]]], np.float32)
            self.base = float(_follow(middle, map_x, map_y, self.pixels.shape[:2])[0, 0, 1])
        self.unit /= shrink
        self.pixels = cv2.remap(source, map_x, map_y, cv2.INTER_LINEAR, borderMode=mode, borderValue=empty)  # type: ignore[assignment]
        return self.pixels

    def pad(self, top: int, bottom: int, left: int, right: int, value: int = 0) -> None:
        """Add empty rows and columns (or, where negative, cut them off)."""
        pixels = self.settle(value)
        grown = tuple(max(0, side) for side in (top, bottom, left, right))
        pixels = np.pad(pixels, (grown[:2], grown[2:]), constant_values=value)
        rows = slice(max(0, -top), pixels.shape[0] - max(0, -bottom))
        columns = slice(max(0, -left), pixels.shape[1] - max(0, -right))
        self.pixels = pixels[rows, columns]
        if self.labels is not None:
            self.labels = np.pad(self.labels, (grown[:2], grown[2:]))[rows, columns]
        if self.boxes is not None:
            self.boxes = self.boxes + np.array([left, top], np.float32)
        if self.base:
            self.base += top

    def _identity(self, height: int, width: int) -> tuple[Plane, Plane]:
        rows, columns = self.pixels.shape[:2]
        x = (np.arange(width, dtype=np.float32) + 0.5) * (columns / width) - 0.5
        y = (np.arange(height, dtype=np.float32) + 0.5) * (rows / height) - 0.5
        return np.repeat(x[None, :], height, axis=0), np.repeat(y[:, None], width, axis=1)


def _follow(points: Quads, map_x: Plane, map_y: Plane, source: tuple[int, ...]) -> Quads:
    """Where points of the source come to lie in a picture whose pixels look up (map_x, map_y): fixed-point iteration.

    Coordinates count from a pixel's corner, maps from its centre.
    """
    height, width = map_x.shape
    from_x, from_y = width / source[1], height / source[0]
    wanted_x, wanted_y = points[..., 0] - 0.5, points[..., 1] - 0.5
    x, y = points[..., 0] * from_x - 0.5, points[..., 1] * from_y - 0.5
    for _ in range(6):
        column = np.clip(np.rint(x), 0, width - 1).astype(np.intp)
        row = np.clip(np.rint(y), 0, height - 1).astype(np.intp)
        # beyond the edge the map goes on as it does at the edge
        x = x + (wanted_x - map_x[row, column] - (x - column) / from_x) * from_x
        y = y + (wanted_y - map_y[row, column] - (y - row) / from_y) * from_y
    return np.stack([x + 0.5, y + 0.5], axis=-1).astype(np.float32)


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

    `pick` 0: every op acts with its own chance. `pick` n: RandAugment (Cubuk et al. 2020): n of them, chosen evenly,
    act, in their order. `weights` scale an op's chance by its name or its group's; `limits` cap its strength by name.
    """

    ops: Sequence[Op]
    pick: int = 0
    weights: Mapping[str, float] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)

    def __call__(self, canvas: Canvas, rng: Rng, strength: float = 1.0, stage: str = "picture") -> None:
        """Let the ops of a stage act. The same state of `rng` gives the same picture."""
        ops = [each for each in self.ops if each.stage == stage]
        if self.pick:
            able = [each for each in ops if self.weight(each) > 0]
            chosen = set(rng.permutation(len(able))[: self.pick].tolist())
            for number, each in enumerate(able):
                if number in chosen:
                    each(canvas, rng, self.limited(each, strength))
            return
        for each in ops:
            if rng.random() < each.chance * self.weight(each) * min(1.0, strength):
                each(canvas, rng, self.limited(each, strength))

    def weight(self, of: Op) -> float:
        """How often an op acts, in its usual chances."""
        return self.weights.get(of.name, self.weights.get(of.group, 1.0))

    def limited(self, of: Op, strength: float) -> float:
        """The strength an op is given: no more than is safe for its letters."""
        return min(strength, self.limits.get(of.name, strength))
