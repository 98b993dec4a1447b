"""The page of an evaluation."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from netchu.metrics import score
from netchu.reliability import Sure, examine
from netchu.scorecard import Scored, write_page

VOID = {"meta", "img", "br", "circle", "path", "line", "polyline"}


class Nesting(HTMLParser):
    """Every tag that opens closes, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def scored(name: str, references: list[str], hypotheses: list[str]) -> Scored:
    rng = np.random.default_rng(0)
    readings = [
        Sure(tuple(text), tuple(rng.random(len(text)).tolist()), tuple(rng.random(len(text.split())).tolist()), 0.5)
        for text in hypotheses
    ]
    return Scored(name, score(references, hypotheses), examine(references, readings), references, readings)


def test_the_page_is_whole_and_shows_what_was_found(tmp_path: Path) -> None:
    sets = [scored("<one>", ["ab cd", "ef", "gh"], ["ab cx", "ef", ""]), scored("two", ["a"] * 40, ["a"] * 40)]
    write_page(tmp_path / "out.html", "vi & co", sets)
    page = (tmp_path / "out.html").read_text("utf-8")
    checker = Nesting()
    checker.feed(page)
    assert not checker.open
    assert page.count("<svg") == 2 * 4  # three diagrams and a curve each
    assert "&lt;one&gt;" in page and "<one>" not in page and "vi &amp; co" in page
    assert "<mark>d</mark>" in page and "<mark>x</mark>" in page
    assert "Every line was read right." in page
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    for x, y in re.findall(r'<circle cx="([-\d.]+)" cy="([-\d.]+)"', page):
        assert 46 <= float(x) <= 560 and 40 <= float(y) <= 300


def test_a_set_of_nothing_but_empty_readings(tmp_path: Path) -> None:
    write_page(tmp_path / "out.html", "vi", [scored("one", ["a", "b"], ["", ""])])
    assert "Worst lines" in (tmp_path / "out.html").read_text("utf-8")
