"""Grammars against `re`, over every short text; bounds, errors and templates."""

import itertools
import re
import string
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchu.alphabets import ALPHABETS
from netchu.decode import grammar
from netchu.errors import NetchuError
from netchu.synth.texts import plates
from netchu.text import Charset, canonical

SMALL = Charset.from_symbols("abA1é ")
TEXTS = [
    text
    for size in range(5)
    for text in map("".join, itertools.product("abA1é ", repeat=size))
    if canonical(text) == text
]
VI = Charset.from_symbols(sorted(set(ALPHABETS["vi"]) | set(string.printable[:95]) | set("€£û")))
CN = Charset.from_symbols(sorted(plates.CN_ALPHABET))

atoms = st.sampled_from(
    [
        "a",
        "b",
        "A",
        "1",
        "é",
        " ",
        ".",
        r"\d",
        r"\w",
        r"\s",
        r"\W",
        r"\D",
        r"\S",
        "[ab]",
        "[^a]",
        "[a-z]",
        r"[^\d\s]",
        "[A-a]",
        r"\x61",
        r"\u00e9",
        "[é1-]",
        "[]a]",
        r"\.",
        "{",
        "}",
        "]",
        "(?i:a)",
        "(?i:[A-Z])",
        "(?i:[^B])",
    ]
)
quantifiers = st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{,2}", "{2,}", "{0}", "*?", "+?", "??", "{,}", "{1,3}?"])
patterns = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map("|".join).map("({})".format),
        st.tuples(inner, quantifiers).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
        st.tuples(atoms, quantifiers).map("".join),
    ),
    max_leaves=8,
)


def accepted(found: grammar.Grammar) -> set[str]:
    return {text for text in TEXTS if found.matches(text)}


@settings(max_examples=150, deadline=None)
@given(patterns, st.booleans())
def test_accepts_what_re_accepts(pattern: str, ignore_case: bool) -> None:
    expected = {text for text in TEXTS if re.fullmatch(pattern, text, re.I if ignore_case else 0)}
    try:
        found = grammar.compile(pattern, SMALL, ignore_case)
    except NetchuError as error:
        assert "no text of it can be written" in str(error)
        assert expected <= {""}
        return
    assert accepted(found) == expected
    assert_minimal(found)


def assert_minimal(found: grammar.Grammar) -> None:
    """Every state is reached, reaches an end, and differs from every other: Moore's refinement tells all apart."""
    automaton = found.automaton
    spans = list(zip(automaton.offsets[:-1], automaton.offsets[1:]))
    arcs = [dict(zip(automaton.labels[a:b].tolist(), automaton.targets[a:b].tolist())) for a, b in spans]
    names = [float(final) for final in automaton.finals]
    for _ in arcs:
        keys = [(name, *sorted((label, names[to]) for label, to in out.items())) for name, out in zip(names, arcs)]
        numbers = {key: index for index, key in enumerate(dict.fromkeys(keys))}
        names = [numbers[key] for key in keys]
    assert len(set(names)) == automaton.states
    assert (automaton.remaining < 2**31 - 1).all()
    seen, waiting = {automaton.start}, [automaton.start]
    while waiting:
        new = set(arcs[waiting.pop()].values()) - seen
        seen |= new
        waiting.extend(new)
    assert len(seen) == automaton.states


@pytest.mark.parametrize(
    ("pattern", "states"),
    [
        ("a", 2),
        ("a*", 1),
        ("(a|b)*abb", 4),
        ("(a|b)*a(a|b){3}", 16),
        ("abc|ab", 4),
        ("ab|cb", 3),
        ("(aa)*", 2),
        ("a{3}", 4),
        ("a?a?a?", 4),
        ("abab|acab|bbab|bcab", 5),
        ("(a|b|c)+", 2),
        ("(aa|aaa)+", 3),
    ],
)
def test_has_as_many_states_as_it_must(pattern: str, states: int) -> None:
    assert grammar.compile(pattern, Charset.from_symbols("abc")).automaton.states == states


def test_the_letters_of_a_set_are_arcs_in_order() -> None:
    automaton = grammar.compile("[ba]|1", SMALL).automaton
    assert automaton.labels.tolist() == [1, 2, 4]
    assert automaton.targets.tolist() == [1, 1, 1]
    assert automaton.finals.tolist()[1] == 0
    assert automaton.back.tolist() == [-1, -1]


def test_symbols_of_several_code_points() -> None:
    charset = Charset(("", "a", "ch", "c", "h", "m\u0303", "l·l"))
    one = grammar.compile(".", charset)
    assert all(one.accepts([index]) for index in range(1, 7))
    assert one.accepts([3, 4])  # the same text, written otherwise
    assert not one.accepts([4, 3])
    literal = grammar.compile("cha", charset)  # a text: however it is written
    assert literal.accepts([2, 1])
    assert literal.accepts([3, 4, 1])
    assert not literal.accepts([2])
    marked = grammar.compile("m\u0303{2}[am\u0303]", charset)  # the mark belongs to the letter
    assert marked.accepts([5, 5, 5])
    assert marked.accepts([5, 5, 1])
    assert grammar.compile("[^m\u0303ch]", charset).accepts([2])
    assert not grammar.compile("[^m\u0303ch]", charset).accepts([5])
    half = grammar.compile("l·+l", charset)
    assert half.accepts([6])
    assert half.missing == ()


def test_the_form_of_the_charset() -> None:
    charset = Charset(("", "e", "n", "\u0302", "\u0301", " "), "NFD")
    found = grammar.compile("ế+[nế]", charset)
    assert found.matches("ếếế")
    assert found.matches("ến")
    assert not found.matches("ê")
    compatible = Charset.from_texts(["fin"], "NFKC")
    assert grammar.compile("ﬁ+n", compatible).matches("fifin")


def test_only_canonical_texts() -> None:
    found = grammar.compile(r" *a?\s*b? *", SMALL)
    assert accepted(found) == {"", "a", "b", "ab", "a b"}
    tokens = {"\t": grammar.compile("a\tb", SMALL), "\\n": grammar.compile(r"a\nb", SMALL)}
    assert all(token.matches("a b") for token in tokens.values())


def test_letters_the_charset_lacks() -> None:
    found = grammar.compile("(?:x|a)[yb]*z?", SMALL)
    assert found.missing == ("x", "y", "z")
    assert accepted(found) == {"a", "ab", "abb", "abbb"}
    with pytest.raises(NetchuError, match=r"'ax': no text of it can be written: the model has no U\+0078 .* 'x'"):
        grammar.compile("ax", SMALL)
    for nothing in ("a  b", " a", "", "x*", "[^\\w\\W]", "()"):
        with pytest.raises(NetchuError, match="no text of it can be written"):
            grammar.compile(nothing, SMALL)


def test_ignoring_case() -> None:
    assert accepted(grammar.compile("(?i)A[B-C]?", SMALL)) == {"a", "A", "ab", "Ab"}
    assert accepted(grammar.compile("(?i:A)b", SMALL)) == {"ab", "Ab"}
    assert accepted(grammar.compile("É", SMALL, ignore_case=True)) == {"é"}
    assert grammar.compile("đường", VI, ignore_case=True).matches("ĐƯỜNG")


@pytest.mark.parametrize(
    ("pattern", "place", "what"),
    [
        ("(?=a)b", 1, "look-ahead"),
        ("a(?<!b)", 2, "look-behind"),
        (r"(a)\1", 4, "refers to a group"),
        ("(?P<n>a)(?P=n)", 9, "group"),
        ("a(b", 2, "never closed"),
        ("ab)", 3, "no group is open"),
        ("1[ab", 2, "never closed"),
        ("a**", 3, "repetition of"),
        ("a{2}{3}", 5, "repetition of"),
        ("*a", 1, "nothing to repeat"),
        ("a|+", 3, "nothing to repeat"),
        ("{1,2}", 1, "nothing to repeat"),
        ("a{3,2}", 1, "from 3 down"),
        ("[b-a]", 2, "runs backwards"),
        (r"a\q", 2, "escape"),
        (r"\b", 1, "escape"),
        ("a\\", 2, "escapes nothing"),
        (r"\xg1", 1, "hexadecimal"),
        ("a*+", 3, "possessive"),
        ("(?>a)", 1, "atomic"),
        ("a^b", 2, "belongs at the start"),
        ("a$b", 2, "nothing can follow"),
        ("(a$)", 3, "belongs at the end"),
        ("(?s)a", 1, "opens no group"),
        ("a(?i)", 2, "start of the pattern"),
        (r"[\d-a]", 2, "a range goes"),
        ("[[:alpha:]]", 2, "by name"),
        ("a{1000000}", 1, "10000 letters"),
        ("b((a{200}){200})", 3, "10000 letters"),
        ("[a-", 2, "no end"),
        ("a{99999999999999999999}", 1, "10000 letters"),
        ("(" * 5000 + ")" * 5000, 51, "groups in groups"),
        ("é" * 10001, 1, "10000 letters"),
    ],
)
def test_errors_name_the_place(pattern: str, place: int, what: str) -> None:
    with pytest.raises(NetchuError) as caught:
        grammar.compile(pattern, SMALL)
    assert f"character {place}: " in str(caught.value)
    assert what in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


def test_anchors_where_they_change_nothing() -> None:
    assert accepted(grammar.compile("^ab$|^1$", SMALL)) == {"ab", "1"}


@pytest.mark.parametrize(
    "pattern",
    [
        "(a|b)*a(a|b){30}",
        "(a?){5000}",
        "((a{0,70}){0,70})",
        ".{9999}",
        "(.*a){99}(.*b){99}",
        "[ab]*a[ab]{5000}",
        "(a{1,99}b?){99}",
        "|".join("ab" * (i % 50) + "1" * (i // 50) for i in range(150)),
    ],
)
def test_nasty_patterns_end_soon(pattern: str) -> None:
    start = time.process_time()
    try:
        found = grammar.compile(pattern, SMALL)
        assert found.automaton.states <= 10_000
    except NetchuError as error:
        assert "repeat less" in str(error)
    assert time.process_time() - start < 10  # half a second, where nothing else runs


def test_nested_repetitions_that_freeze_a_backtracking_matcher() -> None:
    assert grammar.compile("(a*)*b", SMALL).automaton.states == 2
    assert grammar.compile("((((a?){20}){20})*|a)*1", SMALL).automaton.states == 2
    assert grammar.compile("((){1000}){1000}a", SMALL).automaton.states == 2


def test_too_many_arcs() -> None:
    with pytest.raises(NetchuError, match="arcs with this charset"):
        grammar.compile(".{0,900}", Charset.from_symbols(map(chr, range(0x4E00, 0x4E00 + 5000))))


def test_names() -> None:
    assert set(grammar.names()) >= {
        "plate-cn",
        "plate-vn",
        "date-vi",
        "date-iso",
        "money-vi",
        "phone-vi",
        "id-vi",
        "captcha",
    }
    assert grammar.find("date-iso", VI).source == "date-iso"
    assert grammar.find(r"\d{2}", VI).matches("12")
    with pytest.raises(NetchuError, match="no grammar is called 'plate-nv'; known: plate-vn"):
        grammar.find("plate-nv", VI)
    with pytest.raises(NetchuError, match="plate-cn.*'京'"):
        grammar.find("plate-cn", Charset.from_symbols("AB12"))


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        (
            "plate-vn",
            ["29A-123.45", "29A12345", "59-X1 234.56", "80-NG-123-45", "51F-1234"],
            ["13A-123.45", "29J-123.45", "29A-12.345", "2A-123.45"],
        ),
        ("date-iso", ["2024-02-29", "1999-12-31"], ["2024-02-30", "2024-04-31", "2024-13-01", "24-01-01"]),
        (
            "date-vi",
            ["31/12/2024", "1-2-99", "01.04.1975", "ngày 2 tháng 9 năm 1945"],
            ["31/4/2024", "30/2/2024", "1/2-2024", "32/1/2024", "00/01/2000"],
        ),
        (
            "date-fr",
            ["le 14 février 1970", "1er mai", "14/07/1989", "lundi 3 août 1914"],
            ["14 fevrier 1970", "32 mai"],
        ),
        ("date-en", ["July 4, 1976", "4th of July 1976", "12/31/1999", "Sept. 3rd"], ["31/31/1999", "Julember 4"]),
        ("money-vi", ["1.500.000 đ", "200000", "35,000 VNĐ", "50 000 đồng"], ["1.50.000", "01.000", "1.000,000"]),
        ("money-fr", ["12,50 €", "1 234,00 euros", "100 F"], ["12,5 €", "1 23"]),
        ("money-en", ["$1,234.50", "£5", "20 dollars"], ["$1,23", "$ 5.1"]),
        ("number", ["-12", "1.234.567", "3,14", "50%"], ["1.23.4", "--1"]),
        (
            "phone-vi",
            ["0912345678", "0912 345 678", "+84 912.345.678", "(024) 3825 1234", "024 3825 1234"],
            ["0112345678", "091234567"],
        ),
        ("phone-fr", ["01 23 45 67 89", "+33 6 12 34 56 78", "0123456789"], ["01 23 45 67 8", "00 11 22 33 44"]),
        ("phone-en", ["(212) 555-1234", "020 7946 0958"], ["(112) 555-1234"]),
        ("post-vi", ["10000", "700000"], ["1000"]),
        ("id-vi", ["001099012345", "079199012345", "123456789"], ["003099012345", "00109901234"]),
        ("captcha", ["aB3d", "2b827"], ["ab", "a b c"]),
        ("captcha-digits", ["1234"], ["12a4"]),
    ],
)
def test_templates(name: str, right: list[str], wrong: list[str]) -> None:
    found = grammar.template(name, VI)
    assert [text for text in right if not found.matches(text)] == []
    assert [text for text in wrong if found.matches(text)] == []


def test_every_template_can_be_written() -> None:
    both = Charset.from_symbols(sorted({*VI.symbols[1:], *CN.symbols[1:]}))
    for name in grammar.names():
        assert grammar.template(name, both).automaton.states < 400


@pytest.mark.parametrize(
    ("name", "kinds", "charset"), [("plate-cn", plates.plate_cn, CN), ("plate-vn", plates.plate_vn, VI)]
)
def test_plates_that_are_drawn_can_be_read(name: str, kinds: object, charset: Charset) -> None:
    rng = np.random.default_rng(0)
    found = grammar.template(name, charset)
    assert found.missing == ()
    for _, load in kinds().values():  # type: ignore[operator]
        draw = load()
        texts = [draw(rng) for _ in range(100)]
        assert [text for text in texts if not found.matches(text)] == []


def test_chinese_plates_follow_the_rules() -> None:
    found = grammar.template("plate-cn", CN)
    assert [found.matches(text) for text in ("京A12345", "粤BD12345", "沪A1234学", "粤Z1234港")] == [True] * 4
    wrong = ("京A1234", "A12345", "京AI2345", "京AABC12", "京A123456", "沪A1234港")
    assert [found.matches(text) for text in wrong] == [False] * 6
