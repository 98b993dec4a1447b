"""What a model file says of itself, written anew: all its other bytes stay as they are. Needs no onnx, no torch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from netchu.decode.choose import FILES, KINDS, Choice, Wish, beside, choose
from netchu.errors import NetchuError
from netchu.session import METADATA_KEY, ModelInfo
from netchu.settings import read_toml

METADATA_PROPS = 14  # the field of an ONNX ModelProto that holds names with texts
DEFAULT = "default"


def with_info(data: bytes, info: ModelInfo) -> bytes:
    """The bytes of an ONNX file with `info` as its metadata, where the old was or else at the end.

    Fields of a protocol buffer follow one another, each with its number and length, so that one can be replaced
    without touching the others. Raises ValueError for bytes that are no protocol buffer.
    """
    entry = _field(1, METADATA_KEY.encode()) + _field(2, info.to_json().encode())
    made = _field(METADATA_PROPS, entry)
    parts: list[bytes] = []
    for number, start, body, end in _fields(data):
        if number != METADATA_PROPS or not _is_ours(data[body:end]):
            parts.append(data[start:end])
        elif made:
            parts.append(made)
            made = b""
    return b"".join([*parts, made])


def read_decoders(path: Path) -> dict[str, dict[str, Any]]:
    """A TOML file with a table a decoder -> what ModelInfo.decoders holds.

        default = "address"  # may be left out, and may be one of netchu.decode.choose.KINDS

        [address]
        kind = "beam"
        lm = "vi-address.lm"  # a file beside the model
        alpha = 0.6

    Raises NetchuError for anything else. Whether the files are there, and the settings known, `open_decoders` finds.
    """
    tables = read_toml(path)
    default = tables.pop(DEFAULT, None)
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise NetchuError(
                f"{path}: {name} = {table!r}: expected a table [{name}], or {DEFAULT} = one of their names"
            )
        if not re.fullmatch(r"[a-z0-9]+([_-][a-z0-9]+)*", name) or name in KINDS:
            why = "netchu has one of that name" if name in KINDS else "use small letters, digits and dashes"
            raise NetchuError(f"{path}: [{name}] cannot be a decoder's name: {why}")
        _check(f"{path}: [{name}]", table)
    if default is None:
        return tables
    if not isinstance(default, str) or default not in (*tables, *KINDS):
        known = ", ".join((*tables, *KINDS))
        raise NetchuError(f"{path}: {DEFAULT} = {default!r}: expected one of {known}")
    return {**tables, DEFAULT: {"name": default}}


def with_decoders(info: ModelInfo, decoders: dict[str, dict[str, Any]]) -> ModelInfo:
    """A model with these decoders instead of those it had, and no calibration of any that is not as it was."""
    kept = {
        name: each
        for name, each in info.calibration.items()
        if name in KINDS or (name in decoders and decoders[name] == info.decoders.get(name))
    }
    return replace(info, decoders=decoders, calibration=kept)


def open_decoders(info: ModelInfo, folder: Path) -> dict[str, Choice]:
    """Greedy and every decoder that a model names, by name, their files in `folder` or bundled.

    Raises NetchuError where one cannot be made: a file is not there, or was made for another alphabet, say.
    """
    for name, options in info.decoders.items():
        for key in FILES:
            if key in options and not beside(folder, str(options[key])).is_file():
                raise NetchuError(
                    f"{folder / str(options[key])}: no such file, and decoder {name} of model {info.name} needs it; "
                    "copy it there, beside the model, or name other decoders (--decoders)"
                )
    names = ["greedy", *(name for name in info.decoders if name != DEFAULT)]
    found = {name: choose(Wish(name), info, folder) for name in names}
    choose(Wish(), info, folder)
    return found


def _check(where: str, table: dict[str, Any]) -> None:
    """What a decoder's table may hold, as far as that can be told without its files."""
    for key, value in table.items():
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise NetchuError(f"{where}: {key} = {value!r}: expected a number or a text")
        if key in FILES and (not isinstance(value, str) or not re.fullmatch(r"[^\\/:\0]+", value) or value[0] == "."):
            raise NetchuError(f"{where}: {key} = {value!r}: expected the plain name of a file beside the model")
    if table.get("kind", "beam") not in KINDS:
        raise NetchuError(f"{where}: kind = {table['kind']!r}: expected one of {', '.join(KINDS)}")


def _is_ours(entry: bytes) -> bool:
    return any(number == 1 and entry[body:end] == METADATA_KEY.encode() for number, _, body, end in _fields(entry))


def _fields(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """The fields of a message: number, where it starts, where its content does, and where it ends."""
    at = 0
    while at < len(data):
        start = at
        key, at = _varint(data, at)
        kind, body = key & 7, at
        if kind == 0:
            _, at = _varint(data, at)
        elif kind == 2:
            size, body = _varint(data, at)
            at = body + size
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise ValueError(f"a field of kind {kind} at byte {start}")
        if at > len(data):
            raise ValueError(f"the field at byte {start} ends beyond the last")
        yield key >> 3, start, body, at


def _field(number: int, content: bytes) -> bytes:
    """A field with a length."""
    return _number(number << 3 | 2) + _number(len(content)) + content


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number in base 128, lowest digits first, and the place after it."""
    value = shift = 0
    while at < len(data):
        value |= (data[at] & 127) << shift
        at += 1
        if data[at - 1] < 128:
            return value, at
        shift += 7
    raise ValueError("a number ends beyond the last byte")


def _number(value: int) -> bytes:
    """What _varint reads."""
    digits = bytearray()
    while value > 127:
        digits.append(value & 127 | 128)
        value >>= 7
    return bytes([*digits, value])
