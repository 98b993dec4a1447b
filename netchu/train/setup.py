"""What a trainer is set up with: optimiser, precision, augmentation."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import torch
from torch import nn

from netchu.data.augment import MIXES, for_script
from netchu.data.limits import script_of
from netchu.data.ops import Mix
from netchu.errors import NetchuError
from netchu.train.config import TrainConfig


def make_optimizer(network: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
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
