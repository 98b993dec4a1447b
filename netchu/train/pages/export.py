"""A line finder's checkpoint becomes one `.onnx`: uint8 pages in, maps out, metadata. Or it fails."""

from __future__ import annotations

import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from netchu.data.lines import write_whole
from netchu.errors import NetchuError
from netchu.export import OPSET, TOLERANCE, keep_trainable, round_to_half, store_half
from netchu.image import Grey
from netchu.models.page import PageNetwork, build_page
from netchu.page.detect import FinderInfo, LineFinder
from netchu.session import METADATA_KEY
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
    images = torch.randint(0, 255, (1, 96, 64), dtype=torch.uint8)
    axes = {"images": {0: "N", 1: "H", 2: "W"}, "maps": {0: "N", 2: "h", 3: "w"}}
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # the tracer's notes on shapes: the parity check below is what counts
        torch.onnx.export(
            network.eval(), (images,), str(Path(folder) / "model.onnx"), dynamo=False, opset_version=OPSET,
            dynamic_axes=axes, input_names=["images"], output_names=["maps"],
            training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False, keep_initializers_as_inputs=False,
        )  # fmt: skip
        model = onnx.load(str(Path(folder) / "model.onnx"))
    keep_trainable(model.graph, network)
    store_half(model.graph)
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, info.to_json()
    return bytes(model.SerializeToString())


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
