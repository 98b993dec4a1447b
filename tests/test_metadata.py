"""Model files written anew: what changes and what must not, decoders from TOML, and every way to get them wrong."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from netchu import zoo
from netchu.cli import netchu
from netchu.errors import NetchuError
from netchu.image import open_grey
from netchu.metadata import read_decoders, with_decoders, with_info
from netchu.read import load
from netchu.session import ModelInfo, Session
from netchu.text import Charset

SAMPLE = Path(zoo.__file__).parent / "samples" / "sample.png"
MODEL = zoo.find("vi-tiny")
CUTS = [(0, 170), (620, 1256), (200, 700), (0, 640), (300, 900), (100, 420)]


def export(*arguments: object) -> Result:
    return CliRunner().invoke(netchu, ["export", *map(str, arguments)])


def fault(*arguments: object) -> str:
    result = export(*arguments)
    assert isinstance(result.exception, NetchuError), (result.output, result.exception)
    assert "\n" not in str(result.exception)
    return str(result.exception)


@pytest.fixture(scope="module")
def lm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of characters of a few words."""
    folder = tmp_path_factory.mktemp("lm")
    (folder / "text.txt").write_text("số nhà 12 phường Ba Đình\nthành phố Hà Nội\n" * 5, encoding="utf-8")
    found = CliRunner().invoke(netchu, ["lm", "train", str(folder / "text.txt"), "-o", str(folder / "a.lm")])
    assert found.exit_code == 0, (found.output, found.exception)
    return folder / "a.lm"


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """Six lines, all but the first held out; what is said to be written there is nearly what is read."""
    root, grey = tmp_path / "dòng", open_grey(SAMPLE)
    root.mkdir()
    texts = [line.text for line in load(str(MODEL)).read_lines([grey[:, left:right] for left, right in CUTS])]
    rows = ["image\ttext\tsplit"]
    for k, (text, (left, right)) in enumerate(zip(texts, CUTS)):
        Image.fromarray(grey[:, left:right]).save(root / f"{k}.png")
        rows.append(f"{k}.png\t{text[:-1]}x\t{'val' if k else 'train'}")
    (root / "lines.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return root


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_only_the_metadata_changes(tmp_path: Path) -> None:
    info = Session(MODEL).info
    data = with_info(MODEL.read_bytes(), info)
    assert with_info(data, info) == data  # and with the same, nothing
    (tmp_path / "other.onnx").write_bytes(with_info(data, replace(info, name="khác", temperature=1.25)))
    after = Session(tmp_path / "other.onnx")
    assert after.info == replace(info, name="khác", temperature=1.25)
    old, new = (each.to_json().encode() for each in (info, after.info))
    assert (tmp_path / "other.onnx").read_bytes().count(new) == 1
    assert data.split(old)[1] == (tmp_path / "other.onnx").read_bytes().split(new)[1]
    assert len(data.split(old)[0]) == len((tmp_path / "other.onnx").read_bytes().split(new)[0])


@settings(deadline=None)
@given(st.text(max_size=40), st.integers(0, 300))
def test_as_the_onnx_library_sees_it(text: str, size: int) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.ModelProto(ir_version=8, producer_name="x" * size)
    model.graph.name = "g"
    for key, value in (("other", text), ("netchu", "old"), ("netchu", "twice")):
        model.metadata_props.add(key=key, value=value)
    model.functions.add().name = "after"
    info = ModelInfo("n" * size, Charset.from_symbols("a"), 8, 4)
    found = onnx.ModelProto.FromString(with_info(model.SerializeToString(), info))
    assert [(each.key, each.value) for each in found.metadata_props] == [("other", text), ("netchu", info.to_json())]
    del found.metadata_props[:], model.metadata_props[:]
    assert found == model
    bare = onnx.ModelProto.FromString(with_info(model.SerializeToString(), info))
    assert [each.key for each in bare.metadata_props] == ["netchu"]


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\x05ab", b"\x0b", b"\x09abc"])
def test_bytes_that_are_no_protocol_buffer(data: bytes) -> None:
    with pytest.raises(ValueError, match="byte"):
        with_info(data, Session(MODEL).info)


def test_decoders_by_name(tmp_path: Path, lm: Path) -> None:
    shutil.copy(lm, tmp_path / "a.lm")
    recipe = written(tmp_path / "d.toml", 'default = "mine"\n[mine]\nlm = "a.lm"\nalpha = 0.3\n[free]\nkind = "beam"\n')
    out = tmp_path / "ra.onnx"
    result = export(MODEL, "-o", out, "--decoders", recipe)
    assert result.exit_code == 0, result.exception
    info = Session(out).info
    assert info.decoders == {
        "mine": {"lm": "a.lm", "alpha": 0.3},
        "free": {"kind": "beam"},
        "default": {"name": "mine"},
    }
    assert info.name == "ra"
    assert load(str(out)).decoder.alpha == 0.3  # type: ignore[attr-defined]
    assert "ra.onnx" in result.stdout
    again = tmp_path / "again.onnx"
    assert export(out, "-o", again, "--name", "ra").exit_code == 0  # decoders are kept
    assert again.read_bytes() == out.read_bytes()
    (tmp_path / "else").mkdir()
    assert "a.lm: no such file" in fault(out, "-o", tmp_path / "else" / "x.onnx")
    none = written(tmp_path / "none.toml", "")
    assert export(out, "-o", tmp_path / "else" / "x.onnx", "--decoders", none).exit_code == 0
    assert Session(tmp_path / "else" / "x.onnx").info.decoders == {}


@pytest.mark.parametrize(("text", "said"), [
    ("[mine", "not a TOML"),
    ('[mine]\nlm = "gone.lm"', "gone.lm: no such file"),
    ('[mine]\nlm = "../a.lm"', "plain name"),
    ('[mine]\nlm = "/a.lm"', "plain name"),
    ('[mine]\nlm = "c:a.lm"', "plain name"),
    ('[mine]\nlm = "b\\\\a.lm"', "plain name"),
    ('[mine]\nlm = ".."', "plain name"),
    ('[mine]\nlm = ""', "plain name"),
    ("[mine]\nlm = 3", "plain name"),
    ('[mine]\nword_lm = "a.lm"', "as --lm"),
    ("[mine]\nalfa = 0.3", "alpha"),
    ('[mine]\nalpha = "much"', "a number"),
    ("[mine]\nalpha = true", "a number or a text"),
    ("[mine]\nalpha = [1]", "a number or a text"),
    ("[mine]\nalpha = -1.0", "0 or more"),
    ('[mine]\nkind = "beem"', "beem"),
    ('[mine]\nkind = ["beam"]', "beam"),
    ('[mine]\ngrammar = "a("', "grammar"),
    ("[greedy]\n", "netchu has one"),
    ("[Mine]\n", "small letters"),
    ('["a b"]\n', "small letters"),
    ("[default]\n", "default"),
    ('default = "other"\n[mine]', "other"),
    ("default = 1", "default"),
    ("mine = 3", "a table"),
    ('default = "lines"', "needs words"),
])  # fmt: skip
def test_decoders_that_cannot_be(tmp_path: Path, lm: Path, text: str, said: str) -> None:
    shutil.copy(lm, tmp_path / "a.lm")
    message = fault(MODEL, "-o", tmp_path / "out.onnx", "--decoders", written(tmp_path / "d.toml", text))
    assert said in message
    assert not (tmp_path / "out.onnx").exists()


def test_a_model_written_elsewhere_keeps_the_bundled_language_models(tmp_path: Path) -> None:
    out = tmp_path / "own.onnx"
    assert export(MODEL, "-o", out).exit_code == 0
    reader = load(str(out))
    assert reader.info.decoders["text"]["lm"] == "vi.lm"
    assert reader.decoder.lm.name == load(str(MODEL)).decoder.lm.name == "vi"  # type: ignore[attr-defined]
    shutil.copy(zoo.WEIGHTS / "vi-address.lm", tmp_path / "vi.lm")  # one beside the model comes first
    assert load(str(out)).decoder.lm.name == "vi-address"  # type: ignore[attr-defined]


def test_calibrations_of_other_decoders_go(tmp_path: Path) -> None:
    one, two = {"lm": "a.lm"}, {"lm": "b.lm"}
    each = {"char": {"slope": 1.0, "offset": 0.0}}
    info = replace(
        Session(MODEL).info, decoders={"a": one, "b": two}, calibration=dict.fromkeys(("greedy", "a", "b", "c"), each)
    )
    assert set(with_decoders(info, {"a": one, "b": one}).calibration) == {"greedy", "a"}
    assert read_decoders(written(tmp_path / "d.toml", "")) == {}


def test_calibrating(tmp_path: Path, lines: Path, lm: Path) -> None:
    shutil.copy(lm, tmp_path / "a.lm")
    recipe = written(tmp_path / "d.toml", '[mine]\nlm = "a.lm"')
    out = tmp_path / "out.onnx"
    result = export(MODEL, "-o", out, "--decoders", recipe, "--calibrate", lines, "--calibrate", f"{lines}:caseless")
    assert result.exit_code == 0, (result.output, result.exception)
    info = Session(out).info
    assert set(info.calibration) == {"greedy", "mine"} and info.temperature != 1
    assert set(info.calibration["mine"]) == {"char", "word", "line"}
    assert result.stdout.count("dòng") == 2 * 2 * 3
    reader = load(str(out))
    assert reader.calibration == info.calibrated("greedy")
    line = reader.read(SAMPLE, line=True).lines[0]
    assert line.text == load(str(MODEL), decoder="greedy").read(SAMPLE, line=True).lines[0].text
    assert np.mean([char.confidence for char in line.chars]) < 1
    again = tmp_path / "again.onnx"
    result = export(MODEL, "-o", again, "--decoders", recipe, "--calibrate", f"{lines}:caseless@mine")
    assert result.exit_code == 0, (result.output, result.exception)
    assert set(Session(again).info.calibration) == {"mine"} and result.stdout.count("dòng") == 3
    assert "no such decoder" in fault(MODEL, "-o", again, "--calibrate", f"{lines}@yours")


def test_sets_to_calibrate_on(tmp_path: Path, lines: Path) -> None:
    out, table = tmp_path / "out.onnx", lines / "lines.tsv"
    text = table.read_text("utf-8")
    assert "caseless" in fault(MODEL, "-o", out, "--calibrate", f"{lines}:casless")
    assert "không" in fault(MODEL, "-o", out, "--calibrate", tmp_path / "không")
    table.write_text(text.replace("\tval", "\ttrain"), encoding="utf-8")
    assert "no lines in split 'val'" in fault(MODEL, "-o", out, "--calibrate", lines)
    table.write_text(text.split("\n")[0] + "\n", encoding="utf-8")
    assert "no rows" in fault(MODEL, "-o", out, "--calibrate", lines)
    table.write_text(text.replace("\tsplit", "").replace("\ttrain", "").replace("\tval", ""), encoding="utf-8")
    result = export(MODEL, "-o", out, "--calibrate", lines)
    assert result.exit_code == 0 and "no split column" in result.stderr
    from netchu.data.lines import read_lines

    known = replace(Session(MODEL).info, data={"dòng": read_lines(lines).digest()})
    (tmp_path / "trained.onnx").write_bytes(with_info(MODEL.read_bytes(), known))
    assert "trained on these lines" in fault(tmp_path / "trained.onnx", "-o", out, "--calibrate", lines)


def test_targets_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").mkdir()
    assert "is a folder" in fault(MODEL, "-o", tmp_path / "a.onnx")
    own = tmp_path / "own.onnx"
    shutil.copy(MODEL, own)
    before = own.read_bytes()
    (tmp_path / "sub").mkdir()
    assert "is the model itself" in fault(own, "-o", own)
    assert "is the model itself" in fault(own, "-o", tmp_path / "sub" / ".." / "own.onnx")
    assert own.read_bytes() == before
    (tmp_path / "file").write_text("x")
    assert "cannot be written" in fault(own, "-o", tmp_path / "file" / "out.onnx")
    assert "bundled are" in fault("vj", "-o", tmp_path / "out.onnx")
    assert "none.onnx" in fault(tmp_path / "none.onnx", "-o", tmp_path / "out.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    assert "bad.onnx" in fault(tmp_path / "bad.onnx", "-o", tmp_path / "out.onnx")


def test_writing_anew_needs_no_training_library(tmp_path: Path) -> None:
    code = (
        "import sys\nfor name in ('torch', 'onnx', 'safetensors'): sys.modules[name] = None\n"
        "from netchu.cli import main\nmain()"
    )
    call = [sys.executable, "-c", code, "export", "vi-tiny", "-o", str(tmp_path / "a.onnx"), "--licence", "mine"]
    found = subprocess.run(call, capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (0, "")
    assert json.loads(Session(tmp_path / "a.onnx").info.to_json())["licence"] == "mine"
