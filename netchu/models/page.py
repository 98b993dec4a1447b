"""The line finder as one network: grey page in, maps of lines out. What trains is what ships.

An encoder of residual stages down to a 32nd and a light decoder back up to a 4th of the picture's size: the shape of
U-Net (Ronneberger, Fischer and Brox 2015) with the sums of feature pyramids (Lin et al. 2017).
"""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from netchu.errors import NetchuError
from netchu.models.blocks import Residual, conv
from netchu.page.maps import ABOVE, MAPS

Four = tuple[int, int, int, int]
FAINTEST = 4.0  # grey levels: fainter contrast than this is not stretched, so that a blank page stays blank


class Contrast(nn.Module):
    """Grey levels -> mean 0 and deviation 1 over each picture. Light on dark is learnt from inverted pictures: a
    scanner's black border may be larger than the page, so no moment of the whole picture tells which is the ink."""

    def forward(self, images: Tensor) -> Tensor:
        """uint8 (N, H, W) -> float32 (N, 1, H, W)."""
        grey = images.float().unsqueeze(1)
        centred = grey - grey.mean((2, 3), keepdim=True)
        spread = (centred * centred).mean((2, 3), keepdim=True).sqrt()
        return centred / spread.clamp(min=FAINTEST)


class PageNetwork(nn.Module):
    """uint8 (N, H, W), sides divisible by `multiple` -> float32 (N, MAPS, H / 4, W / 4)."""

    multiple = 32

    def __init__(self, stem: int, widths: Four, depths: Four, up: int) -> None:
        """`widths` and `depths` of the stages at a 4th, 8th, 16th and 32nd; `up`: channels of the way back at a 4th."""
        super().__init__()
        self.contrast = Contrast()
        self.stem = conv(1, stem, 3, 2)
        inputs = (stem, *widths[:-1])
        self.stages = nn.ModuleList(
            nn.Sequential(conv(narrow, wide, 3, 2), *(Residual(wide) for _ in range(depth)))
            for narrow, wide, depth in zip(inputs, widths, depths)
        )
        backs = (up, up * 3 // 2, up * 2, up * 2)  # channels of the way back at each stage
        self.sides = nn.ModuleList(nn.Conv2d(wide, back, 1) for wide, back in zip(widths, backs))
        self.merges = nn.ModuleList(conv(wide, back) for wide, back in zip(backs[1:], backs[:-1]))
        self.head = nn.Sequential(conv(up, up), nn.Conv2d(up, MAPS, 1))
        with torch.no_grad():  # nearly all of a page is neither ribbon nor end
            self.head[1].bias[:ABOVE] = -3.0  # type: ignore[index,operator]

    def logits(self, images: Tensor) -> Tensor:
        """The maps before probabilities are made of the first three."""
        maps = self.stem(self.contrast(images))
        found = []
        for stage in self.stages:
            maps = stage(maps)
            found.append(maps)
        back = self.sides[-1](found[-1])
        for place in range(len(self.merges) - 1, -1, -1):
            larger = functional.interpolate(self.merges[place](back), scale_factor=2.0, mode="nearest")
            back = larger + self.sides[place](found[place])
        output: Tensor = self.head(back).float()
        return output

    def forward(self, images: Tensor) -> Tensor:
        """Probabilities of ribbon, start and end, then heights above and below as `to_map` gives them."""
        maps = self.logits(images)
        return torch.cat([torch.sigmoid(maps[:, :ABOVE]), maps[:, ABOVE:]], dim=1)

    @torch.no_grad()
    def count_parameters(self) -> int:
        return sum(weight.numel() for weight in self.parameters())


PAGE_ARCHITECTURES: dict[str, Callable[[], PageNetwork]] = {
    "ribbon": lambda: PageNetwork(16, (32, 64, 112, 144), (1, 2, 2, 2), 40),
    "ribbon-tiny": lambda: PageNetwork(8, (16, 32, 64, 80), (1, 1, 1, 1), 16),
}


def build_page(architecture: str) -> PageNetwork:
    """A fresh network. Raises NetchuError on an unknown name."""
    if architecture not in PAGE_ARCHITECTURES:
        near = get_close_matches(architecture, PAGE_ARCHITECTURES, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        known = ", ".join(PAGE_ARCHITECTURES)
        raise NetchuError(f"architecture {architecture!r} of a line finder does not exist{hint} (known: {known})")
    return PAGE_ARCHITECTURES[architecture]()
