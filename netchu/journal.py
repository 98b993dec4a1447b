"""What was read into a folder, so that a run that ended early goes on where it stopped.

A journal is `netchu-journal.jsonl` in the folder: UTF-8, a JSON object a line, only ever added to. A line is written
after the file that it tells of is in place, so what it says is true whenever the process ends. docs/archives.md has
its fields.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

from netchu.errors import NetchuError

NAME = "netchu-journal.jsonl"
_PARTIAL = re.compile(r"\..+\.(txt|md|json|tsv|xml|hocr|pdf)\.\d+\.partial")  # what a killed run leaves
_FAR = 1 << 40  # where Windows locks a byte: beyond all that is ever written, because its locks forbid reading


class Key(NamedTuple):
    """What a text follows from: the file as it was named, its content and all that it is read with (SHA-256 each)."""

    source: str
    sha256: str
    settings: str


class Done(NamedTuple):
    """A file that was written: its name, the page of `pages` that it holds, 0 for all of them, and its size."""

    file: str
    page: int
    pages: int
    size: int


class Journal:
    """The journal of a folder, which is locked until `close`. The system frees the lock of a process that dies."""

    def __init__(self, folder: Path) -> None:
        """Raises NetchuError when nothing can be written there, and when another run does."""
        self.folder = folder
        path = folder / NAME
        try:
            self._file = path.open("a+b", buffering=0)
        except OSError as error:
            raise NetchuError(f"{path}: cannot be written ({error.strerror}); choose another folder for -o") from None
        try:
            _lock(self._file.fileno(), folder)
            self._file.seek(0)
            text = self._file.read()
        except BaseException:
            self._file.close()
            raise
        self._gap = bool(text) and not text.endswith(b"\n")
        self._done: dict[str, tuple[Key, Done]] = {}  # by name, the last one counts
        self._failed: dict[tuple[Key, int], str] = {}
        self.written = {NAME}  # names of all files that this or an earlier run wrote, or was about to write
        for line in text.split(b"\n"):
            with contextlib.suppress(ValueError, KeyError, TypeError):  # cut short by a crash, or not ours
                self._take(json.loads(line))
        self._by_key: dict[Key, dict[int, Done]] = {}
        for key, done in self._done.values():
            self._by_key.setdefault(key, {})[done.page] = done
        for each in folder.iterdir():
            if _PARTIAL.fullmatch(each.name):
                with contextlib.suppress(OSError):
                    each.unlink()

    def done(self, key: Key) -> dict[int, Done]:
        """The pages of a file that were written and still are there, by number; 0 is all of them."""
        return {page: done for page, done in self._by_key.get(key, {}).items() if self._stands(done)}

    def failed(self, key: Key) -> bool:
        """Whether something of that file could not be read."""
        return any(of == key for of, _ in self._failed)

    def begin(self, file: str) -> None:
        """Tell that a file is about to be written, for those that could be taken for pictures to read."""
        if file not in self.written:
            self._add({"file": file, "begun": True})

    def add(self, key: Key, done: Done) -> None:
        """Tell that a file is in place. Raises NetchuError when that cannot be written."""
        self._add({"file": done.file, **key._asdict(), "page": done.page, "pages": done.pages, "bytes": done.size})

    def add_failure(self, key: Key, page: int, error: str) -> None:
        """Tell what could not be read; page 0 is the file."""
        self._add({**key._asdict(), "page": page, "error": error})

    def close(self) -> None:
        self._file.close()

    def _add(self, entry: dict[str, Any]) -> None:
        line = json.dumps(entry, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
        data = b"\n" + line if self._gap else line
        self._gap = True  # until all of it is written
        try:
            if self._file.write(data) != len(data):
                raise OSError(0, "not all of it")
        except OSError as error:
            path = self.folder / NAME
            raise NetchuError(f"{path}: cannot be written ({error.strerror or error}); check the folder") from None
        self._gap = False
        self._take(entry)

    def _take(self, entry: dict[str, Any]) -> None:
        if "begun" in entry:
            self.written.add(str(entry["file"]))
            return
        key = Key(str(entry["source"]), str(entry["sha256"]), str(entry["settings"]))
        page = int(entry["page"])
        if "error" in entry:
            self._failed[key, page] = str(entry["error"])
            return
        done = Done(str(entry["file"]), page, int(entry["pages"]), int(entry["bytes"]))
        self._done[done.file] = (key, done)
        self._failed.pop((key, page), None)
        self.written.add(done.file)

    def _stands(self, done: Done) -> bool:
        """A person may have changed the file, and that is to stay; an empty one is what a power cut leaves."""
        try:
            return (self.folder / done.file).stat().st_size > 0 or done.size == 0
        except OSError:
            return False


def _lock(handle: int, folder: Path) -> None:
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(handle, _FAR, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        raise NetchuError(
            f"{folder}: another netchu read writes there; let it end, or choose another folder for -o"
        ) from None
    except OSError:  # a file system without locks: some network shares
        pass
