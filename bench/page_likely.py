"""How likely what was traced is a line: fits the log-odds of its signs (LIKELY in netchu/page/trace.py) on train pages.

    python bench/page_likely.py netchu/weights/lines.onnx --data pages

Logistic regression on all that is traced on the train part, lines in don't-care areas left out. Pages that were kept
back from training count --weight times: on the others the network is surer than it will be. Prints the coefficients,
and what share of true and of false lines they keep; makes no file.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from netchu.data.page_sources import scored_page, split_pages
from netchu.data.pages import IGNORED, PageSample, read_pages
from netchu.image import open_grey
from netchu.page import detect
from netchu.page.area_score import mostly_in, outline
from netchu.page.baseline_score import coverage
from netchu.page.detect import LineFinder
from netchu.page.trace import LIKELY, FoundLine, trace, traced
from netchu.train.pages.config import PageConfig
from netchu.train.pages.truth import gather_pages

Numbers = NDArray[np.float64]
TRUE = 0.5  # of a traced line that a true one must cover


def signs_of(finder: LineFinder, sample: PageSample) -> tuple[Numbers, NDArray[np.bool_]]:
    """The signs (n, 3) of what is traced on a page in the look that counts, and whether each is a line."""
    looks: list[tuple[Any, ...]] = []

    def noted(*given: Any) -> list[FoundLine]:
        looks.append(given)
        return trace(*given)

    with patch.object(detect, "trace", noted):
        finder.find_lines(open_grey(sample.image))
    lines, signs = traced(*looks[-1])
    truth = scored_page(sample)
    true = [line for line in truth.lines if line.text != IGNORED]
    zones = [outline(line.polygon) for line in truth.lines if line.text == IGNORED]
    outlines = [outline(line.polygon) for line in true]
    counted = [not mostly_in(outline(line.polygon), zones, outlines) for line in lines]
    covered = coverage([line.baseline for line in true], [line.baseline for line in lines]).precision
    return signs[counted], covered[counted] > TRUE


def fit(signs: Numbers, true: NDArray[np.bool_], weights: Numbers) -> Numbers:
    """Coefficients and constant of a logistic regression, by Newton's method."""
    mean, spread = signs.mean(0), signs.std(0)
    inputs = np.c_[(signs - mean) / spread, np.ones(len(signs))]
    found = np.zeros(inputs.shape[1])
    for _ in range(100):
        likely = 1 / (1 + np.exp(-inputs @ found))
        slope = inputs.T @ (weights * (likely - true))
        bend = (inputs.T * (weights * likely * (1 - likely))) @ inputs + 0.1 * np.eye(len(found))
        found -= np.linalg.solve(bend, slope)
    scaled = found[:-1] / spread
    return np.append(scaled, found[-1] - scaled @ mean)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weight", type=float, default=3.0)
    options = parser.parse_args()
    finder = LineFinder(options.model)
    held = {sample.image for sample in gather_pages([options.data], PageConfig().held).held}
    pages = [s for s in split_pages(read_pages(options.data)).part("train").samples
             if all(line.baseline for line in s.page.lines)]  # fmt: skip
    parts = [(*signs_of(finder, sample), sample.image in held) for sample in pages]
    signs, true = np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
    kept_back = np.concatenate([np.full(len(part[1]), part[2]) for part in parts])
    found = fit(signs, true, np.where(kept_back, options.weight, 1.0))
    print("fitted:", *np.round(found, 1), " in use:", *LIKELY)
    for name, odds in (("fitted", found), ("in use", np.array(LIKELY))):
        kept = signs @ odds[:-1] + odds[-1] > 0
        for part, members in (("trained on", ~kept_back), ("kept back", kept_back)):
            shares = [kept[members & kind].mean() for kind in (true, ~true)]
            print(f"{name}, pages {part}: {shares[0]:.3f} of true lines kept, {shares[1]:.3f} of false ones")


if __name__ == "__main__":
    main()
