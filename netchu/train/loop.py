"""The one training loop. A step is a batch, an epoch is a plan of batches; scores come from the averaged weights."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from netchu.data.augment import strength_at
from netchu.data.batch import Batch, Example, Maker, Pictures, PlannedBatch, choose, plan
from netchu.errors import NetchuError
from netchu.metrics import score
from netchu.models.line import LineNetwork
from netchu.train import checkpoint, parallel
from netchu.train.config import TrainConfig
from netchu.train.doctor import Advice, Watch
from netchu.train.examples import Material
from netchu.train.live import Live
from netchu.train.parts import Part, run_timetable
from netchu.train.scoring import by_set, rates, read_examples
from netchu.train.setup import average_in, choose_precision, find_mix, interruptible, make_optimizer, trapezoid

SAVED_EVERY = 20.0  # seconds between checkpoints, at the ends of epochs: an epoch of a hundred lines is over in one
STRETCH = 0.1  # log-s.d. of how much wider or narrower a training line is drawn, at augmentation strength 1
Report = Callable[[dict[str, Any]], None]  # gets every event that the log gets


@dataclass
class Progress:
    """Where a run stands: all that is saved with a checkpoint besides tensors."""

    epoch: int = 0  # epochs begun
    part: int = 0  # parts of the current epoch already trained on
    batch: int = 0  # batches of the current part already trained on
    step: int = 0
    lines: int = 0
    seconds: float = 0.0
    best: dict[str, Any] = field(default_factory=dict)  # by "cer" and "wer": the evaluation that was best
    evaluations: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Tally:
    """What an epoch comes to, as far as it was trained on since the run was started or resumed."""

    started: float = field(default_factory=time.perf_counter)
    waited: float = 0.0  # seconds without a batch to train on
    lines: int = 0
    drawn: int = 0  # of them
    losses: list[float] = field(default_factory=list)

    def facts(self) -> dict[str, Any]:
        seconds = max(1e-9, time.perf_counter() - self.started)
        facts = {"lines_per_second": round(self.lines / seconds, 2), "waiting_share": round(self.waited / seconds, 4)}
        return {**facts, "drawn": self.drawn} if self.drawn else facts


class Trainer:
    """Trains one network on one material. `folder` takes checkpoints and the log; `report` hears every event.

    Resuming is exact: what is random depends on (seed, part, line) only, and the checkpoint holds the rest.
    """

    def __init__(
        self, network: LineNetwork, material: Material, config: TrainConfig, folder: Path,
        report: Report | None = None, live: Live | None = None,
    ) -> None:  # fmt: skip
        """With `live`, the lines of a recipe come besides those of the material, or alone where that has none."""
        self.config, self.material, self.folder, self.live = config, material, folder, live
        self.report = report or (lambda event: None)
        self.device = parallel.device()
        self.precision = choose_precision(config.precision, self.device)
        for part in network.modules():
            if isinstance(part, nn.Dropout):
                part.p = config.dropout
            elif isinstance(part, nn.LSTM) and part.num_layers > 1:
                part.dropout = config.dropout
        # channels last: steps 5 % faster (bench/training_step.py), torch.compile no faster
        self.network = parallel.synchronise(network).to(self.device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.network).eval().requires_grad_(False)
        self.optimizer = make_optimizer(self.network, config)
        self.names = {id(weight): name for name, weight in self.network.named_parameters()}
        self.progress = Progress()
        self.watch = Watch(config.learning_rate)
        self.languages = config.languages  # that the model will be said to write
        # Augmentation resamples once, from half as many rows again: more would only cost. Validation lines are kept
        # as they are, because what is scored must take the very way that netchu.read takes.
        self.pictures = Pictures(network.height * 3 // 2, vertical=material.vertical)
        self.val_pictures = Pictures(vertical=material.vertical)
        rank_of = parallel.rank_and_world()
        self.maker = Maker(
            material.train, self.pictures, network.height, config.seed, config.augment, network.stride, rank_of,
            find_mix(config.augment_mix, material.charset.symbols),
        )  # fmt: skip
        self.timetable = run_timetable(config, material.a_pass(), live is not None)
        self.epochs = len(self.timetable)
        self.part, self.batches = self.timetable[0][0], 1  # what is being trained on, and how many batches it has
        if live is None:
            self.steps = sum(len(self._plan(epoch)) for epoch in range(self.epochs))
        else:  # how wide drawn lines are is not known before: this is put right as the run goes on
            width = float(np.mean([example.width for example in (*material.train, *material.val)] or [15 * 48]))
            lines = sum(part.size for parts in self.timetable for part in parts)
            self.steps = math.ceil(lines * width / config.batch_columns)
        self.asked = self.stopping = False  # a signal came; all processes have agreed to stop
        self.saved = -math.inf  # when the last checkpoint was written

    def run(self) -> Progress:
        """Train to the end of the schedule, to the end of patience or to Ctrl-C, whichever comes first."""
        with interruptible(self._ask), self._drawing():
            while self.progress.epoch < self.epochs and not self.stopping:
                self._epoch()
                if self.stopping:
                    break
                self.progress.epoch += 1
                self.progress.part = self.progress.batch = 0
                if self.progress.epoch % self.config.evaluate_every == 0 or self.progress.epoch == self.epochs:
                    self.evaluate()
                over = self.progress.epoch == self.epochs or self._patience_over()
                if over or time.monotonic() - self.saved > SAVED_EVERY:
                    self.save()
                if over and self.progress.epoch < self.epochs:
                    self.log({"event": "stopped early", "epoch": self.progress.epoch})
                    break
        if self.stopping:
            self.save()
            self.log({"event": "interrupted", "epoch": self.progress.epoch, "step": self.progress.step})
        return self.progress

    def _plan(self, epoch: int, number: int = 0) -> list[PlannedBatch]:
        """The batches of a part of an epoch; waits for its drawn lines. `maker` makes them."""
        config, part = self.config, self.timetable[epoch][number]
        examples: tuple[Example, ...] = self.material.train
        chosen = choose(examples, self.material.weights, config.seed, *part.passes)
        if self.live and part.uses:
            drawn = self.live.take(part, self.pictures)
            chosen += range(len(examples), len(examples) + len(drawn))
            examples = (*examples, *drawn)
        end = config.augment if config.augment_end < 0 else config.augment_end
        strength = strength_at(config.augment, end, part.begin)
        self.maker = dataclasses.replace(self.maker, examples=examples, strength=strength)
        return plan(examples, chosen, config.batch_columns, config.seed, part.number, STRETCH * strength or 1e-9)

    def _epoch(self) -> None:
        epoch, tally = self.progress.epoch, Tally()
        self.network.train()
        frozen = epoch < self.config.freeze
        self.network.trunk.requires_grad_(not frozen)
        if frozen:
            self.network.trunk.eval()  # its batch norms keep their statistics, too
        rate = self._rate()
        while self.progress.part < len(self.timetable[epoch]):
            self._train_on(epoch, self.progress.part, tally)
            rate = self._rate()
            if self.stopping:
                break
            self.progress.part += 1
            self.progress.batch = 0
        self.progress.lines += tally.lines
        self.progress.seconds += time.perf_counter() - tally.started
        self.log({
            "event": "epoch", "epoch": epoch + 1, "step": self.progress.step,
            "loss": float(np.mean(tally.losses or [0.0])), "learning_rate": rate, **tally.facts(),
        })  # fmt: skip
        if self.live:
            waiting = tally.facts()["waiting_share"] if epoch else 0.0  # the first lines of all must be waited for
            self._advise([Advice(*found) for found in self.live.judge(waiting)])

    def _train_on(self, epoch: int, number: int, tally: Tally) -> None:
        """Train on what is left of a part."""
        began = time.perf_counter()
        batches = self._plan(epoch, number)
        self.part, self.batches = self.timetable[epoch][number], max(1, len(batches))
        self._draw_ahead(self.part)
        stream = self.maker.stream(batches[self.progress.batch :], self.part.number, self.config.workers)
        while (batch := next(stream, None)) is not None:
            tally.waited += time.perf_counter() - began
            tally.losses.append(self.step(batch))
            whole = batches[self.progress.batch]
            tally.lines += len(whole.picks)
            tally.drawn += sum(pick.index >= len(self.material.train) for pick in whole.picks)
            self.progress.batch += 1
            if self.stopping:
                break
            if self.progress.batch % 10 == 0 or self.progress.batch == len(batches):
                self._report_step(epoch, tally)
            began = time.perf_counter()
        stream.close()

    def _report_step(self, epoch: int, tally: Tally) -> None:
        done, parts = self._progress(self.progress.batch), self.timetable[epoch]
        self.steps = max(self.progress.step, round(self.progress.step / done)) if self.live else self.steps
        self.report({
            "event": "step", "epoch": epoch, "part": self.progress.part, "parts": len(parts),
            "batch": self.progress.batch, "batches": self.batches, "step": self.progress.step, "steps": self.steps,
            "loss": float(np.mean(tally.losses[-10:])), **tally.facts(),
        })  # fmt: skip

    def _draw_ahead(self, part: Part) -> None:
        """Have the lines of the next part drawn while this one is trained on."""
        following = [other for parts in self.timetable for other in parts if other.number == part.number + 1]
        if self.live and following:
            self.live.ask(following[0])

    @contextmanager
    def _drawing(self) -> Iterator[None]:
        """Drawing processes live as long as this."""
        try:
            if self.live:
                self.live.open()
            yield
        finally:
            if self.live:
                self.live.close()

    def step(self, batch: Batch) -> float:
        """One optimiser step; returns the loss: nats a character, shortcut head included."""
        torch.manual_seed(self.config.seed + 1_000_003 * self.progress.step + 7919 * parallel.rank_and_world()[0])
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate()
        loss = self._loss(batch) / max(1, batch.characters)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        total, self.stopping = parallel.sum_gradients(self.network, loss.detach(), self.asked)
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip)
        if torch.isfinite(norm):
            self.optimizer.step()
        else:
            self.log({"event": "skipped step", "step": self.progress.step, "why": "gradients are not finite"})
        self._advise(self.watch.observe_step(float(total), float(norm), self._rate()))
        self.progress.step += 1
        average_in(self.average, self.network, self.progress.step, self.config.ema)
        return float(total)

    def _loss(self, batch: Batch) -> Tensor:
        """The network's summed loss over this process's lines."""
        labels, weight = (batch.targets, batch.target_lengths), 1.0
        if not batch.examples:  # more processes than lines: take part in the synchronisation, add nothing
            labels, weight = (np.ones(1, np.int64), np.ones(1, np.int64)), 0.0
        arrays = (batch.images, batch.widths, *labels)
        images, widths, targets, counts = (torch.from_numpy(array).to(self.device) for array in arrays)
        parallel.count_in(self.network, len(batch.examples))
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
            return self.network.loss(images, widths, targets, counts, self.config.shortcut) * weight

    def _progress(self, batch: int) -> float:
        """How much of the run, 0..1, is over after so many batches of the part."""
        return self.part.begin + (self.part.end - self.part.begin) * batch / self.batches

    def _rate(self) -> float:
        """Trapezoid: up over the warm-up, level, down to nothing over the cooldown."""
        before, after = (self._progress(self.progress.batch + more) for more in (0, 1))
        return self.config.learning_rate * trapezoid(before, after, self.config.warmup, self.config.cooldown)

    def _ask(self) -> None:
        """Leave the loop after this step."""
        self.asked = True

    def evaluate(self) -> dict[str, Any]:
        """Decode the validation lines with the averaged weights; keep the weights if they are the best yet."""
        val, charset = self.material.val, self.material.charset
        readings = read_examples(self.average, val, self.val_pictures, charset, self.device)
        result: dict[str, Any] = {"event": "evaluation", "epoch": self.progress.epoch, "step": self.progress.step}
        if val:
            result |= rates(score([example.text for example in val], readings.texts, resamples=1))
            sets = by_set(val, readings.texts, self.material.names)
            result |= {"sets": {name: rates(found) for name, found in sets.items()}}
            result["blank_rate"] = None if readings.blank_rate is None else round(readings.blank_rate, 4)
            for measure, tie in (("cer", "wer"), ("wer", "cer")):
                best = self.progress.best.get(measure)
                if best is None or (result[measure], result[tie]) < (best[measure], best[tie]):
                    self.progress.best[measure] = {key: result[key] for key in ("cer", "wer", "ser", "epoch", "step")}
                    self._save_average(f"best-{measure}")
        else:
            self._save_average("best-cer")  # nothing to choose by: the latest
        self.progress.evaluations.append(result)
        self.log(result)
        self._advise(self.watch.observe_evaluation(readings.texts, [e.text for e in val], readings.blank_rate))
        return result

    def _advise(self, advice: list[Advice]) -> None:
        for found in advice:
            self.log({"event": "advice", "epoch": self.progress.epoch, "code": found.code, "message": found.message})

    def _patience_over(self) -> bool:
        best = self.progress.best.get("cer")
        waited = (self.progress.epoch - best["epoch"]) // self.config.evaluate_every if best else 0
        return 0 < self.config.patience <= waited

    def log(self, event: dict[str, Any]) -> None:
        if parallel.rank_and_world()[0] == 0:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / "log.jsonl").open("a", encoding="utf-8", newline="\n") as log:
                log.write(json.dumps({**event, "seconds": round(self.progress.seconds, 1)}, ensure_ascii=False) + "\n")
            self.report(event)

    def description(self) -> dict[str, Any]:
        """What a checkpoint says of its network: enough to build it again."""
        charset = self.material.charset
        return {
            "architecture": self.config.architecture,
            "charset": list(charset.symbols),
            "form": charset.form,
            "languages": list(self.languages),
            "direction": self.material.direction,
            "pitch": list(self.material.pitch) if self.material.pitch else None,
            "data": dict(zip(self.material.names, self.material.digests)),
        }

    def _weights(self) -> dict[str, float]:
        return dict(zip(self.material.names, self.material.weights))

    def _save_average(self, name: str) -> None:
        if parallel.rank_and_world()[0] == 0:
            best = self.progress.best.get(name.removeprefix("best-"), {})
            checkpoint.save(self.folder / f"{name}.safetensors", {"average": self.average.state_dict()},
                            {**self.description(), "best": best})  # fmt: skip

    def save(self) -> None:
        """Write last.safetensors: all that resuming needs."""
        self.saved = time.monotonic()
        if parallel.rank_and_world()[0] == 0:
            groups: Mapping[str, Mapping[str, Tensor]] = {
                "network": self.network.state_dict(),
                "average": self.average.state_dict(),
                "optimizer": checkpoint.pack_optimizer(self.optimizer, self.names),
            }
            state = {**self.description(), "config": asdict(self.config), "progress": asdict(self.progress)}
            state["weights"] = self._weights()
            checkpoint.save(self.folder / "last.safetensors", groups, state)

    def restore(self) -> None:
        """Go on from last.safetensors. Raises NetchuError when the data or the network are no longer the same."""
        groups, state = checkpoint.load(self.folder / "last.safetensors")
        for key, value in self.description().items():
            if key != "languages" and state[key] != value:
                raise NetchuError(
                    f"{self.folder}: cannot resume, the {key} has changed since; train afresh or undo that"
                )
        if list(state.get("weights", self._weights()).items()) != list(self._weights().items()):
            raise NetchuError(
                f"{self.folder}: cannot resume, the data sets' order or weights (@) have changed since; put them back"
            )
        self.network.load_state_dict(groups["network"])
        self.average.load_state_dict(groups["average"])
        checkpoint.unpack_optimizer(self.optimizer, self.names, groups.get("optimizer", {}))
        self.progress = Progress(**state["progress"])
        self.watch.step = self.progress.step
