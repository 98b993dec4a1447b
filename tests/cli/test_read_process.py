"""netchu read as a process: what leaves it on either stream, its exit code, and how it ends when it is interrupted."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

import netchu.read as reading
from netchu.image import open_grey

SAMPLE = open_grey(reading.__file__.replace("read.py", "samples/sample.png"))[:, 200:700]


@pytest.fixture(scope="module")
def text() -> str:
    return reading.load("vi").read(SAMPLE).text


@pytest.fixture(scope="module")
def scans(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("bản chụp")
    (root / "sâu").mkdir()
    for name in ("a.png", "c.jpg", "sâu/a.png"):
        Image.fromarray(SAMPLE).save(root / name)
    return root


def command(*arguments, env=None, **options) -> subprocess.CompletedProcess:
    """The real command in a process of its own."""
    call = [sys.executable, "-m", "netchu", "read", *map(str, arguments)]
    return subprocess.run(call, capture_output=True, env=env, **options)


def test_errors_leave_the_process_as_one_line_and_exit_code_2(scans, tmp_path):
    (tmp_path / "xấu.onnx").write_bytes(b"x")
    found = command(scans / "a.png", "-m", tmp_path / "xấu.onnx")
    assert (found.returncode, found.stdout) == (2, b"")
    (line,) = found.stderr.decode("utf-8").splitlines()
    assert line.startswith(f"netchu: {tmp_path / 'xấu.onnx'}: not a whole ONNX model")


def foreign(**settings: str) -> dict[str, str]:
    """The environment with another locale."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHON"))}
    return {**kept, **settings}


def test_output_is_utf8_in_the_c_locale(scans, text):
    path = scans / "sâu" / "a.png"
    found = command(path, scans / "none.png", env=foreign(LANG="C", LC_ALL="C"))
    assert found.stdout.decode("utf-8") == f"{path}\t{text}\n"
    assert found.returncode == 1
    assert str(scans / "none.png") in found.stderr.decode("utf-8")


@pytest.mark.parametrize("settings", [
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"PYTHONIOENCODING": "cp1252:strict"},
], ids=["ascii", "code page"])  # fmt: skip
def test_output_is_utf8_where_python_would_write_something_else(scans, text, settings):
    path = scans / "sâu" / "a.png"
    found = command(path, env=foreign(**settings))
    assert (found.returncode, found.stderr) == (0, b"")
    assert found.stdout.decode("utf-8") == f"{text}\n"


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_a_pipe_that_closes_early_ends_it_quietly(scans):
    """The reader leaves at once; far more is to come than the pipe holds, and most of it is then not read."""
    files = [str(scans / name) for name in ("a.png", "c.jpg")]
    code = (
        "import sys, time, netchu.cli.read as verb\nfrom netchu.records import Line, Page\n"
        "def read_page(reader, picture, where, way):\n"
        "    print(end='.', file=sys.stderr); time.sleep(0.01)\n"
        "    return Page(1, 1, (Line('x' * 50000, 1.0, (), ()),), where)\n"
        "verb.read_page = read_page; verb.open_wished = lambda **asked: (None, None)\n"
        "verb.expand = lambda files: [f'{k}.png' for k in range(3000)]\n"
        "verb.open_file = lambda source, keep: (verb.File(source), b'')\n"
        "from netchu.cli import main\nmain()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "read", *files], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout.readline().startswith(b"0.png\tx")
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait(30) == 0
    assert errors.strip(b".") == b""
    assert len(errors) < 2000


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_is_exit_code_130_at_once(scans):
    code = (
        "import signal, sys, time, netchu.cli.read as verb\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # what is started in the background ignores it\n"
        "def read_page(reader, picture, where, way):\n"
        "    print('started', flush=True); time.sleep(0.5); return 'late'\n"
        "verb.read_page = read_page; verb.open_wished = lambda **asked: (None, None)\n"
        "verb.expand = lambda files: [f'{k}.png' for k in range(500)]\n"
        "verb.open_file = lambda source, keep: (verb.File(source), b'')\n"
        "from netchu.cli import main\nmain()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "read", "x.png", "-j", "2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout.readline().startswith(b"started")
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"interrupted" in errors
    assert b"Traceback" not in errors
    assert time.monotonic() - started < 20  # 500 pictures would take two minutes
