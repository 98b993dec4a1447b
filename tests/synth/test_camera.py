"""Camera: what is seen of a line drawn here."""

import numpy as np
import pytest
from written import contrast, laid, written

from netchu.data.ops import Canvas, Mix, Op
from netchu.synth.camera import CAMERA, SPAN, levels_of
from netchu.synth.paper import PAPER
from netchu.synth.sheet import Sheet, lay, press

BY_NAME = {each.name: each for each in CAMERA}


def picture(seed: int = 0, sheet: Sheet | None = None) -> Canvas:
    canvas = laid(seed, sheet) if sheet else laid(seed)
    press(canvas)
    return canvas


@pytest.mark.parametrize("each", CAMERA, ids=lambda each: each.name)
@pytest.mark.parametrize("ink", [60.0, 140.0])
def test_an_op_changes_something_keeps_letters_and_is_seeded(each: Op, ink: float) -> None:
    assert each.stage == "picture" and each.group in ("camera", "shape")
    changed, sheet = 0, Sheet("plain", 225.0, ink, 3.0, False)
    for seed in range(12):
        canvas, again = picture(seed, sheet), picture(seed, sheet)
        before = canvas.pixels
        kept = before.copy()
        for one in (canvas, again):
            each(one, np.random.default_rng(seed))
            one.settle()
        assert np.array_equal(canvas.pixels, again.pixels) and canvas.pixels.shape == before.shape
        assert canvas.pixels.dtype == np.uint8 and np.array_equal(before, kept)
        changed += not np.array_equal(canvas.pixels, before)
        assert abs(contrast(canvas)) > min(45.0, 0.35 * (225 - ink)), seed
    assert changed >= 6


@pytest.mark.parametrize("each", CAMERA, ids=lambda each: each.name)
def test_no_strength_is_hardly_a_change(each: Op) -> None:
    for seed in range(4):
        canvas = picture(seed)
        before = canvas.pixels.astype(int)
        each(canvas, np.random.default_rng(seed), 0.0)
        assert np.abs(canvas.settle() - before).max() <= 2


@pytest.mark.parametrize("name", ["perspective", "curl"])
def test_bent_pictures_keep_all_ink_and_boxes_follow(name: str) -> None:
    for seed in range(20):
        canvas = written()
        canvas.pad(12, 12, 10, 10)
        assert canvas.labels is not None
        canvas.pixels = 255 - canvas.pixels
        BY_NAME[name](canvas, np.random.default_rng(seed))
        canvas.settle(255)
        assert canvas.boxes is not None
        for k, box in enumerate(canvas.boxes):
            y, x = np.nonzero(canvas.labels == k + 1)
            assert len(y) > 25
            assert box[:, 0].min() - 1.5 <= x.min() and x.max() + 1 <= box[:, 0].max() + 1.5
            assert box[:, 1].min() - 1.5 <= y.min() and y.max() + 1 <= box[:, 1].max() + 1.5
            assert abs(y.min() - box[:2, 1].mean()) < 2.5 and abs(y.max() + 1 - box[2:, 1].mean()) < 2.5


@pytest.mark.parametrize("name", ["perspective", "curl"])
def test_nothing_leaves_the_picture(name: str) -> None:
    for seed in range(20):
        pixels = np.full((64, 400), 255, np.uint8)
        pixels[[0, 1, 2, -1, -2, -3]] = 0  # the outermost rows
        canvas = Canvas(pixels)
        BY_NAME[name](canvas, np.random.default_rng(seed))
        seen = canvas.settle()
        assert (seen[:32].min(axis=0) < 128).all() and (seen[32:].min(axis=0) < 128).all()


def test_levels_are_found_on_either_ground() -> None:
    canvas = picture()
    paper, ink = levels_of(canvas.pixels)
    assert paper > 210 and ink < 80
    paper, ink = levels_of(255 - canvas.pixels)
    assert paper < 45 and ink > 175


def test_tones_keep_their_distance() -> None:
    for seed in range(60):
        canvas = picture(seed)
        BY_NAME["tones"](canvas, np.random.default_rng(seed))
        paper, ink = levels_of(canvas.pixels)
        assert abs(paper - ink) > 0.75 * SPAN


def test_two_levels_and_clean_paper() -> None:
    for seed in range(20):
        canvas = picture(seed)
        BY_NAME["levels"](canvas, np.random.default_rng(seed))
        assert np.mean(canvas.pixels == 255) > 0.6
        canvas = picture(seed)
        BY_NAME["binary"](canvas, np.random.default_rng(seed))
        assert np.mean((canvas.pixels == 255) | (canvas.pixels == 0)) > 0.75


@pytest.mark.parametrize("seed", range(12))
def test_the_whole_chain_gives_readable_lines_and_true_labels(seed: int) -> None:
    def chain() -> Canvas:
        rng = np.random.default_rng(seed)
        canvas = written()
        sheet = lay(canvas, 64, rng)
        sheet.tuned(Mix(PAPER))(canvas, rng, stage="paper")
        press(canvas)
        sheet.tuned(Mix(CAMERA))(canvas, rng)
        canvas.settle()
        return canvas

    canvas = chain()
    assert np.array_equal(canvas.pixels, chain().pixels) and canvas.done
    assert abs(contrast(canvas)) > 15
    assert canvas.labels is not None and canvas.labels.shape == canvas.pixels.shape
