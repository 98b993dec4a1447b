"""Export, and the way back: import(export(x)) is x."""

from __future__ import annotations

import csv

import pytest

from netchu.data.export_formats import EXPORTS, export_lines
from netchu.data.formats import detect, import_lines
from netchu.data.lines import Sample, read_lines
from netchu.errors import NetchuError

ROWS = (
    ("lines/a.b.png", 'Hà "Nội", 12', "train"),
    ("lines/c/x.jpg", "Đường số 1", "train"),
    ("lines/d/X.jpg", "Huế", "val"),
    ("lines/e.png", ", \\ 'q", "test"),
    ("lines/f.png", '["a"]', "train"),
)


def content(samples: tuple[Sample, ...]) -> list[tuple[bytes, str, str | None, str | None]]:
    """What a round trip must keep: the pictures' bytes, texts, splits, writers."""
    return sorted((s.image.read_bytes(), s.text, s.split, s.writer) for s in samples)


@pytest.mark.parametrize("form", EXPORTS)
@pytest.mark.parametrize("splits", [True, False])
def test_round_trip(make, tmp_path, form, splits):
    if form == "lmdb":
        pytest.importorskip("lmdb")
    rows = ROWS if splits else tuple(row[:2] for row in ROWS)
    lines = read_lines(make(*rows, columns="image text split" if splits else "image text"))
    done = export_lines(lines, tmp_path / "xuất" / form, form)
    assert done.lines == 5
    assert detect(done.path) == form
    back = import_lines(done.path, tmp_path / "về")
    assert back.rejects == () and back.changes == ()
    assert content(back.samples) == content(lines.samples)
    assert [p.name for p in (tmp_path / "xuất").iterdir()] == [form]


def test_lmdb_is_counted_from_one(make, tmp_path):
    lmdb = pytest.importorskip("lmdb")
    export_lines(read_lines(make(("a.png", "Huế"), ("b.png", "Hà"))), tmp_path / "o", "str")
    with lmdb.open(str(tmp_path / "o"), readonly=True, lock=False) as env, env.begin() as store:
        assert store.get(b"num-samples") == b"2"
        assert store.get(b"image-000000000") is None
        assert store.get(b"label-000000002") == "Hà".encode()


def test_lmdb_has_room_for_large_pictures(make, tmp_path):
    pytest.importorskip("lmdb")
    root = make(*((f"{i}.bmp", f"số {i}") for i in range(8)), width=3000, height=400)
    assert export_lines(read_lines(root), tmp_path / "o", "lmdb").lines == 8


def test_paddleocr_lists_and_dictionary(make, tmp_path):
    done = export_lines(read_lines(make(*ROWS, columns="image text split")), tmp_path / "o", "paddleocr")
    assert (tmp_path / "o/rec_gt_val.txt").read_bytes() == "images/X-2.jpg\tHuế\n".encode()
    dictionary = (tmp_path / "o/dict.txt").read_text(encoding="utf-8").split("\n")
    assert "Đ" in dictionary and " " not in dictionary and dictionary[-1] == ""
    assert any("use_space_char" in note for note in done.notes)


def test_gt_names_have_no_other_dot(make, tmp_path):
    done = export_lines(read_lines(make(("a.b.png", "x"), ("a_b.png", "y"))), tmp_path / "o", "gt-txt")
    assert sorted(p.name for p in done.path.iterdir()) == ["a_b-2.gt.txt", "a_b-2.png", "a_b.gt.txt", "a_b.png"]
    assert "2 pictures were renamed" in done.notes[0]


def test_hf_carries_writers_and_the_others_say_they_do_not(make, tmp_path):
    lines = read_lines(make(("a.png", "x", "val", "w,1"), columns="image text split writer"))
    done = export_lines(lines, tmp_path / "hf", "hf")
    with (tmp_path / "hf/validation/metadata.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file)) == [{"file_name": "a.png", "text": "x", "writer": "w,1"}]
    assert done.notes == () and import_lines(done.path, tmp_path / "b").samples[0].writer == "w,1"
    assert "writers" in export_lines(lines, tmp_path / "gt", "gt-txt").notes[-1]


def test_refusals_leave_nothing_behind(make, tmp_path):
    root = make(("a.png", "x", "val"), ("b.png", "y", ""), columns="image text split")
    lines = read_lines(root)
    with pytest.raises(NetchuError, match="1 of 2 lines have no split"):
        export_lines(lines, tmp_path / "o", "hf")
    with pytest.raises(NetchuError, match="no such export format"):
        export_lines(lines.part("val"), tmp_path / "o", "docx")
    with pytest.raises(NetchuError, match="already there"):
        export_lines(lines.part("val"), root, "hf")
    (root / "a.png").unlink()
    for form in EXPORTS:
        with pytest.raises(NetchuError, match="no such file"):
            export_lines(lines.part("val"), tmp_path / "o", form)
    assert [p.name for p in tmp_path.iterdir()] == [root.name]
