"""Lines lie straight when they are cut out, keep their letters' shape, and know where on the page they come from."""

import cv2
import numpy as np
import pytest

from netchu.page.crop import SAMPLE, TALLEST, cut_lines
from netchu.records import Line


def line(baseline=(), polygon=()) -> Line:
    return Line("", 0.0, tuple(polygon), (), baseline=tuple(baseline))


def band(baseline, above: float, below: float):
    """An outline so far above and below a level baseline."""
    return [*((x, y - above) for x, y in baseline), *((x, y + below) for x, y in reversed(baseline))]


def texture(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    """Smooth blots: what survives being sampled between pixels."""
    noise = np.random.default_rng(seed).random((rows, columns)).astype(np.float32)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2.5), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def alike(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def test_a_level_line_is_what_a_pair_of_scissors_gives():
    page = texture(200, 400)
    (cut,) = cut_lines(page, [line([(50, 100), (350, 100)], band([(50, 100), (350, 100)], 30, 10))])
    left, top = 50 - round(0.1 * 40), round(100 - cut.above)
    rows, columns = cut.picture.shape
    assert (rows, columns) == (42, 308)
    assert np.abs(cut.picture.astype(int) - page[top : top + rows, left : left + columns]).max() <= 12  # half a pixel
    assert alike(cut.picture, page[top : top + rows, left : left + columns]) > 0.99


def test_a_bent_line_lies_straight():
    """Blots are laid along an arc; the cut gives them back as they were."""
    flat = texture(60, 600)
    angles = np.linspace(-0.5, 0.5, 61)
    arc = [(500 + 600 * np.sin(angle), 900 - 600 * np.cos(angle)) for angle in angles]
    y, x = np.mgrid[0:500, 0:1000].astype(np.float32)
    radius, angle = np.hypot(x - 500, y - 900), np.arctan2(x - 500, 900 - y)
    page = cv2.remap(flat, (angle + 0.5) * 600, 600 - radius + 40, cv2.INTER_LINEAR, borderValue=255)
    outline = [
        (500 + r * np.sin(a), 900 - r * np.cos(a)) for r, turns in ((640, angles), (580, angles[::-1])) for a in turns
    ]
    (cut,) = cut_lines(page.astype(np.uint8), [line(arc, outline)])
    inner = cut.picture[2:-2, 10:-10]
    wanted = cv2.resize(flat, (cut.picture.shape[1] - 2 * 6, 60))[: inner.shape[0], 4 : 4 + inner.shape[1]]
    best = max(alike(inner, np.roll(wanted, (dy, dx), (0, 1))) for dy in (-2, -1, 0, 1, 2) for dx in range(-3, 4))
    assert best > 0.95


def test_a_line_that_runs_down_is_turned_to_lie_flat_with_its_top_at_the_left():
    page = texture(300, 120)
    middle = [(80, 40), (80, 260)]
    (cut,) = cut_lines(page, [line(middle, [(80 + 30, 40), (80 + 30, 260), (70, 260), (70, 40)])])
    turned = np.rot90(page)  # against the clock: what was right lies on top
    rows, columns = cut.picture.shape
    top, left = round((120 - 80) - cut.above), 40 - round(0.1 * 40)
    assert alike(cut.picture, turned[top : top + rows, left : left + columns]) > 0.99


@pytest.mark.parametrize(
    "ends", [[(50, 100), (350, 100)], [(350, 100), (50, 100)], [(40, 250), (340, 60)], [(90, 20), (90, 260)]]
)
def test_points_of_a_strip_go_back_to_their_pixels(ends):
    page = np.full((300, 400), 255, np.uint8)
    at = np.array(ends[0]) * 0.4 + np.array(ends[1]) * 0.6
    cv2.circle(page, (round(at[0]), round(at[1])), 3, 0, -1)
    way = np.subtract(ends[1], ends[0]) / np.hypot(*np.subtract(ends[1], ends[0]))
    up = np.array([way[1], -way[0]])
    outline = [tuple(end + side * up) for end, side in ((ends[0], 30), (ends[1], 30), (ends[1], -10), (ends[0], -10))]
    (cut,) = cut_lines(page, [line(ends, outline)])
    y, x = np.nonzero(cut.picture < 128)
    found = cut.to_page(np.array([[x.mean() + 0.5, y.mean() + 0.5]]))[0]
    assert np.hypot(*(found - (np.rint(at) + 0.5))) < 1.0
    assert abs(y.mean() + 0.5 - cut.above) < 1.5  # it stands on the baseline


def test_strips_of_large_writing_are_sampled_coarser_and_still_know_their_pixels():
    page = np.full((1500, 3000), 255, np.uint8)
    cv2.circle(page, (2000, 900), 30, 0, -1)
    (cut,) = cut_lines(page, [line([(300, 900), (2700, 900)], band([(300, 900), (2700, 900)], 600, 200))])
    assert TALLEST <= cut.picture.shape[0] < 2 * TALLEST
    y, x = np.nonzero(cut.picture < 128)
    found = cut.to_page(np.array([[x.mean() + 0.5, y.mean() + 0.5]]))[0]
    assert np.hypot(*(found - (2000.5, 900.5))) < cut.scale


def test_as_many_strips_as_lines_in_their_order_whatever_the_lines_are():
    page = texture(300, 400)
    level = [(20, 50), (380, 50)]
    odd = [
        line(level, band(level, 20, 8)),
        line(level),  # no outline
        line((), [(30, 100), (300, 100), (300, 140), (30, 140)]),  # no baseline
        line((), [(200, 20), (230, 20), (230, 280), (200, 280)]),  # none, upright
        line([(10, 200)], [(10, 180), (60, 180), (60, 205), (10, 205)]),  # a baseline of one point
        line([(350, 290), (420, 310)], band([(350, 290), (420, 310)], 30, 10)),  # over the edge
        line([(5, 5), (5, 5), (9, 5)], band([(5, 5), (9, 5)], 0.2, 0.1)),  # tiny, and a point twice
        line([(0, 0), (400, 0)], band([(0, 0), (400, 0)], 0, 0)),  # flat
        line([(10, 250), (200, 250)], band([(10, 30), (200, 30)], 10, 5)),  # its outline is elsewhere
    ]
    cuts = cut_lines(page, odd)
    assert len(cuts) == len(odd)
    for each in cuts:
        assert min(each.picture.shape) > 0
        assert np.isfinite(each.to_page(np.array([[0.0, 0.0], [1e4, 1e4]]))).all()
    assert alike(cuts[1].picture[:8], cuts[1].picture[:8]) == 1
    assert abs(cuts[2].to_page(np.array([[0.0, cuts[2].above]]))[0, 1] - 132) < 1.5  # a fifth over the lower edge
    assert cuts[3].picture.shape[1] > cuts[3].picture.shape[0]
    assert cut_lines(page, []) == []


def test_a_line_does_not_depend_on_the_others():
    page = texture(300, 400)
    lines = [line([(20, y), (380, y + 5)], band([(20, y), (380, y + 5)], 20, 8)) for y in (50, 120, 190)]
    together = cut_lines(page, lines)
    for each, whole in zip(lines, together):
        (alone,) = cut_lines(page, [each])
        assert np.array_equal(alone.picture, whole.picture)


def test_a_line_longer_than_can_be_sampled_is_sampled_coarser():
    page = np.full((40, SAMPLE + 5000), 200, np.uint8)
    ends = [(0, 30), (SAMPLE + 5000, 30)]
    (cut,) = cut_lines(page, [line(ends, band(ends, 20, 8))])
    assert cut.scale == 2 and cut.picture.shape[1] <= SAMPLE
