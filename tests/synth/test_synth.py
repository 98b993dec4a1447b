"""Synthesis: the font is the one that Pillow carries, the texts are made here."""

import gzip
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import ImageFont

from netchu.cli.synth import synth
from netchu.errors import NetchuError
from netchu.synth import Drawer, TextSource, choose_font, draw_line, find_fonts
from netchu.synth.draw import Hand, write
from netchu.synth.marks import LETTERS, compose
from netchu.synth.text import ALPHABET, FOREIGN, RUNNING, snippet

pytest.importorskip("fontTools")


@pytest.fixture(scope="module")
def fonts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = getattr(ImageFont.load_default(20), "path", None)
    if not hasattr(source, "getvalue"):
        pytest.skip("this Pillow carries no outline font")
    folder = tmp_path_factory.mktemp("fonts")
    (folder / "plain.ttf").write_bytes(source.getvalue())
    return folder


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("text")
    tables = {
        "vi_admin_units.tsv.gz": "level\tname\tdistrict\tprovince\tvintage\n"
        "ward\tPhường 10\tThành phố Đà Lạt\tTỉnh Lâm Đồng\t2024\nward\tXã Ẵng\tHuyện Ỹ\tThành phố Hồ Chí Minh\t2024",
        "vi_streets.tsv.gz": "street\tn\nTrần Phú\t9\nHùng Vương\t8",
        "vi_name_parts.tsv.gz": "part\tname\tcount\nsurname\tNguyễn\t9",
        "vi_given_names.tsv.gz": "name\tgender\nNgọc Uyển\tf",
        "freq_vi.tsv.gz": "word\tcount\tvi_syllable\nlà\t90000\t1\nẵng\t1\t1",
    }
    for name in RUNNING:
        tables[name] = "Duy thấy bóng trắng dừng lại sau lũy tre một giây rồi lại đi thẳng."
    for name in FOREIGN:
        tables[name] = "Merci, encore une fois, répondit-il avec un sourire."
    for name, text in tables.items():
        (folder / name).write_bytes(gzip.compress(text.encode()))
    return folder


def test_texts_are_seeded_and_in_the_alphabet(texts: Path) -> None:
    source = TextSource(texts)
    drawn = [source.sample(np.random.default_rng([7, k])) for k in range(200)]
    assert drawn == [source.sample(np.random.default_rng([7, k])) for k in range(200)]
    assert all(ALPHABET.issuperset(text) and text == " ".join(text.split()) and text for text in drawn)
    assert len(set(drawn)) > 100


def test_snippet_keeps_words_whole() -> None:
    line = " ".join(f"từ{k}" for k in range(60))
    for k in range(50):
        words = snippet(line, np.random.default_rng(k), 20, 70).split()
        assert words and set(words) <= set(line.split())


def test_no_font_draws_what_it_lacks(fonts: Path) -> None:
    (font,) = find_fonts(fonts)
    rng = np.random.default_rng(0)
    assert font.covers("Hello, 12/3") and not font.covers("日本")
    assert choose_font([font], "日本", rng) is None
    assert choose_font([font], "Số 12 Quận Đống Đa", rng) is font
    assert font.writes("".join(LETTERS))


def test_letters_are_composed_from_the_nearest() -> None:
    known = frozenset("adouyâêôéò")
    assert compose("ậ", known) == ("â", ("\u0323",))
    assert compose("đ", known) == ("d", ("\u0335",))
    assert compose("ợ", known) == ("o", ("\u031b", "\u0323"))
    assert compose("ế", frozenset("eé")) == ("e", ("\u0302", "\u0301"))  # never a circumflex over an acute
    assert compose("ł", known) is None


def test_ink_never_touches_the_edge(fonts: Path) -> None:
    (font,) = find_fonts(fonts)
    for k, text in enumerate(["ẴẤỘ", "gyỵ", "|/\\", "Số 12, ngõ 3/4", ".", "jf" * 30]):
        rng = np.random.default_rng(k)
        ink = write(text, font, Hand.sample(rng), rng)
        assert ink.any()
        assert not (ink[0].any() or ink[-1].any() or ink[:, 0].any() or ink[:, -1].any())
        picture = draw_line(text, font, rng)
        assert picture.dtype == np.uint8 and picture.shape[0] == 64 and np.ptp(picture) > 20


def test_sample_k_depends_on_seed_and_k_alone(fonts: Path, texts: Path) -> None:
    source, found = TextSource(texts), find_fonts(fonts)
    first, again, other = (Drawer(source, found, seed) for seed in (3, 3, 4))
    later = [again.sample(k) for k in (5, 2)]
    for k, (picture, text) in zip((5, 2), later):
        same, label = first.sample(k)
        assert label == text and np.array_equal(same, picture)
    assert not np.array_equal(other.sample(2)[0], later[1][0])


def test_command_writes_the_native_format(fonts: Path, texts: Path, tmp_path: Path) -> None:
    options = ["-n", "3", "--fonts", str(fonts), "--text", str(texts), "--seed", "5"]
    one = CliRunner().invoke(synth, [str(tmp_path / "a"), *options], catch_exceptions=False)
    two = CliRunner().invoke(synth, [str(tmp_path / "b"), *options, "--jobs", "2"], catch_exceptions=False)
    assert one.exit_code == two.exit_code == 0
    table = (tmp_path / "a" / "lines.tsv").read_text(encoding="utf-8")
    assert table == (tmp_path / "b" / "lines.tsv").read_text(encoding="utf-8")
    head, *rows = table.splitlines()
    assert head == "image\ttext\tsplit" and len(rows) == 3
    for row in rows:
        name, text, split = row.split("\t")
        assert text and split == "train"
        data = (tmp_path / "a" / name).read_bytes()
        assert data == (tmp_path / "b" / name).read_bytes()
        assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED).shape[0] == 64


@pytest.mark.parametrize("wrong", ["no folder", "empty", "broken", "weights"])
def test_bad_fonts_are_named(fonts: Path, tmp_path: Path, wrong: str) -> None:
    folder = tmp_path / "fonts"
    if wrong != "no folder":
        folder.mkdir()
    if wrong == "broken":
        (folder / "x.ttf").write_bytes(b"not a font")
    if wrong == "weights":
        (folder / "x.ttf").write_bytes((fonts / "plain.ttf").read_bytes())
        (folder / "fonts.tsv").write_text("x.ttf\tmuch\n")
    with pytest.raises(NetchuError, match="fonts"):
        find_fonts(folder)


def test_bad_texts_are_named(tmp_path: Path, texts: Path) -> None:
    with pytest.raises(NetchuError, match=r"vi_admin_units\.tsv\.gz: no such file"):
        TextSource(tmp_path)
    with pytest.raises(NetchuError, match="language 'xx'"):
        TextSource(texts, "xx")
    (tmp_path / "vi_admin_units.tsv.gz").write_bytes(b"junk")
    with pytest.raises(NetchuError, match="cannot be read"):
        TextSource(tmp_path)
