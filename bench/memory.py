"""Resident memory while one reader reads many lines of mixed width: it must stay flat.

    python bench/memory.py [--model vi] [--lines 10000]

Lines are drawn by numpy (dark strokes on paper; 40 to 4000 wide, 48 to 80 high) and read in chunks through
`Reader.read_lines`. The median over the last third of the samples is compared with that over the first third;
exit code 1 when it grew by more than `--allow`. Linux (/proc).
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from pathlib import Path

import numpy as np
from harness import RESULTS, append_csv, versions
from numpy.typing import NDArray


def draw(rng: np.random.Generator) -> NDArray[np.uint8]:
    height, width = int(rng.integers(48, 81)), int(rng.integers(40, 4001))
    picture = rng.integers(215, 256, (height, width), dtype=np.uint8)
    for _ in range(width // 12):
        x, y = int(rng.integers(0, width - 4)), int(rng.integers(8, height - 20))
        picture[y : y + int(rng.integers(3, 18)), x : x + int(rng.integers(2, 12))] = rng.integers(0, 90)
    return picture


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="vi")
    parser.add_argument("--lines", type=int, default=10_000)
    parser.add_argument("--chunk", type=int, default=50, help="lines per call; a divisor of --every")
    parser.add_argument("--every", type=int, default=500, help="lines between two samples")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--allow", type=float, default=0.05, help="growth that still counts as flat")
    parser.add_argument("--out", type=Path, default=RESULTS / "memory.csv")
    args = parser.parse_args()
    if args.every % args.chunk or args.lines < 3 * args.every:
        parser.error("--chunk must divide --every, and --lines be three times --every or more")

    import netchu

    reader = netchu.load(args.model, threads=args.threads)
    loaded, rng, samples = resident_mb(), np.random.default_rng(0), []
    for done in range(args.chunk, args.lines + 1, args.chunk):
        assert len(reader.read_lines([draw(rng) for _ in range(args.chunk)])) == args.chunk
        if done % args.every == 0:
            samples.append(resident_mb())
            print(f"{done:7} lines {samples[-1]:8.1f} MB", file=sys.stderr)

    third = len(samples) // 3
    first, last = statistics.median(samples[:third]), statistics.median(samples[-third:])
    record = {
        "model": args.model,
        "lines": args.lines,
        "threads": args.threads,
        "loaded_mb": round(loaded, 1),
        "first_third_mb": round(first, 1),
        "last_third_mb": round(last, 1),
        "highest_mb": round(max(samples), 1),
        "growth": round(last / first - 1, 4),
        "flat": last / first - 1 <= args.allow,
        "versions": versions("netchu", "onnxruntime", "numpy"),
    }
    for name, value in record.items():
        print(f"{name:16}{value}")
    append_csv(args.out, [record])
    sys.exit(0 if record["flat"] else 1)


if __name__ == "__main__":
    main()
