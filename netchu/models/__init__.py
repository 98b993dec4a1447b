"""Which networks exist. One literal registry: a new one is one line here and one subclass in tests/test_models.py."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches

from netchu.errors import NetchuError
from netchu.models.line import LineNetwork
from netchu.models.necks import AttentionNeck, ConvNeck, LSTMNeck
from netchu.models.trunks import ResidualTrunk, SeedTrunk, VGGTrunk

Builder = Callable[[int], LineNetwork]  # classes -> network


def ours(
    widths: tuple[int, ...], depths: tuple[int, ...], stem: int, neck: Callable[[int], object], height: int = 48
) -> Builder:
    """A ResidualTrunk of those sizes, with the neck that `neck` makes for its channels."""

    def build(classes: int) -> LineNetwork:
        trunk = ResidualTrunk(widths, depths, stem)
        return LineNetwork(height, trunk, neck(trunk.channels), classes)  # type: ignore[arg-type]

    return build


BASE = ((32, 80, 160), (1, 1, 1), 16)
TINY = ((16, 48, 96), (1, 1, 1), 16)

# With -32: the same weights over 32 rows, for words that fill their picture: 4/9 of the work.
ARCHITECTURES: dict[str, Builder] = {
    "tiny": ours(*TINY, lambda c: ConvNeck(c, 96, wide=192, depth=3)),
    "base": ours(*BASE, lambda c: ConvNeck(c, 192, wide=352, depth=4)),
    "tiny-32": ours(*TINY, lambda c: ConvNeck(c, 96, wide=192, depth=3), height=32),
    "base-32": ours(*BASE, lambda c: ConvNeck(c, 192, wide=352, depth=4), height=32),
    "base-lstm": ours(*BASE, lambda c: LSTMNeck(c, 192)),
    "base-attention": ours(*BASE, lambda c: AttentionNeck(c, depth=3)),
    "crnn": lambda classes: LineNetwork(32, VGGTrunk(), LSTMNeck(512, 256), classes),
    "seed": lambda classes: LineNetwork(118, SeedTrunk(), LSTMNeck(1024, 512), classes),
}


def build(architecture: str, classes: int) -> LineNetwork:
    """A fresh network with that many classes (the blank included). Raises NetchuError on an unknown name."""
    if architecture not in ARCHITECTURES:
        near = get_close_matches(architecture, ARCHITECTURES, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise NetchuError(f"architecture {architecture!r} does not exist{hint} (known: {', '.join(ARCHITECTURES)})")
    return ARCHITECTURES[architecture](classes)
