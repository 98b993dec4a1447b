"""What margins and tilt cost a reader, and what framing the line first makes of it.

    python bench/framing.py --data ../shared/data/vi/cinnamon ../shared/data/latin/cremma_mss19 -m vi latin

Each line of the part is read as it is, with margins of paper on all sides, as wide as a share of its height, and
turned about its middle, the corners filled with paper: each time the picture as it stands, and framed as the reader
does (netchu/framing.py). Greedy, so that no language model mends. Models and data sets go in pairs. `--constants` tries
other thresholds than the shipped ones:

    python bench/framing.py --data ../shared/data/latin/tapuscorpus -m vi --split train --lines 60 --changes none \
        --constants LOOSE=0.16 SNUG=0.2
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
from harness import RESULTS, append_csv, read_rows, versions

import netchu
from netchu import framing
from netchu.framing import Frame, find_frame
from netchu.image import Grey, open_grey
from netchu.metrics import score


def loose(picture: Grey, share: float) -> Grey:
    rows, paper = round(share * picture.shape[0]), int(np.median(picture))
    made: Grey = cv2.copyMakeBorder(picture, rows, rows, rows, rows, cv2.BORDER_CONSTANT, value=paper)  # type: ignore[assignment]
    return made


def turned(picture: Grey, degrees: float) -> Grey:
    height, width = picture.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    more = round(abs(np.sin(np.radians(degrees))) * width / 2) + 2
    turn[1, 2] += more
    made = cv2.warpAffine(picture, turn, (width, height + 2 * more), borderValue=int(np.median(picture)))
    return made  # type: ignore[return-value]


CHANGES: dict[str, Callable[[Grey], Grey]] = {
    "none": lambda picture: picture,
    "margins of 0.3": lambda picture: loose(picture, 0.3),
    "margins of 1": lambda picture: loose(picture, 1.0),
    "turned by 1": lambda picture: turned(picture, 1.0),
    "turned by -2": lambda picture: turned(picture, -2.0),
    "turned by 5": lambda picture: turned(picture, 5.0),
}


def constant(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    if not name.isupper() or not isinstance(getattr(framing, name, None), int | float):
        raise argparse.ArgumentTypeError(f"{name!r} is no constant of netchu/framing.py")
    return name, float(value)


def whole(picture: Grey) -> Frame:
    return Frame(picture.shape[0], 0, picture.shape[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("-m", "--models", nargs="+", required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--changes", nargs="+", choices=CHANGES, default=list(CHANGES))
    parser.add_argument("--lines", type=int, default=0, help="so many, drawn at random; all without it")
    parser.add_argument("--constants", type=constant, nargs="+", default=[], metavar="NAME=VALUE")
    args = parser.parse_args()
    for name, value in args.constants:
        setattr(framing, name, value)
    tried = "".join(f"; {name}={value:g}" for name, value in args.constants)
    if len(args.data) != len(args.models):
        parser.error(f"{len(args.data)} data sets and {len(args.models)} models: a model for each")
    records = []
    for data, model in zip(args.data, args.models):
        reader = netchu.load(model, decoder="greedy")
        rows = read_rows(data, args.split, args.lines)
        pictures, texts = [open_grey(row.image) for row in rows], [row.text for row in rows]
        for name in args.changes:
            changed = [CHANGES[name](picture) for picture in pictures]
            moved = sum(find_frame(picture) != whole(picture) for picture in changed)
            record: dict[str, object] = {
                "model": model, "set": data.name, "split": args.split, "lines": len(rows), "change": name + tried,
                "framed": moved,
            }  # fmt: skip
            for way, finder in (("as_it_stands", whole), ("framed", find_frame)):
                with patch("netchu.framing.find_frame", finder):
                    found = score(texts, [line.text for line in reader.read_lines(changed, boxes=False)])
                low, high = found.cer_ci95
                record |= {f"cer_{way}": round(found.cer, 4), f"cer_{way}_ci95": f"{low:.4f} {high:.4f}"}
            records.append({**record, "versions": versions("netchu", "numpy", "opencv-python-headless")})
            stands, better = (100 * float(str(record[f"cer_{way}"])) for way in ("as_it_stands", "framed"))
            print(
                f"{model} {data.name} ({len(rows)}), {name}{tried}: {moved} framed; {stands:.2f} -> {better:.2f}",
                flush=True,
            )
    append_csv(RESULTS / "framing.csv", records)


if __name__ == "__main__":
    main()
