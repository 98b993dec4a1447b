"""A line finder's checkpoint becomes one `.onnx`: uint8 pages in, maps out, metadata. Or it fails."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch

from netchu.data.lines import write_whole
from netchu.errors import NetchuError
from netchu.export import TOLERANCE, graph_of, round_to_half
from netchu.image import Grey
from netchu.models.page import PageNetwork, build_page
from netchu.page.detect import FinderInfo, LineFinder
from netchu.train import checkpoint


def export_finder(source: str | os.PathLike[str], target: str | os.PathLike[str], **details: Any) -> FinderInfo:
    """Write the averaged weights of a checkpoint as a model file. `details` fill in FinderInfo (name, scores, licence).

    Weights are stored in half precision. Raises NetchuError when the checkpoint is not one, when the file cannot be
    written or when ONNX Runtime and torch disagree on a fixed set of pictures.
    """
    groups, state = checkpoint.load(Path(source))
    network = build_page(state["architecture"])
    network.load_state_dict(groups["average"])
    round_to_half(network.eval())
    info = FinderInfo(**{
        "name": Path(target).stem, "architecture": state["architecture"], "parameters": network.count_parameters(),
        "data": state["data"], **details,
    })  # fmt: skip
    partial = Path(target).with_name(Path(target).name + ".partial")
    write_whole(partial, to_onnx(network, info))
    try:
        check_parity(network, LineFinder(partial))
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return info


def to_onnx(network: PageNetwork, info: FinderInfo) -> bytes:
    """The graph with free batch size, height and width, and its metadata."""
    inputs = {"images": torch.randint(0, 255, (1, 96, 64), dtype=torch.uint8)}
    axes = {"images": {0: "N", 1: "H", 2: "W"}, "maps": {0: "N", 2: "h", 3: "w"}}
    return graph_of(network, inputs, ["maps"], axes, info.to_json())


def check_parity(network: PageNetwork, finder: LineFinder) -> float:
    """Largest difference of maps, by the largest value, over a fixed set of pictures.

    Raises NetchuError when it is over the tolerance of the line readers' parity check.
    """
    worst = 0.0
    for images in (_page(1, 32, 32), _page(1, 352, 256), _page(2, 128, 480)):
        with torch.no_grad():
            wanted = network(torch.from_numpy(images)).numpy()
        found = finder.maps(images)
        worst = max(worst, float(np.abs(found - wanted).max() / max(1.0, np.abs(wanted).max())))
        if found.shape != wanted.shape or not worst <= TOLERANCE:  # nor if NaN
            raise NetchuError(f"{finder.path}: export failed, maps differ from those trained by {worst:.2g}")
    return worst


def _page(count: int, height: int, width: int) -> Grey:
    """Pages with rows of dark strokes on light paper."""
    rng = np.random.default_rng(count * height * width)
    pages = rng.integers(200, 240, (count, height, width)).astype(np.uint8)
    for row in range(12, height, 24):
        pages[:, row : row + 8, 8:-8] = rng.integers(20, 240, (count, min(8, height - row), width - 16))
    return pages
