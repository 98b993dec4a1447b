"""The CTC loss against torch's own, in value and gradient."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as functional  # noqa: E402
from torch import Tensor  # noqa: E402

from netchu.models.loss import ctc_loss  # noqa: E402

FRAMES, CLASSES = 30, 12


def random_case(seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Five lines of three letters only, so that letters come again and again; some lines may have no label."""
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(5, FRAMES, CLASSES, dtype=torch.float64, generator=generator)
    counts = torch.randint(0, 9, (5,), generator=generator)
    targets = torch.randint(1, 4, (int(counts.sum()),), generator=generator)
    return logits, targets, torch.randint(20, FRAMES + 1, (5,), generator=generator), counts


def theirs(logits: Tensor, targets: Tensor, lengths: Tensor, counts: Tensor) -> Tensor:
    return functional.ctc_loss(logits.log_softmax(2).transpose(0, 1), targets, lengths, counts, reduction="sum")


@pytest.mark.parametrize("seed", range(10))
def test_value_and_gradient(seed: int) -> None:
    logits, *rest = random_case(seed)
    logits.requires_grad_()
    values, slopes = [], []
    for loss in (ctc_loss, theirs):
        value = loss(logits, *rest)
        values.append(value.item())
        (slope,) = torch.autograd.grad(0.7 * value, logits)
        slopes.append(slope)
    assert values[0] == pytest.approx(values[1], rel=1e-9)
    torch.testing.assert_close(slopes[0], slopes[1], rtol=1e-7, atol=1e-9)


def test_half_precision_comes_back_as_it_came() -> None:
    logits, *rest = random_case(0)
    half = logits.to(torch.bfloat16).requires_grad_()
    loss = ctc_loss(half, *rest)
    assert loss.dtype == torch.float32
    (slope,) = torch.autograd.grad(loss, half)
    assert slope.dtype == torch.bfloat16
    whole = half.detach().float().requires_grad_()
    (reference,) = torch.autograd.grad(theirs(whole, *rest), whole)
    torch.testing.assert_close(slope.float(), reference, rtol=0.02, atol=0.02)


def test_labels_without_room_are_infinite() -> None:
    logits = torch.zeros(1, 3, CLASSES)
    fits, too_long = torch.tensor([1, 2, 3]), torch.tensor([1, 1, 2])  # twice the same letter wants a blank between
    frames, letters = torch.tensor([3]), torch.tensor([3])
    assert torch.isfinite(ctc_loss(logits, fits, frames, letters))
    assert torch.isinf(ctc_loss(logits, too_long, frames, letters))


def test_frames_beyond_a_line_do_not_count() -> None:
    logits, targets, lengths, counts = random_case(3)
    lengths = torch.full_like(lengths, 20)
    changed = logits.clone()
    changed[:, 20:] = 5.0
    changed.requires_grad_()
    loss = ctc_loss(changed, targets, lengths, counts)
    assert loss.item() == pytest.approx(ctc_loss(logits, targets, lengths, counts).item())
    (slope,) = torch.autograd.grad(loss, changed)
    assert not slope[:, 20:].any()


def test_a_batch_may_be_without_any_label() -> None:
    logits, _, lengths, counts = random_case(1)
    none, zero = torch.zeros(0, dtype=torch.int64), torch.zeros_like(counts)
    logits.requires_grad_()
    loss = ctc_loss(logits, none, lengths, zero)
    blanks = [row[:length].log_softmax(1)[:, 0].sum() for row, length in zip(logits, lengths)]
    (slope,), (wanted,) = (torch.autograd.grad(found, logits) for found in (loss, -sum(blanks)))
    assert loss.item() == pytest.approx(-sum(blanks).item())
    torch.testing.assert_close(slope, wanted)
