"""Lexicons, and the sums over ranges of words that forecasts are made of."""

import numpy as np
import pytest
from languages import draw_bigrams, model

from netchu.decode.layers import FREE, GAP, LETTER, mass, sampled_mass
from netchu.decode.lexicon import make_lexicon, make_words
from netchu.errors import NetchuError
from netchu.text import Charset

CHARSET = Charset.from_symbols("abđế 1-")
TEXTS = ["ab-đế", "b", "a1b  ab", "ab", "bế"]


def test_words_are_runs_of_letters():
    lexicon = make_lexicon(TEXTS, CHARSET)
    assert set(lexicon.words) == {"a", "b", "ab", "bế", "đế"}
    assert [lexicon.kinds[CHARSET.encode(char)[0]] for char in "aế1-"] == [LETTER, LETTER, FREE, GAP]
    assert lexicon.kinds[0] == GAP and lexicon.kinds[CHARSET.symbols.index(" ")] == GAP


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
