"""Cut and paste: lines drawn here are cut up, kept in a bank, and pasted into new lines."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn import draw_set, draw_text

from netchu.errors import NetchuError
from netchu.metrics import count
from netchu.read import load
from netchu.synth import pieces
from netchu.synth.bank import Bank, part_of, read_bank
from netchu.synth.cutting import cut_line, lift_ink
from netchu.synth.ink import Ink, Style
from netchu.synth.paste import PasteEngine, PasteTexts, _fit
from netchu.synth.pieces import build_bank

TRAIN = [
    "the river runs down to the sea",
    "a small house near the river",
    "she came down from the hill",
    "number 27, the old mill road",
    "we live near the sea in number 27",
    "the old house on the hill road",
    "Saint Helen came from a small mill",
    "he runs down the road in the dark",
]
VAL = ["zebra quartz"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    splits = ["train"] * len(TRAIN) + ["val"] * len(VAL)
    writers = ["ann", "ann", "ann", "bob", "bob", "bob", "bob", "bob", "eve"]
    return draw_set(tmp_path_factory.mktemp("hand"), TRAIN + VAL, splits, writers, size=40)


@pytest.fixture(scope="module")
def bank(folder: Path) -> Bank:
    said: list[str] = []
    summary = build_bank([folder], "vi", folder / "bank.npz", said.append)
    assert summary.startswith("8 of 8 lines kept") and said
    return read_bank(folder / "bank.npz")


@pytest.fixture(scope="module")
def engine(bank: Bank) -> PasteEngine:
    return PasteEngine(bank)


def write(engine: PasteEngine, text: str, seed: int = 0, truth: bool = False) -> Ink:
    return engine.write(text, Style(1, seed), np.random.default_rng(seed), truth=truth)[0]


def test_ink_is_lifted_off_paper_and_rule() -> None:
    plain = draw_text("Hello there world", 40)
    shade = np.linspace(0, 60, plain.shape[1]).astype(np.int64)
    ruled = np.clip(plain.astype(np.int64) - shade, 0, 255).astype(np.uint8)
    cv2.line(ruled, (0, 50), (ruled.shape[1], 51), 60, 2)
    for start in range(0, ruled.shape[1], 12):
        cv2.line(ruled, (start, 60), (start + 8, 60), 90, 1)  # dashed
    ink, contrast = lift_ink(ruled)
    written = plain < 100
    assert contrast > 100
    assert (ink[written] > 128).mean() > 0.9
    assert ink[plain > 200].mean() < 1.5  # of 255: neither shade nor rules
    assert lift_ink(np.full((60, 200), 220, np.uint8))[1] == 0.0


def spaced(letters: str, gap: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Letters far apart on white paper, and the columns of their middles."""
    paper = np.full((90, gap * (len(letters) + 1)), 235, np.uint8)
    for place, letter in enumerate(letters):
        cv2.putText(paper, letter, (gap * (place + 1) - 12, 65), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 20, 3, cv2.LINE_AA)
    return paper, np.array([gap * (place + 1) for place in range(len(letters))], float)


def test_words_and_letters_are_cut_apart() -> None:
    paper, centres = spaced("nahmor")
    cut = cut_line(paper, ["nah", "mor"], centres)
    assert cut is not None
    left, right = cut.words
    assert left is not None and right is not None
    assert (left.text, right.text) == ("nah", "mor")
    assert left.free.all() and right.free.all()
    for number in (1, 2, 3):
        x0, y0, x1, y1 = left.boxes[number - 1]
        y, x = np.nonzero((left.labels == number) & (left.ink > 100))
        assert len(x) > 50 and x.min() >= x0 and x.max() < x1 and y.min() >= y0 and y.max() < y1
        assert abs(left.left + (x0 + x1) / 2 - centres[number - 1]) < 12
    assert abs(left.top + left.base - 66) < 4
    assert 12 < cut.unit < 30


def test_a_mark_goes_with_the_letter_that_bears_one() -> None:
    paper, centres = spaced("nanmon")
    cv2.line(paper, (152, 30), (160, 22), 20, 3)  # an acute, nearer to the second n than to the a
    cut = cut_line(paper, ["nán", "mon"], centres)
    assert cut is not None and cut.words[0] is not None
    word = cut.words[0]
    mark = word.labels[: 34 - word.top][word.ink[: 34 - word.top] > 100]
    assert len(mark) and (mark == 2).all()


def test_only_training_lines_are_cut(bank: Bank, folder: Path, tmp_path: Path) -> None:
    assert {"the", "river", "27,"} <= set(bank.vocabulary)
    assert not {"zebra", "quartz"} & set(bank.vocabulary)
    assert bank.writers == (f"{folder.name}/ann", f"{folder.name}/bob")
    held = draw_set(tmp_path / "held", VAL, ["val"])
    with pytest.raises(NetchuError, match="no lines whose split is train"):
        build_bank([held], "vi", tmp_path / "bank.npz")
    unsplit = draw_set(tmp_path / "unsplit", TRAIN[:2], size=40)
    with pytest.raises(NetchuError, match="no column split"):
        build_bank([unsplit], "vi", tmp_path / "bank.npz")
    assert not (tmp_path / "bank.npz").exists()
    assert build_bank([unsplit], "vi", tmp_path / "bank.npz", unsplit=True)


def test_a_wrong_transcript_is_left_out(tmp_path: Path) -> None:
    draw_set(tmp_path, TRAIN[:3], ["train"] * 3, size=40)
    table = tmp_path / "lines.tsv"
    swapped = table.read_text().replace(TRAIN[0], "nobody wrote anything like this").replace("hill", "vale")
    table.write_text(swapped)
    build_bank([tmp_path], "vi", tmp_path / "bank.npz")
    bank = read_bank(tmp_path / "bank.npz")
    assert not {"nobody", "vale"} & set(bank.vocabulary)
    assert {"house", "came"} <= set(bank.vocabulary)
    tally = bank.about["tally"]
    assert isinstance(tally, dict)
    assert tally["lines dropped: read otherwise"] == 1
    assert tally["words dropped: read otherwise in their line"] == 1


def test_what_cannot_be_read_back_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_set(tmp_path, TRAIN[:2], ["train"] * 2, size=40)
    monkeypatch.setattr(pieces, "read_back", lambda reader, drawn, units: [len(piece.text) for piece in drawn])
    with pytest.raises(NetchuError, match="none of 2 lines gave a word"):
        build_bank([tmp_path], "vi", tmp_path / "bank.npz")


def test_a_file_that_is_no_bank(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 not really")
    np.savez(tmp_path / "b.npz", x=np.zeros(3))
    for name in ("a.npz", "b.npz"):
        with pytest.raises(NetchuError, match="not a bank of pieces"):
            read_bank(tmp_path / name)
    with pytest.raises(NetchuError, match="no such file"):
        read_bank(tmp_path / "c.npz")


def test_pieces_hold_their_letters(bank: Bank) -> None:
    for number in range(len(bank)):
        piece = bank.piece(number)
        assert piece.text == bank.word(number) and len(piece.boxes) == len(piece.text)
        assert piece.ink[0].any() and piece.ink[-1].any() and piece.ink[:, 0].any() and piece.ink[:, -1].any()
        assert piece.labels.max() <= len(piece.text) and ((piece.labels > 0) == (piece.ink > 0)).mean() > 0.9
    whole = bank.piece(int(bank.whole("river")[0]))
    part = part_of(whole, 0, 2)
    assert part.text == "ri" and part.ink.shape[1] < whole.ink.shape[1] and part.labels.max() == 2


def test_covers_what_can_be_spelt(engine: PasteEngine) -> None:
    assert engine.covers("the old river") and engine.spell("river") == ("river",)
    parts = engine.spell("never")  # nobody wrote it
    assert "".join(parts) == "never" and len(parts) > 1 and engine.covers("the never")
    assert not engine.covers("the zebra") and not engine.covers("") and not engine.covers("the river", vertical=True)
    with pytest.raises(NetchuError, match="cannot write 'zebra'"):
        write(engine, "zebra")


def test_same_state_same_ink(engine: PasteEngine) -> None:
    first, again, other = (write(engine, "the old never road", seed) for seed in (3, 3, 4))
    assert np.array_equal(first.mask, again.mask) and np.array_equal(first.boxes, again.boxes)
    assert first.mask.shape != other.mask.shape or not np.array_equal(first.mask, other.mask)
    state = np.random.default_rng(3)
    known = engine.write("the old never road", Style(1, 3), state, truth=True)
    assert np.array_equal(known[0].mask, first.mask)  # truth changes nothing
    assert known[1].startswith("paste-hand")


def test_ink_has_room_and_every_character_a_place(engine: PasteEngine) -> None:
    text = "she never runs down the road in 27"
    for seed in range(6):
        ink = write(engine, text, seed, truth=True)
        edge = np.ones(ink.mask.shape, bool)
        edge[2:-2, 2:-2] = False
        assert not ink.mask[edge].any() and ink.mask.max() > 200
        assert ink.boxes.shape == (len(text), 4) and ink.labels is not None
        assert (np.diff(ink.boxes[:, [0, 2]].mean(axis=1)) > 0).all()
        assert 0 < ink.base < ink.mask.shape[0]
        for number, (char, box) in enumerate(zip(text, ink.boxes), start=1):
            y, x = np.nonzero((ink.labels == number) & (ink.mask > 100))
            if char == " ":
                assert not len(x)
                continue
            assert len(x)
            inside = (x >= box[0] - 2) & (x <= box[2] + 2) & (y >= box[1] - 2) & (y <= box[3] + 2)
            assert inside.mean() > 0.9


def test_boxes_lean_with_their_letters(bank: Bank) -> None:
    for shear in (-0.4, 0.4):
        piece = _fit(bank.piece(int(bank.whole("hill")[0])), 1.3, 1.1, shear, 0.8)
        for number, box in enumerate(piece.boxes, start=1):
            y, x = np.nonzero((piece.labels == number) & (piece.ink > 100))
            assert abs((x.min() + x.max() + 1) / 2 - (box[0] + box[2]) / 2) < 5
            assert y.min() >= box[1] - 2 and y.max() < box[3] + 2


def test_one_writer_where_one_has_all(engine: PasteEngine, bank: Bank) -> None:
    ids = {engine.write("Saint Helen", Style(0, k), np.random.default_rng(k))[1] for k in range(5)}
    assert ids == {f"paste-{bank.writers[1]}"}  # ann never wrote it


def test_pasted_lines_can_be_read(engine: PasteEngine, bank: Bank) -> None:
    texts = PasteTexts(bank)
    wanted = [texts.sample(np.random.default_rng(k)) for k in range(12)]
    inks = [write(engine, text, k) for k, text in enumerate(wanted)]
    read = load("vi").read_lines([np.pad(255 - ink.mask, 6, constant_values=255) for ink in inks])
    counts = [count(text, line.text) for text, line in zip(wanted, read)]
    assert sum(c.edits for c in counts) / sum(c.units for c in counts) < 0.08


def test_texts_are_spelt_with_whole_words(engine: PasteEngine, bank: Bank) -> None:
    texts = PasteTexts(bank, longest=40)
    drawn = [texts.sample(np.random.default_rng([5, k])) for k in range(100)]
    assert drawn == [texts.sample(np.random.default_rng([5, k])) for k in range(100)]
    known = set(bank.vocabulary)
    assert all(text and len(text) <= 40 and set(text.split(" ")) <= known for text in drawn)
    assert all(engine.covers(text) for text in drawn)
    assert len(set(drawn) - set(TRAIN)) > 50
