"""Text, tables, Markdown; the formats as a whole."""

import subprocess
import sys

import pytest
from sheets import rectangle

from netchu.errors import NetchuError
from netchu.formats import FORMS, write
from netchu.records import Line, Page, Region

BOX = rectangle(1.0, 2.0, 9.5, 8.0)


def page_of(*parts, number=1):
    """A page of (kind, texts); a kind of None is no region."""
    lines, regions = [], []
    for kind, texts in parts:
        if kind:
            regions.append(Region(kind, BOX, tuple(range(len(lines), len(lines) + len(texts)))))
        lines += [Line(text, 0.5, BOX, ()) for text in texts]
    return Page(90, 70, tuple(lines), "a\t.png", tuple(regions), number)


def test_text_is_the_lines_and_pages_part_at_a_form_feed():
    some = [page_of((None, ["một", "2"])), page_of(), page_of((None, ["\ud800"]))]
    assert write(some, "txt") == (
        "một\n2\n\f\f\ufffd\n".encode(),
        ("1 characters that txt cannot hold were replaced by U+FFFD",),
    )


def test_a_table_has_a_row_a_line_and_one_for_a_blank_page():
    some = [page_of((None, ["a\tb"]), ("margin", ["c"])), page_of(number=2)]
    rows = [row.split("\t") for row in write(some, "tsv").data.decode().splitlines()]
    assert rows == [
        ["source", "page", "region", "kind", "line", "confidence", "left", "top", "right", "bottom", "text"],
        ["a .png", "1", "0", "", "1", "0.5000", "1", "2", "9.5", "8", "a b"],
        ["a .png", "1", "1", "margin", "2", "0.5000", "1", "2", "9.5", "8", "c"],
        ["a .png", "2", "0", "", "0", "0.0000", "", "", "", "", ""],
    ]


def test_markdown_has_paragraphs_headings_tables_and_rules():
    first = page_of(
        ("heading", ["On", "stars"]), ("paragraph", ["one", "two"]), ("picture", []), ("table", ["a  1", "b  2"])
    )
    assert write([first, page_of((None, ["end"]))], "md").data.decode() == (
        "# On stars\n\none\ntwo\n\n```\na  1\nb  2\n```\n\n---\n\nend\n"
    )


def test_a_table_of_cells_is_one_in_markdown():
    texts = ["12 Jan", "oil", "and | wine", "3", "13 Jan", "7"]
    lines = tuple(Line(text, 0.5, BOX, ()) for text in texts)
    cells = ((0, 0), (0, 1), (0, 1), (0, 2), (1, 0), (1, 2))
    page = Page(90, 70, lines, "a.png", (Region("table", BOX, tuple(range(6)), cells),))
    assert write([page], "md").data.decode() == (
        "| 12 Jan | oil<br>and \\| wine | 3 |\n| --- | --- | --- |\n| 13 Jan |  | 7 |\n"
    )


@pytest.mark.parametrize(("text", "escaped"), [
    ("# a", "\\# a"), ("- a", "\\- a"), ("---", "\\---"), ("1. a", "1\\. a"), ("1) a", "1\\) a"), ("1 a", "1 a"),
    ("a_b*c", "a\\_b\\*c"), ("[x](y)", "\\[x\\](y)"), ("<b>&amp;", "\\<b\\>\\&amp;"), ("> a", "\\> a"),
    ("a\\b", "a\\\\b"), ("    code", "code"), ("~~~", "\\~\\~\\~"), ("= =", "\\= ="),
])  # fmt: skip
def test_no_text_is_taken_for_a_mark(text, escaped):
    assert write([page_of((None, [text]))], "md").data.decode() == escaped + "\n"


def test_a_table_that_holds_a_fence_has_a_longer_one():
    assert write([page_of(("table", ["```", "x"]))], "md").data.decode() == "````\n```\nx\n````\n"


def test_what_cannot_be_written_is_said():
    with pytest.raises(
        NetchuError, match="docx: no such format; choose one of txt, md, json, tsv, alto, page, hocr, pdf, png"
    ):
        write([], "docx")
    for form in ("alto", "page"):
        with pytest.raises(NetchuError, match="holds one page a file, not 2"):
            write([page_of(), page_of()], form)


def test_every_format_writes_several_pages_or_says_that_it_does_not():
    for form, known in FORMS.items():
        if known.several and not known.pictures:
            assert write([page_of(("paragraph", ["a"])), page_of()], form).data


@pytest.mark.parametrize("form", [form for form, known in FORMS.items() if not known.pictures])
def test_only_formats_with_pictures_need_another_library(form):
    code = (
        "import sys\nfor name in ('lxml', 'pikepdf', 'PIL', 'cv2', 'regex'): sys.modules[name] = None\n"
        "from netchu.formats import write\nfrom netchu.records import Page\nwrite([Page(9, 9, ())], sys.argv[1])"
    )
    assert subprocess.run([sys.executable, "-c", code, form], capture_output=True, text=True).stderr == ""


def test_without_pikepdf_the_way_to_it_is_told():
    code = "import sys; sys.modules['pikepdf'] = None\nfrom netchu.formats import write\nwrite([], 'pdf', [])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr
    assert "NetchuError: pdf: needs pikepdf; run: pip install 'netchu[pdf]'" in found
