"""Markdown (CommonMark, tables as on GitHub): paragraphs from regions, headings, tables, a rule between pages."""

from __future__ import annotations

import re
from collections.abc import Sequence

from netchu.formats.layout import Block, blocks
from netchu.formats.markup import encode
from netchu.records import Page, Region

_MARKS = re.compile(r"([\\`*_\[\]<>&|~])")
_STARTS = re.compile(r"^(\s*)([#+=-]|\d{1,9}(?=[.)]))")


def write(pages: Sequence[Page]) -> bytes:
    """Pages as Markdown. No text is taken for a mark: what could be one is escaped."""
    found = ("\n\n".join(filter(None, (_block(part, page) for part in blocks(page)))) for page in pages)
    return encode("\n\n---\n\n".join(found) + "\n")


def _block(part: Block, page: Page) -> str:
    texts = [page.lines[place].text for place in part.lines]
    kind = part.region.kind if part.region else "paragraph"
    if not texts:
        return ""
    if part.region and len({column for _, column in part.region.cells}) > 1:
        return _table(part.region, page)
    if kind == "table":  # columns are where they stand in the text: nothing says where cells end
        fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", "".join(texts)) or [""]))
        return "\n".join([fence, *texts, fence])
    if kind == "heading":
        return "# " + " ".join(map(_plain, texts))
    return "\n".join(_plain(text) for text in texts)


def _table(region: Region, page: Page) -> str:
    """A table, its first row as the heading that Markdown wants, a cell's lines apart."""
    cells: dict[tuple[int, int], list[str]] = {}
    for place, cell in zip(region.lines, region.cells):
        cells.setdefault(cell, []).append(_plain(page.lines[place].text))
    rows, columns = sorted({row for row, _ in cells}), range(max(column for _, column in cells) + 1)
    told = ["| " + " | ".join("<br>".join(cells.get((row, column), [])) for column in columns) + " |" for row in rows]
    return "\n".join([told[0], "|" + " --- |" * len(columns), *told[1:]])


def _plain(text: str) -> str:
    """A text with a backslash before what Markdown would take for a mark. White space at its ends would be one too."""
    text = _MARKS.sub(r"\\\1", text.strip())
    return _STARTS.sub(lambda found: f"{found[1]}{found[2]}\\" if found[2].isdigit() else f"\\{found[2]}", text)
