"""Which models come with the package. Each is one file in netchu/weights, with a card in cards/."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from netchu.errors import NetchuError
from netchu.image import read_bytes

WEIGHTS = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class Bundled:
    """A model of the package: what it is for, and the SHA-256 its file must have."""

    summary: str
    sha256: str

    def path(self, name: str) -> Path:
        return WEIGHTS / f"{name}.onnx"


MODELS: dict[str, Bundled] = {
    "vi": Bundled(
        "Vietnamese handwriting first; French and English hands and print less well",
        "d6d589f4e1ed679d269ee409a23e12b91c4d8de378d5dddc36043e16684e9c98",
    ),
    "vi-int8": Bundled(
        "vi with 8-bit convolutions: two to three times as fast, half the size, not to train from",
        "84ffc8a84d2f74050ebc038d3c351b314ea23c820bda527d8d006d54dc4c1a65",
    ),
    "vi-tiny": Bundled(
        "a quarter of vi: for small machines and many lines",
        "9d7e93f2b0a3b5dd670e396657670489b6835c7ad716e47e4176afb69dc445cc",
    ),
}


def find(model: str) -> Path:
    """The file of a bundled model's name or of a path. Raises NetchuError that lists the names."""
    if model in MODELS:
        return MODELS[model].path(model)
    try:
        path = Path(model).expanduser()
    except RuntimeError:  # ~somebody, who has no home here
        path = Path(model)
    if path.suffix == ".onnx" or path.exists():
        return path
    near = get_close_matches(model, MODELS, 1, cutoff=0.5)
    hint = f"did you mean {near[0]}? " if near else ""
    raise NetchuError(
        f"model {model!r}: {hint}bundled are {', '.join(MODELS) or 'none'}; any other is a path to a .onnx"
    )


def verify(name: str) -> bool:
    """Whether a bundled model's file is the one that was shipped."""
    return hashlib.sha256(read_bytes(MODELS[name].path(name))).hexdigest() == MODELS[name].sha256
