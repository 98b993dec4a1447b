"""Any bytes at all are a picture or one NetchuError, whatever is broken in them, and nothing is printed on the way."""

import io
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from netchu import image
from netchu.errors import NetchuError
from netchu.image import open_grey
from netchu.read import Reader, is_blank, load, to_line
from netchu.session import ModelInfo

FORMS = {
    "PNG": {}, "JPEG": {"quality": 80}, "TIFF": {"compression": "tiff_lzw"}, "BMP": {}, "GIF": {},
    "WebP": {"lossless": True}, "PPM": {},
}  # fmt: skip
PICTURES = [
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (17, 40, 3), dtype=np.uint8)),
    Image.fromarray(np.tile(np.arange(60, dtype=np.uint8) * 4, (20, 1))),
    Image.new("P", (16, 16), 3),
    Image.new("1", (33, 9), 1),
]


def encode(picture: Image.Image, form: str) -> bytes:
    stream = io.BytesIO()
    if form in ("JPEG", "PPM", "WebP", "TIFF") and picture.mode == "P":
        picture = picture.convert("RGB")
    if form == "TIFF":
        exif = Image.Exif()
        exif[0x0112] = 6
        picture.save(stream, form, exif=exif, **FORMS[form])
    else:
        picture.save(stream, form, **FORMS[form])
    return stream.getvalue()


FILES = {form: [encode(picture, form) for picture in PICTURES] for form in FORMS}
FUZZ = settings(deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A forged header may claim any size up to the limit: a small limit keeps the fuzzing quick."""
    monkeypatch.setattr(image, "MAX_PIXELS", 2_000_000)


def holds(data: bytes) -> None:
    """`data` opens as a sound array, or is refused in one line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on odd tags
            grey = open_grey(data, "fuzz.img")
    except NetchuError as error:
        message = str(error)
        assert message.startswith("fuzz.img: ")
        assert message.isprintable()
        assert len(message) < 300
    else:
        assert grey.dtype == np.uint8
        assert grey.ndim == 2
        assert 0 < grey.size <= 2_000_000
        assert to_line(grey, 48).shape[0] == 48
        is_blank(grey)


@settings(FUZZ, max_examples=100)
@given(st.binary(max_size=400))
def test_random_bytes(data):
    holds(data)


MAGIC = [
    b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"II*\0", b"MM\0*", b"BM", b"GIF89a", b"RIFF\0\0\0\0WEBPVP8 ",
    b"P5\n", b"P6 ", b"P4\n", b"\0\0\0\x0cjP  \r\n\x87\n", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"\x1f\x8b", b"\0\0\1\0",
]  # fmt: skip


@settings(FUZZ, max_examples=100)
@given(st.sampled_from(MAGIC), st.binary(max_size=200))
def test_random_bytes_behind_a_pictures_first_bytes(magic, data):
    holds(magic + data)


@pytest.mark.parametrize("form", FORMS)
@settings(FUZZ, max_examples=80)
@given(data=st.data())
def test_flipped_bits_cuts_and_splices(form, data):
    """Headers are hit more than pixels: a place is drawn from the first bytes half of the time."""
    spoilt = bytearray(data.draw(st.sampled_from(FILES[form])))
    for _ in range(data.draw(st.integers(1, 6))):
        end = min(len(spoilt), data.draw(st.sampled_from([60, len(spoilt)])))
        if not end:
            break
        place = data.draw(st.integers(0, end - 1))
        kind = data.draw(st.sampled_from(["flip", "flip", "set", "cut", "insert", "remove"]))
        if kind == "flip":
            spoilt[place] ^= 1 << data.draw(st.integers(0, 7))
        elif kind == "set":
            spoilt[place] = data.draw(st.sampled_from([0, 255, 127, 128, 1]))
        elif kind == "cut":
            del spoilt[max(place, 1) :]
        elif kind == "insert":
            spoilt[place:place] = data.draw(st.binary(min_size=1, max_size=9))
        else:
            del spoilt[place : place + data.draw(st.integers(1, 9))]
    holds(bytes(spoilt))


def test_every_cut_of_every_format():
    for form, files in FILES.items():
        data = files[1]
        for end in {*range(1, min(len(data), 60)), *range(60, len(data), max(1, len(data) // 30))}:
            holds(data[:end])
        assert open_grey(data).size == 1200, form


def test_nothing_is_printed_by_the_decoders(capfd):
    """libtiff, libjpeg and libpng write to the process's stderr unless they are told not to."""
    rng = np.random.default_rng(0)
    for files in FILES.values():
        for data in files:
            for _ in range(25):
                spoilt = bytearray(data)
                for place in rng.integers(0, len(spoilt), 4):
                    spoilt[place] = rng.integers(0, 256)
                holds(bytes(spoilt))
    assert capfd.readouterr() == ("", "")


KINDS = st.sampled_from(["u1", "u2", "i1", "i4", "i8", "f2", "f4", "f8", "?", "c8", "U2", "M8[s]", "O"])


@settings(FUZZ, max_examples=120)
@given(st.lists(st.sampled_from([0, 1, 2, 3, 4, 5, 33]), max_size=4), KINDS, st.integers(0, 2**32 - 1))
def test_any_array_is_a_picture_or_refused(shape, kind, seed):
    data = np.random.default_rng(seed).bytes(int(np.prod(shape)) * max(np.dtype(kind).itemsize, 1))
    if kind in ("O", "U2"):
        array = np.full(shape, "x", kind)
    else:
        array = np.frombuffer(data, kind).reshape(shape)
    try:
        with np.errstate(all="ignore"):
            grey = open_grey(array)
    except NetchuError as error:
        assert str(error).startswith("array: ")
    else:
        assert grey.dtype == np.uint8
        assert grey.shape == array.shape[:2]


INFO = load().info


class Blind:
    """A session that sees random logits: what the path makes of them must hold for any model."""

    info: ModelInfo

    def __init__(self, info: ModelInfo) -> None:
        self.info = info

    def run(self, images, widths):
        rng = np.random.default_rng(int(images.sum()) % 2**32)
        frames = -(-images.shape[2] // self.info.stride)
        logits = rng.normal(0, 6, (len(images), frames, len(self.info.charset))).astype(np.float32)
        return logits, -(-widths // self.info.stride)


@settings(FUZZ, max_examples=25)
@given(st.lists(st.tuples(st.integers(1, 120), st.integers(1, 900)), max_size=8), st.integers(0, 255))
def test_whatever_a_model_says_the_results_are_sound(shapes, value):
    reader = Reader(Blind(INFO))  # type: ignore[arg-type]
    lines = reader.read_lines(np.full(shape, value, np.uint8) for shape in shapes)
    assert len(lines) == len(shapes)
    for (rows, columns), line in zip(shapes, lines):
        assert line.polygon[2] == (columns, rows)
        assert line.text == "".join(char.text for char in line.chars) == line.text.strip()
        assert "  " not in line.text
        assert 0 <= line.confidence <= 1
        for char in line.chars:
            left, top, right, bottom = char.box
            assert 0 <= left <= right <= columns and 0 <= top <= bottom <= rows
            assert 0 < char.confidence <= 1
