"""Whether pages are turned upright: real pages of the val part, each turned all four ways.

    python bench/orientation.py lines.onnx --data pages [--read vi] [--seconds 150]

A row for each way, for handwriting and print: pages that came out upright, how often the finder looked, how many lines
were read (each both ways round), and what that took beyond the first look. What was measured is kept in --kept, so that
a run that was stopped by --seconds goes on where it was. Rows are appended to results/orientation.csv.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness import RESULTS, append_csv, versions
from page_peers import PRINT

import netchu
from netchu.data.page_sources import split_pages
from netchu.data.pages import read_pages
from netchu.image import Grey, open_grey
from netchu.page.detect import LineFinder
from netchu.page.flat import turned
from netchu.page.orient import orientation
from netchu.page.trace import FoundLine
from netchu.read import Reader

TURNS = (0, 90, 180, 270)


class Counted:
    """A finder and a reader that count what they are asked."""

    def __init__(self, finder: LineFinder, reader: Reader) -> None:
        self.finder, self.reader, self.looks, self.strips = finder, reader, 0, 0

    def find(self, grey: Grey) -> list[FoundLine]:
        self.looks += 1
        return self.finder.find_lines(grey)

    def sureness(self, strips: Sequence[Grey]) -> list[float]:
        """The mean over the characters of each line."""
        self.strips += len(strips)
        lines = self.reader.read_lines(strips, boxes=False)
        sure = [[char.confidence for char in line.chars if not char.text.isspace()] for line in lines]
        return [float(np.mean(each)) if each else 0.0 for each in sure]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--read", default="vi")
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--kept", type=Path, default=Path("orientation.jsonl"))
    parser.add_argument("--out", type=Path, default=RESULTS / "orientation.csv")
    options = parser.parse_args()
    finder = LineFinder(options.model)
    reader = netchu.load(options.read, decoder="greedy")
    samples = split_pages(read_pages(options.data)).part(options.split).samples
    key = {"finder": f"{finder.info.name} {finder.digest[:12]}", "reader": options.read, "split": options.split}
    kept = [json.loads(text) for text in options.kept.read_text().splitlines()] if options.kept.exists() else []
    kept = [row for row in kept if all(row[name] == value for name, value in key.items())]
    have = {(row["image"], row["turn"]) for row in kept}
    began = time.perf_counter()
    with options.kept.open("a") as file:
        for sample in samples:
            for turn in TURNS:
                if (sample.image.name, turn) in have:
                    continue
                if time.perf_counter() - began > options.seconds:
                    sys.exit(f"{len(kept)} of {len(samples) * len(TURNS)} done; run again to go on")
                grey = turned(open_grey(sample.image), turn)[0]
                counted = Counted(finder, reader)
                lines = counted.find(grey)
                start = time.perf_counter()
                found = orientation(grey, counted.find, counted.sureness, lines)
                row: dict[str, Any] = key | {"image": sample.image.name, "source": sample.source, "turn": turn}
                row |= {"found": found, "right": (found + turn) % 360 == 0, "looks": counted.looks}
                row |= {"strips": counted.strips, "seconds": time.perf_counter() - start}
                file.write(json.dumps(row) + "\n")
                file.flush()
                kept.append(row)
                print(*(row[name] for name in ("image", "turn", "found", "right", "looks")), file=sys.stderr)
    rows = []
    for group, is_print in (("handwriting", False), ("print", True)):
        for turn in TURNS:
            part = [row for row in kept if row["turn"] == turn and (row["source"] in PRINT) == is_print]
            total: dict[str, Any] = key | {"group": group, "turn": turn, "pages": len(part)}
            total["right"] = sum(row["right"] for row in part)
            total["looks"] = round(float(np.mean([row["looks"] for row in part])), 2)
            total["strips"] = round(float(np.mean([row["strips"] for row in part])), 1)
            total["median_seconds"] = round(float(np.median([row["seconds"] for row in part])), 3)
            rows.append(total | {"versions": versions("numpy", "onnxruntime")})
            print(rows[-1])
    append_csv(options.out, rows)


if __name__ == "__main__":
    main()
