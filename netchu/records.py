"""What reading gives back: frozen records, and their JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

Box = tuple[float, float, float, float]  # left, top, right, bottom: pixels of the original picture
Point = tuple[float, float]


@dataclass(frozen=True)
class Char:
    """A character with its confidence (0..1) and the columns it was seen in, as a box over the whole line height."""

    text: str
    confidence: float
    box: Box


@dataclass(frozen=True)
class Line:
    """A line's text. `confidence` is the geometric mean of its characters'; that of a line with no text is 0."""

    text: str
    confidence: float
    polygon: tuple[Point, ...]
    chars: tuple[Char, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Page:
    """A picture and the lines found in it, in reading order. A blank picture is a page without lines."""

    width: int
    height: int
    lines: tuple[Line, ...]
    source: str = ""

    @property
    def text(self) -> str:
        """The lines' texts, one a line."""
        return "\n".join(line.text for line in self.lines)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
