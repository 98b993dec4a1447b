"""The glyphs of a font file, read where they lie: which characters they really draw, and how far their ink reaches.

Tables are read with numpy out of the mapped file: a font of 30,000 glyphs takes some 40 ms and no memory to speak of.
"""

from __future__ import annotations

import mmap
import sys
import unicodedata
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netchu.errors import NetchuError
from netchu.synth.glyf import curve_points

Bounds = tuple[float, float, float, float]  # xMin, yMin, xMax, yMax in font units, y up
Integers = NDArray[np.int64]

_SPACES = (0x20, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)
_SHARED = 16  # an outline that more characters than this share is a placeholder, not a letter
_MIX = np.random.default_rng(1).integers(1, 2**40, 18)  # of a glyph's first 10 and last 8 bytes
_HEADER = 10  # bytes before a glyph's points: number of contours and bounding box


@dataclass(frozen=True, eq=False)
class Outlines:
    """One face: character codes in rising order with their glyphs, and per glyph its advance and place in the file."""

    path: str
    units: int  # font units per em
    codes: Integers
    glyphs: Integers  # same length as codes
    advances: Integers  # by glyph
    sides: Integers  # by glyph: how far right of the pen its ink starts, wherever the points say it does
    starts: Integers  # by glyph, one more than there are; of no use with `postscript`
    data: mmap.mmap
    postscript: Any = None  # a fontTools font with CFF outlines

    def glyph(self, char: str) -> int:
        """The glyph of a character; 0, the missing glyph, when it has none."""
        at = int(np.searchsorted(self.codes, ord(char)))
        return int(self.glyphs[at]) if at < len(self.codes) and self.codes[at] == ord(char) else 0

    def raw(self, glyph: int) -> bytes:
        """The bytes of a glyph's outline."""
        if self.postscript is not None:
            return bytes(_charstrings(self.postscript)[glyph].bytecode or b"")
        return self.data[int(self.starts[glyph]) : int(self.starts[glyph + 1])]

    def bounds(self, glyph: int) -> Bounds | None:
        """The extremes of a glyph's curves; None when it has no ink."""
        if self.postscript is None:
            points = curve_points(self.raw, glyph)
            if len(points):
                start = int.from_bytes(self.raw(glyph)[2:4], "big", signed=True)
                points = points + np.array([int(self.sides[glyph]) - start, 0])
            box = (*points.min(0).tolist(), *points.max(0).tolist()) if len(points) else None
        else:
            from fontTools.pens.boundsPen import BoundsPen  # type: ignore[import-untyped]

            pen = BoundsPen(None)
            _charstrings(self.postscript)[glyph].draw(pen)
            box = pen.bounds
        return None if box is None or box[0] >= box[2] or box[1] >= box[3] else box


@lru_cache(maxsize=512)
def open_outlines(path: str, index: int = 0) -> Outlines:
    """As read_outlines, read once per process: half a megabyte for a font of 15,000 glyphs."""
    return read_outlines(path, index)


def read_outlines(path: str, index: int = 0) -> Outlines:
    """The outlines of face `index` of a font file; NetchuError when it is no TrueType or OpenType font with outlines.

    A damaged file may raise other exceptions, too: from struct, numpy or fontTools.
    """
    try:
        from fontTools.ttLib import TTFont, TTLibError  # type: ignore[import-untyped]
    except ImportError:
        raise NetchuError("drawing needs fontTools: pip install 'netchu[synth]'") from None
    try:
        font = TTFont(path, fontNumber=index, lazy=True)
    except TTLibError as error:
        raise NetchuError(f"not a font: {error}") from None
    tables = font.reader.tables
    if font.flavor:
        raise NetchuError(f"a web font ({font.flavor}) under another name")
    if "glyf" not in tables and "CFF " not in tables:
        raise NetchuError("has no outlines, only bitmaps")
    with Path(path).open("rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    count, metrics = _number(data, tables, "maxp", 4), _number(data, tables, "hhea", 34)
    lone = max(0, count - metrics)  # glyphs as wide as the last that says
    pairs = _read(data, tables["hmtx"].offset, ">u2", 2 * metrics)
    advances = np.concatenate([pairs[::2], np.full(lone, pairs[-2])])
    sides = np.concatenate([pairs[1::2], _read(data, tables["hmtx"].offset + 4 * metrics, ">u2", lone)])
    codes, glyphs = _mapping(data, tables["cmap"].offset)
    kept = (glyphs > 0) & (glyphs < count)
    starts = np.zeros(0, np.int64)
    if "glyf" in tables:
        long = _number(data, tables, "head", 50)
        starts = _read(data, tables["loca"].offset, ">u4" if long else ">u2", count + 1) * (1 if long else 2)
        starts = np.minimum(starts, tables["glyf"].length) + tables["glyf"].offset
    postscript = None if "glyf" in tables else font
    units = _number(data, tables, "head", 18)
    if postscript is None:
        font.close()
    return Outlines(path, units, codes[kept], glyphs[kept], advances, _signed(sides), starts, data, postscript)


def drawn_characters(outlines: Outlines) -> frozenset[str]:
    """The characters that a face draws: what its cmap names, less the lies.

    Lies are glyphs without ink (other than spaces'), the missing glyph or a copy of it, one outline for more than 16
    characters, and a letter drawn as another whose marks differ (Á as A). NetchuError when the ink of a-z and A-Z is
    not that of letters (pictures under Latin codes): i, l wider than m, w; a full stop as large as an o.
    """
    codes, glyphs = outlines.codes, outlines.glyphs
    used, which = np.unique(glyphs, return_inverse=True)
    space = np.isin(codes, _SPACES)
    inked = (~_empty(outlines, used))[which] & ~space
    prints = _prints(outlines, np.append(0, used))
    _, group, size = np.unique(np.append(prints[0], prints[1:][which]), return_inverse=True, return_counts=True)
    single = (size[group] == 1)[1:]
    found = [*codes[space].tolist(), *codes[inked & single].tolist()]
    alike: dict[bytes, list[int]] = {}
    for at in np.flatnonzero(inked & ~single).tolist():
        alike.setdefault(outlines.raw(int(glyphs[at])), []).append(int(codes[at]))
    alike.pop(outlines.raw(0), None)
    for same in alike.values():
        if len(same) <= _SHARED:
            found += _honest(same)
    known = frozenset(map(sys.intern, map(chr, found)))  # one object for all fonts
    _check_letters(outlines, known)
    return known


def _honest(codes: list[int]) -> list[int]:
    """Of characters with one outline, those that may be what they say: forms of a letter only if their marks agree."""
    parts = [_parts(chr(code)) for code in codes]
    marks: dict[str, set[str]] = {}
    for base, above in parts:
        marks.setdefault(base, set()).add(above)
    return [code for code, (base, above) in zip(codes, parts) if not above or len(marks[base]) == 1]


def _parts(char: str) -> tuple[str, str]:
    """A letter without case or marks, and its marks; comma and cedilla below count as one, as fonts have it."""
    whole = unicodedata.normalize("NFD", char).casefold().replace("\u0326", "\u0327")
    return whole[:1], "".join(c for c in whole if unicodedata.combining(c))


def _heads(outlines: Outlines, glyphs: Integers) -> tuple[NDArray[np.uint8], Integers]:
    """The first 10 bytes of glyphs (contours, bounding box) and how many bytes they have in all."""
    starts, sizes = outlines.starts[glyphs], outlines.starts[glyphs + 1] - outlines.starts[glyphs]
    places = np.where(sizes < _HEADER, outlines.starts[0], starts)[:, None] + np.arange(_HEADER)
    return np.frombuffer(outlines.data, np.uint8)[places], sizes


def _empty(outlines: Outlines, glyphs: Integers) -> NDArray[np.bool_]:
    """Which of the glyphs have no ink."""
    if outlines.postscript is not None:
        sizes = np.array([len(outlines.raw(int(glyph))) for glyph in glyphs])
        empty, doubtful = np.zeros(len(glyphs), bool), sizes < _HEADER
    else:
        heads, sizes = _heads(outlines, glyphs)
        empty = sizes < _HEADER
        box = heads.view(">i2")
        doubtful = ~empty & ((box[:, 0] == 0) | (box[:, 1] >= box[:, 3]) | (box[:, 2] >= box[:, 4]))  # or so it says
    for at in np.flatnonzero(doubtful):
        empty[at] = outlines.bounds(int(glyphs[at])) is None
    return empty


def _prints(outlines: Outlines, glyphs: Integers) -> Integers:
    """A number per glyph that is the same for the same outline, and seldom otherwise."""
    if outlines.postscript is not None:
        return np.array([zlib.crc32(outlines.raw(int(glyph))) for glyph in glyphs], np.int64)
    heads, sizes = _heads(outlines, glyphs)
    last = np.maximum(outlines.starts[glyphs + 1] - 8, outlines.starts[0])[:, None] + np.arange(8)
    tails = np.frombuffer(outlines.data, np.uint8)[last]
    tails = np.where(sizes[:, None] < _HEADER, 0, tails)
    heads = np.where(sizes[:, None] < _HEADER, 0, heads)
    whole = np.concatenate([heads, tails], 1).astype(np.int64) @ _MIX
    return whole * 31 + sizes


def _check_letters(outlines: Outlines, known: frozenset[str]) -> None:
    """Dingbats under the codes of letters: more than a third of what holds for every hand does not hold."""
    if not known.issuperset("ilmowMIWL.-O"):
        return
    box = {char: outlines.bounds(outlines.glyph(char)) or (0, 0, 0, 0) for char in "ilmowMIWL.-O"}
    wide = {char: right - left for char, (left, _, right, _) in box.items()}
    tall = {char: top - bottom for char, (_, bottom, _, top) in box.items()}
    holds = [wide[a] < wide[b] for a, b in ("im", "lm", "iw", "lw", "IM", "IW", ".o", ".m")]
    holds += [tall[a] < tall[b] for a, b in (".o", "-o", ".l", "-l", ".O", "ol")]
    if sum(holds) * 3 < 2 * len(holds):
        raise NetchuError("its letters are not letters: pictures or symbols under their codes")


def _read(data: mmap.mmap, offset: int, kind: str, count: int) -> Integers:
    """`count` numbers of a big-endian type from `offset` on."""
    if offset < 0 or count < 0 or offset + np.dtype(kind).itemsize * count > len(data):
        raise NetchuError("cut short")
    return np.frombuffer(data, kind, count, offset).astype(np.int64)


def _signed(words: Integers) -> Integers:
    """16-bit numbers that were read without their sign."""
    return np.where(words > 0x7FFF, words - 0x10000, words)


def _number(data: mmap.mmap, tables: Any, table: str, at: int) -> int:
    """The 16-bit number at byte `at` of a table."""
    return int(_read(data, tables[table].offset + at, ">u2", 1)[0])


def _mapping(data: mmap.mmap, offset: int) -> tuple[Integers, Integers]:
    """Codes in rising order and their glyphs from the widest Unicode subtable of a cmap."""
    rows = _read(data, offset + 4, ">u2", 4 * int(_read(data, offset + 2, ">u2", 1)[0])).reshape(-1, 4)
    best: dict[int, int] = {}
    for platform, encoding, high, low in rows.tolist():
        start = offset + (high << 16 | low)
        form = int(_read(data, start, ">u2", 1)[0])
        if (platform == 0 and encoding != 5) or (platform == 3 and encoding in (1, 10)):
            best.setdefault(form, start)
    if 12 in best:
        groups = _read(data, best[12] + 16, ">u4", 3 * int(_read(data, best[12] + 12, ">u4", 1)[0])).reshape(-1, 3)
        group, codes = _runs(groups[:, 0], np.minimum(groups[:, 1], 0x10FFFF))
        glyphs = codes - groups[group, 0] + groups[group, 2]
    elif 4 in best:
        codes, glyphs = _segments(data, best[4])
    else:
        raise NetchuError("has no Unicode cmap")
    codes, first = np.unique(codes, return_index=True)
    return codes, glyphs[first]


def _runs(first: Integers, last: Integers) -> tuple[Integers, Integers]:
    """The numbers from first[k] to last[k] for each k in turn, and with each number its k."""
    sizes = np.maximum(last - first + 1, 0)
    if sizes.sum() > 0x110000:
        raise NetchuError("its cmap names more characters than there are")
    run = np.repeat(np.arange(len(sizes)), sizes)
    return run, np.arange(len(run)) - (np.cumsum(sizes) - sizes)[run] + first[run]


def _segments(data: mmap.mmap, start: int) -> tuple[Integers, Integers]:
    """A cmap subtable of format 4, segments of 16-bit codes."""
    count = int(_read(data, start + 6, ">u2", 1)[0]) // 2
    words = _read(data, start, ">u2", min(0x8000, (len(data) - start) // 2))
    last, first = words[7 : 7 + count], words[8 + count : 8 + 2 * count]
    shift, place = words[8 + 2 * count : 8 + 3 * count], words[8 + 3 * count : 8 + 4 * count]
    segment, codes = _runs(first, np.minimum(last, 0xFFFE))
    at = 8 + 3 * count + segment + place[segment] // 2 + codes - first[segment]
    listed = np.where(at < len(words), words[np.minimum(at, len(words) - 1)], 0)
    glyphs = np.where(place[segment] > 0, listed, codes)
    return codes, np.where((place[segment] > 0) & (listed == 0), 0, (glyphs + shift[segment]) & 0xFFFF)


@lru_cache(maxsize=64)
def _charstrings(font: Any) -> Any:
    """The outlines of a CFF font by glyph number."""
    return font["CFF "].cff.topDictIndex[0].CharStrings.charStringsIndex
