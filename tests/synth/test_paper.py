"""Paper: what sheets and pens do to ink drawn here, letter for letter."""

import numpy as np
import pytest
from written import SHEET, contrast, laid, written

from netchu.data.ops import Canvas, Mix, Op
from netchu.synth.paper import PAPER
from netchu.synth.sheet import HAND, KINDS, PRINT, Sheet, grain, lay, press


@pytest.mark.parametrize("kind", KINDS)
def test_all_ink_lies_on_the_sheet_with_its_boxes_and_labels(kind: str) -> None:
    for seed in range(8):
        canvas, before = written(), written().pixels
        rng = np.random.default_rng(seed)
        sheet = lay(canvas, 64, rng, Sheet.sample(rng, {kind: 1.0}))
        assert sheet.kind == kind and canvas.shape[0] == 64 and canvas.ground is not None
        assert canvas.ground.shape == canvas.pixels.shape and np.ptp(canvas.ground) <= 4 * KINDS[kind].light + 1
        assert int(canvas.pixels.sum(dtype=np.int64)) == int(before.sum(dtype=np.int64))
        assert canvas.boxes is not None and canvas.labels is not None
        for k, box in enumerate(canvas.boxes):
            at = np.argwhere(canvas.labels == k + 1)
            assert at.min(axis=0).tolist() == box[0][::-1].tolist()
            assert (at.max(axis=0) + 1).tolist() == box[2][::-1].tolist()
        assert np.array_equal(canvas.labels > 0, canvas.pixels > 0)


def test_ink_that_is_too_high_is_refused() -> None:
    with pytest.raises(ValueError, match="scale it"):
        lay(written(rows=70), 64, np.random.default_rng(0))
    with pytest.raises(ValueError, match="ground"):
        press(written())


def test_pressing_mixes_ink_and_ground() -> None:
    canvas = Canvas(np.array([[0, 128, 255]], np.uint8), ground=np.full((1, 3), 200, np.float32), tone=40.0)
    assert press(canvas).tolist() == [[200, 120, 40]] and canvas.ground is None
    light = Canvas(np.array([[0, 255]], np.uint8), ground=np.full((1, 2), 30, np.float32), tone=240.0)
    assert press(light).tolist() == [[30, 240]]


@pytest.mark.parametrize("each", PAPER, ids=lambda each: each.name)
def test_an_op_changes_something_keeps_letters_and_is_seeded(each: Op) -> None:
    assert each.stage == "paper" and each.group == "paper"
    changed = 0
    for seed in range(12):
        pictures, canvas = [], laid(seed)
        for _ in range(2):
            canvas = laid(seed)
            place = canvas.boxes
            each(canvas, np.random.default_rng(seed))
            assert canvas.shape[0] == 64 and canvas.boxes is place
            pictures.append(press(canvas))
        assert np.array_equal(*pictures)
        changed += not np.array_equal(pictures[0], press(laid(seed)))
        assert abs(contrast(canvas)) > 55, seed
    assert changed >= 6


@pytest.mark.parametrize("each", PAPER, ids=lambda each: each.name)
def test_no_strength_is_no_change(each: Op) -> None:
    for seed in range(4):
        canvas, same = laid(seed), laid(seed)
        each(canvas, np.random.default_rng(seed), 0.0)
        assert np.abs(press(canvas).astype(int) - press(same)).max() <= 1


@pytest.mark.parametrize("each", PAPER, ids=lambda each: each.name)
def test_ops_leave_arrays_that_they_find(each: Op) -> None:
    canvas = laid()
    assert canvas.ground is not None
    pixels, ground = canvas.pixels, canvas.ground
    kept = pixels.copy(), ground.copy()
    each(canvas, np.random.default_rng(3))
    assert np.array_equal(pixels, kept[0]) and np.array_equal(ground, kept[1])


def test_neighbours_hardly_reach_the_words() -> None:
    reached = 0
    for seed in range(30):
        canvas = written(rows=60)
        lay(canvas, 64, np.random.default_rng(seed), SHEET)
        before, top = canvas.pixels.copy(), int(np.flatnonzero(canvas.pixels.any(axis=1))[0])
        next(each for each in PAPER if each.name == "neighbours")(canvas, np.random.default_rng(seed))
        new = np.flatnonzero((canvas.pixels != before).any(axis=1))
        reached += len(new) > 0
        assert not ((new >= top + 4) & (new < top + 48 - 4)).any()
    assert reached > 10


def test_squares_stand_between_letters_that_are_evenly_set() -> None:
    pixels = np.zeros((40, 340), np.uint8)
    for left in range(20, 320, 30):
        pixels[8:32, left : left + 22] = 255
    canvas = Canvas(pixels, unit=15.0)
    lay(canvas, 64, np.random.default_rng(1), SHEET)
    next(each for each in PAPER if each.name == "squares")(canvas, np.random.default_rng(2))
    assert canvas.ground is not None
    ruled = canvas.ground[32] < canvas.ground[32].max() - 20
    assert np.count_nonzero(np.diff(ruled.astype(int)) == 1) >= 8
    assert not (ruled & (canvas.pixels[32] > 0)).any()


def test_kinds_differ_in_what_happens_to_them() -> None:
    mix = Mix(PAPER, weights={"stain": 0.0, "camera": 0.5})
    names = {each.name for each in PAPER}
    for kind in KINDS.values():
        assert not set(kind.chances) - names - camera_names()
    by = {kind: Sheet(kind, 220, 40, 0, True).tuned(mix) for kind in ("plain", "box", "print")}
    chance = {kind: {each.name: each.chance * tuned.weight(each) for each in PAPER} for kind, tuned in by.items()}
    assert chance["box"]["box"] == pytest.approx(0.97) and chance["plain"]["box"] < 0.05
    assert chance["plain"]["pencil"] == pytest.approx(1.0) and chance["print"]["pencil"] == 0
    assert all(each["stain"] == 0 for each in chance.values())  # what the mix forbids stays forbidden


def camera_names() -> set[str]:
    from netchu.synth.camera import CAMERA

    return {each.name for each in CAMERA}


@pytest.mark.parametrize("kinds", [HAND, PRINT])
def test_sheets_keep_ink_and_paper_apart(kinds: dict[str, float]) -> None:
    rng = np.random.default_rng(0)
    sheets = [Sheet.sample(rng, kinds) for _ in range(600)]
    assert {each.kind for each in sheets} == set(kinds) and set(kinds) <= set(KINDS)
    assert all(0 <= each.ink <= each.paper - 75 and each.paper <= 255 for each in sheets)
    first = next(iter(kinds))
    assert abs(sum(each.kind == first for each in sheets) / 600 - kinds[first] / sum(kinds.values())) < 0.08


def test_grain_of_any_size_is_centred() -> None:
    rng = np.random.default_rng(0)
    for shape in ((64, 900), (300, 3000), (1, 1)):
        for of in ("fine", "soft", "fibre"):
            assert grain(shape, rng, of).shape == shape
    assert abs(float(grain((192, 2048), rng).mean()) - 128) < 1


def test_small_and_empty_lines_pass() -> None:
    for ink in (np.zeros((8, 5), np.uint8), np.full((3, 2), 255, np.uint8)):
        for seed in range(3):
            for each in PAPER:
                canvas = Canvas(ink)
                lay(canvas, 16, np.random.default_rng(seed))
                each(canvas, np.random.default_rng(seed))
                assert press(canvas).shape[0] == 16
