"""Language model files: a JSON header and plain little-endian arrays, memory-mapped as they are. Nothing is executed.

magic (8 bytes) | format version, length of header (uint32 each) | header | arrays, each at a multiple of 64 bytes
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netchu.data.lines import write_whole
from netchu.decode.automaton import TYPES, Automaton
from netchu.errors import NetchuError
from netchu.image import printable
from netchu.lm.guard import Sketch
from netchu.lm.ngram import NGram
from netchu.lm.symbols import UNITS
from netchu.text import FORMS

MAGIC = b"netchuLM"
FORMAT_VERSION = 1
_PREFIX = struct.Struct("<8sII")
_ALIGN = 64


def save(model: NGram, path: str | os.PathLike[str]) -> None:
    """Write a model; readers see the old file or the new one. Raises NetchuError when it cannot be written."""
    automaton = model.automaton
    arrays = {name: getattr(automaton, name) for name in TYPES}
    if model.sketch is not None:
        arrays["sketch"] = model.sketch.bits
    body, layout = bytearray(), {}
    for name, array in arrays.items():
        body += bytes(-len(body) % _ALIGN)
        layout[name] = {"type": array.dtype.name, "length": len(array), "at": len(body)}
        body += array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    header = {
        "name": model.name,
        "unit": model.unit,
        "order": model.order,
        "form": model.form,
        "vocabulary": list(model.vocabulary),
        "unknown": model.unknown,
        "depths": list(model.depths),
        "scale": automaton.scale,
        "start": automaton.start,
        "members": model.sketch.members if model.sketch else 0,
        "about": model.about,
        "arrays": layout,
        "bytes": len(body),
        "crc32": zlib.crc32(body),
    }
    text = json.dumps(header, ensure_ascii=False, sort_keys=True).encode("utf-8", "surrogatepass")
    text += b" " * (-(_PREFIX.size + len(text)) % _ALIGN)
    write_whole(Path(path), _PREFIX.pack(MAGIC, FORMAT_VERSION, len(text)) + text + bytes(body))


def load(path: str | os.PathLike[str]) -> NGram:
    """A model file, memory-mapped: the system reads what is used, and processes share it.

    Raises NetchuError when the file is missing, foreign, damaged, cut short, or newer than this version reads.
    """
    name = printable(os.fspath(path))
    data = _map(Path(path), name)
    header, body = _header(data, name)
    try:
        if len(body) != header["bytes"]:
            more = "more than" if len(body) > header["bytes"] else "of"
            raise NetchuError(f"{name}: has {len(body):,} bytes {more} {header['bytes']:,}; fetch or make it again")
        if zlib.crc32(body.data) != header["crc32"]:
            raise NetchuError(f"{name}: damaged, its checksum is not right; fetch or make it again")
        arrays = {key: _array(body, place) for key, place in header["arrays"].items()}
        return _model(header, arrays)
    except NetchuError as error:
        raise error if str(error).startswith(name) else NetchuError(f"{name}: {error}") from None
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        reason = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        raise NetchuError(f"{name}: its header cannot be understood ({reason}); fetch or make it again") from None


def digest(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a model file."""
    return hashlib.sha256(_map(Path(path), printable(os.fspath(path))).data).hexdigest()


def _map(path: Path, name: str) -> NDArray[np.uint8]:
    try:
        if not path.stat().st_size:
            raise NetchuError(f"{name}: the file is empty; expected a language model")
        return np.memmap(path, np.uint8, "r")
    except FileNotFoundError:
        raise NetchuError(f"{name}: no such file; expected a language model of `netchu lm train`") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise NetchuError(f"{name}: cannot be read ({why}); check the path and its permissions") from None


def _header(data: NDArray[np.uint8], name: str) -> tuple[dict[str, Any], NDArray[np.uint8]]:
    """The header as a dictionary, and what stands behind it."""
    prefix = data[: _PREFIX.size].tobytes()
    if prefix[: len(MAGIC)] != MAGIC[: len(prefix)]:
        raise NetchuError(f"{name}: no language model of ours; import an ARPA file with `netchu lm import`")
    if len(prefix) < _PREFIX.size:
        raise NetchuError(f"{name}: cut short; fetch or make it again")
    _, version, length = _PREFIX.unpack(prefix)
    if version != FORMAT_VERSION:
        raise NetchuError(
            f"{name}: language model format {version} is not one this version reads; install a newer netchu"
        )
    text = data[_PREFIX.size : _PREFIX.size + length].tobytes()
    if len(text) < length:
        raise NetchuError(f"{name}: cut short; fetch or make it again")
    try:
        header = json.loads(text.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise NetchuError(f"{name}: its header is damaged; fetch or make it again")
    return header, data[_PREFIX.size + length :]


def _array(body: NDArray[np.uint8], place: dict[str, Any]) -> NDArray[Any]:
    """One array of the file, not copied. Raises ValueError when it does not lie in it."""
    dtype, length, at = np.dtype(place["type"]).newbyteorder("<"), place["length"], place["at"]
    if dtype.hasobject or at % _ALIGN or at < 0 or length < 0 or at + length * dtype.itemsize > len(body):
        raise ValueError("an array lies outside the file")
    found: NDArray[Any] = body[at : at + length * dtype.itemsize].view(dtype)
    return found if dtype.isnative else found.astype(dtype.newbyteorder("="))


def _model(header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> NGram:
    """Header and arrays as a model. Raises NetchuError, ValueError or TypeError when they do not fit together."""
    vocabulary = tuple(header["vocabulary"])
    depths = tuple(header["depths"])
    if header["unit"] not in UNITS or header["form"] not in FORMS or not isinstance(header["about"], dict):
        raise ValueError("unknown unit or form")
    if not all(isinstance(symbol, str) and symbol for symbol in vocabulary) or len(set(vocabulary)) < len(vocabulary):
        raise ValueError("a symbol is empty, doubled or no text")
    if header["unit"] == "char" and any(len(symbol) > 1 for symbol in vocabulary):
        raise ValueError("a symbol is more than a character")
    bits = arrays.pop("sketch", None)
    automaton = Automaton(**arrays, scale=header["scale"], start=header["start"])
    if automaton.arcs and int(automaton.labels.max()) >= len(vocabulary):
        raise ValueError("an arc has no symbol")
    if sum(depths) != automaton.states or depths[0] != 1 or automaton.empty != 0:
        raise ValueError("its states are not those of an n-gram model")
    return NGram(
        str(header["name"]),
        header["unit"],
        int(header["order"]),
        header["form"],
        vocabulary,
        automaton,
        float(header["unknown"]),
        depths,
        None if bits is None else Sketch(bits, int(header["members"])),
        header["about"],
    )
