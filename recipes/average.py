"""The mean of the weights of model files that came from one another, which reads better than the last of them.

    python recipes/average.py mean.onnx part-2.onnx part-3.onnx part-4.onnx
    python recipes/average.py mean.onnx 0.3:old.onnx 0.7:new.onnx

Sources: Wortsman et al. 2022, "Model soups: averaging weights of multiple fine-tuned models", ICML, and "Robust
fine-tuning of zero-shot models", CVPR. The files must be floats of one architecture. All but the weights is taken from
the last, its alphabet too: rows of letters are matched by letter, and one that a file lacks has no say from it.
"""

from __future__ import annotations

import sys

import numpy as np
import onnx
from onnx import numpy_helper

from netchu.session import Session
from netchu.train.finetune import HEADS


def main(target: str, *sources: str) -> None:
    shares, paths = zip(*((float(share or 1), path) for share, _, path in (_parted(each) for each in sources)))
    models = [onnx.load(path) for path in paths]
    tables = [{each.name: numpy_helper.to_array(each) for each in model.graph.initializer} for model in models]
    letters = [Session(path).info.charset.symbols for path in paths]
    for entry in models[-1].graph.initializer:
        last = numpy_helper.to_array(entry)
        if last.dtype.kind != "f":
            continue
        total, said = np.zeros(last.shape), np.zeros(last.shape)
        for share, table, own in zip(shares, tables, letters):
            part = table[entry.name].astype(np.float64)
            if entry.name.split(".")[0] in HEADS:
                rows = [(letters[-1].index(letter), row) for row, letter in enumerate(own) if letter in letters[-1]]
                to, of = map(list, zip(*rows))
                total[to] += share * part[of]
                said[to] += share
            else:
                total, said = total + share * part, said + share
        entry.CopyFrom(numpy_helper.from_array((total / said).astype(last.dtype), entry.name))
    onnx.save(models[-1], target)


def _parted(source: str) -> tuple[str, str, str]:
    share, colon, path = source.partition(":")
    return (share, colon, path) if share.replace(".", "", 1).isdigit() else ("", "", source)


if __name__ == "__main__":
    main(*sys.argv[1:])
