"""What straightening pages is worth: pages that are flat, and the same pages warped in a known way.

    python bench/dewarp.py lines.onnx --data pages [--pages 40] [--read vi] [--seconds 150]

Flat pages are those of the val part; each is warped by curl, perspective and a slight rotation, on a dark table and in
uneven light (warp.py), in as many ways as --pages asks for. Displacement: the mean distance of a grid's points on the
page from where they should be, in pixels and as a share of the page's diagonal, after the best similarity (position,
scale and rotation are free: a flat picture may be of any size). `before` is the warped picture as it is, `after` the
straightened one. With --read the character error rate (lines paired in any order) with and without straightening, each
line cut along its own baseline either way.

What was measured of a page is kept in --kept, a line each: a run that was stopped by --seconds goes on where it was.
Rows are appended to results/dewarp.csv.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness import RESULTS, append_csv, versions
from page_peers import PRINT
from warp import Numbers, drawn, similar, warped

import netchu
from netchu.data.page_sources import scored_page, split_pages
from netchu.data.pages import PageSample, read_pages
from netchu.image import Grey, open_grey
from netchu.page.crop import cut_lines
from netchu.page.detect import LineFinder
from netchu.page.flat import Flat
from netchu.page.reading import original_lines
from netchu.page.scores import score_page
from netchu.page.straighten import straighten
from netchu.read import Reader
from netchu.records import Line, Page

Move = Callable[[Numbers], Numbers]
GRID = 25


def unmoved(points: Numbers) -> Numbers:
    return points


def measured(sample: PageSample, way: int, finder: LineFinder, reader: Reader | None) -> dict[str, Any]:
    """What straightening does to a page: as it is (way 0), or warped in the way of that number."""
    grey = open_grey(sample.image)
    size = (sample.page.width, sample.page.height)
    forward, back = unmoved, unmoved
    if way:
        warp, seen = drawn(size, way)
        grey, forward, back = warped(grey, warp, seen, seed=way), warp.forward, warp.inverse
    began = time.perf_counter()
    lines = finder.find_lines(grey)
    looked = time.perf_counter()
    flat = straighten(grey, finder.find_lines, lines=lines)
    done = time.perf_counter()
    share = np.linspace(0.04, 0.96, GRID)
    grid = np.stack(np.meshgrid(share * size[0], share * size[1]), axis=-1).reshape(-1, 2)
    places = forward(grid)
    diagonal = float(np.hypot(*size))
    row: dict[str, Any] = {"image": sample.image.name, "source": sample.source, "way": way, "lines": len(lines)}
    for name, points in (("before", places), ("after", flat.to_flat(places))):
        pixels = float(np.hypot(*(similar(points, grid) - grid).T).mean())
        row |= {f"pixels_{name}": pixels, f"share_{name}": pixels / diagonal}
    row["error"] = float(np.abs(flat.to_original(flat.to_flat(places)) - places).max())
    row |= {"angle": flat.angle, "cropped": flat.cropped, "dewarped": flat.dewarped, "lit": flat.lit}
    row |= {"untouched": flat.untouched, "look_seconds": looked - began, "straighten_seconds": done - looked}
    for name, page in (("before", Flat(grey, tuple(lines))), ("after", flat)):
        if name == "after" and flat.untouched:
            row |= {f"after_{key[7:]}": value for key, value in row.items() if key.startswith("before_")}
            continue
        tally = score_page(scored_page(sample), as_found(page, grey, back, sample.page, reader))
        row |= {f"{name}_edits": tally.unordered.edits, f"{name}_units": tally.unordered.units}
        row |= {f"{name}_r": tally.recall_sum, f"{name}_p": tally.precision_sum, f"{name}_pages": tally.baseline_pages}
    return row


def as_found(flat: Flat, grey: Grey, back: Move, page: Page, reader: Reader | None) -> Page:
    """The lines of a flat picture and what is read of them, in the pixels of the page before it was warped."""

    if not flat.lines:
        return replace(page, lines=(), regions=())
    texts = [""] * len(flat.lines)
    if reader:
        strips: list[Grey] = [cut.picture for cut in cut_lines(grey, original_lines(flat, grey.shape[::-1]))]
        texts = [line.text for line in reader.read_lines(strips, boxes=False)]
    outlines = [part for line in flat.lines for part in (line.polygon, line.baseline)]
    ends = np.cumsum([len(part) for part in outlines])
    moved = back(flat.to_original([point for part in outlines for point in part]))
    parts = [tuple(map(tuple, part.tolist())) for part in np.split(moved, ends[:-1])]
    lines = [Line(text, 0.0, parts[2 * n], (), baseline=parts[2 * n + 1]) for n, text in enumerate(texts)]
    return replace(page, lines=tuple(lines), regions=())


def summary(rows: list[dict[str, Any]], read: bool) -> dict[str, Any]:
    total: dict[str, Any] = {"pages": len(rows)}
    for name in ("untouched", "cropped", "dewarped", "lit"):
        total[name] = sum(row[name] for row in rows)
    total["turned"] = sum(not row["dewarped"] and row["angle"] != 0 for row in rows)
    for name in ("pixels_before", "pixels_after"):
        total[name] = round(float(np.mean([row[name] for row in rows])), 2)
    for name in ("share_before", "share_after"):
        total[name] = round(float(np.mean([row[name] for row in rows])), 5)
        total[f"{name}_median"] = round(float(np.median([row[name] for row in rows])), 5)
    total["worse"] = sum(row["share_after"] > row["share_before"] + 5e-4 for row in rows)
    total["largest_error"] = max(row["error"] for row in rows)
    for name in ("before", "after"):
        pages = max(1, sum(row[f"{name}_pages"] for row in rows))
        recall, precision = (sum(row[f"{name}_{side}"] for row in rows) / pages for side in "rp")
        total[f"baseline_f_{name}"] = round(2 * recall * precision / max(recall + precision, 1e-9), 4)
        edits, units = (sum(row[f"{name}_{part}"] for row in rows) for part in ("edits", "units"))
        total[f"cer_unordered_{name}"] = round(edits / max(units, 1), 4) if read else ""
    for name in ("look_seconds", "straighten_seconds"):
        total[f"{name}_median"] = round(float(np.median([row[name] for row in rows])), 3)
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--pages", type=int, default=40, help="warped pages")
    parser.add_argument("--read", default="", help="a model that reads lines, greedily")
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--kept", type=Path, default=Path("dewarp.jsonl"))
    parser.add_argument("--out", type=Path, default=RESULTS / "dewarp.csv")
    options = parser.parse_args()
    finder = LineFinder(options.model)
    reader = netchu.load(options.read, decoder="greedy") if options.read else None
    samples = list(split_pages(read_pages(options.data)).part(options.split).samples)
    jobs = [
        (sample, 1 + n) for n, sample in enumerate((samples * (1 + options.pages // len(samples)))[: options.pages])
    ]
    jobs += [(sample, 0) for sample in samples]
    key = {"model": finder.digest[:12], "read": options.read, "split": options.split}
    kept = [json.loads(text) for text in options.kept.read_text().splitlines()] if options.kept.exists() else []
    kept = [row for row in kept if all(row[name] == value for name, value in key.items())]
    have = {(row["image"], row["way"]) for row in kept}
    began = time.perf_counter()
    with options.kept.open("a") as file:
        for sample, way in jobs:
            if (sample.image.name, way) in have:
                continue
            if time.perf_counter() - began > options.seconds:
                sys.exit(f"{len(kept)} of {len(jobs)} pages done; run again to go on")
            row = key | measured(sample, way, finder, reader)
            file.write(json.dumps(row) + "\n")
            file.flush()
            kept.append(row)
            done = [name for name in ("cropped", "dewarped", "lit") if row[name]] + [round(row["angle"], 1)]
            shares = [f"{100 * row[name]:.2f}%" for name in ("share_before", "share_after")]
            print(row["image"][:40], way, *shares, row["before_edits"], row["after_edits"], *done, file=sys.stderr)
    rows = []
    chosen = {(sample.image.name, way) for sample, way in jobs}
    for picture, flat in (("warped", False), ("flat", True)):
        for group, is_print in (("handwriting", False), ("print", True), ("all", None)):
            part = [row for row in kept if (row["image"], row["way"]) in chosen and (row["way"] == 0) == flat
                    and (is_print is None or (row["source"] in PRINT) == is_print)]  # fmt: skip
            if part:
                named = {"finder": f"{finder.info.name} {key['model']}", "reader": options.read, "split": options.split}
                rows.append(named | {"pictures": picture, "group": group} | summary(part, reader is not None)
                            | {"versions": versions("numpy", "opencv-python-headless")})  # fmt: skip
                print(rows[-1])
    append_csv(options.out, rows)


if __name__ == "__main__":
    main()
