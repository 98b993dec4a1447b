"""What decoders say of whole texts, against enumeration; and that votes never leave a grammar or a lexicon."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from languages import draw_bigrams, every_reading, model, weigh

from netchu.decode.automaton import trie
from netchu.decode.ballot import Ballot
from netchu.decode.ctc import greedy
from netchu.decode.grammar import compile
from netchu.decode.opinion import judge_of
from netchu.decode.rerank import Judge, Rerank, Weights
from netchu.decode.rescore import Rescoring
from netchu.decode.search import MODES, Beam
from netchu.decode.tokens import TokenPassing
from netchu.decode.vote import vote
from netchu.text import Charset, canonical

CHARSET = Charset.from_symbols("ab 1")
WORDS = ("a", "ab", "ba")
LINES = ("ab", "ba 1", "a a", "1")
RNG = np.random.default_rng(5)
CHARS = model("char", tuple("ab "), draw_bigrams(RNG, 3))
PAIRS = model("word", ("a", "ab", "bb"), draw_bigrams(RNG, 3), -4.0)
RULES = trie([CHARSET.encode(text) for text in ("ab 1", "aab", "b1b", "1")], [-1.0, 0, 0.5, -2])
LAYERS = {
    "bonus": {"beta": 0.7},
    "characters": {"lm": CHARS, "alpha": 0.6, "beta": 0.4},
    "grammar": {"grammar": RULES},
    "words": {"lexicon": WORDS},
    "unknown words": {"lexicon": WORDS, "penalty": 1.5, "word_beta": 0.3},
    **{mode: {"lexicon": WORDS, "word_lm": PAIRS, "mode": mode} for mode in MODES if mode != "words"},
    "all": {"lm": CHARS, "beta": 0.9, "grammar": RULES, "lexicon": WORDS, "word_lm": PAIRS, "penalty": 1.0},
}  # fmt: skip
TEXTS = [text for text in map(CHARSET.decode, every_reading(np.zeros((5, len(CHARSET))))) if text == canonical(text)]


def draw(seed: int, frames: int, charset: Charset = CHARSET, scale: float = 2.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, scale, (frames, len(charset))).astype(np.float32)


def ballot(logits: np.ndarray, decoder, charset: Charset = CHARSET) -> Ballot:
    return Ballot(logits, len(logits), charset, decoder(logits, len(logits)))


def say(ballots: list[Ballot], judge) -> tuple[str, str]:
    reading, charset = vote(ballots, judge)
    assert all(np.isfinite(score) for _, score in reading.ranked)
    return charset.decode(reading.classes), reading.note


def words_of(text: str) -> list[str]:
    return text.replace("1", " ").split()


@pytest.mark.parametrize("name", LAYERS)
def test_a_beam_says_of_a_text_what_it_weighs_it_with(name):
    beam = Beam(CHARSET, **LAYERS[name])
    wanted = [weigh(text, beam, tuple(CHARSET.encode(text))) for text in TEXTS]
    assert len(TEXTS) > 100 and np.isfinite(wanted).any()
    assert judge_of(beam)(TEXTS) == pytest.approx(wanted, abs=1e-4)
    assert judge_of(beam)([]).shape == (0,)


def test_token_passing_says_what_it_weighs_words_with():
    pairs = SimpleNamespace(**vars(PAIRS), order=2)
    for options in ({}, {"penalty": 2.0, "word_beta": 0.4}, {"word_lm": pairs, "word_alpha": 0.7}):
        tokens = TokenPassing(CHARSET, WORDS, **options)
        beam = Beam(CHARSET, lexicon=WORDS, **options)
        assert judge_of(tokens)(TEXTS) == pytest.approx([weigh(t, beam, tuple(CHARSET.encode(t))) for t in TEXTS])


def test_who_knows_nothing_says_nothing():
    assert judge_of(greedy) is None
    assert judge_of(Beam(CHARSET)) is None
    assert judge_of(Rescoring(CHARSET, LINES, margin=3.0)) is None  # it may read anything


def test_whole_lines_and_reranking():
    assert judge_of(Rescoring(CHARSET, LINES))(["ab", "a a ", "aa", ""]).tolist() == [0, 0, -np.inf, -np.inf]
    judge = Judge(Weights(beta=0.2))
    free, bound = judge_of(Rerank(Beam(CHARSET), judge)), judge_of(Rerank(Beam(CHARSET, lexicon=WORDS), judge))
    assert free(TEXTS) == pytest.approx(judge(TEXTS))
    allowed = [all(word in WORDS for word in words_of(text)) for text in TEXTS]
    assert bound(TEXTS) == pytest.approx(np.where(allowed, judge(TEXTS), -np.inf))


def test_letters_that_the_first_voter_lacks():
    wider = Charset.from_symbols("abc 1")
    closed, known = judge_of(Beam(CHARSET, lexicon=WORDS)), judge_of(Beam(CHARSET, lm=CHARS, alpha=1.0))
    assert closed(["ac", "1", "c"]).tolist() == [-np.inf, 0, -np.inf]
    assert known(["ac"])[0] < known(["ab"])[0] - 3
    sure = np.full((3, len(wider)), -9.0)
    sure[0, 1] = sure[1, 0] = sure[2, 3] = 9.0  # a, blank, c
    text, _ = say([ballot(draw(0, 5), Beam(CHARSET, lexicon=WORDS)), ballot(sure, greedy, wider)], closed)
    assert all(word in WORDS for word in words_of(text))


# With a beam as narrow as this a voter may find nothing that fits, though there is something; the others speak for it.
@given(st.integers(0, 10**6), st.integers(1, 14), st.integers(2, 4), st.sampled_from([1, 4]),
       st.sampled_from([0.3, 2.0, 9.0]), st.booleans())  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_a_vote_never_leaves_the_lexicon(seed, frames, count, width, scale, alike):
    beam = Beam(CHARSET, lexicon=WORDS, width=width, lm=CHARS)
    ballots = [
        ballot(draw(seed + place, frames + place % 2, scale=scale), beam if alike or not place else greedy)
        for place in range(count)
    ]
    text, note = say(ballots, judge_of(beam))
    obeying = [all(word in WORDS for word in words_of(canonical(each.texts()[0]))) for each in ballots]
    if any(good and ballots[0].fits(tuple(canonical(each.texts()[0]))) for good, each in zip(obeying, ballots)):
        assert all(word in WORDS for word in words_of(text))
    elif not all(word in WORDS for word in words_of(text)):
        assert "the lexicon" in note


@pytest.mark.parametrize("pattern", ["[ab]{2}", "a( b)*1", "(ab|ba| 1|1)+", "b{3}"])
@given(st.integers(0, 10**6), st.integers(1, 12), st.sampled_from([1, 6]), st.sampled_from([0.3, 4.0]))
@settings(max_examples=25, deadline=None)
def test_a_vote_never_breaks_the_grammar(pattern, seed, frames, width, scale):
    grammar = compile(pattern, CHARSET)
    beam = Beam(CHARSET, grammar=grammar.automaton, width=width)
    ballots = [ballot(draw(seed + place, frames + place, scale=scale), beam) for place in range(3)]
    text, note = say(ballots, judge_of(beam))
    if any(not each.reading.note and ballots[0].fits(tuple(each.texts()[0])) for each in ballots):
        assert grammar.matches(text)
    elif not grammar.matches(text):
        assert "the grammar" in note


def test_the_only_text_that_obeys_wins_against_all_others():
    plain = [ballot(draw(seed, 8, scale=6.0), greedy) for seed in range(4)]
    target = Beam(CHARSET, grammar=trie([CHARSET.encode("ba1")]))
    assert say(plain, judge_of(target))[0] != "ba1"
    text, note = say([*plain[:3], ballot(plain[3].logits, target)], judge_of(target))
    assert (text, note) == ("ba1", "")


def test_where_nothing_obeys_the_vote_goes_on_without():
    beam = Beam(CHARSET, grammar=trie([CHARSET.encode("abababab")]))
    ballots = [ballot(draw(seed, 4), beam) for seed in (1, 2)]
    text, note = say(ballots, judge_of(beam))
    assert text == say([ballot(each.logits, greedy) for each in ballots], None)[0]
    assert note == "nothing that the grammar allows fits the line; read without"
