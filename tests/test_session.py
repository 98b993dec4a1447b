"""A session: files that are not ours are told in one line, and memory stays flat."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from netchu import zoo
from netchu.errors import NetchuError
from netchu.session import FORMAT_VERSION, METADATA_KEY, ModelInfo, Session
from netchu.text import Charset

MODEL = zoo.find("vi").read_bytes()


def fault(path, capfd) -> str:
    """The one line that names the file; nothing is printed behind its back."""
    with pytest.raises(NetchuError) as caught:
        Session(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert message.isprintable()
    assert capfd.readouterr() == ("", "")
    return message


def length(number: int) -> bytes:
    """A protobuf varint."""
    return bytes([number & 127 | 128]) + length(number >> 7) if number > 127 else bytes([number])


def field(number: int, value: bytes | str | int) -> bytes:
    """A protobuf field, so that a small ONNX model needs no onnx."""
    if isinstance(value, int):
        return length(number << 3) + length(value)
    data = value.encode() if isinstance(value, str) else value
    return length(number << 3 | 2) + length(len(data)) + data


def tiny(metadata: dict[str, str], opset: int = 17, operator: str = "Identity") -> bytes:
    """An ONNX model y = x over float (1,), with this metadata."""
    shape = field(2, field(1, field(1, 1)))
    kind = field(2, field(1, field(1, 1) + shape))
    graph = field(1, field(1, "x") + field(2, "y") + field(4, operator)) + field(2, "g")
    graph += field(11, field(1, "x") + kind) + field(12, field(1, "y") + kind)
    entries = b"".join(field(14, field(1, key) + field(2, value)) for key, value in metadata.items())
    return field(1, 8) + field(7, graph) + field(8, field(2, opset)) + entries


INFO = ModelInfo("m", Charset(("", "a", "ở")), 48, 4, languages=("vi",), data={"x": "1"}, scores={"x": {"cer": 0.1}})


def changed(**fields) -> str:
    return json.dumps({**json.loads(INFO.to_json()), **fields})


def test_the_bundled_model_tells_what_it_is():
    info = Session(zoo.find("vi")).info
    assert info.height in range(32, 129)
    assert info.stride in (2, 4, 8)
    assert info.charset.symbols[0] == ""
    assert ModelInfo.from_json(info.to_json()) == info


def test_info_survives_json():
    assert ModelInfo.from_json(INFO.to_json()) == INFO
    assert json.loads(INFO.to_json())["format"] == FORMAT_VERSION
    assert ModelInfo.from_json(changed(invented_later=1)) == INFO
    assert ModelInfo.from_json(changed(pitch=[0.2, 9])).pitch == (0.2, 9.0)


def test_logits_and_lengths_have_the_promised_shapes():
    session = Session(zoo.find("vi"))
    images = np.full((3, session.info.height, 100), 200, np.uint8)
    logits, lengths = session.run(images, np.array([100, 1, 57]))
    stride = session.info.stride
    assert logits.shape == (3, -(-100 // stride), len(session.info.charset))
    assert logits.dtype == np.float32
    assert lengths.dtype == np.int64
    assert lengths.tolist() == [-(-width // stride) for width in (100, 1, 57)]
    assert np.isfinite(logits).all()


def test_an_onnx_that_is_not_ours(tmp_path, capfd):
    path = tmp_path / "của ai.onnx"
    path.write_bytes(tiny({"author": "somebody"}))
    assert "not one of ours" in fault(path, capfd)


@pytest.mark.parametrize("data", [
    b"", b"hello, this is no model", b"\x08", bytes(5000), MODEL[:100], MODEL[: len(MODEL) // 2], MODEL[:-1],
    MODEL[len(MODEL) // 2 :], b"\x89PNG\r\n\x1a\n" + bytes(99), tiny({})[:40], tiny({}, operator="NoSuchOperator"),
    tiny({}, opset=9999),
], ids=range(12))  # fmt: skip
def test_damaged_and_foreign_files(data, tmp_path, capfd):
    path = tmp_path / "m.onnx"
    path.write_bytes(data)
    message = fault(path, capfd)
    assert "not a whole ONNX model" in message or "not one of ours" in message
    assert "export" in message


def test_missing_and_folder(tmp_path, capfd):
    assert "no such file" in fault(tmp_path / "none.onnx", capfd)
    assert "is a folder" in fault(tmp_path, capfd)


@pytest.mark.parametrize("metadata", [
    "", "{", "[]", "5", "null", '"x"', "{}", "[" * 100_000, changed(charset=5), changed(charset=["", 1]),
    changed(height=0), changed(height="48"), changed(stride=None), changed(temperature=0), changed(temperature="a"),
    changed(charset=["a", "b"]), changed(charset=["", "a", "a"]), changed(form="NFX"), changed(languages=3),
    changed(height=48.5), json.dumps({"format": FORMAT_VERSION}),
    changed(pitch=[0.3, 0.2]), changed(pitch=[0, 1]), changed(pitch=0.2), changed(pitch=[1]), changed(pitch="ab"),
], ids=lambda text: text[:20])  # fmt: skip
def test_metadata_that_cannot_be_understood(metadata, tmp_path, capfd):
    path = tmp_path / "m.onnx"
    path.write_bytes(tiny({METADATA_KEY: metadata}))
    fault(path, capfd)


@pytest.mark.parametrize("version", [FORMAT_VERSION + 1, 99, "2", None])
def test_a_newer_format_says_so_and_what_to_do(version, tmp_path, capfd):
    path = tmp_path / "m.onnx"
    path.write_bytes(tiny({METADATA_KEY: changed(format=version)}))
    message = fault(path, capfd)
    assert f"model format {version}" in message
    assert "install a newer netchu" in message


def test_our_metadata_on_somebody_elses_graph(tmp_path, capfd):
    path = tmp_path / "m.onnx"
    path.write_bytes(tiny({METADATA_KEY: INFO.to_json()}))
    assert "logits" in fault(path, capfd)


def test_a_wrong_number_of_threads_is_refused():
    with pytest.raises(NetchuError, match="threads"):
        Session(zoo.find("vi"), threads=0)


MEMORY = """
import sys
import numpy as np
import netchu

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20

reader = netchu.load("vi")
rng = np.random.default_rng(0)
def read(count):
    pictures = []
    for width in rng.integers(40, 700, count):
        pictures.append(rng.integers(0, 256, (48, width), dtype=np.uint8))
    for start in range(0, count, 25):
        reader.read_lines(pictures[start : start + 25])

read(100)
before = resident()
read(250)
middle = resident()
read(250)
print(before, middle, resident())
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")
def test_memory_stays_flat_over_lines_of_mixed_width():
    found = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    before, middle, after = map(float, found.stdout.split())
    assert after - before < 60
    assert after - middle < 25
