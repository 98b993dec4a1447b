"""What a decoder is, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

BLANK = 0


@dataclass(frozen=True)
class Reading:
    """What was read from one line: classes, with the frames [start, end) each was seen in and how sure it is (0..1).

    `alternatives` has for each character the classes that may stand there instead, likeliest first, with their
    probabilities (class 0: nothing); `missing` how likely a character is missing before each, and at the end; `ranked`
    the best whole readings, best first, with their log-probabilities. Greedy reading leaves all three empty. `note`
    says what a person should know: that no text of the grammar fits, say.
    """

    classes: tuple[int, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    confidences: tuple[float, ...]
    alternatives: tuple[tuple[tuple[int, float], ...], ...] = ()
    missing: tuple[float, ...] = ()  # n + 1
    ranked: tuple[tuple[tuple[int, ...], float], ...] = ()
    note: str = ""


NOTHING = Reading((), (), (), ())


class Decoder(Protocol):
    """Turns the logits of a line into a reading. Made for one charset; keeps no state between calls: share it."""

    def __call__(self, logits: NDArray[Any], length: int, temperature: float = 1.0) -> Reading:
        """logits float (T, C), of which `length` frames are real -> what they say.

        Logits are divided by `temperature` before they are called probabilities.
        """
