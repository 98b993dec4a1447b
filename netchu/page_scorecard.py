"""The report of an evaluation of pages: one self-contained page with scores and the worst pages, drawn."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

from netchu.data.lines import write_whole
from netchu.data.pages import IGNORED
from netchu.errors import NetchuError
from netchu.html import Html, make_facts, make_page, make_section, make_table, plain
from netchu.image import open_grey
from netchu.page.reading_scores import PageResult, ReadingScores
from netchu.page.scores import Tally
from netchu.records import Line, Page, Point

WORST = 24  # pages shown
SIDE = 900  # pixels of a picture's longer side on the page
TRUE, FOUND, NOWHERE = "#0a8f3c", "#1668d8", "#888"  # colours of baselines, and of don't-care areas
SCORES = (
    ("baselines R", "baseline_recall"), ("P", "baseline_precision"), ("F", "baseline_f"), ("areas hmean", "hmean"),
    ("CER", "cer"), ("without order", "cer_unordered"), ("in place", "cer_in_place"),
)  # fmt: skip


class Set(Protocol):
    """What is shown of a data set."""

    @property
    def name(self) -> str: ...

    @property
    def scored(self) -> ReadingScores: ...

    @property
    def result(self) -> dict[str, Any]: ...


def write_page(target: Path, title: str, facts: dict[str, str], sets: Sequence[Set]) -> None:
    """Write the page of one or more sets of pages; `facts` are what holds of all, by name.

    Raises NetchuError where it cannot be written.
    """
    warned = [f'<p class="alarm">{plain(said)}</p>' for said in _said(sets, "warnings")]
    warned += [f'<p class="note">{plain(said)}</p>' for said in _said(sets, "notes")]
    sections = [*warned, make_facts(facts), _scores(sets)]
    for each in sets:
        sections += [_sources(each), _worst(each)]
    write_whole(target, make_page(title, sections))


def _said(sets: Sequence[Set], kind: str) -> list[str]:
    return [f"{each.name}: {said}" for each in sets for said in each.result[kind]]


def _scores(sets: Sequence[Set]) -> str:
    rows = []
    for each in sets:
        total, ends = each.scored.scores.total, each.scored.scores.ci95
        cells = [_cell(total, name, each.scored.texts, ends[name]) for _, name in SCORES]
        rows.append((each.name, f"{total.pages:,}", f"{total.true_lines:,}", f"{total.found_lines:,}", *cells))
    header = ("data set", "pages", "true lines", "found", *(label for label, _ in SCORES))
    note = (
        "Baselines: recall, precision and F of the cBAD measure. Areas: lines that overlap by half (ICDAR). CER with "
    )
    note += "reading order, without it, and of lines in the same place. In brackets 95 % intervals over pages."
    return make_section("Scores", make_table(header, rows), note)


def _cell(tally: Tally, name: str, texts: bool, ends: tuple[float, float] | None = None) -> Html:
    value = tally.rates[name]
    if value is None or ("cer" in name and not texts):
        return Html("–")
    around = f" <small>[{ends[0]:.1%}, {ends[1]:.1%}]</small>" if ends else ""
    return Html(f"{value:.1%}{around}")


def _sources(each: Set) -> str:
    """A row for each source, where there are several."""
    sources = each.scored.scores.sources
    if len(sources) < 2:
        return ""
    rows = [
        (name, f"{tally.pages:,}", f"{tally.true_lines:,}", f"{tally.found_lines:,}",
         *(_cell(tally, rate, each.scored.texts) for _, rate in SCORES))
        for name, tally in sources
    ]  # fmt: skip
    header = ("source", "pages", "true lines", "found", *(label for label, _ in SCORES))
    return make_section(f"Sources: {each.name}", make_table(header, rows))


def _worst(each: Set) -> str:
    """The pages with most errors, each drawn with its true and its found baselines."""
    worst = each.scored.worst(WORST)
    if not worst:
        return make_section(f"Worst pages: {each.name}", "<p>Every page is right.</p>")
    body = "".join(_figure(page, each.scored.texts) for page in worst)
    note = (
        f"The {len(worst)} of {len(each.scored.pages)} pages with most errors, the worst first. Green: true baselines; "
    )
    note += "blue: found ones, with what was read as a tooltip; where a line has none, its outline. Grey: not scored."
    return make_section(f"Worst pages: {each.name}", f'<div class="curves">{body}</div>', note)


def _figure(page: PageResult, texts: bool) -> str:
    rates = [f"{label} {_cell(page.tally, name, texts)}" for label, name in SCORES[2:]]
    took = [f"{page.seconds:.2f} s"] if page.seconds is not None else []
    counts = f"{page.tally.found_lines} lines found of {page.tally.true_lines}"
    facts = " · ".join(plain(fact) for fact in (page.sample.image.name, counts, *rates, *took, page.fault) if fact)
    return f"<figure>{draw_page(page)}<figcaption><small>{facts}</small></figcaption></figure>"


def draw_page(page: PageResult) -> str:
    """A page's picture, made small, with its true and found lines over it, as SVG; else why there is none."""
    try:
        grey = Image.fromarray(open_grey(page.sample.image))
    except NetchuError as error:
        return f'<p class="none">{plain(error)}</p>'
    grey.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    data = io.BytesIO()
    grey.save(data, "jpeg", quality=60)
    code = base64.b64encode(data.getvalue()).decode("ascii")
    width, height = page.truth.width, page.truth.height
    stroke = max(width, height) / 450
    ignored = [line for line in page.truth.lines if line.text == IGNORED]
    true = [line for line in page.truth.lines if line.text != IGNORED]
    shapes = [_shape(line.polygon, True, NOWHERE, stroke, "not scored") for line in ignored]
    shapes += [_line(line, TRUE, 2 * stroke) for line in true]
    shapes += [_line(line, FOUND, stroke) for line in _found(page.found)]
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{plain(page.sample.image.name)}">'
        f'<image href="data:image/jpeg;base64,{code}" width="{width}" height="{height}"/>{"".join(shapes)}</svg>'
    )


def _found(page: Page) -> list[Line]:
    return [line for line in page.lines if line.baseline or line.polygon]


def _line(line: Line, colour: str, stroke: float) -> str:
    return _shape(line.baseline or line.polygon, not line.baseline, colour, stroke, line.text)


def _shape(points: Sequence[Point], closed: bool, colour: str, stroke: float, said: str) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    style = f'fill="none" stroke="{colour}" stroke-opacity=".8" stroke-width="{stroke:.1f}"'
    kind = "polygon" if closed else "polyline"
    return f'<{kind} points="{path}" {style}><title>{plain(said)}</title></{kind}>'
