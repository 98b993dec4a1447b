"""Every knob of a training run, with its default. Recipes are flat TOML files of the same names."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeVar

from netchu.errors import NetchuError
from netchu.framing import Pitch, check_pitch

Config = TypeVar("Config")


@dataclass(frozen=True)
class TrainConfig:
    architecture: str = ""  # empty: that of the model it goes on from; without one, `base`
    languages: tuple[str, ...] = ()  # alphabets the model must know, whether or not the data shows every letter
    epochs: int = 0  # 0: as many as make 120,000 line passes, between 20 and 400
    batch_columns: int = 14336  # padded columns a batch: 16 lines of 896
    learning_rate: float = 0.002
    weight_decay: float = 0.02
    warmup: float = 0.02  # share of the run over which the rate rises
    cooldown: float = 0.4  # share of the run, at its end, over which it falls to nothing
    clip: float = 1.0  # largest gradient norm
    ema: float = 0.998  # decay of the averaged weights, which are what is scored and shipped
    shortcut: float = 0.3  # share of the loss on the shortcut head
    dropout: float = 0.1
    augment: float = 1.0  # strength; 0 turns it off
    augment_end: float = -1.0  # strength at the end of the run, approached in a straight line; -1: as at the beginning
    augment_mix: str = "default"  # which changes, by name in netchu.data.augment.MIXES
    drawn_start: float = 0.5  # with a synthesis recipe: share of the lines that are drawn, at the beginning ...
    drawn_end: float = 0.1  # ... and at the end
    drawn_until: float = 0.8  # progress (0..1) at which the share is down, in a straight line, to what it is at the end
    drawn_reuse: int = 1  # times that each drawn line is trained on: more where drawing is slower than training
    epoch_lines: int = 0  # 0: as many as the data sets give; without any, 10,000 drawn ones
    pitch_least: float = 0.0  # heights that strokes are to stand apart, at least ...
    pitch_most: float = 0.0  # ... and at most; both 0: what the model it goes on from says; both -1: as they stand
    vertical: bool = False  # lay tall pictures on their side, also where nothing drawn and no base model does
    freeze: int = 0  # epochs, when fine-tuning, in which the trunk stays as it is
    keep_alphabet: bool = True  # when fine-tuning: characters of the base model that the new data lacks stay
    patience: int = 0  # evaluations without a better CER after which to stop; 0: never before the cooldown is through
    evaluate_every: int = 1  # epochs
    check: bool = True  # look the data over before training, as `netchu data check` does
    seed: int = 0
    precision: str = "auto"  # float32, bfloat16, or whichever this machine is faster in
    threads: int = 0  # 0: all cores this process may use
    workers: int = 1  # threads that make batches
    draw_jobs: int = 1  # processes that draw

    def __post_init__(self) -> None:
        check_options(self, _LIMITS)
        ends = self.pitch_least, self.pitch_most
        if ends not in ((0.0, 0.0), (-1.0, -1.0)):
            try:
                check_pitch(*ends)
            except ValueError as error:
                raise NetchuError(f"options pitch_least, pitch_most: {error}") from None

    @property
    def pitch(self) -> Pitch | None:
        """What lines are stretched towards (ModelInfo.pitch); None: they are left as they are."""
        return (self.pitch_least, self.pitch_most) if self.pitch_least > 0 else None


_KINDS: dict[type, str] = {
    int: "a whole number", float: "a number", str: "a text in quotes", bool: "true or false",
    tuple: 'a list of texts, as in ["vi", "fr"]',
}  # fmt: skip

_LIMITS = (
    ("epochs", 0, 1_000_000), ("batch_columns", 64, 1 << 24), ("learning_rate", 1e-7, 1.0), ("weight_decay", 0, 1),
    ("warmup", 0, 0.9), ("cooldown", 0, 1), ("clip", 1e-3, 1e6), ("ema", 0, 0.99999), ("shortcut", 0, 0.9),
    ("dropout", 0, 0.9), ("augment", 0, 3), ("freeze", 0, 1_000_000), ("patience", 0, 1_000_000),
    ("evaluate_every", 1, 1_000_000), ("threads", 0, 1024), ("workers", 1, 256), ("seed", 0, (1 << 32) - 1),
    ("augment_end", -1, 3), ("drawn_start", 0, 1), ("drawn_end", 0, 1), ("drawn_until", 0, 1), ("drawn_reuse", 1, 1000),
    ("pitch_least", -1, 100), ("pitch_most", -1, 100), ("epoch_lines", 0, 1 << 31), ("draw_jobs", 1, 256),
)  # fmt: skip


def check_options(config: Any, limits: Iterable[tuple[str, float, float]]) -> None:
    """See that the fields of a frozen dataclass have the types of their defaults, and numbers their limits.

    Lists become tuples and whole numbers floats where such is the default. Raises NetchuError that names the option.
    """
    for field in dataclasses.fields(config):
        value: Any = getattr(config, field.name)
        kind: type = type(field.default)
        if kind is tuple and isinstance(value, list):
            value = tuple(value)
        elif kind is float and type(value) is int:
            value = float(value)
        texts = all(isinstance(entry, str) for entry in value) if isinstance(value, tuple) else True
        if type(value) is not kind or not texts:
            raise NetchuError(f"option {field.name} = {value!r}: expected {_KINDS[kind]}")
        object.__setattr__(config, field.name, value)
    for name, low, high in limits:
        if not low <= getattr(config, name) <= high:
            raise NetchuError(f"option {name} = {getattr(config, name)}: must lie between {low:g} and {high:g}")
    if config.precision not in ("auto", "float32", "bfloat16"):
        raise NetchuError(f"option precision = {config.precision!r}: must be auto, float32 or bfloat16")


def configure(options: Mapping[str, Any], base: Config | None = None) -> Config:
    """Options by name -> a config: `base` (TrainConfig() unless given) with these changed.

    Raises NetchuError that names the nearest on an unknown one.
    """
    config: Any = base or TrainConfig()
    known = [field.name for field in dataclasses.fields(config)]
    for name in options:
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            raise NetchuError(f"unknown option {name!r}; {hint}")
    changed: Config = dataclasses.replace(config, **options)
    return changed
