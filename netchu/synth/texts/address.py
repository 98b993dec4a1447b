"""Vietnamese addresses as people write them: number, alley, street, hamlet, ward, district, province."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from netchu.synth.texts.grammar import pick

Rng = np.random.Generator

_WARD = {
    "Phường": ("P.", "P", "P. ", "phường"),
    "Xã": ("xã", "X.", "X. "),
    "Thị trấn": ("TT.", "TT", "thị trấn", "Thị Trấn"),
}
_DISTRICT = {
    "Quận": ("Q.", "Q", "Q. ", "quận"),
    "Huyện": ("H.", "huyện", "H. "),
    "Thị xã": ("TX.", "TX", "thị xã", "Thị Xã"),
    "Thành phố": ("TP.", "TP", "Tp", "thành phố", "Thành Phố"),
}
_PROVINCE = {
    "Tỉnh": ("", "", "", "", "tỉnh", "T."),
    "Thành phố": ("", "", "TP", "TP.", "Tp", "thành phố", "Thành Phố", "tp"),
}
_CITY = ("TP. HCM", "TP HCM", "TPHCM", "Tp.HCM", "Tp Hồ Chí Minh", "TP.HCM", "tp Hồ Chí Minh", "HCM", "Hồ Chí Minh")
_HAMLET = ("thôn", "Thôn", "ấp", "Ấp", "xóm", "Xóm", "khu", "Khu", "khóm", "Khóm", "bản", "Bản", "đội", "Đội", "làng")
_GROUP = ("tổ", "Tổ", "khu phố", "Khu phố", "KP", "KP.", "tổ dân phố", "TDP", "khu vực", "KV", "Tổ dân phố")
_ALLEY = ("ngõ", "ngách", "hẻm", "kiệt", "Ngõ", "Hẻm", "Kiệt", "ngh.", "ng.")
_ROAD = ("", "", "", "", "đường", "phố", "Đường", "Phố", "đ.", "Đ.")
_SIGNED = ("Số ", "số ", "Số nhà ", "số nhà ", "SN ", "Nhà số ", "số: ", "No. ")


@dataclass(frozen=True)
class Ward:
    """A ward with what it lies in, type words in front: ("Phường 10", "Thành phố Đà Lạt", "Tỉnh Lâm Đồng")."""

    name: str
    district: str
    province: str


def address(wards: Sequence[Ward], streets: Sequence[str], people: Sequence[str], rng: Rng) -> str:
    """A full address with type words, abbreviations and most of its commas."""
    ward = pick(wards, rng)
    short = pick((0.0, 0.0, 0.3, 0.9), rng)
    parts = [*_place(ward, streets, people, rng)]
    for name, words, keep in (
        (ward.name, _WARD, 0.95),
        (ward.district, _DISTRICT, 0.92),
        (ward.province, _PROVINCE, 0.9),
    ):
        if name and rng.random() < keep:
            parts.append(_unit(name, words, short, rng, loose=words is _PROVINCE))
    joint = pick((", ", ", ", ", ", ", ", ", ", " - ", ",", " ", "; ", "- "), rng)
    return " ".join(joint.join(part for part in parts if part).split())


def bare_address(wards: Sequence[Ward], streets: Sequence[str], people: Sequence[str], rng: Rng) -> str:
    """An address in Title Case without punctuation and mostly without type words: "Cấp Dẫn Cẩm Khê Phú Thọ"."""
    ward = pick(wards, rng)
    parts = []
    kind = rng.random()
    if kind < 0.45:
        hamlet = _hamlet(people, rng)
        parts.append(hamlet if rng.random() < 0.6 else hamlet.split(" ", 1)[1])
    elif kind < 0.7:
        parts.append(f"{_number(rng, plain=True)} {pick(streets, rng)}")
        if rng.random() < 0.3:
            parts.append(f"{pick(('Tổ', 'Khu Phố', 'Ấp'), rng)} {rng.integers(1, 20)}")
    for name in (ward.name, ward.district, ward.province):
        if rng.random() < 0.94:
            kept = name[-1:].isdigit() or rng.random() < 0.12
            parts.append(name if kept else stem(name))
    text = " ".join(" ".join(parts).replace("/", " ").replace(".", " ").replace(",", " ").replace("-", " ").split())
    return " ".join(word[:1].upper() + word[1:] for word in text.split())


def _place(ward: Ward, streets: Sequence[str], people: Sequence[str], rng: Rng) -> list[str]:
    """What stands before the ward: a numbered house in a street, or a hamlet."""
    parts = []
    rural = ward.name.startswith("Xã")
    if rng.random() < (0.35 if rural else 0.85):
        head = _number(rng)
        if rng.random() < 0.3:
            head = pick(_SIGNED, rng) + head
        if rng.random() < 0.2:
            head += f"{pick((' ', ', '), rng)}{pick(_ALLEY, rng)} {_number(rng)}"
        road = pick(_ROAD, rng)
        street = pick(streets, rng) if rng.random() < 0.93 else _road_number(rng)
        parts.append(f"{head}{pick((' ', ' ', ' ', ', '), rng)}{road} {street}")
    if rng.random() < (0.75 if rural else 0.15):
        parts.append(_hamlet(people, rng))
    if rng.random() < 0.2:
        word = pick(_GROUP, rng)
        gap = "" if word in ("KP", "KP.", "KV", "TDP") and rng.random() < 0.5 else " "
        parts.insert(0 if rng.random() < 0.3 else len(parts), f"{word}{gap}{rng.integers(1, 40)}")
    return parts


def _number(rng: Rng, plain: bool = False) -> str:
    """A house number: 12, 12A, 3/45, 496/22/9A, B4-12."""
    kind = rng.random()
    top = pick((10, 100, 100, 1000, 1500), rng)
    number = str(rng.integers(1, top))
    if kind < 0.5:
        return number
    if kind < 0.62:
        return number + pick("ABCDEabc", rng)
    if plain:
        return number
    if kind < 0.85:
        return f"{number}/{rng.integers(1, 200)}" + (pick("ABC", rng) if rng.random() < 0.15 else "")
    if kind < 0.94:
        return f"{number}/{rng.integers(1, 100)}/{rng.integers(1, 60)}" + (
            pick("ABC", rng) if rng.random() < 0.2 else ""
        )
    if kind < 0.97:
        return f"{pick('ABCDEGHKLNPT', rng)}{rng.integers(1, 30)}{pick(('', '-', '/', '.'), rng)}{rng.integers(1, 40)}"
    return f"{number}{pick(('-', '+', 'bis', ' Bis ', '->'), rng)}{rng.integers(1, 100)}".replace("->", "-")


def _hamlet(people: Sequence[str], rng: Rng) -> str:
    """A hamlet with its type word: thôn Đông, ấp 4, khu phố 2."""
    name = pick(people, rng) if rng.random() < 0.7 else str(rng.integers(1, 16))
    if rng.random() < 0.15:
        name += f" {rng.integers(1, 9)}" if not name.isdigit() else pick(("A", "B"), rng)
    return f"{pick(_HAMLET, rng)} {name}"


def _road_number(rng: Rng) -> str:
    """A road that is named by a number: QL 1A, đường số 7, tỉnh lộ 10, 3/2."""
    number = rng.integers(1, 60)
    forms = (
        f"QL {number}",
        f"QL{number}",
        f"quốc lộ {number}",
        f"đường số {number}",
        f"tỉnh lộ {number}",
        f"ĐT {number}",
    )
    return pick((*forms, "3/2", "30/4", "2/9", "19/5", "26/3", "Quốc lộ 1A", f"{number}"), rng)


def _unit(name: str, words: dict[str, tuple[str, ...]], short: float, rng: Rng, loose: bool) -> str:
    """A unit's name with its type word spelt in full, shortened or (a province, or rarely any) left out."""
    if loose and "Hồ Chí Minh" in name and rng.random() < 0.5:
        return pick(_CITY, rng)
    for word, forms in words.items():
        if name.startswith(word + " "):
            stem = name[len(word) + 1 :]
            if loose or rng.random() < short:
                form = pick(forms, rng)
                tight = form.endswith(".") or (len(form) <= 2 and stem[:1].isdigit())
                return f"{form}{'' if tight else ' '}{stem}"
            return stem if rng.random() < 0.04 and not stem[:1].isdigit() else name
    return name


def stem(name: str) -> str:
    """A unit's name without its type word."""
    for word in ("Phường ", "Xã ", "Thị trấn ", "Quận ", "Huyện ", "Thị xã ", "Thành phố ", "Tỉnh "):
        if name.startswith(word):
            return name[len(word) :]
    return name
