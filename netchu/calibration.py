"""Confidence that means probability: fitted on lines that were read and judged. Applying it is one line of NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netchu.errors import NetchuError

Floats = NDArray[np.float64]
LEVELS = ("char", "word", "line")
EDGE = 1e-7  # confidences are kept this far from 0 and 1, where the logit ends
STEPS, CLOSE = 100, 1e-10
COLDEST, WARMEST = 0.25, 4.0


@dataclass(frozen=True)
class Logistic:
    """confidence p -> 1 / (1 + exp(-(slope * logit(p) + offset))): Platt 1999. (1, 0) changes nothing."""

    slope: float = 1.0
    offset: float = 0.0

    def __call__(self, confidences: Sequence[float] | Floats) -> Floats:
        """Confidences (n,) -> calibrated ones (n,), in the same order of size while the slope is above 0."""
        mapped: Floats = 1 / (1 + np.exp(-(self.slope * _logit(confidences) + self.offset)))
        return mapped


@dataclass(frozen=True)
class Calibration:
    """What a model's file may say of its confidences, after its temperature has been applied."""

    char: Logistic = Logistic()
    word: Logistic = Logistic()
    line: Logistic = Logistic()

    def to_json(self) -> dict[str, dict[str, float]]:
        """As what json.dumps takes: {"char": {"slope": 1.0, "offset": 0.0}, "word": ..., "line": ...}."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> Calibration:
        """What to_json gave. A level that is not there stays as it is; NetchuError for anything else."""
        if not isinstance(data, Mapping) or not set(data) <= set(LEVELS):
            raise NetchuError(f"calibration: expected an object of {', '.join(LEVELS)}; export the model again")
        return cls(**{level: _read(level, each) for level, each in data.items()})


def fit_logistic(
    confidences: Sequence[float] | Floats,
    right: Sequence[bool] | Floats,
    counts: Sequence[float] | Floats | None = None,
) -> Logistic:
    """The map of least log-loss from confidences (n,) to whether each was right (n,), by Newton's method.

    Each weighs as many as `counts` (n,) says. Targets are Platt's: a hair away from 0 and 1, so that one-sided data do
    not send the map to infinity. The slope stays positive: where sureness says nothing of rightness, everything is as
    sure as the average.
    """
    x, y = _logit(confidences), np.asarray(right, np.float64)
    counted = np.ones(len(x)) if counts is None else np.asarray(counts, np.float64)
    if not len(x) == len(y) == len(counted):
        raise ValueError(f"{len(x)} confidences, {len(y)} judgements, {len(counted)} counts")
    if not len(x):
        return Logistic()
    hits, total = float(counted @ y), float(counted.sum())
    targets = np.where(y > 0.5, (hits + 1) / (hits + 2), 1 / (total - hits + 2))
    columns = np.stack([x, np.ones_like(x)])
    weights = np.array([1.0, 0.0])
    loss = _log_loss(weights @ columns, targets, counted)
    for _ in range(STEPS):
        shares = 1 / (1 + np.exp(-(weights @ columns)))
        slope = columns @ (counted * (shares - targets))
        curve = (columns * (counted * shares * (1 - shares))) @ columns.T + 1e-9 * np.eye(2)
        step = np.linalg.solve(curve, slope)
        size = 1.0
        while (new := _log_loss((weights - size * step) @ columns, targets, counted)) > loss and size > CLOSE:
            size /= 2
        weights, gained, loss = weights - size * step, loss - new, new
        if gained < CLOSE * total:
            break
    if weights[0] <= 0:
        return Logistic(EDGE, math.log((hits + 1) / (total - hits + 1)))
    return Logistic(float(weights[0]), float(weights[1]))


def fit_temperature(loss: Callable[[float], float]) -> float:
    """The temperature in 1/4..4 of least `loss`, to 1 %: golden section on its logarithm (Guo et al. 2017).

    `loss` is a proper score of what was read with logits divided by a temperature: the log-loss of the confidences.
    """
    low, high, golden = math.log(COLDEST), math.log(WARMEST), (math.sqrt(5) - 1) / 2
    one, two = high - golden * (high - low), low + golden * (high - low)
    at_one, at_two = loss(math.exp(one)), loss(math.exp(two))
    while high - low > 0.01:
        if at_one <= at_two:
            high, two, at_two = two, one, at_one
            one = high - golden * (high - low)
            at_one = loss(math.exp(one))
        else:
            low, one, at_one = one, two, at_two
            two = low + golden * (high - low)
            at_two = loss(math.exp(two))
    return math.exp((low + high) / 2)


def log_loss(confidences: Sequence[float] | Floats, right: Sequence[bool] | Floats) -> float:
    """Mean of -log of the probability given to what happened, in nats; a proper score, 0 at best."""
    y = np.asarray(right, np.float64)
    return _log_loss(_logit(confidences), y, np.ones(len(y))) / max(1, len(y))


def _log_loss(logits: Floats, targets: Floats, counts: Floats) -> float:
    return float(counts @ (np.logaddexp(0, logits) - targets * logits))


def _logit(confidences: Sequence[float] | Floats) -> Floats:
    clipped = np.clip(np.asarray(confidences, np.float64), EDGE, 1 - EDGE)
    logits: Floats = np.log(clipped) - np.log1p(-clipped)
    return logits


def _read(level: str, data: Any) -> Logistic:
    values: list[Any] = [data[name] for name in sorted(data)] if isinstance(data, Mapping) else []
    good = all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in values)
    if not values or set(data) != {"slope", "offset"} or not good or not data["slope"] > 0:
        raise NetchuError(f"calibration: {level} needs a slope above 0 and an offset; export the model again")
    return Logistic(float(data["slope"]), float(data["offset"]))
