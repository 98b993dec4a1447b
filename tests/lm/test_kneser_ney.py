"""Counting, smoothing, mixing, pruning and building, against slow dictionaries written from the formulas."""

import itertools
import math
import random
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchu.errors import NetchuError
from netchu.lm import counts as counting
from netchu.lm.build import build
from netchu.lm.counts import count
from netchu.lm.kneser_ney import discounts, kneser_ney
from netchu.lm.mixing import fit_weights, mix
from netchu.lm.pruning import bytes_of, cut_rare, prune
from netchu.lm.symbols import encode, find_vocabulary, words

LINES = [
    "quận 1 hồ chí minh", "quận 3 hồ chí minh", "quận 10 thành phố hồ chí minh", "12 lê lợi quận 1", "hà nội",
    "số 3 nguyễn ngọc vũ hà nội", "phường bến nghé quận 1", "xã tân hội hồng ngự đồng tháp", "hà nội",
]  # fmt: skip


def table_of(lines, unit="char", order=4, **how):
    vocabulary = find_vocabulary(lines, unit)
    return kneser_ney(vocabulary, count(encode(lines, vocabulary, unit), len(vocabulary), order), **how)


class Slow:
    """Chen and Goodman's interpolated modified Kneser-Ney by dictionaries. Symbols are strings, lines lists of them."""

    def __init__(self, lines, order):
        self.symbols = sorted({symbol for line in lines for symbol in line})
        self.order = order
        raw = Counter()
        for line in lines:
            row = ["<s>", *line, "</s>"]
            for n in range(1, order + 1):
                for at in range(len(row) - n + 1):
                    raw[tuple(row[at : at + n])] += 1
        self.adjusted, self.off = {}, {}
        for n in range(1, order + 1):
            grams = [gram for gram in raw if len(gram) == n and gram != ("<s>",)]
            before = Counter(gram[1:] for gram in raw if len(gram) == n + 1)
            self.adjusted.update(
                {gram: raw[gram] if n == order or gram[0] == "<s>" else before[gram] for gram in grams}
            )
            times = Counter(self.adjusted[gram] for gram in grams)
            self.off[n] = (0.5, 1.0, 1.5)
            if all(times[k] for k in (1, 2, 3, 4)):
                y = times[1] / (times[1] + 2 * times[2])
                found = tuple(k - (k + 1) * y * times[k + 1] / times[k] for k in (1, 2, 3))
                if all(0 <= each <= k for k, each in zip((1, 2, 3), found)):
                    self.off[n] = found
        self.after = defaultdict(dict)
        for gram, times in self.adjusted.items():
            self.after[gram[:-1]][gram[-1]] = times

    def prob(self, symbol, context):
        """P(symbol | the last order - 1 symbols of context), equation 20 of the paper."""
        context = tuple(context)[-(self.order - 1) :] if self.order > 1 else ()
        lower = self.prob(symbol, context[1:]) if context else 1 / (len(self.symbols) + 2)
        after = self.after.get(context)
        if not after:
            return lower
        off = {each: self.off[len(context) + 1][min(times, 3) - 1] for each, times in after.items()}
        total = sum(after.values())
        return (after.get(symbol, 0) - off.get(symbol, 0)) / total + sum(off.values()) / total * lower


def fast_prob(automaton, unknown, vocabulary, symbol, context):
    labels = {each: label for label, each in enumerate(vocabulary)}
    state = automaton.start if context[:1] == ("<s>",) else automaton.empty
    for each in context:
        if each != "<s>":
            state, _ = automaton.step(state, labels[each])
    if symbol == "</s>":
        return math.exp(automaton.finals[state] * automaton.scale)
    if symbol == "<unk>":
        total = unknown
        while automaton.back[state] >= 0:
            total += automaton.back_weights[state] * automaton.scale
            state = automaton.back[state]
        return math.exp(total)
    return math.exp(automaton.step(state, labels[symbol])[1])


@pytest.mark.parametrize(("unit", "order"), [("char", 1), ("char", 3), ("char", 5), ("word", 2), ("word", 3)])
def test_probabilities_are_those_of_the_paper(unit, order):
    split = words if unit == "word" else list
    slow = Slow([split(line) for line in LINES], order)
    table = table_of(LINES, unit, order)
    automaton, unknown, _ = build(table)
    checked = 0
    for line in LINES[:4]:
        row = ["<s>", *split(line)]
        for at in range(1, len(row) + 1):
            for symbol in [*slow.symbols[::5], "</s>", "<unk>", *row[at : at + 1]]:
                fast = fast_prob(automaton, unknown, table.vocabulary, symbol, tuple(row[:at]))
                assert fast == pytest.approx(slow.prob(symbol, row[:at]), rel=(order + 1) / 2048)
                checked += 1
    assert checked > 50


@given(st.lists(st.text("abc ", min_size=1, max_size=8), min_size=1, max_size=6), st.integers(1, 5), st.booleans())
@settings(deadline=None, max_examples=40)
def test_every_context_sums_to_one(lines, order, continuation):
    table = table_of(lines, "char", order, continuation=continuation)
    sums_to_one(table)


def sums_to_one(table):
    automaton, unknown, depths = build(table)
    assert sum(depths) == automaton.states
    for state in range(automaton.states):
        total = math.exp(automaton.finals[state] * automaton.scale)
        total += sum(math.exp(automaton.step(state, label)[1]) for label in range(len(table.vocabulary)))
        rest = unknown
        while automaton.back[state] >= 0:
            rest += automaton.back_weights[state] * automaton.scale
            state = automaton.back[state]
        assert total + math.exp(rest) == pytest.approx(1, abs=4e-3)


def test_discounts_are_the_papers_or_the_usual_ones():
    assert discounts(np.array([1, 1, 1, 2, 3, 4, 4, 4, 4, 4])) == (0.5, 1.0, 1.5)  # D3+ would be -9
    adjusted = np.repeat([1, 2, 3, 4, 9], [100, 40, 20, 12, 5])
    y = 100 / 180
    wanted = (1 - 2 * y * 40 / 100, 2 - 3 * y * 20 / 40, 3 - 4 * y * 12 / 20)
    assert discounts(adjusted) == pytest.approx(wanted)
    assert discounts(np.array([1, 1, 1])) == (0.5, 1.0, 1.5)


def test_counting_in_chunks_is_counting_at_once(monkeypatch):
    vocabulary = find_vocabulary(LINES, "char")
    stream = encode(LINES, vocabulary, "char")
    whole = count(stream, len(vocabulary), 4)
    monkeypatch.setattr(counting, "CHUNK", 17)
    for left, right in itertools.zip_longest(whole, count(stream, len(vocabulary), 4)):
        for name in ("parents", "labels", "suffixes", "counts"):
            assert np.array_equal(getattr(left, name), getattr(right, name))


def test_a_mixture_is_the_weighted_mean_and_sums_to_one():
    vocabulary = find_vocabulary(LINES, "char")
    parts = [
        kneser_ney(vocabulary, count(encode(lines, vocabulary, "char"), len(vocabulary), order))
        for lines, order in ((LINES[:4], 4), (LINES[4:], 3))
    ]
    table = mix(parts, (0.3, 0.7))
    sums_to_one(table)
    slow = [Slow([list(line) for line in lines], order) for lines, order in ((LINES[:4], 4), (LINES[4:], 3))]
    for each in slow:
        each.symbols = list(vocabulary)
    automaton, unknown, _ = build(table)
    for context, symbol in ((("<s>",), "h"), (("<s>", "q", "u"), "ậ"), (("h", "à", " "), "n"), (("c",), "h")):
        wanted = 0.3 * slow[0].prob(symbol, context) + 0.7 * slow[1].prob(symbol, context)
        assert fast_prob(automaton, unknown, vocabulary, symbol, context) == pytest.approx(wanted, rel=3e-3)


def test_fitted_weights_are_the_likeliest():
    rng = np.random.default_rng(0)
    log_probs = [np.log(rng.uniform(0.01, 1, 400)), np.log(rng.uniform(0.01, 0.7, 400)), np.full(400, np.log(1e-9))]

    def likelihood(weights):
        return float(np.log(sum(weight * np.exp(each) for weight, each in zip(weights, log_probs))).sum())

    fitted = fit_weights(log_probs)
    assert sum(fitted) == pytest.approx(1)
    grid = ((a, b, 1 - a - b) for a in np.linspace(0, 1, 41) for b in np.linspace(0, 1 - a, 41))
    assert likelihood(fitted) >= max(map(likelihood, grid)) - 1e-6


def many_lines(count=300):
    rng = random.Random(3)
    return [" ".join([*rng.choice(LINES).split()[: rng.randint(1, 6)], str(rng.randint(1, 99))]) for _ in range(count)]


def cross_entropy(table, lines):
    automaton, _, _ = build(table)
    labels = {symbol: label for label, symbol in enumerate(table.vocabulary)}
    return -sum(automaton.score([labels[char] for char in line]) for line in lines) / sum(
        len(line) + 1 for line in lines
    )


def test_pruning_meets_the_size_and_keeps_what_matters():
    lines = many_lines()
    table = table_of(lines, order=5)
    whole = bytes_of(table)
    half, tenth = prune(table, size=whole // 2), prune(table, size=whole // 10)
    assert 0.4 * whole < bytes_of(half) <= whole // 2
    assert bytes_of(tenth) <= whole // 10
    automaton, _, _ = build(half)
    assert 8 * automaton.arcs + 12 * automaton.states <= whole // 2
    losses = [cross_entropy(each, lines) for each in (table, half, tenth)]
    assert losses == sorted(losses)
    trigram = table_of(lines, order=2)
    assert losses[1] < cross_entropy(trigram, lines)
    sums_to_one(half)
    sums_to_one(tenth)


def test_the_cost_of_an_ngram_is_what_the_text_pays_for_its_loss():
    """With contexts weighted by their frequency in the text, costs add up to the change of the model's own entropy."""
    table = table_of(many_lines(60), order=3)
    pruned = prune(table, threshold=1e-4)
    assert sum(map(len, pruned.grams)) < sum(map(len, table.grams))
    assert len(prune(table, threshold=1.0).grams) == 1
    assert prune(table) is table


def test_count_cutoffs():
    lines = many_lines(80)
    vocabulary = find_vocabulary(lines, "char")
    levels = count(encode(lines, vocabulary, "char"), len(vocabulary), 4)
    table = kneser_ney(vocabulary, levels)
    cut = cut_rare(table, levels, (0, 0, 1))
    assert [len(level) for level in cut.grams] == [
        len(levels[0].counts), len(levels[1].counts), (levels[2].counts > 1).sum(), (levels[3].counts > 1).sum()
    ]  # fmt: skip
    sums_to_one(cut)
    with pytest.raises(NetchuError, match="0,2,1"):
        cut_rare(table, levels, (0, 2, 1))


def test_rare_symbols_become_unknown():
    table = table_of(LINES, "word", 3)
    rare = np.array([word.isdigit() for word in table.vocabulary])
    cut = table.without_rare(rare)
    assert cut.vocabulary == tuple(word for word in table.vocabulary if not word.isdigit())
    gone = table.grams[0].probs[:-3][rare].sum()
    assert cut.grams[0].probs[cut.unknown] == pytest.approx(table.grams[0].probs[table.unknown] + gone)
    sums_to_one(cut)
