"""Loops compiled by Numba. The only module that imports it, so that all is as it should be in one place."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TypeVar, cast

from netchu.errors import NetchuError

try:
    import numba  # type: ignore[import-untyped,import-not-found,unused-ignore]
    from numba.core import event  # type: ignore[import-untyped,import-not-found,unused-ignore]
except ImportError as error:
    raise NetchuError(f"this needs numba ({error}); install it, or read with --decoder greedy") from None

Function = TypeVar("Function", bound=Callable[..., object])


def compiled(function: Function) -> Function:
    """`function` as machine code that lets other threads run. Compiled at its first call, then kept beside the source.

    Where nothing may be kept (a read-only file system without a home), every process compiles anew.
    """
    # Numba tells by a file's age whether what it kept is stale, and only after it has unpickled types that this version
    # may no longer have; and a function's age says nothing of those it calls. So what is kept is named by its sources.
    function.__qualname__ = f"{function.__qualname__}_{_sources()}"
    try:
        return cast(Function, numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # Numba found no folder to keep it in
        return cast(Function, numba.njit(nogil=True)(function))


class _Announcer(event.Listener):  # type: ignore[misc]
    """Says once that something is being compiled, which what was kept is not."""

    def __init__(self, say: Callable[[], None]) -> None:
        self.say: Callable[[], None] | None = say

    def on_start(self, started: object) -> None:
        if self.say:
            say, self.say = self.say, None
            say()

    def on_end(self, ended: object) -> None:
        pass


def announce(say: Callable[[], None]) -> None:
    """Call `say` before the first compilation of this process, if there is one."""
    event.register("numba:compile", _Announcer(say))  # type: ignore[no-untyped-call,unused-ignore]


@lru_cache(maxsize=1)
def _sources() -> str:
    """A digest of every module that holds compiled functions."""
    total = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*/*.py")):
        if path.parent.name in ("decode", "lm"):
            total.update(path.name.encode() + path.read_bytes())
    return total.hexdigest()[:12]
