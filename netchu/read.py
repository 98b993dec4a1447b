"""The way from a picture to text. Start here.

picture --image.open_grey--> grey array --frame, to_height, pad_batch--> images, widths
        --Session.run--> logits, lengths --decode.ctc.greedy--> Reading --compose--> Line

A page has its lines found and cut out first: netchu.page.reading.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from netchu.calibration import Calibration
from netchu.compose import RAW, compose
from netchu.decode.ctc import greedy
from netchu.decode.reading import Decoder
from netchu.framing import Pitch, frame, stretch, stroke_pitch
from netchu.image import Grey, Source, lay_flat, open_grey, pad_batch, to_height
from netchu.records import Line, Page
from netchu.session import Session

if TYPE_CHECKING:
    from netchu.decode.choose import Wish
    from netchu.page.detect import LineFinder

WIDTH_STEP = 32  # lines of one batch are padded to a multiple of this: few shapes, so memory stays flat
BATCH_COLUMNS = 8192  # padded columns a batch: enough to amortise a call, small enough to stay in cache
LONGEST = 400  # a picture longer than this many heights is no line of text; it is squeezed to that
PAGE_HEIGHT, PAGE_ASPECT = 160, 4.0  # taller than this and less elongated than that: maybe more than a line
WORD_HEIGHT = 480  # taller than this: more than a line; not taller, and no line to be found: a word that fills it


class Reader:
    """Reads pages and lines with one model. It keeps no state between calls: share one among threads as you like.

    `threads` are those of a single call; to use more cores, call from several threads.
    """

    def __init__(self, session: Session, decoder: Decoder = greedy, calibration: Calibration = RAW) -> None:
        """`calibration` makes the decoder's confidences probabilities: netchu.calibration."""
        self.session = session
        self.info = session.info
        self.decoder = decoder
        self.calibration = calibration
        self._finder: LineFinder | None = None  # one that was set
        self._bundled: dict[str, LineFinder] = {}
        self._opening = threading.Lock()

    @property
    def finder(self) -> LineFinder:
        """What finds the lines of pages: the bundled one, opened when the first page comes, unless another is set."""
        return self.finder_of()

    @finder.setter
    def finder(self, finder: LineFinder) -> None:
        self._finder = finder

    def finder_of(self, scene: bool = False) -> LineFinder:
        """What finds lines: the finder that was set, else the bundled one for pages or, with `scene`, for scenes.

        The latter knows lines in all directions, so it serves readers of lines that run down for pages, too.
        """
        with self._opening:
            if self._finder is not None:
                return self._finder
            name = "lines-turned" if scene or self.info.vertical else "lines"
            if name not in self._bundled:
                from netchu.page.detect import open_finder

                self._bundled[name] = open_finder(name, self.session.threads)
            return self._bundled[name]

    def read(
        self, source: Source, line: bool = False, page: bool = False, name: str = "", boxes: bool = True,
        scene: bool = False,
    ) -> Page:  # fmt: skip
        """Read a picture: a path, the bytes of a file, a PIL picture or an array. A blank one is a page with no lines.

        With `line` the whole picture is one line, with `page` its lines are looked for, with `scene` there is text
        somewhere in it (netchu.page.scene); with none, it is a page where it is tall enough for several lines. `name`
        is what the page and messages call it, else its path. Without `boxes` those of characters are rough, and reading
        takes a fifth less.
        Raises NetchuError when it cannot be opened.
        """
        name = name or (os.fspath(source) if isinstance(source, str | os.PathLike) else "")
        picture = open_grey(source, name)
        rows, columns = picture.shape
        if scene:
            from netchu.page.scene import read_scene

            return read_scene(self, picture, name, boxes)
        high, long = lay_flat(picture).shape if self.info.vertical else picture.shape
        if page or (not line and high > PAGE_HEIGHT and (long < PAGE_ASPECT * high or high > WORD_HEIGHT)):
            from netchu.page.reading import read_page

            result = read_page(self, picture, name, boxes)
            if result.lines or page or rows > WORD_HEIGHT or is_blank(picture):
                return result
        found = self.read_lines([picture], boxes)[0]
        return Page(columns, rows, (found,) if found.text else (), name)

    def read_lines(self, sources: Iterable[Source], boxes: bool = True) -> list[Line]:
        """Read line pictures of any sizes: N in, N out, in order. A line without text comes back as an empty text.

        Raises NetchuError naming the path, or else the place in `sources`, of a picture that cannot be opened.
        """
        pictures = [
            open_grey(source, None if isinstance(source, str | os.PathLike) else f"sources[{place}]")
            for place, source in enumerate(sources)
        ]
        framed = [frame(picture, self.info.vertical) for picture in pictures]
        lines = [to_line(each.picture, self.info.height, self.info.pitch) for each in framed]
        results: list[Line | None] = [None] * len(lines)
        for batch in batches([line.shape[1] for line in lines]):
            images, widths = pad_batch([lines[index] for index in batch], stepped(lines[batch[-1]].shape[1]))
            logits, lengths = self.session.run(images, widths)
            for index, frames, length in zip(batch, logits, lengths):
                reading = self.decoder(frames, int(length), self.info.temperature)
                picture = framed[index].picture
                across = picture.shape[1] / lines[index].shape[1] * self.info.stride
                line = compose(reading, self.info.charset, picture, across, self.calibration, boxes)
                results[index] = framed[index].back(line)
        return [result for result in results if result is not None]


def load(
    model: str | Sequence[str] = "vi",
    threads: int = 1,
    decoder: str | Wish = "",
    views: int = 1,
    weights: Sequence[float] | None = None,
) -> Reader:
    """A reader for a bundled model's name or a path to a `.onnx`. Raises NetchuError when there is no such model.

    `decoder` is "greedy", "beam", a name that the model gives to one of its own, or a Wish with files and settings;
    empty: what the model is best read with. Several models vote, each with its say in `weights` where not all have the
    same, and so do several `views` of each line: see netchu.voters.
    """
    from netchu.decode.choose import Wish
    from netchu.voters import open_reader

    wish = Wish(decoder) if isinstance(decoder, str) else decoder
    return open_reader([model] if isinstance(model, str) else model, wish, views, weights, threads)[0]


def to_line(picture: Grey, height: int, pitch: Pitch | None = None) -> Grey:
    """(h, w) -> (height, w'): aspect kept unless the picture is absurdly long, or strokes are to stand at a pitch."""
    rows, columns = picture.shape
    wider = stretch(stroke_pitch(picture), pitch) if pitch else 1.0
    return to_height(picture, height, min(wider * columns * height / rows, LONGEST * height))


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


def is_blank(picture: Grey) -> bool:
    """No ink: nearly all pixels within a few grey levels."""
    low, high = np.percentile(
        picture[:: max(1, picture.shape[0] // 1000), :: max(1, picture.shape[1] // 1000)], (0.1, 99.9)
    )
    return bool(high - low < 24)
