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
    suffix: str = ".onnx"

    def path(self, name: str) -> Path:
        return WEIGHTS / f"{name}{self.suffix}"

    def as_shipped(self, name: str) -> bool:
        """Whether the file is the one that was shipped. Raises NetchuError when it cannot be read."""
        return hashlib.sha256(read_bytes(self.path(name))).hexdigest() == self.sha256


MODELS: dict[str, Bundled] = {
    "vi": Bundled(
        "Vietnamese handwriting first; French and English hands and print less well",
        "987da7dc1c9420910185f3f63a1791e232dffb71131b5395dd622611fff5fc45",
    ),
    "vi-tiny": Bundled(
        "a quarter of vi: for small machines and many lines",
        "78912272d703777f904a1763fa29a7ac88104667aef2c1758fd2ab105dbcb6d0",
    ),
    "latin": Bundled(
        "French, English, German, Italian, Spanish: hands old and new, typescript, print; Vietnamese less well than vi",
        "e7a9004768f375d679c3ed4d96f6bc836de5bdc7e5dec67d4c3e5b7290b394b2",
    ),
    "latin-tiny": Bundled(
        "a quarter of latin: for small machines and many lines",
        "214a4a96671134fc9cc129325673b1bcc7e985a1f5a59696cac21dd1be73a6c0",
    ),
    "ja": Bundled(
        "Japanese, kana and joyo kanji, across and down; trained on drawn lines alone: see its card",
        "11ee68173ba9a38a54db0d1c525b0a8b46c58a21fc2503f37283d9f8d585481e",
    ),
    "zh": Bundled(
        "simplified Chinese, the 3,755 characters of GB2312 level 1; trained on drawn lines alone: see its card",
        "d213002dca647db8a0f65933152b226e2c45625781439260f23951cef43e8c23",
    ),
    "captcha": Bundled(
        "captchas of five small letters and digits crossed by lines, of the one kind it was shown; see its card",
        "417833e3c880749461a5435bd442ffa8067f64130cc7440836604b93aa6e9785",
    ),
    "plate-cn": Bundled(
        "Chinese number plates, as small as 94 x 24, by their grammar; all provinces",
        "6d0f630e83529494e644a5107b45cb4dcd981352c8e18d6db2ef3fbd43194a91",
    ),
    "scene": Bundled(
        "single words on signs and shop fronts, cut out of the picture; English, digits",
        "82e7351ae4c27f3277a771c5477aa8f44ef415965178de09e3705f7f65ace5d1",
    ),
}

FINDERS: dict[str, Bundled] = {
    "lines": Bundled(
        "finds the lines of pages, handwritten and printed; it was shown Latin script alone",
        "576e89fa3bc14dea66ef1176cdb2eba087d3cfc017cd6dcbe62ac7170e8ad49b",
    ),
    "lines-turned": Bundled(
        "finds lines that run down, as in Japanese and Chinese, and text in scenes; drawn pages taught it these",
        "2cf0fcfed6dd7ff6e1031f4c8dddbfbfab8b0df1b956a2babe75947af29d331e",
    ),
}

LANGUAGE_MODELS: dict[str, Bundled] = {
    "vi": Bundled(
        "--lm: characters of Vietnamese addresses and prose, less of French, English, German, Italian and Spanish",
        "69a78471e9666648dfd879cc167ee20120b2b1154a787f580d0664d3c6898582",
        suffix=".lm",
    ),
    "vi-words": Bundled(
        "--word-lm: words of the same",
        "cf56fe42621a7e537616d33269a6de31f191ef610f704b9f396c4c9c70549156",
        suffix=".lm",
    ),
    "vi-address": Bundled(
        "--lm: characters of Vietnamese addresses alone",
        "e76d62b469238254f23e6b7deacbe63890aa86cc388ae83fb4d0801b09645569",
        suffix=".lm",
    ),
    "vi-address-words": Bundled(
        "--word-lm: words of the same",
        "d8fb8e5155737998c16b2ca1cf4292782ba8cf5da79c79c1d99e9211704ff22c",
        suffix=".lm",
    ),
    "latin": Bundled(
        "--lm: characters of French, English, German, Italian and Spanish prose and transcripts",
        "85cb827739da2d30bd977efb4091c833de1a39eb01610220759062f66050755f",
        suffix=".lm",
    ),
    "latin-words": Bundled(
        "--word-lm: words of the same",
        "4a10c3e8dbeca9d7f41e88a29f3036f1c8df22781529b05a7b65bdcb0071e2ee",
        suffix=".lm",
    ),
    "ja": Bundled(
        "--lm: characters of Japanese prose, names and figures",
        "e1335355bee521d807997d972ac322ce168dbebf4ae35a7c04b9009e0e1ced0e",
        suffix=".lm",
    ),
    "zh": Bundled(
        "--lm: characters of Chinese prose (simplified), names and figures",
        "bf96bc073090b8e1ec87ea133f09ee3892982ac9e0bd17e920f4503b416f21bf",
        suffix=".lm",
    ),
    "scene": Bundled(
        "--lm: characters of words on signs, English",
        "c1855fd0756bf042391ff9329c1b48b732a4b668de0b5e6164fece0a083c23c1",
        suffix=".lm",
    ),
    "scene-words": Bundled(
        "--word-lm: words of the same",
        "534304d827341b7603927ae8b40821381af69d43b781eda2d86718729ab7735a",
        suffix=".lm",
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


def find_finder(finder: str) -> Path:
    """The file of a bundled line finder's name or of a path. Raises NetchuError that lists the names."""
    path = Path(finder)
    if finder in FINDERS and not path.exists():
        return FINDERS[finder].path(finder)
    if path.suffix == ".onnx" or path.exists():
        return path
    raise NetchuError(f"line finder {finder!r}: bundled are {', '.join(FINDERS)}; any other is a path to a .onnx")


def find_language(model: str) -> str:
    """The file of a bundled language model's name; any other is a path and stays what it is."""
    if model in LANGUAGE_MODELS and not Path(model).exists():
        return str(LANGUAGE_MODELS[model].path(model))
    return model
