"""Pages for the tests of formats: made by hand, and at random with what each format can hold."""

from __future__ import annotations

from itertools import accumulate

from hypothesis import strategies as st

from netchu.records import KINDS, Char, Line, Page, Region, Word

WIDTH, HEIGHT = 900, 700
LETTERS = st.sampled_from("aởŨé9<&>\"'`;:\\(){}東𠀀بש-.,")
TEXTS = st.lists(LETTERS, min_size=1, max_size=4).map("".join)
POINTS = st.tuples(st.integers(0, WIDTH).map(float), st.integers(1, HEIGHT).map(float))
SHAPES = st.lists(POINTS, min_size=3, max_size=5).map(tuple)
HUNDREDTHS = st.integers(0, 100).map(lambda value: value / 100)
NONE = st.just(())
NUMBERS = st.integers(1, 9)
TENTHOUSANDTHS = st.integers(0, 10_000).map(lambda value: value / 10_000)


def rectangle(left, top, right, bottom):
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def laid_line(texts, sure, left=10.0, top=20.0, pitch=10.0, high=24.0, others=()):
    """A line of letters of one width, a letter's width between words, every letter as sure as `sure`()."""
    text = " ".join(texts)
    chars = []
    for place, letter in enumerate(text):
        x = left + pitch * place
        space = letter == " "
        chars.append(
            Char(letter, 1.0 if space else sure(), (x, top, x + pitch, top + high), () if space else tuple(others))
        )
    starts = [0, *accumulate(len(each) + 1 for each in texts)]
    words = [
        Word(each, sure(), (left + pitch * at, top, left + pitch * (at + len(each)), top + high))
        for each, at in zip(texts, starts)
    ]
    edge = rectangle(left - 3, top - 3, left + pitch * len(text) + 3, top + high + 3)
    return Line(text, sure(), edge, tuple(chars), tuple(words))


@st.composite
def lines(draw, shares, straight, plain_texts, others=NONE):
    """A line with words and letters, with words alone, with its text alone, or with none.

    `straight` baselines go from edge to edge, else they are any; `plain_texts` are those of lines without words.
    """
    kind = draw(st.sampled_from(["chars", "words", "text", "none"]))
    place = float(draw(st.integers(5, 60))), float(draw(st.integers(5, 600)))
    line = laid_line(draw(st.lists(TEXTS, min_size=1, max_size=4)), lambda: draw(shares), *place, others=draw(others))
    values = {"text": line.text, "confidence": line.confidence, "polygon": line.polygon, "chars": (), "words": ()}
    if kind in ("chars", "words"):
        values["words"] = line.words
        values["chars"] = line.chars if kind == "chars" else ()
    elif kind == "text":
        values["text"] = draw(plain_texts)
    else:
        values |= {"text": "", "confidence": 0.0}
    if not straight:
        values["baseline"] = draw(st.lists(POINTS, min_size=2, max_size=4).map(tuple) | st.just(()))
    elif draw(st.booleans()):
        left, right = line.polygon[0][0], line.polygon[1][0]
        low = line.polygon[2][1]
        values["baseline"] = ((left, low - draw(st.integers(0, 9))), (right, low - draw(st.integers(0, 9))))
    if not straight and draw(st.booleans()):
        values["polygon"] = draw(SHAPES)
    return Line(**values)


@st.composite
def pages(draw, some_lines, numbers=NUMBERS):
    """Pages whose lines stand in regions one after the other, in none, or both; some regions hold none."""
    parts = draw(st.lists(st.tuples(st.sampled_from([None, *KINDS]), st.lists(some_lines, max_size=3)), max_size=4))
    every, regions = [], []
    for kind, part in parts:
        if kind is not None:
            places = tuple(range(len(every), len(every) + len(part)))
            regions.append(Region(kind, draw(SHAPES), places))
        every += part
    return Page(WIDTH, HEIGHT, tuple(every), 'thư "1"; <写真>\'.jpg', tuple(regions), draw(numbers))
