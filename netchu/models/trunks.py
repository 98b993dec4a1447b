"""Trunks: a line picture (N, 1, H, W) -> maps (N, C, h, ceil(W / stride)).

Each knows its `stride` (columns a frame), its `channels` and its `reach`: how many columns to the right of a frame's
own it can feel. The reach is summed from the layers, and a test measures it.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from netchu.models.blocks import Residual, conv


class ResidualTrunk(nn.Module):
    """Two strided convolutions, then stages of residual blocks; each stage but the first halves the rows.

    Work is cheapest per feature at few rows, so depth grows downwards. Horizontal stride 4: at 48 rows a letter of the
    narrowest hands is 9 columns wide, which leaves 2 frames even for it.
    """

    stride = 4

    def __init__(self, widths: tuple[int, ...], depths: tuple[int, ...], stem: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [conv(1, stem, 3, 2), conv(stem, widths[0], 3, 2)]
        layers += [Residual(widths[0]) for _ in range(depths[0])]
        for (narrow, wide), depth in zip(pairwise(widths), depths[1:]):
            layers += [conv(narrow, wide, 3, (2, 1)), *(Residual(wide) for _ in range(depth))]
        self.layers = nn.Sequential(*layers)
        self.channels = widths[-1]
        convolutions = 2 * sum(depths) + len(widths) - 1
        self.reach = 1 + 2 + 4 * convolutions

    def forward(self, ink: Tensor) -> Tensor:
        return self.layers(ink)


class VGGTrunk(nn.Module):
    """The convolutions of CRNN (Shi, Bai and Yao 2015, table 1; there 512 `channels`), 32 rows, horizontal stride 4."""

    stride = 4
    reach = 1 + 1 + 2 * 2 + 4 * (2 + 1 + 1 + 1) + 4

    def __init__(self, channels: int = 512) -> None:
        super().__init__()
        self.channels = wide = channels

        def plain(inputs: int, outputs: int) -> list[nn.Module]:
            return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(inplace=True)]

        flat = ((2, 1), (2, 1))
        self.layers = nn.Sequential(
            *plain(1, wide // 8), nn.MaxPool2d(2, ceil_mode=True),
            *plain(wide // 8, wide // 4), nn.MaxPool2d(2, ceil_mode=True),
            *plain(wide // 4, wide // 2), *plain(wide // 2, wide // 2), nn.MaxPool2d(*flat),
            conv(wide // 2, wide), conv(wide, wide), nn.MaxPool2d(*flat),
            nn.ZeroPad2d((0, 1, 0, 0)), nn.Conv2d(wide, wide, 2, bias=False), nn.BatchNorm2d(wide),
            nn.ReLU(inplace=True),
        )  # fmt: skip

    def forward(self, ink: Tensor) -> Tensor:
        return self.layers(ink)


class SeedTrunk(nn.Module):
    """The residual VGG of the Vietnamese address readers this project began from: 118 rows pooled 3, 3, 3, 3 to one."""

    stride = 9
    channels = 1024
    reach = 1 + 2 + 3 + 6 + 9 * 6

    def __init__(self) -> None:
        super().__init__()
        self.early = nn.Sequential(
            conv(1, 64), nn.MaxPool2d(3, ceil_mode=True), conv(64, 128), nn.MaxPool2d(3, ceil_mode=True), conv(128, 256)
        )
        self.middle = conv(256, 256)
        self.widen = nn.Sequential(nn.MaxPool2d((3, 1)), conv(256, 512))
        self.deep = conv(512, 512)
        self.top = nn.Sequential(conv(512, 1024), nn.MaxPool2d((3, 1)))

    def forward(self, ink: Tensor) -> Tensor:
        maps = self.early(ink)
        maps = self.widen(maps + self.middle(maps))
        return self.top(maps + self.deep(maps))
