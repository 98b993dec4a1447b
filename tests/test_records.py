"""Records: frozen, and the same after a journey through JSON; other JSON is refused by the field's name."""

import copy
import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchu.errors import NetchuError
from netchu.records import KINDS, Char, Line, Page, Region, Word

SHARES = st.floats(0, 1)
PLACES = st.floats(allow_nan=False, allow_infinity=False)
OTHERS = st.lists(st.tuples(st.text(), SHARES), max_size=2).map(tuple)
BOXES = st.tuples(PLACES, PLACES, PLACES, PLACES)
CHARS = st.builds(Char, st.text(min_size=1), SHARES, BOXES, OTHERS)
WORDS = st.lists(st.builds(Word, st.text(min_size=1), SHARES, BOXES), max_size=2).map(tuple)
POINTS = st.lists(st.tuples(PLACES, PLACES), max_size=4).map(tuple)
READINGS = st.lists(st.tuples(st.text(), PLACES), max_size=2).map(tuple)
SOME_CHARS = st.lists(CHARS, max_size=3).map(tuple)
LINES = st.builds(Line, st.text(), SHARES, POINTS, SOME_CHARS, WORDS, READINGS, st.text(), POINTS)
SIZES = st.integers(1, 10**6)
REGIONS = st.builds(Region, st.sampled_from(KINDS), POINTS, st.just(()))
SOME_REGIONS = st.lists(REGIONS, max_size=2).map(tuple)
PAGES = st.builds(Page, SIZES, SIZES, st.lists(LINES, max_size=3).map(tuple), st.text(), SOME_REGIONS, SIZES)

CHAR = Char("ở", 0.75, (1.0, 2.0, 3.5, 4.0), (("ơ", 0.2), ("", 0.05)))
WORD = Word("ở", 0.7, (1.0, 2.0, 3.5, 4.0))
CORNERS = ((0.0, 0.0), (9.0, 0.0), (9.0, 8.0), (0.0, 8.0))
LINE = Line("ở", 0.75, CORNERS, (CHAR,), (WORD,), (("ở", -1.5), ("ơ", -3.0)), "note", ((0.0, 7.0), (9.0, 7.5)))
PAGE = Page(9, 8, (LINE,), "thư 写真.jpg", (Region("table", CORNERS, (0,), ((2, 1),)),), 2)


@settings(max_examples=25, deadline=None)
@given(PAGES)
def test_pages_survive_json(page):
    again = Page.from_json(json.loads(json.dumps(page.to_json(), ensure_ascii=False, allow_nan=False)))
    assert again == page
    assert hash(again) == hash(page)
    assert Page.from_json(page.to_json()) == page


@settings(max_examples=15, deadline=None)
@given(LINES)
def test_lines_survive_json(line):
    assert Line.from_json(json.loads(json.dumps(line.to_json()))) == line


def test_the_json_is_what_is_promised():
    assert json.loads(json.dumps(PAGE.to_json())) == {
        "width": 9,
        "height": 8,
        "lines": [
            {
                "text": "ở",
                "confidence": 0.75,
                "polygon": [[0, 0], [9, 0], [9, 8], [0, 8]],
                "chars": [
                    {
                        "text": "ở",
                        "confidence": 0.75,
                        "box": [1, 2, 3.5, 4],
                        "alternatives": [["ơ", 0.2], ["", 0.05]],
                    }
                ],
                "words": [{"text": "ở", "confidence": 0.7, "box": [1, 2, 3.5, 4]}],
                "readings": [["ở", -1.5], ["ơ", -3.0]],
                "note": "note",
                "baseline": [[0, 7], [9, 7.5]],
            }
        ],
        "source": "thư 写真.jpg",
        "regions": [{"kind": "table", "polygon": [[0, 0], [9, 0], [9, 8], [0, 8]], "lines": [0], "cells": [[2, 1]]}],
        "number": 2,
    }


def test_records_cannot_be_changed():
    for record, field in ((CHAR, "text"), (LINE, "chars"), (PAGE, "lines")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(record, field, None)


def test_a_pages_text_is_its_lines():
    assert Page(1, 1, (LINE, dataclasses.replace(LINE, text="b"))).text == "ở\nb"
    assert Page(1, 1, ()).text == ""


def spoil(path: tuple, value):
    """PAGE's JSON with one thing replaced; a value of `...` removes it."""
    data = json.loads(json.dumps(PAGE.to_json()))
    place = data
    for step in path[:-1]:
        place = place[step]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return data


@pytest.mark.parametrize(("path", "value", "name"), [
    (("width",), 0, "Page.width"),
    (("width",), 9.5, "Page.width"),
    (("width",), True, "Page.width"),
    (("height",), "8", "Page.height"),
    (("height",), ..., "Page:"),
    (("source",), None, "Page.source"),
    (("lines",), {}, "Page.lines"),
    (("lines",), "abc", "Page.lines"),
    (("extra",), 1, "Page:"),
    (("lines", 0), [], "Line:"),
    (("lines", 0, "text"), 5, "Line.text"),
    (("lines", 0, "text"), ..., "Line:"),
    (("lines", 0, "confidence"), 1.01, "Line.confidence"),
    (("lines", 0, "confidence"), -0.1, "Line.confidence"),
    (("lines", 0, "confidence"), float("nan"), "Line.confidence"),
    (("lines", 0, "confidence"), "0.5", "Line.confidence"),
    (("lines", 0, "polygon"), None, "Line.polygon"),
    (("lines", 0, "polygon", 1), [1], "Line.polygon"),
    (("lines", 0, "polygon", 1), [1, "2"], "Line.polygon"),
    (("lines", 0, "polygon", 1), [1, float("inf")], "Line.polygon"),
    (("lines", 0, "chars"), 3, "Line.chars"),
    (("lines", 0, "chars", 0), None, "Char:"),
    (("lines", 0, "chars", 0, "box"), [1, 2, 3], "Char.box"),
    (("lines", 0, "chars", 0, "box"), [1, 2, 3, None], "Char.box"),
    (("lines", 0, "chars", 0, "confidence"), True, "Char.confidence"),
    (("lines", 0, "chars", 0, "text"), ["a"], "Char.text"),
    (("lines", 0, "chars", 0, "alternatives"), 1, "Char.alternatives"),
    (("lines", 0, "chars", 0, "alternatives", 0), ["a"], "Char.alternatives"),
    (("lines", 0, "chars", 0, "alternatives", 0), ["a", 1.5], "Char.alternatives"),
    (("lines", 0, "words"), None, "Line.words"),
    (("lines", 0, "words", 0), "ở", "Word:"),
    (("lines", 0, "words", 0, "text"), 1, "Word.text"),
    (("lines", 0, "words", 0, "confidence"), 2, "Word.confidence"),
    (("lines", 0, "words", 0, "box"), [1, 2], "Word.box"),
    (("lines", 0, "readings", 0), [None, -1], "Line.readings"),
    (("lines", 0, "readings", 0), ["a", float("nan")], "Line.readings"),
    (("lines", 0, "note"), 3, "Line.note"),
    (("lines", 0, "baseline"), [[1]], "Line.baseline"),
    (("regions",), None, "Page.regions"),
    (("regions", 0, "kind"), "song", "Region.kind"),
    (("regions", 0, "lines"), [1], "Region.lines"),
    (("regions", 0), {"kind": "margin", "polygon": [], "lines": [0, 0], "cells": []}, "Region.lines"),
    (("regions", 0, "lines"), [-1], "Region.lines"),
    (("regions", 0, "cells"), None, "Region.cells"),
    (("regions", 0, "cells"), [[0, 0], [0, 1]], "Region.cells"),
    (("regions", 0, "cells"), [[0]], "Region.cells"),
    (("regions", 0, "cells"), [[0, -1]], "Region.cells"),
    (("regions", 0, "cells"), [[0, 0.5]], "Region.cells"),
    (("number",), 0, "Page.number"),
])  # fmt: skip
def test_json_that_is_not_ours_is_refused_by_name(path, value, name):
    with pytest.raises(NetchuError) as caught:
        Page.from_json(spoil(path, value))
    message = str(caught.value)
    assert message.startswith(name)
    assert "expected" in message
    assert "\n" not in message


@pytest.mark.parametrize("data", [None, 3, "x", [], {}, [PAGE.to_json()], True])
def test_what_is_no_object_is_refused(data):
    for record in (Page, Line, Char, Word):
        with pytest.raises(NetchuError, match=f"^{record.__name__}: expected an object of"):
            record.from_json(copy.deepcopy(data))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["text", "box", "lines"]), inner),
    max_leaves=8,
)
PATHS = [("width",), ("lines",), ("lines", 0), ("lines", 0, "polygon"), ("lines", 0, "polygon", 0),
         ("lines", 0, "chars"), ("lines", 0, "chars", 0), ("lines", 0, "chars", 0, "box"), ("source",)]  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(PATHS), JSON)
def test_any_json_is_a_page_or_a_netchu_error(path, value):
    data = spoil(path, value)
    try:
        page = Page.from_json(data)
    except NetchuError:
        return
    assert Page.from_json(page.to_json()) == page
