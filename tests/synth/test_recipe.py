"""Recipes: the shipped ones open, and what is wrong with one is said in a line that names it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fontTools")

from netchu.errors import NetchuError
from netchu.synth.drawer import DrawSpec
from netchu.synth.recipe import Recipe, read_recipe, shipped
from netchu.synth.texts import LANGUAGES


def written(folder: Path, text: str) -> str:
    path = folder / "own.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", shipped())
def test_shipped_recipes_can_be_read(name: str) -> None:
    recipe = read_recipe(name)
    assert recipe.name == name and recipe.language in LANGUAGES
    assert any(weight > 0 for weight in recipe.engines.values())


def test_there_is_a_recipe_for_each_language_that_is_drawn_differently() -> None:
    assert {"vi", "latin", "ja", "zh", "print", "general"} <= set(shipped())
    assert read_recipe("ja").vertical > 0 == read_recipe("vi").vertical


@pytest.mark.parametrize("name", [name for name in shipped() if not read_recipe(name).pages])
def test_shipped_recipes_say_what_they_lack(name: str, fonts: Path, texts: Path, tmp_path: Path) -> None:
    with pytest.raises(NetchuError, match="'font' needs --fonts"):
        DrawSpec(name, texts=str(texts), settings=(("language", "lines"), ("engines", {"font": 1}))).open()
    if read_recipe(name).engines.get("strokes"):
        with pytest.raises(NetchuError, match="'strokes' needs --strokes"):
            DrawSpec(name, str(fonts), str(texts)).open()
    else:  # with other words, since each language has lists of its own
        assert (
            DrawSpec(name, str(fonts), str(texts), settings=(("language", "lines"), ("texts", {})))
            .open()
            .sample(0)
            .text
        )


def test_the_shipped_mix_is_of_shipped_recipes() -> None:
    mix = read_recipe("pages")
    assert {*mix.pages, *mix.scenes} < set(shipped())
    assert sum(mix.pages.values()) + sum(mix.scenes.values()) == pytest.approx(1.0)


def test_a_file_of_ones_own_is_read(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        'language = "fr"\nheight = 48\nvertical = 0\nheld_out = ["caveat"]\nscene = true\n'
        "[engines]\nfont = 3\nstrokes = 1\n[sheets]\nruled = 1\n[effects]\nnib = 0\n[fonts]\nplain = 2\n",
    )
    recipe = read_recipe(path)
    assert (recipe.name, recipe.language, recipe.height, recipe.held_out) == ("own", "fr", 48, ("caveat",))
    assert recipe.scene and recipe.engines == {"font": 3.0, "strokes": 1.0} and recipe.effects == {"nib": 0.0}
    assert recipe.writers == Recipe("").writers  # what it does not name stays


def test_settings_override(tmp_path: Path) -> None:
    path = written(tmp_path, "height = 48\n[effects]\nnib = 0.5\nshape = 2\n")
    recipe = read_recipe(path, {"height": 32, "effects.nib": 0, "texts.running": 2, "scene": True, "held_out": ["a"]})
    assert recipe.height == 32 and recipe.effects == {"nib": 0.0, "shape": 2.0} and recipe.texts == {"running": 2.0}
    assert recipe.scene and recipe.held_out == ("a",)
    assert read_recipe(path).height == 48


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("heigth = 64", {}, "'heigth'; did you mean height"),
    ("zzz = 64", {}, "'zzz'; known: language"),
    ('name = "x"', {}, "unknown option 'name'"),
    ("height = 8", {}, "height must lie between 16 and 512"),
    ("height = 64.5", {}, "height = 64.5: expected a number"),
    ("height = true", {}, "expected a number"),
    ('height = "64"', {}, "expected a number"),
    ("language = 3", {}, "expected a text"),
    ('scene = "yes"', {}, "scene = 'yes'"),
    ("writers = 0", {}, "writers must lie between"),
    ("vertical = 1.5", {}, "vertical must lie between 0 and 1"),
    ("hand = -1", {}, "hand must lie"),
    ("strength = 30", {}, "strength must lie"),
    ("strength = nan", {}, "strength"),
    ("smallest = 20\nlargest = 15", {}, "smallest is larger"),
    ("[engines]\nfonts = 1", {}, "'fonts'; known: font, strokes, paste"),
    ("[engines]\nfont = 0", {}, "every engine is turned off"),
    ("[engines]\nfont = -1", {}, "engines must be a table of numbers"),
    ("[engines]\nfont = inf", {}, "engines must be a table of numbers"),
    ("[sheets]\npapyrus = 1", {}, "no sheet 'papyrus'; known: plain"),
    ("[sheets]\nplain = 0", {}, "every sheet named has share 0"),
    ("effects = 3", {}, "effects must be a table"),
    ("[effects]\nnib = true", {}, "effects must be a table of numbers"),
    ('held_out = "caveat"', {}, "held_out must be a list"),
    ("height = 64", {"height.x": 3}, "height is no table"),
    ("height = 64", {"efects.nib": 0}, "'efects'; did you mean effects"),
    ("height = ", {}, "not a TOML recipe"),
]


@pytest.mark.parametrize(("text", "settings", "said"), WRONG, ids=lambda value: str(value)[:24])
def test_what_is_wrong_is_named(tmp_path: Path, text: str, settings: dict[str, Any], said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(NetchuError) as caught:
        read_recipe(path, settings)
    assert said in str(caught.value) and "own" in str(caught.value) and "\n" not in str(caught.value)


def test_a_recipe_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(NetchuError, match=r"vn: no such recipe.*general.*vi"):
        read_recipe("vn")
    (tmp_path / "latin1.toml").write_bytes('language = "v\xef"'.encode("latin-1"))
    with pytest.raises(NetchuError, match=r"latin1\.toml: not a TOML recipe"):
        read_recipe(str(tmp_path / "latin1.toml"))


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (("effects.nibb", 0), "no effect 'nibb'; did you mean nib?"),
        (("effects.qqqqq", 0), "no effect 'qqqqq'; netchu synth preview"),
        (("texts.runing", 1), "runing"),
        (("language", "klingon"), "klingon"),
        (("fonts.plain", 0), "no font is left"),
    ],
)
def test_what_only_shows_on_opening_is_named_too(spec: DrawSpec, setting: tuple[str, Any], said: str) -> None:
    with pytest.raises(NetchuError, match=".") as caught:
        DrawSpec(spec.recipe, spec.fonts, spec.texts, settings=(setting,)).open()
    assert said in str(caught.value)
