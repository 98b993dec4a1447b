"""How far a long run is, on a terminal."""

from __future__ import annotations

import sys
from types import TracebackType

from netchu.archive import End, Event, Skipped, Unit


class Quiet:
    """Shows nothing."""

    def __enter__(self) -> Quiet:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass

    def take(self, event: Event) -> None:
        pass


class Bar(Quiet):
    """Files done of all, pages a second, and when the last will be done; files skipped count for nothing in that."""

    def __init__(self, files: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("reading"), BarColumn(), MofNCompleteColumn(), TextColumn("files, {task.fields[rate]}"),
            TimeRemainingColumn(),
        )  # fmt: skip
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task("", total=files, rate="")
        self._files = files
        self._pages, self._of_file = 0, 0.0
        self._skipped = False

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def take(self, event: Event) -> None:
        if isinstance(event, Unit):
            share = 1 / max(1, event.file.pages)
            self._pages += 1
            self._of_file += share
            elapsed = self._progress.tasks[0].elapsed or 0
            rate = f"{self._pages / elapsed:.1f} pages/s" if elapsed else ""
            self._progress.update(self._task, advance=share, rate=rate)
        elif isinstance(event, Skipped):
            self._skipped = True
        elif isinstance(event, End):
            if self._skipped and not self._of_file:
                self._files -= 1
                self._progress.update(self._task, total=self._files)
            else:
                self._progress.update(self._task, advance=1 - self._of_file)
            self._of_file, self._skipped = 0.0, False


def progress(files: int, wanted: bool) -> Quiet:
    """A bar on stderr where `wanted`, where stderr is a terminal and where there is more than one file to wait for."""
    return Bar(files) if wanted and sys.stderr.isatty() else Quiet()
