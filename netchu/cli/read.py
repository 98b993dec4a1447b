"""netchu read: pictures in, text out."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from netchu.archive import (
    End,
    Event,
    Fault,
    File,
    Pool,
    Skipped,
    Threads,
    Window,
    fingerprint,
    open_file,
    pages_of,
    read_page,
    too_large,
)
from netchu.cli.decoding import decoding, finding, open_wished, parse_wished, use_finder
from netchu.cli.interrupts import Interrupts
from netchu.cli.progress import progress
from netchu.cli.rendering import STREAMED
from netchu.cli.targets import READABLE, Targets, expand, make_folder, without_own
from netchu.cli.writing import Folder, Output
from netchu.errors import NetchuError
from netchu.formats import FORMS
from netchu.image import printable
from netchu.journal import Journal

LOCAL = "local"
MANY = (".pdf", ".tif", ".tiff")  # files of several pages, perhaps
_ADDRESS = re.compile(r"auto|local|(ray://)?[\w.\-]+:\d+|(ray://)?\[[0-9a-fA-F:]+\]:\d+")


@click.command()
@click.argument("files", nargs=-1, required=False, metavar="FILE|DIR|GLOB|-...")
@click.option("--line", is_flag=True, help="Every picture is one line of text.")
@click.option("--page", is_flag=True, help="Every picture is a page.  [default: where it is tall enough for lines]")
@click.option(
    "--scene", is_flag=True, help="Pictures are no pages, but have text in them: signs, packages, at any angle."
)
@click.option("-f", "--format", "form", type=click.Choice([*FORMS]), default="txt", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as -f json.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="A folder: one file a picture goes there. What was read into it before is skipped.",
)
@click.option("--again", is_flag=True, help="Read everything, also what was read into the folder before.")
@decoding
@finding
@click.option("-j", "--jobs", type=click.IntRange(1), default=None, help="Pages read at once.  [default: all cores]")
@click.option("--min-conf", type=click.FloatRange(0, 1), default=0.0, help="Mark what is less sure than this with ⟦…⟧.")
@click.option(
    "--ray",
    is_flag=False,
    flag_value=LOCAL,
    metavar="[ADDRESS]",
    help="Read on a Ray cluster; without an address one is started here.",
)
def read(
    files: tuple[str, ...], line: bool, page: bool, scene: bool, form: str, as_json: bool, output: Path | None,
    again: bool, finder: str, jobs: int | None, min_conf: float, ray: str | None, **wished: Any,
) -> None:  # fmt: skip
    """Read text out of pictures of pages and lines, and PDFs. One that cannot be read is reported; the others go on."""
    form = "json" if as_json else form
    if ray and not _ADDRESS.fullmatch(ray):  # --ray scans: the next word is a file
        files, ray = (ray, *files), LOCAL
    if not files:
        raise click.UsageError("Missing argument 'FILE|DIR|GLOB|-...'.", click.get_current_context())
    kinds = [name for name, given in (("--line", line), ("--page", page), ("--scene", scene)) if given]
    if len(kinds) > 1:
        raise click.UsageError(f"{' and '.join(kinds)}: a picture is one or the other", click.get_current_context())
    sources = list(expand(files))
    reader, _ = open_wished(**wished, threads=threads_for(sources, jobs))
    use_finder(reader, finder)
    if not sources:
        raise NetchuError(f"{', '.join(files)}: no pictures there ({', '.join(sorted(READABLE))})")
    several = len(sources) > 1
    if several and not output and form not in STREAMED:
        raise NetchuError(f"{form} holds one picture's text a file; name a folder for {len(sources)} of them: -o")
    options = {"form": form, "line": line, "page": page, "scene": scene, "min_conf": min_conf}
    settings = fingerprint(parse_wished(**wished), reader, options) if output or ray else ""
    way = {"line": line, "page": page, "scene": scene, "boxes": form not in ("txt", "tsv", "md")}
    folder = open_folder(sources, files, output, form, settings, again) if output else None
    try:
        if ray:
            from netchu.ray_pool import RayPool, Task

            pool: Pool = RayPool(ray, jobs, Task(parse_wished(**wished), finder, options, way, settings))
        else:
            pool = Threads(lambda picture, where: read_page(reader, picture, where, way), jobs or cores())
        run(folder.sources if folder else sources, pool, Output(form, min_conf, several and not folder, folder), form)
    finally:
        if folder:
            folder.journal.close()


def run(sources: list[str], pool: Pool, out: Output, form: str) -> None:
    """Read and write all; exits with 1 where something failed, with 2 where everything did."""
    window = Window(events(sources, out.folder, form), pool)
    interrupted = False
    try:
        with (
            Interrupts() as interrupts,
            progress(len(sources), out.folder is not None or not sys.stdout.isatty()) as bar,
        ):
            try:
                for event, outcome in window:
                    with interrupts.undisturbed():
                        out.take(event, outcome)
                    bar.take(event)
            except KeyboardInterrupt:
                interrupted = True
                if not interrupts.busy:  # what was read is kept, and what is being read: one would wait for it anyway
                    for event, outcome in window.drain():
                        with interrupts.undisturbed():
                            out.take(event, outcome)
                raise
    finally:  # the rest is not read where nobody waits for it any more: Ctrl-C, a closed pipe, a full disk
        pool.close()
        out.close()
        report(out, len(sources), interrupted)
    if out.failed:
        sys.exit(1 if len(sources) > 1 or out.written or out.skipped else 2)


def events(sources: list[str], folder: Folder | None, form: str) -> Iterator[Event]:
    """The pages of all files that are to be read, in order."""
    for source in sources:
        try:
            file, data = open_file(source, keep=FORMS[form].pictures)
        except NetchuError as error:
            file = File(source)
            yield Fault(file, 0, str(error))
        except MemoryError:
            file = File(source)
            yield Fault(file, 0, too_large(file.name))
        else:
            yield from events_of(file, data, folder, form)
        yield End(file)


def events_of(file: File, data: bytes, folder: Folder | None, form: str) -> Iterator[Event]:
    done = folder.done(file) if folder else {}
    if folder and done:
        yield Skipped(file, done[0].pages if 0 in done else len(done))
        if folder.finished(file, done):
            return
    for event in pages_of(file, data, done):
        if folder is None and file.pages > 1 and not FORMS[form].several:
            why = f"{form} holds a page a file, and it has several; name a folder: -o"
            yield Fault(file, 0, f"{printable(file.name)}: {why}")
            return
        yield event


def open_folder(
    sources: list[str], named: tuple[str, ...], output: Path, form: str, settings: str, again: bool
) -> Folder:
    """The folder for what is read, and which of `sources` are to be read: not what was written there by netchu."""
    make_folder(output)
    journal = Journal(output)
    try:
        kept = without_own(sources, named, output, journal.written)
        if not kept:
            raise NetchuError(f"{printable(named[0])}: holds nothing but what netchu wrote there; name other pictures")
        return Folder(kept, Targets(kept, output, form), journal, settings, again)
    except BaseException:
        journal.close()
        raise


def report(out: Output, files: int, interrupted: bool) -> None:
    """What was skipped and what failed, on stderr."""
    if out.skipped:
        click.echo(f"netchu: {_pages(out.skipped)} skipped, read before; --again reads all anew", err=True)
    if interrupted and out.folder:
        click.echo(f"netchu: {_pages(out.read)} read; give the command again to go on", err=True)
    if out.failed and (files > 1 or out.seen > 1):
        click.echo(f"netchu: {len(out.failed)} of {out.seen} pictures could not be read:", err=True)
    for why in out.failed:
        click.echo(f"netchu: {why}", err=True)


def _pages(count: int) -> str:
    return f"{count} page{'s' if count != 1 else ''}"


def threads_for(sources: list[str], jobs: int | None) -> int:
    """Threads that a page gets: one picture gets all that several would share."""
    alone = len(sources) == 1 and Path(sources[0]).suffix.lower() not in MANY
    return (jobs or cores()) if alone else 1


def cores() -> int:
    return os.cpu_count() or 1
