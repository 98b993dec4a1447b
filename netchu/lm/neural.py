"""A small network that foretells characters, run by ONNX Runtime: how likely candidate texts are, many at a time."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netchu.errors import NetchuError
from netchu.image import printable
from netchu.lm.guard import Sketch
from netchu.lm.ngram import require_alphabet
from netchu.session import open_onnx
from netchu.text import FORMS, Charset, Form, canonical

METADATA_KEY = "netchu-lm"
FORMAT_VERSION = 1
END, UNKNOWN, SPECIALS = 0, 1, 2  # the end of a line, which stands before its first symbol too; any other symbol
BATCH_SYMBOLS = 4096  # padded symbols a batch: enough to amortise a call


@dataclass(frozen=True)
class NeuralInfo:
    """What the file of a model says of itself. Label SPECIALS + i is vocabulary[i], a code point in `form`."""

    name: str
    form: Form
    vocabulary: tuple[str, ...]
    sketch: Sketch | None = None  # of the lines it was made from; None: not known
    about: dict[str, Any] = field(default_factory=dict)  # sources, terms, how it was made

    def to_json(self) -> str:
        sketch = None
        if self.sketch is not None:
            bits = base64.b64encode(self.sketch.bits.tobytes()).decode("ascii")
            sketch = {"bits": bits, "members": self.sketch.members}
        fields = {"format": FORMAT_VERSION, "name": self.name, "form": self.form, "about": self.about}
        return json.dumps(
            {**fields, "vocabulary": list(self.vocabulary), "sketch": sketch}, ensure_ascii=False, sort_keys=True
        )

    @classmethod
    def from_json(cls, text: str) -> NeuralInfo:
        """What to_json wrote. Raises ValueError, KeyError, TypeError or AttributeError when it is anything else."""
        fields = json.loads(text)
        if fields["format"] != FORMAT_VERSION:
            raise ValueError(f"format {fields['format']} is not one this version reads; install a newer netchu")
        if fields["form"] not in FORMS:
            raise ValueError(f"Unicode form {fields['form']!r}")
        vocabulary = tuple(fields["vocabulary"])
        if len(set(vocabulary)) != len(vocabulary) or not all(len(symbol) == 1 for symbol in vocabulary):
            raise ValueError("a vocabulary that is not one of different code points")
        sketch = fields["sketch"]
        if sketch is not None:
            bits = np.frombuffer(base64.b64decode(sketch["bits"], validate=True), np.uint8)
            sketch = Sketch(bits, int(sketch["members"]))
        return cls(str(fields["name"]), fields["form"], vocabulary, sketch, dict(fields["about"]))


class NeuralModel:
    """A loaded model. It keeps no state between calls: share one among threads as you like."""

    def __init__(self, path: str | os.PathLike[str], threads: int = 1) -> None:
        """Load a `.onnx` of ours. Raises NetchuError when it is missing, damaged or something else."""
        self.path = printable(os.fspath(path))
        data, self._session, metadata = open_onnx(path, threads, "fetch or train it again")
        if METADATA_KEY not in metadata:
            raise NetchuError(
                f"{self.path}: an ONNX model, but no language model of ours (no {METADATA_KEY!r} metadata); "
                "make one with netchu lm train --neural"
            )
        try:
            self.info = NeuralInfo.from_json(metadata[METADATA_KEY])
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise NetchuError(
                f"{self.path}: its {METADATA_KEY!r} metadata cannot be understood ({error}); train it again"
            ) from None
        ports = {port.name for port in (*self._session.get_inputs(), *self._session.get_outputs())}
        if ports != {"symbols", "scores", "log_probs"}:
            raise NetchuError(
                f"{self.path}: takes and gives {', '.join(sorted(ports))}, a model of ours symbols -> scores, "
                "log_probs; train it again"
            )
        self.digest = hashlib.sha256(data).hexdigest()
        self._labels = {symbol: SPECIALS + index for index, symbol in enumerate(self.info.vocabulary)}

    def require(self, charset: Charset) -> None:
        """Raises NetchuError when the model is for another alphabet than a reader with this charset."""
        require_alphabet(self.info.name, self.info.form, self.info.vocabulary, charset)

    def score(self, texts: Iterable[str]) -> NDArray[np.float64]:
        """Log-probabilities (nats) of the texts as whole lines, their ends included, (N,).

        Texts are brought into the model's Unicode form first. A symbol that the model does not know counts as any of
        those it does not.
        """
        lines = [self.encode(text) for text in texts]
        found = np.zeros(len(lines))
        for batch in _batches([len(line) for line in lines]):
            symbols = np.full((len(batch), max(len(lines[index]) for index in batch)), END, np.int64)
            for row, index in zip(symbols, batch):
                row[: len(lines[index])] = lines[index]
            (scores,) = self._session.run(["scores"], {"symbols": symbols})
            for row, index in zip(np.asarray(scores, np.float64), batch):
                found[index] = row[: len(lines[index]) - 1].sum()
        return found

    def next_symbols(self, text: str) -> NDArray[np.float64]:
        """Log-probabilities (nats) of every label after every beginning of a text, the whole included: (L + 1, V)."""
        symbols = np.array([self.encode(text)], np.int64)
        (found,) = self._session.run(["log_probs"], {"symbols": symbols})
        return np.asarray(found[0], np.float64)

    def bits(self, texts: Iterable[str]) -> float:
        """Bits a character of the canonical texts (ends of lines among the characters): lower is better.

        Raises NetchuError when the texts hold nothing.
        """
        lines = [line for line in (canonical(text, self.info.form) for text in texts) if line]
        if not lines:
            raise NetchuError("no text to measure a language model on; every line is empty")
        return -float(self.score(lines).sum()) / math.log(2) / sum(len(line) + 1 for line in lines)

    def encode(self, text: str) -> list[int]:
        """The labels of a text, END before and after them."""
        labels = [self._labels.get(char, UNKNOWN) for char in canonical(text, self.info.form)]
        return [END, *labels, END]


def load_neural(path: str | os.PathLike[str], threads: int = 1) -> NeuralModel:
    """A model that `netchu lm train --neural` wrote. Raises NetchuError when the file is anything else."""
    return NeuralModel(path, threads)


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Indices of lines to run together: sorted by length, BATCH_SYMBOLS padded symbols at most, never none."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda index: lengths[index]):
        if batch and (len(batch) + 1) * lengths[index] > BATCH_SYMBOLS:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
