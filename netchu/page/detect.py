"""Finding the lines of a page with a model file: picture in, baselines and outlines out. Needs no torch."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu import zoo
from netchu.errors import NetchuError
from netchu.image import Grey, Source, open_grey
from netchu.page.bands import MULTIPLE, paint_in_bands
from netchu.page.crop import cut_lines
from netchu.page.ink import is_rule
from netchu.page.maps import STRIDE, Floats
from netchu.page.trace import USUAL, FoundLine, TraceOptions, trace
from netchu.records import Line, Page
from netchu.session import METADATA_KEY, open_onnx

FORMAT_VERSION = 1
KIND = "lines"  # what the metadata of a line finder say it is
AREA = 1.16e6  # pixels at which a page is looked at: A4 is 1280 high then
MOST = 4e6  # pixels of a second look at a page of small writing
SMALL = 20.0  # line height, in pixels of the first look, under which there is a second one
WANTED = 30.0  # line height in the second look
LONGEST = 16_384  # pixels of a side as the network sees it
UNDOUBTED = 0.97  # confidence from which a line is not asked whether it is but a rule


@dataclass(frozen=True)
class FinderInfo:
    """What a line finder's file says of itself."""

    name: str
    architecture: str = ""
    parameters: int = 0
    data: dict[str, str] = field(default_factory=dict)  # training set -> digest
    scores: dict[str, Any] = field(default_factory=dict)
    licence: str = ""

    def to_json(self) -> str:
        return json.dumps({**self.__dict__, "format": FORMAT_VERSION, "kind": KIND}, ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> FinderInfo:
        """What to_json wrote. Raises ValueError, KeyError, TypeError or NetchuError when it is anything else."""
        fields = json.loads(text)
        if not isinstance(fields, dict):
            raise ValueError(f"{type(fields).__name__} instead of an object")
        if fields.get("kind") != KIND:
            raise NetchuError("reads lines and does not find them; name a model that netchu train --pages made")
        if fields["format"] != FORMAT_VERSION:
            raise NetchuError(f"model format {fields['format']} is not one this version reads; install a newer netchu")
        return cls(**{name: value for name, value in fields.items() if name in cls.__dataclass_fields__})


def fitting_scale(width: int, height: int, area: float = AREA) -> float:
    """By what a page is scaled to be looked at: down to `area` pixels and to sides of LONGEST, never up."""
    return min(1.0, math.sqrt(area / (width * height)), LONGEST / max(width, height))


class LineFinder:
    """A loaded line finder. Holds no state of its own, so any number of threads may share one."""

    def __init__(self, path: str | os.PathLike[str], threads: int = 1) -> None:
        """Load a `.onnx` of ours. Raises NetchuError when it is missing, damaged, or no line finder."""
        if threads < 1:
            raise NetchuError(f"threads={threads}: a session needs at least 1")
        self.path = os.fspath(path)
        data, self._session, metadata = open_onnx(path, threads, "fetch or export it again")
        try:
            self.info = FinderInfo.from_json(metadata[METADATA_KEY])
        except NetchuError as error:
            raise NetchuError(f"{self.path}: {error}") from None
        except KeyError:
            raise NetchuError(f"{self.path}: an ONNX model, but no line finder of ours; export it again") from None
        except (TypeError, ValueError, RecursionError) as error:
            raise NetchuError(
                f"{self.path}: its {METADATA_KEY!r} metadata cannot be understood ({error}); export it again"
            ) from None
        self.digest = hashlib.sha256(data).hexdigest()

    def maps(self, images: NDArray[np.uint8]) -> Floats:
        """uint8 (N, H, W), sides divisible by 32 -> float32 (N, MAPS, H / 4, W / 4)."""
        maps: Floats = self._session.run(["maps"], {"images": images})[0]
        return maps

    def find_lines(self, picture: Source, options: TraceOptions = USUAL) -> list[FoundLine]:
        """The lines of a page, from the top down, in its pixels: see `find_with`.

        Raises NetchuError when it is not a picture.
        """
        return find_with(self.maps, open_grey(picture), options)


def open_finder(finder: str = "lines", threads: int = 1) -> LineFinder:
    """A bundled line finder by its name, or that of a path. Raises NetchuError as LineFinder does."""
    return LineFinder(zoo.find_finder(finder), threads)


def find_with(paint: Callable[[Grey], Floats], grey: Grey, options: TraceOptions = USUAL) -> list[FoundLine]:
    """The lines of a grey page (h, w), from the top down, in its pixels; none on a blank one.

    `paint`: uint8 (N, H, W) -> maps (N, MAPS, H / 4, W / 4). Pages are looked at with about a million pixels, those of
    small writing then once more with up to four. Empty rules of the paper are no lines.
    """
    height, width = grey.shape
    scale = fitting_scale(width, height)
    lines = look(paint, grey, scale, options)
    if lines:
        usual = float(np.median([line.height for line in lines])) * scale
        larger = scale * WANTED / max(usual, 4.0)
        larger = min(larger, math.sqrt(MOST / (width * height)), LONGEST / max(width, height))
        if usual < SMALL and larger > 1.15 * scale:
            lines = look(paint, grey, larger, options)
    doubtful = [line for line in lines if line.confidence < UNDOUBTED]
    empty = {line for line, cut in zip(doubtful, cut_lines(grey, doubtful)) if is_rule(cut.picture)}
    return [line for line in lines if line not in empty]


def look(paint: Callable[[Grey], Floats], grey: Grey, scale: float, options: TraceOptions) -> list[FoundLine]:
    """What is found in one look at a grey page (h, w), made `scale` times as large, in its pixels."""
    seen = scaled(grey, scale)
    rows, columns = seen.shape
    down, right = (-side % MULTIPLE for side in seen.shape)
    padded = np.asarray(cv2.copyMakeBorder(seen, 0, down, 0, right, cv2.BORDER_REPLICATE), dtype=np.uint8)
    maps = paint_in_bands(paint, padded)[:, : -(-rows // STRIDE), : -(-columns // STRIDE)]
    height, width = grey.shape
    return trace(maps, (width / columns, height / rows), options)


def page_of(page: Page, lines: Iterable[FoundLine]) -> Page:
    """Found lines, without texts, as the record of a page of the same size and source."""
    records = tuple(Line("", 0.0, line.polygon, (), baseline=line.baseline) for line in lines)
    return replace(page, lines=records, regions=())


def scaled(grey: Grey, scale: float) -> Grey:
    """A page (h, w) made so many times as large, at least one pixel wide and high."""
    rows, columns = (max(1, round(side * scale)) for side in grey.shape)
    if (rows, columns) == grey.shape:
        return grey
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, (columns, rows), interpolation=way), dtype=np.uint8)
