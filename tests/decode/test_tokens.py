"""Token passing against every path there is."""

import itertools
import math
import re

import numpy as np
import pytest

from netchu.decode.frames import log_probabilities
from netchu.decode.passing import Model, _choose_histories
from netchu.decode.tokens import TokenPassing
from netchu.errors import NetchuError
from netchu.lm.ngram import NGram
from netchu.lm.sources import Source
from netchu.lm.train import Options, train
from netchu.text import Charset

AB = Charset.from_symbols("ab 1")
WORDS = ["a", "ab", "ba", "bb", "aa"]
LINES = ("ab a ab ba", "a ab bb a", "ba ba ab", "aa b a", "bb a ab a", "ab")


def model(order: int, unit: str = "word") -> NGram:
    return train([Source("lines", LINES)], Options(unit=unit, order=order))  # type: ignore[arg-type]


def draw(seed: int, frames: int, sharp: float = 2.0, width: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, sharp, (frames, width)).astype(np.float32)


def worth(text: str, lm: NGram | None, alpha: float, beta: float, penalty: float) -> float:
    """What a text's words weigh; -inf when there is one that must not be."""
    automaton = lm.automaton if lm else None
    state = automaton.start if automaton else 0
    total = 0.0
    for word in re.findall(r"[ab]+", text):
        away, after = 0.0, state
        while automaton and automaton.back[after] >= 0:
            away += float(automaton.back_weights[after] * automaton.scale)
            after = int(automaton.back[after])
        unknown = away + (lm.unknown if lm else 0.0)
        ways = [(alpha * unknown - penalty, after)]
        if word in WORDS:
            label = lm.index.get(word, -1) if lm else -1
            known = automaton.step(state, label) if automaton and label >= 0 else (after, unknown)
            ways.append((alpha * known[1], known[0]))
        weight, state = max(ways)
        total += weight + beta
    return total + (alpha * float(automaton.finals[state] * automaton.scale) if automaton else 0.0)


def enumerate_best(log_probs: np.ndarray, *weights: object) -> tuple[float, set[str]]:
    """The best score of all paths, and the texts that have it."""
    frames, width = log_probs.shape
    best: dict[str, float] = {}
    for path in itertools.product(range(width), repeat=frames):
        text = "".join(AB.symbols[state] for state, _ in itertools.groupby(path))
        score = float(log_probs[np.arange(frames), path].sum())
        best[text] = max(best.get(text, -math.inf), score)
    scores = {text: score + worth(text, *weights) for text, score in best.items()}  # type: ignore[arg-type]
    top = max(scores.values())
    return top, {text for text, score in scores.items() if score > top - 1e-9}


@pytest.mark.parametrize("penalty", [math.inf, 1.0])
@pytest.mark.parametrize(
    ("order", "alpha", "beta"), [(0, 0.5, 0.0), (0, 0.5, 0.7), (1, 1.0, 0.3), (2, 1.0, 0.0), (2, 0.4, 0.5)]
)
def test_finds_the_best_of_all_paths(order: int, alpha: float, beta: float, penalty: float) -> None:
    lm = model(order) if order else None
    decoder = TokenPassing(AB, WORDS, lm, alpha, beta, penalty)
    for seed in range(6):
        for frames in (1, 3, 6):
            logits = draw(seed, frames, 1.0 + seed % 3)
            log_probs = log_probabilities(logits, frames, 1.0, len(AB))[0]
            score, texts = enumerate_best(log_probs, lm, alpha, beta, penalty)
            reading = decoder(logits, frames)
            assert AB.decode(reading.classes) in texts
            if reading.classes:
                assert reading.ranked[0][1] == pytest.approx(score, abs=1e-6)


@pytest.mark.parametrize("density", [0.1, 0.6, 0.98])
def test_the_best_history_of_every_word(density: float) -> None:
    """Words fall back only after histories that have no arc for them, though their arcs may weigh less."""
    rng = np.random.default_rng(1)
    histories, words = 60, 40
    for _ in range(20):
        arcs = rng.random((histories, words)) < density
        arcs[0] = False
        pairs, back, alone = rng.normal(-9, 3, arcs.shape), rng.normal(-2, 1, histories), rng.normal(-3, 1, words)
        gap = np.where(rng.random(histories) < 0.8, rng.normal(0, 3, histories), -np.inf)
        offsets = np.concatenate([[0], np.cumsum(arcs.sum(1))])
        model = Model(offsets, np.nonzero(arcs)[1].astype(np.int32), pairs[arcs], back, alone, back, back, 1, 0)
        entering, chosen = np.empty(words), np.zeros(words, np.int64)
        _choose_histories(gap, model, entering, chosen)
        expected = gap[:, None] + np.where(arcs, pairs, back[:, None] + alone)
        assert entering == pytest.approx(expected.max(0))
        assert chosen.tolist() == expected.argmax(0).tolist()


def test_words_share_states_only_where_it_loses_nothing() -> None:
    alone, pairs = TokenPassing(AB, WORDS, model(1)), TokenPassing(AB, WORDS, model(2))
    assert alone._network.entries == 1
    assert len(alone._network.label) == 6  # a, aa, ab, b, ba, bb
    assert pairs._network.entries == 5
    assert len(pairs._network.label) == 9


def peaked(text: str, charset: Charset, height: float = 8.0) -> np.ndarray:
    """Logits that read `text`, a letter every third frame."""
    logits = np.zeros((3 * len(text) + 2, len(charset)), np.float32)
    logits[:, 0] = height / 2
    for place, label in enumerate(charset.encode(text)):
        logits[3 * place + 1, label] = height
    return logits


CHARSET = Charset.from_symbols("abcdeghimnoprstu ,.-0123456789()")


@pytest.mark.parametrize("order", [0, 2])
def test_what_stands_between_words_is_not_lost(order: int) -> None:
    words = ["so", "than", "tu", "cho", "a"]
    lm = train([Source("lines", ("so than tu", "cho a tu"))], Options(unit="word", order=2)) if order else None
    decoder = TokenPassing(CHARSET, words, lm)
    for text in ("so 12, (tu) cho-a 3.", "12so.", "- than, 2024", "7", "so"):
        logits = peaked(text, CHARSET)
        reading = decoder(logits, len(logits))
        assert CHARSET.decode(reading.classes) == text
        assert reading.starts == tuple(3 * place + 1 for place in range(len(reading.classes)))


def test_never_leaves_the_lexicon() -> None:
    decoder = TokenPassing(AB, ["ab", "b"])
    for seed in range(30):
        reading = decoder(draw(seed, 40, 3.0), 40)
        assert set(re.findall("[ab]+", AB.decode(reading.classes))) <= {"ab", "b"}


def test_a_penalty_lets_other_words_in() -> None:
    logits = peaked("so dan tu", CHARSET)
    texts = [
        CHARSET.decode(TokenPassing(CHARSET, ["so", "tu", "an"], penalty=penalty)(logits, len(logits)).classes)
        for penalty in (math.inf, 20.0, 1.0)
    ]
    assert texts[0] != "so dan tu"
    assert texts[2] == "so dan tu"


def test_a_model_of_pairs_decides() -> None:
    lm = model(2)
    logits = peaked("ba ab", AB)
    logits[7] = 0
    logits[7, [1, 2]] = 6.0  # "ab" or "bb"
    assert AB.decode(TokenPassing(AB, WORDS, lm, word_alpha=1.0)(logits, len(logits)).classes) == "ba ab"


def test_the_same_on_every_call_with_padding_and_temperature() -> None:
    decoder = TokenPassing(AB, WORDS, model(2))
    logits = draw(3, 30)
    assert decoder(logits, 20) == decoder(logits[:20].copy(), 20) == decoder(logits, 20)
    assert decoder(logits, 20, 2.0) == decoder(logits / 2, 20)


def test_bad_input() -> None:
    with pytest.raises(NetchuError, match="lexicon is empty"):
        TokenPassing(AB, ["12", " "])
    with pytest.raises(NetchuError, match="none of the lexicon's"):
        TokenPassing(AB, ["xyz"])
    with pytest.raises(NetchuError, match="of order 3, token passing takes 1 or 2"):
        TokenPassing(AB, WORDS, model(3))
    with pytest.raises(NetchuError, match="is one of characters"):
        TokenPassing(AB, WORDS, model(2, "char"))
    for options in ({"penalty": -1.0}, {"word_alpha": -1.0}, {"word_beta": math.nan}, {"word_alpha": math.inf}):
        with pytest.raises(NetchuError, match="must be"):
            TokenPassing(AB, WORDS, **options)
    decoder = TokenPassing(AB, WORDS)
    with pytest.raises(NetchuError, match="not those of a model with 5 classes"):
        decoder(draw(0, 4)[:, :4], 4)
    assert decoder(draw(0, 4), 0).classes == ()
    broken = draw(0, 9)
    broken[2] = np.nan
    assert "1 of 9 frames are not numbers" in decoder(broken, 9).note
    impossible = np.full((3, 5), -np.inf, np.float32)
    impossible[:, 1] = 0.0
    impossible[1] = [-np.inf, -np.inf, 0.0, -np.inf, -np.inf]
    assert "no path is possible" in decoder(impossible, 3).note


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = TokenPassing(AB, WORDS, model(2))
    monkeypatch.setattr("netchu.decode.tokens.MOST", 50)
    with pytest.raises(NetchuError, match="a line of 20 frames and a model of pairs of 5 words are too much"):
        decoder(draw(0, 20), 20)
