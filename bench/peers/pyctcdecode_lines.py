"""Decodes saved logits with pyctcdecode and KenLM; a worker of bench/decoding.py.

    python -m venv PEER && PEER/bin/pip install pyctcdecode==0.5.0 kenlm==0.3.0 numpy==1.26.4

`beam` has no language model, `words` the ARPA file of words with its unigrams. Width and pruning are what it is told;
alpha, beta and the offset for unknown words are pyctcdecode's own.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from harness import Requests, versions
from pyctcdecode import build_ctcdecoder


def main() -> None:
    logging.disable(logging.WARNING)
    requests = Requests()
    setup = requests.receive() or sys.exit()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {setup["core"]})
    with np.load(setup["logits"], allow_pickle=False) as saved:
        lines = [np.ascontiguousarray(saved[f"line{index}"]) for index in range(setup["lines"])]
    decoders: dict[str, Any] = {
        "beam": build_ctcdecoder(setup["symbols"]),
        "words": build_ctcdecoder(setup["symbols"], setup["arpa"], unigrams=setup["words"]),
    }
    options = {"beam_width": setup["width"], "beam_prune_logp": -setup["threshold"], "token_min_logp": setup["least"]}
    requests.send(versions=versions("pyctcdecode", "kenlm", "numpy"))
    while request := requests.receive():
        decoder = decoders[request["mode"]]
        start = time.process_time()
        texts = [decoder.decode(line, **options) for line in lines]
        requests.send(cpu=time.process_time() - start, texts=texts)


if __name__ == "__main__":
    main()
