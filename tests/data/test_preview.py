"""The contact sheet: a PNG with the lines asked for, bad pictures named, no empty boxes for missing letters."""

from __future__ import annotations

import pytest
from PIL import Image

from netchu.data.lines import read_lines
from netchu.data.preview import CARD_WIDTH, _Pen, preview
from netchu.errors import NetchuError


def test_a_sheet_of_two_columns(make, tmp_path):
    root = make(*((f"{i}.png", f"Đường số {i}", "train") for i in range(12)), columns="image text split")
    target = preview(read_lines(root), tmp_path / "tờ mẫu.png", count=8)
    with Image.open(target) as sheet:
        assert sheet.format == "PNG" and sheet.width > 2 * CARD_WIDTH and sheet.height > 300
        tall = sheet.height
    with Image.open(preview(read_lines(root), target, count=3)) as sheet:
        assert CARD_WIDTH < sheet.width < 2 * CARD_WIDTH and sheet.height < tall
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["tờ mẫu.png"]


def test_the_same_lines_for_the_same_seed(make, tmp_path):
    lines = read_lines(make(*((f"{i}.png", f"dòng {i}") for i in range(30))))
    first, again, other = (
        preview(lines, tmp_path / f"{n}.png", 5, seed=s).read_bytes() for n, s in enumerate((1, 1, 2))
    )
    assert first == again != other


def test_bad_pictures_long_labels_and_extreme_shapes_do_not_stop_it(make, draw, tmp_path):
    root = make(
        ("a.png", "x"), ("b.png", "rất dài " * 60), ("c.png", "w" * 300), ("d" * 200 + ".png", "y"), ("e.png", "z")
    )
    (root / "a.png").write_bytes(b"no picture")
    draw(root / "c.png", width=3000, height=8)
    draw(root / "e.png", width=4, height=900)
    assert preview(read_lines(root), tmp_path / "o.png").stat().st_size > 1000


def test_letters_without_a_shape_are_escaped():
    pen = _Pen("Đường \U000e0041")
    assert pen.plain("Đường a\u0007b") == "Đường a\\u0007b"
    assert pen.plain("\U0010fffe") == "\\U0010fffe"


def test_a_machine_without_fonts(monkeypatch, make, tmp_path):
    monkeypatch.setattr("netchu.data.preview._FONT_FOLDERS", ())
    assert _Pen("ế漢").plain("a漢") == "a\\u6f22"
    assert preview(read_lines(make(("a.png", "Huế 漢"))), tmp_path / "o.png").is_file()


def test_refusals(make, tmp_path):
    lines = read_lines(make(("a.png", "x", "train"), columns="image text split"))
    for options, message in (
        ({"out": tmp_path / "o.jpg"}, "is a PNG"),
        ({"out": tmp_path / "o.png", "count": 0}, "at least 1"),
        ({"out": tmp_path / "o.png", "split": "val"}, "no lines in the split val"),
        ({"out": tmp_path / "o.png", "split": "dev"}, "no split is called"),
    ):
        with pytest.raises(NetchuError, match=message):
            preview(lines, **options)
    assert not (tmp_path / "o.png").exists()
