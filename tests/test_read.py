"""The reading path: N in, N out, in order; a line's text is its own; boxes and confidences mean what they say."""

import json
import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

import netchu
import netchu.read as reading
from netchu.decode.ctc import greedy
from netchu.decode.reading import Reading
from netchu.errors import NetchuError
from netchu.image import open_grey, to_height
from netchu.read import Reader, batches, is_blank, load, stepped, to_line
from netchu.records import Line, Page

SAMPLE = open_grey(reading.__file__.replace("read.py", "samples/sample.png"))
WHITE = np.full((60, 400), 255, np.uint8)


def mixed() -> list[np.ndarray]:
    """Line pictures of many sizes, with text and without, some light on dark."""
    columns = SAMPLE.shape[1]
    cuts = [(0, 170), (0, columns), (300, 700), (620, columns), (100, 180), (0, 640), (900, 1000), (400, columns)]
    lines = [SAMPLE[:, left:right] for left, right in cuts]
    lines += [to_height(lines[0], 30), 255 - lines[2], np.dstack([lines[5]] * 3), lines[3] // 4 + 150]
    lines[2:2] = [WHITE, np.zeros((1, 1), np.uint8)]
    return [*lines, np.full((200, 90), 128, np.uint8), SAMPLE[:, :333]]


@pytest.fixture(scope="module")
def reader() -> Reader:
    return netchu.load("vi")


@pytest.fixture(scope="module")
def alone(reader) -> list[Line]:
    """Every line of `mixed`, read by itself."""
    return [reader.read_lines([picture])[0] for picture in mixed()]


def texts(lines) -> list[str]:
    return [line.text for line in lines]


def test_the_lines_under_test_hold_text_and_blanks(alone):
    assert len(set(texts(alone))) > 8
    assert texts(alone).count("") >= 3


def test_the_sample_is_read(reader):
    found = reader.read_lines([SAMPLE])[0].text
    wanted = "Số 12 ngõ 34, phố Huế, quận Hai Bà Trưng, Hà Nội"
    assert sum(a == b for a, b in zip(found, wanted)) > 0.8 * len(wanted)


@pytest.mark.parametrize("columns", [1, 64, 700, 2_000, 8_192, 10**9])
def test_n_in_n_out_in_order_whatever_the_batch(reader, alone, monkeypatch, columns):
    monkeypatch.setattr(reading, "BATCH_COLUMNS", columns)
    calls = []
    run = reader.session.run
    monkeypatch.setattr(reader.session, "run", lambda images, widths: calls.append(len(images)) or run(images, widths))
    found = reader.read_lines(mixed())
    assert texts(found) == texts(alone)
    assert sum(calls) == len(found)
    assert max(calls) == (1 if columns <= 64 else len(found) if columns == 10**9 else max(calls))
    for one, other in zip(found, alone):
        assert one.confidence == pytest.approx(other.confidence, abs=1e-3)
        assert one.polygon == other.polygon
        assert [char.box for char in one.chars] == [char.box for char in other.chars]


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8])
def test_every_number_of_lines(reader, alone, count):
    assert texts(reader.read_lines(mixed()[:count])) == texts(alone)[:count]


def test_shuffled_in_shuffled_out(reader, alone):
    order = list(range(len(alone)))
    for seed in range(3):
        random.Random(seed).shuffle(order)
        pictures = mixed()
        assert texts(reader.read_lines([pictures[k] for k in order])) == [alone[k].text for k in order]


def test_the_same_line_many_times_reads_the_same(reader, alone):
    neighbours = [mixed()[0], *mixed()[4:10]]
    for neighbour in neighbours:
        assert texts(reader.read_lines([SAMPLE, neighbour, SAMPLE]))[::2] == [alone[1].text] * 2


@pytest.mark.parametrize("fill", [0, 255, "noise"])
def test_padding_is_not_read(reader, fill):
    line = to_line(SAMPLE[:, :640], reader.info.height)
    width = line.shape[1]
    images = np.full((1, line.shape[0], width + 300), 0 if fill == "noise" else fill, np.uint8)
    if fill == "noise":
        images[:] = np.random.default_rng(0).integers(0, 256, images.shape)
    images[0, :, :width] = line
    logits, lengths = reader.session.run(images, np.array([width]))
    plain, length = reader.session.run(line[None], np.array([width]))
    assert lengths[0] == length[0] == -(-width // reader.info.stride)
    assert np.abs(logits[0, : lengths[0]] - plain[0]).max() < 1e-3
    assert greedy(logits[0], lengths[0]).classes == greedy(plain[0], length[0]).classes


@pytest.mark.parametrize("threads", [2, 4])
def test_the_text_does_not_depend_on_threads(alone, threads):
    assert texts(netchu.load("vi", threads=threads).read_lines(mixed())) == texts(alone)


def test_nothing_in_nothing_out(reader):
    assert reader.read_lines([]) == []
    assert reader.read_lines(iter(())) == []


def test_any_iterable_and_any_source(reader, tmp_path):
    path = tmp_path / "chữ viết.png"
    Image.fromarray(SAMPLE[:, :640]).save(path)
    sources = (path, str(path), path.read_bytes(), Image.open(path), SAMPLE[:, :640])
    found = texts(reader.read_lines(source for source in sources))
    assert found == found[:1] * 5
    assert found[0]


def test_dark_on_light_and_light_on_dark_read_the_same(reader):
    pictures = [SAMPLE, SAMPLE[:, :640], SAMPLE[:, 620:]]
    dark = reader.read_lines([255 - picture for picture in pictures])
    light = reader.read_lines(pictures)
    assert texts(dark) == texts(light)
    for one, other in zip(dark, light):
        sure = [char.confidence for char in other.chars]
        assert [char.confidence for char in one.chars] == pytest.approx(sure, abs=0.1)


@pytest.mark.parametrize("picture", [
    WHITE, np.zeros((60, 400), np.uint8), np.full((1, 1), 9, np.uint8), np.full((2000, 1500), 250, np.uint8),
    np.full((1500, 2000), 128, np.uint8), np.full((1, 60), 255, np.uint8), np.full((3000, 1), 0, np.uint8),
    np.clip(np.random.default_rng(0).normal(240, 1.5, (2000, 1500)), 0, 255).astype(np.uint8),
], ids=lambda picture: str(picture.shape))  # fmt: skip
def test_a_blank_picture_is_a_page_without_lines(reader, picture):
    page = reader.read(picture)
    assert page == Page(picture.shape[1], picture.shape[0], ())
    assert page.text == ""


def test_a_blank_page_is_blank_whatever_a_model_would_make_of_it(reader, monkeypatch):
    monkeypatch.setattr(reader.session, "run", lambda *arguments: pytest.fail("a blank page went through the model"))
    assert reader.read(np.full((2000, 1500), 250, np.uint8)).lines == ()


def test_what_is_tall_enough_for_several_lines_is_a_page(reader, tmp_path):
    page = np.full((1200, 900), 255, np.uint8)
    for top in range(50, 1100, 100):
        page[top : top + 40, 100:800] = to_height(SAMPLE, 40, 700)
    path = tmp_path / "thư.png"
    Image.fromarray(page).save(path)
    found = reader.read(path)
    assert (found.width, found.height, found.source) == (900, 1200, str(path))
    assert len(found.lines) == 11
    assert [line.polygon for line in reader.read(path.read_bytes(), name="stdin").lines] == [
        line.polygon for line in found.lines
    ]
    forced = reader.read(path, line=True)
    assert (forced.width, forced.height) == (900, 1200)
    assert len(forced.lines) <= 1


def test_a_wide_picture_may_be_a_page_too(reader):
    spread = np.full((600, 3200), 255, np.uint8)
    for left in (100, 1200, 2300):
        for top in (100, 250, 400):
            spread[top : top + 40, left : left + 700] = to_height(SAMPLE, 40, 700)
    assert len(reader.read(spread).lines) == 9


def test_a_word_that_fills_a_tall_picture_is_read_where_no_line_is_found(reader, monkeypatch):
    word = to_height(SAMPLE[:, :170], 300)
    monkeypatch.setattr(type(reader.finder), "find_lines", lambda *given: [])
    assert reader.read(word).lines[0].text == reader.read_lines([word])[0].text
    assert reader.read(word, page=True).lines == ()


@pytest.mark.parametrize("scale", [0.3, 1, 3])
def test_a_line_of_any_resolution_is_no_page(reader, scale):
    picture = to_height(SAMPLE, int(SAMPLE.shape[0] * scale))
    page = reader.read(picture)
    assert len(page.lines) == 1
    assert page.lines[0].polygon[2] == (picture.shape[1], picture.shape[0])


def test_read_gives_the_page_its_source_and_its_line(reader, tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(SAMPLE).save(path)
    page = reader.read(path)
    assert page.source == str(path)
    assert page.lines == (reader.read_lines([SAMPLE])[0],)
    assert page.text == page.lines[0].text
    assert (page.width, page.height) == SAMPLE.shape[::-1]
    assert reader.read(SAMPLE).source == ""
    assert reader.read(SAMPLE, name="scan 7").source == "scan 7"
    assert reader.read(path, line=True) == page


def test_boxes_lie_inside_the_picture_in_order(alone):
    for picture, line in zip(mixed(), alone):
        rows, columns = picture.shape[:2]
        (left, top), _, (right, bottom), _ = line.polygon  # the whole picture, but for wide margins above and below
        assert (left, right) == (0, columns) and 0 <= top < bottom <= rows
        assert line.text == "".join(char.text for char in line.chars)
        assert line.text == line.text.strip()
        for char in line.chars:
            left, top, right, bottom = char.box
            assert 0 <= left <= right <= columns
            assert 0 <= top < bottom <= rows
        for one, other in pairwise(line.chars):
            assert sum(one.box[::2]) <= sum(other.box[::2])
        assert line.text.split() == [word.text for word in line.words]


def test_rough_boxes_cover_the_line(reader, alone):
    for picture, line, fitted in zip(mixed(), reader.read_lines(mixed(), boxes=False), alone):
        columns = picture.shape[1]
        assert replace(line, chars=(), words=()) == replace(fitted, chars=(), words=())
        assert [replace(char, box=()) for char in line.chars] == [replace(char, box=()) for char in fitted.chars]
        edges = [char.box[::2] for char in line.chars]
        assert all(one[1] == other[0] for one, other in pairwise(edges))
        assert not edges or (edges[0][0], edges[-1][1]) == (0, columns)
        assert {char.box[1::2] for char in line.chars} <= {(line.polygon[0][1], line.polygon[2][1])}


@pytest.mark.parametrize("height", [24, 96, 200])
def test_boxes_are_where_the_ink_is(reader, height):
    """The first letter's box ends before the rest of the ink begins to be much, at every resolution."""
    word = SAMPLE[:, :640]
    blank = np.full((96, 500), int(np.median(SAMPLE)), np.uint8)
    picture = to_height(np.hstack([blank, word]), height)
    line = reader.read_lines([picture])[0]
    share = 500 / 1140 * picture.shape[1]
    assert line.chars[1].box[0] > 0.9 * share  # the second character cannot start on the blank part


@pytest.mark.parametrize("decoder", ["greedy", "text"])
def test_confidences_are_shares_and_a_line_is_as_sure_as_all_its_characters(reader, decoder):
    plain = Reader(reader.session, greedy if decoder == "greedy" else reader.decoder)  # a calibration would part them
    for line in plain.read_lines(mixed()):
        if not line.chars:
            assert line.confidence == 0.0
            continue
        sure = [char.confidence for char in line.chars]
        assert all(0 < value <= 1 for value in sure)
        if decoder == "greedy":
            assert line.confidence == pytest.approx(np.prod(sure), abs=1e-6)
        assert line.confidence <= np.prod(sure) + 1e-6  # others know of characters that may be missing, too
        assert all(line.confidence <= word.confidence + 1e-6 for word in line.words)
        assert all(type(value) is float for value in (*sure, *line.chars[0].box, line.confidence))


def test_results_survive_json(alone, reader):
    for line in alone:
        assert Line.from_json(json.loads(json.dumps(line.to_json()))) == line
    page = reader.read(SAMPLE)
    assert Page.from_json(json.loads(json.dumps(page.to_json()))) == page


@pytest.mark.parametrize("shape", [(1, 20_000), (20_000, 1), (5_000, 3), (200, 10)])
def test_absurdly_long_or_narrow_lines_are_bounded(reader, shape, monkeypatch):
    seen = []
    run = reader.session.run
    monkeypatch.setattr(reader.session, "run", lambda *given: seen.append(given[0].shape) or run(*given))
    noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    line = reader.read_lines([noise])[0]
    assert line.polygon[2] == (shape[1], shape[0])
    assert all(0 <= char.box[0] < char.box[2] <= shape[1] for char in line.chars)
    (_, height, width) = seen[0]
    assert height == reader.info.height
    assert 0 < width <= reading.LONGEST * height


@pytest.mark.parametrize(("bad", "name"), [
    ("none.png", "none.png"), (b"xyz", "sources[2]"), (np.zeros((0, 3)), "sources[2]"), (None, "sources[2]"),
    (np.array(["a"]), "sources[2]"), (Image.new("L", (0, 3)), "sources[2]"),
])  # fmt: skip
def test_a_bad_picture_among_good_ones_is_named(reader, bad, name):
    with pytest.raises(NetchuError) as caught:
        reader.read_lines([SAMPLE, WHITE, bad, SAMPLE])
    assert str(caught.value).startswith(f"{name}: ")


def test_load_by_path_and_by_a_wrong_name():
    from netchu import zoo

    path = str(zoo.find("vi"))
    assert texts(load(path).read_lines([SAMPLE])) == texts(load("vi").read_lines([SAMPLE]))
    with pytest.raises(NetchuError, match=r"bundled are .*vi"):
        netchu.load("klingon")


def test_batches_hold_every_line_once_within_the_budget():
    widths = [1, 64, 65, 900, 20_000, 3, 8_192, 8_193, 640] + [500] * 40
    found = list(batches(widths))
    assert sorted(index for batch in found for index in batch) == list(range(len(widths)))
    for batch in found:
        assert batch
        assert len(batch) == 1 or len(batch) * stepped(max(widths[k] for k in batch)) <= reading.BATCH_COLUMNS
    assert list(batches([])) == []
    assert len(found) < 12


@pytest.mark.parametrize(("width", "wanted"), [(1, 32), (32, 32), (33, 64), (1000, 1024)])
def test_stepped(width, wanted):
    assert stepped(width) == wanted


def test_another_decoder_can_be_given(reader):
    def nothing(logits, length, temperature):
        return Reading((), (), (), ())

    assert texts(Reader(reader.session, nothing).read_lines([SAMPLE])) == [""]


def test_is_blank():
    assert is_blank(WHITE)
    assert is_blank(np.zeros((1, 1), np.uint8))
    assert not is_blank(SAMPLE)
    assert not is_blank(255 - SAMPLE)


def test_greedy_merges_repeats_drops_blanks_and_stops_at_the_length():
    best = [0, 2, 2, 0, 2, 1, 1, 0, 3, 3]
    logits = np.full((10, 4), -3.0, np.float32)
    logits[np.arange(10), best] = np.arange(1, 11)
    path = greedy(logits, 8)
    assert path.classes == (2, 2, 1)
    assert (path.starts, path.ends) == ((1, 4, 5), (3, 5, 7))
    sure = [float(1 / (1 + 3 * np.exp(-3.0 - top))) for top in (3, 5, 7)]
    assert path.confidences == pytest.approx(sure, rel=1e-5)
    assert greedy(logits, 10).classes == (2, 2, 1, 3)
    assert greedy(logits, 1) == greedy(logits, 0) == Reading((), (), (), ())
    assert greedy(logits, 8, temperature=5.0).confidences < path.confidences
    assert greedy(logits, 8, temperature=5.0).classes == path.classes


def test_greedy_against_softmax_on_random_logits():
    rng = np.random.default_rng(1)
    for length in (1, 2, 17, 40):
        logits = rng.normal(0, 3, (40, 6)).astype(np.float32)
        path = greedy(logits, length, 1.7)
        shares = np.exp(logits / 1.7) / np.exp(logits / 1.7).sum(1, keepdims=True)
        for index, start, end, sure in zip(path.classes, path.starts, path.ends, path.confidences):
            assert (logits[start:end].argmax(1) == index).all()
            assert sure == pytest.approx(shares[start:end, index].max(), rel=1e-4)
        assert all(one[1] <= other[0] for one, other in pairwise(zip(path.starts, path.ends)))


# --- lines that run from the top down


@pytest.fixture(scope="module")
def downwards(reader) -> Reader:
    """The same model, said to read tall pictures from the top down too."""
    other = Reader(reader.session, reader.decoder, reader.calibration)
    other.info = replace(reader.info, direction="ltr ttb")
    return other


def on_end(picture: np.ndarray) -> np.ndarray:
    """A horizontal line as a vertical one: its left end comes to lie at the top."""
    return np.rot90(picture, -1)


def test_a_tall_picture_is_read_from_the_top_down(downwards, alone):
    tall = on_end(SAMPLE)
    line = downwards.read_lines([tall])[0]
    flat = alone[mixed_place(SAMPLE)]
    assert (line.text, line.confidence) == (flat.text, flat.confidence)
    rows, columns = tall.shape
    assert line.polygon == ((0, 0), (columns, 0), (columns, rows), (0, rows))
    for char, lying in zip(line.chars, flat.chars, strict=True):
        left, top, right, bottom = lying.box
        assert char.box == (columns - bottom, left, columns - top, right)
        assert (char.text, char.confidence) == (lying.text, lying.confidence)
    tops = [char.box[1] for char in line.chars]
    assert tops == sorted(tops) and tops[-1] > 0.8 * rows


def mixed_place(picture: np.ndarray) -> int:
    return next(place for place, other in enumerate(mixed()) if other.shape == picture.shape)


def test_tall_and_long_pictures_can_be_mixed(downwards, alone):
    pictures = mixed()
    turned = [on_end(picture) if k % 2 and picture.shape[1] > 2 * picture.shape[0] else picture
              for k, picture in enumerate(pictures)]  # fmt: skip
    found = downwards.read_lines(turned)
    kept = [
        k for k, picture in enumerate(pictures) if picture.ndim == 2 and 2 * picture.shape[0] < 3 * picture.shape[1]
    ]
    assert len(kept) > 8
    assert [found[k].text for k in kept] == [alone[k].text for k in kept]
    for k in kept:
        assert all(0 <= x <= turned[k].shape[1] and 0 <= y <= turned[k].shape[0] for x, y in found[k].polygon)
        (left, top), _, (right, bottom), _ = found[k].polygon
        assert max(right - left, bottom - top) == max(turned[k].shape)


def test_pages_hold_tall_lines(downwards, reader, tmp_path):
    Image.fromarray(on_end(SAMPLE)).save(tmp_path / "tall.png")
    page = downwards.read(tmp_path / "tall.png")
    assert (page.width, page.height) == SAMPLE.shape
    assert [line.text for line in page.lines] == [reader.read(SAMPLE).lines[0].text]
    assert downwards.read(SAMPLE) == reader.read(SAMPLE)
    large = np.kron(on_end(SAMPLE), np.ones((3, 3), np.uint8))  # no page, however large
    assert len(downwards.read(large).lines) == 1


def test_a_model_that_knows_no_vertical_lines_is_as_before(reader, downwards, alone, monkeypatch):
    assert not reader.info.vertical and downwards.info.vertical
    monkeypatch.setattr(reading, "lay_flat", lambda picture: pytest.fail("turned"))
    tall = on_end(SAMPLE)[:900]
    line = reader.read_lines([tall])[0]
    assert line.polygon == ((0, 0), (tall.shape[1], 0), (tall.shape[1], 900), (0, 900))
    assert texts(reader.read_lines(mixed())) == texts(alone)


@pytest.mark.parametrize(("direction", "vertical"), [("ltr", False), ("ltr ttb", True), ("ttb", True), ("", False)])
def test_directions(reader, direction, vertical):
    assert replace(reader.info, direction=direction).vertical is vertical
