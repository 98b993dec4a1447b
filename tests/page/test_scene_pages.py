"""Text at any angle is found once, as a quadrilateral, seen from the front when it is read, and told in rows."""

from difflib import SequenceMatcher
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

import netchu
from netchu.image import open_grey, to_height
from netchu.page.area_score import outline, pairs
from netchu.page.maps import STRIDE, paint, track
from netchu.page.scene import cut_scene, find_scene, flattened, in_rows, on_its_head, squared
from netchu.page.trace import FoundLine
from netchu.read import Reader

SAMPLE = open_grey(netchu.__file__.replace("__init__.py", "samples/sample.png"))
WORDS = to_height(SAMPLE[:, 560:1060], 72)  # "quận Hai Bà Trưng"
SIGNS = {  # place of the middle, degrees, height, length
    "first": ((250, 120), 0, 40, 300),
    "beside": ((700, 150), -20, 60, 320),
    "tall": ((450, 420), 35, 130, 520),
    "down": ((900, 500), 90, 30, 300),
    "on its head": ((250, 700), 180, 36, 260),
}


def corners_of(middle, degrees: float, height: float, length: float, near: float = 1.1) -> np.ndarray:
    """Corners clockwise from the top of the start; the end is `near` times as high as the start."""
    frame = np.array([[-1, -1], [1, -near], [1, near], [-1, 1]]) / 2 * (length, height)
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return frame @ turn + middle


def sign(name: str) -> FoundLine:
    corners = corners_of(*SIGNS[name])
    base = corners[[3, 2]] * 0.8 + corners[[0, 1]] * 0.2
    points = lambda array: tuple((float(x), float(y)) for x, y in array)  # noqa: E731
    return FoundLine(points(base), points(corners), 1.0, SIGNS[name][2])


def painter(lines, size: tuple[int, int]):
    """What a network that makes no mistake paints of any look at a picture of that size (width, height)."""

    def look(images: np.ndarray) -> np.ndarray:
        rows, columns = images.shape[1:]
        scale = min((0.25, 0.5, 1.0), key=lambda s: abs(columns - s * size[0]) + abs(rows - s * size[1]))
        tracks = [track(np.array(x.baseline) * scale, np.array(x.polygon) * scale, 8) for x in lines]
        return paint(tracks, (rows // STRIDE, columns // STRIDE))[0][None]

    return look


def test_lines_of_all_sizes_and_angles_are_found_once_as_quadrilaterals():
    true = [sign(name) for name in SIGNS]
    found = find_scene(painter(true, (1100, 850)), np.full((850, 1100), 200, np.uint8))
    assert len(found) == len(true)
    assert all(len(line.polygon) == 4 for line in found)
    matched = pairs([outline(line.polygon) for line in true], [outline(line.polygon) for line in found], 0.75)
    assert len(matched) == len(true)
    for pair in matched:
        one, other = (np.subtract(side[at].baseline[-1], side[at].baseline[0])
                      for side, at in ((true, pair.true), (found, pair.found)))  # fmt: skip
        assert np.dot(one, other) > 0.97 * np.hypot(*one) * np.hypot(*other)  # read from the right end


def test_rows_are_told_from_the_top_and_from_the_left():
    lines = [sign(name) for name in ("on its head", "tall", "beside", "first")]
    assert [lines[place] for place in in_rows(lines)] == [sign(x) for x in ("first", "beside", "tall", "on its head")]


def test_a_bent_line_keeps_its_outline_and_is_cut_along_its_baseline():
    angles = np.linspace(-0.6, 0.6, 21)
    arc = [(500 + 300 * np.sin(a), 500 - 300 * np.cos(a)) for a in angles]
    edge = [(500 + r * np.sin(a), 500 - r * np.cos(a)) for r, way in ((330, angles), (290, angles[::-1])) for a in way]
    bent = FoundLine(tuple(arc), tuple(edge), 1.0, 40.0)
    assert squared(bent) is bent
    first, second = cut_scene(np.full((600, 900), 255, np.uint8), [sign("first"), bent])
    assert first.picture.shape[1] == pytest.approx(300 * 1.03, abs=12)
    assert second.picture.shape[1] == pytest.approx(300 * 1.2, abs=16)


@pytest.mark.parametrize("name", SIGNS)
def test_a_quadrilateral_is_seen_from_the_front(name: str):
    """Blots are laid into a quadrilateral; the cut gives them back, and knows where they were."""
    corners = corners_of(*SIGNS[name], near=1.5)
    blots = cv2.GaussianBlur(np.random.default_rng(0).random((80, 400)).astype(np.float32), (0, 0), 14)
    flat = cv2.normalize(blots, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    frame = np.array([[0, 0], [400, 0], [400, 80], [0, 80]], np.float32)
    way = cv2.getPerspectiveTransform(frame, corners.astype(np.float32))
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # to cv2 whole numbers are the centres of pixels
    picture = cv2.warpPerspective(flat, np.linalg.inv(half) @ way @ half, (1100, 850), borderValue=255)
    cut = flattened(picture, [(float(x), float(y)) for x, y in corners])
    rows, columns = cut.picture.shape
    over, beyond = 0.03 / 1.06 * rows, 0.1 / 1.06 * rows
    inner = cut.picture[round(over) : round(rows - over), round(beyond) : round(columns - beyond)]
    wanted = cv2.resize(flat, inner.shape[::-1], interpolation=cv2.INTER_AREA)
    assert np.corrcoef(inner.ravel(), wanted.ravel())[0, 1] > 0.95
    ends = cut.to_page(np.array([[beyond, over], [columns - beyond, rows - over]]))
    assert np.abs(ends - corners[[0, 2]]).max() < 2.0


def test_what_is_read_from_its_other_end_has_its_letters_on_the_other_side():
    line = sign("down")
    other = on_its_head(line)
    assert other.polygon == line.polygon[2:] + line.polygon[:2]
    assert np.allclose(np.subtract(other.baseline[-1], other.baseline[0]),
                       np.subtract(line.baseline[0], line.baseline[-1]), atol=0.2)  # fmt: skip
    assert np.allclose(on_its_head(other).baseline, line.baseline, atol=0.2)


@pytest.fixture(scope="module")
def reader() -> Reader:
    return netchu.load("vi", decoder="greedy")


def test_a_sign_is_read_whatever_end_the_finder_takes_for_its_start(reader: Reader):
    picture = np.full((850, 1100), 255, np.uint8)
    names = ("first", "tall", "on its head")
    for name in names:
        rows, columns = WORDS.shape
        frame = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
        way = cv2.getPerspectiveTransform(frame, corners_of(*SIGNS[name]).astype(np.float32))
        np.minimum(picture, cv2.warpPerspective(WORDS, way, (1100, 850), borderValue=255), out=picture)
    lines = [sign("first"), sign("tall"), on_its_head(sign("on its head"))]
    upside_down = [sign("first"), sign("tall"), sign("on its head")]
    for given in (lines, upside_down):
        reader.finder = SimpleNamespace(maps=painter(given, (1100, 850)))  # type: ignore[assignment]
        page = reader.read(picture, scene=True)
        assert len(page.lines) == 3 and page.regions == ()
        for line in page.lines:
            assert SequenceMatcher(None, line.text, "quận Hai Bà Trưng").ratio() > 0.8, line.text
            assert len(line.polygon) == 4
        assert page.lines[2].baseline[0][0] > page.lines[2].baseline[-1][0]  # it runs to the left, as it stands


@pytest.mark.parametrize("shape", [(1, 1), (3, 900), (900, 2), (64, 64)])
def test_pictures_without_text_are_scenes_without_lines(shape):
    page = netchu.load("vi", decoder="greedy").read(np.full(shape, 90, np.uint8), scene=True)
    assert (page.height, page.width, page.lines) == (*shape, ())


def test_scenes_and_readers_of_lines_that_run_down_have_a_finder_of_their_own(reader: Reader):
    plain = netchu.load("vi", decoder="greedy")
    assert [plain.finder_of(scene).info.name for scene in (False, True)] == ["lines", "lines-turned"]
    assert netchu.load("ja").finder.info.name == "lines-turned"
    plain.finder = chosen = plain.finder_of(scene=True)
    assert plain.finder is plain.finder_of() is chosen
