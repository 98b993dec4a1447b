"""Complete alphabets as data: the letters of each language in both cases, precomposed (NFC), and what documents add."""

from __future__ import annotations

import difflib

from netchu.errors import NetchuError

_LATIN = "abcdefghijklmnopqrstuvwxyz"

# Letters beside a-z, lower case. Source: Unicode CLDR main exemplars, widened where older or careful hands need it.
_BESIDES = {
    "vi": (
        "àáảãạ" "ăằắẳẵặ" "âầấẩẫậ" "èéẻẽẹ" "êềếểễệ" "ìíỉĩị"  # twelve vowels, each plain or with one of five tones
        "òóỏõọ" "ôồốổỗộ" "ơờớởỡợ" "ùúủũụ" "ưừứửữự" "ỳýỷỹỵ"
        "đ"
    ),
    "fr": "àâæçéèêëîïôœùûüÿ",
    "de": "äöüß",
    "es": "áéíñóúü",
    "it": "àéèìíîòóùú",  # î, í and ú in older print and in stress marks
    "pt": "áàâãçéêíóòôõúü",  # ü before the 2009 spelling reform
    "en": "",
}  # fmt: skip


def _both_cases(lower: str) -> str:
    upper = "".join("ẞ" if letter == "ß" else letter.upper() for letter in lower)  # str.upper makes SS of ß
    return "".join(sorted(lower + upper))


ALPHABETS: dict[str, str] = {language: _both_cases(_LATIN + letters) for language, letters in _BESIDES.items()}

DIGITS = "0123456789"

PUNCTUATION = (
    "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"  # ASCII
    "“”‘’„‚«»‹›–—…•·¿¡"  # quotes, dashes and stops of typeset text
    "§¶†‡°№ªº©®™"
    "€£¥¢₫×÷±−½¼¾²³µ‰→✓"  # money, sums and forms
)


def alphabet(*languages: str) -> str:
    """Every letter of the languages, the space, DIGITS and PUNCTUATION: each once, sorted by code point.

    No language gives just the latter three. Raises NetchuError for an unknown language, listing the known.
    """
    found = set(" " + DIGITS + PUNCTUATION)
    for language in languages:
        if language not in ALPHABETS:
            known = ", ".join(difflib.get_close_matches(language, ALPHABETS, n=len(ALPHABETS), cutoff=0.0))
            raise NetchuError(f"no alphabet for language {language!r}; known: {known}")
        found.update(ALPHABETS[language])
    return "".join(sorted(found))
