"""From a decoder's reading to a Line."""

from __future__ import annotations

import math

import numpy as np
import pytest

from netchu.calibration import Calibration, Logistic
from netchu.compose import compose, split
from netchu.decode.reading import Reading
from netchu.records import Line
from netchu.text import Charset

CHARSET = Charset(("", " ", "a", "b"))
PAPER = np.full((30, 60), 255, np.uint8)
PATH = Reading((1, 2, 1, 1, 3, 1), (0, 2, 5, 8, 10, 13), (1, 4, 6, 9, 12, 14), (0.5, 0.8, 0.9, 0.4, 0.2, 0.7))


def test_characters_meet_halfway_and_single_spaces_are_kept():
    line = compose(PATH, CHARSET, PAPER, 4.0, boxes=False)
    assert line.text == "a b"
    assert [char.box for char in line.chars] == [(0, 0, 18, 30), (18, 0, 32, 30), (32, 0, 60, 30)]
    assert compose(Reading((), (), (), ()), CHARSET, PAPER, 4.0) == Line("", 0.0, line.polygon, ())
    assert compose(Reading((1, 1), (0, 3), (1, 4), (0.5, 0.5)), CHARSET, PAPER, 4.0).text == ""


def test_words_and_lines_are_as_sure_as_all_their_parts():
    line = compose(PATH, CHARSET, PAPER, 4.0, boxes=False)
    assert [(word.text, word.box) for word in line.words] == [("a", (0, 0, 18, 30)), ("b", (32, 0, 60, 30))]
    assert [word.confidence for word in line.words] == pytest.approx([0.8 * 0.9, 0.9 * 0.2])  # with the space beside
    assert line.confidence == pytest.approx(0.8 * 0.9 * 0.2)


def test_what_may_be_missing_counts_against_words_not_characters():
    missing = (0.1, 0.0, 0.2, 0.3, 0.4, 0.0, 0.5)
    line = compose(Reading(**{**PATH.__dict__, "missing": missing}), CHARSET, PAPER, 4.0, boxes=False)
    assert [char.confidence for char in line.chars] == pytest.approx([0.8, 0.9, 0.2])
    before, middle, after = 0.9, 0.8, 0.5
    third = 0.7 * 0.6  # the second space is left out: what is missing beside it is missing before "b"
    assert line.words[0].confidence == pytest.approx(0.8 * 0.9 * before * middle)
    assert line.words[1].confidence == pytest.approx(0.9 * 0.2 * third * after)
    assert line.confidence == pytest.approx(0.8 * 0.9 * 0.2 * before * middle * third * after)


def test_calibration_maps_each_level_and_alternatives_share_what_is_left():
    reading = Reading((2,), (0,), (2,), (0.6,), alternatives=(((3, 0.3), (0, 0.1)),))
    halved = Calibration(char=Logistic(0.5), word=Logistic(2.0), line=Logistic(1.0, -1.0))
    line = compose(reading, CHARSET, PAPER, 4.0, halved, boxes=False)
    odds = math.sqrt(0.6 / 0.4)
    assert line.chars[0].confidence == pytest.approx(odds / (1 + odds))
    assert line.words[0].confidence == pytest.approx(2.25 / 3.25)
    assert line.confidence == pytest.approx(1.5 / math.e / (1 + 1.5 / math.e))
    left = 1 - line.chars[0].confidence
    assert [text for text, _ in line.chars[0].alternatives] == ["b", ""]
    assert [share for _, share in line.chars[0].alternatives] == pytest.approx([left * 0.75, left * 0.25])


def test_boxes_are_fitted_to_the_ink():
    picture = PAPER.copy()
    picture[10:20, 9:14] = picture[10:20, 40:45] = 0
    line = compose(Reading((2, 1, 3), (2, 5, 10), (3, 6, 11), (1.0, 1.0, 1.0)), CHARSET, picture, 4.0)
    assert line.chars[0].box == (9, 10, 14, 20)
    assert line.chars[2].box == (40, 10, 45, 20)
    assert line.chars[1].box[0] >= 14 and line.chars[1].box[2] <= 40
    assert [word.box for word in line.words] == [(9, 10, 14, 20), (40, 10, 45, 20)]


@pytest.mark.parametrize(
    ("chars", "spans"),
    [("", []), (" ", []), ("ab", [(0, 2)]), (" a  bc ", [(1, 2), (4, 6)]), ("a\u3000b", [(0, 1), (2, 3)])],
)
def test_split(chars, spans):
    assert split(chars) == spans
