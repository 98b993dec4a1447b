"""What a trainer is set up with: optimiser, precision, augmentation."""

from __future__ import annotations

import difflib
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import nn

from netchu.data.augment import MIXES, for_script
from netchu.data.limits import script_of
from netchu.data.ops import Mix
from netchu.errors import NetchuError


class Rates(Protocol):
    """What of a config an optimiser needs."""

    @property
    def learning_rate(self) -> float: ...

    @property
    def weight_decay(self) -> float: ...


def make_optimizer(network: nn.Module, config: Rates) -> torch.optim.Optimizer:
    """AdamW; biases and normalisation weights, which have one dimension, do not decay."""
    weights = list(network.parameters())
    groups = [
        {"params": [w for w in weights if w.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [w for w in weights if w.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98), eps=1e-8)


def choose_precision(wanted: str, device: torch.device) -> str:
    """bfloat16 where the processor computes in it (twice as fast on AVX-512 BF16, AMX and GPUs), else float32."""
    if wanted != "auto":
        return wanted
    if device.type == "cuda":
        return "bfloat16"
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bfloat16" if native else "float32"


def find_mix(name: str, letters: Iterable[str]) -> Mix:
    """The augmentation of that name, within what their script stands. Raises NetchuError listing the names."""
    if name not in MIXES:
        known = ", ".join(difflib.get_close_matches(name, MIXES, n=len(MIXES), cutoff=0.0))
        raise NetchuError(f"option augment_mix = {name!r}: no such mix; known: {known}")
    return for_script(MIXES[name], script_of(letters))


def trapezoid(before: float, after: float, warmup: float, cooldown: float) -> float:
    """The share of the learning rate for a step from one progress (0..1) of the run to the other.

    Up over the warm-up, level, down to nothing over the cooldown.
    """
    return max(0.0, min(1.0, after / max(1e-9, warmup), (1 - before) / max(1e-9, cooldown)))


@torch.no_grad()
def average_in(average: nn.Module, network: nn.Module, step: int, decay: float) -> None:
    """Move averaged weights towards the network's; faster in the first steps, whose weights soon are worth nothing."""
    decay = min(decay, (1 + step) / (10 + step))
    for mean, value in zip(average.state_dict().values(), network.state_dict().values()):
        if mean.dtype.is_floating_point:
            mean.lerp_(value, 1 - decay)
        else:
            mean.copy_(value)


@contextmanager
def interruptible(ask: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C and SIGTERM call `ask`, which is to finish the step, save and leave; a second one stops at once."""
    asked = False

    def hear(number: int, frame: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        ask()

    try:
        before = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: whoever runs it there stops it their own way
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
