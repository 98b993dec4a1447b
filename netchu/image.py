"""Pictures in: bytes or a path -> a grey uint8 array (height, width), upright, opaque, then scaled and padded.

Files are read by Python and decoded from memory, so paths with any letters work on every system.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import math
import os
import warnings
from pathlib import Path
from typing import Any, Union

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError, features

from netchu.errors import NetchuError

Grey = NDArray[np.uint8]  # (height, width)
Source = Union[str, "os.PathLike[str]", bytes, bytearray, memoryview, NDArray[Any], Image.Image]

MAX_PIXELS = 178_956_970  # 13,000 x 13,000, where Pillow too sees a decompression bomb, by default
# Named, because Pillow left alone tries all it knows, and opens EPS by running Ghostscript on it.
FORMATS: tuple[str, ...] = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF", "PPM")
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif", ".pgm", ".ppm", ".pbm"})
if "avif" in features.modules and features.check("avif"):  # in Pillow's wheels from 11.3 on
    FORMATS, SUFFIXES = (*FORMATS, "AVIF"), SUFFIXES | {".avif"}

# Pillow's own bomb warning: open_grey judges the size. Once and for all, because catch_warnings is not for threads.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
cv2.setNumThreads(1)  # threads are the caller's: one reader, one core, however many readers there are


def _hush_libtiff() -> None:
    """Pillow's libtiff writes what it thinks of a damaged file on the process's stderr; the error says it already."""
    with contextlib.suppress(OSError, AttributeError):  # linked statically, or built without it
        library = ctypes.CDLL(Image.core.__file__)  # type: ignore[attr-defined]
        for setter in (library.TIFFSetErrorHandler, library.TIFFSetWarningHandler):
            setter.restype, setter.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
            setter(None)


_hush_libtiff()


def open_grey(source: Source, name: str | None = None) -> Grey:
    """Open a picture as grey uint8 (height, width).

    `source` is a path, the bytes of a file, a PIL picture or an array: (h, w) grey, (h, w, 3) RGB or (h, w, 4) RGBA.
    EXIF rotation is applied, transparency is laid on white, 16-bit and CMYK are converted; of several frames or pages
    the first is taken.
    Raises NetchuError when it is not a picture, is cut short or is too large; `name` is what the message calls it.
    """
    name = printable(name or _name(source))
    if isinstance(source, np.ndarray):
        return _from_array(source, name)
    if isinstance(source, str | os.PathLike):
        data = read_bytes(source)
    elif isinstance(source, bytes | bytearray | memoryview):
        data = bytes(source)
    elif not isinstance(source, Image.Image):
        raise NetchuError(f"{name}: not a picture; give a path, the bytes of a file, a PIL picture or an array")
    try:
        if isinstance(source, Image.Image):
            return _to_grey(source, name)
        if not data:
            raise NetchuError(f"{name}: the file is empty; expected a picture")
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
        if picture.width * picture.height > MAX_PIXELS:
            size = f"{picture.width} x {picture.height}"
            raise NetchuError(f"{name}: {size} pixels is over the limit of {MAX_PIXELS:,}; scale it down first")
        picture.load()
        return _to_grey(picture, name)
    except NetchuError:
        raise
    except UnidentifiedImageError:
        raise NetchuError(f"{name}: not a picture; expected PNG, JPEG, TIFF, WebP, AVIF, BMP or GIF") from None
    except Image.DecompressionBombError:
        raise NetchuError(f"{name}: over the limit of {MAX_PIXELS:,} pixels; scale it down first") from None
    except MemoryError:
        raise NetchuError(f"{name}: too large for this machine's memory; scale it down first") from None
    except Exception as error:  # Pillow's decoders raise many kinds: OSError, SyntaxError, struct.error, ValueError ...
        raise NetchuError(f"{name}: damaged picture ({_reason(error)}); save or fetch it again") from error


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a file; a missing, forbidden or wrong path is a NetchuError."""
    name = printable(os.fspath(path))
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise NetchuError(f"{name}: no such file; check the path") from None
    except IsADirectoryError:
        raise NetchuError(f"{name}: is a folder; expected a file") from None
    except (OSError, ValueError) as error:
        raise NetchuError(f"{name}: cannot be read ({_reason(error)}); check the path and its permissions") from None


def printable(name: str) -> str:
    """A file's name for a message of one line: line breaks, other control characters and undecodable bytes escaped."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in name)


def to_height(grey: Grey, height: int, width: float | None = None) -> Grey:
    """Scale a line picture (h, w) to `height` rows and `width` columns; without one it keeps its aspect.

    Widths are rounded, and at least 1.
    """
    rows, columns = grey.shape
    wanted = max(1, math.floor((columns * height / rows if width is None else width) + 0.5))
    if (rows, columns) == (height, wanted):
        return np.ascontiguousarray(grey)
    shrinking = height < rows or wanted < columns
    return cv2.resize(grey, (wanted, height), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)  # type: ignore[return-value]


def lay_flat(grey: Grey) -> Grey:
    """A vertical line, turned against the clock so that its top comes to lie left; any other picture as it is.

    A picture is a vertical line when it is half as tall again as it is wide: a single kanji is square.
    """
    return np.ascontiguousarray(np.rot90(grey)) if is_tall(*grey.shape) else grey


def is_tall(rows: int, columns: int) -> bool:
    """True when a picture of that size is a vertical line, for a model that reads such."""
    return 2 * rows >= 3 * columns


def pad_batch(lines: list[Grey], width: int | None = None) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Lines of one height -> images (N, H, W) padded on the right with zeros, true widths (N,).

    What the padding holds does not matter: the model masks all columns from a line's width on.
    """
    widths = np.array([line.shape[1] for line in lines], dtype=np.int64)
    images = np.zeros((len(lines), lines[0].shape[0], max(int(widths.max()), width or 0)), dtype=np.uint8)
    for image, line in zip(images, lines):
        image[:, : line.shape[1]] = line
    return images, widths


def _to_grey(picture: Image.Image, name: str) -> Grey:
    """Any PIL mode -> grey array. 16-bit and float greys are scaled by the range their format allows."""
    if 0 in picture.size:
        raise NetchuError(f"{name}: {picture.width} x {picture.height} pixels; expected a picture that has some")
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I;16") or picture.mode == "I":
        values = np.asarray(picture.convert("I"), dtype=np.int64)
        if picture.mode == "I" and values.max() <= 255:  # 32 bits hold either range; 8 bits' would be all black in 16
            return np.clip(values, 0, 255).astype(np.uint8)
        return (np.clip(values, 0, 65535) // 257).astype(np.uint8)
    if picture.mode == "F":
        return _from_array(np.asarray(picture), name)
    if picture.mode == "LAB":
        return np.array(picture.getchannel("L"), dtype=np.uint8)
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        picture = (picture.convert("LA") if picture.mode == "La" else picture).convert("RGBA")
        paper = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(paper, picture)
    elif picture.mode == "CMYK":
        picture = picture.convert("RGB")
    return np.array(picture.convert("L"), dtype=np.uint8)


def _from_array(array: NDArray[Any], name: str) -> Grey:
    """(h, w), (h, w, 1|3|4) of any number type -> grey; floats are 0..1 if none is over 1, else 0..255."""
    if array.size == 0 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise NetchuError(f"{name}: shape {array.shape} is not a picture; expected (h, w), (h, w, 3) or (h, w, 4)")
    if array.dtype.kind not in "buif":  # neither bool, unsigned, signed nor float
        raise NetchuError(f"{name}: an array of {array.dtype} is not a picture; expected numbers, 0..255 or 0..1")
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * 255
    elif array.dtype == np.uint16:
        array = (array // 257).astype(np.uint8)
    elif np.issubdtype(array.dtype, np.floating):
        finite = np.nan_to_num(array, nan=0.0, posinf=0.0, neginf=0.0)
        array = np.clip(finite * (255.0 if finite.max() <= 1.0 else 1.0), 0, 255).astype(np.uint8)
    elif array.dtype != np.uint8:
        array = np.clip(array, 0, 255).astype(np.uint8)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    return np.ascontiguousarray(array) if array.ndim == 2 else _to_grey(Image.fromarray(array), name)


def _name(source: Any) -> str:
    """What a message calls a source that was not given a name."""
    if isinstance(source, str | os.PathLike):
        return os.fsdecode(source)
    kinds = (np.ndarray, "array"), (Image.Image, "picture"), ((bytes, bytearray, memoryview), "bytes")
    return next((word for kind, word in kinds if isinstance(source, kind)), type(source).__name__)


def _reason(error: BaseException) -> str:
    """The first line of an error's text, without the path that strerror repeats."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0][:120]
