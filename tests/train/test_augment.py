"""Augmentation varies a line and never makes another text of it."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from drawn import INK, PAPER, draw_text
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from netchu.data.augment import DEFAULT, MIXES, OPS, augment, for_script, strength_at
from netchu.data.limits import LIMITS, script_of
from netchu.data.ops import GROUPS, Canvas, Mix, Op
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


MARKS = {  # strokes in pixels from a letter's middle and its top, or for the dot its foot
    "acute": [(-2, -6), (4, -13)],
    "grave": [(2, -6), (-4, -13)],
    "circumflex": [(-6, -6), (0, -12), (6, -6)],
    "tilde": [(-8, -7), (-4, -11), (3, -7), (8, -11)],
    "hook": [(-1, -14), (3, -13), (2, -9), (0, -8), (0, -6)],
    "dot": [(-2, 7), (2, 7)],
}


def marked_line() -> tuple[np.ndarray, np.ndarray]:
    """Letters of the font, a tone mark on each second one: the picture (64, w), and (2 n, 4, 2) boxes: a mark's, its
    letter's, and so on."""
    font = ImageFont.load_default(30)
    picture = Image.new("L", (30 + 34 * 3 * len(MARKS), 64), PAPER)
    draw = ImageDraw.Draw(picture)
    boxes = []
    for place, (letter, strokes) in enumerate(zip("oaeouaoeuoaeouaeoa", list(MARKS.values()) * 3)):
        x = 30 + 34 * place
        left, top, right, bottom = draw.textbbox((x, 44), letter, font=font, anchor="ms")
        draw.text((x, 44), letter, INK, font, anchor="ms")
        origin = bottom if strokes[0][1] > 0 else top
        points = [((left + right) / 2 + across, origin + down) for across, down in strokes]
        draw.line(points, INK, 3)
        corners = np.array(points) + 0.5
        for low, high in ((corners.min(0) - 1.5, corners.max(0) + 1.5), ((left, top), (right, bottom))):
            boxes.append([(low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1])])
    return np.asarray(picture), np.array(boxes, np.float32)


def contrasts(canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
    """Of what each box holds, the mean contrast with the paper around it, and the highest; negative for the wrong way
    round. (n,), (n,)"""
    picture = cv2.GaussianBlur(canvas.pixels, (0, 0), 0.6).astype(float)
    means, peaks = [], []
    assert canvas.boxes is not None
    for box in canvas.boxes:
        (left, top), (right, bottom) = np.floor(box.min(0)).astype(int), np.ceil(box.max(0)).astype(int)
        assert top >= 0 and bottom <= picture.shape[0]
        around = picture[max(0, top - 4) : bottom + 4, max(0, left - 12) : right + 12]
        inside = np.median(around) - picture[top:bottom, max(0, left) : right]
        means.append(inside.mean())
        peaks.append(inside.flat[np.abs(inside).argmax()])
    return np.array(means), np.array(peaks)


@pytest.mark.parametrize("each", OPS, ids=lambda each: each.name)
def test_every_mark_survives_every_op_at_its_limit(each: Op) -> None:
    """Set against its letter, no mark loses more than half of its ink, nor its darkest spot."""
    line, boxes = marked_line()
    before = Canvas(line, boxes)
    before.resize(HEIGHT, width_of(line))
    before.settle()
    mean, _ = contrasts(before)
    for seed in range(25):
        canvas = Canvas(line, boxes)
        if each.group != "pen":
            canvas.resize(HEIGHT, width_of(line))
        each(canvas, np.random.default_rng(seed), LIMITS["latin"][each.name])
        canvas.resize(HEIGHT, width_of(line))
        canvas.settle()
        own, peak = contrasts(canvas)
        assert (own[1::2] * own[1].item() > 0).all(), seed  # the letters themselves, all one way round
        kept = (own[0::2] / own[1::2]) / (mean[0::2] / mean[1::2])
        assert kept.min() > 0.5, (seed, kept.argmin(), kept.min())
        assert (peak[0::2] / peak[1::2]).min() > 0.3, seed
        assert np.abs(peak[0::2]).min() > 20, seed


@pytest.mark.parametrize("each", OPS, ids=lambda each: each.name)
def test_no_op_mirrors_or_upends(each: Op) -> None:
    """Both profiles of ink stay nearer to the line's own than to its mirror image's."""
    line = np.full((60, 600), 230, np.uint8)
    line[10:16, 20:200] = 30
    line[16:40, 20:60] = 30
    plain = line.astype(float)
    for seed in range(20):
        canvas = Canvas(line)
        each(canvas, np.random.default_rng(seed), LIMITS["latin"][each.name])
        made = canvas.settle()
        assert made.shape == line.shape
        if each.group == "paper":  # brings ink of its own: all that was there is there
            assert (made.astype(int) <= line.astype(int) + 1).all()
            continue
        for axis in (0, 1):
            own, found = profile(plain, axis), profile(made, axis)
            assert np.corrcoef(own, found)[0, 1] > 0.2 + np.corrcoef(own[::-1], found)[0, 1], (seed, axis)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(OPS), st.integers(1, 70), st.integers(1, 90), st.floats(0.05, 3.0), st.integers(0, 9), st.booleans()
)
def test_every_op_takes_every_picture(each: Op, rows: int, columns: int, much: float, seed: int, flat: bool) -> None:
    rng = np.random.default_rng(seed)
    picture = np.full((rows, columns), rng.integers(256), np.uint8) if flat else rng.integers(0, 256, (rows, columns))
    picture = picture.astype(np.uint8)
    before, canvas = picture.copy(), Canvas(picture)
    each(canvas, np.random.default_rng(seed), much)
    made = canvas.settle()
    assert made.shape == (rows, columns) and made.dtype == np.uint8
    np.testing.assert_array_equal(picture, before)
    assert canvas.done == [(each.name, round(much, 3))]


@pytest.mark.parametrize("each", [each for each in OPS if each.name != "invert"], ids=lambda each: each.name)
def test_near_no_strength_nearly_nothing_happens_and_more_does_more(each: Op) -> None:
    line, _ = marked_line()
    changed = []
    for strength in (0.02, 0.5, 1.0):
        total = 0.0
        for seed in range(10):
            canvas = Canvas(line)
            each(canvas, np.random.default_rng(seed), strength)
            total += np.abs(canvas.settle().astype(float) - line).mean()
        changed.append(total / 10)
    assert changed[0] < 1.0
    assert changed[0] < changed[1] < changed[2]


class TestMixes:
    @pytest.mark.parametrize("name", MIXES)
    def test_each_is_seeded_and_keeps_the_size(self, name: str) -> None:
        made = [augment(LINE, 40, 500, np.random.default_rng(seed), 1.0, MIXES[name]) for seed in range(6)]
        assert all(picture.shape == (40, 500) and picture.dtype == np.uint8 for picture in made)
        again = [augment(LINE, 40, 500, np.random.default_rng(seed), 1.0, MIXES[name]) for seed in range(6)]
        np.testing.assert_array_equal(made, again)
        assert len({picture.tobytes() for picture in made}) == (1 if name == "none" else 6)

    def test_ops_have_names_and_groups_of_their_own(self) -> None:
        assert len({each.name for each in OPS}) == len(OPS)
        assert {each.group for each in OPS} == set(GROUPS) - {"scene"}
        assert {each.stage for each in OPS} == {"picture"}
        assert all(set(mix.ops) <= set(OPS) for mix in MIXES.values())
        assert [each.name for each in OPS if each.group == "pen"] == [each.name for each in OPS[:3]]  # before resizing

    def test_a_pen_is_a_pixel_wide_in_the_source(self) -> None:
        line, _ = marked_line()
        line = cv2.resize(line, None, fx=2, fy=2)
        thicken = next(each for each in OPS if each.name == "thicken")
        made = augment(line, 32, 400, np.random.default_rng(0), 1.0, Mix([thicken], pick=1))
        canvas = Canvas(cv2.erode(line, cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))))
        canvas.resize(32, 400)
        np.testing.assert_array_equal(made, canvas.settle())

    def test_gentle_is_gentler(self) -> None:
        def far(mix: Mix) -> float:
            plain = to_height(LINE, HEIGHT).astype(float)
            made = [augment(LINE, *plain.shape, np.random.default_rng(seed), 1.0, mix) for seed in range(30)]
            return float(np.mean([np.abs(picture - plain).mean() for picture in made]))

        assert far(MIXES["none"]) < 0.5 * far(MIXES["gentle"]) < 0.4 * far(DEFAULT)

    def test_limits_hold_at_any_strength_and_differ_by_script(self) -> None:
        for mix, script in itertools.product(MIXES.values(), LIMITS):
            for strength in (0.7, 3.0):
                for seed in range(20):
                    for each, limited in for_script(mix, script).choose(np.random.default_rng(seed), strength):
                        assert 0 < limited <= min(strength, LIMITS[script][each.name])
        unmeasured = for_script(DEFAULT, "tlh")
        assert all(limited <= 1 for _, limited in unmeasured.choose(np.random.default_rng(0), 3.0))
        assert all(set(limits) == {each.name for each in OPS} for limits in LIMITS.values())

    def test_the_trainer_takes_those_of_its_letters(self) -> None:
        assert [script_of(letters) for letters in ("abcđ, 1", "東京あいabc", "", "1.2", "кана", "カナ")] == [
            "latin", "han", "latin", "latin", "latin", "han",
        ]  # fmt: skip
        pytest.importorskip("torch")
        from netchu.train.setup import find_mix

        for letters, script in (("abc", "latin"), ("かな", "han")):
            mix = find_mix("default", letters)
            assert all(mix.limited(each, 9.0) == LIMITS[script][each.name] for each in mix.ops)


def test_the_strength_goes_in_a_straight_line() -> None:
    assert [strength_at(0.5, 1.5, progress) for progress in (-1, 0, 0.25, 1, 2)] == [0.5, 0.5, 0.75, 1.5, 1.5]
    assert strength_at(2.0, 0.0, 0.75) == 0.5
