"""The probabilities of a text and of its neighbours against adding up every path there is."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from netchu.decode.align import align
from netchu.decode.lattice import neighbours
from netchu.decode.sureness import attach, weigh
from netchu.errors import NetchuError

TEXTS = [(), (1,), (1, 2), (2, 2), (1, 2, 1), (1, 1, 2), (3, 3, 3)]


def every_text(logits: np.ndarray) -> dict[tuple[int, ...], float]:
    """The probability of each text, by adding up all its paths."""
    shares = np.exp(logits)
    shares /= shares.sum(1, keepdims=True)
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(logits.shape[1]), repeat=len(logits)):
        text = tuple(label for label, _ in itertools.groupby(path) if label)
        found[text] = found.get(text, 0.0) + float(np.prod(shares[np.arange(len(path)), path]))
    return found


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("spread", [0.3, 2.0, 8.0])
def test_text_and_neighbours_are_sums_over_all_paths(seed: int, spread: float) -> None:
    logits = np.random.default_rng(seed).normal(0, spread, (6, 4))
    exact = every_text(logits)
    for text in TEXTS:
        found = neighbours(logits, text)
        assert found.log_prob == pytest.approx(np.log(exact[text]), abs=1e-5)
        for place, label in itertools.product(range(len(text)), range(4)):
            other = (*text[:place], *([label] if label else []), *text[place + 1 :])
            wanted = exact.get(other, 0.0) / exact[text]
            assert found.replaced[place, label] == pytest.approx(wanted, rel=1e-4, abs=2e-6)
        for gap, label in itertools.product(range(len(text) + 1), range(1, 4)):
            wanted = exact.get((*text[:gap], label, *text[gap:]), 0.0) / exact[text]
            assert found.inserted[gap, label] == pytest.approx(wanted, rel=1e-4, abs=2e-6)


def test_the_spans_are_those_of_the_best_path() -> None:
    for seed in range(6):
        logits = np.random.default_rng(seed).normal(0, 2, (9, 5))
        log_probs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        assert neighbours(logits, [1, 1, 3]).spans.tolist() == align(log_probs, [1, 1, 3]).spans.tolist()


def test_long_lines_and_warm_logits_are_no_less_exact() -> None:
    """A text of 150 characters among 300 classes: the window and the band leave out nothing that counts."""
    rng = np.random.default_rng(5)
    text = rng.integers(1, 300, 150)
    logits = rng.normal(0, 1, (600, 300))
    logits[:, 0] += 6
    logits[np.arange(150) * 4 + 1, text] += 9
    found = neighbours(logits, text.tolist(), temperature=1.3)
    for place, label in ((0, 7), (70, int(text[71])), (149, 0), (70, int(text[69]))):
        other = [*text[:place].tolist(), *([label] if label else []), *text[place + 1 :].tolist()]
        wanted = neighbours(logits, other, temperature=1.3).log_prob - found.log_prob
        assert np.log(found.replaced[place, label]) == pytest.approx(wanted, abs=1e-3)
    assert found.replaced[np.arange(150), text] == pytest.approx(1, abs=1e-4)
    for gap, label in ((0, 9), (70, int(text[70])), (150, 11)):
        other = [*text[:gap].tolist(), label, *text[gap:].tolist()]
        wanted = neighbours(logits, other, temperature=1.3).log_prob - found.log_prob
        assert np.log(found.inserted[gap, label]) == pytest.approx(wanted, abs=1e-3)


def test_confidences_are_shares_of_the_texts_one_edit_away() -> None:
    logits = np.random.default_rng(1).normal(0, 2, (6, 4))
    exact = every_text(logits)
    text = (1, 2, 2)
    sure = weigh(neighbours(logits, text), text)
    swapped = sum(exact.get((label, 2, 2), 0) for label in (2, 3)) + exact.get((2, 2), 0)
    assert sure.confidences[0] == pytest.approx(exact[text] / (exact[text] + swapped), rel=1e-4)
    doubled = sum(exact.get((1, label, 2), 0) for label in (1, 3)) + exact[1, 2] / 2  # either of two alike may be extra
    assert sure.confidences[1] == pytest.approx(exact[text] / (exact[text] + doubled), rel=1e-4)
    more = [sum(exact.get((*text[:gap], c, *text[gap:]), 0) for c in letters) for gap, letters in
            enumerate([(1, 2, 3), (2, 3), (1, 3), (1, 3)])]  # fmt: skip
    assert sure.missing == pytest.approx([each / (each + exact[text]) for each in more], rel=1e-3)
    for place, some in enumerate(sure.alternatives):
        assert [share for _, share in some] == sorted((share for _, share in some), reverse=True)
        assert text[place] not in dict(some)
        assert sure.confidences[place] + sum(dict(some).values()) <= 1 + 1e-9


def test_what_a_decoder_ranked_outweighs_the_logits() -> None:
    logits = np.random.default_rng(2).normal(0, 2, (6, 4))
    text, other, shorter, longer = (1, 2), (1, 3), (1,), (1, 2, 3)
    found = neighbours(logits, text)
    ranked = [(text, -1.0), (other, -2.0), (shorter, -4.0), (longer, -5.0)]
    sure = weigh(found, text, ranked)
    assert dict(sure.alternatives[1])[3] == pytest.approx(sure.confidences[1] * np.exp(-1.0))
    assert dict(sure.alternatives[1])[0] == pytest.approx(sure.confidences[1] * np.exp(-3.0))
    rest = min(found.inserted[2, 1], np.exp(-4.0)) + np.exp(-4.0)  # not ranked: no likelier than the last that is
    assert sure.missing[2] == pytest.approx(rest / (1 + rest))
    lone = weigh(found, text, [(text, -1.0)])
    assert lone.confidences == pytest.approx(weigh(found, text).confidences)
    with pytest.raises(ValueError, match="not among"):
        weigh(found, text, [(other, -1.0), (shorter, -2.0)])


def test_ranked_doubles_count_once() -> None:
    logits = np.random.default_rng(3).normal(0, 2, (6, 4))
    found = neighbours(logits, (2, 2))
    sure = weigh(found, (2, 2), [((2, 2), 0.0), ((2,), -1.0), ((2, 2, 2), -2.0)])
    assert [dict(some)[0] / own for some, own in zip(sure.alternatives, sure.confidences)] == pytest.approx(
        [np.exp(-1.0) / 2] * 2
    )
    three = found.inserted.copy()
    three[1:, 2] = 0
    three[0, 2] = np.exp(-2.0)
    np.minimum(three, np.exp(-2.0), out=three)
    assert sure.missing == pytest.approx(three.sum(1) / (1 + three.sum(1)))


def test_a_reading_for_any_text() -> None:
    logits = np.zeros((8, 4), np.float32)
    logits[:, 0] = 3
    logits[[2, 5], [1, 3]] = 8
    read = attach(logits[:7], [1, 3], 1.0, [((1, 3), -0.5), ((1, 2), -3.0)])
    assert (read.classes, read.starts, read.ends) == ((1, 3), (2, 5), (3, 6))
    assert read.ranked == (((1, 3), -0.5), ((1, 2), -3.0))
    assert len(read.missing) == 3 and all(0 < share < 0.5 for share in read.missing)
    assert all(0.8 < sure < 1 for sure in read.confidences)
    warm = attach(logits[:7], [1, 3], 2.0)
    assert all(one < other for one, other in zip(warm.confidences, read.confidences))
    assert attach(logits[:7], []).classes == ()


def test_bad_input() -> None:
    logits = np.zeros((4, 3))
    with pytest.raises(NetchuError, match="needs 5 frames and the line has 4"):
        neighbours(logits, [1, 1, 1])
    for classes in ([0], [3], [-1]):
        with pytest.raises(ValueError, match=r"in 1\.\.2"):
            neighbours(logits, classes)
    broken = np.zeros((4, 3))
    broken[1] = np.nan
    blank = np.zeros((4, 3))
    blank[1, 1:] = -np.inf
    assert neighbours(broken, [1]).log_prob == pytest.approx(neighbours(blank, [1]).log_prob)
    assert neighbours(np.zeros((0, 3)), []).log_prob == 0.0
    never = np.zeros((4, 3))
    never[:, 2] = -np.inf
    assert attach(never, [1, 2]).confidences[1] < 1e-6


def test_the_same_bytes_every_time() -> None:
    logits = np.random.default_rng(4).normal(0, 3, (50, 40)).astype(np.float32)
    first = attach(logits, [3, 3, 7, 9], 1.1)
    assert all(attach(logits, [3, 3, 7, 9], 1.1) == first for _ in range(3))
