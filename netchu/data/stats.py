"""A line set in figures: how much there is of what, per split."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from netchu.data.lines import SPLITS, LineSet, Sample
from netchu.data.survey import Seen, survey

LEVELS = (0, 5, 25, 50, 75, 95, 100)  # per cent


@dataclass(frozen=True)
class Part:
    """The figures of one split, or of the whole. The quantiles are those of LEVELS; empty where there is nothing."""

    lines: int
    characters: int
    distinct_characters: int
    distinct_texts: int
    writers: int
    label_length: tuple[float, ...]
    height: tuple[float, ...]
    width: tuple[float, ...]
    unreadable: int


@dataclass(frozen=True)
class Stats:
    """All figures of a set: `parts` by split ("all" first, "none" for lines without one), characters by frequency."""

    root: str
    digest: str
    rejected: int
    parts: dict[str, Part]
    characters: dict[str, int]

    def to_json(self) -> str:
        """One JSON object; letters are written as themselves."""
        return json.dumps({**asdict(self), "quantile_levels": LEVELS}, ensure_ascii=False, indent=2)


def stats(lineset: LineSet) -> Stats:
    """Count and measure a set. Every picture is opened; those that cannot be are counted, not measured."""
    seen = survey(lineset.samples)
    pairs = list(zip(lineset.samples, seen))
    parts = {"all": _part(pairs)}
    for split in (*SPLITS, None):
        chosen = [(sample, picture) for sample, picture in pairs if sample.split == split]
        if chosen:
            parts[split or "none"] = _part(chosen)
    counts = Counter(char for sample in lineset.samples for char in sample.text)
    characters = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    return Stats(str(lineset.root), lineset.digest(), len(lineset.rejects), parts, characters)


def _part(pairs: Sequence[tuple[Sample, Seen]]) -> Part:
    texts = [sample.text for sample, _ in pairs]
    good = [picture for _, picture in pairs if not picture.fault]
    return Part(
        lines=len(pairs),
        characters=sum(map(len, texts)),
        distinct_characters=len(set("".join(texts))),
        distinct_texts=len(set(texts)),
        writers=len({sample.writer for sample, _ in pairs if sample.writer}),
        label_length=_quantiles([len(text) for text in texts]),
        height=_quantiles([picture.height for picture in good]),
        width=_quantiles([picture.width for picture in good]),
        unreadable=len(pairs) - len(good),
    )


def _quantiles(values: Sequence[int]) -> tuple[float, ...]:
    return tuple(round(float(q), 1) for q in np.percentile(values, LEVELS)) if values else ()
