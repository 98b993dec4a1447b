"""A page is read line by line: found, cut, read as lines by themselves are, and given back in the page's pixels."""

import cv2
import numpy as np
import pytest

import netchu
from netchu.image import open_grey, to_height
from netchu.read import Reader
from netchu.records import Line

SAMPLE = open_grey(netchu.__file__.replace("__init__.py", "samples/sample.png"))
TEXTS = ("Số 12 ngõ 34", "quận Hai Bà Trưng", "Hà Nội")
PARTS = ((0, 390), (560, 1060), (1075, None))  # columns of the sample that show them


@pytest.fixture(scope="module")
def reader() -> Reader:
    return netchu.load("vi")


def letter(ink: int = 0, paper: int = 255, turn: float = 0.0) -> np.ndarray:
    """A page (900, 900) with parts of the sample one under the other, turned clockwise by so many degrees."""
    page = np.full((900, 900), 255, np.uint8)
    for place, (left, right) in enumerate(PARTS):
        part = to_height(SAMPLE[:, left:right], 72)
        top = 180 + 150 * place
        page[top : top + 72, 120 : 120 + part.shape[1]] = part
    if turn:
        way = cv2.getRotationMatrix2D((450, 450), -turn, 1.0)
        page = cv2.warpAffine(page, way, (900, 900), borderValue=255)
    return (ink + (page / 255.0) * (paper - ink)).astype(np.uint8)


def inside(line: Line, page) -> bool:
    return all(-5 <= x <= page.width + 5 and -5 <= y <= page.height + 5 for x, y in (*line.polygon, *line.baseline))


def test_a_letter_is_read_line_by_line_in_its_own_pixels(reader):
    page = reader.read(letter(), name="letter.png")
    assert (page.width, page.height, page.source) == (900, 900, "letter.png")
    assert len(page.lines) == 3
    for line, text, place in zip(page.lines, TEXTS, range(3)):
        same = sum(a == b for a, b in zip(line.text, text))
        assert same > 0.6 * len(text), (line.text, text)
        assert inside(line, page)
        top = 180 + 150 * place
        assert all(top < y < top + 72 for _, y in line.baseline)
        assert abs(line.baseline[0][0] - 120) < 35  # the sample has a margin
        for char in line.chars:
            left, upper, right, lower = char.box
            assert 100 < left <= right < 700 and top - 25 < upper <= lower < top + 100
        assert [word.text for word in line.words] == line.text.split()


def test_rules_in_the_picture_tell_the_cells_of_a_table(reader):
    """Cells of one to three lines at the foot of their rows: where lines stand alone does not tell rows."""
    page, depths = np.full((900, 900), 255, np.uint8), ((2, 1, 2), (1, 3, 2), (2, 2, 1), (3, 1, 2))
    y = 60
    for row in depths:
        cv2.line(page, (30, y), (870, y), 90, 2)
        foot = y + 20 + 56 * max(row)
        for column, count in enumerate(row):
            for line in range(count):
                left, right = PARTS[(column + line) % 2]
                part = to_height(SAMPLE[:, left:right], 42)[:, :220]
                top, x = foot - 56 * (count - line), 50 + 280 * column
                page[top : top + 42, x : x + part.shape[1]] = part
        y = foot + 8
    cv2.line(page, (30, y), (870, y), 90, 2)
    (table,) = [region for region in reader.read(page).regions if region.kind == "table"]
    wanted = [((row, column),) * depths[row][column] for row in range(4) for column in range(3)]
    assert table.cells == sum(wanted, ())


@pytest.mark.parametrize("turn", [-8.0, 8.0])
def test_a_slanting_letter_is_read_too_and_its_lines_slant(reader, turn):
    level, slanting = reader.read(letter()), reader.read(letter(turn=turn))
    assert len(slanting.lines) == 3
    for one, other in zip(level.lines, slanting.lines):
        assert sum(a == b for a, b in zip(one.text, other.text)) >= 0.7 * len(one.text), (one.text, other.text)
        (x, y), (far_x, far_y) = other.baseline[0], other.baseline[-1]
        assert np.degrees(np.arctan2(far_y - y, far_x - x)) == pytest.approx(turn, abs=3)


def test_light_writing_on_dark_paper(reader):
    assert len(reader.read(letter(ink=230, paper=20)).lines) == 3


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_blank_page_is_a_page_without_lines(reader, grey):
    page = reader.read(np.full((1100, 800), grey, np.uint8))
    assert (page.width, page.height, page.lines) == (800, 1100, ())


def test_a_page_without_text_has_no_sure_lines(reader):
    noise = cv2.GaussianBlur(np.random.default_rng(0).random((900, 700)), (0, 0), 40)
    shaded = cv2.normalize(noise, None, 90, 220, cv2.NORM_MINMAX).astype(np.uint8)
    assert len(reader.read(shaded).lines) <= 1


def test_a_page_that_is_asked_for_is_a_page_whatever_its_shape(reader):
    strip = letter()[180:260]  # 80 rows: a line, if nobody says otherwise
    assert reader.read(strip).lines[0].baseline == ()
    (line,) = reader.read(strip, page=True).lines
    assert line.baseline
    whole = reader.read(letter(), line=True)
    assert len(whole.lines) <= 1


def test_the_same_page_gives_the_same_record_each_time_and_with_more_threads(reader):
    first = reader.read(letter())
    assert reader.read(letter()) == first
    assert netchu.load("vi", threads=2).read(letter()) == first


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (161, 3), (9000, 30)])
def test_pictures_of_odd_shapes_are_pages_without_harm(reader, shape):
    page = reader.read(np.full(shape, 255, np.uint8), page=True)
    assert (page.height, page.width) == shape
    noisy = (np.random.default_rng(1).random(shape) * 255).astype(np.uint8)
    assert all(inside(line, page) for line in reader.read(noisy, page=True).lines)
