"""The preview grid: a row per op, a column per strength, names that can be read, nothing changed on the way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fontTools")

from netchu.data.ops import Canvas, Op, op
from netchu.errors import NetchuError
from netchu.synth.drawer import Drawer
from netchu.synth.preview import preview_effects, preview_grid, preview_lines, preview_ops, shown

DARK = np.full((20, 50), 40, np.uint8)


@op("blacken", "camera")
def blacken(canvas: Canvas, rng: np.random.Generator, strength: float) -> None:
    canvas.pixels = np.full_like(canvas.settle(), round(10 * strength))


@op("spill", "pen", stage="ink")
def spill(canvas: Canvas, rng: np.random.Generator, strength: float) -> None:
    canvas.pixels = np.full_like(canvas.settle(), 255)


@op("chance", "shape", stage="paper")
def chance(canvas: Canvas, rng: np.random.Generator, strength: float) -> None:
    canvas.pixels = rng.integers(0, 255, canvas.settle().shape).astype(np.uint8)


def fresh(stage: str) -> Canvas:
    if stage == "picture":
        return Canvas(DARK.copy())
    ground = np.full((20, 50), 200, np.float32) if stage == "paper" else None
    return Canvas(np.zeros((20, 50), np.uint8), ground=ground, tone=50.0)


def cells(sheet: np.ndarray, value: int) -> int:
    """How many pixels have exactly this grey."""
    return int((sheet == value).sum())


def test_rows_and_columns_stand_where_they_should() -> None:
    sheet = preview_grid({"one": [DARK, DARK + 10], "two\nnote": [DARK + 20]}, 30, 50)
    assert sheet.dtype == np.uint8 and sheet.ndim == 2
    for value in (40, 50, 60):
        rows, columns = np.nonzero(sheet == value)
        assert (np.ptp(rows), np.ptp(columns)) >= (19, 49)  # type: ignore[operator]
    first, second, third = (
        np.argwhere(sheet == value)[np.argwhere(sheet == value)[:, 1] > 45] for value in (40, 50, 60)
    )
    assert first[:, 0].min() == second[:, 0].min() < third[:, 0].min()
    assert first[:, 1].max() < second[:, 1].max() and third[:, 1].max() == first[:, 1].max()


def test_names_and_headings_are_written() -> None:
    bare = preview_grid({"": [DARK]}, 30, 50)
    named = preview_grid({"a long name of an op": [DARK]}, 30, 50)
    assert named.shape[1] > bare.shape[1] + 100
    assert (named[:, :100] < 100).sum() > 50 + (bare[:, :1] < 100).sum()
    headed = preview_grid({"": [DARK]}, 30, 50, ["strength"])
    assert headed.shape[0] > bare.shape[0]


def test_large_pictures_are_scaled_down_and_small_ones_are_not_scaled_up() -> None:
    sheet = preview_grid({"x": [np.full((400, 100), 77, np.uint8)]}, 40, 200)
    assert 300 < cells(sheet, 77) <= 40 * 10 + 40
    sheet = preview_grid({"x": [np.full((4, 10), 77, np.uint8)]}, 40, 200)
    assert 40 <= cells(sheet, 77) <= 60


def test_every_op_at_every_strength() -> None:
    sheet = preview_ops(DARK, [blacken], (0.5, 1.0, 2.0), height=20, width=50)
    assert [cells(sheet, value) >= 1000 for value in (40, 5, 10, 20)] == [True] * 4
    twice = preview_ops([DARK, DARK], [blacken], (0.5,), height=20, width=50)
    assert cells(twice, 5) >= 2000
    assert (DARK == 40).all()


def test_all_three_stages_with_a_canvas_to_act_on() -> None:
    sheet = preview_ops([], [spill, chance, blacken], (1.0,), canvas=fresh, height=20, width=50)
    assert cells(sheet, 0) >= 1000  # spilt ink is black
    assert cells(sheet, 200) >= 1000  # the sheet without ink
    np.testing.assert_array_equal(
        sheet, preview_ops([], [spill, chance, blacken], (1.0,), canvas=fresh, height=20, width=50)
    )
    other = preview_ops([], [spill, chance, blacken], (1.0,), seed=1, canvas=fresh, height=20, width=50)
    assert (sheet != other).any()


def test_a_sheet_is_shown_with_its_ink_on_it() -> None:
    canvas = fresh("paper")
    canvas.pixels[:, :25] = 255
    picture = shown(canvas, "paper")
    assert (picture[:, :25] == 50).all() and (picture[:, 25:] == 200).all()


@pytest.mark.parametrize("acting", [spill, chance])
def test_an_op_with_nothing_to_act_on_says_so(acting: Op) -> None:
    with pytest.raises(NetchuError, match=acting.name):
        preview_ops(DARK, [acting])


def test_nothing_to_show_says_so() -> None:
    for empty in ({}, {"a": []}):
        with pytest.raises(NetchuError, match="at least one picture"):
            preview_grid(empty, 10, 10)
    with pytest.raises(NetchuError, match="at least one"):
        preview_ops(DARK, [])


def test_lines_of_a_drawer(drawer: Drawer, tmp_path: Path) -> None:
    preview_lines(drawer, tmp_path / "few.png", 2)
    preview_lines(drawer, tmp_path / "more.png", 5)
    few, more = (Image.open(tmp_path / name) for name in ("few.png", "more.png"))
    assert more.height >= 5 * 40 > few.height >= 2 * 40
    assert few.mode == "L" and np.asarray(few).std() > 5


def test_effects_of_a_drawer(drawer: Drawer, tmp_path: Path) -> None:
    preview_effects(drawer, tmp_path / "effects.png", 1)
    first = (tmp_path / "effects.png").read_bytes()
    preview_effects(drawer, tmp_path / "effects.png", 1)
    assert (tmp_path / "effects.png").read_bytes() == first
    preview_effects(drawer, tmp_path / "effects.png", 2)
    assert (tmp_path / "effects.png").read_bytes() != first
    with pytest.raises(NetchuError, match="name it so"):
        preview_effects(drawer, tmp_path / "effects.jpg", 1)
