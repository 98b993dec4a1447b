"""A place where line pictures and texts lie, whatever its format: its files in a fixed order, and what names tell."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from netchu.data.lines import Reject, find_picture
from netchu.errors import NetchuError

SPLIT_WORDS = {"train": "train", "training": "train", "test": "test", "testing": "test", "evaluation": "test"}
SPLIT_WORDS |= dict.fromkeys(("val", "valid", "validation", "dev", "eval"), "val")
PICTURE_FOLDERS = ("lines", "words", "images", "imgs", "crop_img")


@dataclass(frozen=True)
class Found:
    """A line in a foreign set: its picture (a file, or the bytes of one), the name it may keep, and its raw text."""

    where: str
    image: Path | bytes
    name: str
    text: str
    split: str | None = None
    writer: str | None = None


class Changed(Reject):
    """A line that was kept although something about it had to be decided."""


@dataclass(frozen=True)
class Tree:
    """A source: the file or folder given, the folder it lies in or is, and its files in a fixed order.

    `images` is a folder to look for pictures in before all others, where one was named.
    """

    source: Path
    root: Path
    files: tuple[Path, ...]
    images: Path | None = None

    def named(self, *suffixes: str) -> list[Path]:
        """The files whose names end so, in lower case."""
        return [file for file in self.files if file.name.lower().endswith(suffixes)]

    def where(self, file: Path, line: int | str) -> str:
        """ "folder/list.txt:17", relative to the source."""
        return f"{self.short(file)}:{line}"

    def short(self, file: Path) -> str:
        """A file's path relative to the source."""
        return Path(os.path.relpath(file, self.root)).as_posix()

    def name(self, image: Path) -> str:
        """The name a picture may keep: its path inside the source, without a leading `images/` or the like."""
        relative = Path(os.path.relpath(image, self.root))
        if relative.is_absolute() or ".." in relative.parts:
            return image.name
        parts = relative.parts
        return Path(*parts[1:]).as_posix() if len(parts) > 1 and parts[0] in PICTURE_FOLDERS else relative.as_posix()

    def split(self, file: Path) -> str | None:
        """The split that a file's name (`rec_gt_train.txt`) or one of its folders (`validation/`) tells."""
        words = {SPLIT_WORDS[word] for word in re.split(r"[^a-z]+", file.stem.lower()) if word in SPLIT_WORDS}
        return words.pop() if len(words) == 1 else self.folder_split(file)

    def folder_split(self, file: Path) -> str | None:
        """The split that one of a file's folders inside the source tells, the innermost first."""
        folders = Path(os.path.relpath(file.parent, self.root)).parts
        told = [SPLIT_WORDS[folder.lower()] for folder in folders if folder.lower() in SPLIT_WORDS]
        return told[-1] if told else None


def look(source: str | os.PathLike[str], images: str | os.PathLike[str] | None = None) -> Tree:
    """List a file or folder, hidden entries left out. Raises NetchuError when it does not exist or holds nothing."""
    path = Path(source).absolute()
    pictures = None if images is None else Path(images).absolute()
    if pictures is not None and not pictures.is_dir():
        raise NetchuError(f"{pictures}: no such folder; name the one with the pictures")
    if path.is_file():
        return Tree(path, path.parent, (path,), pictures)
    if not path.is_dir():
        raise NetchuError(f"{path}: no such file or folder")
    files = tuple(walk(path))
    if not files:
        raise NetchuError(f"{path}: the folder is empty; expected pictures with their texts")
    return Tree(path, path, files, pictures)


def walk(root: Path) -> Iterator[Path]:
    """The files in a folder and below, hidden entries left out, in a fixed order."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))


def peek(file: Path, size: int = 4096) -> str:
    """The first characters of a file, whatever its bytes: enough to tell what it is."""
    try:
        with file.open("rb") as opened:
            return opened.read(size).decode("utf-8-sig", "replace").replace("\r\n", "\n")
    except OSError:
        return ""


def locate(bases: list[Path], name: str) -> Path | None:
    """The first of `bases` under which a picture of that name exists."""
    return next((image for image in (find_picture(base, name, True)[0] for base in bases) if image is not None), None)
