"""Several models, or several views of each line, that read together: like a Reader, at the cost of each of them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from netchu import zoo
from netchu.compose import compose
from netchu.decode.choose import Choice, Wish, choose
from netchu.errors import NetchuError
from netchu.framing import frame
from netchu.image import Grey, Source, open_grey, pad_batch
from netchu.read import Reader, batches, stepped, to_line
from netchu.records import Line
from netchu.session import ModelInfo, Session
from netchu.views import views as views_of

if TYPE_CHECKING:
    from netchu.decode.ballot import Ballot
    from netchu.decode.vote import Judge

COMMON = 0.5  # of the letters of the model that has fewer: what two must share to read the same script


class Wanted(NamedTuple):
    """What is to read, in words that another process understands: what open_reader takes."""

    models: tuple[str, ...]
    wish: Wish
    views: int = 1
    weights: tuple[float, ...] | None = None


def open_reader(
    models: Sequence[str], wish: Wish, views: int = 1, weights: Sequence[float] | None = None, threads: int = 1
) -> tuple[Reader, Choice]:
    """A reader that lets these models vote, with so many views of each line; of one model and view, a plain one.

    All decode as the first model does: a decoder's name is one of that model's, and so are the files it names. What
    the decoder knows of the language judges the vote, too: texts that its grammar or lexicon forbids do not win.
    `weights` are the models' say, in their order. Also the decoder that was chosen, with what it knows of the language.
    Raises NetchuError as Session, choose and Voters do.
    """
    if not models:
        raise NetchuError("no models to vote; name at least one")
    sessions = [Session(zoo.find(model), threads) for model in models]
    for place, session in enumerate(sessions):
        same = [other.digest for other in sessions].index(session.digest)
        if same < place:
            raise NetchuError(f"model {models[place]} votes already; give it a larger weight instead")
    first, folder = sessions[0].info, Path(sessions[0].path).parent
    for session in sessions[1:]:
        _check_script(first, session.info)
    chosen = choose(wish, first, folder)
    readers = [Reader(sessions[0], chosen.decoder, first.calibrated(chosen.name))]
    for session in sessions[1:]:
        alike = session.info.charset == first.charset  # then one decoder does for both
        decoder = (
            chosen.decoder if alike else choose(wish, replace(session.info, decoders=first.decoders), folder).decoder
        )
        readers.append(Reader(session, decoder))
    plain = len(readers) == views == 1 and weights is None
    return readers[0] if plain else Voters(readers, views, weights), chosen


class Voters(Reader):
    """Reads every line with every reader, in as many views as asked for, and lets them vote.

    Costs as much as all the readers one after the other, times the views, and a few milliseconds a line. Charsets,
    strides and decoders of the readers may differ; boxes, form and direction of the text are those of the first.
    `weights` are the readers' say, in their order; all the same where not given. `judge` adds a language model's
    opinion of whole texts, and may forbid some; by default it is what the first reader's decoder knows. Confidences
    are the voters' together, and left as they are: calibrations are for readers that are alone.
    """

    def __init__(
        self,
        readers: Sequence[Reader],
        view_count: int = 1,
        weights: Sequence[float] | None = None,
        judge: Judge | None = None,
    ) -> None:
        """Raises NetchuError without readers, for readers of different scripts, for a number of views that there is
        not, and for weights that are not one for each reader, above 0."""
        if not readers:
            raise NetchuError("no models to vote; name at least one")
        super().__init__(readers[0].session, readers[0].decoder)
        self.readers = tuple(readers)
        self.views = views_of(view_count)
        self.weights = tuple(weights) if weights is not None else (1.0,) * len(readers)
        if len(self.weights) != len(readers) or not all(0 < weight < math.inf for weight in self.weights):
            given = ", ".join(f"{weight:g}" for weight in self.weights)
            raise NetchuError(f"weights {given}: expected one above 0 for each of the {len(readers)} models")
        from netchu.decode.opinion import judge_of  # here: Numba is for those who vote

        self.judge = judge or judge_of(readers[0].decoder)

    def read_lines(self, sources: Iterable[Source], boxes: bool = True) -> list[Line]:
        """Read line pictures of any sizes: N in, N out, in order. A line without text comes back as an empty text.

        Raises NetchuError naming the path, or else the place in `sources`, of a picture that cannot be opened.
        """
        from netchu.decode.vote import vote

        pictures = [
            open_grey(source, None if isinstance(source, str | os.PathLike) else f"sources[{place}]")
            for place, source in enumerate(sources)
        ]
        framed = [frame(picture, self.info.vertical) for picture in pictures]
        widths = [to_line(each.picture, self.info.height, self.info.pitch).shape[1] for each in framed]
        results: list[Line | None] = [None] * len(pictures)
        for batch in batches(widths):
            found = self.ballots([framed[index].picture for index in batch])
            for index, ballots in zip(batch, found):
                reading, charset = vote(ballots, self.judge)
                picture = framed[index].picture
                across = picture.shape[1] / widths[index] * self.info.stride
                line = compose(reading, charset, picture, across, self.calibration, boxes)
                results[index] = framed[index].back(line)
        return [result for result in results if result is not None]

    def ballots(self, pictures: Sequence[Grey]) -> list[list[Ballot]]:
        """What every reader says of every view of each framed picture; the first reader's plain view comes first."""
        from netchu.decode.ballot import Ballot

        found: list[list[Ballot]] = [[] for _ in pictures]
        for reader, weight in zip(self.readers, self.weights):
            info = reader.info
            lines = [to_line(picture, info.height, info.pitch) for picture in pictures]
            for view in self.views:
                seen = [view(line) for line in lines]
                images, widths = pad_batch(seen, stepped(max(line.shape[1] for line in seen)))
                for ballots, logits, length in zip(found, *reader.session.run(images, widths)):
                    reading = reader.decoder(logits, int(length), info.temperature)
                    ballots.append(Ballot(logits, int(length), info.charset, reading, info.temperature, weight))
        return found


def _check_script(first: ModelInfo, other: ModelInfo) -> None:
    """Raises NetchuError for models of different scripts: one that lacks a letter cannot vote against it."""
    one, two = ({symbol for symbol in info.charset.symbols if symbol.isalpha()} for info in (first, other))
    fewer = min(len(one), len(two))
    if len(one & two) < COMMON * fewer:
        raise NetchuError(
            f"models {first.name} and {other.name} share {len(one & two)} letters of {fewer}: they read different "
            "scripts, and one that lacks a letter cannot vote against it; let models of one script vote"
        )
