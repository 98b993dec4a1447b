"""Lines that stand loosely or aslant in their pictures are read as those that fill them; the others are left alone."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from drawn import PAPER, draw_text

import netchu
from netchu.data.batch import Pictures
from netchu.data.lines import Sample
from netchu.data.survey import survey
from netchu.framing import NARROWEST, WIDEST, Frame, find_frame, frame, stretch, stroke_pitch
from netchu.image import lay_flat
from netchu.metrics import count
from netchu.read import Reader, to_line
from netchu.records import Char, Line, Word

TEXT = "phố Huế, quận Hai Bà Trưng"
SNUG = draw_text("Old Street 12, London and beyond", margin=2)


def margins(picture, share):
    rows = round(share * picture.shape[0])
    return cv2.copyMakeBorder(picture, rows, rows, rows, rows, cv2.BORDER_CONSTANT, value=PAPER)


def tilted(picture, degrees):
    height, width = picture.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    more = round(abs(np.sin(np.radians(degrees))) * width / 2) + 2
    turn[1, 2] += more
    return cv2.warpAffine(picture, turn, (width, height + 2 * more), borderValue=PAPER)


def whole(picture):
    return find_frame(picture) == Frame(picture.shape[0], 0, picture.shape[0])


@pytest.fixture(scope="module")
def reader():
    return netchu.load("vi-tiny", decoder="greedy")


@pytest.mark.parametrize(
    "picture",
    [
        SNUG,
        np.full((40, 600), 255, np.uint8),
        np.zeros((1, 1), np.uint8),
        np.zeros((4, 4000), np.uint8),
        np.zeros((600, 40), np.uint8),
        np.random.default_rng(0).integers(0, 256, (60, 700), dtype=np.uint8),
    ],
    ids=["a line that fills it", "blank", "a pixel", "a strip", "tall", "noise"],
)
def test_what_stands_well_or_holds_no_line_is_left_as_it_is(picture):
    assert whole(picture)
    assert frame(picture).picture.shape == picture.shape


def test_a_single_stroke_is_no_line_to_be_blown_up():
    one = np.full((64, 64), PAPER, np.uint8)
    one[30:34, 8:56] = 20  # the Chinese for one
    rule = np.full((80, 900), PAPER, np.uint8)
    rule[60:62] = 20
    assert whole(one) and whole(rule)


@pytest.mark.parametrize("share", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("light", [False, True])
def test_margins_are_cut_off(share, light):
    loose = margins(SNUG, share)
    loose = 255 - loose if light else loose
    found = frame(loose)
    rows = found.picture.shape[0]
    assert 0.7 * SNUG.shape[0] < rows < 1.9 * SNUG.shape[0] and found.picture.shape[1] == loose.shape[1]
    ink = np.abs(loose.astype(int) - int(np.median(loose))) > 100
    kept = np.abs(found.picture.astype(int) - int(np.median(loose))) > 100
    assert kept.sum() == ink.sum()  # none of the ink
    assert find_frame(found.picture).rows > 0.8 * rows  # and once is enough


@pytest.mark.parametrize("degrees", [-5, -2, 2, 5])
def test_a_tilted_line_is_laid_straight(degrees):
    found = frame(tilted(SNUG, degrees))
    assert found.frame.slope == pytest.approx(-np.tan(np.radians(degrees)), abs=0.008)
    assert found.picture.shape[0] < 2 * SNUG.shape[0]


def test_boxes_come_back_to_where_the_ink_is_in_the_picture_given():
    aslant = margins(tilted(SNUG, 3), 0.5)
    found = frame(aslant)
    columns = found.picture.shape[1]
    at = columns - 60.0
    box = (at, 5.0, at + 20, 20.0)
    corners = ((0.0, 0.0), (float(columns), 0.0), (float(columns), 9.0), (0.0, 9.0))
    back = found.back(Line("a", 1.0, corners, (Char("a", 1.0, box),), (Word("a", 1.0, box),)))
    down = found.frame.top + found.frame.slope * (at + 10 - columns / 2)
    assert back.chars[0].box == back.words[0].box == pytest.approx((at, 5 + down, at + 20, 20 + down))
    assert back.polygon[0] == pytest.approx((0, found.frame.top - found.frame.slope * columns / 2))
    assert back.polygon[2] == pytest.approx((columns, 9 + found.frame.top + found.frame.slope * columns / 2))
    low = found.back(Line("a", 1.0, ((0.0, 0.0), (columns, 0.0), (columns, 900.0), (0.0, 900.0)), ()))
    assert max(y for _, y in low.polygon) == aslant.shape[0]  # never out of the picture


def test_a_line_that_ran_down_comes_back_standing():
    standing = np.full((60, 30), PAPER, np.uint8)
    found = frame(standing, vertical=True)
    assert found.laid and found.picture.shape == (30, 60) and not frame(standing).laid
    box = (9.0, 10.0, 14.0, 20.0)
    corners = ((0.0, 0.0), (60.0, 0.0), (60.0, 30.0), (0.0, 30.0))
    back = found.back(Line("a", 1.0, corners, (Char("a", 1.0, box),), (Word("a", 1.0, box),)))
    assert back.polygon == ((0, 0), (30, 0), (30, 60), (0, 60))
    assert back.chars[0].box == back.words[0].box == (10, 9, 20, 14)


@pytest.mark.parametrize("vote", [False, True])
def test_reading_does_not_mind_margins_and_tilt(reader, vote):
    snug = draw_text("Trong nha co nam nguoi va mot con meo", size=40, margin=4)
    pictures = [snug, margins(snug, 1.0), tilted(snug, 3), margins(tilted(snug, -3), 0.5)]
    reads = netchu.load("vi-tiny", decoder="greedy", views=2) if vote else reader
    lines = reads.read_lines(pictures)
    errors = [count(lines[0].text, line.text).rate for line in lines]
    assert max(errors) < 0.1, [line.text for line in lines]
    left, top, right, bottom = lines[1].words[0].box
    assert snug.shape[0] <= top < bottom <= 2 * snug.shape[0] and snug.shape[0] <= left < right


def test_what_is_trained_on_is_framed_as_what_is_read(tmp_path):
    for name, picture in {"loose": margins(SNUG, 1.0), "snug": SNUG, "down": lay_flat(margins(SNUG, 1.0).T).T}.items():
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.ascontiguousarray(picture))
    paths = sorted(tmp_path.iterdir())
    for path, seen in zip(paths, survey([Sample(path, "a") for path in paths])):
        assert Pictures()(str(path)).shape == (seen.rows, seen.width)
        assert Pictures(vertical=True)(str(path)).shape == (seen.flat().rows, seen.flat().width)
    assert Pictures()(str(tmp_path / "loose.png")).shape[0] < 2 * SNUG.shape[0] < 3 * SNUG.shape[0]


def wider(picture, times):
    return cv2.resize(picture, (round(times * picture.shape[1]), picture.shape[0]))


@pytest.mark.parametrize("times", [0.6, 1.5])
def test_strokes_stand_as_far_apart_as_a_line_is_wide(times):
    own = stroke_pitch(SNUG)
    assert 0.1 < own < 0.5
    assert stroke_pitch(wider(SNUG, times)) == pytest.approx(times * own, rel=0.15)
    assert stroke_pitch(255 - SNUG) == pytest.approx(own, rel=0.1)  # light ink
    assert stroke_pitch(cv2.resize(SNUG, None, fx=3, fy=3)) == pytest.approx(own, rel=0.1)  # in heights, not pixels


def test_a_line_is_stretched_towards_the_pitch_but_not_too_far():
    own = stroke_pitch(SNUG)
    assert stretch(own, (0.9 * own, 1.1 * own)) == stretch(own, None) == 1
    assert 1 < stretch(own, (1.1 * own, 9)) < 1.1
    assert 0.9 < stretch(own, (0.01, 0.9 * own)) < 1
    assert stretch(own, (4 * own, 4 * own)) == WIDEST
    assert stretch(own, (own / 4, own / 4)) == NARROWEST
    assert to_line(SNUG, 48, (1.1 * own, 9)).shape[1] > to_line(SNUG, 48).shape[1]


@pytest.mark.parametrize(
    "picture",
    [draw_text("No"), np.full((40, 600), 255, np.uint8), np.zeros((1, 1), np.uint8), np.zeros((5, 900), np.uint8),
     np.zeros((600, 40), np.uint8)],
    ids=["two letters", "blank", "a pixel", "a strip", "tall"],
)  # fmt: skip
def test_where_too_few_strokes_tell_a_line_keeps_its_width(picture):
    assert stroke_pitch(picture) == 0
    assert stretch(stroke_pitch(picture), (0.2, 0.3)) == 1


def test_a_stretched_line_is_found_where_it_stands(reader):
    dense = wider(SNUG, 0.75)
    own = stroke_pitch(dense)
    stretched = Reader(reader.session, reader.decoder)
    stretched.info = replace(reader.info, pitch=(1.3 * own, 9))
    (plain,), (line,) = (each.read_lines([dense]) for each in (reader, stretched))
    assert to_line(dense, 48, stretched.info.pitch).shape[1] > 1.15 * to_line(dense, 48).shape[1]
    assert abs(line.words[-1].box[2] - plain.words[-1].box[2]) < 0.3 * SNUG.shape[0]
    assert line.words[-1].box[2] <= dense.shape[1]
