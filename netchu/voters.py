"""Several models, or several views of each line, that read together: like a Reader, at the cost of each of them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence

from netchu.decode.vote import Ballot, Judge, vote
from netchu.errors import NetchuError
from netchu.image import Grey, Source, lay_flat, open_grey, pad_batch
from netchu.read import Reader, batches, stepped, to_line, upright, write
from netchu.records import Line
from netchu.views import views


class Voters(Reader):
    """Reads every line with every reader, in as many views as asked for, and lets them vote.

    Costs as much as all the readers one after the other, times the views, and a few milliseconds a line. Charsets,
    strides and decoders of the readers may differ; boxes, form and direction of the text are those of the first.
    `weights` are the readers' say, in their order; all the same where not given. `judge` adds a language model's
    opinion of whole texts; where the first reader's decoder has a model of characters, that is it.
    """

    def __init__(
        self,
        readers: Sequence[Reader],
        view_count: int = 1,
        weights: Sequence[float] | None = None,
        judge: Judge | None = None,
    ) -> None:
        """Raises NetchuError without readers, for a number of views that there is not, and for weights that are not
        one for each reader, above 0."""
        if not readers:
            raise NetchuError("no models to vote; name at least one")
        super().__init__(readers[0].session, readers[0].decoder)
        self.readers = tuple(readers)
        self.views = views(view_count)
        self.weights = tuple(weights) if weights is not None else (1.0,) * len(readers)
        if len(self.weights) != len(readers) or not all(0 < weight < math.inf for weight in self.weights):
            raise NetchuError(f"weights {self.weights}: expected one above 0 for each of the {len(readers)} models")
        self.judge = judge or _own_judge(readers[0])

    def read_lines(self, sources: Iterable[Source]) -> list[Line]:
        """Read line pictures of any sizes: N in, N out, in order. A line without text comes back as an empty text.

        Raises NetchuError naming the path, or else the place in `sources`, of a picture that cannot be opened.
        """
        pictures = [
            open_grey(source, None if isinstance(source, str | os.PathLike) else f"sources[{place}]")
            for place, source in enumerate(sources)
        ]
        widths = [to_line(self._flat(self, picture), self.info.height).shape[1] for picture in pictures]
        results: list[Line | None] = [None] * len(pictures)
        for batch in batches(widths):
            found = self.ballots([pictures[index] for index in batch])
            for index, ballots in zip(batch, found):
                reading, charset = vote(ballots, self.judge)
                flat = self._flat(self, pictures[index])
                line = write(reading, charset, flat.shape, flat.shape[1] / widths[index] * self.info.stride)
                results[index] = upright(line) if flat.shape != pictures[index].shape else line
        return [result for result in results if result is not None]

    def ballots(self, pictures: Sequence[Grey]) -> list[list[Ballot]]:
        """What every reader says of every view of each picture; the first reader's plain view comes first."""
        found: list[list[Ballot]] = [[] for _ in pictures]
        for reader, weight in zip(self.readers, self.weights):
            info = reader.info
            lines = [to_line(self._flat(reader, picture), info.height) for picture in pictures]
            for view in self.views:
                seen = [view(line) for line in lines]
                images, widths = pad_batch(seen, stepped(max(line.shape[1] for line in seen)))
                for ballots, logits, length in zip(found, *reader.session.run(images, widths)):
                    reading = reader.decoder(logits, int(length), info.temperature)
                    ballots.append(Ballot(logits, int(length), info.charset, reading, info.temperature, weight))
        return found

    @staticmethod
    def _flat(reader: Reader, picture: Grey) -> Grey:
        return lay_flat(picture) if reader.info.vertical else picture


def _own_judge(reader: Reader) -> Judge | None:
    """The opinion of the language model that a reader's decoder has, as it weighs it."""
    from netchu.decode.rerank import Judge as Models
    from netchu.decode.rerank import Rerank, Weights
    from netchu.decode.search import Beam

    decoder = reader.decoder
    if isinstance(decoder, Rerank):
        return decoder.judge
    if isinstance(decoder, Beam) and decoder.lm is not None:
        return Models(Weights(alpha=decoder.alpha, beta=decoder.beta), decoder.lm)
    return None
