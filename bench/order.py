"""Is the reading order right? True lines, shuffled, put in order and compared with the order of the truth.

    python bench/order.py --data pages [--fonts fonts --texts texts]

Ways to put them in order: ours (netchu.page.order), with the page's picture, where rules are seen, and without; from
the top down by the middle of the baseline; and a plain XY-cut (Nagy and Seth 1984: cut at the widest gap of either
projection, until no gap is left), which gets the middle half of each outline's height, so that letters that reach into
the next line do not hide the gaps. Scores: the share of the truth's consecutive pairs that are consecutive; Kendall's
tau, the mean over pages; the character errors of the page's text under `cer` when every line is read without a fault.
Rows for handwriting, print and each source, and with `--fonts` and `--texts` for each layout of drawn pages, appended
to results/order.csv.

Left out, unless `--everything` is said: pages whose truth is in no order that a person reads in (UNTRUSTED,
UNTRUSTED_PAGES, and by rule where it goes from a line to the one right above: `goes_back`); and always at the end of a
page's truth the lines that stand at its head: numbers and names of sheets, which some transcribers put last.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness import RESULTS, append_csv, versions
from page_peers import PRINT

from netchu.data.page_sources import split_pages
from netchu.data.pages import read_pages
from netchu.image import Grey, open_grey
from netchu.metrics import Counts
from netchu.page.order import arrange
from netchu.page.text_score import ordered
from netchu.records import Line, Page

Way = Callable[[Page, Grey], list[int]]
# The truth's lines follow the outlines' first points within each region: sentences are torn apart.
UNTRUSTED = frozenset({"ocrd_gt_structure_text"})
UNTRUSTED_PAGES = frozenset(
    {
        "lectaurep_repertoires__DAFANCH96_048MIC06490_L-1.jpg",  # by columns; the other five of the register by rows
        "tapuscorpus__43_61321_default.jpg",  # a play in which each speech comes before the name of who speaks
    }
)
HEAD = 0.12  # share of a page's lines that are its head


def ours(page: Page, picture: Grey) -> list[int]:
    return arrange(page.lines, page.width, page.height, picture=picture)[0]


def by_lines_alone(page: Page, _: Grey) -> list[int]:
    return arrange(page.lines, page.width, page.height)[0]


def top_down(page: Page, _: Grey) -> list[int]:
    return sorted(range(len(page.lines)), key=lambda place: middle(page.lines[place]))


def middle(line: Line) -> float:
    return statistics.fmean(y for _, y in line.baseline or line.polygon)


def xy_cut(page: Page, _: Grey) -> list[int]:
    boxes = []
    for line in page.lines:
        points = np.array(line.polygon or line.baseline)
        (left, top), (right, foot) = points.min(axis=0), points.max(axis=0)
        boxes.append((left, right, top + (foot - top) / 4, foot - (foot - top) / 4))
    return cut(np.array(boxes), list(range(len(boxes))))


def cut(boxes: np.ndarray, places: list[int]) -> list[int]:
    """boxes (n, 4): left, right, top, foot."""
    widest, chosen = 0.0, None
    for axis in (0, 2):
        spans = boxes[places, axis : axis + 2]
        order = np.argsort(spans[:, 0], kind="stable")
        reach = np.maximum.accumulate(spans[order, 1])
        gaps = spans[order[1:], 0] - reach[:-1]
        if len(gaps) and gaps.max() > widest:
            widest, at = float(gaps.max()), int(gaps.argmax()) + 1
            chosen = [places[k] for k in order[:at]], [places[k] for k in order[at:]]
    if chosen is None:
        return sorted(places, key=lambda place: float(boxes[place, 2]))
    return cut(boxes, chosen[0]) + cut(boxes, chosen[1])


WAYS: dict[str, Way] = {"netchu": ours, "netchu, no picture": by_lines_alone, "top-down": top_down, "xy-cut": xy_cut}


@dataclass
class Sums:
    """What was counted on the pages of a group."""

    pages: int = 0
    lines: int = 0
    left_out: int = 0
    pairs: int = 0
    kept: int = 0
    perfect: int = 0
    taus: list[float] = field(default_factory=list)
    edits: Counts = field(default_factory=Counts)
    seconds: list[float] = field(default_factory=list)

    def add(self, page: Page, picture: Grey, left_out: int, way: Way) -> None:
        count = len(page.lines)
        shuffled = list(range(count))
        random.Random(count).shuffle(shuffled)
        given = Page(page.width, page.height, tuple(page.lines[place] for place in shuffled))
        began = time.process_time()
        order = [shuffled[place] for place in way(given, picture)]
        self.seconds.append(time.process_time() - began)
        kept = sum(after == before + 1 for before, after in pairwise(order))
        self.pages, self.lines, self.left_out = self.pages + 1, self.lines + count, self.left_out + left_out
        self.pairs, self.kept, self.perfect = (
            self.pairs + count - 1,
            self.kept + kept,
            self.perfect + (kept == count - 1),
        )
        self.taus.append(tau(order))
        texts = [line.text for line in page.lines]
        self.edits += ordered(texts, [texts[place] for place in order])

    def row(self) -> dict[str, object]:
        return {
            "pages": self.pages, "lines": self.lines, "lines_left_out": self.left_out,
            "pairs_kept": round(self.kept / max(1, self.pairs), 4), "pages_perfect": self.perfect,
            "tau": round(statistics.fmean(self.taus), 4), "cer_of_order": round(self.edits.rate, 4),
            "median_ms": round(1000 * statistics.median(self.seconds), 1),
            "most_ms": round(1000 * max(self.seconds), 1),
        }  # fmt: skip


def tau(order: list[int]) -> float:
    """Kendall's tau of an order against 0, 1, 2 ...; 1 for less than two lines."""
    found = np.array(order)
    if len(found) < 2:
        return 1.0
    right = (found[:, None] < found[None])[np.triu_indices(len(found), 1)]
    return float(2 * right.mean() - 1)


def without_strays(page: Page) -> tuple[Page, int]:
    """The page without the last lines of its truth that stand at its head, and how many these were."""
    lines = list(page.lines)
    head = float(np.quantile([middle(line) for line in lines], HEAD)) if lines else 0.0
    while len(lines) > 3 and middle(lines[-1]) < min(head, middle(lines[-2])):
        lines.pop()
    return Page(page.width, page.height, tuple(lines)), len(page.lines) - len(lines)


def goes_back(page: Page) -> bool:
    """Does the truth anywhere read a whole line and then the one right above it? A person does not; words put in
    between two lines, which stand nearer than 0.7 of the usual distance, are not meant.
    """
    spans = np.array([(p[:, 0].min(), p[:, 0].max()) for p in (np.array(e.baseline or e.polygon) for e in page.lines)])
    steps = np.diff([middle(line) for line in page.lines])
    shared = np.minimum(spans[1:, 1], spans[:-1, 1]) - np.maximum(spans[1:, 0], spans[:-1, 0])
    under = shared > 0.5 * np.minimum(spans[1:, 1] - spans[1:, 0], spans[:-1, 1] - spans[:-1, 0])
    down = steps[under & (steps > 0)]
    return bool(len(down) and (under & (steps < -0.7 * np.median(down)) & (steps > -1.8 * np.median(down))).any())


def real(data: Path, split: str, everything: bool) -> Iterator[tuple[list[str], Page, Grey, int]]:
    for sample in split_pages(read_pages(data)).part(split).samples:
        page, strays = without_strays(sample.page)
        name = sample.image.name
        if not everything and (sample.source in UNTRUSTED or name in UNTRUSTED_PAGES or goes_back(page)):
            print(f"left out, its truth is in no order: {name}", file=sys.stderr)
            continue
        yield (
            ["print" if sample.source in PRINT else "handwriting", sample.source],
            page,
            open_grey(sample.image),
            strays,
        )


def drawn(fonts: str, texts: str, count: int, seed: int) -> Iterator[tuple[list[str], Page, Grey, int]]:
    """Drawn pages; their truth is in the order in which they were written: notes in the margin last, tables row by row
    and in a row cell by cell.
    """
    from netchu.synth import page as drawing
    from netchu.synth.drawer import DrawSpec

    drawer = drawing.PageDrawer(DrawSpec("latin", fonts, texts, seed=seed).open())
    usual = dict(drawing.LAYOUTS)
    for layout in ("columns", "letter", "register", "table"):  # loose notes have no order of their own
        drawing.LAYOUTS.clear()
        drawing.LAYOUTS[layout] = 1.0
        for k in range(count):
            picture, page = drawer.sample(k)
            if len(page.lines) > 1:
                yield [f"drawn {layout}"], page, picture, 0
    drawing.LAYOUTS.update(usual)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--everything", action="store_true", help="leave no page out")
    parser.add_argument("--fonts", default="")
    parser.add_argument("--texts", default="")
    parser.add_argument("--count", type=int, default=40, help="drawn pages of each layout")
    parser.add_argument("--seed", type=int, default=2, help="of the drawn pages")
    parser.add_argument("--out", type=Path, default=RESULTS / "order.csv")
    options = parser.parse_args()
    pages = list(real(options.data, options.split, options.everything))
    if options.fonts:
        pages += drawn(options.fonts, options.texts, options.count, options.seed)
    groups = list(dict.fromkeys(group for names, *_ in pages for group in names))
    rows: list[dict[str, object]] = []
    for group in sorted(groups, key=lambda name: (name not in ("handwriting", "print"), name)):
        for name, way in WAYS.items():
            sums = Sums()
            for names, page, picture, left_out in pages:
                if group in names:
                    sums.add(page, picture, left_out, way)
            part = f"seed {options.seed}" if group.startswith("drawn") else options.split
            rows.append({"way": name, "split": part, "group": group, **sums.row(), "versions": versions("numpy")})
            print(*(value for key, value in rows[-1].items() if key != "versions"))
    append_csv(options.out, rows)


if __name__ == "__main__":
    main()
