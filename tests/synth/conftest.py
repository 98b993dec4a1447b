"""What is drawn with in these tests: the font that Pillow carries, a font of bars, a file of texts."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import ImageFont

pytest.importorskip("fontTools")
from bars import KANJI, bar_font

from netchu.synth.drawer import Drawer, DrawSpec

LINES = (
    "Số 12, ngõ 34/5 Nguyễn Trãi",
    "Phường Ngọc Hà; quận Ba Đình.",
    "The quick brown fox jumps over the lazy dog!",
    "Ấp Ông Kỳ, xã Ẵng Tở",
    "i j . , ; : ! ' - l | y g q",
    "Merci, dit-il (encore) une fois",
)


@pytest.fixture(scope="session")
def fonts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one plain font, which has no Vietnamese letters of its own but â, ê, ô and the like."""
    source = getattr(ImageFont.load_default(20), "path", None)
    if not hasattr(source, "getvalue"):
        pytest.skip("this Pillow carries no outline font")
    folder = tmp_path_factory.mktemp("fonts")
    (folder / "plain.ttf").write_bytes(source.getvalue())
    return folder


@pytest.fixture(scope="session")
def kanji_fonts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a font of bars for what stands in vertical lines."""
    folder = tmp_path_factory.mktemp("kanji")
    bar_font(folder / "bars.ttf", KANJI)
    return folder


@pytest.fixture(scope="session")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of short lines."""
    path = tmp_path_factory.mktemp("text") / "lines.txt"
    path.write_text("\n".join(LINES) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def spec(fonts: Path, texts: Path) -> DrawSpec:
    return DrawSpec("general", str(fonts), str(texts), seed=5)


@pytest.fixture(scope="session")
def drawer(spec: DrawSpec) -> Drawer:
    return spec.open()
