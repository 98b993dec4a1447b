"""CTC decoding of one line's logits. Greedy: the best path, repeats merged, blanks dropped (Graves et al. 2006)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netchu.decode.frames import real_frames
from netchu.decode.reading import BLANK, NOTHING, Reading


def greedy(logits: NDArray[np.floating[Any]], length: int, temperature: float = 1.0) -> Reading:
    """logits (T, C) of one line, of which `length` frames are real -> what its best path says.

    A character's confidence is its highest probability over its frames, after the logits are divided by `temperature`.
    Frames that are not numbers are passed over, and noted.
    """
    frames, note = logits[:length], ""
    if frames.shape[0] == 0:
        return NOTHING
    best = frames.argmax(1)
    top = frames[np.arange(len(best)), best]
    if not np.isfinite(top).all():
        frames, note = real_frames(frames, length, frames.shape[1])
        best = frames.argmax(1)
        top = frames[np.arange(len(best)), best]
    edges = np.flatnonzero(np.diff(best)) + 1
    starts = np.concatenate([[0], edges])
    ends = np.concatenate([edges, [len(best)]])
    written = best[starts] != BLANK
    if not written.any():
        return Reading((), (), (), (), note=note)
    starts, ends = starts[written], ends[written]
    seen = np.flatnonzero(best != BLANK)  # exponentials cost more than all else: none for blanks
    spread = frames[seen] - top[seen, None]
    spread /= temperature
    unsure = np.exp(spread, out=spread).sum(1)  # 1 / probability of the best class, by frame
    sure = 1.0 / np.minimum.reduceat(unsure, np.searchsorted(seen, starts))
    return Reading(
        tuple(best[starts].tolist()), tuple(starts.tolist()), tuple(ends.tolist()), tuple(sure.tolist()), note=note
    )
