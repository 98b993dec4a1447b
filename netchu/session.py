"""Run a model file: ONNX Runtime behind one small object, safe to share between threads."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from netchu.calibration import Calibration
from netchu.errors import NetchuError
from netchu.framing import Pitch, check_pitch
from netchu.image import read_bytes
from netchu.text import Charset

METADATA_KEY = "netchu"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class ModelInfo:
    """What a model file says of itself. Written by netchu.export, read here; nothing else describes a model."""

    name: str
    charset: Charset
    height: int  # rows of a line picture
    stride: int  # columns a frame
    pitch: Pitch | None = None  # heights strokes may stand apart; others' lines are stretched towards it
    direction: str = "ltr"  # "ltr ttb": tall pictures are lines that run from the top down
    languages: tuple[str, ...] = ()
    temperature: float = 1.0  # logits are divided by it before they are called probabilities
    decoders: dict[str, dict[str, Any]] = field(default_factory=dict)  # name -> options: see netchu.decode.choose
    calibration: dict[str, Any] = field(default_factory=dict)  # decoder's name -> what Calibration.to_json gave
    architecture: str = ""
    parameters: int = 0
    data: dict[str, str] = field(default_factory=dict)  # training set -> digest
    scores: dict[str, Any] = field(default_factory=dict)
    licence: str = ""

    @property
    def vertical(self) -> bool:
        """True when a tall picture is to be read from the top down."""
        return "ttb" in self.direction.split()

    def calibrated(self, decoder: str) -> Calibration:
        """The map from the confidences of the decoder of that name to probabilities; none was fitted: as they are."""
        return Calibration.from_json(self.calibration.get(decoder, {}))

    def to_json(self) -> str:
        fields: dict[str, Any] = {**self.__dict__, "format": FORMAT_VERSION, "form": self.charset.form}
        fields["charset"] = list(self.charset.symbols)
        fields["languages"] = list(self.languages)
        return json.dumps(fields, ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ModelInfo:
        """What to_json wrote. Raises ValueError, KeyError, TypeError or NetchuError when it is anything else."""
        fields = json.loads(text)
        if not isinstance(fields, dict):
            raise ValueError(f"{type(fields).__name__} instead of an object")
        if fields.get("kind") == "lines":
            raise NetchuError("a line finder: it finds lines and does not read them; name a model that reads")
        version = fields.pop("format")
        if version != FORMAT_VERSION:
            raise NetchuError(f"model format {version} is not one this version reads; install a newer netchu")
        fields["charset"] = Charset(tuple(fields["charset"]), fields.pop("form"))
        fields["languages"] = tuple(fields.get("languages", ()))
        if fields.get("pitch") is not None:
            fields["pitch"] = check_pitch(*map(float, fields["pitch"]))
        known = cls.__dataclass_fields__
        info = cls(**{name: value for name, value in fields.items() if name in known})
        for name in ("height", "stride", "temperature"):
            value = getattr(info, name)
            if not isinstance(value, int if name != "temperature" else int | float) or not value > 0:
                raise ValueError(f"{name} is {value!r}")
        if not isinstance(info.decoders, dict) or not all(isinstance(each, dict) for each in info.decoders.values()):
            raise ValueError("decoders are no objects by name")
        if not isinstance(info.calibration, dict):
            raise ValueError("calibration is no object by decoder")
        for decoder in info.calibration:
            info.calibrated(decoder)
        return info


def open_onnx(
    path: str | os.PathLike[str], threads: int, advice: str
) -> tuple[bytes, onnxruntime.InferenceSession, dict[str, str]]:
    """A file's bytes, the session that runs it and its metadata. NetchuError, ending in `advice`, for no ONNX."""
    data = read_bytes(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # a broken file is reported by us, in one line
    # Measured over 3,000 lines of mixed width and over 4 threads: the arena is as fast as plain malloc (within 1 %)
    # and stays smaller, flat at 150 against 183 MB and at 212 against 342 MB, because malloc keeps heaps a thread.
    # Shrinking it after every run costs 2 % and peaks at 289 MB. A memory plan is kept for each shape ever seen.
    options.enable_cpu_mem_arena = True
    options.enable_mem_pattern = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        return data, session, dict(session.get_modelmeta().custom_metadata_map)
    except Exception as error:  # ONNX Runtime raises its own kinds, none of them exported by name
        reason = str(error).splitlines()[0][:100]
        raise NetchuError(f"{os.fspath(path)}: not a whole ONNX model ({reason}); {advice}") from None


class Session:
    """A loaded model. `run` holds no state of its own, so any number of threads may call it."""

    def __init__(self, path: str | os.PathLike[str], threads: int = 1) -> None:
        """Load a `.onnx` of ours. Raises NetchuError when it is missing, damaged or somebody else's."""
        if threads < 1:
            raise NetchuError(f"threads={threads}: a session needs at least 1")
        self.path = os.fspath(path)
        self.threads = threads
        data, self._session, metadata = open_onnx(path, threads, "fetch or export it again")
        if METADATA_KEY not in metadata:
            raise NetchuError(
                f"{self.path}: an ONNX model, but not one of ours (no {METADATA_KEY!r} metadata); "
                "netchu reads those that `netchu export` or `netchu train` wrote"
            )
        try:
            self.info = ModelInfo.from_json(metadata[METADATA_KEY])
        except NetchuError as error:
            raise NetchuError(f"{self.path}: {error}") from None
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise NetchuError(
                f"{self.path}: its {METADATA_KEY!r} metadata cannot be understood ({error}); export it again"
            ) from None
        ports = {port.name for port in (*self._session.get_inputs(), *self._session.get_outputs())}
        if ports != {"images", "widths", "logits", "lengths"}:
            raise NetchuError(
                f"{self.path}: takes and gives {', '.join(sorted(ports))}, a model of ours images, widths -> logits, "
                "lengths; export it again"
            )
        self.digest = hashlib.sha256(data).hexdigest()

    def run(
        self, images: NDArray[np.uint8], widths: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """images uint8 (N, H, W), widths int64 (N,) -> logits float32 (N, T, C), lengths int64 (N,)."""
        logits, lengths = self._session.run(["logits", "lengths"], {"images": images, "widths": widths})
        return logits, lengths
