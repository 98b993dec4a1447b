"""Drawn lines into a data set: pictures, lines.tsv, and on request the truth about every character.

What is drawn goes into a journal line by line, so an interrupted run goes on where it stopped and ends the same.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from netchu.data.lines import write_whole
from netchu.errors import NetchuError
from netchu.synth.drawer import Drawer, Drawn, DrawSpec

QUALITY = 85
JOURNAL = ".drawing.jsonl"


@dataclass(frozen=True)
class Written:
    """What a run left behind: how many lines, and the texts that nothing could write with how often each came up."""

    lines: int
    resumed: int = 0  # of them drawn by an earlier, interrupted run
    missed: Counter[str] = field(default_factory=Counter)


def write_set(
    out: Path, count: int, spec: DrawSpec, jobs: int = 1, truth: bool = False, split: str = "train",
    progress: Callable[[int], None] | None = None,
) -> Written:  # fmt: skip
    """Draw samples 0 .. count - 1 into `out`: lines.tsv (image, text, split, writer) and pictures under lines/.

    With `truth`, also truth.jsonl (style, engine, corners of each character, sampled parameters) and masks/ (16-bit
    PNG: at each pixel the number of the character whose ink it is). `progress` is called with the lines drawn so far.
    NetchuError when `out` holds a finished set, or an unfinished one of another recipe.
    """
    if (out / "lines.tsv").exists():
        raise NetchuError(f"{out / 'lines.tsv'}: exists already; choose another folder or remove it")
    drawer = spec.open()  # what is wrong with the arguments shows here, before any process starts
    head = {"spec": spec.digest(), "truth": truth, "split": split}
    try:
        (out / "lines").mkdir(parents=True, exist_ok=True)
        if truth:
            (out / "masks").mkdir(exist_ok=True)
        rows = _resume(out, head)[:count]
        resumed = len(rows)
        with (out / JOURNAL).open("w", encoding="utf-8", newline="\n") as journal:
            for entry in (head, *rows):
                journal.write(json.dumps(entry, ensure_ascii=False) + "\n")
            for row in _rows(range(resumed, count), drawer, spec, out, truth, jobs):
                journal.write(json.dumps(row, ensure_ascii=False) + "\n")
                journal.flush()
                rows.append(row)
                if progress:
                    progress(len(rows))
        return _finish(out, rows, split, truth, resumed)
    except OSError as error:
        raise NetchuError(f"{out}: cannot be written ({error.strerror or error})") from error


def _resume(out: Path, head: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of an interrupted run, as far as they are whole and their pictures there; half pictures are removed."""
    journal = out / JOURNAL
    if not journal.exists():
        return []
    entries = []
    for line in journal.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            entries.append(json.loads(line))
        except json.JSONDecodeError:  # cut short
            break
    if not entries:
        return []
    if entries[0] != head:
        raise NetchuError(
            f"{out}: holds an unfinished set drawn with other options; choose another folder or remove it"
        )
    for half in out.glob("*/.*.partial"):  # what a run that was killed was just writing
        half.unlink()
    rows = entries[1:]
    return list(
        itertools.takewhile(lambda row: all(_there(out / row[of]) for of in ("image", "mask") if of in row), rows)
    )


def _there(picture: Path) -> bool:
    return picture.is_file() and picture.stat().st_size > 0


def _finish(out: Path, rows: list[dict[str, Any]], split: str, truth: bool, resumed: int) -> Written:
    """The tables, written whole; the journal goes."""
    missed = Counter(text for row in rows for text in row["missed"])
    if truth:
        lines = [json.dumps({k: v for k, v in row.items() if k != "missed"}, ensure_ascii=False) for row in rows]
        write_whole(out / "truth.jsonl", ("\n".join(lines) + "\n").encode("utf-8"))
    if missed:
        listed = [f"{text}\t{count}" for text, count in missed.most_common()]
        write_whole(out / "not-drawn.tsv", ("\n".join(["text\tcount", *listed]) + "\n").encode("utf-8"))
    table = ["image\ttext\tsplit\twriter", *(f"{r['image']}\t{r['text']}\t{split}\t{r['style']}" for r in rows)]
    write_whole(out / "lines.tsv", ("\n".join(table) + "\n").encode("utf-8"))
    (out / JOURNAL).unlink()
    return Written(len(rows), resumed, missed)


def _rows(
    numbers: range, drawer: Drawer, spec: DrawSpec, out: Path, truth: bool, jobs: int
) -> Iterator[dict[str, Any]]:
    """Draw and save samples, in order: with the drawer at hand, or in processes that open their own."""
    if jobs <= 1 or len(numbers) < 2:
        _start(drawer, out, truth)
        yield from map(_draw, numbers)
        return
    arguments = (spec, out, truth)
    processes = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(jobs, processes, _start, arguments) as pool:
            yield from pool.map(_draw, numbers, chunksize=32)
    except BrokenProcessPool:
        raise NetchuError(f"{out}: a process was ended from outside, by lack of memory perhaps; run it again") from None


_drawer: Drawer
_out: Path
_truth: bool


def _start(opened: Drawer | DrawSpec, out: Path, truth: bool) -> None:
    """Set up one process."""
    global _drawer, _out, _truth
    cv2.setNumThreads(1)
    _drawer = opened.open() if isinstance(opened, DrawSpec) else opened
    _out, _truth = out, truth


def _draw(k: int) -> dict[str, Any]:
    """Draw and save sample k; what is to be said of it."""
    drawn = _drawer.sample(k, _truth)
    image = f"lines/{k:06d}.jpg"
    _save(_out / image, drawn.picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    row: dict[str, Any] = {"image": image, "text": drawn.text, "style": drawn.style, "missed": list(drawn.missed)}
    return row | (_known(drawn, k) if _truth else {})


def _known(drawn: Drawn, k: int) -> dict[str, Any]:
    """The truth about a line, its mask saved beside."""
    known: dict[str, Any] = {"engine": drawn.engine, "vertical": drawn.vertical, "parameters": dict(drawn.parameters)}
    if drawn.boxes is not None:
        known["boxes"] = np.round(drawn.boxes, 1).tolist()
    if drawn.labels is not None:
        known["mask"] = f"masks/{k:06d}.png"
        _save(_out / known["mask"], drawn.labels, [])
    return known


def _save(path: Path, picture: Any, options: list[int]) -> None:
    """A picture under its name, whole or not at all."""
    done, data = cv2.imencode(path.suffix, picture, options)
    if not done:
        raise NetchuError(f"{path}: a picture of {picture.shape} could not be encoded")
    write_whole(path, np.asarray(data).tobytes())
