"""The training loop of a line finder: steps over crops; scores on whole held pages, with the averaged weights."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from netchu.data.page_sources import scored_page
from netchu.image import Grey, open_grey
from netchu.models.page import PageNetwork
from netchu.page.detect import find_with, page_of
from netchu.page.maps import Floats
from netchu.page.scores import score_page, summed
from netchu.train import checkpoint, parallel
from netchu.train.pages.config import PageConfig
from netchu.train.pages.crops import Batch
from netchu.train.pages.feed import Draw, Feed
from netchu.train.pages.loss import page_loss
from netchu.train.pages.truth import PageMaterial
from netchu.train.setup import average_in, choose_precision, interruptible, make_optimizer, trapezoid

Report = Callable[[dict[str, Any]], None]
LAST, BEST = "last.safetensors", "best.safetensors"
SHOWN = ("baseline_recall", "baseline_precision", "baseline_f", "recall", "precision", "hmean")


@dataclass
class PageProgress:
    """Where a run stands."""

    step: int = 0
    seconds: float = 0.0
    best: dict[str, Any] = field(default_factory=dict)  # the evaluation that was best by baseline_f


class PageTrainer:
    """Trains one network. `folder` takes checkpoints and the log; `report` hears every event. Resuming is exact."""

    def __init__(
        self, network: PageNetwork, material: PageMaterial, config: PageConfig, folder: Path,
        report: Report | None = None, draw: Draw | None = None,
    ) -> None:  # fmt: skip
        self.material, self.config, self.folder = material, config, folder
        self.report = report or (lambda event: None)
        self.device = parallel.device()
        self.precision = choose_precision(config.precision, self.device)
        self.network = network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.network).eval().requires_grad_(False)
        self.optimizer = make_optimizer(self.network, config)
        self.names = {id(weight): name for name, weight in self.network.named_parameters()}
        self.feed = Feed(material.train, config, draw)
        self.progress = PageProgress()
        self.stopping = False

    def run(self) -> PageProgress:
        """Train to the last step or to Ctrl-C, whichever comes first; either way a checkpoint is left."""
        config, progress = self.config, self.progress
        self.network.train()
        losses: list[float] = []
        began = time.perf_counter()
        with interruptible(self._stop):
            for batch in self.feed.stream(progress.step, config.steps):
                losses.append(self.step(batch))
                now = time.perf_counter()
                progress.seconds, began = progress.seconds + now - began, now
                done = progress.step
                if done % 50 == 0:
                    rate = self._rate()
                    self.log({"event": "step", "loss": round(float(np.mean(losses)), 5), "learning_rate": rate})
                    losses.clear()
                if done % config.evaluate_every == 0 or done == config.steps:
                    self.evaluate()
                if done % config.save_every == 0 or done == config.steps or self.stopping:
                    self.save()
                if self.stopping:
                    self.log({"event": "interrupted"})
                    break
        return progress

    def step(self, batch: Batch) -> float:
        """One optimiser step; returns the loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate()
        pictures = torch.from_numpy(batch.pictures).to(self.device)
        wanted = (torch.from_numpy(each).to(self.device) for each in (batch.maps, batch.known, batch.counts))
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
            logits = self.network.logits(pictures)
        loss = page_loss(logits, *wanted)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip)
        if torch.isfinite(norm):
            self.optimizer.step()
        else:
            self.log({"event": "skipped step", "why": "gradients are not finite"})
        self.progress.step += 1
        average_in(self.average, self.network, self.progress.step, self.config.ema)
        return float(loss.detach())

    def _rate(self) -> float:
        before, after = (min(1.0, (self.progress.step + more) / self.config.steps) for more in (0, 1))
        return self.config.learning_rate * trapezoid(before, after, self.config.warmup, self.config.cooldown)

    def evaluate(self) -> dict[str, Any]:
        """Score the averaged weights on the held pages; keep them if they are the best yet (or if there are none)."""
        result: dict[str, Any] = {"event": "evaluation"}
        if self.material.held:
            tallies = []
            for sample in self.material.held:
                lines = find_with(self.paint, open_grey(sample.image))
                tallies.append(score_page(scored_page(sample), page_of(sample.page, lines)))
            rates = summed(tallies, resamples=1).total.rates
            result |= {name: round(rates[name] or 0.0, 5) for name in SHOWN}
        best = self.progress.best
        if not best or result.get("baseline_f", 0.0) >= best.get("baseline_f", 0.0):
            self.progress.best = {**result, "step": self.progress.step}
            checkpoint.save(self.folder / BEST, {"average": self.average.state_dict()},
                            {**self.description(), "best": self.progress.best})  # fmt: skip
        self.log(result)
        return result

    @torch.no_grad()
    def paint(self, images: Grey) -> Floats:
        """The maps that the averaged weights make of pictures, as a model file would."""
        maps: Floats = self.average(torch.from_numpy(images).to(self.device)).cpu().numpy()
        return maps

    def _stop(self) -> None:
        self.stopping = True

    def log(self, event: dict[str, Any]) -> None:
        event = {**event, "step": self.progress.step, "seconds": round(self.progress.seconds, 1)}
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log.jsonl").open("a", encoding="utf-8", newline="\n") as log:
            log.write(json.dumps(event, ensure_ascii=False) + "\n")
        self.report(event)

    def description(self) -> dict[str, Any]:
        """What a checkpoint says of its network: enough to build it again."""
        return {"architecture": self.config.architecture, "data": self.material.digests}

    def save(self) -> None:
        """Write all that resuming needs."""
        groups = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": checkpoint.pack_optimizer(self.optimizer, self.names),
        }
        state = {**self.description(), "config": asdict(self.config), "progress": asdict(self.progress)}
        checkpoint.save(self.folder / LAST, groups, state)

    def restore(self) -> dict[str, Any]:
        """Go on from the last checkpoint; what it says of itself. Raises NetchuError when there is none."""
        groups, state = checkpoint.load(self.folder / LAST)
        self.network.load_state_dict(groups["network"])
        self.average.load_state_dict(groups["average"])
        checkpoint.unpack_optimizer(self.optimizer, self.names, groups["optimizer"])
        self.progress = PageProgress(**state["progress"])
        return state
