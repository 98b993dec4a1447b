"""Writing from pen trajectories: the characters are made up here, zigzags and curves of a few strokes each."""

import gzip
import itertools
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from netchu.errors import NetchuError
from netchu.synth.ink import Ink, Style
from netchu.synth.strokes import StrokeEngine, open_strokes
from netchu.synth.strokes.hand import hand_of
from netchu.synth.strokes.kinematics import distort
from netchu.synth.strokes.punctuation import TRAJECTORIES

HIRAGANA = "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわをん"
KATAKANA = "".join(chr(ord(char) + 0x60) for char in HIRAGANA)
KANJI = "一日国東京語時年月火火水木金土円薬飲行校学私前午書類確認"
LINES = ["「薬を飲む」と、言った。", "2024年12月31日（火）", "A1 b2-3 国", "きゃっきゅ ヴァイオリン！"]


def _row(char: str, seed: int, strokes: int) -> dict[str, object]:
    rng = np.random.default_rng([seed, ord(char)])
    lines = []
    for _ in range(strokes):
        corners = rng.uniform(15, 95, (int(rng.integers(2, 5)), 2))
        lines.append(np.round(corners, 1).tolist())
    return {"char": char, "writer": "x", "w": 110, "h": 110, "strokes": lines}


def _write_rows(path: Path, rows: list[dict[str, object]]) -> None:
    dumped = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows]
    path.write_bytes(gzip.compress("\n".join(dumped).encode()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("strokes")
    kanji = [_row(char, 1, 5) for char in KANJI]
    latin = [_row(char, 3, 2) for char in "0123456789ABCabc"]
    flat = [[20, 50], [90, 52]]
    _write_rows(root / "tomoe.jsonl.gz", [_row(char, 2, 3) for char in HIRAGANA] + kanji)
    stiff = [_row(char, 4, 5) for char in KANJI + "言来"]
    one = [{"char": "一", "writer": "x", "w": 110, "h": 110, "strokes": [flat]}]
    _write_rows(root / "kanjivg.jsonl.gz", [_row(char, 5, 2) for char in KATAKANA] + latin + stiff + one)
    _write_rows(root / "hanzi_medians.jsonl.gz", [_row(char, 6, 6) for char in "这国语"])
    return root


@pytest.fixture(scope="module")
def engine(folder: Path) -> StrokeEngine:
    return open_strokes(folder, "ja")


def _ink(engine: StrokeEngine, text: str, writer: int, draw: int = 0, **options: object) -> Ink:
    return engine.write(text, Style(3, writer), np.random.default_rng([draw, writer]), **options)[0]  # type: ignore[arg-type]


def test_covers_all_kana_marks_and_forms(engine: StrokeEngine) -> None:
    kana = [chr(code) for code in (*range(0x3041, 0x3095), *range(0x30A1, 0x30F5)) if chr(code) not in "ゐゑヰヱ"]
    assert [char for char in kana if not engine.covers(char)] == []
    assert engine.covers("、。「」『』（）ー・…―〜？！，：；“”《》０９ＡＢ％￥ \u3000" + "".join(TRAJECTORIES))
    assert engine.covers("这国语来")
    assert not engine.covers("犬") and not engine.covers("日犬")
    with pytest.raises(NetchuError, match="犬"):
        _ink(engine, "日犬", 0)
    with pytest.raises(NetchuError, match="nothing to write"):
        _ink(engine, " ", 0)


@pytest.mark.parametrize("vertical", [False, True])
def test_nothing_is_clipped_and_boxes_hold_their_ink(engine: StrokeEngine, vertical: bool) -> None:
    for writer in range(24):
        text = LINES[writer % len(LINES)]
        ink = _ink(engine, text, writer, em=(24.0, 48.0, 96.0)[writer % 3], truth=True, vertical=vertical)
        edges = [ink.mask[:2], ink.mask[-2:], ink.mask[:, :2], ink.mask[:, -2:]]
        assert not any(edge.any() for edge in edges) and ink.mask.max() > 120
        assert ink.vertical == vertical and len(ink.boxes) == len(text) and ink.labels is not None
        assert ((ink.labels > 0) == (ink.mask > 0)).all()
        width, height = ink.boxes[:, 2] - ink.boxes[:, 0], ink.boxes[:, 3] - ink.boxes[:, 1]
        assert (width > 0).all() and (height > 0).all()
        for k, char in enumerate(text):
            rows, columns = np.nonzero(ink.labels == k + 1)
            if char == " ":
                assert not len(rows)
                continue
            left, top, right, bottom = ink.boxes[k]
            inside = (columns >= left - 2) & (columns < right + 2) & (rows >= top - 2) & (rows < bottom + 2)
            assert inside.mean() > 0.97, (char, writer)


def test_boxes_are_in_reading_order(engine: StrokeEngine) -> None:
    for writer in range(12):
        for vertical in (False, True):
            boxes = _ink(engine, "国語の時時、日円", writer, vertical=vertical).boxes
            axis = int(vertical)
            along = 0.5 * (boxes[:, axis] + boxes[:, axis + 2])
            assert (np.diff(along) > 0).all()
            across = 0.5 * (boxes[:, 1 - axis] + boxes[:, 3 - axis])
            assert np.ptp(np.delete(across, 5)) < 40  # the comma lies at the side
    ink = _ink(engine, "国2円", 1)
    assert ink.boxes.shape == (3, 4) and 0 < ink.base < ink.mask.shape[0] and ink.unit == 24


def test_vertical_writing_turns_and_moves_marks(engine: StrokeEngine) -> None:
    for writer in range(8):
        for char in "ー―":
            box = _ink(engine, f"国{char}国", writer, vertical=True).boxes[1]
            assert box[3] - box[1] > 2 * (box[2] - box[0])
        flat = _ink(engine, "国ー国", writer).boxes[1]
        assert flat[2] - flat[0] > 2 * (flat[3] - flat[1])
        down = _ink(engine, "国、国", writer, vertical=True)
        level = _ink(engine, "国、国", writer)
        assert 0.5 * (down.boxes[1, 0] + down.boxes[1, 2]) > down.base + 5  # right of the axis
        assert level.boxes[1, 3] > level.base - 10  # by the baseline
        small, large = _ink(engine, "やゃ", writer, vertical=True).boxes[[1, 0]]
        assert small[3] - small[1] < 0.95 * (large[3] - large[1])


def test_same_state_same_ink(engine: StrokeEngine, folder: Path) -> None:
    text = LINES[0] + "一火一火"
    for vertical in (False, True):
        first, name = engine.write(text, Style(1, 7), np.random.default_rng(5), 48, True, vertical)
        again, same = open_strokes(folder, "ja").write(text, Style(1, 7), np.random.default_rng(5), 48, True, vertical)
        assert name == same and name.split("/")[0] in ("tomoe", "kanjivg") and name.endswith("/7")
        assert (first.mask == again.mask).all() and (first.boxes == again.boxes).all()
        assert first.labels is not None and again.labels is not None and (first.labels == again.labels).all()
    other = engine.write(text, Style(1, 7), np.random.default_rng(6))[0]
    assert other.mask.shape != first.mask.shape or (other.mask != first.mask).any()


def _shape(engine: StrokeEngine, char: str, writer: int, draw: int) -> np.ndarray:
    ink = _ink(engine, char, writer, draw)
    left, top, right, bottom = (round(float(side)) for side in ink.boxes[0])
    cut = cv2.resize(ink.mask[top:bottom, left:right], (24, 24), interpolation=cv2.INTER_AREA).astype(np.float32)
    cut = cv2.GaussianBlur(cut, (0, 0), 1.5)
    return cut / np.linalg.norm(cut)


def test_a_writer_stays_the_same(engine: StrokeEngine) -> None:
    source = {writer: hand_of(Style(3, writer), engine._weights).source for writer in range(40)}
    writers = [writer for writer in source if source[writer] == "tomoe"][:10]  # same drawings to begin with
    own, others = [], []
    for char in "国語あの":
        shapes = [(_shape(engine, char, writer, 1), _shape(engine, char, writer, 2)) for writer in writers]
        own += [float(np.abs(a - b).sum()) for a, b in shapes]
        others += [float(np.abs(a[0] - b[1]).sum()) for a, b in itertools.pairwise(shapes)]
    assert np.mean(own) < 0.75 * np.mean(others)


def test_a_writer_bends_a_character_the_same_way() -> None:
    points = np.random.default_rng(0).uniform(0.1, 0.9, (12, 2)).view(complex)[:, 0]
    stroke, char, codes = np.repeat(np.arange(4), 3), np.zeros(12, int), np.array([ord("国")])

    def drawn(writer: int, draw: int) -> np.ndarray:
        hand = replace(hand_of(Style(3, writer), (("tomoe", 1.0),)), slant=0.0, rise=0.0, overshoot=0.0)
        return distort(points.copy(), stroke, char, codes, hand, np.random.default_rng([draw, writer]))

    own = [np.abs(drawn(writer, 1) - drawn(writer, 2)).mean() for writer in range(60)]
    others = [np.abs(drawn(writer, 1) - drawn(writer + 1, 2)).mean() for writer in range(60)]
    assert np.mean(own) < 0.5 * np.mean(others)


def test_strokes_keep_their_places(engine: StrokeEngine) -> None:
    """A level line stays about level and about as long, whoever writes it: no spikes, no runaway strokes."""
    weights = (("kanjivg", 1.0),)
    for writer in range(40):
        assert hand_of(Style(9, writer), weights).source == "kanjivg"
        ink = _ink(engine, "ー", writer, em=96.0)
        assert 0.45 * 96 < ink.mask.shape[1] < 1.1 * 96 and ink.mask.shape[0] < 0.5 * 96


def test_languages_prefer_their_source(folder: Path) -> None:
    names = {language: [] for language in ("ja", "zh")}  # type: dict[str, list[str]]
    for language, found in names.items():
        engine = open_strokes(folder, language)
        found += [engine.write("国", Style(0, k), np.random.default_rng(k))[1].split("/")[0] for k in range(60)]
    assert set(names["ja"]) == {"tomoe", "kanjivg"}
    assert names["zh"].count("medians") > 25


def test_bad_folders_and_files(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(NetchuError, match="no such folder"):
        open_strokes(tmp_path / "none", "ja")
    with pytest.raises(NetchuError, match=r"tomoe\.jsonl\.gz"):
        open_strokes(tmp_path, "ja")
    with pytest.raises(NetchuError, match="'xx'"):
        open_strokes(folder, "xx")
    broken = tmp_path / "tomoe.jsonl.gz"
    for content in (
        b"no gzip",
        (folder / "tomoe.jsonl.gz").read_bytes()[:400],
        gzip.compress(b""),
        gzip.compress(b"{x"),
    ):
        broken.write_bytes(content)
        with pytest.raises(NetchuError, match=r"tomoe\.jsonl\.gz"):
            open_strokes(tmp_path, "ja")
    for strokes in ('"x"', "[[[1]]]", "[]", "[[[1,NaN]]]", "[[[1,99999]]]", "[[]]", "5"):
        row = '{"char":"日","writer":"x","w":110,"h":110,"strokes":%s}' % strokes  # noqa: UP031
        broken.write_bytes(gzip.compress(row.encode()))
        engine = open_strokes(tmp_path, "ja")
        with pytest.raises(NetchuError, match=r"tomoe\.jsonl\.gz, line 1 \(日\)"):
            _ink(engine, "日", 0)


def test_odd_but_sound_rows(tmp_path: Path) -> None:
    rows = [
        '{"w":10,"h":10,"strokes":[[[1,1],[9,9]]],"char":"日","writer":"x"}',
        json.dumps({"char": "月", "w": 10, "h": 10, "strokes": [[[5, 5]], [[2, 2], [2, 2], [8, 2]]]}),
        '{"char":"(^^)","writer":"x","w":10,"h":10,"strokes":[]}',
    ]
    (tmp_path / "tomoe.jsonl.gz").write_bytes(gzip.compress("\n".join(rows).encode()))
    engine = open_strokes(tmp_path, "ja")
    assert _ink(engine, "日月", 0).mask.any() and not engine.covers("(^^)あ")
