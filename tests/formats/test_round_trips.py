"""What a format can hold comes back from it as it was; what it cannot is lost as docs/formats.md says."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sheets import HUNDREDTHS, LETTERS, TENTHOUSANDTHS, TEXTS, laid_line, lines, pages, rectangle

from netchu.formats import read, write
from netchu.formats.kinds import PAGE
from netchu.records import KINDS, Char, Line, Page, Region, Word

ANY_TEXT = st.lists(TEXTS | st.sampled_from([" ", "  ", "\u3000", "\xa0"]), min_size=1, max_size=5).map("".join)
PLAIN_TEXT = st.lists(TEXTS, min_size=1, max_size=4).map(" ".join)
OTHERS = st.lists(st.tuples(LETTERS | st.sampled_from(["", "rn"]), TENTHOUSANDTHS), max_size=2)
ROUNDS = settings(max_examples=25, deadline=None)


def as_alto_holds(page):
    """A page whose lines with words are as sure as these are together: ALTO has no place for a line's own."""
    sure = [math.prod(word.confidence for word in line.words) if line.words else line.confidence for line in page.lines]
    return replace(page, lines=tuple(replace(line, confidence=each) for line, each in zip(page.lines, sure)))


@ROUNDS
@given(pages(lines(TENTHOUSANDTHS, False, ANY_TEXT, OTHERS)))
def test_alto_gives_back_what_it_was_given(page):
    written = write([page], "alto")
    assert read(written.data) == [as_alto_holds(page)]
    assert written.notes == ()


@ROUNDS
@given(pages(lines(TENTHOUSANDTHS, False, ANY_TEXT, OTHERS), st.just(1)))
def test_page_gives_back_what_it_was_given(page):
    assert read(write([page], "page").data) == [page]


@ROUNDS
@given(st.lists(pages(lines(HUNDREDTHS, True, PLAIN_TEXT)), min_size=1, max_size=3))
def test_hocr_gives_back_what_it_was_given(some):
    assert read(write(some, "hocr").data) == some


@ROUNDS
@given(pages(lines(TENTHOUSANDTHS, False, ANY_TEXT, OTHERS), st.just(1)))
def test_alto_and_page_say_the_same(page):
    """Each made from what was read of the other."""
    page = as_alto_holds(page)
    from_alto = read(write([page], "alto").data)
    assert write(from_alto, "page").data == write([page], "page").data
    from_page = read(write([page], "page").data)
    assert write(from_page, "alto").data == write([page], "alto").data


@ROUNDS
@given(st.lists(pages(lines(TENTHOUSANDTHS, False, ANY_TEXT, OTHERS)), min_size=1, max_size=3))
def test_json_loses_nothing(some):
    assert read(write(some, "json").data) == some


PLACES = st.floats(-50, 1000)
ROUGH = st.builds(
    Line, st.text(max_size=9), st.floats(0, 1), st.lists(st.tuples(PLACES, PLACES), max_size=4).map(tuple),
    st.lists(st.builds(Char, st.text(min_size=1, max_size=2), st.floats(0, 1), st.tuples(*[PLACES] * 4)),
             max_size=3).map(tuple),
    st.lists(st.builds(Word, st.text(min_size=1, max_size=3), st.floats(0, 1), st.tuples(*[PLACES] * 4)),
             max_size=2).map(tuple),
    baseline=st.lists(st.tuples(PLACES, PLACES), max_size=3).map(tuple),
)  # fmt: skip


@pytest.mark.parametrize("form", ["alto", "page", "hocr"])
@settings(max_examples=25, deadline=None)
@given(st.lists(ROUGH, max_size=3).map(tuple))
def test_any_page_makes_a_file_whose_texts_and_lines_are_those_of_the_page(form, some):
    """Whatever is in it: controls, places outside the page, words that are not the text, no places at all."""
    page = Page(900, 700, some, "a.png")
    (again,) = read(write([page], form).data)
    assert len(again.lines) == len(page.lines)
    for line, was in zip(again.lines, page.lines):
        kept = "".join(char if char.isprintable() else " " for char in line.text).split()
        bare = "".join("\ufffd" if forbidden(char) else char if char.isprintable() else " " for char in was.text)
        assert kept == bare.split()
    assert Page.from_json(again.to_json()) == again
    (third,) = read(write([again], form).data)
    assert [line.text for line in third.lines] == [line.text for line in again.lines]


def forbidden(char):
    code = ord(char)
    return (code < 32 and char not in "\t\n\r") or 0xD800 <= code < 0xE000 or code in (0xFFFE, 0xFFFF)


def test_what_xml_cannot_hold_is_replaced_and_counted():
    page = Page(90, 70, (Line("a\0b\x1f", 0.5, rectangle(1, 1, 9, 9), ()),), "x\ud800.png")
    for form in ("alto", "page", "hocr"):
        written = write([page], form)
        assert read(written.data)[0].lines[0].text == "a\ufffdb\ufffd"
        assert written.notes[0].startswith(f"3 characters that {form} cannot hold")


@pytest.mark.parametrize("form", ["alto", "page", "hocr"])
def test_each_kind_of_region_has_a_name_of_its_own(form):
    places = [rectangle(1, 10 * k + 1, 90, 10 * k + 9) for k in range(len(KINDS))]
    page = Page(100, 100, (), "a.png", tuple(map(lambda kind, place: Region(kind, place, ()), KINDS, places)))
    assert read(write([page], form).data)[0].regions == page.regions
    assert set(PAGE) == set(KINDS)


def test_alto_holds_an_order_of_lines_that_leaves_a_region_and_comes_back():
    line = laid_line(["a"], lambda: 1.0)
    some = tuple(replace(line, text=text, words=(), chars=()) for text in "abc")
    page = Page(900, 700, some, "a.png", (Region("paragraph", rectangle(1, 1, 99, 99), (0, 2)),))
    assert read(write([page], "alto").data) == [page]
    assert [each.text for each in read(write([page], "page").data)[0].lines] == ["a", "c", "b"]


def test_page_keeps_other_readings_of_a_line():
    line = Line("ab", 0.75, rectangle(1, 1, 9, 9), (), (), (("ab", -0.5), ("ob", -3.25)))
    (again,) = read(write([Page(90, 70, (line,), "a.png")], "page").data)[0].lines
    assert [text for text, _ in again.readings] == ["ab", "ob"]
    assert [score for _, score in again.readings] == pytest.approx([-0.5, -3.25], abs=1e-4)


def test_places_are_whole_pixels_of_the_page():
    line = Line("ab", 1.0, ((-3.0, 1.4), (9.5, 1.5), (2000.0, 8.2)), (), baseline=((0.2, 7.6), (9.0, 7.4)))
    for form in ("alto", "page"):
        (again,) = read(write([Page(90, 70, (line,), "a.png")], form).data)[0].lines
        assert again.polygon == ((0, 1), (10, 2), (90, 8))
        assert again.baseline == ((0, 8), (9, 7))


def test_a_file_is_the_same_every_time():
    page = Page(90, 70, (laid_line(["a", "b"], lambda: 0.5, 5, 5, 3, 9),), "a.png")
    for form in ("alto", "page", "hocr", "json", "tsv", "md", "txt"):
        assert write([page], form) == write([page], form)
