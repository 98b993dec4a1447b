"""Weights of a decoder with language models: the best of a grid on val lines, and what that promises for other lines.

    python bench/decoder_weights.py ../shared/data/vi/cinnamon ../shared/data/vi/kalapa:caseless-nopunct \
        ../shared/data/latin/copiste_d_un_jour -m vi --lm vi --word-lm vi-words

Every setting of the grid decodes the same logits. `best` are those with the lowest mean, over data sets, of CER and WER
relative to greedy's. `crossed`: each half of the lines, by a hash of their texts, decoded with the setting that is best
on the other half; that is what to expect of lines nobody chose by. Prints a table; makes no file.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
from pathlib import Path
from typing import Any

import numpy as np
from decoders import run_network
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

import netchu
from netchu.data.lines import read_lines
from netchu.decode.choose import Wish, choose
from netchu.image import open_grey
from netchu.text import normaliser

GRID = {
    "alpha": (0.3, 0.4, 0.5, 0.6), "beta": (0.25, 0.5, 1.0), "word_alpha": (0.1, 0.2, 0.3),
    "word_beta": (0.0, 0.5, 1.0), "penalty": (4.0, 6.0, 9.0),
}  # fmt: skip
FIXED = {"mode": "ngrams", "width": 12, "threshold": 10.0, "least": -7.0}
Counts = NDArray[np.int64]  # (lines, 4): character edits, characters, word edits, words


def count(texts: list[str], read: list[str], fold: Any) -> Counts:
    rows = []
    for text, hypothesis in zip(map(fold, texts), map(fold, read)):
        words, found = text.split(), hypothesis.split()
        rows.append((Levenshtein.distance(text, hypothesis), len(text), Levenshtein.distance(words, found), len(words)))
    return np.array(rows)


def rates(counts: Counts) -> tuple[float, float]:
    """CER and WER."""
    sums = counts.sum(0)
    return float(sums[0] / sums[1]), float(sums[2] / sums[3])


def cost(found: list[Counts], plain: list[Counts]) -> float:
    """Errors relative to greedy's: the mean over sets, of CER and WER alike."""
    return float(np.mean([np.divide(rates(one), rates(other)) for one, other in zip(found, plain)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", help="PATH[:NORMALISER]")
    parser.add_argument("-m", "--model", default="vi")
    parser.add_argument("--lm", default="vi")
    parser.add_argument("--word-lm", default="vi-words")
    parser.add_argument("--few", action="store_true", help="two values of each weight, to try the command")
    args = parser.parse_args()
    reader = netchu.load(args.model, decoder="greedy")
    sets = []
    for each in args.data:
        path, colon, name = each.rpartition(":") if not Path(each).exists() else (each, "", "")
        lines = read_lines(Path(path if colon else each)).part("val").samples
        logits, _ = run_network(reader, [open_grey(line.image) for line in lines])
        sets.append(([line.text for line in lines], logits, normaliser(name or "nfc")))
    halves = [np.array([hashlib.sha256(text.encode()).digest()[0] % 2 for text in texts]) for texts, _, _ in sets]

    def decode(decoder: Any) -> list[Counts]:
        found = []
        for texts, logits, fold in sets:
            read = [decoder(frames, len(frames), reader.info.temperature) for frames in logits]
            found.append(count(texts, [reader.info.charset.decode(each) for each in read], fold))
        return found

    plain = decode(lambda *given: reader.decoder(*given).classes)
    grid = {name: values[:2] if args.few else values for name, values in GRID.items()}
    results = {}
    for values in itertools.product(*grid.values()):
        settings = tuple({**FIXED, **dict(zip(grid, values))}.items())
        beam: Any = choose(Wish("beam", args.lm, args.word_lm, settings=settings), reader.info).decoder

        def search(*given: Any, beam: Any = beam) -> Any:
            best = beam.search(*given)
            return best[0].classes if best else ()

        results[values] = decode(search)

    def show(label: str, found: list[Counts]) -> None:
        print(f"{label:34}", *("{:6.2f} / {:5.2f}".format(*(100 * rate for rate in rates(each))) for each in found))

    show("greedy", plain)
    ranked = sorted(results, key=lambda values: cost(results[values], plain))
    for values in ranked[:8]:
        show(f"{values} {cost(results[values], plain):.4f}", results[values])
    crossed: list[list[Counts]] = [[] for _ in sets]
    for half in (0, 1):
        chosen = min(
            results,
            key=lambda values: cost(
                [each[side == half] for each, side in zip(results[values], halves)],
                [each[side == half] for each, side in zip(plain, halves)],
            ),
        )
        for place, side in enumerate(halves):
            crossed[place].append(results[chosen][place][side != half])
    show("crossed", [np.concatenate(parts) for parts in crossed])


if __name__ == "__main__":
    main()
