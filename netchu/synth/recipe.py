"""What is drawn, how often and how strongly: a recipe is a small TOML file. The shipped ones lie in recipes/."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from netchu.errors import NetchuError
from netchu.settings import read_toml
from netchu.synth.sheet import KINDS

SHIPPED = Path(__file__).parent / "recipes"
ENGINES = ("font", "strokes", "paste")


@dataclass(frozen=True)
class Recipe:
    """One way of drawing lines. Tables hold shares or weights by name.

    Of engines and sheets only those that are named come; texts, fonts and effects not named keep their own weight.
    """

    name: str
    language: str = "vi"  # a text source: see netchu.synth.texts
    height: int = 64  # rows of the finished picture (columns of a vertical line)
    writers: int = 3000  # how many styles there are; lines of one style share font, habits and pen
    vertical: float = 0.0  # share of lines written from the top down
    hand: float = 1.0  # how far letters are moved from where the font has them; 0 for print
    smallest: float = 17.0  # height of an x (half an em of a kanji) in a picture of 64 rows: from ...
    largest: float = 34.0  # ... to
    strength: float = 1.0  # of every effect
    scene: bool = False  # add what signs and shop fronts do to letters: see scene.py
    texts: Mapping[str, float] = field(default_factory=dict)  # kinds of text
    engines: Mapping[str, float] = field(default_factory=lambda: {"font": 1.0})
    fonts: Mapping[str, float] = field(default_factory=dict)  # weights by font name, over those of the folder
    held_out: tuple[str, ...] = ()  # fonts that are only drawn when held-out styles are asked for
    sheets: Mapping[str, float] = field(default_factory=dict)  # kinds of paper
    effects: Mapping[str, float] = field(default_factory=dict)  # ops and their groups; 0 turns one off
    pages: Mapping[str, float] = field(default_factory=dict)  # recipes whose pages are drawn instead: see page_mix.py
    scenes: Mapping[str, float] = field(default_factory=dict)  # and those whose lines stand on signs

    def __post_init__(self) -> None:
        for name, low, high in (("height", 16, 512), ("writers", 1, 1 << 31), ("vertical", 0, 1), ("hand", 0, 2),
                                ("strength", 0, 3), ("smallest", 2, 60), ("largest", 2, 60)):  # fmt: skip
            if not low <= getattr(self, name) <= high:
                raise NetchuError(f"recipe {self.name}: {name} must lie between {low} and {high}")
        if self.smallest > self.largest:
            raise NetchuError(f"recipe {self.name}: smallest is larger than largest")
        if unknown := set(self.sheets) - set(KINDS):
            raise NetchuError(f"recipe {self.name}: no sheet {sorted(unknown)[0]!r}; known: {', '.join(KINDS)}")
        if self.sheets and not any(share > 0 for share in self.sheets.values()):
            raise NetchuError(f"recipe {self.name}: every sheet named has share 0; give one a share")
        if not any(weight > 0 for weight in self.engines.values()):
            raise NetchuError(
                f"recipe {self.name}: every engine is turned off; give one of {', '.join(ENGINES)} a weight"
            )


def shipped() -> list[str]:
    """The names of the recipes that come with the package."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def read_recipe(name: str, settings: Mapping[str, Any] | None = None) -> Recipe:
    """A shipped recipe by its name, or a TOML file by its path; `settings` override it ("effects.nib": 0).

    NetchuError when there is none, it is no TOML, or it says something that is not known.
    """
    path = SHIPPED / f"{name}.toml" if name in shipped() else Path(name)
    if not path.is_file():
        raise NetchuError(f"{name}: no such recipe; give a .toml file or one of: {', '.join(shipped())}")
    options = read_toml(path)
    for key, value in (settings or {}).items():
        table, dot, entry = key.partition(".")
        if dot:
            here = options.get(table, {})
            if not isinstance(here, Mapping):
                raise NetchuError(f"{path}: {table} is no table, so {key} cannot be set")
            options[table] = {**here, entry: value}
        else:
            options[key] = value
    return Recipe(name=path.stem, **{key: _checked(path, key, value) for key, value in options.items()})


_FIELDS = {each.name: each for each in dataclasses.fields(Recipe) if each.name != "name"}


def _checked(path: Path, key: str, value: Any) -> Any:
    """The value of one option, in its type. NetchuError that names file and option."""
    if key not in _FIELDS:
        near = get_close_matches(key, _FIELDS, 1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(_FIELDS)}"
        raise NetchuError(f"{path}: unknown option {key!r}; {hint}")
    kind = str(_FIELDS[key].type)
    if kind.startswith("Mapping"):
        if not isinstance(value, Mapping) or not all(_number(entry) and entry >= 0 for entry in value.values()):
            raise NetchuError(f"{path}: {key} must be a table of numbers that are not negative")
        if key == "engines" and (unknown := set(value) - set(ENGINES)):
            raise NetchuError(f"{path}: unknown engine {sorted(unknown)[0]!r}; known: {', '.join(ENGINES)}")
        return {str(name): float(entry) for name, entry in value.items()}
    if kind.startswith("tuple"):
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise NetchuError(f"{path}: {key} must be a list of texts")
        return tuple(value)
    if kind == "bool" and isinstance(value, bool):
        return value
    if kind == "float" and _number(value):
        return float(value)
    if (kind == "int" and type(value) is int) or (kind == "str" and isinstance(value, str)):
        return value
    raise NetchuError(f"{path}: {key} = {value!r}: expected {'a number' if kind in ('int', 'float') else 'a text'}")


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
