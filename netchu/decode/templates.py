"""Grammars by name, as regular expressions: those of grammars/templates.txt, with tables from netchu.rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from netchu.rules import TOKEN, read_rules, shipped

_OWN = Path(__file__).parent / "grammars" / "templates.txt"
_REFERENCE = re.compile(r"\{(?:(?P<file>[a-z-]+):)?(?P<rule>[a-z_][\w-]*)\}|\{(?P<low>\d+)-(?P<high>\d+)\}")


def names() -> tuple[str, ...]:
    """The grammars there are, in alphabetical order."""
    return tuple(sorted(name for name in _rules() if not name.startswith("_")))


@lru_cache(maxsize=64)
def pattern(name: str) -> str:
    """The regular expression of a rule. Raises KeyError for an unknown one."""

    def replace(match: re.Match[str]) -> str:
        if match["low"]:
            return f"(?:{numbers(match['low'], match['high'])})"
        inner = drawn(match["file"], match["rule"]) if match["file"] else pattern(match["rule"])
        return f"(?:{inner})"

    return _REFERENCE.sub(replace, _rules()[name])


@lru_cache(maxsize=256)
def drawn(file: str, rule: str) -> str:
    """What a rule of netchu/rules/FILE.txt can draw, as a regular expression; not how often."""

    def replace(match: re.Match[str]) -> str:
        if match["low"]:
            return f"(?:{numbers(match['low'], match['high'])})"
        if match["rule"]:
            return f"(?:{drawn(file, match['rule'])})"
        if match["digit"]:
            return "[0-9]" if match["digit"] == "#" else "[1-9]"
        return re.escape(match["text"] or match["sign"])

    return "|".join(TOKEN.sub(replace, each) for each in dict.fromkeys(shipped(file)[rule]))


def numbers(low: str, high: str) -> str:
    """The numbers from `low` to `high`, padded with zeros to the length of `low` if it begins with one."""
    width = len(low) if low.startswith("0") else 0
    return "|".join(str(number).zfill(width) for number in range(int(low), int(high) + 1))


@lru_cache(maxsize=1)
def _rules() -> Mapping[str, str]:
    return read_rules(_OWN, "")
