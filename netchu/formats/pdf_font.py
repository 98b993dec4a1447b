"""A font without shapes, for text that is searched and copied but never seen (ISO 32000-1, 9.6 to 9.10).

A Type 0 font over a TrueType file that is made here, whose glyphs leave no mark. Each letter with its marks (a grapheme
cluster) gets the next free code; the ToUnicode map says what it is, so that any Unicode text can be had back, also
beyond the basic plane and in any combination.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

from netchu.text import graphemes

WIDTH = 500  # of every code, in thousandths of the font's size: words are then stretched to their place
ASCENT, DESCENT = 800, -200
MOST = 60_000  # codes a font: two bytes each
_ESCAPED = {ord(char): f"\\{char}" for char in "()\\"} | {13: "\\r"}  # what a literal string cannot hold bare
_UNITS = 1000  # an em


class Font:
    """Fonts of as many codes as a document needs."""

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}

    def encode(self, letters: list[str]) -> list[tuple[int, str]]:
        """Runs of letters by font: the font's number from 0, and the codes as a literal string, a character a byte."""
        runs: list[tuple[int, str]] = []
        for letter in letters:
            number, code = divmod(self.codes.setdefault(letter, len(self.codes)), MOST)
            if not runs or runs[-1][0] != number:
                runs.append((number, ""))
            runs[-1] = number, runs[-1][1] + "".join(_ESCAPED.get(byte, chr(byte)) for byte in divmod(code + 1, 256))
        return runs

    def embed(self, document: Any) -> dict[str, Any]:
        """The fonts as resources of pages: /Netchu0, /Netchu1 ...; to be called when all text is encoded."""
        letters = [*self.codes]
        parts = [letters[start : start + MOST] for start in range(0, len(letters), MOST)]
        return {f"/Netchu{number}": _font(document, part) for number, part in enumerate(parts)}


def clusters(text: str) -> list[str]:
    """The letters of a text with their marks."""
    return graphemes(text)


def _font(document: Any, letters: list[str]) -> Any:
    from pikepdf import Array, Dictionary, Name, String

    def stream(data: bytes, **about: Any) -> Any:
        return document.make_stream(zlib.compress(data, 9), Filter=Name.FlateDecode, **about)

    file = true_type()
    descriptor = Dictionary(
        Type=Name.FontDescriptor,
        FontName=Name.NetchuUnseen,
        Flags=4,  # symbolic: its letters are of no standard set
        FontBBox=Array([0, DESCENT, WIDTH, ASCENT]),
        ItalicAngle=0,
        Ascent=ASCENT,
        Descent=DESCENT,
        CapHeight=ASCENT,
        StemV=80,
        FontFile2=stream(file, Length1=len(file)),
    )
    one = b"\0\1" * (len(letters) + 1)  # whatever the code, the second glyph
    under = Dictionary(
        Type=Name.Font,
        Subtype=Name.CIDFontType2,
        BaseFont=Name.NetchuUnseen,
        CIDSystemInfo=Dictionary(Registry=String("Adobe"), Ordering=String("Identity"), Supplement=0),
        FontDescriptor=document.make_indirect(descriptor),
        DW=WIDTH,
        CIDToGIDMap=stream(one),
    )
    return document.make_indirect(
        Dictionary(
            Type=Name.Font,
            Subtype=Name.Type0,
            BaseFont=Name.NetchuUnseen,
            Encoding=Name("/Identity-H"),
            DescendantFonts=Array([document.make_indirect(under)]),
            ToUnicode=stream(to_unicode(letters)),
        )
    )


def to_unicode(letters: list[str]) -> bytes:
    """The map from codes, 1 for the first letter, to UTF-16, a hundred a block as the specification allows."""
    rows = [f"<{code:04X}> <{letter.encode('utf-16-be').hex().upper()}>" for code, letter in enumerate(letters, 1)]
    parts = [rows[start : start + 100] for start in range(0, len(rows), 100)]
    body = "\n".join(f"{len(part)} beginbfchar\n" + "\n".join(part) + "\nendbfchar" for part in parts)
    return (
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
        "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
        f"1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n{body}\n"
        "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
    ).encode()


def true_type() -> bytes:
    """A TrueType file with the tables that a font within a PDF needs (ISO 32000-1, 9.9), and two glyphs.

    The first is empty. The second is a line there and back: it has no area to paint, but the extent of a letter,
    because pdfium passes over text that has none.
    """
    high = ASCENT - DESCENT
    there_and_back = struct.pack(">5h2H3B", 1, 0, DESCENT, WIDTH, ASCENT, 2, 0, 1, 1, 1)  # one contour, three points
    there_and_back += struct.pack(">6hx", 0, WIDTH, -WIDTH, DESCENT, high, -high)
    tables = {
        b"glyf": there_and_back,
        b"head": struct.pack(
            ">4I2H2q4h2H3h", 0x10000, 0x10000, 0, 0x5F0F3CF5, 0, _UNITS, 0, 0, 0, DESCENT, WIDTH, ASCENT, 0, 8, 2, 0, 0
        ),
        b"hhea": struct.pack(">I3hH11hH", 0x10000, ASCENT, DESCENT, 0, WIDTH, 0, 0, 0, 1, *[0] * 7, 1),
        b"hmtx": struct.pack(">Hhh", WIDTH, 0, 0),
        b"loca": struct.pack(">3H", 0, 0, len(there_and_back) // 2),
        b"maxp": struct.pack(">I14H", 0x10000, 2, 3, 1, 0, 0, 1, *[0] * 8),
    }
    offset = 12 + 16 * len(tables)
    records, body = b"", b""
    for tag, data in tables.items():
        padded = data + b"\0" * (-len(data) % 4)
        records += tag + struct.pack(">3I", _checksum(padded), offset + len(body), len(data))
        body += padded
    font = struct.pack(">I4H", 0x10000, len(tables), 64, 2, 16 * len(tables) - 64) + records + body
    whole = struct.pack(">I", (0xB1B0AFBA - _checksum(font)) & 0xFFFFFFFF)  # head.checkSumAdjustment
    place = font.index(b"\x5f\x0f\x3c\xf5") - 4
    return font[:place] + whole + font[place + 4 :]


def _checksum(data: bytes) -> int:
    words: tuple[int, ...] = struct.unpack(f">{len(data) // 4}I", data)
    return sum(words) & 0xFFFFFFFF
