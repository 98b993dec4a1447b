"""Training speed on two threads: netchu's architectures against kraken's default network, in interleaved bursts.

    python bench/training_speed.py --data ../shared/data/vi/cinnamon --rounds 3 --seconds 20 \
        --architectures tiny base crnn seed --peer-python .peers/kraken/bin/python

Every system trains in a process of its own that sleeps outside its bursts; each burst is whole optimiser steps until
`--seconds` have passed, fetching and augmenting the lines included. kraken (`pip install kraken` in an environment of
its own) runs as `ketos --threads 2 --workers 1 train -f path -B 16` does: its default VGSL network, data module,
trainer and optimiser, validation left out. netchu trains with its defaults, precision included; the mode column
names it. Warm-up steps are not counted.

Wants an idle machine: alone, `ketos train` did 3.4 lines/s here, beside other busy processes 0.3 to 0.9 (it spends
more processor time, not less: threads that spin for one another, it seems). With OMP_WAIT_POLICY=passive, which every
system inherits, it kept 2.3 to 2.7 beside such a load: the fairer setting where a machine must be shared.
"""

from __future__ import annotations

import argparse
import functools
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import RESULTS, Requests, Worker, append_csv, busy_cores, ratio_by_round, read_rows, versions

if TYPE_CHECKING:
    from netchu.train.loop import Trainer

PEER = "kraken"
QUIET = 0.2  # cores that others may take; beyond that kraken suffers most, and unfairly


@functools.cache
def netchu_trainer(architecture: str, data: str, threads: int) -> Trainer:
    """netchu's own trainer with its defaults, as `netchu train` sets it up."""
    import torch

    from netchu.train.config import TrainConfig
    from netchu.train.examples import Source
    from netchu.train.run import prepare

    torch.set_num_threads(threads)
    config = TrainConfig(architecture=architecture, threads=threads)
    trainer, _ = prepare([Source(Path(data))], config, None, Path(tempfile.gettempdir(), "netchu-unused"), None)
    trainer.network.train()
    return trainer


@functools.cache
def netchu_steps(trainer: Trainer) -> Iterator[int]:
    """Train on and on; the lines of each step. The plans and batches are those of the training loop."""
    for epoch in range(trainer.epochs):
        for batch in trainer.maker.stream(trainer._plan(epoch), epoch, trainer.config.workers):
            trainer.step(batch)
            yield len(batch.examples)


def netchu_lines_per_second(architecture: str, setup: dict[str, Any], seconds: float) -> float:
    """One burst of at least `seconds`. The trainer goes on where the burst before it stopped."""
    steps = netchu_steps(netchu_trainer(architecture, setup["data"], setup["threads"]))
    start, lines = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - start) < seconds:
        lines += next(steps)
    return lines / elapsed


def train_netchu(architecture: str, requests: Requests) -> None:
    setup = requests.receive() or sys.exit()
    trainer = netchu_trainer(architecture, setup["data"], setup["threads"])
    shapes = list({planned.width: planned for planned in trainer._plan(0)}.values())
    start = time.perf_counter()
    for batch in trainer.maker.stream(shapes, 0):  # oneDNN compiles kernels at the first sight of a width
        trainer.step(batch)
        if time.perf_counter() - start > setup["warm"]:
            break
    requests.send(versions=versions("netchu", "torch"), precision=trainer.precision)
    while request := requests.receive():
        requests.send(lines_per_second=netchu_lines_per_second(architecture, setup, request["seconds"]))


def train_kraken(requests: Requests) -> None:
    """Runs kraken's own trainer; a callback holds it before each burst and counts the lines within."""
    setup = requests.receive() or sys.exit()
    from kraken.configs import VGSLRecognitionTrainingConfig, VGSLRecognitionTrainingDataConfig
    from kraken.train import KrakenTrainer
    from kraken.train.vgsl import VGSLRecognitionDataModule, VGSLRecognitionModel
    from lightning.pytorch.callbacks import Callback
    from threadpoolctl import threadpool_limits

    class Bursts(Callback):  # type: ignore[misc]
        start, seconds, lines = 0.0, 0.0, 0
        about: str | None = versions("kraken", "torch", "lightning")

        def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, index: int) -> None:
            elapsed = time.perf_counter() - self.start
            if self.lines == 0 and self.start == 0:  # the first step warms up
                self.start = time.perf_counter()
            elif elapsed >= self.seconds:
                if self.about:
                    requests.send(versions=self.about, precision=trainer.precision)
                    self.about = None
                else:
                    requests.send(lines_per_second=self.lines / elapsed)
                self.seconds = (requests.receive() or sys.exit())["seconds"]
                self.start, self.lines = time.perf_counter(), 0

        def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, index: int) -> None:
            self.lines += len(batch["target_lens"])

    with tempfile.TemporaryDirectory() as folder:
        pairs = []
        for image, text in zip(setup["images"], setup["texts"], strict=True):
            link = Path(folder, f"{len(pairs)}{Path(image).suffix}")
            link.symlink_to(image)
            Path(folder, f"{len(pairs)}.gt.txt").write_text(text, encoding="utf-8")
            pairs.append(str(link))
        data = VGSLRecognitionTrainingDataConfig(
            training_data=pairs, evaluation_data=pairs[:16], format_type="path", num_workers=1
        )
        config = VGSLRecognitionTrainingConfig(
            batch_size=setup["batch"], quit="fixed", epochs=1000, checkpoint_path=folder
        )
        trainer = KrakenTrainer(
            accelerator="cpu",
            devices="auto",
            precision="32-true",
            max_epochs=1000,
            min_epochs=0,
            enable_progress_bar=False,
            enable_summary=False,
            enable_model_summary=False,
            enable_checkpointing=False,
            gradient_clip_val=config.gradient_clip_val,
            num_sanity_val_steps=0,
            limit_val_batches=0,
            callbacks=[Bursts()],
        )
        with threadpool_limits(limits=setup["threads"]):
            trainer.fit(VGSLRecognitionModel(config), VGSLRecognitionDataModule(data))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a lines data set")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20, help="length of a burst")
    parser.add_argument("--settle", type=float, default=2, help="pause between bursts, for loaders to fall asleep")
    parser.add_argument("--warm", type=float, default=60, help="longest warm-up, in which netchu meets its widths")
    parser.add_argument("--batch", type=int, default=16, help="kraken's; netchu fills its own area budget")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--architectures", nargs="*", default=["tiny", "base", "crnn", "seed"])
    parser.add_argument("--peer-python", type=Path, default=Path(".peers/kraken/bin/python"))
    parser.add_argument("--out", type=Path, default=RESULTS / "training_speed.csv")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        requests = Requests()
        return train_kraken(requests) if args.worker == PEER else train_netchu(args.worker, requests)
    if not args.data:
        parser.error("--data is needed")

    rows = read_rows(args.data, "train")
    setup = {
        "data": str(args.data.resolve()),
        "images": [str(row.image) for row in rows],
        "texts": [row.text for row in rows],
        "batch": args.batch,
        "threads": args.threads,
        "warm": args.warm,
    }
    pythons = {PEER: args.peer_python, **dict.fromkeys(args.architectures, Path(sys.executable))}
    workers = {s: Worker([python, __file__, "--worker", s], args.threads) for s, python in pythons.items()}
    about = {}
    for system, worker in workers.items():
        about[system] = worker.ask(**setup)

    speeds: dict[str, list[float]] = {system: [] for system in workers}
    others = 0.0
    for number in range(args.rounds):
        for system in random.Random(number).sample(list(workers), len(workers)):
            time.sleep(args.settle)
            others = max(others, busy_cores(0.5))
            speeds[system].append(workers[system].ask(seconds=args.seconds)["lines_per_second"])
            print(f"round {number + 1}: {system} {speeds[system][-1]:.2f} lines/s", file=sys.stderr)
    for worker in workers.values():
        worker.close()

    print(f"{args.data} (train), {args.threads} threads, {args.rounds} rounds")
    if others > QUIET:
        print(f"warning: other programs kept up to {others:.1f} cores busy; these ratios are not to be quoted")
    print(f"{'system':12}{'lines/s':>9}{'to ' + PEER:>11}{'min':>8}{'max':>8}{'to seed':>9}")
    records = []
    for system, values in speeds.items():
        ratio, speed = ratio_by_round(values, speeds[PEER]), statistics.median(values)
        to_seed = ratio_by_round(values, speeds["seed"]).median if "seed" in speeds else float("nan")
        figures = f"{speed:9.2f}{ratio.median:11.2f}{ratio.low:8.2f}{ratio.high:8.2f}{to_seed:9.2f}"
        print(f"{system:12}{figures}")
        records.append(
            {
                "system": system,
                "mode": f"train, {about[system]['precision']}",
                "lines": len(rows),
                "threads": args.threads,
                "lines_per_second_median": round(speed, 2),
                "ratio_to_peer_median": round(ratio.median, 2),
                "ratio_min": round(ratio.low, 2),
                "ratio_max": round(ratio.high, 2),
                "ratio_to_seed_median": round(to_seed, 2),
                "omp_wait_policy": os.environ.get("OMP_WAIT_POLICY", "default"),
                "others_busy_cores": round(others, 2),
                "versions": about[system]["versions"],
            }
        )
    append_csv(args.out, records)


if __name__ == "__main__":
    main()
