"""What is imported when: the package is light, and reading needs nothing that only training needs."""

import subprocess
import sys
from pathlib import Path

import pytest

from netchu import __version__
from netchu.cli import VERBS

SAMPLE = str(Path(__file__).parents[1] / "netchu" / "samples" / "sample.png")

BLOCK = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "onnx", "safetensors", "lmdb", "fontTools", "pyarrow", "scipy"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Block())
"""
HEAVY = (
    "heavy = sorted({'torch', 'onnx', 'safetensors', 'numpy', 'cv2', 'onnxruntime', 'PIL', 'rich'} & set(sys.modules))"
)


def python(code: str, *arguments: str) -> str:
    found = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, encoding="utf-8")
    assert found.returncode == 0, found.stderr
    assert found.stderr == ""
    return found.stdout


def test_importing_the_package_imports_nothing_heavy():
    code = f"import sys, time; start = time.perf_counter(); import netchu; took = time.perf_counter() - start\n{HEAVY}"
    heavy, took = python(code + "\nprint(heavy, int(1000 * took))").rsplit(" ", 1)
    print(f"import netchu: {int(took)} ms")  # reported (pytest -s), not judged
    assert heavy == "[]"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["nonsense"]])
def test_the_command_line_itself_is_light(arguments):
    code = f"import sys\nfrom netchu.cli import main\ntry: main()\nexcept SystemExit: pass\n{HEAVY}\nprint(heavy)"
    found = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert found.stdout.splitlines()[-1] == "[]"


def test_reading_needs_no_training_library():
    code = BLOCK + "import netchu\nprint(netchu.load().read(sys.argv[1]).text)\nprint('torch' in sys.modules)"
    text, torch = python(code, SAMPLE).splitlines()
    assert len(text) > 20
    assert torch == "False"


def test_finding_lines_needs_no_training_library():
    code = BLOCK + (
        "import numpy as np\nfrom netchu.page.detect import find_with\n"
        "paint = lambda images: np.zeros((1, 5, images.shape[1] // 4, images.shape[2] // 4), np.float32)\n"
        "print(find_with(paint, np.full((300, 200), 230, np.uint8)))"
    )
    assert python(code) == "[]\n"


def test_the_reading_verbs_need_no_training_library(tmp_path):
    (tmp_path / "lines.tsv").write_text(f"image\ttext\n{SAMPLE}\tHà Nội\n", encoding="utf-8")
    calls = [["read", SAMPLE], ["eval", str(tmp_path), "--json"], ["models", "list"], ["models", "show", "vi"],
             ["models", "verify"], ["data", "check", str(tmp_path)]]  # fmt: skip
    code = BLOCK + (
        "from click.testing import CliRunner\nfrom netchu.cli import netchu\n"
        f"for call in {calls!r}:\n"
        "    result = CliRunner().invoke(netchu, call)\n"
        "    assert result.exception is None or isinstance(result.exception, SystemExit), (call, result.exception)\n"
        "    print(call[0], result.exit_code)\n"
    )
    assert python(code).split()[:10:2] == ["read", "eval", "models", "models", "models"]
    assert python(code).split()[1:10:2] == ["0"] * 5


def test_every_verb_has_help_without_any_extra_installed():
    code = BLOCK + (
        "import click\nfrom click.testing import CliRunner\nfrom netchu.cli import netchu\n"
        "def walk(command, path):\n"
        "    result = CliRunner().invoke(netchu, [*path, '--help'])\n"
        "    assert result.exit_code == 0, (path, result.output, result.exception)\n"
        "    assert command.help and len(command.help) > 10, path\n"
        "    print(' '.join(path))\n"
        "    if isinstance(command, click.Group):\n"
        "        context = click.Context(command)\n"
        "        for name in command.list_commands(context):\n"
        "            walk(command.get_command(context, name), [*path, name])\n"
        "walk(netchu, [])\n"
    )
    found = python(code).splitlines()
    assert {line for line in found if line and " " not in line} == set(VERBS)
    assert {"models list", "models show", "models verify", "data check", "data import"} <= set(found)


@pytest.mark.parametrize("missing", ["torch", "onnx"])
def test_what_needs_an_extra_says_which_one(missing, tmp_path):
    code = f"import sys; sys.modules[{missing!r}] = None\nfrom netchu.cli import main\nmain()"
    call = [sys.executable, "-c", code, "export", str(tmp_path / "a.ckpt"), "-o", str(tmp_path / "a.onnx")]
    found = subprocess.run(call, capture_output=True, text=True)
    assert found.returncode == 2
    assert "pip install 'netchu[train]'" in found.stderr
    assert "Traceback" not in found.stderr
    assert found.stdout == ""


def test_as_a_module():
    found = subprocess.run([sys.executable, "-m", "netchu", "--version"], capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (0, f"netchu, version {__version__}\n")
