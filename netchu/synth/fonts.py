"""Fonts in a folder or on the system: what each can draw, and a choice among them that never leaves an empty box.

A folder may carry `fonts.tsv` (file<TAB>weight) to say how often its fonts are drawn; a file it does not name weighs 1.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import overload

from PIL import ImageFont, features

from netchu.errors import NetchuError
from netchu.synth.marks import composable
from netchu.synth.outlines import drawn_characters, open_outlines, read_outlines

SUFFIXES = frozenset({".ttf", ".otf", ".ttc", ".otc"})
_HOMES = {
    "Linux": ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts"),
    "Darwin": ("/System/Library/Fonts", "/Library/Fonts", "~/Library/Fonts"),
    "Windows": (r"%WINDIR%\Fonts", r"%LOCALAPPDATA%\Microsoft\Windows\Fonts"),
}
# Scripts whose letters join, stack or change order: Hebrew to Tibetan, Myanmar, Khmer, Mongolian and their neighbours.
_SHAPED = ((0x0590, 0x0FFF), (0x1000, 0x109F), (0x1780, 0x18AF), (0x1900, 0x1CFF), (0xA800, 0xABFF), (0x10800, 0x11FFF))


@dataclass(frozen=True)
class Font:
    """One font face: the characters it draws with ink (or as spaces) and how often it is chosen."""

    path: str
    characters: frozenset[str]
    weight: float = 1.0
    composed: frozenset[str] = frozenset()  # Vietnamese letters that are drawn as another letter and pen strokes
    number: int = 0  # which face of a collection (.ttc)

    @property
    def name(self) -> str:
        """The file's name without its suffix; later faces of a collection with their number: ukai-2."""
        return Path(self.path).stem + (f"-{self.number}" if self.number else "")

    def covers(self, text: str) -> bool:
        """True when every character of `text` has a glyph of its own."""
        return self.characters.issuperset(text)

    def writes(self, text: str) -> bool:
        """True when every character of `text` has a glyph or is composed of one and pen strokes."""
        return self.characters.issuperset(text) or self.composed.issuperset(set(text) - self.characters)

    def at(self, size: int) -> ImageFont.FreeTypeFont:
        """The font at `size` pixels per em; opened once per process and size."""
        return _open(self.path, self.number, size)


@dataclass(frozen=True)
class FontSet(Sequence[Font]):
    """Fonts in the order of their paths, and (path, reason) of the files that were left out."""

    fonts: tuple[Font, ...]
    rejects: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.fonts)

    def __iter__(self) -> Iterator[Font]:
        return iter(self.fonts)

    @overload
    def __getitem__(self, index: int) -> Font: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Font]: ...
    def __getitem__(self, index: int | slice) -> Font | Sequence[Font]:
        return self.fonts[index]


def find_fonts(folder: str | os.PathLike[str]) -> FontSet:
    """All fonts below `folder`, each face of a collection by itself; what cannot be read is among the rejects.

    Fonts that weigh 0 are left out. NetchuError when there is no such folder or no font in it that can be used.
    """
    root = Path(folder)
    if not root.is_dir():
        raise NetchuError(f"{root}: no such folder of fonts; give one that holds .ttf or .otf files")
    paths = sorted(path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not paths:
        raise NetchuError(f"{root}: holds no .ttf or .otf file; install or convert some fonts first")
    listed = {home: _weights(home / "fonts.tsv") for home in {root, *(path.parent for path in paths)}}
    weights = {path: listed[path.parent].get(path.name, listed[root].get(path.name, 1.0)) for path in paths}
    found = _read(paths, weights)
    if not found.fonts and found.rejects:
        path, reason = found.rejects[0]
        raise NetchuError(f"{root}: none of its {len(paths)} font files can be used: {path}: {reason}")
    if not found.fonts:
        raise NetchuError(f"{root}: all its fonts weigh 0 in fonts.tsv; raise the weight of some")
    return found


def system_fonts() -> FontSet:
    """The fonts that are installed on this machine, as fontconfig lists them or in the usual folders; maybe none."""
    listing = shutil.which("fc-list")
    if listing:
        done = subprocess.run([listing, "--format", "%{file}\n"], capture_output=True, timeout=60)
        names = set(done.stdout.decode(errors="replace").splitlines())
        paths = sorted(Path(name) for name in names if Path(name).suffix.lower() in SUFFIXES)
    else:
        homes = [Path(os.path.expandvars(home)).expanduser() for home in _HOMES.get(platform.system(), ())]
        every = {path for home in homes if home.is_dir() for path in home.rglob("*")}
        paths = sorted(path for path in every if path.suffix.lower() in SUFFIXES)
    return _read(paths, {})


def reference_extents(font: Font, text: str, size: float) -> tuple[float, float, float, float]:
    """How far the outlines of `text` reach at `size` pixels per em: left, top, right, bottom, in pixels.

    Measured from the pen's start on the baseline, y down, without kerning, ligatures or hints (which move an edge by
    two pixels or so); all zero for no ink. It says where a drawn line must have ink, whoever drew it, unless its font
    swaps letters by their neighbours. NetchuError when the font lacks a character.
    """
    pen, boxes = 0.0, []
    for char in text:
        if char not in font.characters:
            raise NetchuError(f"{font.path}: has no glyph for {char!r}")
        box, advance = _extent(font.path, font.number, char)
        if box:
            boxes.append((pen + box[0], -box[3], pen + box[2], -box[1]))
        pen += advance
    if not boxes:
        return 0.0, 0.0, 0.0, 0.0
    left, top, right, bottom = zip(*boxes)
    return min(left) * size, min(top) * size, max(right) * size, max(bottom) * size


def needs_shaping(text: str, vertical: bool = False) -> bool:
    """True when `text` comes out wrong letter by letter: joined scripts, loose marks, columns of Japanese."""
    return vertical or any(
        unicodedata.combining(char) or any(first <= ord(char) <= last for first, last in _SHAPED)
        for char in text
        if char > "\u02ff"
    )


def check_shaping(text: str, vertical: bool = False) -> None:
    """NetchuError when `text` needs shaping and this Pillow cannot: it was built without libraqm."""
    if needs_shaping(text, vertical) and not features.check("raqm"):
        what = "vertical lines need" if vertical else f"{text[:20]!r} needs"
        raise NetchuError(f"{what} libraqm to be drawn, which this Pillow lacks; install Pillow from its wheels")


@lru_cache(maxsize=200_000)
def _extent(path: str, index: int, char: str) -> tuple[tuple[float, float, float, float] | None, float]:
    """Bounding box (y up) and advance of a character, in ems."""
    outlines = open_outlines(path, index)
    glyph = outlines.glyph(char)
    box, units = outlines.bounds(glyph), outlines.units
    advance = float(outlines.advances[glyph]) / units
    return (box[0] / units, box[1] / units, box[2] / units, box[3] / units) if box else None, advance


def _read(paths: Iterable[Path], weights: dict[Path, float]) -> FontSet:
    """The fonts in files, and the files that hold none."""
    fonts: list[Font] = []
    rejects: list[tuple[str, str]] = []
    for path in paths:
        weight = weights.get(path, 1.0)
        if weight <= 0:
            continue
        try:
            faces = _faces(path)
            found = [drawn_characters(read_outlines(str(path), face)) for face in range(faces)]
            if not any(found):
                raise NetchuError("draws no character")
            ImageFont.truetype(str(path), 24).getmask(min(found[0], default="x"))
        except NetchuError as error:
            if "pip install" in str(error):
                raise
            rejects.append((str(path), str(error)))
        except Exception as error:  # a damaged font breaks its readers in every way there is
            rejects.append((str(path), f"damaged ({type(error).__name__}: {str(error)[:80]})"))
        else:
            shares = [(face, known) for face, known in enumerate(found) if known]
            fonts += [Font(str(path), known, weight / len(shares), composable(known), face) for face, known in shares]
    return FontSet(tuple(fonts), tuple(rejects))


def _faces(path: Path) -> int:
    """How many faces a font file holds."""
    with path.open("rb") as file:
        head = file.read(12)
    return int.from_bytes(head[8:12], "big") if head[:4] == b"ttcf" else 1


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


@lru_cache(maxsize=1024)
def _open(path: str, index: int, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size, index)
