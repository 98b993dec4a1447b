"""Two processes follow the curve of one. They talk over gloo, on the processor, as torchrun starts them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from drawn import ONE_CORE, draw_set, held_out, words  # noqa: E402
from sketches import SketchSpec  # noqa: E402

from netchu.export import export  # noqa: E402
from netchu.train import checkpoint, live, parts  # noqa: E402
from netchu.train.config import configure  # noqa: E402
from netchu.train.examples import Source  # noqa: E402
from netchu.train.run import train  # noqa: E402

if sys.platform == "win32" or not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
    pytest.skip("torch without gloo", allow_module_level=True)

torch.set_num_threads(1)

OPTIONS: dict[str, Any] = {
    "architecture": "tiny", "epochs": 3, "batch_columns": 640, "precision": "float32", "dropout": 0.0, "threads": 1,
    "check": False, "learning_rate": 2e-4,  # at a high rate the curves part by rounding alone, after some steps
}  # fmt: skip


def torchrun(data: Path, output: Path, **options: Any) -> subprocess.Popen[str]:
    settings = [f"--set={name}={json.dumps(value)}" for name, value in {**OPTIONS, **options}.items()]
    return subprocess.Popen(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "netchu",
         "train", str(data), "-o", str(output), "--json", *settings],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
        env={**os.environ, **ONE_CORE, "CUDA_VISIBLE_DEVICES": ""},
    )  # fmt: skip


def log_of(output: Path) -> list[dict[str, Any]]:
    log = output.with_suffix(".run") / "log.jsonl"
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


def test_two_processes_have_the_loss_curve_of_one(tmp_path: Path) -> None:
    # Batches of odd sizes, and one of a single line: shares differ, and the second process's may be empty.
    data = draw_set(tmp_path / "set", [*words(16, longest=5), "a" + "m" * 24], [*held_out(16), "train"])
    two = tmp_path / "two.onnx"
    with torchrun(data, two) as process:
        _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    one = tmp_path / "one.onnx"
    train([Source(data)], one, configure(OPTIONS))
    curves = [[event["loss"] for event in log_of(output) if event["event"] == "epoch"] for output in (one, two)]
    assert len(curves[1]) == 3, "only the first process writes the log"
    assert curves[1] == pytest.approx(curves[0], rel=1e-3)
    ends = [checkpoint.load(output.with_suffix(".run") / "last.safetensors") for output in (one, two)]
    assert ends[0][1]["progress"]["step"] == ends[1][1]["progress"]["step"] > 9
    # statistics of the batch norms are those of the whole batch, too
    for name in ("trunk.layers.0.1.running_mean", "neck.inner.1.norm.running_var", "head.bias"):
        torch.testing.assert_close(ends[1][0]["network"][name], ends[0][0]["network"][name], rtol=2e-2, atol=5e-3)
    assert two.exists()


def test_ctrl_c_stops_both_at_the_same_step(tmp_path: Path) -> None:
    data = draw_set(tmp_path / "set", words(24, longest=5), ["train"] * 24)
    output = tmp_path / "model.onnx"
    with torchrun(data, output, batch_columns=64, epochs=400) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith('{"event": "step"'):
                process.send_signal(signal.SIGINT)
                break
        _, errors = process.communicate(timeout=180)  # a process left waiting for the other would hang here
    assert "gloo" not in errors.lower(), errors  # nor was one left talking to the dead
    last = output.with_suffix(".run") / "last.safetensors"
    _, state = checkpoint.load(last)
    assert 0 < state["progress"]["step"] < 400 * 24
    assert log_of(output)[-1]["event"] == "interrupted"
    export(last, tmp_path / "half.onnx")


DRAWN = """
if __name__ == "__main__":  # drawing processes read this file, too, and need nothing of it
    import json
    import sys
    from pathlib import Path
    from sketches import SketchSpec
    from netchu.train import live, parts
    from netchu.train.config import configure
    from netchu.train.run import train
    live.VALIDATION, parts.FIRST, parts.SMALLEST = 6, 16, 32
    train([], Path(sys.argv[1]), configure(json.loads(sys.argv[2])), synth=SketchSpec())
"""


def test_two_processes_draw_the_same_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each draws all of them; a plan that differed would leave one waiting for the other."""
    options = {**OPTIONS, "epoch_lines": 60, "epochs": 2}
    (tmp_path / "go.py").write_text(DRAWN, encoding="utf-8")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    outcome = subprocess.run(
        [*command, str(tmp_path / "go.py"), str(tmp_path / "two.onnx"), json.dumps(options)],
        capture_output=True, text=True, encoding="utf-8", timeout=240,
        env={**os.environ, **ONE_CORE, "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert outcome.returncode == 0, outcome.stderr
    for module, name, value in ((live, "VALIDATION", 6), (parts, "FIRST", 16), (parts, "SMALLEST", 32)):
        monkeypatch.setattr(module, name, value)
    train([], tmp_path / "one.onnx", configure(options), synth=SketchSpec())  # type: ignore[arg-type]
    curves = [
        [event["loss"] for event in log_of(tmp_path / name) if event["event"] == "epoch"]
        for name in ("one.onnx", "two.onnx")
    ]
    assert len(curves[0]) == 2
    assert curves[1] == pytest.approx(curves[0], rel=1e-3)
    assert (tmp_path / "two.onnx").exists()
