"""The subsets that a web font is served in, put back together into one TrueType file."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from netchu.errors import NetchuError

# Hints, and what goes stale when glyphs are added: nothing that is needed to draw without hints.
_DROPPED = ("DSIG", "LTSH", "VDMX", "cvt ", "fpgm", "gasp", "hdmx", "meta", "prep", "STAT", "VORG")
_LARGEST = ("maxPoints", "maxContours", "maxCompositePoints", "maxCompositeContours", "maxComponentDepth")


def join_subsets(subsets: Sequence[bytes]) -> bytes:
    """One TTF that draws every character of the `subsets` (TTF, WOFF or WOFF2 of one face).

    The first subset keeps its glyph order and thereby its layout features (ligatures, kerning, vertical forms); the
    glyphs of the others are appended without theirs. NetchuError when they are not TrueType outlines of one scale.
    fontTools' own merger joins the features too, but takes minutes and often fails on a hundred subsets.
    """
    from fontTools.ttLib import TTFont

    fonts = [TTFont(io.BytesIO(data), recalcBBoxes=False, recalcTimestamp=False) for data in subsets]
    base = fonts[0]
    if any("glyf" not in font or font["head"].unitsPerEm != base["head"].unitsPerEm for font in fonts):
        raise NetchuError("its subsets are not TrueType outlines of one scale")
    for tag in _DROPPED:
        if tag in base:
            del base[tag]
    for glyph in base["glyf"].glyphs.values():  # not through [], which would unpack every outline
        glyph.removeHinting()
    tables = [tag for tag in ("hmtx", "vmtx") if tag in base and base[tag].metrics]
    mapping = dict(base.getBestCmap())
    for font in fonts[1:]:
        _append(base, font, mapping, tables)
    base.setGlyphOrder(list(base["glyf"].glyphOrder))
    for attribute in _LARGEST:
        setattr(base["maxp"], attribute, max(getattr(font["maxp"], attribute) for font in fonts))
    for attribute, pick in (("xMin", min), ("yMin", min), ("xMax", max), ("yMax", max)):
        setattr(base["head"], attribute, pick(getattr(font["head"], attribute) for font in fonts))
    base["maxp"].maxSizeOfInstructions = 0
    base["post"].formatType = 3.0  # no glyph names
    base["cmap"] = _cmap(mapping)
    base.flavor = None
    out = io.BytesIO()
    base.save(out)
    return out.getvalue()


def _append(base: Any, font: Any, mapping: dict[int, str], tables: Sequence[str]) -> None:
    """The glyphs of `font` whose characters `mapping` lacks, added to `base`; composite glyphs become simple ones."""
    from fontTools.ttLib.tables._g_l_y_f import Glyph
    from fontTools.ttLib.tables.ttProgram import Program

    outlines = font["glyf"]
    for code, name in font.getBestCmap().items():
        if code in mapping or name == ".notdef":
            continue
        glyph = outlines.glyphs[name]
        glyph.removeHinting()
        if glyph.isComposite():
            glyph = Glyph()
            glyph.coordinates, glyph.endPtsOfContours, glyph.flags = outlines[name].getCoordinates(outlines)
            glyph.numberOfContours, glyph.program = len(glyph.endPtsOfContours), Program()
            glyph.recalcBounds(outlines)
        mapping[code] = f"u{code:05X}.joined"
        base["glyf"][mapping[code]] = glyph
        for tag in tables:
            own = font[tag].metrics[name] if tag in font else (base["head"].unitsPerEm, 0)
            base[tag].metrics[mapping[code]] = own


def _cmap(mapping: dict[int, str]) -> Any:
    """A cmap table of `mapping`: one subtable for the first 65,536 code points, one for all."""
    from fontTools.ttLib import newTable
    from fontTools.ttLib.tables._c_m_a_p import CmapSubtable

    table = newTable("cmap")
    table.tableVersion, table.tables = 0, []
    for form, encoding, codes in ((4, 1, 0x10000), (12, 10, 0x110000)):
        subtable = CmapSubtable.newSubtable(form)
        subtable.platformID, subtable.platEncID, subtable.language = 3, encoding, 0
        subtable.cmap = {code: name for code, name in mapping.items() if code < codes}
        table.tables.append(subtable)
    return table
