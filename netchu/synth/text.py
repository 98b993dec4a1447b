"""What is drawn: addresses, running text, names, dates and numbers, mixed by weight and the same for a seed."""

from __future__ import annotations

import gzip
import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np

from netchu.errors import NetchuError
from netchu.synth.address import Ward, address, bare_address
from netchu.synth.marks import LETTERS

Rng = np.random.Generator

LANGUAGES = ("vi",)
RUNNING = ("vi_wiki.txt.gz", "vi_literature.txt.gz", "vi_law.txt.gz")
FOREIGN = tuple(f"{code}_literature.txt.gz" for code in ("fr", "en", "de", "it", "es"))
_WESTERN = "".join(chr(code) for code in (*range(0x20, 0x7F), *range(0xC0, 0x100)) if code not in (0xD7, 0xF7))
ALPHABET = frozenset(_WESTERN) | frozenset(LETTERS)  # what is drawn for Vietnamese: 95 ASCII, Latin-1 and its own
_PLAIN = str.maketrans({
    "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "…": "...",
    "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u00ad": "", "\u200b": "", "\ufeff": "", "œ": "oe", "Œ": "OE",
})  # fmt: skip


class TextSource:
    """Draws texts of one language from a folder of word lists and running text (see `netchu synth --help`)."""

    def __init__(self, folder: str | os.PathLike[str], language: str = "vi") -> None:
        """Read the lists; NetchuError when the language is not known or a file is missing or empty."""
        if language not in LANGUAGES:
            raise NetchuError(f"language {language!r} cannot be drawn; choose one of: {', '.join(LANGUAGES)}")
        root = Path(folder)
        units = [row.split("\t") for row in _lines(root / "vi_admin_units.tsv.gz")[1:]]
        self.wards = [Ward(*row[1:4]) for row in units if row[0] == "ward" and len(row) > 3]
        cities = ("Hà Nội", "Hồ Chí Minh", "Đà Nẵng", "Hải Phòng", "Cần Thơ")
        self.urban = [ward for ward in self.wards if ward.province.endswith(cities)]
        self.streets = _column(root / "vi_streets.tsv.gz", 0)
        parts = [row.split("\t") for row in _lines(root / "vi_name_parts.tsv.gz")[1:]]
        self.surnames = [row[1] for row in parts if row[0] == "surname"]
        self.given = _column(root / "vi_given_names.tsv.gz", 0)
        self.hamlets = [_without_type(ward.name) for ward in self.wards]
        self.hamlets = [name for name in self.hamlets if name and not name[0].isdigit()]
        self.running = [[line for line in _lines(root / name) if len(line) >= 15] for name in RUNNING]
        self.foreign = [[line for line in _lines(root / name) if len(line) >= 15] for name in FOREIGN]
        self.rare = _rare_words(_lines(root / "freq_vi.tsv.gz")[1:])
        self._kinds: list[tuple[float, Callable[[Rng], str]]] = [
            (0.33, self._address), (0.21, self._bare), (0.24, self._running), (0.05, self._rare),
            (0.04, self._person), (0.03, self._figures), (0.10, self._foreign),
        ]  # fmt: skip

    def sample(self, rng: Rng) -> str:
        """One text: NFC, single spaces, never empty, in the letters of `ALPHABET`."""
        ends = np.cumsum([weight for weight, _ in self._kinds])
        while True:
            kind = self._kinds[int(np.searchsorted(ends, rng.random() * ends[-1], side="right"))][1]
            text = " ".join(unicodedata.normalize("NFC", kind(rng)).translate(_PLAIN).split())
            if text and ALPHABET.issuperset(text):
                return text

    def _address(self, rng: Rng) -> str:
        return _case(address(self._wards(rng), self.streets, self._places(rng), rng), rng)

    def _bare(self, rng: Rng) -> str:
        return bare_address(self._wards(rng), self.streets, self._places(rng), rng)

    def _wards(self, rng: Rng) -> list[Ward]:
        return self.urban if self.urban and rng.random() < 0.3 else self.wards

    def _places(self, rng: Rng) -> list[str]:
        return self.hamlets if rng.random() < 0.85 else self.given

    def _running(self, rng: Rng) -> str:
        return _case(snippet(_one(self.running[int(rng.integers(len(self.running)))], rng), rng, 20, 70), rng)

    def _foreign(self, rng: Rng) -> str:
        return snippet(_one(self.foreign[int(rng.integers(len(self.foreign)))], rng), rng, 20, 70)

    def _rare(self, rng: Rng) -> str:
        words = [_one(self.rare, rng) for _ in range(int(rng.integers(2, 9)))]
        words = [word.capitalize() if rng.random() < 0.4 else word for word in words]
        return _case(" ".join(words), rng)

    def _person(self, rng: Rng) -> str:
        weight = rng.random() ** 2  # the list is sorted by how often a surname is borne
        name = f"{self.surnames[int(weight * len(self.surnames))]} {_one(self.given, rng)}"
        return _case(name, rng)

    def _figures(self, rng: Rng) -> str:
        kind = int(rng.integers(4))
        if kind == 0:
            digits = "".join(str(d) for d in rng.integers(0, 10, 8))
            gap = _one(["", " ", ".", "-"], rng)
            phone = f"0{rng.integers(3, 10)}{digits[:2]}{gap}{digits[2:5]}{gap}{digits[5:]}"
            return _one(["", "ĐT: ", "SĐT ", "Tel: ", "ĐT "], rng) + phone
        day, month, year = rng.integers(1, 32), rng.integers(1, 13), rng.integers(1940, 2026)
        if kind == 1:
            mark = _one(["/", "-", ".", " / "], rng)
            return (
                f"{day:02d}{mark}{month:02d}{mark}{year}" if rng.random() < 0.6 else f"{day}{mark}{month}{mark}{year}"
            )
        if kind == 2:
            return f"{_one(['ngày', 'Ngày', _one(self.hamlets, rng) + ', ngày'], rng)} {day} tháng {month} năm {year}"
        amount = int(rng.integers(1, 10 ** int(rng.integers(2, 7)))) * 1000
        return f"{amount:,}".replace(",", _one([".", ",", " "], rng)) + _one(["", " đ", " đồng", "đ", " VNĐ"], rng)


def snippet(line: str, rng: Rng, shortest: int, longest: int) -> str:
    """A run of whole words out of `line`, aimed at a length between the two; the line itself when it is short."""
    words = line.split()
    goal = int(rng.integers(shortest, longest + 1))
    if len(line) <= goal:
        return line
    start = 0 if rng.random() < 0.4 else int(rng.integers(len(words)))
    taken: list[str] = []
    for word in words[start:]:
        if taken and len(" ".join(taken)) + 1 + len(word) > goal:
            break
        taken.append(word)
    return " ".join(taken)[: longest + 20]


def _case(text: str, rng: Rng) -> str:
    """Mostly as it is; else lower, first letter only, Title or UPPER."""
    kind = rng.random()
    if kind < 0.84:
        return text
    if kind < 0.90:
        return text.lower()
    if kind < 0.93:
        return text[:1].upper() + text[1:].lower()
    if kind < 0.97:
        return " ".join(word[:1].upper() + word[1:] for word in text.split())
    return text.upper()


def _rare_words(rows: list[str]) -> list[str]:
    """Vietnamese syllables that hold a letter which less than one word in 1,500 of running text holds."""
    counts: dict[str, int] = {}
    words: list[str] = []
    total = 0
    for row in rows:
        word, count, syllable = ([*row.split("\t"), "0", "0"])[:3]
        if syllable == "1" and word.isalpha():
            words.append(word)
            total += int(count)
            for char in set(word):
                counts[char] = counts.get(char, 0) + int(count)
    rare = {char for char, count in counts.items() if count * 1500 < total}
    return [word for word in words if rare.intersection(word) and ALPHABET.issuperset(word)] or words


def _without_type(name: str) -> str:
    for word in ("Phường ", "Xã ", "Thị trấn "):
        if name.startswith(word):
            return name[len(word) :]
    return name


def _one(options: list[str], rng: Rng) -> str:
    return options[int(rng.integers(len(options)))]


def _column(path: Path, index: int) -> list[str]:
    return [row.split("\t")[index] for row in _lines(path)[1:]]


def _lines(path: Path) -> list[str]:
    """The lines of a text file or a gzip of one; NetchuError when it is missing, broken or empty."""
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
    except FileNotFoundError:
        raise NetchuError(f"{path}: no such file; the text folder must hold it") from None
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise NetchuError(
            f"{path}: cannot be read ({str(error)[:100]}); expected UTF-8 text or a gzip of it"
        ) from error
    lines = [line for line in text.split("\n") if line.strip()]
    if not lines:
        raise NetchuError(f"{path}: is empty; expected one text or row per line")
    return lines
