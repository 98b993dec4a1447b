"""Straightening drawn pages: what is bent comes out straight, what is flat untouched, and all has a way back."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import pytest

from netchu.page.flat import turned
from netchu.page.orient import orientation
from netchu.page.straighten import straighten
from netchu.page.trace import FoundLine

WIDTH, HEIGHT = 800, 1000
TALL = 24.0  # what bars are said to be high as lines of writing


def bars(grey):
    """A finder of dark bars: their middles, from left to right, and a box's outline."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((grey < 110).astype(np.uint8))
    found = []
    for label in range(1, count):
        left, top, width, height, area = stats[label]
        if area < 150 or max(width, height) < 60 or max(width, height) > 0.95 * max(grey.shape):
            continue
        rows, columns = np.nonzero(labels[top : top + height, left : left + width] == label)
        axis, other = (columns, rows) if width >= height else (rows, columns)
        places = np.arange(0, axis.max() + 1, 10)
        middles = [other[(axis >= place) & (axis < place + 10)].mean() for place in places]
        ends = np.minimum(places + 4.5, axis.max())
        points = np.stack([ends, middles] if width >= height else [middles, ends], axis=1) + np.array(
            [left + 0.5, top + 0.5]
        )
        baseline = tuple(map(tuple, points.tolist()))
        outline = [*(points - (0, 16)).tolist(), *(points[::-1] - (0, -16)).tolist()]
        found.append(FoundLine(baseline, tuple(map(tuple, outline)), 0.9, TALL))
    return sorted(found, key=lambda line: line.baseline[0][1])


def page(paper=230, ink=40):
    """Bars in a block, the last of each paragraph shorter, and the places of their middles (n, 40, 2)."""
    grey = np.full((HEIGHT, WIDTH), paper, np.uint8)
    lines = []
    for number, y in enumerate(range(120, 900, 34)):
        right = 700 if number % 6 else 420
        grey[y - 3 : y + 3, 100:right] = ink
        lines.append(np.stack([np.linspace(100, right, 40), np.full(40, float(y))], axis=1))
    return grey, np.stack(lines)


def seen(points, depth=0.18, pitch=0.25):
    """Where a camera sees points of a sheet that bulges like a wave: not the sheet that is fitted, a sine."""
    x, y = (np.asarray(points, np.float64) - (WIDTH / 2, HEIGHT / 2)).T / WIDTH
    z = depth * np.sin(2.2 * x + 0.9)
    high, far = y * np.cos(pitch) - z * np.sin(pitch), y * np.sin(pitch) + z * np.cos(pitch)
    return np.stack([x, high], axis=1) / (1 + far / 1.6)[:, None] * WIDTH + (WIDTH / 2, HEIGHT / 2)


@cache
def camera():
    """The points of the page (HEIGHT, WIDTH, 2) that the camera sees, by pulling every point to where it is seen."""
    xs, ys = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    wanted = np.stack([xs.ravel(), ys.ravel()], axis=1)
    from_where = wanted.copy()
    for _ in range(30):
        from_where += wanted - seen(from_where)
    return from_where.reshape(HEIGHT, WIDTH, 2).astype(np.float32) - 0.5


def bent(grey):
    places = camera()
    return cv2.remap(grey, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderValue=230)


def similar(points, truth):
    one, other = (np.asarray(side) @ (1, 1j) for side in (points, truth))
    one = one - one.mean()
    moved = one * np.vdot(one, other - other.mean()) / np.vdot(one, one) + other.mean()
    return np.abs(moved - other)


def test_a_bent_page_comes_out_straight_and_leads_back():
    grey, lines = page()
    picture = bent(grey)
    flat = straighten(picture, bars)
    assert flat.dewarped and not flat.untouched
    truth = lines.reshape(-1, 2)
    before, after = similar(seen(truth), truth).mean(), similar(flat.to_flat(seen(truth)), truth).mean()
    assert after < 0.4 * before and after < 5
    level = [np.std([y for _, y in line.baseline]) for line in flat.lines]
    assert len(flat.lines) == len(lines) and np.median(level) < 1.0
    crooked = [np.std([y for _, y in line.baseline]) for line in bars(picture)]
    assert np.median(crooked) > 3.0
    # The lines found on the flat picture lie, in the original, on the bars that were there.
    for line in flat.lines:
        x, y = flat.to_original(line.baseline[2:-2]).T
        assert picture[y.astype(int), x.astype(int)].max() < 140
    points = np.random.default_rng(0).uniform((60, 60), (740, 940), (500, 2))
    assert np.abs(flat.to_original(flat.to_flat(points)) - points).max() < 0.05


def test_the_flat_picture_holds_all_of_the_page():
    grey, _ = page()
    grey[20:24, 20:24] = grey[-24:-20, -24:-20] = 0
    flat = straighten(bent(grey), bars)
    marks = seen(np.array([(22.0, 22.0), (WIDTH - 22.0, HEIGHT - 22.0)]))
    inside = (marks > 0).all(axis=1) & (marks < (WIDTH, HEIGHT)).all(axis=1)
    assert flat.dewarped and inside.any()
    for x, y in flat.to_flat(marks[inside]):
        assert flat.picture[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2].min() < 120


def test_a_flat_page_is_untouched_and_looked_at_once():
    grey, _ = page()
    looks = []
    flat = straighten(grey, lambda picture: looks.append(1) or bars(picture))
    assert flat.untouched and flat.picture is grey and len(looks) == 1
    again = straighten(grey, lambda picture: pytest.fail("looked again"), lines=flat.lines)
    assert again.picture is grey and again.lines == flat.lines
    points = np.array([(3.5, 7.25)])
    assert (flat.to_original(points) == points).all() and (flat.to_flat(points) == points).all()


def test_wavy_writing_on_a_flat_page_is_no_curl():
    rng = np.random.default_rng(3)
    grey = np.full((HEIGHT, WIDTH), 230, np.uint8)
    for y in range(120, 900, 40):
        x = np.arange(100, 700)
        wave = y + rng.uniform(2, 5) * np.sin(x / rng.uniform(60, 150) + rng.uniform(0, 6)) + rng.normal(0, 0.008) * x
        for column, row in zip(x, wave):
            grey[int(row) - 3 : int(row) + 3, column] = 40
    assert straighten(grey, bars).untouched


def test_a_sheet_is_given_up_where_less_is_found_on_it():
    picture = bent(page()[0])
    first = bars(picture)
    looked = []

    def forgetful(grey):
        looked.append(1)
        return bars(grey)[::2]

    assert straighten(picture, forgetful, lines=first).untouched and looked
    assert straighten(picture, lambda grey: 2 * bars(grey), lines=first).untouched


@pytest.mark.parametrize("degrees", [-9.0, 6.0])
def test_skew_is_taken_out(degrees):
    grey, _ = page()
    matrix = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), -degrees, 0.8)
    flat = straighten(cv2.warpAffine(grey, matrix, (WIDTH, HEIGHT), borderValue=230), bars)
    assert flat.angle == pytest.approx(degrees, abs=0.3) and not flat.dewarped
    assert max(np.ptp([y for _, y in line.baseline]) for line in flat.lines) < 3
    corners = np.array([(0.0, 0.0), (WIDTH, 0.0), (0.0, HEIGHT), (WIDTH, HEIGHT)])
    moved = flat.to_flat(corners)
    assert (moved > -0.01).all() and (moved < np.array(flat.picture.shape[::-1]) + 1.01).all()
    assert flat.to_original(moved) == pytest.approx(corners, abs=1e-6)


def test_a_slight_slope_is_left():
    grey, _ = page()
    matrix = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), 1.0, 0.9)
    assert straighten(cv2.warpAffine(grey, matrix, (WIDTH, HEIGHT), borderValue=230), bars).untouched


def on_table(paper=230):
    table = np.full((1500, 1400), 30, np.uint8)
    table[200 : 200 + HEIGHT, 300 : 300 + WIDTH] = page(paper)[0]
    return table


def test_surroundings_are_cut_off():
    picture = on_table()
    whole = moved_lines()
    flat = straighten(picture, lambda grey: whole if grey.shape == picture.shape else bars(grey))
    assert flat.cropped and flat.picture.shape[0] < 1100 and flat.picture.shape[1] < 900
    left, top = flat.to_original([(0.0, 0.0)])[0]
    assert 250 < left <= 300 and 150 < top <= 200
    assert (flat.picture == picture[int(top) :, int(left) :][: flat.picture.shape[0], : flat.picture.shape[1]]).all()


def moved_lines():
    found = bars(page()[0])
    moved = [[tuple((x + 300, y + 200) for x, y in part) for part in (line.baseline, line.polygon)] for line in found]
    return [FoundLine(baseline, polygon, 0.9, TALL) for baseline, polygon in moved]


def test_no_line_is_cut_off():
    picture = on_table()
    lines = [*moved_lines(), FoundLine(((20.0, 60.0), (280.0, 60.0)), (), 0.9, TALL)]
    assert straighten(picture, lambda grey: lines).untouched


def test_shadows_are_taken_out_on_request():
    grey, _ = page()
    shade = np.linspace(1.0, 0.45, WIDTH)[None]
    picture = (grey * shade).astype(np.uint8)
    assert not straighten(picture, bars).lit
    lines = bars(grey)
    flat = straighten(picture, lambda _: lines, light=True)
    assert flat.lit and not flat.steps and not flat.untouched
    paper = flat.picture[60:90].astype(float)
    assert paper.max() < 1.15 * paper.min()
    assert flat.picture[390:394].min() < 90
    assert not straighten(grey, bars, light=True).lit


def marked():
    """A page of lines with ascenders: what a reader of such lines sees when they are upright."""
    grey, lines = page()
    for y in lines[:, 0, 1]:
        for x in range(100, 400, 30):
            grey[int(y) - 11 : int(y), x : x + 4] = 40
    return grey


def sureness(strips):
    """Sure of lines with more ink above their bar than below, unsure of any other."""
    found = []
    for strip in strips:
        ink = (strip < 130).sum(axis=1)
        bar = np.flatnonzero(ink > 0.8 * ink.max())
        found.append(0.9 if ink[: bar[0]].sum() > ink[bar[-1] + 1 :].sum() else 0.5)
    return found


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_pages_are_turned_upright(turn):
    upright = marked()
    picture, back = turned(upright, turn)
    assert orientation(picture, bars, sureness) == -turn % 360
    flat = straighten(picture, bars, sureness)
    assert flat.turn == -turn % 360 and (flat.picture == upright).all()
    point = np.array([(101.5, 111.5)])
    assert flat.to_flat(back.to_flat(point)) == pytest.approx(point)
    x, y = flat.to_original(point)[0]
    assert picture[int(y), int(x)] == 40


def test_an_upright_page_is_turned_at_the_cost_of_three_lines():
    read, looks = [], []

    def reader(strips):
        read.append(len(strips))
        return sureness(strips)

    assert orientation(marked(), lambda grey: looks.append(1) or bars(grey), reader) == 0
    assert read == [6] and len(looks) == 1


def test_a_blank_page_stays():
    blank = np.full((300, 200), 255, np.uint8)
    assert straighten(blank, bars, sureness).untouched
    assert orientation(blank, bars, sureness) == 0
    assert straighten(np.zeros((1, 1), np.uint8), bars, sureness, light=True).untouched
