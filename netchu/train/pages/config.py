"""Every knob of a line finder's training, with its default."""

from __future__ import annotations

from dataclasses import dataclass

from netchu.train.config import check_options


@dataclass(frozen=True)
class PageConfig:
    architecture: str = "ribbon"
    steps: int = 20_000
    batch: int = 6  # crops a step
    crop: int = 512  # pixels of their sides
    learning_rate: float = 0.002
    weight_decay: float = 0.02
    warmup: float = 0.01  # share of the run over which the rate rises
    cooldown: float = 0.5  # share of the run, at its end, over which it falls to nothing
    clip: float = 1.0  # largest gradient norm
    ema: float = 0.998  # decay of the averaged weights, which are what is scored and shipped
    drawn: float = 0.3  # share of the crops that come from drawn pages, where a recipe draws
    drawn_kept: int = 60  # drawn pages kept at a time ...
    drawn_uses: int = 30  # ... and crops taken of each before another takes its place
    augment: float = 1.0  # strength; 0 turns it off
    held: float = 0.15  # share of the training pages, whole documents, held back to choose the best weights by
    evaluate_every: int = 1000  # steps
    save_every: int = 250  # steps
    seed: int = 0
    precision: str = "auto"  # float32, bfloat16, or whichever this machine is faster in
    threads: int = 0  # 0: all cores this process may use
    workers: int = 1  # threads that make crops

    def __post_init__(self) -> None:
        check_options(self, _LIMITS)


_LIMITS = (
    ("steps", 1, 1 << 31), ("batch", 1, 1024), ("crop", 64, 4096), ("learning_rate", 1e-7, 1.0), ("weight_decay", 0, 1),
    ("warmup", 0, 0.9), ("cooldown", 0, 1), ("clip", 1e-3, 1e6), ("ema", 0, 0.99999), ("drawn", 0, 1),
    ("drawn_kept", 1, 10_000), ("drawn_uses", 1, 10_000), ("augment", 0, 3), ("held", 0, 0.9),
    ("evaluate_every", 1, 1 << 31), ("save_every", 1, 1 << 31), ("seed", 0, (1 << 32) - 1), ("threads", 0, 1024),
    ("workers", 1, 256),
)  # fmt: skip
