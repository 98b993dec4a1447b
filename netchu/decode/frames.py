"""What decoders share: frames as log-probabilities, and the reading of a line whose text is settled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netchu.decode.align import align
from netchu.decode.reading import BLANK, Reading
from netchu.errors import NetchuError


def log_probabilities(
    logits: NDArray[Any], length: int, temperature: float, classes: int
) -> tuple[NDArray[np.float64], str]:
    """logits (T, C) -> log-softmax of the real ones / temperature, float64 (length, C), and a note.

    Frames that are not numbers are taken for blanks, which the note says. Raises NetchuError when C is not `classes`,
    and for a temperature that is not above 0.
    """
    if logits.ndim != 2 or logits.shape[1] != classes:
        raise NetchuError(
            f"logits of shape {logits.shape} are not those of a model with {classes} classes; "
            "a decoder is made for one model's charset"
        )
    if not temperature > 0:
        raise NetchuError(f"temperature={temperature}: must be above 0")
    found = np.array(logits[:length], np.float64, order="C")
    with np.errstate(invalid="ignore", over="ignore"):
        found -= found.max(1, keepdims=True, initial=-np.inf)
        found /= temperature
        sums = np.exp(found).sum(1, keepdims=True)
        found -= np.log(sums)
    wrong = ~np.isfinite(sums[:, 0])
    if not wrong.any():
        return found, ""
    found[wrong] = -np.inf
    found[wrong, BLANK] = 0.0
    return found, f"{wrong.sum()} of {len(found)} frames are not numbers and were passed over"


def spell(
    log_probs: NDArray[np.float64],
    classes: Sequence[int],
    ranked: tuple[tuple[tuple[int, ...], float], ...] = (),
    note: str = "",
) -> Reading:
    """The reading of a line (T, C) whose text has these classes: where they stand on its best path.

    A character's confidence is its highest probability over its frames, as in greedy reading.
    Raises NetchuError like `align`.
    """
    if not len(classes):
        return Reading((), (), (), (), ranked=ranked, note=note)
    found = align(log_probs, classes)
    starts, ends = found.spans[:, 0].tolist(), found.spans[:, 1].tolist()
    # the one place where a settled text gets its confidences
    confidences = tuple(np.exp(found.peaks).tolist())
    return Reading(tuple(classes), tuple(starts), tuple(ends), confidences, ranked=ranked, note=note)
