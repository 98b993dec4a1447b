"""The way from a picture to text. Start here.

picture --image.open_grey--> grey array --to_height, pad_batch--> images, widths
        --Session.run--> logits, lengths --decode.ctc.greedy--> Reading --write--> Line
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from netchu.decode.ctc import greedy
from netchu.decode.reading import Decoder, Reading
from netchu.errors import NetchuError
from netchu.image import Grey, Source, lay_flat, open_grey, pad_batch, printable, to_height
from netchu.records import Char, Line, Page
from netchu.session import Session
from netchu.text import Charset, canonical

if TYPE_CHECKING:
    from netchu.decode.choose import Wish

WIDTH_STEP = 32  # lines of one batch are padded to a multiple of this: few shapes, so memory stays flat
BATCH_COLUMNS = 8192  # padded columns a batch: enough to amortise a call, small enough to stay in cache
LONGEST = 400  # a picture longer than this many heights is no line of text; it is squeezed to that
PAGE_HEIGHT, PAGE_ASPECT = 160, 4.0  # taller than this and less elongated than that: more than a line


class Reader:
    """Reads lines with one model. It keeps no state between calls: share one among threads as you like.

    `threads` are those of a single call; to use more cores, call from several threads.
    """

    def __init__(self, session: Session, decoder: Decoder = greedy) -> None:
        self.session = session
        self.info = session.info
        self.decoder = decoder

    def read(self, source: Source, line: bool = False, name: str = "") -> Page:
        """Read a picture: a path, the bytes of a file, a PIL picture or an array. A blank one is a page with no lines.

        With `line` the whole picture is one line; `name` is what the page and messages call it, else its path.
        Raises NetchuError when it cannot be opened, or when it shows more than one line and `line` is not set.
        """
        name = name or (os.fspath(source) if isinstance(source, str | os.PathLike) else "")
        picture = open_grey(source, name)
        rows, columns = picture.shape
        high, long = lay_flat(picture).shape if self.info.vertical else picture.shape
        if not line and high > PAGE_HEIGHT and long < PAGE_ASPECT * high:
            if is_blank(picture):
                return Page(columns, rows, (), name)
            raise NetchuError(
                f"{printable(name) or 'picture'}: {columns} x {rows} pixels look like a page, "
                "and this version reads lines; "
                "crop its lines, or say --line (line=True) if it is one"
            )
        found = self.read_lines([picture])[0]
        return Page(columns, rows, (found,) if found.text else (), name)

    def read_lines(self, sources: Iterable[Source]) -> list[Line]:
        """Read line pictures of any sizes: N in, N out, in order. A line without text comes back as an empty text.

        Raises NetchuError naming the path, or else the place in `sources`, of a picture that cannot be opened.
        """
        pictures = [
            open_grey(source, None if isinstance(source, str | os.PathLike) else f"sources[{place}]")
            for place, source in enumerate(sources)
        ]
        flat = [lay_flat(picture) for picture in pictures] if self.info.vertical else pictures
        lines = [to_line(picture, self.info.height) for picture in flat]
        results: list[Line | None] = [None] * len(lines)
        for batch in batches([line.shape[1] for line in lines]):
            images, widths = pad_batch([lines[index] for index in batch], stepped(lines[batch[-1]].shape[1]))
            logits, lengths = self.session.run(images, widths)
            for index, frames, length in zip(batch, logits, lengths):
                reading = self.decoder(frames, int(length), self.info.temperature)
                across = flat[index].shape[1] / lines[index].shape[1] * self.info.stride
                line = write(reading, self.info.charset, flat[index].shape, across)
                results[index] = upright(line) if flat[index].shape != pictures[index].shape else line
        return [result for result in results if result is not None]


def load(model: str = "vi", threads: int = 1, decoder: str | Wish = "") -> Reader:
    """A reader for a bundled model's name or a path to a `.onnx`. Raises NetchuError when there is no such model.

    `decoder` is "greedy", "beam", a name that the model gives to one of its own, or a Wish with files and settings;
    empty: what the model is best read with.
    """
    from netchu import zoo
    from netchu.decode.choose import Wish, choose

    session = Session(zoo.find(model), threads)
    wish = Wish(decoder) if isinstance(decoder, str) else decoder
    return Reader(session, choose(wish, session.info, Path(session.path).parent).decoder)


def to_line(picture: Grey, height: int) -> Grey:
    """(h, w) -> (height, w'), aspect kept unless the picture is absurdly long."""
    rows, columns = picture.shape
    return to_height(picture, height, min(columns * height / rows, LONGEST * height))


def stepped(width: int) -> int:
    return math.ceil(width / WIDTH_STEP) * WIDTH_STEP


def batches(widths: Sequence[int]) -> Iterator[list[int]]:
    """Indices of lines to read together: sorted by width, BATCH_COLUMNS padded columns at most, never none."""
    batch: list[int] = []
    for index in sorted(range(len(widths)), key=lambda index: widths[index]):
        if batch and (len(batch) + 1) * stepped(widths[index]) > BATCH_COLUMNS:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def write(reading: Reading, charset: Charset, shape: tuple[int, ...], across: float) -> Line:
    """A reading -> a Line over a picture of `shape` (rows, columns) whose frames are `across` of its columns wide."""
    rows, columns = shape
    middles = [0.0]
    for end, start in zip(reading.ends, reading.starts[1:]):
        middles.append((end + start) / 2 * across)
    middles.append(float(columns))
    chars: list[Char] = []
    for place, (index, confidence) in enumerate(zip(reading.classes, reading.confidences)):
        symbol = charset.symbols[index]
        if symbol == " " and (not chars or chars[-1].text == " "):
            continue
        box = (min(middles[place], columns), 0.0, min(middles[place + 1], columns), float(rows))
        others = reading.alternatives[place] if reading.alternatives else ()
        chars.append(Char(symbol, confidence, box, tuple((charset.symbols[other], share) for other, share in others)))
    while chars and chars[-1].text == " ":
        chars.pop()
    sure = math.exp(sum(math.log(max(char.confidence, 1e-9)) for char in chars) / len(chars)) if chars else 0.0
    corners = ((0.0, 0.0), (float(columns), 0.0), (float(columns), float(rows)), (0.0, float(rows)))
    ranked = tuple((canonical(charset.decode(classes), charset.form), score) for classes, score in reading.ranked)
    return Line("".join(char.text for char in chars), sure, corners, tuple(chars), ranked, reading.note)


def upright(line: Line) -> Line:
    """A line that was read lying on its side, in the pixels of the vertical line it is."""
    (_, _), (columns, _), (_, rows), _ = line.polygon
    corners = ((0.0, 0.0), (rows, 0.0), (rows, columns), (0.0, columns))
    chars = tuple(replace(char, box=(0.0, char.box[0], rows, char.box[2])) for char in line.chars)
    return replace(line, polygon=corners, chars=chars)


def is_blank(picture: Grey) -> bool:
    """No ink: nearly all pixels within a few grey levels."""
    low, high = np.percentile(
        picture[:: max(1, picture.shape[0] // 1000), :: max(1, picture.shape[1] // 1000)], (0.1, 99.9)
    )
    return bool(high - low < 24)
