"""Batches of crops, from real pages and drawn ones, made ahead of the steps that use them.

Which page crop k comes from, and all that is done to it, follow from (seed, k): a resumed run sees the same crops.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache

import numpy as np

from netchu.synth.ink import Rng
from netchu.train.pages.config import PageConfig
from netchu.train.pages.crops import Batch, Crop, cut, stacked
from netchu.train.pages.truth import PageTruth

Draw = Callable[[int], PageTruth]  # drawn page k, the same whenever it is asked for
AHEAD = 3  # batches


class Feed:
    """Makes the batches of a run. `draw` gives drawn pages; without real pages all are drawn."""

    def __init__(self, pages: Sequence[PageTruth], config: PageConfig, draw: Draw | None = None) -> None:
        self.pages, self.config = pages, config
        self.drawn = (config.drawn if pages else 1.0) if draw else 0.0
        sources = [page.source for page in pages]
        weights = np.array([sources.count(source) ** -0.5 for source in sources])  # many pages of one kind count less
        self.ends = np.cumsum(weights / (weights.sum() or 1))
        self.lock = threading.Lock()
        self.draw = lru_cache(maxsize=config.drawn_kept * 2)(draw) if draw else None

    def stream(self, first: int, last: int) -> Iterator[Batch]:
        """The batches of steps `first` to `last`, the latter not among them."""
        with ThreadPoolExecutor(self.config.workers) as pool:
            waiting: list[Future[Batch]] = []
            try:
                for step in range(first, last):
                    while len(waiting) < AHEAD + self.config.workers and step + len(waiting) < last:
                        waiting.append(pool.submit(self.batch, step + len(waiting)))
                    yield waiting.pop(0).result()
            finally:
                for each in waiting:
                    each.cancel()

    def batch(self, step: int) -> Batch:
        size = self.config.batch
        return stacked([self.crop(k) for k in range(step * size, (step + 1) * size)])

    def crop(self, k: int) -> Crop:
        """Crop k of the run."""
        rng = np.random.default_rng([self.config.seed, k])
        return cut(self._page(k, rng), self.config.crop, rng, self.config.augment)

    def _page(self, k: int, rng: Rng) -> PageTruth:
        kind, which = rng.random(2).tolist()
        if self.draw is None or kind >= self.drawn:
            return self.pages[min(int(np.searchsorted(self.ends, which)), len(self.pages) - 1)]
        oldest = int(k * self.drawn / self.config.drawn_uses)
        with self.lock:  # a page is drawn once, whoever wants it first
            return self.draw(oldest + int(which * self.config.drawn_kept))
