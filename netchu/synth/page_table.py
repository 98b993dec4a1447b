"""A drawn table whose cells hold several lines, as rows of cells: what a person reads cell by cell."""

from __future__ import annotations

import numpy as np

from netchu.synth.page_draft import Draft

RULED = ("rules", "upright", "", "gaps")  # what tells rows: rules all round, columns alone, nothing, or gaps


def table(draft: Draft) -> None:
    """Rows of a number or a date, one or two columns of wrapped words and perhaps a sum, all beginning at the top.

    The first column starts each row. Rows are told apart by rules, by gaps, or by that column alone; a third of the
    tables have cells of one line.
    """
    rng, (width, height) = draft.rng, draft.size
    draft.em = em = min(draft.em, 30.0)
    way = str(rng.choice(RULED))
    deepest = int(rng.choice([1, 4, 4, 6]))
    wordy = int(rng.integers(1, 4)) if deepest > 1 else int(rng.integers(2, 5))
    sums = int(rng.integers(0, 3))
    shares = np.array([0.3, *rng.uniform(0.8, 1.6, wordy), *[0.35] * sums])
    edges = (np.cumsum([0.0, *(shares / shares.sum())]) * rng.uniform(0.8, 0.92) + rng.uniform(0.02, 0.06)) * width
    pitch, slope = em * draft.pitch(1.05, 1.5), float(rng.normal(0, 0.003))
    top, foot = height * rng.uniform(0.06, 0.15), height * rng.uniform(0.85, 0.97)
    gap = pitch * (rng.uniform(0.4, 0.9) if way in ("rules", "gaps") else 0.0)
    kept = rng.uniform(0.75, 1.0, len(shares))  # how often a column's cells are filled; the first always are
    y = top + em
    while y < foot - pitch:
        deep = 1
        for column in range(len(shares)):
            x, room = edges[column] + 0.35 * em, edges[column + 1] - edges[column] - 0.7 * em
            if column and rng.random() > kept[column]:
                continue
            text = 0 < column <= wordy
            lines = int(rng.integers(1, deepest + 1)) if text else 1
            lines = min(lines, max(1, int((foot - y) / pitch)))
            for line in range(lines):
                share = 1.0 if line < lines - 1 else float(rng.uniform(0.25, 1)) if text else 0.9
                draft.put(x, y + line * pitch + slope * x, room * share, slope=slope)
            deep = max(deep, lines)
        y += deep * pitch + gap
        if way == "rules":
            at = y - pitch * 0.8 - gap / 2
            draft.sheet.rule((edges[0], at + slope * edges[0]), (edges[-1], at + slope * edges[-1]), rng)
    if way in ("rules", "upright"):
        for x in edges:
            draft.sheet.rule((x, top - 0.5 * em), (x - slope * (y - top), y - 0.8 * pitch), rng)
