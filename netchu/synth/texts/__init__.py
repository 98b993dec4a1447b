"""What is written: texts of a language, a country's plates or any text file, mixed by weight, the same for a seed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from netchu.errors import NetchuError
from netchu.synth.texts import chinese, japanese, latin, plates, vietnamese
from netchu.synth.texts.corpus import Lengths
from netchu.synth.texts.files import text_files
from netchu.synth.texts.guard import HeldOut, held_out
from netchu.synth.texts.rare import Rare
from netchu.synth.texts.shelf import Shelf, need_folder, passages
from netchu.synth.texts.source import Kinds, TextSource, build, coverage

__all__ = ["LANGUAGES", "TextSource", "coverage", "open_texts", "spoken"]

_WORDS = Lengths(20, 70)
_LETTERS = Lengths(20, 70, joined=0.7, hyphen=0.03)  # as lines of letters are
_CJK = Lengths(5, 28, spaced=False, joined=0.6)
_MIXED = {"vi": 0.25, **dict.fromkeys(latin.CODES, 0.15)}
_GRAMMARS = ("captcha", "figures", "plate-cn", "plate-vn")
_WIDE = {"ja": "ja-jis1", "zh": "zh-gb2312"}  # the same with more characters

LANGUAGES = tuple(sorted(("vi", *latin.CODES, "latin", *_WIDE, *_WIDE.values(), *_GRAMMARS, "lines")))


def spoken(language: str) -> tuple[str, ...]:
    """The ISO 639-1 codes of what texts of this name are in; none for plates, captchas, figures and own lines."""
    if language == "latin":
        return tuple(_MIXED)
    return () if language in (*_GRAMMARS, "lines") else (language.partition("-")[0],)


def open_texts(
    language: str,
    folder: Path | None = None,
    weights: Mapping[str, float] | None = None,
    held_out: Iterable[str | os.PathLike[str]] = (),
    shortest: int | None = None,
    longest: int | None = None,
) -> TextSource:
    """The texts of one of `LANGUAGES`, from a folder of running text and word lists; plates and the like need none.

    "lines" takes any UTF-8 text file, or a folder of .txt and .txt.gz: one text per line or running text; its alphabet
    is what they hold. `weights` set how often a kind of text comes, beside the others. `held_out` names native data
    sets: what shares 6 words (12 characters of Japanese or Chinese) with one of their val or test transcripts is not
    drawn. `shortest` and `longest` bound pieces of running text and captchas, in characters.
    Raises NetchuError for an unknown language or kind, and for a file that is missing or bad.
    """
    if language not in LANGUAGES:
        raise NetchuError(f"language {language!r} cannot be drawn; choose one of: {', '.join(LANGUAGES)}")
    sets = list(held_out)
    if language == "latin":
        return _mixed(folder, weights, sets, shortest, longest)
    if language in _GRAMMARS:
        return _by_grammar(language, weights, _held(sets, True), shortest, longest)
    if language == "lines":
        return _own_lines(folder, weights, sets, shortest, longest)
    root = need_folder(language, folder)
    if language == "vi":
        held = _held(sets, True)
        shelf = Shelf(root, vietnamese.ALPHABET, held, vietnamese.PLAIN)
        kinds = vietnamese.Vietnamese(shelf, _lengths(_WORDS, shortest, longest)).kinds()
        return build(language, vietnamese.ALPHABET, kinds, weights, held, lambda: shelf.dropped)
    if language in latin.CODES:
        held, letters = _held(sets, True), latin.alphabet(language)
        shelf = Shelf(root, letters, held, latin.PLAIN)
        kinds = latin.Latin(language, shelf, _lengths(_LETTERS, shortest, longest)).kinds()
        return build(language, letters, kinds, weights, held, lambda: shelf.dropped)
    module, wide = (japanese if language.startswith("ja") else chinese), language in _WIDE.values()
    held = _held(sets, False)
    shelf = Shelf(root, None, held, module.PLAIN)
    letters, common = module.repertoire(shelf, wide)
    shelf.alphabet, lengths = letters, _lengths(_CJK, shortest, longest)
    made = japanese.Japanese if module is japanese else chinese.Chinese
    return build(language, letters, made(shelf, lengths, common).kinds(), weights, held, lambda: shelf.dropped)


def _mixed(
    folder: Path | None, weights: Mapping[str, float] | None, sets: list[str | os.PathLike[str]],
    shortest: int | None, longest: int | None,
) -> TextSource:  # fmt: skip
    """Vietnamese and the five other languages; the kinds are the languages."""
    opened: list[TextSource] = []

    def load(code: str) -> TextSource:
        own = {"foreign": 0.0} if code == "vi" else None
        opened.append(open_texts(code, folder, own, sets, shortest, longest))
        return opened[-1]

    kinds: Kinds = {code: (weight, lambda code=code: load(code).sample) for code, weight in _MIXED.items()}  # type: ignore[misc]
    letters = vietnamese.ALPHABET.union(*map(latin.alphabet, latin.CODES))
    return build("latin", letters, kinds, weights, None, lambda: sum(source.dropped for source in opened))


def _by_grammar(
    language: str, weights: Mapping[str, float] | None, held: HeldOut | None, shortest: int | None, longest: int | None
) -> TextSource:
    """Plates, captchas and figures."""
    if language == "captcha":
        lengths = _lengths(Lengths(4, 6), shortest, longest)
        return build(
            language, plates.CAPTCHA_ALPHABET, plates.captcha(lengths.shortest, lengths.longest), weights, held
        )
    letters, kinds = {
        "figures": (plates.FIGURES_ALPHABET, plates.figures),
        "plate-cn": (plates.CN_ALPHABET, plates.plate_cn),
        "plate-vn": (plates.VN_ALPHABET, plates.plate_vn),
    }[language]
    return build(language, letters, kinds(), weights, held)


def _own_lines(
    folder: Path | None, weights: Mapping[str, float] | None, sets: list[str | os.PathLike[str]],
    shortest: int | None, longest: int | None,
) -> TextSource:  # fmt: skip
    """A user's own file or folder of texts."""
    if folder is None:
        raise NetchuError("lines are drawn from a text file or a folder of them; name it")
    paths = text_files(folder)
    spaced = _spaced(Shelf(folder, None).corpus(paths).shares)
    held = _held(sets, spaced)
    shelf = Shelf(folder, None, held)
    corpus = shelf.corpus(paths)
    lengths = _lengths(_WORDS if spaced else _CJK, shortest, longest)
    letters = frozenset(corpus.shares) | ({" "} if " " in corpus.text else frozenset())
    known = [char for char in letters if char.isalnum()] or list(letters - {" "})
    kinds: Kinds = {
        "running": (0.85, lambda: passages(corpus, lengths)),
        "rare": (0.15, lambda: Rare.find(known, corpus, None, lengths, 1 / 2500).draw),
    }
    return build("lines", letters, kinds, weights, held, lambda: shelf.dropped)


def _spaced(shares: Mapping[str, float]) -> bool:
    """True unless most letters are of scripts without spaces between words: Thai, Lao, Khmer, kana, Chinese."""
    loose = sum(share for char, share in shares.items() if "\u0e00" <= char < "\u0f00" or "\u1780" <= char < "\u1800"
                or "\u3040" <= char < "\ua000" or char >= "\U00020000")  # fmt: skip
    return loose < 0.4


def _held(sets: list[str | os.PathLike[str]], spaced: bool) -> HeldOut | None:
    return held_out(sets, spaced) if sets else None


def _lengths(usual: Lengths, shortest: int | None, longest: int | None) -> Lengths:
    """The usual lengths with the bounds that were given; NetchuError when they contradict."""
    low = shortest if shortest is not None else min(usual.shortest, longest or usual.shortest)
    high = longest if longest is not None else max(usual.longest, low)
    if not 1 <= low <= high:
        raise NetchuError(f"texts of {low} to {high} characters cannot be; shortest must be 1 or more and no longer")
    return replace(usual, shortest=low, longest=high)
