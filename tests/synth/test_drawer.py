"""From recipe to picture: sample k is a matter of seed and k, and its truth is true whatever acted on it."""

from __future__ import annotations

import multiprocessing
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from netchu.errors import NetchuError
from netchu.synth.camera import CAMERA
from netchu.synth.drawer import Drawer, Drawn, DrawSpec
from netchu.synth.hand import Hand
from netchu.synth.ink import Ink, Style
from netchu.synth.paper import PAPER
from netchu.synth.pen import hand_ops
from netchu.synth.scene import SCENE
from netchu.synth.sheet import KINDS

PEN = hand_ops(Hand.of(Style(0, 0)), 1.0)
UNDER = [*PEN, *PAPER, *CAMERA]


def same(one: Drawn, other: Drawn) -> bool:
    said = (one.text, one.style, one.engine, one.vertical, one.parameters, one.missed)
    return np.array_equal(one.picture, other.picture) and said == (
        other.text, other.style, other.engine, other.vertical, other.parameters, other.missed,
    )  # fmt: skip


def check(drawn: Drawn) -> None:
    """Boxes inside the picture; each visible character has pixels, and they lie in its box within 2 pixels."""
    assert drawn.boxes is not None and drawn.labels is not None
    rows, columns = drawn.picture.shape
    assert drawn.boxes.shape == (len(drawn.text), 4, 2) and drawn.labels.shape == (rows, columns)
    assert (drawn.boxes >= 0).all() and (drawn.boxes <= [columns, rows]).all()
    assert int(drawn.labels.max()) <= len(drawn.text)
    for number, (char, box) in enumerate(zip(drawn.text, drawn.boxes), 1):
        points = np.argwhere(drawn.labels == number)[:, ::-1] + 0.5
        assert (len(points) == 0) == (char == " "), (char, drawn.text, drawn.parameters)
        away = [cv2.pointPolygonTest(box.reshape(-1, 1, 2), (float(x), float(y)), True) for x, y in points]
        assert min(away, default=0) > -2, (char, drawn.text, drawn.parameters)


def set_to(spec: DrawSpec, **settings: object) -> Drawer:
    return replace(spec, settings=tuple((name.replace("__", "."), value) for name, value in settings.items())).open()


def test_sample_k_depends_on_seed_and_k_alone(spec: DrawSpec, drawer: Drawer) -> None:
    again, other = spec.open(), replace(spec, seed=6).open()
    later = [again.sample(k) for k in (7, 2, 11, 2)]
    for k, drawn in zip((7, 2, 11, 2), later):
        assert same(drawer.sample(k), drawn)
        assert not np.array_equal(other.sample(k).picture, drawn.picture)
    assert len({drawer.sample(k).picture.tobytes() for k in range(12)}) == 12


def _picture(k: int) -> bytes:
    return _opened.sample(k).picture.tobytes()


def _open(spec: DrawSpec) -> None:
    global _opened
    _opened = spec.open()


_opened: Drawer


def test_another_process_draws_the_same(spec: DrawSpec, drawer: Drawer) -> None:
    with multiprocessing.get_context("spawn").Pool(1, _open, (spec,)) as pool:
        assert pool.map(_picture, range(6)) == [drawer.sample(k).picture.tobytes() for k in range(6)]


@pytest.mark.parametrize("scene", [False, True])
def test_truth_changes_no_picture(spec: DrawSpec, scene: bool) -> None:
    drawer = set_to(spec, scene=scene, strength=1.3)
    for k in range(25):
        bare, drawn = drawer.sample(k), drawer.sample(k, truth=True)
        assert same(bare, drawn)
        assert bare.boxes is None and bare.labels is None
        check(drawn)


@pytest.mark.parametrize("each", UNDER, ids=lambda each: each.name)
def test_truth_is_true_under_every_effect(spec: DrawSpec, each: object) -> None:
    """Each op at work on every line, with the hand's movements and nothing else."""
    name = each.name  # type: ignore[attr-defined]
    off = {f"effects__{group}": 0.0 for group in ("paper", "camera")}
    drawer = set_to(spec, **off, **{f"effects__{name}": 1e4, "sheets__form": 1, "sheets__plain": 1})
    found = 0
    for k in range(10):
        drawn = drawer.sample(k, truth=True)
        check(drawn)
        found += name in [op for op, _ in drawn.parameters["ops"]]
    assert found  # pencil: on three sheets of ten


@pytest.mark.parametrize("each", SCENE, ids=lambda each: each.name)
def test_truth_is_true_on_signs(spec: DrawSpec, each: object) -> None:
    name = each.name  # type: ignore[attr-defined]
    drawer = set_to(spec, scene=True, **{f"effects__{name}": 1e4})
    for k in range(6):
        drawn = drawer.sample(k, truth=True)
        check(drawn)
        assert name in [op for op, _ in drawn.parameters["ops"]]


@pytest.mark.parametrize("strength", [0.0, 2.0])
def test_truth_is_true_at_any_strength(spec: DrawSpec, strength: float) -> None:
    drawer = set_to(spec, strength=strength)
    for k in range(15):
        check(drawer.sample(k, truth=True))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_sheet(spec: DrawSpec, kind: str) -> None:
    drawer = set_to(spec, **{f"sheets__{kind}": 1})
    for k in range(3):
        drawn = drawer.sample(k, truth=True)
        assert drawn.parameters["sheet"] == kind
        check(drawn)


@pytest.mark.parametrize("height", [16, 32, 64, 160])
def test_pictures_are_as_high_as_asked_and_show_their_ink(spec: DrawSpec, height: int) -> None:
    drawer = replace(spec, height=height).open()
    for k in range(8):
        drawn = drawer.sample(k, truth=True)
        assert drawn.picture.shape[0] == height and drawn.picture.dtype == np.uint8
        assert drawn.picture.flags.c_contiguous and np.ptp(drawn.picture) > 20
        if height >= 32:
            check(drawn)


def test_vertical_lines_stand(kanji_fonts: Path, tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("日口「口」ー二日。口日\n口日、\n".replace("、", "。"), encoding="utf-8")
    spec = DrawSpec("general", str(kanji_fonts), str(tmp_path / "lines.txt"), settings=(("vertical", 1.0),))
    drawer = spec.open()
    for k in range(12):
        drawn = drawer.sample(k, truth=True)
        check(drawn)
        assert drawn.vertical and drawn.picture.shape[1] == 64 and drawn.boxes is not None
        middles = drawn.boxes.mean(axis=1)
        assert (np.diff(middles[:, 1]) > 0).all()
        assert (drawn.boxes[:, 0, 1] < drawn.boxes[:, 3, 1]).all()  # the top left comes first, the bottom left last
        assert (drawn.boxes[:, 0, 0] < drawn.boxes[:, 1, 0]).all()
        ink, paper = (np.median(drawn.picture[of]) for of in (drawn.labels > 0, drawn.labels == 0))  # type: ignore[operator]
        assert abs(ink - paper) > 15
        assert same(drawn, spec.open().sample(k))
    lying = [replace(spec, settings=(("vertical", 0.5),)).open().sample(k).vertical for k in range(40)]
    assert 8 < sum(lying) < 32


def test_writers_come_back(spec: DrawSpec) -> None:
    drawer = set_to(spec, writers=3)
    assert {drawer.sample(k).style for k in range(30)} == {f"plain/{writer}" for writer in range(3)}


def test_held_out_styles_are_others(fonts: Path, texts: Path, tmp_path: Path) -> None:
    for name in "ab":
        shutil.copy(fonts / "plain.ttf", tmp_path / f"{name}.ttf")
    spec = DrawSpec("general", str(tmp_path), str(texts), settings=(("held_out", ["a"]), ("writers", 5)))
    shown = {spec.open().sample(k).style for k in range(20)}
    kept = {replace(spec, held_out=True).open().sample(k).style for k in range(20)}
    assert {name.split("/")[0] for name in shown} == {"b"} and {name.split("/")[0] for name in kept} == {"a"}
    assert not {name.split("/")[1] for name in shown} & {name.split("/")[1] for name in kept}
    with pytest.raises(NetchuError, match="no held-out font is left"):
        DrawSpec("general", str(tmp_path), str(texts), held_out=True).open()


def test_what_nothing_can_write_is_passed_over_and_told(fonts: Path, tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_text("日本語\nplain words\n", encoding="utf-8")
    drawer = DrawSpec("general", str(fonts), str(path), settings=(("texts.rare", 0),)).open()
    drawn = [drawer.sample(k) for k in range(30)]
    assert {each.text for each in drawn} <= {"plain words", "plain", "words"}
    assert {text for each in drawn for text in each.missed} == {"日本語"}
    path.write_text("日本語\n日本\n", encoding="utf-8")
    with pytest.raises(NetchuError, match=r"nothing can write '日本"):
        DrawSpec("general", str(fonts), str(path)).open().sample(0)


def test_the_alphabet_is_what_may_come(drawer: Drawer) -> None:
    assert {"ố", " ", "g"} <= drawer.alphabet and "日" not in drawer.alphabet
    assert all(drawer.alphabet.issuperset(drawer.sample(k).text) for k in range(10))


def test_a_digest_tells_what_is_drawn_and_nothing_else(spec: DrawSpec, tmp_path: Path, fonts: Path) -> None:
    shutil.copytree(fonts, tmp_path / Path(spec.fonts).name)
    moved = replace(spec, fonts=str(tmp_path / Path(spec.fonts).name))
    assert spec.digest() == moved.digest() == replace(spec).digest()
    others = [replace(spec, seed=1), replace(spec, height=48), replace(spec, settings=(("strength", 0.5),)),
              replace(spec, held_out=True), replace(spec, recipe="latin")]  # fmt: skip
    assert len({spec.digest(), *(other.digest() for other in others)}) == 6


class Hairlines:
    """An engine of strokes one pixel high: what is left of the hyphen of a light face."""

    name = "font"

    def write(
        self, text: str, style: Style, rng: np.random.Generator, em: float, truth: bool = False, vertical: bool = False
    ) -> tuple[Ink, str]:
        mask, labels = np.zeros((60, 40 * len(text)), np.uint8), np.zeros((60, 40 * len(text)), np.uint16)
        boxes = np.zeros((len(text), 4), np.float32)
        for place in range(len(text)):
            left, row = 40 * place + 8, 25 + 3 * (place % 5)
            mask[row, left : left + 24], labels[row, left : left + 24] = 255, place + 1
            boxes[place] = left, row, left + 24, row + 1
        return Ink(mask, boxes, 28.0, 45.0, labels), "hairlines"


def test_a_hairline_keeps_its_labels(drawer: Drawer) -> None:
    text = "-" * 20
    for k in range(40):
        drawn = drawer.draw(text, Hairlines(), np.random.default_rng(k), truth=True)  # type: ignore[arg-type]
        assert drawn.labels is not None
        assert set(np.unique(drawn.labels)) >= set(range(1, len(text) + 1)), k
