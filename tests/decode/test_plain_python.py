"""The decoders that ours are timed against do the same work: on small cases they give what ours give."""

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest
from languages import spread

from netchu.decode.lexicon import make_lexicon
from netchu.decode.search import Beam
from netchu.decode.tokens import TokenPassing
from netchu.lm.arpa import write_arpa
from netchu.lm.sources import Source
from netchu.lm.train import Options, train
from netchu.text import Charset

CHARSET = Charset.from_symbols("ab 1")
WORDS = ("ab", "a", "bab", "aa")
GAPS = (CHARSET.symbols.index(" "), CHARSET.symbols.index("1"))
SPELT = [tuple(CHARSET.encode(word)) for word in WORDS]


@pytest.fixture(scope="module")
def plain():
    path = Path(__file__).parents[2] / "bench" / "peers" / "word_beam_python.py"
    spec = importlib.util.spec_from_file_location("word_beam_python", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def draw(seed: int, frames: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 2, (frames, len(CHARSET))).astype(np.float32)


@pytest.mark.parametrize("mode", ["words", "ngrams"])
def test_word_beam_search(plain, tmp_path, mode):
    known = {"lexicon": WORDS, "word_beta": 0.4}
    bigrams = None
    if mode == "ngrams":
        lm = train([Source("lines", ("ab a ab", "aa bab a", "a a ab aa", "ab bab"))], Options(unit="word", order=2))
        write_arpa(lm, tmp_path / "words.arpa")
        bigrams = plain.Bigrams(tmp_path / "words.arpa")
        known |= {"word_lm": lm, "word_alpha": 0.8, "mode": mode}
    ours = Beam(CHARSET, width=5000, threshold=math.inf, least=-math.inf, **known)
    theirs = plain.WordBeam(SPELT, WORDS, GAPS, bigrams, 0.8, 0.4)
    for seed in range(12):
        logits = draw(seed, 4 + seed % 5)
        labels, score = theirs(np.exp(spread(logits)).tolist(), 5000)
        best = ours.search(logits, len(logits))[0]
        assert labels == best.classes
        assert score == pytest.approx(best.score, abs=1e-3)


def test_token_passing(plain):
    ours, theirs = TokenPassing(CHARSET, WORDS), plain.TokenPassing(SPELT, GAPS)
    assert set(GAPS) == {label for label in range(1, len(CHARSET)) if not make_lexicon(WORDS, CHARSET).kinds[label]}
    for seed in range(30):
        logits = draw(seed, 1 + seed % 25)
        labels, score = theirs(spread(logits).tolist())
        reading = ours(logits, len(logits))
        assert labels == reading.classes
        assert not labels or score == pytest.approx(reading.ranked[0][1], abs=1e-4)
