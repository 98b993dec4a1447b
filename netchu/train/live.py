"""Drawn lines as training material: what comes from a recipe, ready by the time its part of the run begins."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from netchu.data.batch import Example, Pictures
from netchu.data.lines import Reject, Sample, write_lines, write_whole
from netchu.errors import NetchuError
from netchu.framing import Pitch, stretch, stroke_pitch
from netchu.image import Grey
from netchu.text import Charset
from netchu.train.config import TrainConfig
from netchu.train.drawing import BLOCK, Artists, Line, draw_line
from netchu.train.examples import Material, fit
from netchu.train.parts import Part

if TYPE_CHECKING:
    from netchu.synth.drawer import Drawer, DrawSpec

VALIDATION = 500  # lines drawn to validate on where the data sets have none
OTHER_SEED = 1_000_003  # added to the seed for those
KEPT = 1000  # rejects that are remembered with their reason; all are counted
SLOW = 0.1  # share of an epoch spent waiting that is worth a word
FEW = 0.05  # share of drawn lines that may be left out without one


class Live:
    """A recipe's lines by their number, drawn ahead of their use. Between `open` and `close` it has processes.

    What is drawn depends on the spec and the numbers only, never on time: a resumed run gets the same lines.
    """

    def __init__(self, spec: DrawSpec, material: Material, height: int, stride: int, jobs: int = 1) -> None:
        """`material` is what add_drawn gave: the recipe is its last source."""
        self.spec, self.charset, self.height, self.stride, self.jobs = spec, material.charset, height, stride, jobs
        self.pitch = material.pitch
        self.source, self.name = len(material.names) - 1, material.names[-1]
        self.artists: Artists | None = None
        self.blocks: dict[int, Future[list[Line]]] = {}
        self.examples: dict[int, Example | None] = {}  # by line; None: left out
        self.arrived = 0
        self.left_out: Counter[str] = Counter()  # by kind of reason
        self.said: set[str] = set()
        self.rejects: list[Reject] = []

    def summary(self, material: Material, config: TrainConfig) -> str:
        """One line: what is trained on and which share of it is drawn, what is validated on."""
        if not material.train:
            return f"every line to train on is drawn by {self.spec.recipe}; {len(material.val):,} to validate on"
        start, end, until = config.drawn_start, config.drawn_end, config.drawn_until
        share = f"{start:.0%} of an epoch drawn by {self.spec.recipe}, {end:.0%} from {until:.0%} of the run on"
        return f"{material.summary()}; {share}"

    def open(self) -> None:
        self.artists = Artists(self.spec, 3 * self.height // 2, self.jobs)

    def close(self) -> None:
        if self.artists:
            self.artists.close()
        self.artists = None
        self.blocks.clear()
        self.examples.clear()  # their pictures are the trainer's

    def ask(self, part: Part) -> None:
        """Have the lines of a part drawn, as far as they are not yet."""
        assert self.artists is not None
        first, last = part.drawn
        for block in range(first // BLOCK, -(-last // BLOCK)):
            if block not in self.blocks:
                self.blocks[block] = self.artists.draw(block)

    def take(self, part: Part, pictures: Pictures) -> list[Example]:
        """The examples of a part, one a use; waits until they are drawn. Pictures are put into `pictures`.

        Lines of parts before it are forgotten. Raises NetchuError when not one line of the part is any good.
        """
        self.ask(part)
        first, last = part.drawn
        for number in [number for number in self.examples if number < first]:
            if gone := self.examples.pop(number):
                pictures.forget(gone.path)
        for block in [block for block in self.blocks if (block + 1) * BLOCK <= first]:
            del self.blocks[block]
        for number in range(first, last):
            if number not in self.examples:
                self._arrive(number, self.blocks[number // BLOCK].result()[number % BLOCK], pictures)
        found = [example for number in part.order() if (example := self.examples[number])]
        if part.uses and not found:
            raise NetchuError(f"{self.name}: not one of {last - first} lines can be used; {self.rejects[-1].reason}")
        return found

    def _arrive(self, number: int, line: Line, pictures: Pictures) -> None:
        self.arrived += 1
        try:
            path = f"{self.name} {number}"
            example = made(line, path, self.charset, self.height, self.stride, self.pitch, self.source)
        except NetchuError as error:
            self.examples[number] = None
            self.left_out[str(error).split(":")[0]] += 1
            if len(self.rejects) < KEPT:
                self.rejects.append(Reject(f"{self.name} {number}", str(error)))
            return
        assert line.picture is not None
        self.examples[number] = example
        pictures.keep(example.path, line.picture)

    def judge(self, waiting: float) -> Iterator[tuple[str, str]]:
        """What is amiss after an epoch, each thing once, as (code, message); `waiting`: share of it spent waiting."""
        missing = self.left_out.total()
        if waiting > SLOW and "slow-drawing" not in self.said:
            self.said.add("slow-drawing")
            yield (
                "slow-drawing",
                (
                    f"{waiting:.0%} of the epoch went by waiting for lines: drawing is slower than training; raise "
                    "drawn_reuse (how often each line is trained on), or draw_jobs where cores are idle"
                ),
            )
        if missing > FEW * self.arrived and "drawn-left-out" not in self.said:
            self.said.add("drawn-left-out")
            reason, count = self.left_out.most_common(1)[0]
            yield "drawn-left-out", f"{missing:,} of {self.arrived:,} drawn lines are left out; {count:,}: {reason}"


def made(
    line: Line, path: str, charset: Charset, height: int, stride: int, pitch: Pitch | None, source: int,
    training: bool = True,
) -> Example:  # fmt: skip
    """A drawn line as an example. Raises NetchuError when it was not drawn or cannot be trained on."""
    if line.picture is None:
        raise NetchuError(line.fault)
    rows, columns = line.picture.shape
    wider = stretch(stroke_pitch(line.picture), pitch) if pitch else 1.0
    return fit(path, line.text, columns * wider, rows, source, charset, height, stride, training)


def some(
    drawer: Drawer, count: int, charset: Charset, height: int, stride: int, pitch: Pitch | None, source: int,
    training: bool = True,
) -> list[tuple[Example, Grey]]:  # fmt: skip
    """`count` lines drawn on the spot, less those that are no good. Raises NetchuError when none is."""
    found: list[tuple[Example, Grey]] = []
    fault = ""
    for number in range(count):
        line = draw_line(drawer, number)
        try:
            example = made(line, f"{number:04d}.png", charset, height, stride, pitch, source, training)
        except NetchuError as error:
            fault = fault or str(error)
            continue
        assert line.picture is not None
        found.append((example, line.picture))
    if not found:
        raise NetchuError(f"not one of {count} drawn lines can be used; {fault}")
    return found


def add_drawn(material: Material, spec: DrawSpec) -> Material:
    """The material with the recipe as one more source, which the data sets' passes leave out."""
    name = f"{Path(spec.recipe).stem} (drawn)"
    return dataclasses.replace(
        material, names=(*material.names, name), weights=(*material.weights, 0.0),
        digests=(*material.digests, spec.digest()),
    )  # fmt: skip


def validate_on_drawn(
    material: Material, spec: DrawSpec, folder: Path, height: int, stride: int
) -> tuple[Material, dict[str, Grey], str]:
    """Give material without validation lines some that are drawn -> (material, pictures by path, what was done).

    They are of styles that are held out from training where the recipe names such, and of another seed in any case.
    """
    other = dataclasses.replace(spec, seed=spec.seed + OTHER_SEED)
    try:
        drawer, styles = dataclasses.replace(other, held_out=True).open(), "in styles held out from training"
    except NetchuError:  # the recipe holds nothing out
        drawer, styles = other.open(), "with another seed"
    charset, source = material.charset, len(material.names) - 1
    lines = some(drawer, VALIDATION, charset, height, stride, material.pitch, source, training=False)
    lines = [(dataclasses.replace(each, path=str(folder / each.path)), picture) for each, picture in lines]
    said = (
        f"no validation lines: {len(lines)} drawn {styles} are read instead ({folder}); "
        "on real handwriting the errors will be more"
    )
    return dataclasses.replace(material, val=tuple(each for each, _ in lines)), {e.path: p for e, p in lines}, said


def write_drawn(folder: Path, examples: tuple[Example, ...], pictures: dict[str, Grey]) -> None:
    """Drawn validation lines as a data set, to look at and for the report. Raises NetchuError when it cannot be."""
    for path, picture in pictures.items():
        write_whole(Path(path), np.asarray(cv2.imencode(".png", picture)[1]).tobytes())
    write_lines(folder, [Sample(Path(each.path), each.text, "val") for each in examples])
