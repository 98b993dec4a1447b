"""The exact extent of TrueType outlines: simple and composite glyphs, quadratic curves (OpenType 1.9, "glyf")."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]  # (n, 2): x, y in font units, y up
_DEEP = 8  # composites of composites; more is a loop
_HEADER = 10


def curve_points(raw: Callable[[int], bytes], glyph: int, depth: int = 0) -> Points:
    """Points whose bounding box is that of the glyph's curves; `raw` gives the bytes of any glyph's outline."""
    data = raw(glyph)
    if len(data) < _HEADER or depth > _DEEP:
        return np.zeros((0, 2))
    contours = struct.unpack_from(">h", data)[0]
    return _simple(data, contours) if contours >= 0 else _composite(raw, data, depth)


def _simple(data: bytes, contours: int) -> Points:
    if not contours:
        return np.zeros((0, 2))
    ends = struct.unpack_from(f">{contours}H", data, _HEADER)
    at = _HEADER + 2 * contours
    at += 2 + struct.unpack_from(">H", data, at)[0]  # hinting instructions
    count = ends[-1] + 1
    flags = bytearray()
    while len(flags) < count:
        flag = data[at]
        at += 1
        repeat = 1
        if flag & 8:
            repeat += data[at]
            at += 1
        flags += bytes([flag]) * repeat
    del flags[count:]
    x, at = _deltas(data, at, flags, 2, 16)
    y, at = _deltas(data, at, flags, 4, 32)
    points = np.stack([np.cumsum(x), np.cumsum(y)], 1).astype(np.float64)
    on = (np.frombuffer(bytes(flags), np.uint8) & 1).astype(bool)
    starts = (0, *(end + 1 for end in ends[:-1]))
    return np.concatenate([_extremes(points[a : b + 1], on[a : b + 1]) for a, b in zip(starts, ends)])


def _deltas(data: bytes, at: int, flags: bytearray, short: int, same: int) -> tuple[list[int], int]:
    """One coordinate of each point, from the one before, and where the next coordinate starts."""
    deltas = []
    for flag in flags:
        if flag & short:
            deltas.append(data[at] if flag & same else -data[at])
            at += 1
        elif flag & same:
            deltas.append(0)
        else:
            deltas.append(struct.unpack_from(">h", data, at)[0])
            at += 2
    return deltas, at


def _extremes(points: Points, on: NDArray[np.bool_]) -> Points:
    """The points of a contour that lie on it, and where its curves turn back."""
    if len(points) < 2 or not np.ptp(points, axis=0).all():  # an anchor or a stray line without area, not ink
        return np.zeros((0, 2))
    before, after = np.roll(points, 1, 0), np.roll(points, -1, 0)
    before_on, after_on = np.roll(on, 1)[:, None], np.roll(on, -1)[:, None]
    off = ~on
    start = np.where(before_on, before, (before + points) / 2)[off]
    stop = np.where(after_on, after, (after + points) / 2)[off]
    middle = points[off]
    bend = start - 2 * middle + stop
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.nan_to_num((start - middle) / bend, nan=0.0, posinf=0.0, neginf=0.0).clip(0, 1)
    turned = (1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * stop  # x and y each at its own t
    return np.concatenate([points[on], start, stop, turned])


def _composite(raw: Callable[[int], bytes], data: bytes, depth: int) -> Points:
    """Components at their places. A scaled component's curves turn where its own do, rotated ones nearly."""
    pieces = [np.zeros((0, 2))]
    at, more = _HEADER, True
    while more:
        flags, glyph = struct.unpack_from(">HH", data, at)
        at += 4
        shift = struct.unpack_from(">hh" if flags & 1 else ">bb", data, at)
        at += 4 if flags & 1 else 2
        count = 1 if flags & 8 else 2 if flags & 64 else 4 if flags & 128 else 0
        scale = [value / 16384 for value in struct.unpack_from(f">{count}h", data, at)]
        at += 2 * count
        a, b, c, d = {0: (1, 0, 0, 1), 1: (*scale, 0, 0, *scale), 2: (*scale[:1], 0, 0, *scale[1:]), 4: scale}[count]
        points = curve_points(raw, glyph, depth + 1) @ np.array([[a, b], [c, d]], np.float64)
        if flags & 2:  # else the shift names points to be matched, which only hinted Hangul and Arabic use
            points = points + np.array(shift, np.float64)
        pieces.append(points)
        more = bool(flags & 32)
    return np.concatenate(pieces)
