"""Pages as the bytes that `netchu read` gives: page after page where a format lets pages follow one another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate

from netchu.formats import Written, write
from netchu.image import printable
from netchu.records import Line, Page
from netchu.text import graphemes

STREAMED = ("txt", "tsv", "json", "md")  # formats of which several pages, or files, may follow one another
BETWEEN = {"txt": b"\f", "md": b"\n---\n\n"}  # pages of a file


def piece(page: Page, form: str, min_conf: float, named: bool, numbers: bool) -> Written:
    """A page in one of STREAMED. `named`: several sources share the stream; `numbers`: its source has several pages."""
    said = notes_of(page)
    if form in ("txt", "tsv"):
        return Written(told(page, form, min_conf, named, numbers).encode("utf-8", "replace"), said)
    if form == "md" and min_conf:
        page = replace(page, lines=tuple(replace(line, text=marked(line, min_conf)) for line in page.lines))
    written = write([page], form)
    return Written(written.data, (*said, *written.notes))


def between(form: str, named: bool) -> bytes:
    """What stands between two pages of a file."""
    return b"" if named and form == "txt" else BETWEEN.get(form, b"")


def notes_of(page: Page) -> tuple[str, ...]:
    """What a person should know of a page's lines, each thing once."""
    return tuple(dict.fromkeys(line.note for line in page.lines if line.note))


def told(page: Page, form: str, min_conf: float, named: bool, numbers: bool) -> str:
    """A page as lines of text. `named` puts its source in front, where several pages share a stream."""
    rows = [(line.confidence, marked(line, min_conf)) for line in page.lines]
    source = printable(page.source) + (f":{page.number}" if numbers else "")
    if form == "tsv":  # a blank picture has its row too: nothing is dropped
        return "".join(f"{source}\t{confidence:.4f}\t{text}\n" for confidence, text in rows or [(0.0, "")])
    if named:
        return "".join(f"{source}\t{text}\n" for _, text in rows or [(0.0, "")])
    return "".join(f"{text}\n" for _, text in rows)


def marked(line: Line, min_conf: float) -> str:
    """A line's text, runs of letters under `min_conf` inside ⟦⟧. Nothing is deleted, and no letter cut from its marks.

    A ⟦ or ⟧ that was read stands alone in such brackets, sure or not: ⟦⟦⟧. No other mark begins with a bracket, so that
    the text and what is doubtful in it can be told from what is printed. Without a `min_conf` nothing is marked.
    """
    if not min_conf:
        return line.text
    text, doubtful = "", False
    for letter, sure in letters(line):
        bracket = letter[0] in "⟦⟧"
        if doubtful and (bracket or sure >= min_conf):
            text, doubtful = text + "⟧", False
        elif not doubtful and not bracket and sure < min_conf:
            text, doubtful = text + "⟦", True
        text += f"⟦{letter}⟧" if bracket else letter
    return text + ("⟧" if doubtful else "")


def letters(line: Line) -> Iterator[tuple[str, float]]:
    """The graphemes of a line, each as sure as the least sure of the characters that it is made of."""
    starts = {0, *accumulate(map(len, graphemes(line.text)))}
    letter, sure, end = "", 1.0, 0
    for char in line.chars:
        letter, sure, end = letter + char.text, min(sure, char.confidence), end + len(char.text)
        if end in starts:
            yield letter, sure
            letter, sure = "", 1.0
