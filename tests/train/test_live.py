"""Drawn lines as training material: the same whatever the processes do, resumed exactly, and gone with the trainer."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from drawn import draw_set, draw_text, held_out, words  # noqa: E402
from interrupting import interrupt_at  # noqa: E402
from sketches import Sketches, SketchSpec  # noqa: E402

import netchu as package  # noqa: E402
from netchu.data.batch import Batch, Pictures  # noqa: E402
from netchu.data.lines import read_lines  # noqa: E402
from netchu.errors import NetchuError  # noqa: E402
from netchu.framing import frame  # noqa: E402
from netchu.read import to_line  # noqa: E402
from netchu.session import Session  # noqa: E402
from netchu.synth.drawer import Drawn  # noqa: E402
from netchu.train import checkpoint, live, parts, run  # noqa: E402
from netchu.train.config import TrainConfig, configure  # noqa: E402
from netchu.train.drawing import BLOCK, draw_line  # noqa: E402
from netchu.train.examples import Material, Source, gather  # noqa: E402
from netchu.train.live import Live, add_drawn, validate_on_drawn  # noqa: E402
from netchu.train.loop import Trainer  # noqa: E402
from netchu.train.parts import Part  # noqa: E402
from netchu.train.run import judged_by, learn_by_heart, prepare, train  # noqa: E402

torch.set_num_threads(1)

OPTIONS: dict[str, Any] = {
    "architecture": "tiny", "epochs": 2, "batch_columns": 1024, "precision": "float32", "threads": 1, "check": False,
    "epoch_lines": 100,
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    """Few lines a part and to validate on, so that a run has several parts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "FIRST", 16)
        patch.setattr(parts, "SMALLEST", 40)
        patch.setattr(parts, "LARGEST", 40)
        patch.setattr(live, "VALIDATION", 12)
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_set(tmp_path_factory.mktemp("live") / "set", words(30, longest=5), held_out(30))


def material_of(spec: Any, *folders: Path) -> Material:
    sources = [Source(folder) for folder in folders]
    return add_drawn(gather(sources, 48, 4, (), None, spec.open().alphabet), spec)


@contextmanager
def drawing(spec: Any, jobs: int = 1) -> Iterator[Live]:
    found = Live(spec, material_of(spec), 48, 4, jobs)
    found.open()
    try:
        yield found
    finally:
        found.close()


def part_of(first: int, last: int, uses: int | None = None) -> Part:
    return Part(0, 0.0, 1.0, (0.0, 0.0), (first, last), last - first if uses is None else uses, float(last - first))


def log_of(output: Path) -> list[dict[str, Any]]:
    log = output.with_suffix(".run") / "log.jsonl"
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


class TestLines:
    def test_lines_are_those_of_their_numbers(self) -> None:
        """Whatever the number of processes, and whichever part of the run they begin with."""
        drawer, taken = SketchSpec(seed=3).open(), []
        for jobs, first in ((1, 0), (2, 0), (1, 37)):
            with drawing(SketchSpec(seed=3), jobs) as found:
                pictures = Pictures()
                examples = found.take(part_of(first, 60), pictures)
                taken.append([(e.text, e.width, e.target, pictures(e.path).tobytes()) for e in examples])
        assert taken[0] == taken[1]
        assert taken[0][37:] == taken[2]
        for number, line in enumerate(taken[0]):
            drawn = drawer.sample(number)
            assert line[0] == drawn.text
            assert line[3] == frame(drawn.picture).picture.tobytes()

    def test_lines_are_stretched_as_the_reader_stretches_them(self) -> None:
        pitch, pictures = (0.6, 0.7), Pictures()
        found = Live(SketchSpec(), dataclasses.replace(material_of(SketchSpec()), pitch=pitch), 48, 4)
        found.open()
        try:
            examples = found.take(part_of(0, 60), pictures)
        finally:
            found.close()
        lines = [pictures(example.path) for example in examples]
        assert [example.width for example in examples] == [to_line(line, 48, pitch).shape[1] for line in lines]
        assert any(to_line(line, 48, pitch).shape > to_line(line, 48).shape for line in lines)

    def test_a_part_holds_each_line_as_often_as_it_is_used(self) -> None:
        with drawing(SketchSpec()) as found:
            examples = found.take(part_of(2, 7, 12), Pictures())
        assert [int(example.path.split()[-1]) for example in examples] == [2, 3, 4, 5, 6, 2, 3, 4, 5, 6, 2, 3]

    def test_what_lies_behind_is_let_go(self) -> None:
        with drawing(SketchSpec()) as found:
            pictures = Pictures()
            found.take(part_of(0, 3 * BLOCK), pictures)
            found.take(part_of(2 * BLOCK, 4 * BLOCK), pictures)
            assert sorted(found.blocks) == [2, 3]
            assert len(pictures.kept) == 2 * BLOCK

    def test_pictures_far_taller_than_needed_come_small(self) -> None:
        with drawing(SketchSpec()) as found:
            found.height = 16
            found.close()
            found.open()
            pictures = Pictures()
            (example, *_) = found.take(part_of(0, 4), pictures)
        assert pictures(example.path).shape[0] == 24

    def test_vertical_lines_are_laid_on_their_side(self) -> None:
        with drawing(SketchSpec(vertical=frozenset({1}))) as found:
            pictures = Pictures()
            example = found.take(part_of(0, 3), pictures)[1]
        np.testing.assert_array_equal(pictures(example.path), frame(SketchSpec().open().sample(1).picture).picture)

    def test_what_cannot_be_used_is_left_out_counted_and_named(self) -> None:
        spec = SketchSpec(
            failing=frozenset({1, 2}), breaking=frozenset({3}), strange=frozenset({5}), narrow=frozenset({7})
        )
        with drawing(spec) as found:
            examples = found.take(part_of(0, 12), Pictures())
            found.take(part_of(4, 12), Pictures())  # seen again: not counted again
        assert [int(example.path.split()[-1]) for example in examples] == [0, 4, 6, 8, 9, 10, 11]
        assert found.left_out == {
            "cannot be drawn": 2, "the drawer failed": 1, "unknown characters": 1,
            "label longer than its picture allows": 1,
        }  # fmt: skip
        assert [reject.where for reject in found.rejects] == [f"sketch (drawn) {number}" for number in (1, 2, 3, 5, 7)]
        assert "ZeroDivisionError: a fault of the drawer" in found.rejects[2].reason
        assert "GREEK CAPITAL LETTER OMEGA" in found.rejects[3].reason
        assert [code for code, _ in found.judge(0.0)] == ["drawn-left-out"]

    def test_waiting_much_is_worth_a_word(self) -> None:
        with drawing(SketchSpec()) as found:
            found.take(part_of(0, 12), Pictures())
            assert not list(found.judge(0.05))
            ((code, message),) = found.judge(0.4)
        assert code == "slow-drawing"
        assert "40%" in message and "drawn_reuse" in message

    def test_no_line_at_all_ends_the_run(self) -> None:
        with (
            drawing(SketchSpec(failing=range(100))) as found,
            pytest.raises(NetchuError, match="not one of 8 lines can be used; cannot be drawn: nothing can write"),
        ):
            found.take(part_of(0, 8), Pictures())

    def test_a_process_that_dies_is_noticed(self) -> None:
        with (
            drawing(SketchSpec(deadly=20), jobs=2) as found,
            pytest.raises(NetchuError, match="a drawing process ended by itself"),
        ):
            found.take(part_of(0, 64), Pictures())

    def test_closing_ends_the_processes_in_the_middle_of_their_work(self) -> None:
        with drawing(SketchSpec(slow=0.2)) as found:
            found.ask(part_of(0, 200))
            assert found.artists is not None
            processes = found.artists.processes
            time.sleep(0.3)
            began = time.perf_counter()
        assert time.perf_counter() - began < 3
        assert not any(process.is_alive() for process in processes)


class TestCharset:
    def test_the_drawer_s_alphabet_is_part_of_it(self, data: Path) -> None:
        assert {"ż", " ", "a"} <= set(material_of(SketchSpec()).charset.symbols)
        assert "ż" in material_of(SketchSpec(), data).charset.symbols
        assert "ż" not in gather([Source(data)], 48, 4, (), None).charset.symbols


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, small: None) -> Path:
    """A model of drawn lines alone."""
    output = tmp_path_factory.mktemp("alone") / "m.onnx"
    spec = SketchSpec(failing=frozenset({13}))
    assert train([], output, configure(OPTIONS), synth=spec).model == output  # type: ignore[arg-type]
    return output


class TestRun:
    def test_drawn_lines_alone_make_a_model(self, alone: Path) -> None:
        info = Session(alone).info
        assert not info.vertical
        assert info.data == {"sketch (drawn)": SketchSpec().digest()}
        assert info.scores["validation"]["sketch (drawn)"]["lines"] == 12
        assert "ż" in info.charset.symbols
        folder = alone.with_suffix(".run")
        package.load(str(alone)).read_lines([folder / "drawn-val/0000.png"])
        page = (folder / "report/index.html").read_text("utf-8")
        assert "waiting for lines" in page and "drawn lines" in page
        assert "sketch (drawn)" in page
        assert "sketch (drawn) 13\tcannot be drawn: nothing" in (folder / "report/rejects.tsv").read_text("utf-8")

    def test_what_is_validated_on_is_said_and_kept_as_a_data_set(self, alone: Path) -> None:
        said = [event for event in log_of(alone) if event.get("code") == "drawn-validation"]
        assert len(said) == 1
        assert "12 drawn in styles held out from training" in said[0]["message"]
        lines = read_lines(alone.with_suffix(".run") / "drawn-val")
        other = Sketches(SketchSpec(seed=live.OTHER_SEED, held_out=True))
        assert [sample.text for sample in lines.samples] == [other.sample(k).text for k in range(12)]
        assert {sample.split for sample in lines.samples} == {"val"}

    def test_epochs_tell_what_was_drawn_and_how_long_was_waited(self, alone: Path) -> None:
        epochs = [event for event in log_of(alone) if event["event"] == "epoch"]
        assert len(epochs) == 2
        for event in epochs:
            assert event["drawn"] >= 100  # batches are filled up
            assert 0 <= event["waiting_share"] <= 1

    def test_a_recipe_that_holds_nothing_out(self, tmp_path: Path) -> None:
        spec = SketchSpec("all")
        _, pictures, said = validate_on_drawn(material_of(spec), spec, tmp_path, 48, 4)
        assert "with another seed" in said
        assert len(pictures) == 12

    def test_a_data_set_that_is_only_to_validate_on(self, tmp_path: Path) -> None:
        folder = draw_set(tmp_path / "set", words(4, longest=5), ["val"] * 4)
        config = configure({**OPTIONS, "epochs": 1, "check": True})
        spec = SketchSpec(vertical=frozenset({1}))
        outcome = train([Source(folder)], tmp_path / "m.onnx", config, synth=spec)
        assert Session(tmp_path / "m.onnx").info.vertical
        assert outcome.after["set"]["lines"] == 4
        assert not (tmp_path / "m.run/drawn-val").exists()
        assert all(event["drawn"] >= 100 for event in log_of(tmp_path / "m.onnx") if event["event"] == "epoch")

    def test_lines_of_a_data_set_and_drawn_ones_in_changing_shares(self, data: Path, tmp_path: Path) -> None:
        heard: list[dict[str, Any]] = []
        options = {"epochs": 4, "drawn_start": 1.0, "drawn_end": 0.0, "drawn_until": 0.6}
        trainer, _ = prepare(
            [Source(data)], configure({**OPTIONS, **options}), None, tmp_path / "run", heard.append, SketchSpec()
        )
        seen: list[tuple[int, int]] = []  # (drawn, others), by step
        original: Callable[[Batch], float] = trainer.step

        def watched(batch: Batch) -> float:
            drawn = sum(example.source == 1 for example in batch.examples)
            seen.append((drawn, len(batch.examples) - drawn))
            return original(batch)

        trainer.step = watched  # type: ignore[method-assign]
        trainer.run()
        assert seen[0][1] == 0
        assert all(drawn == 0 for drawn, _ in seen[-(len(seen) // 4) :])
        assert any(drawn and others for drawn, others in seen)
        assert "100% of an epoch drawn by sketch, 0% from 60% of the run on" in heard[0]["summary"]
        epochs = [event for event in heard if event["event"] == "epoch"]
        assert "drawn" not in epochs[-1]
        steps = [event for event in heard if event["event"] == "step"]
        assert steps[-1]["step"] == steps[-1]["steps"]

    def test_lines_to_learn_by_heart_are_drawn(self, monkeypatch: pytest.MonkeyPatch) -> None:
        given: list[Any] = []
        monkeypatch.setattr(run, "overfit_check", lambda *arguments, **options: given.extend(arguments))
        learn_by_heart([], configure(OPTIONS), SketchSpec())  # type: ignore[arg-type]
        _, examples, pictures, charset = given
        assert len(examples) == run.DRILL
        assert charset.decode(examples[0].target) == SketchSpec().open().sample(0).text
        np.testing.assert_array_equal(pictures(examples[0].path), frame(SketchSpec().open().sample(0).picture).picture)


class TestResumed:
    """Interrupted in the middle of a part, with as many processes as one likes: the same weights in the end."""

    def run_of(self, folder: Path, data: Path, interrupt: int | None = None, **options: Any) -> Trainer:
        config = configure({**OPTIONS, "drawn_reuse": 2, **options})
        trainer, _ = prepare([Source(data)], config, None, folder, None, SketchSpec())
        if (folder / "last.safetensors").exists():
            trainer.restore()
        if interrupt:
            interrupt_at(trainer, interrupt)
        trainer.run()
        return trainer

    def test_to_the_bit(self, data: Path, tmp_path: Path) -> None:
        whole = self.run_of(tmp_path / "whole", data)
        steps = whole.progress.step
        assert len(whole.timetable[0]) > 2
        halted = self.run_of(tmp_path / "halves", data, interrupt=round(0.4 * steps), draw_jobs=2)
        assert halted.stopping and halted.progress.part > 0
        assert halted.live is not None and halted.live.artists is None
        self.run_of(tmp_path / "halves", data, interrupt=round(0.7 * steps))
        self.run_of(tmp_path / "halves", data)
        one, other = (checkpoint.load(tmp_path / name / "last.safetensors") for name in ("whole", "halves"))
        for found in (one, other):
            found[1]["progress"].pop("seconds")
            found[1]["config"].pop("draw_jobs")
        assert one[1] == other[1]
        for group, members in one[0].items():
            for name, value in members.items():
                assert torch.equal(value, other[0][group][name]), name

    @pytest.mark.parametrize(
        ("change", "options"), [("data", {}), ("drawn_end", {"drawn_end": 0.3}), ("drawn_reuse", {"drawn_reuse": 3})]
    )
    def test_another_recipe_or_share_is_refused(
        self, data: Path, tmp_path: Path, change: str, options: dict[str, Any]
    ) -> None:
        output = tmp_path / "m.onnx"
        self.run_of(tmp_path / "m.run", data, interrupt=2)
        spec = SketchSpec("other") if change == "data" else SketchSpec()
        config = configure({**OPTIONS, "drawn_reuse": 2, **options})
        with pytest.raises(NetchuError, match=f"cannot resume, (the )?{change}"):
            train([Source(data)], output, config, resume=True, synth=spec)


class TestMistakes:
    """One line before the first step, and nothing left behind."""

    @pytest.mark.parametrize(
        ("spec", "reason"),
        [
            (SketchSpec("none"), "none: no such recipe"),
            (SketchSpec(failing=range(10_000)), "not one of 12 drawn lines can be used; cannot be drawn"),
        ],
    )
    def test_a_recipe_that_cannot_draw(self, spec: SketchSpec, reason: str, tmp_path: Path) -> None:
        with pytest.raises(NetchuError, match=reason) as caught:
            train([], tmp_path / "m.onnx", configure(OPTIONS), synth=spec)  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)
        assert not list(tmp_path.iterdir())

    def test_nothing_to_train_on(self, tmp_path: Path) -> None:
        with pytest.raises(NetchuError, match="nothing to train on: name a data set, or a recipe with --synth"):
            train([], tmp_path / "m.onnx", configure(OPTIONS))

    def test_an_unknown_mix(self, data: Path, tmp_path: Path) -> None:
        with pytest.raises(NetchuError, match="augment_mix = 'defualt': no such mix; known: default"):
            train([Source(data)], tmp_path / "m.onnx", configure({**OPTIONS, "augment_mix": "defualt"}))
        assert not list(tmp_path.iterdir())


def test_the_strength_of_augmentation_follows_its_schedule(data: Path, tmp_path: Path) -> None:
    material = gather([Source(data)], 48, 4, (), None)

    def strengths(**options: float) -> list[float]:
        from netchu.models import build

        config = TrainConfig(architecture="tiny", epochs=4, **options)  # type: ignore[arg-type]
        trainer = Trainer(build("tiny", len(material.charset)), material, config, tmp_path)
        return [(trainer._plan(epoch), trainer.maker.strength)[1] for epoch in range(4)]

    assert strengths(augment=1.0) == [1.0] * 4
    assert strengths(augment=1.0, augment_end=0.0) == [1.0, 0.75, 0.5, 0.25]
    assert strengths(augment=0.5, augment_end=1.5) == [0.5, 0.75, 1.0, 1.25]


def test_specs_differ_in_what_they_draw() -> None:
    """What the tests above rest on."""
    one, other = (dataclasses.replace(SketchSpec(), seed=seed).open().sample(0) for seed in (0, 1))
    assert one.text != other.text


def test_what_a_run_is_judged_on_is_not_drawn(tmp_path: Path) -> None:
    judged = draw_set(tmp_path / "judged", words(10), held_out(10))
    whole = draw_set(tmp_path / "whole", words(5))
    found = judged_by([Source(judged), Source(whole), Source(judged / "lines.tsv"), Source(tmp_path / "none")])
    assert found == (str(judged / "lines.tsv"), str(judged / "lines.tsv"))
    trainer, _ = prepare([Source(judged)], configure({"check": False}), None, tmp_path / "run", None, SketchSpec())
    assert trainer.live is not None and trainer.live.spec.without == (str(judged / "lines.tsv"),)


def test_the_model_says_what_language_it_was_drawn_in(tmp_path: Path) -> None:
    trainer, _ = prepare([], configure(OPTIONS), None, tmp_path, None, SketchSpec())
    assert trainer.languages == (SketchSpec().open().recipe.language,) == ("vi",)


def test_a_drawn_line_is_framed_as_the_reader_will_see_it() -> None:
    """Wide margins would teach it letters so small as it never gets to see."""

    class Loose(Sketches):
        def sample(self, k: int, truth: bool = False) -> Drawn:
            drawn = super().sample(k, truth)
            return dataclasses.replace(
                drawn, text="a line to be read", picture=np.pad(draw_text("a line to be read"), 60, "edge")
            )

    line = draw_line(Loose(SketchSpec()), 0)
    assert line.picture is not None and line.picture.shape[0] < 70
