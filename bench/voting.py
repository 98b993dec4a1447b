"""Voting: fewer errors than the best of the voters? Any models, any number of views, several ways to combine them.

    python bench/voting.py --data ../shared/data/vi/cinnamon ../shared/data/vi/kalapa --models vi vi-tiny --weights 2 1
    python bench/voting.py --data ../shared/data/vi/cinnamon --models vi --views 3
    python bench/voting.py --data ../shared/data/vi/kalapa --normaliser caseless-nopunct \
        --models vi vi-tiny other.onnx --lm vi-address.lm --set alpha=0.6 beta=1.0

`vote` is netchu's. The others are what it is measured against: `whole`, the best of the voters' own texts by the same
mean log-probability; `letters`, texts aligned one after the other and every letter chosen by the sum of confidences
(ROVER, Fiscus 1997; with the confidences of alternatives, as in Reul et al. 2018); `frames`, log-probabilities averaged
frame by frame, and `warped` the same after dynamic time warping onto the first voter, for voters of one charset. With
--lm every voter reads with that model of characters, which judges `vote` and `whole`, too.
Accuracy only; the cost is that of all voters, and of `vote` itself what is printed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from harness import RESULTS, append_csv, read_rows, versions
from rapidfuzz.distance import Levenshtein

import netchu
from netchu.decode.ballot import Ballot
from netchu.decode.choose import Wish
from netchu.decode.ctc import greedy
from netchu.decode.vote import Election, Judge, vote
from netchu.framing import frame
from netchu.image import open_grey
from netchu.metrics import score
from netchu.settings import parse_setting
from netchu.text import canonical, graphemes
from netchu.voters import Voters

Line = Sequence[Ballot]


def by_vote(ballots: Line, judge: Judge | None) -> str:
    reading, charset = vote(ballots, judge)
    return charset.decode(reading.classes)


def by_whole(ballots: Line, judge: Judge | None) -> str:
    texts = dict.fromkeys(tuple(graphemes(canonical(text))) for ballot in ballots for text in ballot.texts())
    return "".join(Election(ballots, judge).best_of(list(texts)))


def by_letters(ballots: Line, _: Judge | None) -> str:
    """Columns of symbol -> summed confidence; "" is no letter."""
    columns: list[dict[str, float]] = []
    for number, ballot in enumerate(ballots):
        seen = [column_of(ballot, place) for place in range(len(ballot.reading.classes))]
        so_far = [max(column, key=column.__getitem__) for column in columns]
        own = [max(column, key=column.__getitem__) for column in seen]
        total = sum(other.weight for other in ballots[:number])
        merged: list[dict[str, float]] = []
        for edit in Levenshtein.opcodes(so_far, own):
            left, right = columns[edit.src_start : edit.src_end], seen[edit.dest_start : edit.dest_end]
            for place in range(max(len(left), len(right))):
                old = left[place] if place < len(left) else {"": total}
                new = right[place] if place < len(right) else {"": ballot.weight}
                merged.append({key: old.get(key, 0.0) + new.get(key, 0.0) for key in [*old, *new]})
        columns = merged
    return "".join(max(column, key=column.__getitem__) for column in columns)


def column_of(ballot: Ballot, place: int) -> dict[str, float]:
    """What may stand at a place of a voter's reading: the likeliest classes of its frames."""
    reading = ballot.reading
    probs = np.exp(ballot.log_probs[reading.starts[place] : reading.ends[place], :-1]).max(0)
    probs[0] = 0.0
    best = np.argsort(-probs)[:5]
    return {ballot.charset.symbols[label]: ballot.weight * float(probs[label]) for label in best}


def by_frames(ballots: Line, _: Judge | None) -> str:
    frames = min(len(ballot.log_probs) for ballot in ballots)
    return said(ballots[0], [ballot.log_probs[:frames] for ballot in ballots], ballots)


def by_warped(ballots: Line, _: Judge | None) -> str:
    first = ballots[0].log_probs
    return said(ballots[0], [first, *(warp(first, ballot.log_probs) for ballot in ballots[1:])], ballots)


def warp(onto: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Frames of `other`, averaged over those that meet each of `onto` on the cheapest monotonic path."""
    cost = 1 - np.sqrt(np.exp(onto)) @ np.sqrt(np.exp(other)).T  # Hellinger
    rows, columns = cost.shape
    total = np.full((rows + 1, columns + 1), np.inf)
    total[0, 0] = 0
    for row in range(rows):
        for column in range(columns):
            steps = total[row, column], total[row, column + 1], total[row + 1, column]
            total[row + 1, column + 1] = cost[row, column] + min(steps)
    sums, counts = np.zeros((rows, other.shape[1])), np.zeros(rows)
    row, column = rows, columns
    while row and column:
        sums[row - 1] += other[column - 1]
        counts[row - 1] += 1
        step = int(np.argmin((total[row - 1, column - 1], total[row - 1, column], total[row, column - 1])))
        row, column = row - (step != 2), column - (step != 1)
    return sums / counts[:, None]


def said(lead: Ballot, log_probs: Sequence[np.ndarray], ballots: Line) -> str:
    mean = sum(ballot.weight * each[:, :-1] for ballot, each in zip(ballots, log_probs))
    return lead.charset.decode(greedy(mean, len(mean)).classes)


METHODS: dict[str, Callable[[Line, Judge | None], str]] = {
    "vote": by_vote, "whole": by_whole, "letters": by_letters, "frames": by_frames, "warped": by_warped,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="lines data sets")
    parser.add_argument("--split", default="val")
    parser.add_argument("--limit", type=int, default=0, help="lines of each, drawn once at random; 0: all")
    parser.add_argument("--models", nargs="+", default=["vi", "vi-tiny"], help="bundled names or .onnx files")
    parser.add_argument("--weights", nargs="+", type=float, help="one for each model")
    parser.add_argument("--views", type=int, default=1)
    parser.add_argument("--normaliser", default="nfc")
    parser.add_argument("--decoder", default="", help="greedy, unless there is a language model")
    parser.add_argument("--lm", default="", help="a language model of characters")
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="settings of the decoder")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--out", type=Path, default=RESULTS / "voting.csv")
    args = parser.parse_args()
    wish = Wish(
        args.decoder or ("beam" if args.lm else "greedy"), args.lm, settings=tuple(map(parse_setting, args.set))
    )
    readers = [netchu.load(model, decoder=wish) for model in args.models]
    voters = Voters(readers, args.views, args.weights)
    names = [f"{model}:{view.__name__}" for model in args.models for view in voters.views]
    same = len({reader.info.charset for reader in readers}) == 1
    records: list[dict[str, Any]] = []
    for data in args.data:
        rows = read_rows(data, args.split, args.limit)
        texts = [canonical(row.text) for row in rows]
        lines = [ballots for row in rows for ballots in voters.ballots([frame(open_grey(row.image)).picture])]
        single = {}
        for number, name in enumerate(names):
            said_alone = [canonical(line[number].texts()[0]) for line in lines]
            single[name] = score(texts, said_alone, normaliser=args.normaliser, resamples=1)
        best = min(found.characters.edits for found in single.values())
        print(f"{len(rows)} lines of {data} ({args.split})")
        print(f"{'':24}{'edits':>7}{'CER':>8}{'WER':>8}{'to best':>9}{'ms':>7}")
        for method in args.methods if len(names) > 1 else []:
            if method in ("frames", "warped") and not same:
                continue
            METHODS[method](lines[0], voters.judge)  # compiled code is loaded at the first call
            start = time.process_time()
            combined = [canonical(METHODS[method](line, voters.judge)) for line in lines]
            took = 1000 * (time.process_time() - start) / len(lines)
            found = score(texts, combined, normaliser=args.normaliser, resamples=1)
            single[method] = found
            records.append(
                {
                    "data": data.name, "split": args.split, "lines": len(rows), "voters": "+".join(names),
                    "weights": " ".join(f"{weight:g}" for weight in voters.weights), "decoder": wish.name,
                    "lm": Path(args.lm).name, "settings": " ".join(args.set), "normaliser": args.normaliser,
                    "method": method, "edits": found.characters.edits, "cer": round(found.cer, 4),
                    "wer": round(found.wer, 4), "edits_of_best_voter": best, "ms_per_line": round(took, 1),
                    "versions": versions("netchu", "onnxruntime", "numpy", "numba"),
                }
            )  # fmt: skip
        for name, found in single.items():
            edits = found.characters.edits
            took = next((f"{r['ms_per_line']:7}" for r in records if (r["method"], r["data"]) == (name, data.name)), "")
            print(f"{name:24}{edits:7}{found.cer:8.4f}{found.wer:8.4f}{edits / max(1, best) - 1:9.1%}{took}")
    if records:
        append_csv(args.out, records)


if __name__ == "__main__":
    main()
