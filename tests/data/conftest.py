"""Small data sets drawn on the spot: every picture differs, so that none counts as another's double."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Draw = Callable[..., Path]
Make = Callable[..., Path]


@pytest.fixture
def draw() -> Draw:
    """Draw one line picture: dark strokes on light paper, other ones for every path."""

    def draw(path: Path, width: int = 200, height: int = 24, ink: int = 20, paper: int = 235) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        seed = int.from_bytes(hashlib.sha256(str(path).encode()).digest()[:4], "big")
        noise = np.random.default_rng(seed)
        picture = np.full((height, width), paper, np.uint8)
        picture[height // 3 : height * 2 // 3, ::7] = ink
        picture[height // 2, noise.integers(0, width, 20)] = ink
        picture[0] = noise.integers(paper - 5, paper + 5, width)
        Image.fromarray(picture).save(path)
        return path

    return draw


@pytest.fixture
def make(tmp_path: Path, draw: Draw) -> Make:
    """Write a native set from rows (image, text, ...), its pictures drawn; returns the folder."""

    def make(*rows: tuple[str, ...], name: str = "tập dữ liệu", columns: str = "image text", **size: int) -> Path:
        root = tmp_path / name
        root.mkdir(parents=True, exist_ok=True)
        for row in rows:
            draw(root / row[0], **size)
        lines = ["\t".join(columns.split()), *("\t".join(row) for row in rows)]
        (root / "lines.tsv").write_bytes(("\n".join(lines) + "\n").encode("utf-8"))
        return root

    return make
