"""The published split: documents by name, the same part for ever; and what a collection's truth leaves out."""

from __future__ import annotations

from pathlib import Path

import pytest

from netchu.data.page_sources import document, part_of, scored_page, split_pages
from netchu.data.pages import IGNORED, PageSample, PageSet
from netchu.page.scores import score_page
from netchu.records import Line, Page

ONE_DOCUMENT = [
    ("copiste_d_un_jour", "wikitexte_0043_1", "wikitexte_0043_2", "imp_wikitexte_0043"),
    ("cremma_mss18", "169_4c8b6_default", "180_be12d_default"),
    ("cremma_mss18", "SIL-39088007769730_dessins_0115", "SIL-39088007769730_dessins_0219"),
    ("cremma_mss19", "f73", "f93"),
    ("testament_de_poilus", "TestamentsDePoilus_will_AN_0021-0", "TestamentsDePoilus_will_AN_0021-1"),
    ("fondue_en_print20", "05dracula.pdf_page_51", "05dracula.pdf_page_55"),
    ("lectaurep_repertoires", "DAFANCH96_048MIC07679_L-1", "DAFANCH96_048MIC07655_L-0"),
    ("somebody", "diary_001", "diary_002"),
]
APART = [
    ("copiste_d_un_jour", "wikitexte_0043_1", "wikitexte_0044_1"),
    ("lectaurep_repertoires", "DAFANCH96_048MIC07679_L-1", "DAFANCH96_048MIC06490_L-1"),
    ("stanford_memorials", "Lettre75", "Lettre42"),
    ("testament_de_poilus", "TestamentsDePoilus_will_AN_0021-0", "TestamentsDePoilus_will_AN_0091-0"),
    ("somebody", "0001", "0002"),  # nothing but numbers: each a document
    ("somebody", "letter", "bill"),
]


@pytest.mark.parametrize(("source", "names"), [(source, names) for source, *names in ONE_DOCUMENT])
def test_pages_of_one_document_are_in_one_part(source, names):
    assert len({document(source, f"images/{source}__{name}.jpg") for name in names}) == 1
    assert len({part_of(source, f"images/{source}__{name}.jpg") for name in names}) == 1


@pytest.mark.parametrize(("source", "one", "other"), APART)
def test_documents_are_told_apart(source, one, other):
    assert document(source, f"{one}.jpg") != document(source, f"{other}.jpg")


def test_the_published_split_never_moves():
    """If this fails, every figure measured on the val part is of another set of pages."""
    val = {"05dracula.pdf_page_51": "fondue_en_print20", "8_62d69_default": "tapuscorpus", "img22": "cremma_mss19"}
    train = {"THE-CASTLE-OF-OTRANTO-1.pdf_page_7": "fondue_en_print20", "f73": "cremma_mss19"}
    assert all(part_of(source, f"images/{source}__{name}.jpg") == "val" for name, source in val.items())
    assert all(part_of(source, f"images/{source}__{name}.jpg") == "train" for name, source in train.items())
    parts = [part_of("any", f"letter{chr(97 + k % 26)}{chr(97 + k // 26)}") for k in range(600)]
    assert 160 < parts.count("val") < 240


def test_a_split_that_is_there_stays():
    blank = Page(10, 10, ())
    samples = tuple(PageSample(Path(f"/x/{k}.jpg"), blank, split) for k, split in enumerate(["test", None, ""]))
    parts = [sample.split for sample in split_pages(PageSet(Path("/x"), samples)).samples]
    assert parts[0] == "test" and set(parts[1:]) <= {"train", "val"}


def test_the_printed_consent_is_not_scored():
    def line(y):
        return Line("a", 1.0, ((100, y - 12), (900, y - 12), (900, y), (100, y)), (), baseline=((100, y), (900, y)))

    written, printed = line(300), line(95)
    page = Page(1236, 1600, (written,))
    found = Page(1236, 1600, (printed, written))
    truth = scored_page(PageSample(Path("1.jpg"), page, source="copiste_d_un_jour"))
    assert [true.text for true in truth.lines] == ["a", IGNORED]
    assert score_page(truth, found).rates["hmean"] == score_page(truth, found).rates["baseline_f"] == 1
    assert scored_page(PageSample(Path("1.jpg"), page, source="other")) == page
