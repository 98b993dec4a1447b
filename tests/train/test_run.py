"""A run from data to model file: what it leaves behind when all goes well, and when the disk is full."""

from __future__ import annotations

import errno
import json
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from drawn import draw_set, held_out, netchu, words  # noqa: E402

import netchu as package  # noqa: E402
from netchu.data.lines import read_lines  # noqa: E402
from netchu.errors import NetchuError  # noqa: E402
from netchu.export import restore  # noqa: E402
from netchu.session import Session  # noqa: E402
from netchu.train import checkpoint  # noqa: E402
from netchu.train.config import configure  # noqa: E402
from netchu.train.examples import Source  # noqa: E402
from netchu.train.run import Outcome, prepare, train  # noqa: E402

torch.set_num_threads(1)

OPTIONS: dict[str, Any] = {
    "architecture": "tiny", "epochs": 2, "batch_columns": 1024, "precision": "float32", "threads": 1, "check": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_set(tmp_path_factory.mktemp("run") / "tập", words(10, longest=5), held_out(10))


@pytest.fixture(scope="module")
def outcome(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return train([Source(data)], tmp_path_factory.mktemp("out") / "mô hình.onnx", configure(OPTIONS))


class TestOutcome:
    def test_the_model_knows_what_it_was_made_of(self, outcome: Outcome, data: Path) -> None:
        assert outcome.finished
        assert outcome.model is not None
        info = Session(outcome.model).info
        assert (info.name, info.architecture) == ("mô hình", "tiny")
        assert info.data == {"tập": read_lines(data).digest()}
        assert info.scores["validation"]["tập"]["lines"] == 2
        assert info.charset.symbols[1:] == tuple(
            sorted(set("".join(words(10, longest=5)[:4] + words(10, longest=5)[5:9])))
        )

    def test_the_model_reads_as_the_run_scored_it(self, outcome: Outcome, data: Path) -> None:
        from netchu.metrics import score

        texts = words(10, longest=5)
        lines = package.load(str(outcome.model)).read_lines([data / f"lines/{n:04d}.png" for n in (4, 9)])
        found = score([texts[4], texts[9]], [line.text for line in lines])
        assert found.cer == pytest.approx(outcome.after["tập"]["cer"])

    def test_the_run_s_folder_holds_checkpoints_and_a_log(self, outcome: Outcome) -> None:
        names = {file.name for file in outcome.folder.iterdir()}
        assert {"last.safetensors", "best-cer.safetensors", "best-wer.safetensors", "log.jsonl"} <= names
        assert not [name for name in names if "partial" in name]
        network, state = restore(outcome.folder / "last.safetensors")
        assert state["config"]["epochs"] == 2
        assert not network.training

    def test_nothing_is_pickled(self, outcome: Outcome) -> None:
        for file in outcome.folder.rglob("*.safetensors"):
            assert file.read_bytes()[8:9] == b"{"  # a JSON header, tensors behind it

    def test_the_same_seed_makes_the_same_model(self, outcome: Outcome, data: Path, tmp_path: Path) -> None:
        train([Source(data)], tmp_path / "mô hình.onnx", configure(OPTIONS))
        assert outcome.model is not None
        assert (tmp_path / "mô hình.onnx").read_bytes() == outcome.model.read_bytes()

    def test_one_line_makes_a_model(self, tmp_path: Path) -> None:
        one = draw_set(tmp_path / "one", ["only"])
        outcome = train([Source(one)], tmp_path / "one.onnx", configure({**OPTIONS, "epochs": 1}))
        assert outcome.model is not None
        assert outcome.after == {}
        assert Session(outcome.model).info.charset.symbols == ("", "l", "n", "o", "y")


def test_no_picture_is_looked_at_twice_before_the_first_step(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from netchu.data import survey

    looked: list[Path] = []
    original = survey._look
    monkeypatch.setattr(survey, "_look", lambda image: (looked.append(image), original(image))[1])
    prepare([Source(data)], configure({**OPTIONS, "check": True}), None, tmp_path / "run", None)
    assert len(looked) == len(set(looked)) == 10


class TestPitch:
    """What a model says of the width of lines holds in training, too, and stays with what is taught from it."""

    def run(self, folder: Path, tmp_path: Path, base: str | None, **options: Any) -> Outcome:
        config = configure({**OPTIONS, "epochs": 1, **options})
        return train([Source(folder)], tmp_path / f"{len(list(tmp_path.iterdir()))}.onnx", config, base)

    def pitch(self, outcome: Outcome) -> tuple[float, float] | None:
        return Session(outcome.model or "").info.pitch

    def test_it_is_handed_on(self, data: Path, tmp_path: Path) -> None:
        first = self.run(data, tmp_path, None, pitch_least=0.6, pitch_most=0.7)
        assert self.pitch(first) == (0.6, 0.7)
        assert self.pitch(self.run(data, tmp_path, str(first.model))) == (0.6, 0.7)
        assert self.pitch(self.run(data, tmp_path, str(first.folder / "best-cer.safetensors"))) == (0.6, 0.7)
        other = self.run(data, tmp_path, str(first.model), pitch_least=0.2, pitch_most=9)
        assert self.pitch(other) == (0.2, 9)
        assert self.pitch(self.run(data, tmp_path, str(first.model), pitch_least=-1, pitch_most=-1)) is None

    def test_a_run_that_others_go_on_with_is_held_to_it(self, data: Path, tmp_path: Path) -> None:
        first = self.run(data, tmp_path, None, pitch_least=0.6, pitch_most=0.7)
        assert first.model is not None
        config = configure({**OPTIONS, "epochs": 1, "pitch_least": 0.5, "pitch_most": 0.7})
        with pytest.raises(NetchuError, match=r"cannot resume, pitch_least was 0\.6 and is now 0\.5"):
            train([Source(data)], first.model, config, resume=True)

    def test_the_model_reads_stretched_lines_as_the_run_scored_them(self, tmp_path: Path) -> None:
        from netchu.metrics import score

        texts = words(12, longest=5)
        folder = draw_set(tmp_path / "set", [f"{text} {text} {text}" for text in texts], held_out(12))
        outcome = self.run(folder, tmp_path, "vi-tiny", architecture="", pitch_least=0.5, pitch_most=0.6)
        samples = [sample for sample in read_lines(folder).samples if sample.split == "val"]
        read = package.load(str(outcome.model)).read_lines([sample.image for sample in samples])
        found = score([sample.text for sample in samples], [line.text for line in read])
        assert found.cer == pytest.approx(outcome.after["set"]["cer"]) and found.cer < 0.5


class TestRefused:
    def test_a_folder_that_holds_a_run(self, outcome: Outcome, data: Path) -> None:
        assert outcome.model is not None
        before = outcome.model.read_bytes()
        with pytest.raises(NetchuError, match=r"mô hình\.run: holds a run already; --resume goes on with it"):
            train([Source(data)], outcome.model, configure(OPTIONS))
        assert outcome.model.read_bytes() == before

    def test_a_model_by_another_ending(self, data: Path, tmp_path: Path) -> None:
        with pytest.raises(NetchuError, match=r"model\.pt: a model file's name ends in \.onnx"):
            train([Source(data)], tmp_path / "model.pt", configure(OPTIONS))

    def test_a_base_that_is_not_there(self, data: Path, tmp_path: Path) -> None:
        with pytest.raises(NetchuError, match=r"none\.onnx: no such file"):
            train([Source(data)], tmp_path / "m.onnx", configure(OPTIONS), base=str(tmp_path / "none.onnx"))
        assert not list(tmp_path.iterdir())

    def test_an_unknown_architecture(self, data: Path, tmp_path: Path) -> None:
        with pytest.raises(NetchuError, match="did you mean tiny"):
            train([Source(data)], tmp_path / "m.onnx", configure({**OPTIONS, "architecture": "tinny"}))
        assert not list(tmp_path.iterdir())


class TestFullDisk:
    """The run ends with one line; the checkpoint of before is whole and can be resumed."""

    def test_at_a_checkpoint(self, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        output, last = tmp_path / "m.onnx", tmp_path / "m.run" / "last.safetensors"
        original = checkpoint.save_file
        room = {"saves": 1}

        def save_file(tensors: dict[str, Any], path: Path, **rest: Any) -> None:
            if Path(path).name.startswith("last"):
                if not room["saves"]:
                    Path(path).write_bytes(b"half of it")
                    raise OSError(errno.ENOSPC, "No space left on device")
                room["saves"] -= 1
            original(tensors, path, **rest)

        monkeypatch.setattr(checkpoint, "save_file", save_file)
        with pytest.raises(
            NetchuError, match=r"last\.safetensors: .*No space left on device.*free some space"
        ) as caught:
            train([Source(data)], output, configure(OPTIONS))
        assert "\n" not in str(caught.value)
        _, state = checkpoint.load(last)
        assert state["progress"]["epoch"] == 1
        assert not list(last.parent.glob("*partial*"))
        assert not output.exists()
        monkeypatch.undo()
        assert train([Source(data)], output, configure(OPTIONS), resume=True).finished
        straight = train([Source(data)], tmp_path / "other" / "m.onnx", configure(OPTIONS))
        assert straight.model is not None
        assert output.read_bytes() == straight.model.read_bytes()

    @pytest.mark.skipif(sys.platform == "win32", reason="limits a process's files by setrlimit")
    def test_as_the_command_line_shows_it(self, data: Path, tmp_path: Path) -> None:
        """A true limit: no file may grow over 2 MB, and a checkpoint has more."""
        import resource

        settings = [f"--set={name}={json.dumps(value)}" for name, value in OPTIONS.items()]
        found = netchu(
            "train", data, "-o", tmp_path / "m.onnx", "--json", *settings,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000)),
        )  # fmt: skip
        assert found.returncode == 2, found.stderr
        assert found.stderr.startswith("netchu: ")
        assert "could not be written" in found.stderr
        assert len(found.stderr.strip().splitlines()) == 1, found.stderr
        assert not list(tmp_path.rglob("*partial*"))
        assert not (tmp_path / "m.onnx").exists()
