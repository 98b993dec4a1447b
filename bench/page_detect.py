"""Scores of a line finder of ours on real pages: how well its lines are found, and how long that takes.

    python bench/page_detect.py lines.onnx --data pages

Protocol and groups are those of page_peers.py: pages of the val part, one thread, a row for handwriting, one for print,
one for each source, appended to results/page_detect.csv. `--oracle` scores perfect maps, painted from the truth: what
the maps and the tracing can give at best.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness import RESULTS, append_csv, versions
from page_peers import groups_of

from netchu.data.page_sources import scored_page, split_pages
from netchu.data.pages import PageSample, read_pages
from netchu.image import open_grey
from netchu.page.detect import LineFinder, fitting_scale, page_of
from netchu.page.maps import STRIDE, paint, track
from netchu.page.scores import Tally, score_page, summed
from netchu.page.trace import FoundLine, TraceOptions, trace

Find = Callable[[PageSample], list[FoundLine]]


def oracle(sample: PageSample, options: TraceOptions) -> list[FoundLine]:
    """The lines traced from perfect maps of the size at which the page would be looked at."""
    page = sample.page
    scale = fitting_scale(page.width, page.height)
    tracks = []
    for line in page.lines:
        baseline, polygon = (np.asarray(points or np.empty((0, 2))) * scale for points in (line.baseline, line.polygon))
        tracks.append(track(baseline, polygon, 2 * STRIDE))  # type: ignore[arg-type]
    shape = (-(-round(page.height * scale) // STRIDE), -(-round(page.width * scale) // STRIDE))
    return trace(paint(tracks, shape)[0], (1 / scale, 1 / scale), options)


def scored(samples: list[PageSample], find: Find) -> tuple[list[Tally], list[float]]:
    """What was counted on each page, and the seconds that finding took, the picture's opening left out."""
    tallies, seconds = [], []
    for sample in samples:
        began = time.perf_counter()
        lines = find(sample)
        seconds.append(time.perf_counter() - began)
        tallies.append(score_page(scored_page(sample), page_of(sample.page, lines)))
        rates = tallies[-1].rates
        shown = (len(sample.page.lines), len(lines), rates["baseline_f"], rates["hmean"])
        print(sample.image.name, *shown, file=sys.stderr)
    return tallies, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--oracle", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RESULTS / "page_detect.csv")
    options = parser.parse_args()
    if (options.model is None) != options.oracle:
        parser.error("name a model, or --oracle")
    samples = list(split_pages(read_pages(options.data)).part(options.split).samples)
    taken = TraceOptions()
    if options.oracle:
        samples = [sample for sample in samples if all(line.baseline for line in sample.page.lines)]
        name, tallies, seconds = "oracle", *scored(samples, lambda sample: oracle(sample, taken))
    else:
        finder = LineFinder(options.model, options.threads)
        pictures = {sample.image: open_grey(sample.image) for sample in samples}
        tallies, seconds = scored(samples, lambda sample: finder.find_lines(pictures[sample.image], taken))
        name = f"{finder.info.name} {finder.digest[:12]}"
    rows = []
    for group, members in groups_of(samples).items():
        chosen = [place for place, member in enumerate(members) if member]
        if not chosen:
            continue
        scores = summed([tallies[place] for place in chosen])
        total = scores.total
        row: dict[str, object] = {"model": name, "split": options.split, "group": group, "pages": total.pages}
        row |= {"true_lines": total.true_lines, "found_lines": total.found_lines, "ignored": total.ignored}
        for rate, value in total.rates.items():
            if "cer" not in rate:
                row[rate] = round(value, 4) if value is not None else ""
                row[f"{rate}_ci95"] = " ".join(f"{end:.4f}" for end in scores.ci95[rate] or ())
        row |= {"threads": options.threads, "median_seconds": round(statistics.median(seconds[p] for p in chosen), 3)}
        rows.append(row | {"versions": versions("numpy", "onnxruntime")})
        print(*(row[key] for key in ("group", "pages", "true_lines", "found_lines", "baseline_recall",
                                     "baseline_precision", "baseline_f", "hmean", "median_seconds")))  # fmt: skip
    append_csv(options.out, rows)


if __name__ == "__main__":
    main()
