"""Finds and reads the lines of pages with RapidOCR; a worker of bench/page_peers.py.

    python -m venv PEER && PEER/bin/pip install rapidocr==3.10.0 onnxruntime

Its wheel carries PP-OCRv6 small; the default settings. `rapidocr` is the detector alone, `rapidocr-read` the whole
pipeline, which leaves out what it reads with little confidence. It has boxes only: the baseline is the lower
edge.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from harness import Requests, peak_memory, versions
from PIL import Image
from rapidocr import RapidOCR


def main() -> None:
    requests = Requests()
    read = sys.argv[1:] == ["--read"]
    engine = RapidOCR(params={"EngineConfig.onnxruntime.intra_op_num_threads": int(os.environ["OMP_NUM_THREADS"])})
    requests.receive()
    requests.send(version=versions("rapidocr", "onnxruntime"))
    while request := requests.receive():
        start = time.perf_counter()
        picture = np.array(Image.open(request["image"]).convert("RGB"))[:, :, ::-1]
        result: Any = engine(picture) if read else engine(picture, use_det=True, use_cls=False, use_rec=False)
        seconds = time.perf_counter() - start
        boxes = [] if result.boxes is None else np.asarray(result.boxes, dtype=float).tolist()
        texts = list(result.txts or ()) if read else [""] * len(boxes)
        lines = [
            {"text": text, "polygon": box, "baseline": [box[3], box[2]]}  # corners clockwise from the upper left
            for text, box in zip(texts, boxes)
        ]
        requests.send(lines=lines, seconds=seconds, memory=peak_memory())


if __name__ == "__main__":
    main()
