"""Finding lines with a painter in the network's place: sizes, a second look at small writing, blank pages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import netchu
from netchu.errors import NetchuError
from netchu.page import detect
from netchu.page.detect import AREA, LONGEST, MOST, MULTIPLE, FinderInfo, find_with, fitting_scale, page_of
from netchu.page.maps import ABOVE, BELOW, MAPS, RIBBON, STRIDE, to_map
from netchu.records import Page
from netchu.session import ModelInfo


class Painter:
    """Paints a ribbon wherever a picture is dark, with heights in proportion to the picture's scale."""

    def __init__(self, tall: float = 30.0) -> None:
        self.tall, self.seen = tall, []

    def __call__(self, images):
        assert images.dtype == np.uint8 and images.ndim == 3
        assert images.shape[1] % MULTIPLE == 0 and images.shape[2] % MULTIPLE == 0
        self.seen.append(images.shape)
        maps = np.zeros((1, MAPS, images.shape[1] // STRIDE, images.shape[2] // STRIDE), np.float32)
        rows = images[0].reshape(images.shape[1] // STRIDE, STRIDE, images.shape[2] // STRIDE, STRIDE)
        maps[0, RIBBON] = rows.mean(axis=(1, 3)) < 128
        tall = self.tall * images.shape[2] / self.width
        maps[0, ABOVE], maps[0, BELOW] = to_map(np.float32(0.75 * tall)), to_map(np.float32(0.25 * tall))
        return maps

    def find(self, picture):
        self.width = picture.shape[1]
        return find_with(self, picture)


def page_with_line(height=900, width=700):
    picture = np.full((height, width), 220, np.uint8)
    picture[400:408, 100:600] = 20
    return picture


def test_a_line_is_found_where_it_is():
    (line,) = Painter().find(page_with_line())
    assert line.baseline[0] == pytest.approx((100, 404), abs=4)
    assert line.baseline[-1] == pytest.approx((600, 404), abs=4)
    assert line.height == pytest.approx(30, rel=0.1)


def test_large_pages_are_scaled_down_and_found_in_their_own_pixels():
    painter = Painter(150)
    (line,) = painter.find(np.repeat(np.repeat(page_with_line(), 6, axis=0), 6, axis=1))
    assert len(painter.seen) == 1
    assert np.prod(painter.seen[0]) < 1.1 * AREA
    assert line.baseline[0] == pytest.approx((600, 2424), abs=25)


def test_small_writing_is_looked_at_again_larger():
    painter = Painter(12)
    (line,) = painter.find(page_with_line())
    assert len(painter.seen) == 4  # the second look in bands, three of them
    assert painter.seen[1][2] == pytest.approx(700 * 30 / 12, abs=2 * MULTIPLE)
    assert line.baseline[-1] == pytest.approx((600, 404), abs=4)
    tiny = Painter(1)
    tiny.find(page_with_line())
    assert sum(map(np.prod, tiny.seen[1:])) < 1.8 * MOST  # margins of the bands and their patches are seen with them


@pytest.mark.parametrize("shape", [(1, 1), (1, 20_000), (20_000, 1), (20_000, 300), (31, 33), (3000, 20_000)])
def test_any_size_is_taken_and_memory_is_bounded(shape):
    painter = Painter()
    assert painter.find(np.full(shape, 220, np.uint8)) == []
    assert len(painter.seen) == 1
    assert np.prod(painter.seen[0]) < 1.1 * AREA + MULTIPLE * (sum(painter.seen[0]) + MULTIPLE)
    assert max(painter.seen[0]) <= LONGEST + MULTIPLE


def test_pages_are_never_enlarged_at_first():
    assert fitting_scale(100, 100) == 1.0
    assert fitting_scale(4000, 6000) == pytest.approx((AREA / 24e6) ** 0.5)


def test_found_lines_as_a_page():
    lines = Painter().find(page_with_line())
    page = page_of(Page(700, 900, (), "a.jpg"), lines)
    assert (page.width, page.height, page.source) == (700, 900, "a.jpg")
    assert page.lines[0].baseline == lines[0].baseline and page.lines[0].polygon == lines[0].polygon


def test_what_a_file_says_of_itself():
    info = FinderInfo("lines", "ribbon", 7, {"pages": "ab"}, {"held": {"baseline_f": 0.9}}, "MIT")
    assert FinderInfo.from_json(info.to_json()) == info
    with pytest.raises(NetchuError, match="reads lines and does not find them"):
        FinderInfo.from_json('{"format": 1}')
    with pytest.raises(NetchuError, match="install a newer netchu"):
        FinderInfo.from_json('{"format": 99, "kind": "lines"}')


def test_a_reader_is_told_apart_from_a_finder():
    with pytest.raises(NetchuError, match="finds lines and does not read them"):
        ModelInfo.from_json(FinderInfo("lines").to_json())
    with pytest.raises(NetchuError, match="reads lines and does not find them"):
        detect.LineFinder(Path(netchu.__file__).parent / "weights" / "vi.onnx")


def test_a_file_that_is_no_finder_is_one_clear_line(tmp_path):
    with pytest.raises(NetchuError, match="no such file"):
        detect.LineFinder(tmp_path / "none.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    with pytest.raises(NetchuError, match="not a whole ONNX model"):
        detect.LineFinder(tmp_path / "bad.onnx")
