"""Fonts: found, checked for lies, measured, chosen. All fonts are made here or carried by Pillow."""

import unicodedata
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont, features

from netchu.errors import NetchuError
from netchu.synth import fonts as fonts_module
from netchu.synth.font_sheet import coverage_table, font_sheet, letters
from netchu.synth.fonts import Font, check_shaping, find_fonts, needs_shaping, reference_extents
from netchu.synth.marks import LETTERS
from netchu.synth.outlines import drawn_characters, read_outlines

pytest.importorskip("fontTools")
from bars import bar_font
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.boundsPen import BoundsPen
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTCollection, TTFont

Box = tuple[float, float, float, float]
MISSING = (50.0, 0.0, 450.0, 700.0)


def blob(pen, box: Box) -> None:
    """An oval in `box`: quadratic curves whose control points lie outside it."""
    x0, y0, x1, y1 = box
    cx, cy, w, h = (x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2, (y1 - y0) / 2
    pen.moveTo((cx + w, cy))
    pen.qCurveTo((cx + w, cy + h), (cx - w, cy + h), (cx - w, cy))
    pen.qCurveTo((cx, cy - 2 * h), (cx + w, cy))  # turns back halfway, at no point of its own
    pen.closePath()


def build(path: Path, glyphs: dict[str, list[Box]], same: dict[str, str] | None = None, cff: bool = False) -> Path:
    """A font with a glyph of ovals per character; `same` maps further characters to the glyph of another."""
    names = {char: f"u{ord(char):05X}" for char in glyphs}
    cmap = {ord(char): name for char, name in names.items()} | {ord(c): names[of] for c, of in (same or {}).items()}
    builder = FontBuilder(1000, isTTF=not cff)
    builder.setupGlyphOrder([".notdef", *names.values()])
    builder.setupCharacterMap(cmap)
    drawn = {}
    for name, boxes in {".notdef": [MISSING], **{names[c]: boxes for c, boxes in glyphs.items()}}.items():
        pen = T2CharStringPen(600, None) if cff else TTGlyphPen(None)
        for box in boxes:
            blob(pen, box)
        drawn[name] = pen.getCharString() if cff else pen.glyph()
    if cff:
        builder.setupCFF("Made", {}, drawn, {})
    else:
        builder.setupGlyf(drawn)
    builder.setupHorizontalMetrics(dict.fromkeys(drawn, (600, 30)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Made", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost(keepGlyphNames=False)
    builder.save(path)
    return path


def ovals(chars: Iterable[str]) -> dict[str, list[Box]]:
    """A different oval for each character."""
    return {char: [(10, 0, 200 + 2 * k, 300 + k)] for k, char in enumerate(chars)}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = getattr(ImageFont.load_default(20), "path", None)
    if not hasattr(source, "getvalue"):
        pytest.skip("this Pillow carries no outline font")
    path = tmp_path_factory.mktemp("plain") / "plain.ttf"
    path.write_bytes(source.getvalue())
    return path


def drawn_box(font: Font, text: str, size: int) -> Box:
    """Where Pillow leaves ink, from the pen's start on the baseline."""
    picture = Image.new("L", (size * (len(text) + 6), size * 8))
    ImageDraw.Draw(picture).text((3 * size, 4 * size), text, fill=255, font=font.at(size), anchor="ls")
    left, top, right, bottom = picture.getbbox()
    return left - 3 * size, top - 4 * size, right - 3 * size, bottom - 4 * size


def test_a_damaged_font_is_left_out_and_listed(tmp_path: Path, plain: Path) -> None:
    data = plain.read_bytes()
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "good.ttf").write_bytes(data)
    (tmp_path / "cut.ttf").write_bytes(data[:3000])
    (tmp_path / "text.otf").write_text("no font")
    (tmp_path / "empty.ttf").write_bytes(b"")
    web = TTFont(plain)
    web.flavor = "woff"
    web.save(tmp_path / "web.ttf")
    rng = np.random.default_rng(5)
    for k in range(40):  # noise in the tables: read or rejected, never a crash
        noisy = bytearray(data)
        for at in rng.integers(12, len(data), 200):
            noisy[at] = int(rng.integers(256))
        (tmp_path / f"noisy{k}.ttf").write_bytes(noisy)
    found = find_fonts(tmp_path)
    assert "good" in [font.name for font in found]
    reasons = {Path(path).name: reason for path, reason in found.rejects}
    assert {"cut.ttf", "text.otf", "empty.ttf", "web.ttf"} <= set(reasons)
    assert "web font" in reasons["web.ttf"]
    assert len(found) + len(found.rejects) == 45


def test_a_folder_without_a_usable_font_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NetchuError, match="no such folder"):
        find_fonts(tmp_path / "none")
    with pytest.raises(NetchuError, match=r"holds no \.ttf"):
        find_fonts(tmp_path)
    (tmp_path / "a.ttf").write_text("no font")
    with pytest.raises(NetchuError, match=r"none of its 1 .*a\.ttf"):
        find_fonts(tmp_path)


def test_weights_come_from_the_table_beside_the_font(tmp_path: Path, plain: Path) -> None:
    for name in ("a.ttf", "b.ttf", "c.ttf", "sub/a.ttf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(plain.read_bytes())
    (tmp_path / "fonts.tsv").write_text("file\tweight\na.ttf\t2\nb.ttf\t0\n")
    (tmp_path / "sub" / "fonts.tsv").write_text("a.ttf\t0.5\n")
    weights = {Path(font.path).relative_to(tmp_path).as_posix(): font.weight for font in find_fonts(tmp_path)}
    assert weights == {"a.ttf": 2, "c.ttf": 1, "sub/a.ttf": 0.5}


def test_each_face_of_a_collection_is_a_font(tmp_path: Path) -> None:
    collection = TTCollection()
    for k, chars in enumerate(("abc", "abcd")):
        collection.fonts.append(TTFont(build(tmp_path / f"{k}.bin", ovals(chars))))
    collection.save(tmp_path / "two.ttc")
    first, second = find_fonts(tmp_path)
    assert (first.name, second.name) == ("two", "two-1")
    assert not first.covers("d") and second.covers("abcd") and first.weight == 0.5
    assert drawn_box(second, "d", 50)[2] == pytest.approx(reference_extents(second, "d", 50)[2], abs=2)


@pytest.mark.parametrize("cff", [False, True])
def test_glyphs_that_lie_are_not_covered(tmp_path: Path, cff: bool) -> None:
    glyphs = ovals("ADELO") | {"B": [], "C": [MISSING], " ": [], "\u3042": [(0, 0, 500, 500)]}
    same = {"\u00c1": "A", "\u0391": "A", "a": "A", "\u00c9": "E", "\u00e9": "E"}  # Á drawn as A; e acute as E
    same |= {chr(0x4E00 + k): "\u3042" for k in range(40)}  # one box for all kanji
    known = drawn_characters(read_outlines(str(build(tmp_path / "lies.ttf", glyphs, same, cff))))
    assert known == frozenset("ADELO a\u0391")


def test_marks_that_fonts_share_are_no_lies(tmp_path: Path) -> None:
    same = {"\u0163": "\u021b", "\u04aa": "\u00c7"}  # t with comma or cedilla; the Cyrillic letter like C cedilla
    known = drawn_characters(read_outlines(str(build(tmp_path / "f.ttf", ovals("\u021b\u00c7"), same))))
    assert known == frozenset("\u0163\u021b\u04aa\u00c7")
    swapped = build(tmp_path / "g.ttf", ovals("A\u1eaa"), {"\u1eb4": "\u1eaa"})  # circumflex and breve alike
    assert drawn_characters(read_outlines(str(swapped))) == frozenset("A")


def test_pictures_under_latin_codes_are_no_letters(tmp_path: Path, plain: Path) -> None:
    drawn_characters(read_outlines(str(plain)))
    build(tmp_path / "dingbats.ttf", {char: [(0, 0, 900 - 9 * k, 700 - k)] for k, char in enumerate("ilmowMIWL.-O")})
    with pytest.raises(NetchuError, match="not letters"):
        drawn_characters(read_outlines(str(tmp_path / "dingbats.ttf")))


@pytest.mark.parametrize("chars", ["ab\u4e00\u9fa5\uff5e", "ab\u4e00\U00020b9f\U0001f600"])  # cmap formats 4 and 12
def test_the_cmap_is_read_as_fonttools_reads_it(tmp_path: Path, plain: Path, chars: str) -> None:
    for path in (plain, build(tmp_path / "f.ttf", ovals(chars))):
        outlines, font = read_outlines(str(path)), TTFont(path)
        wanted = {code: font.getGlyphID(name) for code, name in font.getBestCmap().items() if name != ".notdef"}
        assert dict(zip(outlines.codes.tolist(), outlines.glyphs.tolist())) == wanted


def test_extents_are_those_of_the_outlines(tmp_path: Path, plain: Path) -> None:
    stacked = {char: [(20, 0, 400, 500), (100, 900, 300, 1300), (150, -400, 250, -300)] for char in "\u1ead"}
    for path in (plain, build(tmp_path / "a.ttf", stacked), build(tmp_path / "b.otf", stacked, cff=True)):
        outlines, font = read_outlines(str(path)), TTFont(path)
        glyphs = font.getGlyphSet()
        for code, name in font.getBestCmap().items():
            pen = BoundsPen(glyphs)
            glyphs[name].draw(pen)
            assert outlines.bounds(outlines.glyph(chr(code))) == pytest.approx(pen.bounds, abs=0.01)


def test_extents_of_composite_glyphs(tmp_path: Path) -> None:
    path = build(tmp_path / "f.ttf", ovals("ab"))
    font = TTFont(path)  # post 3.0 has no names: fontTools names glyphs after their characters
    pen = TTGlyphPen(font.getGlyphSet())
    pen.addComponent("a", (1, 0, 0, 1, 0, 0))
    pen.addComponent(".notdef", (0.5, 0, 0, -0.5, -300, 1100))
    font["glyf"]["b"] = pen.glyph()
    font.save(tmp_path / "g.ttf")
    assert TTFont(tmp_path / "g.ttf")["glyf"]["b"].isComposite()
    made = Font(str(tmp_path / "g.ttf"), frozenset("ab"))
    assert reference_extents(made, "b", 200) == pytest.approx(drawn_box(made, "b", 200), abs=2)


def test_a_stray_line_without_area_is_no_ink(tmp_path: Path) -> None:
    bar_font(tmp_path / "stray.ttf", {"a": [(50, 0, 400, 500), (800, -150, 804, -150)], "b": [(50, 0, 400, 500)]})
    font = find_fonts(tmp_path)[0]
    assert reference_extents(font, "a", 200) == reference_extents(font, "b", 200)


def test_no_vietnamese_mark_is_clipped_by_drawing(tmp_path: Path) -> None:
    """A font as tall as they come: marks far above the ascent and below the descent it declares."""
    glyphs = {}
    for k, char in enumerate(LETTERS):
        marks = [m for m in unicodedata.normalize("NFD", char)[1:] if m != "\u0323"]
        boxes: list[Box] = [(40, 0, 300 + k, 500 + k)]
        boxes += [(100, 700 + 300 * n + k, 200 + k, 900 + 300 * n + k) for n in range(len(marks))]
        boxes += [(150, -600 + k, 250 + k, -450 + k)] if "\u0323" in unicodedata.normalize("NFD", char) else []
        glyphs[char] = boxes
    build(tmp_path / "tall.ttf", glyphs)
    (font,) = find_fonts(tmp_path)
    assert font.covers("".join(LETTERS))
    for char in LETTERS:
        for size in (24, 61):
            wanted = reference_extents(font, char, size)
            assert drawn_box(font, char, size) == pytest.approx(wanted, abs=2.5), char
    pair = reference_extents(font, LETTERS[0] + LETTERS[1], 50)
    assert pair[2] == pytest.approx(50 * 0.6 + reference_extents(font, LETTERS[1], 50)[2])


def test_extents_of_spaces_and_of_what_is_lacking(plain: Path) -> None:
    (font,) = find_fonts(plain.parent)
    assert reference_extents(font, " ", 40) == (0, 0, 0, 0)
    with pytest.raises(NetchuError, match="no glyph"):
        reference_extents(font, "日", 40)


def test_scripts_that_need_shaping_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not needs_shaping("Số 12, Ẵng đường") and not needs_shaping("東京、ガソリン")
    assert needs_shaping("क्षि") and needs_shaping("שלום") and needs_shaping("e\u0301") and needs_shaping("東", True)
    monkeypatch.setattr(features, "check", lambda name: False)
    check_shaping("東京 abc")
    with pytest.raises(NetchuError, match="libraqm"):
        check_shaping("ไทย")
    with pytest.raises(NetchuError, match="vertical lines need libraqm"):
        check_shaping("東京", vertical=True)


def test_system_fonts_come_from_fontconfig_or_the_usual_folders(
    tmp_path: Path, plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fonts_module.shutil, "which", lambda name: None)
    monkeypatch.setattr(fonts_module.platform, "system", lambda: "Linux")
    monkeypatch.setitem(fonts_module._HOMES, "Linux", (str(plain.parent), str(tmp_path / "none")))
    assert [font.name for font in fonts_module.system_fonts()] == ["plain"]


def test_coverage_and_sheet(tmp_path: Path, plain: Path) -> None:
    assert len(letters("zh")) == 3755 and {"ja": len(letters("ja"))} == {"ja": 2965 + 84 + 86 + 1}
    assert "ヴ" in letters("ja") and "Ẵ" in letters("vi")
    fonts = find_fonts(plain.parent)
    vi, zh = coverage_table(fonts, ["vi", "zh"])
    assert vi.font == "plain" and 0.3 < vi.covered < vi.composed == 1 and zh.covered == zh.composed == 0
    font_sheet(fonts, ["zh", "vi"], tmp_path / "new" / "sheet.png")
    ink = np.asarray(Image.open(tmp_path / "new" / "sheet.png").convert("L"))
    assert (ink[:, 310:] < 100).sum() > 500
    with pytest.raises(NetchuError, match="no alphabet"):
        letters("xx")
    with pytest.raises(NetchuError, match="cannot be written"):
        font_sheet(fonts, ["vi"], tmp_path)
