"""Pictures with text somewhere in them, drawn: signs and lettering at any angle and in perspective on busy grounds.

No photograph goes in: grounds are clouds, boards, stripes, shapes, and things that look a little like lettering.
Every line comes with its baseline and the quadrilateral around it, in the direction of reading.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu.image import Grey
from netchu.records import Line, Page
from netchu.synth.drawer import Drawer
from netchu.synth.ink import Rng
from netchu.synth.page_draft import as_points
from netchu.synth.page_write import Hand, Written, hand_of, is_han
from netchu.synth.scene_ground import ground

EM = (13.0, 140.0)  # pixels per em: smallest and largest
APART = 70.0  # greys between letters and what is behind them, about; a tenth of the signs have half of that
SIGNS = (3, 18)  # on a picture, at least and at most
TRIES = 12  # places tried for each
UPRIGHT = 0.4  # share of the signs whose lines run down, where they may
SPACE = 5  # points of a baseline

Numbers = NDArray[np.float64]
Plane = NDArray[np.float32]


@dataclass
class _Sign:
    """Lines of one sign on a plane of its own, before it is seen from somewhere: ink (h, w), 0 to 255."""

    ink: Grey
    lines: list[tuple[str, Numbers, Numbers]] = field(default_factory=list)  # text, baseline, corners
    em: float = 0.0


@dataclass(frozen=True)
class SceneDrawer:
    """Draws picture k with the engines, texts and seed of a drawer of lines."""

    drawer: Drawer

    def sample(self, k: int) -> tuple[Grey, Page]:
        """The picture, uint8 (h, w), and the truth about it, lines in the order in which they were put there."""
        rng = np.random.default_rng([self.drawer.seed, 78, k])
        area, aspect = float(rng.uniform(0.35e6, 1.3e6)), float(np.exp(rng.normal(0, 0.25)))
        width, height = round((area / aspect) ** 0.5), round((area * aspect) ** 0.5)
        picture = ground((height, width), rng)
        taken = np.zeros((height, width), np.uint8)
        lines: list[Line] = []
        for _ in range(int(rng.integers(*SIGNS))):
            upright = is_han(self.drawer) and rng.random() < UPRIGHT
            sign = _sign(hand_of(self.drawer, rng, upright, 0.8), rng)
            if sign is not None:
                lines += _put(picture, taken, sign, rng, upright)
        return _seen(picture, rng), Page(width, height, tuple(lines))


def _sign(hand: Hand, rng: Rng) -> _Sign | None:
    """One to four lines one below another, as words on signs stand; None where nothing could be written."""
    em = float(np.exp(rng.uniform(*np.log(EM))))
    written: list[tuple[Written, float]] = []
    room = em * float(rng.uniform(2, 14))
    for _ in range(int(rng.choice([1, 1, 1, 2, 2, 3, 4]))):
        own = em * float(rng.choice([1, 1, 1, 0.7, 1.5]))
        line = hand.write(min(own, EM[1]), room * float(rng.uniform(0.4, 1)))
        if line is not None:
            written.append((line, own))
    if not written:
        return None
    spacing, align = float(rng.uniform(1.05, 1.6)), float(rng.choice([0, 0.5, 0.5, 1]))
    wide = max(line.mask.shape[1] for line, _ in written)
    high = sum(line.mask.shape[0] for line, _ in written) + round(sum(own for _, own in written) * (spacing - 0.5))
    edge = round(em * 0.4) + 3
    sign = _Sign(np.zeros((high + 2 * edge, wide + 2 * edge), np.uint8), em=em)
    y = float(edge)
    for line, own in written:
        rows, columns = line.mask.shape
        top, left = round(y), edge + round(align * (wide - columns))
        view = sign.ink[top : top + rows, left : left + columns]
        np.maximum(view, line.mask[: view.shape[0]], out=view)
        sign.lines.append((line.text, *_truth(line, left, top)))
        y = max(top + rows, top + spacing * own)
    sign.ink = sign.ink[: min(len(sign.ink), round(y) + edge)]
    return sign


def _truth(line: Written, left: int, top: int) -> tuple[Numbers, Numbers]:
    """Baseline (SPACE, 2) and corners (4, 2), clockwise from the top of the start, on the sign."""
    inked = np.flatnonzero(line.mask.max(axis=1) > 60)
    first, last = (float(inked[0]), float(inked[-1]) + 1) if len(inked) else (line.base - line.unit, line.base)
    first, last = min(first, line.base - line.unit), max(last, line.base + 0.15 * line.unit)
    across = np.linspace(line.left, line.right, SPACE)
    baseline = np.stack([across, np.full(SPACE, line.base)], axis=1)
    corners = np.array([[line.left, first], [line.right, first], [line.right, last], [line.left, last]])
    corner = np.array([left, top], dtype=np.float64)
    return baseline + corner, corners + corner


def _put(picture: Plane, taken: Grey, sign: _Sign, rng: Rng, upright: bool) -> list[Line]:
    """Paint a sign where there is room for it; its lines as they lie in the picture, none where there is no room."""
    height, width = picture.shape
    rows, columns = sign.ink.shape
    frame = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], dtype=np.float64)
    for _ in range(TRIES):
        corners = _quadrilateral((columns, rows), rng, upright)
        low, high = corners.min(axis=0), corners.max(axis=0)
        spare = (width, height) - (high - low) - 4
        if (spare <= 0).any():
            continue
        corners += rng.uniform(2, 2 + spare) - low
        mask = np.zeros_like(taken)
        cv2.fillConvexPoly(mask, np.round(corners).astype(np.int32), 255)
        if (taken[mask > 0] > 0).any():
            continue
        np.maximum(taken, mask, out=taken)
        way = np.asarray(cv2.getPerspectiveTransform(frame.astype(np.float32), corners.astype(np.float32)), np.float64)
        _paint(picture, sign, way, corners, rng)
        return [Line(text, 1.0, _moved(outline, way), (), baseline=_moved(base, way))
                for text, base, outline in sign.lines]  # fmt: skip
    return []


def _quadrilateral(size: tuple[int, int], rng: Rng, upright: bool) -> Numbers:
    """The corners, clockwise from the top of the start, of a sign as it is seen: turned, sheared, foreshortened."""
    width, height = size
    frame = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], dtype=np.float64) * (width / 2, height / 2)
    kind = rng.random()
    degrees = 0.0 if kind < 0.15 else float(rng.normal(0, 12)) if kind < 0.8 else float(rng.uniform(-180, 180))
    angle = np.radians(degrees + 90 * upright)
    if rng.random() < 0.6:  # one side is farther away
        near = 1 + float(rng.uniform(-0.35, 0.35)) * np.array([-1, 1, 1, -1])
        frame[:, 1] *= near
        frame[:, 0] *= 1 + float(rng.uniform(-0.12, 0.12)) * np.array([-1, -1, 1, 1])
    frame[:, 0] *= float(rng.uniform(0.65, 1.1))
    frame[:, 0] += float(rng.normal(0, 0.12)) * frame[:, 1]
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(frame @ turn.T)


def _paint(picture: Plane, sign: _Sign, way: NDArray[np.float64], corners: Numbers, rng: Rng) -> None:
    """The sign's board, if it has one, then shadow, outline and letters."""
    height, width = picture.shape
    low = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 1, (width, height))
    view = picture[low[1] : high[1], low[0] : high[0]]
    shifted = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1]]) @ way
    size = (int(high[0] - low[0]), int(high[1] - low[1]))

    def seen(plane: Grey) -> Plane:
        result = cv2.warpPerspective(plane, shifted, size, flags=cv2.INTER_AREA)
        covered: Plane = np.asarray(result, dtype=np.float32) / np.float32(255)
        return covered

    board = rng.random()
    if board < 0.5:  # a board of one grey, perhaps one that lets the ground through
        cover = seen(np.full_like(sign.ink, 255)) * (1.0 if board < 0.4 else float(rng.uniform(0.4, 0.8)))
        shade = float(rng.uniform(10, 245)) + _drift(view.shape, rng)
        view += cover * (shade - view)
        if rng.random() < 0.4:
            frame = np.zeros_like(sign.ink)
            inset = 1 + int(rng.uniform(0, 0.2) * sign.em)
            ends = (inset, inset), (frame.shape[1] - 1 - inset, frame.shape[0] - 1 - inset)
            cv2.rectangle(frame, *ends, 255, max(1, round(sign.em * float(rng.uniform(0.02, 0.08)))))
            view += seen(frame) * (float(rng.uniform(0, 255)) - view)
    ink = seen(sign.ink)
    under = float((view * ink).sum() / max(float(ink.sum()), 1e-6))
    least = APART * (0.5 if rng.random() < 0.1 else 1.0)
    greys = np.arange(0, 256)
    tone = float(rng.choice(greys[np.abs(greys - under) >= least]))
    if rng.random() < 0.2:
        reach = sign.em * float(rng.uniform(0.03, 0.12))
        move = np.array([[1, 0, reach * rng.choice([-1, 1])], [0, 1, reach * rng.choice([-1, 1])]], np.float32)
        fallen = cv2.GaussianBlur(cv2.warpAffine(sign.ink, move, sign.ink.shape[::-1]), (0, 0), 0.3 + reach * 0.5)
        cast = 0.0 if tone > 90 else 255.0
        view += seen(np.asarray(fallen, np.uint8)) * float(rng.uniform(0.3, 0.8)) * (cast - view)
    if rng.random() < 0.2:
        wide = max(1, round(sign.em * float(rng.uniform(0.03, 0.09))))
        grown = cv2.dilate(sign.ink, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * wide + 1, 2 * wide + 1)))
        view += seen(np.asarray(grown, np.uint8)) * ((0.0 if tone > 128 else 255.0) - view)
    view += ink * float(rng.uniform(0.8, 1.0)) * (tone + _drift(view.shape, rng) - view)


def _drift(shape: tuple[int, ...], rng: Rng) -> Plane:
    """Greys that change slowly over a board, by a few levels."""
    knots = rng.normal(0, 12 * rng.random(), (3, 3)).astype(np.float32)
    return np.asarray(cv2.resize(knots, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def _seen(picture: Plane, rng: Rng) -> Grey:
    """What a camera makes of it: a little out of focus, noisy, in uneven light."""
    if rng.random() < 0.6:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.4, 1.3))))
    light = np.exp(rng.normal(0, 0.15, (3, 3)).astype(np.float32))
    picture = picture * cv2.resize(light, picture.shape[::-1], interpolation=cv2.INTER_CUBIC)
    noise = rng.normal(0, 1, picture.shape).astype(np.float32) * np.float32(8 * rng.random() ** 2)
    return np.asarray(np.clip(picture + noise, 0, 255), dtype=np.uint8)


def _moved(points: Numbers, way: NDArray[np.float64]) -> tuple[tuple[float, float], ...]:
    return as_points(cv2.perspectiveTransform(points[None], way)[0])
