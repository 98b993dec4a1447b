"""Perfect maps give back the lines that they were painted from, whatever way the lines run; and nothing else."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from netchu.page.baseline_score import coverage, page_rates
from netchu.page.maps import (
    ABOVE,
    BELOW,
    END,
    MAPS,
    RIBBON,
    START,
    STRIDE,
    Track,
    from_map,
    paint,
    to_map,
    track,
)
from netchu.page.trace import USUAL, trace

SIDE = 800  # pixels of the pages here


def line_of(points: np.ndarray, above: float = 20.0, below: float = 6.0) -> Track:
    """A track along `points` (n, 2) with the same height everywhere."""
    points = np.asarray(points, dtype=np.float64)
    along = np.gradient(points, axis=0)
    along /= np.hypot(*along.T)[:, None]
    up = np.stack([along[:, 1], -along[:, 0]], axis=1)
    return np.stack([points + above * up, points, points - below * up], axis=1)


def straight(x: float, y: float, length: float, degrees: float = 0.0) -> np.ndarray:
    way = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    return np.array([x, y]) + np.linspace(0, length, 40)[:, None] * way


def found_in(tracks, options=USUAL, side=SIDE):
    maps, known = paint(tracks, (side // STRIDE, side // STRIDE))
    assert maps.shape == (MAPS, side // STRIDE, side // STRIDE) and known.shape == maps.shape[1:]
    return trace(maps, options=options)


def rates_of(tracks, found):
    return page_rates(coverage([[tuple(p) for p in each[:, 1]] for each in tracks], [one.baseline for one in found]))


def wave(x: float, y: float, length: float, high: float) -> np.ndarray:
    along = np.linspace(0, length, 60)
    return np.stack([x + along, y + high * np.sin(along / 90)], axis=1)


PAGES = {
    "a column": [straight(100, 60 + 30 * k, 500 - 20 * (k % 3)) for k in range(20)],
    "close lines": [straight(100, 60 + 15 * k, 600) for k in range(30)],
    "slanting": [straight(100, 200 + 40 * k, 550, -8) for k in range(10)],
    "waves": [wave(60, 100 + 45 * k, 650, 14) for k in range(12)],
    "a register": [straight(40 + 120 * i, 60 + 28 * k, 100 if i % 2 else 60) for k in range(20) for i in range(6)],
    "cells nearly touching": [straight(40 + 100 * i, 60 + 40 * k, 94) for k in range(10) for i in range(6)],
    "single figures": [straight(60 + 60 * i, 60 + 40 * k, 12) for k in range(10) for i in range(8)],
    "downwards": [straight(700 - 40 * k, 80, 600, 90) for k in range(8)],
    "upside down": [straight(700, 100 + 40 * k, 600, 180) for k in range(8)],
    "an arch": [np.array([400, 700]) + 300 * np.array([(-np.cos(a), -np.sin(a)) for a in np.linspace(0.5, 2.6, 60)])],
}


@pytest.mark.parametrize("name", PAGES)
def test_perfect_maps_give_the_lines_back(name):
    tracks = [line_of(points) for points in PAGES[name]]
    found = found_in(tracks)
    assert len(found) == len(tracks)
    recall, precision = rates_of(tracks, found)
    assert min(recall, precision) > 0.999


@pytest.mark.parametrize("degrees", [0, 90, 180, 270, 20])
def test_baselines_run_in_the_direction_of_reading(degrees):
    (found,) = found_in([line_of(straight(400, 400, 300, degrees))])
    way = np.subtract(found.baseline[-1], found.baseline[0])
    assert np.degrees(np.arctan2(way[1], way[0])) % 360 == pytest.approx(degrees, abs=3)
    top, foot = found.polygon[0], found.polygon[-1]
    up = np.array([way[1], -way[0]]) / np.hypot(*way)
    assert np.subtract(top, foot) @ up == pytest.approx(26, abs=2)


def test_ends_and_heights_are_found_to_a_pixel_or_two():
    (found,) = found_in([line_of(straight(101.0, 203.0, 333.0), above=25, below=8)])
    assert found.baseline[0] == pytest.approx((101, 203), abs=2.5)
    assert found.baseline[-1] == pytest.approx((434, 203), abs=2.5)
    assert found.height == pytest.approx(33, rel=0.1) and found.confidence > 0.7
    tops = [y for _, y in found.polygon[: len(found.polygon) // 2]]
    assert tops == pytest.approx([178] * len(tops), abs=3)


def test_pieces_of_a_line_are_joined_where_no_end_is_between_them():
    maps, _ = paint([line_of(straight(100, 200, 400))], (SIDE // STRIDE, SIDE // STRIDE))
    maps[:, :, 70:74] = 0  # 16 pixels of a gap in a line 26 high
    assert len(trace(maps)) == 1
    maps[END, :, 71] = 0.9
    assert len(trace(maps)) == 2
    assert len(trace(maps, options=dataclasses.replace(USUAL, stop=0.95, end=0.95))) == 1


def test_pieces_too_far_apart_or_aside_stay_two():
    for gap, down in ((20, 0), (4, 4)):
        maps = np.zeros((MAPS, 100, 200), np.float32)
        maps[ABOVE], maps[BELOW] = to_map(np.float32(20)), to_map(np.float32(6))
        maps[RIBBON, 40:42, 20:80] = 1
        maps[RIBBON, 40 + down : 42 + down, 80 + gap : 150] = 1
        assert len(trace(maps)) == 2


def test_a_fork_is_two_lines():
    maps = np.zeros((MAPS, 100, 200), np.float32)
    maps[ABOVE], maps[BELOW] = to_map(np.float32(20)), to_map(np.float32(6))
    maps[RIBBON, 40:42, 20:180] = 1
    for k in range(60):
        maps[RIBBON, 42 + k // 4 : 44 + k // 4, 100 + k] = 1
    found = trace(maps)
    assert len(found) == 2
    assert max(one.baseline[-1][0] - one.baseline[0][0] for one in found) == pytest.approx(640, abs=12)


def test_short_and_unsure_lines_are_dropped_when_told_to():
    tracks = [line_of(straight(100, 200, 400)), line_of(straight(100, 300, 20))]
    assert len(found_in(tracks)) == 2
    assert len(found_in(tracks, dataclasses.replace(USUAL, shortest=2.0))) == 1
    maps, _ = paint(tracks, (SIDE // STRIDE, SIDE // STRIDE))
    sure = trace(maps)
    maps[RIBBON] *= 0.7
    unsure = trace(maps)
    assert len(unsure) == 2
    assert all(0.5 <= one.confidence < other.confidence <= 1 for one, other in zip(unsure, sure))
    assert trace(maps, options=dataclasses.replace(USUAL, sure=0.99)) == []


@pytest.mark.parametrize("end", [START, END])
def test_what_lacks_the_mark_of_an_end_is_less_likely_a_line(end):
    maps, _ = paint([line_of(straight(100, 200, 400))], (SIDE // STRIDE, SIDE // STRIDE))
    maps[RIBBON] *= 0.6
    (marked,) = trace(maps)
    maps[end] = 0
    assert trace(maps) == []
    (bare,) = trace(maps, options=dataclasses.replace(USUAL, sure=0.0))
    assert bare.confidence < 0.5 < marked.confidence


def test_small_specks_on_a_page_of_larger_writing_are_less_likely_lines():
    large = [line_of(straight(100, y, 400)) for y in (100, 200, 300)]
    speck = line_of(straight(100, 400, 30), 5, 2)
    maps, _ = paint([*large, speck], (SIDE // STRIDE, SIDE // STRIDE))
    maps[RIBBON] *= 0.8
    assert len(trace(maps)) == 3
    alone, _ = paint([speck], (SIDE // STRIDE, SIDE // STRIDE))
    alone[RIBBON] *= 0.8
    assert len(trace(alone)) == 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (64, 64)])
@pytest.mark.parametrize("value", [0.0, 1.0, 0.5])
def test_maps_without_sense_break_nothing(shape, value):
    maps = np.full((MAPS, *shape), value, np.float32)
    found = trace(maps)
    assert all(np.isfinite(one.baseline).all() and np.isfinite(one.polygon).all() for one in found)
    assert found == [] or value == 1.0 or value == 0.5


def test_noise_breaks_nothing():
    rng = np.random.default_rng(0)
    for _ in range(5):
        maps = rng.random((MAPS, 90, 70)).astype(np.float32) * 1.4
        assert all(len(one.baseline) >= 2 and len(one.polygon) >= 4 for one in trace(maps))


def test_scale_brings_lines_to_the_page():
    tracks = [line_of(straight(100, 200, 400))]
    maps, _ = paint(tracks, (SIDE // STRIDE, SIDE // STRIDE))
    (one,), (twice,) = trace(maps), trace(maps, (2.0, 2.0))
    assert np.asarray(twice.baseline) == pytest.approx(2 * np.asarray(one.baseline), abs=0.2)
    assert twice.height == pytest.approx(2 * one.height)


def test_heights_survive_their_map():
    heights = np.array([0, 1, 10, 200], np.float32)
    assert from_map(to_map(heights)) == pytest.approx(heights, abs=1e-3)


def test_a_track_measures_its_polygon():
    polygon = [(0, 70), (100, 60), (200, 70), (200, 110), (0, 110)]
    found = track([(0, 100), (200, 100)], polygon, 10)
    assert len(found) == 21
    assert found[:, 1].tolist() == [[10.0 * k, 100.0] for k in range(21)]
    assert found[10, 0].tolist() == [100, 60] and found[10, 2].tolist() == [100, 110]
    assert np.isnan(track([(0, 100), (200, 100)], [], 10)[:, [0, 2]]).all()


def test_heights_are_known_on_ribbons_with_an_outline_only():
    with_outline = track([(100, 100), (700, 100)], [(100, 70), (700, 70), (700, 110), (100, 110)], 8)
    without = track([(100, 300), (700, 300)], [], 8)
    maps, known = paint([with_outline, without], (200, 200))
    assert known[25, 30:170].all() and not known[60:].any()
    assert maps[RIBBON, 74:76, 100].max() > 0.5
    assert from_map(maps[ABOVE, 25, 50]) == pytest.approx(30, abs=1)
    assert from_map(maps[BELOW, 25, 50]) == pytest.approx(10, abs=1)


def test_marks_of_ends_do_not_cut_the_lines_beside():
    tracks = [line_of(straight(100, 200, 500)), line_of(straight(300, 214, 100))]
    maps, _ = paint(tracks, (SIDE // STRIDE, SIDE // STRIDE))
    assert maps[START, :, 74].max() > 0.5 and maps[END, :, 100].max() > 0.5
    assert maps[START : END + 1, 49:51, 40:140].max() < 0.5
    assert len(trace(maps)) == 2
