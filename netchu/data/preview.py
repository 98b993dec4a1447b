"""A contact sheet: a handful of lines with their labels beneath, to see at a glance whether the two belong together."""

from __future__ import annotations

import io
import os
import random
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from PIL import Image, ImageDraw, ImageFont

from netchu.data.lines import LineSet, Sample, write_whole
from netchu.errors import NetchuError
from netchu.image import open_grey

Font: TypeAlias = "ImageFont.FreeTypeFont | ImageFont.ImageFont"

PAPER, CARD, RULE, INK, FAINT, ALARM = "#eceae4", "#ffffff", "#d8d4ca", "#1d1b18", "#8a857a", "#b3261e"
MARGIN, GAP, PAD = 24, 14, 12
CARD_WIDTH, LINE_HEIGHT = 680, 64
LABEL_SIZE, NOTE_SIZE, TITLE_SIZE = 20, 12, 22
_FONT_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.fonts",
    "~/.local/share/fonts",
    "/System/Library/Fonts",
    "/Library/Fonts",
    "~/Library/Fonts",
    "C:/Windows/Fonts",
    "~/AppData/Local/Microsoft/Windows/Fonts",
)
_PREFERRED = ("notosans-regular", "dejavusans", "segoeui", "arial", "helveticaneue", "liberationsans-regular")
_MAX_FONTS = 300  # opened at most; a full font folder of a designer would take minutes


def preview(
    lineset: LineSet, out: str | os.PathLike[str], count: int = 20, split: str | None = None, seed: int | None = None
) -> Path:
    """Draw `count` lines of `lineset` (of one split, if given) and write them as a PNG to `out`; returns its path.

    With a `seed` the lines are drawn at random, without one they are spread evenly over the set. A picture that does
    not open gets its reason in red. Characters that no font of this machine has are written as \\uXXXX.
    Raises NetchuError when there is nothing to show or `out` cannot be written.
    """
    target = Path(out)
    if target.suffix.lower() != ".png":
        raise NetchuError(f"{target}: the sheet is a PNG; name it so")
    if count < 1:
        raise NetchuError(f"{target}: {count} lines make no sheet; ask for at least 1")
    part = lineset if split is None else lineset.part(split)
    if not len(part):
        raise NetchuError(f"{lineset.root}: no lines in the split {split}")
    samples = _choose(part.samples, count, seed)
    title = f"{lineset.root.name}{f' · {split}' if split else ''}"
    sheet = draw_sheet(lineset, samples, title, f"{len(samples)} of {len(part):,} lines")
    data = io.BytesIO()
    sheet.save(data, "PNG", optimize=True)
    write_whole(target, data.getvalue())
    return target


def draw_sheet(lineset: LineSet, samples: Sequence[Sample], title: str, subtitle: str) -> Image.Image:
    """The sheet as a picture: cards in two columns (one below six lines), reading down the first, then the second."""
    pen = _Pen("".join(sample.text for sample in samples) + title)
    cards = [_card(lineset, sample, pen) for sample in samples]
    columns = 1 if len(cards) < 6 else 2
    half = -(-len(cards) // columns)
    stacks = [cards[start : start + half] for start in range(0, len(cards), half)]
    top = MARGIN + TITLE_SIZE + 22
    height = top + max(sum(card.height + GAP for card in stack) for stack in stacks) - GAP + MARGIN
    width = 2 * MARGIN + len(stacks) * CARD_WIDTH + (len(stacks) - 1) * GAP
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    title = pen.fit(title, TITLE_SIZE, width - 2 * MARGIN - 220)
    draw.text((MARGIN, MARGIN - 4), title, INK, pen.font(TITLE_SIZE))
    draw.text((width - MARGIN, MARGIN + 4), subtitle, FAINT, pen.font(NOTE_SIZE + 2), anchor="ra")
    for column, stack in enumerate(stacks):
        y = top
        for card in stack:
            sheet.paste(card, (MARGIN + column * (CARD_WIDTH + GAP), y))
            y += card.height + GAP
    return sheet


def _choose(samples: Sequence[Sample], count: int, seed: int | None) -> list[Sample]:
    """`count` of the samples in their order: at random, or evenly spread."""
    count = min(count, len(samples))
    if seed is not None:
        return [samples[index] for index in sorted(random.Random(seed).sample(range(len(samples)), count))]
    return [samples[index * len(samples) // count] for index in range(count)]


def _card(lineset: LineSet, sample: Sample, pen: _Pen) -> Image.Image:
    """One line: the picture, a rule, the label, and small below its name, size and split."""
    inner = CARD_WIDTH - 2 * PAD
    picture, note = None, ""
    try:
        grey = Image.fromarray(open_grey(sample.image))
        note = f"{grey.width} × {grey.height}"
        scale = min(LINE_HEIGHT / grey.height, inner / grey.width)
        size = (max(1, round(grey.width * scale)), max(1, round(grey.height * scale)))
        picture = grey.resize(size, Image.Resampling.LANCZOS)
    except NetchuError as error:
        note = str(error).partition(": ")[2]
    label = pen.wrap(sample.text, LABEL_SIZE, inner)
    step = LABEL_SIZE + 8
    room = picture.height if picture else 20
    card = Image.new("RGB", (CARD_WIDTH, PAD + room + 14 + len(label) * step + NOTE_SIZE + 6 + PAD), CARD)
    draw = ImageDraw.Draw(card)
    y = PAD
    if picture is None:
        draw.text((PAD, y), pen.fit(note, NOTE_SIZE + 2, inner), ALARM, pen.font(NOTE_SIZE + 2))
    else:
        card.paste(picture, (PAD, y))
    y += room + 7
    draw.line((PAD, y, CARD_WIDTH - PAD, y), RULE)
    y += 5
    for line in label:
        draw.text((PAD, y), line, INK, pen.font(LABEL_SIZE))
        y += step
    facts = " · ".join(fact for fact in (sample.split, sample.writer, note if picture else None) if fact)
    facts_width = pen.width(facts, NOTE_SIZE)
    draw.text((CARD_WIDTH - PAD, y + 4), pen.plain(facts), FAINT, pen.font(NOTE_SIZE), anchor="ra")
    draw.text(
        (PAD, y + 4), pen.fit(lineset.name(sample), NOTE_SIZE, inner - facts_width - 16), FAINT, pen.font(NOTE_SIZE)
    )
    return card


class _Pen:
    """The font that has the most of the characters needed; what it lacks is written as an escape, never as a box."""

    def __init__(self, text: str) -> None:
        needed = {char for char in text if not char.isspace()}
        self._path = _best_font(needed)
        self._fonts: dict[int, Font] = {}
        self._known: dict[str, bool] = {}

    def font(self, size: int) -> Font:
        if size not in self._fonts:
            self._fonts[size] = ImageFont.truetype(self._path, size) if self._path else ImageFont.load_default(size)
        return self._fonts[size]

    def plain(self, text: str) -> str:
        """`text` with every character that would come out as an empty box, or not at all, escaped."""
        return "".join(char if self._draws(char) else _escape(char) for char in text)

    def width(self, text: str, size: int) -> float:
        return float(self.font(size).getlength(self.plain(text)))

    def fit(self, text: str, size: int, room: float) -> str:
        """`text` for one row: its middle gives way to dots where it is too long, for names differ at their ends."""
        text = self.plain(text)
        if self.font(size).getlength(text) <= room:
            return text
        keep = len(text)
        while keep > 2 and self.font(size).getlength(_shorten(text, keep)) > room:
            keep -= 1
        return _shorten(text, keep)

    def wrap(self, text: str, size: int, room: float) -> list[str]:
        """`text` in rows, broken at spaces, within a word where there is none."""
        rows, row = [], ""
        for word in self.plain(text).split(" "):
            longer = f"{row} {word}" if row else word
            if self.font(size).getlength(longer) <= room:
                row = longer
                continue
            if row:
                rows.append(row)
            row = ""
            for char in word:
                if self.font(size).getlength(row + char) > room:
                    rows.append(row)
                    row = ""
                row += char
        return [*rows, row]

    def _draws(self, char: str) -> bool:
        if char not in self._known:
            self._known[char] = char == " " or _has(self.font(LABEL_SIZE), char)
        return self._known[char]


def _best_font(needed: set[str]) -> str | None:
    """The font file with the most of the needed characters, None where Pillow's own is as good."""
    best, lacking = None, sum(not _has(ImageFont.load_default(LABEL_SIZE), char) for char in needed)
    for index, path in enumerate(_font_files()):
        if (lacking == 0 and best) or index >= _MAX_FONTS:
            break
        try:
            font = ImageFont.truetype(os.fspath(path), LABEL_SIZE)
        except OSError:
            continue
        missing = sum(not _has(font, char) for char in needed)
        if missing < lacking or (best is None and missing == lacking):
            best, lacking = os.fspath(path), missing
    return best


def _font_files() -> Iterator[Path]:
    """The machine's font files, plain ones that have many letters first."""
    found = []
    for folder in _FONT_FOLDERS:
        if folder.startswith("C:") and sys.platform != "win32":
            continue
        for base, _, names in os.walk(Path(folder).expanduser()):
            found += [Path(base, name) for name in names if name.lower().endswith((".ttf", ".otf", ".ttc"))]
    ranks = {name: rank for rank, name in enumerate(_PREFERRED)}
    yield from sorted(found, key=lambda path: (ranks.get(path.stem.lower(), len(ranks)), path.name))


def _has(font: Font, char: str) -> bool:
    """Whether a font draws a character rather than its sign for a missing one."""
    if unicodedata.category(char)[0] == "C":
        return False
    shape, missing = font.getmask(char), font.getmask("\U0010ffff")
    if shape.size != missing.size:
        return True
    return bytes(shape) != bytes(missing)


def _escape(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def _shorten(text: str, keep: int) -> str:
    return text if keep >= len(text) else f"{text[: keep // 3]}…{text[len(text) - (keep - keep // 3) :]}"
