"""How much memory this process has held at most: all of it, the model and what it was given included."""

from __future__ import annotations

import sys
from pathlib import Path

_STATUS, _REFS = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_MIB = 2**20


def peak() -> tuple[float, str] | None:
    """The most resident memory so far, in MiB, and how that is known; None where the system does not tell.

    Linux: VmHWM of /proc/self/status, which `reset_peak` sets back; elsewhere ru_maxrss, since the process began.
    """
    try:
        for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024, "VmHWM"
    except (OSError, ValueError):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (_MIB if sys.platform == "darwin" else 1024), "ru_maxrss"  # bytes there, KiB elsewhere


def reset_peak() -> bool:
    """Let `peak` count from now on; whether the system can. See proc(5), clear_refs."""
    try:
        _REFS.write_text("5", encoding="ascii")
    except OSError:
        return False
    return True
