"""Finds the lines of pages with kraken's default segmenter; a worker of bench/page_peers.py.

    python -m venv PEER && PEER/bin/pip install kraken==7.1.1

The baseline segmenter whose model `blla` its wheel carries, default settings. Baselines and polygons are its own.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from harness import Requests, peak_memory, versions
from kraken.configs import SegmentationInferenceConfig
from kraken.tasks import SegmentationTaskModel
from PIL import Image


def main() -> None:
    requests = Requests()
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    model, config = SegmentationTaskModel.load_model(), SegmentationInferenceConfig()
    requests.receive()
    requests.send(version=versions("kraken", "torch"))
    while request := requests.receive():
        start = time.perf_counter()
        result = model.predict(Image.open(request["image"]).convert("RGB"), config)
        seconds = time.perf_counter() - start
        lines = [{"text": "", "polygon": line.boundary, "baseline": line.baseline} for line in result.lines]
        requests.send(lines=lines, seconds=seconds, memory=peak_memory())


if __name__ == "__main__":
    main()
