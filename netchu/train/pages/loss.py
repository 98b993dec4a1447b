"""What a line finder is punished for.

Dice beside cross-entropy, for maps of which hardly anything is set: Milletari, Navab and Ahmadi 2016 (V-Net); for text
lines Boillet, Kermorvant and Paquet 2020 (Doc-UFCN).
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor

from netchu.page.maps import ABOVE

RARE = (1.0, 2.0, 2.0)  # weight of set pixels in the cross-entropy of ribbon, start and end
ENTROPY, DICE, HEIGHT = 4.0, 1.0, 0.5  # weights of the three parts; the first is a mean over all pixels


def page_loss(logits: Tensor, maps: Tensor, known: Tensor, counts: Tensor) -> Tensor:
    """The mean loss of a batch: logits and maps (N, MAPS, h, w), known and counts (N, h, w) as in `Crop`."""
    paint, wanted = logits[:, :ABOVE], maps[:, :ABOVE]
    weights = counts[:, None]
    rare = paint.new_tensor(RARE)[:, None, None]
    entropy = functional.binary_cross_entropy_with_logits(paint, wanted, pos_weight=rare, reduction="none")
    entropy = (entropy * weights).sum((0, 2, 3)) / weights.sum().clamp(min=1.0)
    found = torch.sigmoid(paint) * weights
    both = (found * wanted).sum((0, 2, 3))
    total = (found * found).sum((0, 2, 3)) + (wanted * wanted * weights).sum((0, 2, 3))
    dice = 1 - (2 * both + 1) / (total + 1)
    heights = functional.smooth_l1_loss(logits[:, ABOVE:], maps[:, ABOVE:], reduction="none", beta=0.2)
    height = (heights * known[:, None]).sum() / known.sum().clamp(min=1.0)
    return ENTROPY * entropy.mean() + DICE * dice.mean() + HEIGHT * height
