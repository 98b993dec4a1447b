"""A line finder's training from data sets to a model file: what `netchu train --pages` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from netchu.errors import NetchuError
from netchu.models.page import PageNetwork, build_page
from netchu.page.detect import LineFinder
from netchu.train import checkpoint
from netchu.train.finetune import weights_of
from netchu.train.pages.config import PageConfig
from netchu.train.pages.export import export_finder
from netchu.train.pages.feed import Draw
from netchu.train.pages.loop import BEST, LAST, PageProgress, PageTrainer, Report
from netchu.train.pages.truth import PageTruth, gather_pages, track_of
from netchu.train.run import cores

if TYPE_CHECKING:
    from netchu.synth.drawer import DrawSpec

MAY_CHANGE = frozenset({"threads", "workers", "evaluate_every", "save_every", "steps"})  # what resuming may change


@dataclass(frozen=True)
class PageOutcome:
    """What a run left behind; no model when it was interrupted."""

    model: Path | None
    folder: Path
    progress: PageProgress


def train_pages(
    paths: Sequence[Path],
    output: Path,
    config: PageConfig,
    resume: bool = False,
    report: Report | None = None,
    synth: DrawSpec | None = None,
    base: Path | None = None,
) -> PageOutcome:
    """Train on the train parts of page data sets, on pages drawn by `synth` or on both, and write `output` (.onnx).

    The network is a fresh one or goes on from `base`, a line finder's file or checkpoint. The run's folder is
    `output`.run. Raises NetchuError for unusable data, a folder that already holds a run (without
    `resume`), or options or data that changed since (with it).
    """
    if not paths and synth is None:
        raise NetchuError("nothing to train on: name a page data set, or a recipe with --synth")
    if output.suffix != ".onnx":
        raise NetchuError(f"{output}: a model file's name ends in .onnx")
    folder = output.with_suffix(".run")
    if resume != (folder / LAST).exists():
        raise NetchuError(
            f"{folder}: holds no run to go on with; leave --resume out" if resume else
            f"{folder}: holds a run already; --resume goes on with it, another -o (or removing it) starts afresh"
        )  # fmt: skip
    torch.set_num_threads(config.threads or cores())
    material = gather_pages(paths, config.held)
    torch.manual_seed(config.seed)
    network = build_page(config.architecture)
    if base:
        network, architecture = start_from(base)
        config = replace(config, architecture=architecture)
    trainer = PageTrainer(network, material, config, folder, report, _drawing(synth))
    if resume:
        _check_same(trainer)
    trainer.log({
        "event": "start", "parameters": trainer.network.count_parameters(), "precision": trainer.precision,
        "pages": len(material.train), "held": len(material.held), "config": asdict(config),
    })  # fmt: skip
    progress = trainer.run()
    model = None
    if progress.step >= config.steps:
        export_finder(folder / BEST, output, scores={"held": progress.best} if material.held else {})
        model = output
    return PageOutcome(model, folder, progress)


def start_from(base: Path) -> tuple[PageNetwork, str]:
    """The network of a line finder's file or checkpoint, to be trained further, and its architecture.

    Raises NetchuError when it is none of ours, or its weights do not fit.
    """
    if base.suffix == ".safetensors":
        groups, state = checkpoint.load(base)
        weights, architecture = groups["average"], str(state["architecture"])
    else:
        architecture = LineFinder(base).info.architecture  # says in one line what is wrong with a file that is not ours
        weights = weights_of(base)
    network = build_page(architecture)
    own = network.state_dict()
    for name, fresh in own.items():
        trained = weights.get(name, fresh if name.endswith("num_batches_tracked") else None)
        if trained is None or trained.shape != fresh.shape:
            raise NetchuError(f"{base}: {name} is missing or of another shape; it cannot be trained further")
        fresh.copy_(trained)
    return network, architecture


def _check_same(trainer: PageTrainer) -> None:
    """Restore a run; NetchuError where its options or data are no longer what they were."""
    state = trainer.restore()
    now: dict[str, Any] = asdict(trainer.config)
    changed = [name for name, value in now.items() if name not in MAY_CHANGE and state["config"].get(name) != value]
    if state["data"] != trainer.material.digests:
        changed.append("data")
    if changed:
        raise NetchuError(f"{trainer.folder}: cannot resume, {', '.join(changed)} changed since; put it back")


def _drawing(synth: DrawSpec | None) -> Draw | None:
    """What draws page k; a recipe that cannot draw is found out here."""
    if synth is None:
        return None
    from netchu.synth.page_mix import open_pages

    drawer = open_pages(synth)

    def draw(k: int) -> PageTruth:
        picture, page = drawer.sample(k)
        return PageTruth(tuple(track_of(line) for line in page.lines), (), drawn=picture)

    return draw
