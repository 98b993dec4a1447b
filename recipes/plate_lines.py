"""Chinese number plates put together from pictures of single characters, as a line set to train on.

    python recipes/plate_lines.py chars.npz fonts plates-1 9000
    python recipes/plate_lines.py chars.npz fonts plates-2 1250 0.9 8

`chars.npz` holds `images` (n, 20, 20), light on dark, and `labels`, one character each (EasyPR's, Apache-2.0).
Provinces, whose pictures there are blots, are written by a font every other time, or as often as the last argument
but one says; the last is the seed. Sizes are those of GA 36-2018, a pixel a millimetre; all provinces come equally
often. The finished pictures are cut out round the plate and squeezed to 94 x 24, as LPRNet reads them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

sys.path.insert(0, str(Path(__file__).parents[1]))

from netchu.synth.texts import open_texts

Plane = NDArray[np.float32]
TALL, FINAL = 140, (94, 24)
# the middles of the characters, the dot's, and the plate's width: cars, and new energy with one more
CARS = ((38, 95, 174, 231, 288, 345, 402), 134, 440)
ENERGY = ((37, 88, 173, 224, 275, 326, 377, 428), 130, 480)

FONTS = ("noto-sans-sc-400.ttf", "noto-sans-sc-700.ttf", "wqy-zenhei.ttc", "wqy-microhei.ttc")
Glyphs = dict[str, list[NDArray[np.uint8]]]


def collect(chars: Path, fonts: Path) -> tuple[Glyphs, Glyphs]:
    """Pictures of every character, and drawn ones of those that are Chinese: 45 x 90 within 90 x 90, light on dark."""
    pictures = np.load(chars)
    found: Glyphs = {}
    for char, picture in zip(pictures["labels"].tolist(), pictures["images"]):
        found.setdefault(char, []).append(picture)
    drawn: Glyphs = {}
    for char in (char for char in found if not char.isascii()):
        for name in FONTS:
            sheet = Image.new("L", (240, 240))
            ImageDraw.Draw(sheet).text((120, 120), char, 255, ImageFont.truetype(str(fonts / name), 160), "mm")
            tight = np.asarray(sheet.crop(sheet.getbbox()))
            whole = np.zeros((90, 90), np.uint8)
            whole[:, 22:68] = cv2.resize(tight, (46, 90), interpolation=cv2.INTER_AREA)
            drawn.setdefault(char, []).append(whole)
    return found, drawn


def compose(text: str, glyphs: tuple[Glyphs, Glyphs], share: float, rng: np.random.Generator) -> Plane:
    """Coverage (140, width) of what is painted on the plate: letters, the dot, the border. 0 to 1.

    `share` of the Chinese characters are written by fonts.
    """
    middles, dot, wide = ENERGY if len(text) == 8 else CARS
    cover = np.zeros((TALL, wide), np.float32)
    stroke = float(rng.uniform(0.35, 0.65))  # of the letters' own grey, beyond which there is paint
    for char, middle in zip(text, middles):
        of = glyphs[1 if char in glyphs[1] and rng.random() < share else 0][char]
        glyph = of[int(rng.integers(len(of)))].astype(np.float32) / 255
        large = cv2.resize(glyph, (90, 90), interpolation=cv2.INTER_CUBIC)
        large = np.clip((cv2.GaussianBlur(large, (0, 0), 1.5) - stroke) * 4 + 0.5, 0, 1)
        left, top = middle - 45 + int(rng.integers(-2, 3)), 25 + int(rng.integers(-2, 3))
        first, last = max(0, left), min(wide, left + 90)
        view = cover[top : top + 90, first:last]
        np.maximum(view, large[:, first - left : last - left], out=view)
    if len(text) == 7 and rng.random() < 0.95:
        cv2.circle(cover, (dot, 70), 6, (1.0,), -1, cv2.LINE_AA)
    if rng.random() < 0.9:
        inset = int(rng.integers(4, 9))
        border = np.zeros_like(cover)
        cv2.rectangle(border, (inset, inset), (wide - 1 - inset, TALL - 1 - inset), (1.0,), int(rng.integers(2, 5)))
        cover = np.maximum(cover, border * np.float32(rng.uniform(0.3, 1)))
    return cover


def paint(cover: Plane, light: bool, rng: np.random.Generator) -> Plane:
    """Coverage -> greys 0 to 1: paint on sheet, screws, dirt, uneven light."""
    rows, columns = cover.shape
    low, high = float(rng.uniform(0, 0.35)), float(rng.uniform(0.55, 1))
    sheet, paint = (low, high) if light else (high, low)
    plate = sheet + (paint - sheet) * cover
    for x in (0.25, 0.75):
        for y in (12, TALL - 12):
            if rng.random() < 0.45:
                cv2.circle(plate, (round(x * columns), y), int(rng.integers(5, 10)), (float(rng.uniform(0, 1)),), -1)
    if rng.random() < 0.3:
        dirt = cv2.resize(rng.random((4, 12)).astype(np.float32), (columns, rows), interpolation=cv2.INTER_CUBIC)
        plate += (float(rng.uniform(0, 0.8)) - plate) * np.clip(dirt - 0.5, 0, 0.6)
    shade = rng.uniform(0.7, 1.1, (2, 3)).astype(np.float32)
    return np.asarray(plate * cv2.resize(shade, (columns, rows), interpolation=cv2.INTER_LINEAR), np.float32)


def look(plate: Plane, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The plate as a camera in the street saw it, cut out and squeezed to `FINAL`."""
    rows, columns = plate.shape
    corners = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
    steep = 0.03 if rng.random() < 0.65 else 0.12
    rise, lean = float(rng.normal(0, steep)), float(rng.normal(0, 0.15))
    seen = corners @ np.array([[1, rise], [lean, 1]], np.float32) + rng.normal(0, 4, (4, 2)).astype(np.float32)
    near, far = seen.min(axis=0), seen.max(axis=0)
    size = far - near
    near, far = near + size * rng.uniform(-0.05, 0.025, 2), far + size * rng.uniform(-0.025, 0.05, 2)
    small = int(rng.integers(60, 150))  # columns of the plate in the camera's picture
    target = np.array([small, max(12, round(small * float(rng.uniform(0.24, 0.4))))])
    scaled = ((seen - near) / (far - near) * target * 2).astype(np.float32)
    around = float(rng.uniform(0, 1)) * float(plate.max())
    way = cv2.getPerspectiveTransform(corners, scaled)
    size2 = (int(target[0]) * 2, int(target[1]) * 2)
    plate = cv2.GaussianBlur(plate, (0, 0), max(0.5, 0.2 * columns / small))  # type: ignore[assignment]
    inside = cv2.warpPerspective(np.ones_like(plate), way, size2, flags=cv2.INTER_AREA)
    picture = cv2.warpPerspective(plate, way, size2) + (1 - inside) * np.float32(around)
    picture = cv2.resize(picture, (int(target[0]), int(target[1])), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        across, down = np.abs(rng.normal(0, 0.6, 2)) * small / 94
        picture = cv2.GaussianBlur(picture, (0, 0), max(0.1, across), sigmaY=max(0.1, down))
    span, dark = float(rng.uniform(0.12, 1)) ** 0.6, float(rng.random())
    greys = 255 * (picture * span + dark * (1 - span) * 0.7)
    greys += rng.normal(0, float(rng.uniform(0, 3)), greys.shape)
    _, data = cv2.imencode(".jpg", np.clip(greys, 0, 255).astype(np.uint8), [1, int(rng.integers(40, 96))])
    found = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    return cv2.resize(found, FINAL, interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]


def main(chars: str, fonts: str, target: str, count: str, share: str = "0.5", seed: str = "7") -> None:
    glyphs = collect(Path(chars), Path(fonts))
    texts = open_texts("plate-cn", weights={"ordinary": 0.9, "energy": 0.1, "special": 0})
    folder = Path(target)
    (folder / "lines").mkdir(parents=True, exist_ok=True)
    rows = ["image\ttext\tsplit"]
    for k in range(int(count)):
        rng = np.random.default_rng([int(seed), k])
        text = texts.sample(rng)
        light = len(text) == 7 and rng.random() < 0.93  # light letters on blue; dark on yellow and on green
        picture = look(paint(compose(text, glyphs, float(share), rng), light, rng), rng)
        cv2.imwrite(str(folder / "lines" / f"{k:06}.png"), picture)
        rows.append(f"lines/{k:06}.png\t{text}\ttrain")
    (folder / "lines.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8", newline="\n")
    print(f"{folder}: {count} plates")


if __name__ == "__main__":
    main(*sys.argv[1:])
