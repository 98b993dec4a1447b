"""The parts of straightening: maps and their inverses, the edges of a sheet, and the light."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from netchu.page.curl import Curl, View, on_sheet
from netchu.page.dewarp import evidence, fit
from netchu.page.edges import sheet_edges
from netchu.page.flat import Affine, Flat, resampled, turned
from netchu.page.light import sheet_box
from netchu.page.trace import FoundLine

VIEW = View((500.0, 700.0), 1680.0, 480.0, 420.0)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_turning_moves_pixels_where_it_says(turn):
    grey = np.arange(30, dtype=np.uint8).reshape(5, 6)
    picture, step = turned(grey, turn)
    rows, columns = picture.shape
    middles = np.stack(np.meshgrid(np.arange(columns) + 0.5, np.arange(rows) + 0.5), axis=-1).reshape(-1, 2)
    x, y = np.floor(step.to_original(middles)).astype(int).T
    assert (grey[y, x] == picture.ravel()).all()
    assert step.to_flat(step.to_original(middles)) == pytest.approx(middles)


def test_a_curl_leads_there_and_back():
    rng = np.random.default_rng(1)
    for _ in range(20):
        numbers = tuple(rng.uniform(-1, 1, 7) * (0.15, 0.3, 0.2, 0.15, 0.08, 0.05, 0.3))
        curl = Curl(numbers, VIEW, (-30.0, 12.0))
        points = rng.uniform((0, 0), (1000, 1400), (400, 2))
        assert np.abs(curl.to_original(curl.to_flat(points)) - points).max() < 0.02
        flat = curl.to_flat(points)
        assert np.abs(curl.to_flat(curl.to_original(flat)) - flat).max() < 0.02


def test_a_sheet_keeps_its_lengths():
    """From fold to fold a flat picture is as wide as the way along the paper, not as what is seen of it."""
    view = View((500.0, 700.0), 1680.0, 500.0, 400.0)
    curl = Curl((0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0), view)
    level = np.stack([np.linspace(500, 820, 400), np.full(400, 700.0)], axis=1)
    across, _, depth = (each[0] for each in on_sheet(level, np.array([curl.numbers]), view))
    way = np.hypot(np.diff(across), np.diff(depth)).sum() * view.focal
    straight = (across[-1] - across[0]) * view.focal
    assert np.ptp(curl.to_flat(level)[:, 0]) == pytest.approx(way, abs=0.2) and way > 1.05 * straight


def test_steps_are_taken_in_order():
    first, second = Affine(((2.0, 0.0, 5.0), (0.0, 2.0, 0.0))), Affine(((0.0, 1.0, 0.0), (-1.0, 0.0, 100.0)))
    flat = Flat(np.zeros((2, 2), np.uint8), steps=(first, second))
    assert flat.to_original([(10.0, 20.0)]).tolist() == [[40.0, 75.0]]
    assert flat.to_flat([(40.0, 75.0)]) == pytest.approx(np.array([[10.0, 20.0]]))


def test_resampling_is_where_the_step_says():
    """A ramp of grey says to a fraction of a pixel where each pixel came from."""
    columns, rows = np.meshgrid(np.arange(1000), np.arange(1400))
    curl = Curl((0.05, 0.2, -0.15, 0.2, 0.05, 0.05, 0.0), VIEW, (-420.0, -600.0))
    for ramp, axis in (((columns % 200) + 20, 0), ((rows % 200) + 20, 1)):
        flat = resampled(ramp.astype(np.uint8), curl, (800, 1100))
        middles = np.stack(np.meshgrid(np.arange(800) + 0.5, np.arange(1100) + 0.5), axis=-1).reshape(-1, 2)
        there = curl.to_original(middles)
        places = there[:, axis] - 0.5
        clear = (there > 2).all(axis=1) & (there < (998, 1398)).all(axis=1)
        clear &= (places % 200 > 3) & (places % 200 < 196)
        off = flat.ravel()[clear] - (places[clear] % 200 + 20)
        assert clear.mean() > 0.8 and np.abs(off).max() < 1.0


def line(points):
    return FoundLine(tuple(map(tuple, np.asarray(points).tolist())), (), 0.9, 30.0)


def test_the_sheet_that_bent_the_lines_is_found():
    curl = Curl((0.03, 0.15, -0.1, 0.2, 0.05, 0.0, 0.0), VIEW)
    levels = np.linspace(-560, 560, 26)
    flat = [np.stack([np.linspace(-380, 380 - 200 * (place % 5 == 4), 30), np.full(30, y)], axis=1)
            for place, y in enumerate(levels)]  # fmt: skip
    said = evidence([line(curl.to_original(points)) for points in flat], (1000, 1400))
    assert said is not None and said.bent > 0.1
    found = fit(said, (1000, 1400))
    assert found.after < 0.1 * found.before and found.gain > 1
    for points in flat:
        assert np.std(found.curl.to_flat(curl.to_original(points))[:, 1]) < 0.5


def test_lines_that_are_read_leftwards_say_the_same():
    curl = Curl((0.02, 0.1, 0.0, 0.2, 0.0, 0.0, 0.0), VIEW)
    flat = [np.stack([np.linspace(-380, 380, 30), np.full(30, y)], axis=1) for y in np.linspace(-560, 560, 20)]
    lines = [curl.to_original(points) for points in flat]
    one, other = (
        fit(evidence([line(points[::way]) for points in lines], (1000, 1400)), (1000, 1400)) for way in (1, -1)
    )
    assert other.curl.numbers == pytest.approx(one.curl.numbers, abs=1e-3)


def test_one_wrong_line_does_not_bend_the_sheet():
    curl = Curl((0.0, 0.1, 0.0, 0.2, 0.0, 0.0, 0.0), VIEW)
    flat = [np.stack([np.linspace(-380, 380, 30), np.full(30, y)], axis=1) for y in np.linspace(-560, 560, 20)]
    lines = [line(curl.to_original(points)) for points in flat]
    lines[7] = line([(120, 300), (500, 420), (880, 300)])
    found = fit(evidence(lines, (1000, 1400)), (1000, 1400))
    straight = [np.std(found.curl.to_flat(curl.to_original(points))[:, 1]) for points in flat]
    assert np.median(straight) < 1.0


def test_few_or_short_lines_say_nothing():
    lines = [line([(100, y), (800, y)]) for y in (100, 200, 300, 400)]
    assert evidence(lines, (1000, 1400)) is None
    assert evidence([line([(100, y), (180, y)]) for y in range(100, 900, 40)], (1000, 1400)) is None


def sheet(corners, size=(1000, 1400), ground=40, paper=220):
    picture = np.full(size[::-1], ground, np.uint8)
    cv2.fillConvexPoly(picture, np.array(corners, np.int32), paper)
    return picture


def test_edges_of_a_sheet_are_found():
    corners = np.array([(120, 90), (850, 140), (900, 1300), (80, 1250)])
    found = sheet_edges(sheet(corners))
    assert [edge.level for edge in found] == [True, False, True, False]
    for side, edge in enumerate(found):
        start, stop = corners[side].astype(float), corners[(side + 1) % 4].astype(float)
        way = (stop - start) / np.hypot(*(stop - start))
        off = (edge.points - start) @ (-way[1], way[0])
        assert np.abs(off).max() < 2.5


def test_edges_beyond_the_picture_or_torn_are_none():
    assert sheet_edges(np.full((1400, 1000), 220, np.uint8)) == ()
    found = sheet_edges(sheet([(120, 90), (999, 90), (999, 1399), (120, 1399)]))
    assert len(found) == 2
    torn = sheet([(120, 90), (850, 90), (850, 1300), (120, 1300)])
    for y in range(100, 1300, 80):
        cv2.circle(torn, (850, y), 60 if y % 160 else 25, 40, -1)
    assert not any(edge.points[:, 0].mean() > 700 for edge in sheet_edges(torn) if not edge.level)


def test_a_sheet_on_a_table_has_a_box_and_a_full_page_none():
    left, top, right, bottom = sheet_box(sheet([(200, 300), (800, 300), (800, 1100), (200, 1100)]))
    assert 160 <= left <= 200 and 260 <= top <= 300 and 800 <= right <= 840 and 1100 <= bottom <= 1140
    assert sheet_box(np.full((1400, 1000), 220, np.uint8)) is None
    askew = sheet([(400, 100), (900, 700), (600, 1300), (100, 700)])
    assert sheet_box(askew) is None
    grey_table = sheet([(200, 300), (800, 300), (800, 1100), (200, 1100)], ground=190)
    assert sheet_box(grey_table) is None
