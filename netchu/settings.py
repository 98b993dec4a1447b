"""What a person may set: TOML files, and NAME=VALUE on a command line."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from netchu.errors import NetchuError
from netchu.image import read_bytes

if sys.version_info >= (3, 11):
    from tomllib import TOMLDecodeError, loads
else:
    from tomli import TOMLDecodeError, loads


def read_toml(path: str | Path) -> dict[str, Any]:
    """A TOML recipe -> its options. Raises NetchuError with the line of a syntax error."""
    try:
        return dict(loads(read_bytes(path).decode("utf-8-sig")))
    except (TOMLDecodeError, UnicodeDecodeError) as error:
        raise NetchuError(f"{path}: not a TOML recipe ({error})") from None


def parse_setting(text: str) -> tuple[str, Any]:
    """`name=value`, the value as TOML writes it, or .5; a bare word is a string. NetchuError without an equals sign."""
    name, equals, value = text.partition("=")
    if not equals:
        raise NetchuError(f"setting {text!r}: expected NAME=VALUE")
    try:
        return name.strip(), loads(f"value = {value}")["value"]
    except TOMLDecodeError:
        value = value.strip()
        return name.strip(), float(value) if re.fullmatch(r"[-+]?(\d+\.|\.\d+)", value, re.ASCII) else value
