"""A table: a row a line, in reading order."""

from __future__ import annotations

from collections.abc import Sequence

from netchu.formats.layout import bounds, outline, told
from netchu.formats.markup import encode
from netchu.records import Page

COLUMNS = ("source", "page", "region", "kind", "line", "confidence", "left", "top", "right", "bottom", "text")


def write(pages: Sequence[Page]) -> bytes:
    """Pages as a table under COLUMNS. Regions and lines count from 1; region 0 is none.

    A page without lines has a row of line 0, so that it is not missed; tabs and line breaks in a text become spaces.
    """
    rows = [COLUMNS, *(row for page in pages for row in _rows(page))]
    return encode("".join("\t".join(" ".join(cell.splitlines()).replace("\t", " ") for cell in row) + "\n"
                                for row in rows))  # fmt: skip


def _rows(page: Page) -> list[tuple[str, ...]]:
    regions = {place: rank for rank, region in enumerate(page.regions, 1) for place in region.lines}
    start = (page.source, str(page.number))
    rows = []
    for place, line in enumerate(page.lines):
        region = regions.get(place, 0)
        kind = page.regions[region - 1].kind if region else ""
        edge = outline(line)
        box = [told(value) for value in bounds(edge)] if edge else [""] * 4
        rows.append((*start, str(region), kind, str(place + 1), f"{line.confidence:.4f}", *box, line.text))
    return rows or [(*start, "0", "", "0", f"{0:.4f}", *[""] * 4, "")]
