"""Finds and reads the lines of pages with Tesseract; a worker of bench/page_peers.py. Standard library only.

    apt-get install tesseract-ocr tesseract-ocr-fra tesseract-ocr-deu

Its defaults (--psm 3). Polygons are its line boxes, baselines its own, as the hOCR specification 1.2 gives them: slope
and offset from the box's lower left corner. Lines in which it reads nothing are left out, as its text output does.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness import Requests, peak_memory

LINES = {"ocr_line", "ocr_header", "ocr_caption", "ocr_textfloat"}


def lines_of(hocr: str) -> list[dict[str, Any]]:
    found = []
    for element in ElementTree.fromstring(hocr).iter():
        words = ["".join(word.itertext()).strip() for word in element if word.get("class") == "ocrx_word"]
        text = " ".join(word for word in words if word)
        if element.get("class") not in LINES or not text:
            continue
        title = dict(part.strip().split(" ", 1) for part in element.get("title", "").split(";"))
        left, top, right, bottom = map(float, title["bbox"].split())
        slope, offset = map(float, title.get("baseline", "0 0").split())
        polygon = [(left, top), (right, top), (right, bottom), (left, bottom)]
        baseline = [(left, bottom + offset), (right, bottom + offset + slope * (right - left))]
        found.append({"text": text, "polygon": polygon, "baseline": baseline})
    return found


def main() -> None:
    requests = Requests()
    version = subprocess.run(["tesseract", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    requests.receive()
    requests.send(version=f"tesseract {version}")
    while request := requests.receive():
        command = ["tesseract", request["image"], "-", "-l", request["language"], "hocr"]
        environment = {**os.environ, "OMP_THREAD_LIMIT": os.environ["OMP_NUM_THREADS"]}
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, check=True, env=environment)
        seconds = time.perf_counter() - start
        requests.send(lines=lines_of(done.stdout.decode("utf-8")), seconds=seconds, memory=peak_memory())


if __name__ == "__main__":
    main()
