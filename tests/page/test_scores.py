"""Scores of pages: what is counted where, don't-care areas, sums, intervals."""

from __future__ import annotations

import json

import pytest

from netchu.data.pages import IGNORED
from netchu.errors import NetchuError
from netchu.page.scores import Tally, score_page, score_pages
from netchu.records import Line, Page


def line(y, text="abc", left=10, right=410, high=30, baseline=True):
    polygon = ((left, y - high), (right, y - high), (right, y + 5), (left, y + 5))
    return Line(text, 1.0, polygon, (), baseline=((left, y), (right, y)) if baseline else ())


def page(*lines, size=(500, 500)):
    return Page(*size, tuple(lines))


TRUTH = page(line(100, "ab"), line(200, "cd"), line(300, "ef"))


def test_a_page_read_right():
    tally = score_page(TRUTH, TRUTH)
    assert set(tally.rates.values()) == {0.0, 1.0}
    assert [tally.rates[name] for name in ("baseline_f", "hmean", "cer", "cer_unordered", "cer_in_place")] == [
        1, 1, 0, 0, 0,
    ]  # fmt: skip
    assert (tally.pages, tally.true_lines, tally.found_lines, tally.matched, tally.exact) == (1, 3, 3, 3, 3)


def test_each_measure_sees_its_own_fault():
    shifted = [
        Line(x.text, 1.0, x.polygon, (), baseline=tuple((a, b + 80) for a, b in x.baseline)) for x in TRUTH.lines
    ]
    rates = score_page(TRUTH, page(*shifted)).rates
    assert rates["baseline_f"] < 0.9 and rates["hmean"] == 1 and rates["cer"] == 0
    swapped = score_page(TRUTH, page(*TRUTH.lines[::-1])).rates
    assert swapped["baseline_f"] == swapped["hmean"] == 1 and swapped["cer_unordered"] == 0 and swapped["cer"] > 0
    elsewhere = score_page(TRUTH, page(line(100, "cd"), line(200, "ab"), line(300, "ef"))).rates
    assert elsewhere["cer_unordered"] == 0 and elsewhere["cer_in_place"] == pytest.approx(4 / 6)
    missing = score_page(TRUTH, page(*TRUTH.lines[:2])).rates
    assert missing["recall"] == pytest.approx(2 / 3) and missing["precision"] == 1
    assert missing["cer_unordered"] == pytest.approx(2 / 6)


def test_pages_without_lines_on_one_side_or_both():
    nothing = page()
    assert score_page(nothing, nothing).rates["hmean"] == score_page(nothing, nothing).rates["baseline_f"] == 1
    assert score_page(nothing, nothing).rates["cer"] == 0
    false = score_page(nothing, TRUTH).rates
    assert (false["recall"], false["precision"], false["baseline_f"], false["cer"]) == (0, 0, 0, 1)
    blind = score_page(TRUTH, nothing).rates
    assert (blind["recall"], blind["precision"], blind["hmean"], blind["baseline_f"], blind["cer"]) == (0, 0, 0, 0, 1)


def test_what_is_found_in_dont_care_areas_is_left_out():
    zone = Line(IGNORED, 1.0, ((0, 0), (500, 0), (500, 120), (0, 120)), ())
    truth = page(*TRUTH.lines, zone)
    assert score_page(truth, TRUTH).rates == score_page(TRUTH, TRUTH).rates  # the true line in the zone still counts
    also = page(line(50, "printed"), *TRUTH.lines)
    tally = score_page(truth, also)
    assert (tally.ignored, tally.found_lines, tally.true_lines) == (1, 3, 3)
    assert tally.rates == score_page(TRUTH, TRUTH).rates
    assert score_page(TRUTH, also).rates["hmean"] < 1
    bare = Line("printed", 1.0, (), (), baseline=((10, 50), (410, 52)))  # no polygon: the baseline tells
    assert score_page(truth, page(bare, *TRUTH.lines)).ignored == 1


def test_a_measure_leaves_out_pages_whose_truth_lacks_it():
    half = page(line(100, "ab", baseline=False), line(200, "cd"))
    tally = score_page(half, half)
    assert tally.baseline_pages == 0 and tally.rates["baseline_f"] is None and tally.rates["hmean"] == 1
    unlined = page(Line("ab", 1.0, (), (), baseline=((10, 100), (400, 100))))
    tally = score_page(unlined, unlined)
    assert tally.rates["hmean"] is tally.rates["cer_in_place"] is None and tally.rates["baseline_f"] == 1
    assert score_pages([unlined, TRUTH], [unlined, TRUTH]).total.in_place == score_page(TRUTH, TRUTH).in_place
    assert score_page(TRUTH, half).rates["baseline_precision"] == pytest.approx(1 / 2)  # found without: wrong
    both = score_pages([half, TRUTH], [half, TRUTH])
    assert both.total.baseline_pages == 1 and both.total.rates["baseline_f"] == 1


def test_counts_add_up_over_pages_and_sources():
    found = [TRUTH, page(*TRUTH.lines[:2]), page()]
    scores = score_pages([TRUTH] * 3, found, sources=["a", "b", "a"])
    assert scores.total == sum(scores.pages, Tally()) == sum((tally for _, tally in scores.sources), Tally())
    assert [name for name, _ in scores.sources] == ["a", "b"] and dict(scores.sources)["a"].pages == 2
    assert scores.total.rates["recall"] == pytest.approx(5 / 9)
    assert scores.total.rates["baseline_recall"] == pytest.approx((1 + 2 / 3 + 0) / 3)  # a mean over pages
    assert scores.total.rates["baseline_precision"] == 1
    for name, rate in scores.total.rates.items():
        low, high = scores.ci95[name]
        assert low <= rate <= high
    data = json.loads(json.dumps(scores.to_json()))
    assert data["hmean"] == scores.total.rates["hmean"] and data["sources"]["b"]["matched"] == 2
    assert data["ordered"]["edits"] == scores.total.ordered.edits and data["resampled"] == "pages"
    assert score_pages([TRUTH] * 3, found).ci95 == scores.ci95  # the same seed


def test_texts_are_compared_under_the_normaliser():
    loud = page(*[line(100, "AB."), line(200, "Cd"), line(300, "EF")])
    assert score_pages([TRUTH], [loud], "caseless-nopunct").total.rates["cer"] == 0
    assert score_pages([TRUTH], [loud]).total.rates["cer"] > 0


def test_what_cannot_be_scored_is_said():
    with pytest.raises(NetchuError, match="no pages"):
        score_pages([], [])
    with pytest.raises(ValueError, match="2 true pages, 1 found"):
        score_pages([TRUTH] * 2, [TRUTH])
    with pytest.raises(NetchuError, match="500 x 500 pixels in the truth, 250 x 250 as read"):
        score_pages([TRUTH], [page(size=(250, 250))])
    with pytest.raises(NetchuError, match="unknown"):
        score_pages([TRUTH], [TRUTH], "no such normaliser")
