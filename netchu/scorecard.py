"""The report of an evaluation: one self-contained page with scores, reliability, coverage and the worst lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from netchu.data.lines import LineSet, write_whole
from netchu.html import (
    Axis,
    Dot,
    make_card,
    make_facts,
    make_page,
    make_plot,
    make_rates,
    make_section,
    make_table,
    plain,
    round_ticks,
)  # fmt: skip
from netchu.metrics import Scores, count
from netchu.records import Line
from netchu.reliability import Bin, Examined, Reliability
from netchu.text import normaliser as named_normaliser

WORST = 30
NAMES = {"char": "characters", "word": "words", "line": "lines"}


@dataclass(frozen=True)
class Scored:
    """A data set that was read: what was read of each of its lines, in order, and what that is worth.

    `warnings` are what a person must know before the scores: that a language model saw these lines, say.
    """

    name: str
    lines: LineSet
    readings: Sequence[Line]
    scores: Scores
    examined: Examined
    warnings: tuple[str, ...] = ()


def write_page(target: Path, title: str, facts: dict[str, str], sets: Sequence[Scored]) -> None:
    """Write the page of one or more data sets; `facts` are what holds of all, by name.

    The same readings make the same bytes. Raises NetchuError where it cannot be written.
    """
    warned = [f'<p class="alarm">{plain(f"{each.name}: {said}")}</p>' for each in sets for said in each.warnings]
    sections = [*warned, make_facts(facts), _scores(sets)]
    for each in sets:
        sections += [_reliability(each, each is sets[0]), _coverage(each)]
    sections += [_worst(each) for each in sets]
    write_whole(target, make_page(title, sections))


def _scores(sets: Sequence[Scored]) -> str:
    rows = [(each.name, f"{each.scores.lines:,}", *make_rates(each.scores)) for each in sets]
    note = "CER, WER: edits over reference characters and words. SER: share of lines that are not exactly right. In "
    note += "brackets the 95 % bootstrap interval."
    return make_section("Scores", make_table(("data set", "lines", "CER", "WER", "SER"), rows), note)


def _reliability(scored: Scored, explained: bool) -> str:
    """What was said to be so sure, and how often it was right."""
    levels = scored.examined.levels
    rows = [
        (
            NAMES[level], f"{each.count:,}", f"{each.right:.2%}", f"{each.ece:.2%}",
            f"{each.chance:.2%}", f"{each.brier:.4f}", "–" if each.auroc is None else f"{each.auroc:.3f}",
        )
        for level, each in levels.items()
    ]  # fmt: skip
    header = ("", "judged", "right", "ECE", "ECE by chance", "Brier score", "AUROC")
    note = (
        "Is confidence probability? Each dot is a fifteenth of all, from the least sure to the surest; on the dashed "
    )
    note += (
        "line, as many are right as was said; above it, more are. Bars are 95 % intervals. ECE is the mean distance "
    )
    note += (
        "from the line, and what perfect confidences would show on so few is in the next column. AUROC: how often a "
    )
    note += "right one is surer than a wrong one."
    drawn = "".join(_diagram(level, each) for level, each in levels.items() if each.count)
    body = f'{make_table(header, rows)}<div class="curves">{drawn}</div>'
    return make_section(f"Confidence: {scored.name}", body, note if explained else "")


def _diagram(level: str, each: Reliability) -> str:
    """Share right over mean confidence, by bin; from where the lowest is."""
    dots = [Dot(row.confidence, row.right, _said(row), True, *_interval(row)) for row in each.bins]
    least = min(min(dot.x, dot.y) for dot in dots)
    low = 0.0 if least < 0.5 else 0.5 if least < 0.9 else 0.9
    ticks = [(low + (1 - low) * step / 5, f"{100 * (low + (1 - low) * step / 5):.3g} %") for step in range(6)]
    across, up = Axis("how sure the reading is", ticks), Axis("how many are right", ticks)
    return make_plot(f"Confidence of {NAMES[level]}", across, up, {NAMES[level]: dots}, 2, diagonal=True)


def _said(row: Bin) -> str:
    return f"{row.number:,} that are {row.low:.1%} to {row.high:.1%} sure, {row.confidence:.1%} on average: " \
           f"{row.right:.1%} are right"  # fmt: skip


def _interval(row: Bin) -> tuple[float, float]:
    """Where the share of right ones lies at 95 % (Wilson 1927)."""
    z, n = 1.96, row.number
    middle = (row.right + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * math.sqrt(row.right * (1 - row.right) / n + z * z / (4 * n * n))
    return middle - reach, middle + reach


def _coverage(scored: Scored) -> str:
    """What refusing the least sure lines leaves."""
    table = scored.examined.coverage
    whole = table[0].cer
    rows = [
        (f"{row.coverage:.0%}", f"{row.threshold:.3f}", f"{row.cer:.2%}",
         f"{row.cer / whole:.2f}" if whole else "–", f"{row.best:.2%}", f"{row.right:.1%}")
        for row in table
    ]  # fmt: skip
    said = "{:.0%} of the lines: CER {:.2%}".format
    dots = {
        "the surest": [Dot(row.coverage, row.cer, said(row.coverage, row.cer), True) for row in table],
        "those with fewest errors": [Dot(row.coverage, row.best, said(row.coverage, row.best)) for row in table],
    }
    across = Axis("lines kept", [(step / 5, f"{step * 20} %") for step in range(6)])
    up = Axis("CER", [(tick / 100, f"{tick:g} %") for tick in round_ticks(100 * max(row.cer for row in table))])
    drawn = make_plot("CER when unsure lines are refused", across, up, dots, 1)
    header = ("lines kept", "at least this sure", "CER", "CER / that of all", "were errors known", "exactly right")
    note = "Lines are refused from the least sure on; the confidence to ask for is in the second column. "
    note += "Were errors known: the CER of as many lines, if those with most errors for their length were refused."
    body = f'<div class="beside">{drawn}{make_table(header, rows)}</div>'
    return make_section(f"Coverage: {scored.name}", body, note)


def _worst(scored: Scored) -> str:
    """The lines with most errors, those first of which the model was surest: wrong and sure is what hurts."""
    normalise = named_normaliser(scored.scores.normalisation)
    rows = []
    for sample, reading in zip(scored.lines.samples, scored.readings):
        sides = normalise(sample.text), normalise(reading.text)
        rows.append((count(*sides).rate, reading.confidence, sides, sample))
    wrong = sorted((row for row in rows if row[2][0] != row[2][1]), key=lambda row: (-row[0], -row[1]))[:WORST]
    cards = [
        make_card(str(one.image), *sides, (f"CER {rate:.1%}", f"{sure:.1%} sure of the line", scored.lines.name(one)))
        for rate, sure, sides, one in wrong
    ]
    body = "".join(cards) or "<p>Every line was read right.</p>"
    note = f"Marked: characters that differ; ␣ is a space, · a place where the other side has a character. Of " \
           f"{scored.scores.wrong_lines:,} lines that are not exactly right, " \
           f"the {len(wrong)} with most errors." if wrong else ""  # fmt: skip
    return make_section(f"Worst lines: {scored.name}", body, note)
