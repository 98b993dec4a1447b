"""Text: one form, one kind of space, no character lost without a name, and complete alphabets."""

import itertools
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchu.alphabets import ALPHABETS, DIGITS, PUNCTUATION, alphabet
from netchu.errors import NetchuError
from netchu.text import (
    FORMS,
    LOOKALIKES,
    NORMALISERS,
    Charset,
    canonical,
    describe,
    graphemes,
    lookalikes,
    needed_frames,
    normaliser,
)

HARD = st.sampled_from("aàạấậ̣́ đĐỔ\u00a0\u3000\t\nßẞİſ１ﬁ'’-́")  # spaces, loose marks, odd case mappings
TEXTS = st.text(HARD | st.characters(), max_size=20)

# Written out by hand from CLDR's main exemplars, independently of netchu/alphabets.py.
EXEMPLARS = {
    "vi": "a à ả ã á ạ ă ằ ẳ ẵ ắ ặ â ầ ẩ ẫ ấ ậ b c d đ e è ẻ ẽ é ẹ ê ề ể ễ ế ệ f g h i ì ỉ ĩ í ị j k l m n o ò ỏ õ ó ọ "
    "ô ồ ổ ỗ ố ộ ơ ờ ở ỡ ớ ợ p q r s t u ù ủ ũ ú ụ ư ừ ử ữ ứ ự v w x y ỳ ỷ ỹ ý ỵ z",
    "fr": "a à â æ b c ç d e é è ê ë f g h i î ï j k l m n o ô œ p q r s t u ù û ü v w x y ÿ z",
    "de": "a ä b c d e f g h i j k l m n o ö p q r s ß t u ü v w x y z",
    "es": "a á b c d e é f g h i í j k l m n ñ o ó p q r s t u ú ü v w x y z",
    "it": "a à b c d e é è f g h i ì j k l m n o ó ò p q r s t u ù v w x y z",
    "pt": "a á à â ã b c ç d e é ê f g h i í j k l m n o ó ò ô õ p q r s t u ú v w x y z",
    "en": "a b c d e f g h i j k l m n o p q r s t u v w x y z",
}
SENTENCES = {
    "vi": "ĐƯỜNG Nguyễn Huệ, hòa bình = hoà bình; thuý, thúy, KHUỶU TAY, quỵ luỵ; “giá 5.000₫”",
    "fr": "L’Haÿ-les-Roses : « Œuvre », ŒUVRE, L’HAŸ, Noël, où, ÇA, garçon, aiguë, 12 €, n° 3",
    "de": "„Fräulein Müller“ – STRAẞE, Straße, ÄÖÜ, 20 °C, § 5",
    "es": "¿Qué? ¡Cigüeña! ÑANDÚ, 1.º y 2.ª",
    "it": "perché, È così, città, PIÙ, può",
    "pt": "À mãe: lingüiça, AÇÕES, vovô, avó, êxito",
    "en": 'It\'s 50% off — "naive" & #1 [a/b]',
}


@pytest.mark.parametrize(
    "space", [" ", "\u00a0", "\u3000", "\u2009", "\u202f", "\t", "\n", "\r\n", "\u2028", "  \u00a0 "]
)
def test_canonical_makes_every_white_space_one_plain_space(space):
    assert canonical(f"{space}a{space}b{space}") == "a b"


def test_canonical_composes_or_decomposes_as_told():
    composed, decomposed = "Việt Nam", "Vie\u0323\u0302t Nam"
    assert canonical(decomposed) == composed
    assert canonical(composed, "NFD") == decomposed
    assert canonical("ſ ² ﬁ") == "ſ ² ﬁ"  # NFKC would eat them
    with pytest.raises(NetchuError, match=r"'nfc'.*NFC, NFD"):
        canonical("a", "nfc")


@given(TEXTS, st.sampled_from(FORMS))
def test_canonical_is_stable_and_in_form(text, form):
    once = canonical(text, form)
    assert canonical(once, form) == once
    assert unicodedata.is_normalized(form, once)
    assert "  " not in once and once == once.strip()


@given(st.lists(TEXTS, max_size=4), st.sampled_from(FORMS))
def test_encode_and_decode_are_inverse(texts, form):
    charset = Charset.from_texts(texts, form)
    for text in texts:
        classes = charset.encode(text)
        assert 0 not in classes
        assert charset.decode(classes) == canonical(text, form)
        assert charset.missing(text) == []


@given(st.permutations(["Việt", "chữ nét", "b a", "Vie\u0323\u0302t"]))
def test_charset_does_not_depend_on_the_order_or_form_of_the_texts(texts):
    assert Charset.from_texts(texts).symbols == ("", *" Vabchintéệữ")


def test_charset_from_texts_takes_extra_characters_and_one_kind_of_space():
    charset = Charset.from_texts(["ab"], extra="0e\u0301\u00a0\u3000")
    assert charset.symbols == ("", " ", "0", "a", "b", "é")


def test_charset_takes_decomposed_text_in_nfc_and_composed_text_in_nfd():
    assert Charset.from_symbols("Việt").encode("Vie\u0323\u0302t") == [1, 2, 3, 4]
    nfd = Charset.from_texts(["Việt"], form="NFD")
    assert nfd.decode(nfd.encode("Việt")) == "Vie\u0323\u0302t"


def test_encode_names_every_unknown_character():
    charset = Charset.from_symbols("abc ")
    with pytest.raises(NetchuError) as caught:
        charset.encode("a Đb\u200bcĐ日")
    message = str(caught.value)
    assert "U+0110 LATIN CAPITAL LETTER D WITH STROKE 'Đ'" in message
    assert "U+200B ZERO WIDTH SPACE" in message and "U+65E5" in message
    assert message.count("U+0110") == 1 and "\n" not in message
    assert charset.missing("a Đb\u200bcĐ日") == ["Đ", "\u200b", "日"]


def test_decode_collapses_nothing_and_refuses_what_is_no_class():
    charset = Charset.from_symbols("ab")
    assert charset.decode([0, 1, 1, 0, 2, 0]) == "aab"
    for wrong in (-1, 3):
        with pytest.raises(ValueError, match=str(wrong)):
            charset.decode([1, wrong])


def test_longer_symbols_are_matched_longest_first():
    charset = Charset.from_symbols(["x", "x\u0301", "x\u0301y", "y"])
    assert charset.encode("x\u0301yxx\u0301x") == [3, 1, 2, 1]
    assert charset.decode([3, 1, 2, 1]) == "x\u0301yxx\u0301x"
    assert charset.missing("x\u0301zy\u0302") == ["z", "ŷ"]
    with pytest.raises(NetchuError, match="U\\+007A"):
        charset.encode("x\u0301z")


@pytest.mark.parametrize(
    ("symbols", "form", "reason"),
    [
        ((), "NFC", "blank"),
        (("a", "b"), "NFC", "blank"),
        (("", "a", ""), "NFC", "class 2 is empty"),
        (("", "a", "b", "a"), "NFC", "U\\+0061.*twice"),
        (("", "e\u0301"), "NFC", "not NFC"),
        (("", "é"), "NFD", "not NFD"),
        (("", "a"), "utf-8", "utf-8"),
    ],
)
def test_charset_refuses(symbols, form, reason):
    with pytest.raises(NetchuError, match=reason):
        Charset(symbols, form)


def test_charset_puts_the_blank_first_once_and_compares_by_value():
    assert Charset.from_symbols("ab") == Charset.from_symbols(["", "a", "b"]) == Charset(("", "a", "b"))
    assert len(Charset.from_symbols("ab")) == 3
    assert hash(Charset.from_symbols("ab")) == hash(Charset(("", "a", "b")))


@given(st.lists(st.integers(1, 2), max_size=4))
@settings(max_examples=40)
def test_needed_frames_is_the_shortest_ctc_path(label):
    """The oracle tries all paths, shortest first: merge repeats, drop blanks."""
    for frames in range(9):
        for path in itertools.product(range(3), repeat=frames) if frames <= 7 else ():
            if [c for c, _ in itertools.groupby(path) if c] == label:
                assert needed_frames(label) == frames
                return
    raise AssertionError("no path found")


def test_graphemes_are_what_a_person_counts():
    assert graphemes("e\u0301x\u0323\u0302g") == ["e\u0301", "x\u0323\u0302", "g"]
    assert graphemes("Việt") == list("Việt")
    assert graphemes("") == []


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("nfc", "Vie\u0323\u0302t,\u00a0Nam!", "Việt, Nam!"),
        ("caseless", "ĐƯỜNG  Phố, 5", "đường phố, 5"),
        ("caseless", "H\u0331", "\u1e96"),  # precomposed in lower case only
        ("nopunct", "“Đó”, l’eau – x_y (12€)", "Đó l eau x y 12€"),
        ("caseless-nopunct", "Mr. O'Neill—ĐI!", "mr o neill đi"),
        ("alnum36", "Café-Nº 12, “Ok”", "cafn12ok"),
        ("nodiacritics", "Đường Nguyễn, đẹp; ÇA où", "Duong Nguyen, dep; CA ou"),
    ],
)
def test_normaliser(name, text, expected):
    assert normaliser(name)(text) == expected
    assert normaliser(name)(unicodedata.normalize("NFD", text)) == expected


@given(TEXTS, st.sampled_from(sorted(NORMALISERS)))
def test_every_normaliser_gives_canonical_text_and_is_stable(text, name):
    once = normaliser(name)(text)
    assert canonical(once) == once
    assert normaliser(name)(once) == once


def test_nodiacritics_leaves_the_letters_of_other_scripts():
    assert normaliser("nodiacritics")("한국 कु") == "한국 कु"  # jamo and vowel signs are no diacritics


def test_unknown_normaliser_lists_the_names_nearest_first():
    with pytest.raises(NetchuError, match=r"'caseles'; known: caseless, caseless-nopunct") as caught:
        normaliser("caseles")
    assert all(name in str(caught.value) for name in NORMALISERS)


@pytest.mark.parametrize(
    ("char", "expected"),
    [
        ("Đ", "U+0110 LATIN CAPITAL LETTER D WITH STROKE 'Đ'"),
        ("\u200b", "U+200B ZERO WIDTH SPACE"),
        ("\x00", "U+0000 CONTROL CHARACTER"),
        ("\u0301", "U+0301 COMBINING ACUTE ACCENT '◌\u0301'"),
        ("x\u0323", "U+0078 LATIN SMALL LETTER X + U+0323 COMBINING DOT BELOW 'x\u0323'"),
        ("", "nothing"),
    ],
)
def test_describe(char, expected):
    assert describe(char) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ÐƯỜNG Ðà", [("Ð", "Đ")]),
        ("ðường", [("ð", "đ")]),
        ("chữ\u200b viết\ufeff mềm\u00ad", [("\u200b", ""), ("\ufeff", ""), ("\u00ad", "")]),
        ("l´eau", [("´", "'")]),
        ("Hà Nội １２", [("１", "1"), ("２", "2")]),
        ("nh\u0430", [("\u0430", "a")]),  # a Cyrillic letter in a Latin word
        ("\u0410\u0412 12", [("\u0410", "A"), ("\u0412", "B")]),  # nothing says that it is Cyrillic
        ("\u0397\u039f\u03a4\u0395L", [("\u0397", "H"), ("\u039f", "O"), ("\u03a4", "T"), ("\u0395", "E")]),
        ("Москва и сон", []),
        ("Москва m\u0430p", [("\u0430", "a")]),
        ("Όμηρος και Ηλέκτρα", []),
        ("設定！ＯＫ", []),
        ("می\u200cخواهم", []),
        ("Đường “Nguyễn Huệ”, hòa – 5 km²", []),
        ("plain ASCII", []),
    ],
)
def test_lookalikes(text, expected):
    assert lookalikes(text) == expected


def test_every_lookalike_stands_for_other_characters_that_are_none_themselves():
    for char, intended in LOOKALIKES.items():
        assert len(char) == 1 and char != intended
        assert unicodedata.is_normalized("NFC", char) and unicodedata.is_normalized("NFC", intended)
        assert not set(intended) & LOOKALIKES.keys()


@pytest.mark.parametrize("language", EXEMPLARS)
def test_alphabet_holds_every_exemplar_in_both_cases(language):
    lower = EXEMPLARS[language].split()
    upper = ["ẞ" if letter == "ß" else letter.upper() for letter in lower]
    assert not set(lower + upper) - set(ALPHABETS[language])
    assert not set(lower + upper) - set(alphabet(language))


@pytest.mark.parametrize("language", SENTENCES)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_alphabet_writes_its_language_however_it_is_typed(language, form):
    charset = Charset.from_symbols(alphabet(language))
    assert charset.missing(unicodedata.normalize(form, SENTENCES[language])) == []


def test_vietnamese_has_every_vowel_with_every_tone_in_both_cases():
    tones = ("", "\u0300", "\u0309", "\u0303", "\u0301", "\u0323")
    letters = {
        unicodedata.normalize("NFC", vowel + tone) for vowel in "aăâeêioôơuưyAĂÂEÊIOÔƠUƯY" for tone in tones
    } | set("bcdđghklmnpqrstvxfjwzBCDĐGHKLMNPQRSTVXFJWZ")
    assert len(letters) == 144 + 42
    assert set(ALPHABETS["vi"]) == letters


def test_alphabets_are_precomposed_distinct_and_never_flagged():
    assert set(ALPHABETS) == set(EXEMPLARS)
    everything = alphabet(*ALPHABETS)
    assert list(everything) == sorted(set(everything))
    assert not set(everything) & LOOKALIKES.keys()
    for letters in (*ALPHABETS.values(), PUNCTUATION, DIGITS):
        assert len(set(letters)) == len(letters)
        assert all(unicodedata.is_normalized("NFC", char) for char in letters)
    assert all(char.isalpha() for letters in ALPHABETS.values() for char in letters)
    assert not any((char.isalpha() and char not in "ªºµ") or char.isspace() for char in PUNCTUATION)


def test_alphabet_is_a_union_with_space_digits_and_punctuation():
    common = set(" " + DIGITS + PUNCTUATION)
    assert set(alphabet()) == common
    assert set(alphabet("vi", "fr")) == common | set(ALPHABETS["vi"]) | set(ALPHABETS["fr"])
    assert {chr(code) for code in range(0x20, 0x7F)} <= set(alphabet("en"))
    assert not set("“”‘’„«»–—…•·¿¡§°€£₫№ªº×½") - common


def test_unknown_language_lists_the_known():
    with pytest.raises(NetchuError) as caught:
        alphabet("vi", "tlh")
    assert "'tlh'" in str(caught.value)
    assert all(language in str(caught.value) for language in ALPHABETS)


def test_text_does_not_import_regex_or_anything_heavy():
    code = "import sys, netchu.text, netchu.alphabets; print([m for m in ('regex', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
