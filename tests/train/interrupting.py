"""Ctrl-C at a chosen step of a run."""

from __future__ import annotations

import signal
from collections.abc import Callable

from netchu.data.batch import Batch
from netchu.train.loop import Trainer


def interrupt_at(trainer: Trainer, step: int) -> None:
    """Send Ctrl-C while a step is computed."""
    original: Callable[[Batch], float] = trainer.step

    def watched(batch: Batch) -> float:
        if trainer.progress.step + 1 == step:
            signal.raise_signal(signal.SIGINT)
        return original(batch)

    trainer.step = watched  # type: ignore[method-assign]
