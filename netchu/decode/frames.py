"""What decoders take: the real frames of a line, all of them numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netchu.decode.reading import BLANK
from netchu.errors import NetchuError

Floats = NDArray[Any]


def real_frames(logits: NDArray[Any], length: int, classes: int, dtype: Any = np.float32) -> tuple[Floats, str]:
    """logits (T, C) -> those of the first `length` frames as a contiguous array of that type, and a note.

    Frames that are not numbers become blanks, which the note says: the rest of the line, and of a batch of thousands,
    is worth more than an exception. Raises NetchuError when C is not `classes`.
    """
    if logits.ndim != 2 or logits.shape[1] != classes:
        raise NetchuError(
            f"logits of shape {logits.shape} are not those of a model with {classes} classes; "
            "a decoder is made for one model's charset"
        )
    with np.errstate(over="ignore"):
        frames = np.ascontiguousarray(logits[:length], dtype)
    wrong = ~np.isfinite(frames.max(1, initial=-np.inf))
    if not wrong.any():
        return frames, ""
    frames = frames.copy()
    frames[wrong] = -np.inf
    frames[wrong, BLANK] = 0.0
    return frames, f"{wrong.sum()} of {len(frames)} frames are not numbers and were passed over"


def log_norms(frames: Floats, temperature: float) -> NDArray[np.float64]:
    """frames (T, C) -> (T,): frames / temperature - norms are log-probabilities (nats).

    Raises NetchuError for a temperature that is not above 0.
    """
    if not temperature > 0:
        raise NetchuError(f"temperature={temperature}: must be above 0")
    tops = frames.max(1, keepdims=True, initial=-np.inf)
    spread = frames - tops
    spread *= frames.dtype.type(1 / temperature)
    norms: NDArray[np.float64] = np.log(np.exp(spread, out=spread).sum(1)) + tops[:, 0] * np.float64(1 / temperature)
    return norms


def log_probabilities(
    logits: NDArray[Any], length: int, temperature: float, classes: int
) -> tuple[NDArray[np.float64], str]:
    """logits (T, C) -> log-softmax of the real ones / temperature, float64 (length, C), and a note: see above."""
    frames, note = real_frames(logits, length, classes, np.float64)
    norms = log_norms(frames, temperature)
    return frames / temperature - norms[:, None], note
