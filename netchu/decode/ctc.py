"""CTC decoding of one line's logits. Greedy: the best path, repeats merged, blanks dropped (Graves et al. 2006)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLANK = 0


@dataclass(frozen=True)
class Path:
    """What was read from one line: classes, with the frames [start, end) each was seen in and how sure it is (0..1)."""

    classes: tuple[int, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    confidences: tuple[float, ...]


def greedy(logits: NDArray[np.floating[Any]], length: int, temperature: float = 1.0) -> Path:
    """logits (T, C) of one line, of which `length` frames are real -> its best path.

    A character's confidence is its highest probability over its frames, after the logits are divided by `temperature`.
    """
    frames = logits[:length]
    if frames.shape[0] == 0:
        return Path((), (), (), ())
    best = frames.argmax(1)
    edges = np.flatnonzero(np.diff(best)) + 1
    starts = np.concatenate([[0], edges])
    ends = np.concatenate([edges, [len(best)]])
    written = best[starts] != BLANK
    starts, ends, classes = starts[written], ends[written], best[starts][written]
    if len(classes) == 0:
        return Path((), (), (), ())
    top = frames[np.arange(len(best)), best]
    spread = np.exp((frames - top[:, None]) / temperature).sum(1)  # 1 / probability of the best class, by frame
    sure = 1.0 / np.array([spread[start:end].min() for start, end in zip(starts, ends)])
    return Path(tuple(classes.tolist()), tuple(starts.tolist()), tuple(ends.tolist()), tuple(sure.tolist()))
