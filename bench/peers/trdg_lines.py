"""Draws the lines of a text file with TextRecognitionDataGenerator (TRDG), in settings meant for handwriting.

    python -m venv PEER && PEER/bin/pip install trdg==1.8.0 numpy==1.23.5 Pillow==9.5.0 \
        opencv-python==4.8.1.78 fonttools
    PEER/bin/python bench/peers/trdg_lines.py --texts texts.txt --fonts FONTS --out OUT --height 64 --seed 1

Effects (`full`): random skew within 1 degree, random Gaussian blur up to 1, distortion none, sine, cosine or random,
white or noisy ground, dark greys, 0 or 1 pixel of stroke, spaces of 0.8 to 1.5 times the font's, words drawn whole
(`-ws`). TRDG cuts off what reaches above a font's ascent, so tone marks over capitals are left to other fonts.
`quasicrystal` adds TRDG's third kind of ground to one picture in three; it is computed pixel by pixel in Python.
"""

from __future__ import annotations

import contextlib
import random
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from lines_set import Draw, choose, main, scan, to_height
from trdg.data_generator import FakeTextDataGenerator

MODES = ("full", "quasicrystal", "plain")
NOISE, WHITE, QUASICRYSTAL = 0, 1, 2


def settings(mode: str) -> dict[str, Any]:
    """What differs from picture to picture."""
    if mode == "plain":
        return {"text_color": "#000000", "background_type": WHITE}
    grounds = (NOISE, WHITE, QUASICRYSTAL) if mode == "quasicrystal" else (NOISE, WHITE)
    return {
        "text_color": "#000000,#707070",
        "background_type": random.choice(grounds),
        "skewing_angle": 1,
        "random_skew": True,
        "blur": 1,
        "random_blur": True,
        "distorsion_type": random.choice((0, 1, 2, 3)),
        "space_width": random.uniform(0.8, 1.5),
        "stroke_width": random.choice((0, 0, 1)),
    }


def generate(text: str, path: str, height: int, mode: str) -> Any:
    """One picture, or None when TRDG finds text and ground too alike."""
    fixed = {
        "index": 0, "out_dir": None, "extension": "jpg", "skewing_angle": 0, "random_skew": False, "blur": 0,
        "random_blur": False, "distorsion_type": 0, "distorsion_orientation": 0, "is_handwritten": False,
        "name_format": 0, "width": -1, "alignment": 0, "orientation": 0, "space_width": 1.0, "character_spacing": 0,
        "margins": (5, 5, 5, 5), "fit": False, "output_mask": False, "word_split": True, "image_dir": "",
    }  # fmt: skip
    with contextlib.redirect_stdout(sys.stderr):
        return FakeTextDataGenerator.generate(text=text, font=path, size=height, **{**fixed, **settings(mode)})


def open_drawer(fonts: Path, texts: list[str], height: int, seed: int, mode: str) -> Draw:
    """A function that draws text k: grey (height, width), or None when no font covers the text."""
    cv2.setNumThreads(1)
    faces = scan(fonts, texts, inside=True)

    def draw(k: int, text: str) -> Any:
        path = choose(faces, text, np.random.default_rng([seed, k]))
        random.seed(seed << 32 | k)
        cv2.setRNGSeed(seed * 1_000_003 + k & 0x7FFFFFFF)
        for _ in range(5 if path else 0):
            picture = generate(text, path, height, mode)
            if picture is not None:
                return to_height(picture.convert("RGB"), height)
        return None

    return draw


if __name__ == "__main__":
    main(__doc__, open_drawer, MODES)
