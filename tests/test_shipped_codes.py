"""The bundled readers of plates, captchas and signs, on pictures drawn here with the font that Pillow carries."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn import draw_text
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

import netchu

MIDDLES, TOP, FOOT = (38, 95, 174, 231, 288, 345, 402), 25, 115  # of the characters, in mm: GA 36-2018


def plate(letters: str) -> NDArray[np.uint8]:
    """A blue plate of Sichuan, whose character is three strokes, squeezed to 94 x 24."""
    sheet = np.full((140, 440), 60, np.uint8)
    cv2.rectangle(sheet, (6, 6), (433, 133), (220,), 3)
    for ends in (((22, TOP), (14, FOOT)), ((38, TOP + 6), (38, FOOT - 8)), ((56, TOP), (56, FOOT))):
        cv2.line(sheet, *ends, (220,), 9, cv2.LINE_AA)
    cv2.circle(sheet, (134, 70), 6, (220,), -1)
    font = ImageFont.load_default(120)
    for char, middle in zip(letters, MIDDLES[1:]):
        glyph = Image.new("L", (200, 200))
        ImageDraw.Draw(glyph).text((40, 20), char, 255, font)
        narrow = glyph.crop(glyph.getbbox()).resize((12 if char == "1" else 45, 90))
        picture = np.asarray(narrow)
        left = middle - picture.shape[1] // 2
        view = sheet[TOP:FOOT, left : left + picture.shape[1]]
        np.copyto(view, np.maximum(view, (60 + picture.astype(np.float32) * (160 / 255)).astype(np.uint8)))
    return cv2.resize(cv2.GaussianBlur(sheet, (0, 0), 2), (94, 24), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


@pytest.mark.parametrize("letters", ["A23U47", "B8K520", "K95P24", "E2T589"])
def test_a_plate_is_read_by_its_grammar(letters: str) -> None:
    line = netchu.load("plate-cn").read_lines([plate(letters)])[0]
    assert line.text == "川" + letters


def test_what_is_no_plate_is_not_believed() -> None:
    reader = netchu.load("plate-cn")
    sure, *others = reader.read_lines(
        [plate("A23U47"), np.full((24, 94), 128, np.uint8), draw_text("EXIT"), draw_text("Hello world")]
    )
    assert others[0].confidence < 0.01
    assert max(other.confidence for other in others) < 0.5 < sure.confidence


@pytest.mark.parametrize("text", ["4n7xd", "e7m3b", "x5wyn"])
def test_a_captcha_is_read_through_a_line(text: str) -> None:
    picture = draw_text(text, 36, margin=8)
    cv2.line(picture, (0, picture.shape[0] // 3), (picture.shape[1], picture.shape[0] // 2), (30,), 1, cv2.LINE_AA)
    assert netchu.load("captcha").read_lines([picture])[0].text == text


@pytest.mark.parametrize("text", ["EXIT", "Market", "STREET", "Coffee", "24"])
def test_a_sign_is_read_with_its_language_models(text: str) -> None:
    reader = netchu.load("scene")
    light = draw_text(text, 28, margin=3)
    assert [line.text for line in reader.read_lines([light, 255 - light])] == [text, text]
