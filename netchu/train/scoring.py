"""Reading validation lines with a network in training's own process, and what that says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from netchu.data.batch import Example, Maker, Pictures, plan
from netchu.metrics import Scores, score
from netchu.models.line import LineNetwork
from netchu.text import Charset, canonical

COLUMNS = 14336  # padded columns a batch; what is read does not depend on it


@dataclass(frozen=True)
class Readings:
    """Greedy texts of examples, in their order, and the share of frames that were read as blank (None without CTC)."""

    texts: tuple[str, ...]
    blank_rate: float | None


@torch.no_grad()
def read_examples(
    network: LineNetwork, examples: Sequence[Example], pictures: Pictures, charset: Charset, device: torch.device
) -> Readings:
    """Read examples with a network in evaluation mode."""
    maker = Maker(examples, pictures, network.height, 0, 0.0, network.stride)
    texts: list[str] = [""] * len(examples)
    blanks: int | None = 0
    frames = 0
    batches = plan(examples, range(len(examples)), COLUMNS)
    for batch, planned in zip(maker.stream(batches, 0), batches):
        images, widths = torch.from_numpy(batch.images).to(device), torch.from_numpy(batch.widths).to(device)
        lines, blank = network.read(images, widths)
        for pick, classes in zip(planned.picks, lines):
            texts[pick.index] = canonical(charset.decode(classes), charset.form)
        blanks = None if blank is None or blanks is None else blanks + blank
        frames += sum(-(-int(width) // network.stride) for width in batch.widths)
    return Readings(tuple(texts), None if blanks is None else blanks / max(1, frames))


def rates(scores: Scores) -> dict[str, float]:
    return {name: round(getattr(scores, name), 5) for name in ("cer", "wer", "ser")}


def by_set(examples: Sequence[Example], texts: Sequence[str], names: Sequence[str]) -> dict[str, Scores]:
    """Scores of each data set that has examples, by its name."""
    found: dict[str, Scores] = {}
    for number, name in enumerate(names):
        pairs = [(e.text, text) for e, text in zip(examples, texts) if e.source == number]
        if pairs:
            found[name] = score([reference for reference, _ in pairs], [text for _, text in pairs])
    return found


def to_json(scores: dict[str, Scores]) -> dict[str, dict[str, Any]]:
    """What is kept of each data set's scores in events and model files."""
    keys = ("lines", "cer", "wer", "ser", "cer_ci95")
    return {name: {key: found.to_json()[key] for key in keys} for name, found in scores.items()}
