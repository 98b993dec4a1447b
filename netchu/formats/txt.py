"""Plain text: the lines' texts, one a line, pages parted by a form feed as pdftotext does."""

from __future__ import annotations

from collections.abc import Sequence

from netchu.formats.markup import encode
from netchu.records import Page


def write(pages: Sequence[Page]) -> bytes:
    """Pages as plain text."""
    return encode("\f".join("".join(f"{line.text}\n" for line in page.lines) for page in pages))
