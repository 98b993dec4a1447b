"""What any program found on the pages of a data set, from its files: ALTO, PAGE, hOCR, our JSON, or a page set."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from netchu import formats
from netchu.data.lines import Reject
from netchu.data.page_readers import PAGE_FORMATS, fit_page, mend_lines, name_key, plain_name
from netchu.data.pages import PageSample, read_pages
from netchu.data.sources import look
from netchu.errors import NetchuError
from netchu.records import Page


@dataclass(frozen=True)
class Output:
    """A page as a program gave it: where, and the names by which it may be known, the surest first."""

    where: str
    names: tuple[str, ...]
    page: Page


@dataclass(frozen=True)
class OutputSet:
    """All pages of a program; `rejects` are files that could not be read."""

    root: Path
    pages: tuple[Output, ...]
    rejects: tuple[Reject, ...] = ()


@dataclass(frozen=True)
class Matched:
    """What was found, page for page of a data set: nothing (a page without lines) where it is `missing`, no page of
    that name was given, or `unfit`, its size cannot be that of the picture."""

    pages: tuple[Page, ...]
    missing: tuple[str, ...]
    unfit: tuple[Reject, ...]


def read_found(path: str | os.PathLike[str]) -> OutputSet:
    """The pages in a file or folder. Raises NetchuError when there are none, or a folder holds several formats."""
    tree = look(path)
    signs = {name: form.signs(tree) for name, form in PAGE_FORMATS.items()}
    there = [name for name, files in signs.items() if files]
    if len(there) != 1:
        fault = f"holds {', '.join(there)}; name a folder with one of them" if there else "holds no pages of lines"
        raise NetchuError(f"{tree.source}: {fault}; expected ALTO, PAGE, hOCR, netchu's JSON or a pages.jsonl")
    if there == ["pages"]:
        found = read_pages(tree.source, check_pictures=False)
        every = [Output(found.name(each), _names(each.image.name), each.page) for each in found.samples]
        return OutputSet(tree.source, tuple(every), found.rejects)
    pages: list[Output] = []
    rejects: list[Reject] = []
    for file in signs[there[0]]:
        where = tree.short(file)
        try:
            read = formats.read(file, where)
        except NetchuError as error:
            rejects.append(Reject(where, str(error).removeprefix(f"{where}: ")))
            continue
        for number, page in enumerate(read, start=1):
            own = _names(file.stem) if len(read) == 1 else ()
            own = (*own, f"{name_key(file.stem)}.*") if own else ()  # 0001.jpg.xml, or 0001.xml
            here = where if len(read) == 1 else f"{where}, page {number}"
            pages.append(Output(here, (*_names(plain_name(page.source)), *own), page))
    return OutputSet(tree.source, tuple(pages), tuple(rejects))


def match(samples: Sequence[PageSample], found: OutputSet) -> Matched:
    """Pair pages by the names of their pictures, in pixels of the pictures.

    A picture's whole name comes first, then its name without an ending, then that of the file. Raises NetchuError
    where names fit more than one page.
    """
    pages, missing, unfit = [], [], []
    used: dict[str, Path] = {}
    index: dict[str, list[Output]] = {}
    for each in found.pages:
        for name in dict.fromkeys(each.names):
            index.setdefault(name, []).append(each)
    for sample in samples:
        size = sample.page.width, sample.page.height
        empty = Page(*size, (), sample.page.source)
        output = _output_of(sample, index, found.root)
        if output is None:
            missing.append(sample.image.name)
            pages.append(empty)
            continue
        other = used.setdefault(output.where, sample.image)
        if other != sample.image:
            raise NetchuError(f"{found.root}: {output.where} may be {other} or {sample.image}; rename one of them")
        try:
            pages.append(mend_lines(fit_page(output.page, *size)[0])[0])
        except NetchuError as error:
            unfit.append(Reject(output.where, str(error)))
            pages.append(empty)
    return Matched(tuple(pages), tuple(missing), tuple(unfit))


def _output_of(sample: PageSample, index: Mapping[str, list[Output]], root: Path) -> Output | None:
    for name in _names(sample.image.name):
        hits = index.get(name, [])
        if len(hits) > 1:
            told = ", ".join(each.where for each in hits[:3])
            raise NetchuError(f"{root}: several pages for {sample.image.name}: {told}; leave one of them")
        if hits:
            return hits[0]
    return None


def _names(name: str) -> tuple[str, ...]:
    """Keys of a picture's or file's name: whole, and without its ending."""
    return (name_key(name), f"{name_key(Path(name).stem)}.*") if name else ()
