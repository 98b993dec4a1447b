"""The native format: what is read, what is refused, and that nothing goes missing without a word."""

from __future__ import annotations

import shutil
import unicodedata
from pathlib import Path

import pytest

from netchu.data.lines import LineSet, Sample, by_reason, read_lines, write_lines
from netchu.errors import NetchuError


def test_reads_all_columns_in_any_order(make):
    root = make(
        ("a b/ảnh.png", "Hà Nội", "val", "w1"), ("2.png", "Huế", "train", ""), columns="image text split writer"
    )
    lines = read_lines(root)
    assert lines.samples[0] == Sample(root / "a b/ảnh.png", "Hà Nội", "val", "w1")
    assert lines.samples[1].writer is None
    assert (len(lines), len(lines.part("val")), len(lines.part("test")), lines.rejects) == (2, 1, 0, ())
    assert lines.name(lines.samples[0]) == "a b/ảnh.png"
    table = root / "lines.tsv"
    table.write_text("text\timage\nHuế\t2.png\n", encoding="utf-8")
    assert read_lines(table).samples == (Sample(root / "2.png", "Huế"),)


def test_bom_crlf_blank_lines_and_literal_quotes(make):
    root = make(("1.png", "x"), ("2.png", "x"))
    text = '\ufeffimage\ttext\r\n1.png\t"Hà, ""Nội\r\n\r\n2.png\t\'\u2028\'\r\n'
    (root / "lines.tsv").write_bytes(text.encode("utf-8"))
    assert [s.text for s in read_lines(root).samples] == ['"Hà, ""Nội', "' '"]


def test_text_is_nfc_and_every_change_is_listed(make):
    root = make(("1.png", unicodedata.normalize("NFD", "Đường")), ("2.png", "a  b "), ("3.png", "Đường"))
    lines = read_lines(root)
    assert [s.text for s in lines.samples] == ["Đường", "a b", "Đường"]
    assert [c.where for c in lines.changes] == ["lines.tsv:2", "lines.tsv:3"]
    assert "NFC" in lines.changes[0].reason and "white space" in lines.changes[1].reason


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1.png\tHà\tNội\ttrain\tw", "too many fields"),
        ("1.png\tHà Nội", "too few fields"),
        ("gone.png\tHà Nội\ttrain", "picture missing: gone.png"),
        ("1.png\t \ttrain", "empty label"),
        ("1.png\tHà Nội\tdev", "unknown split"),
        ("\tHà Nội\ttrain", "no picture"),
        ("ok.png\tHuế\ttrain", "picture named twice: ok.png, first in line 2"),
        ("./x/../ok.png\tHà\ttrain", "picture named twice with different texts"),
        ("a\0.png\tHà\ttrain", "picture missing"),
    ],
)
def test_a_bad_row_is_rejected_with_place_and_reason(make, row, reason):
    root = make(("ok.png", "Huế", "train"), ("1.png", "x", "val"), columns="image text split")
    (root / "x").mkdir()
    (root / "lines.tsv").write_text(f"image\ttext\tsplit\nok.png\tHuế\ttrain\n{row}\n", encoding="utf-8")
    lines = read_lines(root)
    assert [s.text for s in lines.samples] == ["Huế"]
    [reject] = lines.rejects
    assert reject.where == "lines.tsv:3" and reason in reject.reason


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"image\ttext\n", "no rows"),
        ("1.png\tHuế\n".encode(), "expected the header image<TAB>text"),
        (b"image\ttext\tpage\n1.png\ta\t3\n", "'page' is unknown"),
        (b"image\ttext\timage\n1.png\ta\tb\n", "named twice"),
        (b"image\ttext\n1.png\ta\n1.png\t\xe9t\xe9\n", "line 3 is not UTF-8"),
        ("image\ttext\n".encode("utf-16"), "UTF-16"),
        (b"image\ttext\nHue\t1.png\nHanoi\t2.png\n", "swapped"),
        (b"image\ttext\ngone.png\ta\n", "none of 1 rows can be used; 1 x picture missing"),
    ],
)
def test_a_bad_table_is_one_line_that_names_it(make, data, message):
    root = make(("1.png", "Huế"))
    (root / "lines.tsv").write_bytes(data)
    with pytest.raises(NetchuError) as caught:
        read_lines(root)
    assert message in str(caught.value) and "lines.tsv" in str(caught.value) and "\n" not in str(caught.value)


def test_missing_table_names_the_way_out(tmp_path):
    with pytest.raises(NetchuError, match="netchu data import"):
        read_lines(tmp_path)
    with pytest.raises(NetchuError, match="no such file"):
        read_lines(tmp_path / "gone")


def test_backslashes_and_decomposed_file_names_are_found(make):
    root = make((unicodedata.normalize("NFD", "ảnh/một.png"), "một"))
    (root / "lines.tsv").write_text("image\ttext\nảnh\\một.png\tmột\n", encoding="utf-8")
    lines = read_lines(root)
    assert lines.samples[0].image.is_file() and "spelt otherwise" in lines.changes[0].reason


def test_pictures_need_not_be_there_when_not_asked_for(make):
    root = make(("1.png", "Huế"))
    (root / "1.png").unlink()
    assert len(read_lines(root, check_pictures=False)) == 1


def test_write_then_read_is_the_same(make, tmp_path):
    root = make(("a.png", 'Hà "Nội', "val", "w 1"), ("b.png", "Huế", "", ""), columns="image text split writer")
    lines = read_lines(root)
    (root / "lines.tsv").unlink()
    assert write_lines(root, lines.samples) == root / "lines.tsv"
    assert read_lines(root).samples == lines.samples
    assert (root / "lines.tsv").read_bytes().startswith(b"image\ttext\tsplit\twriter\n")
    away = tmp_path / "elsewhere" / "deep"
    write_lines(away, lines.samples)
    assert [s.text for s in read_lines(away).samples] == [s.text for s in lines.samples]
    assert "../../tập dữ liệu/a.png\t" in (away / "lines.tsv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "sample",
    [
        Sample(Path("a.png"), "a\tb"),
        Sample(Path("a.png"), " "),
        Sample(Path("a.png"), "a", "dev"),
        Sample(Path("a\n"), "a"),
    ],
)
def test_what_the_format_cannot_hold_is_not_written(make, sample):
    root = make(("1.png", "Huế"))
    before = (root / "lines.tsv").read_bytes()
    with pytest.raises(NetchuError):
        write_lines(root, [Sample(root / "1.png", "x"), sample])
    assert (root / "lines.tsv").read_bytes() == before
    assert {p.name for p in root.iterdir()} == {"lines.tsv", "1.png"}


def test_digest_follows_names_and_texts_not_the_place(make, tmp_path):
    root = make(("a.png", "Hà Nội"), ("b.png", "Huế"))
    digest = read_lines(root).digest()
    shutil.copytree(root, tmp_path / "copy")
    assert read_lines(tmp_path / "copy").digest() == digest
    (root / "lines.tsv").write_text("image\ttext\na.png\tHà Nội\nb.png\tHuê\n", encoding="utf-8")
    assert read_lines(root).digest() != digest


def test_digest_knows_where_a_name_ends():
    root = Path("/d")
    assert LineSet(root, (Sample(root / "a", "bc"),)).digest() != LineSet(root, (Sample(root / "ab", "c"),)).digest()


def test_rejects_are_summed_up_by_reason(make):
    root = make(("1.png", "a"), ("2.png", "b"))
    (root / "lines.tsv").write_text("image\ttext\n1.png\ta\nx.png\tb\ny.png\tc\n2.png\t\n", encoding="utf-8")
    assert by_reason(read_lines(root).rejects)[0] == ("picture missing", 2, "lines.tsv:3 (x.png)")
