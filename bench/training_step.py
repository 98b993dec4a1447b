"""What makes a training step faster on this machine: memory layout, torch.compile, precision, threads.

    python bench/training_step.py --architecture base --rounds 5

Each variant is the same network on the same batch (16 lines of 896 columns, labels of 50), forward, CTC and backward,
in this process, in turn; the table gives the median time of each over the first's.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import netchu.train  # noqa: F401 - sets what torch's libraries read when they load, so it comes first  # isort: skip
import torch

from netchu.models import build
from netchu.models.loss import ctc_loss

CLASSES, LINES, WIDTH, LABEL = 301, 16, 896, 50


def step(architecture: str, layout: str, half: bool, compiled: bool) -> Callable[[], None]:
    """A forward and backward pass of a fresh network."""
    torch.manual_seed(0)
    network = build(architecture, CLASSES)
    if layout == "channels last":
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    forward = torch.compile(network.forward_both) if compiled else network.forward_both
    images = torch.randint(0, 255, (LINES, network.height, WIDTH), dtype=torch.uint8)
    widths = torch.full((LINES,), WIDTH)
    targets = torch.randint(1, CLASSES, (LINES, LABEL))
    counts = torch.full((LINES,), LABEL)

    def run() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            logits, shortcut, lengths = forward(images, widths)
        losses = [ctc_loss(output, targets.flatten(), lengths, counts) for output in (logits, shortcut)]
        (losses[0] + losses[1]).backward()  # type: ignore[no-untyped-call]
        network.zero_grad(set_to_none=True)

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architecture", default="base")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    variants = {
        "bfloat16": ("plain", True, False),
        "float32": ("plain", False, False),
        "bfloat16, channels last": ("channels last", True, False),
        "bfloat16, compiled": ("plain", True, True),
        "bfloat16, channels last, compiled": ("channels last", True, True),
    }
    steps = {name: step(args.architecture, *variant) for name, variant in variants.items()}
    times: dict[str, list[float]] = {name: [] for name in steps}
    for run in steps.values():
        run()
        run()
    for _ in range(args.rounds):
        for name, run in steps.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    first = statistics.median(times["bfloat16"])
    for name, taken in times.items():
        middle = statistics.median(taken)
        print(f"{name:36} {middle:6.3f} s  {middle / first:5.2f}  {LINES / middle:6.1f} lines/s")


if __name__ == "__main__":
    main()
