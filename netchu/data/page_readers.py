"""Transcribed pages as other programs write them: which files hold them, where their pictures are, in whose pixels.

Files are read by `netchu.formats`. A reader yields a `FoundPage` for each page, a `Reject` for each it must leave out
and a `Changed` for what it had to alter; it never decides in silence. `page_import.py` makes data sets of these.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from netchu import formats
from netchu.data.lines import Reject, looks_like_picture, tidy_text
from netchu.data.page_sources import split_pages
from netchu.data.pages import OUTSIDE, TABLE, line_fault, read_pages, shown_size
from netchu.data.sources import PICTURE_FOLDERS, Changed, Tree, peek, walk
from netchu.errors import NetchuError
from netchu.image import SUFFIXES
from netchu.records import Line, Page, Point, Region

UNEVEN = 0.002  # of a side: a page and its picture may differ by so much in shape, as rounding makes them
HEAD = 8192  # bytes of a file in which its kind must show
MARKUP = (".xml", ".hocr", ".html", ".htm", ".xhtml")


@dataclass(frozen=True)
class FoundPage:
    """A page of a foreign set: its picture, the name that may keep, and its record in pixels of that picture.

    Lines have a sound polygon, a sound baseline, both, or, where the source gives them no place, neither.
    """

    where: str
    image: Path
    name: str
    page: Page
    split: str | None = None
    source: str = ""


Item = FoundPage | Reject


class PageFormat(NamedTuple):
    """A format of page files: its name, what it looks like, the files that are of it in a source, and its reader."""

    name: str
    shape: str
    signs: Callable[[Tree], list[Path]]
    read: Callable[[Tree], Iterator[Item]]


def _native_signs(tree: Tree) -> list[Path]:
    if tree.source.is_file():
        head = peek(tree.source, HEAD)
        is_set = tree.source.name == TABLE or (re.match(r'\s*\{\s*"image"\s*:', head) and '"width"' in head)
        return [tree.source] if is_set else []
    return [file for file in tree.files if file == tree.root / TABLE]


def _read_native(tree: Tree) -> Iterator[Item]:
    """netchu's own: its rejects and changes are passed on. Sets of named sources have their published split."""
    pages = read_pages(tree.source)
    yield from pages.rejects
    for change in pages.changes:
        yield Changed(change.where, change.reason)
    if all(sample.source and not sample.split for sample in pages.samples):
        pages = split_pages(pages)
        yield Changed(TABLE, "no split in the file: pages get the published one, by source and document")
    for sample in pages.samples:
        name = tree.name(sample.image)
        yield FoundPage(f"{TABLE}, {pages.name(sample)}", sample.image, name, sample.page, sample.split, sample.source)


def _format(name: str, shape: str, suffixes: tuple[str, ...], mark: str) -> PageFormat:
    """A format whose files show it by what `mark`, a regular expression, finds in their heads."""
    pattern = re.compile(mark)

    def signs(tree: Tree) -> list[Path]:
        return [file for file in tree.named(*suffixes) if pattern.search(peek(file, HEAD).replace("\0", ""))]

    def read(tree: Tree) -> Iterator[Item]:
        files = [tree.source] if tree.source.is_file() else signs(tree)
        others = set(tree.named(*MARKUP)) - set(files) if suffixes == MARKUP else ()
        for file in sorted(others):  # METS, pages in a second format: told, for nothing is dropped in silence
            yield Changed(tree.short(file), f"passed over, as it is not {name}: {tree.short(file)}")
        yield from _read_files(tree, files)

    return PageFormat(name, shape, signs, read)


def _read_files(tree: Tree, files: list[Path]) -> Iterator[Item]:
    """The pages of files, each with the picture it names or that is called like the file."""
    pictures = Pictures(tree)
    seen: dict[Path, str] = {}
    for file in files:
        where = tree.short(file)
        try:
            pages = formats.read(file, where)
        except NetchuError as error:
            yield Reject(where, f"cannot be read: {str(error).removeprefix(f'{where}: ')}")
            continue
        for number, page in enumerate(pages, start=1):
            here = where if len(pages) == 1 else f"{where}, page {number}"
            try:
                image, note = pictures.find(file, page.source, alone=len(pages) == 1)
                if seen.setdefault(image, here) != here:
                    raise NetchuError(f"picture named twice: {image.name}, first in {seen[image]}")
                fitted, scaled = fit_page(page, *shown_size(image))
            except NetchuError as error:
                yield Reject(here, str(error))
                continue
            mended, notes = mend_lines(fitted)
            for said in filter(None, (note, scaled, *notes)):
                yield Changed(here, said)
            yield FoundPage(here, image, tree.name(image), mended, tree.folder_split(file))


class Pictures:
    """The pictures of a source, by their names: in the folder named for them, in and beside the source."""

    def __init__(self, tree: Tree) -> None:
        near = [base / inner for base in (tree.root, tree.root.parent) for inner in ("", *PICTURE_FOLDERS)]
        beside = (file for folder in near for file in _listed(folder))
        self._first = self._index(walk(tree.images) if tree.images else ())
        self._rest = self._index((*tree.files, *beside))

    @staticmethod
    def _index(files: Iterator[Path] | tuple[Path, ...]) -> dict[str, list[Path]]:
        """Files by name and by stem, whatever case and Unicode form."""
        found: dict[str, list[Path]] = {}
        for file in dict.fromkeys(files):
            if looks_like_picture(file.name):
                found.setdefault(name_key(file.name), []).append(file)
                found.setdefault(f"{name_key(file.stem)}.*", []).append(file)
        return found

    def find(self, file: Path, named: str, alone: bool = True) -> tuple[Path, str | None]:
        """The picture of a page, and what had to be decided: the nearest of the name that its file gives.

        Paths of another machine and addresses count as their last part. `alone`: the file has one page, so that its
        own name may be its picture's. Raises NetchuError when there is none, or more than one.
        """
        name = plain_name(named)
        keys = [*dict.fromkeys((name_key(name), name_key(unquote(name))))]
        own = [name_key(file.stem), f"{name_key(file.stem)}.*"] if alone else []  # 0001.jpg.xml, or 0001.xml
        for index in (self._first, self._rest):
            for key in [*keys, *own]:
                found = index.get(key, [])
                if found:
                    image = _nearest(file, found)
                    return (
                        image,
                        f"picture taken by the file's own name: it names {name or None}" if key not in keys else None,
                    )
        if Path(name).suffix.lower() not in SUFFIXES and name:
            raise NetchuError(f"picture missing: {name} is none; draw it as {file.stem}.png, or name --images")
        raise NetchuError(f"picture missing: {name or 'none named'}; put it beside the file, or name --images")


def _listed(folder: Path) -> list[Path]:
    """What is in a folder; nothing where it is none, or may not be looked into."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _nearest(file: Path, found: list[Path]) -> Path:
    """The picture with the shortest way from a file. Raises NetchuError when that is not one."""
    ways = [len(Path(os.path.relpath(image.parent, file.parent)).parts) for image in found]
    best = [image for image, way in zip(found, ways) if way == min(ways)]
    if len(best) > 1:
        told = ", ".join(os.path.relpath(image, file.parent) for image in best[:3])
        raise NetchuError(f"several pictures may be meant: {told}; keep one, or name a folder with --images")
    return best[0]


def plain_name(named: str) -> str:
    """The last part of a path of any system, or of an address."""
    return re.split(r"[\\/]", named.strip())[-1]


def name_key(name: str) -> str:
    """One key for a file's name, as file systems that ignore letter case and Unicode form would see it."""
    return unicodedata.normalize("NFC", name).casefold()


def fit_page(page: Page, width: int, height: int) -> tuple[Page, str | None]:
    """A page's places in pixels of a picture of that size, and what was done to them; characters and words are left.

    Programs export places for the picture they were given, users keep another copy: places are scaled where the shape
    is the same to UNEVEN. Raises NetchuError where it is not.
    """
    bare = replace(page, lines=tuple(_scaled_line(line, 1.0, 1.0) for line in page.lines))
    if (page.width, page.height) == (width, height):
        return bare, None
    sizes = f"{page.width} x {page.height} pixels in the file, {width} x {height} of the picture"
    x, y = width / page.width, height / page.height
    slack = max(1.5, UNEVEN * width), max(1.5, UNEVEN * height)
    if abs(page.width * y - width) > slack[0] and abs(page.height * x - height) > slack[1]:
        if (page.width, page.height) == (height, width):
            raise NetchuError(f"turned by a quarter: {sizes}; save the picture upright, or as the program saw it")
        raise NetchuError(f"sizes of different shapes: {sizes}; find the picture that the file was made from")
    regions = tuple(replace(region, polygon=_scaled(region.polygon, x, y)) for region in page.regions)
    lines = tuple(_scaled_line(line, x, y) for line in page.lines)
    return replace(page, width=width, height=height, lines=lines, regions=regions), f"places scaled: {sizes}"


def _scaled_line(line: Line, x: float, y: float) -> Line:
    return Line(line.text, line.confidence, _scaled(line.polygon, x, y), (), baseline=_scaled(line.baseline, x, y))


def _scaled(points: tuple[Point, ...], x: float, y: float) -> tuple[Point, ...]:
    return tuple((point[0] * x, point[1] * y) for point in points)


def mend_lines(page: Page) -> tuple[Page, list[str]]:
    """A page as a data set may hold it, and what was altered.

    Texts are tidied, points just outside moved to the edge, outlines without area and baselines of one point left
    out where the line has the other, and lines with neither text nor place are dropped.
    """
    lines: list[Line] = []
    notes: list[str] = []
    kept: dict[int, int] = {}
    for place, line in enumerate(page.lines):
        text, why = tidy_text(line.text)
        polygon, baseline = (_inside(points, page) for points in (line.polygon, line.baseline))
        if (polygon, baseline) != (line.polygon, line.baseline):
            notes.append(f"points moved to the page's edge: line {place + 1}")
        if polygon and line_fault(polygon, ()):
            notes.append(f"{line_fault(polygon, ())}, left out: line {place + 1}")
            polygon = ()
        if baseline and line_fault((), baseline):
            notes.append(f"{line_fault((), baseline)}, left out: line {place + 1}")
            baseline = ()
        if not text and not polygon and not baseline:
            notes.append(f"line with neither text nor place dropped: line {place + 1}")
            continue
        notes += [f"{why}: line {place + 1}"] if why else []
        kept[place] = len(lines)
        lines.append(replace(line, text=text, confidence=1.0 if text else 0.0, polygon=polygon, baseline=baseline))
    regions = tuple(_tidy_region(region, page, kept) for region in page.regions)
    return replace(page, lines=tuple(lines), regions=regions), notes


def _tidy_region(region: Region, page: Page, kept: dict[int, int]) -> Region:
    """A region with the lines that are kept, by their new places."""
    cells = tuple(cell for line, cell in zip(region.lines, region.cells) if line in kept)
    lines = tuple(kept[line] for line in region.lines if line in kept)
    return replace(region, polygon=_inside(region.polygon, page), lines=lines, cells=cells)


def _inside(points: tuple[Point, ...], page: Page) -> tuple[Point, ...]:
    """Points with those that are just outside moved to the page's edge; far ones stay, to be refused."""
    return points if is_far(points, page) else tuple(_clipped(point, page) for point in points)


def is_far(points: tuple[Point, ...], page: Page) -> bool:
    """Whether a point lies outside the page by more than OUTSIDE of its longer side."""
    slack = OUTSIDE * max(page.width, page.height)
    return any(abs(a - b) > slack for point in points for a, b in zip(point, _clipped(point, page)))


def _clipped(point: Point, page: Page) -> Point:
    return min(max(point[0], 0.0), float(page.width)), min(max(point[1], 0.0), float(page.height))


PAGE_FORMATS: dict[str, PageFormat] = {
    form.name: form
    for form in (
        PageFormat("pages", f"a folder with {TABLE}", _native_signs, _read_native),
        _format("alto", "ALTO files with their pictures", MARKUP, r"<(\w+:)?alto[\s>]"),
        _format("page", "PAGE files with their pictures", MARKUP, r"<(\w+:)?PcGts[\s>]"),
        _format("hocr", "hOCR files with their pictures", MARKUP, r"<html[\s\S]*\bocr[-_](page|system)\b"),
        _format("netchu-json", "what netchu read --json wrote", (".json", ".jsonl"),
                r'^\s*\[?\s*\{\s*"width"\s*:\s*\d+\s*,\s*"height"'),
    )
}  # fmt: skip
