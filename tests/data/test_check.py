"""The data doctor: one small sick set per finding, and a healthy one that gets none."""

from __future__ import annotations

import shutil
import unicodedata

import numpy as np
import pytest
from PIL import Image

from netchu.data.check import check, frames, used_summary
from netchu.data.lines import read_lines
from netchu.data.survey import Seen
from netchu.text import Charset

SPLIT = "image text split"


def found(root, **options):
    """code -> findings of that code."""
    codes = {}
    for finding in check(read_lines(root), **options):
        codes.setdefault(finding.code, []).append(finding)
    return codes


def healthy(count=30):
    words = ["anh em", "em anh", "nam anh", "men nam"]
    return [
        (f"{i}.png", f"{words[i % 4]} {'mea'[i % 3]} {'ehn'[i // 3 % 3]}", "val" if i > 26 else "train")
        for i in range(count)
    ]


def test_a_healthy_set_has_nothing_but_its_summary(make):
    findings = check(read_lines(make(*healthy(), columns=SPLIT)))
    assert [f.code for f in findings if f.level != "info"] == []
    assert used_summary(findings) == "30 of 30 lines usable"


def test_rejected_and_altered_rows(make):
    root = make(*healthy(), columns=SPLIT)
    with (root / "lines.tsv").open("a", encoding="utf-8") as file:
        file.write("gone.png\tx\ttrain\n1.png\tx\ttrain\n")
    codes = found(root)
    assert [f.level for f in codes["rejected"]] == ["error", "error"]
    assert "28 of" not in codes["summary"][0].message
    assert codes["summary"][0].message == "30 of 32 lines usable; 2 rejected"


def test_characters_outside_the_charset_are_named_counted_and_placed(make):
    root = make(("a.png", "đá", "train"), ("b.png", "đo", "val"), columns=SPLIT)
    codes = found(root, charset=Charset.from_symbols("áo"))
    [finding] = codes["unknown-character"]
    assert finding.level == "error" and finding.count == 2 and finding.examples == ("a.png", "b.png")
    assert "U+0111" in finding.message and "LATIN SMALL LETTER D WITH STROKE" in finding.message
    assert codes["summary"][0].message == "0 of 2 lines usable; 2 with unknown characters"


def test_two_unicode_forms_in_the_file(make):
    nfd = unicodedata.normalize("NFD", "Huế")
    mixed = found(make(("a.png", nfd), ("b.png", "Hà"), ("c.png", "abc")))["not-nfc"][0]
    assert (mixed.level, mixed.count, mixed.examples) == ("warning", 1, ("a.png",)) and "mixed" in mixed.message
    assert found(make(("a.png", nfd), ("b.png", "abc"), name="n2"))["not-nfc"][0].level == "info"
    assert "not-nfc" not in found(make(("a.png", "Huế"), ("b.png", "abc"), name="n3"))


def test_lookalikes_and_invisible_characters(make):
    root = make(("a.png", "Ðà Nẵng"), ("b.png", "a\u200bb"), ("c.png", "a\x07b"), ("d.png", "a\ufffdb"))
    codes = found(root)
    texts = " ".join(f.message for f in codes["look-alike"])
    assert "U+00D0" in texts and "U+0110" in texts and "U+200B" in texts
    assert {f.examples for f in codes["control"]} == {("c.png",), ("d.png",)}


def test_a_letter_of_a_stray_script(make):
    rows = [*healthy(30), *((f"x{i}.png", "nam anh em " * 10, "train") for i in range(12)), ("y.png", "ᑕa", "train")]
    [finding] = found(make(*rows, columns=SPLIT))["odd-script"]
    assert "U+1455" in finding.message and finding.examples == ("y.png",)
    mixed = make(*rows[:-1], *((f"r{i}.png", "дом", "train") for i in range(4)), columns=SPLIT, name="two scripts")
    assert "odd-script" not in found(mixed)


@pytest.mark.parametrize(("text", "fits"), [("abcde", True), ("aabbc", False), ("abcdef", False), ("aabc", True)])
def test_labels_that_ctc_cannot_write(make, text, fits):
    root = make(("a.png", text), width=20, height=48)  # 20 columns are 5 frames
    assert ("too-narrow" in found(root)) != fits


def test_frames_follow_the_scaled_width():
    assert frames(Seen(100, 24, 24)) == 50
    assert frames(Seen(101, 48, 48), stride=8) == 13
    assert frames(Seen(1, 400, 400)) == 1
    dense = Seen(100, 24, 24, strokes=0.1)
    assert (frames(dense), frames(dense, pitch=(0.2, 9)), frames(dense, pitch=(0.05, 9))) == (50, 63, 50)


def test_many_narrow_lines_are_an_error_few_a_warning(make, draw):
    root = make(*healthy(), columns=SPLIT)
    draw(root / "3.png", width=5, height=48)
    finding = found(root)["too-narrow"][0]
    assert finding.level == "error" and finding.examples[0].startswith("3.png (needs ")
    assert "1 too narrow" in found(root)["summary"][0].message


def test_swapped_columns(make):
    root = make(("a.png", "b.png"), ("c.png", "x"))
    assert found(root)["swapped"][0].examples == ("a.png",)


def test_unreadable_pictures_are_each_named(make):
    root = make(*healthy(), columns=SPLIT)
    whole = (root / "2.png").read_bytes()
    (root / "1.png").write_bytes(b"")
    (root / "2.png").write_bytes(whole[: len(whole) // 2])  # a whole header: only decoding tells
    (root / "3.png").write_text("<html>", encoding="utf-8")
    codes = found(root)
    assert codes["unreadable"][0].count == 3 and codes["unreadable"][0].level == "error"
    assert codes["summary"][0].message == "27 of 30 lines usable; 3 unreadable"


def test_polarity(make, draw):
    root = make(*healthy(), columns=SPLIT, ink=230, paper=20)
    assert found(root)["dark-ground"][0].count == 30
    draw(root / "0.png"), draw(root / "1.png")
    assert "dark-ground" not in found(root)
    assert (found(root)["mixed-polarity"][0].level, found(root)["mixed-polarity"][0].count) == ("warning", 28)
    grey = make(*healthy(), columns=SPLIT, name="grey photographs", ink=5, paper=90)
    assert not {"dark-ground", "mixed-polarity"} & set(found(grey))


def test_pictures_that_are_no_lines(make, draw):
    root = make(*healthy(), columns=SPLIT)
    Image.fromarray(np.full((30, 200), 200, np.uint8)).save(root / "0.png")
    draw(root / "1.png", width=100, height=6)
    draw(root / "2.png", width=2000, height=20)
    draw(root / "3.png", width=50, height=300)
    codes = found(root)
    assert {code: codes[code][0].examples for code in ("blank", "tiny", "wide", "tall")} == {
        "blank": ("0.png",), "tiny": ("1.png",), "wide": ("2.png",), "tall": ("3.png",)
    }  # fmt: skip


def test_a_label_of_another_picture_stands_out(make, draw):
    root = make(*healthy(), columns=SPLIT)
    draw(root / "4.png", width=1200)
    assert found(root)["misfit"][0].examples[0].startswith("4.png")


def test_splits_that_are_missing(make):
    assert "no-split" in found(make(("a.png", "x"), ("b.png", "y"), name="1"))
    half = found(make(("a.png", "x", "train"), ("b.png", "y", ""), columns=SPLIT, name="2"))
    assert half["half-split"][0].examples == ("b.png",) and "no-val" in half


def test_doubles(make):
    rows = [*healthy(), ("d1.png", "một", "train"), ("d2.png", "hai", "train"), ("d3.png", "em anh m e", "train")]
    root = make(*rows, columns=SPLIT)
    shutil.copy(root / "0.png", root / "28.png")  # train and val
    shutil.copy(root / "d1.png", root / "d2.png")  # two texts
    (root / "1.png").write_bytes((root / "d3.png").read_bytes())
    table = (root / "lines.tsv").read_text(encoding="utf-8").replace("1.png\tem anh e e", "1.png\tem anh m e")
    (root / "lines.tsv").write_text(table, encoding="utf-8")
    codes = found(root)
    assert codes["picture-across-splits"][0].examples == ("0.png = 28.png",)
    assert codes["picture-across-splits"][0].level == "error"
    assert "d1.png = d2.png" in codes["picture-with-two-texts"][0].examples
    assert codes["double-picture"][0].examples == ("1.png = d3.png",)


def test_the_same_text_or_writer_on_both_sides(make):
    rows = [("a.png", "x y", "train", "w1"), ("b.png", "x y", "val", "w1"), ("c.png", "z", "val", "w2")]
    codes = found(make(*rows, columns="image text split writer"))
    assert codes["text-across-splits"][0].level == "warning" and "50.0%" in codes["text-across-splits"][0].message
    assert codes["writer-across-splits"][0].examples == ("w1",) and codes["writer-across-splits"][0].level == "error"
    assert "z" in codes["unseen-character"][0].examples[0] or "U+007A" in codes["unseen-character"][0].examples[0]


def test_rare_characters_long_labels_and_one_label_everywhere(make):
    rows = [(f"{i}.png", "same", "train") for i in range(25)] + [("x.png", "same " * 20 + "Ω", "train")]
    codes = found(make(*rows, columns=SPLIT))
    assert "Ω" in codes["rare-character"][0].message
    assert codes["long-label"][0].examples == ("x.png",)
    assert codes["one-label"][0].count == 25


def test_errors_come_first_and_the_summary_last(make):
    root = make(*healthy(), columns=SPLIT)
    (root / "1.png").write_bytes(b"x")
    levels = [f.level for f in check(read_lines(root))]
    assert levels == sorted(levels, key=["error", "warning", "info"].index)
    assert check(read_lines(root))[-1].code == "summary"
