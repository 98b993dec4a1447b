"""The native line data set: a folder with `lines.tsv` beside its pictures.

UTF-8, one header `image<TAB>text[<TAB>split][<TAB>writer]`, one row per line picture, image paths relative to the file
and with forward slashes, splits train | val | test. There is no quoting: a quote is a letter like any other, and a
label cannot hold a tab or a line break. A row that cannot be used is never skipped in silence: it is in `rejects`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from netchu.errors import NetchuError
from netchu.image import SUFFIXES, read_bytes
from netchu.text import canonical

TABLE = "lines.tsv"
COLUMNS = ("image", "text", "split", "writer")
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Sample:
    """One line picture and what is written on it. `image` can be opened as it is: it starts with the set's root."""

    image: Path
    text: str
    split: str | None = None
    writer: str | None = None


@dataclass(frozen=True)
class Reject:
    """A row or picture that was left out or changed: `where` ("lines.tsv:17") and the `reason` in plain words."""

    where: str
    reason: str


@dataclass(frozen=True)
class Row:
    """A row as it stands in the file: its line number and its fields, untouched."""

    line: int
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A `lines.tsv` as it stands: column names in the file's order, and the rows below them."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class LineSet:
    """Line pictures with their texts, in the file's order.

    `rejects` are the rows left out, `changes` the rows kept but altered (text brought to NFC, a path repaired);
    `columns` are those of the file, `table` is the file. `root` is absolute.
    """

    root: Path
    samples: tuple[Sample, ...]
    rejects: tuple[Reject, ...] = ()
    columns: tuple[str, ...] = COLUMNS[:2]
    changes: tuple[Reject, ...] = ()
    table: Path | None = None

    def __len__(self) -> int:
        return len(self.samples)

    def part(self, split: str | None) -> LineSet:
        """The samples of one split (None: those without one), which may be none; rejects and changes stay behind.

        Raises NetchuError when `split` is not train, val or test.
        """
        if split is not None and split not in SPLITS:
            raise NetchuError(f"{self.root}: no split is called {split!r}; the splits are {', '.join(SPLITS)}")
        chosen = tuple(sample for sample in self.samples if sample.split == split)
        return replace(self, samples=chosen, rejects=(), changes=())

    def name(self, sample: Sample) -> str:
        """The sample's image path as `lines.tsv` writes it: relative to the root, forward slashes."""
        return image_name(self.root, sample.image)

    def digest(self) -> str:
        """SHA-256 over image names and texts, in order: moving the folder keeps it, editing a label does not."""
        total = hashlib.sha256()
        for sample in self.samples:
            for part in (self.name(sample), sample.text):
                data = part.encode("utf-8", "surrogatepass")
                total.update(len(data).to_bytes(8, "little") + data)  # lengths: no two lists of rows read alike
        return total.hexdigest()


def read_lines(path: str | os.PathLike[str], check_pictures: bool = True) -> LineSet:
    """Read a native data set: `path` is its folder or its `lines.tsv` (a table of any name with that header).

    Texts are brought to NFC and every run of white space to one space; each row so changed is listed in `changes`.
    Rows with a wrong number of fields, an empty label, an unknown split, a picture that was named before or, with
    `check_pictures`, one that does not exist are listed in `rejects`.
    Raises NetchuError when the file is missing, not UTF-8, has no proper header or holds no usable row.
    """
    table = read_table(path)
    root = table.path.parent
    samples: list[Sample] = []
    rejects: list[Reject] = []
    changes: list[Reject] = []
    seen: dict[str, Row] = {}
    for row in table.rows:
        where = f"{table.path.name}:{row.line}"
        reason = _row_fault(row, table.columns)
        if reason is None:
            cells = dict(zip(table.columns, row.fields))
            name, text = cells["image"].strip(), cells["text"]
            image, repaired = find_picture(root, name, check_pictures)
            key = _plain(root, image)
            if image is None:
                reason = f"picture missing: {name}"
            elif key in seen:
                reason = _repeat(name, cells["text"], seen[key], table)
            else:
                seen[key] = row
                tidy, why = tidy_text(text)
                notes = [note for note in (why, repaired) if note]
                changes += [Reject(where, note) for note in notes]
                samples.append(Sample(image, tidy, cells.get("split") or None, cells.get("writer") or None))
        if reason is not None:
            rejects.append(Reject(where, reason))
    if not samples:
        raise NetchuError(_why_empty(table, rejects))
    return LineSet(root, tuple(samples), tuple(rejects), table.columns, tuple(changes), table.path)


def write_lines(root: str | os.PathLike[str], samples: Iterable[Sample]) -> Path:
    """Write `samples` as `root/lines.tsv`, whole or not at all; the columns split and writer only where used.

    Pictures are not touched: their paths are written relative to `root`. Returns the path of the file.
    Raises NetchuError for a label or path that the format cannot hold, an unknown split, or no samples.
    """
    folder = Path(root).absolute()
    samples = list(samples)
    if not samples:
        raise NetchuError(f"{folder / TABLE}: no lines to write; a data set needs at least one")
    columns = [column for column in COLUMNS if column in COLUMNS[:2] or any(getattr(s, column) for s in samples)]
    rows = ["\t".join(columns)]
    for sample in samples:
        if sample.split is not None and sample.split not in SPLITS:
            raise NetchuError(f"{sample.image}: no split is called {sample.split!r}; use {', '.join(SPLITS)} or None")
        cells = {"image": image_name(folder, sample.image), "text": sample.text}
        cells |= {"split": sample.split or "", "writer": sample.writer or ""}
        for column in columns:
            if any(stop in cells[column] for stop in "\t\n\r"):
                raise NetchuError(f"{sample.image}: its {column} holds a tab or line break; replace it by a space")
        if not sample.text.strip():
            raise NetchuError(f"{sample.image}: its label is empty; give it a text or leave it out")
        rows.append("\t".join(cells[column] for column in columns))
    target = folder / TABLE
    write_whole(target, ("\n".join(rows) + "\n").encode("utf-8"))
    return target


def read_table(path: str | os.PathLike[str]) -> Table:
    """The rows of a native table exactly as they stand, for tools that must see the raw text. Blank lines are left out.

    Raises NetchuError when the file is missing, not UTF-8 or has no proper header.
    """
    file = Path(path).absolute()
    if file.is_dir():
        file = file / TABLE
        if not file.is_file():
            raise NetchuError(f"{file.parent}: holds no {TABLE}; bring it into that form with `netchu data import`")
    rows = [Row(number, tuple(line.split("\t"))) for number, line in read_text_lines(file) if line.strip()]
    if not rows:
        raise NetchuError(f"{file}: the file is empty; expected a header image<TAB>text and one row per line")
    header = tuple(field.strip().lower() for field in rows[0].fields)
    if set(COLUMNS[:2]) - set(header):
        shown = "<TAB>".join(rows[0].fields)[:80]
        wanted = "image<TAB>text[<TAB>split][<TAB>writer]"
        raise NetchuError(f"{file}: expected the header {wanted}, found '{shown}'; add it as the first line")
    unknown = [column for column in header if column not in COLUMNS]
    if unknown or len(set(header)) < len(header):
        fault = f"column {unknown[0]!r} is unknown" if unknown else "a column is named twice"
        raise NetchuError(f"{file}: {fault}; the columns are {', '.join(COLUMNS)}: rename or remove the others")
    return Table(file, header, tuple(rows[1:]))


def read_text_lines(file: Path) -> list[tuple[int, str]]:
    """(number, line) of a UTF-8 text file, a byte order mark and CRLF accepted. Raises NetchuError naming the bad line.

    Only line feeds end a line: the Unicode line separators that str.splitlines also honours may stand in a label.
    """
    data = read_bytes(file)
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise NetchuError(f"{file}: is UTF-16; save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise NetchuError(f"{file}: line {line} is not UTF-8 (byte 0x{data[error.start]:02x}); save as UTF-8") from None
    lines = text.replace("\r\n", "\n").split("\n") if "\n" in text else text.split("\r")
    return list(enumerate(lines, start=1))


def tidy_text(text: str) -> tuple[str, str | None]:
    """A label as netchu keeps it (NFC, single spaces) and why it differs from `text`, None where it does not."""
    tidy = canonical(text)
    if tidy == text:
        return tidy, None
    composed = unicodedata.is_normalized("NFC", text)
    return tidy, "white space in the text tidied" if composed else "text brought to Unicode form NFC"


def image_name(root: Path, image: Path) -> str:
    """`image` relative to `root` with forward slashes; absolute where there is no relative way (another drive)."""
    full = image.absolute()
    try:
        return Path(os.path.relpath(full, root)).as_posix()
    except ValueError:  # Windows: the two are on different drives
        return full.as_posix()


def write_whole(target: Path, data: bytes) -> None:
    """Write a file under a temporary name, then rename it: readers see the old file or the new one, never half."""
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        partial.replace(target)
    except OSError as error:
        raise NetchuError(f"{target}: cannot be written ({error.strerror or error}); check the folder") from None
    finally:
        with contextlib.suppress(OSError):  # a name that could not be written may not be a name that can be removed
            partial.unlink(missing_ok=True)


def by_reason(notes: Iterable[Reject]) -> list[tuple[str, int, str]]:
    """(reason, how many, first place) of rejects or changes, the most frequent first; after a colon comes detail."""
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for note in notes:
        kind, _, detail = note.reason.partition(": ")
        counts[kind] += 1
        first.setdefault(kind, f"{note.where} ({detail})" if detail else note.where)
    return [(kind, count, first[kind]) for kind, count in counts.most_common()]


def looks_like_picture(text: str) -> bool:
    """Whether a string ends like a picture's file name."""
    return Path(text.strip()).suffix.lower() in SUFFIXES


def find_picture(root: Path, name: str, must_exist: bool) -> tuple[Path | None, str | None]:
    """(path, what was repaired) of a picture; None when it must exist and does not.

    Tables written on Windows may hold backslashes, and file names unpacked on macOS may be in NFD.
    """
    if not must_exist:
        return root / name, None
    for form in dict.fromkeys((name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name))):
        for spelling in dict.fromkeys((form, form.replace("\\", "/"))):
            try:
                if (root / spelling).is_file():
                    return root / spelling, None if spelling == name else f"file name spelt otherwise: {name}"
            except (OSError, ValueError):  # too long for a name, a NUL: no such file
                return None, None
    return None, None


def _row_fault(row: Row, columns: tuple[str, ...]) -> str | None:
    """Why a row cannot be used whatever its picture, None when it can."""
    if len(row.fields) != len(columns):
        count, wanted = len(row.fields), f"{len(columns)} ({', '.join(columns)})"
        if count > len(columns):
            return f"too many fields: {count}, expected {wanted}; a label cannot hold a tab"
        return f"too few fields: {count}, expected {wanted}; leave a field empty but keep its tab"
    cells = dict(zip(columns, row.fields))
    if not cells["image"].strip():
        return "no picture named"
    if not tidy_text(cells["text"])[0]:
        return f"empty label: {cells['image'].strip()}; write its text or remove the row"
    if cells.get("split") and cells["split"] not in SPLITS:
        return f"unknown split: {cells['split']!r}; the splits are {', '.join(SPLITS)}"
    return None


def _plain(root: Path, image: Path | None) -> str:
    """One key per file, so that `a/../b.png` and `b.png` count as one picture."""
    return os.path.normpath(image or root)


def _repeat(name: str, text: str, earlier: Row, table: Table) -> str:
    """The reason for a row whose picture was named before."""
    same = tidy_text(earlier.fields[table.columns.index("text")])[0] == tidy_text(text)[0]
    kind = "picture named twice" if same else "picture named twice with different texts"
    return f"{kind}: {name}, first in line {earlier.line}"


def _why_empty(table: Table, rejects: list[Reject]) -> str:
    """The message for a table without a usable row: the commonest fault, or that the columns are swapped."""
    if not rejects:
        return f"{table.path}: has a header but no rows; expected one row per line picture"
    image, text = table.columns.index("image"), table.columns.index("text")
    full = [row.fields for row in table.rows if len(row.fields) == len(table.columns)]
    if full and all(looks_like_picture(row[text]) and not looks_like_picture(row[image]) for row in full):
        return f"{table.path}: column text holds picture paths: the columns are swapped; exchange their names in line 1"
    reason, count, first = by_reason(rejects)[0]
    return f"{table.path}: none of {len(table.rows):,} rows can be used; {count:,} x {reason}, first {first}"
