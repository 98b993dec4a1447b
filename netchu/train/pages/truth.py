"""Pages of the truth as training takes them: tracks of their lines, and which pages choose the best weights."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu.data.page_sources import document, scored_page, split_pages
from netchu.data.pages import IGNORED, PageSample, read_pages
from netchu.errors import NetchuError
from netchu.image import Grey, open_grey
from netchu.page.maps import Track, track
from netchu.records import Line, Point

SPACING = 8.0  # pixels of the page between the points of a track, about
FEET = 0.22  # of a line's height lies below its baseline, where only its outline is known: what print has
KEPT = 160  # pictures held in memory


@dataclass(frozen=True)
class PageTruth:
    """A page: its grey picture (when asked for), tracks and don't-care areas in its pixels."""

    tracks: tuple[Track, ...]
    ignored: tuple[NDArray[np.float64], ...]
    path: Path | None = None
    drawn: Grey | None = None
    source: str = ""

    @property
    def picture(self) -> Grey:
        """uint8 (h, w)."""
        if self.drawn is not None:
            return self.drawn
        assert self.path is not None
        return _opened(self.path)


@dataclass(frozen=True)
class PageMaterial:
    """What a run trains on and what it chooses by. `digests`: data set -> what it holds."""

    train: tuple[PageTruth, ...]
    held: tuple[PageSample, ...]
    digests: dict[str, str]


def gather_pages(paths: Sequence[Path], held: float) -> PageMaterial:
    """The train parts of page data sets, about `held` of their pages, by document, kept back to choose by.

    Pages of val and test are never looked at. Raises NetchuError when no page is left to train on.
    """
    train: list[PageTruth] = []
    kept: list[PageSample] = []
    digests = {}
    for path in paths:
        pages = split_pages(read_pages(path))
        digests[path.resolve().name] = pages.digest()
        for sample in pages.part("train").samples:
            name = document(sample.source, pages.name(sample))
            if _is_held(sample.source, name, held) and all(line.baseline for line in sample.page.lines):
                kept.append(sample)
            else:
                train.append(truth_of(sample))
    if not train and paths:
        raise NetchuError(f"{paths[0]}: no page of the train part is left to learn from; lower held, or add pages")
    return PageMaterial(tuple(train), tuple(kept), digests)


def _is_held(source: str, name: str, share: float) -> bool:
    key = hashlib.sha256(f"held\0{source}\0{name}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(key[:4], "big") < share * (1 << 32)


def truth_of(sample: PageSample) -> PageTruth:
    """A page of the truth; lines without a baseline get one from their outline."""
    lines = scored_page(sample).lines
    tracks = [track_of(line) for line in lines if line.text != IGNORED]
    ignored = [np.array(line.polygon) for line in lines if line.text == IGNORED]
    return PageTruth(tuple(tracks), tuple(ignored), sample.image, source=sample.source)


def track_of(line: Line) -> Track:
    """The track of a line; without a baseline it gets one FEET of its height above the lower edge of its outline."""
    return track(line.baseline or _standing(line.polygon), line.polygon, SPACING)


def _standing(polygon: Sequence[Point]) -> tuple[Point, Point]:
    """A straight baseline within an outline, from left to right (from the top down where it is taller than wide)."""
    corners = cv2.boxPoints(cv2.minAreaRect(np.array(polygon, dtype=np.float32))).astype(np.float64)
    sides = np.roll(corners, -1, axis=0) - corners
    longer = int(np.hypot(*sides[1]) > np.hypot(*sides[0]))
    one, two, three, four = np.roll(corners, -longer, axis=0)  # one-two and four-three are the long sides
    first, second = (one, two), (four, three)
    flat = abs(two[0] - one[0]) >= abs(two[1] - one[1])
    if (two - one)[0 if flat else 1] < 0:
        first, second = (two, one), (three, four)
    is_lower = first[0][1] > second[0][1] if flat else first[0][0] < second[0][0]
    lower, upper = (first, second) if is_lower else (second, first)
    start, end = (low + FEET * (high - low) for low, high in zip(lower, upper))
    return (float(start[0]), float(start[1])), (float(end[0]), float(end[1]))


@lru_cache(maxsize=KEPT)
def _opened(path: Path) -> Grey:
    return open_grey(path)
