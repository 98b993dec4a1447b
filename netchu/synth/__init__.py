"""Drawn training data: texts, fonts and a hand that shakes -> a folder of line pictures with their text.

Sample k of seed s is the same picture whatever the number of processes: its randomness comes from (s, k) alone.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from netchu.errors import NetchuError
from netchu.image import Grey
from netchu.synth.draw import draw_line
from netchu.synth.fonts import Font, choose_font, find_fonts
from netchu.synth.text import TextSource

__all__ = ["Drawer", "Font", "TextSource", "choose_font", "draw_line", "find_fonts", "write_set"]

TRIES = 30  # texts tried per sample before giving up on the fonts
QUALITY = 85


@dataclass(frozen=True)
class Drawer:
    """Draws sample k of a seed from a text source and fonts."""

    texts: TextSource
    fonts: Sequence[Font]
    seed: int = 0

    def sample(self, k: int) -> tuple[Grey, str]:
        """Picture and text of sample `k`; NetchuError when no font can draw any of the texts tried."""
        rng = np.random.default_rng([self.seed, k])
        text = ""
        for _ in range(TRIES):
            text = self.texts.sample(rng)
            font = choose_font(self.fonts, text, rng)
            if font is not None:
                return draw_line(text, font, rng), text
        raise NetchuError(f"no font has all letters of {text!r} or of {TRIES - 1} texts before it; add fonts that do")


def write_set(
    out: Path, count: int, fonts: Path, texts: Path, language: str = "vi", seed: int = 0, jobs: int = 1,
    progress: Callable[[int], None] | None = None,
) -> None:  # fmt: skip
    """Draw `count` lines into `out` in the native format: lines.tsv (image, text, split) and pictures under lines/.

    `progress` is called with the number of lines drawn so far. NetchuError when `out` holds a set already.
    """
    table = out / "lines.tsv"
    if table.exists():
        raise NetchuError(f"{table}: exists already; choose another folder or remove it")
    arguments = (str(out), str(fonts), str(texts), language, seed)
    Drawer(TextSource(texts, language), find_fonts(fonts), seed)  # bad arguments fail here, before any process starts
    rows = ["image\ttext\tsplit"]
    try:
        (out / "lines").mkdir(parents=True, exist_ok=True)
        for row in _rows(count, arguments, max(1, jobs)):
            rows.append(row)
            if progress:
                progress(len(rows) - 1)
        table.write_text("\n".join(rows) + "\n", encoding="utf-8", newline="\n")
    except OSError as error:
        raise NetchuError(f"{out}: cannot be written ({error.strerror or error})") from error


def _rows(count: int, arguments: tuple[str, str, str, str, int], jobs: int) -> Iterator[str]:
    if jobs == 1:
        _start(*arguments)
        yield from map(_draw, range(count))
        return
    with multiprocessing.get_context("spawn").Pool(jobs, _start, arguments) as pool:
        yield from pool.imap(_draw, range(count), chunksize=32)


_drawer: Drawer
_out: Path


def _start(out: str, fonts: str, texts: str, language: str, seed: int) -> None:
    """Set up one process."""
    global _drawer, _out
    cv2.setNumThreads(1)
    _drawer, _out = Drawer(TextSource(texts, language), find_fonts(fonts), seed), Path(out)


def _draw(k: int) -> str:
    """Draw and save sample k; its row of lines.tsv."""
    picture, text = _drawer.sample(k)
    name = f"lines/{k:06d}.jpg"
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise NetchuError(f"{_out / name}: the picture of {text!r} could not be encoded")
    (_out / name).write_bytes(np.asarray(data).tobytes())
    return f"{name}\t{text}\ttrain"
