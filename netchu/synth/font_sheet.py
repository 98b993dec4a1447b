"""What fonts look like and what they can write: a picture of samples, a table of coverage."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from netchu.alphabets import ALPHABETS, DIGITS
from netchu.errors import NetchuError
from netchu.synth.fonts import Font

_KANA = "".join(map(chr, (*range(0x3041, 0x3095), *range(0x30A1, 0x30F7), 0x30FC)))
_ROWS = {"ja": ("euc_jp", 16, 47), "zh": ("gb2312", 16, 55)}  # first level: JIS X 0208 and GB 2312 by codec and rows
_SAMPLES = {
    "vi": "Số 12 đường Trần Phú, Quận Đống Đa, Ẵng fgjQ",
    "fr": "Où naît l'été, 27 œuvres reçues à Nîmes, fgjQ",
    "de": "Größe 45, Straße der Jäger, Übung fgjQ",
    "es": "El niño bebió 12 cafés, ¿dónde?, fgjQ",
    "ja": "東京都渋谷区神南1-2 あのヴィ、鬱だ。ガソリン",
    "zh": "广东省深圳市南山区 123号，你们这样说。",
}
_LATIN = "The quick brown fox, 12345 lazy dogs & fgjQ"
_EM, _ROW, _NAMES, _WIDTH = 40, 64, 300, 1400  # pixels: text, rows, column of names, sheet
_FADED = 150  # grey of names and remarks


class Coverage(NamedTuple):
    """How much of a language's alphabet a font writes: shares from 0 to 1."""

    font: str
    language: str
    covered: float  # with glyphs of its own
    composed: float  # and with letters made of a glyph and pen strokes


@lru_cache(maxsize=32)
def letters(language: str) -> str:
    """The characters that a text in `language` may have: its alphabet and digits; for `ja` kana and the 2,965 kanji
    of JIS level 1, for `zh` the 3,755 of GB 2312 level 1. NetchuError for an unknown language.
    """
    if language in ALPHABETS or language == "latin":
        return ALPHABETS["en" if language == "latin" else language] + DIGITS
    if language not in _ROWS:
        raise NetchuError(f"no alphabet for language {language!r}; known: {', '.join(sorted({*ALPHABETS, *_ROWS}))}")
    codec, first, last = _ROWS[language]
    cells = (bytes([0xA0 + row, cell]) for row in range(first, last + 1) for cell in range(0xA1, 0xFF))
    han = "".join(cell.decode(codec, "ignore") for cell in cells)
    return han + (_KANA if language == "ja" else "")


def coverage_table(fonts: Sequence[Font], languages: Sequence[str]) -> list[Coverage]:
    """A row for each font and language, in their order; see `letters` for what is counted."""
    rows = []
    for font in fonts:
        for language in languages:
            wanted = frozenset(letters(language))
            own = wanted & font.characters
            count = len(wanted)
            rows.append(Coverage(font.name, language, len(own) / count, len(own | wanted & font.composed) / count))
    return rows


def font_sheet(fonts: Sequence[Font], languages: Sequence[str], out: str | os.PathLike[str]) -> None:
    """Save a PNG with a row per font: its name, weight and, of a sample per language, the first that it has in full.

    A font that has none of them shows the one it has most of, without what it lacks: how many letters drawing would
    compose with pen strokes, and how many it cannot write at all, stands beside it. NetchuError for no fonts, no
    languages or an unknown one, and a picture that cannot be written.
    """
    if not fonts or not languages:
        raise NetchuError("a sheet needs at least one font and one language")
    texts = {language: _SAMPLES.get(language, _LATIN) for language in languages if letters(language)}
    label = ImageFont.load_default(15)
    sheet = Image.new("L", (_WIDTH, _ROW * len(fonts)), 255)
    pen = ImageDraw.Draw(sheet)
    for row, font in enumerate(fonts):
        middle = _ROW * row + _ROW // 2
        pen.text((8, middle - 16), font.name[:36], fill=0, font=label)
        pen.text((8, middle + 4), f"weight {font.weight:g}", fill=_FADED, font=label)
        language, text = max(texts.items(), key=lambda item: _share(font, item[1]))
        shown = "".join(char for char in text if char in font.characters)
        _, top, right, bottom = font.at(_EM).getbbox(shown)
        fit = min(1.0, (_WIDTH - _NAMES - 8) / max(1, right), (_ROW - 4) / max(1, bottom - top))
        face = font.at(max(8, int(_EM * fit)))
        _, top, _, bottom = face.getbbox(shown, anchor="ls")
        pen.text((_NAMES, middle - (top + bottom) // 2), shown, fill=0, font=face, anchor="ls")
        lost = set(text) - font.characters
        if lost:
            remark = f"{language}: {len(lost & font.composed)} composed, {len(lost - font.composed)} lacking"
            pen.text((8 + _NAMES // 3, middle + 4), remark, fill=_FADED, font=label)
        pen.line((0, _ROW * row, _WIDTH, _ROW * row), fill=225)
    try:
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        sheet.save(out, "PNG")
    except OSError as error:
        raise NetchuError(f"{out}: cannot be written ({error.strerror or error})") from error


def _share(font: Font, text: str) -> float:
    """How much of a text a font has."""
    return sum(char in font.characters for char in text) / max(1, len(text))
