"""Options: every mistake is one line that says what to write instead."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from netchu.errors import NetchuError
from netchu.settings import parse_setting, read_toml
from netchu.train.config import TrainConfig, configure


def test_no_option_is_needed() -> None:
    assert configure({}) == TrainConfig()
    assert TrainConfig().architecture == ""  # base, or that of the model gone on from


def test_options_go_over_a_base_and_leave_it_alone() -> None:
    base = configure({"epochs": 3, "seed": 5})
    assert configure({"epochs": 4}, base) == dataclasses.replace(base, epochs=4)
    assert base.epochs == 3


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("learning_rat", "learning_rate"),
        ("epoch", "epochs"),
        ("batchcolumns", "batch_columns"),
        ("drop_out", "dropout"),
    ],
)
def test_an_unknown_option_names_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(NetchuError, match=f"unknown option '{name}'; did you mean {nearest}\\?"):
        configure({name: 1})


def test_an_option_like_no_other_lists_them_all() -> None:
    with pytest.raises(NetchuError, match=r"known: architecture, .*workers"):
        configure({"zzz": 1})


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"epochs": 2.5}, "epochs = 2.5: expected a whole number"),
        ({"epochs": True}, "epochs = True: expected a whole number"),
        ({"epochs": "many"}, "epochs = 'many': expected a whole number"),
        ({"dropout": "low"}, "dropout = 'low': expected a number"),
        ({"dropout": False}, "dropout = False: expected a number"),
        ({"architecture": 3}, "architecture = 3: expected a text in quotes"),
        ({"keep_alphabet": 1}, "keep_alphabet = 1: expected true or false"),
        ({"languages": "vi"}, "languages = 'vi': expected a list of texts"),
        ({"languages": ["vi", 4]}, "expected a list of texts"),
        ({"languages": ("vi", 4)}, "expected a list of texts"),
    ],
)
def test_a_wrong_type_says_which_is_right(options: dict[str, object], expected: str) -> None:
    with pytest.raises(NetchuError) as caught:
        configure(options)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_whole_numbers_do_for_numbers_and_lists_for_tuples() -> None:
    config = configure({"augment": 1, "languages": ["vi", "fr"]})
    assert (config.augment, type(config.augment)) == (1.0, float)
    assert config.languages == ("vi", "fr")


@pytest.mark.parametrize(
    "options",
    [
        {"epochs": -1}, {"dropout": 1.0}, {"learning_rate": 0.0}, {"learning_rate": float("nan")}, {"ema": 1.0},
        {"batch_columns": 10}, {"workers": 0}, {"evaluate_every": 0}, {"augment": 4}, {"clip": float("inf")},
        {"drawn_start": 1.5}, {"drawn_until": -0.1}, {"drawn_reuse": 0}, {"draw_jobs": 0}, {"augment_end": -2},
        {"seed": -1}, {"threads": -2}, {"shortcut": 1.0}, {"warmup": 1.0},
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused(options: dict[str, object]) -> None:
    name = next(iter(options))
    with pytest.raises(NetchuError, match=f"option {name} = .*: must lie between"):
        configure(options)


@pytest.mark.parametrize("ends", [(0.3, 0.2), (0.0, 0.3), (-1.0, 0.3), (0.2, 0.0), (-0.5, -0.5)])
def test_a_pitch_has_two_ends(ends: tuple[float, float]) -> None:
    with pytest.raises(
        NetchuError, match="options pitch_least, pitch_most: pitch .*: expected two numbers above 0, the smaller"
    ):
        configure({"pitch_least": ends[0], "pitch_most": ends[1]})
    assert configure({"pitch_least": 0.2, "pitch_most": 0.2}).pitch == (0.2, 0.2)
    assert configure({}).pitch is None is configure({"pitch_least": -1, "pitch_most": -1}).pitch


def test_an_unknown_precision_lists_the_known() -> None:
    with pytest.raises(NetchuError, match="'float16': must be auto, float32 or bfloat16"):
        configure({"precision": "float16"})


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_recipe_is_flat_toml(tmp_path: Path, mark: bytes, end: bytes) -> None:
    recipe = tmp_path / "công thức.toml"
    lines = [b'architecture = "tiny"  # small', b"epochs = 3", b'languages = ["vi"]', b"augment = 0"]
    recipe.write_bytes(mark + end.join(lines) + end)
    config = configure(read_toml(recipe))
    assert (config.architecture, config.epochs, config.languages, config.augment) == ("tiny", 3, ("vi",), 0.0)


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"epochs = \n", "line 1"), (b"epochs = 3\nseed =\n", "line 2"), (b"\xff\xfe\x00", "not a TOML recipe")],
)
def test_a_broken_recipe_names_its_file_and_line(tmp_path: Path, data: bytes, reason: str) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_bytes(data)
    with pytest.raises(NetchuError, match=r"r\.toml: not a TOML recipe") as caught:
        read_toml(recipe)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_recipe_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NetchuError, match="no such file"):
        read_toml(tmp_path / "none.toml")


def test_a_table_in_a_recipe_is_an_unknown_option(tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text("[train]\nepochs = 3\n", encoding="utf-8")
    with pytest.raises(NetchuError, match="unknown option 'train'"):
        configure(read_toml(recipe))


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ("epochs=3", ("epochs", 3)),
        (" epochs = 3 ", ("epochs", 3)),
        ("dropout=0.5", ("dropout", 0.5)),
        ("keep_alphabet=false", ("keep_alphabet", False)),
        ("alpha=.5", ("alpha", 0.5)),
        ("name=.v5", ("name", ".v5")),
        ("architecture=tiny", ("architecture", "tiny")),
        ('architecture="tiny"', ("architecture", "tiny")),
        ('languages=["vi", "fr"]', ("languages", ["vi", "fr"])),
        ("precision=a=b", ("precision", "a=b")),
        ("architecture=", ("architecture", "")),
    ],
)
def test_a_setting_reads_as_toml_or_as_a_bare_word(text: str, setting: tuple[str, object]) -> None:
    assert parse_setting(text) == setting


def test_a_setting_needs_an_equals_sign() -> None:
    with pytest.raises(NetchuError, match="setting 'epochs': expected NAME=VALUE"):
        parse_setting("epochs")
