"""Transcribed pages of other programs made into data sets: of pages, or of lines cut out of them; and back again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2

from netchu import formats
from netchu.data.lines import Reject, write_whole
from netchu.data.page_readers import FoundPage, Item, is_far
from netchu.data.pages import IGNORED, PageSample, PageSet, read_pages, write_pages
from netchu.data.sources import Changed, Found
from netchu.errors import NetchuError
from netchu.image import open_grey, read_bytes
from netchu.page.crop import cut_lines
from netchu.records import Line, Page

EXPORTS = ("alto", "page", "hocr", "netchu-json")


def cut_out(items: Iterable[Item]) -> Iterator[Found | Reject]:
    """Every transcribed line of pages as a line picture (PNG), in a folder for each page.

    Left out, with the reason: lines without a text, without a place, or marked IGNORED; pages that cannot be opened.
    """
    for item in items:
        if not isinstance(item, FoundPage):
            yield item
            continue
        good = []
        for place, line in enumerate(item.page.lines, start=1):
            fault = _line_fault(line, item.page)
            if fault:
                yield Reject(item.where, f"{fault}: line {place}")
            else:
                good.append((place, line))
        try:
            grey = open_grey(item.image) if good else None
        except NetchuError as error:
            yield Reject(item.where, f"picture cannot be used: {error}")
            continue
        if grey is None:
            continue
        for (place, line), cut in zip(good, cut_lines(grey, [line for _, line in good])):
            done, data = cv2.imencode(".png", cut.picture)
            if not done:  # no picture of at least a pixel does that
                raise NetchuError(f"{item.where}: line {place} cannot be made a PNG; check memory")
            name = f"{Path(item.name).with_suffix('').as_posix()}/{place:04d}.png"
            yield Found(f"{item.where}, line {place}", data.tobytes(), name, line.text, item.split)


def _line_fault(line: Line, page: Page) -> str | None:
    """Why a line cannot be cut out and learnt from, None when it can."""
    if not line.text:
        return "line without a text"
    if line.text == IGNORED:
        return "don't-care area"
    return _place_fault(line, page)


def _place_fault(line: Line, page: Page) -> str | None:
    if not line.polygon and not line.baseline:
        return "line without a place"
    return "line far outside the page" if is_far((*line.polygon, *line.baseline), page) else None


class PageSieve:
    """Takes what a reader yields: keeps the good pages, their pictures copied, and lists the rest with the reason."""

    def __init__(self, staging: Path | None, pictures: Path) -> None:
        """Pictures are copied to `staging`, which is to become `pictures`; with None they stay where they are."""
        self.samples: list[PageSample] = []
        self.rejects: list[Reject] = []
        self.changes: list[Reject] = []
        self._staging, self._pictures = staging, pictures
        self._names: set[str] = set()

    def take(self, item: Item) -> None:
        if isinstance(item, Changed):
            self.changes.append(Reject(item.where, item.reason))
        elif isinstance(item, Reject):
            self.rejects.append(item)
        else:
            fault = self._fault(item.page) or self._keep(item)
            if fault:
                self.rejects.append(Reject(item.where, fault))

    @staticmethod
    def _fault(page: Page) -> str | None:
        """A page of which one line has no place would call readers wrong that find it: the whole page goes."""
        for place, line in enumerate(page.lines, start=1):
            fault = _place_fault(line, page)
            if fault:
                return f"{fault}: line {place}"
        return None

    def _keep(self, item: FoundPage) -> str | None:
        image = item.image
        if self._staging is not None:
            path, number = Path(item.name), 1
            name = path
            while name.as_posix().casefold() in self._names:
                number += 1
                name = path.with_name(f"{path.stem}-{number}{path.suffix}")
            self._names.add(name.as_posix().casefold())
            target = self._staging / name
            try:
                data = read_bytes(image)
            except NetchuError as error:
                return f"picture cannot be used: {error}"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            image = self._pictures / name
        page = replace(item.page, source=image.name, number=1)
        self.samples.append(PageSample(image, page, item.split, item.source))
        return None

    def write(self, folder: Path) -> PageSet:
        """Write what was kept; the rejects and changes of the set are those of the import."""
        write_pages(folder, self.samples)
        pages = read_pages(folder)
        return replace(pages, rejects=(*self.rejects, *pages.rejects), changes=(*self.changes, *pages.changes))


def export_pages(pages: PageSet, work: Path, form: str) -> list[str]:
    """Write each page into the folder `work` in one of EXPORTS, its picture beside it; what is lost or must be known.

    Raises NetchuError for another format and a picture that cannot be read.
    """
    if form not in EXPORTS:
        raise NetchuError(f"{form}: no such export format for pages; the formats are {', '.join(EXPORTS)}")
    written_as = "json" if form == "netchu-json" else form
    names: set[str] = set()
    notes = []
    for sample in pages.samples:
        stem, number = sample.image.stem, 1
        while stem.casefold() in names:
            number += 1
            stem = f"{sample.image.stem}-{number}"
        names.add(stem.casefold())
        picture = f"{stem}{sample.image.suffix.lower()}"
        page = replace(sample.page, source=picture, number=1)
        written = formats.write([page], written_as)
        notes += [f"{picture}: {note}" for note in written.notes]
        (work / picture).write_bytes(read_bytes(sample.image))
        write_whole(work / f"{stem}{formats.FORMS[written_as].suffix}", written.data)
    splits = sum(sample.split is not None for sample in pages.samples)
    sources = sum(bool(sample.source) for sample in pages.samples)
    notes += [f"the format cannot carry splits: those of {splits:,} pages are not in the export"] if splits else []
    notes += [f"the format cannot carry sources: those of {sources:,} pages are not in the export"] if sources else []
    return notes
