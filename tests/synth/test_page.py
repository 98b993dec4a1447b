"""Drawn pages: the same for the same number, and every line where the truth says."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from bars import KANJI

from netchu.errors import NetchuError
from netchu.page.baseline_score import coverage, page_rates
from netchu.page.maps import STRIDE, paint, track
from netchu.page.trace import trace
from netchu.records import Line
from netchu.synth.drawer import Drawer, DrawSpec
from netchu.synth.page import LAYOUTS, PageDrawer
from netchu.synth.page_draft import turned_back
from netchu.synth.page_mix import Mixed, open_pages
from netchu.synth.page_scene import SceneDrawer

PAGES = 12


@pytest.fixture(scope="module")
def drawn(drawer: Drawer):
    pages = PageDrawer(drawer)
    return [pages.sample(k) for k in range(PAGES)]


def test_page_k_depends_on_seed_and_k_alone(drawer: Drawer, drawn) -> None:
    again = PageDrawer(drawer)
    for k in (5, 2):
        picture, page = again.sample(k)
        assert np.array_equal(picture, drawn[k][0]) and page == drawn[k][1]
    assert len({picture.tobytes() for picture, _ in drawn}) == PAGES


def test_truth_is_on_the_page_and_has_ink(drawn) -> None:
    assert sum(len(page.lines) for _, page in drawn) > 10 * PAGES
    for picture, page in drawn:
        assert picture.shape == (page.height, page.width) and picture.dtype == np.uint8
        for line in page.lines:
            points = np.array([*line.polygon, *line.baseline])
            assert (points >= 0).all() and (points <= [page.width, page.height]).all()
            assert line.text and line.text == line.text.strip()
            assert line.baseline[0][0] < line.baseline[-1][0] or abs(line.baseline[0][0] - line.baseline[-1][0]) < 20


def test_ink_stands_on_the_baseline(drawer: Drawer) -> None:
    """Just above a baseline it is darker than round about, just below the line it is lighter."""
    on, over = [], []
    for k in range(PAGES):
        picture, page = PageDrawer(drawer).sample(k)
        dark = cv2.GaussianBlur(picture, (0, 0), 8).astype(np.float64) - picture
        for line in page.lines:
            tall = np.ptp([y for _, y in line.polygon])
            x, y = np.array(line.baseline).T
            for away, into in ((0.15, on), (-0.3, over)):
                rows = np.clip(y - away * tall, 0, page.height - 1).astype(int)
                into.append(dark[rows, np.clip(x, 0, page.width - 1).astype(int)].mean())
    assert np.mean(on) > 3 > 0 > np.mean(over)


def test_perfect_maps_of_drawn_pages_give_their_lines_back(drawn) -> None:
    rates = []
    for _, page in drawn:
        tracks = [track(line.baseline, line.polygon, 8) for line in page.lines]
        maps, _ = paint(tracks, (-(-page.height // STRIDE), -(-page.width // STRIDE)))
        sides = ([line.baseline for line in lines] for lines in (page.lines, trace(maps)))
        rates.append(page_rates(coverage(*sides)))
    recall, precision = np.mean(rates, axis=0)
    assert min(recall, precision) > 0.98


def test_every_layout_comes(drawer: Drawer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*LAYOUTS, "table"]:
        monkeypatch.setattr("netchu.synth.page.LAYOUTS", {name: 1.0})
        assert max(len(PageDrawer(drawer).sample(k)[1].lines) for k in range(4)) > 3, name


def test_tables_are_written_cell_by_cell(drawer: Drawer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netchu.synth.page.LAYOUTS", {"table": 1.0})
    under = beside = 0
    for k in range(6):
        starts = np.array([line.baseline[0] for line in PageDrawer(drawer, aside=0.0).sample(k)[1].lines])
        right, down = np.diff(starts, axis=0).T
        assert ((down > 5) | (right > 20)).all()  # the next line of a cell, the next cell, or the next row
        under += int(((np.abs(right) < 5) & (down > 5)).sum())
        beside += int((right > 20).sum())
    assert under > 10 and beside > 30


@pytest.fixture(scope="module")
def kanji(kanji_fonts: Path, tmp_path_factory: pytest.TempPathFactory) -> Drawer:
    """A drawer of lines that run down, in a font of bars."""
    path = tmp_path_factory.mktemp("text") / "kanji.txt"
    letters = "".join(sorted(KANJI))
    path.write_text("\n".join((letters[::-1], letters, letters[3:])) + "\n", encoding="utf-8")
    return DrawSpec("general", str(kanji_fonts), str(path), seed=3, settings=(("vertical", 0.5),)).open()


def steepness(line) -> float:
    across, down = np.abs(np.subtract(line.baseline[-1], line.baseline[0]))
    return float(down / max(across, 1e-6))


def covers_ink(picture: np.ndarray, line) -> bool:
    """It is darker inside an outline than round about."""
    inside = np.zeros_like(picture)
    cv2.fillPoly(inside, [np.round(line.polygon).astype(np.int32)], 1)
    around = cv2.dilate(inside, np.ones((9, 9), np.uint8)) - inside
    spread = [float(picture[mask > 0].std()) for mask in (inside, around)]
    return spread[0] > spread[1]


def test_lines_run_down_and_follow_one_another_from_right_to_left(kanji: Drawer) -> None:
    upright, count = PageDrawer(kanji, upright=1.0, aside=0.0), 0
    for k in range(6):
        picture, page = upright.sample(k)
        assert picture.shape == (page.height, page.width)
        for line in page.lines:
            assert steepness(line) > 3 and line.baseline[0][1] < line.baseline[-1][1] and len(line.text) > 1
            assert line.polygon[0][0] > line.baseline[0][0] > line.polygon[-1][0]  # the top of a line is to its right
        assert np.mean([covers_ink(picture, line) for line in page.lines]) > 0.8
        count += len(page.lines)
        maps, _ = paint(
            [track(x.baseline, x.polygon, 8) for x in page.lines], tuple(-(-n // STRIDE) for n in picture.shape)
        )
        rates = page_rates(coverage([line.baseline for line in page.lines], [line.baseline for line in trace(maps)]))
        assert min(rates) > 0.95
    assert count > 30
    assert any(steepness(line) < 1 / 3 for line in PageDrawer(kanji, upright=0.0).sample(1)[1].lines)


def test_lines_on_their_side_are_where_the_truth_says(drawer: Drawer) -> None:
    lying = []
    for k in range(PAGES):
        picture, page = PageDrawer(drawer, aside=1.0).sample(k)
        lying += [covers_ink(picture, line) for line in page.lines if steepness(line) > 3 and len(line.text) > 2]
    assert len(lying) > 3 and np.mean(lying) > 0.8


def test_a_line_of_a_turned_page_is_put_back() -> None:
    page = np.zeros((30, 50), np.uint8)
    page[4, 12] = 1
    for quarters in range(-1, 4):
        (y,), (x,) = np.nonzero(np.rot90(page, quarters))
        spot = ((x + 0.5, y + 0.5),)
        back = turned_back(Line("", 1.0, spot, (), baseline=spot), (50, 30), quarters)
        assert back.baseline == back.polygon == ((12.5, 4.5),), quarters


def test_scenes_have_quadrilaterals_round_their_ink_at_all_angles(drawer: Drawer) -> None:
    scenes, angles, hits = SceneDrawer(drawer), [], []
    for k in range(8):
        picture, page = scenes.sample(k)
        assert picture.shape == (page.height, page.width)
        for line in page.lines:
            (x, y), (far, foot) = line.baseline[0], line.baseline[-1]
            angles.append(np.degrees(np.arctan2(foot - y, far - x)))
            corners = np.array(line.polygon)
            assert corners.shape == (4, 2) and cv2.isContourConvex(corners.astype(np.float32))
            assert cv2.contourArea(corners.astype(np.float32), oriented=True) > 0  # clockwise as y goes down
            hits.append(covers_ink(picture, line))
    assert len(hits) > 30 and np.mean(hits) > 0.7
    assert np.ptp(angles) > 180
    again, page = SceneDrawer(drawer).sample(5)
    assert np.array_equal(again, scenes.sample(5)[0]) and page == scenes.sample(5)[1]


def test_a_mix_draws_pages_of_all_its_recipes_and_no_lines(fonts: Path, texts: Path, tmp_path: Path) -> None:
    mix = tmp_path / "mix.toml"
    mix.write_text("[pages]\ncaptcha = 1\n[scenes]\ncaptcha = 1\n", encoding="utf-8")
    spec = DrawSpec(str(mix), str(fonts), str(texts), seed=5)
    pages = open_pages(spec)
    assert isinstance(pages, Mixed) and len(pages.drawers) == 2
    one, other = pages.sample(3)[0], open_pages(spec).sample(3)[0]
    assert np.array_equal(one, other)
    with pytest.raises(NetchuError, match="draws pages and no lines"):
        spec.open()
    mix.write_text("[pages]\npages = 1\n", encoding="utf-8")
    with pytest.raises(NetchuError, match="a mix itself"):
        open_pages(spec)
