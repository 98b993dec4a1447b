"""A checkpoint becomes one `.onnx` with everything inside: uint8 picture in, logits out, metadata. Or it fails.

A mismatch between what was trained and what was exported is an error, never a warning.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper
import torch

from netchu.data.lines import write_whole
from netchu.errors import NetchuError
from netchu.image import pad_batch
from netchu.models import build
from netchu.models.line import LineNetwork
from netchu.session import METADATA_KEY, ModelInfo, Session
from netchu.text import Charset
from netchu.train import checkpoint

TOLERANCE = 1e-4
OPSET = 17


def export(source: str | os.PathLike[str], target: str | os.PathLike[str], **details: Any) -> ModelInfo:
    """Write the averaged weights of a checkpoint as a model file. `details` fill in ModelInfo (name, scores, licence).

    Weights are stored in half precision, which halves the file; sums are still made in single precision.

    Raises NetchuError when the checkpoint is not one, when the file cannot be written or when ONNX Runtime and torch
    disagree on a fixed set of pictures.
    """
    network, state = restore(Path(source))
    round_to_half(network)
    charset = Charset(tuple(state["charset"]), state["form"])
    info = ModelInfo(
        **{
            "name": Path(target).stem,
            "charset": charset,
            "height": network.height,
            "stride": network.stride,
            "languages": tuple(state["languages"]),
            "direction": state["direction"],
            "pitch": tuple(state["pitch"]) if state["pitch"] else None,
            "architecture": state["architecture"],
            "parameters": network.count_parameters(),
            "data": state["data"],
            **details,
        }
    )
    data = to_onnx(network, info)
    partial = Path(target).with_name(Path(target).name + ".partial")
    write_whole(partial, data)
    try:
        check_parity(network, Session(partial))
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return info


def restore(source: Path) -> tuple[LineNetwork, dict[str, Any]]:
    """The network of a checkpoint, with its averaged weights, and the checkpoint's state."""
    groups, state = checkpoint.load(source)
    network = build(state["architecture"], len(state["charset"]))
    network.load_state_dict(groups["average"])
    return network.eval(), state


@torch.no_grad()
def round_to_half(network: torch.nn.Module) -> None:
    """Round, in place, the weights that the file stores in half precision to what it can hold."""
    for weight in network.parameters():
        if weight.ndim > 1:
            weight.copy_(weight.half().float())


def to_onnx(network: LineNetwork, info: ModelInfo) -> bytes:
    """The graph with free batch size and width, and its metadata."""
    inputs = {
        "images": torch.randint(0, 255, (2, network.height, 96), dtype=torch.uint8), "widths": torch.tensor([96, 70])
    }  # fmt: skip
    axes = {"images": {0: "N", 2: "W"}, "widths": {0: "N"}, "logits": {0: "N", 1: "T"}, "lengths": {0: "N"}}
    return graph_of(network, inputs, ["logits", "lengths"], axes, info.to_json())


def graph_of(
    network: torch.nn.Module, inputs: dict[str, torch.Tensor], outputs: list[str], axes: dict[str, dict[int, str]],
    about: str,
) -> bytes:  # fmt: skip
    """A network as an ONNX file: traced on `inputs`, its free `axes` named, weights to train on with, and metadata."""
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # the tracer's notes on shapes: the parity check is what counts
        torch.onnx.export(
            network.eval(), tuple(inputs.values()), str(Path(folder) / "model.onnx"), dynamo=False,
            opset_version=OPSET, dynamic_axes=axes, input_names=list(inputs), output_names=outputs,
            training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False, keep_initializers_as_inputs=False,
        )  # fmt: skip
        model = onnx.load(str(Path(folder) / "model.onnx"))
    _keep_trainable(model.graph, network)
    _store_half(model.graph)
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, about
    return bytes(model.SerializeToString())


def _keep_trainable(graph: onnx.GraphProto, network: torch.nn.Module) -> None:
    """See that every weight is in the file under its own name, so that training can go on from the file alone.

    Nothing is folded on export (the runtime folds on loading), which leaves all but the shortcut head in place; that
    one is stored unused. The exporter merges equal tensors by Identity nodes; those are undone, for the same reason.
    """
    names = network.state_dict().keys()
    for node in [node for node in graph.node if node.op_type == "Identity" and node.output[0] in names]:
        graph.node.remove(node)
    there = {entry.name for entry in graph.initializer}
    for name, weight in network.state_dict().items():
        if name not in there and not name.endswith("num_batches_tracked"):
            graph.initializer.append(onnx.numpy_helper.from_array(weight.cpu().numpy(), name))


def _store_half(graph: onnx.GraphProto) -> None:
    """Keep weights of two and more dimensions as float16; the runtime widens them, once, when it loads the file."""
    used = {name for node in graph.node for name in node.input}
    for entry in graph.initializer:
        values = onnx.numpy_helper.to_array(entry)
        if values.dtype != np.float32 or values.ndim < 2 or values.size < 64:
            continue
        name = entry.name
        entry.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), name))
        if name in used:
            for node in graph.node:
                node.input[:] = [f"{name}.wide" if of == name else of for of in node.input]
            wide = onnx.helper.make_node("Cast", [name], [f"{name}.wide"], to=onnx.TensorProto.FLOAT)
            graph.node.insert(0, wide)


def check_parity(network: LineNetwork, session: Session) -> float:
    """Largest difference of logits, by the largest logit, over a fixed set of pictures, alone and batched.

    Raises NetchuError when it is over 1e-4 (float32 sums of a few thousand terms differ by some 1e-5 between kernels)
    or when lengths differ. Within it the best class of a frame can only differ where two are as good as tied.
    """
    rng = np.random.default_rng(0)
    lines = [_scrawl(network.height, width, rng) for width in (1, 37, 256, 300, 900)]
    worst = 0.0
    for batch in ([lines[0]], [lines[2]], [lines[4]], lines):
        images, widths = pad_batch(batch)
        with torch.no_grad():
            expected, expected_lengths = network(torch.from_numpy(images), torch.from_numpy(widths))
        logits, lengths = session.run(images, widths)
        if not np.array_equal(lengths, expected_lengths.numpy()):
            raise NetchuError(f"{session.path}: export failed, the lengths differ from the trained network's")
        for row, wanted, length in zip(logits, expected.numpy(), lengths):
            row, wanted = row[:length], wanted[:length]
            worst = float(np.maximum(worst, np.abs(row - wanted).max() / max(1.0, np.abs(wanted).max())))
            if not worst <= TOLERANCE:  # nor if NaN
                raise NetchuError(f"{session.path}: export failed, logits differ from those trained by {worst:.2g}")
    return worst


def _scrawl(height: int, width: int, rng: np.random.Generator) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A picture with strokes: smooth dark walks on light paper."""
    paper = np.full((height, width), 230, dtype=np.uint8)
    heights = np.cumsum(rng.normal(0, 1.5, (3, width)), axis=1) + height / 2
    for walk in heights:
        rows = np.clip(walk, 1, height - 2).astype(int)
        paper[rows, np.arange(width)] = 40
        paper[rows + 1, np.arange(width)] = 90
    return paper
