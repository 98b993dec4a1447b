"""Fitting confidences, and measuring them, on data whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchu.calibration import Calibration, Logistic, fit_logistic, fit_temperature, log_loss
from netchu.errors import NetchuError
from netchu.records import Char, Line, Word
from netchu.reliability import cover, examine, judge, measure


def outcomes(p: np.ndarray, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).random(len(p)) < p


def sharpened(p: np.ndarray, slope: float, offset: float = 0.0) -> np.ndarray:
    return 1 / (1 + np.exp(-(slope * np.log(p / (1 - p)) + offset)))


@pytest.fixture
def honest() -> np.ndarray:
    return np.random.default_rng(0).beta(3, 1, 20_000)


def test_perfect_confidences_show_no_error_beyond_chance(honest: np.ndarray) -> None:
    found = measure(honest.tolist(), outcomes(honest).tolist())
    assert found.ece < 0.012
    assert found.chance == pytest.approx(found.ece, abs=0.004)
    assert [each.number for each in found.bins] == [1334] * 5 + [1333] * 10
    assert all(each.low <= each.confidence <= each.high for each in found.bins)


def test_overconfident_ones_do_and_are_put_right(honest: np.ndarray) -> None:
    right = outcomes(honest)
    bold = sharpened(honest, 3.0)
    before = measure(bold.tolist(), right.tolist())
    assert before.ece > 0.08 > 5 * before.chance
    fitted = fit_logistic(bold, right)
    assert (fitted.slope, fitted.offset) == pytest.approx((1 / 3, 0), abs=0.03)
    after = measure(fitted(bold).tolist(), right.tolist())
    assert after.ece < 0.012
    assert after.auroc == pytest.approx(before.auroc, abs=1e-4)  # the order is kept


def test_counting_twice_is_being_there_twice(honest: np.ndarray) -> None:
    p, right = honest[:500], outcomes(honest)[:500]
    counts = np.random.default_rng(5).integers(0, 4, len(p))
    repeated = fit_logistic(np.repeat(p, counts), np.repeat(right, counts))
    counted = fit_logistic(p, right, counts)
    assert (counted.slope, counted.offset) == pytest.approx((repeated.slope, repeated.offset), abs=1e-6)
    with pytest.raises(ValueError, match="499 counts"):
        fit_logistic(p, right, counts[:499])


@settings(max_examples=25, deadline=None)
@given(st.floats(0.3, 3), st.floats(-1, 1))
def test_the_logistic_map_is_found(slope: float, offset: float) -> None:
    p = np.random.default_rng(0).beta(2, 1.5, 20_000)
    found = fit_logistic(p, outcomes(sharpened(p, slope, offset)))
    assert found.slope == pytest.approx(slope, rel=0.1)
    assert found.offset == pytest.approx(offset, abs=0.1)


@pytest.mark.parametrize("right", [True, False])
def test_one_sided_data_stay_finite(right: bool) -> None:
    found = fit_logistic([0.2, 0.9, 1.0, 0.0], [right] * 4)
    shares = found([0.0, 0.5, 1.0])
    assert np.isfinite(shares).all() and ((shares > 0) & (shares < 1)).all()
    assert (shares > 0.5).all() == right
    assert shares.min() > 0.1 and shares.max() < 0.9  # four are not many


def test_sureness_without_meaning_becomes_the_average(honest: np.ndarray) -> None:
    found = fit_logistic(honest, outcomes(1 - honest))
    assert found.slope > 0
    assert found([0.1, 0.9]) == pytest.approx(1 - honest.mean(), abs=0.02)
    assert fit_logistic([], []) == Logistic()


@pytest.mark.parametrize("truth", [0.5, 1.0, 1.7, 3.0])
def test_a_known_temperature_is_found(truth: float) -> None:
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 3, (20_000, 8))

    def shares(temperature: float) -> np.ndarray:
        scaled = np.exp((logits - logits.max(1, keepdims=True)) / temperature)
        return scaled / scaled.sum(1, keepdims=True)

    drawn = (shares(truth).cumsum(1) < rng.random((len(logits), 1))).sum(1)
    right = drawn == logits.argmax(1)
    assert fit_temperature(lambda t: log_loss(shares(t).max(1), right)) == pytest.approx(truth, rel=0.05)


def test_json_and_back() -> None:
    some = Calibration(char=Logistic(0.9, 0.1), line=Logistic(1.2, -0.3))
    assert Calibration.from_json(some.to_json()) == some
    assert Calibration.from_json({}) == Calibration()
    bad = [None, [], {"chars": {}}, {"char": 1}, {"char": {"slope": 1}}, {"char": {"slope": 0, "offset": 0}}]
    for wrong in [*bad, {"line": {"slope": math.nan, "offset": 0}}, {"line": {"slope": True, "offset": 0}}]:
        with pytest.raises(NetchuError, match="calibration"):
            Calibration.from_json(wrong)


@pytest.mark.parametrize(
    ("reference", "read", "normaliser", "chars", "words", "line"),
    [
        ("abc", "abc", "nfc", [1, 1, 1], [1], True),
        ("abc de", "abd de", "nfc", [1, 1, 0, 1, 1, 1], [0, 1], False),
        ("abc", "abcc", "nfc", [1, 1, 1, 0], [0], False),
        ("abc", "ac", "nfc", [1, 1], [0], False),  # what is missing makes no character wrong
        ("ab cd", "abcd", "nfc", [1, 1, 1, 1], [0], False),
        ("Hà Nội", "ha nội", "caseless-nopunct", [1, 0, 1, 1, 1, 1], [0, 1], False),
        ("so 3 ha noi", "So 3, Ha-Noi.", "caseless-nopunct", [1, 1, 1, 1, None, *[1] * 7, None], [1] * 3, True),
        ("ha noi", "Ha-Nai", "caseless-nopunct", [1, 1, 1, 1, 0, 1], [0], False),
        ("ha noi", "Hi-noi", "caseless-nopunct", [1, 0, 1, 1, 1, 1], [0], False),
        ("ếa", ["e", "\u0302", "\u0301", "a"], "nfc", [1, 1, 1, 1], [1], True),
        ("ếa", ["e", "\u0302", "a"], "nfc", [0, 0, 1], [0], False),
        ("", "a", "nfc", [0], [0], False),
        ("a", "", "nfc", [], [], False),
        ("", "", "nfc", [], [], True),
    ],
)  # fmt: skip
def test_judging(
    reference: str, read: str | list[str], normaliser: str, chars: list[int | None], words: list[int | None], line: bool
) -> None:
    assert judge(reference, list(read), normaliser) == (chars, words, [line])


def test_refusing_the_least_sure() -> None:
    rows = cover([0.9, 0.1, 0.5, 0.8, 0.5], [0, 9, 1, 0, 2], [10] * 5, coverages=(1.0, 0.6, 0.4, 0.0))
    assert [row.cer for row in rows] == pytest.approx([12 / 50, 1 / 30, 0, 0])  # of equals the earlier stays
    assert [row.threshold for row in rows] == [0.1, 0.5, 0.8, 0.9]
    assert [row.right for row in rows] == pytest.approx([0.4, 2 / 3, 1, 1])
    assert [row.best for row in rows] == pytest.approx([12 / 50, 1 / 30, 0, 0])
    assert [row.best for row in cover([0.1, 0.9], [0, 3], [10, 10], (1.0, 0.5))] == pytest.approx([3 / 20, 0])
    assert cover([], [], []) == []


def test_auroc_counts_ties_as_half() -> None:
    assert measure([0.2, 0.5, 0.5, 0.9], [False, False, True, True]).auroc == pytest.approx(3.5 / 4)
    assert measure([0.2, 0.5], [True, True]).auroc is None
    assert measure([0.3, 0.4], [None, None]).count == 0


def test_a_whole_set() -> None:
    def read(text: str, chars: tuple[float, ...], words: tuple[float, ...], line: float) -> Line:
        box = (0.0, 0.0, 1.0, 1.0)
        parts = tuple(Word(word, sure, box) for word, sure in zip(text.split(), words))
        return Line(text, line, (), tuple(Char(char, sure, box) for char, sure in zip(text, chars)), parts)

    readings = [read("ab", (0.9, 0.8), (0.7,), 0.7), read("cx", (0.9, 0.2), (0.2,), 0.2), read("", (), (), 0)]
    found = examine(["ab", "cd", "e"], readings)
    assert {level: (each.count, each.right) for level, each in found.levels.items()} == {
        "char": (4, 0.75), "word": (2, 0.5), "line": (3, pytest.approx(1 / 3)),
    }  # fmt: skip
    assert found.coverage[0].cer == pytest.approx(2 / 5)
    assert set(found.to_json()) == {"ece", "reliability", "coverage"}
