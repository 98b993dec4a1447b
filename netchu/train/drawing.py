"""Processes that draw a recipe's lines while the network trains. They end with the process that started them.

Nothing here imports torch: a drawing process has no use for its memory.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from netchu.errors import NetchuError
from netchu.framing import frame
from netchu.image import Grey, is_tall, to_height

if TYPE_CHECKING:
    from netchu.synth.drawer import Drawer, DrawSpec

BLOCK = 16  # lines an errand: a megabyte or so comes back at once
NICENESS = 5  # the training step comes first; what it leaves of the cores is for drawing


class Line(NamedTuple):
    """A drawn line (h, w), vertical ones turned on their side; or why there is none."""

    picture: Grey | None
    text: str = ""
    fault: str = ""


class Artists:
    """`jobs` processes that draw blocks of BLOCK lines; pictures of more than `tallest` rows come back at that many."""

    def __init__(self, spec: DrawSpec, tallest: int, jobs: int) -> None:
        context = multiprocessing.get_context("spawn")  # forking a process with threads, as torch has, is not safe
        self.pool = ThreadPoolExecutor(jobs, "drawing")  # one thread waits for each process
        self.idle: queue.SimpleQueue[Connection] = queue.SimpleQueue()
        self.pipes: list[Connection] = []
        self.processes = []
        with _no_interrupts():
            for _ in range(jobs):
                here, there = context.Pipe()
                process = context.Process(target=_work, args=(there, spec, tallest), daemon=True)
                process.start()
                there.close()  # only the process holds that end: either side notices when the other is gone
                self.processes.append(process)
                self.pipes.append(here)
                self.idle.put(here)

    def draw(self, block: int) -> Future[list[Line]]:
        """The lines of a block, drawn in the order of asking. The future raises NetchuError when a process dies."""
        return self.pool.submit(self._errand, block)

    def _errand(self, block: int) -> list[Line]:
        pipe = self.idle.get()
        try:
            pipe.send(block)
            answer = pipe.recv()
        except (EOFError, OSError):
            raise NetchuError(
                "a drawing process ended by itself: too little memory, or a script that trains outside of "
                "`if __name__ == '__main__':`; lower draw_jobs, or mend the script, and --resume"
            ) from None
        finally:
            self.idle.put(pipe)
        if isinstance(answer, str):
            raise NetchuError(answer)
        return [Line(*line) for line in answer]

    def close(self) -> None:
        self.pool.shutdown(wait=False, cancel_futures=True)
        for process in self.processes:
            process.terminate()
        self.pool.shutdown()  # the threads see their pipes end
        for process, pipe in zip(self.processes, self.pipes):
            pipe.close()
            process.join(5)


@contextlib.contextmanager
def _no_interrupts() -> Iterator[None]:
    """Processes started meanwhile never get Ctrl-C, which a terminal sends to all; this one gets it afterwards."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows: they turn it off as soon as they run
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(pipe: Connection, spec: DrawSpec, tallest: int) -> None:
    """A drawing process: blocks in, lines out, until the other end is closed or gone."""
    with contextlib.suppress(EOFError, OSError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        cv2.setNumThreads(1)
        if hasattr(os, "nice"):
            os.nice(NICENESS)
        try:
            drawer = spec.open()
        except NetchuError as error:  # what could be opened a moment ago
            pipe.recv()
            pipe.send(str(error))
            return
        while True:
            block = pipe.recv()
            pipe.send([tuple(draw_line(drawer, block * BLOCK + place, tallest)) for place in range(BLOCK)])


def draw_line(drawer: Drawer, number: int, tallest: int | None = None) -> Line:
    """One line. Never raises: a text that cannot be drawn, or that upsets the drawer, must not end a night's run."""
    try:
        drawn = drawer.sample(number)
    except NetchuError as error:
        return Line(None, fault=f"cannot be drawn: {error}")
    except Exception as error:
        return Line(None, fault=f"the drawer failed: {type(error).__name__}: {error}")
    picture = drawn.picture
    # as the reader will: it knows pictures only, turns those that are tall, and frames all
    if (drawn.vertical and len(drawn.text) > 1) or (drawer.recipe.vertical and is_tall(*picture.shape)):
        picture = np.rot90(picture)
    picture = frame(np.ascontiguousarray(picture)).picture
    if tallest and picture.shape[0] > tallest:
        picture = to_height(picture, tallest)
    return Line(np.ascontiguousarray(picture), drawn.text)
