"""A bank of pieces: the ink of words and of parts of words, in one `.npz` file, unpacked piece by piece."""

from __future__ import annotations

import io
import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from netchu.errors import NetchuError
from netchu.image import read_bytes

Mask = NDArray[np.uint8]  # (h, w): 0 no ink .. 255 full ink

FORMAT = 1
_LISTS = ("words", "parts", "writers")


@dataclass(frozen=True)
class Piece:
    """The ink of a word or of a part of it. Lengths in pixels of the line it was cut from."""

    text: str
    ink: Mask  # (h, w)
    labels: Mask  # (h, w): 1 for the first character
    boxes: NDArray[np.float32]  # (n, 4)
    base: float  # row of the baseline in `ink`


@dataclass(frozen=True)
class Bank:
    """Pieces by number. `arrays` are the file's, as netchu.synth.pieces writes them."""

    vocabulary: tuple[str, ...]  # the texts of whole pieces, sorted
    parts: tuple[str, ...]  # the texts of parts of pieces, sorted
    writers: tuple[str, ...]  # "set/writer"
    arrays: Mapping[str, NDArray[np.generic]] = field(repr=False)
    about: Mapping[str, object] = field(repr=False)

    def __len__(self) -> int:
        return len(self.arrays["text"])

    @cached_property
    def _word_numbers(self) -> dict[str, int]:
        return {text: number for number, text in enumerate(self.vocabulary)}

    @cached_property
    def _part_numbers(self) -> dict[str, int]:
        return {text: number for number, text in enumerate(self.parts) if text}

    @cached_property
    def _by_word(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        texts = self.arrays["text"]
        order = np.argsort(texts, kind="stable")
        return order, np.searchsorted(texts[order], np.arange(len(self.vocabulary) + 1))

    def word(self, number: int) -> str:
        """The text of a piece."""
        return self.vocabulary[int(self.arrays["text"][number])]

    def has_word(self, text: str) -> bool:
        """Whether a piece is this word."""
        return text in self._word_numbers

    def has(self, text: str) -> bool:
        """Whether a piece, or a part of one, is this text."""
        return text in self._word_numbers or text in self._part_numbers

    def whole(self, text: str) -> NDArray[np.int64]:
        """Numbers of the pieces that are this word."""
        number = self._word_numbers.get(text)
        if number is None:
            return np.zeros(0, np.int64)
        order, starts = self._by_word
        return order[starts[number] : starts[number + 1]]

    def cut(self, text: str) -> NDArray[np.int32]:
        """(n, 3): piece, first character, one past the last, of the parts of pieces that are this text."""
        number = self._part_numbers.get(text)
        refs, starts = self.arrays["part_refs"], self.arrays["part_starts"]
        if number is None:
            return np.zeros((0, 3), np.int32)
        return np.asarray(refs[starts[number] : starts[number + 1]], np.int32)

    def piece(self, number: int, start: int = 0, stop: int | None = None) -> Piece:
        """A piece, or its characters start..stop, which must lie between free cuts."""
        text = self.word(number)
        offsets, shape = self.arrays["offsets"], self.arrays["shape"][number]
        packed = self.arrays["pixels"][offsets[number] : offsets[number + 1]]
        both = np.frombuffer(zlib.decompress(packed.tobytes()), np.uint8).reshape(2, *shape)
        first = int(self.arrays["first"][number])
        boxes = self.arrays["boxes"][first : first + len(text)].astype(np.float32)
        whole = Piece(text, both[0], both[1], boxes, float(self.arrays["base"][number]))
        return whole if stop is None or stop - start == len(text) else part_of(whole, start, stop)


def part_of(piece: Piece, start: int, stop: int) -> Piece:
    """The characters start..stop of a piece, tight."""
    mine = (piece.labels > start) & (piece.labels <= stop)
    columns, rows = np.flatnonzero(mine.any(axis=0)), np.flatnonzero(mine.any(axis=1))
    if not len(columns):
        columns = rows = np.zeros(1, np.intp)
    view = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    ink = np.where(mine[view], piece.ink[view], 0).astype(np.uint8)
    labels = np.where(mine[view], piece.labels[view] - np.uint8(start), 0).astype(np.uint8)
    corner = np.array([columns[0], rows[0]] * 2, np.float32)
    return Piece(piece.text[start:stop], ink, labels, piece.boxes[start:stop] - corner, piece.base - float(rows[0]))


def read_bank(path: str | os.PathLike[str]) -> Bank:
    """Read what build_bank wrote. Raises NetchuError when it is missing or anything else."""
    data = read_bytes(path)
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about = json.loads(arrays.pop("about").tobytes())
        if about["format"] != FORMAT:
            raise NetchuError(f"{path}: a bank of format {about['format']}, not {FORMAT}; build it again")
        words, parts, writers = (tuple(arrays.pop(name).tobytes().decode().split("\n")) for name in _LISTS)
        return Bank(words, parts, writers, arrays, about)
    except (ValueError, KeyError, TypeError, EOFError, OSError, zipfile.BadZipFile) as error:
        reason = str(error).splitlines()[0][:80] if str(error) else type(error).__name__
        raise NetchuError(f"{path}: not a bank of pieces ({reason}); build it again") from None
