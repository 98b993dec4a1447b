"""Voting: the texts that all voters like best, checked against asking every voter about every text."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import netchu
from netchu.decode.ballot import Ballot
from netchu.decode.ctc import greedy
from netchu.decode.sureness import attach
from netchu.decode.vote import vote
from netchu.errors import NetchuError
from netchu.image import open_grey
from netchu.read import Reader
from netchu.text import Charset
from netchu.views import VIEWS, views
from netchu.voters import Voters

ABC = Charset.from_symbols("abcd ")
SAMPLE = Path(netchu.__file__).parent / "samples" / "sample.png"


def frames(charset: Charset, *rows: dict[str, float]) -> np.ndarray:
    """Logits from probabilities by symbol; what is left goes to the blank."""
    found = np.full((len(rows), len(charset)), 1e-9)
    for row, given in zip(found, rows):
        for symbol, share in given.items():
            row[charset.symbols.index(symbol)] = share
        row[0] = max(1e-9, 1 - sum(given.values()))
    return np.log(found)


def written(charset: Charset, text: str, sure: float = 0.9, gap: int = 1) -> np.ndarray:
    """Logits of a line that plainly says `text`, a symbol a frame with blanks between."""
    rows: list[dict[str, float]] = []
    for symbol in text:
        rows += [{}] * gap + [{symbol: sure}]
    return frames(charset, *rows, {})


def ballot(logits: np.ndarray, charset: Charset = ABC, weight: float = 1.0) -> Ballot:
    return Ballot(logits, len(logits), charset, greedy(logits, len(logits)), 1.0, weight)


def say(*ballots: Ballot, **options) -> str:
    reading, charset = vote(ballots, **options)
    return charset.decode(reading.classes)


def mean_log_prob(logits: list[np.ndarray], text: str) -> float:
    """By all paths of each voter."""
    total = 0.0
    for each in logits:
        log_probs = each - np.log(np.exp(each).sum(1, keepdims=True))
        found = -np.inf
        for path in itertools.product(range(each.shape[1]), repeat=len(each)):
            merged = [state for state, _ in itertools.groupby(path) if state]
            if ABC.decode(merged) == text:
                found = np.logaddexp(found, log_probs[np.arange(len(path)), path].sum())
        total += found
    return total / len(logits)


@pytest.mark.parametrize("seed", range(6))
def test_scores_are_the_mean_of_the_exact_ones_and_the_best_wins(seed):
    rng = np.random.default_rng(seed)
    logits = [rng.normal(0, 2, (4, 6)) for _ in range(3)]
    reading, charset = vote([ballot(each) for each in logits], ranked=100)
    scores = {charset.decode(classes): score for classes, score in reading.ranked}
    for text, score in scores.items():
        assert score == pytest.approx(mean_log_prob(logits, text), abs=1e-6)
    assert scores[charset.decode(reading.classes)] == max(scores.values()) == reading.ranked[0][1]
    for each in logits:  # nobody's own reading is better
        own = ABC.decode(greedy(each, 4).classes).strip()
        assert "  " in own or mean_log_prob(logits, own) <= max(scores.values()) + 1e-9


def test_parts_that_nobody_read_together():
    """Each voter is wrong, unsurely, in another place; the right text is none of theirs."""
    first = frames(ABC, {"b": 0.5, "a": 0.45}, {}, {"b": 0.99}, {}, {"c": 0.99}, {}, {"d": 0.99})
    second = frames(ABC, {"a": 0.99}, {}, {"c": 0.5, "b": 0.45}, {}, {"c": 0.99}, {}, {"d": 0.99})
    third = frames(ABC, {"a": 0.99}, {}, {"b": 0.99}, {}, {"c": 0.99}, {}, {"a": 0.5, "d": 0.45})
    ballots = [ballot(first), ballot(second), ballot(third)]
    assert [ABC.decode(each.reading.classes) for each in ballots] == ["bbcd", "accd", "abca"]
    assert say(*ballots) == "abcd"
    assert say(*ballots[::-1]) == "abcd"


def test_the_sure_voter_beats_unsure_ones():
    unsure = frames(ABC, {"a": 0.4, "b": 0.35}, {}, {"c": 0.9})
    sure = frames(ABC, {"b": 0.99}, {}, {"c": 0.9})
    assert say(ballot(unsure), ballot(unsure), ballot(sure)) == "bc"


def test_weights_decide_between_equals():
    one, other = written(ABC, "ab"), written(ABC, "ac")
    assert say(ballot(one, weight=2), ballot(other)) == "ab"
    assert say(ballot(one), ballot(other, weight=2)) == "ac"


def test_of_equal_texts_the_first_ballots_wins():
    one, other = frames(ABC, {"a": 0.7, "b": 0.2}), frames(ABC, {"a": 0.2, "b": 0.7})
    assert say(ballot(one), ballot(other)) == "a"
    assert say(ballot(other), ballot(one)) == "b"


def test_frames_need_not_mean_the_same_place():
    """Averaging frames would see only blanks here."""
    early = frames(ABC, {"a": 0.9}, {}, {"b": 0.9}, {}, {"c": 0.6, "d": 0.3}, {})
    late = frames(ABC, {}, {}, {}, {"a": 0.9}, {}, {"b": 0.9}, {}, {"d": 0.9}, {})
    assert say(ballot(early), ballot(late)) == "abd"


def test_one_ballot_is_given_back_as_it_is():
    only = ballot(written(ABC, "ab  c"))
    reading, charset = vote([only])
    assert reading is only.reading and charset is ABC
    with pytest.raises(ValueError, match="needs a ballot"):
        vote([])


def test_an_empty_reading_among_voters():
    nothing = frames(ABC, {}, {"a": 0.3}, {}, {"b": 0.3}, {})
    assert greedy(nothing, 5).classes == ()
    full = written(ABC, "ab", 0.99)
    assert say(ballot(full), ballot(nothing)) == "ab"
    assert say(ballot(nothing), ballot(full)) == "ab"
    reading, _ = vote([ballot(nothing), ballot(nothing)])
    assert reading.classes == reading.starts == reading.confidences == reading.alternatives == ()
    empty = Ballot(np.zeros((0, len(ABC))), 0, ABC, greedy(np.zeros((0, len(ABC))), 0))
    assert say(empty, empty) == ""
    assert say(empty, ballot(full)) == ""  # no place in the first voter's frames
    assert say(ballot(full), empty) == "ab"


def test_charsets_forms_and_strides_may_differ():
    composed = Charset.from_symbols("aếd ")
    apart = Charset.from_symbols(["a", "e", "\u0302", "\u0301", "d", " "], "NFD")
    small = Charset.from_symbols("ad ")  # has no such letter, and no opinion on it
    one = frames(composed, {"a": 0.9}, {}, {"ế": 0.55, "d": 0.4}, {}, {" ": 0.9}, {}, {"a": 0.9}, {})
    two = written(apart, "ae\u0302\u0301 a", gap=2)
    three = written(small, "ad a")
    first = [ballot(one, composed), ballot(two, apart), ballot(three, small)]
    reading, charset = vote(first)
    assert charset.decode(reading.classes) == "aế a" and charset.form == "NFC"
    reading, charset = vote([first[1], first[0]])
    assert charset.decode(reading.classes) == "ae\u0302\u0301 a" and charset.form == "NFD"
    assert len(reading.classes) == 4  # by grapheme
    # where the voter with the letter is all but sure, one that lacks it cannot forbid it
    sure = written(composed, "aế", 0.99)
    assert say(ballot(sure, composed), ballot(written(small, "ad", 0.6), small)) == "aế"


def test_frames_are_those_of_the_first():
    logits = written(ABC, "abc")
    reading, _ = vote([ballot(logits), ballot(written(ABC, "abd", 0.6, gap=3))])
    assert list(zip(reading.starts, reading.ends)) == [(1, 2), (3, 4), (5, 6)]
    assert all(0 < sure <= 1 for sure in reading.confidences)
    assert reading.confidences[2] < min(reading.confidences[:2])  # they disagree there
    others = dict(reading.alternatives[2])
    assert others and max(others, key=others.get) in range(1, 6)


def test_log_odds_of_what_each_voter_says_are_averaged():
    """Of the characters, and of what may be missing between them."""

    def odds(shares):
        return np.log(shares) - np.log1p(-np.asarray(shares))

    rng = np.random.default_rng(3)
    one, two = rng.normal(0, 2, (9, len(ABC))), rng.normal(0, 1, (7, len(ABC)))
    reading, charset = vote([ballot(one, weight=2), ballot(two)])
    assert charset is ABC and len(reading.missing) == len(reading.classes) + 1 > 3
    alone = [attach(each, reading.classes) for each in (one, two)]
    for field in ("confidences", "missing"):
        wanted = (2 * odds(getattr(alone[0], field)) + odds(getattr(alone[1], field))) / 3
        assert odds(getattr(reading, field)) == pytest.approx(wanted, abs=1e-3)
    for sure, others in zip(reading.confidences, reading.alternatives):
        assert sure + sum(share for _, share in others) <= 1 + 1e-9


def test_a_letter_that_one_voter_all_but_read_may_be_missing():
    sure = written(ABC, "ac")
    torn = frames(ABC, {}, {"a": 0.9}, {"b": 0.45}, {}, {"c": 0.9}, {})
    reading, charset = vote([ballot(sure), ballot(torn)])
    assert charset.decode(reading.classes) == "ac"
    assert int(np.argmax(reading.missing)) == 1
    assert reading.missing[1] > 5 * max(reading.missing[0], reading.missing[2])


def test_ranked_readings_are_asked_about():
    torn = frames(ABC, {"a": 0.5, "b": 0.49}, {}, {"c": 0.9})
    other = frames(ABC, {"d": 0.5, "b": 0.49}, {}, {"c": 0.9})
    own = greedy(torn, 3)
    known = Ballot(torn, 3, ABC, replace(own, ranked=(((2, 3), -1.0),)))
    assert say(ballot(torn), ballot(other)) != "bc"
    assert say(known, ballot(other)) == "bc"


def test_a_judge_knows_the_language():
    one = frames(ABC, {"a": 0.6, "b": 0.3}, {}, {"c": 0.9})
    two = frames(ABC, {"a": 0.4, "b": 0.5}, {}, {"c": 0.9})

    def judge(texts):
        return np.array([5.0 * text.count("b") for text in texts])

    assert say(ballot(one), ballot(two)) == "ac"
    assert say(ballot(one), ballot(two), judge=judge) == "bc"
    judged, _ = vote([ballot(two), ballot(two)], judge)
    instead = dict(judged.alternatives[0])[ABC.symbols.index("a")]
    odds = judged.confidences[0] / instead
    assert odds == pytest.approx(0.5 / 0.4 * np.exp(5), rel=1e-3)  # what they say, and what the judge adds


def test_a_judge_that_forbids_all_else_is_sure():
    one, two = frames(ABC, {"a": 0.5, "b": 0.4}), frames(ABC, {"a": 0.4, "b": 0.5})
    only = vote([ballot(one), ballot(two)], lambda texts: np.array([0.0 if text == "b" else -np.inf for text in texts]))
    reading, charset = only
    assert charset.decode(reading.classes) == "b" and len(reading.ranked) == 1
    assert reading.confidences[0] > 0.95 and not reading.alternatives[0]
    nothing, _ = vote([ballot(one), ballot(two)], lambda texts: np.full(len(texts), -np.inf))
    assert nothing == vote([ballot(one), ballot(two)])[0]  # not asked where it forbids everything


def test_bad_ballots():
    logits = written(ABC, "abc")
    with pytest.raises(NetchuError, match="weight is 0"):
        ballot(logits, weight=0)
    with pytest.raises(NetchuError, match="logits of shape"):
        Ballot(logits[:, :-1], 3, ABC, greedy(logits, 3))
    broken = logits.copy()
    broken[2] = np.nan  # taken for a blank
    reading, charset = vote([ballot(logits), Ballot(broken, len(broken), ABC, greedy(logits, len(logits)))])
    assert charset.decode(reading.classes) == "abc" and np.isfinite(reading.confidences).all()


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    line = open_grey(SAMPLE)
    return [line, np.full((40, 300), 230, np.uint8), line[:, : line.shape[1] // 2], np.full((1, 1), 255, np.uint8)]


def test_lines_in_order_with_blank_ones_among_them(pictures):
    readers = [netchu.load("vi-tiny", decoder="greedy"), netchu.load("vi", decoder="greedy")]
    voters = Voters(readers, view_count=2)
    lines = voters.read_lines(pictures)
    assert [bool(line.text) for line in lines] == [True, False, True, False]
    assert lines == voters.read_lines(pictures)
    for line, picture in zip(lines, pictures):
        assert line.polygon[2] == (picture.shape[1], picture.shape[0])
        assert "".join(char.text for char in line.chars) == line.text
    assert [voters.read_lines([picture])[0].text for picture in pictures] == [line.text for line in lines]
    assert voters.read_lines([]) == []
    assert voters.read(str(SAMPLE)).text == lines[0].text


def test_boxes_are_where_the_plain_view_has_them(pictures):
    reader = netchu.load("vi-tiny", decoder="greedy")
    (alone,), (voted,) = reader.read_lines(pictures[:1]), Voters([reader], view_count=2).read_lines(pictures[:1])
    pairs = [(one, two) for one, two in zip(alone.chars, voted.chars) if one.text == two.text]
    assert len(pairs) > len(alone.chars) / 2
    assert max(abs(one.box[0] - two.box[0]) for one, two in pairs[-5:]) < 0.05 * pictures[0].shape[1]


def test_one_voter_reads_as_its_reader_does(pictures):
    reader = netchu.load("vi-tiny", decoder="greedy")
    plain = Reader(reader.session)  # votes are not calibrated
    assert Voters([reader]).read_lines(pictures) == plain.read_lines(pictures)


def test_bad_voters():
    reader = netchu.load("vi-tiny", decoder="greedy")
    with pytest.raises(NetchuError, match="no models"):
        Voters([])
    with pytest.raises(NetchuError, match="1 to"):
        Voters([reader], view_count=99)
    for weights in ([1.0, 1.0], [0.0], [float("nan")]):
        with pytest.raises(NetchuError, match="one above 0"):
            Voters([reader], weights=weights)
    with pytest.raises(NetchuError, match="sources\\[1\\]"):
        Voters([reader]).read_lines([np.zeros((9, 9), np.uint8), b"no picture"])


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("shape", [(1, 1), (48, 1), (48, 7), (48, 900), (64, 300)])
def test_views_keep_the_height_and_all_of_the_line(view, shape):
    line = np.full(shape, 220, np.uint8)
    line[shape[0] // 4 : -(shape[0] // 4) or None, : shape[1] // 2 + 1] = 30
    before = line.copy()
    seen = view(line)
    assert seen.dtype == np.uint8 and seen.shape[0] == shape[0]
    assert 0.85 * shape[1] - 1 <= seen.shape[1] <= 1.3 * shape[1] + 0.15 * shape[0] + 1
    assert np.array_equal(line, before)
    if shape[1] > 100:  # as much ink, give or take the stretch
        ink, there = (255 - seen.astype(float)).sum() / seen.shape[1], (255 - line.astype(float)).sum() / line.shape[1]
        assert 0.7 < ink / there < 1.2


def test_views_differ_and_the_first_is_plain():
    line = open_grey(SAMPLE)
    seen = [view(line) for view in views(len(VIEWS))]
    assert seen[0] is line
    assert len({(each.shape, each.tobytes()) for each in seen}) == len(VIEWS)
