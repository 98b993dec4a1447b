"""The most memory that the process held: it grows with what is held, and can be set back where the system can."""

import subprocess
import sys

import pytest

from netchu import memory

FRESH = """
import numpy as np
from netchu import memory
before = memory.peak()[0]
held = np.ones(200 * 2**20, np.uint8)
during, how = memory.peak()
assert during > before + 100 and how in ("VmHWM", "ru_maxrss"), (before, during, how)
del held
assert memory.peak()[0] > during - 5  # the kernel counts in batches
if memory.reset_peak():
    assert memory.peak()[0] < during - 100
"""


@pytest.mark.skipif(memory.peak() is None, reason="this system does not tell")
def test_the_peak_stays_when_memory_is_given_back_and_can_be_set_back():
    """In a process of its own: what other tests held would be its peak."""
    done = subprocess.run([sys.executable, "-c", FRESH], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_system_that_does_not_tell(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "_STATUS", tmp_path / "none")
    monkeypatch.setattr(memory, "_REFS", tmp_path / "none" / "none")
    assert not memory.reset_peak()
    found = memory.peak()
    assert found is None or (found[1] == "ru_maxrss" and found[0] > 10)
    monkeypatch.setitem(__import__("sys").modules, "resource", None)
    assert memory.peak() is None
