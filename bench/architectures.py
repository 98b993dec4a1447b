"""Architectures against one another: same data, same steps, same schedule; then CER, size and speed.

    python bench/architectures.py ../shared/data/vi/cinnamon ../shared/data/vi/kalapa drawn@0.25 \
        --architectures base base-lstm base-attention --epochs 1

Each row is one run of `netchu train` with its defaults (a whole cooldown included), so figures of different `--epochs`
do not compare. Reading speed is that of the exported file, one thread, single lines of the first set's validation part.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from harness import RESULTS, append_csv

from netchu.image import open_grey
from netchu.models import ARCHITECTURES, BASE, ours
from netchu.models.necks import ConvNeck
from netchu.read import load
from netchu.train.config import configure
from netchu.train.examples import Source
from netchu.train.run import train

# variations that are measured here and that nobody is meant to ship
ARCHITECTURES["base-64"] = ours(*BASE, lambda c: ConvNeck(c, 192, wide=352, depth=4), height=64)


def reading_speed(model: Path, pictures: list[Path], rounds: int = 3) -> float:
    """Median over rounds of lines per second, single lines, one thread."""
    reader = load(str(model))
    arrays = [open_grey(picture) for picture in pictures]
    speeds = []
    for _ in range(rounds):
        start = time.perf_counter()
        for array in arrays:
            reader.read_lines([array])
        speeds.append(len(arrays) / (time.perf_counter() - start))
    return statistics.median(speeds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="+")
    parser.add_argument("--architectures", nargs="+", default=["base", "base-lstm", "base-attention"])
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--out", type=Path, default=RESULTS / "architectures.csv")
    args = parser.parse_args()
    from netchu.data.lines import read_lines

    sources = [Source.parse(text) for text in args.datasets]
    pictures = [sample.image for sample in read_lines(sources[0].path).part("val").samples[:60]]
    for seed in args.seeds:
        for architecture in args.architectures:
            options = {"architecture": architecture, "epochs": args.epochs, "seed": seed, "check": False}
            with tempfile.TemporaryDirectory() as folder:
                model = Path(folder) / "model.onnx"
                outcome = train(sources, model, configure(options))
                speed = reading_speed(model, pictures)
                parameters = load(str(model)).info.parameters
            record = {
                "architecture": architecture,
                "seed": seed,
                "epochs": args.epochs,
                "lines": outcome.progress.lines,
                "parameters": parameters,
                "train_lines_per_second": round(outcome.progress.lines / outcome.progress.seconds, 1),
                "read_lines_per_second": round(speed, 1),
                **{f"cer_{name}": round(rates["cer"], 4) for name, rates in outcome.after.items()},
            }
            print(record, file=sys.stderr, flush=True)
            append_csv(args.out, [record])


if __name__ == "__main__":
    main()
