"""Where `netchu read` puts what was read: a file a picture in a folder, or all of it on standard output."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import BinaryIO

import click

from netchu.archive import End, Event, Fault, File, Outcome, Skipped, Unit, numbered
from netchu.cli.rendering import STREAMED, between, notes_of, piece
from netchu.cli.targets import READABLE, Targets
from netchu.data.lines import write_whole
from netchu.errors import NetchuError
from netchu.formats import FORMS, Written, write
from netchu.image import printable
from netchu.journal import Done, Journal, Key
from netchu.records import Page


class Part:
    """A file that is written piece by piece under a temporary name, then renamed: never half of it is seen."""

    def __init__(self, target: Path) -> None:
        """Raises NetchuError when it cannot be made, as the other calls do when it cannot be written."""
        self._target = target
        self._partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
        self.size = 0
        try:
            self._file: BinaryIO = self._partial.open("wb")
        except OSError as error:
            raise self._fault(error) from None

    def write(self, data: bytes) -> None:
        try:
            self._file.write(data)
        except OSError as error:
            self.discard()
            raise self._fault(error) from None
        self.size += len(data)

    def commit(self) -> None:
        try:
            self._file.close()
            self._partial.replace(self._target)
        except OSError as error:
            self.discard()
            raise self._fault(error) from None

    def discard(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._partial.unlink(missing_ok=True)

    def _fault(self, error: OSError) -> NetchuError:
        return NetchuError(f"{self._target}: cannot be written ({error.strerror or error}); check the folder")


class Folder:
    """A folder that is written to, what is read into it, its journal, and what texts follow from besides the files."""

    def __init__(
        self, sources: list[str], targets: Targets, journal: Journal, settings: str, again: bool
    ) -> None:  # fmt: skip
        self.sources = sources
        self.targets = targets
        self.journal = journal
        self._settings = settings
        self._again = again

    def key(self, file: File) -> Key:
        return Key(file.source, file.sha256, self._settings)

    def done(self, file: File) -> dict[int, Done]:
        """The pages of a file that need not be read again; 0 is all of it."""
        if self._again:
            return {}
        found = self.journal.done(self.key(file)).items()
        return {page: done for page, done in found if self.targets.of(file.source, page).name == done.file}

    def finished(self, file: File, done: dict[int, Done]) -> bool:
        """Whether these pages are all, and nothing was wrong with the file."""
        return 0 in done or (
            any(len(done) >= each.pages for each in done.values()) and not self.journal.failed(self.key(file))
        )

    def put(self, file: File, number: int, data: bytes) -> None:
        """Write a file whole and tell the journal."""
        target = self.begin(file, number)
        write_whole(target, data)
        self.journal.add(self.key(file), Done(target.name, number, file.pages, len(data)))

    def begin(self, file: File, number: int = 0) -> Path:
        target = self.targets.of(file.source, number)
        if target.suffix in READABLE:
            self.journal.begin(target.name)
        return target


class Output:
    """Takes events in order and writes; counts what was read, skipped and failed.

    `named`: several sources share standard output. Raises NetchuError where a file cannot be written; what is wrong
    with a page is kept in `failed`.
    """

    def __init__(self, form: str, min_conf: float, named: bool, folder: Folder | None) -> None:
        self.failed: list[str] = []
        self.read = self.skipped = self.written = 0
        self._last: Event | None = None
        self._form, self._min_conf, self._named, self.folder = form, min_conf, named, folder
        self._reset()

    @property
    def seen(self) -> int:
        """Pages, and files of which no page was had."""
        return self.read + self.skipped + len(self.failed)

    def take(self, event: Event, outcome: Outcome) -> None:
        """Write what there is to write. The same event twice in a row counts once."""
        if event is self._last:
            return
        if isinstance(event, Fault):
            self._fail(event.file, event.number, event.why)
        elif isinstance(event, Skipped):
            self.skipped += event.pages
        elif isinstance(event, End):
            self._end(event.file)
        elif isinstance(outcome, str):
            self._fail(event.file, event.number, outcome)
        elif outcome is None:
            self._given_up = True
        else:
            self.read += 1
            self._page(event, numbered(outcome, event))
        self._last = event

    def close(self) -> None:
        """What is not whole is not kept."""
        if self._part:
            self._part.discard()

    def _reset(self) -> None:
        self._pages: list[Page] = []
        self._part: Part | None = None
        self._count = 0
        self._given_up = self._faulty = False
        self._said: set[str] = set()

    def _fail(self, file: File, number: int, why: str) -> None:
        self.failed.append(why)
        self._faulty = True
        if self.folder:
            self.folder.journal.add_failure(self.folder.key(file), number if file.pages > 1 else 0, why)

    def _page(self, unit: Unit, page: Page) -> None:
        file = unit.file
        if self._form in STREAMED:
            written = piece(page, self._form, self._min_conf, self._named, file.pages > 1)
            self._say(file, written.notes)
            self._stream(file, (between(self._form, self._named) if self._count else b"") + written.data)
        elif FORMS[self._form].several:
            self._pages.append(page)
        else:
            try:
                made = write([page], self._form, [file.data])
            except NetchuError as error:
                self.read -= 1
                self._fail(file, unit.number, str(error))
                return
            self._say(file, (*notes_of(page), *made.notes))
            self._put(file, unit.number if file.pages > 1 else 0, made.data)
        self._count += 1

    def _stream(self, file: File, data: bytes) -> None:
        if self.folder:
            self._part = self._part or Part(self.folder.begin(file))
            self._part.write(data)
        else:
            self._put(file, 0, data)

    def _end(self, file: File) -> None:
        if self._given_up:
            self.close()
        elif self._part and self.folder:
            self._part.commit()
            self.written += 1
            if not self._faulty:
                done = Done(self.folder.targets.of(file.source).name, 0, file.pages, self._part.size)
                self.folder.journal.add(self.folder.key(file), done)
        elif self._pages:
            self._whole(file)
        self._reset()

    def _whole(self, file: File) -> None:
        """Write the file of all pages, for formats that cannot be written page by page."""
        try:
            made: Written = write(self._pages, self._form, [file.data] * len(self._pages))
        except NetchuError as error:
            self.read -= len(self._pages)  # what nobody gets was not read
            self._fail(file, 0, str(error))
            return
        self._say(file, tuple(dict.fromkeys([*(n for page in self._pages for n in notes_of(page)), *made.notes])))
        self._put(file, 0, made.data)

    def _put(self, file: File, number: int, data: bytes) -> None:
        self.written += 1
        if self.folder is None:
            click.echo(data, nl=False)
        elif number == 0 and self._faulty:  # not all that the file holds: to be read again
            write_whole(self.folder.begin(file), data)
        else:
            self.folder.put(file, number, data)

    def _say(self, file: File, notes: tuple[str, ...]) -> None:
        for note in notes:
            if note not in self._said:
                self._said.add(note)
                click.echo(f"netchu: {printable(file.name)}: {note}", err=True)
