"""The canvas keeps boxes, labels and baseline on the ink, whatever moves; a mix chooses as it says."""

from __future__ import annotations

from collections import Counter

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchu.data.ops import LONGEST, Canvas, Mix, Op, op

SEEDS = st.integers(0, 10_000)


def dotted(height: int, width: int, gap: int = 24) -> tuple[Canvas, np.ndarray]:
    """A canvas with a round dot at each of a grid of places: a small box at each, labelled 1 .. n; and the places."""
    x, y = np.meshgrid(np.arange(gap, width - gap / 2, gap), np.arange(gap * 0.6, height - gap / 3, gap))
    places = np.stack([x.ravel(), y.ravel()], 1).astype(int)
    pixels, labels = np.zeros((height, width), np.uint8), np.zeros((height, width), np.uint16)
    for number, (column, row) in enumerate(places, 1):
        cv2.circle(pixels, (int(column), int(row)), 3, 255, -1)
        near = slice(max(0, row - 4), row + 5), slice(max(0, column - 4), column + 5)
        labels[near] = np.where(pixels[near] > 0, number, 0)
    middles = places[:, None, :] + 0.5  # boxes count from a pixel's corner
    boxes = middles + np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], float)
    return Canvas(pixels, boxes.astype(np.float32), labels), places


def fields(canvas: Canvas, rng: np.random.Generator, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Smooth displacements of some `reach` heights."""
    height, width = canvas.shape
    grids = rng.normal(0, reach * height, (2, 3, width // height + 2)).astype(np.float32)
    return tuple(cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) for grid in grids)  # type: ignore[return-value]


def check_dots(canvas: Canvas, tolerance: float = 1.0) -> None:
    """Every dot that is wholly in the picture lies in the middle of its box, and bears its label."""
    assert canvas.boxes is not None and canvas.labels is not None
    height, width = canvas.pixels.shape
    assert canvas.labels.shape == (height, width)
    seen = 0
    for number, box in enumerate(canvas.boxes, 1):
        (left, top), (right, bottom) = box.min(0), box.max(0)
        if left < 7 or top < 7 or right > width - 7 or bottom > height - 7:
            continue
        corner = np.maximum([int(left) - 6, int(top) - 6], 0)
        near = slice(corner[1], int(bottom) + 7), slice(corner[0], int(right) + 7)
        ink = np.where(canvas.labels[near] == number, canvas.pixels[near], 0).astype(float)
        assert ink.max() > 60, number
        rows, columns = np.indices(ink.shape) + 0.5
        middle = corner + np.array([(ink * columns).sum(), (ink * rows).sum()]) / ink.sum()
        assert np.abs(middle - box.mean(0)).max() < tolerance, (number, middle, box.mean(0))
        seen += 1
    assert seen > len(canvas.boxes) / 4


class TestBend:
    @settings(max_examples=40, deadline=None)
    @given(SEEDS, st.integers(50, 90), st.integers(120, 700), st.floats(0.0, 0.035))
    def test_boxes_and_labels_stay_on_the_ink(self, seed: int, height: int, width: int, reach: float) -> None:
        canvas, _ = dotted(height, width)
        rng = np.random.default_rng(seed)
        for _ in range(3):
            canvas.bend(*fields(canvas, rng, reach / 2))
        canvas.bend(down=float(rng.uniform(-4, 4)))
        canvas.settle(0)
        check_dots(canvas)

    @settings(max_examples=30, deadline=None)
    @given(SEEDS, st.floats(0.5, 1.6), st.floats(0.6, 1.6))
    def test_also_when_the_size_changes_before_between_and_after(self, seed: int, tall: float, broad: float) -> None:
        canvas, _ = dotted(80, 400)
        rng = np.random.default_rng(seed)
        canvas.resize(round(80 * tall), round(400 * broad))
        canvas.bend(*fields(canvas, rng, 0.015))
        canvas.resize(72, 380)
        canvas.bend(*fields(canvas, rng, 0.015))
        canvas.pad(5, 3, 9, 2)
        canvas.bend(across=2.5)
        canvas.resize(96, 500)
        canvas.settle(0)
        assert canvas.pixels.shape == (96, 500)
        check_dots(canvas, 1.3)

    @pytest.mark.parametrize("kind", ["curl", "perspective", "both"])
    def test_also_under_strong_warps(self, kind: str) -> None:
        canvas, _ = dotted(96, 700)
        columns, rows = np.arange(700, dtype=np.float32)[None], np.arange(96, dtype=np.float32)[:, None]
        if kind != "perspective":
            canvas.bend(down=25 * np.sin(columns / 90))
        if kind != "curl":
            canvas.bend((rows - 48) * 0.6, (rows - 48) * (columns / 700 - 0.5) * 0.8)
        canvas.settle(0)
        check_dots(canvas)

    def test_what_a_bend_means(self) -> None:
        """Every pixel shows what lies so far to its right and below, in present pixels, after any resizing."""
        pixels = np.random.default_rng(0).integers(0, 255, (20, 30)).astype(np.uint8)
        canvas = Canvas(pixels, boxes=np.full((1, 4, 2), 10, np.float32), base=12.0)
        canvas.labels = np.ones((20, 30), np.uint16)
        canvas.bend(3.0, 2.0)
        np.testing.assert_array_equal(canvas.settle(0)[:18, :27], pixels[2:, 3:])
        assert not canvas.pixels[18:].any() and not canvas.labels[18:].any() and canvas.labels[:18, :27].all()
        np.testing.assert_allclose(canvas.boxes, np.broadcast_to([7.0, 8.0], (1, 4, 2)), atol=0.05)  # type: ignore[arg-type]
        assert canvas.base == pytest.approx(10.0)
        twice = Canvas(pixels)
        twice.resize(40, 60)
        twice.bend(6.0)
        once = Canvas(pixels)
        once.bend(3.0)
        once.resize(40, 60)
        np.testing.assert_array_equal(once.settle(), twice.settle())

    def test_cheap_fields_mean_the_same_as_full_ones(self) -> None:
        pixels = np.random.default_rng(0).integers(0, 255, (40, 90)).astype(np.uint8)
        across, down = np.linspace(-3, 3, 40, dtype=np.float32)[:, None], np.linspace(2, -2, 90, dtype=np.float32)
        cheap, full = Canvas(pixels), Canvas(pixels)
        cheap.bend(across, down)
        cheap.bend(0.5, -0.25)
        full.bend(np.tile(across, (1, 90)), np.tile(down, (40, 1)))
        full.bend(np.full((40, 90), 0.5, np.float32), np.full((40, 90), -0.25, np.float32))
        np.testing.assert_allclose(cheap.settle(), full.settle(), atol=1)

    def test_fields_handed_over_are_left_alone(self) -> None:
        canvas = Canvas(np.zeros((10, 20), np.uint8))
        across, down = np.ones((10, 20), np.float32), np.ones((10, 20), np.float32)
        for _ in range(3):
            canvas.bend(across, down)
        canvas.settle()
        assert (across == 1).all() and (down == 1).all()

    @pytest.mark.parametrize("shape", [(9, 20), (10, 21), (9, 1), (2, 10, 20)])
    def test_a_field_of_another_size_is_an_error(self, shape: tuple[int, ...]) -> None:
        for before in (0.0, np.ones((10, 20), np.float32)):
            canvas = Canvas(np.zeros((10, 20), np.uint8))
            canvas.bend(before, before)
            with pytest.raises(ValueError):
                canvas.bend(np.zeros(shape, np.float32), 0.0)


class TestSizes:
    def test_nothing_pending_is_bit_exact(self) -> None:
        pixels = np.random.default_rng(0).integers(0, 255, (31, 77)).astype(np.uint8)
        canvas, before = Canvas(pixels), pixels.copy()
        assert canvas.settle() is pixels
        canvas.resize(31, 77)
        assert canvas.settle() is pixels
        canvas.bend(0.0, 0.0)
        np.testing.assert_array_equal(canvas.settle(), before)
        canvas.bend(np.zeros((31, 77), np.float32), np.zeros((31, 77), np.float32))
        np.testing.assert_array_equal(canvas.settle(), before)
        canvas.pad(0, 0, 0, 0)
        np.testing.assert_array_equal(canvas.pixels, before)
        np.testing.assert_array_equal(pixels, before)

    @settings(max_examples=60, deadline=None)
    @given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 7), st.integers(1, 7))
    def test_the_smallest_pictures(self, rows: int, columns: int, height: int, width: int) -> None:
        canvas = Canvas(np.full((rows, columns), 99, np.uint8), np.zeros((2, 4, 2), np.float32) + 0.5, base=0.5)
        canvas.labels = np.ones((rows, columns), np.uint16)
        canvas.bend(0.3, np.float32([[0.2]]))
        canvas.resize(height, width)
        canvas.bend(np.full((height, width), 0.4, np.float32), 0.1)
        assert canvas.shape == (height, width)
        assert (canvas.settle() == 99).all() and canvas.pixels.shape == (height, width)
        assert np.isfinite(canvas.boxes).all() and np.abs(canvas.boxes).max() < 20  # type: ignore[arg-type, type-var]

    def test_long_pictures(self) -> None:
        canvas, _ = dotted(48, 20_000, 30)
        canvas.bend(across=np.linspace(-5, 5, 48, dtype=np.float32)[:, None], down=1.5)
        canvas.resize(64, 26_000)
        canvas.settle(0)
        check_dots(canvas)

    @pytest.mark.parametrize(("rows", "columns"), [(6, LONGEST - 1), (6, LONGEST), (6, 3 * LONGEST), (LONGEST + 5, 6)])
    def test_pictures_longer_than_opencv_takes(self, rows: int, columns: int) -> None:
        pixels = np.random.default_rng(0).integers(0, 255, (rows, columns)).astype(np.uint8)
        canvas = Canvas(pixels, np.full((1, 4, 2), 3, np.float32), pixels.astype(np.uint16))
        canvas.bend(1.0, 1.0)
        np.testing.assert_array_equal(canvas.settle(7)[:-1, :-1], pixels[1:, 1:])
        assert (canvas.pixels[-1] == 7).all() and (canvas.pixels[:, -1] == 7).all()
        np.testing.assert_array_equal(canvas.labels[:-1, :-1], pixels[1:, 1:])  # type: ignore[index]
        np.testing.assert_allclose(canvas.boxes, 2.0, atol=0.1)  # type: ignore[arg-type]
        canvas.resize(rows // 2, columns // 2)
        assert canvas.settle().shape == (rows // 2, columns // 2)

    def test_thin_strokes_survive_shrinking(self) -> None:
        pixels = np.zeros((160, 800), np.uint8)
        pixels[:, ::8] = 255
        canvas = Canvas(pixels)
        canvas.resize(40, 200)
        assert canvas.settle()[:, 4:-4].min() > 10  # every stroke left something everywhere


class TestPad:
    def test_all_that_lies_on_the_picture_goes_along(self) -> None:
        canvas, _ = dotted(60, 200)
        canvas.base = 40.0
        canvas.ground = np.repeat(np.arange(60, dtype=np.float32)[:, None], 200, 1)
        canvas.pad(7, -9, 11, -20, 3)
        assert canvas.shape == canvas.pixels.shape == canvas.ground.shape == (58, 191)
        assert (canvas.pixels[:7] == 3).all() and (canvas.pixels[:, :11] == 3).all()
        assert (canvas.ground[:8] == 0).all() and canvas.ground[-1, 0] == 50
        assert canvas.base == 47.0
        check_dots(canvas)

    def test_nothing_left_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="leaves nothing"):
            Canvas(np.zeros((10, 20), np.uint8)).pad(-4, -6, 0, 0)


def test_the_baseline_is_followed_within_the_picture_and_beyond() -> None:
    pixels = np.full((60, 300), 200, np.uint8)
    pixels[40] = 0
    for down in (0.0, 6.0, -8.0, 45.0, -30.0):
        canvas = Canvas(pixels, base=40.5, unit=20.0)
        canvas.bend(down=down + 5 * np.sin(np.arange(300, dtype=np.float32) / 40)[None])
        canvas.resize(30, 150)
        canvas.settle()
        assert canvas.unit == 10.0
        if 3 < canvas.base < 27:
            assert abs(int(canvas.pixels[:, 75].argmin()) + 0.5 - canvas.base) < 1
        else:
            assert canvas.base == pytest.approx((40.5 - down - 5 * np.sin(150 / 40)) / 2, abs=0.7)


def noted(name: str, group: str = "camera", chance: float = 1.0, stage: str = "picture") -> Op:
    return op(name, group, stage, chance)(lambda canvas, rng, strength: None)


def counted(mix: Mix, strength: float = 1.0, times: int = 4000) -> Counter[tuple[str, ...]]:
    rng = np.random.default_rng(0)
    return Counter(tuple(each.name for each, _ in mix.choose(rng, strength)) for _ in range(times))


class TestMix:
    def test_every_op_with_its_own_chance(self) -> None:
        mix = Mix([noted("a", chance=0.2), noted("b", chance=0.5), noted("c")], weights={"b": 0.5, "camera": 1.5})
        seen = Counter(name for names, times in counted(mix).items() for name in names * times)
        assert seen["a"] / 4000 == pytest.approx(0.3, abs=0.03)
        assert seen["b"] / 4000 == pytest.approx(0.25, abs=0.03)
        assert seen["c"] == 4000
        weak = Counter(name for names, times in counted(mix, 0.5).items() for name in names * times)
        assert weak["a"] / 4000 == pytest.approx(0.15, abs=0.03)

    def test_of_a_single_group_one_at_most(self) -> None:
        ops = [noted("a", "pen", 0.15), noted("x"), noted("b", "pen", 0.1), noted("c", "pen", 0.15)]
        seen = counted(Mix(ops, single=("pen",)))
        share = {names[0] if names[0] != "x" else names[-1]: times / 4000 for names, times in seen.items()}
        assert share == pytest.approx({"a": 0.15, "b": 0.1, "c": 0.15, "x": 0.6}, abs=0.03)

    def test_picking(self) -> None:
        ops = [noted(name, chance=0.01) for name in "abcd"]
        assert set(map(len, counted(Mix(ops, pick=2)))) == {2}
        assert all(list(names) == sorted(names) for names in counted(Mix(ops, pick=3)))
        even = counted(Mix(ops, pick=1))
        assert all(times / 4000 == pytest.approx(0.25, abs=0.03) for times in even.values())
        uneven = counted(Mix(ops, pick=1, weights={"a": 0.0, "b": 3.0}))
        assert ("a",) not in uneven and uneven["b",] / 4000 == pytest.approx(0.6, abs=0.03)
        assert set(counted(Mix(ops, pick=9, weights={"a": 0}))) == {("b", "c", "d")}

    def test_strengths_are_limited_and_recorded(self) -> None:
        given_: list[float] = []
        stamp = op("a", "pen")(lambda canvas, rng, strength: given_.append(strength))
        canvas = Canvas(np.zeros((4, 4), np.uint8))
        Mix([stamp, noted("b", stage="ink")], limits={"a": 1.5})(canvas, np.random.default_rng(0), 2.0)
        assert given_ == [1.5] and canvas.done == [("a", 1.5)]
        Mix([stamp, noted("b", stage="ink")])(canvas, np.random.default_rng(0), 2.0, stage="ink")
        assert canvas.done[1:] == [("b", 2.0)]

    def test_no_strength_no_op(self) -> None:
        for mix in (Mix([noted("a")]), Mix([noted("a")], pick=1), Mix([])):
            assert mix.choose(np.random.default_rng(0), 0.0) == []

    def test_unknown_groups_and_stages_are_errors(self) -> None:
        for group, stage in (("pens", "ink"), ("pen", "inc")):
            with pytest.raises(ValueError):
                op("a", group, stage)
