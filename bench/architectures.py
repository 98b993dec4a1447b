"""Architectures against one another: same lines, same number of passes, same schedule, greedy reading; what each costs.

    python bench/architectures.py train --work out --passes 3000 --trunk vi-tiny \
        --real ../shared/data/vi/cinnamon ../shared/data/latin/copiste_d_un_jour --drawn out/ours --arms tiny permute
    python bench/architectures.py table --work out --passes 3000 --trunk vi-tiny --real ../shared/data/vi/cinnamon

Arms are names of the registry and of `contenders.py`, whose networks run through the same trainer. With `--trunk` a
network that has a ResidualTrunk of that model's sizes begins with its trunk, trained; necks and heads, and every other
network, are fresh. `--drawn` are native sets of drawn lines (`usefulness.py` draws one of 8,000), seen so often that
they make `--drawn-share` of all passes. What is scored are the last averaged weights; no epoch is picked. A run that
was interrupted goes on when the same command is given again, and one that is through is only scored.

`table` takes the trained networks, and fresh ones where what a line costs does not depend on what is read: parameters;
operations for that line of the first real set whose width is nearest to 860 columns at 48 rows (a multiplication and
its addition are two); processor time a line, single lines, one thread, float32, by torch (not all can be exported), all
in turn in every round, and its ratio to the first arm's. A head that writes may write as many letters as the text has.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

from contenders import AttentionWriter, TransformerWriter, WritingNetwork, register
from harness import RESULTS, append_csv

from netchu import zoo
from netchu.data.batch import Pictures
from netchu.data.lines import read_lines
from netchu.image import Grey, open_grey, pad_batch, to_height
from netchu.models import build
from netchu.models.line import LineNetwork
from netchu.models.trunks import ResidualTrunk
from netchu.train import checkpoint
from netchu.train.config import TrainConfig, configure
from netchu.train.examples import Source
from netchu.train.finetune import weights_of
from netchu.train.loop import Trainer
from netchu.train.run import check_options, prepare
from netchu.train.scoring import by_set, read_examples

import torch  # isort: skip - netchu.train sets what torch's libraries read when they load
from torch.utils.flop_counter import FlopCounterMode  # isort: skip

OPTIONS = {
    "languages": ["vi", "fr", "de", "es", "it", "pt", "en"], "learning_rate": 0.002, "warmup": 0.05, "cooldown": 0.65,
    "check": False, "batch_columns": 3584, "epochs": 4, "evaluate_every": 4,
}  # fmt: skip
CLASSES = 300  # of a network that nobody has trained
WIDTH = 860  # columns of the line whose operations are counted


def begin_with(network: LineNetwork, model: str) -> bool:
    """Give a network the trunk of a model of ours, if it has one of that shape; say whether it has."""
    prefix = "trunk."
    trained = {name.removeprefix(prefix): weight for name, weight in weights_of(zoo.find(model)).items()
               if name.startswith(prefix)}  # fmt: skip
    for part in network.modules():
        if isinstance(part, ResidualTrunk):
            own = {name: weight.shape for name, weight in part.state_dict().items() if name in trained}
            if own == {name: weight.shape for name, weight in trained.items()}:
                part.load_state_dict(trained, strict=False)  # but for the number of batches its norms have seen
                return True
    return False


def trainer_for(arm: str, args: argparse.Namespace) -> tuple[Trainer, bool]:
    """The arm's trainer, where it stands, and whether it began with a trained trunk."""
    real = sum(sample.split == "train" for path in args.real for sample in read_lines(path).samples)
    drawn = sum(len(read_lines(path).samples) for path in args.drawn)
    weight = args.drawn_share / (1 - args.drawn_share) * real / max(1, drawn)
    sources = [*(Source(path) for path in args.real), *(Source(path, weight) for path in args.drawn)]
    options = {**OPTIONS, "architecture": arm, "seed": args.seed, "threads": args.threads,
               "epoch_lines": args.passes // OPTIONS["epochs"]}  # type: ignore[operator] # fmt: skip
    folder = args.work / f"{arm}-{args.trunk or 'fresh'}-{args.passes}-{args.seed}"
    config: TrainConfig = configure(options)
    trainer, _ = prepare(sources, config, None, folder, None)
    begun = bool(args.trunk) and begin_with(trainer.network, args.trunk)
    trainer.average.load_state_dict(trainer.network.state_dict())
    if (folder / "last.safetensors").exists():
        check_options(folder, config)
        trainer.restore()
    return trainer, begun


def train(arm: str, args: argparse.Namespace) -> None:
    """Train an arm to the end and score it on every real set's validation part."""
    trainer, begun = trainer_for(arm, args)
    started = time.process_time()
    progress = trainer.run()
    if trainer.stopping:
        sys.exit(f"{arm}: interrupted; the same command goes on with it")
    seconds = time.process_time() - started
    material = trainer.material
    readings = read_examples(trainer.average, material.val, Pictures(), material.charset, trainer.device)
    for name, scores in by_set(material.val, readings.texts, material.names).items():
        row = {"arm": arm, "trunk": args.trunk if begun else "", "seed": args.seed, "passes": progress.lines,
               "steps": progress.step, "parameters": trainer.network.count_parameters(),
               "cpu_seconds": round(seconds), "set": name, "lines": scores.lines, "cer": round(scores.cer, 5),
               "cer_low": round(scores.cer_ci95[0], 5), "cer_high": round(scores.cer_ci95[1], 5),
               "wer": round(scores.wer, 5), "ser": round(scores.ser, 5)}  # fmt: skip
        append_csv(RESULTS / "architectures.csv", [row])
        print(row, file=sys.stderr, flush=True)


def one(network: LineNetwork, picture: Grey) -> tuple[torch.Tensor, torch.Tensor]:
    """A picture as a batch of its own."""
    images, widths = pad_batch([to_height(picture, network.height)])
    return torch.from_numpy(images), torch.from_numpy(widths)


def limit(network: LineNetwork, letters: int) -> None:
    """Let a head that writes letter by letter stop after so many: one that has not learnt to end would go on."""
    for part in network.modules():
        if isinstance(part, AttentionWriter | TransformerWriter):
            part.most = letters


def operations(network: LineNetwork, picture: Grey) -> tuple[int, int]:
    """Operations to read a line, and the letters read."""
    unseen = 0

    def count(layer: torch.nn.Module, inputs: tuple[torch.nn.utils.rnn.PackedSequence, ...]) -> None:
        nonlocal unseen
        weights = sum(weight.numel() for weight in layer.parameters() if weight.ndim > 1)
        unseen += 2 * weights * len(inputs[0].data)

    hooks = [part.register_forward_pre_hook(count) for part in network.modules() if isinstance(part, torch.nn.LSTM)]
    with FlopCounterMode(display=False) as counter:  # which does not see into an LSTM
        lines, _ = network.read(*one(network, picture))
    for hook in hooks:
        hook.remove()
    return counter.get_total_flops() + unseen, len(lines[0])


def milliseconds(
    networks: dict[str, LineNetwork], lines: list[tuple[Grey, str]], rounds: int
) -> dict[str, list[float]]:
    """Processor time a line, one figure a round for each network; all take turns in every round."""
    found: dict[str, list[float]] = {name: [] for name in networks}
    for turn in range(rounds + 1):
        for name, network in networks.items():
            started = time.process_time()
            for picture, text in lines:
                limit(network, len(text))
                network.read(*one(network, picture))
            if turn:  # the first warms up
                found[name].append(1000 * (time.process_time() - started) / len(lines))
    return found


def table(args: argparse.Namespace) -> None:
    """What reading a line costs each trained arm."""
    lines = [(open_grey(sample.image), sample.text) for sample in read_lines(args.real[0]).part("val").samples]
    nearest, text = min(lines, key=lambda line: abs(line[0].shape[1] * 48 / line[0].shape[0] - WIDTH))
    networks = {arm: trained(arm, args) for arm in args.arms}
    spent = milliseconds(networks, lines[: args.lines], args.rounds)
    first = next(iter(spent.values()))
    for arm, network in networks.items():
        limit(network, len(text))
        count, letters = operations(network, nearest)
        ratio = [a / b for a, b in zip(spent[arm], first)]
        row = {"arm": arm, "parameters": network.count_parameters(), "mflops": round(count / 1e6),
               "letters": letters, "cpu_ms": round(statistics.median(spent[arm]), 1),
               "ratio": round(statistics.median(ratio), 2), "ratio_low": round(min(ratio), 2),
               "ratio_high": round(max(ratio), 2), "rounds": args.rounds}  # fmt: skip
        append_csv(RESULTS / "architecture_costs.csv", [row])
        print(row, file=sys.stderr, flush=True)


def trained(arm: str, args: argparse.Namespace) -> LineNetwork:
    """An arm with the averaged weights that it ended with, or a fresh one where nothing is trained nor need be."""
    last = args.work / f"{arm}-{args.trunk or 'fresh'}-{args.passes}-{args.seed}" / "last.safetensors"
    network = build(arm, CLASSES)
    if last.exists():
        groups, state = checkpoint.load(last)
        network = build(arm, len(state["charset"]))
        network.load_state_dict(groups["average"])
    elif isinstance(network, WritingNetwork):
        sys.exit(f"{arm}: writes until it sees the end, so what it costs is known once it is trained; train it first")
    return network.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "table"])
    parser.add_argument("--work", type=Path, required=True, help="where runs are kept")
    parser.add_argument("--real", type=Path, nargs="+", required=True)
    parser.add_argument("--drawn", type=Path, nargs="*", default=[])
    parser.add_argument("--drawn-share", type=float, default=0.3)
    parser.add_argument("--trunk", default="", help="a model whose trunk all begin with that can; without, none")
    parser.add_argument("--arms", nargs="+", default=["tiny"])
    parser.add_argument("--passes", type=int, default=3_000, help="lines trained on, whatever the arm")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--lines", type=int, default=20, help="of table: lines to time")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    register()
    torch.set_num_threads(args.threads)
    if args.what == "table":
        table(args)
        return
    for arm in args.arms:
        train(arm, args)


if __name__ == "__main__":
    main()
