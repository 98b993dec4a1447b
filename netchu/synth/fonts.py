"""Fonts in a folder: what each can draw, and a choice among them that never leaves an empty box.

A folder may carry `fonts.tsv` (file<TAB>weight) to say how often a font is drawn; a file it does not name weighs 1.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from netchu.errors import NetchuError
from netchu.synth.marks import composable

SUFFIXES = frozenset({".ttf", ".otf", ".ttc"})
_MARKED = [
    chr(c) for c in (*range(0x21, 0x7F), *range(0xC0, 0x180), 0x1A0, 0x1A1, 0x1AF, 0x1B0, *range(0x1EA0, 0x1EFA))
]


@dataclass(frozen=True)
class Font:
    """One font file: the characters it draws with ink (or as spaces) and how often it is chosen."""

    path: str
    characters: frozenset[str]
    weight: float = 1.0
    composed: frozenset[str] = frozenset()  # Vietnamese letters that are drawn as another letter and pen strokes

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return Path(self.path).stem

    def covers(self, text: str) -> bool:
        """True when every character of `text` has a glyph of its own."""
        return self.characters.issuperset(text)

    def writes(self, text: str) -> bool:
        """True when every character of `text` has a glyph or is composed of one and pen strokes."""
        return all(char in self.characters or char in self.composed for char in text)

    def at(self, size: int) -> ImageFont.FreeTypeFont:
        """The font at `size` pixels per em; opened once per process and size."""
        return _open(self.path, size)


def find_fonts(folder: str | os.PathLike[str]) -> list[Font]:
    """All fonts below `folder`, in the order of their paths; NetchuError when there is none or one cannot be read."""
    root = Path(folder)
    if not root.is_dir():
        raise NetchuError(f"{root}: no such folder of fonts; give one that holds .ttf or .otf files")
    weights = _weights(root / "fonts.tsv")
    paths = sorted(path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES)
    fonts = []
    for path in paths:
        known = _characters(path)
        fonts.append(Font(str(path), known, weights.get(path.name, 1.0), composable(known)))
    if not fonts:
        raise NetchuError(f"{root}: holds no .ttf or .otf file; install or convert some fonts first")
    return [font for font in fonts if font.weight > 0 and font.characters]


def choose_font(fonts: Sequence[Font], text: str, rng: np.random.Generator) -> Font | None:
    """One of the fonts that can write `text`, drawn by weight; None when there is none."""
    able = [font for font in fonts if font.writes(text)]
    if not able:
        return None
    ends = np.cumsum([font.weight for font in able])
    return able[int(np.searchsorted(ends, rng.random() * ends[-1], side="right"))]


def _weights(path: Path) -> dict[str, float]:
    """fonts.tsv as {file name: weight}; empty when there is no such file."""
    if not path.is_file():
        return {}
    found = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        name, _, weight = line.partition("\t")
        if not name or name == "file":
            continue
        try:
            found[name] = float(weight)
        except ValueError:
            raise NetchuError(f"{path}:{number}: weight {weight!r} is not a number") from None
    return found


def _characters(path: Path) -> frozenset[str]:
    """What the font's cmap names, less the Latin letters and marks that it maps to an empty or missing glyph."""
    try:
        from fontTools.ttLib import TTFont, TTLibError  # type: ignore[import-untyped]
    except ImportError:
        raise NetchuError("drawing needs fontTools: pip install 'netchu[synth]'") from None
    try:
        with TTFont(path, fontNumber=0, lazy=True) as tables:
            named = {chr(code) for code, glyph in tables.getBestCmap().items() if glyph != ".notdef"}
        font = ImageFont.truetype(str(path), 24)
        missing = _ink(font, "\uffff")
        empty = {char for char in _MARKED if char in named and _ink(font, char) in (b"", missing)}
    except (OSError, TTLibError, AttributeError, KeyError, AssertionError) as error:
        raise NetchuError(f"{path}: not a readable font ({str(error)[:100]}); remove or replace it") from error
    return frozenset(named - empty)


def _ink(font: ImageFont.FreeTypeFont, char: str) -> bytes:
    """The pixels a character draws at 24 pixels per em; empty when there is no ink."""
    picture = Image.new("L", (64, 64))
    ImageDraw.Draw(picture).text((16, 44), char, fill=255, font=font, anchor="ls")
    return picture.tobytes() if picture.getbbox() else b""


@lru_cache(maxsize=1024)
def _open(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)
