"""Pen trajectories from files: JSON lines, gzipped, one written character each; parsed when a character is first used.

A line is {"char", "writer", "w", "h", "strokes": [[[x, y], ...], ...]}, y down.
"""

from __future__ import annotations

import gzip
import json
import unicodedata
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from netchu.errors import NetchuError
from netchu.synth.strokes.punctuation import trajectory

Points = NDArray[np.complex128]  # x + iy, y down

FILES = {"tomoe": "tomoe.jsonl.gz", "kanjivg": "kanjivg.jsonl.gz", "medians": "hanzi_medians.jsonl.gz"}
_CURLED = {"medians"}  # centre lines of brush shapes: they bend into the brush's entry and exit
_SMALL = dict(
    zip("ぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶ", "あいうえおつやゆよわかけアイウエオツヤユヨワカケ")
)
_MARKS = {"\u3099": "゛", "\u309a": "゜"}
_TOLERANCE = 0.013  # how far a point may lie from the polygon that stands for a stroke, in ems


@dataclass(frozen=True)
class Glyph:
    """One character as its writer drew it: `points` (n,) in a unit box, `stroke` (n,) which stroke each belongs to.

    Only points where a stroke turns are kept. `box` is left, top, right, bottom.
    """

    points: Points
    stroke: NDArray[np.intp]
    box: tuple[float, float, float, float]

    @classmethod
    def of(cls, strokes: list[Points]) -> Glyph:
        """From one array of points per stroke."""
        points = np.concatenate(strokes)
        x, y = points.real, points.imag
        box = float(x.min()), float(y.min()), float(x.max()), float(y.max())
        return cls(points, np.repeat(np.arange(len(strokes)), [len(stroke) for stroke in strokes]), box)

    def mapped(self, scale: complex, shift: complex) -> Glyph:
        """Scaled (x by the real, y by the imaginary part), then moved."""
        points = self.points.real * scale.real + 1j * (self.points.imag * scale.imag) + shift
        (left, top), (right, bottom) = ((x * scale.real, y * scale.imag) for x, y in (self.box[:2], self.box[2:]))
        dx, dy = shift.real, shift.imag
        return Glyph(points, self.stroke, (left + dx, top + dy, right + dx, bottom + dy))


class Source:
    """The characters of one file."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._path = path
        self._lines = _read(path)
        self._index = _index(self._lines, path)
        self._glyphs: dict[tuple[str, int], Glyph] = {}

    @property
    def characters(self) -> list[str]:
        """Every character that the file holds itself, in its order."""
        return list(self._index)

    def draws(self, char: str) -> bool:
        """True for what the file holds, and for small and voiced kana of the kana that it holds."""
        return char in self._index or self._parts(char) is not None

    def count(self, char: str) -> int:
        """How many drawings of `char` there are to choose from."""
        return len(self._index.get(char, ())) or 1

    def glyph(self, char: str, variant: int = 0) -> Glyph:
        """The drawing of a character that `draws` says is there; `variant` < `count(char)`.

        Raises NetchuError, naming the line, when it is not what the module's first lines describe.
        """
        key = char, variant
        if key not in self._glyphs:
            self._glyphs[key] = self._load(char, variant) if char in self._index else self._derive(char)
        return self._glyphs[key]

    def _load(self, char: str, variant: int) -> Glyph:
        number = self._index[char][variant]
        try:
            row = json.loads(self._lines[number])
            size = np.array([row["w"], row["h"]], np.float32)
            strokes = [np.asarray(stroke, np.float32).reshape(-1, 2) / size for stroke in row["strokes"]]
            glyph = Glyph.of([_simplify(stroke, self.name in _CURLED) for stroke in strokes if len(stroke)])
            if not np.isfinite(glyph.points).all() or np.abs(glyph.points).max() > 2:
                raise ValueError("points lie far outside its box")
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            reason = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise NetchuError(
                f"{self._path}, line {number + 1} ({char}): not a drawn character ({reason}); fetch the file anew"
            ) from None
        if voiced(char):
            return _louder(glyph, 2 if unicodedata.normalize("NFD", char)[1] == "\u3099" else 1)
        if char in "0123456789":  # sources differ in how high a digit stands; let all stand like capitals
            top, bottom = glyph.box[1], glyph.box[3]
            scale = 0.7 / max(0.3, bottom - top)
            return glyph.mapped(complex(scale, scale), complex(0.5 - scale * 0.5, 0.86 - scale * bottom))
        return glyph

    def _parts(self, char: str) -> tuple[str, str] | None:
        """A kana as (the kana it is made of, the mark that is added or ""); None for what cannot be made."""
        if char in _SMALL:
            return (_SMALL[char], "") if _SMALL[char] in self._index else None
        pair = unicodedata.normalize("NFD", char)
        if len(pair) == 2 and pair[1] in _MARKS and pair[0] in self._index:
            return pair[0], _MARKS[pair[1]]
        return None

    def _derive(self, char: str) -> Glyph:
        base, mark = self._parts(char) or (char, "")
        glyph = self.glyph(base)
        if not mark:
            return glyph.mapped(0.78 + 0.78j, 0.11 + 0.2j)
        glyph = glyph.mapped(0.93 + 0.95j, 0.01 + 0.04j)
        added = Glyph.of([_complex(np.array(stroke)) for stroke in trajectory(mark) or []]).mapped(
            0.8 + 0.8j, 0.69 + 0j
        )
        first = int(glyph.stroke[-1]) + 1
        stroke = np.concatenate([glyph.stroke, added.stroke + first])
        box = glyph.box[0], min(glyph.box[1], added.box[1]), max(glyph.box[2], added.box[2]), glyph.box[3]
        return Glyph(np.concatenate([glyph.points, added.points]), stroke, box)


@lru_cache(maxsize=1024)
def voiced(char: str) -> bool:
    """True for kana that carry a dakuten or handakuten."""
    return unicodedata.normalize("NFD", char)[1:] in _MARKS


def _louder(glyph: Glyph, count: int) -> Glyph:
    """With its last strokes larger: hands draw voice marks so, lest a thick pen make one of the other."""
    mark = glyph.stroke > int(glyph.stroke[-1]) - count
    middle = glyph.points[mark].mean()
    points = np.where(mark, middle + 1.35 * (glyph.points - middle) + (0.02 - 0.01j), glyph.points)
    return Glyph.of(np.split(points, np.flatnonzero(np.diff(glyph.stroke)) + 1))


@lru_cache(maxsize=256)
def own_glyph(char: str) -> Glyph | None:
    """A mark of the package's own table; None when there is no such mark."""
    strokes = trajectory(char)
    return None if strokes is None else Glyph.of([_complex(np.array(stroke)) for stroke in strokes])


def _read(path: Path) -> list[bytes]:
    try:
        return gzip.decompress(path.read_bytes()).splitlines()
    except (OSError, EOFError, zlib.error) as error:
        raise NetchuError(f"{path}: cannot be read as gzip ({error}); fetch the file anew") from None


def _index(lines: list[bytes], path: Path) -> dict[str, list[int]]:
    """{character: its lines}. Looks for the character alone: parsing everything would take seconds."""
    start = b'{"char":"'
    found: dict[str, list[int]] = {}
    for number, line in enumerate(lines):
        try:
            char = line[len(start) : line.index(b'"', len(start))].decode() if line.startswith(start) else "\\"
            if char.startswith("\\"):  # escaped, or other keys first
                char = json.loads(line)["char"]
            if not isinstance(char, str):
                raise ValueError("its char is no text")
        except (ValueError, KeyError, TypeError) as error:
            raise NetchuError(f"{path}, line {number + 1}: no drawn character ({error}); fetch the file anew") from None
        if len(char) == 1:  # tomoe draws an emoticon too
            found.setdefault(char, []).append(number)
    if not found:
        raise NetchuError(f"{path}: holds no drawn character; fetch the file anew")
    return found


def _simplify(points: NDArray[np.float32], curled: bool) -> Points:
    """The corners of the polygon that stands for a stroke: at least two, no two in one place."""
    kept = _complex(cv2.approxPolyDP(points[:, None], _TOLERANCE, False)[:, 0])
    if curled:
        kept = _uncurl(_uncurl(kept)[::-1])[::-1]
    apart = np.r_[True, np.abs(np.diff(kept)) > 0.004]
    kept = kept[apart]
    return kept if len(kept) > 1 else kept[0] + np.array([0, 0.012 + 0.014j])


def _uncurl(points: Points) -> Points:
    """Without a first piece that is short and turned off: the brush's entry."""
    if len(points) < 3:
        return points
    first, second = points[1] - points[0], points[2] - points[1]
    turn = abs(np.angle(second / first)) if first else np.pi
    return points[1:] if abs(first) < min(0.09, 0.3 * abs(second)) and turn > 0.35 else points


def _complex(points: NDArray[Any]) -> Points:
    return points[:, 0].astype(np.float64) + 1j * points[:, 1].astype(np.float64)
