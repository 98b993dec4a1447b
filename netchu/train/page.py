"""What a report page is made of: escaped text, tables, sections, and one style for light and dark screens."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterable, Sequence


class Html(str):
    """A string that is HTML already."""


def make_section(title: str, body: str, note: str = "") -> str:
    about = f'<p class="note">{plain(note)}</p>' if note else ""
    return f"<section><h2>{plain(title)}</h2>{about}{body}</section>"


def make_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Cells are escaped unless they are Html."""
    head = "".join(f"<th>{plain(cell)}</th>" for cell in header)
    cells = [[cell if isinstance(cell, Html) else plain(cell) for cell in row] for row in rows]
    body = "".join("<tr>" + "".join(f'<td dir="auto">{cell}</td>' for cell in row) + "</tr>" for row in cells)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def plain(value: object) -> str:
    """Any text as HTML; control characters, which HTML forbids, as U+FFFD."""
    shown = "".join("\ufffd" if unicodedata.category(char) == "Cc" else char for char in str(value))
    return html.escape(shown)


STYLE = """
:root { color-scheme: light dark; --paper: #f4f2ec; --card: #fff; --ink: #1d1b18; --faint: #6f6a60; --rule: #dcd8ce;
  --s0: #5b6b7a; --s1: #b4472d; --s2: #2a6fa8; --mark: #ffd9cf; --on-mark: #8c1d10 }
@media (prefers-color-scheme: dark) { :root { --paper: #191816; --card: #23211e; --ink: #ebe7df; --faint: #a39c90;
  --rule: #3b3833; --s0: #9fb0bf; --s1: #f08a6c; --s2: #74b4e8; --mark: #5a241a; --on-mark: #ffc2b3 } }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 76rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Noto Sans", "DejaVu Sans", sans-serif; overflow-wrap: anywhere }
h1 { font-size: 1.5rem; margin: 0 0 1rem } h2 { font-size: 1.1rem; margin: 2.2rem 0 .4rem }
.note, small, .none, dt, th, td i { color: var(--faint) } .note { margin: 0 0 .7rem; max-width: 75ch }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(12rem, 1fr)); gap: .6rem }
.facts div, figure, svg, details { background: var(--card); border: 1px solid var(--rule); border-radius: 6px }
.facts div, figure, details { margin: 0 0 .2rem; padding: .6rem .9rem } dd { margin: 0; font-weight: 600 }
.curves, .beside { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 0 1rem }
svg { width: 100%; box-sizing: border-box; padding: .6rem } svg text { fill: var(--faint); font-size: 12px }
.grid { stroke: var(--rule) } .curve { fill: none; stroke-width: 2; stroke-linejoin: round }
.curve.s0 { stroke: var(--s0) } .curve.s1 { stroke: var(--s1) } .curve.s2 { stroke: var(--s2) }
circle.s0 { fill: var(--s0) } circle.s1 { fill: var(--s1) } circle.s2 { fill: var(--s2) }
.wide { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { text-align: start; vertical-align: top; padding: .25rem 1.1rem .25rem 0 } th { font-weight: 500 }
.wide th, .wide td { border-bottom: 1px solid var(--rule); overflow-wrap: normal } .pair td, td b { font-size: 1.1rem }
figure { margin-bottom: .8rem } img { max-width: 100%; height: auto; border-radius: 3px } details { margin-top: 2.5rem }
mark { background: var(--mark); color: var(--on-mark); text-decoration: underline; font-weight: 600 }
"""
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{title}: training report</title><style>{style}</style></head>
<body><h1>{title}: training report</h1>
{body}
</body></html>
"""
