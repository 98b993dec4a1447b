"""The parts of a report page."""

from __future__ import annotations

import re

import pytest

from netchu.html import Axis, Dot, make_facts, make_page, make_plot, make_table, mark_edits, round_ticks, show_picture

TICKS = [(0.0, "0"), (0.5, "half"), (1.0, "<1>")]


@pytest.mark.parametrize(
    ("highest", "ticks"),
    [(1.0, [0, 0.2, 0.4, 0.6, 0.8, 1]), (60, [0, 20, 40, 60]), (7, [0, 2, 4, 6, 8]), (0, [0, 0.2, 0.4, 0.6, 0.8, 1])],
)
def test_ticks_are_round(highest: float, ticks: list[float]) -> None:
    assert round_ticks(highest) == ticks


def test_texts_are_escaped_and_html_is_not() -> None:
    page = make_page("<a> & b\x00", [make_table(("<h>",), [("<c>",)]), "", make_facts({"<f>": "<g>", "none": ""})])
    text = page.decode("utf-8")
    assert not re.search("<[acfgh]>", text) and ">none<" not in text
    assert text.count("&lt;") == 6 and "\x00" not in text
    assert b"na\\udce9me" in make_page("na\udce9me", [])


def test_a_plot_puts_low_values_low_and_stays_within_its_axes() -> None:
    dots = [Dot(0.0, 0.0, "a"), Dot(0.5, 0.25, "b", low=0.1, high=0.4), Dot(1.0, 7.0, "c"), Dot(1.5, 0.5, "beyond")]
    plot = make_plot("<t>", Axis("x", TICKS), Axis("y", TICKS), {"one": dots}, diagonal=True)
    at = [(float(x), float(y)) for x, y in re.findall(r'<circle cx="([-\d.]+)" cy="([-\d.]+)"', plot)]
    (left, bottom), (middle, quarter), (right, top) = at
    assert left < middle < right and top < quarter < bottom
    assert quarter == pytest.approx(bottom - (bottom - top) / 4, abs=0.2)
    assert plot.count('class="bar') == 1 and plot.count('class="ideal"') == 1
    assert "beyond" not in plot and "<t>" not in plot and "&lt;1&gt;" in plot
    assert "one" not in plot  # a single series needs no legend
    two = make_plot("t", Axis("x", TICKS), Axis("y", TICKS), {"one": dots, "two": []}, 1)
    assert ">one<" in two and ">two<" in two and 'class="curve s2"' in two


def test_what_differs_is_marked_on_both_sides() -> None:
    assert mark_edits("a b", "ab") == ("a<mark>␣</mark>b", "a<mark>·</mark>b")
    assert mark_edits("<", "<") == ("&lt;", "&lt;")


def test_a_picture_that_cannot_be_shown_is_its_reason() -> None:
    assert "no picture named" in show_picture("")
    assert "&lt;x&gt;.png: no such file" in show_picture("<x>.png")
