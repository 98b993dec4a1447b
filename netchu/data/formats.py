"""Bring a data set of any common format into the native one: recognise it, read it, copy its pictures."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from netchu.data.format_readers import ALIASES, FORMATS, Format
from netchu.data.lines import TABLE, LineSet, Reject, Sample, by_reason, read_lines, tidy_text, write_lines, write_whole
from netchu.data.page_readers import PAGE_FORMATS
from netchu.data.pages import TABLE as PAGES_TABLE
from netchu.data.pages import PageSet
from netchu.data.sources import Changed, Found, Tree, look
from netchu.errors import NetchuError

REJECTS = "rejects.tsv"
_FORBIDDEN = str.maketrans(dict.fromkeys('<>:"|?*\t\n\r\0', "_"))  # what Windows, or a table, cannot hold in a name


def detect(source: str | os.PathLike[str]) -> str:
    """The name of the format of a file or folder, one of FORMATS.

    Raises NetchuError when it looks like none of them or like more than one, saying what was seen.
    """
    return _recognise(look(source), FORMATS).name


def import_lines(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    format: str | None = None,
    link: bool = False,
    include_err: bool = False,
    images: str | os.PathLike[str] | None = None,
) -> LineSet:
    """Make a native data set in the folder `out` from `source`, a file or folder in one of FORMATS or ALIASES.

    Pictures are copied byte for byte into `out/lines`; with `link` they stay where they are and `lines.tsv` points at
    them. Of formats of pages the lines are cut out; `images` is where their pictures are looked for first. Splits and
    writers are kept where the source tells them. Texts are brought to NFC with single spaces. The
    result's `rejects` and `changes` list what was left out or altered; rejects are also written to `out/rejects.tsv`.
    `include_err` keeps the IAM rows that are marked err. The rows are written last: a set that has a table is whole.
    Raises NetchuError for an unknown format, for an `out` that already holds a set, and when no line can be used.
    """
    tree = look(source, images)
    form = _recognise(tree, FORMATS) if format is None else _chosen(tree, format)
    with _staged(Path(out).absolute(), TABLE, "lines", link) as (folder, staging):
        sieve = _Sieve(staging, folder / "lines")
        for item in form.read(tree, include_err):
            sieve.take(item)
        if not sieve.samples:
            raise NetchuError(_nothing_left(tree, form, sieve.rejects))
        with _pictures_in_place(staging, folder / "lines"):
            _write_rejects(folder, sieve.rejects)
            write_lines(folder, sieve.samples)
        lines = read_lines(folder)
        return replace(lines, rejects=(*sieve.rejects, *lines.rejects), changes=(*sieve.changes, *lines.changes))


def import_pages(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    format: str | None = None,
    link: bool = False,
    images: str | os.PathLike[str] | None = None,
) -> PageSet:
    """Make a native page data set in the folder `out` from `source`, a file or folder in one of PAGE_FORMATS.

    As import_lines does, with pictures in `out/images`. A page is right or it is left out: `netchu.data.pages`.
    Raises NetchuError as import_lines does, and for a format that holds lines and no pages.
    """
    from netchu.data.page_import import PageSieve

    tree = look(source, images)
    known = {name: FORMATS[name] for name in PAGE_FORMATS}
    form = _recognise(tree, known) if format is None else _chosen(tree, format)
    if form.name not in PAGE_FORMATS:
        raise NetchuError(f"{form.name}: holds lines; pages are made of {', '.join(PAGE_FORMATS)}")
    with _staged(Path(out).absolute(), PAGES_TABLE, "images", link) as (folder, staging):
        sieve = PageSieve(staging, folder / "images")
        for item in PAGE_FORMATS[form.name].read(tree):
            sieve.take(item)
        if not sieve.samples:
            raise NetchuError(_nothing_left(tree, form, sieve.rejects, "page"))
        with _pictures_in_place(staging, folder / "images"):
            _write_rejects(folder, sieve.rejects)
            return sieve.write(folder)


@contextlib.contextmanager
def _staged(folder: Path, table: str, pictures: str, link: bool) -> Iterator[tuple[Path, Path | None]]:
    """The folder of a set to be, and one in it for pictures until all is well (None with `link`); neither is left over.

    Raises NetchuError where a set is there already: pictures of an older import would mix with the new ones.
    """
    if folder.exists() and not folder.is_dir():
        raise NetchuError(f"{folder}: is a file; name a folder to import into")
    taken = next((name for name in (table, *([] if link else [pictures])) if (folder / name).exists()), None)
    if taken:
        raise NetchuError(f"{folder}: already holds {taken}; choose another folder or remove it first")
    made = not folder.exists()
    staging = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".import-", dir=folder))
        yield folder, None if link else staging
    except OSError as error:
        raise NetchuError(f"{folder}: cannot be written ({error.strerror or error}); check space and rights") from None
    finally:
        if staging:
            shutil.rmtree(staging, ignore_errors=True)
        if made:
            with contextlib.suppress(OSError):
                folder.rmdir()  # only if nothing came of it


@contextlib.contextmanager
def _pictures_in_place(staging: Path | None, pictures: Path) -> Iterator[None]:
    """The staged pictures are where they belong while the table is written, and stay if it is."""
    if staging:
        staging.chmod(0o755)  # mkdtemp keeps it to its owner
        staging.replace(pictures)
    try:
        yield
    except BaseException:
        if staging:
            shutil.rmtree(pictures, ignore_errors=True)
        raise


def _write_rejects(folder: Path, rejects: Sequence[Reject]) -> None:
    if rejects:
        write_whole(folder / REJECTS, _reject_table(rejects))


class _Sieve:
    """Takes what a reader yields: keeps the good lines and their pictures, lists the others with the reason."""

    def __init__(self, staging: Path | None, pictures: Path) -> None:
        self.samples: list[Sample] = []
        self.rejects: list[Reject] = []
        self.changes: list[Reject] = []
        self._staging, self._pictures = staging, pictures
        self._seen: dict[str, str] = {}
        self._names: set[str] = set()

    def take(self, item: Found | Reject) -> None:
        if isinstance(item, Changed):
            self.changes.append(Reject(item.where, item.reason))
        elif isinstance(item, Reject):
            self.rejects.append(item)
        else:
            fault = self._fault(item) or self._keep(item)
            if fault:
                self.rejects.append(Reject(item.where, fault))

    def _fault(self, found: Found) -> str | None:
        """Why a line cannot be used, None when it can."""
        if "\n" in found.text.strip("\r\n"):
            return "the label has several lines: cut the picture into lines first"
        if not tidy_text(found.text)[0]:
            return "empty label: write its text or remove it"
        if isinstance(found.image, Path):
            key = os.path.normpath(found.image)
            if key in self._seen:
                return f"picture named twice: first in {self._seen[key]}"
            self._seen[key] = found.where
        elif self._staging is None:
            raise NetchuError(f"{found.where}: the pictures are not files of their own; import it without --link")
        return None

    def _keep(self, found: Found) -> str | None:
        """Store the picture and the line; why that failed, None when it did not."""
        image = found.image
        if self._staging is not None:
            name = self._free_name(found.name)
            target = self._staging / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(image, bytes):
                target.write_bytes(image)
            else:
                try:
                    data = image.read_bytes()  # what cannot be read is one line lost, what cannot be written is all
                except OSError as error:
                    return f"picture cannot be read: {error.strerror or error}"
                target.write_bytes(data)
            image = self._pictures / name
        assert isinstance(image, Path)  # bytes need a staging folder: _fault has seen to it
        text, why = tidy_text(found.text)
        if why:
            self.changes.append(Reject(found.where, why))
        writer = " ".join(found.writer.split()) if found.writer else None
        self.samples.append(Sample(image, text, found.split, writer or None))
        return None

    def _free_name(self, wanted: str) -> str:
        """`wanted` without parts that leave the folder or that some system forbids; `-2`, `-3` ... where it is taken.

        Letter case does not tell names apart: on Windows and macOS it would not either.
        """
        parts = [part.translate(_FORBIDDEN).strip(" ") for part in unicodedata.normalize("NFC", wanted).split("/")]
        path = Path(*[part for part in parts if part.strip(".")] or ["line"])
        free, number = path, 1
        while free.as_posix().casefold() in self._names:
            number += 1
            free = path.with_name(f"{path.stem}-{number}{path.suffix}")
        self._names.add(free.as_posix().casefold())
        return free.as_posix()


def _recognise(tree: Tree, among: Mapping[str, Format]) -> Format:
    """The one format whose signs are there."""
    signs = {name: form.signs(tree) for name, form in among.items()}
    hits = [name for name, files in signs.items() if files]
    if len(hits) == 1:
        return FORMATS[hits[0]]
    if hits:
        told = "; ".join(f"{name} ({os.path.relpath(signs[name][0], tree.root)})" for name in hits)
        raise NetchuError(f"{tree.source}: looks like more than one format: {told}; choose one with --format")
    kinds = Counter(file.suffix.lower() or "no suffix" for file in tree.files).most_common(6)
    seen = ", ".join(f"{count:,} x {kind}" for kind, count in kinds)
    known = "; ".join(f"{form.name} ({form.shape})" for form in among.values())
    raise NetchuError(f"{tree.source}: no known format; seen: {seen}; choose with --format among: {known}")


def _chosen(tree: Tree, name: str) -> Format:
    """The format asked for by name, provided the source has its signs."""
    form = FORMATS.get(ALIASES.get(name, name))
    if form is None:
        raise NetchuError(f"{name}: no such format; the formats are {', '.join([*FORMATS, *ALIASES])}")
    if form.name != "names" and tree.source.is_dir() and not form.signs(tree):
        raise NetchuError(f"{tree.source}: does not look like {form.name}: expected {form.shape}")
    return form


def _nothing_left(tree: Tree, form: Format, rejects: Iterable[Reject], what: str = "line") -> str:
    """The message for a source without a single usable line or page."""
    reasons = by_reason(rejects)
    if not reasons:
        return f"{tree.source}: holds no {what}s in the format {form.name}; expected {form.shape}"
    reason, count, first = reasons[0]
    return f"{tree.source}: read as {form.name}, no {what} can be used; {count:,} x {reason}, first {first}"


def _reject_table(rejects: Iterable[Reject]) -> bytes:
    """The rejects as a table: where, reason."""
    rows = ["where\treason", *("\t".join(" ".join(c.split()) for c in (r.where, r.reason)) for r in rejects)]
    return ("\n".join(rows) + "\n").encode("utf-8", "backslashreplace")
