"""What was found, drawn into the picture: in place, in colours that say how sure it is, the picture's size kept."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from netchu.errors import NetchuError
from netchu.formats import FORMS, write
from netchu.formats.drawn import BASELINE, COLOURS, FRAME
from netchu.records import Char, Line, Page, Region


def line(y: float, sure: float, baseline: bool = True) -> Line:
    box = (100.0, y - 30, 400.0, y + 10)
    polygon = ((100.0, y - 30), (400.0, y - 30), (400.0, y + 10), (100.0, y + 10))
    chars = (Char("a", sure, box), Char("b", sure, box))
    return Line("ab", 0.1, polygon, chars, baseline=((100.0, y), (400.0, y)) if baseline else ())


def png(grey: np.ndarray) -> bytes:
    data = io.BytesIO()
    Image.fromarray(grey).save(data, "PNG")
    return data.getvalue()


def drawn(page: Page, picture) -> np.ndarray:
    (data, notes) = write([page], "png", [picture])
    assert notes == ()
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def near(canvas: np.ndarray, x: int, y: int, colour) -> bool:
    patch = canvas[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3).astype(int)
    return bool((np.abs(patch - colour).max(axis=1) < 90).any())


def test_lines_are_outlined_as_sure_as_their_characters_are():
    lines = (line(100, 0.95), line(200, 0.8), line(300, 0.3), line(400, 0.95, baseline=False))
    canvas = drawn(Page(500, 600, lines), png(np.full((600, 500), 255, np.uint8)))
    assert canvas.shape == (600, 500, 3)
    for y, colour in zip((100, 200, 300, 400), (*COLOURS, COLOURS[0])):
        assert near(canvas, 250, y - 30, colour)
    assert near(canvas, 250, 100, BASELINE) and not near(canvas, 250, 400, BASELINE)
    assert (canvas[450:600] == 255).all()  # nothing where nothing was found
    assert not near(canvas, 90, 95, (255, 255, 255)) or (canvas[85:105, 70:100] != 255).any()  # its number


def test_ink_stays_visible_and_regions_are_framed():
    grey = np.full((600, 500), 255, np.uint8)
    grey[500:520, 50:450] = 0
    region = Region("heading", ((80.0, 50.0), (450.0, 50.0), (450.0, 150.0), (80.0, 150.0)), (0,))
    canvas = drawn(Page(500, 600, (line(100, 1.0),), regions=(region,)), png(grey))
    assert near(canvas, 450, 100, FRAME)
    assert 60 < canvas[510, 250].max() < 120


@pytest.mark.parametrize("shape", [(1, 1), (2, 900), (900, 2)])
def test_small_pictures_and_points_outside_do_no_harm(shape):
    page = Page(shape[1], shape[0], (line(100, 0.5), Line("x", 0.5, (), ())))
    assert drawn(page, png(np.full(shape, 255, np.uint8))).shape[:2] == shape


def test_the_page_of_its_number_is_drawn_and_another_picture_is_refused():
    sheets = [Image.fromarray(np.full((40, 60), value, np.uint8)) for value in (255, 100)]
    data = io.BytesIO()
    sheets[0].save(data, "TIFF", save_all=True, append_images=sheets[1:])
    assert drawn(Page(60, 40, (), number=2), data.getvalue()).max() < 170
    assert drawn(Page(60, 40, (), number=1), data.getvalue()).min() == 255
    with pytest.raises(NetchuError, match="has no page 3"):
        write([Page(60, 40, (), number=3)], "png", [data.getvalue()])
    with pytest.raises(NetchuError, match="is 60 x 40 pixels, the page 61 x 40"):
        write([Page(61, 40, ())], "png", [data.getvalue()])
    assert not FORMS["png"].several
