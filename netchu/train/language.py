"""Training the network of characters that netchu.lm.neural runs: text in, one `.onnx` out."""

from __future__ import annotations

import itertools
import math
import os
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from netchu.data.lines import write_whole
from netchu.errors import NetchuError
from netchu.lm.guard import Sketch
from netchu.lm.neural import END, METADATA_KEY, SPECIALS, UNKNOWN, NeuralInfo, NeuralModel
from netchu.lm.sources import Source
from netchu.text import Form

TOLERANCE = 1e-4
OPSET = 17
MOST = {"batch": 4096, "width": 1024, "layers": 12, "longest": 10_000}  # what memory allows, generously
BUCKET = 50  # batches whose lines are sorted by length together


@dataclass(frozen=True)
class NeuralOptions:
    """How a model is made. `weights` of sources by name say how often a line is drawn from each; else all are alike."""

    steps: int = 3000
    batch: int = 64  # lines
    width: int = 64
    layers: int = 5
    learning_rate: float = 4e-3
    least: int = 3  # symbols seen less often in all sources together are unknown
    longest: int = 200  # symbols of a line that are learnt from; the end of a longer one is not
    seed: int = 0
    form: Form = "NFC"
    weights: Mapping[str, float] | None = None
    name: str = "lm"
    terms: str = ""  # licence or other terms of the texts


@dataclass(frozen=True)
class Progress:
    """How far a training is."""

    step: int
    steps: int
    bits: float  # a character, of late
    seconds: float

    def __str__(self) -> str:
        left = self.seconds * (self.steps / self.step - 1)
        return (
            f"step {self.step:,} of {self.steps:,}: {self.bits:.3f} bits a character, {self.seconds:.0f} s, "
            f"{left:.0f} s left"
        )


class LanguageNetwork(nn.Module):
    """Gated causal convolutions, each over twice the distance of the one before (van den Oord et al. 2016).

    The next symbol is told from the last 2 * (2^layers - 1) + 1: from 63 with 5 layers.
    """

    def __init__(self, symbols: int, width: int, layers: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(symbols, width)
        self.layers = nn.ModuleList(nn.Conv1d(width, 2 * width, 3, dilation=2**layer) for layer in range(layers))
        self.head = nn.Linear(width, symbols)

    def forward(self, symbols: Tensor) -> tuple[Tensor, Tensor]:
        """Lines int64 (N, L), END first -> log-probabilities of the symbols that follow (N, L - 1), and of all after
        each (N, L - 1, V)."""
        states = self.embedding(symbols[:, :-1]).transpose(1, 2)
        for place, layer in enumerate(self.layers):
            ahead, gate = layer(nn.functional.pad(states, (2 * 2**place, 0))).chunk(2, 1)
            states = states + torch.tanh(ahead) * torch.sigmoid(gate)
        log_probs = self.head(states.transpose(1, 2)).log_softmax(-1)
        return log_probs.gather(2, symbols[:, 1:, None])[:, :, 0], log_probs


def train_neural(
    sources: Sequence[Source],
    target: str | os.PathLike[str],
    options: NeuralOptions = NeuralOptions(),
    tell: Callable[[Progress], None] = lambda progress: None,
) -> NeuralInfo:
    """Train on the sources and write a model file. `tell` is told after every step.

    The same sources, options and number of threads give the same model. Nothing is written before the end.
    Raises NetchuError for options that make no sense, texts without a symbol that is seen often enough, and when
    the file cannot be written or ONNX Runtime and torch disagree on it.
    """
    weights = _check(sources, options)
    counts = Counter(itertools.chain.from_iterable(line for source in sources for line in source.lines))
    vocabulary = tuple(sorted(symbol for symbol, count in counts.items() if count >= options.least))
    if not vocabulary:
        raise NetchuError(f"no character is seen {options.least} times or more; give more text, or lower `least`")
    encoded = [_encode(source.lines, vocabulary, options.longest) for source in sources]
    torch.manual_seed(options.seed)
    network = LanguageNetwork(SPECIALS + len(vocabulary), options.width, options.layers)
    loss = _fit(network, encoded, weights, options, tell)
    made = {key: value for key, value in asdict(options).items() if key not in ("weights", "name", "terms", "form")}
    listed = [
        {"name": source.name, "weight": round(weight, 4), "lines": len(source.lines), "sha256": source.digest(),
         "from": list(source.origins)}
        for source, weight in zip(sources, weights)
    ]  # fmt: skip
    about = {
        "sources": listed, "terms": options.terms, "made": made, "architecture": "convolutions", "loss": round(loss, 4),
        "parameters": sum(weight.numel() for weight in network.parameters()),
    }  # fmt: skip
    sketch = Sketch.of(line for source in sources for line in source.lines)
    info = NeuralInfo(options.name, options.form, vocabulary, sketch, about)
    export_neural(network, info, target)
    return info


def _check(sources: Sequence[Source], options: NeuralOptions) -> tuple[float, ...]:
    """The sources' shares. Raises NetchuError for options that make no sense."""
    if not sources:
        raise NetchuError("no text to train a language model on; name a file, a data set or - for standard input")
    for name in ("steps", "batch", "width", "layers", "least", "longest"):
        highest = MOST.get(name, math.inf)
        if not 1 <= getattr(options, name) <= highest:
            reach = f"from 1 to {highest}" if name in MOST else "1 or more"
            raise NetchuError(f"option {name} = {getattr(options, name)}: must be {reach}")
    if not 0 < options.learning_rate < math.inf:
        raise NetchuError(f"option learning_rate = {options.learning_rate}: must be above 0")
    given = options.weights or {source.name: 1.0 for source in sources}
    for name in given:
        if name not in {source.name for source in sources}:
            raise NetchuError(f"no source is called {name!r}; the sources are {', '.join(s.name for s in sources)}")
    shares = [given.get(source.name, 0.0) for source in sources]
    if not all(0 <= share < math.inf for share in shares) or not sum(shares):
        raise NetchuError("weights must be numbers that are not negative, nor all 0")
    return tuple(share / sum(shares) for share in shares)


def _encode(lines: Sequence[str], vocabulary: Sequence[str], longest: int) -> list[NDArray[np.int64]]:
    """Lines as labels, END at both sides; of a longer line the beginning, without an end."""
    labels = {symbol: SPECIALS + index for index, symbol in enumerate(vocabulary)}
    found = ([END, *(labels.get(char, UNKNOWN) for char in line), END] for line in lines)
    return [np.array(line[: longest + 1], np.int64) for line in found]


def _batches(
    encoded: Sequence[Sequence[NDArray[np.int64]]], weights: Sequence[float], options: NeuralOptions
) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless lines (N, L) and the lengths of each (N,): drawn from the sources by weight, sorted by length within
    BUCKET batches, whose order is random."""
    rng = np.random.default_rng(options.seed)
    while True:
        drawn = rng.choice(len(encoded), BUCKET * options.batch, p=weights)
        lines = [encoded[source][int(rng.integers(len(encoded[source])))] for source in drawn]
        lines.sort(key=len)
        for number in rng.permutation(BUCKET):
            batch = lines[number * options.batch : (number + 1) * options.batch]
            symbols = np.full((len(batch), len(batch[-1])), END, np.int64)
            for row, line in zip(symbols, batch):
                row[: len(line)] = line
            yield torch.from_numpy(symbols), torch.tensor([len(line) for line in batch])


def _fit(
    network: LanguageNetwork,
    encoded: Sequence[Sequence[NDArray[np.int64]]],
    weights: Sequence[float],
    options: NeuralOptions,
    tell: Callable[[Progress], None],
) -> float:
    """AdamW with a rate that rises for a twentieth of the steps and then falls to nothing -> bits a symbol at last."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=options.learning_rate, weight_decay=0.01)
    steps = max(2, options.steps)
    # torch divides by the steps of the rise less one: a twentieth of 20 would be 0
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, options.learning_rate, total_steps=steps, pct_start=max(0.05, 1.5 / steps)
    )
    mean, start = math.nan, time.monotonic()
    for step, (symbols, lengths) in enumerate(itertools.islice(_batches(encoded, weights, options), options.steps), 1):
        scores, _ = network(symbols)
        real = torch.arange(scores.shape[1]) < (lengths - 1)[:, None]
        loss = -(scores * real).sum() / real.sum()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        bits = float(loss.detach()) / math.log(2)
        mean = bits if math.isnan(mean) else 0.98 * mean + 0.02 * bits
        if not math.isfinite(mean):
            raise NetchuError(f"training went astray at step {step}: the loss is no number; lower learning_rate")
        tell(Progress(step, options.steps, mean, time.monotonic() - start))
    return mean


def export_neural(network: LanguageNetwork, info: NeuralInfo, target: str | os.PathLike[str]) -> None:
    """Write a network as a model file, once ONNX Runtime says the same as torch.

    Raises NetchuError when the file cannot be written or log-probabilities differ by more than 1e-4.
    """
    data = _to_onnx(network.eval(), info)
    partial = Path(target).with_name(Path(target).name + ".partial")
    write_whole(partial, data)
    try:
        _check_parity(network, NeuralModel(partial))
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _to_onnx(network: LanguageNetwork, info: NeuralInfo) -> bytes:
    axes = {"symbols": {0: "N", 1: "L"}, "scores": {0: "N", 1: "M"}, "log_probs": {0: "N", 1: "M"}}
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # the tracer's notes on shapes: the parity check is what counts
        path = Path(folder) / "model.onnx"
        torch.onnx.export(
            network, (torch.zeros((2, 5), dtype=torch.int64),), str(path), dynamo=False, opset_version=OPSET,
            dynamic_axes=axes, input_names=["symbols"], output_names=["scores", "log_probs"],
        )  # fmt: skip
        model = onnx.load(str(path))
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, info.to_json()
    return bytes(model.SerializeToString())


@torch.no_grad()
def _check_parity(network: LanguageNetwork, model: NeuralModel) -> None:
    texts = ["", "".join(model.info.vocabulary)[:300], "\ufffe" + "".join(model.info.vocabulary)[:40][::-1]]
    for text in texts:
        symbols = torch.tensor([model.encode(text)])
        _, wanted = network(symbols)
        worst: Any = np.abs(model.next_symbols(text) - wanted[0].numpy()).max()
        if not worst <= TOLERANCE:  # nor if NaN
            raise NetchuError(f"{model.path}: export failed, its log-probabilities are {worst:.2g} off those trained")
