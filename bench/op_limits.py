"""How strongly each op of augmentation may act before a trained reader no longer reads the line.

    python bench/op_limits.py ../shared/data/vi/cinnamon ../shared/data/vi/kalapa -m vi --script latin

Each op alone, always acting, on a fixed sample of TRAIN lines, at growing strengths; the same line gets the same
random numbers at every strength. An op's limit is the largest strength up to which the character error rate never
rises by a fifth of what it is without, or by half a point where that is more. A model that was trained on these lines
reads them too well: the limit is of what a trained reader can still read, and no advice on how much to train with.
The last lines printed go into netchu/data/limits.py.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from harness import RESULTS, Row, append_csv, read_rows, versions

from netchu import load
from netchu.data.augment import OPS
from netchu.data.ops import Canvas, Op
from netchu.framing import frame
from netchu.image import Grey, open_grey
from netchu.metrics import score
from netchu.read import Reader, to_line

STRENGTHS = (0.5, 1.0, 1.5, 2.0, 3.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, nargs="+", help="folders in the native format")
    parser.add_argument("-m", "--model", default="vi")
    parser.add_argument("--script", choices=("latin", "han"), default="latin")
    parser.add_argument("--lines", type=int, default=150, help="in all, evenly over the data sets")
    parser.add_argument("--normaliser", default="caseless-nopunct", help="see netchu eval")
    parser.add_argument("--ops", nargs="*", help="only these")
    parser.add_argument("--out", type=Path, default=RESULTS / "op_limits.csv")
    args = parser.parse_args()
    reader = load(args.model)
    rows = [row for data in args.data for row in read_rows(data, "train", round(args.lines / len(args.data)))]
    lines = [frame(open_grey(row.image), reader.info.vertical).picture for row in rows]  # as the trainer has them
    plain = cer(reader, lines, rows, args.normaliser)
    print(
        f"{len(rows)} lines of {', '.join(data.name for data in args.data)}: CER {100 * plain:.2f} %", file=sys.stderr
    )
    limits: dict[str, float] = {}
    records: list[dict[str, object]] = []
    for each in OPS:
        if args.ops and each.name not in args.ops:
            continue
        rates = [cer(reader, acted(each, lines, reader, strength), rows, args.normaliser) for strength in STRENGTHS]
        limits[each.name] = limit(plain, rates)
        row = {
            "script": args.script, "model": reader.info.name, "sets": " ".join(data.name for data in args.data),
            "lines": len(rows), "op": each.name, "group": each.group, "cer_plain": round(plain, 4),
            **{f"cer_at_{strength}": round(rate, 4) for strength, rate in zip(STRENGTHS, rates)},
            "limit": limits[each.name], "versions": versions("netchu", "numpy", "opencv-python-headless"),
        }  # fmt: skip
        records.append(row)
        print(each.name, *(f"{100 * rate:.2f}" for rate in rates), "->", limits[each.name], file=sys.stderr, flush=True)
    append_csv(args.out, records)
    print(f'    "{args.script}": {limits}')


def acted(each: Op, lines: Sequence[Grey], reader: Reader, strength: float) -> list[Grey]:
    """The lines with one op acted on them: a pen's at their own size, the others' at the model's height, as trained."""
    made = []
    for number, line in enumerate(lines):
        canvas = Canvas(line)
        if each.group != "pen":
            canvas.resize(*to_line(line, reader.info.height).shape)
        each(canvas, np.random.default_rng(number), strength)
        made.append(canvas.settle())
    return made


def cer(reader: Reader, lines: Sequence[Grey], rows: Sequence[Row], normaliser: str) -> float:
    """The character error rate of what is read."""
    readings = [line.text for line in reader.read_lines(lines, boxes=False)]
    return score([row.text for row in rows], readings, normaliser=normaliser, resamples=1).cer


def limit(plain: float, rates: Sequence[float]) -> float:
    """The last strength before the error rate has risen too far; 0 when the least already does."""
    most = plain + max(0.2 * plain, 0.005)
    reached = 0.0
    for strength, rate in zip(STRENGTHS, rates):
        if rate >= most:
            break
        reached = strength
    return reached


if __name__ == "__main__":
    main()
