"""Drawing processes end with the run that started them, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("torch")

from drawn import ONE_CORE

SCRIPT = """
if __name__ == "__main__":  # drawing processes read this file, too, and need nothing of it
    import sys
    from pathlib import Path
    from sketches import SketchSpec
    from netchu.train import live
    from netchu.train.config import configure
    from netchu.train.run import train
    live.VALIDATION = 12
    options = {"architecture": "tiny", "epochs": 400, "epoch_lines": 200, "batch_columns": 512, "threads": 1,
               "draw_jobs": 2, "check": False}
    print(train([], Path(sys.argv[1]), configure(options), report=lambda event: print(event["event"], flush=True),
                synth=SketchSpec()).finished)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="process groups and their signals are POSIX")
class TestNoOrphans:
    def started(self, tmp_path: Path) -> subprocess.Popen[str]:
        (tmp_path / "go.py").write_text(SCRIPT, encoding="utf-8")
        here = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1])])
        process = subprocess.Popen(
            [sys.executable, str(tmp_path / "go.py"), str(tmp_path / "m.onnx")], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, start_new_session=True,
            env={**os.environ, **ONE_CORE, "PYTHONPATH": here},
        )  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            if line == "step\n":
                return process
        raise AssertionError(process.communicate()[1])

    def gone(self, group: int) -> bool:
        for _ in range(100):
            try:
                os.killpg(group, 0)
            except ProcessLookupError:
                return True
            time.sleep(0.1)
        return False

    def test_ctrl_c_ends_all_of_them_quietly(self, tmp_path: Path) -> None:
        with self.started(tmp_path) as process:
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to every process of the group
            out, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        assert out.endswith("False\n")  # not finished, but saved
        assert errors == ""
        assert (tmp_path / "m.run/last.safetensors").exists()
        assert self.gone(process.pid)

    def test_killed_outright_it_leaves_none_behind(self, tmp_path: Path) -> None:
        with self.started(tmp_path) as process:
            process.kill()
            _, errors = process.communicate(timeout=60)
        assert "Traceback" not in errors
        assert self.gone(process.pid)
