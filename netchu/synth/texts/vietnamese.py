"""Vietnamese: addresses, running text, rare syllables, names, figures and some foreign text."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from netchu.alphabets import ALPHABETS
from netchu.rules import shipped
from netchu.synth.marks import LETTERS
from netchu.synth.texts.address import Ward, address, bare_address, stem
from netchu.synth.texts.corpus import Corpus, Lengths
from netchu.synth.texts.grammar import Draw, Grammar, pick
from netchu.synth.texts.rare import Rare, title, upper
from netchu.synth.texts.shelf import Shelf, passages
from netchu.synth.texts.source import Kinds

Rng = np.random.Generator

RUNNING = ("vi_wiki.txt.gz", "vi_literature.txt.gz", "vi_law.txt.gz")
FOREIGN = tuple(f"{code}_literature.txt.gz" for code in ("fr", "en", "de", "it", "es"))
_WESTERN = "".join(chr(code) for code in (*range(0x20, 0x7F), *range(0xC0, 0x100)) if code not in (0xD7, 0xF7))
ALPHABET = frozenset(_WESTERN) | frozenset(LETTERS)  # 95 ASCII, Latin-1 and its own
PLAIN: Mapping[str, str] = {
    **dict.fromkeys("“”„«»", '"'), **dict.fromkeys("‘’", "'"), **dict.fromkeys("–—", "-"), "…": "...",
    "\u00ad": "", "\u200b": "", "\ufeff": "", "œ": "oe", "Œ": "OE",
}  # fmt: skip
_CITIES = ("Hà Nội", "Hồ Chí Minh", "Đà Nẵng", "Hải Phòng", "Cần Thơ")


def case(text: str, rng: Rng) -> str:
    """Mostly as it is; else lower, first letter only, Title or UPPER."""
    kind = rng.random()
    if kind < 0.84:
        return text
    if kind < 0.90:
        return text.lower()
    if kind < 0.93:
        return upper(text[:1]) + text[1:].lower()
    if kind < 0.97:
        return title(text)
    return upper(text)


class Vietnamese:
    """The kinds of Vietnamese text, each of which reads its files when it is loaded."""

    def __init__(self, shelf: Shelf, lengths: Lengths) -> None:
        self._shelf, self._lengths = shelf, lengths

    def kinds(self) -> Kinds:
        """Names, default weights and loaders."""
        return {
            "address": (0.33, lambda: self._full),
            "bare": (0.21, lambda: self._bare),
            "running": (0.24, lambda: passages(self._running, self._lengths, case)),
            "rare": (0.05, self._rare),
            "person": (0.04, lambda: self._person),
            "figures": (0.03, self._figures),
            "foreign": (0.10, lambda: passages(self._shelf.running(*FOREIGN), self._lengths)),
        }

    @cached_property
    def _running(self) -> Corpus:
        return self._shelf.running(*RUNNING)

    @cached_property
    def _wards(self) -> tuple[list[Ward], list[Ward]]:
        """All wards, and those of the five cities."""
        wards = [Ward(*row[1:4]) for row in self._shelf.rows("vi_admin_units.tsv.gz", 4) if row[0] == "ward"]
        return wards, [ward for ward in wards if ward.province.endswith(_CITIES)] or wards

    @cached_property
    def _hamlets(self) -> list[str]:
        names = [stem(ward.name) for ward in self._wards[0]]
        return [name for name in names if not name[:1].isdigit()] or self._given

    @cached_property
    def _streets(self) -> list[str]:
        return [row[0] for row in self._shelf.rows("vi_streets.tsv.gz", 1)]

    @cached_property
    def _given(self) -> list[str]:
        return [row[0] for row in self._shelf.rows("vi_given_names.tsv.gz", 1)]

    @cached_property
    def _surnames(self) -> list[str]:
        return [row[1] for row in self._shelf.rows("vi_name_parts.tsv.gz", 2) if row[0] == "surname"]

    @property
    def _full(self) -> Draw:
        wards, urban, streets, hamlets, given = *self._wards, self._streets, self._hamlets, self._given
        return lambda rng: case(
            address(urban if rng.random() < 0.3 else wards, streets, hamlets if rng.random() < 0.85 else given, rng),
            rng,
        )

    @property
    def _bare(self) -> Draw:
        wards, urban, streets, hamlets, given = *self._wards, self._streets, self._hamlets, self._given
        return lambda rng: bare_address(
            urban if rng.random() < 0.3 else wards, streets, hamlets if rng.random() < 0.85 else given, rng
        )

    def _rare(self) -> Draw:
        words = self._shelf.words("freq_vi.tsv.gz", lambda row: len(row) > 2 and row[2] == "1" and row[0].isalpha())
        rare = Rare.find(ALPHABETS["vi"], self._running, words, self._lengths, 1 / 2500, most=7)
        return rare.draw

    @property
    def _person(self) -> Draw:
        surnames, given = self._surnames, self._given  # surnames: the most often borne first
        return lambda rng: case(f"{surnames[int(rng.random() ** 2 * len(surnames))]} {pick(given, rng)}", rng)

    def _figures(self) -> Draw:
        hamlets = self._hamlets
        own = Grammar({**shipped("figures"), **shipped("vi"), "hamlet": lambda rng: pick(hamlets, rng)})
        return own.rule("figures")
