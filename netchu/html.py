"""What a report page is made of: tables, plots, pictures and marked texts in one style; no script, no network."""

from __future__ import annotations

import base64
import html
import io
import itertools
import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from PIL import Image

from netchu.errors import NetchuError
from netchu.image import open_grey
from netchu.metrics import Scores, align

ROWS, COLUMNS = 48, 1600  # pixels: no picture on the page has more
WIDTH, HEIGHT = 440, 272  # of a plot, in its own units: about as wide as a phone, so that its letters can be read there
LEFT, RIGHT, TOP, BOTTOM = 48, 410, 46, 228  # the plotting area


class Html(str):
    """A string that is HTML already."""


class Dot(NamedTuple):
    """A point of a plot. `said` is its tooltip; `low` and `high` end a bar through it, where they differ."""

    x: float
    y: float
    said: str
    big: bool = False
    low: float = 0.0
    high: float = 0.0


class Axis(NamedTuple):
    """What an axis says beneath or above itself, and where: values with their labels, the first and last its ends."""

    about: str
    ticks: Sequence[tuple[float, str]]


def make_page(title: str, sections: Iterable[str]) -> bytes:
    """The whole page. File names that are not UTF-8 come in as lone surrogates, which it may not hold: as escapes."""
    page = _PAGE.format(title=plain(title), style=_STYLE, body="\n".join(filter(None, sections)))
    return page.encode("utf-8", "backslashreplace")


def make_section(title: str, body: str, note: str = "") -> str:
    about = f'<p class="note">{plain(note)}</p>' if note else ""
    return f"<section><h2>{plain(title)}</h2>{about}{body}</section>"


def make_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Cells are escaped unless they are Html."""
    head = "".join(f"<th>{plain(cell)}</th>" for cell in header)
    cells = [[cell if isinstance(cell, Html) else plain(cell) for cell in row] for row in rows]
    body = "".join("<tr>" + "".join(f'<td dir="auto">{cell}</td>' for cell in row) + "</tr>" for row in cells)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def make_facts(facts: Mapping[str, object]) -> str:
    """Names with their values, those that have one."""
    shown = "".join(f"<div><dt>{plain(k)}</dt><dd>{plain(v)}</dd></div>" for k, v in facts.items() if v)
    return f'<dl class="facts">{shown}</dl>'


def make_rates(scores: Scores) -> list[Html]:
    """Cells with CER, WER and SER and their intervals."""
    rates = ((scores.cer, scores.cer_ci95), (scores.wer, scores.wer_ci95), (scores.ser, scores.ser_ci95))
    return [Html(f"{rate:.2%} <small>[{low:.1%}, {high:.1%}]</small>") for rate, (low, high) in rates]


def make_card(picture: str, reference: str, hypothesis: str, facts: Iterable[str]) -> str:
    """A line: its picture (a path), what is written and what was read, with what differs marked, and facts below."""
    left, right = mark_edits(reference, hypothesis)
    return (
        f'<figure>{show_picture(picture)}<figcaption><table class="pair">'
        f'<tr><th>written</th><td dir="auto">{left}</td></tr><tr><th>read</th><td dir="auto">{right}</td></tr>'
        f"</table><small>{plain(' · '.join(filter(None, facts)))}</small></figcaption></figure>"
    )


def make_plot(
    title: str, across: Axis, up: Axis, series: Mapping[str, Sequence[Dot]], colour: int = 0, diagonal: bool = False
) -> str:
    """An SVG of dots joined by lines, in their order; colours from number `colour` on. Several series have a legend.

    `diagonal` draws a dashed line from corner to corner. Dots beyond the axes are left out.
    """
    (x0, _), (x1, _) = across.ticks[0], across.ticks[-1]
    (y0, _), (y1, _) = up.ticks[0], up.ticks[-1]

    def x(value: float) -> float:
        return LEFT + (RIGHT - LEFT) * (value - x0) / (x1 - x0)

    def y(value: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * (min(max(value, y0), y1) - y0) / (y1 - y0)

    parts = [f'<text x="{LEFT}" y="16" class="title">{plain(title)}</text>']
    parts += [f'<path d="M{LEFT} {y(tick):.1f}H{RIGHT}" class="grid"/>' for tick, _ in up.ticks]
    parts += [f'<text x="{LEFT - 7}" y="{y(t) + 4:.1f}" text-anchor="end">{plain(said)}</text>' for t, said in up.ticks]
    parts += [
        f'<text x="{x(t):.1f}" y="{BOTTOM + 17}" text-anchor="middle">{plain(said)}</text>' for t, said in across.ticks
    ]
    middle = f'{(LEFT + RIGHT) / 2:.0f}" y="{BOTTOM + 36}" text-anchor="middle'
    parts.append(f'<text x="{middle}">{plain(across.about)}</text>')
    if diagonal:
        parts.append(f'<path d="M{LEFT} {BOTTOM}L{RIGHT} {TOP}" class="ideal"/>')
    at = LEFT
    for number, (name, every) in enumerate(series.items(), colour):
        dots = [dot for dot in every if x0 <= dot.x <= x1]
        if len(series) > 1:
            parts.append(f'<line x1="{at}" x2="{at + 16}" y1="28" y2="28" class="curve s{number}"/>')
            parts.append(f'<text x="{at + 21}" y="32">{plain(name)}</text>')
            at += 100
        path = " ".join(f"{x(dot.x):.1f},{y(dot.y):.1f}" for dot in dots)
        parts.append(f'<polyline points="{path}" class="curve s{number}"/>')
        for dot in dots:
            if dot.high > dot.low:
                bar = f'd="M{x(dot.x):.1f} {y(dot.low):.1f}V{y(dot.high):.1f}"'
                parts.append(f'<path {bar} class="bar s{number}"/>')
            place = f'cx="{x(dot.x):.1f}" cy="{y(dot.y):.1f}" r="{5 if dot.big else 2.5}"'
            parts.append(f'<circle {place} class="s{number}"><title>{plain(dot.said)}</title></circle>')
    if len(series) == 1 and up.about:
        parts.append(f'<text x="{LEFT}" y="33">{plain(up.about)}</text>')
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{plain(title)}">{"".join(parts)}</svg>'


def show_picture(path: str) -> str:
    """A line picture of at most 48 rows as a JPEG inside the page; else why there is none."""
    if not path:
        return '<p class="none">no picture named</p>'
    try:
        grey = Image.fromarray(open_grey(path))
    except NetchuError as error:
        return f'<p class="none">{plain(error)}</p>'
    grey.thumbnail((COLUMNS, ROWS), Image.Resampling.LANCZOS)  # only ever shrinks
    data = io.BytesIO()
    grey.save(data, "jpeg", quality=75)
    code = base64.b64encode(data.getvalue()).decode("ascii")
    size = f'width="{grey.width}" height="{grey.height}"'
    return f'<div class="wide"><img src="data:image/jpeg;base64,{code}" {size} alt="{plain(path)}"></div>'


def mark_edits(reference: str, hypothesis: str) -> tuple[str, str]:
    """Both sides as HTML, runs of differing characters in <mark>."""
    sides: tuple[list[str], list[str]] = ([], [])
    for equal, run in itertools.groupby(align(reference, hypothesis), key=lambda pair: pair[0] == pair[1]):
        for out, chars in zip(sides, zip(*run)):
            text = "".join(chars if equal else map(show_char, chars))
            out.append(plain(text) if equal else f"<mark>{plain(text)}</mark>")
    return "".join(sides[0]), "".join(sides[1])


def show_char(char: str | None) -> str:
    """A character where it must be seen: a space, a mark alone and an absent one get a body."""
    return "·" if not char else "␣" if char == " " else f"◌{char}" if unicodedata.combining(char[0]) else char


def round_ticks(highest: float) -> list[float]:
    """About five round numbers from 0 to at least `highest`."""
    highest = highest if highest > 0 else 1.0
    raw = highest / 5
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    return [float(f"{step * index:.6g}") for index in range(math.ceil(highest / step - 1e-6) + 1)]


def plain(value: object) -> str:
    """Any text as HTML; control characters, which HTML forbids, as U+FFFD."""
    shown = "".join("\ufffd" if unicodedata.category(char) == "Cc" else char for char in str(value))
    return html.escape(shown)


_STYLE = """
:root { color-scheme: light dark; --paper: #f4f2ec; --card: #fff; --ink: #1d1b18; --faint: #6f6a60; --rule: #dcd8ce;
  --s0: #5b6b7a; --s1: #b4472d; --s2: #2a6fa8; --mark: #ffd9cf; --on-mark: #8c1d10 }
@media (prefers-color-scheme: dark) { :root { --paper: #191816; --card: #23211e; --ink: #ebe7df; --faint: #a39c90;
  --rule: #3b3833; --s0: #9fb0bf; --s1: #f08a6c; --s2: #74b4e8; --mark: #5a241a; --on-mark: #ffc2b3 } }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 76rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Noto Sans", "DejaVu Sans", sans-serif; overflow-wrap: anywhere }
h1 { font-size: 1.5rem; margin: 0 0 1rem } h2 { font-size: 1.1rem; margin: 2.2rem 0 .4rem }
.note, small, .none, dt, th, td i { color: var(--faint) } .note { margin: 0 0 .7rem; max-width: 75ch }
.alarm { background: var(--mark); color: var(--on-mark); border-radius: 6px; padding: .5rem .9rem }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 9.5rem), 1fr)); gap: .6rem }
.facts div, figure, svg, details { background: var(--card); border: 1px solid var(--rule); border-radius: 6px }
.facts div, figure, details { margin: 0 0 .2rem; padding: .6rem .9rem } dd { margin: 0; font-weight: 600 }
.curves, .beside { display: grid; gap: .8rem 1rem; align-items: start }
.curves { grid-template-columns: repeat(auto-fit, minmax(min(100%, 21rem), 1fr)); margin: .8rem 0 }
.beside { grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 0 1rem }
svg { width: 100%; max-width: 36rem; box-sizing: border-box; padding: .5rem } .beside svg { max-width: 27rem }
svg text { fill: var(--faint); font-size: 13px } svg .title { fill: var(--ink); font-size: 14px }
.grid { stroke: var(--rule) } .curve { fill: none; stroke-width: 2; stroke-linejoin: round }
.bar { stroke-width: 6; opacity: .25 } .ideal { stroke: var(--faint); stroke-dasharray: 4 5 }
.s0 { stroke: var(--s0) } .s1 { stroke: var(--s1) } .s2 { stroke: var(--s2) }
circle.s0 { fill: var(--s0) } circle.s1 { fill: var(--s1) } circle.s2 { fill: var(--s2) }
.wide { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { text-align: start; vertical-align: top; padding: .25rem 1.1rem .25rem 0 } th { font-weight: 500 }
.wide th, .wide td { border-bottom: 1px solid var(--rule); overflow-wrap: normal } .pair td, td b { font-size: 1.1rem }
.pair th, td small { white-space: nowrap } figure { margin-bottom: .8rem } details { margin-top: 2.5rem }
img { max-width: 100%; height: auto; border-radius: 3px }
mark { background: var(--mark); color: var(--on-mark); text-decoration: underline; font-weight: 600 }
@media (max-width: 40rem) { figure img { max-width: none } }
"""
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{title}</title><style>{style}</style></head>
<body><h1>{title}</h1>
{body}
</body></html>
"""
