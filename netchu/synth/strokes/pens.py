"""What a pen leaves along its way: width and coverage by speed, direction and stroke ends; drawn anti-aliased."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu.synth.ink import Mask
from netchu.synth.strokes.hand import Hand, Reals
from netchu.synth.strokes.kinematics import Path, Points

_BITS = 3  # of a drawn point's place, below one drawn pixel


def press(path: Path, dense: Reals, hand: Hand) -> tuple[Reals, Reals]:
    """The pen's width in ems and its coverage 0 .. 1 at each moment of a path; both (n, s + 1).

    `dense` (characters,) scales the width: nobody writes twenty strokes as broadly as three.
    """
    speed = np.clip(path.speed, 0.2, 3.0)
    air = path.stroke < 0
    width = hand.width * dense[path.char][:, None] * np.ones_like(speed)
    cover = np.ones_like(speed)
    if hand.pen == "ball":
        cover -= 0.25 * hand.speed * np.clip(speed - 1.4, 0, 1)
        width *= np.where(air, 0.85, 1.0)[:, None]
    elif hand.pen == "pencil":
        cover -= 0.12 + 0.2 * hand.speed * np.clip(speed - 0.6, 0, 1.5)
        width *= (1.06 - 0.1 * hand.speed * np.clip(speed - 0.5, 0, 2)) * np.where(air, 0.8, 1.0)[:, None]
    else:
        width *= np.clip(speed, 0.55, 2.2) ** (-0.22 * hand.speed * (0.4 + 0.6 * hand.contrast))
        down = np.abs(np.sin(np.angle(path.points[:, -1] - path.points[:, 0])))
        width *= (1 + hand.nib * (down - 0.55))[:, None]
        width *= 1 + hand.contrast * (0.45 if hand.pen == "fibre" else 1.0) * (_ends(path, hand) - 1)
        width *= np.where(air, 1 - 0.62 * hand.contrast, 1.0)[:, None]
    return width, np.clip(cover, 0.35, 1.0)


def _ends(path: Path, hand: Hand) -> Reals:
    """Width along each stroke, about 1: pressed at first; stopped (tome), swept (harai), hooked (hane) at its end."""
    parts = np.flatnonzero(path.stroke >= 0)
    points, stroke = path.points[parts], path.stroke[parts]
    steps = np.abs(np.diff(points, axis=1))
    gone = np.cumsum(np.c_[np.zeros(len(parts)), steps], axis=1)
    total = np.cumsum(gone[:, -1])
    gone += (total - gone[:, -1])[:, None]
    first = np.r_[True, stroke[1:] != stroke[:-1]]
    index = np.cumsum(first) - 1
    last = np.r_[np.flatnonzero(first)[1:] - 1, len(parts) - 1]
    begin, end = gone[first, 0], gone[last, -1]
    length = np.maximum(end - begin, 1e-4)
    since, left = gone - begin[index][:, None], end[index][:, None] - gone

    final = points[last, -1] - points[last, 0]
    angle = np.angle(final)
    alone = steps[last].sum(axis=1)
    hook = (alone < 0.45 * length) & (last > 0) & (np.flatnonzero(first) != last)
    before = points[last - 1, -1] - points[last - 1, 0]
    hook &= np.abs(np.angle(final * np.conj(np.where(before == 0, 1, before)))) > 0.9
    sweep_left = (angle > 1.85) | ((np.abs(angle - np.pi / 2) < 0.28) & hand.needle) | (angle < -0.12)
    sweep_right = (angle > 0.3) & (angle < 1.25) & (length > 0.3)
    dot = (length < 0.2) & (angle > 0.2) & (angle < 1.85)
    tail = np.where(hook, alone, np.where(sweep_right, np.minimum(0.3 * length, 0.2), np.minimum(0.6 * length, 0.36)))
    tail = np.where(hook | sweep_left | sweep_right, tail, 0.0)

    near, at = 0.9 * hand.width, index
    shape = 0.9 + 0.12 * np.exp(-((since / near) ** 2))
    stop = np.where(tail == 0, 0.16, 0.0)
    shape += stop[at][:, None] * np.exp(-((left / near) ** 2))
    swell = np.where(sweep_right & ~hook, 0.5, 0.0)
    middle = (left - tail[at][:, None]) / np.maximum(0.3 * length[at][:, None], 1e-4)
    shape += swell[at][:, None] * np.exp(-(middle**2))
    fade = np.clip(left / np.maximum(tail[at][:, None], 1e-4), 0, 1)
    shape *= np.where(tail[at][:, None] > 0, 0.1 + 0.9 * np.sqrt(fade), 1.0)
    grow = 0.5 + 0.65 * since / length[at][:, None]
    shape = np.where(dot[at][:, None] & (tail[at][:, None] == 0), grow, shape)
    ends = np.full(path.points.shape, 0.9)
    ends[parts] = shape
    return ends


def draw(path: Path, width: Reals, cover: Reals, shape: tuple[int, int], zoom: int) -> Mask:
    """The ink (height, width) of a path in pixels, drawn `zoom` times as fine and averaged.

    `width` (pixels) and `cover` are per point, (n, s + 1).
    """
    fine = np.zeros((shape[0] * zoom, shape[1] * zoom), np.uint8)
    shades = np.rint(cover * 15).astype(np.intp) * 17  # drawn in rising order, so that full ink stays on top
    for polygons, shade, thickness in _strips(path.points, width, shades, zoom):
        cv2.polylines(fine, polygons, False, (shade,), thickness, cv2.LINE_8, _BITS)
    return cv2.resize(fine, (shape[1], shape[0]), interpolation=cv2.INTER_AREA).astype(np.uint8)


def draw_labels(path: Path, width: Reals, mask: Mask, zoom: int) -> NDArray[np.uint16]:
    """For each pixel of `mask` which character's ink it is, counted from 1; later strokes lie on top; 0 for no ink."""
    fine = np.zeros((mask.shape[0] * zoom, mask.shape[1] * zoom), np.uint16)
    owner = np.broadcast_to(path.char[:, None] + 1, width.shape)
    for polygons, number, thickness in _strips(path.points, width, owner, zoom):
        cv2.polylines(fine, polygons, False, (number,), thickness, cv2.LINE_8, _BITS)
    labels = fine[zoom // 2 :: zoom, zoom // 2 :: zoom]
    for _ in range(2):  # the rim of a stroke is partly covered pixels whose middles are bare
        labels = np.where((labels == 0) & (mask > 0), cv2.dilate(labels, np.ones((3, 3), np.uint8)), labels)
    return np.where(mask > 0, labels, 0).astype(np.uint16)


def _strips(
    points: Points, width: Reals, value: NDArray[np.intp], zoom: int
) -> Iterator[tuple[list[NDArray[np.int32]], int, int]]:
    """Pieces of the path (each (k, 2) points in fixed point), by value and thickness in drawn pixels, in rising order.

    Arcs of one thickness and value are one piece each; of the others each step is one.
    """
    places = np.stack([points.real, points.imag], -1) * zoom - 0.5
    fixed: NDArray[np.int32] = np.rint(places * (1 << _BITS)).astype(np.int32)
    thick = np.maximum(1, np.rint(width * zoom)).astype(np.intp)
    keys = value * 1024 + thick
    whole = (keys[:, 1:] == keys[:, :-1]).all(axis=1)
    steps: NDArray[np.int32] = np.stack([fixed[~whole, :-1], fixed[~whole, 1:]], axis=2).reshape(-1, 2, 2)
    step_keys = np.minimum(keys[~whole, :-1], keys[~whole, 1:]).ravel()
    sorted_arcs, arc_keys = _by_key(fixed[whole], keys[whole, 0])
    sorted_steps, step_keys = _by_key(steps, step_keys)
    every = np.unique(np.concatenate([arc_keys, step_keys]))
    arc_ends = np.searchsorted(arc_keys, every, side="right").tolist()
    step_ends = np.searchsorted(step_keys, every, side="right").tolist()
    arc = step = 0
    for key, arc_end, step_end in zip(every.tolist(), arc_ends, step_ends):
        yield [*sorted_arcs[arc:arc_end], *sorted_steps[step:step_end]], key // 1024, key % 1024
        arc, step = arc_end, step_end


def _by_key(pieces: NDArray[np.int32], keys: NDArray[np.intp]) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    order = np.argsort(keys, kind="stable")
    return pieces[order], keys[order]
