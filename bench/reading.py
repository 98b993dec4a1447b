"""Reading speed, one thread: netchu's models against RapidOCR's recogniser, interleaved in rounds within one run.

    python bench/reading.py --data ../shared/data/vi/cinnamon --split val --limit 60 --rounds 5 \
        --models vi vi=greedy vi-tiny vi-tiny=greedy --peer-python .peers/rapidocr/bin/python

The peer lives in an environment of its own: `python -m venv PEER && PEER/bin/pip install rapidocr onnxruntime Pillow`.
Pictures are decoded beforehand (grey for netchu, BGR for RapidOCR); only the recognition calls, with the
preprocessing they do, are timed; netchu's without fitting boxes to the ink, which the peer's recogniser does not do.
`single`: one line a call. `batched`: all lines in one call, each system batching as it likes (RapidOCR: 6 lines of
like shape). Every ratio is to whichever of the peer's two modes was faster in the same round.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy and its kin are loaded, here and in the workers

from harness import RESULTS, Requests, Worker, append_csv, busy_cores, ratio_by_round, read_rows, versions

PEER = "rapidocr"
MODES = ("single", "batched")
Read = Callable[[list[Any], str], list[str]]


def netchu_reader(name: str) -> tuple[Read, str]:
    import netchu

    model, _, decoder = name.partition("=")
    reader = netchu.load(model, threads=1, decoder=decoder)

    def read(pictures: list[Any], mode: str) -> list[str]:
        if mode == "batched":
            return [line.text for line in reader.read_lines(pictures, boxes=False)]
        return [reader.read_lines([picture], boxes=False)[0].text for picture in pictures]

    return read, versions("netchu", "onnxruntime", "numpy", "opencv-python-headless")


def rapidocr_reader() -> tuple[Read, str]:
    from rapidocr import RapidOCR
    from rapidocr.ch_ppocr_rec.typings import TextRecInput

    threads = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": 1 for kind in ("intra", "inter")}
    engine = RapidOCR(params={**threads, "Global.log_level": "warning"})

    def read(pictures: list[Any], mode: str) -> list[str]:
        if mode == "batched":
            return list(engine.text_rec(TextRecInput(img=pictures)).txts)
        results = [engine(picture, use_det=False, use_cls=False, use_rec=True) for picture in pictures]
        return [" ".join(result.txts or ()) for result in results]

    return read, versions("rapidocr", "onnxruntime", "numpy", "opencv-python-headless")


def work(system: str) -> None:
    """A worker: keeps one system and its decoded pictures warm, and times a pass over them on request."""
    requests = Requests()
    import cv2
    import numpy as np
    from PIL import Image

    cv2.setNumThreads(1)
    read, about = rapidocr_reader() if system == PEER else netchu_reader(system)
    pictures: list[Any] = []
    while request := requests.receive():
        if "paths" in request:
            mode = "RGB" if system == PEER else "L"
            pictures = [np.asarray(Image.open(path).convert(mode)) for path in request["paths"]]
            pictures = [np.ascontiguousarray(p[:, :, ::-1]) if p.ndim == 3 else p for p in pictures]
            for each in MODES:
                read(pictures[:8], each)
            requests.send(versions=about)
        else:
            start = time.perf_counter()
            texts = read(pictures, request["mode"])
            requests.send(seconds=time.perf_counter() - start, texts=texts)


def error_rate(references: list[str], hypotheses: list[str]) -> float:
    from rapidfuzz.distance import Levenshtein

    pairs = [(" ".join(r.split()), " ".join(h.split())) for r, h in zip(references, hypotheses, strict=True)]
    return sum(Levenshtein.distance(r, h) for r, h in pairs) / sum(len(r) for r, _ in pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a lines data set")
    parser.add_argument("--split", default="val")
    parser.add_argument("--limit", type=int, default=0, help="lines, drawn once at random; 0: all")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--models",
        nargs="*",
        default=["vi-tiny", "vi"],
        help="bundled names or .onnx files; =DECODER after one for another than its own",
    )
    parser.add_argument("--peer-python", type=Path, default=Path(".peers/rapidocr/bin/python"))
    parser.add_argument("--out", type=Path, default=RESULTS / "reading.csv")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        return work(args.worker)
    if not args.data:
        parser.error("--data is needed")

    rows = read_rows(args.data, args.split, args.limit)
    pythons = {PEER: args.peer_python, **dict.fromkeys(args.models, Path(sys.executable))}
    workers = {s: Worker([python, __file__, "--worker", s], threads=1) for s, python in pythons.items()}
    about = {s: w.ask(paths=[str(row.image) for row in rows])["versions"] for s, w in workers.items()}

    runs = [(system, mode) for system in workers for mode in MODES]
    speeds: dict[tuple[str, str], list[float]] = {run: [] for run in runs}
    cer: dict[tuple[str, str], float] = {}
    others = 0.0
    for number in range(args.rounds):
        others = max(others, busy_cores(0.5))
        for run in random.Random(number).sample(runs, len(runs)):
            reply = workers[run[0]].ask(mode=run[1])
            speeds[run].append(len(rows) / reply["seconds"])
            cer[run] = error_rate([row.text for row in rows], reply["texts"])
        print(f"round {number + 1} of {args.rounds} done", file=sys.stderr)
    for worker in workers.values():
        worker.close()

    peer = [max(pair) for pair in zip(*(speeds[PEER, mode] for mode in MODES), strict=True)]
    print(f"{len(rows)} lines of {args.data} ({args.split}), {args.rounds} rounds, one thread each")
    print(f"others kept up to {others:.1f} cores busy")
    print(f"{'system':28}{'mode':9}{'lines/s':>9}{'ratio':>8}{'min':>8}{'max':>8}{'CER':>8}")
    records = []
    for (system, mode), values in speeds.items():
        ratio, speed = ratio_by_round(values, peer), statistics.median(values)
        figures = f"{speed:9.2f}{ratio.median:8.2f}{ratio.low:8.2f}{ratio.high:8.2f}{cer[system, mode]:8.4f}"
        print(f"{system:28}{mode:9}{figures}")
        records.append(
            {
                "system": system,
                "mode": mode,
                "lines": len(rows),
                "threads": 1,
                "lines_per_second_median": round(speed, 2),
                "ratio_to_peer_median": round(ratio.median, 2),
                "ratio_min": round(ratio.low, 2),
                "ratio_max": round(ratio.high, 2),
                "others_busy_cores": round(others, 2),
                "versions": about[system],
            }
        )
    append_csv(args.out, records)


if __name__ == "__main__":
    main()
