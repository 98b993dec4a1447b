"""A run that was interrupted and resumed is the run that was not: bit for bit on one thread."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from drawn import ONE_CORE, draw_set, held_out, netchu, words  # noqa: E402
from interrupting import interrupt_at  # noqa: E402

from netchu.data.batch import Batch  # noqa: E402
from netchu.errors import NetchuError  # noqa: E402
from netchu.export import export  # noqa: E402
from netchu.models import build  # noqa: E402
from netchu.train import checkpoint  # noqa: E402
from netchu.train.config import configure  # noqa: E402
from netchu.train.examples import Material, Source, gather  # noqa: E402
from netchu.train.loop import Trainer  # noqa: E402
from netchu.train.run import train  # noqa: E402

torch.set_num_threads(1)

EPOCHS = 3
OPTIONS: dict[str, Any] = {
    "architecture": "tiny", "epochs": EPOCHS, "batch_columns": 256, "precision": "float32", "threads": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_set(tmp_path_factory.mktemp("resume") / "set", words(12, longest=5), held_out(12))


@pytest.fixture(scope="module")
def material(data: Path) -> Material:
    return gather([Source(data), Source(data, 0.4)], 48, 4, (), None)


def trainer_of(material: Material, folder: Path, **options: Any) -> Trainer:
    torch.manual_seed(0)
    return Trainer(build("tiny", len(material.charset)), material, configure({**OPTIONS, **options}), folder)


def everything(folder: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """All that last.safetensors holds, but for the seconds it took."""
    groups, state = checkpoint.load(folder / "last.safetensors")
    state["progress"].pop("seconds")
    return {f"{group}/{name}": value for group, members in groups.items() for name, value in members.items()}, state


def assert_same_run(one: Path, other: Path) -> None:
    tensors, state = everything(one)
    others, other_state = everything(other)
    assert tensors.keys() == others.keys()
    for name, value in tensors.items():
        assert torch.equal(value, others[name]), name
    assert state == other_state


@pytest.fixture(scope="module")
def whole(material: Material, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """The folder of a run that nobody interrupted, and its steps."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, trainer_of(material, folder).run().step


@pytest.mark.parametrize("places", [(0.5,), (0.01,), (1 / EPOCHS,), (0.2, 0.45, 0.99)])
def test_k_and_k_epochs_are_two_k_epochs(
    material: Material, tmp_path: Path, whole: tuple[Path, int], places: tuple[float, ...]
) -> None:
    """In the middle of an epoch, at its first batch, at its last, and several times over."""
    reference, steps = whole
    assert steps > 12
    for number, place in enumerate((*places, None)):
        trainer = trainer_of(material, tmp_path, workers=1 + number)  # how many make batches must not matter
        if number:
            trainer.restore()
        if place is not None:
            interrupt_at(trainer, max(1, round(place * steps)))
        progress = trainer.run()
        if place is not None:
            assert trainer.stopping
            assert progress.step == max(1, round(place * steps))
    assert progress.step == steps
    groups, state = everything(tmp_path)
    state["config"]["workers"] = 1
    others, other_state = everything(reference)
    assert state == other_state
    for name, value in others.items():
        assert torch.equal(value, groups[name]), name


def test_ctrl_c_leaves_a_checkpoint_to_export(material: Material, tmp_path: Path) -> None:
    import netchu as package

    before = signal.getsignal(signal.SIGINT)
    trainer = trainer_of(material, tmp_path)
    interrupt_at(trainer, 2)
    trainer.run()
    assert signal.getsignal(signal.SIGINT) is before  # given back
    events = [json.loads(line)["event"] for line in (tmp_path / "log.jsonl").read_text("utf-8").splitlines()]
    assert events[-1] == "interrupted"
    export(tmp_path / "last.safetensors", tmp_path / "half.onnx")
    package.load(str(tmp_path / "half.onnx")).read_lines([material.val[0].path])


def test_a_second_ctrl_c_stops_at_once(material: Material, tmp_path: Path) -> None:
    trainer = trainer_of(material, tmp_path)
    original = trainer.step

    def twice(batch: Batch) -> float:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        return original(batch)

    trainer.step = twice  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        trainer.run()
    assert trainer.progress.step == 0


@pytest.fixture(scope="module")
def begun(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("begun") / "model.onnx"
    train([Source(data)], output, configure({**OPTIONS, "epochs": 1, "check": False}))
    return output


class TestRefused:
    """Resuming as another run: one line, and the checkpoint is left as it was."""

    def refused(self, output: Path, sources: list[Source], **options: Any) -> str:
        last = output.with_suffix(".run") / "last.safetensors"
        before = last.read_bytes()
        config = configure({**OPTIONS, "epochs": 1, "check": False, **options})
        with pytest.raises(NetchuError, match="cannot resume") as caught:
            train(sources, output, config, resume=True)
        assert last.read_bytes() == before
        assert "\n" not in str(caught.value)
        return str(caught.value)

    @pytest.mark.parametrize(
        ("name", "was", "now"), [("seed", 0, 1), ("epochs", 1, 2), ("augment", 1.0, 0.5), ("dropout", 0.1, 0.0)]
    )
    def test_another_option(self, begun: Path, data: Path, name: str, was: float, now: float) -> None:
        assert f"{name} was {was} and is now {now}; put it back" in self.refused(begun, [Source(data)], **{name: now})

    def test_another_architecture(self, begun: Path, data: Path) -> None:
        assert "architecture" in self.refused(begun, [Source(data)], architecture="base")

    def test_an_edited_label(self, begun: Path, data: Path, tmp_path: Path) -> None:
        texts = words(12, longest=5)
        other = draw_set(tmp_path / "set", [texts[1], *texts[1:]], held_out(12))
        assert "the data has changed" in self.refused(begun, [Source(other)])

    def test_another_data_set_besides(self, begun: Path, data: Path, tmp_path: Path) -> None:
        other = draw_set(tmp_path / "other", words(3))
        assert "the data has changed" in self.refused(begun, [Source(data), Source(other)])

    def test_another_alphabet(self, begun: Path, data: Path) -> None:
        assert "cannot resume" in self.refused(begun, [Source(data)], languages=("vi",))

    def test_another_weight(self, begun: Path, data: Path) -> None:
        assert "weights (@) have changed" in self.refused(begun, [Source(data, 0.5)])

    def test_what_may_change_may_change(self, begun: Path, data: Path) -> None:
        config = configure({**OPTIONS, "epochs": 1, "check": False, "workers": 2, "patience": 3})
        assert train([Source(data)], begun, config, resume=True).finished

    def test_a_run_that_never_was(self, data: Path, tmp_path: Path) -> None:
        with pytest.raises(NetchuError, match=r"holds no run to go on with; leave --resume out"):
            train([Source(data)], tmp_path / "new.onnx", configure({**OPTIONS, "check": False}), resume=True)

    def test_a_checkpoint_cut_short(self, begun: Path, data: Path, tmp_path: Path) -> None:
        last = tmp_path / "cut.run" / "last.safetensors"
        last.parent.mkdir()
        last.write_bytes((begun.with_suffix(".run") / "last.safetensors").read_bytes()[:9999])
        with pytest.raises(NetchuError, match="not a whole checkpoint"):
            train([Source(data)], tmp_path / "cut.onnx", configure({**OPTIONS, "check": False}), resume=True)

    def test_two_sets_exchanged(self, material: Material, tmp_path: Path) -> None:
        """The order numbers the sets, and the numbers decide what is drawn."""
        trainer_of(material, tmp_path).save()
        exchanged = dataclasses.replace(
            material, names=material.names[::-1], weights=material.weights[::-1], digests=material.digests[::-1]
        )
        with pytest.raises(NetchuError, match="order or weights"):
            trainer_of(exchanged, tmp_path).restore()


@pytest.mark.skipif(sys.platform == "win32", reason="a process there cannot be sent Ctrl-C alone")
def test_netchu_train_is_interrupted_and_resumed(tmp_path: Path) -> None:
    """As a person does it: Ctrl-C in the middle of an epoch, exit code 130, --resume; the model is the same."""
    data = draw_set(tmp_path / "set", words(24, longest=5), held_out(24))
    settings = [f"--set={name}={value}" for name, value in {**OPTIONS, "batch_columns": 64, "check": "false"}.items()]
    command = [sys.executable, "-m", "netchu", "train", str(data), "--json", *settings]
    with subprocess.Popen(
        [*command, "-o", str(tmp_path / "model.onnx")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", env={**os.environ, **ONE_CORE},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["event"] == "step":  # the tenth of the first epoch's nineteen or more
                process.send_signal(signal.SIGINT)
                break
        _, errors = process.communicate(timeout=180)
    assert process.returncode == 130, errors
    assert "--resume" in errors
    assert "Traceback" not in errors
    _, state = checkpoint.load(tmp_path / "model.run" / "last.safetensors")
    assert state["progress"]["batch"] > 0, "it was to be interrupted within an epoch"
    assert not (tmp_path / "model.onnx").exists()

    resumed = netchu("train", data, "--json", *settings, "-o", tmp_path / "model.onnx", "--resume")
    assert resumed.returncode == 0, resumed.stderr
    train(
        [Source(data)], tmp_path / "whole" / "model.onnx", configure({**OPTIONS, "batch_columns": 64, "check": False})
    )
    assert_same_run(tmp_path / "model.run", tmp_path / "whole" / "model.run")
    assert (tmp_path / "model.onnx").read_bytes() == (tmp_path / "whole" / "model.onnx").read_bytes()
