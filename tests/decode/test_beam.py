"""The beam against every path there is, on small cases; and what it must never do, on all."""

import itertools
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from languages import draw_bigrams, every_reading, model, spread, weigh

from netchu.decode.automaton import trie
from netchu.decode.ctc import greedy
from netchu.decode.reading import NOTHING
from netchu.decode.search import MODES, Beam
from netchu.errors import NetchuError
from netchu.text import Charset

CHARSET = Charset.from_symbols("ab 1")
EXACT = {"width": 0, "threshold": math.inf, "least": -math.inf}
WORDS = ("ab", "a", "bab", "aa")


def draw(seed: int, frames: int, width: int = len(CHARSET), scale: float = 2.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, scale, (frames, width)).astype(np.float32)


def chars(seed: int = 1, symbols: str = "ab ") -> object:
    return model("char", tuple(symbols), draw_bigrams(np.random.default_rng(seed), len(symbols)))


def words(seed: int = 2) -> object:
    vocabulary = ("a", "ab", "ba", "bab")  # one that the lexicon lacks, and one less than it has
    return model("word", vocabulary, draw_bigrams(np.random.default_rng(seed), len(vocabulary)), -4.0)


def rules() -> object:
    return trie([CHARSET.encode(text) for text in ("ab 1", "aab", "b1b", "1", "abab", "a b")], [-1.0, 0, 0, 0.5, 0, -2])


LAYERS = {
    "nothing": {},
    "bonus": {"beta": 0.7},
    "characters": {"lm": chars(), "alpha": 0.6, "beta": 0.4},
    "unknown characters": {"lm": chars(3, "b"), "alpha": 1.0},
    "grammar": {"grammar": rules()},
    "words": {"lexicon": WORDS},
    "unknown words": {"lexicon": WORDS, "penalty": 1.5, "word_beta": 0.3},
    **{mode: {"lexicon": WORDS, "word_lm": words(), "mode": mode, "word_alpha": 0.8, "word_beta": 0.5}
       for mode in MODES if mode != "words"},
    "forecast, unknown words": {"lexicon": WORDS, "word_lm": words(4), "penalty": 0.5, "word_alpha": 1.2},
    "grammar and characters": {"grammar": rules(), "lm": chars(5), "beta": -0.2},
    "grammar and words": {"grammar": rules(), "lexicon": WORDS, "penalty": 2.0},
    "all": {"lm": chars(6), "beta": 0.9, "grammar": rules(), "lexicon": WORDS, "word_lm": words(7), "penalty": 1.0},
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("seed", range(2))
def test_without_limits_it_is_enumeration(name, seed):
    logits = draw(seed, 5)
    beam = Beam(CHARSET, **EXACT, **LAYERS[name], ranked=1000)
    wanted = {}
    for classes, acoustic in every_reading(spread(logits)).items():
        score = acoustic + weigh(CHARSET.decode(classes), beam, classes)
        if score > -np.inf:
            wanted[classes] = (score, acoustic)
    found = {hypothesis.classes: (hypothesis.score, hypothesis.acoustic) for hypothesis in beam.search(logits, 5)}
    assert found.keys() == wanted.keys()
    for classes, (score, acoustic) in wanted.items():
        assert found[classes] == pytest.approx((score, acoustic), abs=1e-4)
    scores = [hypothesis.score for hypothesis in beam.search(logits, 5)]
    assert scores == sorted(scores, reverse=True)
    assert beam(logits, 5).classes == max(wanted, key=lambda classes: wanted[classes][0])


@pytest.mark.parametrize("name", LAYERS)
def test_a_narrow_beam_counts_nothing_twice(name):
    for seed in range(8):
        logits = draw(seed, 7, scale=1.0)
        found = Beam(CHARSET, width=3, **LAYERS[name]).search(logits, 7)
        assert len({hypothesis.classes for hypothesis in found}) == len(found) <= 3


def test_a_prefix_that_was_dropped_and_comes_back_is_the_same_prefix():
    # width 2: "a" falls out while "ab" lives, comes back, and becomes "ab" once more
    log_probs = np.log(np.array([
        [0.30, 0.65, 0.05], [0.05, 0.05, 0.90], [0.50, 0.25, 0.25], [0.20, 0.75, 0.05], [0.10, 0.10, 0.80],
        [0.60, 0.20, 0.20], [0.20, 0.20, 0.60], [0.30, 0.40, 0.30],
    ]))  # fmt: skip
    exact = every_reading(log_probs)
    for width in (1, 2, 3, 4, 6):
        found = Beam(Charset.from_symbols("ab"), width=width, threshold=math.inf).search(log_probs, 8)
        assert len({hypothesis.classes for hypothesis in found}) == len(found) == width
        assert all(hypothesis.acoustic <= exact[hypothesis.classes] + 1e-4 for hypothesis in found)


@given(st.integers(0, 10**6), st.integers(0, 14), st.sampled_from([1, 2, 5]), st.sampled_from([0.3, 2.0, 9.0]))
@settings(max_examples=60, deadline=None)
def test_a_lexicon_is_never_left(seed, frames, width, scale):
    beam = Beam(CHARSET, lexicon=WORDS, width=width)
    reading = beam(draw(seed, frames, scale=scale), frames)
    if not reading.note:
        text = CHARSET.decode(reading.classes)
        assert all(word in WORDS for word in text.replace("1", " ").split())
    else:
        assert "the lexicon" in reading.note


@given(st.integers(0, 10**6), st.integers(0, 14), st.sampled_from([1, 2, 5]),
       st.lists(st.text("ab1 ", max_size=6), min_size=1, max_size=5))  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_a_grammar_is_never_broken(seed, frames, width, texts):
    sequences = [CHARSET.encode(text) for text in texts]
    beam = Beam(CHARSET, grammar=trie(sequences), width=width, least=-0.5)
    logits = draw(seed, frames, scale=4.0)
    reading = beam(logits, frames)
    if not reading.note:
        assert list(reading.classes) in sequences
    else:
        assert reading.classes == Beam(CHARSET, width=width, least=-0.5)(logits, frames).classes
    longest = min(len(s) + sum(a == b for a, b in itertools.pairwise(s)) for s in sequences)
    assert not reading.note or frames < longest or width < 5  # a text that fits is found, however unlikely


def test_what_does_not_fit_is_read_without():
    logits = draw(0, 3)
    reading = Beam(CHARSET, grammar=trie([CHARSET.encode("abababab")]))(logits, 3)
    assert reading.note == "nothing that the grammar allows fits the line; read without"
    assert reading.classes == Beam(CHARSET)(logits, 3).classes


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("frames", [0, 1, 2, 40])
def test_odd_lines(name, frames):
    beam = Beam(CHARSET, width=4, **LAYERS[name])
    sharp = np.full((frames, len(CHARSET)), -np.inf, np.float32)
    sharp[np.arange(frames), np.random.default_rng(0).integers(0, len(CHARSET), frames)] = 0
    for logits in (draw(frames, frames), sharp, np.zeros_like(sharp), draw(1, frames) * 1e30):
        reading = beam(logits, frames)
        assert len(reading.classes) == len(reading.starts) == len(reading.ends) == len(reading.confidences)
        assert len(reading.classes) == len(reading.alternatives) <= frames
        assert all(0 <= start < end <= frames for start, end in zip(reading.starts, reading.ends))
        assert all(0 <= confidence <= 1 for confidence in reading.confidences)
        assert all(end <= start for end, start in zip(reading.ends, reading.starts[1:]))


def test_a_charset_of_one_letter():
    charset = Charset.from_symbols("a")
    assert charset.decode(Beam(charset)(draw(0, 9, 2), 9).classes).strip("a") == ""


def test_only_the_frames_that_are_real_are_read():
    logits = draw(3, 9)
    assert Beam(CHARSET)(logits, 4) == Beam(CHARSET)(logits[:4].copy(), 4)
    assert Beam(CHARSET)(logits, 0) == NOTHING or Beam(CHARSET)(logits, 0).ranked == (((), 0.0),)


def test_sure_logits_read_as_the_best_path_does():
    logits = np.zeros((60, len(CHARSET)), np.float32)
    logits[np.arange(60), np.random.default_rng(5).integers(0, len(CHARSET), 60)] = 20
    reading = Beam(CHARSET)(logits, 60)
    best = greedy(logits, 60)
    assert (reading.classes, reading.starts, reading.ends) == (best.classes, best.starts, best.ends)
    assert min(reading.confidences) > 0.99


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_frames_that_are_not_numbers_are_passed_over(bad):
    logits = draw(8, 12, scale=30.0)
    logits[[2, 7], [0, 3]] = bad
    reading = Beam(CHARSET)(logits, 12)
    assert reading.note == "2 of 12 frames are not numbers and were passed over"
    blank = logits.copy()
    blank[[2, 7]] = [0, *[-np.inf] * (len(CHARSET) - 1)]
    assert reading.classes == Beam(CHARSET)(blank, 12).classes


def test_the_same_on_any_number_of_threads():
    lines = [draw(seed, 50, scale=1.5) for seed in range(24)]
    lines += [np.zeros((20, len(CHARSET)), np.float32)] * 4  # everything is a tie
    beam = Beam(CHARSET, width=8, **LAYERS["all"])
    alone = [beam(line, len(line)) for line in lines]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda line: beam(line, len(line)), lines)) == alone
    again = Beam(CHARSET, width=8, **LAYERS["all"])
    assert [again(line, len(line)) for line in lines] == alone


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_any_floats_in_any_order(dtype, order):
    logits = draw(4, 20).astype(np.float16)
    assert Beam(CHARSET)(logits.astype(dtype, order=order), 20) == Beam(CHARSET)(logits, 20)


def test_temperature_divides():
    logits = draw(4, 20)
    assert Beam(CHARSET)(logits, 20, 2.0) == Beam(CHARSET)(logits / 2, 20)


def test_pruning_classes():
    logits = np.log(np.array([[0.5, 0.3, 0.15, 0.04, 0.01]], np.float32))
    count = {top: len(Beam(CHARSET, top=top).search(logits, 1)) for top in (0, 1, 2, 4)}
    assert count == {0: 5, 1: 2, 2: 3, 4: 5}  # the blank always
    assert len(Beam(CHARSET, least=math.log(0.1)).search(logits, 1)) == 3
    assert len(Beam(CHARSET, threshold=math.log(5)).search(logits, 1)) == 3
    assert len(Beam(CHARSET, width=3).search(logits, 1)) == 3


def test_alternatives_are_what_others_read_there():
    logits = np.log(np.array([[0.01, 0.98, 0.01, 0, 0], [1, 0, 0, 0, 0], [0, 0.6, 0.3, 0.1, 0]], np.float32) + 1e-30)
    reading = Beam(CHARSET)(logits, 3)
    assert reading.classes == (1, 1)
    assert reading.confidences == pytest.approx((0.98, 0.6), abs=0.02)
    assert [classes for classes, _ in reading.alternatives[1]] == [2, 3, 0]  # 0: nothing
    assert reading.alternatives[1][0][1] == pytest.approx(0.3, abs=0.01)
    assert [classes for classes, _ in reading.ranked[:3]] == [(1, 1), (1, 2), (1, 3)]


@pytest.mark.parametrize("options, message", [
    ({"width": -1}, "width=-1"),
    ({"width": 10**9}, "width=1000000000"),
    ({"top": 99}, "top=99"),
    ({"ranked": 0}, "ranked=0"),
    ({"alpha": -1.0}, "alpha=-1.0"),
    ({"beta": math.inf}, "beta=inf"),
    ({"penalty": math.nan}, "penalty=nan"),
    ({"least": 1.0}, "least=1.0"),
    ({"mode": "token"}, "known: words, ngrams, forecast, sample"),
    ({"mode": "ngrams", "lexicon": WORDS}, "give a model of words"),
    ({"word_lm": words()}, "needs a lexicon"),
    ({"lexicon": WORDS, "word_lm": chars()}, "one of characters"),
    ({"lexicon": []}, "lexicon is empty"),
    ({"lexicon": ["ж"]}, "another alphabet"),
    ({"grammar": trie([[9]])}, "class 9"),
])  # fmt: skip
def test_options_that_make_no_sense(options, message):
    with pytest.raises(NetchuError, match=message) as found:
        Beam(CHARSET, **options)
    assert "\n" not in str(found.value)


def test_beams_and_logits_that_cannot_be():
    with pytest.raises(NetchuError, match="choose a width of 4000 or less"):
        Beam(CHARSET, width=100_000)(np.zeros((1000, len(CHARSET)), np.float32), 1000)
    with pytest.raises(NetchuError, match="give a width"):
        Beam(CHARSET, width=0)(np.zeros((30, len(CHARSET)), np.float32), 30)
    with pytest.raises(NetchuError, match="model with 5 classes"):
        Beam(CHARSET)(np.zeros((3, 7), np.float32), 3)
    with pytest.raises(NetchuError, match="temperature"):
        Beam(CHARSET)(draw(0, 3), 3, 0.0)
