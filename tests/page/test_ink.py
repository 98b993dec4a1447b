"""Empty rules are told from writing, whatever the paper; and a finder does not give them."""

import cv2
import numpy as np
import pytest

import netchu
from netchu.image import open_grey, to_height
from netchu.page.detect import open_finder
from netchu.page.ink import is_rule

SAMPLE = open_grey(netchu.__file__.replace("__init__.py", "samples/sample.png"))


def ruled(height: int = 50, width: int = 600, thick: int = 2, slant: int = 0, gap: int = 0) -> np.ndarray:
    strip = np.full((height, width), 240, np.uint8)
    cv2.line(strip, (0, 30), (width, 30 + slant), 120, thick)
    if gap:
        strip[:, ::gap] = strip[:, 1::gap] = strip[:, 2::gap] = 240
    noise = np.random.default_rng(0).normal(0, 4, strip.shape)
    return np.clip(strip + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("how", [{}, {"thick": 4}, {"slant": 8}, {"gap": 9}, {"width": 90}, {"height": 34}])
def test_a_rule_is_no_writing(how):
    assert is_rule(ruled(**how))
    assert is_rule(255 - ruled(**how))


def test_nothing_is_no_writing_and_nothing_is_too_small_to_ask():
    assert is_rule(np.full((40, 300), 200, np.uint8))
    for shape in ((1, 1), (1, 2), (1, 500), (3, 5), (500, 1)):
        is_rule(np.full(shape, 128, np.uint8))


def test_writing_on_a_rule_is_writing():
    for columns in ((0, 390), (560, 1060), (0, 1256)):
        strip = to_height(SAMPLE[:, slice(*columns)], 60)
        assert not is_rule(strip)
        strip[45:47] = np.minimum(strip[45:47], 100)
        assert not is_rule(strip)
    word = ruled(60, 900)
    word[:, 400:520] = np.minimum(word[:, 400:520], to_height(SAMPLE[:, :390], 60, 120))
    assert not is_rule(word)  # one word on a long rule


def test_a_short_stroke_may_be_meant():
    assert not is_rule(ruled(50, 60))


def test_ruled_paper_has_only_the_lines_that_are_written():
    page = np.full((900, 900), 250, np.uint8)
    for top in range(100, 860, 75):
        page[top : top + 2, 60:840] = 170
    for top in (190, 265):
        part = to_height(SAMPLE[:, :390], 60)
        page[top - 45 : top + 15, 100 : 100 + part.shape[1]] = np.minimum(
            page[top - 45 : top + 15, 100 : 100 + part.shape[1]], part
        )
    assert len(open_finder().find_lines(page)) == 2
