"""Text files and tables as they lie in a folder: UTF-8, plain or gzipped, with one clear line when one is bad."""

from __future__ import annotations

import gzip
import unicodedata
import zlib
from pathlib import Path

from netchu.errors import NetchuError

SUFFIXES = (".txt", ".txt.gz")


def read_text(path: Path) -> str:
    """A text file or a gzip of one as NFC, line feeds only, a byte order mark left out.

    Raises NetchuError when it is missing, broken, not UTF-8 or holds nothing but white space.
    """
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
    except FileNotFoundError:
        raise NetchuError(f"{path}: no such file; the text folder must hold it") from None
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise NetchuError(
            f"{path}: cannot be read ({str(error)[:100]}); expected UTF-8 text or a gzip of it"
        ) from error
    if not text.strip():
        raise NetchuError(f"{path}: is empty; expected one text or row per line")
    text = text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
    return unicodedata.normalize("NFC", text)


def read_rows(path: Path, fields: int) -> list[list[str]]:
    """The rows of a tab-separated table below its header, each of at least `fields` fields.

    Raises NetchuError as `read_text` does, for a row that is too short, and when there is no row.
    """
    rows = [line.split("\t") for line in read_text(path).split("\n")[1:] if line]
    short = next((row for row in rows if len(row) < fields), None)
    if short is not None:
        raise NetchuError(f"{path}: row {short[0]!r} has {len(short)} tab-separated fields, expected {fields} or more")
    if not rows:
        raise NetchuError(f"{path}: holds a header and nothing below it; expected one row per line")
    return rows


def text_files(path: Path) -> list[Path]:
    """The file itself, or every .txt and .txt.gz of a folder, sorted by name. Raises NetchuError when there is none."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise NetchuError(f"{path}: no such file or folder; give a UTF-8 text file or a folder of them")
    found = sorted((each for each in path.iterdir() if each.name.endswith(SUFFIXES)), key=lambda each: each.name)
    if not found:
        raise NetchuError(f"{path}: holds no text; expected files that end in {' or '.join(SUFFIXES)}")
    return found
