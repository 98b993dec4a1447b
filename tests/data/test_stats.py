"""Figures of a set, checked against ones counted by hand."""

from __future__ import annotations

import json

from netchu.data.lines import read_lines
from netchu.data.stats import LEVELS, stats


def test_counts_and_sizes(make, draw):
    rows = [("a.png", "Huế", "train", "w1"), ("b.png", "aa", "train", "w2"), ("c.png", "Huế", "val", "w1")]
    root = make(*rows, columns="image text split writer", width=100, height=20)
    draw(root / "b.png", width=300, height=40)
    (root / "c.png").write_bytes(b"")
    found = stats(read_lines(root))
    whole = found.parts["all"]
    assert list(found.parts) == ["all", "train", "val"]
    assert (whole.lines, whole.characters, whole.distinct_characters, whole.distinct_texts) == (3, 8, 4, 2)
    assert (whole.writers, whole.unreadable, found.parts["val"].unreadable) == (2, 1, 1)
    assert (whole.width[0], whole.width[-1], whole.height[LEVELS.index(50)]) == (100, 300, 30)
    assert found.parts["val"].width == ()
    assert found.characters == {"H": 2, "a": 2, "u": 2, "ế": 2}


def test_json_is_plain(make):
    found = stats(read_lines(make(("a.png", "Huế"))))
    told = json.loads(found.to_json())
    assert told["parts"]["none"]["lines"] == 1 and told["digest"] == found.digest and "ế" in found.to_json()
