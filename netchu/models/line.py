"""The line reader as one network: uint8 picture in, CTC logits out. What trains is what ships."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from netchu.decode.ctc import greedy
from netchu.decode.reading import BLANK
from netchu.models.blocks import Normalise, to_sequence
from netchu.models.loss import ctc_loss


class LineNetwork(nn.Module):
    """Normalise -> trunk -> to_sequence -> neck -> CTC head.

    `height` rows in, one frame for every `stride` columns out. The shortcut head reads the trunk alone and exists to
    train it (CTC shortcut, Retsinas et al. 2022): it is left out of the exported file.

    A trainer asks for no more than `loss` and `read`, so a network whose head is not CTC overrides these two and trains
    in the same loop; a model file's contract is `forward`, logits for CTC, and only such networks are exported.
    """

    def __init__(self, height: int, trunk: nn.Module, neck: nn.Module, classes: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.height = height
        self.stride: int = trunk.stride  # type: ignore[assignment]
        self.margin = -(-int(trunk.reach) // self.stride) * self.stride  # type: ignore[arg-type]
        self.normalise = Normalise()
        self.trunk = trunk
        self.neck = neck
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Conv2d(neck.channels, classes, 1)  # type: ignore[arg-type]
        self.shortcut = nn.Conv2d(trunk.channels, classes, (1, 3), padding=(0, 1))  # type: ignore[arg-type]

    def forward(self, images: Tensor, widths: Tensor) -> tuple[Tensor, Tensor]:
        """images uint8 (N, H, W), widths int64 (N,) -> logits float32 (N, T, classes), lengths int64 (N,)."""
        frames, lengths = self.features(images, widths)
        return self.classify(self.head, self.neck(frames, lengths)), lengths

    def forward_both(self, images: Tensor, widths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As forward, with the shortcut head's logits in the middle: (logits, shortcut logits, lengths)."""
        frames, lengths = self.features(images, widths)
        shortcut = self.classify(self.shortcut, frames)
        return self.classify(self.head, self.dropout(self.neck(frames, lengths))), shortcut, lengths

    def loss(self, images: Tensor, widths: Tensor, targets: Tensor, counts: Tensor, shortcut: float) -> Tensor:
        """Summed loss of lines with their labels, in nats, of which the shortcut head has a share of `shortcut`.

        images uint8 (N, H, W), widths int64 (N,); targets int64 (sum of counts,), all labels one after the other;
        counts int64 (N,) -> scalar.
        """
        *heads, lengths = self.forward_both(images, widths)
        own, short = (ctc_loss(logits, targets, lengths, counts) for logits in heads)
        return (1 - shortcut) * own + shortcut * short

    @torch.no_grad()
    def read(self, images: Tensor, widths: Tensor) -> tuple[list[tuple[int, ...]], int | None]:
        """The classes of each line as the head alone reads them, and how many frames of all are blank.

        That is None where a head knows no blanks.
        """
        logits, lengths = self(images, widths)
        rows = [row[:length] for row, length in zip(logits.cpu().numpy(), lengths.tolist())]
        blanks = sum(int((row.argmax(1) == BLANK).sum()) for row in rows)
        return [greedy(row, len(row)).classes for row in rows], blanks

    def features(self, images: Tensor, widths: Tensor) -> tuple[Tensor, Tensor]:
        """-> frames (N, C, 1, T = ceil(W / stride)), lengths (N,)."""
        lengths = (widths + self.stride - 1) // self.stride
        total = (images.shape[2] + self.stride - 1) // self.stride
        ink = functional.pad(self.normalise(images, widths), (0, self.margin))
        frames = to_sequence(self.trunk(ink))[..., :total]
        return self.dropout(frames), lengths

    @staticmethod
    def classify(head: nn.Module, frames: Tensor) -> Tensor:
        """(N, D, 1, T) -> (N, T, classes)."""
        return head(frames).squeeze(2).transpose(1, 2).float()

    @torch.no_grad()
    def count_parameters(self) -> int:
        """Parameters of what ships: without the shortcut head."""
        every = sum(weight.numel() for weight in self.parameters())
        return every - sum(weight.numel() for weight in self.shortcut.parameters())
