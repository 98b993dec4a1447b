"""The font recipe: packages are played by stand-ins, so nothing is fetched."""

import io
import json
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import ImageFont

from netchu.errors import NetchuError
from netchu.synth import font_recipe
from netchu.synth.font_merge import join_subsets
from netchu.synth.font_recipe import Face, install_fonts, recipe
from netchu.synth.fonts import find_fonts, reference_extents

pytest.importorskip("fontTools")
from fontTools import subset
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

FACES = (
    Face("wave-400", "npm", "@fonts/wave", ("ja",), "handwriting", 2.0, "OFL-1.1"),
    Face("wave-700", "npm", "@fonts/wave", ("ja",), "handwriting", 0.5, "OFL-1.1"),
    Face("gone-400", "npm", "@fonts/gone", ("ja",), "print", 1.0, "OFL-1.1"),
    Face("Old", "deb", "fonts-old", ("ja", "latin"), "print", 1.0, "IPA-1.0"),
)


def part(data: bytes, text: str) -> bytes:
    """The font `data` cut down to a text, as WOFF."""
    font = TTFont(io.BytesIO(data))
    options = subset.Options(flavor="woff", notdef_outline=True)
    cutter = subset.Subsetter(options)
    cutter.populate(text=text)
    cutter.subset(font)
    font.flavor = "woff"
    out = io.BytesIO()
    font.save(out)
    return out.getvalue()


@pytest.fixture(scope="module")
def whole() -> bytes:
    source = getattr(ImageFont.load_default(20), "path", None)
    if not hasattr(source, "getvalue") or "glyf" not in TTFont(io.BytesIO(source.getvalue())):
        pytest.skip("this Pillow carries no TrueType font")
    return source.getvalue()


@pytest.fixture
def shops(whole: bytes, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """npm and apt-get that know one package each; returns what they were asked for."""
    asked: list[str] = []
    texts = {"japanese": "AB", "latin": "BCD ", "0": "EF%", "thai": "Z"}

    def run(command: Sequence[str], folder: Path) -> str:
        asked.append(" ".join(command))
        if command[-1] == "@fonts/wave":
            with tarfile.open(folder / "wave.tgz", "w:gz") as pack:
                files = {
                    f"files/wave-{s}-{w}-normal.woff": part(whole, t) for s, t in texts.items() for w in (400, 300)
                }
                for name, data in {**files, "package.json": json.dumps({"version": "5.1"}).encode()}.items():
                    info = tarfile.TarInfo(f"package/{name}")
                    info.size = len(data)
                    pack.addfile(info, io.BytesIO(data))
        elif command[-1] == "fonts-old":
            (folder / "fonts-old_1%3a2.0_all.deb").write_bytes(b"deb")
        elif command[0] == "dpkg-deb":
            (folder / "files" / "share").mkdir(parents=True)
            (folder / "files" / "share" / "Old.ttf").write_bytes(whole)
        else:
            raise NetchuError("npm pack failed: E404")
        return "wave.tgz\n"

    monkeypatch.setattr(font_recipe, "_run", run)
    monkeypatch.setattr(font_recipe, "recipe", lambda: FACES)
    return asked


def test_subsets_are_joined_to_what_they_were(whole: bytes, tmp_path: Path) -> None:
    texts = ["ABC& ", "BCD%", "xyzfi"]
    (tmp_path / "joined.ttf").write_bytes(join_subsets([part(whole, text) for text in texts]))
    (font,) = find_fonts(tmp_path)
    assert font.characters == frozenset("".join(texts))
    original = ImageFont.truetype(io.BytesIO(whole), 200, layout_engine=ImageFont.Layout.BASIC)
    joined = ImageFont.truetype(font.path, 200, layout_engine=ImageFont.Layout.BASIC)
    for char in font.characters:
        assert joined.getbbox(char) == pytest.approx(original.getbbox(char), abs=2)
        assert joined.getlength(char) == pytest.approx(original.getlength(char), abs=1)


def test_composite_glyphs_come_along(whole: bytes, tmp_path: Path) -> None:
    second = TTFont(io.BytesIO(part(whole, "xy")))
    pen = TTGlyphPen(second.getGlyphSet())
    pen.addComponent("y", (1, 0, 0, 1, 0, 500))
    second["glyf"]["x"], second["hmtx"]["x"] = pen.glyph(), second["hmtx"]["y"]
    out = io.BytesIO()
    second.save(out)
    (tmp_path / "joined.ttf").write_bytes(join_subsets([part(whole, "AB"), out.getvalue()]))
    (font,) = find_fonts(tmp_path)
    lifted, wanted = reference_extents(font, "x", 1000), reference_extents(font, "y", 1000)
    rise = 500 * 1000 / second["head"].unitsPerEm
    assert lifted == pytest.approx((wanted[0], wanted[1] - rise, wanted[2], wanted[3] - rise), abs=1)


def test_subsets_of_other_scale_are_refused(whole: bytes) -> None:
    other = TTFont(io.BytesIO(part(whole, "x")))
    other["head"].unitsPerEm //= 2
    out = io.BytesIO()
    other.save(out)
    with pytest.raises(NetchuError, match="one scale"):
        join_subsets([part(whole, "y"), out.getvalue()])


def test_what_can_be_had_is_installed_and_the_rest_listed(tmp_path: Path, shops: list[str]) -> None:
    steps: list[str] = []
    done = install_fonts(tmp_path / "fonts", ["ja"], steps.append)
    assert (done.installed, done.present) == (2, 0)
    assert [package for package, _ in done.failed] == ["@fonts/wave", "@fonts/gone"]
    assert "wave-700" in done.failed[0][1] and "E404" in done.failed[1][1]
    assert steps == ["1/3 @fonts/wave", "2/3 @fonts/gone", "3/3 fonts-old"]
    old, wave = find_fonts(tmp_path / "fonts")
    assert wave.characters == frozenset("ABCDEF% ") and wave.weight == 2 and old.weight == 1
    names = {path.name for path in (tmp_path / "fonts").iterdir()}
    assert names == {"wave-400.ttf", "Old.ttf", "fonts.tsv", "licences.tsv"}
    licences = (tmp_path / "fonts" / "licences.tsv").read_text().splitlines()
    assert licences[1:] == [
        "wave-400.ttf\tOFL-1.1\tnpm\t@fonts/wave\t5.1",
        "Old.ttf\tIPA-1.0\tdeb\tfonts-old\t1:2.0",
    ]


def test_a_second_run_fetches_only_what_is_missing(tmp_path: Path, shops: list[str]) -> None:
    install_fonts(tmp_path, ["ja"], kinds=["print"])
    (tmp_path / "fonts.tsv").write_text("file\tweight\nmine.ttf\t4\nOld.ttf\t9\n")
    shops.clear()
    done = install_fonts(tmp_path, ["ja"])
    assert (done.installed, done.present) == (1, 1)
    assert not any("fonts-old" in command for command in shops)
    table = (tmp_path / "fonts.tsv").read_text().splitlines()
    assert table == ["file\tweight", "mine.ttf\t4", "Old.ttf\t9", "wave-400.ttf\t2"]


def test_an_interrupted_run_leaves_no_half_written_font(
    tmp_path: Path, shops: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(font_recipe, "join_subsets", stop)
    with pytest.raises(KeyboardInterrupt):
        install_fonts(tmp_path, ["ja"])
    assert list(tmp_path.iterdir()) == []


def test_unknown_languages_and_kinds_are_named(tmp_path: Path, shops: list[str]) -> None:
    with pytest.raises(NetchuError, match="language 'tlh'"):
        install_fonts(tmp_path, ["tlh"])
    with pytest.raises(NetchuError, match=r"kind 'neon'.*handwriting, print"):
        install_fonts(tmp_path, ["ja"], kinds=["neon"])
    assert install_fonts(tmp_path, ["fr"]).installed == 1  # a language of the Latin script


def test_a_missing_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(font_recipe, "recipe", lambda: FACES)
    monkeypatch.setattr(font_recipe.shutil, "which", lambda name: None)
    done = install_fonts(tmp_path)
    assert not done.installed and [reason.split()[0] for _, reason in done.failed] == ["npm", "npm", "apt-get"]


def test_a_hanging_program_does_not_stop_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(command: Sequence[str], folder: Path) -> str:
        raise subprocess.TimeoutExpired(list(command), 600)

    monkeypatch.setattr(font_recipe, "recipe", lambda: FACES)
    monkeypatch.setattr(font_recipe, "_run", hang)
    assert len(install_fonts(tmp_path).failed) == 3


def test_the_recipe_is_well_formed() -> None:
    faces = recipe()
    assert len({face.name for face in faces}) == len(faces)
    assert {face.kind for face in faces} == {"handwriting", "brush", "print", "typewriter"}
    assert {language for face in faces for language in face.languages} == {"vi", "latin", "ja", "zh", "scene"}
    assert all(face.weight > 0 and face.licence for face in faces)
    assert all(face.name.rsplit("-", 1)[1].isdigit() for face in faces if face.source == "npm")
    assert {face.source for face in faces} == {"npm", "deb"}
    by_hand = [face for face in faces if face.kind in ("handwriting", "brush")]
    for language, least in (("vi", 60), ("ja", 20), ("zh", 8)):
        assert sum(language in face.languages for face in by_hand) >= least
