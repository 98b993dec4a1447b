"""netchu train, as a person types it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from drawn import draw_set, held_out, netchu, words  # noqa: E402

import netchu as package  # noqa: E402
from netchu import cli  # noqa: E402

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_set(tmp_path_factory.mktemp("cli") / "chữ", words(40, longest=5), held_out(40))


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """A run by a recipe, in a process of its own: its model and its events."""
    folder = tmp_path_factory.mktemp("model")
    recipe = folder / "recipe.toml"
    recipe.write_text('architecture = "base"\nepochs = 9\nthreads = 1\nprecision = "float32"\n', encoding="utf-8-sig")
    model = folder / "chữ viết.onnx"
    found = netchu(
        "train", data, "-o", model, "-c", recipe, "-s", "batch_columns=2048", "-a", "tiny", "-e", 2, "--json"
    )
    assert found.returncode == 0, found.stderr
    assert "Traceback" not in found.stderr
    return model, [json.loads(line) for line in found.stdout.splitlines()]


def main(*arguments: str | Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """The entry point, in this process: exit code, output, errors."""
    before = sys.argv
    sys.argv = ["netchu", *map(str, arguments)]
    try:
        cli.main()
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    finally:
        sys.argv = before
    said = capsys.readouterr()
    return code, said.out, said.err


class TestTrained:
    def test_the_model_can_be_read_with(self, trained: tuple[Path, list[dict[str, Any]]], data: Path) -> None:
        reader = package.load(str(trained[0]))
        assert reader.info.architecture == "tiny"  # -a goes over the recipe
        lines = reader.read_lines([data / "lines/0004.png", data / "lines/0009.png"])
        assert len(lines) == 2

    def test_events_are_json_from_start_to_evaluation(self, trained: tuple[Path, list[dict[str, Any]]]) -> None:
        events = trained[1]
        kinds = [event["event"] for event in events if event["event"] != "advice"]
        assert kinds[0] == "start"
        assert {"step", "epoch", "evaluation"} <= set(kinds)
        start = next(event for event in events if event["event"] == "start")
        assert start["epochs"] == 2
        assert start["architecture"] == "tiny"
        assert start["summary"].startswith("32 lines to train on, 8 to validate on")
        scored = [event for event in events if event["event"] == "evaluation"]
        assert [event["epoch"] for event in scored] == [1, 2]
        assert all({"cer", "wer", "ser", "sets"} <= event.keys() for event in scored)

    def test_eval_agrees_with_what_the_run_scored(
        self, trained: tuple[Path, list[dict[str, Any]]], data: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        model, events = trained
        code, out, _ = main("eval", data, "--split", "val", "-m", model, "--json", capsys=capsys)
        assert code == 0
        best = min(event["cer"] for event in events if event["event"] == "evaluation")
        assert json.loads(out)["cer"] == pytest.approx(best, abs=2e-5)

    def test_a_second_run_does_not_overwrite_the_first(
        self, trained: tuple[Path, list[dict[str, Any]]], data: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        before = trained[0].read_bytes()
        code, _, err = main("train", data, "-o", trained[0], "-a", "tiny", capsys=capsys)
        assert code == 2
        assert "holds a run already; --resume goes on with it" in err
        assert trained[0].read_bytes() == before

    def test_without_json_a_person_gets_a_table_and_the_model_s_name(
        self, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        settings = [f"--set={text}" for text in ("threads=1", "batch_columns=4096", "precision=float32", "check=false")]
        code, out, err = main(
            "train", data, "-o", tmp_path / "m.onnx", "-a", "tiny", "-e", "1", *settings, capsys=capsys
        )
        assert code == 0
        assert out.strip().endswith("m.onnx")
        assert "32 lines to train on" in err
        assert "CER" in err
        assert "chữ" in err


class TestMistakes:
    """Exit code 2, one line on standard error that says what and what to do, nothing left behind."""

    def mistake(self, capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str | Path) -> str:
        code, out, err = main("train", *arguments, "-o", folder / "m.onnx", capsys=capsys)
        assert code == 2
        assert out == ""
        assert len(err.strip().splitlines()) == 1, err
        assert err.startswith("netchu: ")
        assert not list(folder.glob("m.*"))
        return err

    def test_a_data_set_that_is_not_there(self, tmp_path: Path) -> None:
        found = netchu("train", tmp_path / "không có", "-o", tmp_path / "m.onnx")  # a process: as it is really seen
        assert found.returncode == 2
        assert found.stdout == ""
        assert found.stderr.startswith("netchu: ")
        assert "không có" in found.stderr
        assert len(found.stderr.strip().splitlines()) == 1
        assert not list(tmp_path.iterdir())

    def test_a_folder_that_is_no_data_set(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "set").mkdir()
        assert "lines.tsv" in self.mistake(capsys, tmp_path, tmp_path / "set")

    def test_an_empty_data_set(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert "no rows" in self.mistake(capsys, tmp_path, draw_set(tmp_path / "set", []))

    def test_a_data_set_of_pictures_that_are_none(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        folder = draw_set(tmp_path / "set", ["ab", "cd"])
        for picture in (folder / "lines").iterdir():
            picture.write_bytes(b"")
        assert "unreadable picture" in self.mistake(capsys, tmp_path, folder, "-s", "check=false")

    def test_an_unknown_option(self, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert "did you mean dropout?" in self.mistake(capsys, tmp_path, data, "-s", "dropuot=0.2")

    def test_a_recipe_with_a_typing_error(self, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "r.toml").write_text("epochs = = 3", encoding="utf-8")
        assert "line 1" in self.mistake(capsys, tmp_path, data, "-c", tmp_path / "r.toml")

    def test_an_unknown_architecture(self, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert "did you mean tiny?" in self.mistake(capsys, tmp_path, data, "-a", "tinny")

    def test_an_unknown_base(self, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert "bundled are" in self.mistake(capsys, tmp_path, data, "-m", "vy")

    def test_an_architecture_that_the_base_does_not_fit(
        self, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert ", base wants (" in self.mistake(capsys, tmp_path, data, "-m", "vi-tiny", "-a", "base")

    def test_a_weight_of_nought(self, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert "weight" in self.mistake(capsys, tmp_path, f"{data}@0")

    def test_neither_data_nor_a_recipe(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert "name a data set, or a recipe with --synth" in self.mistake(capsys, tmp_path)

    def test_a_synthesis_recipe_that_is_not_there(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert "none.toml" in self.mistake(capsys, tmp_path, "--synth", "none.toml")

    def test_a_synthesis_recipe_without_its_fonts(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "text").mkdir()
        for fonts in ("", tmp_path / "không có"):
            error = self.mistake(capsys, tmp_path, "--synth", "vi", "--fonts", fonts, "--text", tmp_path / "text")
            assert "font" in error or "text" in error

    def test_folders_to_draw_from_without_a_recipe(
        self, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert "go with --synth" in self.mistake(capsys, tmp_path, data, "--fonts", tmp_path)

    def test_resuming_what_never_began(self, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        output = tmp_path / "m.onnx"
        code, _, err = main("train", data, "-o", output, "-a", "tiny", "-s", "check=false", "--resume", capsys=capsys)
        assert code == 2
        assert "leave --resume out" in err
        assert not list(tmp_path.iterdir())
