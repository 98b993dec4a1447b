"""A grid of small pictures with names and headings: what each op does, at which strength, at a glance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from netchu.data.lines import write_whole
from netchu.data.ops import Canvas, Op
from netchu.errors import NetchuError
from netchu.image import Grey
from netchu.synth.camera import CAMERA
from netchu.synth.drawer import EM, FINER, TRIES, Drawer, crop, scale
from netchu.synth.hand import Hand
from netchu.synth.ink import Style
from netchu.synth.paper import PAPER as SHEET_OPS
from netchu.synth.pen import hand_ops
from netchu.synth.scene import SCENE
from netchu.synth.sheet import HAND, Sheet, lay, press

Font: TypeAlias = "ImageFont.FreeTypeFont | ImageFont.ImageFont"

PAPER, INK, FAINT = 244, 25, 120
PAD, NAME_SIZE, NOTE_SIZE = 6, 14, 12


def preview_grid(
    pictures_by_name: Mapping[str, Sequence[Grey]], height: int, width: int, headings: Sequence[str] = ()
) -> Grey:
    """One row per name, its pictures side by side in cells of (height, width): scaled down to fit, never up.

    What stands after the first line break of a name is written small below it; `headings` go above the columns.
    Raises NetchuError when there is nothing to show.
    """
    if not any(pictures_by_name.values()):
        raise NetchuError("a preview needs at least one picture; none was given")
    names, notes = ImageFont.load_default(NAME_SIZE), ImageFont.load_default(NOTE_SIZE)
    left = PAD + max(_broad(name, names, notes) for name in pictures_by_name) + PAD
    above = NOTE_SIZE + 2 * PAD if headings else PAD
    cells = {name: [_fit(picture, height, width) for picture in row] for name, row in pictures_by_name.items()}
    width = max([picture.shape[1] for row in cells.values() for picture in row])
    columns = max(len(headings), *(len(row) for row in pictures_by_name.values()))
    row_height = max(height, NAME_SIZE + NOTE_SIZE + 4) + PAD
    size = left + columns * (width + PAD), above + len(pictures_by_name) * row_height
    sheet = Image.new("L", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    for column, heading in enumerate(headings):
        draw.text((left + column * (width + PAD), PAD), heading, FAINT, notes)
    y = above
    for name, row in cells.items():
        first, _, note = name.partition("\n")
        draw.text((PAD, y), first, INK, names)
        draw.text((PAD, y + NAME_SIZE + 4), note, FAINT, notes)
        for column, picture in enumerate(row):
            x = left + column * (width + PAD)
            sheet.paste(Image.fromarray(picture), (x, y))
        draw.line((0, y + row_height - PAD // 2, size[0], y + row_height - PAD // 2), 225)
        y += row_height
    return np.array(sheet, np.uint8)


def preview_ops(
    pictures: Grey | Sequence[Grey],
    ops: Sequence[Op],
    strengths: Sequence[float] = (0.5, 1.0, 2.0),
    seed: int = 0,
    canvas: Callable[[str], Canvas] | None = None,
    height: int = 64,
    width: int = 480,
) -> Grey:
    """One row per op and picture, a column per strength, before them the picture as it is.

    Ops of the stages "ink" and "paper" need `canvas`: a stage's name -> a fresh Canvas; where it is given it also makes
    those of the stage "picture", and `pictures` may be empty. Every row has the same random numbers at all strengths.
    Raises NetchuError when an op has nothing to act on.
    """
    lines = [pictures] if isinstance(pictures, np.ndarray) else list(pictures)
    rows: dict[str, list[Grey]] = {}
    for place, each in enumerate(ops):
        makers = [_maker(canvas, each)] if canvas else [_real(line) for line in lines if each.stage == "picture"]
        if not makers:
            raise NetchuError(f"op {each.name} acts on the stage {each.stage!r}; give preview_ops a canvas for it")
        for number, make in enumerate(makers):
            row = [shown(make(), each.stage)]
            for strength in strengths:
                made = make()
                each(made, np.random.default_rng((seed, place, number)), strength)
                row.append(shown(made, each.stage))
            stage = "" if each.stage == "picture" else f", {each.stage}"
            rows[f"{each.name}{f' {number + 1}' if number else ''}\n{each.group}{stage}"] = row
    return preview_grid(rows, height, width, ("as it is", *(f"{strength:g}" for strength in strengths)))


def shown(canvas: Canvas, stage: str) -> Grey:
    """A canvas as a grey picture: ink alone is black on white, ink on a sheet is written on it."""
    pixels = canvas.settle()
    if stage == "ink":
        return np.subtract(255, pixels, dtype=np.uint8)
    if canvas.ground is not None:
        sheet = canvas.ground + (canvas.tone - canvas.ground) * (pixels.astype(np.float32) / 255)
        pixels = np.clip(sheet + 0.5, 0, 255).astype(np.uint8)
    return pixels


def _maker(canvas: Callable[[str], Canvas], each: Op) -> Callable[[], Canvas]:
    return lambda: canvas(each.stage)


def _real(line: Grey) -> Callable[[], Canvas]:
    return lambda: Canvas(line.copy())


def _fit(picture: Grey, height: int, width: int) -> Grey:
    scale = min(1.0, height / picture.shape[0], width / picture.shape[1])
    if scale == 1.0:
        return picture
    size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def _broad(name: str, large: Font, small: Font) -> int:
    first, _, note = name.partition("\n")
    return int(max(large.getlength(first), small.getlength(note))) + 1


def preview_lines(drawer: Drawer, output: Path, count: int) -> None:
    """The first `count` lines of a drawer, one below another beside their styles, as a PNG; vertical ones lie flat."""
    rows: dict[str, list[Grey]] = {}
    for k in range(count):
        drawn = drawer.sample(k)
        rows[f"{k}\n{drawn.style}"] = [np.rot90(drawn.picture) if drawn.vertical else drawn.picture]
    _save(preview_grid(rows, drawer.recipe.height, 16 * drawer.recipe.height), output)


def preview_effects(drawer: Drawer, output: Path, k: int = 0) -> None:
    """Line `k` of a drawer under each of its ops alone at four strengths, as a PNG."""
    height = drawer.recipe.height
    hand = Hand.of(Style(drawer.seed, k), drawer.recipe.hand)
    scene = SCENE if drawer.recipe.scene else ()
    ops = (*hand_ops(hand, FINER * height / 64), *scene, *SHEET_OPS, *CAMERA)
    strengths = (0.5, 1.0, 2.0, 3.0)
    grid = preview_ops([], ops, strengths, drawer.seed, lambda stage: _stage(drawer, k, stage), height, 8 * height)
    _save(grid, output)


def _stage(drawer: Drawer, k: int, stage: str) -> Canvas:
    """Line `k` on its way through the drawer, as ops of a stage find it, and nothing done to it before."""
    recipe, rng = drawer.recipe, np.random.default_rng([drawer.seed, k])
    name = list(drawer.engines)[k % len(drawer.engines)]
    engine = drawer.engines[name]
    tried = (drawer.texts[name].sample(rng) for _ in range(TRIES))
    text = min((text for text in tried if engine.covers(text)), key=lambda text: abs(len(text) - 24), default=None)
    if text is None:
        raise NetchuError(f"engine {name!r} can write none of {TRIES} texts; add fonts that do")
    ink, _ = engine.write(text, Style(drawer.seed, k), rng, EM)
    canvas = Canvas(ink.mask, unit=ink.unit, base=ink.base)
    scale(canvas, recipe, rng)
    canvas.settle(0)
    if stage == "ink":
        return canvas
    crop(canvas)
    rows, columns = canvas.shape
    factor = min(1 / FINER, recipe.height / rows)
    canvas.resize(max(1, round(rows * factor)), max(1, round(columns * factor)))
    canvas.settle(0)
    lay(canvas, recipe.height, rng, Sheet.sample(rng, recipe.sheets or HAND))
    if stage == "picture":
        press(canvas)
    return canvas


def _save(picture: Grey, output: Path) -> None:
    if output.suffix.lower() != ".png":
        raise NetchuError(f"{output}: the preview is a PNG; name it so")
    done, data = cv2.imencode(".png", picture)
    if not done:
        raise NetchuError(f"{output}: a preview of {picture.shape[1]} x {picture.shape[0]} pixels is too large")
    write_whole(output, data.tobytes())
