"""Lines found and read on drawn pages: upright and level Japanese and Chinese, lines on their side, scenes.

    python bench/page_drawn.py lines.onnx --fonts fonts --text texts --strokes strokes [--read ja]

There are no real pages of these kinds to score, so pages are drawn, of a seed and, where a recipe keeps some back, in
fonts that no training page has. A row a kind, appended to results/page_drawn.csv; `aside` are the lines of `latin` that
lie on their side: how many there are and are found. Scenes are looked at as `netchu read --scene` does, or as pages.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness import RESULTS, append_csv, versions

import netchu
from netchu.image import Grey
from netchu.page.area_score import outline, pairs
from netchu.page.detect import open_finder, page_of
from netchu.page.reading import read_page
from netchu.page.scene import find_scene, read_scene
from netchu.page.scores import Tally, score_page, summed
from netchu.page.trace import FoundLine
from netchu.records import Line, Page
from netchu.synth.drawer import DrawSpec
from netchu.synth.page import PageDrawer
from netchu.synth.page_mix import Pages
from netchu.synth.page_scene import SceneDrawer
from netchu.synth.recipe import read_recipe

KINDS = ("ja-down", "ja-across", "zh-down", "zh-across", "latin", "scene", "scene-ja", "scene-zh")
RATES = ("baseline_recall", "baseline_precision", "baseline_f", "recall", "precision", "hmean")


def drawer_of(kind: str, options: argparse.Namespace) -> Pages:
    """What draws pages of a kind, with what its recipe keeps back."""
    first, _, second = kind.partition("-")
    recipe = second if first == "scene" and second else first
    own = options.fonts / recipe
    spec = DrawSpec(
        recipe, str(own if own.is_dir() else options.fonts), str(options.text), str(options.strokes),
        seed=options.seed, held_out=bool(read_recipe(recipe).held_out),
    )  # fmt: skip
    if first == "scene":
        return SceneDrawer(spec.open())
    return PageDrawer(spec.open(), upright=float(second == "down"), aside=1.0 if kind == "latin" else 0.25)


def aside(line: Line | FoundLine) -> bool:
    across, down = np.abs(np.subtract(line.baseline[-1], line.baseline[0]))
    return bool(down > across)


def on_their_side(true: Page, found: Page) -> tuple[int, int]:
    """How many lines lie on their side, and how many of these are found, by half of their area."""
    one, other = ([outline(line.polygon) for line in page.lines] for page in (true, found))
    hits = {pair.true for pair in pairs(one, other)}
    lying = [place for place, line in enumerate(true.lines) if aside(line)]
    return len(lying), len(hits.intersection(lying))


def score(kind: str, pages: list[tuple[Grey, Page]], options: argparse.Namespace) -> dict[str, object]:
    finder = open_finder(options.model)
    scene = kind.startswith("scene") and not options.as_page
    reader = netchu.load(options.read, decoder="greedy") if options.read else None
    if reader:
        reader.finder = finder
    tallies: list[Tally] = []
    lying = np.zeros(2, int)
    for picture, true in pages:
        if reader:
            found = (read_scene if scene else read_page)(reader, picture, boxes=False)
        else:
            found = page_of(true, find_scene(finder.maps, picture) if scene else finder.find_lines(picture))
        tallies.append(score_page(true, found))
        lying += on_their_side(true, found)
    scores = summed(tallies)
    total = scores.total
    row: dict[str, object] = {"model": f"{finder.info.name} {finder.digest[:12]}", "kind": kind, "seed": options.seed}
    both = reader is not None and reader.info.vertical  # as read_page looks for such readers
    look = "scene" if scene else "either way" if both else "page"
    row |= {"look": look, "reader": options.read, "pages": total.pages}
    row |= {"true_lines": total.true_lines, "found_lines": total.found_lines}
    for rate in (*RATES, "cer", "cer_unordered"):
        told = bool(reader) or "cer" not in rate
        row[rate] = round(total.rates[rate] or 0.0, 4) if told else ""
        row[f"{rate}_ci95"] = " ".join(f"{end:.4f}" for end in scores.ci95[rate] or ()) if told else ""
    row |= {"aside": int(lying[0]) if kind == "latin" else "", "aside_found": int(lying[1]) if kind == "latin" else ""}
    return row | {"versions": versions("numpy", "onnxruntime")}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("model", help="a bundled finder or a .onnx")
    parser.add_argument("--fonts", type=Path, required=True, help="a folder; below it may be one for each recipe")
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--strokes", type=Path, required=True)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("-n", "--count", type=int, default=30)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--read", default="", help="a reader, to score texts as well")
    parser.add_argument("--as-page", action="store_true", help="look at scenes as at pages")
    parser.add_argument("--out", type=Path, default=RESULTS / "page_drawn.csv")
    options = parser.parse_args()
    for kind in options.kinds:
        draws = drawer_of(kind, options)
        pages = [draws.sample(k) for k in range(options.count)]
        row = score(kind, [(picture, page) for picture, page in pages if page.lines], options)
        shown = ("kind", "look", "pages", "true_lines", "found_lines", *RATES, "cer", "cer_unordered")
        print(*(row[key] for key in (*shown, "aside", "aside_found")), flush=True)
        append_csv(options.out, [row])


if __name__ == "__main__":
    main()
