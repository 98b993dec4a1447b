"""The published split of page sets that come without one: by document, about a third of the pages to val.

A page's part follows from its source and its document's name alone, through a hash. So pages that are added later never
move one that was there, and no two pages of a document are ever in different parts, whoever makes the split. The rule
holds out nothing for a test: sets that have a test part bring it along.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePath

# What shows the document in a picture's name, where that is not the name without its last number (the page's).
DOCUMENTS: dict[str, str] = {
    "copiste_d_un_jour": r"wikitexte_(\d+)",  # a text and who copied it; then come sheets 1, 2
    "cremma_mss18": r"^\d+_[0-9a-f]+_(default)$",  # exports whose names show no document: taken for one
    "tapuscorpus": r"^\d+_[0-9a-f]+_(default)$",
    "lectaurep_repertoires": r"^(.*MIC\d{3})\d{2}_",  # neighbours on a microfilm are of one register
    "stanford_memorials": r"^(Lettre\d+)",  # letters, each by another hand
}
VAL_SHARE = 3  # one document in three
# The first number by which every source with two documents or more has pages on both sides, and val holds 26 to 28 of
# the 81 pages that the split was published with. It was chosen by nothing else, and before any detector was trained.
SALT = 19441


def document(source: str, image: str) -> str:
    """The document that a page belongs to, as far as its picture's name shows it; else the name without its suffix.

    `image` is a path or name; a prefix `source__` is left out. Names without a number are documents of their own.
    """
    stem = PurePath(image).stem.removeprefix(f"{source}__")
    special = re.search(DOCUMENTS[source], stem) if source in DOCUMENTS else None
    if special:
        return special[1]
    usual = re.match(r"(.*?[^\W\d_].*?)\d+\D*$", stem)
    return re.sub(r"\d*$", "", usual[1]) if usual else stem


def part_of(source: str, image: str) -> str:
    """train or val: the part of a page by the published rule, the same wherever and whenever it is asked."""
    key = f"{SALT}\0{source}\0{document(source, image)}".encode("utf-8", "surrogatepass")
    return "train" if hashlib.sha256(key).digest()[0] % VAL_SHARE else "val"
