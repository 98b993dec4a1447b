"""The edges of a sheet that lies on something darker: where they can be seen, they say how the camera was held."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu.image import Grey
from netchu.page.light import preview

Numbers = NDArray[np.float64]
POINTS = 13  # of a baseline or an edge, evenly along it
SMALL = 640  # pixels of the longer side at which edges are looked for
APART = 45.0  # grey levels between sheet and surroundings, at least
LEAST = 0.3  # share of the picture that a sheet takes up
BORDER = 2.5  # pixels from the picture's border within which an edge is the picture's, not the sheet's
INSET = 0.04  # share of an edge at either corner that is left out: corners are round, or bent
ROUGH = 1.2  # pixels of the small picture that an edge may stray from a smooth curve
DEGREE = 4  # of that curve


@dataclass(frozen=True)
class Edge:
    """An edge of the sheet: `points` (POINTS, 2) in pixels; `level` for the upper and the lower one."""

    points: Numbers
    level: bool


def sheet_edges(grey: Grey) -> tuple[Edge, ...]:
    """Those edges of a light sheet on a dark ground that are whole, smooth and within the picture: none to four."""
    small = preview(grey, SMALL)
    rows, columns = small.shape
    _, mask = cv2.threshold(cv2.GaussianBlur(small, (5, 5), 0), 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    if mask.min() == mask.max() or float(np.median(small[mask > 0])) - float(np.median(small[mask == 0])) < APART:
        return ()
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))  # lines near an edge do not notch it
    contours, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(contours, key=cv2.contourArea)
    if cv2.contourArea(outline) < LEAST * mask.size:
        return ()
    points = outline[::-1, 0].astype(np.float64)  # clockwise
    x, y = points.T
    corners = [int(np.argmin(each)) for each in (x + y, y - x, -x - y, x - y)]
    found = []
    for side in range(4):
        start, stop = corners[side], corners[(side + 1) % 4]
        piece = np.roll(points, -start, axis=0)[: (stop - start) % len(points) + 1]
        level = side % 2 == 0
        edge = _edge(piece, small.shape, level)
        if edge is not None:
            found.append(Edge((edge + 0.5) * (grey.shape[1] / columns, grey.shape[0] / rows), level))
    return tuple(found)


def _edge(piece: Numbers, shape: tuple[int, ...], level: bool) -> Numbers | None:
    """A side of an outline as a smooth curve, (POINTS, 2); None where it is none."""
    inset = round(INSET * len(piece))
    piece = piece[inset : len(piece) - inset]
    along, across = (piece[:, 0], piece[:, 1]) if level else (piece[:, 1], piece[:, 0])
    if len(piece) < 4 * POINTS or np.ptp(along) < 0.4 * shape[1 if level else 0]:
        return None
    side = shape[0 if level else 1]
    if float(((across < BORDER) | (across > side - 1 - BORDER)).mean()) > 0.02:
        return None
    middle, half = along.mean(), np.ptp(along) / 2
    curve = np.polynomial.Polynomial.fit((along - middle) / half, across, DEGREE)
    if float(np.sqrt(np.mean((curve((along - middle) / half) - across) ** 2))) > ROUGH:
        return None
    places = np.linspace(along.min(), along.max(), POINTS)
    smooth = curve((places - middle) / half)
    return np.stack([places, smooth] if level else [smooth, places], axis=1)


def evenly(corners: Numbers) -> Numbers:
    """POINTS points along a polyline (n, 2), evenly, each the mean of what is around it: (POINTS, 2)."""
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))])
    at = np.linspace(0, lengths[-1], 4 * (POINTS - 1) + 1)
    fine = np.stack([np.interp(at, lengths, corners[:, axis]) for axis in (0, 1)], axis=1)
    before, after = 2 * fine[:1] - fine[2:0:-1], 2 * fine[-1:] - fine[-2:-4:-1]
    padded = np.concatenate([before, fine, after])
    return np.asarray(np.mean([padded[place : place + len(fine) : 4] for place in range(5)], axis=0))
