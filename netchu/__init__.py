"""netchu reads handwriting out of pictures, offline, on a CPU.

    import netchu
    reader = netchu.load("vi")            # a bundled model's name, or a path to a .onnx
    page = reader.read("letter.jpg")      # -> Page
    lines = reader.read_lines([a, b])     # -> N in, N out, in order

Importing the package imports nothing heavy: what a call needs is imported by the call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netchu.errors import NetchuError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netchu.decode.choose import Wish
    from netchu.read import Reader

__version__ = "0.1.0"
__all__ = ["NetchuError", "__version__", "load"]


def load(
    model: str | Sequence[str] = "vi",
    threads: int = 1,
    decoder: str | Wish = "",
    views: int = 1,
    weights: Sequence[float] | None = None,
) -> Reader:
    """A reader for a bundled model's name or a path to a `.onnx`. Raises NetchuError when there is no such model.

    `decoder`: "greedy", "beam", a name of the model's own, or a netchu.decode.choose.Wish; empty: the model's default.
    Several models, or several `views` of each line, vote; `weights` are the models' say.
    """
    from netchu import read

    return read.load(model, threads, decoder, views, weights)
