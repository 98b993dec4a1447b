"""Writing with fonts: each character has its ink, its box and its labels; a writer stays the same; nothing is cut."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from bars import KANJI, bar_font
from PIL import features

from netchu.errors import NetchuError
from netchu.synth.draw import FontEngine
from netchu.synth.fonts import Font, find_fonts
from netchu.synth.glyphs import ABOVE, BODY, cell, glyph
from netchu.synth.hand import Hand
from netchu.synth.ink import Ink, Style
from netchu.synth.marks import compose

TEXTS = ["Số 12, ngõ 3/4", "ẴẤỘ ặệ", "gyỵ jf", "|/\\ \"'", ".", "Trường Đống Đa", "đƠơƯư i", "m" * 30]


@pytest.fixture(scope="module")
def engine(fonts: Path) -> FontEngine:
    return FontEngine(find_fonts(fonts))


@pytest.fixture(scope="module")
def kanji(kanji_fonts: Path) -> FontEngine:
    return FontEngine(find_fonts(kanji_fonts))


def written(engine: FontEngine, text: str, k: int = 0, truth: bool = True, **options: object) -> Ink:
    return engine.write(text, Style(1, k), np.random.default_rng([9, k]), truth=truth, **options)[0]  # type: ignore[arg-type]


def check_truth(ink: Ink, text: str) -> None:
    """One box per code point, in order, inside, on its ink; labels on ink alone, some for each visible character."""
    assert ink.labels is not None and ink.boxes.shape == (len(text), 4) and np.isfinite(ink.boxes).all()
    rows, columns = ink.mask.shape
    assert (ink.boxes[:, :2] >= 0).all() and (ink.boxes[:, 2] <= columns).all() and (ink.boxes[:, 3] <= rows).all()
    assert (ink.boxes[:, 2:] >= ink.boxes[:, :2]).all()
    assert (ink.mask[ink.labels > 0] > 0).all() and ink.labels.max() <= len(text)
    assert (ink.labels[ink.mask > 60] > 0).all()
    for number, (char, box) in enumerate(zip(text, ink.boxes), 1):
        down, across = np.nonzero(ink.labels == number)
        if char == " ":
            assert not len(down)
            continue
        assert len(down), char
        reach = across.min() - box[0], down.min() - box[1], box[2] - across.max() - 1, box[3] - down.max() - 1
        assert min(reach) >= -0.5, (char, reach)
    along = ink.boxes[:, 1::2] if ink.vertical else ink.boxes[:, ::2]
    middles = along.mean(axis=1)
    assert (np.diff(middles) > -0.1 * ink.unit).all()


@pytest.mark.parametrize("text", TEXTS)
def test_every_character_has_its_box_and_its_labels(engine: FontEngine, text: str) -> None:
    for k in range(6):
        check_truth(written(engine, text, k), text)


@pytest.mark.parametrize("text", TEXTS)
def test_truth_changes_neither_ink_nor_chance(engine: FontEngine, text: str) -> None:
    for k in range(3):
        left = []
        for truth in (False, True):
            rng = np.random.default_rng(k)
            ink, name = engine.write(text, Style(2, k), rng, truth=truth)
            left.append((ink.mask.tobytes(), ink.unit, ink.base, name, rng.bit_generator.state))
        assert left[0] == left[1]
    bare = written(engine, text, truth=False)
    assert bare.labels is None and not len(bare.boxes)


def test_no_ink_touches_the_edge(engine: FontEngine) -> None:
    for k in range(60):
        for text in ("ẴẤỘ", "Ặệy", "gyỵ", "Đ", "ỡ Ữ", "jfj"):
            mask = written(engine, text, k, truth=False).mask
            assert not (mask[:2].any() or mask[-2:].any() or mask[:, :2].any() or mask[:, -2:].any()), (k, text)


def test_marks_that_are_drawn_on_a_letter_are_its_own(engine: FontEngine) -> None:
    (font,) = engine.fonts
    assert {"ộ", "ặ", "đ", "ơ"} <= font.composed
    for bare, whole in (("o", "ộ"), ("a", "ặ"), ("o", "ơ"), ("d", "đ")):
        without, ink = (written(engine, f"n{char}n", 4) for char in (bare, whole))
        assert without.labels is not None and ink.labels is not None
        assert (ink.labels == 2).sum() > 1.05 * (without.labels == 2).sum(), whole
    ink = written(engine, "ộ", 4)
    pieces = cv2.connectedComponents((ink.mask > 60).astype(np.uint8))[0] - 1
    assert pieces >= 2 and ink.labels is not None and (ink.labels[ink.mask > 60] == 1).all()


def test_letters_are_composed_from_the_nearest() -> None:
    known = frozenset("adouyâêôéò")
    assert compose("ậ", known) == ("â", ("\u0323",))
    assert compose("đ", known) == ("d", ("\u0335",))
    assert compose("ợ", known) == ("o", ("\u031b", "\u0323"))
    assert compose("ế", frozenset("eé")) == ("e", ("\u0302", "\u0301"))  # never a circumflex over an acute
    assert compose("ł", known) is None and compose("é", known) == ("é", ())


def test_narrow_letters_do_not_fall_into_one(tmp_path: Path) -> None:
    bar_font(tmp_path / "narrow.ttf", {"1": [(20, 0, 70, 600)], "x": [(60, 0, 400, 450)]}, {"1": 110})
    engine = FontEngine(find_fonts(tmp_path))
    for k in range(80):
        assert np.diff(written(engine, "111", k).boxes[:, 0]).min() >= 3, k


def test_points_do_not_fall_into_the_letters_beside_them(tmp_path: Path) -> None:
    bars = {"g": [(0, -200, 500, 450)], ".": [(0, 0, 70, 70)]}
    bar_font(tmp_path / "points.ttf", bars, {"g": 500, ".": 70})
    engine = FontEngine(find_fonts(tmp_path))
    for k in range(80):
        ink = written(engine, "g.g", k)
        assert (ink.labels == 2).sum() >= 0.6 * np.prod(ink.boxes[1, 2:] - ink.boxes[1, :2]), k


def test_a_space_is_the_gap_between_its_neighbours(engine: FontEngine) -> None:
    ink = written(engine, "ab cd")
    before, space, after = ink.boxes[1:4]
    assert space[0] == before[2] and space[2] == after[0] and space[2] - space[0] > 2


def test_a_writer_keeps_the_font_and_the_habits(fonts: Path, tmp_path: Path) -> None:
    for name in "abcd":
        shutil.copy(fonts / "plain.ttf", tmp_path / f"{name}.ttf")
    bar_font(tmp_path / "bars.ttf", {"n": [(50, 0, 120, 450)], "o": [(50, 0, 420, 450)]})
    engine = FontEngine(find_fonts(tmp_path))

    def font(text: str, writer: int, draw: int) -> str:
        name, _, who = engine.write(text, Style(1, writer), np.random.default_rng(draw))[1].partition("/")
        assert who == str(writer)
        return name

    for writer in range(12):
        chosen = {font(text, writer, draw) for text in ("no", "noon", "on no") for draw in range(4)}
        assert len(chosen) == 1
        other = {font(text, writer, draw) for text in ("Hello", "Số 12") for draw in range(2)}
        assert len(other) == 1 and "bars" not in other
        assert other == chosen or chosen == {"bars"}
        assert Hand.of(Style(1, writer)) == Hand.of(Style(1, writer)) != Hand.of(Style(2, writer))
    assert len({font("no", writer, 0) for writer in range(60)}) == 5


def test_fonts_are_chosen_by_weight(fonts: Path, tmp_path: Path) -> None:
    for name in "ab":
        shutil.copy(fonts / "plain.ttf", tmp_path / f"{name}.ttf")
    (tmp_path / "fonts.tsv").write_text("a.ttf\t4\nb.ttf\t1\n")
    engine = FontEngine(find_fonts(tmp_path))
    names = [engine.write("n", Style(1, k), np.random.default_rng(k))[1][0] for k in range(300)]
    assert 205 < names.count("a") < 270


def test_a_hand_that_has_no_share_leaves_letters_where_the_font_has_them(engine: FontEngine) -> None:
    still = FontEngine(engine.fonts, hand=0.0)
    masks = {still.write("no ink", Style(1, k), np.random.default_rng(k))[0].mask.shape[0] for k in range(5)}
    assert len(masks) == 1
    assert len({written(engine, "no ink", k).mask.shape for k in range(8)}) > 4


def test_what_no_font_has_is_refused(engine: FontEngine) -> None:
    assert engine.covers("Đống Đa") and not engine.covers("日本")
    with pytest.raises(NetchuError, match="'日本'"):
        engine.write("日本", Style(0, 0), np.random.default_rng(0))


def test_strokes_are_no_marks(engine: FontEngine, kanji: FontEngine, tmp_path: Path) -> None:
    assert [piece.kind for piece in glyph(engine.fonts[0], 48, "i").pieces] == [BODY, ABOVE]
    assert [piece.kind for piece in glyph(kanji.fonts[0], 48, "二").pieces] == [BODY]
    bars = [(100, 0, 400, 80), (100, 500, 400, 580)]  # a letter whose upper bar stands free
    bar_font(tmp_path / "free.ttf", {"5": bars, "i": bars, "x": [(60, 0, 400, 450)]})
    (free,) = find_fonts(tmp_path)
    assert len(glyph(free, 48, "5").pieces) == 1 and len(glyph(free, 48, "i").pieces) == 2


# --- vertical lines


def test_vertical_lines_run_from_the_top_down(kanji: FontEngine) -> None:
    text = "日口「口っ」ー日。 a日"
    for k in range(6):
        ink = written(kanji, text, k, vertical=True)
        check_truth(ink, text)
        assert ink.vertical and ink.mask.shape[0] > 5 * ink.mask.shape[1]
        assert not (ink.mask[:2].any() or ink.mask[-2:].any() or ink.mask[:, :2].any() or ink.mask[:, -2:].any())
        upright = [box for char, box in zip(text, ink.boxes) if char in "日口"]
        assert all(abs((box[0] + box[2]) / 2 - ink.base) < 0.2 * ink.unit for box in upright)
        tops, bottoms = ink.boxes[:, 1], ink.boxes[:, 3]
        assert (tops[1:] > bottoms[:-1] - 6).all()


def test_brackets_and_dashes_lie_down(kanji: FontEngine) -> None:
    (font,) = kanji.fonts
    for char in "「」ー(":
        turned, upright = cell(font, 48, char), glyph(font, 48, char)
        assert np.array_equal(turned.pieces[0].mask, np.rot90(upright.pieces[0].mask, -1))
    left, top, right, bottom = cell(font, 48, "ー").box
    assert bottom - top > 30 and right - left < 8 and abs(left + right) <= 6 and abs(top + bottom) <= 6
    opening, closing = cell(font, 48, "「").box, cell(font, 48, "」").box
    assert opening[1] > closing[1]  # the one at the bottom of its cell, the other at the top


def test_full_stops_stand_in_the_upper_right(kanji: FontEngine) -> None:
    left, top, right, bottom = cell(kanji.fonts[0], 48, "。").box
    assert left > 0 and right <= 24 and top >= -24 and bottom < 0
    across, small = cell(kanji.fonts[0], 48, "っ").box, glyph(kanji.fonts[0], 48, "っ").box
    assert across[0] + across[2] > small[0] + small[2] - 48  # right of where it stands in horizontal lines


def test_letters_do_not_run_into_each_other_downwards(kanji: FontEngine) -> None:
    for text in ("aaaa", "日a日", "日日日日"):
        ink = written(kanji, text, 3, vertical=True)
        assert (ink.boxes[1:, 1] >= ink.boxes[:-1, 3] - 1).all(), text
    _, top, _, bottom = cell(kanji.fonts[0], 48, "a").box
    assert abs(top + bottom) <= 1  # in the middle of the room it has


def test_no_marks_are_drawn_in_vertical_lines(engine: FontEngine) -> None:
    assert engine.covers("ộ") and not engine.covers("ộ", vertical=True) and engine.covers("on", vertical=True)


# --- fonts that join letters

JOINS = """
feature calt {
    sub u00061' u00062 by alternate;
} calt;
"""


@pytest.fixture(scope="module")
def joining(tmp_path_factory: pytest.TempPathFactory) -> FontEngine:
    if not features.check("raqm"):
        pytest.skip("this Pillow cannot shape")
    folder = tmp_path_factory.mktemp("joining")
    glyphs = {
        "a": KANJI["a"],
        "b": [(60, 0, 700, 60), (60, 0, 120, 700)],
        "i": [(20, 0, 80, 450), (20, 600, 80, 660)],
        "x": [(60, 0, 400, 450)],
        "alternate": [(60, 0, 130, 800)],
    }
    bar_font(folder / "joining.ttf", glyphs, {"b": 740, "i": 100}, JOINS)
    return FontEngine(find_fonts(folder), hand=0.0)


def test_words_of_joined_fonts_are_shaped_as_wholes(joining: FontEngine) -> None:
    alone, before = written(joining, "aa"), written(joining, "ab")
    assert before.boxes[0, 3] - before.boxes[0, 1] > 28 > alone.boxes[0, 3] - alone.boxes[0, 1]  # the font's other a
    check_truth(written(joining, "ab iba bib"), "ab iba bib")


def test_shaped_words_are_shared_out_by_the_width_of_their_letters(joining: FontEngine) -> None:
    ink = written(joining, "bibi")
    widths = ink.boxes[:, 2] - ink.boxes[:, 0]
    assert widths[0] > 5 * widths[1] and widths[2] > 5 * widths[3]
    assert ink.labels is not None
    dot = np.argwhere(ink.labels[: ink.labels.shape[0] // 3] > 0)
    assert {int(ink.labels[y, x]) for y, x in dot} <= {1, 2, 3, 4} and (ink.labels == 2).sum() < (ink.labels == 1).sum()


def test_some_writers_set_commas_apart_and_their_words_stay_whole(engine: FontEngine) -> None:
    gaps = {}
    for k in range(60):
        ink = written(engine, "mm,mm mm, mm", k)
        check_truth(ink, "mm,mm mm, mm")
        gaps[Hand.of(Style(1, k)).apart] = float((ink.boxes[[2, 8], 0] - ink.boxes[[1, 7], 2]).mean())
    close = [gap for apart, gap in gaps.items() if not apart]
    wide = [gap for apart, gap in gaps.items() if apart > 0.15]
    assert len(wide) > 5 and np.median(wide) > np.median(close) + 3


def test_what_runs_to_the_left_is_not_written(engine: FontEngine) -> None:
    assert engine.covers("abc") and not engine.covers("abc אב")
    letters = frozenset("אב abc")
    able = FontEngine([replace(font, characters=font.characters | letters) for font in engine.fonts])
    assert able.covers("abc") and not able.covers("אב")


def test_writers_have_fonts_by_weight_among_those_that_can() -> None:
    a, b, c = (
        Font(name, frozenset(chars), weight) for name, chars, weight in (("a", "x", 1), ("b", "xy", 3), ("c", "z", 96))
    )
    engine = FontEngine([a, b, c])
    chosen = [engine._choose("x", Style(0, writer), False)[0] for writer in range(2000)]
    assert set(chosen) == {a, b}
    assert 0.7 < sum(font is b for font in chosen) / 2000 < 0.8
    assert not engine.covers("xz") and not FontEngine([]).covers("x")
    with pytest.raises(NetchuError, match="no font has all letters"):
        engine._choose("xz", Style(0, 0), False)
