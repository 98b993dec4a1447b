"""Augmentation varies a line and never makes another text of it."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import draw_text
from hypothesis import given, settings
from hypothesis import strategies as st

from netchu.data.augment import augment
from netchu.image import to_height

HEIGHT = 48
LINE = draw_text("Lorem ipsum dolor sit amet, quod erat", size=36)


def width_of(line: np.ndarray) -> int:
    return to_height(line, HEIGHT).shape[1]


def varied(seed: int, line: np.ndarray = LINE, strength: float = 1.0) -> np.ndarray:
    return augment(line, HEIGHT, width_of(line), np.random.default_rng(seed), strength)


def ink(picture: np.ndarray) -> np.ndarray:
    """Ink positive, whichever way round the greys are."""
    levels = picture.astype(np.float64)
    dark = np.median(levels) - levels
    return dark if abs(dark.min()) < dark.max() else -dark


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 90), st.integers(1, 200), st.integers(16, 64), st.integers(1, 300), st.integers(0, 9))
def test_any_picture_gets_the_height_and_width_asked_for(rows: int, columns: int, h: int, w: int, seed: int) -> None:
    picture = np.random.default_rng(seed).integers(0, 255, (rows, columns)).astype(np.uint8)
    made = augment(picture, h, w, np.random.default_rng(seed))
    assert made.shape == (h, w)
    assert made.dtype == np.uint8


def test_it_depends_on_the_generator_alone() -> None:
    for seed in range(10):
        np.testing.assert_array_equal(varied(seed), varied(seed))
    assert len({varied(seed).tobytes() for seed in range(10)}) == 10


def test_the_source_is_left_alone() -> None:
    before = LINE.copy()
    for seed in range(20):
        varied(seed)
    np.testing.assert_array_equal(LINE, before)


def test_strength_nought_only_scales() -> None:
    plain = to_height(LINE, HEIGHT).astype(float)
    for seed in range(5):
        np.testing.assert_array_equal(varied(seed, strength=0.0), varied(0, strength=0.0))
    made = varied(0, strength=0.0).astype(float)
    assert np.corrcoef(made.ravel(), plain.ravel())[0, 1] > 0.98
    assert abs(made.mean() - plain.mean()) < 2


def profile(picture: np.ndarray, axis: int) -> np.ndarray:
    """How much ink each column (axis 0) or row (axis 1) has, faint shades left out."""
    dark = ink(picture)
    return np.convolve((dark > 0.4 * np.percentile(dark, 99.5)).sum(axis), np.ones(5) / 5, "same")


def test_it_never_flips() -> None:
    """Both profiles of ink stay nearer to the line's own than to its mirror image's."""
    line = np.full((60, 600), 230, np.uint8)
    line[8:14, 20:200] = 30  # marks above and to the left: no symmetry to hide in
    line[14:40, 20:60] = 30
    plain = to_height(line, HEIGHT)
    for seed in range(60):
        made = varied(seed, line)
        for axis in (0, 1):
            own, found = profile(plain, axis), profile(made, axis)
            assert np.corrcoef(own, found)[0, 1] > 0.2 + np.corrcoef(own[::-1], found)[0, 1], (seed, axis)


def test_ink_is_neither_lost_nor_smeared_over() -> None:
    plain = ink(to_height(LINE, HEIGHT))
    strokes = plain > 0.4 * plain.max()
    for seed in range(60):
        made = ink(varied(seed))
        share = (made > 0.4 * np.percentile(made, 99.8)).sum() / strokes.sum()
        assert 0.4 < share < 2.5, seed


@pytest.mark.parametrize("end", ["top", "bottom"])
def test_marks_above_and_below_stay_in_the_picture(end: str) -> None:
    """A dot as small as a tone mark, as near to the border as tight crops leave it."""
    line = np.full((60, 500), 230, np.uint8)
    line[20:42, 10:490:9] = 30
    line[20:42, 11:490:9] = 30
    rows = slice(4, 9) if end == "top" else slice(51, 56)
    lost = 0
    for seed in range(60):
        marked = line.copy()
        marked[rows, 240:247] = 30
        made, bare = ink(varied(seed, marked)), ink(varied(seed, line))
        middle = slice(made.shape[1] // 2 - 40, made.shape[1] // 2 + 40)
        lost += int(np.abs(made - bare)[:, middle].max() < 0.25 * np.percentile(bare, 99))
    assert lost <= 1  # of 60
