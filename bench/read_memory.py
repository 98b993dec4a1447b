"""Memory of `netchu read` over many pages: it must not grow with their number.

    python bench/read_memory.py [--pages 500] [--form alto] [--source files|tiff|pdf] [--jobs 2]

Draws line pictures (dark strokes on paper, 600 to 2400 wide) as files, as one TIFF or as one PDF, runs the command on
them in a process of its own, and asks the system how much of it is resident whenever another 50 pages are written, as
far as that can be seen: hocr and pdf come at the end. Linux (/proc). Exit code 1 when it grew by more than `--allow`.
`--data`: the pictures of a pages data set instead, again and again, read as pages.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from harness import RESULTS, append_csv, versions
from PIL import Image


def draw(rng: np.random.Generator, width: int = 0) -> Image.Image:
    height, width = int(rng.integers(48, 81)), width or int(rng.integers(600, 2401))
    picture = rng.integers(215, 256, (height, width), dtype=np.uint8)
    for _ in range(width // 12):
        x, y = int(rng.integers(0, width - 4)), int(rng.integers(8, height - 20))
        picture[y : y + int(rng.integers(3, 18)), x : x + int(rng.integers(2, 12))] = rng.integers(0, 90)
    return Image.fromarray(picture)


def make(folder: Path, source: str, pages: int, data: Path | None) -> Path:
    if data:
        pictures = sorted(path for path in (data / "images").iterdir() if path.is_file())
        for place in range(pages):
            picture = pictures[place % len(pictures)]
            (folder / f"{place:04}{picture.suffix}").symlink_to(picture.resolve())
        return folder
    rng = np.random.default_rng(0)
    drawn = [draw(rng) for _ in range(pages)]
    if source == "files":
        for place, line in enumerate(drawn):
            line.save(folder / f"{place:04}.png")
        return folder
    path = folder / f"all.{'tif' if source == 'tiff' else 'pdf'}"
    drawn[0].save(path, save_all=True, append_images=drawn[1:], resolution=300)
    return path


def status(pid: int, field: str) -> float:
    """Megabytes of VmRSS or VmHWM (the peak)."""
    for row in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if row.startswith(f"{field}:"):
            return int(row.split()[1]) * 1024 / 1e6
    return 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=500)
    parser.add_argument("--form", default="alto")
    parser.add_argument("--source", choices=("files", "tiff", "pdf"), default="files")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--decoder", default="greedy")
    parser.add_argument("--allow", type=float, default=0.1, help="growth from 100 pages on that still counts as flat")
    parser.add_argument("--out", type=Path, default=RESULTS / "read_memory.csv")
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as name:
        folder, out = Path(name) / "in", Path(name) / "out"
        folder.mkdir()
        source = make(folder, args.source, args.pages, args.data)
        call = [
            sys.executable,
            "-m",
            "netchu",
            "read",
            "--page" if args.data else "--line",
            str(source),
            "-o",
            str(out),
            "-f",
            args.form,
        ]
        process = subprocess.Popen([*call, "-j", str(args.jobs), "--decoder", args.decoder], stderr=subprocess.PIPE)
        samples: dict[int, float] = {}
        peak = 0.0
        started = time.monotonic()
        while process.poll() is None:
            try:
                resident, peak = status(process.pid, "VmRSS"), max(peak, status(process.pid, "VmHWM"))
                done = written(out, args.form)
            except (OSError, ValueError):
                break
            if resident:
                samples.setdefault(done // 50 * 50, resident)
            time.sleep(0.02)
        _, errors = process.communicate()
        took = time.monotonic() - started
    print(errors.decode(), end="", file=sys.stderr)
    flat = [samples[count] for count in sorted(samples) if 100 <= count < args.pages]
    for count in sorted(samples):
        print(f"{count:5} pages {samples[count]:8.1f} MB")
    record = {
        "source": "pages" if args.data else args.source,
        "form": args.form,
        "pages": args.pages,
        "jobs": args.jobs,
        "decoder": args.decoder,
        **{f"mb_after_{count}": round(samples.get(count, 0), 1) for count in range(50, args.pages, 50)},
        "peak_mb": round(peak, 1),
        "growth": round(max(flat) / flat[0] - 1, 4) if flat else "",
        "seconds": round(took, 1),
        "versions": versions("netchu", "onnxruntime", "numpy"),
    }
    append_csv(args.out, [record])
    print(f"peak {peak:.1f} MB, {took:.1f} s")
    sys.exit(process.returncode or (bool(flat) and max(flat) / flat[0] - 1 > args.allow))


def written(out: Path, form: str) -> int:
    """Pages that are on the disk: files, or the lines of the one that is being written."""
    if not out.exists():
        return 0
    suffix = {"alto": ".xml", "page": ".xml"}.get(form, f".{form}")
    parts = [path for path in out.iterdir() if path.name.endswith(".partial")]
    if parts and form in ("json", "txt", "tsv", "md"):
        return parts[0].read_bytes().count(b"\n")
    return sum(path.suffix == suffix for path in out.iterdir())


if __name__ == "__main__":
    main()
