"""A training run on disk: tensors as safetensors, everything else as JSON. Nothing is ever unpickled.

One file a checkpoint: the JSON travels in the safetensors header, so the two can never disagree, and it is written
under a temporary name and renamed, so an interruption or a full disk leaves the previous one whole.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from netchu.errors import NetchuError

FORMAT = "netchu-checkpoint-3"


def save(path: Path, groups: Mapping[str, Mapping[str, Tensor]], state: Mapping[str, Any]) -> None:
    """Write tensors, by group and name, and a JSON-able state. Raises NetchuError when the disk will not take it."""
    tensors = {
        f"{group}/{name}": tensor.detach().cpu().contiguous().clone()
        for group, members in groups.items()
        for name, tensor in members.items()
    }
    header = {"format": FORMAT, "state": json.dumps(state, ensure_ascii=False)}
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, partial, metadata=header)
        partial.replace(path)
    except (OSError, SafetensorError) as error:
        partial.unlink(missing_ok=True)
        raise NetchuError(
            f"{path}: the checkpoint could not be written ({error}); free some space and --resume"
        ) from None


def load(path: Path) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
    """Read what save wrote: (groups, state). Raises NetchuError when it is missing, cut short or not a checkpoint."""
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            if header.get("format") != FORMAT:
                raise NetchuError(
                    f"{path}: not a checkpoint that this version reads ({header.get('format')!r}, not {FORMAT!r})"
                )
            groups: dict[str, dict[str, Tensor]] = {}
            for key in file.keys():  # noqa: SIM118 - not a dict
                group, name = key.split("/", 1)
                groups.setdefault(group, {})[name] = file.get_tensor(key)
            return groups, json.loads(header["state"])
    except FileNotFoundError:
        raise NetchuError(f"{path}: no such checkpoint; train without --resume first") from None
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise NetchuError(f"{path}: not a whole checkpoint ({error})") from None


def pack_optimizer(optimizer: torch.optim.Optimizer, names: Mapping[int, str]) -> dict[str, Tensor]:
    """AdamW's moments by parameter name; `names` maps id(parameter) to it."""
    packed: dict[str, Tensor] = {}
    for parameter, moments in optimizer.state.items():
        for key, value in moments.items():
            packed[f"{names[id(parameter)]}:{key}"] = torch.as_tensor(value)
    return packed


def unpack_optimizer(optimizer: torch.optim.Optimizer, names: Mapping[int, str], packed: Mapping[str, Tensor]) -> None:
    """The reverse of pack_optimizer, on an optimizer over the same parameters."""
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            prefix = names[id(parameter)] + ":"
            moments = {key[len(prefix) :]: value for key, value in packed.items() if key.startswith(prefix)}
            for key, value in moments.items():
                moments[key] = value.clone() if key == "step" else value.to(parameter.device).clone()
            if moments:
                optimizer.state[parameter] = moments
