"""CTC loss whose cost hardly grows with the alphabet."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor


def ctc_loss(logits: Tensor, targets: Tensor, lengths: Tensor, counts: Tensor) -> Tensor:
    """Summed negative log-likelihood (Graves et al. 2006) of the lines' labels; class 0 is the blank.

    logits float (N, T, classes), not normalised; targets int (sum of counts,), all labels one after the other;
    lengths int (N,), frames of each line; counts int (N,), labels of each line -> scalar, in nats. A line whose labels
    do not fit its frames makes it infinite.

    A line uses a handful of the classes, so only these are summed over paths: with the 2,400 of Japanese that takes
    half the time of torch.nn.functional.ctc_loss, which walks through every class at every frame.
    """
    loss: Tensor = _CTC.apply(logits, targets, lengths, counts)  # type: ignore[no-untyped-call]
    return loss


class _CTC(torch.autograd.Function):
    """The gradient, softmax less the share of paths through each label, is made along with the loss."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor, lengths: Tensor, counts: Tensor) -> Tensor:
        columns, own = _columns(targets, counts)
        logits = logits.detach()
        every = (logits if logits.dtype == torch.float64 else logits.float()).log_softmax(2)
        index = columns[:, None, :].expand(-1, logits.shape[1], -1)
        with torch.enable_grad():  # type: ignore[no-untyped-call]
            used = every.gather(2, index).requires_grad_()
            loss = functional.ctc_loss(used.transpose(0, 1), own, lengths, counts, reduction="sum")
            (slope,) = torch.autograd.grad(loss, used)
        real = (torch.arange(logits.shape[1], device=logits.device) < lengths[:, None]).to(every.dtype)[:, :, None]
        # torch gives exp(used) - share, as if a log_softmax over these columns alone had come before
        share = (used.detach().exp() - slope) * real
        gradient = every.exp_().mul_(real).scatter_add_(2, index, -share)
        ctx.save_for_backward(gradient.to(logits.dtype))
        return loss.detach()

    @staticmethod
    def backward(ctx: Any, *above: Any) -> tuple[Tensor, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * above[0], None, None, None


def _columns(targets: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """The classes that each line needs (N, 1 + longest label), blank first, and its labels as indices into them.

    A letter that comes again points to where it came first, so that CTC still sees it as the same letter.
    """
    longest = max(1, int(counts.max()))  # one at least: lines may all be without labels
    inside = torch.arange(longest, device=targets.device) < counts[:, None]
    labels = torch.zeros(len(counts), longest, dtype=torch.int64, device=targets.device)
    labels[inside] = targets.to(torch.int64)
    same = labels[:, :, None] == labels[:, None, :]
    first = same.to(torch.int8).argmax(2) + 1  # argmax gives the first of equals
    return functional.pad(labels, (1, 0)), first[inside]
