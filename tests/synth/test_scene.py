"""Signs: every effect keeps letters whole, apart from what is behind them, and the same for the same chance."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from netchu.data.ops import Canvas, Op
from netchu.synth.scene import APART, SCENE, colours, surface
from netchu.synth.sheet import press

INK = [each for each in SCENE if each.stage == "ink"]
PAPER = [each for each in SCENE if each.stage == "paper"]
STRENGTHS = [0.3, 1.0, 2.0]


def canvas(stage: str, columns: int = 500) -> Canvas:
    """Six letters in a row; on an even sheet for the stage "paper"."""
    mask, labels = np.zeros((50, columns), np.uint8), np.zeros((50, columns), np.uint16)
    boxes = []
    for k, left in enumerate(np.linspace(4, columns - 40, 6).astype(int)):
        cv2.rectangle(mask, (int(left), 4), (int(left) + 30, 45), 255, 4)
        labels[2:48, left - 2 : left + 33] = k + 1
        boxes.append([(left - 2, 2), (left + 33, 2), (left + 33, 48), (left - 2, 48)])
    labels[mask == 0] = 0
    made = Canvas(mask, np.array(boxes, np.float32), labels, unit=20.0, base=40.0)
    if stage == "paper":
        made.ground, made.tone = np.full(mask.shape, 220, np.float32), 40.0
    return made


@pytest.mark.parametrize("each", SCENE, ids=lambda each: each.name)
def test_the_same_chance_gives_the_same_picture(each: Op) -> None:
    def acted(seed: int) -> bytes:
        made = canvas(each.stage)
        each(made, np.random.default_rng(seed), 1.0)
        pixels = made.settle(0)
        return pixels.tobytes() + (made.ground.tobytes() if made.ground is not None else b"") + bytes([int(made.tone)])

    assert acted(1) == acted(1)
    assert len({acted(seed) for seed in range(6)}) >= 5


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("columns", [250, 500, 3000])
@pytest.mark.parametrize("each", INK, ids=lambda each: each.name)
def test_bent_lines_are_whole(each: Op, columns: int, strength: float) -> None:
    for seed in range(8):
        made = canvas("ink", columns)
        before = int(made.pixels.sum())
        each(made, np.random.default_rng(seed), strength)
        pixels = made.settle(0)
        assert not (pixels[0].any() or pixels[-1].any() or pixels[:, 0].any() or pixels[:, -1].any())
        assert abs(int(pixels.sum()) - before) < 0.03 * before
        assert made.labels is not None and made.boxes is not None
        for number, box in enumerate(made.boxes, 1):
            points = np.argwhere(made.labels == number)[:, ::-1] + 0.5
            assert len(points)
            away = [cv2.pointPolygonTest(box.reshape(-1, 1, 2), (float(x), float(y)), True) for x, y in points[::11]]
            assert min(away) > -2


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("each", PAPER, ids=lambda each: each.name)
def test_letters_stay_where_they_are_and_can_be_told_from_the_ground(each: Op, strength: float) -> None:
    for seed in range(12):
        made = canvas("paper")
        before = made.pixels.copy()
        colours(made, np.random.default_rng([seed, 1]), 1.0)
        each(made, np.random.default_rng(seed), strength)
        assert made.shape == before.shape and made.ground is not None and made.ground.shape == before.shape
        assert np.array_equal(made.pixels > 0, before > 0)
        assert made.ground.min() >= -0.01 and made.ground.max() <= 255.01
        ground, tone = made.ground.mean(), made.tone
        if each.name in ("colours", "surface", "worn"):
            assert abs(tone - ground) > 0.45 * APART
        picture = press(made).astype(float)
        solid = cv2.erode(before, np.ones((3, 3), np.uint8)) > 200
        ring = (cv2.dilate(before, np.ones((3, 3), np.uint8)) == 0) & (
            cv2.dilate(before, np.ones((9, 9), np.uint8)) > 0
        )
        assert np.abs(picture[ring] - picture[solid].mean()).mean() > 20, seed


def test_any_ground_and_any_letters_light_or_dark() -> None:
    tones = []
    for seed in range(200):
        made = canvas("paper")
        colours(made, np.random.default_rng(seed), 1.0)
        assert made.ground is not None
        tones.append((made.tone, float(made.ground.mean())))
    assert all(abs(tone - ground) >= APART - 1 for tone, ground in tones)
    assert 0.35 < np.mean([tone > ground for tone, ground in tones]) < 0.65
    assert min(ground for _, ground in tones) < 15 and max(ground for _, ground in tones) > 240


def test_surfaces_are_of_several_kinds() -> None:
    looks = set()
    for seed in range(40):
        made = canvas("paper")
        surface(made, np.random.default_rng(seed), 1.0)
        assert made.ground is not None
        down, across = np.ptp(made.ground.mean(axis=1)), np.ptp(made.ground.mean(axis=0))
        looks.add((down > 10, across > 10, len(np.unique(made.ground.round())) > 60))
    assert len(looks) >= 3
