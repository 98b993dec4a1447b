"""Data-parallel training under torchrun: every process takes its share of each global batch, and the sums agree.

A run on n processes follows the same curve as one process with the same global batch: losses and gradients are sums
over all lines divided by the global number of characters, and batch norms take their statistics over all processes.
"""

from __future__ import annotations

import os
from typing import Any

import torch
import torch.distributed as distributed
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce


def start() -> None:
    """Join the process group when torchrun started this process; otherwise do nothing."""
    if "WORLD_SIZE" in os.environ and int(os.environ["WORLD_SIZE"]) > 1 and not distributed.is_initialized():
        distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")


def stop() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()


def rank_and_world() -> tuple[int, int]:
    return (distributed.get_rank(), distributed.get_world_size()) if distributed.is_initialized() else (0, 1)


def device() -> torch.device:
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def sum_gradients(network: nn.Module, loss: Tensor, stopping: bool) -> tuple[Tensor, bool]:
    """Add up gradients, in place, and losses over all processes, in one exchange; and agree on whether to stop.

    A signal reaches the processes at different steps; they leave the loop together when the first has had it.
    """
    if rank_and_world()[1] == 1:
        return loss, stopping
    weights = [weight for weight in network.parameters() if weight.grad is not None]
    said = torch.stack([loss.reshape(()), loss.new_tensor(float(stopping))])
    flat = torch.cat([weight.grad.flatten() for weight in weights if weight.grad is not None] + [said])
    distributed.all_reduce(flat)
    start = 0
    for weight in weights:
        assert weight.grad is not None
        weight.grad.copy_(flat[start : start + weight.numel()].view_as(weight))
        start += weight.numel()
    return flat[-2], bool(flat[-1] > 0)


class SharedNorm(nn.BatchNorm2d):
    """Batch norm whose training statistics come from all processes (torch's own needs a GPU)."""

    counted = True  # whether this process's maps are part of them

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        maps = input.float()
        count = maps.new_full((1,), maps.numel() / maps.shape[1])
        own = torch.cat([maps.sum((0, 2, 3)), maps.square().sum((0, 2, 3)), count])
        sums: Tensor = all_reduce(own if self.counted else own * 0.0)
        total = sums[-1]
        mean, square = (sums[:-1] / total).chunk(2)
        variance = (square - mean.square()).clamp(min=0.0)
        assert self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None
        with torch.no_grad():
            momentum = self.momentum or 0.1
            self.running_mean.lerp_(mean, momentum)
            self.running_var.lerp_(variance * total / (total - 1), momentum)
            self.num_batches_tracked += 1
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (maps - mean[:, None, None]) * scale[:, None, None] + self.bias[:, None, None]


def count_in(network: nn.Module, lines: int) -> None:
    """Leave a process without lines, whose blank picture only keeps it in step, out of the statistics."""
    for part in network.modules():
        if isinstance(part, SharedNorm):
            part.counted = lines > 0


def synchronise(network: Any) -> Any:
    """Make batch norms share their statistics, when there is more than one process to share with."""
    if rank_and_world()[1] > 1:
        for part in network.modules():
            if type(part) is nn.BatchNorm2d:
                part.__class__ = SharedNorm
    return network
