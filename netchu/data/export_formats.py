"""Write a native data set in the format of another project. Pictures go over byte for byte.

The whole is written under a temporary name and then renamed, so a folder that is there is complete.
"""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from netchu.data.format_readers import ALIASES, open_lmdb
from netchu.data.lines import LineSet, Sample
from netchu.data.pages import PageSet
from netchu.errors import NetchuError
from netchu.image import read_bytes

_HF_SPLITS = {"train": "train", "val": "validation", "test": "test"}
_PAGE = 4096  # LMDB's unit


@dataclass(frozen=True)
class Exported:
    """What was written: the folder, the number of lines, and what the format could not carry or the user must know."""

    path: Path
    lines: int
    notes: tuple[str, ...] = ()


def export_lines(lineset: LineSet, out: str | os.PathLike[str], format: str) -> Exported:
    """Write `lineset` into the new folder `out` in one of EXPORTS (lmdb, gt-txt, paddleocr, hf).

    Splits become folders (lmdb, gt-txt, hf) or lists (paddleocr). Only hf carries writers; `notes` says what is lost.
    Raises NetchuError for an unknown format, an `out` that holds something, a picture that cannot be read, and a set
    in which only some lines have a split.
    """
    write = EXPORTS.get(ALIASES.get(format, format))
    if write is None:
        raise NetchuError(f"{format}: no such export format; the formats are {', '.join(EXPORTS)}")
    if not len(lineset):
        raise NetchuError(f"{lineset.root}: no lines to export")
    bare = sum(sample.split is None for sample in lineset.samples)
    if 0 < bare < len(lineset):
        raise NetchuError(f"{lineset.root}: {bare:,} of {len(lineset):,} lines have no split; run `netchu data split`")
    folder = Path(out).absolute()
    with _new_folder(folder) as work:
        notes = write(lineset, work)
    writers = sum(sample.writer is not None for sample in lineset.samples)
    if writers and write is not _write_hf:
        notes = [*notes, f"the format cannot carry writers: those of {writers:,} lines are not in the export"]
    return Exported(folder, len(lineset), tuple(notes))


def export_page_set(pages: PageSet, out: str | os.PathLike[str], format: str) -> Exported:
    """Write `pages` into the new folder `out`: a file a page in one of page_import.EXPORTS, its picture beside it.

    Raises NetchuError as export_lines does.
    """
    from netchu.data.page_import import export_pages

    folder = Path(out).absolute()
    with _new_folder(folder) as work:
        notes = export_pages(pages, work, ALIASES.get(format, format))
    return Exported(folder, sum(len(sample.page.lines) for sample in pages.samples), tuple(notes))


def _write_lmdb(lineset: LineSet, work: Path) -> list[str]:
    """The STR database, counted from 1; `path-%09d` keeps the picture's name; other readers pass it over."""
    for split, samples in _parts(lineset):
        folder = work / (split or "")
        folder.mkdir(parents=True, exist_ok=True)
        # Room for every picture in whole pages, for its keys and label, and for the tree above them.
        sizes = [_size(sample.image) for sample in samples]
        room = sum((size // _PAGE + 2) * _PAGE + 2048 for size in sizes) * 5 // 4 + 2**22
        with open_lmdb(folder, map_size=room) as env, env.begin(write=True) as store:
            for index, sample in enumerate(samples, start=1):
                store.put(b"image-%09d" % index, read_bytes(sample.image))
                store.put(b"label-%09d" % index, sample.text.encode("utf-8"))
                store.put(b"path-%09d" % index, lineset.name(sample).encode("utf-8"))
            store.put(b"num-samples", b"%d" % len(samples))
        (folder / "lock.mdb").unlink(missing_ok=True)
    return []


def _write_gt(lineset: LineSet, work: Path) -> list[str]:
    """Pairs for ocropy, Calamari, tesstrain and kraken. Calamari ends a name at its first dot: names get no other."""
    renamed = 0
    for split, samples in _parts(lineset):
        folder = work / (split or "")
        folder.mkdir(parents=True, exist_ok=True)
        names = _Names()
        for sample in samples:
            name = names.free(sample.image.stem.replace(".", "_"), "")
            renamed += name != sample.image.stem
            (folder / f"{name}{sample.image.suffix.lower()}").write_bytes(read_bytes(sample.image))
            (folder / f"{name}.gt.txt").write_text(sample.text + "\n", encoding="utf-8", newline="\n")
    return [f"{renamed:,} pictures were renamed: no dots within names, no name twice"] if renamed else []


def _write_paddleocr(lineset: LineSet, work: Path) -> list[str]:
    """`rec_gt_train.txt` and its like, `images/`, and the dictionary: one character per line, the space left out."""
    images, names = work / "images", _Names()
    images.mkdir()
    for split, samples in _parts(lineset):
        rows = []
        for sample in samples:
            name = names.free(sample.image.stem, sample.image.suffix)
            (images / name).write_bytes(read_bytes(sample.image))
            rows.append(f"images/{name}\t{sample.text}\n")
        target = work / ("rec_gt.txt" if split is None else f"rec_gt_{split}.txt")
        target.write_text("".join(rows), encoding="utf-8", newline="\n")
    characters = {char for sample in lineset.samples for char in sample.text}
    rows = [f"{char}\n" for char in sorted(characters - {" "})]
    (work / "dict.txt").write_text("".join(rows), encoding="utf-8", newline="\n")
    notes = ["dict.txt holds no space: set use_space_char: true"] if " " in characters else []
    longest = max(len(sample.text) for sample in lineset.samples)
    if longest > 25:
        notes.append(f"the longest label has {longest} characters: PaddleOCR drops those over max_text_length (25)")
    return notes


def _write_hf(lineset: LineSet, work: Path) -> list[str]:
    """Hugging Face imagefolder: a folder per split with metadata.csv beside the pictures."""
    writers = any(sample.writer for sample in lineset.samples)
    for split, samples in _parts(lineset):
        folder = work / _HF_SPLITS.get(split or "", "")
        folder.mkdir(parents=True, exist_ok=True)
        names, table = _Names(), io.StringIO(newline="")
        rows = csv.writer(table, lineterminator="\n")
        rows.writerow(["file_name", "text", "writer"] if writers else ["file_name", "text"])
        for sample in samples:
            name = names.free(sample.image.stem, sample.image.suffix)
            (folder / name).write_bytes(read_bytes(sample.image))
            rows.writerow([name, sample.text, sample.writer or ""] if writers else [name, sample.text])
        (folder / "metadata.csv").write_text(table.getvalue(), encoding="utf-8", newline="\n")
    return []


EXPORTS: dict[str, Callable[[LineSet, Path], list[str]]] = {
    "lmdb": _write_lmdb,
    "gt-txt": _write_gt,
    "paddleocr": _write_paddleocr,
    "hf": _write_hf,
}


class _Names:
    """Hands out file names: `-2`, `-3` ... where one is taken, whatever its letter case."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def free(self, stem: str, suffix: str) -> str:
        stem = re.sub(r'[<>:"|?*\t\n\r]', "_", stem)
        name, number = stem + suffix, 1
        while name.casefold() in self._taken:
            number += 1
            name = f"{stem}-{number}{suffix}"
        self._taken.add(name.casefold())
        return name


def _parts(lineset: LineSet) -> Iterator[tuple[str | None, list[Sample]]]:
    """The samples by split, in the order train, val, test; one part named None where there are no splits."""
    for split in ("train", "val", "test", None):
        samples = [sample for sample in lineset.samples if sample.split == split]
        if samples:
            yield split, samples


def _size(image: Path) -> int:
    try:
        return image.stat().st_size
    except OSError:
        return len(read_bytes(image))  # the message is there


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder that becomes `folder` when all went well and vanishes when not."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise NetchuError(f"{folder}: already there; choose a new folder to export into")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise NetchuError(f"{folder}: cannot be written ({error.strerror or error}); check the folder") from None
    try:
        yield work
        work.chmod(0o755)  # mkdtemp keeps it to its owner
        if folder.exists():
            folder.rmdir()
        work.replace(folder)
    except OSError as error:
        raise NetchuError(f"{folder}: cannot be written ({error.strerror or error}); check space and rights") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
