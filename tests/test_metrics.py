"""Metrics: counts against a slow oracle, rates over the corpus, intervals that mean what they say."""

import dataclasses
import json
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchu.errors import NetchuError
from netchu.metrics import Counts, WriterScore, align, confusions, count, diacritic_only, score

WORDS = st.text("abâ ", max_size=7)
SEQUENCES = WORDS | st.lists(st.sampled_from([-1, -2, "a", "ab", 97, (1,)]), max_size=7)


def distance(left, right):
    """Edit distance by the textbook table: Wagner and Fischer 1974."""
    table = [list(range(len(right) + 1))]
    for i, a in enumerate(left, 1):
        table.append([i])
        for j, b in enumerate(right, 1):
            table[i].append(min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (a != b)))
    return table[-1][-1]


@given(SEQUENCES, SEQUENCES)
def test_count_agrees_with_the_oracle(reference, hypothesis):
    counts = count(reference, hypothesis)
    assert counts.edits == distance(list(reference), list(hypothesis))
    assert counts.units == len(reference) == counts.hits + counts.substitutions + counts.deletions
    assert len(hypothesis) == counts.hits + counts.substitutions + counts.insertions
    assert min(counts.hits, counts.substitutions, counts.insertions, counts.deletions) >= 0


@given(WORDS, WORDS, WORDS)
def test_edits_are_a_distance(a, b, c):
    assert (count(a, b).edits == 0) == (a == b)
    assert count(a, b).edits == count(b, a).edits
    assert count(a, c).edits <= count(a, b).edits + count(b, c).edits


@given(SEQUENCES, SEQUENCES)
def test_align_is_a_shortest_path_through_both(reference, hypothesis):
    pairs = align(reference, hypothesis)
    assert [left for left, _ in pairs if left is not None] == list(reference)
    assert [right for _, right in pairs if right is not None] == list(hypothesis)
    assert (None, None) not in pairs
    assert sum(left != right for left, right in pairs) == count(reference, hypothesis).edits


def test_count_tells_the_kinds_apart():
    assert count("abc", "abd") == Counts(units=3, substitutions=1, hits=2)
    assert count("abc", "ab") == Counts(units=3, deletions=1, hits=2)
    assert count("abc", "abcd") == Counts(units=3, insertions=1, hits=3)
    assert align("abc", "xbcd") == [("a", "x"), ("b", "b"), ("c", "c"), (None, "d")]


@given(*[st.builds(Counts, *[st.integers(0, 99)] * 5)] * 2)
def test_counts_add_field_by_field(one, other):
    total = dataclasses.astuple(one + other)
    assert total == tuple(a + b for a, b in zip(dataclasses.astuple(one), dataclasses.astuple(other)))
    assert (one + other).edits == one.edits + other.edits
    assert one + Counts() == one


def test_rate_is_edits_over_units_and_has_a_value_for_nothing():
    assert Counts(units=4, substitutions=1, insertions=1, deletions=1).rate == 0.75
    assert Counts(units=1, insertions=3).rate == 3.0
    assert Counts().rate == 0.0
    assert Counts(insertions=5).rate == 1.0


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=6))
@settings(max_examples=50)
def test_score_sums_over_the_corpus(lines):
    references, hypotheses = [" ".join(r.split()) for r, _ in lines], [" ".join(h.split()) for _, h in lines]
    scores = score(references, hypotheses, resamples=5)
    assert scores.lines == len(lines)
    assert scores.characters.edits == sum(map(distance, references, hypotheses))
    assert scores.characters.units == sum(map(len, references))
    assert scores.words.edits == sum(distance(r.split(), h.split()) for r, h in zip(references, hypotheses))
    assert scores.words.units == sum(len(r.split()) for r in references)
    assert scores.wrong_lines == sum(r != h for r, h in zip(references, hypotheses))


def test_score_divides_once():
    """A mean of per-line rates would be (1 + 0) / 2."""
    scores = score(["a", "bcdefghij"], ["x", "bcdefghij"])
    assert (scores.cer, scores.wer, scores.ser) == (0.1, 0.5, 0.5)


def test_score_does_not_see_the_unicode_form_or_the_kind_of_white_space():
    text = "Đường Nguyễn Huệ"
    other = "  " + unicodedata.normalize("NFD", text).replace(" ", "\u00a0\t")
    scores = score([text, other], [other, text])
    assert (scores.cer, scores.wer, scores.ser) == (0.0, 0.0, 0.0)
    assert scores.characters.units == 2 * len(text)


def test_score_keeps_case_and_punctuation_unless_told():
    reference, hypothesis = ["Mr. Đỗ, 12"], ["mr đỗ 12"]
    assert score(reference, hypothesis).characters.edits == 4
    scores = score(reference, hypothesis, normaliser="caseless-nopunct")
    assert scores.cer == scores.ser == 0.0
    assert scores.normalisation == "caseless-nopunct"
    assert score(["Café 12"], ["cAF12"], normaliser="alnum36").cer == 0.0


def test_unit_grapheme_counts_what_a_person_sees():
    reference, hypothesis = ["x\u0323\u0302y"], ["zy"]  # x with two marks has no precomposed form
    assert score(reference, hypothesis).characters == Counts(units=4, substitutions=1, deletions=2, hits=1)
    scores = score(reference, hypothesis, unit="grapheme")
    assert scores.characters == Counts(units=2, substitutions=1, hits=1)
    assert scores.unit == "grapheme"


def test_empty_references_are_scored():
    assert score([""], [""]).to_json()["cer_ci95"] == [0.0, 0.0]
    scores = score(["", ""], ["ab", ""])
    assert (scores.cer, scores.wer, scores.ser) == (1.0, 1.0, 0.5)
    assert scores.cer_ci95 == scores.wer_ci95 == scores.ser_ci95 == (0.0, 1.0)  # a quarter of the draws has no edit


@pytest.mark.parametrize(
    ("arguments", "error", "reason"),
    [
        ({"references": [], "hypotheses": []}, NetchuError, "no lines"),
        ({"references": ["a"], "hypotheses": []}, ValueError, "1 references but 0 hypotheses"),
        ({"references": ["a"], "hypotheses": ["a"], "writers": ["x", "y"]}, ValueError, "2 writers"),
        ({"references": ["a"], "hypotheses": ["a"], "unit": "byte"}, NetchuError, "codepoint, grapheme"),
        ({"references": ["a"], "hypotheses": ["a"], "normaliser": "nfcc"}, NetchuError, "known: nfc"),
        ({"references": ["a"], "hypotheses": ["a"], "resamples": 0}, ValueError, "resamples"),
    ],
)
def test_score_refuses(arguments, error, reason):
    with pytest.raises(error, match=reason):
        score(**arguments)


def test_analyses_refuse_unequal_lengths():
    for analysis in (confusions, diacritic_only):
        with pytest.raises(ValueError, match="2 references but 1 hypotheses"):
            analysis(["a", "b"], ["a"])


def test_interval_is_that_of_the_binomial():
    """A quarter of 400 lines wrong: the standard error of a share is sqrt(p (1 - p) / n)."""
    references = ["ab cd"] * 400
    hypotheses = ["ab cx"] * 100 + ["ab cd"] * 300
    scores = score(references, hypotheses, resamples=2000)
    half = 1.96 * (0.25 * 0.75 / 400) ** 0.5
    for rate, interval, scale in (
        (scores.ser, scores.ser_ci95, 1.0),
        (scores.cer, scores.cer_ci95, 1 / 5),
        (scores.wer, scores.wer_ci95, 1 / 2),
    ):
        assert rate == pytest.approx(0.25 * scale)
        assert interval == pytest.approx(((0.25 - half) * scale, (0.25 + half) * scale), abs=0.006 * scale)


def test_interval_repeats_with_the_seed_and_has_no_width_where_lines_are_alike():
    references, hypotheses = [f"line {i:03}" for i in range(50)], [f"line {i % 7:03}" for i in range(50)]
    assert score(references, hypotheses, seed=1) == score(references, hypotheses, seed=1)
    assert score(references, hypotheses, seed=1).cer_ci95 != score(references, hypotheses, seed=2).cer_ci95
    assert score(["ab"] * 9, ["ax"] * 9).cer_ci95 == (0.5, 0.5)


def test_writers_are_drawn_whole():
    """Ten writers of twenty lines, one of them all wrong: the lines of a hand are not independent."""
    references = ["abcd"] * 200
    hypotheses = ["wxyz"] * 20 + ["abcd"] * 180
    writers = [f"w{i // 20}" for i in range(200)]
    by_line, by_writer = score(references, hypotheses), score(references, hypotheses, writers=writers)
    assert (by_line.resampled, by_writer.resampled) == ("lines", "writers")
    assert by_line.cer == by_writer.cer == 0.1
    assert by_writer.cer_ci95 == pytest.approx((0.0, 0.3))  # 0, 1, 2, 3 times among ten draws
    assert 0.05 < by_line.cer_ci95[0] < by_line.cer_ci95[1] < 0.15


def test_unequal_writers_weigh_by_their_lines():
    references, writers = ["ab"] * 30, ["big", "big", "small"] * 10
    scores = score(references, ["ax", "ab", "ab"] * 10, writers=writers)
    assert scores.cer == pytest.approx(10 / 60)
    assert scores.cer_ci95 == (0.0, 0.25)  # small twice .. big twice


def test_one_writer_or_none_named_falls_back_to_lines():
    lines = (["ab", "cd", "ef"], ["ab", "cx", "ef"])
    for writers in (None, ["w"] * 3, ["w", None, ""], [None] * 3):
        scores = score(*lines, writers=writers)
        assert scores.resampled == "lines"
        assert scores.cer_ci95 == score(*lines).cer_ci95
    assert score(*lines).worst_writer is None


def test_a_line_without_a_writer_is_a_cluster_of_its_own():
    references, hypotheses = ["ab"] * 100, ["ax"] * 50 + ["ab"] * 50
    scores = score(references, hypotheses, writers=[None] * 49 + ["u"] + ["v"] + [""] * 49)
    assert scores.resampled == "writers"
    assert scores.ser_ci95 == pytest.approx((0.40, 0.60), abs=0.02)  # as by lines; as one cluster it would be 0..1
    assert [writer.writer for writer in scores.writers] == ["u", "v"]


def test_writers_are_listed_worst_first():
    scores = score(["abcd", "abcd", "abcd", "ab"], ["abcd", "abxy", "xbcd", "xb"], writers=["B", "A", "C", "A"])
    assert scores.writers == (WriterScore("A", 0.5, 2), WriterScore("C", 0.25, 1), WriterScore("B", 0.0, 1))
    assert scores.worst_writer == ("A", 0.5, 2)


def test_to_json_is_json_and_complete():
    scores = score(["ab cd", "ef"], ["ab cx", "ef"], writers=["p", "q"])
    result = json.loads(json.dumps(scores.to_json()))
    assert result["lines"] == 2 and result["wrong_lines"] == 1
    assert (result["cer"], result["wer"], result["ser"]) == (1 / 7, 1 / 3, 1 / 2)
    assert result["cer_ci95"] == list(scores.cer_ci95) and len(result["wer_ci95"]) == len(result["ser_ci95"]) == 2
    assert (result["normalisation"], result["unit"], result["resampled"]) == ("nfc", "codepoint", "writers")
    assert result["characters"] == {
        "units": 7, "edits": 1, "substitutions": 1, "insertions": 0, "deletions": 0, "hits": 6,
    }  # fmt: skip
    assert result["words"]["units"] == 3
    assert result["worst_writer"] == {"writer": "p", "cer": 0.2, "lines": 1}
    assert result["writers"] == [result["worst_writer"], {"writer": "q", "cer": 0.0, "lines": 1}]


def test_confusions_are_ranked_and_name_what_is_absent():
    references = ["nha", "nhà", "nha\u0300", "abc", "ab"]
    hypotheses = ["nha", "nha", "nha", "ab", "abd"]
    assert confusions(references, hypotheses) == [("à", "a", 2), ("", "d", 1), ("c", "", 1)]
    assert confusions(references, hypotheses, top=1) == [("à", "a", 2)]
    assert confusions(["a"], ["a"]) == []


def test_diacritic_only_counts_lost_marks_and_nothing_else():
    result = diacritic_only(["đường to", "Ế", "ab"], ["duong ti", "ê", "a"])
    # đ-d, ư-u, ờ-o are marks only; o-i, Ế-ê (case) and the lost b are not
    assert result == (3, 0.5)
    assert diacritic_only(["hoà"], ["hòa"]) == (2, 1.0)
    assert diacritic_only(["same"], ["same"]) == (0, 0.0)
    assert diacritic_only(["x y"], ["x\u0323y"]) == (0, 0.0)  # a mark for the space: two bare nothings
    assert diacritic_only(["a b", "x\u0323"], ["a\u0323b", "x"]).substitutions == 1  # ạ for a; the rest is absent
