"""Rules of plates, dates, sums and the like, as data: netchu.synth draws texts by them, netchu.decode reads by them.

In a pattern, {name} stands for a rule of the same file, {1-31} for a number, {01-31} for one padded with zeros, # for
a digit, ~ for a digit from 1 to 9, and a backslash makes the next sign itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

TOKEN = re.compile(
    r"\{(?P<low>\d+)-(?P<high>\d+)\}|\{(?P<rule>\w+)\}|(?P<digit>[#~])|\\(?P<sign>.)|(?P<text>[^{}#~\\]+)"
)
_TIMES = re.compile(r"(\d+)\* ")


@cache
def shipped(name: str) -> Mapping[str, tuple[str, ...]]:
    """The patterns of each rule of NAME.txt here, as often as they are to be drawn.

    `rule: one | 2* another, twice as often`, long ones going on in indented lines.
    """
    rules = read_rules(Path(__file__).parent / f"{name}.txt", " ")
    return MappingProxyType({rule: tuple(_repeated(patterns)) for rule, patterns in rules.items()})


def _repeated(patterns: str) -> Iterator[str]:
    for pattern in patterns.split(" | "):
        times = _TIMES.match(pattern)
        yield from [pattern[times.end() :]] * int(times[1]) if times else [pattern]


def read_rules(path: Path, joint: str) -> Mapping[str, str]:
    """`name: pattern` by line, long ones going on in indented lines, joined by `joint`."""
    text = re.sub(r"\n +", joint, path.read_text(encoding="utf-8"))
    lines = [line.partition(": ") for line in text.split("\n") if line and not line.startswith("# ")]
    return {name: rule for name, _, rule in lines}
