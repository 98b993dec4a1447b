"""Regions of constructed layouts: which lines are together, what kind they are, where their outline is."""

from __future__ import annotations

import random

import cv2
import numpy as np
import pytest

from netchu.page.order import arrange
from netchu.records import Line, Region

W, H = 1000, 1400


def line(x: float, y: float, long: float, tall: float = 20.0) -> Line:
    outline = ((x, y - 0.75 * tall), (x + long, y - 0.75 * tall), (x + long, y + 0.25 * tall), (x, y + 0.25 * tall))
    return Line("", 1.0, outline, (), baseline=((x, y), (x + long, y)))


def text(y: float, count: int, x: float = 100.0, long: float = 800.0) -> list[Line]:
    rng = random.Random(count)
    return [line(x, y + 30 * k, long * rng.uniform(0.95, 1)) for k in range(count)]


def found(lines: list[Line]) -> list[tuple[str, list[int]]]:
    order, regions = arrange(lines, W, H)
    return [(region.kind, [order[place] for place in region.lines]) for region in regions]


def covered(regions: list[Region]) -> np.ndarray:
    """(n, H, W): the pixels of each region."""
    masks = []
    for region in regions:
        mask = np.zeros((H, W), np.uint8)
        cv2.fillPoly(mask, [np.rint(region.polygon).astype(np.int32)], 1)
        masks.append(mask)
    return np.array(masks, dtype=bool)


def test_a_gap_parts_paragraphs() -> None:
    assert found(text(200, 6) + text(420, 5)) == [("paragraph", [*range(6)]), ("paragraph", [*range(6, 11)])]


def test_an_indent_begins_a_paragraph() -> None:
    lines = text(200, 12)
    lines[5] = line(140, 350, 760)
    assert found(lines) == [("paragraph", [*range(5)]), ("paragraph", [*range(5, 12)])]


def test_lines_that_begin_anywhere_are_one_paragraph() -> None:
    rng = random.Random(1)
    assert len(found([line(100 + rng.uniform(0, 60), 200 + 30 * k, 700) for k in range(20)])) == 1


@pytest.mark.parametrize("heading", [line(100, 150, 300, 34), line(380, 170, 240)], ids=["tall", "in the middle"])
def test_heading(heading: Line) -> None:
    lines = [*text(60, 3), heading, *text(230, 8)]
    assert [kind for kind, _ in found(lines)] == ["paragraph", "heading", "paragraph"]


def test_header_footer_and_number() -> None:
    lines = [line(350, 60, 300), *text(140, 35), line(100, 1250, 400), line(480, 1340, 30)]
    assert [kind for kind, _ in found(lines)] == ["header", "paragraph", "footer", "page-number"]


def test_nothing_amid_the_page_is_a_header_or_a_number() -> None:
    lines = [*text(140, 12), line(480, 570, 30), *text(680, 12)]
    assert not {"header", "footer", "page-number"} & {kind for kind, _ in found(lines)}


def test_a_table_between_two_paragraphs() -> None:
    cells = [line(x, 420 + 34 * row, long) for row in range(8) for x, long in ((100, 50), (250, 200), (780, 90))]
    assert [kind for kind, _ in found(text(140, 8) + cells + text(740, 8))] == ["paragraph", "table", "paragraph"]


def test_lines_found_in_pieces_are_no_table() -> None:
    rng, lines = random.Random(2), []
    for k in range(12):
        cut = rng.uniform(250, 700)
        lines += [line(100, 200 + 30 * k, cut - 100), line(cut + 8, 200 + 30 * k, 900 - cut)]
    assert "table" not in {kind for kind, _ in found(lines)}


def test_outlines_hold_their_lines_and_little_of_others() -> None:
    lines = [line(200, 60, 600, 36), *text(140, 14, 60, 400), *text(150, 12, 540, 400), *text(700, 8, 60, 880)]
    order, regions = arrange(lines, W, H)
    masks = covered(regions)
    for mask, region in zip(masks, regions):
        for place in region.lines:
            one = covered([Region("other", lines[order[place]].polygon, ())])[0]
            assert (one & mask).sum() > 0.9 * one.sum()
    shared = (masks.sum(axis=0) > 1).sum()
    assert shared < 0.02 * masks.any(axis=0).sum()


def test_the_outline_follows_short_lines() -> None:
    lines = [*text(140, 3), line(100, 230, 150), *text(260, 3)]
    regions = arrange(lines, W, H)[1]
    assert len(regions) == 1
    mask = covered(regions)[0]
    assert mask[222, 200] and not mask[222, 600] and mask[190, 600]
