"""What the peers' drawing scripts share: fonts that can draw a text, the native data set they write, their clock.

Runs in the peers' environments: standard library, numpy, Pillow and fontTools.
"""

from __future__ import annotations

import argparse
import io
import itertools
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from fontTools.ttLib import TTFont
from PIL import Image, ImageFont

Draw = Callable[[int, str], Any]  # (k, text) -> grey uint8 picture (height, width), or None when it gave up
HEADER = "image\ttext\tsplit"


class Face(NamedTuple):
    path: str
    weight: float
    characters: frozenset[str]


def scan(folder: Path, texts: Iterable[str], inside: bool = False) -> list[Face]:
    """The fonts of a folder, with those of the texts' characters that each maps to a glyph with ink.

    Fonts that cover none are left out. `fonts.tsv` (file, weight) in the folder says how often each is drawn.
    `inside`: without the characters that reach above the font's ascent, for drawers that cut them off there.
    """
    wanted = sorted({char for text in texts for char in text})
    table = folder / "fonts.tsv"
    rows = [line.split("\t") for line in table.read_text(encoding="utf-8").splitlines()[1:]] if table.exists() else []
    weights = {name: float(weight) for name, weight in rows}
    faces = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in {".ttf", ".otf"}):
        cmap = TTFont(path, lazy=True).getBestCmap() or {}
        font = ImageFont.truetype(str(path), 24)
        known = frozenset(c for c in wanted if ord(c) in cmap and (c == " " or font.getmask(c).getbbox()))
        if inside:
            large = ImageFont.truetype(str(path), 100)
            known = frozenset(c for c in known if large.getbbox(c)[1] >= -2)
        if known - {" "}:
            faces.append(Face(str(path), weights.get(path.name, 1.0), known))
    return faces


def choose(faces: list[Face], text: str, rng: np.random.Generator) -> str | None:
    """The path of a font that covers the text, drawn by weight; None when there is none."""
    able = [face for face in faces if face.weight > 0 and face.characters.issuperset(text)]
    if not able:
        return None
    weights = np.array([face.weight for face in able])
    return able[int(rng.choice(len(able), p=weights / weights.sum()))].path


def to_height(picture: Any, height: int) -> Any:
    """A colour or grey picture as grey of the given height and its own proportions."""
    image = Image.fromarray(np.asarray(picture)[..., :3].astype(np.uint8)).convert("L")
    width = max(1, round(image.width * height / image.height))
    return np.asarray(image.resize((width, height), Image.LANCZOS))


def write_set(draw: Draw, texts: list[str], out: Path, seed: int) -> None:
    """Write lines.tsv and lines/*.jpg; line k of the texts is k.jpg. Goes on where an interrupted run stopped."""
    (out / "lines").mkdir(parents=True, exist_ok=True)
    table = out / "lines.tsv"
    written = table.read_text(encoding="utf-8").split("\n")[:-1] if table.exists() else [HEADER]
    table.write_text("\n".join(written) + "\n", encoding="utf-8", newline="\n")  # drops a row cut in the middle
    done = {row.split("\t")[0] for row in written}
    skipped = 0
    with table.open("a", encoding="utf-8", newline="\n") as rows:
        for k, text in enumerate(texts):
            name = f"lines/{k:06d}.jpg"
            if name in done:
                continue
            picture = draw(k, text)
            if picture is None:
                skipped += 1
                continue
            data = io.BytesIO()
            quality = int(np.random.default_rng([seed, k, 1]).integers(50, 96))
            Image.fromarray(picture).save(data, "JPEG", quality=quality)
            (out / name).write_bytes(data.getvalue())
            rows.write(f"{name}\t{text}\ttrain\n")
            rows.flush()
    print(f"{len(texts)} texts, {skipped} skipped: no font covers them or the picture was given up")


def burst(draw: Draw, texts: list[str], seconds: float, first: int) -> dict[str, float]:
    """Draw all texts, again and again until `seconds` of processor time are over; pictures are dropped at once."""
    wall, cpu, pictures, columns = time.perf_counter(), time.process_time(), 0, 0
    for k in itertools.count(first):
        position = k - first
        if position and position % len(texts) == 0 and time.process_time() - cpu >= seconds:
            break
        picture = draw(k, texts[position % len(texts)])
        if picture is not None:
            pictures, columns = pictures + 1, columns + picture.shape[1]
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {"cpu": cpu, "wall": wall, "pictures": pictures, "columns": columns}


def main(description: str | None, open_drawer: Callable[..., Draw], modes: tuple[str, ...]) -> None:
    """The command line of a peer's script."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=Path, required=True, help="one text per line, UTF-8")
    parser.add_argument("--fonts", type=Path, required=True, help="folder of .ttf and .otf files")
    parser.add_argument("--out", type=Path, help="folder of the data set")
    parser.add_argument("--height", type=int, default=64)
    parser.add_argument("-n", type=int, default=0, help="first n texts; 0: all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mode", choices=modes, default=modes[0])
    parser.add_argument("--plain", dest="mode", action="store_const", const="plain", help="black on white, no effects")
    parser.add_argument("--time", action="store_true", help="draw in memory and print the speed; write nothing")
    args = parser.parse_args()
    if not args.out and not args.time:
        parser.error("--out or --time is needed")
    texts = args.texts.read_text(encoding="utf-8").splitlines()
    draw = open_drawer(args.fonts, texts, args.height, args.seed, args.mode)
    texts = texts[: args.n or None]
    if args.time:
        burst(draw, texts[:5], 0, 0)
        spent = burst(draw, texts, 0, 0)
        rate, width = spent["pictures"] / spent["cpu"], spent["columns"] / max(1, spent["pictures"])
        print(f"{args.mode}: {rate:.2f} pictures per second of processor time, {width:.0f} columns each")
    else:
        write_set(draw, texts, args.out, args.seed)
