"""Pages in the formats that archives and offices use: written in nine, read from four.

What each can hold, and what is lost, is in docs/formats.md.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from netchu.errors import NetchuError
from netchu.records import Page

Picture = bytes | os.PathLike[str] | str


class Form(NamedTuple):
    """A format: its module here, the ending of its files, what it is for, and whether a file holds several pages."""

    module: str
    suffix: str
    about: str
    several: bool = True
    pictures: bool = False


FORMS = {
    "txt": Form("txt", ".txt", "plain text"),
    "md": Form("markdown", ".md", "Markdown"),
    "json": Form("jsonl", ".json", "all that is known, an object a page"),
    "tsv": Form("tsv", ".tsv", "a table, a row a line"),
    "alto": Form("alto", ".xml", "ALTO 4.4", several=False),
    "page": Form("page", ".xml", "PAGE XML 2019-07-15", several=False),
    "hocr": Form("hocr", ".hocr", "hOCR 1.2"),
    "pdf": Form("pdf", ".pdf", "searchable PDF: the picture with its text", pictures=True),
    "png": Form("drawn", ".png", "the picture with what was found drawn in", several=False, pictures=True),
}


class Written(NamedTuple):
    """A file's bytes, and what a person should know of them: a line a note."""

    data: bytes
    notes: tuple[str, ...] = ()


def write(pages: Sequence[Page], form: str, pictures: Sequence[Picture] | None = None) -> Written:
    """Pages as a file of one of FORMS.

    `pictures` (paths, or the bytes of files) are what the pages were read from, one a page; PDF and PNG need them.
    Where a form holds one page a file, `pages` is one. Raises NetchuError for another form or number of pages, and for
    a picture that cannot be opened.
    """
    known = FORMS.get(form)
    if known is None:
        raise NetchuError(f"{form}: no such format; choose one of {', '.join(FORMS)}")
    if not known.several and len(pages) != 1:
        raise NetchuError(f"{form}: holds one page a file, not {len(pages)}; write each page to a file of its own")
    module: Any = importlib.import_module(f"netchu.formats.{known.module}")
    if known.pictures:
        if pictures is None or len(pictures) != len(pages):
            raise NetchuError(f"{form}: needs the picture of each page: {len(pages)}, not {len(pictures or ())}")
        data = module.write(pages, pictures) if known.several else module.write(pages[0], pictures[0])
    else:
        data = module.write(pages if known.several else pages[0])
    return Written(data, _notes(pages, form))


def _notes(pages: Sequence[Page], form: str) -> tuple[str, ...]:
    """What of the texts and the pictures' names was replaced, counted once, however often the file says it."""
    from netchu.formats.markup import FORBIDDEN, SURROGATES

    if form in ("json", "png"):
        return ()
    unheld = SURROGATES if form in ("txt", "md", "tsv") else FORBIDDEN
    texts = [line.text for page in pages for line in page.lines]
    texts += [page.source for page in pages if form in ("alto", "page", "hocr", "tsv")]
    count = sum(len(unheld.findall(text)) for text in texts)
    return (f"{count} characters that {form} cannot hold were replaced by U+FFFD",) if count else ()


def read(path: str | os.PathLike[str] | bytes, name: str = "") -> list[Page]:
    """The pages of a file in ALTO 2 to 4, PAGE, hOCR or our JSON, told apart by what is in it.

    A path or the bytes of a file; `name` is what errors call it. Confidences that a file does not tell are 1, as in a
    transcription; `Page.source` is the picture that it names. Raises NetchuError when it is none of these, is broken,
    declares entities or is measured in other than pixels.
    """
    from netchu.formats import alto, hocr, jsonl, markup, page
    from netchu.image import printable, read_bytes

    data = path if isinstance(path, bytes) else read_bytes(path)
    name = name or ("stdin" if isinstance(path, bytes) else printable(os.fspath(path)))
    if not data.strip():
        raise NetchuError(f"{name}: the file is empty; expected ALTO, PAGE, hOCR or our JSON")
    if not _looks_like_markup(data):
        return jsonl.read(data, name)
    if _looks_like_html(data):
        return hocr.read(markup.parse_html(data, name), name)
    root = markup.parse_xml(data, name)
    if root.tag == "alto":
        return alto.read(root, name)
    if root.tag == "PcGts":
        return page.read(root, name)
    raise NetchuError(f"{name}: XML of another kind (<{root.tag[:40]}>); expected ALTO, PAGE or hOCR")


def _looks_like_markup(data: bytes) -> bool:
    """Whether a file begins as XML or HTML does, in any encoding."""
    return data[:4096].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")[:1] == b"<"


def _looks_like_html(data: bytes) -> bool:
    """Whether the first element of a file is `html`, or its document type is."""
    head = data[:4096].replace(b"\0", b"").lower()
    head = re.sub(rb"<!--.*?-->", b"", head, flags=re.DOTALL)
    first = re.search(rb"<(!doctype\s+)?([a-z_:][\w:.-]*)", head)
    return first is not None and first[2] == b"html"
