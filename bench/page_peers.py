"""Finds the lines of pages with the programs in use, and scores them: what a detector of ours has to beat.

    python bench/page_peers.py --data PAGES --peer tesseract --peer rapidocr --peer rapidocr-read --peer kraken

What each peer found is kept in --found, a file a peer, as it comes: a run that was stopped goes on where it was, and
pages that are there are only scored again. `--seconds` bounds the time for a peer; the smallest pages come first, and
the rows of the CSV say how many pages they are of. Times are of one thread, and comparable only where the machine was
idle; the CSV keeps their median.

Boxes have no baseline but their lower edge, which lies below the letters' feet. Where a peer has boxes only, a row with
`raised` says what share of its height the edge had to be raised for the best F on these pages: in the peer's favour.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness import RESULTS, Worker, append_csv, versions

from netchu.data.page_sources import scored_page, split_pages
from netchu.data.pages import PageSample, PageSet, read_pages
from netchu.page.baseline_score import coverage, page_rates
from netchu.page.scores import score_page, summed
from netchu.records import Line, Page

HERE = Path(__file__).parent
PRINT = ("tapuscorpus", "fondue_en_print20", "fondue_fr_print20", "ocrd_gt_structure_text")  # typescript among them
LANGUAGES = {"fondue_en_print20": "eng", "stanford_memorials": "eng", "ocrd_gt_structure_text": "deu"}  # else French
RAISES = (0.0, 0.2, 0.3, 0.35, 0.4, 0.45, 0.5)


KNOWN = "copiste_d_un_jour"  # hands that readers of ours were trained on, and most lines of these very pages


def groups_of(samples: list[PageSample]) -> dict[str, list[bool]]:
    """Which pages are of handwriting, of hands that no reader here was trained on, of print, of each source."""
    hands = [sample.source not in PRINT for sample in samples]
    unknown = [hand and sample.source != KNOWN for hand, sample in zip(hands, samples)]
    groups = {"handwriting": hands, "unknown hands": unknown, "print": [not hand for hand in hands]}
    sources = sorted({sample.source for sample in samples})
    return groups | {source: [sample.source == source for sample in samples] for source in sources}


class Peer(NamedTuple):
    environment: str  # a folder in --peers; "" for this interpreter
    script: str
    arguments: tuple[str, ...] = ()
    boxes: bool = False
    reads: bool = False


PEERS = {
    "tesseract": Peer("", "tesseract_pages.py", reads=True),
    "rapidocr": Peer("rapidocr", "rapidocr_pages.py", boxes=True),
    "rapidocr-read": Peer("rapidocr", "rapidocr_pages.py", ("--read",), boxes=True, reads=True),
    "kraken": Peer("kraken", "kraken_pages.py"),
}


def find(peer: Peer, pages: PageSet, kept: Path, folder: str, seconds: float) -> dict[str, Any]:
    """Image name -> what the peer found there, from the file and for the pages that it lacks."""
    rows = [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()] if kept.exists() else []
    found = {row["image"]: row for row in rows}
    missing = [sample for sample in pages.samples if pages.name(sample) not in found]
    if not missing:
        return found
    python = Path(folder.format(peer.environment)) / "bin" / "python" if peer.environment else Path(sys.executable)
    worker = Worker([python, HERE / "peers" / peer.script, *peer.arguments], threads=1)
    version = worker.ask()["version"]
    stop = time.monotonic() + seconds
    for sample in sorted(missing, key=lambda sample: len(sample.page.lines)):
        if time.monotonic() > stop:
            break
        name = pages.name(sample)
        reply = worker.ask(image=str(sample.image), language=LANGUAGES.get(sample.source, "fra"))
        found[name] = {"image": name, "version": version, **reply}
        with kept.open("a", encoding="utf-8") as file:
            file.write(json.dumps(found[name], ensure_ascii=False) + "\n")
        print(f"{name}: {len(reply['lines'])} lines in {reply['seconds']:.1f} s", file=sys.stderr)
    worker.close()
    return found


def as_page(truth: Page, found: dict[str, Any], raised: float) -> Page:
    """What a peer found as a page; `raised`: by what share of its box's height a baseline is moved up."""
    lines = []
    for line in found["lines"]:
        polygon = tuple((float(x), float(y)) for x, y in line["polygon"] or ())
        baseline = [(float(x), float(y)) for x, y in line["baseline"] or ()]
        if raised:  # from the lower corners towards the upper ones
            upper = (polygon[0], polygon[1])
            baseline = [(x + raised * (a - x), y + raised * (b - y)) for (x, y), (a, b) in zip(baseline, upper)]
        lines.append(Line(line["text"], 1.0, polygon, (), baseline=tuple(baseline)))
    return replace(truth, lines=tuple(lines), regions=())


def rows_of(
    name: str, samples: list[PageSample], found: list[dict[str, Any]], raised: float
) -> Iterable[dict[str, object]]:
    """A row for handwriting, one for print, one for each source: rates, their intervals, counts."""
    tallies = [
        score_page(scored_page(sample), as_page(sample.page, page, raised)) for sample, page in zip(samples, found)
    ]
    for group, members in groups_of(samples).items():
        chosen = [place for place, member in enumerate(members) if member]
        if not chosen:
            continue
        scores = summed([tallies[place] for place in chosen])
        total, rates = scores.total, scores.total.rates
        row: dict[str, object] = {"peer": name, "version": found[0]["version"], "group": group, "pages": total.pages}
        row |= {"true_lines": total.true_lines, "found_lines": total.found_lines, "ignored": total.ignored}
        row |= {"baseline_pages": total.baseline_pages, "raised": raised}
        for rate, value in rates.items():
            read = PEERS[name].reads or not rate.startswith("cer")
            row[rate] = round(value, 4) if value is not None and read else ""
            if rate in ("baseline_f", "hmean"):
                row[f"{rate}_ci95"] = " ".join(f"{end:.4f}" for end in scores.ci95[rate] or ())
        row["median_seconds"] = round(statistics.median(found[place]["seconds"] for place in chosen), 2)
        yield row | {"netchu_versions": versions("numpy", "rapidfuzz")}


def best_raise(samples: list[PageSample], found: list[dict[str, Any]]) -> float:
    """The share of RAISES with the best baseline F over the pages that have baselines, don't-care areas aside."""
    lined = [place for place, sample in enumerate(samples) if all(line.baseline for line in sample.page.lines)]

    def f_of(raised: float) -> float:
        rates = []
        for place in lined:
            truth, page = samples[place].page, as_page(samples[place].page, found[place], raised)
            rates.append(page_rates(coverage(*([line.baseline for line in side.lines] for side in (truth, page)))))
        recall, precision = (statistics.mean(side) for side in zip(*rates))
        return 2 * recall * precision / ((recall + precision) or 1)

    return max(RAISES, key=f_of)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--peer", action="append", choices=PEERS, help="all where none is named")
    parser.add_argument("--peers", default=".peers/{}", help="where the environments are; {} is a peer's name")
    parser.add_argument("--found", type=Path, default=Path(".peers/found"))
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--out", type=Path, default=RESULTS / "page_peers.csv")
    options = parser.parse_args()
    pages = split_pages(read_pages(options.data)).part(options.split)
    options.found.mkdir(parents=True, exist_ok=True)
    for name in options.peer or PEERS:
        peer = PEERS[name]
        found = find(peer, pages, options.found / f"{name}.jsonl", options.peers, options.seconds)
        samples = [sample for sample in pages.samples if pages.name(sample) in found]
        results = [found[pages.name(sample)] for sample in samples]
        if not samples:
            print(f"{name}: no page was done in {options.seconds:g} s", file=sys.stderr)
            continue
        raises = sorted({0.0, best_raise(samples, results)}) if peer.boxes else [0.0]
        rows = [row for raised in raises for row in rows_of(name, samples, results, raised)]
        for row in rows:
            shown = ("baseline_recall", "baseline_precision", "baseline_f", "recall", "precision", "hmean", "cer")
            print(name, row["group"], row["pages"], row["raised"], *(row[rate] for rate in shown))
        append_csv(options.out, rows)


if __name__ == "__main__":
    main()
