"""Pictures in a PDF: a JPEG as it is, a PNG's data as they are, others without loss (ISO 32000-1, 8.9)."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any, NamedTuple

from PIL import Image, UnidentifiedImageError

from netchu.errors import NetchuError
from netchu.image import FORMATS, MAX_PIXELS

Matrix = tuple[float, float, float, float, float, float]  # a b c d e f: x' = ax + cy + e, y' = bx + dy + f
DPI = 200  # where the file does not tell: an A4 sheet of 1,654 columns
# What EXIF's orientation asks for, of the unit square that a picture fills in a PDF
TURNS: dict[int, Matrix] = {
    1: (1, 0, 0, 1, 0, 0),
    2: (-1, 0, 0, 1, 1, 0),
    3: (-1, 0, 0, -1, 1, 1),
    4: (1, 0, 0, -1, 0, 1),
    5: (0, -1, -1, 0, 1, 1),
    6: (0, -1, 1, 0, 0, 1),
    7: (0, 1, 1, 0, 0, 0),
    8: (0, 1, -1, 0, 1, 0),
}
_ORIENTATION = 0x0112
_LONGEST = 14_400.0  # points: a page's side, by the specification (annex C)


class Embedded(NamedTuple):
    """A picture as an object of a document, its size as it is seen, in pixels, how it is turned, and its resolution."""

    object: Any
    width: int
    height: int
    turn: Matrix
    dpi: float


def embed(document: Any, data: bytes, frame: int, name: str) -> Embedded:
    """Put a picture, or of a file of several its `frame` from 0, into a document.

    Raises NetchuError when it cannot be opened.
    """
    picture = _open(data, frame, name)
    stream = _stream(document, data, picture)
    turned = picture.getexif().get(_ORIENTATION, 1)
    turn = TURNS.get(turned, TURNS[1])
    width, height = picture.size if turn[0] else picture.size[::-1]
    return Embedded(stream, width, height, turn, _resolution(picture, max(width, height)))


def _open(data: bytes, frame: int, name: str) -> Image.Image:
    try:
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
        frames = 1 if picture.format in ("JPEG", "MPO") else getattr(picture, "n_frames", 1)
        if frames > 1:  # a picture that was taken out of a file of several keeps its number
            if frame >= frames:
                raise NetchuError(f"{name}: has {frames} pages, not {frame + 1}; give the file that was read")
            picture.seek(frame)
        if picture.width * picture.height > MAX_PIXELS:
            raise NetchuError(f"{name}: over the limit of {MAX_PIXELS:,} pixels; scale it down first")
        picture.load()
        return picture
    except NetchuError:
        raise
    except UnidentifiedImageError:
        raise NetchuError(f"{name}: not a picture; give the picture that the page was read from") from None
    except Exception as error:  # Pillow's decoders raise many kinds
        why = str(error).split("\n")[0] or type(error).__name__
        raise NetchuError(f"{name}: damaged picture ({why}); save or fetch it again") from error


def _resolution(picture: Image.Image, longest: int) -> float:
    """Dots an inch. 72 is what programs write that know nothing of it, so it is not believed."""
    told = picture.info.get("dpi", (0, 0))[0]
    dpi = float(told) if 72 < float(told or 0) <= 2400 else float(DPI)
    return max(dpi, longest * 72 / _LONGEST)


def _stream(document: Any, data: bytes, picture: Image.Image) -> Any:
    if picture.format in ("JPEG", "MPO") and picture.mode in ("L", "RGB", "CMYK"):
        about = {"/ColorSpace": _space(picture.mode)}
        if picture.mode == "CMYK" and "adobe" in picture.info:
            about["/Decode"] = [1, 0] * 4  # Adobe's programs write CMYK the other way round, and mark it
        return _image(document, data, picture, "/DCTDecode", {}, about)
    if picture.format == "PNG" and _is_plain(data):
        return _from_png(document, data, picture)
    if picture.mode == "1":
        return _fax(document, picture)
    if picture.mode == "CMYK":
        about = {"/ColorSpace": _space("CMYK")}
        return _image(document, zlib.compress(picture.tobytes()), picture, "/FlateDecode", {}, about)
    if picture.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info:
        whole = picture.convert("RGBA")
        stream = _as_png(document, whole.convert("RGB"))
        stream["/SMask"] = _as_png(document, whole.getchannel("A"))
        return stream
    if picture.mode in ("L", "RGB", "P"):
        return _as_png(document, picture)
    if picture.mode.startswith("I;16"):
        return _as_png(document, picture.convert("I;16"))
    return _as_png(document, picture.convert("L" if picture.mode in ("I", "F") else "RGB"))


def _as_png(document: Any, picture: Image.Image) -> Any:
    buffer = io.BytesIO()
    bare = picture.copy()
    bare.info = {}
    bare.save(buffer, "PNG")
    return _from_png(document, buffer.getvalue(), bare)


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """A PNG's chunks (RFC 2083, 3.2): names and data."""
    found, place = [], 8
    while place + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, place)
        found.append((name, data[place + 8 : place + 8 + size]))
        place += size + 12
    return found


def _is_plain(data: bytes) -> bool:
    """Whether a PNG's data mean the same in a PDF: one pass over the rows, nothing transparent."""
    chunks = _chunks(data)
    head = chunks[0][1]
    return head[12] == 0 and head[9] in (0, 2, 3) and all(name not in (b"tRNS", b"acTL") for name, _ in chunks)


def _from_png(document: Any, data: bytes, picture: Image.Image) -> Any:
    chunks = _chunks(data)
    width, _, bits, kind = struct.unpack(">IIBB", chunks[0][1][:10])
    colours = 3 if kind == 2 else 1
    space: Any = _space("RGB" if kind == 2 else "L")
    if kind == 3:
        from pikepdf import Array, Name, String

        table = next(part for name, part in chunks if name == b"PLTE")
        space = Array([Name.Indexed, Name.DeviceRGB, len(table) // 3 - 1, String(table)])
    how = {"/Predictor": 15, "/Colors": colours, "/BitsPerComponent": bits, "/Columns": width}
    body = b"".join(part for name, part in chunks if name == b"IDAT")
    return _image(document, body, picture, "/FlateDecode", how, {"/ColorSpace": space}, bits)


def _fax(document: Any, picture: Image.Image) -> Any:
    """Black and white, as fax group 4: what scanners write."""
    buffer = io.BytesIO()
    bare = picture.copy()
    bare.info = {}
    bare.save(buffer, "TIFF", compression="group4", tiffinfo={278: picture.height, 266: 1})  # rows a strip, bit order
    data = buffer.getvalue()
    tags = Image.open(io.BytesIO(data)).tag_v2  # type: ignore[attr-defined]
    body = b"".join(data[start : start + size] for start, size in zip(tags[273], tags[279]))
    how = {"/K": -1, "/Columns": picture.width, "/Rows": picture.height, "/BlackIs1": tags[262] == 1}
    return _image(document, body, picture, "/CCITTFaxDecode", how, {"/ColorSpace": _space("L")}, 1)


def _image(
    document: Any, data: bytes, picture: Image.Image, filter_: str, how: dict[str, Any], about: dict[str, Any],
    bits: int = 8,
) -> Any:  # fmt: skip
    from pikepdf import Dictionary, Name, Stream

    stream = Stream(document, b"")
    stream.write(data, filter=Name(filter_), decode_parms=Dictionary(how) if how else None)
    stream["/Type"], stream["/Subtype"] = Name.XObject, Name.Image
    stream["/Width"], stream["/Height"], stream["/BitsPerComponent"] = picture.width, picture.height, bits
    for key, value in about.items():
        stream[key] = value
    return stream


def _space(mode: str) -> Any:
    from pikepdf import Name

    return {"L": Name.DeviceGray, "RGB": Name.DeviceRGB, "CMYK": Name.DeviceCMYK}[mode]
