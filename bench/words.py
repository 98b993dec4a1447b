"""Words, plates and captchas: how many are read exactly right, and what a line costs beside vi-tiny.

    python bench/words.py --data ../shared/data/scene/icdar2015_words -m scene --normaliser alnum36
    python bench/words.py --data ../shared/data/plates/ccpd_crops -m plate-cn

Intervals are exact ones (Clopper and Pearson 1934), which say something even where nothing is wrong. With alnum36
three protocols of scene text are told apart: all words, compared by their letters and digits (the 2,077 of ICDAR
2015); without those that hold anything else (the 1,811); and of these the ones of three characters and more (ICDAR
2003). Costs are processor time of one thread, network and decoder, the models taking turns picture by picture.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy and its kin are loaded

import cv2
import numpy as np
from harness import ratio_by_round, read_rows
from PIL import Image

import netchu
from netchu.text import normaliser

BESIDE = "vi-tiny"


def exact_interval(right: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share that was seen as `right` of `of`."""

    def tail(share: float, first: int, last: int) -> float:
        return sum(math.comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(first, last + 1))

    def solve(first: int, last: int, rising: bool) -> float:
        low, high = 0.0, 1.0
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (middle, high) if (tail(middle, first, last) < 0.025) == rising else (low, middle)
        return low

    return (solve(right, of, True) if right else 0.0), (solve(0, right, False) if right < of else 1.0)


def show(what: str, verdicts: Sequence[bool]) -> None:
    low, high = exact_interval(sum(verdicts), len(verdicts))
    share = sum(verdicts) / len(verdicts)
    print(f"{what}: {sum(verdicts)} of {len(verdicts)} right, {100 * share:.1f} % [{100 * low:.1f}, {100 * high:.1f}]")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a lines data set")
    parser.add_argument("--split", default="val")
    parser.add_argument("-m", "--model", required=True, help="a bundled name or a .onnx file")
    parser.add_argument("--decoder", default="", help="another than the model's own")
    parser.add_argument("--normaliser", default="nfc")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    rows, clean = read_rows(args.data, args.split), normaliser(args.normaliser)
    pictures = [np.asarray(Image.open(row.image).convert("L")) for row in rows]
    options = {"decoder": args.decoder} if args.decoder else {}
    readers = {
        "model": netchu.load(args.model, threads=1, **options),
        BESIDE: netchu.load(BESIDE, threads=1, decoder="greedy"),
    }
    for reader in readers.values():
        reader.read_lines(pictures[:4], boxes=False)
    spent: dict[str, list[float]] = {name: [0.0] * args.rounds for name in readers}
    texts = []
    for number in range(args.rounds):
        for picture in pictures:
            for name, reader in readers.items():
                start = time.process_time()
                line = reader.read_lines([picture], boxes=False)[0]
                spent[name][number] += time.process_time() - start
                if number == 0 and name == "model":
                    texts.append(line.text)
    pairs = [(row.text, clean(row.text), clean(text)) for row, text in zip(rows, texts, strict=True)]
    show("all", [truth == read for _, truth, read in pairs])
    if args.normaliser == "alnum36":
        plain = [(truth, read) for text, truth, read in pairs if text.lower() == truth]
        show("letters and digits alone", [truth == read for truth, read in plain])
        show("of these, three and more", [truth == read for truth, read in plain if len(truth) > 2])
    ratio = ratio_by_round(spent["model"], spent[BESIDE])
    cost = 1000 * min(spent["model"]) / len(rows)
    times = f"{ratio.median:.2f} [{ratio.low:.2f}, {ratio.high:.2f}] times {BESIDE}"
    print(f"{cost:.2f} ms a line, {times}, greedy, on the same lines")


if __name__ == "__main__":
    main()
