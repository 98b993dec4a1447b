"""Splitting: always the same, in the shares asked for, and nothing on both sides."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

from netchu.data.lines import LineSet, Sample
from netchu.data.split import split_lines
from netchu.errors import NetchuError

ROOT = Path("/data")


def lines(count=400, texts=150, writers=0):
    """Twenty lines to a page, texts that come back, writers in turn."""
    samples = []
    for i in range(count):
        writer = f"w{i % writers}" if writers else None
        samples.append(Sample(ROOT / f"lines/p{i // 20}_{i}.png", f"dòng {i * 7 % texts}", None, writer))
    return LineSet(ROOT, tuple(samples))


def sides(lineset, key):
    found = defaultdict(set)
    for sample in lineset.samples:
        found[key(sample)].add(sample.split)
    return found


def shares(lineset):
    counts = Counter(sample.split for sample in lineset.samples)
    return {split: count / len(lineset) for split, count in counts.items()}


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"by": "hash"}, lambda s: s.text),
        ({"by": "writer"}, lambda s: s.writer),
        ({}, lambda s: s.writer),
        ({"group_regex": r"p(\d+)_"}, lambda s: s.image.name.split("_")[0]),
        ({"by": "group", "group_regex": r"p\d+(?=_)"}, lambda s: s.image.name.split("_")[0]),
    ],
)
def test_what_belongs_together_stays_together(options, key):
    divided = split_lines(lines(writers=23), val=0.2, test=0.2, **options)
    assert all(len(splits) == 1 for splits in sides(divided, key).values())
    found = shares(divided)
    assert abs(found["val"] - 0.2) < 0.05 and abs(found["test"] - 0.2) < 0.05
    assert "split" in divided.columns


def test_same_data_same_split_in_any_order():
    first = {s.image: s.split for s in split_lines(lines()).samples}
    mixed = list(lines().samples)
    random.Random(1).shuffle(mixed)
    assert {s.image: s.split for s in split_lines(replace(lines(), samples=tuple(mixed))).samples} == first
    assert {s.image: s.split for s in split_lines(lines(), seed="2").samples} != first


def test_pinned_so_that_no_release_reshuffles():
    ten = replace(lines(), samples=lines(10, 10).samples)
    assert [
        {"train": "t", "val": "v", "test": "e"}[s.split or ""] for s in split_lines(ten, val=0.2, test=0.1).samples
    ] == ["t", "t", "t", "v", "e", "t", "t", "t", "v", "t"]


def test_lines_added_later_move_few():
    before = {s.image: s.split for s in split_lines(lines(400, 9999)).samples}
    after = {s.image: s.split for s in split_lines(lines(420, 9999)).samples}
    assert sum(after[image] != split for image, split in before.items()) <= 4


def test_text_is_compared_without_case():
    pair = (Sample(ROOT / "1.png", "Hà Nội"), Sample(ROOT / "2.png", "HÀ NỘI"))
    for seed in "abcdefgh":
        whole = replace(lines(), samples=(*pair, *lines(20).samples))
        assert len({s.split for s in split_lines(whole, val=0.5, seed=seed).samples[:2]}) == 1


def test_no_split_stays_empty_with_few_groups():
    for count in (3, 4, 5):
        few = replace(lines(), samples=lines(count, count).samples)
        assert set(shares(split_lines(few, val=0.3, test=0.3))) == {"train", "val", "test"}
    uneven = tuple(Sample(ROOT / f"{i}.png", "x" if i else "y") for i in range(100))
    assert set(shares(split_lines(replace(lines(), samples=uneven), val=0.6))) == {"train", "val"}
    assert Counter(s.split for s in split_lines(replace(lines(), samples=uneven), val=0.001).samples)["val"] == 1


def test_old_splits_are_forgotten():
    old = replace(lines(), samples=tuple(replace(s, split="test") for s in lines().samples))
    assert set(shares(split_lines(old))) == {"train", "val"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"val": 1.0}, "shares"),
        ({"val": 0.6, "test": 0.5}, "shares"),
        ({"val": -0.1}, "shares"),
        ({"by": "writer"}, "400 lines name no writer, first lines/p0_0.png"),
        ({"by": "group"}, "needs --group"),
        ({"by": "page"}, "unknown; choose"),
        ({"group_regex": "p("}, "not a regular expression"),
        ({"group_regex": "q"}, "not found in 400 image names, first lines/p0_0.png"),
        ({"group_regex": "p", "by": "hash"}, "only goes with"),
        ({"group_regex": "p"}, "1 group"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(NetchuError) as caught:
        split_lines(lines(), **options)
    assert message in str(caught.value)
