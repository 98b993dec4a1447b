"""Building blocks. Shapes: N lines, C channels, H rows, W columns, T frames; a map is (N, C, H, W).

Columns to the right of a line's true width must never change what is read. Three things see to it:
the picture is blanked there (Normalise), the trunk gets a margin of blank columns as wide as its reach, so that what
lies beyond cannot be felt, and every block that mixes frames masks or packs them by the true lengths.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

FAINTEST = 8.0  # grey levels: ink fainter than this is not stretched to full contrast, so blank paper stays blank


def frame_mask(lengths: Tensor, frames: int | Tensor) -> Tensor:
    """Lengths (N,) -> (N, 1, 1, frames), 1 where the frame belongs to the line."""
    steps = torch.arange(frames, device=lengths.device)  # type: ignore[arg-type]
    return (steps[None, :] < lengths[:, None]).float()[:, None, None, :]


def to_sequence(maps: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C, 1, T = W): the strongest response of each column, whatever its row.

    The one place where axes change their meaning: the column axis becomes time, and a maximum over rows cannot mix it
    up with any other (Retsinas et al. 2022, "Best Practices for a Handwritten Text Recognition System").
    """
    return maps.amax(2, keepdim=True)


class Normalise(nn.Module):
    """Grey levels -> ink: 0 on paper and beyond the line's width, about 1 on ink, for any polarity and contrast.

    Ink covers less than half of a line, so the grey levels have their long tail on the ink's side: the sign of the
    third moment tells dark ink from light. Paper is the mean level of the other side, ink the mean distance from it.
    """

    def forward(self, images: Tensor, widths: Tensor) -> Tensor:
        """uint8 (N, H, W), int64 (N,) -> float32 (N, 1, H, W)."""
        mask = frame_mask(widths, images.shape[2])  # (N, 1, 1, W)
        grey = images.float().unsqueeze(1)
        count = (mask.sum((1, 2, 3), keepdim=True) * grey.shape[2]).clamp(min=1.0)

        def mean(values: Tensor) -> Tensor:
            return (values * mask).sum((1, 2, 3), keepdim=True) / count

        centred = grey - mean(grey)
        third = mean(centred * centred * centred)
        dark = centred * torch.where(third > 0, 1.0, -1.0)  # ink positive
        on_paper = (dark <= 0).float() * mask
        paper = (dark * on_paper).sum((1, 2, 3), keepdim=True) / on_paper.sum((1, 2, 3), keepdim=True).clamp(min=1.0)
        on_ink = mask - on_paper
        above = dark - paper
        ink = (above * on_ink).sum((1, 2, 3), keepdim=True) / on_ink.sum((1, 2, 3), keepdim=True).clamp(min=1.0)
        return above / ink.clamp(min=FAINTEST) * mask


def conv(
    inputs: int, outputs: int, kernel: int | tuple[int, int] = 3, stride: int | tuple[int, int] = 1
) -> nn.Sequential:
    """Convolution that keeps ceil(size / stride), batch norm, ReLU."""
    return nn.Sequential(*_conv_norm(inputs, outputs, kernel, stride), nn.ReLU(inplace=True))


def _conv_norm(
    inputs: int, outputs: int, kernel: int | tuple[int, int], stride: int | tuple[int, int] = 1
) -> tuple[nn.Module, nn.Module]:
    rows, columns = (kernel, kernel) if isinstance(kernel, int) else kernel
    padding = (rows // 2, columns // 2)
    return nn.Conv2d(inputs, outputs, (rows, columns), stride, padding, bias=False), nn.BatchNorm2d(outputs)


class Residual(nn.Module):
    """Two dense 3x3 convolutions around a shortcut (He et al. 2015). Dense beats depthwise per second on AVX-512."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = conv(channels, channels)
        self.second = nn.Sequential(*_conv_norm(channels, channels, 3))

    def forward(self, maps: Tensor) -> Tensor:
        return torch.relu(maps + self.second(self.first(maps)))


class ConvMixer(nn.Module):
    """Mixes frames by a long depthwise convolution, then channels by two pointwise ones, around a shortcut."""

    def __init__(self, channels: int, kernel: int, expansion: int, dropout: float) -> None:
        super().__init__()
        self.along = nn.Conv2d(channels, channels, (1, kernel), padding=(0, kernel // 2), groups=channels, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.expand = nn.Conv2d(channels, channels * expansion, 1)
        self.project = nn.Conv2d(channels * expansion, channels, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, frames: Tensor, mask: Tensor) -> Tensor:
        """(N, C, 1, T), (N, 1, 1, T) -> (N, C, 1, T)."""
        mixed = self.norm(self.along(frames * mask))
        return frames + self.dropout(self.project(torch.relu(self.expand(mixed))))
