"""Pages from picture to text, scored: our finder and reader, and our reader on the lines that others found.

    python bench/page_read.py --data pages                               # ours
    python bench/page_read.py --data pages --lines .peers/found/kraken.jsonl   # lines kept by page_peers.py
    python bench/page_read.py --data pages --lines truth                 # lines of the truth: what finding costs

Protocol and groups are those of page_peers.py, whose CSV has the programs with readers of their own: pages of the val
part, don't-care areas left out. Appended to results/page_read.csv.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness import RESULTS, append_csv, versions
from page_peers import as_page, groups_of

import netchu
from netchu.data.page_sources import scored_page, split_pages
from netchu.data.pages import PageSample, read_pages
from netchu.image import open_grey
from netchu.page.flat import Flat
from netchu.page.reading import read_flat
from netchu.page.scores import score_page, summed
from netchu.page.trace import FoundLine
from netchu.read import Reader
from netchu.records import Line, Page

RATES = ("cer", "cer_unordered", "cer_in_place", "baseline_f", "hmean")


def read(reader: Reader, sample: PageSample, lines: tuple[Line, ...] | None) -> tuple[Page, float]:
    """The page as it is read, with lines found by ourselves or as given, and the seconds that took."""
    grey = open_grey(sample.image)
    began = time.perf_counter()
    if lines is None:
        page = reader.read(grey, page=True)
    else:
        found = tuple(FoundLine(line.baseline, line.polygon, 1.0, 0.0) for line in lines)
        page = read_flat(reader, grey, Flat(grey, found))
    return page, time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("-m", "--model", default="vi")
    parser.add_argument("--decoder", default="")
    parser.add_argument("--finder", default="lines")
    parser.add_argument("--lines", default="", help="truth, or a file of page_peers.py; without one, our own finder's")
    parser.add_argument("--out", type=Path, default=RESULTS / "page_read.csv")
    options = parser.parse_args()
    pages = split_pages(read_pages(options.data)).part(options.split)
    reader = netchu.load(options.model, decoder=options.decoder)
    if not options.lines:
        from netchu.page.detect import open_finder

        reader.finder = open_finder(options.finder)
    given = {}
    if options.lines not in ("", "truth"):
        rows = map(json.loads, Path(options.lines).read_text(encoding="utf-8").splitlines())
        given = {row["image"]: row for row in rows}
    tallies, seconds = [], []
    for sample in pages.samples:
        lines = None
        if options.lines == "truth":
            lines = sample.page.lines
        elif given:
            lines = as_page(sample.page, given[pages.name(sample)], 0.0).lines
        page, taken = read(reader, sample, lines)
        tallies.append(score_page(scored_page(sample), page))
        seconds.append(taken)
        rates = tallies[-1].rates
        print(sample.image.name, *(rates[rate] for rate in RATES), round(taken, 2), file=sys.stderr)
    rows = []
    for group, members in groups_of(list(pages.samples)).items():
        chosen = [place for place, member in enumerate(members) if member]
        if not chosen:
            continue
        scores = summed([tallies[place] for place in chosen])
        row: dict[str, object] = {"model": reader.info.name, "decoder": options.decoder or "default"}
        row |= {"lines": Path(options.lines).stem or reader.finder.info.name, "split": options.split, "group": group}
        row |= {"pages": len(chosen), "true_lines": scores.total.true_lines, "found_lines": scores.total.found_lines}
        for rate in RATES:
            value = scores.total.rates[rate]
            row[rate] = round(value, 4) if value is not None else ""
            row[f"{rate}_ci95"] = " ".join(f"{end:.4f}" for end in scores.ci95[rate] or ())
        rows.append(row | {"median_seconds": round(statistics.median(seconds[place] for place in chosen), 2)})
        rows[-1] |= {"versions": versions("numpy", "onnxruntime")}
        print(*(row[key] for key in ("group", "pages", "true_lines", "found_lines", *RATES)))
    append_csv(options.out, rows)


if __name__ == "__main__":
    main()
