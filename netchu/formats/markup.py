"""XML and HTML, made so that no text can break them and read so that no file can hurt the reader.

Reading goes through expat and html.parser of the standard library, with the handlers that defusedxml would set: no
library more, and nothing else sees a document that expat has not passed. A DTD with declarations of its own is refused
before its first entity is seen, external ones are never fetched.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html.entities import html5
from html.parser import HTMLParser
from typing import Any
from xml.parsers import expat

from netchu.errors import NetchuError

MAX_BYTES = 256 * 2**20  # a page of 5,000 words with every letter's box takes some 8 MB
MAX_DEPTH = 100  # the deepest that these formats need is about 12, tables in tables apart
# Char of XML 1.0 (section 2.2), inverted: controls, surrogates, U+FFFE and U+FFFF
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
SURROGATES = re.compile("[\ud800-\udfff]")
_VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"})


def clean(text: str) -> str:
    """`text` as XML 1.0 may hold it: what it may not becomes U+FFFD."""
    return FORBIDDEN.sub("\ufffd", text)


def encode(text: str) -> bytes:
    """`text` in UTF-8, lone surrogates as U+FFFD."""
    return SURROGATES.sub("\ufffd", text).encode("utf-8")


def add(parent: ET.Element, name: str, text: str | None = None, **attributes: str | None) -> ET.Element:
    """A new last child of `parent`; attributes that are None are left out."""
    child = ET.SubElement(parent, name, {key: value for key, value in attributes.items() if value is not None})
    child.text = text
    return child


def serialise(root: ET.Element) -> bytes:
    """The file, indented, in UTF-8. Texts must be clean."""
    ET.indent(root)
    body = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'.encode()


def parse_xml(data: bytes, name: str) -> ET.Element:
    """An XML file's root, names without their namespaces. `name` is what errors call the file.

    Raises NetchuError when it is not well-formed, declares entities, or is too large or too deep.
    """
    _check_size(data, name)
    tree = _Tree(name)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = tree.start, tree.end
    parser.CharacterDataHandler = tree.text
    parser.StartDoctypeDeclHandler = tree.doctype
    parser.EntityDeclHandler = tree.entity
    parser.SkippedEntityHandler = tree.skipped
    try:
        parser.Parse(data.lstrip(b" \t\r\n"), True)
    except expat.ExpatError as error:
        why = expat.errors.messages[error.code]
        raise NetchuError(f"{name}: line {error.lineno}: broken XML ({why}); export it again") from None
    except (ValueError, LookupError) as error:  # an encoding that Python does not know, or knows and cannot use
        raise NetchuError(f"{name}: cannot be decoded ({error}); save it as UTF-8") from None
    return tree.builder.close()


def parse_html(data: bytes, name: str) -> ET.Element:
    """The root of an HTML or XHTML file; what is not well-formed is taken as a browser would, roughly.

    Raises NetchuError when it holds no element, declares entities, is not in the encoding it names, or is too deep.
    """
    _check_size(data, name)
    head = data[:2048].decode("latin-1")
    if re.search(r"<!ENTITY|<!DOCTYPE[^>]*\[", head, re.IGNORECASE):
        raise _refused(name)
    found = re.search(r"(?:encoding|charset)\s*=\s*[\"']?\s*([\w.:-]+)", head)
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else found[1] if found else "utf-8"
    try:
        text = data.decode("utf-8-sig" if encoding.lower().replace("-", "") == "utf8" else encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise NetchuError(f"{name}: cannot be decoded ({error}); save it as UTF-8") from None
    reader = _Html(name)
    reader.feed(text)
    reader.close()
    return reader.finish()


def classes(node: ET.Element) -> list[str]:
    return node.get("class", "").split()


def _check_size(data: bytes, name: str) -> None:
    if len(data) > MAX_BYTES:
        raise NetchuError(f"{name}: {len(data):,} bytes is over the limit of {MAX_BYTES:,}; split it into pages")


def _refused(name: str) -> NetchuError:
    return NetchuError(f"{name}: declares a DTD of its own, which is refused; remove its <!DOCTYPE ...>")


class _Tree:
    """Expat's events as a tree."""

    def __init__(self, name: str) -> None:
        self.name, self.depth, self.builder = name, 0, ET.TreeBuilder()

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise NetchuError(f"{self.name}: elements are nested over {MAX_DEPTH} deep; export it again")
        self.builder.start(_local(tag), {_local(key): value for key, value in attributes.items()})

    def end(self, tag: str) -> None:
        self.depth -= 1
        self.builder.end(_local(tag))

    def text(self, data: str) -> None:
        self.builder.data(data)

    def doctype(self, root: str, system: str | None, public: str | None, internal: int) -> None:
        if internal:
            raise _refused(self.name)

    def entity(self, *declaration: Any) -> None:
        raise _refused(self.name)

    def skipped(self, entity: str, parameter: bool) -> None:
        """An entity of a DTD that was not fetched: HTML's are known, any other stays as it was written."""
        self.builder.data(html5.get(f"{entity};", f"&{entity};"))


class _Html(HTMLParser):
    """html.parser's events as a tree under one root; ends without a start are passed over."""

    def __init__(self, name: str) -> None:
        super().__init__(convert_charrefs=True)
        self.name = name
        self.root = ET.Element("document")
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("p", "div"):
            self.handle_endtag("p")  # which HTML need not say
        node = ET.SubElement(self.open[-1], tag, {key: value or "" for key, value in attrs})
        if tag not in _VOID:
            self.open.append(node)
        if len(self.open) > MAX_DEPTH:
            raise NetchuError(f"{self.name}: elements are nested over {MAX_DEPTH} deep; export it again")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        ET.SubElement(self.open[-1], tag, {key: value or "" for key, value in attrs})

    def handle_endtag(self, tag: str) -> None:
        places = [place for place, node in enumerate(self.open) if node.tag == tag and place]
        if places:
            del self.open[places[-1] :]

    def handle_data(self, data: str) -> None:
        node = self.open[-1]
        if len(node):
            node[-1].tail = (node[-1].tail or "") + data
        else:
            node.text = (node.text or "") + data

    def finish(self) -> ET.Element:
        if not len(self.root):
            raise NetchuError(f"{self.name}: no element in it; expected hOCR")
        return self.root


def _local(name: str) -> str:
    return name.rpartition(":")[2]
