"""A training run from data sets to a model file: what `netchu train` does."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from netchu.data.batch import Pictures
from netchu.data.check import check
from netchu.data.lines import TABLE, read_table, write_whole
from netchu.errors import NetchuError
from netchu.export import export, restore, round_to_half
from netchu.image import Grey
from netchu.models import build
from netchu.models.line import LineNetwork
from netchu.text import Charset
from netchu.train import checkpoint, parallel
from netchu.train.config import TrainConfig
from netchu.train.doctor import OverfitResult, Watch, judge_padding, overfit_check, padding_fault
from netchu.train.examples import Material, Source, gather
from netchu.train.finetune import Base, load_base, start_from
from netchu.train.live import Live, add_drawn, some, validate_on_drawn, write_drawn
from netchu.train.loop import Progress, Report, Trainer
from netchu.train.report import Table, write_report
from netchu.train.scoring import Readings, by_set, read_examples, to_json
from netchu.train.setup import choose_precision

if TYPE_CHECKING:
    from netchu.synth.drawer import DrawSpec

DRAWN_VAL = "drawn-val"  # folder within the run's, of drawn validation lines
DRILL = 160  # lines drawn to learn some of by heart
MAY_CHANGE = frozenset(
    {"threads", "workers", "draw_jobs", "patience", "check"}
)  # options that resuming does not hold fast


@dataclass(frozen=True)
class Outcome:
    """What a run left behind. `before` and `after` are validation scores by data set; before only when fine-tuning."""

    model: Path | None
    folder: Path
    progress: Progress
    before: dict[str, dict[str, Any]]
    after: dict[str, dict[str, Any]]
    finished: bool


def train(
    sources: Sequence[Source],
    output: Path,
    config: TrainConfig,
    base: str | None = None,
    resume: bool = False,
    report: Report | None = None,
    synth: DrawSpec | None = None,
) -> Outcome:
    """Train on data sets, on lines drawn meanwhile by `synth` or on both, and write `output` (.onnx).

    The network is a fresh one or goes on from `base`. The run's folder is `output`.run.
    Raises NetchuError for unusable data, a recipe that cannot draw, a base that is not one of ours, a folder that
    already holds a run (without `resume`) or options that changed since (with it).
    """
    if not sources and synth is None:
        raise NetchuError("nothing to train on: name a data set, or a recipe with --synth")
    if output.suffix != ".onnx":
        raise NetchuError(f"{output}: a model file's name ends in .onnx")
    folder = output.with_suffix(".run")
    if not resume and (folder / "last.safetensors").exists():
        raise NetchuError(
            f"{folder}: holds a run already; --resume goes on with it, another -o (or removing it) starts afresh"
        )
    if resume and not (folder / "last.safetensors").exists():
        raise NetchuError(f"{folder}: holds no run to go on with; leave --resume out")
    parallel.start()
    torch.set_num_threads(config.threads or cores())
    trainer, started = prepare(sources, config, base, folder, report, synth)
    if resume:
        check_options(folder, trainer.config)
        trainer.restore()
    before = _before(started, trainer.material, folder, resume)
    progress = trainer.run()
    finished = not trainer.stopping
    model = None
    best = folder / "best-cer.safetensors"
    after: dict[str, dict[str, Any]] = {}
    if finished and parallel.rank_and_world()[0] == 0 and best.exists():
        network, _ = restore(best)
        round_to_half(network)  # what the file will hold
        readings = read_all(network, trainer.material)
        after = to_json(by_set(trainer.material.val, readings.texts, trainer.material.names))
        export(best, output, scores={"validation": after})
        model = output
        _report(folder, trainer, readings, before, after)
    parallel.stop()
    return Outcome(model, folder, progress, before, after, finished)


def prepare(
    sources: Sequence[Source], config: TrainConfig, base: str | None, folder: Path, report: Report | None,
    synth: DrawSpec | None = None,
) -> tuple[Trainer, Base | None]:  # fmt: skip
    """Read the data, build or load the network, and set up its trainer."""
    fresh, first = not (folder / "last.safetensors").exists(), parallel.rank_and_world()[0] == 0
    started = load_base(base) if base else None
    architecture = config.architecture or (started.architecture if started else "base")
    config = dataclasses.replace(config, architecture=architecture)
    if started and started.pitch and not config.pitch_least:
        config = dataclasses.replace(config, pitch_least=started.pitch[0], pitch_most=started.pitch[1])
    if started:
        started = dataclasses.replace(started, architecture=architecture)
    probe = build(config.architecture, 2)  # its height and stride say what lines it can be trained on
    kept = started.charset if started and config.keep_alphabet else None
    synth = dataclasses.replace(synth, without=judged_by(sources)) if synth else None
    drawer = synth.open() if synth else None  # a recipe that cannot draw is found out here
    alphabet = drawer.alphabet if drawer else None
    vertical = config.vertical or bool(started and "ttb" in started.direction)
    vertical = vertical or bool(drawer and drawer.recipe.vertical)
    material = gather(sources, probe.height, probe.stride, config.languages, kept, alphabet, vertical, config.pitch)
    live, said = None, ""
    pictures: dict[str, Grey] = {}
    if synth and drawer:
        material = add_drawn(material, synth)
        live = Live(synth, material, probe.height, probe.stride, config.draw_jobs)
        if not material.val:
            place = folder / DRAWN_VAL
            material, pictures, said = validate_on_drawn(material, synth, place, probe.height, probe.stride)
    torch.manual_seed(config.seed)
    network = start_from(started, material.charset) if started else build(config.architecture, len(material.charset))
    trainer = Trainer(network, material, config, folder, report, live)
    trainer.val_pictures.kept |= pictures
    if pictures and first and (fresh or not (folder / DRAWN_VAL / "lines.tsv").exists()):
        write_drawn(folder / DRAWN_VAL, material.val, pictures)
    if started:
        trainer.watch = Watch(config.learning_rate, fresh=False)
        if config.keep_alphabet:
            trainer.languages = tuple(dict.fromkeys((*started.languages, *config.languages)))
    if drawer:
        from netchu.synth.texts import spoken

        trainer.languages = tuple(dict.fromkeys((*trainer.languages, *spoken(drawer.recipe.language))))
    if first and fresh:
        found = examine(trainer) if config.check else iter(())
        for code, message in (*found, *([("drawn-validation", said)] if said else [])):
            trainer.log({"event": "advice", "code": code, "message": message})
    if report and first:
        report({"event": "start", "folder": str(folder), **opening(trainer)})
    return trainer, started


def judged_by(sources: Sequence[Source]) -> tuple[str, ...]:
    """The native data sets with lines to validate or test on: what stands in those must not be drawn."""
    found = []
    for source in sources:
        table = source.path / TABLE if source.path.is_dir() else source.path
        if table.name.endswith(".tsv") and table.is_file():
            rows = read_table(table)
            at = rows.columns.index("split") if "split" in rows.columns else None
            if at is not None and any(row.fields[at : at + 1] in (("val",), ("test",)) for row in rows.rows):
                found.append(str(table))
    return tuple(found)


def opening(trainer: Trainer) -> dict[str, Any]:
    """What a person wants to know as a run begins."""
    material, live = trainer.material, trainer.live
    return {
        "summary": live.summary(material, trainer.config) if live else material.summary(),
        "architecture": trainer.config.architecture, "parameters": trainer.network.count_parameters(),
        "characters": len(material.charset) - 1, "epochs": trainer.epochs, "steps": trainer.steps,
        "steps_estimated": live is not None, "precision": trainer.precision, "device": str(trainer.device),
        "threads": torch.get_num_threads(),
    }  # fmt: skip


def learn_by_heart(sources: Sequence[Source], config: TrainConfig, synth: DrawSpec | None = None) -> OverfitResult:
    """The doctor's quick experiment on data sets, with the smallest network: can 32 of their lines be learnt at all?"""
    torch.set_num_threads(config.threads or cores())
    network = build("tiny", 2)
    drawer = synth.open() if synth else None
    alphabet = drawer.alphabet if drawer else None
    material = gather(sources, network.height, network.stride, config.languages, None, alphabet)
    device = parallel.device()
    pictures, examples = Pictures(), material.train
    if drawer and not examples:
        lines = some(drawer, DRILL, material.charset, network.height, network.stride, None, 0)
        examples = tuple(example for example, _ in lines)
        pictures.kept |= {example.path: picture for example, picture in lines}
    return overfit_check(
        lambda classes: build("tiny", classes), examples, pictures, material.charset,
        precision=choose_precision(config.precision, device), seed=config.seed, device=device,
    )  # fmt: skip


def examine(trainer: Trainer) -> Iterator[tuple[str, str]]:
    """What is wrong before the first step, as (code, message).

    That is what `netchu data check` has against each data set (its remarks in passing are left to that verb), and
    whether padding can be felt by the network.
    """
    network, material = trainer.network, trainer.material
    for each in material.surveyed:
        seen = [look.flat() for look in each.seen] if material.vertical else each.seen
        for found in check(each.lines, material.charset, network.height, network.stride, seen, material.pitch):
            if found.level != "info":
                yield found.code, f"{each.lines.root.name}: {found.message}"
    examples, pictures = (material.train, trainer.pictures) if material.train else (material.val, trainer.val_pictures)
    for advice in judge_padding(padding_fault(network, [pictures(e.path) for e in examples[:4]])):
        yield advice.code, advice.message


def check_options(folder: Path, config: TrainConfig) -> None:
    """Raise NetchuError when an option differs from the one that the run in `folder` was started with."""
    _, state = checkpoint.load(folder / "last.safetensors")
    now = json.loads(json.dumps(dataclasses.asdict(config)))
    for name, was in state["config"].items():
        if name not in MAY_CHANGE and now.get(name) != was:
            raise NetchuError(f"{folder}: cannot resume, {name} was {was!r} and is now {now.get(name)!r}; put it back")


def _before(base: Base | None, material: Material, folder: Path, resume: bool) -> dict[str, dict[str, Any]]:
    """Scores of the base model on every data set, read before the first step; kept for a resumed run's table."""
    file = folder / "before.json"
    if base is None or parallel.rank_and_world()[0] != 0:
        return {}
    if resume and file.exists():
        return dict(json.loads(file.read_text(encoding="utf-8")))
    own = Charset(base.charset.symbols, base.charset.form)
    readings = read_all(start_from(base, own).eval(), dataclasses.replace(material, charset=own))
    scores = to_json(by_set(material.val, readings.texts, material.names))
    write_whole(file, json.dumps(scores).encode("utf-8"))  # a resumed run trusts it, so never half
    return scores


def read_all(network: LineNetwork, material: Material) -> Readings:
    """The validation lines as the network reads them."""
    pictures = Pictures(vertical=material.vertical)
    return read_examples(network, material.val, pictures, material.charset, torch.device("cpu"))


def _report(folder: Path, trainer: Trainer, readings: Readings, before: dict[str, Any], after: dict[str, Any]) -> None:
    """The report folder: curves, worst lines, confusions, what was dropped; before and after when fine-tuning."""
    material = trainer.material
    rows = [
        (name, *(f"{100 * table[name]['cer']:.2f}" for table in (before, after))) for name in after if name in before
    ]
    write_report(
        folder,
        log=read_log(folder / "log.jsonl"),
        references=[example.text for example in material.val],
        hypotheses=list(readings.texts),
        images=[example.path for example in material.val],
        sources=[material.names[example.source] for example in material.val],
        charset=material.charset,
        rejects=(*material.rejects, *(trainer.live.rejects if trainer.live else ())),
        config=dataclasses.asdict(trainer.config),
        tables=[Table("CER % before and after", ("data set", "before", "after"), tuple(rows))] if rows else [],
    )


def read_log(path: Path) -> list[dict[str, Any]]:
    """The events of a log. A line that a crash cut short is left out."""
    events = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            events.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return events


def cores() -> int:
    """Cores that this process may use, shared out among the processes of a machine."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, allowed // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
