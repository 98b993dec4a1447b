"""The mean of the weights of model files that came from one another, which reads better than the last of them.

    python recipes/average.py mean.onnx part-2.onnx part-3.onnx part-4.onnx
    python recipes/average.py mean.onnx 0.3:old.onnx 0.7:new.onnx

Sources: Wortsman et al. 2022, "Model soups: averaging weights of multiple fine-tuned models", ICML, and "Robust
fine-tuning of zero-shot models", CVPR. The files must be of one architecture, and the last as training wrote it, not in
integers. All but the weights is taken from the last, its alphabet too: rows of letters are matched by letter, and one
that a file lacks has no say from it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from netchu.errors import NetchuError
from netchu.integers import STEP, named_weights
from netchu.models import build
from netchu.session import Session
from netchu.train.finetune import HEADS


def main(target: str, *sources: str) -> None:
    shares, paths = zip(*((float(share or 1), Path(path)) for share, _, path in map(_parted, sources)))
    infos, tables = [Session(path).info for path in paths], [named_weights(path) for path in paths]
    model, letters = onnx.load(str(paths[-1])), [info.charset.symbols for info in infos]
    names = set(build(infos[-1].architecture, len(letters[-1])).state_dict())
    if any(entry.name.endswith(STEP) for entry in model.graph.initializer):
        raise NetchuError(f"{paths[-1]}: its weights are integers; name a file last as training wrote it")
    for path, info, table in zip(paths, infos, tables):
        if info.architecture != infos[-1].architecture or (names & tables[-1].keys()) - table.keys():
            raise NetchuError(f"{path}: is no {infos[-1].architecture} as {paths[-1]} is, with all its weights")
    for entry in model.graph.initializer:
        if entry.name not in names:
            continue
        last = tables[-1][entry.name]
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
    onnx.save(model, target)


def _parted(source: str) -> tuple[str, str, str]:
    share, colon, path = source.partition(":")
    return (share, colon, path) if share.replace(".", "", 1).isdigit() else ("", "", source)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except NetchuError as error:
        print(f"average: {error}", file=sys.stderr)
        sys.exit(2)
