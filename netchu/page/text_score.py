"""How well a page was read: character errors with reading order and without, and of the lines found in their place.

Ordered: all lines of a page joined by spaces, in reading order, against one another. A wrong order, a line too many or
one missed all cost what they change.

Unordered: each true line is compared with one found line at most, so paired that the edits are fewest; lines without a
partner are missing or extra whole. Pairing minimises edits exactly (the assignment problem; Jonker and Volgenant 1987,
"A shortest augmenting path algorithm for dense and sparse linear assignment problems") and has nothing to set, which is
why it is used in place of the Flexible Character Accuracy of Clausner, Pletschacher and Antonacopoulos 2020 ("Flexible
character accuracy measure for reading-order-independent evaluation"), whose greedy matching depends on coefficients.
The price: a line found in two halves pays for one of them, where theirs would not.

In place: pairs by area (`area_score`), whatever the text; the rest is missing or extra.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from netchu.metrics import Counts, count


def ordered(truth: Sequence[str], found: Sequence[str]) -> Counts:
    """Edits between the texts of two pages, lines in reading order and already normalised; empty lines are no lines."""
    left, right = (" ".join(line for line in side if line) for side in (truth, found))
    return count(left, right)


def unordered(truth: Sequence[str], found: Sequence[str]) -> Counts:
    """The fewest edits over all ways to pair lines. Counts characters of lines only, no breaks between them."""
    truth, found = [line for line in truth if line], [line for line in found if line]
    # Pairing never costs more than leaving both alone: d(a, b) <= max(|a|, |b|). So the shorter side is paired whole,
    # and a line's cost is what pairing saves against leaving it alone.
    cost = np.array([[Levenshtein.distance(a, b) - len(a) - len(b) for b in found] for a in truth], dtype=np.int64)
    partners = dict(assign(cost)) if truth and found else {}
    return in_place(truth, found, list(partners.items()))


def in_place(truth: Sequence[str], found: Sequence[str], partners: Sequence[tuple[int, int]]) -> Counts:
    """Edits of the paired lines (places in truth and found); what is in no pair is deleted or inserted whole."""
    total = sum((count(truth[i], found[j]) for i, j in partners), Counts())
    paired_truth, paired_found = ({pair[side] for pair in partners} for side in (0, 1))
    missed = sum(len(line) for place, line in enumerate(truth) if place not in paired_truth)
    extra = sum(len(line) for place, line in enumerate(found) if place not in paired_found)
    return total + Counts(units=missed, deletions=missed, insertions=extra)


def assign(cost: NDArray[np.int64]) -> list[tuple[int, int]]:
    """The (row, column) pairs of least total cost, as many as the shorter side (rows, columns), in order of rows.

    Shortest augmenting paths with potentials: rows are added one by one, O(rows^2 columns).
    """
    if cost.shape[0] > cost.shape[1]:
        return sorted((row, column) for column, row in assign(cost.T))
    rows, columns = cost.shape
    far = np.iinfo(np.int64).max // 4
    of_row, of_column = np.zeros(rows + 1, dtype=np.int64), np.zeros(columns + 1, dtype=np.int64)
    holder = np.zeros(columns + 1, dtype=np.int64)  # the row that has the column; rows and columns count from 1
    for row in range(1, rows + 1):
        holder[0], column = row, 0
        least, back = np.full(columns + 1, far), np.zeros(columns + 1, dtype=np.int64)
        seen = np.zeros(columns + 1, dtype=bool)
        while holder[column]:
            seen[column] = True
            current = holder[column]
            slack = cost[current - 1] - of_row[current] - of_column[1:]
            better = ~seen[1:] & (slack < least[1:])
            least[1:][better], back[1:][better] = slack[better], column
            column = int(np.where(seen, far + 1, least)[1:].argmin()) + 1
            step = least[column]
            of_row[holder[seen]] += step
            of_column[seen] -= step
            least[~seen] -= step
        while column:  # hand the columns on along the path
            holder[column] = holder[back[column]]
            column = int(back[column])
    return sorted((int(row) - 1, column) for column, row in enumerate(holder[1:]) if row)
