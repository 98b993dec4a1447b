"""The training loop learns, keeps its best, and says what it did."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from drawn import draw_set, held_out, words  # noqa: E402
from torch import Tensor  # noqa: E402

from netchu.data.batch import Pictures  # noqa: E402
from netchu.export import restore  # noqa: E402
from netchu.metrics import score  # noqa: E402
from netchu.models import build  # noqa: E402
from netchu.models.line import LineNetwork  # noqa: E402
from netchu.train import checkpoint, loop  # noqa: E402
from netchu.train.config import TrainConfig  # noqa: E402
from netchu.train.examples import Material, Source, gather  # noqa: E402
from netchu.train.loop import Trainer  # noqa: E402
from netchu.train.scoring import Readings, read_examples  # noqa: E402

torch.set_num_threads(1)

QUICK = TrainConfig(architecture="tiny", epochs=2, batch_columns=1024, precision="float32", ema=0.9)


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    folder = draw_set(tmp_path_factory.mktemp("loop") / "set", words(10, longest=5), held_out(10))
    return gather([Source(folder)], 48, 4, (), None)


def trainer_of(material: Material, folder: Path, heard: list[dict[str, Any]] | None = None, **options: Any) -> Trainer:
    torch.manual_seed(0)
    config = dataclasses.replace(QUICK, **options)
    report = None if heard is None else heard.append
    return Trainer(build(config.architecture, len(material.charset)), material, config, folder, report)


def log_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def test_eight_lines_are_learnt_by_heart_within_a_minute(tmp_path: Path) -> None:
    material = gather([Source(draw_set(tmp_path / "set", words(8, longest=6)))], 48, 4, (), None)
    material = dataclasses.replace(material, val=material.train)
    plain = {"augment": 0.0, "dropout": 0.0, "learning_rate": 0.004, "epochs": 40, "evaluate_every": 20}
    trainer = trainer_of(material, tmp_path / "run", **plain)
    evaluations = trainer.run().evaluations
    assert evaluations[-1]["cer"] == 0.0
    assert evaluations[-1]["ser"] == 0.0
    assert score([example.text for example in material.train], [""] * 8, resamples=1).cer == 1.0  # what is not a feat


class TestBest:
    def test_the_kept_weights_read_as_well_as_they_were_scored(self, material: Material, tmp_path: Path) -> None:
        progress = trainer_of(material, tmp_path, epochs=3).run()
        network, state = restore(tmp_path / "best-cer.safetensors")
        readings = read_examples(network, material.val, Pictures(), material.charset, torch.device("cpu"))
        cer = score([example.text for example in material.val], list(readings.texts), resamples=1).cer
        assert round(cer, 5) == progress.best["cer"]["cer"] == state["best"]["cer"]
        assert state["best"]["cer"] == min(found["cer"] for found in progress.evaluations)

    def test_cer_decides_and_wer_breaks_ties(
        self, material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second = (example.text for example in material.val)
        assert " " in second  # so that an edit can cost one word or two
        readings = iter([
            (first[:-2], second),  # 2 edits in 1 word
            (first[:-1], second.replace(" ", "")),  # 2 edits, 3 words wrong: CER no better, WER worse
            (first, second[:-2]),  # as the first
            (first, second[:-1]),  # 1 edit
            (first[:-3], second),  # 3 edits
        ])  # fmt: skip

        monkeypatch.setattr(loop, "read_examples", lambda *_: Readings(next(readings), 0.5))
        trainer = trainer_of(material, tmp_path)
        for epoch in (1, 2, 3, 4, 5):
            trainer.progress.epoch = epoch
            trainer.evaluate()
        assert trainer.progress.best["cer"]["epoch"] == 4
        for name in ("cer", "wer"):
            _, state = checkpoint.load(tmp_path / f"best-{name}.safetensors")
            assert state["best"] == trainer.progress.best[name]
        assert trainer.progress.best["wer"]["cer"] == trainer.progress.best["cer"]["cer"]  # the tie went to it

    def test_without_validation_lines_the_latest_weights_are_kept(self, material: Material, tmp_path: Path) -> None:
        trainer = trainer_of(dataclasses.replace(material, val=()), tmp_path, epochs=2)
        trainer.run()
        groups, _ = checkpoint.load(tmp_path / "best-cer.safetensors")
        for name, value in trainer.average.state_dict().items():
            torch.testing.assert_close(groups["average"][name], value, rtol=0, atol=0)

    def test_patience_ends_a_run_that_gets_no_better(
        self, material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(loop, "read_examples", lambda *_: Readings(("", ""), 1.0))
        heard: list[dict[str, Any]] = []
        progress = trainer_of(material, tmp_path, heard, epochs=9, patience=2).run()
        assert progress.epoch == 3  # the first counts as best, then two in vain
        assert heard[-1]["event"] == "stopped early"


class TestSteps:
    def test_every_event_is_logged_and_heard(self, material: Material, tmp_path: Path) -> None:
        heard: list[dict[str, Any]] = []
        trainer_of(material, tmp_path, heard, epochs=2).run()
        logged = log_of(tmp_path)
        advice = [event for event in logged if event["event"] == "advice"]
        assert all(event["message"] in {other.get("message") for other in heard} for event in advice)
        heard, logged = ([event for event in events if event["event"] != "advice"] for events in (heard, logged))
        assert [event["event"] for event in logged] == ["epoch", "evaluation"] * 2
        assert [event for event in heard if event["event"] != "step"] == [
            {key: value for key, value in event.items() if key != "seconds"} for event in logged
        ]
        steps = [event for event in heard if event["event"] == "step"]
        assert steps[-1]["step"] == steps[-1]["steps"] == logged[-1]["step"]
        assert all(event["lines_per_second"] > 0 and event["loss"] > 0 for event in steps)
        assert set(logged[1]["sets"]) == {"set"}
        assert logged[0]["learning_rate"] > 100 * logged[2]["learning_rate"] >= 0  # of the epoch's end

    def test_the_rate_rises_stays_and_falls_to_nothing(self, material: Material, tmp_path: Path) -> None:
        trainer = trainer_of(material, tmp_path, epochs=40, warmup=0.1, cooldown=0.4, learning_rate=0.01)
        rates = []
        for (part,) in trainer.timetable:
            trainer.part, trainer.batches = part, len(trainer._plan(part.number))
            for batch in range(trainer.batches):
                trainer.progress.batch = batch
                rates.append(trainer._rate())
        assert len(rates) == trainer.steps
        tenth = trainer.steps // 10
        assert rates[0] <= 0.01 / tenth
        assert rates[:tenth] == sorted(rates[:tenth])
        assert set(rates[tenth + 1 : 6 * tenth - 1]) == {0.01}
        assert rates[6 * tenth + 1 :] == sorted(rates[6 * tenth + 1 :], reverse=True)
        assert 0 < rates[-1] < 0.1 * 0.01

    def test_a_label_without_a_path_spoils_no_weights(self, material: Material, tmp_path: Path) -> None:
        """An infinite loss must cost a step, not the run."""
        broken = dataclasses.replace(material.train[0], target=(1,) * 300, width=60)
        heard: list[dict[str, Any]] = []
        trainer = trainer_of(
            dataclasses.replace(material, train=(broken,), val=()), tmp_path, heard, epochs=2, augment=0
        )
        before = {name: weight.clone() for name, weight in trainer.network.named_parameters()}
        trainer.run()
        assert [event["event"] for event in heard].count("skipped step") == 2
        for name, weight in trainer.network.named_parameters():
            torch.testing.assert_close(weight, before[name], rtol=0, atol=0)

    def test_scores_come_from_averaged_weights(self, material: Material, tmp_path: Path) -> None:
        trainer = trainer_of(material, tmp_path, epochs=2, ema=0.99)
        start = {name: value.clone() for name, value in trainer.average.state_dict().items()}
        trainer.run()
        name = "head.weight"
        now, mean = trainer.network.state_dict()[name], trainer.average.state_dict()[name]
        assert 0 < (mean - start[name]).norm() < (now - start[name]).norm()
        assert not trainer.average.training

    @pytest.mark.parametrize("architecture", ["tiny", "base-lstm"])
    def test_dropout_is_that_of_the_options_everywhere(
        self, material: Material, tmp_path: Path, architecture: str
    ) -> None:
        trainer = trainer_of(material, tmp_path, architecture=architecture, dropout=0.0)
        network = trainer.network.train()
        images = torch.randint(0, 255, (2, 48, 90), dtype=torch.uint8)
        for part in network.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.eval()
        with torch.no_grad():
            one, other = (network.forward_both(images, torch.tensor([90, 60]))[0] for _ in range(2))
        torch.testing.assert_close(one, other, rtol=0, atol=0)


class Fixed(LineNetwork):
    """A network whose head is not CTC: it reads the same into every line, and its loss is that of its weights."""

    def loss(self, images: Tensor, widths: Tensor, targets: Tensor, counts: Tensor, shortcut: float) -> Tensor:
        assert (len(images), len(targets), shortcut) == (len(widths), int(counts.sum()), 0.25)
        return sum((weight.square().sum() for weight in self.parameters()), torch.zeros(()))

    def read(self, images: Tensor, widths: Tensor) -> tuple[list[tuple[int, ...]], int | None]:
        return [(1, 2)] * len(images), None


def test_a_network_brings_its_own_loss_and_reading(material: Material, tmp_path: Path) -> None:
    tiny = build("tiny", len(material.charset))
    network = Fixed(48, tiny.trunk, tiny.neck, len(material.charset))
    heard: list[dict[str, Any]] = []
    config = dataclasses.replace(QUICK, epochs=1, shortcut=0.25)
    before = sum(float(weight.detach().square().sum()) for weight in network.parameters())
    trainer = Trainer(network, material, config, tmp_path, heard.append)
    [evaluation] = trainer.run().evaluations
    assert sum(float(weight.detach().square().sum()) for weight in trainer.network.parameters()) < before
    assert evaluation["blank_rate"] is None
    texts = [material.charset.decode((1, 2))] * len(material.val)
    wanted = score([example.text for example in material.val], texts, resamples=1).cer
    assert evaluation["cer"] == round(wanted, 5)
    assert not any(event.get("code") == "blank-rate" for event in heard)
