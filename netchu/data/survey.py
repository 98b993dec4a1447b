"""One look at every picture of a set: its size, whether it opens, which way its ink goes, and a digest of its bytes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from netchu.data.lines import Sample
from netchu.errors import NetchuError
from netchu.framing import frame, stroke_pitch
from netchu.image import Grey, is_tall, lay_flat, open_grey, read_bytes

_FLAT = 12  # grey levels between the darkest and the lightest: less holds no writing that a person could read


@dataclass(frozen=True)
class Seen:
    """What a look at one picture tells. `fault` is why it cannot be opened; the size is 0 x 0 then.

    `rows` are those that the line in it takes once it is framed, and `strokes` how many of these heights its strokes
    stand apart (framing.stroke_pitch); with `_flat`, if the picture is first laid flat.
    """

    width: int = 0
    height: int = 0
    rows: int = 0
    rows_flat: int = 0
    strokes: float = 0.0
    strokes_flat: float = 0.0
    dark: bool = False  # light writing on a dark ground
    blank: bool = False
    digest: bytes = b""
    fault: str | None = None

    def flat(self) -> Seen:
        """The same for a model that reads tall pictures from the top down: such a one lies on its side."""
        if not is_tall(self.height, self.width):
            return self
        turned = replace(self, width=self.height, height=self.width)
        return replace(turned, rows=self.rows_flat, strokes=self.strokes_flat)


def survey(samples: Iterable[Sample]) -> list[Seen]:
    """Open every sample's picture -> what is seen, in order. Never raises for a bad picture: that is what it tells.

    All pixels are decoded, because a file that was cut short has a perfect header.
    """
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:  # Pillow decodes outside the interpreter's lock
        return list(pool.map(_look, [sample.image for sample in samples], chunksize=1))


def _look(image: Path) -> Seen:
    try:
        data = read_bytes(image)
        grey = open_grey(data, name=image.name)
    except NetchuError as error:
        return Seen(fault=str(error))
    dark, blank = _ink(grey)
    there = _line(grey)
    flat = _line(lay_flat(grey)) if is_tall(*grey.shape) else there
    digest = hashlib.sha256(data).digest()
    return Seen(grey.shape[1], grey.shape[0], there[0], flat[0], there[1], flat[1], dark, blank, digest)


def _line(grey: Grey) -> tuple[int, float]:
    """Rows that the line in a picture takes, and how far apart its strokes stand."""
    line = frame(grey).picture
    return line.shape[0], stroke_pitch(line)


def _ink(grey: Grey) -> tuple[bool, bool]:
    """(light on dark, blank). Writing covers less than half of a line, so the median is the ground.

    The ground is judged against this picture's own range: a grey photograph of a white page is still light.
    """
    step = max(1, int((grey.size / 20_000) ** 0.5))
    low, ground, high = np.percentile(grey[::step, ::step], (1, 50, 99))
    return bool(ground < (low + high) / 2), bool(high - low < _FLAT)
