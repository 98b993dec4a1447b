"""Lexicon re-scoring against scoring every path there is."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchu.decode.ctc import greedy
from netchu.decode.frames import log_probabilities
from netchu.decode.rescore import Rescoring, log_prob, make_lines
from netchu.errors import NetchuError
from netchu.text import Charset

ABC = Charset.from_symbols("abc ")


def draw(seed: int, frames: int, width: int = 5, sharp: float = 2.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, sharp, (frames, width)).astype(np.float32)


def enumerate_all(log_probs: np.ndarray) -> dict[tuple[int, ...], float]:
    """Every text -> the log of the probabilities of its paths, added up."""
    frames, width = log_probs.shape
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(width), repeat=frames):
        text = tuple(state for state, _ in itertools.groupby(path) if state)
        found[text] = found.get(text, 0.0) + math.exp(log_probs[np.arange(frames), path].sum())
    return {text: math.log(total) for text, total in found.items()}


def log_softmax(logits: np.ndarray) -> np.ndarray:
    return log_probabilities(logits, len(logits), 1.0, logits.shape[1])[0]


@pytest.mark.parametrize("seed", range(3))
def test_scores_are_those_of_all_paths(seed: int) -> None:
    log_probs = log_softmax(draw(seed, 5))
    for text, expected in enumerate_all(log_probs).items():
        assert log_prob(log_probs, text) == pytest.approx(expected, abs=1e-9)
    assert log_prob(log_probs, [1, 1, 1, 1]) == -math.inf


words = st.lists(st.text("abc", min_size=1, max_size=5), min_size=1, max_size=30)


@settings(max_examples=60, deadline=None)
@given(words, st.integers(0, 1000), st.integers(1, 12), st.sampled_from([0.5, 2.0, 8.0]), st.integers(1, 4))
def test_infinite_tolerance_is_scoring_everything(
    entries: list[str], seed: int, frames: int, sharp: float, ranked: int
) -> None:
    logits = draw(seed, frames, sharp=sharp)
    log_probs = log_softmax(logits)
    scores = {text: log_prob(log_probs, ABC.encode(text)) for text in entries}
    possible = sorted((score for score in scores.values() if score > -math.inf), reverse=True)
    reading = Rescoring(ABC, entries, tolerance=math.inf, ranked=ranked)(logits, frames)
    if not possible:
        assert "no entry of the lexicon fits" in reading.note
        assert reading.classes == greedy(logits, frames).classes
        return
    assert [score for _, score in reading.ranked] == pytest.approx(possible[:ranked], abs=1e-9)
    assert all(scores[ABC.decode(classes)] == pytest.approx(score, abs=1e-9) for classes, score in reading.ranked)
    assert reading.classes == reading.ranked[0][0]
    assert ABC.decode(reading.classes) in entries  # it never leaves the lexicon


@settings(max_examples=30, deadline=None)
@given(words, st.integers(0, 1000), st.integers(0, 3))
def test_tolerance_counts_from_the_nearest(entries: list[str], seed: int, tolerance: int) -> None:
    from rapidfuzz.distance import Levenshtein

    logits = draw(seed, 12)
    read = ABC.decode(greedy(logits, 12).classes)
    distances = {text: Levenshtein.distance(read, text) for text in entries}
    near = [text for text, far in distances.items() if far <= min(distances.values()) + tolerance]
    log_probs = log_softmax(logits)
    expected = max(log_prob(log_probs, ABC.encode(text)) for text in near)
    reading = Rescoring(ABC, entries, tolerance=tolerance)(logits, 12)
    assert reading.ranked[0][1] == pytest.approx(expected, abs=1e-9)


def peaked(text: str, frames: int, height: float = 6.0) -> np.ndarray:
    """Logits that read `text`, a letter every third frame."""
    logits = np.zeros((frames, len(ABC)), np.float32)
    logits[:, 0] = height / 2
    for place, label in enumerate(ABC.encode(text)):
        logits[3 * place + 1, label] = height
    return logits


def test_reads_the_entry_and_where_it_stands() -> None:
    reading = Rescoring(ABC, ["abb", "bca", "cab cab"])(peaked("aba", 12), 12)
    assert ABC.decode(reading.classes) == "abb"
    assert reading.starts[:2] == (1, 4)
    assert all(start < end for start, end in zip(reading.starts, reading.ends))
    assert reading.confidences[0] > 0.9 > reading.confidences[2]
    assert reading.note == ""


def test_a_lexicon_with_the_call() -> None:
    decoder = Rescoring(ABC, ["aaa"])
    logits = peaked("abc", 12)
    assert ABC.decode(decoder(logits, 12, lexicon=["abb", "cca"]).classes) == "abb"
    assert ABC.decode(decoder(logits, 12, lexicon=make_lines(["cca"], ABC)).classes) == "cca"
    assert ABC.decode(decoder(logits, 12).classes) == "aaa"
    assert ABC.decode(Rescoring(ABC)(logits, 12, lexicon=["ab c"]).classes) == "ab c"
    with pytest.raises(NetchuError, match="there is no lexicon"):
        Rescoring(ABC)(logits, 12)


def test_a_reading_surer_than_the_lexicon_is_left_alone() -> None:
    logits = peaked("abc", 12, height=12)
    entries = ["abb", "aaa"]
    log_probs = log_softmax(logits)
    gap = log_prob(log_probs, ABC.encode("abc")) - log_prob(log_probs, ABC.encode("abb"))
    assert ABC.decode(Rescoring(ABC, entries, margin=gap + 0.01)(logits, 12).classes) == "abb"
    left = Rescoring(ABC, entries, margin=gap - 0.01)(logits, 12)
    assert ABC.decode(left.classes) == "abc"
    assert "no entry of the lexicon is likely enough" in left.note
    assert ABC.decode(Rescoring(ABC, [*entries, "abc"], margin=0)(logits, 12).classes) == "abc"


def test_temperature_and_padding() -> None:
    logits = draw(3, 20)
    decoder = Rescoring(ABC, ["ab", "ba", "cb"], math.inf, ranked=3)
    scored = dict(decoder(logits, 9, 2.0).ranked)
    log_probs = log_softmax(logits[:9] / 2)
    assert scored == {classes: pytest.approx(log_prob(log_probs, classes), abs=1e-6) for classes in scored}


def test_long_lines_and_many_entries_lose_no_digits() -> None:
    charset = Charset.from_symbols("abcdefghijklmnopqrstuvwxyz")
    rng = np.random.default_rng(5)
    entries = ["".join(rng.choice(list("abcdefgh"), 30)) for _ in range(2000)]
    logits = rng.normal(0, 3, (150, len(charset))).astype(np.float32)
    log_probs = log_softmax(logits)
    expected = max(log_prob(log_probs, charset.encode(text)) for text in entries)
    assert Rescoring(charset, entries, math.inf)(logits, 150).ranked[0][1] == pytest.approx(expected, abs=1e-9)


def test_bad_input() -> None:
    logits = draw(0, 9)
    for nothing in ([], ["", "  "]):
        with pytest.raises(NetchuError, match="the lexicon is empty"):
            Rescoring(ABC, nothing)
        with pytest.raises(NetchuError, match="the lexicon is empty"):
            Rescoring(ABC, ["a"])(logits, 9, lexicon=nothing)
    with pytest.raises(NetchuError, match=r"none of the lexicon's 2 entries .* 'xy' needs U\+0078"):
        Rescoring(ABC, ["xy", "z"])
    assert make_lines(["xy", "ab", "ab ", " ab"], ABC).left_out == ("xy",)
    assert make_lines(["xy", "ab", "ab ", " ab"], ABC).texts == ("ab",)
    for options in ({"tolerance": -1}, {"margin": -1.0}, {"ranked": 0}, {"tolerance": math.nan}):
        with pytest.raises(NetchuError, match="must be"):
            Rescoring(ABC, ["a"], **options)
    with pytest.raises(NetchuError, match="not those of a model with 5 classes"):
        Rescoring(ABC, ["a"])(logits[:, :4], 9)


def test_short_lines_and_broken_frames() -> None:
    decoder = Rescoring(ABC, ["abc", "ab"])
    logits = draw(1, 9)
    assert decoder(logits, 0).classes == ()
    assert "no entry of the lexicon fits the line's 1 frames" in decoder(logits, 1).note
    assert decoder(logits, 2).classes == (1, 2)
    logits[3:5] = np.nan
    reading = decoder(logits, 9)
    assert ABC.decode(reading.classes) in ("abc", "ab")
    assert "2 of 9 frames are not numbers" in reading.note
