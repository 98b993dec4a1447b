"""Compiled loops: a person who waits for the first one is told why, once."""

import numba

from netchu.compiled import announce


def test_compiling_is_announced_once():
    said: list[str] = []
    announce(lambda: said.append("compiling"))
    double = numba.njit(lambda number: number + number)
    assert double(2) == 4
    assert double(2.5) == 5.0  # compiled again, for another type
    assert said == ["compiling"]


def test_what_is_compiled_already_is_not_announced():
    double = numba.njit(lambda number: number + number)
    double(2)
    said: list[str] = []
    announce(lambda: said.append("compiling"))
    assert double(3) == 6
    assert said == []
