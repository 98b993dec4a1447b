"""netchu models: what there is, what a file says of itself, and whether it was changed."""

import hashlib
import json
import shutil

import pytest
from click.testing import CliRunner, Result

from netchu import zoo
from netchu.cli import netchu
from netchu.errors import NetchuError


def run(*arguments) -> Result:
    return CliRunner().invoke(netchu, ["models", *map(str, arguments)])


KINDS = {"model": zoo.MODELS, "line finder": zoo.FINDERS, "language model": zoo.LANGUAGE_MODELS}


def test_list():
    bundled = [(kind, name, model) for kind, models in KINDS.items() for name, model in models.items()]
    lines = run("list").stdout.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == [f"{kind}s:" for kind in KINDS]
    told = [line.split(maxsplit=1) for line in lines if line.startswith(" ")]
    assert told == [[name, model.summary] for _, name, model in bundled]
    rows = json.loads(run("list", "--json").stdout)
    assert [(row["kind"], row["name"], row["summary"], row["sha256"]) for row in rows] == [
        (kind, name, model.summary, model.sha256) for kind, name, model in bundled
    ]


def test_show_of_a_line_finder_by_name_and_by_path(tmp_path):
    copy = tmp_path / "dòng.onnx"
    shutil.copy(zoo.find_finder("lines"), copy)
    assert run("show", "lines").stdout == run("show", str(copy)).stdout
    assert json.loads(run("show", "lines", "--json").stdout)["kind"] == "lines"


def test_show_by_name_and_by_path(tmp_path):
    copy = tmp_path / "bản sao.onnx"
    shutil.copy(zoo.find("vi"), copy)
    facts = json.loads(run("show", "vi", "--json").stdout)
    assert json.loads(run("show", copy, "--json").stdout) == facts
    assert facts["sha256"] == hashlib.sha256(copy.read_bytes()).hexdigest()
    assert facts["charset"][0] == ""
    assert {"name", "height", "stride", "form", "format", "languages", "direction", "licence", "scores", "data"} <= set(
        facts
    )
    text = run("show", "vi").stdout
    assert f"{len(facts['charset']) - 1} characters" in text
    assert "ở" in text
    assert facts["sha256"] in text
    assert len(text.splitlines()) == len(facts)


@pytest.mark.parametrize("model", ["vj", "none.onnx"])
def test_show_of_nothing_is_one_line(model):
    result = run("show", model)
    assert isinstance(result.exception, NetchuError)
    assert model in str(result.exception)
    assert "\n" not in str(result.exception)


def test_verify_of_what_was_shipped():
    result = run("verify")
    assert result.exit_code == 0
    files = [f"{name}{model.suffix}" for models in KINDS.values() for name, model in models.items()]
    assert [line.split() for line in result.stdout.splitlines()] == [[file, "as", "shipped"] for file in files]


def test_verify_sees_what_changed_and_what_is_missing(tmp_path, monkeypatch):
    good = hashlib.sha256(b"weights").hexdigest()
    names = ("sound", "changed", "missing", "last")
    monkeypatch.setattr(zoo, "WEIGHTS", tmp_path)
    monkeypatch.setattr(zoo, "MODELS", {name: zoo.Bundled("x", good) for name in names})
    monkeypatch.setattr(zoo, "FINDERS", {})
    monkeypatch.setattr(zoo, "LANGUAGE_MODELS", {})
    for name in ("sound", "changed", "last"):
        (tmp_path / f"{name}.onnx").write_bytes(b"weightS" if name == "changed" else b"weights")
    result = run("verify")
    assert result.exit_code == 1
    lines = {line.split(".")[0]: line.split(maxsplit=1)[1] for line in result.stdout.splitlines()}
    assert lines["sound"] == lines["last"] == "as shipped"
    assert lines["changed"].startswith("CHANGED")
    assert lines["missing"].startswith("MISSING")
    assert all("install the package again" in lines[name] for name in ("changed", "missing"))


def test_export_wants_an_onnx_name(tmp_path):
    result = CliRunner().invoke(netchu, ["export", str(tmp_path / "a"), "-o", str(tmp_path / "a.pt")])
    assert isinstance(result.exception, NetchuError)
    assert ".onnx" in str(result.exception)


def test_export_writes_the_pitch_that_lines_are_stretched_towards(tmp_path):
    made = tmp_path / "thử.onnx"
    result = CliRunner().invoke(netchu, ["export", "captcha", "-o", str(made), "--pitch", "0.25", "9"])
    assert result.exit_code == 0
    assert json.loads(run("show", made, "--json").stdout)["pitch"] == [0.25, 9]


@pytest.mark.parametrize("pitch", [("0.3", "0.2"), ("0", "1"), ("nan", "1"), ("0.2", "inf")])
def test_a_pitch_that_cannot_be_is_refused_before_anything_is_done(pitch, tmp_path):
    result = CliRunner().invoke(netchu, ["export", "no such model", "-o", str(tmp_path / "a.onnx"), "--pitch", *pitch])
    assert isinstance(result.exception, NetchuError)
    assert f"--pitch {pitch[0]} {pitch[1]}: expected two numbers above 0" in str(result.exception)
    assert not list(tmp_path.iterdir())
