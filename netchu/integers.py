"""How a model file with 8-bit convolutions stays one that training can go on from.

Quantising folds each norm into its convolution and drops what reading has no use for. So the file is given back what
is missing: every weight of the network lies in it under its own name, integers with a step for each output channel
(`.scale` after the name), in the units of the weights as they were trained. The integers are stored once: reading and
training share them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.helper
from numpy.typing import NDArray
from onnx import numpy_helper

STEP = ".scale"
FEW = 4096  # weights: fewer of them are kept as they are

Array = NDArray[Any]


def named_weights(path: Path) -> dict[str, Array]:
    """The weights of a model file of ours by the names that they have in the network; integers times their steps."""
    found = {entry.name: numpy_helper.to_array(entry) for entry in onnx.load(str(path)).graph.initializer}
    steps = {name: found.pop(name + STEP) for name in list(found) if name + STEP in found}
    for name, step in steps.items():
        found[name] = found[name].astype(np.float32) * _by_channel(step, found[name])
    return found


def restore_weights(small: onnx.ModelProto, source: onnx.ModelProto, names: Iterable[str]) -> None:
    """See that `small`, which was quantised from `source`, holds the network's weights, by name, to train on with.

    What `small` reads as before is left alone; `names` are those of the network's weights.
    """
    trained = {entry.name: numpy_helper.to_array(entry) for entry in source.graph.initializer}
    wanted = {name: trained[name] for name in names if name in trained}
    integers = _integers(small.graph, source.graph, wanted)
    for name in {value for node in small.graph.node for value in node.output} & wanted.keys():  # a bias, widened
        _rename(small.graph, name, f"{name}.wide")
    for own, name in integers.items():
        _rename(small.graph, own, name)
    _narrow(small.graph, wanted)
    held = {entry.name: numpy_helper.to_array(entry) for entry in small.graph.initializer}
    for name, weight in wanted.items():
        if name in integers.values():
            small.graph.initializer.append(numpy_helper.from_array(_fit_steps(weight, held[name]), name + STEP))
        elif name not in held:
            _add(small.graph, name, weight)


def _integers(small: onnx.GraphProto, source: onnx.GraphProto, wanted: dict[str, Array]) -> dict[str, str]:
    """Of the integer weights in `small`, the name -> the name of the network's weight that it was made from.

    Quantising renames weights but not nodes.
    """
    made = {node.output[0]: node.input[0] for node in small.node if node.op_type == "DequantizeLinear"}
    of = {node.name: made.get(node.input[1]) for node in small.node if node.op_type == "Conv"}
    pairs = {
        own: node.input[1].removesuffix(".wide")
        for node in source.node
        if node.op_type == "Conv" and (own := of.get(node.name))
    }
    return {own: name for own, name in pairs.items() if name in wanted}


def _rename(graph: onnx.GraphProto, before: str, after: str) -> None:
    for entry in graph.initializer:
        if entry.name == before:
            entry.name = after
    for node in graph.node:
        node.input[:] = [after if name == before else name for name in node.input]
        node.output[:] = [after if name == before else name for name in node.output]


def _narrow(graph: onnx.GraphProto, wanted: dict[str, Array]) -> None:
    """Keep weights in half precision again that quantising widened and left as they were: the head, mostly."""
    for entry in graph.initializer:
        name = entry.name.removesuffix(".wide")
        if name != entry.name and name in wanted and wanted[name].dtype == np.float16:
            graph.node.insert(0, onnx.helper.make_node("Cast", [name], [entry.name], to=onnx.TensorProto.FLOAT))
            entry.CopyFrom(numpy_helper.from_array(wanted[name], name))


def _add(graph: onnx.GraphProto, name: str, weight: Array) -> None:
    """A weight that reading has no use for: few numbers as they are, many as 8-bit integers with their steps."""
    if weight.ndim > 1 and weight.size >= FEW:
        step = np.abs(weight.astype(np.float32)).reshape(len(weight), -1).max(1) / 127
        whole = np.round(weight / _by_channel(np.where(step > 0, step, 1), weight)).astype(np.int8)
        graph.initializer.append(numpy_helper.from_array(step.astype(np.float32), name + STEP))
        weight = whole
    graph.initializer.append(numpy_helper.from_array(weight, name))


def _fit_steps(weight: Array, whole: Array) -> Array:
    """The step of each channel with which integers come nearest, by least squares, to the weights trained."""
    rows, integers = (each.astype(np.float64).reshape(len(each), -1) for each in (weight, whole))
    best: Array = (rows * integers).sum(1) / np.maximum((integers * integers).sum(1), 1)
    return best.astype(np.float32)


def _by_channel(step: Array, like: Array) -> Array:
    return step.reshape(-1, *[1] * (like.ndim - 1))
