"""Which files `netchu read` is to read, and which it writes for them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from glob import glob
from pathlib import Path

from netchu.errors import NetchuError
from netchu.formats import FORMS
from netchu.image import SUFFIXES, printable

READABLE = SUFFIXES | {".pdf"}


def expand(files: Sequence[str]) -> Iterator[str]:
    """Files as they are, folders as the pictures in them and below, patterns as what they match; sorted, once each."""
    seen: set[str] = set()
    for file in files:
        pattern = file != "-" and not Path(file).exists()
        for match in (sorted(glob(file, recursive=True)) or [file]) if pattern else [file]:
            if Path(match).is_dir():
                found = sorted(str(path) for path in Path(match).rglob("*") if path.suffix.lower() in READABLE)
            else:
                found = [match]  # a pattern without a match too: the open will say so, by name
            for path in found:
                if path not in seen:
                    seen.add(path)
                    yield path


def without_own(sources: Sequence[str], named: Collection[str], folder: Path, written: Collection[str]) -> list[str]:
    """`sources` without the files in `folder` that netchu `written` there, unless they are `named` one by one.

    A folder that is read may hold the one that is written to, and a PDF that was written looks like one to read.
    """
    home = os.path.realpath(folder)
    return [
        source
        for source in sources
        if source in named or Path(source).name not in written or os.path.realpath(Path(source).parent) != home
    ]


class Targets:
    """An output file for each source: its stem, with a number where two sources would share one, by any file system."""

    def __init__(self, sources: Sequence[str], folder: Path, form: str) -> None:
        """Raises NetchuError when a file to read would be written over."""
        self.folder = folder
        self._names: dict[str, str] = {}
        self._taken: set[str] = set()
        suffix = FORMS[form].suffix
        for source in sources:
            stem = "stdin" if source == "-" else Path(source).stem
            name, number = f"{stem}{suffix}", 2
            while name.casefold() in self._taken:
                name, number = f"{stem}-{number}{suffix}", number + 1
            self._taken.add(name.casefold())
            self._names[source] = name
        self._spare(sources)

    def of(self, source: str, number: int = 0) -> Path:
        """The file of a source, or that of one of its pages where each has its own: unlike every source's file."""
        path = self.folder / self._names[source]
        if not number:
            return path
        stem, again = f"{path.stem}-{number:04d}", 2
        found = path.with_name(f"{stem}{path.suffix}")
        while found.name.casefold() in self._taken:
            found, again = path.with_name(f"{stem}-{again}{path.suffix}"), again + 1
        return found

    def _spare(self, sources: Sequence[str]) -> None:
        home = os.path.realpath(self.folder)
        for source in sources:
            path = Path(source)
            if path.name.casefold() in self._taken and os.path.realpath(path.parent) == home and path.exists():
                raise NetchuError(f"{printable(source)}: would be written over; choose another folder for -o")


def make_folder(folder: Path) -> None:
    """Raises NetchuError when it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NetchuError(f"{folder}: cannot be made a folder ({error.strerror}); choose another for -o") from None
