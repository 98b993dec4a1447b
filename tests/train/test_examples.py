"""From data sets to examples: every line is used or accounted for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from drawn import draw_set, held_out, words
from PIL import Image

from netchu.data.batch import Pictures
from netchu.errors import NetchuError
from netchu.framing import frame
from netchu.image import open_grey
from netchu.read import to_line
from netchu.text import Charset
from netchu.train.examples import Material, Source, gather


def gathered(*folders: Path, base: Charset | None = None, languages: tuple[str, ...] = ()) -> Material:
    return gather([Source(folder) for folder in folders], 48, 4, languages, base)


def reasons(material: Material) -> Counter[str]:
    return Counter(reject.reason.split(":")[0] for reject in material.rejects)


class TestSource:
    @pytest.mark.parametrize(
        ("text", "path", "weight"),
        [
            ("data", "data", 1.0),
            ("data@0.2", "data", 0.2),
            ("a@b/c@3", "a@b/c", 3.0),
            ("me@home/data", "me@home/data", 1.0),
            ("data@", "data@", 1.0),
        ],
    )
    def test_a_weight_stands_behind_the_last_at(self, text: str, path: str, weight: float) -> None:
        assert Source.parse(text) == Source(Path(path), weight)

    @pytest.mark.parametrize("weight", ["0", "-1", "1001", "nan", "inf"])
    def test_a_weight_out_of_range_is_refused(self, weight: str) -> None:
        with pytest.raises(NetchuError, match=f"data@{weight}: the weight after @ must lie between 0 and 1000"):
            Source.parse(f"data@{weight}")


def test_lines_become_examples(tmp_path: Path) -> None:
    texts = words(10)
    material = gathered(draw_set(tmp_path / "tập", texts, held_out(10)))
    assert [example.text for example in material.train] == [t for n, t in enumerate(texts) if n % 5 != 4]
    assert [example.text for example in material.val] == [texts[4], texts[9]]
    assert material.names == ("tập",)
    assert not material.rejects
    for example in material.train:
        assert material.charset.decode(example.target) == example.text
        rows, columns = frame(open_grey(example.path)).picture.shape
        assert example.width == pytest.approx(columns * 48 / rows, abs=0.5)
    assert material.summary() == "8 lines to train on, 2 to validate on"


def test_the_test_split_is_never_touched(tmp_path: Path) -> None:
    folder = draw_set(tmp_path / "set", ["ab", "cd", "xyz", "ba"], ["train", "val", "test", "test"])
    material = gathered(folder)
    assert {example.text for example in (*material.train, *material.val)} == {"ab", "cd"}
    assert not set("xyz") & set(material.charset.symbols)
    assert not material.rejects


def test_a_set_without_splits_holds_back_a_tenth_and_always_the_same(tmp_path: Path) -> None:
    texts = words(60, longest=9)
    folder = draw_set(tmp_path / "set", texts)
    first, again = gathered(folder), gathered(folder)
    assert first == again
    assert len(first.train) + len(first.val) == 60
    assert 3 <= len(first.val) <= 9
    assert not {example.text for example in first.val} & {example.text for example in first.train}


def test_a_set_without_splits_holds_back_whole_writers(tmp_path: Path) -> None:
    writers = [f"w{number % 6}" for number in range(36)]
    material = gathered(draw_set(tmp_path / "set", words(36), writers=writers))
    side = {
        name: {writers[int(Path(e.path).stem)] for e in part}
        for name, part in (("train", material.train), ("val", material.val))
    }
    assert side["val"]
    assert not side["train"] & side["val"]


def test_a_small_set_without_splits_is_all_trained_on(tmp_path: Path) -> None:
    material = gathered(draw_set(tmp_path / "set", words(19)))
    assert (len(material.train), len(material.val)) == (19, 0)


def test_a_set_of_one_text_cannot_be_split_and_is_trained_on(tmp_path: Path) -> None:
    material = gathered(draw_set(tmp_path / "set", ["the same"] * 25))
    assert (len(material.train), len(material.val)) == (25, 0)


def test_one_line_is_a_data_set(tmp_path: Path) -> None:
    material = gathered(draw_set(tmp_path / "set", ["one"]))
    assert [example.text for example in material.train] == ["one"]
    assert material.val == ()


def test_an_empty_set_is_refused_in_one_line(tmp_path: Path) -> None:
    folder = draw_set(tmp_path / "set", [])
    with pytest.raises(NetchuError, match="has a header but no rows") as caught:
        gathered(folder)
    assert "\n" not in str(caught.value)


def test_a_set_with_nothing_to_train_on_says_so(tmp_path: Path) -> None:
    folder = draw_set(tmp_path / "set", ["ab", "cd"], ["val", "test"])
    with pytest.raises(NetchuError, match="set: no line to train on"):
        gathered(folder)


def test_a_set_whose_every_line_is_unusable_gives_the_first_reason(tmp_path: Path) -> None:
    folder = draw_set(tmp_path / "set", ["ab", "cd"])
    for picture in (folder / "lines").iterdir():
        picture.write_bytes(b"no picture")
    with pytest.raises(NetchuError, match="no line to train on: unreadable picture"):
        gathered(folder)


def test_every_line_left_out_is_counted_with_its_reason(tmp_path: Path) -> None:
    folder = draw_set(tmp_path / "set", ["good one", "m" * 20, "broken", "missing", "fine"])
    Image.new("L", (60, 48), 255).save(folder / "lines/0001.png")  # 15 frames for 20 letters and 19 blanks
    (folder / "lines/0002.png").write_bytes(b"\x89PNG, or so it says")
    (folder / "lines/0003.png").unlink()
    with (folder / "lines.tsv").open("a", encoding="utf-8") as table:
        table.write("lines/0000.png\tagain\nlines/0004.png\n")
    material = gathered(folder)
    assert [example.text for example in material.train] == ["good one", "fine"]
    assert reasons(material) == {
        "label longer than its picture allows": 1,
        "unreadable picture": 1,
        "picture missing": 1,
        "picture named twice with different texts": 1,
        "too few fields": 1,
    }
    longest = next(reject for reject in material.rejects if reject.reason.startswith("label"))
    assert longest.where == "set/lines/0001.png"
    assert "39 frames in 60 columns" in longest.reason
    summary = material.summary()
    assert summary.startswith("2 lines to train on, 0 to validate on; ")
    assert "1 left out: unreadable picture" in summary
    assert "\n" not in summary


def test_a_label_that_just_fits_is_kept(tmp_path: Path) -> None:
    folder = draw_set(tmp_path / "set", ["aab", "aab"])
    Image.new("L", (13, 48), 255).save(folder / "lines/0000.png")  # 4 frames: a, blank, a, b
    Image.new("L", (12, 48), 255).save(folder / "lines/0001.png")  # 3 frames
    material = gathered(folder)
    assert [Path(example.path).stem for example in material.train] == ["0000"]


def test_unknown_characters_in_validation_are_kept_and_counted_against_the_model(tmp_path: Path) -> None:
    folder = draw_set(tmp_path / "set", ["abc", "xyz", "abx"], ["train", "val", "val"])
    material = gathered(folder)
    assert [example.text for example in material.val] == ["xyz", "abx"]
    assert all(example.target == () for example in material.val)
    assert "x" not in material.charset.symbols


def test_a_long_label_in_validation_is_kept(tmp_path: Path) -> None:
    """It cannot be read right; to drop it would flatter the score."""
    folder = draw_set(tmp_path / "set", ["mmmm", "m" * 20], ["train", "val"])
    Image.new("L", (60, 48), 255).save(folder / "lines/0001.png")
    assert [example.text for example in gathered(folder).val] == ["m" * 20]


def test_a_picture_that_its_camera_turned_is_measured_upright(tmp_path: Path) -> None:
    folder = draw_set(tmp_path / "set", ["abc", "abcd"])
    picture = Image.open(folder / "lines/0000.png").copy()
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.rotate(90, expand=True).save(folder / "lines/0000.png", exif=exif)
    rows, columns = frame(np.asarray(picture.convert("L"))).picture.shape
    assert gathered(folder).train[0].width == round(columns * 48 / rows)


class TestCharset:
    def test_it_is_that_of_the_training_lines(self, tmp_path: Path) -> None:
        material = gathered(draw_set(tmp_path / "set", ["ba c", "ab"]))
        assert material.charset.symbols == ("", " ", "a", "b", "c")

    def test_languages_add_their_letters(self, tmp_path: Path) -> None:
        material = gathered(draw_set(tmp_path / "set", ["ab"]), languages=("vi",))
        assert set("ặĐỹ0") <= set(material.charset.symbols)

    def test_an_unknown_language_lists_the_known(self, tmp_path: Path) -> None:
        with pytest.raises(NetchuError, match=r"'xx'; known: .*vi"):
            gathered(draw_set(tmp_path / "set", ["ab"]), languages=("xx",))

    def test_a_base_keeps_its_classes_and_new_characters_come_behind(self, tmp_path: Path) -> None:
        base = Charset.from_symbols("zyab")
        material = gathered(draw_set(tmp_path / "set", ["cab", "d"]), base=base)
        assert material.charset.symbols == ("", "z", "y", "a", "b", "c", "d")

    def test_data_whose_every_label_is_unknown_to_the_base_teaches_new_letters(self, tmp_path: Path) -> None:
        base = Charset.from_symbols("xyz")
        material = gathered(draw_set(tmp_path / "set", ["ab", "ba"], ["train", "val"]), base=base)
        assert material.charset.symbols == ("", "x", "y", "z", "a", "b")
        assert not material.rejects
        assert material.charset.decode(material.train[0].target) == "ab"


class TestSeveralSets:
    def test_each_keeps_its_number_weight_and_digest(self, tmp_path: Path) -> None:
        one, two = draw_set(tmp_path / "one", ["ab", "cd"]), draw_set(tmp_path / "two", ["ef"])
        material = gather([Source(one), Source(two, 0.5)], 48, 4, (), None)
        assert [example.source for example in material.train] == [0, 0, 1]
        assert material.weights == (1.0, 0.5)
        assert material.names == ("one", "two")
        assert len(set(material.digests)) == 2

    def test_sets_of_one_folder_name_stay_apart(self, tmp_path: Path) -> None:
        """Scores and digests go by name: two sets called `train` must not be taken for one."""
        folders = [
            draw_set(tmp_path / part / "train", ["ab"], seed=n) for n, part in enumerate(("old", "new", "x/old"))
        ]
        material = gathered(*folders, draw_set(tmp_path / "other", ["ab"]))
        assert len(set(material.names)) == 4
        assert material.names[1] == "new/train"
        assert material.names[3] == "other"

    def test_one_set_given_twice_is_two_sets(self, tmp_path: Path) -> None:
        folder = draw_set(tmp_path / "set", ["ab"])
        assert gathered(folder, folder).names == ("set", "set (1)") or len(set(gathered(folder, folder).names)) == 2


def test_a_tall_picture_is_a_line_from_the_top_down_for_a_model_that_reads_such(tmp_path: Path) -> None:
    folder = draw_set(tmp_path / "a", words(3))
    samples = gathered(folder).train
    path = Path(samples[0].path)
    line = open_grey(path)
    Image.fromarray(np.rot90(line, -1)).save(path)
    upright, turned = (gather([Source(folder)], 48, 4, (), None, vertical=vertical) for vertical in (False, True))
    assert (upright.direction, turned.direction) == ("ltr", "ltr ttb")
    assert turned.train[0].width == samples[0].width
    assert any("label longer" in reject.reason for reject in upright.rejects)
    assert np.abs(Pictures(vertical=True)(str(path)).astype(int) - frame(line).picture).mean() < 8


@pytest.mark.parametrize("pitch", [None, (0.6, 0.7), (0.01, 0.05)])
def test_a_line_is_as_wide_in_training_as_in_reading(pitch: tuple[float, float] | None, tmp_path: Path) -> None:
    texts = ["bốn mươi lăm", "i", "mmmmmmmmmmmm"]
    material = gather([Source(draw_set(tmp_path, texts))], 48, 4, (), None, pitch=pitch)
    assert len(material.train) == 3 and material.pitch == pitch
    widths = [to_line(frame(open_grey(example.path)).picture, 48, pitch).shape[1] for example in material.train]
    assert [example.width for example in material.train] == widths
    plain = [example.width for example in gathered(tmp_path).train]
    assert (widths[2] == plain[2]) == (pitch is None) and widths[1] == plain[1]  # one stroke tells nothing
