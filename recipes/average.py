"""The mean of the weights of model files of one run's parts, which reads better than the last of them.

    python recipes/average.py mean.onnx part-2.onnx part-3.onnx part-4.onnx

Source: Wortsman et al. 2022, "Model soups: averaging weights of multiple fine-tuned models", ICML. The files must be
floats of one architecture and alphabet; all but the weights is taken from the last.
"""

from __future__ import annotations

import sys

import numpy as np
import onnx
from onnx import numpy_helper


def main(target: str, *sources: str) -> None:
    models = [onnx.load(source) for source in sources]
    tables = [{each.name: numpy_helper.to_array(each) for each in model.graph.initializer} for model in models]
    for entry in models[-1].graph.initializer:
        parts = [table[entry.name] for table in tables]
        if parts[-1].dtype.kind == "f":
            mean = np.mean([part.astype(np.float64) for part in parts], axis=0)
            entry.CopyFrom(numpy_helper.from_array(mean.astype(parts[-1].dtype), entry.name))
    onnx.save(models[-1], target)


if __name__ == "__main__":
    main(*sys.argv[1:])
