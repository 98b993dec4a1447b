"""Lexicons, and the sums over ranges of words that forecasts are made of."""

import numpy as np
import pytest
from languages import draw_bigrams, model

from netchu.decode.layers import GAP, LETTER, mass, sampled_mass
from netchu.decode.lexicon import make_lexicon, make_words
from netchu.decode.search import Beam
from netchu.decode.tokens import TokenPassing
from netchu.errors import NetchuError
from netchu.lm.sources import Source
from netchu.lm.train import Options, train
from netchu.text import Charset

CHARSET = Charset.from_symbols("abđế 1-")
TEXTS = ["ab-đế", "b", "a1b  ab", "ab", "bế"]


def test_words_are_runs_of_letters():
    lexicon = make_lexicon(TEXTS, CHARSET)
    assert set(lexicon.words) == {"a", "b", "ab", "bế", "đế"}
    assert [lexicon.kinds[CHARSET.encode(char)[0]] for char in "aế1-"] == [LETTER, LETTER, GAP, GAP]
    assert lexicon.kinds[0] == GAP and lexicon.kinds[CHARSET.symbols.index(" ")] == GAP


@pytest.mark.parametrize("text", ["12/3A P.5", "Q1 (A)", "7", "AQ"])
def test_all_agree_on_what_a_word_is(text):
    """What is no word passes in the beam and in token passing, and leaves no trace in what words weigh."""
    charset = Charset.from_symbols("APQ 0123456789/.()")
    lm = train([Source("lines", ("A P A Q", "P Q", "AQ A"))], Options(unit="word", order=2, least=1))
    logits = np.full((2 * len(text), len(charset)), -20.0, np.float32)
    logits[1::2, 0] = 0
    logits[2 * np.arange(len(text)), charset.encode(text)] = 0
    known = {"lexicon": lm.vocabulary, "word_lm": lm, "word_alpha": 1.0}
    for decoder in (Beam(charset, mode="ngrams", **known), TokenPassing(charset, **known)):
        reading = decoder(logits, len(logits))
        assert charset.decode(reading.classes) == text
        assert reading.ranked[0][1] == pytest.approx(lm.score(text), abs=1e-3)


def test_words_below_a_state_are_a_range():
    lexicon = make_lexicon(TEXTS, CHARSET)
    for cut in range(3):
        for prefix in {word[:cut] for word in lexicon.words if len(word) >= cut}:
            state, _ = lexicon.trie.walk(CHARSET.encode(prefix))
            below = lexicon.words[lexicon.first[state] : lexicon.last[state]]
            assert set(below) == {word for word in lexicon.words if word.startswith(prefix)}


def test_words_come_in_the_form_of_the_charset():
    lexicon = make_lexicon(["be\u0302\u0301"], CHARSET)
    assert lexicon.words == ("bế",)


def test_words_that_cannot_be_written_are_left_out():
    lexicon = make_lexicon(["ab", "cab", "жук"], CHARSET)
    assert lexicon.words == ("ab",)
    assert lexicon.left_out == ("cab", "жук")
    with pytest.raises(NetchuError, match="another alphabet"):
        make_lexicon(["жук"], CHARSET)
    for nothing in ([], [""], ["12 - 3"]):
        with pytest.raises(NetchuError, match="empty"):
            make_lexicon(nothing, CHARSET)


@pytest.mark.parametrize("seed", range(4))
def test_the_mass_of_a_range_is_the_sum_of_its_words(seed):
    lexicon = make_lexicon(TEXTS, CHARSET)
    vocabulary = ("ab", "b", "ba", "đế", "a")  # not in the lexicon's order, one unknown to it, one that it lacks
    lm = model("word", vocabulary, draw_bigrams(np.random.default_rng(seed), len(vocabulary)))
    words = make_words(lm, lexicon, CHARSET)
    for state in range(words.automaton.states):
        weights = [words.automaton.step(state, word)[1] for word in range(len(lexicon.words))]
        for first in range(len(lexicon.words)):
            for last in range(first + 1, len(lexicon.words) + 1):
                wanted = np.exp(weights[first:last]).sum()
                assert mass(words.walk, words.sums, state, first, last) == pytest.approx(wanted)
                assert sampled_mass(words.walk, 20, state, first, last) == pytest.approx(
                    wanted
                )  # few words: all are looked at


def test_words_keep_the_weights_that_the_model_gives_them():
    lexicon = make_lexicon(TEXTS, CHARSET)
    vocabulary = ("ab", "b", "ba", "đế")
    lm = model("word", vocabulary, draw_bigrams(np.random.default_rng(9), len(vocabulary)))
    words = make_words(lm, lexicon, CHARSET).automaton
    for word in set(vocabulary) & set(lexicon.words):
        for state in range(words.states):
            after, weight = lm.automaton.step(state, vocabulary.index(word))
            assert words.step(state, lexicon.words.index(word)) == (after, pytest.approx(weight))
    assert words.step(words.empty, lexicon.words.index("bế")) == (words.empty, pytest.approx(lm.unknown))


def test_a_model_that_knows_none_of_the_words():
    with pytest.raises(NetchuError, match="none of the lexicon's words"):
        make_words(
            model("word", ("x", "y"), draw_bigrams(np.random.default_rng(0), 2)), make_lexicon(["ab"], CHARSET), CHARSET
        )
