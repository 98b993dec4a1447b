"""Draws the lines of a text file with SynthTIGER's components, after its published example for horizontal text.

    python -m venv PEER && PEER/bin/pip install synthtiger==1.2.1 numpy==1.23.5 Pillow==9.5.0 \
        opencv-python==4.8.1.78 scikit-image==0.22.0 'scipy<1.12' 'matplotlib<3.9' fonttools
    PEER/bin/python bench/peers/synthtiger_lines.py --texts texts.txt --fonts FONTS --out OUT --height 64 --seed 1

As in the example: elastic shapes, flow (4 in 5) or curve layout, colours by clusters, texture on text and on ground
(1 in 2), border, shadow or extrusion (1 in 4), one of seven transforms, a mid-ground distractor (1 in 4), one of its
twelve blend modes, noise, blur, resampling. Fitted to long lines of handwriting: angles, curves, borders and blur are
smaller (they are meant for single words), ink is darker than paper, textures are paper-like noise. In SynthTIGER's
favour: grey colours only, no masks and boxes, and a cheap test of visibility in the place of the example's loop over
pixels. `words` (default) draws a word at a time, so that joined letters stay joined; `letters` does as the example.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import synthtiger
from lines_set import Draw, choose, main, scan, to_height
from PIL import Image, ImageDraw
from synthtiger import components, layers, utils

MODES = ("words", "letters", "plain")
BLEND_MODES = [
    "normal", "multiply", "screen", "overlay", "hard_light", "soft_light", "dodge", "divide", "addition", "difference",
    "darken_only", "lighten_only",
]  # fmt: skip
CONTRAST = 40  # grey levels by which text is darker than the ground, at least
INK_AND_PAPER = ((45, 20, 205, 25), (75, 20, 220, 20), (95, 20, 235, 12), (35, 20, 180, 25), (60, 15, 250, 4))


class WholeTextLayer(layers.TextLayer):  # type: ignore[misc]
    """A text layer large enough for what reaches beyond advance, ascent and descent, which the original cuts off."""

    def _get_image(self, text: str, font: Any, color: Any, bold: bool, vertical: bool) -> tuple[Any, list[int]]:
        stroke, (ascent, descent) = int(bold), font.getmetrics()
        left, top, right, bottom = font.getbbox(text, stroke_width=stroke)
        left, top = min(0, left), min(0, top)
        right, bottom = max(round(font.getlength(text)), right), max(ascent + descent, bottom)
        image = Image.new("RGBA", (max(1, right - left), max(1, bottom - top)))
        ImageDraw.Draw(image).text((-left, -top), text, fill=color, font=font, stroke_width=stroke)
        return np.array(image, dtype=np.float32), [left, top - ascent, *image.size]


class Lines:
    """The example's pipeline for a given text and font."""

    def __init__(self, folder: Path, words: bool) -> None:
        colours, textures = write_resources(folder)
        c = components
        self.words = words
        self.texture = c.Switch(c.BaseTexture([str(textures)], [1], alpha=(0, 1), crop=1), prob=0.5)
        self.pair = c.GrayMap([str(colours)], [1], k=2)
        self.triple = c.GrayMap([str(colours)], [1], k=3)
        self.grey = c.Gray()
        self.shape = c.Selector([c.ElasticDistortion((15, 30), (4, 12)), c.ElasticDistortion((0, 2), (0, 0.6))])
        self.flow = c.FlowLayout(space=(-2, 5))
        self.curve = c.CurveLayout(curve=(3, 15), space=(-2, 5))
        self.style = c.Switch(
            c.Selector(
                [c.TextBorder((1, 3)), c.TextShadow((1, 4), alpha=(0.3, 0.7)), c.TextExtrusion((1, 3))], [1, 2, 2]
            ),
            prob=0.25,
        )
        self.transform = c.Selector(
            [
                c.Perspective(percents=((0.7, 1), (1, 1)), aligns=((0, 0), (0, 0))),
                c.Perspective(percents=((1, 1), (0.7, 1)), aligns=((0, 0), (0, 0))),
                c.Trapezoidate([1, 0, 1, 0], percent=(0.97, 1)),
                c.Trapezoidate([0, 1, 0, 1], percent=(0.75, 1)),
                c.Skew([1, 0], angle=(0, 30), ccw=0.5),
                c.Skew([0, 1], angle=(0, 1.5), ccw=0.5),
                c.Rotate(angle=(0, 1.5), ccw=0.5),
            ],
            [1, 1, 1, 1, 1, 1, 2],
        )
        self.fit = c.Fit()
        self.pad = c.Pad(pxs=((0, 10), (0, 10), (0, 10), (0, 10)))
        self.midground_offset = c.Translate(percents=((-0.5, 0.5), (-0.5, 0.5)))
        self.postprocess = c.Iterator(
            [
                c.AdditiveGaussianNoise(scale=(4, 8), per_channel=0),
                c.Switch(c.GaussianBlur(sigma=(0, 1)), prob=0.9),
                c.Switch(c.Resample(size=(0.4, 0.4)), prob=0.1),
            ]
        )

    def draw(self, text: str, path: str, distractor: tuple[str, str]) -> Any:
        """The text as an RGBA picture; `distractor` is the text and the font of what may lie between it and ground."""
        style, other_style = self.style.sample(), self.style.sample()
        if style["state"]:
            ink, edge, paper = sorted(self.triple.sample(), key=lambda colour: colour["gray"])
            style["meta"]["meta"]["rgb"] = edge["rgb"]
        else:
            ink, paper = sorted(self.pair.sample(), key=lambda colour: colour["gray"])
        front = self.text_layer(text, path, ink, style).output()
        back = self.ground(front.shape[1], front.shape[0], paper)
        if np.random.rand() < 0.25:
            between = self.text_layer(*distractor, self.grey.sample(), other_style)
            back = blend(self.behind(between, front), back, darker=False)
        layer = layers.Layer(blend(front, back))
        self.postprocess.apply([layer])
        return layer.output()

    def text_layer(self, text: str, path: str, colour: Any, style: Any) -> Any:
        size, bold = np.random.randint(40, 81), np.random.rand() < 0.5
        curved = np.random.rand() < 0.2
        units = re.findall(r"\S+| +", text) if self.words and not curved else utils.split_text(text)
        pieces = [WholeTextLayer(unit, path, size, bold=bold) for unit in units]
        self.shape.apply(pieces)
        (self.curve if curved else self.flow).apply(pieces)
        layer = layers.Group(pieces).merge()
        self.grey.apply([layer], colour)
        self.texture.apply([layer])
        self.style.apply([layer], style)
        self.transform.apply([layer])
        self.fit.apply([layer])
        self.pad.apply([layer])
        return layer

    def ground(self, width: int, height: int, colour: Any) -> Any:
        layer = layers.RectLayer((width, height))
        self.grey.apply([layer], colour)
        self.texture.apply([layer])
        return layer.output()

    def behind(self, layer: Any, front: Any) -> Any:
        """The distractor, shifted, less what would touch the text."""
        mask = layers.Layer(np.zeros_like(front))
        mask.image[..., 3] = cv2.dilate(front[..., 3], np.ones((11, 121)))  # nothing may lie between two letters
        layer = layers.Layer(layer.output())
        layer.bbox = mask.bbox
        self.midground_offset.apply([layer])
        return layer.erase(mask).output(bbox=mask.bbox)


def blend(front: Any, back: Any, darker: bool = True) -> Any:
    """The first in random order of the example's blend modes that leaves the text visible, and darker if asked."""
    mask = front[..., 3] > 127
    for mode in np.random.permutation(BLEND_MODES):
        out = utils.blend_image(front, back, mode=mode)
        fall = utils.to_gray(back[mask][:, :3] - out[mask][:, :3]).mean() if mask.any() else CONTRAST
        if (fall if darker else abs(fall)) >= CONTRAST:
            return out
    raise RuntimeError("text is not visible in any blend mode")


def write_resources(folder: Path) -> tuple[Path, Path]:
    """Colour clusters (centres and deviations) and paper-like textures, which the package does not bring along."""
    colours, textures = folder / "colours.txt", folder / "textures"
    textures.mkdir()
    pairs = [f"{a}\t{b}\t{c}\t{d}" for a, b, c, d in INK_AND_PAPER]
    triples = [f"{a}\t{b}\t{(a + c) / 2}\t{b}\t{c}\t{d}" for a, b, c, d in INK_AND_PAPER]
    colours.write_text("\n".join(pairs + triples) + "\n", encoding="utf-8")
    rng = np.random.default_rng(0)
    for number in range(12):
        sheet = np.full((512, 512), rng.uniform(150, 240), np.float32)
        for spread in (0.0, 1.0, 6.0, 40.0):
            noise = rng.normal(0, 1, (512, 512)).astype(np.float32)
            noise = cv2.GaussianBlur(noise, (0, 0), spread) if spread else noise
            sheet += noise / noise.std() * rng.uniform(2, 12)
        cv2.imwrite(str(textures / f"{number}.jpg"), np.clip(sheet, 0, 255).astype(np.uint8))
    return colours, textures


def open_drawer(fonts: Path, texts: list[str], height: int, seed: int, mode: str) -> Draw:
    """A function that draws text k: grey (height, width), or None when no font covers the text."""
    cv2.setNumThreads(1)
    faces = scan(fonts, texts)
    folder = tempfile.TemporaryDirectory()
    lines = Lines(Path(folder.name), mode == "words")

    def draw(k: int, text: str, folder: Any = folder) -> Any:  # the folder lives as long as this function
        rng = np.random.default_rng([seed, k])
        path = choose(faces, text, rng)
        if path is None:
            return None
        if mode == "plain":
            return to_height(plain(text, path, height), height)
        other = texts[int(rng.integers(len(texts)))]
        other, other_path = (other, found) if (found := choose(faces, other, rng)) else (text, path)
        synthtiger.set_global_random_seed(seed << 32 | k)
        for _ in range(5):
            try:
                return to_height(lines.draw(text, path, (other, other_path)), height)
            except RuntimeError:
                continue
        return None

    return draw


def plain(text: str, path: str, height: int) -> Any:
    """Black on white with SynthTIGER's layers and nothing else."""
    layer = layers.Group([WholeTextLayer(text, path, height)]).merge()
    components.Fit().apply([layer])
    components.Pad(pxs=((5, 5),) * 4).apply([layer])
    ground = layers.RectLayer(layer.size, (255, 255, 255, 255))
    return utils.blend_image(layer.output(), ground.output())


if __name__ == "__main__":
    main(__doc__, open_drawer, MODES)
