"""What the training tests train on: lines drawn with the font that Pillow carries, and networks without chance.

Nothing here is random but by the seed given, and no picture comes from anywhere else.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from torch import nn

    Network = TypeVar("Network", bound=nn.Module)

INK, PAPER = 30, 235
ONE_CORE = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "PYTHONIOENCODING": "utf-8"}


def draw_text(text: str, size: int = 24, margin: int = 6, seed: int = 0) -> NDArray[np.uint8]:
    """A line of text as dark ink on light paper, faintly grained so that no two seeds give the same file."""
    font = ImageFont.load_default(size)
    left, _, right, _ = font.getbbox(text or " ")
    wide, high = max(4, round(right - left)) + 2 * margin, round(1.4 * size) + 2 * margin
    picture = Image.new("L", (wide, high), PAPER)
    ImageDraw.Draw(picture).text((margin - left, margin), text, INK, font)
    grain = np.random.default_rng(seed).integers(-2, 3, (high, wide))
    return np.clip(np.asarray(picture).astype(np.int64) + grain, 0, 255).astype(np.uint8)


def draw_set(
    folder: Path,
    texts: Sequence[str],
    splits: Sequence[str] | None = None,
    writers: Sequence[str] | None = None,
    size: int = 24,
    seed: int = 0,
) -> Path:
    """Draw `texts` into `folder` in the native format; returns the folder."""
    (folder / "lines").mkdir(parents=True, exist_ok=True)
    columns = ["image", "text", *(["split"] if splits else []), *(["writer"] if writers else [])]
    rows = ["\t".join(columns)]
    for number, text in enumerate(texts):
        name = f"lines/{number:04d}.png"
        Image.fromarray(draw_text(text, size, seed=1000 * seed + number)).save(folder / name)
        cells = [name, text, *([splits[number]] if splits else []), *([writers[number]] if writers else [])]
        rows.append("\t".join(cells))
    (folder / "lines.tsv").write_bytes(("\n".join(rows) + "\n").encode())
    return folder


def words(
    count: int, seed: int = 0, letters: str = "abdehiklmnorstu", shortest: int = 2, longest: int = 7
) -> list[str]:
    """Texts of one or two words from a few letters."""
    rng = np.random.default_rng((seed, 77))

    def word() -> str:
        return "".join(rng.choice(list(letters), rng.integers(shortest, longest + 1)))

    return [" ".join(word() for _ in range(rng.integers(1, 3))) for _ in range(count)]


def held_out(count: int, every: int = 5) -> list[str]:
    """Splits: every fifth line to validate on."""
    return ["val" if number % every == every - 1 else "train" for number in range(count)]


def settled(network: Network) -> Network:
    """The network in evaluation mode, its weights set by their names: the same on every machine and torch version.

    Batch norms get statistics that matter (blank paper does not stay zero), so that padding errors show.
    """
    import torch

    with torch.no_grad():
        for name, weight in network.state_dict().items():
            if not weight.dtype.is_floating_point:
                continue
            draw = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(tuple(weight.shape))
            if name.endswith("running_var") or (weight.ndim == 1 and name.endswith("weight")):
                values = 1.0 + 0.2 * np.abs(draw)
            elif weight.ndim == 1:
                values = 0.2 * draw
            else:
                values = draw / np.sqrt(np.prod(weight.shape[1:]))
            weight.copy_(torch.from_numpy(np.asarray(values, dtype=np.float32)))
    return network.eval()


def scrawl(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """A picture with strokes made of whole numbers only: the same on every machine. (height, width)."""
    rng = np.random.default_rng((seed, width, height))
    picture = np.full((height, width), 220, np.uint8)
    for column in range(0, width, 3):
        top = int(rng.integers(height // 5, height // 2))
        picture[top : top + int(rng.integers(3, height // 3)), column : column + 2] = int(rng.integers(20, 90))
    return picture


def netchu(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, on one core."""
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        [sys.executable, "-m", "netchu", *map(str, arguments)],
        capture_output=True, text=True, encoding="utf-8", env={**os.environ, **ONE_CORE}, timeout=300, **options,
    )  # fmt: skip
