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
    """A model of the package: what it is for, and the SHA-256 its file must have.

    A model with 8-bit convolutions cannot be trained further; `trained` names the one it was made from.
    """

    summary: str
    sha256: str
    trained: str = ""

    def path(self, name: str) -> Path:
        return WEIGHTS / f"{name}.onnx"


MODELS: dict[str, Bundled] = {
    "vi": Bundled(
        "Vietnamese handwriting first; French and English hands and print less well",
        "61e6ddde5eb68f61aec60db6300e5856ee333499586dbfa5d747085aad621503",
        trained="vi-float",
    ),
    "vi-tiny": Bundled(
        "a quarter of vi: for small machines and many lines",
        "b5030381ac6752c84c7bd578ee745ffa3ff3f75807b22cdd5d46cc77b2d206f3",
        trained="vi-tiny-float",
    ),
    "vi-float": Bundled(
        "vi as it was trained: twice the size of vi, a third of its speed; what training goes on from",
        "8ad9dc2f798b1fd84031ee095e7e526c67e54e467216f66d32ed3f0d9d77c2db",
    ),
    "vi-tiny-float": Bundled(
        "the same for vi-tiny",
        "912e56723fed03d3953967375eb35346ebf815d47791aa10c7dd2d488240b624",
    ),
    "ja": Bundled(
        "Japanese, kana and joyo kanji, across and down; trained on drawn lines alone: see its card",
        "e99ab478bd5dc7148d5a901be43dad9400e42ae35758a0b94ab8dc419cf5f9c8",
        trained="ja-float",
    ),
    "ja-float": Bundled(
        "ja as it was trained: what training goes on from",
        "c22a54a8ef63f330cc128d32e95e0b21fcd6239261d52e2db2c779674b090b62",
    ),
    "zh": Bundled(
        "simplified Chinese, the 3,755 characters of GB2312 level 1; trained on drawn lines alone: see its card",
        "b142c71ec46e50b9467040944a5debb3f1016b75e84e3da91855d72673c9ae91",
        trained="zh-float",
    ),
    "zh-float": Bundled(
        "zh as it was trained: what training goes on from",
        "72398d91d863d1e9f1928038330fd39ae733a6ab41cafb00f32e846958b80841",
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


def trainable(model: str) -> Path:
    """As find, but of a bundled model the file that training can go on from."""
    return find(MODELS[model].trained or model) if model in MODELS else find(model)


def verify(name: str) -> bool:
    """Whether a bundled model's file is the one that was shipped."""
    return hashlib.sha256(read_bytes(MODELS[name].path(name))).hexdigest() == MODELS[name].sha256
