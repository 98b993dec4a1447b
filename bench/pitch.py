"""How far apart a hand's strokes stand, what it costs a reader, and what stretching the line makes of it.

    python bench/pitch.py --data ../shared/data/latin/copiste_d_un_jour ../shared/data/latin/cremma_mss19 -m latin
    python bench/pitch.py --data ../shared/data/latin/cremma_mss19 -m vi --split train --lines 60 --pitch 0.242 0.242

Every line of the part is read at its own width and at others (`--widths`), whatever pitch the model names, and then
stretched towards the pitch (netchu/framing.py), the model's or another. The lines are also shown by how far apart their
strokes stand: four parts of as many lines. Greedy, so that no language model mends.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from harness import RESULTS, append_csv, read_rows, versions

import netchu
from netchu.framing import frame, stroke_pitch
from netchu.image import Grey, open_grey
from netchu.metrics import count
from netchu.read import Reader

PARTS = 4


def at_width(picture: Grey, times: float) -> Grey:
    size = max(8, round(times * picture.shape[1])), picture.shape[0]
    way = cv2.INTER_AREA if times < 1 else cv2.INTER_LINEAR
    return cv2.resize(picture, size, interpolation=way)  # type: ignore[return-value]


def errors(reader: Reader, pictures: Sequence[Grey], texts: Sequence[str]) -> np.ndarray:
    """Edits of each line."""
    lines = reader.read_lines(pictures, boxes=False)
    return np.array([count(text, line.text).edits for text, line in zip(texts, lines)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("-m", "--model", required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--lines", type=int, default=0, help="so many, drawn at random; all without it")
    parser.add_argument("--widths", type=float, nargs="+", default=[0.8, 0.9, 1.1, 1.25])
    parser.add_argument("--pitch", type=float, nargs=2, help="another than the model's")
    args = parser.parse_args()
    plain = netchu.load(args.model, decoder="greedy")
    pitch = tuple(args.pitch) if args.pitch else plain.info.pitch
    if not pitch:
        parser.error(f"{args.model} names no pitch: give one with --pitch")
    stretched = Reader(plain.session, plain.decoder)
    plain.info, stretched.info = replace(plain.info, pitch=None), replace(plain.info, pitch=pitch)
    records = []
    for data in args.data:
        rows = read_rows(data, args.split, args.lines)
        pictures, texts = [frame(open_grey(row.image)).picture for row in rows], [row.text for row in rows]
        own = np.array([stroke_pitch(picture) for picture in pictures])
        ways = {"1": errors(plain, pictures, texts)}
        for times in args.widths:
            ways[f"{times:g}"] = errors(plain, [at_width(picture, times) for picture in pictures], texts)
        ways["stretched"] = errors(stretched, pictures, texts)
        letters, order = np.array([len(text) for text in texts]), np.argsort(own)
        parts = {"all": order, **{f"{k + 1} of {PARTS}": part for k, part in enumerate(np.array_split(order, PARTS))}}
        for name, part in parts.items():
            rates = {way: round(float(edits[part].sum() / letters[part].sum()), 4) for way, edits in ways.items()}
            records.append({
                "model": args.model, "pitch": f"{pitch[0]:g} {pitch[1]:g}", "set": data.name, "split": args.split,
                "part": name, "lines": len(part), "strokes_apart": round(float(np.median(own[part])), 3),
                "cer_at_width": " ".join(f"{way}:{rate}" for way, rate in rates.items() if way != "stretched"),
                "cer_stretched": rates["stretched"], "versions": versions("netchu", "numpy", "opencv-python-headless"),
            })  # fmt: skip
            print(data.name, name, records[-1]["strokes_apart"], rates, flush=True)
    append_csv(RESULTS / "pitch.csv", records)


if __name__ == "__main__":
    main()
