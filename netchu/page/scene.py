"""Text in a scene, on signs and packages: quadrilaterals at any angle, found in several looks, cut in perspective.

What a page has is not asked for here: no sheet is straightened, no line is taller or likelier than another, and order
is only from the top down and from left to right. The finder is that of pages.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu.image import Grey
from netchu.page.area_score import Outline, intersection, outline
from netchu.page.crop import BEYOND, LEAST, MARGIN, SAMPLE, TALLEST, Cut, cut_lines
from netchu.page.detect import fitting_scale, look
from netchu.page.maps import Floats
from netchu.page.reading import placed
from netchu.page.trace import FoundLine, TraceOptions
from netchu.records import Line, Page, Point

if TYPE_CHECKING:
    from netchu.read import Reader

Numbers = NDArray[np.float64]
SCENE = TraceOptions(even=False)  # lettering of all sizes stands side by side
LOOKS = (1.0, 0.5, 0.25)  # times the size at which a page is looked at: the network knows letters of a page's size
SEEN = (7.0, 64.0)  # pixels: lines lower or taller than that in a look are left to another one
SAME = 0.5  # share of the smaller outline that two findings of one line have in common
BENT = 0.2  # of its height that a baseline may leave a straight one; other lines are cut along it
OUTER = 0.75  # quantile of an edge's distance from the baseline that is the quadrilateral's
STEEPEST = 0.3  # slope of an edge against the baseline
TELLING = 4.0  # heights: shorter lines' edges are taken for less sloping than they look
STEEP = 0.6  # radians: lines more askew than this are read from both ends
UNSURE = 0.75  # mean confidence of letters: so are lines read with less than this
ROW = 0.5  # of the lower one's height that lines of one row have in common


@dataclass(frozen=True)
class Flattened:
    """A quadrilateral seen from the front: grey (h, w), and the way (3, 3) from its pixels to the picture's."""

    picture: Grey
    way: Numbers

    def to_page(self, points: Numbers) -> Numbers:
        """(n, 2) of the strip -> (n, 2) of the picture, pixels."""
        at = np.asarray(points, dtype=np.float64).reshape(-1, 1, 2)
        found: Numbers = np.asarray(cv2.perspectiveTransform(at, self.way), dtype=np.float64).reshape(-1, 2)
        return found


def find_scene(paint: Callable[[Grey], Floats], grey: Grey, options: TraceOptions = SCENE) -> list[FoundLine]:
    """The lines of text in a scene (h, w), in rows from the top down, in its pixels; straight ones as quadrilaterals.

    `paint` as in detect.find_with. What is found in more than one look is kept once, as it was surest.
    """
    height, width = grey.shape
    full = fitting_scale(width, height)
    found: list[FoundLine] = []
    for share in LOOKS:
        scale = full * share
        lines = look(paint, grey, scale, options)
        found += [line for line in lines if SEEN[0] <= line.height * scale <= SEEN[1]]
    lines = [squared(line) for line in _single(found)]
    return [lines[place] for place in in_rows(lines)]


def _single(lines: Sequence[FoundLine]) -> list[FoundLine]:
    """Lines without those that lie on a surer or longer one."""
    kept: list[FoundLine] = []
    shapes: list[Outline] = []
    for line in sorted(lines, key=lambda line: -line.confidence):
        shape = outline(line.polygon)
        if all(intersection(shape, other) < SAME * min(shape.area, other.area) for other in shapes):
            kept.append(line)
            shapes.append(shape)
    return kept


def squared(line: FoundLine) -> FoundLine:
    """A line with the quadrilateral around it for its outline; a bent one as it is.

    The quadrilateral's corners go clockwise from the top of the line's start. Short lines say little of perspective:
    their letters differ in height anyway.
    """
    half = len(line.polygon) // 2
    base = np.asarray(line.baseline, dtype=np.float64)
    along = base[-1] - base[0]
    length = float(np.hypot(*along))
    if half < 2 or half != len(base) or length < 1e-6:
        return line
    axes = np.stack([along, [-along[1], along[0]]]) / length  # along the line, and down from it
    across, down = ((base - base[0]) @ axes.T).T
    off = np.abs(down - np.polyval(np.polyfit(across, down, 1), across)) if half > 2 else np.zeros(1)
    if np.quantile(off, 0.9) > BENT * line.height:  # not the most: a flourish is no arc
        return line
    told = min(1.0, length / (TELLING * line.height))
    corners = []
    for side, outer in ((line.polygon[:half], 1 - OUTER), (line.polygon[half:][::-1], OUTER)):
        u, v = ((np.asarray(side, dtype=np.float64) - base[0]) @ axes.T).T
        slope = float(np.clip(np.polyfit(u, v, 1)[0], -STEEPEST, STEEPEST)) * told if np.ptp(u) > 1 else 0.0
        level = float(np.quantile(v - slope * u, outer))
        corners.append(np.array([[0.0, level], [length, level + slope * length]]) @ axes + base[0])
    (start_top, end_top), (start_foot, end_foot) = corners
    points = np.round([start_top, end_top, end_foot, start_foot], 1).tolist()
    return replace(line, polygon=tuple((x, y) for x, y in points))


def in_rows(lines: Sequence[FoundLine]) -> list[int]:
    """Places of lines from the top down, those of one height from left to right."""
    boxes = np.array([(*np.min(line.polygon, axis=0), *np.max(line.polygon, axis=0)) for line in lines]).reshape(-1, 4)
    rows: list[list[int]] = []
    for place in sorted(range(len(lines)), key=lambda each: (boxes[each, 1] + boxes[each, 3], boxes[each, 0])):
        top, foot = boxes[place, 1], boxes[place, 3]
        last = boxes[rows[-1][0]] if rows else None
        shared = 0.0 if last is None else min(foot, last[3]) - max(top, last[1])
        if last is not None and shared > ROW * min(foot - top, last[3] - last[1]):
            rows[-1].append(place)
        else:
            rows.append([place])
    return [place for row in rows for place in sorted(row, key=lambda each: float(boxes[each, 0]))]


def cut_scene(grey: Grey, lines: Sequence[FoundLine]) -> list[Cut | Flattened]:
    """A picture (h, w) and lines in it -> strips: of quadrilaterals in perspective, of others along the baseline."""
    bent = iter(cut_lines(grey, [line for line in lines if len(line.polygon) != 4]))
    return [flattened(grey, line.polygon) if len(line.polygon) == 4 else next(bent) for line in lines]


def flattened(grey: Grey, corners: Sequence[Point]) -> Flattened:
    """What is inside a quadrilateral, and a little around it, as seen from the front.

    `corners` go clockwise from the top of the line's start, in pixels of the picture.
    """
    quad = np.asarray(corners, dtype=np.float64)
    sides = np.hypot(*(np.roll(quad, -1, axis=0) - quad).T)
    height, width = max(LEAST, float(max(sides[1], sides[3]))), max(1.0, float(sides[0] + sides[2]) / 2)
    times = max(1, math.floor(height / TALLEST), math.ceil(width / SAMPLE))
    height, width = height / times, width / times
    over, beyond = MARGIN * height, BEYOND * height
    rows, columns = max(1, round(height + 2 * over)), max(1, round(width + 2 * beyond))
    ends = (beyond, over), (columns - beyond, over), (columns - beyond, rows - over), (beyond, rows - over)
    way = cv2.getPerspectiveTransform(np.array(ends, np.float32), quad.astype(np.float32)).astype(np.float64)
    page = cv2.resize(grey, None, fx=1 / times, fy=1 / times, interpolation=cv2.INTER_AREA) if times > 1 else grey
    back = _moved(-0.5) @ np.diag([1 / times, 1 / times, 1.0]) @ way @ _moved(0.5)  # to cv2 whole numbers are centres
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    strip = cv2.warpPerspective(page, back, (columns, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return Flattened(np.asarray(strip, np.uint8), way)


def _moved(by: float) -> Numbers:
    return np.array([[1.0, 0.0, by], [0.0, 1.0, by], [0.0, 0.0, 1.0]])


def read_scene(reader: Reader, grey: Grey, name: str = "", boxes: bool = True) -> Page:
    """The text in a scene (h, w): the lines that the reader's finder finds and that have a text, in rows.

    Steep lines and those read badly are read from their other end, too, and the surer reading is kept: which way
    letters stand is harder to see than that there are some.
    """
    height, width = grey.shape
    lines = find_scene(reader.finder_of(scene=True).maps, grey)
    cuts = cut_scene(grey, lines)
    texts = reader.read_lines([cut.picture for cut in cuts], boxes)
    doubtful = [
        place for place, (line, text) in enumerate(zip(lines, texts))
        if len(line.polygon) == 4 and (_angle(line) > STEEP or _sureness(text) < UNSURE)
    ]  # fmt: skip
    others = [on_its_head(lines[place]) for place in doubtful]
    again = cut_scene(grey, others)
    read = reader.read_lines([cut.picture for cut in again], boxes)
    for place, line, cut, text in zip(doubtful, others, again, read):
        if _sureness(text) > _sureness(texts[place]):
            lines[place], cuts[place], texts[place] = line, cut, text
    kept = [placed(text, cut, line, (width, height)) for text, cut, line in zip(texts, cuts, lines) if text.text]
    return Page(width, height, tuple(kept), name)


def on_its_head(line: FoundLine) -> FoundLine:
    """A quadrilateral read from its other end, its baseline as far over the other edge."""
    start_top, end_top, end_foot, start_foot = (np.asarray(corner) for corner in line.polygon)
    base = np.asarray(line.baseline, dtype=np.float64)
    over = (start_top + end_top + start_foot + end_foot) / 2 - base[0] - base[-1]
    moved = np.round(base[::-1] + over, 1).tolist()
    return replace(line, polygon=line.polygon[2:] + line.polygon[:2], baseline=tuple((x, y) for x, y in moved))


def _angle(line: FoundLine) -> float:
    """How far a line is from running to the right, in radians."""
    across, down = np.subtract(line.baseline[-1], line.baseline[0])
    return abs(math.atan2(float(down), float(across)))


def _sureness(line: Line) -> float:
    return float(np.mean([char.confidence for char in line.chars])) if line.chars else 0.0
