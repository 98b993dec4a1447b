"""What is known of published page collections: which pages are one document, and what their truth leaves out.

The published split of those that come without one is by document, about a third of the pages to val.

A page's part follows from its source and its document's name alone, through a hash. So pages that are added later never
move one that was there, and no two pages of a document are ever in different parts, whoever makes the split. The rule
holds out nothing for a test: sets that have a test part bring it along.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import PurePath

from netchu.data.pages import IGNORED, PageSample, PageSet
from netchu.records import Line, Page

# What shows the document in a picture's name, where that is not the name without its last number (the page's).
DOCUMENTS: dict[str, str] = {
    "copiste_d_un_jour": r"wikitexte_(\d+)",  # a text and who copied it; then come sheets 1, 2
    "cremma_mss18": r"^\d+_[0-9a-f]+_(default)$",  # exports whose names show no document: taken for one
    "tapuscorpus": r"^\d+_[0-9a-f]+_(default)$",
    "lectaurep_repertoires": r"^(.*MIC\d{3})\d{2}_",  # neighbours on a microfilm are of one register
    "stanford_memorials": r"^(Lettre\d+)",  # letters, each by another hand
}
VAL_SHARE = 3  # one document in three
# The first number with which every source of two documents or more has pages on both sides, none more than 60 % of them
# in val, and val holds 26 to 28 of the 81 pages published with it, 6 to 8 of them print. It was chosen by nothing else,
# and before any detector was trained.
SALT = 19441
# Bands across the page, in shares of its height, whose lines nobody transcribed: what is found there is not scored.
UNMARKED: dict[str, tuple[float, float]] = {
    "copiste_d_un_jour": (
        0.035,
        0.085,
    ),  # the printed consent on the forms; other text there is in the truth and counts
}


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


def split_pages(pages: PageSet) -> PageSet:
    """Every page without a split gets the published one; those that have one keep it."""
    samples = (
        sample if sample.split else replace(sample, split=part_of(sample.source, pages.name(sample)))
        for sample in pages.samples
    )
    return replace(pages, samples=tuple(samples))


def scored_page(sample: PageSample) -> Page:
    """The page as `netchu.page.scores` takes it for the truth: with don't-care areas where its source has any."""
    page = sample.page
    if sample.source not in UNMARKED:
        return page
    top, bottom = (share * page.height for share in UNMARKED[sample.source])
    band = ((0.0, top), (float(page.width), top), (float(page.width), bottom), (0.0, bottom))
    return replace(page, lines=(*page.lines, Line(IGNORED, 1.0, band, ())))
