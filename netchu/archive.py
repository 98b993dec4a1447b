"""A run over many files: page after page into a bounded window, out again in the same order.

sources --pages_of--> events --Window, a pool of threads or Ray--> (event, Page or error) --netchu.cli.writing--> files

Only the pages in the window are in memory, whatever the archive's size.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Protocol

from netchu import __version__
from netchu.decode.choose import FILES, beside
from netchu.documents import sheets
from netchu.errors import NetchuError
from netchu.image import Source, printable, read_bytes
from netchu.read import Reader
from netchu.records import Page
from netchu.voters import Wanted
from netchu.zoo import find_language


@dataclass
class File:
    """A file of the archive: its path or "-", its content's SHA-256, its pages, and the bytes where they are kept."""

    source: str
    sha256: str = ""
    pages: int = 1
    data: bytes = b""

    @property
    def name(self) -> str:
        return "stdin" if self.source == "-" else self.source


class Unit(NamedTuple):
    """A page to read."""

    file: File
    number: int
    picture: Source

    @property
    def where(self) -> str:
        """What messages call it."""
        return self.file.name if self.file.pages == 1 else f"{self.file.name}, page {self.number}"


class Fault(NamedTuple):
    """A page that cannot be read, or with number 0 something about the file: why, in a line."""

    file: File
    number: int
    why: str


class Skipped(NamedTuple):
    """So many pages that were read before."""

    file: File
    pages: int


class End(NamedTuple):
    """No more pages of this file."""

    file: File


Event = Unit | Fault | Skipped | End
Outcome = Page | str | None  # what was read, why it cannot be, or None: nobody tried
Read = Callable[[Source, str], Page | str]  # a picture and what to call it -> the page, or why not


class Handle(Protocol):
    """A page that is being read."""

    def result(self) -> Page | str: ...

    def cancel(self) -> bool:
        """False when it is too late for that: a result comes, or is there."""


class Pool(Protocol):
    """Those who read. `limit` is how many pages may be with them or wait to be fetched."""

    @property
    def limit(self) -> int: ...

    def submit(self, picture: Source, where: str) -> Handle: ...

    def close(self) -> None: ...


class Threads:
    """A pool of threads that share a reader."""

    def __init__(self, read: Read, jobs: int) -> None:
        self.limit = 2 * jobs  # one in work and one ready for each
        self._read = read
        self._pool = ThreadPoolExecutor(jobs)

    def submit(self, picture: Source, where: str) -> Future[Page | str]:
        return self._pool.submit(self._read, picture, where)

    def close(self) -> None:
        """What is not begun yet is not read any more."""
        self._pool.shutdown(cancel_futures=True)


class Window:
    """Events with what was read of their pages, in order. No more than the pool's limit are taken ahead."""

    def __init__(self, events: Iterable[Event], pool: Pool) -> None:
        self._events = iter(events)
        self._pool = pool
        self._waiting: deque[tuple[Event, Handle | None]] = deque()

    def __iter__(self) -> Iterator[tuple[Event, Outcome]]:
        for event in self._events:
            handle = None
            if isinstance(event, Unit):
                handle = self._pool.submit(event.picture, event.where)
                event = event._replace(picture=b"")
            self._waiting.append((event, handle))
            while len(self._waiting) >= self._pool.limit:
                yield from self._next()
        while self._waiting:
            yield from self._next()

    def drain(self) -> Iterator[tuple[Event, Outcome]]:
        """After an interruption: what is read or being read, with None for the pages that are given up.

        The first may have been given before: an interruption may come before or after it was dealt with.
        """
        given_up = [handle is not None and handle.cancel() for _, handle in self._waiting]
        for gone in given_up:
            if gone:
                yield self._waiting.popleft()[0], None
            else:
                yield from self._next()

    def _next(self) -> Iterator[tuple[Event, Outcome]]:
        event, handle = self._waiting[0]
        yield event, handle.result() if handle else None
        self._waiting.popleft()  # only now: whatever is interrupted above or outside still waits


def read_page(reader: Reader, picture: Source, where: str, way: Mapping[str, bool]) -> Page | str:
    """A page's text, or why it cannot be read: MemoryError and what is wrong with it are told, not raised.

    `way`: how Reader.read is to read it.
    """
    try:
        return reader.read(picture, name=where, **way)
    except NetchuError as error:
        return str(error)
    except MemoryError:
        return too_large(where)


def too_large(where: str) -> str:
    return f"{printable(where)}: too large for this machine's memory; scale it down first"


def open_file(source: str, keep: bool = False) -> tuple[File, bytes]:
    """A file and its bytes; `keep` them in it for those who write them again. Raises NetchuError and MemoryError."""
    data = sys.stdin.buffer.read() if source == "-" else read_bytes(source)
    return File(source, hashlib.sha256(data).hexdigest(), data=data if keep else b""), data


def pages_of(file: File, data: bytes, without: Collection[int] = ()) -> Iterator[Unit | Fault]:
    """The pages of a file but those `without`. Nothing is raised: what cannot be had is a Fault in its place."""
    at = 0
    try:
        for sheet in sheets(data, file.name, without):
            if isinstance(sheet, NetchuError):
                yield Fault(file, 0, str(sheet))
                continue
            at, file.pages = sheet.number, sheet.total
            yield Unit(file, sheet.number, sheet.picture)
    except NetchuError as error:
        yield Fault(file, 0, str(error))
    except MemoryError:
        yield Fault(file, 0, too_large(file.name if at == 0 else f"{file.name}, after page {at}"))


def numbered(page: Page, unit: Unit) -> Page:
    """A page as one of its file."""
    return replace(page, source=unit.file.name, number=unit.number)


def fingerprint(wanted: Wanted, reader: Reader, options: Mapping[str, object]) -> str:
    """The SHA-256 of all that decides what is read: model files, decoder, the files of both, version and `options`."""
    told: dict[str, object] = {
        "version": __version__,
        "models": digests(reader),
        "finder": "" if options.get("line") else reader.finder_of(bool(options.get("scene"))).digest,
        "views": wanted.views,
        "weights": wanted.weights,
        "wish": [wanted.wish.name, wanted.wish.grammar, sorted(map(repr, wanted.wish.settings))],
        "options": {name: repr(value) for name, value in sorted(options.items())},
    }
    files = {name: find_language(value) for name in FILES if (value := getattr(wanted.wish, name))}
    for decoder, settings in reader.info.decoders.items():
        folder = Path(reader.session.path).parent
        files |= {f"{decoder}.{name}": str(beside(folder, settings[name])) for name in FILES if name in settings}
    told["files"] = {name: _digest(path) for name, path in sorted(files.items())}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def digests(reader: Reader) -> list[str]:
    """Of the model files that read, in their order."""
    several: Sequence[Reader] = getattr(reader, "readers", (reader,))
    return [each.session.digest for each in several]


def _digest(path: str) -> str:
    try:
        return hashlib.sha256(read_bytes(path)).hexdigest()
    except NetchuError:  # of a decoder that the model has and nobody asked for
        return ""
