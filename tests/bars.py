"""Fonts of bars, made here: for what Pillow's own font lacks, kanji in vertical lines and letters that join."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

Bar = tuple[int, int, int, int]  # left, bottom, right, top in thousandths of an em, y up

BOX = [(60, -60, 130, 820), (870, -60, 940, 820), (60, 750, 940, 820), (60, -60, 940, 10)]
KANJI: dict[str, list[Bar]] = {
    "口": BOX,
    "日": [*BOX, (60, 350, 940, 420)],
    "二": [(150, 600, 850, 680), (60, 50, 940, 130)],
    "「": [(500, 750, 900, 820), (500, 250, 570, 820)],
    "」": [(100, -60, 500, 10), (430, -60, 500, 500)],
    "。": [(100, -60, 300, 140)],
    "ー": [(100, 340, 900, 420)],
    "っ": [(200, 300, 700, 370), (630, 50, 700, 370)],
    "a": [(60, 0, 130, 450), (330, 0, 400, 450), (60, 380, 400, 450)],
    "(": [(100, -200, 180, 750), (100, 670, 260, 750), (100, -200, 260, -120)],
}


def bar_font(
    path: Path, glyphs: Mapping[str, Sequence[Bar]], widths: Mapping[str, int] | None = None, features: str = ""
) -> Path:
    """A font whose glyphs are bars; names longer than a character are glyphs that only `features` reach."""
    names = {name: f"u{ord(name):05X}" if len(name) == 1 else name for name in glyphs}
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "space", *names.values()])
    builder.setupCharacterMap({32: "space"} | {ord(name): names[name] for name in glyphs if len(name) == 1})
    drawn, advances = {}, {".notdef": (500, 0), "space": (300, 0)}
    for name, bars in {".notdef": [(50, 0, 450, 700)], "space": [], **glyphs}.items():
        pen = TTGlyphPen(None)
        for left, bottom, right, top in bars:
            pen.moveTo((left, bottom))
            for corner in ((left, top), (right, top), (right, bottom)):
                pen.lineTo(corner)
            pen.closePath()
        drawn[names.get(name, name)] = pen.glyph()
        if bars and name != ".notdef":
            wide = 1000 if len(name) == 1 and name > "\u2fff" else max(bar[2] for bar in bars) + 60
            advances[names[name]] = ((widths or {}).get(name, wide), min(bar[0] for bar in bars))
    builder.setupGlyf(drawn)
    builder.setupHorizontalMetrics(advances)
    builder.setupHorizontalHeader(ascent=900, descent=-250)
    builder.setupNameTable({"familyName": "Bars", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    if features:
        builder.addOpenTypeFeatures(features)
    builder.save(path)
    return path
