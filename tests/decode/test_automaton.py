"""Automata: walks, tries, and arrays that do not belong together."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchu.decode.automaton import (
    FORBIDDEN_16,
    FORBIDDEN_32,
    IMPOSSIBLE,
    NEVER,
    TYPES,
    Automaton,
    trie,
)  # fmt: skip
from netchu.decode.walk import fall, final, pack, step
from netchu.errors import NetchuError

NO = FORBIDDEN_16


def bigrams(**changed: object) -> Automaton:
    """State 0 is the empty context, 1 and 2 are after labels 4 and 7, 3 is the start."""
    arrays: dict[str, object] = {
        "offsets": np.array([0, 2, 3, 3, 4], np.int64),
        "labels": np.array([4, 7, 7, 7], np.uint16),
        "targets": np.array([1, 2, 2, 2], np.uint32),
        "weights": np.array([-1024, -512, -256, NO], np.int16),
        "back": np.array([-1, 0, 0, 0], np.int32),
        "back_weights": np.array([0, -128, -64, -32], np.int16),
        "finals": np.array([NO, NO, -10, NO], np.int16),
        "scale": 1 / 1024,
        "start": 3,
    }
    return Automaton(**{**arrays, **changed})


def test_a_walk_backs_off_and_adds_what_that_costs():
    model = bigrams()
    assert model.empty == 0
    assert model.walk([4]) == (1, -(32 + 1024) / 1024)
    assert model.walk([4, 7]) == (2, -(32 + 1024 + 256) / 1024)
    assert model.walk([4, 4]) == (1, -(32 + 1024 + 128 + 1024) / 1024)
    assert model.score([4, 7]) == -(32 + 1024 + 256 + 10) / 1024
    assert model.score([4]) == -np.inf  # no end
    assert model.walk([7]) == (IMPOSSIBLE, -np.inf)  # forbidden here, whatever there is further back
    assert model.walk([5]) == (IMPOSSIBLE, -np.inf)
    assert model.remaining.tolist() == [1, 1, 0, 1]


@pytest.mark.parametrize("wide", [False, True])
def test_the_compiled_walk_is_the_same(wide):
    model = bigrams()
    if wide:
        nats = {name: np.where(getattr(model, name) == NO, FORBIDDEN_32, getattr(model, name) / 1024)
                for name in ("weights", "back_weights", "finals")}  # fmt: skip
        model = bigrams(labels=model.labels.astype(np.int32), targets=model.targets.astype(np.int32), scale=1.0,
                        **{name: array.astype(np.float32) for name, array in nats.items()})  # fmt: skip
    walk = pack(model)
    for state, label in itertools.product(range(4), range(9)):
        assert step(walk, state, label) == model.step(state, label)
    assert [final(walk, state) for state in range(4)] == [-np.inf, -np.inf, -10 / 1024, -np.inf]
    assert [fall(walk, state) for state in range(4)] == [(0, 0.0), (0, -128 / 1024), (0, -64 / 1024), (0, -32 / 1024)]


def test_what_is_packed_needs_the_mapped_file_no_more(tmp_path):
    np.save(tmp_path / "labels.npy", np.array([4, 7, 7, 7], np.uint16))
    labels = np.load(tmp_path / "labels.npy", mmap_mode="r")
    model = bigrams(labels=labels)
    assert np.shares_memory(model.labels, labels)
    assert not any(np.shares_memory(array, labels) for array in pack(model))
    assert pack(model).arcs.nbytes == 12 * model.arcs
    assert pack(model).states.nbytes == 16 * (model.states + 1)


@given(st.lists(st.lists(st.integers(0, 3), max_size=4), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_a_trie_takes_its_sequences_alone(sequences):
    tree = trie(sequences)
    assert tree.start == 0
    wanted = set(map(tuple, sequences))
    for length in range(6):
        for labels in itertools.product(range(4), repeat=length):
            assert tree.score(labels) == (0.0 if labels in wanted else -np.inf)
    prefixes = {sequence[:cut] for sequence in wanted for cut in range(len(sequence) + 1)}
    assert tree.states == len(prefixes)
    for prefix in prefixes:
        rest = min(len(sequence) - len(prefix) for sequence in wanted if sequence[: len(prefix)] == prefix)
        assert tree.remaining[tree.walk(prefix)[0]] == rest


def test_a_trie_of_scores_keeps_the_better_one():
    tree = trie([[1, 2], [3], [1, 2]], [-3.0, -1.0, -2.0])
    assert tree.score([1, 2]) == -2.0
    assert tree.score([3]) == -1.0


def test_bad_tries():
    with pytest.raises(NetchuError, match="no sequences"):
        trie([])
    with pytest.raises(NetchuError, match="negative"):
        trie([[1, -1]])


def test_where_no_end_can_be_reached():
    assert bigrams(finals=np.full(4, NO, np.int16)).remaining.tolist() == [NEVER] * 4


@pytest.mark.parametrize("changed, message", [
    ({"offsets": np.array([0, 2, 3, 3, 5])}, "do not run"),
    ({"offsets": np.array([0, 3, 2, 3, 4])}, "fall"),
    ({"offsets": np.array([0, 2, 3, 4])}, "offsets has 4 entries, not 5"),
    ({"labels": np.array([7, 4, 7, 7], np.uint16)}, "do not rise"),
    ({"labels": np.array([4, 4, 7, 7], np.uint16)}, "do not rise"),
    ({"labels": np.array([-1, 4, 7, 7], np.int32)}, "negative"),
    ({"targets": np.array([1, 2, 2, 4], np.int32)}, "not there"),
    ({"back": np.array([-1, 0, 0, 4], np.int32)}, "not there"),
    ({"back": np.array([1, 0, 0, 0], np.int32)}, "never ends"),
    ({"finals": np.array([0, 0, np.nan, 0], np.float32)}, "not a number"),
    ({"weights": np.zeros(4, np.float64)}, "weights is 1-d float64, not 1-d int16 or float32"),
    ({"weights": np.zeros((4, 1), np.int16)}, "2-d int16"),
    ({"start": 4}, "start 4 is none"),
    ({"scale": 0.0}, "scale of 0.0"),
])  # fmt: skip
def test_arrays_that_do_not_belong_together(changed, message):
    with pytest.raises(NetchuError, match=message) as found:
        bigrams(**changed)
    assert "\n" not in str(found.value)


def test_every_array_is_named_in_the_types():
    assert set(TYPES) == {name for name in Automaton.__dataclass_fields__ if name not in ("scale", "start")}
