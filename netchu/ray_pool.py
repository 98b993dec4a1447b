"""Reading on a Ray cluster: a pool like that of threads, whose workers are processes on any of its machines.

Pictures go to the workers and pages come back, so only the machine that gives the command needs the files. Each worker
process opens the models once. A page whose worker dies (killed for its memory, its machine gone) is given to another,
RETRIES times at most; Ray's own retries are off, as those after a lack of memory have no bound.
"""

from __future__ import annotations

import logging
import os
import platform
import socket
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from netchu.archive import fingerprint, read_page
from netchu.decode.choose import FILES
from netchu.errors import NetchuError
from netchu.image import Source, printable
from netchu.page.detect import open_finder
from netchu.read import Reader
from netchu.records import Page
from netchu.voters import Wanted, open_reader
from netchu.zoo import FINDERS, MODELS, find, find_finder, find_language

RETRIES = 2
STORE = 128 * 2**20  # bytes for pictures on their way, of a cluster that is started here: a page is 9 MB at 300 dpi
PAUSE = 10.0  # seconds between two looks at how large the cluster is


class Task(NamedTuple):
    """What every page is read with: reader, line finder ("" for the bundled one), the options, how Reader.read is to
    read it, and `settings`, the fingerprint that a worker's must be."""

    wanted: Wanted
    finder: str
    options: Mapping[str, Any]
    way: Mapping[str, bool]
    settings: str


class RayPool:
    """A pool of worker processes, one a core of the cluster."""

    def __init__(self, address: str, jobs: int | None, task: Task) -> None:
        """Connect, or start a cluster of `jobs` workers where `address` is "local" and RAY_ADDRESS is not set.

        Raises NetchuError when there is no such cluster, and when its workers cannot open the models.
        """
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # offline is offline
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        import ray

        self._ray: Any = ray
        self._jobs = jobs
        self._looked, self._cores = -PAUSE, 1
        address = os.environ.get("RAY_ADDRESS", address) if address == "local" else address
        _reach(address)
        own: dict[str, Any] = {}
        if address == "local":
            cores = jobs or os.cpu_count() or 1
            own = {"num_cpus": cores, "object_store_memory": STORE + cores * STORE // 4, "include_dashboard": False}
        try:
            ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False, **own)
        except (ConnectionError, OSError, RuntimeError, ValueError) as error:
            why = str(error).strip().splitlines()[0][:150] if str(error).strip() else type(error).__name__
            raise NetchuError(f"ray {address}: no cluster there ({why}); start one, or leave the address out") from None
        try:
            self._task = ray.put(_everywhere(task))
            self._read = ray.remote(num_cpus=1, max_retries=0)(_read)
            self._probe()
        except BaseException:
            ray.shutdown()
            raise

    @property
    def limit(self) -> int:
        """Twice the cluster's cores, as they are now: it may grow."""
        if time.monotonic() - self._looked >= PAUSE:
            self._looked = time.monotonic()
            self._cores = self._jobs or int(self._ray.cluster_resources().get("CPU", 1))
        return 2 * max(1, self._cores)

    def submit(self, picture: Source, where: str) -> RayHandle:
        return RayHandle(self._ray, lambda: self._read.remote(self._task, picture, where), where)

    def close(self) -> None:
        """Pages that are not read yet are given up."""
        self._ray.shutdown()

    def _probe(self) -> None:
        """One worker opens the models, so that what is wrong with all of them is said once."""
        try:
            why = self._ray.get(self._ray.remote(num_cpus=1, max_retries=RETRIES)(_open).remote(self._task))
        except self._ray.exceptions.RayError as error:
            why = f"the workers do not start ({_last(error)}); install this version of netchu on all machines"
        if why:
            raise NetchuError(f"ray: {why}")


class RayHandle:
    """A page that is with a worker."""

    def __init__(self, ray: Any, start: Any, where: str) -> None:
        self._ray, self._start, self._where = ray, start, where
        self._ref = start()

    def result(self) -> Page | str:
        why = ""
        for attempt in range(RETRIES + 1):
            if attempt:
                self._ref = self._start()
            try:
                found: Page | str = self._ray.get(self._ref)
                return found
            except self._ray.exceptions.RayTaskError:  # not the worker's end but ours: a fault of the program
                raise
            except self._ray.exceptions.RayError as error:
                why = type(error).__name__
        name = printable(self._where)
        return f"{name}: its Ray worker died {RETRIES + 1} times ({why}); it may need more memory than a worker has"

    def cancel(self) -> bool:
        """True when it is not read yet: that is given up."""
        if self._ray.wait([self._ref], timeout=0)[0]:
            return False
        self._ray.cancel(self._ref)
        return True


def _read(task: Task, picture: Source, where: str) -> Page | str:
    """In a worker: read a page."""
    try:
        reader = _reader(task)
    except NetchuError as error:
        return f"{printable(where)}: {error}"
    if isinstance(picture, np.ndarray):
        picture = picture.copy()  # Ray's is its shared memory, which cannot be written
    return read_page(reader, picture, where, task.way)


def _open(task: Task) -> str:
    """In a worker: open the models; what is wrong with them."""
    try:
        _reader(task)
    except NetchuError as error:
        return str(error)
    return ""


def _reader(task: Task) -> Reader:
    return _opened(task.wanted, task.finder, tuple(sorted(task.options.items())), task.settings)


@lru_cache(maxsize=1)
def _opened(wanted: Wanted, finder: str, options: tuple[tuple[str, Any], ...], settings: str) -> Reader:
    """The reader of this process. Raises NetchuError when it is not the one that the command has."""
    reader = open_reader(*wanted)[0]
    if finder:
        reader.finder = open_finder(finder)
    if fingerprint(wanted, reader, dict(options)) != settings:
        raise NetchuError(f"{platform.node()}: has other models or another netchu; make them the same everywhere")
    return reader


def _reach(address: str) -> None:
    """Raises NetchuError when nobody listens there: Ray itself would wait long and then end the process."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if address.startswith("ray://"):
        raise NetchuError(
            f"ray {address}: Ray Client is not supported; run this on a machine of the cluster, --ray auto"
        )
    if not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
    except OSError as error:
        why = error.strerror or error
        raise NetchuError(f"ray {address}: no cluster there ({why}); start one, or leave the address out") from None


def _everywhere(task: Task) -> Task:
    """The same with whole paths: workers run in other folders."""
    wanted = task.wanted
    models = tuple(model if model in MODELS else str(find(model).absolute()) for model in wanted.models)
    files: dict[str, Any] = {}
    for name in FILES:
        value = getattr(wanted.wish, name)
        if value and Path(find_language(value)).exists():
            files[name] = str(Path(find_language(value)).absolute())
    finder = task.finder if task.finder in ("", *FINDERS) else str(find_finder(task.finder).absolute())
    return task._replace(wanted=wanted._replace(models=models, wish=replace(wanted.wish, **files)), finder=finder)


def _last(error: BaseException) -> str:
    return str(error).strip().splitlines()[-1][:150]
