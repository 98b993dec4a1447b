"""Kinds of regions, ours and other formats': the one table both ways."""

from __future__ import annotations

from typing import NamedTuple


class Names(NamedTuple):
    """What PAGE calls a kind: its element and, of a TextRegion, its type."""

    element: str
    type: str | None = None


# what is written: PAGE 2019-07-15, TextTypeSimpleType. ALTO's tags and hOCR's x_kind are our own names.
PAGE = {
    "paragraph": Names("TextRegion", "paragraph"),
    "heading": Names("TextRegion", "heading"),
    "margin": Names("TextRegion", "marginalia"),
    "page-number": Names("TextRegion", "page-number"),
    "header": Names("TextRegion", "header"),
    "footer": Names("TextRegion", "footer"),
    "table": Names("TableRegion"),
    "picture": Names("ImageRegion"),
    "other": Names("TextRegion", "other"),
}

# what is read, beside those: PAGE's other elements, ALTO's other blocks, hOCR's classes, SegmOnto's zones
_ALSO = {
    "paragraph": ("textregion", "textblock", "mainzone", "ocr_carea", "ocr_par", "text"),
    "heading": ("titlepagezone", "title"),
    "margin": ("marginalia", "margintextzone", "floating", "ocr_textfloat"),
    "page-number": ("numberingzone", "ocr_pageno"),
    "header": ("runningtitlezone", "ocr_header"),
    "footer": ("quiremarkszone", "ocr_footer"),
    "table": ("tableregion", "tablezone", "ocr_table"),
    "picture": ("imageregion", "graphicregion", "linedrawingregion", "chartregion", "mapregion", "illustration",
                "image", "graphic", "graphiczone", "digitizationartefactzone", "sealzone", "stampzone", "ocr_image",
                "ocr_photo", "ocr_linedrawing"),
}  # fmt: skip
_KINDS = {kind: kind for kind in PAGE} | {name: kind for kind, names in _ALSO.items() for name in names}


def kind_of(*names: str | None) -> str:
    """The kind that the first of `names` with a meaning stands for: types, tags, elements, classes; else `other`.

    A SegmOnto subtype ("MarginTextZone:note#1") counts as its zone.
    """
    told = [name.strip().lower().split(":")[0].split("#")[0].replace("_region", "region") for name in names if name]
    return next((_KINDS[name] for name in told if name in _KINDS), "other")
