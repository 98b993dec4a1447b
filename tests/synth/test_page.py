"""Drawn pages: the same for the same number, and every line where the truth says."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from netchu.page.baseline_score import coverage, page_rates
from netchu.page.maps import STRIDE, paint, track
from netchu.page.trace import trace
from netchu.synth.drawer import Drawer
from netchu.synth.page import LAYOUTS, PageDrawer

PAGES = 12


@pytest.fixture(scope="module")
def drawn(drawer: Drawer):
    pages = PageDrawer(drawer)
    return [pages.sample(k) for k in range(PAGES)]


def test_page_k_depends_on_seed_and_k_alone(drawer: Drawer, drawn) -> None:
    again = PageDrawer(drawer)
    for k in (5, 2):
        picture, page = again.sample(k)
        assert np.array_equal(picture, drawn[k][0]) and page == drawn[k][1]
    assert len({picture.tobytes() for picture, _ in drawn}) == PAGES


def test_truth_is_on_the_page_and_has_ink(drawn) -> None:
    assert sum(len(page.lines) for _, page in drawn) > 10 * PAGES
    for picture, page in drawn:
        assert picture.shape == (page.height, page.width) and picture.dtype == np.uint8
        for line in page.lines:
            points = np.array([*line.polygon, *line.baseline])
            assert (points >= 0).all() and (points <= [page.width, page.height]).all()
            assert line.text and line.text == line.text.strip()
            assert line.baseline[0][0] < line.baseline[-1][0]


def test_ink_stands_on_the_baseline(drawer: Drawer) -> None:
    """Just above a baseline it is darker than round about, just below the line it is lighter."""
    on, over = [], []
    for k in range(PAGES):
        picture, page = PageDrawer(drawer).sample(k)
        dark = cv2.GaussianBlur(picture, (0, 0), 8).astype(np.float64) - picture
        for line in page.lines:
            tall = np.ptp([y for _, y in line.polygon])
            x, y = np.array(line.baseline).T
            for away, into in ((0.15, on), (-0.3, over)):
                rows = np.clip(y - away * tall, 0, page.height - 1).astype(int)
                into.append(dark[rows, np.clip(x, 0, page.width - 1).astype(int)].mean())
    assert np.mean(on) > 3 > 0 > np.mean(over)


def test_perfect_maps_of_drawn_pages_give_their_lines_back(drawn) -> None:
    rates = []
    for _, page in drawn:
        tracks = [track(line.baseline, line.polygon, 8) for line in page.lines]
        maps, _ = paint(tracks, (-(-page.height // STRIDE), -(-page.width // STRIDE)))
        sides = ([line.baseline for line in lines] for lines in (page.lines, trace(maps)))
        rates.append(page_rates(coverage(*sides)))
    recall, precision = np.mean(rates, axis=0)
    assert min(recall, precision) > 0.98


def test_every_layout_comes(drawer: Drawer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in LAYOUTS:
        monkeypatch.setattr("netchu.synth.page.LAYOUTS", {name: 1.0})
        assert max(len(PageDrawer(drawer).sample(k)[1].lines) for k in range(4)) > 3, name
