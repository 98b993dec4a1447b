"""Our JSON: what records give, an object a page, one a line."""

from __future__ import annotations

import json
from collections.abc import Sequence

from netchu.errors import NetchuError
from netchu.records import Page


def write(pages: Sequence[Page]) -> bytes:
    """Pages as JSON Lines. What UTF-8 cannot hold is escaped, as JSON can."""
    return b"".join(
        (json.dumps(page.to_json(), ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace") for page in pages
    )


def read(data: bytes, name: str) -> list[Page]:
    """Pages of JSON Lines, of one object over several lines, or of a list. Raises NetchuError for any other."""
    try:
        text = data.decode("utf-8-sig")
        try:
            whole = json.loads(text)
            found = whole if isinstance(whole, list) else [whole]
        except ValueError:
            found = [json.loads(row) for row in text.splitlines() if row.strip()]
    except (ValueError, RecursionError) as error:
        why = str(error).split("\n")[0]
        raise NetchuError(f"{name}: neither XML nor JSON ({why}); expected ALTO, PAGE, hOCR or our JSON") from None
    try:
        return [Page.from_json(each) for each in found]
    except NetchuError as error:
        raise NetchuError(f"{name}: {error}") from None
