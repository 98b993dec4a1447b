"""Fitting a temperature and calibrations on logits whose truth is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from netchu.calibration import Calibration, Logistic
from netchu.compose import compose
from netchu.data.lines import LineSet, Sample
from netchu.decode.ctc import greedy
from netchu.decode.reading import Reading
from netchu.errors import NetchuError
from netchu.reliability import examine
from netchu.session import ModelInfo
from netchu.text import Charset
from netchu.tune import FOLDS, Marks, Seen, cross_fit, fit, see, tune

CHARSET = Charset.from_symbols(" abcdefg")
INFO = ModelInfo("m", CHARSET, height=8, stride=4)


def drawn(name: str, lines: int, truth: float, seed: int, chars: int = 12) -> Seen:
    """Lines whose characters are drawn from softmax(logits / truth): reading them at `truth` is as sure as right."""
    rng = np.random.default_rng(seed)
    texts, logits = [], []
    for _ in range(lines):
        frames = np.full((2 * chars, len(CHARSET)), -30.0, np.float32)
        frames[1::2, 0] = 30  # a blank after each
        frames[::2, 2:] = rng.normal(0, 12, (chars, len(CHARSET) - 2))  # few are wrong, so none is out of step
        shares = np.exp(frames[::2, 2:].astype(np.float64) / truth)
        shares /= shares.sum(1, keepdims=True)
        picks = (shares.cumsum(1) < rng.random((chars, 1))).sum(1)
        texts.append("".join(CHARSET.symbols[2 + pick] for pick in picks))
        logits.append(frames)
    return Seen(name, tuple(texts), tuple(k % FOLDS for k in range(lines)), tuple(logits))


def marks(confidence: float, right: list[int], folds: list[int]) -> Marks:
    return Marks(np.full(len(right), confidence), np.array(right, bool), np.array(folds, np.int64))


def test_the_temperature_is_found_and_the_maps_make_confidence_probability() -> None:
    seen = drawn("one", 250, truth=3.0, seed=0)
    tuned = tune(INFO, [seen], {"greedy": greedy})
    assert tuned.temperature == pytest.approx(3.0, rel=0.07)
    gains = {gain.level: gain for gain in tuned.gains}
    assert set(gains) == {"char", "word", "line"} and gains["char"].count == 250 * 12
    assert gains["char"].before > 0.1 > 3 * gains["char"].after
    assert gains["char"].after < 2 * gains["char"].chance
    fresh = drawn("two", 250, truth=3.0, seed=9)
    paper = np.zeros((8, 1), np.uint8)
    calibration = tuned.calibration["greedy"]
    lines = [
        compose(greedy(frames, len(frames), tuned.temperature), CHARSET, paper, 1.0, calibration, boxes=False)
        for frames in fresh.logits
    ]
    found = examine(fresh.texts, lines).levels
    assert found["char"].ece < 2 * found["char"].chance and found["line"].ece < 2 * found["line"].chance + 0.01


def test_every_decoder_gets_its_own_map() -> None:
    def bold(logits: np.ndarray, length: int, temperature: float = 1.0) -> Reading:
        found = greedy(logits, length, temperature)
        return Reading(found.classes, found.starts, found.ends, (0.999,) * len(found.classes))

    tuned = tune(INFO, [drawn("one", 60, 1.0, 0)], {"greedy": greedy, "bold": bold})
    assert set(tuned.calibration) == {"greedy", "bold"}
    shares = {gain.decoder: gain.before for gain in tuned.gains if gain.level == "char"}
    assert shares["bold"] > 2 * shares["greedy"]
    right = float(tuned.calibration["bold"].char([0.999])[0])
    assert 0.4 < right < 0.95  # as sure as it is often right


def test_sets_weigh_the_same_whatever_their_size() -> None:
    small, large = marks(0.5, [1, 1, 1, 0] * 5, [0] * 20), marks(0.5, [1, 0, 0, 0] * 500, [0] * 2000)
    assert fit([small, large])([0.5])[0] == pytest.approx(0.5, abs=0.005)
    assert fit([large])([0.5])[0] == pytest.approx(0.25, abs=0.005)


def test_no_line_is_mapped_by_a_map_that_saw_it() -> None:
    both = marks(0.5, [1] * 50 + [0] * 50, [0] * 50 + [1] * 50)
    (mapped,) = cross_fit([both])
    assert mapped[:50].max() < 0.1 and mapped[50:].min() > 0.9
    assert fit([both], without=0)([0.5])[0] < 0.1
    assert cross_fit([marks(0.5, [], []), marks(0.7, [1], [0])])[1].shape == (1,)
    assert fit([marks(0.5, [], [])]) == Logistic()


def test_one_line_of_nothing_leaves_a_usable_map() -> None:
    empty = Seen("one", ("ab",), (0,), (np.zeros((0, len(CHARSET)), np.float32),))
    tuned = tune(INFO, [empty], {"greedy": greedy})
    assert Calibration.from_json(tuned.calibration["greedy"].to_json()) == tuned.calibration["greedy"]


def test_no_lines_is_an_error(tmp_path: Path) -> None:
    from netchu.session import Session
    from netchu.zoo import find

    session = Session(find("vi"))
    with pytest.raises(NetchuError, match="no lines"):
        see(session, session.info, "one", LineSet(tmp_path, ()))
    with pytest.raises(NetchuError, match=r"gone\.png"):
        see(session, session.info, "one", LineSet(tmp_path, (Sample(tmp_path / "gone.png", "a"),)))
