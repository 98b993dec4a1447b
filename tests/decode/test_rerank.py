"""Re-ranking: totals are what they are said to be, and fitted weights are the best of the grid."""

import itertools

import numpy as np
import pytest

from netchu.decode.rerank import ALPHAS, BETAS, Candidates, Judge, Rerank, Weights, fit
from netchu.decode.search import Beam
from netchu.errors import NetchuError
from netchu.text import Charset

ABC = Charset.from_symbols("abc ")


class Fake:
    """A language model that likes one letter."""

    def __init__(self, letter: str) -> None:
        self.letter = letter

    def like(self, text: str) -> float:
        return -1.0 * sum(char != self.letter for char in text)

    def score(self, texts):
        return self.like(texts) if isinstance(texts, str) else np.array([self.like(text) for text in texts])


def exact(**options) -> Beam:
    return Beam(ABC, width=0, threshold=np.inf, least=-np.inf, **options)


def enumerate_texts(logits: np.ndarray) -> dict[tuple[int, ...], float]:
    """Every text of a line with its log-probability, by all paths."""
    log_probs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(logits.shape[1]), repeat=len(logits)):
        text = tuple(state for state, _ in itertools.groupby(path) if state)
        found[text] = np.logaddexp(found.get(text, -np.inf), log_probs[np.arange(len(path)), path].sum())
    return found


@pytest.mark.parametrize("seed", range(5))
def test_the_best_of_all_texts_by_the_sum_of_all_that_counts(seed):
    logits = np.random.default_rng(seed).normal(0, 2, (3, len(ABC)))
    judge = Judge(Weights(alpha=0.7, gamma=0.4, beta=0.3), Fake("b"), Fake("c"))  # type: ignore[arg-type]
    totals = {}
    for classes, acoustic in enumerate_texts(logits).items():
        text = ABC.decode(classes)
        added = 0.7 * Fake("b").like(text) + 0.4 * Fake("c").like(text) + 0.3 * len(" ".join(text.split()))
        totals[classes] = acoustic + added
    reading = Rerank(exact(), judge, candidates=10_000, ranked=4)(logits, 3)
    best = sorted(totals.values(), reverse=True)
    assert totals[reading.classes] == pytest.approx(best[0], abs=1e-5)
    assert [score for _, score in reading.ranked] == pytest.approx(best[:4], abs=1e-5)
    assert reading.ranked[0][0] == reading.classes
    assert len(reading.starts) == len(reading.confidences) == len(reading.classes)


def test_weights_of_nothing_leave_the_beams_order():
    logits = np.random.default_rng(1).normal(0, 2, (4, len(ABC)))
    plain = exact(ranked=5)(logits, 4)
    found = Rerank(exact(), Judge(Weights()), ranked=5)(logits, 4)
    assert found.classes == plain.classes
    assert [classes for classes, _ in found.ranked] == [classes for classes, _ in plain.ranked]


def test_the_beams_own_model_does_not_count_twice():
    from netchu.lm.sources import Source
    from netchu.lm.train import Options, train

    ngram = train([Source("a", ("abab", "ab ba"))], Options(order=2))
    logits = np.random.default_rng(2).normal(0, 2, (3, len(ABC)))
    judge = Judge(Weights(alpha=0.5), ngram)
    one = Rerank(exact(), judge, candidates=1000)(logits, 3)
    other = Rerank(exact(lm=ngram, alpha=3.0), judge, candidates=1000)(logits, 3)
    assert one.classes == other.classes
    assert one.ranked[0][1] == pytest.approx(other.ranked[0][1], abs=1e-5)


def test_lines_without_frames_or_letters():
    judge = Judge(Weights(alpha=0.5), Fake("b"))  # type: ignore[arg-type]
    rerank = Rerank(Beam(ABC), judge)
    assert rerank(np.zeros((0, len(ABC))), 0).classes == ()
    blank = np.zeros((6, len(ABC)))
    blank[:, 0] = 20
    assert rerank(blank, 6).classes == ()
    with pytest.raises(NetchuError, match="candidates=0"):
        Rerank(Beam(ABC), judge, candidates=0)


def lines(count: int, seed: int = 0) -> list[Candidates]:
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        texts = tuple("".join(rng.choice(list("abc"), rng.integers(1, 5))) for _ in range(rng.integers(1, 6)))
        features = np.column_stack([rng.normal(-5, 3, (len(texts), 2)), [len(text) for text in texts]])
        found.append(Candidates("abc", texts, rng.normal(-5, 2, len(texts)), features))
    return found


def edits_of(weights: Weights, given: list[Candidates]) -> int:
    from rapidfuzz.distance import Levenshtein

    point = np.array([weights.alpha, weights.gamma, weights.beta])
    picks = [line.texts[int((line.acoustic + line.features @ point).argmax())] for line in given]
    return sum(Levenshtein.distance(line.reference, text) for line, text in zip(given, picks))


def test_fitted_weights_are_the_best_of_the_grid():
    given = lines(12)
    weights, edits = fit(given)
    assert edits == edits_of(weights, given)
    rng = np.random.default_rng(1)
    for _ in range(300):
        point = Weights(rng.choice(ALPHAS), rng.choice(ALPHAS), rng.choice(BETAS))
        assert edits <= edits_of(point, given)
    assert fit(given) == (weights, edits)


def test_a_model_that_is_not_there_weighs_nothing():
    weights, edits = fit(lines(12), neural=False)
    assert weights.gamma == 0
    assert edits >= fit(lines(12))[1]
    assert fit(lines(12), ngram=False, neural=False)[0].alpha == 0


def test_of_equal_weights_the_smallest():
    line = Candidates("ab", ("ab",), np.zeros(1), np.zeros((1, 3)))
    assert fit([line]) == (Weights(), 0)
    with pytest.raises(NetchuError, match="no line has a candidate"):
        fit([Candidates("ab", (), np.zeros(0), np.zeros((0, 3)))])


def test_what_the_words_of_the_beam_weigh_still_counts():
    from netchu.lm.sources import Source
    from netchu.lm.train import Options, train

    words = train([Source("a", ("ab ab c", "ab c", "c c"))], Options(unit="word", order=2, least=1))
    letters = train([Source("a", ("abab", "ab ba"))], Options(order=2))
    beam = exact(lexicon=words.vocabulary, word_lm=words, word_alpha=0.7, penalty=1.0, lm=letters, alpha=0.4, beta=0.3)
    logits = np.random.default_rng(5).normal(0, 2, (4, len(ABC)))
    same = Rerank(beam, Judge(Weights(alpha=0.4, beta=0.3), letters), candidates=10_000, ranked=50)(logits, 4)
    found = {each.classes: each.score for each in beam.search(logits, 4)}
    assert same.classes == max(found, key=lambda classes: found[classes])
    for classes, score in same.ranked:
        assert score == pytest.approx(found[classes], abs=1e-3)
