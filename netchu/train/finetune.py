"""Start from a trained model: any netchu `.onnx` or checkpoint. Head rows are matched by character, never by index."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from netchu import zoo
from netchu.errors import NetchuError
from netchu.framing import Pitch
from netchu.integers import named_weights
from netchu.models import build
from netchu.models.line import LineNetwork
from netchu.session import Session
from netchu.text import Charset
from netchu.train import checkpoint

HEADS = ("head", "shortcut")


@dataclass(frozen=True)
class Base:
    """A trained model to start from: its weights by the names they have in the network."""

    name: str
    architecture: str
    charset: Charset
    languages: tuple[str, ...]
    weights: dict[str, Tensor]
    direction: str  # as in ModelInfo
    pitch: Pitch | None  # likewise


def load_base(model: str) -> Base:
    """A bundled name, a `.onnx` or a checkpoint -> a Base. Raises NetchuError when it is none of ours."""
    path = Path(model)
    if path.suffix == ".safetensors":
        groups, state = checkpoint.load(path)
        charset = Charset(tuple(state["charset"]), state["form"])
        languages, direction = tuple(state["languages"]), state["direction"]
        pitch = (state["pitch"][0], state["pitch"][1]) if state["pitch"] else None
        return Base(path.stem, state["architecture"], charset, languages, groups["average"], direction, pitch)
    path = zoo.find(model)
    info = Session(path).info  # says in one line what is wrong with a file that is not ours
    weights = weights_of(path)
    return Base(info.name, info.architecture, info.charset, info.languages, weights, info.direction, info.pitch)


def weights_of(path: Path) -> dict[str, Tensor]:
    """The weights of a model file of ours, by the names that they have in the network."""
    return {name: torch.from_numpy(np.array(weight)) for name, weight in named_weights(path).items()}


def start_from(base: Base, charset: Charset) -> LineNetwork:
    """A network for `charset` with the base's weights. Characters that the base lacks get fresh rows.

    Raises NetchuError when the base's weights do not fit its architecture.
    """
    network = build(base.architecture, len(charset))
    own = network.state_dict()
    rows = {symbol: row for row, symbol in enumerate(base.charset.symbols)}
    known = [(row, rows[symbol]) for row, symbol in enumerate(charset.symbols) if symbol in rows]
    to, of = (torch.tensor(column, dtype=torch.long) for column in zip(*known))
    for name, fresh in own.items():
        trained = base.weights.get(name)
        if trained is None:
            if not name.endswith("num_batches_tracked"):
                raise NetchuError(f"{base.name}: its file lacks {name}; it cannot be trained further, only read with")
        elif name.split(".")[0] in HEADS:
            fresh[to] = trained.to(fresh.dtype)[of]
            if name.endswith("bias"):  # a new letter starts as unlikely as the rarest, or it would be read everywhere
                fresh[[row for row in range(len(charset)) if row not in set(to.tolist())]] = trained.float().min()
        elif trained.shape != fresh.shape:
            raise NetchuError(
                f"{base.name}: {name} is {tuple(trained.shape)}, {base.architecture} wants {tuple(fresh.shape)}"
            )
        else:
            fresh.copy_(trained)
    network.load_state_dict(own)
    return network
