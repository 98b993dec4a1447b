"""The zoo: names, paths, and whether a bundled file is the one that was shipped."""

import hashlib
import re
from pathlib import Path

import pytest

from netchu import zoo
from netchu.errors import NetchuError
from netchu.lm import load
from netchu.page.detect import open_finder
from netchu.session import Session


def test_every_bundled_model_is_there_loads_and_is_what_was_shipped():
    assert next(iter(zoo.MODELS)) == "vi"
    for name, model in zoo.MODELS.items():
        assert zoo.find(name) == zoo.WEIGHTS / f"{name}.onnx"
        assert model.summary
        assert re.fullmatch("[0-9a-f]{64}", model.sha256)
        assert model.as_shipped(name)
        assert Session(zoo.find(name)).digest == model.sha256


def test_every_bundled_language_model_is_there_loads_and_is_what_was_shipped():
    prose = ["vi", "vi-words", "vi-address", "vi-address-words", "latin", "latin-words"]
    assert list(zoo.LANGUAGE_MODELS) == [*prose, "ja", "zh", "scene", "scene-words"]
    for name, model in zoo.LANGUAGE_MODELS.items():
        assert zoo.find_language(name) == str(zoo.WEIGHTS / f"{name}.lm")
        assert model.summary
        assert model.as_shipped(name)
        option = "--lm:" if load(zoo.find_language(name)).unit == "char" else "--word-lm:"
        assert model.summary.startswith(option)


def test_the_bundled_line_finder_is_there_loads_and_is_what_was_shipped():
    assert list(zoo.FINDERS) == ["lines", "lines-turned"]
    for name, model in zoo.FINDERS.items():
        assert model.summary
        assert model.as_shipped(name)
        assert open_finder(name).digest == model.sha256
    assert zoo.find_finder("mine.onnx") == Path("mine.onnx")
    with pytest.raises(NetchuError, match="line finder 'vi': bundled are lines, lines-turned; any other is a path"):
        zoo.find_finder("vi")


def test_a_file_of_a_bundled_language_models_name_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert zoo.find_language("other.lm") == "other.lm"
    (tmp_path / "vi").write_bytes(b"x")
    assert zoo.find_language("vi") == "vi"


@pytest.mark.parametrize("name", ["a/b.onnx", "./vi.onnx", "missing.onnx"])
def test_any_onnx_path_is_taken_as_it_is(name):
    assert str(zoo.find(name)) == name.removeprefix("./")


def test_an_existing_file_of_any_name_is_taken(tmp_path):
    path = tmp_path / "mô hình"
    path.write_bytes(b"x")
    assert zoo.find(str(path)) == path


def test_home_is_expanded(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert zoo.find("~/m.onnx") == tmp_path / "m.onnx"


@pytest.mark.parametrize("name", ["vl", "vi2", "vi_", "klingon", "~nobody-of-that-name/model", "a\nb"])
def test_an_unknown_name_lists_what_there_is(name):
    with pytest.raises(NetchuError, match=r"bundled are .*vi.*; any other is a path to a \.onnx") as caught:
        zoo.find(name)
    assert "\n" not in str(caught.value)
    assert ("did you mean vi" in str(caught.value)) == name.startswith("v")


@pytest.fixture
def one(tmp_path, monkeypatch):
    """A zoo of one small file."""
    monkeypatch.setattr(zoo, "WEIGHTS", tmp_path)
    monkeypatch.setattr(zoo, "MODELS", {"small": zoo.Bundled("for a test", hashlib.sha256(b"weights").hexdigest())})
    (tmp_path / "small.onnx").write_bytes(b"weights")
    return tmp_path / "small.onnx"


def test_verify_sees_a_changed_byte(one):
    assert zoo.MODELS["small"].as_shipped("small")
    one.write_bytes(b"weightS")
    assert not zoo.MODELS["small"].as_shipped("small")


def test_verify_of_a_missing_file_names_it(one):
    one.unlink()
    with pytest.raises(NetchuError, match=re.escape(str(one))):
        zoo.MODELS["small"].as_shipped("small")
