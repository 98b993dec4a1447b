"""The page of an evaluation."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from netchu.data.lines import LineSet, Sample
from netchu.metrics import score
from netchu.records import Char, Line, Word
from netchu.reliability import examine
from netchu.scorecard import Scored, write_page

VOID = {"meta", "img", "br", "circle", "path", "line", "polyline"}
FACTS = {"model": "vi & co"}


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


def scored(name: str, references: list[str], hypotheses: list[str], normaliser: str = "nfc", **more: object) -> Scored:
    rng, box = np.random.default_rng(0), (0.0, 0.0, 1.0, 1.0)
    readings = [
        Line(
            text, 0.5, (), tuple(Char(char, float(rng.random()), box) for char in text),
            tuple(Word(word, float(rng.random()), box) for word in text.split()),
        )
        for text in hypotheses
    ]  # fmt: skip
    lines = LineSet(Path("/none"), tuple(Sample(Path(f"/none/{k}.png"), text) for k, text in enumerate(references)))
    scores = score(references, hypotheses, normaliser=normaliser)
    return Scored(name, lines, readings, scores, examine(references, readings, normaliser), **more)  # type: ignore[arg-type]


def written(path: Path, *sets: Scored) -> str:
    write_page(path, "vi & co", FACTS, sets)
    return path.read_text("utf-8")


def test_the_page_is_whole_and_shows_what_was_found(tmp_path: Path) -> None:
    sets = [scored("<one>", ["ab cd", "ef", "gh"], ["ab cx", "ef", ""]), scored("two", ["a"] * 40, ["a"] * 40)]
    page = written(tmp_path / "out.html", *sets)
    checker = Nesting()
    checker.feed(page)
    assert not checker.open
    assert page.count("<svg") == 2 * 4  # three diagrams and a curve each
    assert "&lt;one&gt;" in page and "<one>" not in page and "vi &amp; co" in page
    assert "<mark>d</mark>" in page and "<mark>x</mark>" in page
    assert page.count("<figure>") == 2 and "/none/2.png: no such file" in page
    assert "Every line was read right." in page
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    assert written(tmp_path / "again.html", *sets) == page


def test_a_set_of_nothing_but_empty_readings(tmp_path: Path) -> None:
    assert "Worst lines" in written(tmp_path / "out.html", scored("one", ["a", "b"], ["", ""]))


def test_what_the_normaliser_drops_is_no_error(tmp_path: Path) -> None:
    page = written(tmp_path / "out.html", scored("one", ["Ha, noi"], ["ha noi"], "caseless-nopunct"))
    assert "Every line was read right." in page


def test_warnings_come_before_the_scores(tmp_path: Path) -> None:
    page = written(tmp_path / "out.html", scored("one", ["a"], ["a"], warnings=("seen <before>",)))
    assert page.index("one: seen &lt;before&gt;") < page.index("Scores")


def test_of_equally_wrong_lines_the_surer_comes_first_and_thirty_are_shown(tmp_path: Path) -> None:
    one = scored("one", [f"{k:02} a" for k in range(50)], [f"{k:02} b" for k in range(50)])
    readings = [Line(line.text, k / 50, (), line.chars, line.words) for k, line in enumerate(one.readings)]
    page = written(tmp_path / "out.html", Scored(one.name, one.lines, readings, one.scores, one.examined))
    shown = re.findall(r"written</th><td dir=\"auto\">(\d\d)", page)
    assert shown == [f"{k:02}" for k in range(49, 19, -1)]
    assert "Of 50 lines that are not exactly right, the 30" in page
