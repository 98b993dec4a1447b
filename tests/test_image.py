"""Pictures in: every mode and format comes out as the same grey array; what is no picture is one line of error."""

import io
import os
import struct
import subprocess
import sys
import tracemalloc
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from netchu import image
from netchu.cli.targets import expand
from netchu.errors import NetchuError
from netchu.image import lay_flat, open_grey, pad_batch, to_height

RAMP = np.tile(np.linspace(0, 255, 40).astype(np.uint8), (12, 1))  # dark on the left, light on the right
RAMP[:4, :4] = 255  # a mark in one corner, so that turned and mirrored ones differ


def saved(picture, form, **options) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


def fault(source, name=None) -> str:
    """The one line that an unusable source must give; anything else fails."""
    with pytest.raises(NetchuError) as caught:
        open_grey(source, name)
    message = str(caught.value)
    assert message
    assert message.isprintable()
    return message


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "BMP", "WebP", "GIF", "PPM"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_every_format_opens_from_bytes_and_from_a_path(form, mode, tmp_path):
    options = {"lossless": True} if form == "WebP" else {"quality": 95} if form == "JPEG" else {}
    data = saved(Image.fromarray(RAMP).convert(mode), form, **options)
    path = tmp_path / f"x.{form.lower()}"
    path.write_bytes(data)
    grey = open_grey(data)
    assert grey.dtype == np.uint8
    assert grey.shape == RAMP.shape
    assert np.abs(grey.astype(int) - RAMP).max() <= (12 if form == "JPEG" else 1)
    assert np.array_equal(grey, open_grey(path))
    assert np.array_equal(grey, open_grey(str(path)))
    assert np.array_equal(grey, open_grey(bytearray(data)))
    assert np.array_equal(grey, open_grey(memoryview(data)))


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "group4"])
def test_tiff_compressions(compression):
    black_white = np.where(RAMP > 127, 255, 0).astype(np.uint8)
    mode = "1" if compression == "group4" else "L"
    data = saved(Image.fromarray(black_white).convert(mode), "TIFF", compression=compression)
    assert np.array_equal(open_grey(data), black_white)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "P", "La", "RGBa", "LAB"])
def test_every_mode_keeps_dark_dark_and_light_light(mode):
    grey = Image.fromarray(RAMP)
    if mode in ("La", "LAB"):
        whole = grey if mode == "LAB" else grey.convert("LA")
        if mode == "La":
            picture = whole.convert("La")
        else:
            middle = Image.new("L", grey.size, 128)
            picture = Image.merge("LAB", (grey, middle, middle))
    elif mode == "RGBa":
        picture = grey.convert("RGBA").convert("RGBa")
    else:
        picture = grey.convert("RGB").convert(mode) if mode in ("CMYK", "YCbCr", "HSV") else grey.convert(mode)
    assert picture.mode == mode
    assert np.abs(open_grey(picture).astype(int) - RAMP).max() <= 3


def test_one_bit():
    data = saved(Image.fromarray(RAMP > 127), "PNG")
    assert np.array_equal(open_grey(data), np.where(RAMP > 127, 255, 0))


@pytest.mark.parametrize("mode", ["LA", "RGBA", "PA"])
def test_what_is_transparent_is_white_paper_whatever_colour_hides_there(mode):
    alpha = np.zeros_like(RAMP)
    alpha[:, :20] = 255  # the right half is black behind full transparency
    black = Image.new("L", (40, 12), 0)
    picture = Image.merge("LA", (black, Image.fromarray(alpha)))
    picture = picture if mode == "LA" else picture.convert("RGBA").convert(mode)
    grey = open_grey(picture)
    assert (grey[:, :20] == 0).all()
    assert (grey[:, 20:] == 255).all()


@pytest.mark.parametrize("form", ["PNG", "GIF"])
def test_a_transparent_palette_entry_is_paper(form):
    picture = Image.fromarray(np.where(RAMP > 127, 1, 0).astype(np.uint8), "L").convert("P")
    picture = Image.fromarray(np.asarray(picture)).convert("P")
    picture.putpalette([0, 0, 0, 0, 0, 0] + [0, 0, 0] * 254)  # both are black; only entry 0 can be seen
    grey = open_grey(saved(picture, form, transparency=1))
    assert np.array_equal(grey, np.where(RAMP > 127, 255, 0))


def test_a_half_transparent_stroke_is_half_as_dark():
    assert open_grey(np.array([[[0, 0, 0, 128]]], np.uint8))[0, 0] == pytest.approx(127, abs=1)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bits_grey_are_scaled_not_clipped(form):
    data = saved(Image.fromarray(RAMP.astype(np.uint16) * 257), form)
    assert np.array_equal(open_grey(data), RAMP)


def test_sixteen_bits_colour():
    rows = b"".join(b"\0" + np.repeat(row.astype(">u2") * 257, 3).tobytes() for row in RAMP)
    header = struct.pack(">IIBBBBB", 40, 12, 16, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    assert np.abs(open_grey(data).astype(int) - RAMP).max() <= 1


@pytest.mark.parametrize(("mode", "values"), [
    ("I;16", RAMP.astype("<u2") * 257),
    ("I;16B", RAMP.astype("<u2") * 257),
    ("I", RAMP.astype(np.int32) * 257),
    ("I", RAMP.astype(np.int32)),
    ("F", RAMP.astype(np.float32)),
    ("F", RAMP.astype(np.float32) / 255),
])  # fmt: skip
def test_wide_modes_by_their_range(mode, values):
    if mode == "I;16B":
        picture = Image.frombytes("I;16B", (40, 12), values.astype(">u2").tobytes())
    else:
        picture = Image.fromarray(values)
    assert picture.mode == mode
    assert np.abs(open_grey(picture).astype(int) - RAMP).max() <= 1


def test_float_tiff_with_nan_is_a_picture():
    values = RAMP.astype(np.float32) / 255
    values[3, 3] = np.nan
    grey = open_grey(saved(Image.fromarray(values), "TIFF"))
    assert grey[3, 3] == 0
    assert np.abs(grey.astype(int) - RAMP)[5:].max() <= 1


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WebP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_and_mirrors_are_undone(orientation, form):
    undo = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
            5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
            8: Image.Transpose.ROTATE_270}  # fmt: skip
    upright = Image.fromarray(np.kron(RAMP, np.ones((8, 8), np.uint8)))
    stored = upright.transpose(undo[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95} if form in ("JPEG", "WebP") else {}
    grey = open_grey(saved(stored, form, exif=exif, **options))
    assert grey.shape == (96, 320)
    assert np.abs(grey.astype(int) - np.asarray(upright)).mean() < 4


@pytest.mark.parametrize("form", ["GIF", "TIFF", "WebP", "PNG"])
def test_of_several_frames_or_pages_the_first(form):
    frames = [Image.new("L", (30, 20), value) for value in (200, 20, 90)]
    data = saved(
        frames[0], form, save_all=True, append_images=frames[1:], **({"lossless": True} if form == "WebP" else {})
    )
    assert np.abs(open_grey(data).astype(int) - 200).max() <= 1


@pytest.mark.parametrize("name", ["a b.png", "Tiếng Việt chữ viết.png", "日本語.png", "a'\"$%.png"])
def test_any_file_name(name, tmp_path):
    folder = tmp_path / "thư mục 写真"
    folder.mkdir()
    (folder / name).write_bytes(saved(Image.fromarray(RAMP), "PNG"))
    assert np.array_equal(open_grey(folder / name), RAMP)
    assert np.array_equal(open_grey(os.fspath(folder / name)), RAMP)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 20_000), (48, 20_000), (20_000, 3)])
def test_extreme_shapes_open_and_scale(shape):
    picture = np.full(shape, 77, np.uint8)
    grey = open_grey(saved(Image.fromarray(picture), "PNG"))
    assert np.array_equal(grey, picture)
    line = to_height(grey, 48)
    assert line.shape == (48, max(1, int(shape[1] * 48 / shape[0] + 0.5)))
    assert (line == 77).all()


def test_to_height_keeps_the_order_of_columns_and_takes_a_width():
    assert (np.diff(to_height(RAMP, 24, 100)[12].astype(int)) >= 0).all()
    assert to_height(RAMP, 24, 100).shape == (24, 100)
    assert np.array_equal(to_height(RAMP, 12), RAMP)


@pytest.mark.parametrize(
    ("shape", "turned"), [((90, 20), True), ((30, 20), True), ((29, 20), False), ((20, 20), False), ((1, 1), False),
                          ((20, 90), False), ((3, 1), True)],
)  # fmt: skip
def test_lay_flat_turns_what_is_half_as_tall_again_as_wide(shape, turned):
    picture = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    before = picture.copy()
    flat = lay_flat(picture)
    assert flat.shape == (shape[::-1] if turned else shape) and flat.flags.c_contiguous
    assert np.array_equal(picture, before)
    if turned:  # the top comes to lie left, the right side on top
        assert np.array_equal(flat[:, 0], picture[0, ::-1]) and np.array_equal(flat[0], picture[:, -1])
    else:
        assert np.array_equal(flat, picture)


def test_pad_batch_keeps_every_line_and_its_width():
    lines = [np.full((4, width), width, np.uint8) for width in (3, 7, 1)]
    images, widths = pad_batch(lines, 9)
    assert images.shape == (3, 4, 9)
    assert widths.tolist() == [3, 7, 1]
    assert widths.dtype == np.int64
    for row, line in zip(images, lines):
        assert np.array_equal(row[:, : line.shape[1]], line)
    assert pad_batch(lines)[0].shape == (3, 4, 7)


@pytest.mark.parametrize("array", [
    RAMP > 127,
    RAMP.astype(np.uint16) * 257,
    RAMP.astype(np.int64),
    RAMP.astype(np.int16),
    RAMP.astype(np.uint32),
    RAMP.astype(np.float16) / 255,
    RAMP.astype(np.float32) / 255,
    RAMP.astype(np.float64),
    RAMP[:, :, None],
    np.repeat(RAMP[:, :, None], 3, 2),
    np.repeat(RAMP[:, :, None], 3, 2).astype(float) / 255,
    np.dstack([RAMP, RAMP, RAMP, np.full_like(RAMP, 255)]),
    np.asfortranarray(RAMP),
    RAMP[::-1, ::-1][::-1, ::-1],
    np.repeat(np.repeat(RAMP, 2, 0), 3, 1)[::2, ::3],
    np.repeat(RAMP[:, :, None], 6, 2)[:, :, ::2],
    np.broadcast_to(RAMP[:, :, None], (12, 40, 3)),
], ids=lambda array: f"{array.dtype}{array.shape}")  # fmt: skip
def test_arrays_of_many_kinds(array):
    before = array.copy()
    grey = open_grey(array)
    assert grey.dtype == np.uint8
    assert grey.flags.c_contiguous
    assert np.array_equal(array, before)
    wanted = np.where(RAMP > 127, 255, 0) if array.dtype == np.bool_ else RAMP
    assert np.abs(grey.astype(int) - wanted).max() <= 1


def test_numbers_that_are_none_do_not_spoil_an_array():
    values = RAMP.astype(float) / 255
    values[0, :3] = np.nan, np.inf, -np.inf
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        grey = open_grey(values)
        assert (open_grey(np.full((3, 3), np.nan)) == 0).all()
    assert (grey[0, :3] == 0).all()
    assert np.abs(grey.astype(int) - RAMP)[4:].max() <= 1


@pytest.mark.parametrize(("low", "high"), [(-5, 300), (-1e9, 1e30)])
def test_numbers_out_of_range_are_clipped_not_wrapped(low, high):
    grey = open_grey(np.array([[low, high]], dtype=type(low)))
    assert grey.tolist() == [[0, 255]]


@pytest.mark.parametrize("array", [
    np.zeros((0, 5), np.uint8), np.zeros((5, 0), np.uint8), np.zeros((5, 0, 3), np.uint8), np.zeros(()), np.zeros(7),
    np.zeros((5, 5, 2)), np.zeros((5, 5, 5)), np.zeros((1, 5, 5, 3)), np.array([["a", "b"]]), np.array([[None, {}]]),
    np.zeros((4, 4), complex), np.zeros((4, 4), "M8[s]"), np.zeros((4, 4), [("a", int)]),
], ids=lambda array: f"{array.dtype}{array.shape}")  # fmt: skip
def test_arrays_that_are_no_pictures(array):
    assert fault(array, "scan 7").startswith("scan 7: ")
    assert "expected" in fault(array)


@pytest.mark.parametrize("source", [None, 5, 1.5, [1, 2], {"a": 1}, object()])
def test_what_is_no_source_at_all(source):
    message = fault(source)
    assert type(source).__name__ in message
    assert "path" in message


def test_pil_pictures_of_no_size_or_closed(tmp_path):
    assert "0 x 5" in fault(Image.new("L", (0, 5)))
    Image.fromarray(RAMP).save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        pass
    fault(picture, "closed one")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WebP", "BMP", "GIF"])
@pytest.mark.parametrize("part", [0.02, 0.5, 0.9])
def test_files_cut_short(form, part, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (90, 120), dtype=np.uint8)
    data = saved(Image.fromarray(noise), form)
    path = tmp_path / "thư cắt.img"
    path.write_bytes(data[: int(len(data) * part)])
    message = fault(path)
    assert message.startswith(f"{path}: ")
    assert "damaged" in message or "not a picture" in message


@pytest.mark.parametrize(("data", "reason"), [
    (b"", "empty"),
    (b"hello, this is a letter in plain text", "not a picture"),
    (b"%PDF-1.7\n1 0 obj\n", "not a picture"),
    (b"PK\x03\x04" + bytes(200), "not a picture"),
    (bytes(1000), "not a picture"),
    (b"\xff" * 1000, "not a picture"),
])  # fmt: skip
def test_files_that_are_no_pictures(data, reason, tmp_path):
    path = tmp_path / "letter.png"
    path.write_bytes(data)
    message = fault(path)
    assert message.startswith(f"{path}: ")
    assert reason in message
    assert "expected" in message
    assert message.replace(str(path), "scan 7") == fault(data, "scan 7")


def test_postscript_is_not_handed_to_another_program(monkeypatch):
    def run(*arguments, **options):
        raise AssertionError("a picture started a program")

    monkeypatch.setattr("subprocess.check_call", run)
    monkeypatch.setattr("subprocess.Popen", run)
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", "gs")
    data = saved(Image.fromarray(RAMP).convert("RGB"), "EPS")
    assert "not a picture" in fault(data)


def test_missing_files_folders_and_impossible_paths(tmp_path):
    assert fault(tmp_path / "none.png").startswith(f"{tmp_path / 'none.png'}: no such file")
    assert "is a folder" in fault(tmp_path)
    assert "is a folder" in fault("")
    assert "no such file" in fault("two\nlines.png")  # still one line: fault checks it
    fault("nul\0.png")
    fault("x" * 5000)
    fault("undecodable\udcff.png")
    (tmp_path / "f.png").write_bytes(b"x")
    fault(tmp_path / "f.png" / "below.png")


def test_the_name_is_the_messages_name():
    assert fault(b"x", "page 3 of a.pdf").startswith("page 3 of a.pdf: ")
    assert fault(b"x", "two\nlines").startswith("two\\nlines: ")
    assert fault(b"x").startswith("bytes: ")


@pytest.mark.parametrize("size", [(60_000, 60_000), (2**31 - 1, 2**31 - 1), (15_000, 15_000), (14_000, 12_800)])
def test_a_bomb_is_refused_by_its_header_alone(size):
    data = png_header(*size)
    tracemalloc.start()
    try:
        message = fault(data, "bomb.png")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert message.startswith("bomb.png: ")
    assert "scale it down" in message
    assert f"{image.MAX_PIXELS:,}" in message
    assert peak < 2_000_000


def test_our_limit_holds_where_an_application_has_lifted_pillows(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert "60000 x 60000" in fault(png_header(60_000, 60_000))
    assert "scale it down" in fault(png_header(13_378, 13_378))


def test_large_pictures_under_the_limit_open_without_a_warning(tmp_path):
    (tmp_path / "a.png").write_bytes(saved(Image.fromarray(RAMP), "PNG"))
    code = "import sys; from PIL import Image; from netchu.image import open_grey; Image.MAX_IMAGE_PIXELS = 300\n"
    code += "print(open_grey(sys.argv[1]).shape)"  # 480 pixels: Pillow would warn over 300 and refuse over 600
    found = subprocess.run([sys.executable, "-c", code, tmp_path / "a.png"], capture_output=True, text=True)
    assert (found.stdout, found.stderr) == ("(12, 40)\n", "")


def test_too_little_memory_is_not_called_damage(monkeypatch):
    def load(self):
        raise MemoryError

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", load)
    assert "memory" in fault(saved(Image.fromarray(RAMP), "PNG"))


def test_opening_leaves_the_warning_filters_of_the_process_alone():
    before = list(warnings.filters)
    open_grey(saved(Image.fromarray(RAMP), "PNG"))
    assert list(warnings.filters) == before


def test_source_is_not_changed():
    picture = Image.fromarray(RAMP).convert("RGBA")
    before = picture.tobytes()
    open_grey(picture)
    assert (picture.mode, picture.tobytes()) == ("RGBA", before)


def test_suffixes_all_open(tmp_path):
    for suffix in sorted(image.SUFFIXES):
        mode = "1" if suffix == ".pbm" else "L"
        path = Path(tmp_path / f"x{suffix}")
        Image.fromarray(RAMP).convert(mode).convert("RGB" if suffix == ".ppm" else mode).save(path)
        assert open_grey(path).shape == RAMP.shape


@pytest.mark.skipif(not features.check("avif"), reason="a Pillow without AVIF")
def test_avif_is_read_and_its_files_are_found(tmp_path):
    drawn = np.full((40, 300), 255, np.uint8)
    drawn[10:30, 50:200] = 30
    Image.fromarray(drawn).save(tmp_path / "line.avif", quality=95)
    assert np.abs(open_grey(tmp_path / "line.avif").astype(int) - drawn).max() < 30
    assert list(expand([str(tmp_path)])) == [str(tmp_path / "line.avif")]
