"""The report of an evaluation: one self-contained page with scores, reliability, coverage and the worst lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from netchu.data.lines import write_whole
from netchu.metrics import Scores, count
from netchu.reliability import Covered, Examined, Reliability, Sure
from netchu.text import normaliser as named_normaliser
from netchu.train.page import PAGE, STYLE, Html, make_section, make_table, plain
from netchu.train.report import _marked as mark_edits
from netchu.train.report import _picture as show_picture
from netchu.train.report import _ticks as round_ticks

WORST = 30
LEVELS = {"char": "characters", "word": "words", "line": "lines"}
LEFT, RIGHT, TOP, BOTTOM = 46, 560, 40, 300  # pixels of the plotting area; the picture is 580 x 340


@dataclass(frozen=True)
class Scored:
    """A data set that was read: its scores, its reliability, and its lines in order. `images` are paths, or empty."""

    name: str
    scores: Scores
    examined: Examined
    references: Sequence[str]
    readings: Sequence[Sure]
    images: Sequence[str | Path] = ()


def write_page(target: Path, title: str, sets: Sequence[Scored]) -> None:
    """Write the page of one or more data sets. Raises NetchuError where it cannot be written."""
    sections = [_scores(sets)]
    for each in sets:
        sections += [_reliability(each), _coverage(each)]
    sections += [_worst(each) for each in sets]
    page = PAGE.format(title=plain(title), style=STYLE, body="\n".join(filter(None, sections)))
    write_whole(target, page.encode("utf-8", "backslashreplace"))


def _scores(sets: Sequence[Scored]) -> str:
    rows = []
    for each in sets:
        scores = each.scores
        rates = ((scores.cer, scores.cer_ci95), (scores.wer, scores.wer_ci95), (scores.ser, scores.ser_ci95))
        shown = [Html(f"{rate:.2%} <small>[{ci[0]:.1%}, {ci[1]:.1%}]</small>") for rate, ci in rates]
        rows.append((each.name, f"{scores.lines:,}", *shown, scores.normalisation))
    note = "Edits over reference characters and words; SER: share of lines not exactly right. In brackets the 95 % "
    note += "bootstrap interval."
    header = ("data set", "lines", "CER", "WER", "SER", "compared as")
    return make_section("Scores", make_table(header, rows), note)


def _reliability(scored: Scored) -> str:
    """What was said to be so sure, and how often it was right."""
    levels = scored.examined.levels
    rows = [
        (
            LEVELS[level], f"{each.count:,}", f"{each.right:.2%}", f"{each.ece:.2%}", f"{each.chance:.2%}",
            f"{each.brier:.4f}", "" if each.auroc is None else f"{each.auroc:.3f}",
        )
        for level, each in levels.items()
    ]  # fmt: skip
    header = ("", "judged", "right", "ECE", "of which chance", "Brier score", "AUROC")
    note = "A dot is a fifteenth of all: how sure they were on average, and how many of them were right. On the dashed "
    note += "line, confidence is probability. ECE is the mean distance from it; chance, what perfect confidences would "
    note += "show on so few. AUROC: how often a right one is surer than a wrong one."
    drawn = "".join(_diagram(level, each) for level, each in levels.items() if each.count)
    body = f'{make_table(header, rows)}<div class="curves">{drawn}</div>'
    return make_section(f"Confidence: {scored.name}", body, note)


def _diagram(level: str, each: Reliability) -> str:
    """Share right over mean confidence, by bin."""
    dots = [
        (each.confidence, each.right, f"{each.number:,} at {each.confidence:.1%}: {each.right:.1%} right")
        for each in each.bins
    ]
    low = min(min(x, y) for x, y, _ in dots)
    low = 0.0 if low < 0.5 else 0.5 if low < 0.9 else 0.9
    return _plot(f"{LEVELS[level]}: share right by confidence", "s2", dots, (low, 1.0), (low, 1.0), diagonal=True)


def _coverage(scored: Scored) -> str:
    """What refusing the least sure lines leaves."""
    table: Sequence[Covered] = scored.examined.coverage
    if not table:
        return ""
    whole = table[0].cer
    rows = [
        (f"{row.coverage:.0%}", f"{row.threshold:.3f}", f"{row.cer:.2%}", f"{row.cer / whole:.2f}" if whole else "",
         f"{row.right:.1%}")
        for row in table
    ]  # fmt: skip
    dots = [(row.coverage, row.cer, f"{row.coverage:.0%} of the lines: CER {row.cer:.2%}") for row in table]
    highest = round_ticks(max(row.cer for row in table))[-1]
    drawn = _plot("CER of the lines that are kept, by their share", "s1", dots, (0.0, 1.0), (0.0, highest))
    header = ("lines kept", "surer than", "CER", "of the whole CER", "exactly right")
    note = "Lines are refused from the least sure on; the second column is the confidence to ask for."
    body = f'<div class="curves">{drawn}{make_table(header, rows)}</div>'
    return make_section(f"Coverage: {scored.name}", body, note)


def _plot(
    title: str, colour: str, dots: Sequence[tuple[float, float, str]], across: tuple[float, float],
    up: tuple[float, float], diagonal: bool = False,
) -> str:  # fmt: skip
    """Dots (x, y, tooltip) joined by a line; both axes in per cent."""

    def x(value: float) -> float:
        return LEFT + (RIGHT - LEFT) * (value - across[0]) / (across[1] - across[0])

    def y(value: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * (value - up[0]) / (up[1] - up[0])

    parts = [f'<text x="{LEFT}" y="20">{plain(title)}</text>']
    for step in range(6):
        one, two = up[0] + (up[1] - up[0]) * step / 5, across[0] + (across[1] - across[0]) * step / 5
        parts.append(f'<path d="M{LEFT} {y(one):.1f}H{RIGHT}" class="grid"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y(one) + 4:.1f}" text-anchor="end">{100 * one:.3g}</text>')
        parts.append(f'<text x="{x(two):.1f}" y="{BOTTOM + 18}" text-anchor="middle">{100 * two:.3g} %</text>')
    if diagonal:
        parts.append(f'<path d="M{LEFT} {BOTTOM}L{RIGHT} {TOP}" class="curve s0" stroke-dasharray="4 5"/>')
    inside = [dot for dot in dots if dot[0] >= across[0]]
    points = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b, _ in inside)
    parts.append(f'<polyline points="{points}" class="curve {colour}"/>')
    parts += [
        f'<circle cx="{x(a):.1f}" cy="{y(b):.1f}" r="4" class="{colour}"><title>{plain(said)}</title></circle>'
        for a, b, said in inside
    ]
    return f'<svg viewBox="0 0 580 340" role="img" aria-label="{plain(title)}">{"".join(parts)}</svg>'


def _worst(scored: Scored) -> str:
    """The lines with most errors, those first of which the model was surest: wrong and sure is what hurts."""
    normalise = named_normaliser(scored.scores.normalisation)
    rows = []
    for index, (reference, reading) in enumerate(zip(scored.references, scored.readings)):
        sides = normalise(reference), normalise("".join(reading.chars))
        rows.append((count(*sides).rate, reading.line, sides, str(scored.images[index]) if scored.images else ""))
    wrong = sorted((row for row in rows if row[0]), key=lambda row: (-row[0], -row[1]))[:WORST]
    cards = []
    for rate, sure, sides, image in wrong:
        left, right = mark_edits(*sides)
        facts = " · ".join(fact for fact in (f"CER {rate:.2%}", f"confidence {sure:.3f}", image) if fact)
        cards.append(
            f'<figure>{show_picture(image)}<figcaption><table class="pair">'
            f'<tr><th>written</th><td dir="auto">{left}</td></tr><tr><th>read</th><td dir="auto">{right}</td></tr>'
            f"</table><small>{plain(facts)}</small></figcaption></figure>"
        )
    body = "".join(cards) or "<p>Every line was read right.</p>"
    return make_section(f"Worst lines: {scored.name}", body, "Marked: characters that differ.")
