"""A bank of words cut out of real training lines, each read back before it is kept, in one `.npz` file.

The idea of cutting by the CTC alignment is StackMix's (Shonenkov et al. 2021); here ink is lifted off its paper first.
"""

from __future__ import annotations

import io
import json
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netchu.data.lines import Sample, read_lines, write_whole
from netchu.decode.align import align
from netchu.errors import NetchuError
from netchu.framing import frame
from netchu.image import Grey, open_grey, pad_batch
from netchu.metrics import align as pair
from netchu.metrics import count
from netchu.read import Reader, batches, load, stepped, to_line
from netchu.synth.bank import FORMAT, Bank, Piece, part_of, read_bank
from netchu.synth.cutting import Cut, Word, cut_line

__all__ = ["Bank", "Piece", "build_bank", "read_back", "read_bank"]

LINE_ERRORS = 0.35  # a line read with a higher character error rate than this has another text, or cannot be read
WORD_ERRORS = 0.34  # the same of a word within its line, and of a word read back alone
LIKELY = -3.0  # least mean log-probability of a word's characters in the alignment
MARGIN = 12  # empty pixels around what is read back
SHEET = 64  # lines at most on a sheet of paper
CHUNK = 256  # lines held in memory at a time
ENOUGH = 100  # parts of the same text that are kept
LONGEST_PART = 3  # parts of a word between two free cuts are kept up to that many cuts apart
_FACTS = ("unit", "stroke", "slant", "base", "gap")


def build_bank(
    datasets: Sequence[Path], model: str, out: Path, progress: Callable[[str], None] | None = None,
    unsplit: bool = False,
) -> str:  # fmt: skip
    """Cut the training lines of `datasets` into words, read each back, write those that were read to `out`.

    The writer of a line is that of its set's column writer; else its sheet, where pictures are named by sheet and
    number; else every line is a writer of its own. `progress` gets a message now and then.
    Returns how many lines, words and parts were kept and dropped, in one line; by reason it is in the bank's `about`.
    Raises NetchuError for a set without training lines, or without splits unless `unsplit` says that all is training.
    """
    reader = load(model, decoder="greedy")  # what the network sees in a piece, not what a language makes of it
    if reader.info.vertical:
        raise NetchuError(f"{model}: reads vertical lines; pieces are cut out of horizontal ones")
    sets = [(folder.resolve().name, _training_lines(folder, unsplit)) for folder in map(Path, datasets)]
    total, done = sum(len(samples) for _, samples in sets), 0
    tally: Counter[str] = Counter()
    store = _Store()
    for name, samples in sets:
        writers = dict(zip([sample.image for sample in samples], _writers(samples)))
        for chunk in (samples[start : start + CHUNK] for start in range(0, len(samples), CHUNK)):
            for sample, cut, good in _cut_all(reader, chunk, tally):
                store.add(cut, good, f"{name}/{writers[sample.image]}")
            store.check(reader, tally)
            done += len(chunk)
            if progress:
                progress(f"{done:,} of {total:,} lines, {tally['words kept']:,} words")
    if not tally["words kept"]:
        raise NetchuError(f"{out}: none of {total:,} lines gave a word that {model} reads; is it the right model?")
    about = {"format": FORMAT, "model": reader.session.digest, "tally": dict(sorted(tally.items()))}
    write_whole(Path(out), store.pack(about))
    return "; ".join(
        f"{tally[f'{what} kept']:,} of {tally[what]:,} {what} kept" for what in ("lines", "words", "parts")
    )


def _training_lines(folder: Path, unsplit: bool) -> list[Sample]:
    """The lines that may be cut up: of val and test nothing may be seen in training."""
    lines = read_lines(folder)
    if "split" not in lines.columns:
        if not unsplit:
            raise NetchuError(f"{folder}: has no column split; add one, or say that all of it is for training")
        return list(lines.samples)
    samples = list(lines.part("train").samples)
    if not samples:
        raise NetchuError(f"{folder}: has no lines whose split is train; nothing to cut up")
    return samples


def _writers(samples: Sequence[Sample]) -> list[str]:
    """Who wrote each line. What names have in common before their last number is a sheet if no more share it."""
    sheets = [re.sub(r"_*\d+$", "", sample.image.stem) for sample in samples]
    by_sheet = max(Counter(sheets).values()) <= SHEET and "" not in sheets
    return [sample.writer or (sheet if by_sheet else sample.image.stem) for sample, sheet in zip(samples, sheets)]


def _cut_all(
    reader: Reader, samples: Sequence[Sample], tally: Counter[str]
) -> Iterator[tuple[Sample, Cut, list[bool]]]:
    """Each line whose reading fits its text, cut, and which of its words' readings do."""
    info = reader.info
    pictures = [frame(open_grey(sample.image)).picture for sample in samples]
    lines = [to_line(picture, info.height, info.pitch) for picture in pictures]
    for batch in batches([line.shape[1] for line in lines]):
        images, widths = pad_batch([lines[index] for index in batch], stepped(lines[batch[-1]].shape[1]))
        for index, logits, length in zip(batch, *reader.session.run(images, widths)):
            sample, picture = samples[index], pictures[index]
            tally["lines"] += 1
            if info.charset.missing(sample.text):
                tally["lines dropped: a character that the model does not know"] += 1
                continue
            read = info.charset.decode(reader.decoder(logits, int(length), info.temperature).classes)
            if count(sample.text, read).rate > LINE_ERRORS:
                tally["lines dropped: read otherwise"] += 1
                continue
            frames = logits[: int(length)].astype(np.float64)
            frames -= frames.max(axis=1, keepdims=True)
            frames -= np.log(np.exp(frames).sum(axis=1, keepdims=True))
            try:
                found = align(frames, info.charset.encode(sample.text))
            except NetchuError:
                tally["lines dropped: too short for their text"] += 1
                continue
            across = picture.shape[1] / lines[index].shape[1] * info.stride
            written = np.array([char != " " for char in sample.text])
            cut = cut_line(picture, sample.text.split(" "), (found.spans.mean(axis=1) * across)[written])
            if cut is None:
                tally["lines dropped: no ink or no letter to measure"] += 1
                continue
            tally["lines kept"] += 1
            yield sample, cut, _fitting(sample.text, read, found.peaks)


def _fitting(text: str, read: str, peaks: NDArray[np.float64]) -> list[bool]:
    """For each word of the text whether the reading of the line has it, nearly, and the alignment believes it."""
    wrong = np.zeros(len(text))
    at = 0
    for meant, seen in pair(text, read):
        wrong[min(at, len(text) - 1)] += meant != seen
        at += meant is not None
    good, start = [], 0
    for word in text.split(" "):
        span = slice(start, start + len(word))
        good.append(bool(wrong[span].sum() <= WORD_ERRORS * len(word) and peaks[span].mean() > LIKELY))
        start += len(word) + 1
    return good


@dataclass
class _Entry:
    word: Word
    writer: str
    line: int
    place: int
    facts: tuple[float, ...]  # as _FACTS
    parts: list[tuple[int, int]] = field(default_factory=list)


class _Store:
    """Words on their way into the file."""

    def __init__(self) -> None:
        self.kept: list[_Entry] = []
        self.new: list[tuple[_Entry, bool]] = []
        self.lines = 0
        self.parts: Counter[str] = Counter()  # kept so far, by text

    def add(self, cut: Cut, good: Sequence[bool], writer: str) -> None:
        """Take in a line's words; they are kept once they are checked."""
        for place, (word, fits) in enumerate(zip(cut.words, good)):
            following = cut.words[place + 1] if place + 1 < len(cut.words) else None
            if word is None:
                continue
            gap = (following.left - word.left - word.ink.shape[1]) / cut.unit if following else np.nan
            facts = (cut.unit, cut.stroke, cut.slant, word.base, gap)
            self.new.append((_Entry(word, writer, self.lines, place, facts), fits))
        self.lines += 1

    def check(self, reader: Reader, tally: Counter[str]) -> None:
        """Read the new words and their parts back, alone on white paper, and keep those that come out as meant."""
        tally["words"] += len(self.new)
        fitting = [entry for entry, fits in self.new if fits]
        tally["words dropped: read otherwise in their line"] += len(self.new) - len(fitting)
        self.new = []
        whole = [
            Piece(e.word.text, e.word.ink, e.word.labels, e.word.boxes.astype(np.float32), e.word.base) for e in fitting
        ]
        errors = read_back(reader, whole, [entry.facts[0] for entry in fitting])
        tally["characters of words read back"] += sum(len(piece.text) for piece in whole)
        tally["edits of words read back"] += sum(errors)
        wanted: list[tuple[_Entry, int, int]] = []
        pieces: list[Piece] = []
        for entry, piece, edits in zip(fitting, whole, errors):
            if edits > WORD_ERRORS * len(piece.text):
                tally["words dropped: not read back"] += 1
                continue
            tally["words kept"] += 1
            self.kept.append(entry)
            for start, stop in _parts(entry.word.free):
                if self.parts[piece.text[start:stop]] >= ENOUGH:
                    continue
                wanted.append((entry, start, stop))
                pieces.append(part_of(piece, start, stop))
        tally["parts"] += len(wanted)
        errors = read_back(reader, pieces, [entry.facts[0] for entry, _, _ in wanted])
        for (entry, start, stop), edits in zip(wanted, errors):
            if edits:  # a stray letter in a part would end up within words
                tally["parts dropped: not read back"] += 1
            else:
                tally["parts kept"] += 1
                self.parts[entry.word.text[start:stop]] += 1
                entry.parts.append((start, stop))

    def pack(self, about: Mapping[str, object]) -> bytes:
        """The file's bytes: about, three lists of texts, and a row per piece.

        `text` (its number in `words`), `writer`, `line`, `place` in its line, `shape`; in pixels `unit` (the height of
        an x), `stroke` and `base`; `slant`; `gap` to the next word in heights of an x (NaN: none).
        `pixels[offsets[k]:offsets[k + 1]]` is zlib of ink and labels; `boxes` from row `first[k]` on are characters'.
        `part_refs` (piece, first character, one past the last) are sorted by part, from `part_starts` on.
        """
        words = sorted({entry.word.text for entry in self.kept})
        number = {text: place for place, text in enumerate(words)}
        writers = sorted({entry.writer for entry in self.kept})
        by_name = {name: place for place, name in enumerate(writers)}
        refs = sorted(
            (entry.word.text[start:stop], place, start, stop)
            for place, entry in enumerate(self.kept)
            for start, stop in entry.parts
        )
        parts = sorted({ref[0] for ref in refs})
        blobs = [zlib.compress(entry.word.ink.tobytes() + entry.word.labels.tobytes(), 7) for entry in self.kept]
        boxes = [entry.word.boxes for entry in self.kept]
        facts = np.array([entry.facts for entry in self.kept], np.float32).reshape(-1, len(_FACTS))
        columns: dict[str, Any] = {name: facts[:, place] for place, name in enumerate(_FACTS)}
        starts = np.searchsorted([ref[0] for ref in refs], parts) if refs else np.zeros(0)
        out = io.BytesIO()
        np.savez(
            out,
            about=np.frombuffer(json.dumps(about, sort_keys=True).encode(), np.uint8),
            words=np.frombuffer("\n".join(words).encode(), np.uint8),
            parts=np.frombuffer("\n".join(parts).encode(), np.uint8),
            writers=np.frombuffer("\n".join(writers).encode(), np.uint8),
            text=np.array([number[entry.word.text] for entry in self.kept], np.int32),
            writer=np.array([by_name[entry.writer] for entry in self.kept], np.int32),
            line=np.array([entry.line for entry in self.kept], np.int32),
            place=np.array([entry.place for entry in self.kept], np.int32),
            shape=np.array([entry.word.ink.shape for entry in self.kept], np.int32).reshape(-1, 2),
            pixels=np.frombuffer(b"".join(blobs), np.uint8),
            offsets=np.cumsum([0, *map(len, blobs)]),
            boxes=np.concatenate(boxes) if boxes else np.zeros((0, 4), np.int16),
            first=np.cumsum([0, *map(len, boxes)])[:-1],
            part_refs=np.array([ref[1:] for ref in refs], np.int32).reshape(-1, 3),
            part_starts=np.append(starts, len(refs)).astype(np.int64),
            **columns,
        )
        return out.getvalue()


def _parts(free: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Stretches between free cuts of a word, the ends always among them, but for the word itself."""
    last = len(free) - 1
    cuts = [at for at in range(last + 1) if free[at] or at in (0, last)]
    for place, start in enumerate(cuts):
        for stop in cuts[place + 1 : place + 1 + LONGEST_PART]:
            if (start, stop) != (0, last):
                yield start, stop


def read_back(reader: Reader, pieces: Sequence[Piece], units: Sequence[float]) -> list[int]:
    """Edits between each piece's text and what the reader makes of it, drawn alone in black on white."""
    read = reader.read_lines([_alone(piece, unit) for piece, unit in zip(pieces, units)])
    return [count(piece.text, line.text).edits for piece, line in zip(pieces, read)]


def _alone(piece: Piece, unit: float) -> Grey:
    """Black on white, as high as a line would be: a comma must not look like a letter."""
    above = max(0, round(2.2 * unit - piece.base)) + 2
    below = max(0, round(1.0 * unit - (piece.ink.shape[0] - piece.base))) + 2
    return np.pad(255 - piece.ink, ((above, below), (MARGIN, MARGIN)), constant_values=255)
