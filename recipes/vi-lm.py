"""The language models of vi and vi-tiny: vi.lm of characters and vi-words.lm of words, and two of addresses alone.

    python recipes/vi-lm.py ../shared/data/text -o netchu/weights --without CINNAMON --without KALAPA --held held

No transcript is in them: addresses are drawn from public lists, the rest is prose, names and figures. Val and test
transcripts of the sets after --without are left out should one of them be drawn. Of all prose and of the given names
every 20th block of 100 lines is left out as well, and written to --held: text to measure harm with. Five minutes, 6 GB.
"""

from __future__ import annotations

import argparse
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from netchu.data.lines import read_lines
from netchu.lm.file import save
from netchu.lm.sources import Source
from netchu.lm.train import Options, train
from netchu.synth.texts import open_texts
from netchu.synth.texts.address import Ward, address, bare_address, stem
from netchu.synth.texts.files import read_rows, read_text
from netchu.synth.texts.grammar import pick
from netchu.synth.texts.vietnamese import case
from netchu.text import canonical, normaliser

Rng = np.random.Generator

PROSE = {
    "vi": ("vi_wiki.txt.gz", "vi_literature.txt.gz", "vi_law.txt.gz"),
    "fr": ("fr_literature.txt.gz",),
    "en": ("en_literature.txt.gz", "en_tatoeba.txt.gz"),
    "de, it, es": ("de_literature.txt.gz", "it_literature.txt.gz", "es_literature.txt.gz"),
}
NAMES = "vi_given_names.tsv.gz"
DRAWN = {"many addresses": 120_000, "people": 20_000, "figures": 30_000, "codes": 15_000}  # lines
FEW = 60_000  # of the many addresses are the "addresses" of the models that know other things, too
CHARS = {"addresses": 0.50, "vi": 0.21, "fr": 0.1, "en": 0.08, "de, it, es": 0.03,
         "people": 0.02, "figures": 0.04, "codes": 0.02}  # fmt: skip
WORDS = {"addresses": 0.41, "vi": 0.29, "fr": 0.16, "en": 0.12, "de, it, es": 0.02}
ALONE = {"many addresses": 0.85, "vi": 0.15}
MODELS = (
    Options(unit="char", order=10, size=6.0, weights=CHARS, name="vi"),
    Options(unit="word", order=3, size=2.5, weights=WORDS, least=4, name="vi-words"),
    Options(unit="char", order=10, size=3.0, weights=ALONE, name="vi-address"),
    Options(unit="word", order=3, size=1.5, weights=ALONE, least=4, name="vi-address-words"),
)
TERMS = (
    "Vietnamese Wikipedia, CC BY-SA 3.0; ELTeC novels (fr, en, de, it, es), public domain, their edition CC BY 4.0; "
    "Tatoeba, CC BY 2.0 FR; Vietnamese literature and laws, public domain; administrative units, streets, names, MIT"
)
BLOCK, EVERY = 100, 20  # lines in a block; of so many blocks one is left out
MOST = {"de, it, es": 10_000}  # lines taken of each file
CITY = re.compile("Hồ Chí Minh$")
SAIGON = (*["TP Hồ Chí Minh"] * 3, "Tp Hồ Chí Minh", "TP. Hồ Chí Minh", "TP.HCM", "Hồ Chí Minh")
SPELT = (("Đắk Lắk", "Đắc Lắc"), ("Đắk", "Đắc"), ("Đắk", "Đăk"), ("Đắk", "Đak"), ("Bắc Kạn", "Bắc Cạn"),
         ("Thừa Thiên Huế", "Thừa Thiên - Huế"))  # fmt: skip
TONES = "\u0300\u0301\u0303\u0309\u0323"
TONE_FIRST = re.compile(rf"(?i)(?<!q)(o(?=[{TONES}][ae])|u(?=[{TONES}]y))([{TONES}])([aey])(?![\w\u0300-\u036f])")
TONE_LAST = re.compile(rf"(?i)(?<!q)(o(?=[ae])|u(?=y))([aey])([{TONES}])(?![\w\u0300-\u036f])")
# What an address begins with beside a number and a street (forms of the train parts of cinnamon and kalapa, and a few
# that anyone there knows); # is a number, @ a letter, * a name.
PLACES = """
    Lô @#; lô @#; Lô #; Lô số #; Lô @#, KCN *; KCN *; Khu công nghiệp *; khu công nghiệp *; Cụm công nghiệp *
    CCN *; Tầng #; tầng #; Tầng #, tòa nhà *; Tầng #, Tòa nhà *; Tòa nhà *; tòa nhà *; Tòa nhà @#; Phòng #
    phòng #; P.#; Căn hộ #; Nhà @#; nhà @#; Dãy @; Chung cư *; chung cư *; Khu đô thị *; khu đô thị *; KĐT *
    Khu dân cư *; khu dân cư *; KDC *; Cư xá *; cư xá *; Khu tập thể *; khu tập thể *; Chợ *; chợ *; Ngã tư *
    Ngã ba *; Ki ốt #; Kiot #; Km #; Km#; Khối #; khối #; Khối phố #; Khối *; Cụm #; cụm #; Tiểu khu #; TK #
    Xóm #; xóm #; Xóm *; Đội #; đội #; Buôn *; Làng *; Thôn #; thôn #; Thôn *; thôn *; Ấp #; ấp #; Ấp *; ấp *
    Khu vực #; Khóm #; khóm #; Tổ #; tổ #; Bản *; Phố *; phố *; Khu @; Khu #; Khu phố #; khu phố #; Khu phố *
    Đường số #; đường số #; Số #; số #; Ngõ #; ngõ #; Hẻm #; hẻm #
"""


class Addresses:
    """Draws addresses as they stand on forms and in registers, streets as often as there are districts with them."""

    def __init__(self, folder: Path) -> None:
        units = [row for row in read_rows(folder / "vi_admin_units.tsv.gz", 4) if row[0] == "ward"]
        self.wards = [Ward(*row[1:4]) for row in units]
        cities = [[ward for ward in self.wards if ward.province.endswith(name)] for name in ("Hồ Chí Minh", "Hà Nội")]
        self.towns = [*cities, [ward for ward in self.wards if ward.province.startswith("Thành phố")]]
        self.streets = [row[0] for row in read_rows(folder / "vi_streets.tsv.gz", 2) for _ in range(int(row[1]))]
        self.places = [place.strip() for place in re.split("[;\n]", PLACES) if place.strip()]
        self.hamlets = [name for name in (stem(ward.name) for ward in self.wards) if not name[:1].isdigit()]

    def __call__(self, rng: Rng) -> str:
        wards = self.wards
        if rng.random() < 0.42:  # people live in towns
            wards = self.towns[int(rng.choice(3, p=(0.53, 0.28, 0.19)))]
        kind = rng.random()
        if kind < 0.25:
            text = bare_address(wards, self.streets, self.hamlets, rng)
        elif kind < 0.68:
            text = address(wards, self.streets, self.hamlets, rng)
            if rng.random() < 0.3:
                text = f"{self._place(rng)}{pick((', ', ',', ' '), rng)}{text}"
            text = bare(text) if kind < 0.45 else case(text, rng)
        else:
            text = self._formal(pick(wards, rng), rng)
        return vary(text, rng)

    def _formal(self, ward: Ward, rng: Rng) -> str:
        """All units by their full names and the province's bare one, as registers of companies have it."""
        head = address([Ward("", "", "")], self.streets, self.hamlets, rng).replace(" - ", ", ")
        if not head or rng.random() < (0.7 if ward.name.startswith("Xã") else 0.3):
            head = ", ".join(filter(None, (self._place(rng), head if rng.random() < 0.4 else "")))
        parts = [head, ward.name, ward.district, CITY.sub(pick(SAIGON, rng), stem(ward.province))]
        if rng.random() < 0.1:
            del parts[2]
        if rng.random() < 0.1:
            parts = [re.sub("Thành phố|Thị xã|Thị trấn", lambda unit: unit[0].title(), part) for part in parts]
        text = ", ".join(part for part in parts if part)
        return text[:1].upper() + text[1:] if rng.random() < 0.6 else text

    def _place(self, rng: Rng) -> str:
        top = pick((10, 20, 40, 100, 1000), rng)
        values = {"#": str(rng.integers(1, top)), "@": pick("ABCDEFGHKLMN", rng),
                  "*": pick(self.hamlets if rng.random() < 0.5 else self.streets, rng)}  # fmt: skip
        return re.sub(r"[#@*]", lambda sign: values[sign[0]], pick(self.places, rng))


def bare(text: str) -> str:
    """Without punctuation, every word with a capital."""
    return " ".join(word[:1].upper() + word[1:].lower() for word in re.sub(r"[/.,:;-]", " ", text).split())


def vary(text: str, rng: Rng) -> str:
    """Other spellings: of places, of numbers, and the tone on the first or last vowel (hòa, hoà)."""
    for one, other in SPELT:
        if one in text and rng.random() < 0.3:
            text = text.replace(one, other)
    if rng.random() < 0.25:
        text = re.sub(r"\b(Phường|phường|P\.?|Quận) ?(\d)\b", r"\1 0\2", text)
    elif rng.random() < 0.5:
        text = re.sub(r"\b(Phường|phường|P\.?) ?0(\d)\b", r"\1 \2", text)
    text = re.sub(r"(?<![\w.])\d+(?!\w)", lambda number: lettered(number[0], rng), text)
    kind, parts = rng.random(), unicodedata.normalize("NFD", text)
    parts = TONE_FIRST.sub(r"\1\3\2", parts) if kind < 0.5 else TONE_LAST.sub(r"\1\3\2", parts) if kind < 0.9 else parts
    return unicodedata.normalize("NFC", parts)


def lettered(number: str, rng: Rng) -> str:
    """A house number, now and then with letters before or behind it."""
    before, behind = (pick("AABBCCDEFGHKLMNPT", rng) if rng.random() < share else "" for share in (0.03, 0.05))
    return before + number + behind


def blocks(lines: Sequence[str]) -> tuple[list[str], list[str]]:
    """(lines to learn from, lines that are left out)."""
    out = [place // BLOCK % EVERY == EVERY - 1 for place in range(len(lines))]
    kept, held = ([line for line, left in zip(lines, out) if left is wanted] for wanted in (False, True))
    return kept, held


def draw(count: int, sample: Callable[[Rng], str]) -> list[str]:
    return [sample(np.random.default_rng([0, k])) for k in range(count)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path, help="folder of word lists and running text")
    parser.add_argument("-o", "--output", type=Path, default=Path())
    parser.add_argument("--without", type=Path, action="append", default=[], help="data set; repeatable")
    parser.add_argument("--held", type=Path, help="folder to write the prose and names to that are left out")
    args = parser.parse_args()
    lines: dict[str, list[str]] = {}
    held: dict[str, list[str]] = {}
    for name, files in PROSE.items():
        texts = [read_text(args.text / file).split("\n")[: MOST.get(name)] for file in files]
        parts = [blocks([line for line in text if line]) for text in texts]
        lines[name], held[name] = ([line for half in halves for line in half] for halves in zip(*parts))
    given, others = blocks([row[0] for row in read_rows(args.text / NAMES, 1)])
    surnames = [row[1] for row in read_rows(args.text / "vi_name_parts.tsv.gz", 2) if row[0] == "surname"]
    held["names"] = [f"{surnames[k % 10]} {name}" for k, name in enumerate(others)]
    figures = [open_texts("figures").sample, open_texts("vi", args.text, dict.fromkeys(OTHER_KINDS, 0.0)).sample]
    codes = [open_texts("captcha").sample, open_texts("plate-vn").sample]
    drawn: dict[str, Callable[[Rng], str]] = {
        "many addresses": Addresses(args.text),
        "people": lambda rng: case(f"{surnames[int(rng.random() ** 2 * len(surnames))]} {pick(given, rng)}", rng),
        "figures": lambda rng: pick(figures, rng)(rng),
        "codes": lambda rng: pick(codes, rng)(rng),
    }
    fold = normaliser("caseless-nopunct")
    barred = {fold(each.text) for path in args.without for each in read_lines(path, check_pictures=False).samples
              if each.split != "train"}  # fmt: skip
    for name, sample in drawn.items():
        lines[name] = draw(DRAWN[name], sample)
    lines["addresses"] = lines["many addresses"][:FEW]
    for name in (*drawn, "addresses"):
        lines[name] = [line for line in lines[name] if fold(line) not in barred]
    if args.held:
        write_held(args.held, held)
    origins = {**PROSE, **{name: (f"{count:,} drawn",) for name, count in {**DRAWN, "addresses": FEW}.items()}}
    for options in MODELS:
        assert options.weights
        texts = {name: tuple(filter(None, map(canonical, lines[name]))) for name in options.weights}
        sources = [Source(name, texts[name], origins[name]) for name in texts]
        model = train(sources, replace(options, terms=TERMS), print)
        save(model, args.output / f"{options.name}.lm")


OTHER_KINDS = ("address", "bare", "running", "rare", "person", "foreign")


def write_held(folder: Path, held: dict[str, list[str]]) -> None:
    """vi.txt, fr.txt ... and names.txt."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in held.items():
        (folder / f"{name.replace(', ', '-')}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
