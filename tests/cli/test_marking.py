"""Doubtful characters of a reading: marked with brackets, never deleted."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchu.cli.rendering import marked
from netchu.records import Char, Line


def line_of(*chars: tuple[str, float]) -> Line:
    return Line("".join(text for text, _ in chars), 0.5, (), tuple(Char(*char, (0, 0, 1, 1)) for char in chars))


@pytest.mark.parametrize(("limit", "text"), [
    (0.0, "a bcở"), (0.5, "⟦a⟧ b⟦cở⟧"), (0.3, "a b⟦c⟧ở"), (1.0, "⟦a bcở⟧"), (0.9, "⟦a⟧ b⟦cở⟧"),
])  # fmt: skip
def test_doubtful_characters_are_marked_not_deleted(limit, text):
    line = line_of(("a", 0.4), (" ", 0.9), ("b", 0.9), ("c", 0.2), ("ở", 0.3))
    assert marked(line, limit) == text


def test_no_letter_is_cut_from_its_marks():
    line = line_of(("e", 0.9), ("\u0302", 0.2), ("\u0301", 0.9), ("a", 0.9), ("ng", 0.3))
    assert marked(line, 0.5) == "⟦e\u0302\u0301⟧a⟦ng⟧"
    assert marked(line_of(("\u0301", 0.1), ("a", 0.9)), 0.5) == "⟦\u0301⟧a"


BRACKETS = re.compile("⟦([⟦⟧])⟧|⟦([^⟦⟧]+)⟧|([^⟦⟧])")


@given(st.lists(st.tuples(st.sampled_from("ab ⟦⟧"), st.sampled_from([0.2, 0.9])), max_size=12))
def test_brackets_that_were_read_can_be_told_from_marks(chars):
    shown, at, text, doubtful = marked(line_of(*chars), 0.5), 0, "", []
    while at < len(shown):
        found = BRACKETS.match(shown, at)
        assert found, shown
        bracket, run_of, plain = found.groups()
        text, at = text + (bracket or run_of or plain), found.end()
        doubtful += [None] if bracket else [True] * len(run_of) if run_of else [False]
    assert text == "".join(char for char, _ in chars)
    assert doubtful == [None if char in "⟦⟧" else sure < 0.5 for char, sure in chars]
