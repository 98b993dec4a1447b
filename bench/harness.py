"""What the benchmark scripts share: the data set, workers in other environments, the result rows.

Standard library only: the peers' interpreters import this file too.
"""

from __future__ import annotations

import csv
import datetime
import importlib.metadata
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

RESULTS = Path(__file__).parent / "results"


class Row(NamedTuple):
    image: Path
    text: str


def read_rows(data: Path, split: str | None, limit: int = 0) -> list[Row]:
    """Lines of a native data set; a fixed random sample when `limit` is smaller."""
    with (data / "lines.tsv").open(encoding="utf-8-sig", newline="") as f:
        table = csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE)
        rows = [Row((data / r["image"]).resolve(), r["text"]) for r in table if not split or r.get("split") == split]
    if not rows:
        sys.exit(f"{data}: no lines in split {split!r}")
    return random.Random(0).sample(rows, limit) if 0 < limit < len(rows) else rows


class Worker:
    """A child process spoken to in JSON lines; it sleeps on its stdin between requests."""

    def __init__(self, command: Sequence[str | Path], threads: int) -> None:
        env = {**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [str(c) for c in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, text=True
        )

    def ask(self, **request: Any) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            reply = self.process.stdout.readline()
        except BrokenPipeError:
            reply = ""
        if not reply:
            sys.exit(f"worker ended: {' '.join(map(str, self.process.args))}")  # type: ignore[arg-type]
        return json.loads(reply)  # type: ignore[no-any-return]

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Requests:
    """The worker's end. Claims stdout for replies, so that whatever a library prints goes to stderr."""

    def __init__(self) -> None:
        self.out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    def receive(self) -> dict[str, Any] | None:
        line = sys.stdin.readline()
        return json.loads(line) if line else None

    def send(self, **reply: Any) -> None:
        self.out.write(json.dumps(reply) + "\n")
        self.out.flush()


def peak_memory() -> float:
    """The largest resident set of this process so far, in MB (Linux, macOS)."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)


class Ratio(NamedTuple):
    median: float
    low: float
    high: float


def ratio_by_round(ours: Sequence[float], peer: Sequence[float]) -> Ratio:
    ratios = [a / b for a, b in zip(ours, peer)]
    return Ratio(statistics.median(ratios), min(ratios), max(ratios))


def busy_cores(seconds: float) -> float:
    """Sleep, and say how many cores were busy meanwhile: with our workers asleep, that is what others take (Linux)."""

    def ticks() -> tuple[int, int]:
        line = [int(x) for x in Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:9]]
        return sum(line), line[3] + line[4]

    if not Path("/proc/stat").exists():
        time.sleep(seconds)
        return float("nan")
    before = ticks()
    time.sleep(seconds)
    total, idle = (b - a for a, b in zip(before, ticks()))
    return (os.cpu_count() or 1) * (1 - idle / max(total, 1))


def cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    return next((x.split(":", 1)[1].strip() for x in lines if x.startswith("model name")), platform.processor())


def versions(*packages: str) -> str:
    found = [f"python {platform.python_version()}"]
    for name in packages:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return "; ".join(found)


def append_csv(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Add rows, each stamped with today and this processor; the columns are those of the first row."""
    stamped = [{"date": datetime.date.today().isoformat(), "cpu_model": cpu_model(), **r} for r in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as f:
        writer = csv.DictWriter(f, fieldnames=list(stamped[0]), lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerows(stamped)
    print(f"-> {path}")
