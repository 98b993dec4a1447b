"""Lines that run down are traced, cut so that they lie flat, and told from right to left."""

from types import SimpleNamespace

import numpy as np

from netchu.image import is_tall
from netchu.page.maps import STRIDE, paint, track
from netchu.page.reading import read_page
from netchu.page.trace import FoundLine, trace
from netchu.page.upright import either_way
from netchu.records import Line

WIDTH, HEIGHT, WIDE = 640, 800, 40
LEFTS = (500, 430, 360, 290, 220, 150)  # from right to left, as they are read
GREYS = (10, 40, 70, 100, 130, 160)


def page() -> np.ndarray:
    """Columns, each of a grey of its own, darker in its upper half, with a light stripe along its right side."""
    grey = np.full((HEIGHT, WIDTH), 250, np.uint8)
    for left, level in zip(LEFTS, GREYS):
        grey[100:700, left : left + WIDE] = level + 30
        grey[100:400, left : left + WIDE] = level
        grey[100:700, left + WIDE - 8 : left + WIDE] = 220
    return grey


def maps() -> np.ndarray:
    tracks = []
    for left in LEFTS:
        x, right = left + 0.2 * WIDE, left + WIDE
        tracks.append(track([(x, 100), (x, 700)], [(right, 100), (right, 700), (left, 700), (left, 100)], 8))
    return paint(tracks, (HEIGHT // STRIDE, WIDTH // STRIDE))[0]


def test_lines_that_run_down_are_traced_from_their_top_with_their_right_side_up():
    found = sorted(trace(maps()), key=lambda line: -line.baseline[0][0])
    assert len(found) == len(LEFTS)
    for line, left in zip(found, LEFTS):
        (x, top), (far, foot) = line.baseline[0], line.baseline[-1]
        assert abs(x - left - 8) < 5 and abs(far - left - 8) < 5 and abs(top - 100) < 5 and abs(foot - 700) < 5
        assert abs(line.height - WIDE) < 6
        first = line.polygon[0]  # the outline begins at the top of the line's start: to the right of it
        assert abs(first[0] - left - WIDE) < 5 and abs(first[1] - 100) < 5


def test_a_page_is_cut_and_told_from_right_to_left():
    seen: list[np.ndarray] = []

    def read_lines(pictures, boxes=True):
        seen.extend(pictures)
        return [Line(str(int(np.median(strip))), 1.0, (), ()) for strip in pictures]

    reader = SimpleNamespace(
        info=SimpleNamespace(vertical=True, direction="ltr ttb"), read_lines=read_lines,
        finder=SimpleNamespace(find_lines=lambda grey: trace(maps()) if grey.shape == (HEIGHT, WIDTH) else []),
    )  # fmt: skip
    found = read_page(reader, page())  # type: ignore[arg-type]
    darkness = [int(line.text) for line in found.lines]
    assert len(darkness) == len(LEFTS) and darkness == sorted(darkness)
    for strip in seen:
        rows, columns = strip.shape
        assert not is_tall(rows, columns) and columns > 10 * rows
        middle, right_side = strip[rows // 2], strip[4, columns // 4 : -columns // 4]
        assert middle[columns // 4] < middle[-columns // 4] - 15  # its top lies left
        assert right_side.mean() > middle.mean() + 20  # its right side lies up


def test_a_page_is_looked_at_on_its_side_too_and_what_is_more_is_taken():
    wide = [FoundLine(((100.0, 50.0 + 70 * k), (700.0, 50.0 + 70 * k)), ((100.0, 20.0), (700.0, 20.0)), 0.9, 30.0)
            for k in range(3)]  # fmt: skip
    down, across = np.zeros((800, 640), np.uint8), np.zeros((640, 800), np.uint8)
    finder = either_way(lambda grey: wide if grey.shape[1] == 800 else wide[:1])
    assert finder(across) == wide
    found = finder(down)
    assert [line.baseline for line in found] == [((590.0 - 70 * k, 100.0), (590.0 - 70 * k, 700.0)) for k in range(3)]
    assert found[0].polygon == ((620.0, 100.0), (620.0, 700.0))
