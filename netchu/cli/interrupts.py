"""Ctrl-C that waits for a file to be in place."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType


class Interrupts:
    """While it is entered, a first Ctrl-C comes at the end of what is `undisturbed`, a second at once."""

    def __init__(self) -> None:
        self.busy = self._asked = self._ours = False

    def __enter__(self) -> Interrupts:
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._take)
            self._ours = True
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Raises KeyboardInterrupt at its end where one came meanwhile."""
        self.busy = True
        yield
        self.busy = False
        if self._asked:
            self._asked = False
            raise KeyboardInterrupt

    def _take(self, number: int, frame: FrameType | None) -> None:
        if self.busy and not self._asked:
            self._asked = True
        else:
            raise KeyboardInterrupt
