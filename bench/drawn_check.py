"""Is everything drawn that the label says? Every glyph against its font's outlines, every line end to end.

    python bench/drawn_check.py --lang vi -n 100000 --fonts FONTS --text ../shared/data/text
    python bench/drawn_check.py --lang ja -n 100000 --fonts FONTS --text ../shared/data/text \
        --strokes ../shared/data/strokes

Once for each font and character that is met: the font maps the character to a glyph of its own, what is drawn is not
the font's box for missing characters nor empty ("tofu"), and it reaches as far as the font's outlines do ("clipped").
For each line: no ink lies at the edge of its canvas whenever pixels are resampled, no stroke vanishes when the pen
redraws it, none leaves the finished picture ("clipped"), and every character but spaces has pixels in the picture
("lost").
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from harness import RESULTS, append_csv, versions

from netchu.data.ops import Canvas, Rng
from netchu.synth import draw, pen
from netchu.synth.drawer import Drawer, DrawSpec
from netchu.synth.fonts import Font, reference_extents
from netchu.synth.glyphs import Glyph, glyph
from netchu.synth.hand import Hand
from netchu.synth.outlines import open_outlines

HINTS = 2.2  # pixels by which hints and rounding may pull in an edge at the size that letters are drawn at
BEYOND = 1.5  # pixels by which a character's ink may leave the picture
FAINT = 8  # coverage that is no ink yet
VANISHED = 4  # pixels of a mark that may go before it is said to be lost
SHOWN = 20
CHUNK = 250
SQUARE, WIDE = np.ones((3, 3), np.uint8), np.ones((7, 7), np.uint8)
KINDS = ("tofu", "clipped", "lost")


@dataclass
class Found:
    """What was met and what was wrong: (kind, sample, style, character, what)."""

    glyphs: set[tuple[str, str, bool]] = field(default_factory=set)  # font, text, vertical
    characters: set[str] = field(default_factory=set)
    styles: set[str] = field(default_factory=set)
    faults: list[tuple[str, int, str, str, str]] = field(default_factory=list)


class Watch:
    """Looks on while one process draws. `found` is of the samples since it was last emptied."""

    def __init__(self, spec: DrawSpec) -> None:
        cv2.setNumThreads(1)
        opened = spec.open()
        self.drawer = _Watched(opened.recipe, opened.engines, opened.texts, opened.seed, opened.held_out)
        self.seen: set[tuple[str, str, bool]] = set()
        self.found = Found()
        self.sample = 0
        self.cut: list[str] = []  # what was wrong with the line in hand
        draw.glyph = self._watched_glyph(draw.glyph, False)  # type: ignore[assignment]
        draw.cell = self._watched_glyph(draw.cell, True)  # type: ignore[assignment]
        pen.redraw = self._watched_pen(pen.redraw)
        self._watch_settling()

    def look(self, k: int) -> None:
        """Draw sample k and note what is wrong with it."""
        self.sample, self.cut = k, []
        drawn = self.drawer.sample(k, truth=True)
        assert drawn.labels is not None
        self.found.styles.add(f"{drawn.engine} {drawn.style.split('/')[0]}")
        self.found.characters.update(drawn.text)
        if self.drawer.cropped:
            self.cut.append("cropped through its ink")
        for what in self.cut:
            self.found.faults.append(("clipped", k, drawn.style, "", what))
        pixels = np.bincount(drawn.labels.ravel(), minlength=len(drawn.text) + 1)
        for place, char in enumerate(drawn.text, 1):
            if not char.isspace() and not pixels[place]:
                self.found.faults.append(("lost", k, drawn.style, char, drawn.text))
        for place, side in zip(*np.unique(self.drawer.beyond, return_counts=True)):
            what = f"{side} edge points beyond the picture: {drawn.text}"
            self.found.faults.append(("clipped", k, drawn.style, drawn.text[place - 1], what))

    def _watched_glyph(self, make: Any, vertical: bool) -> Any:
        def watched(font: Font, size: int, text: str) -> Glyph:
            made: Glyph = make(font, size, text)
            key = font.name, text, vertical
            if key not in self.seen:
                self.seen.add(key)
                self.found.glyphs.add(key)
                for kind, what in glyph_faults(font, size, text, made, vertical):
                    self.found.faults.append((kind, self.sample, font.name, text, what))
            return made

        return watched

    def _watched_pen(self, redraw: Any) -> Any:
        def watched(mask: Any, *how: Any) -> Any:
            drawn = redraw(mask, *how)
            gone = vanished(mask, drawn)
            if gone >= VANISHED:
                self.cut.append(f"{gone} pixels of a mark are far from what the pen drew")
            return drawn

        return watched

    def _watch_settling(self) -> None:
        settle = Canvas.settle

        def settled(canvas: Canvas, border: int | None = None) -> Any:
            moved = canvas._map is not None
            pixels = settle(canvas, border)
            if moved and self.drawer.moving and edge(pixels) > FAINT:
                self.cut.append(f"ink at the canvas's edge after {canvas.done[-1:]}")
            return pixels

        Canvas.settle = settled  # type: ignore[method-assign]


class _Watched(Drawer):
    """A drawer that tells whose ink leaves the picture."""

    moving = False  # ink alone is on the canvas
    cropped = False  # right through ink
    beyond: list[int]  # numbers of characters, for each outermost pixel that left the picture

    def _move(self, canvas: Canvas, hand: Hand, engine: str, rng: Rng) -> None:
        object.__setattr__(self, "moving", True)
        super()._move(canvas, hand, engine, rng)
        object.__setattr__(self, "moving", False)

    def _lay(self, canvas: Canvas, rng: Rng) -> str:
        """The outermost ink of each row and column is followed as the corners of boxes are."""
        assert canvas.labels is not None and canvas.boxes is not None
        object.__setattr__(self, "cropped", edge(canvas.pixels) > FAINT)
        points, numbers = outermost(canvas.labels)
        count = len(canvas.boxes)
        canvas.boxes = np.concatenate([canvas.boxes, points.reshape(-1, 4, 2)])
        kind = super()._lay(canvas, rng)
        rows, columns = canvas.settle().shape
        points, canvas.boxes = canvas.boxes[count:].reshape(-1, 2), canvas.boxes[:count]
        low, high = points.min(axis=1), np.maximum(points[:, 0] - columns, points[:, 1] - rows)
        object.__setattr__(self, "beyond", numbers[(low < -BEYOND) | (high > BEYOND)].tolist())
        return kind


def glyph_faults(font: Font, size: int, text: str, made: Glyph, vertical: bool) -> Iterator[tuple[str, str]]:
    """What is wrong with a glyph or a shaped word."""
    outlines = open_outlines(font.path, font.number)
    for char in text:
        if not outlines.glyph(char):
            yield "tofu", f"no glyph for {char!r}"
    inked = [char for char in text if not char.isspace()]
    left, top, right, bottom = made.box
    if inked and not made.pieces:
        yield "tofu", "draws nothing"
    if not inked or not made.pieces:
        return
    if len(text) == 1:
        if pixels(made) == pixels(glyph(font, size, MISSING)):
            yield "tofu", "the font's box for missing characters"
        wanted = reference_extents(font, text, size)
        if vertical:  # only its size: it may lie on its side
            short = [
                sum(pair) for pair in ((wanted[2] - wanted[0], left - right), (wanted[3] - wanted[1], top - bottom))
            ]
            turned = [wanted[2] - wanted[0] + top - bottom, wanted[3] - wanted[1] + left - right]
            short = min(short, turned, key=max)
        else:
            short = [left - wanted[0], top - wanted[1], wanted[2] - right, wanted[3] - bottom]
        if max(short) > HINTS:
            yield "clipped", f"outlines reach {max(short):.1f} pixels farther than what is drawn at {size} per em"


MISSING = "\uffff"  # no character, so in no font


def pixels(made: Glyph) -> bytes:
    """What is drawn, wherever it stands."""
    return b"".join(piece.mask.tobytes() for piece in made.pieces)


def vanished(mask: Any, drawn: Any) -> int:
    """Pixels that a pen lost of one mark: of a blob, all of it; of a stroke, its middle where that is farther from the
    new ink than from the stroke's edge. The most of any mark, as here and there one is rounding."""
    solid = (mask > 110).astype(np.uint8)
    ink = (drawn >= 90).astype(np.uint8)
    inside = cv2.distanceTransform(solid, cv2.DIST_L2, 3)
    middle = (inside > 0) & (inside >= cv2.dilate(inside, SQUARE) - 0.2)
    gone = middle & (cv2.distanceTransform(1 - ink, cv2.DIST_L2, 3) > inside + 1)
    most = 0
    if np.count_nonzero(gone) >= VANISHED:
        _, near = cv2.connectedComponents(cv2.dilate(gone.astype(np.uint8), WIDE))
        most = int(np.bincount(near[gone]).max())
    _, blobs, stats, _ = cv2.connectedComponentsWithStats(solid)
    kept = np.bincount(blobs[cv2.dilate(ink, SQUARE) > 0], minlength=len(stats)) > 0
    kept[0] = True  # the paper
    return max(most, int(stats[~kept, cv2.CC_STAT_AREA].max(initial=0)))


def outermost(labels: Any) -> tuple[Any, Any]:
    """(4 n, 2) middles of the first and last pixels with ink of each row and column, and their labels (4 n)."""
    inked = labels > 0
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    first, last = inked.argmax(axis=1)[rows], labels.shape[1] - 1 - inked[:, ::-1].argmax(axis=1)[rows]
    upper, lower = inked.argmax(axis=0)[columns], labels.shape[0] - 1 - inked[::-1].argmax(axis=0)[columns]
    x, y = np.concatenate([first, last, columns, columns]), np.concatenate([rows, rows, upper, lower])
    x, y = (np.concatenate([each, np.repeat(each[-1:], -len(each) % 4)]) for each in (x, y))
    return np.stack([x, y], axis=-1).astype(np.float32) + np.float32(0.5), labels[y, x]


def edge(mask: Any) -> int:
    """The most ink at a mask's edge."""
    return int(max(mask[0].max(), mask[-1].max(), mask[:, 0].max(), mask[:, -1].max()))


_watch: Watch


def _start(spec: DrawSpec) -> None:
    global _watch
    _watch = Watch(spec)


def _look(samples: range) -> Found:
    _watch.found = Found()
    for k in samples:
        _watch.look(k)
    return _watch.found


def looked(spec: DrawSpec, count: int, jobs: int) -> Iterator[Found]:
    """What is found in samples 0 .. count - 1, chunk by chunk."""
    chunks = [range(start, min(count, start + CHUNK)) for start in range(0, count, CHUNK)]
    if jobs == 1:
        _start(spec)
        yield from map(_look, chunks)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn"), _start, (spec,)) as pool:
        yield from pool.map(_look, chunks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lang", default="vi", help="a shipped recipe")
    parser.add_argument("-n", type=int, default=100_000, help="samples")
    parser.add_argument("--fonts", type=Path, required=True)
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--strokes", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RESULTS / "drawn_check.csv")
    args = parser.parse_args()
    strokes = str(args.strokes) if args.strokes else ""
    spec = DrawSpec(args.lang, str(args.fonts), str(args.text), strokes, seed=args.seed)

    total, done, begun = Found(), 0, time.monotonic()
    counts = dict.fromkeys(KINDS, 0)
    told: set[tuple[str, str, str]] = set()
    for found in looked(spec, args.n, args.jobs):
        done = min(args.n, done + CHUNK)
        total.glyphs |= found.glyphs
        total.characters |= found.characters
        total.styles |= found.styles
        for kind, k, style, char, what in found.faults:
            counts[kind] += 1
            if len(told) < SHOWN and (kind, style, char) not in told:
                told.add((kind, style, char))
                print(f"{kind}: sample {k}, {style}, {char!r}: {what}", flush=True)
        if sys.stderr.isatty():
            print(f"\r{done:,} of {args.n:,}", end="", file=sys.stderr, flush=True)
    seconds = time.monotonic() - begun
    met = f"{len(total.styles)} fonts and sources, {len(total.characters):,} characters, {len(total.glyphs):,} glyphs"
    print(f"{args.lang}: {args.n:,} samples, {met} and words: {counts} in {seconds:.0f} s")
    row = {
        "language": args.lang, "samples": args.n, "seed": args.seed, "characters": len(total.characters),
        "fonts": len(total.styles), "glyphs": len(total.glyphs), **counts, "seconds": round(seconds),
        "versions": versions("netchu", "numpy", "opencv-python-headless", "Pillow", "fontTools"),
    }  # fmt: skip
    append_csv(args.out, [row])


if __name__ == "__main__":
    main()
