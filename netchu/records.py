"""What reading gives back: frozen records, and their JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from math import isfinite
from typing import Any

from netchu.errors import NetchuError

Box = tuple[float, float, float, float]  # left, top, right, bottom: pixels of the original picture
Point = tuple[float, float]
KINDS = ("paragraph", "heading", "margin", "page-number", "header", "footer", "table", "picture", "other")  # of regions
Choice = tuple[str, float]  # a text and how likely it is: 0..1 for alternatives, log-probability (nats) for readings


@dataclass(frozen=True)
class Char:
    """A character with its confidence (0..1) and its box.

    `alternatives` are what else may stand there, likeliest first, with their probabilities; an empty text: nothing.
    """

    text: str
    confidence: float
    box: Box
    alternatives: tuple[Choice, ...] = ()

    @classmethod
    def from_json(cls, data: Any) -> Char:
        """Raises NetchuError when `data` is not what Line.to_json writes of a character."""
        text, confidence, box, alternatives = _fields(cls, data)
        return cls(
            _text("Char.text", text),
            _share("Char.confidence", confidence),
            _box("Char.box", box),
            _choices("Char.alternatives", alternatives, _share),
        )


@dataclass(frozen=True)
class Word:
    """A run of characters between white space, with its box and how likely it is that word and no other (0..1)."""

    text: str
    confidence: float
    box: Box

    @classmethod
    def from_json(cls, data: Any) -> Word:
        """Raises NetchuError when `data` is not what Line.to_json writes of a word."""
        text, confidence, box = _fields(cls, data)
        return cls(_text("Word.text", text), _share("Word.confidence", confidence), _box("Word.box", box))


@dataclass(frozen=True)
class Line:
    """A line's text. `confidence` is how likely all of it is right (0..1); that of a line with no text is 0.

    `readings` are the best texts for the whole line with their log-probabilities (nats), best first, from decoders that
    weigh several; `note` is what a person should know, such as that no text of the grammar fits. `baseline` is what the
    letters stand on, in the direction of reading; empty where nobody looked for it, as in a picture of one line.
    """

    text: str
    confidence: float
    polygon: tuple[Point, ...]
    chars: tuple[Char, ...]
    words: tuple[Word, ...] = ()
    readings: tuple[Choice, ...] = ()
    note: str = ""
    baseline: tuple[Point, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As what json.dumps takes."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> Line:
        """What to_json gave, before or after JSON. Raises NetchuError that names the field that is wrong."""
        text, confidence, polygon, chars, words, readings, note, baseline = _fields(cls, data)
        return cls(
            _text("Line.text", text),
            _share("Line.confidence", confidence),
            _points("Line.polygon", polygon),
            tuple(Char.from_json(char) for char in _list("Line.chars", chars)),
            tuple(Word.from_json(word) for word in _list("Line.words", words)),
            _choices("Line.readings", readings, _finite),
            _text("Line.note", note),
            _points("Line.baseline", baseline),
        )


@dataclass(frozen=True)
class Region:
    """A part of a page: one of KINDS, its outline in pixels, and its lines: places in Page.lines, in reading order.

    `cells`: of a table, the row and the column of each of `lines`, from 0; empty where they are not known.
    """

    kind: str
    polygon: tuple[Point, ...]
    lines: tuple[int, ...]
    cells: tuple[tuple[int, int], ...] = ()

    @classmethod
    def from_json(cls, data: Any) -> Region:
        """Raises NetchuError when `data` is not what Page.to_json writes of a region."""
        kind, polygon, lines, cells = _fields(cls, data)
        _check("Region.kind", kind, kind in KINDS, f"one of {', '.join(KINDS)}")
        places = tuple(_place("Region.lines", place) for place in _list("Region.lines", lines))
        return cls(kind, _points("Region.polygon", polygon), places, _cells(cells, len(places)))


@dataclass(frozen=True)
class Page:
    """A picture and the lines found in it, in reading order. A blank picture is a page without lines.

    `regions` are in reading order, too, and no line is in two of them; lines need not be in any. `number` counts the
    pages of a file from 1.
    """

    width: int
    height: int
    lines: tuple[Line, ...]
    source: str = ""
    regions: tuple[Region, ...] = ()
    number: int = 1

    @property
    def text(self) -> str:
        """The lines' texts, one a line."""
        return "\n".join(line.text for line in self.lines)

    def to_json(self) -> dict[str, Any]:
        """As what json.dumps takes."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> Page:
        """What to_json gave, before or after JSON. Raises NetchuError that names the field that is wrong."""
        width, height, lines, source, regions, number = _fields(cls, data)
        page = cls(
            _size("Page.width", width),
            _size("Page.height", height),
            tuple(Line.from_json(line) for line in _list("Page.lines", lines)),
            _text("Page.source", source),
            tuple(Region.from_json(region) for region in _list("Page.regions", regions)),
            _size("Page.number", number),
        )
        places = [place for region in page.regions for place in region.lines]
        good = len(set(places)) == len(places) and all(place < len(page.lines) for place in places)
        _check("Region.lines", places, good, f"each of the {len(page.lines)} lines in one region at most")
        return page


def _fields(record: type[Char | Word | Line | Region | Page], data: Any) -> Iterable[Any]:
    """The values of a record's fields, in order. Unknown fields are an error too: they would be lost in silence."""
    names = [field.name for field in fields(record)]
    if not isinstance(data, dict) or set(data) != set(names):
        found = ", ".join(map(str, data)) if isinstance(data, dict) else type(data).__name__
        raise NetchuError(f"{record.__name__}: expected an object of {', '.join(names)}; found {found or 'none'}")
    return [data[name] for name in names]


def _check(name: str, value: Any, good: bool, wanted: str) -> None:
    if not good:
        raise NetchuError(f"{name}: expected {wanted}, found {value!r:.60}")


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _text(name: str, value: Any) -> str:
    _check(name, value, isinstance(value, str), "a string")
    return str(value)


def _share(name: str, value: Any) -> float:
    _check(name, value, _number(value) and 0 <= value <= 1, "a number from 0 to 1")
    return float(value)


def _finite(name: str, value: Any) -> float:
    _check(name, value, _number(value), "a number")
    return float(value)


def _choices(name: str, value: Any, measure: Callable[[str, Any], float]) -> tuple[Choice, ...]:
    found = []
    for entry in _list(name, value):
        _check(name, entry, isinstance(entry, list | tuple) and len(entry) == 2, "pairs of a text and a number")
        found.append((_text(name, entry[0]), measure(name, entry[1])))
    return tuple(found)


def _size(name: str, value: Any) -> int:
    _check(name, value, isinstance(value, int) and _number(value) and value > 0, "a whole number over 0")
    return int(value)


def _place(name: str, value: Any) -> int:
    _check(name, value, isinstance(value, int) and _number(value) and value >= 0, "whole numbers from 0")
    return int(value)


def _cells(value: Any, count: int) -> tuple[tuple[int, int], ...]:
    pairs = _list("Region.cells", value)
    good = all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs) and len(pairs) in (0, count)
    _check("Region.cells", value, good, f"none, or a row and a column for each of the {count} lines")
    return tuple((_place("Region.cells", row), _place("Region.cells", column)) for row, column in pairs)


def _points(name: str, value: Any) -> tuple[Point, ...]:
    return tuple((x, y) for x, y in (_numbers(name, point, 2) for point in _list(name, value)))


def _list(name: str, value: Any) -> list[Any]:
    _check(name, value, isinstance(value, list | tuple), "a list")
    return list(value)


def _box(name: str, value: Any) -> Box:
    left, top, right, bottom = _numbers(name, value, 4)
    return left, top, right, bottom


def _numbers(name: str, value: Any, count: int) -> tuple[float, ...]:
    good = isinstance(value, list | tuple) and len(value) == count and all(map(_number, value))
    _check(name, value, good, f"{count} numbers")
    return tuple(map(float, value))
