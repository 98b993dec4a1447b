"""netchu read: pictures in, text out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from glob import glob
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import click

from netchu.cli.decoding import decoding, open_wished
from netchu.data.lines import write_whole
from netchu.documents import sheets
from netchu.errors import NetchuError
from netchu.formats import FORMS, Picture, write
from netchu.image import SUFFIXES, printable
from netchu.read import Reader
from netchu.records import Line, Page
from netchu.text import graphemes


class Taken(NamedTuple):
    """What was read of a file: its pages, what went wrong, and how many pages it has; and the file or its bytes."""

    picture: Picture
    pages: tuple[Page, ...]
    failed: tuple[str, ...]
    total: int


class File(NamedTuple):
    """A file to write, what a person should know of it, and the page it holds where each has one of its own, else 0."""

    data: bytes
    notes: tuple[str, ...]
    number: int = 0


READABLE = SUFFIXES | {".pdf"}
STREAMED = ("txt", "tsv", "json", "md")  # formats of which several may follow one another


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE|DIR|GLOB|-...")
@click.option("--line", is_flag=True, help="Every picture is one line of text.")
@click.option("-f", "--format", "form", type=click.Choice([*FORMS]), default="txt", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as -f json.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A folder: one file a picture goes there.")
@decoding
@click.option("-j", "--jobs", type=click.IntRange(1), default=None, help="Pictures read at once.  [default: all cores]")
@click.option("--min-conf", type=click.FloatRange(0, 1), default=0.0, help="Mark what is less sure than this with ⟦…⟧.")
def read(
    files: tuple[str, ...], line: bool, form: str, as_json: bool, output: Path | None, jobs: int | None,
    min_conf: float, **wished: Any,
) -> None:  # fmt: skip
    """Read text out of pictures. One that cannot be read is reported, and the others go on."""
    form = "json" if as_json else form
    reader, _ = open_wished(**wished)
    sources = list(expand(files))
    if not sources:
        raise NetchuError(f"{', '.join(files)}: no pictures there ({', '.join(sorted(READABLE))})")
    several = len(sources) > 1
    if several and not output and form not in STREAMED:
        raise NetchuError(f"{form} holds one picture's text a file; name a folder for {len(sources)} of them: -o")
    names = targets(sources, output, form) if output else {}
    used = {target.name.casefold() for target in names.values()}
    failed: list[str] = []
    done = several
    pool = ThreadPoolExecutor(jobs or os.cpu_count() or 1)
    try:
        found = pool.map(lambda source: attempt(reader, source, line, form not in ("txt", "tsv", "md")), sources)
        for source, taken in zip(sources, found):
            failed += taken.failed
            if not taken.pages:
                continue
            files_made = render(taken, form, min_conf, several and output is None)
            if len(files_made) > 1 and not output:
                failed.append(f"{printable(source)}: {form} holds a page a file, and it has several; name a folder: -o")
                continue
            done = True
            for file in files_made:
                for note in file.notes:
                    click.echo(f"netchu: {printable(source)}: {note}", err=True)
                if output:
                    write_whole(numbered(names[source], file.number, used), file.data)
                else:
                    click.echo(file.data, nl=False)
    finally:  # the rest is not read where nobody waits for it any more: Ctrl-C, a closed pipe, a full disk
        pool.shutdown(cancel_futures=True)
        if failed and several:
            click.echo(f"netchu: {len(failed)} of {len(sources)} pictures could not be read:", err=True)
        for why in failed:
            click.echo(f"netchu: {why}", err=True)
    if failed:
        sys.exit(1 if done else 2)


def attempt(reader: Reader, source: str, line: bool, boxes: bool) -> Taken:
    """What can be read of a file; MemoryError and what is wrong with its pages are told, not raised."""
    picture: Picture = sys.stdin.buffer.read() if source == "-" else source
    name = "stdin" if source == "-" else source
    pages: list[Page] = []
    failed: list[str] = []
    total = 1
    try:
        for sheet in sheets(picture, name):
            if isinstance(sheet, NetchuError):
                failed.append(str(sheet))
                continue
            total = sheet.total
            where = name if total == 1 else f"{name}, page {sheet.number}"
            try:
                page = reader.read(sheet.picture, line=line, name=where, boxes=boxes)
                pages.append(replace(page, source=name, number=sheet.number))
            except NetchuError as error:
                failed.append(str(error))
    except NetchuError as error:
        failed.append(str(error))
    except MemoryError:
        failed.append(f"{printable(name)}: too large for this machine's memory; scale it down first")
    return Taken(picture, tuple(pages), tuple(failed), total)


def expand(files: tuple[str, ...]) -> Iterator[str]:
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


def targets(sources: list[str], folder: Path, form: str) -> dict[str, Path]:
    """An output file for each source: its stem, with a number where two sources would share one, by any file system."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NetchuError(f"{folder}: cannot be made a folder ({error.strerror}); choose another for -o") from None
    names: dict[str, Path] = {}
    taken: set[str] = set()
    for source in sources:
        stem = "stdin" if source == "-" else Path(source).stem
        suffix = FORMS[form].suffix
        target, number = folder / f"{stem}{suffix}", 2
        while target.name.casefold() in taken:
            target, number = folder / f"{stem}-{number}{suffix}", number + 1
        taken.add(target.name.casefold())
        names[source] = target
    return names


def numbered(target: Path, number: int, used: set[str]) -> Path:
    """The file of a page that has one of its own, unlike all that are `used`; of page 0, which has not, the target."""
    if not number:
        return target
    stem, again = f"{target.stem}-{number:04d}", 2
    found = target.with_name(f"{stem}{target.suffix}")
    while found.name.casefold() in used:
        found, again = target.with_name(f"{stem}-{again}{target.suffix}"), again + 1
    used.add(found.name.casefold())
    return found


def render(taken: Taken, form: str, min_conf: float, named: bool) -> list[File]:
    """What was read as files: one, or one a page where the format holds no more. `named`: several share a stream."""
    lines = [line for page in taken.pages for line in page.lines]
    said = tuple(dict.fromkeys(line.note for line in lines if line.note))
    if form in ("txt", "tsv"):
        text = ("" if named or form == "tsv" else "\f").join(
            told(page, form, min_conf, named, taken.total > 1) for page in taken.pages
        )
        return [File(text.encode("utf-8", "replace"), said)]
    pages = list(taken.pages)
    if form == "md" and min_conf:
        pages = [
            replace(page, lines=tuple(replace(line, text=marked(line, min_conf)) for line in page.lines))
            for page in pages
        ]
    if FORMS[form].several:
        written = write(pages, form, [taken.picture] * len(pages))
        return [File(written.data, (*said, *written.notes))]
    files = []
    for page in pages:
        written = write([page], form, [taken.picture])
        notes = tuple(dict.fromkeys(line.note for line in page.lines if line.note))
        files.append(File(written.data, (*notes, *written.notes), page.number if taken.total > 1 else 0))
    return files


def told(page: Page, form: str, min_conf: float, named: bool, numbers: bool) -> str:
    """A page as lines of text. `named` puts its source in front, where several pages share a stream."""
    rows = [(line.confidence, marked(line, min_conf)) for line in page.lines]
    source = printable(page.source) + (f":{page.number}" if numbers else "")
    if form == "tsv":  # a blank picture has its row too: nothing is dropped
        return "".join(f"{source}\t{confidence:.4f}\t{text}\n" for confidence, text in rows or [(0.0, "")])
    if named:
        return "".join(f"{source}\t{text}\n" for _, text in rows or [(0.0, "")])
    return "".join(f"{text}\n" for _, text in rows)


def marked(line: Line, min_conf: float) -> str:
    """A line's text, runs of letters under `min_conf` inside ⟦⟧. Nothing is deleted, and no letter cut from its marks.

    A ⟦ or ⟧ that was read stands alone in such brackets, sure or not: ⟦⟦⟧. No other mark begins with a bracket, so that
    the text and what is doubtful in it can be told from what is printed. Without a `min_conf` nothing is marked.
    """
    if not min_conf:
        return line.text
    text, doubtful = "", False
    for letter, sure in letters(line):
        bracket = letter[0] in "⟦⟧"
        if doubtful and (bracket or sure >= min_conf):
            text, doubtful = text + "⟧", False
        elif not doubtful and not bracket and sure < min_conf:
            text, doubtful = text + "⟦", True
        text += f"⟦{letter}⟧" if bracket else letter
    return text + ("⟧" if doubtful else "")


def letters(line: Line) -> Iterator[tuple[str, float]]:
    """The graphemes of a line, each as sure as the least sure of the characters that it is made of."""
    starts = {0, *accumulate(map(len, graphemes(line.text)))}
    letter, sure, end = "", 1.0, 0
    for char in line.chars:
        letter, sure, end = letter + char.text, min(sure, char.confidence), end + len(char.text)
        if end in starts:
            yield letter, sure
            letter, sure = "", 1.0
