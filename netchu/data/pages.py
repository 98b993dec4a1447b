"""The native page data set: a folder with `pages.jsonl` beside its pictures.

UTF-8, one JSON object a line: `image` (a path relative to the file, forward slashes), `width`, `height`, `lines`; and,
where known, `source` (which collection), `split` (train | val | test), `regions`. A line has `text`, `polygon` and
`baseline`, points `[x, y]` in pixels of the picture as it is shown (EXIF rotation applied); polygon or baseline may be
missing, not both. The text IGNORED marks a don't-care area: what readers find there is not scored. A region is
`{kind, polygon, lines}` as in `records`. Lines stand in reading order.

A page is right or it is left out: with one line missing, every reader that finds that line would be called wrong. What
cannot be right is in `rejects`; what was repaired without loss is in `changes`; what may be meant is in `doubts`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from PIL import Image

from netchu.data.lines import (
    SPLITS,
    Reject,
    by_reason,
    find_picture,
    image_name,
    read_text_lines,
    tidy_text,
    write_whole,
)
from netchu.data.lines import TABLE as LINES_TABLE
from netchu.errors import NetchuError
from netchu.records import Line, Page, Point

TABLE = "pages.jsonl"
FIELDS = ("image", "width", "height", "lines", "source", "split", "regions")
IGNORED = "###"  # as in ICDAR's sets
LINE_FIELDS = ("text", "polygon", "baseline")
OUTSIDE = 0.02  # of the longer side: points no farther beyond the page are moved to its edge
TURNED = frozenset({5, 6, 7, 8})  # EXIF orientations that exchange width and height


@dataclass(frozen=True)
class PageSample:
    """A picture and what is on it. `image` can be opened as it is; `source` is the collection it comes from."""

    image: Path
    page: Page
    split: str | None = None
    source: str = ""


@dataclass(frozen=True)
class PageSet:
    """Pages with their lines, in the file's order.

    `rejects` are the pages left out, `changes` what was altered in those kept, `doubts` what was kept as it is but may
    be a mistake. `table` is the file, `root` its folder, absolute.
    """

    root: Path
    samples: tuple[PageSample, ...]
    rejects: tuple[Reject, ...] = ()
    changes: tuple[Reject, ...] = ()
    doubts: tuple[Reject, ...] = ()
    table: Path | None = None

    def __len__(self) -> int:
        return len(self.samples)

    def part(self, split: str | None) -> PageSet:
        """The pages of one split (None: those without one), which may be none; rejects and notes stay behind.

        Raises NetchuError when `split` is not train, val or test.
        """
        if split is not None and split not in SPLITS:
            raise NetchuError(f"{self.root}: no split is called {split!r}; the splits are {', '.join(SPLITS)}")
        chosen = tuple(sample for sample in self.samples if sample.split == split)
        return replace(self, samples=chosen, rejects=(), changes=(), doubts=())

    def name(self, sample: PageSample) -> str:
        """The sample's image path as `pages.jsonl` writes it: relative to the root, forward slashes."""
        return image_name(self.root, sample.image)

    def digest(self) -> str:
        """SHA-256 over names, sizes, texts and points, in order: moving the folder keeps it, any edit does not."""
        total = hashlib.sha256()
        for sample in self.samples:
            record = {**_record(sample, self.root), "split": "", "source": ""}
            total.update(json.dumps(record, sort_keys=True).encode("utf-8") + b"\n")
        return total.hexdigest()


def holds_pages(path: str | os.PathLike[str]) -> bool:
    """Whether a path is that of a page data set: its folder or its `.jsonl`.

    Raises NetchuError for a folder that holds a set of lines as well.
    """
    place = Path(path)
    if not place.is_dir():
        return place.suffix.lower() == ".jsonl"
    if not (place / TABLE).is_file():
        return False
    if (place / LINES_TABLE).is_file():
        raise NetchuError(f"{place}: holds both {TABLE} and {LINES_TABLE}; name the file that is meant")
    return True


def read_pages(path: str | os.PathLike[str], check_pictures: bool = True) -> PageSet:
    """Read a native page data set: `path` is its folder or its `pages.jsonl`.

    Left out (`rejects`): a record that is not of this form, a picture named twice, missing or, with `check_pictures`,
    of another size than the record says, a polygon of fewer than three points or without area, a baseline of one
    point, a line with neither, points that are no numbers or far outside the page, an unknown split.
    Altered (`changes`): texts brought to NFC and single spaces, points just outside moved to the edge, unknown fields
    dropped. Kept (`doubts`): lines without a text, without a baseline or without a polygon, pages without lines.
    Raises NetchuError when the file is missing, not UTF-8 or holds no usable page.
    """
    file = Path(path).absolute()
    if file.is_dir():
        file = file / TABLE
        if not file.is_file():
            raise NetchuError(f"{file.parent}: holds no {TABLE}; a page data set is a folder with that file")
    reader = _Reader(file, check_pictures)
    rows = [(number, line) for number, line in read_text_lines(file) if line.strip()]
    samples = tuple(sample for sample in (reader.read(number, line) for number, line in rows) if sample)
    if not samples:
        if not reader.rejects:
            raise NetchuError(f"{file}: the file is empty; expected one JSON object a page")
        reason, count, first = by_reason(reader.rejects)[0]
        raise NetchuError(f"{file}: none of {len(rows):,} pages can be used; {count:,} x {reason}, first {first}")
    return PageSet(file.parent, samples, tuple(reader.rejects), tuple(reader.changes), tuple(reader.doubts), file)


def write_pages(root: str | os.PathLike[str], samples: Iterable[PageSample]) -> Path:
    """Write `samples` as `root/pages.jsonl`, whole or not at all; fields that hold nothing are left out.

    Pictures are not touched: their paths are written relative to `root`. Returns the path of the file.
    Raises NetchuError for no samples, a picture named twice, an unknown split or a line that could not be read back.
    """
    folder = Path(root).absolute()
    rows, seen = [], set()
    for sample in samples:
        record = _record(sample, folder)
        if record["image"] in seen:
            raise NetchuError(f"{sample.image}: is named twice; a picture is one page")
        seen.add(record["image"])
        if sample.split is not None and sample.split not in SPLITS:
            raise NetchuError(f"{sample.image}: no split is called {sample.split!r}; use {', '.join(SPLITS)} or None")
        for place, line in enumerate(sample.page.lines, start=1):
            fault = line_fault(line.polygon, line.baseline)
            if fault:
                raise NetchuError(f"{sample.image}: line {place}: {fault}; mend it or leave the page out")
        rows.append(_row(record))
    if not rows:
        raise NetchuError(f"{folder / TABLE}: no pages to write; a data set needs at least one")
    target = folder / TABLE
    write_whole(target, b"\n".join(rows) + b"\n")
    return target


class _FaultError(Exception):
    """Why a page is left out."""


class _Reader:
    """Reads records one by one and collects what is to be said about them."""

    def __init__(self, file: Path, check_pictures: bool) -> None:
        self.file, self.check_pictures = file, check_pictures
        self.rejects: list[Reject] = []
        self.changes: list[Reject] = []
        self.doubts: list[Reject] = []
        self.seen: dict[str, int] = {}

    def read(self, number: int, text: str) -> PageSample | None:
        """The page of a line of the file; None where it cannot be used, and the reason among `rejects`."""
        where = f"{self.file.name}:{number}"
        changes: list[str] = []
        doubts: list[str] = []
        try:
            sample = self._sample(_object(text), number, changes, doubts)
        except (_FaultError, NetchuError) as fault:
            self.rejects.append(Reject(where, str(fault)))
            return None
        self.changes += [Reject(where, reason) for reason in changes]
        self.doubts += [Reject(where, reason) for reason in doubts]
        return sample

    def _sample(self, record: dict[str, Any], number: int, changes: list[str], doubts: list[str]) -> PageSample:
        missing = [name for name in FIELDS[:4] if name not in record]
        if missing:
            raise _FaultError(f"fields missing: {', '.join(missing)}")
        changes += [f"unknown field dropped: {name}" for name in record if name not in FIELDS]
        name, split, source = record["image"], record.get("split"), record.get("source") or ""
        if not isinstance(name, str) or not name.strip():
            raise _FaultError("no picture named")
        if split not in (None, "", *SPLITS):
            raise _FaultError(f"unknown split: {split!r}; the splits are {', '.join(SPLITS)}")
        if not isinstance(source, str) or not isinstance(record["lines"], list):
            raise _FaultError("wrong type: source is a text, lines is a list")
        image, repaired = find_picture(self.file.parent, name.strip(), self.check_pictures)
        if image is None:
            raise _FaultError(f"picture missing: {name}")
        first = self.seen.setdefault(os.path.normpath(image), number)
        if first != number:
            raise _FaultError(f"picture named twice: {name}, first in line {first}")
        size = (record["width"], record["height"])
        lines = [_line(place, line, size, changes, doubts) for place, line in enumerate(record["lines"], start=1)]
        regions = [{"cells": [], **each} if isinstance(each, dict) else each for each in record.get("regions") or []]
        plain = {"source": name.strip(), "number": 1, "lines": [line.to_json() for line in lines], "regions": regions}
        page = Page.from_json({"width": size[0], "height": size[1], **plain})  # checks sizes, numbers, regions
        if self.check_pictures:
            _check_size(image, page)
        changes += [repaired] if repaired else []
        doubts += [] if lines else ["page without lines"]
        return PageSample(image, page, split or None, source)


def _object(text: str) -> dict[str, Any]:
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _FaultError(f"not JSON: {error}") from None
    if not isinstance(record, dict):
        raise _FaultError(f"not a JSON object: {type(record).__name__}")
    return record


def _line(place: int, data: Any, size: tuple[Any, Any], changes: list[str], doubts: list[str]) -> Line:
    """A line of a record, its points inside the page."""
    if not isinstance(data, dict) or not isinstance(data.get("text"), str):
        raise _FaultError(f"a line is no object with a text: line {place}")
    changes += [f"unknown field dropped: {name} of line {place}" for name in data if name not in LINE_FIELDS]
    polygon, baseline = (list(_points(place, name, data.get(name), size, changes)) for name in LINE_FIELDS[1:])
    fault = line_fault(polygon, baseline)
    if fault:
        raise _FaultError(f"{fault}: line {place}")
    text, why = tidy_text(data["text"])
    changes += [f"{why}: line {place}"] if why else []
    for empty, what in ((not text, "a text"), (not baseline, "a baseline"), (not polygon, "a polygon")):
        doubts += [f"line without {what}: line {place}"] if empty else []
    return Line(text, 1.0 if text else 0.0, tuple(polygon), (), baseline=tuple(baseline))


def _points(place: int, name: str, data: Any, size: tuple[Any, Any], changes: list[str]) -> Iterator[Point]:
    """The points of a polygon or baseline; those just outside the page are moved to its edge."""
    known = all(isinstance(side, int | float) and side > 0 for side in size)
    slack = OUTSIDE * max(size) if known else 0.0
    moved = 0
    if not isinstance(data, list | None):
        raise _FaultError(f"{name} is no list of points [x, y]: line {place}")
    for point in data or ():
        if not (
            isinstance(point, list) and len(point) == 2 and all(type(x) in (int, float) and abs(x) < 1e9 for x in point)
        ):
            raise _FaultError(f"{name} is no list of points [x, y]: line {place}")
        x, y = (min(max(float(value), 0.0), float(side)) if known else value for value, side in zip(point, size))
        off = max(abs(x - point[0]), abs(y - point[1]))
        if off > slack:
            raise _FaultError(f"{name} far outside the page: line {place}, point {point[0]:g}, {point[1]:g}")
        moved += off > 0
        yield x, y
    if moved:
        changes.append(f"points moved to the page's edge: {moved} of the {name} of line {place}")


def line_fault(polygon: Sequence[Point], baseline: Sequence[Point]) -> str | None:
    """Why an outline cannot be that of a line, None when it can."""
    if not polygon and not baseline:
        return "neither polygon nor baseline"
    if 0 < len(polygon) < 3:
        return "polygon of fewer than 3 points"
    if polygon and not any(_turn(polygon[0], one, other) for one, other in pairwise(polygon[1:])):
        return "polygon without area"
    if len(baseline) == 1 or (baseline and len(set(baseline)) == 1):
        return "baseline of one point"
    return None


def _turn(start: Point, one: Point, other: Point) -> float:
    return (one[0] - start[0]) * (other[1] - start[1]) - (one[1] - start[1]) * (other[0] - start[0])


def _check_size(image: Path, page: Page) -> None:
    """Raises _FaultError when the picture, as it is shown, has not the size that the record says."""
    width, height = shown_size(image)
    if (width, height) != (page.width, page.height):
        said, is_so = f"{page.width} x {page.height}", f"{width} x {height}"
        raise _FaultError(f"size is not the picture's: {image.name} has {is_so} pixels, the record says {said}")


def shown_size(image: Path) -> tuple[int, int]:
    """Width and height of a picture as it is shown, its EXIF rotation applied; of most formats only the head is read.

    Raises NetchuError when it cannot be opened.
    """
    try:
        with Image.open(image) as picture:
            width, height = picture.size
            turned = picture.getexif().get(0x0112) in TURNED
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise NetchuError(f"picture cannot be opened: {image.name} ({error})") from None
    return (height, width) if turned else (width, height)


def _record(sample: PageSample, root: Path) -> dict[str, Any]:
    """A page as `pages.jsonl` holds it, without the fields that hold nothing."""
    page = sample.page.to_json()
    lines = [{name: line[name] for name in LINE_FIELDS if name == "text" or line[name]} for line in page["lines"]]
    regions = [{name: value for name, value in each.items() if name != "cells" or value} for each in page["regions"]]
    record = {"image": image_name(root, sample.image), "width": page["width"], "height": page["height"]}
    extra = {"source": sample.source, "split": sample.split, "regions": regions}
    return {**record, **{name: value for name, value in extra.items() if value}, "lines": lines}


def _row(record: dict[str, Any]) -> bytes:
    try:
        return json.dumps(record, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:  # half a character, which JSON can only hold escaped
        return json.dumps(record).encode("utf-8")
