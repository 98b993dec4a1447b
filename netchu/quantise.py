"""A model file becomes a smaller, faster one: convolutions in 8-bit integers, scales measured on real lines.

Weights get 7 of the 8 bits: processors without VNNI add pairs of products in 16 bits, which 8-bit weights overflow. The
first convolution and the head stay as they are: one sees grey levels, the other decides between letters. Training can
go on from such a file (netchu/integers.py).
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime import set_default_logger_severity
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from netchu.data.lines import LineSet, write_whole
from netchu.errors import NetchuError
from netchu.framing import frame
from netchu.image import open_grey
from netchu.integers import restore_weights
from netchu.models import build
from netchu.read import to_line
from netchu.session import METADATA_KEY, ModelInfo, Session

LINES = 64  # that scales are measured on; twice as many change nothing


class _Lines(CalibrationDataReader):  # type: ignore[misc]
    """Line pictures as the runtime's calibrator asks for them, one at a time."""

    def __init__(self, paths: Sequence[Path], info: ModelInfo) -> None:
        self.paths, self.info = iter(paths), info

    def get_next(self) -> dict[str, Any] | None:
        path = next(self.paths, None)
        if path is None:
            return None
        line = to_line(frame(open_grey(path), self.info.vertical).picture, self.info.height, self.info.pitch)
        return {"images": line[None], "widths": np.array([line.shape[1]], dtype=np.int64)}


def quantise(source: str | os.PathLike[str], target: str | os.PathLike[str], lines: LineSet) -> None:
    """Write `source` (.onnx) with integer convolutions as `target`. `lines` are such as the model will read.

    Raises NetchuError when the source is not one of ours or is quantised already.
    """
    info, whole = Session(source).info, onnx.load(str(source))
    if any(node.op_type == "DequantizeLinear" for node in whole.graph.node):
        raise NetchuError(f"{source}: its convolutions are integers already")
    chosen = np.random.default_rng(0).permutation(len(lines))[:LINES]
    paths = [lines.samples[index].image for index in chosen]
    logging.getLogger().setLevel(logging.ERROR)  # the quantiser's advice to run what is run on the next lines
    set_default_logger_severity(3)  # and the runtime's on weights kept to train on
    with tempfile.TemporaryDirectory() as folder:
        folded, small = Path(folder) / "folded.onnx", Path(folder) / "small.onnx"
        quant_pre_process(str(source), str(folded), skip_symbolic_shape=True)
        convolutions = [node.name for node in onnx.load(str(folded)).graph.node if node.op_type == "Conv"]
        quantize_static(
            str(folded), str(small), _Lines(paths, info), quant_format=QuantFormat.QDQ, per_channel=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, reduce_range=True,
            op_types_to_quantize=["Conv"], nodes_to_exclude=[convolutions[0], convolutions[-1]],
        )  # fmt: skip
        model = onnx.load(str(small))
    restore_weights(model, whole, build(info.architecture, len(info.charset)).state_dict())
    del model.metadata_props[:]
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, replace(info, name=Path(target).stem).to_json()
    write_whole(Path(target), bytes(model.SerializeToString()))
