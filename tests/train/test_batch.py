"""Which lines, in which order, at which width: all lines, within the budget, the same for everyone."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from drawn import draw_set, words
from hypothesis import given, settings
from hypothesis import strategies as st

from netchu.data.batch import Batch, Example, Maker, Pick, Pictures, PlannedBatch, bucket, choose, plan
from netchu.text import needed_frames
from netchu.train.examples import Material, Source, gather

widths = st.lists(st.integers(1, 3000), min_size=1, max_size=80)


def examples_of(columns: list[int], source: int = 0) -> list[Example]:
    return [Example(f"{number}.png", "a", (1,), width, source) for number, width in enumerate(columns)]


class TestPlan:
    @settings(max_examples=150, deadline=None)
    @given(widths, st.integers(64, 15000), st.sampled_from([0.0, 1e-9, 0.1, 0.4]), st.integers(0, 3))
    def test_every_chosen_line_is_in_it_and_no_batch_is_over_the_budget(
        self, columns: list[int], budget: int, stretch: float, epoch: int
    ) -> None:
        examples = examples_of(columns)
        batches = plan(examples, range(len(examples)), budget, 7, epoch, stretch)
        seen = Counter(pick.index for batch in batches for pick in batch.picks)
        assert set(seen) == set(range(len(examples)))
        if not stretch:
            assert set(seen.values()) == {1}
        for batch in batches:
            assert max(pick.width for pick in batch.picks) <= batch.width
            assert batch.width == bucket(batch.width)
            assert len(batch.picks) * batch.width <= budget or len(batch.picks) == 1

    def test_few_narrow_lines_beside_wide_ones(self) -> None:
        """Fewer lines than a narrow batch would hold, but too many for a wide one: a small data set's usual case."""
        examples = examples_of([100] * 10 + [1000] * 10)
        for stretch in (0.0, 0.1):
            batches = plan(examples, range(20), 14336, 0, 0, stretch)
            assert all(len(batch.picks) * batch.width <= 14336 for batch in batches)

    def test_chosen_twice_is_planned_twice(self) -> None:
        batches = plan(examples_of([90, 100]), [0, 1, 1], 14336)
        assert sorted(pick.index for batch in batches for pick in batch.picks) == [0, 1, 1]

    def test_seed_and_epoch_decide_it(self) -> None:
        examples = examples_of(list(range(60, 460, 4)))
        plans = [plan(examples, range(100), 2000, seed, epoch, 0.1) for seed in (0, 1) for epoch in (0, 1)]
        assert plans[0] == plan(examples, range(100), 2000, 0, 0, 0.1)
        assert all(one != other for one, other in itertools.combinations(plans, 2))

    def test_lines_of_similar_width_go_together(self) -> None:
        examples = examples_of(np.random.default_rng(0).integers(60, 1500, 400).tolist())
        batches = plan(examples, range(400), 14336)
        drawn = sum(examples[pick.index].width for batch in batches for pick in batch.picks)
        padded = sum(len(batch.picks) * batch.width for batch in batches)
        assert drawn / padded > 0.85

    def test_with_a_stretch_batches_of_a_width_have_one_shape(self) -> None:
        """A processor compiles a kernel for each new shape."""
        examples = examples_of(np.random.default_rng(0).integers(60, 900, 300).tolist())
        sizes: dict[int, set[int]] = {}
        for epoch in range(3):
            for batch in plan(examples, range(300), 4096, 0, epoch, 0.1):
                sizes.setdefault(batch.width, set()).add(len(batch.picks))
        assert all(len(found) == 1 for found in sizes.values())

    def test_widths_vary_about_the_line_s_own(self) -> None:
        examples = examples_of([400] * 300)
        drawn = [pick.width for batch in plan(examples, range(300), 14336, 0, 0, 0.1) for pick in batch.picks]
        assert 0.07 < np.log(np.array(drawn) / 400).std() < 0.13


class TestChoose:
    def test_whole_weights_repeat_a_set(self) -> None:
        examples = examples_of([9] * 4) + examples_of([9] * 3, source=1)
        assert Counter(choose(examples, [1.0, 2.0], 0, 5)) == Counter([0, 1, 2, 3, 4, 4, 5, 5, 6, 6])

    @settings(max_examples=60, deadline=None)
    @given(st.integers(1, 40), st.floats(0.02, 3), st.integers(0, 5))
    def test_a_fraction_takes_turns_until_all_have_been_seen(self, lines: int, weight: float, seed: int) -> None:
        examples = examples_of([9] * lines)
        epochs = math.ceil(1 / weight) + 1
        seen = Counter(index for epoch in range(epochs) for index in choose(examples, [weight], seed, epoch))
        assert set(seen) == set(range(lines))
        assert max(seen.values()) - min(seen.values()) <= 1
        assert abs(sum(seen.values()) - weight * lines * epochs) <= 1

    def test_the_seed_decides_whose_turn_it_is(self) -> None:
        examples = examples_of([9] * 30)
        assert choose(examples, [0.5], 0, 0) == choose(examples, [0.5], 0, 0)
        assert choose(examples, [0.5], 0, 0) != choose(examples, [0.5], 1, 0)


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    folder = draw_set(tmp_path_factory.mktemp("batch") / "lines", words(24), ["train"] * 24, size=60)
    return gather([Source(folder)], 48, 4, (), None)


def maker_of(material: Material, share: tuple[int, int] = (0, 1), strength: float = 1.0) -> Maker:
    return Maker(material.train, Pictures(72), 48, 3, strength, 4, share)


def planned(material: Material, epoch: int = 0) -> list[PlannedBatch]:
    return plan(material.train, range(24), 1500, 3, epoch, 0.1)


def same(one: Batch, other: Batch) -> bool:
    return one.examples == other.examples and all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("images", "widths", "targets", "target_lengths")
    )


class TestMaker:
    def test_a_batch_holds_its_lines_labels_and_widths(self, material: Material) -> None:
        for plan_of, batch in zip(planned(material), maker_of(material).stream(planned(material), 0), strict=True):
            assert batch.images.shape == (len(plan_of.picks), 48, plan_of.width)
            assert [example.text for example in batch.examples] == [
                material.train[pick.index].text for pick in plan_of.picks
            ]
            assert batch.targets.tolist() == [label for example in batch.examples for label in example.target]
            assert batch.target_lengths.tolist() == [len(example.target) for example in batch.examples]
            assert batch.characters == len(batch.targets)
            for image, width, example in zip(batch.images, batch.widths, batch.examples):
                assert not image[:, width:].any()
                assert -(-width // 4) >= needed_frames(example.target)

    @pytest.mark.parametrize("workers", [2, 5])
    def test_the_number_of_workers_changes_nothing(self, material: Material, workers: int) -> None:
        batches = planned(material)
        alone = list(maker_of(material).stream(batches, 1, 1))
        together = list(maker_of(material).stream(batches, 1, workers))
        assert len(alone) == len(together) == len(batches)
        assert all(map(same, alone, together))

    def test_starting_late_gives_the_same_batches(self, material: Material) -> None:
        """As a resumed run does."""
        batches = planned(material)
        assert len(batches) > 2
        late = maker_of(material).stream(batches[2:], 0)
        assert all(map(same, list(maker_of(material).stream(batches, 0))[2:], late))

    def test_epochs_draw_a_line_differently(self, material: Material) -> None:
        pick = Pick(0, material.train[0].width)
        maker = maker_of(material)
        assert not np.array_equal(maker.line(pick, 0, 0), maker.line(pick, 1, 0))

    @pytest.mark.parametrize("world", [2, 3, 7])
    def test_the_shares_of_all_processes_make_up_the_batch(self, material: Material, world: int) -> None:
        for plan_of in planned(material):
            whole = maker_of(material)(plan_of, 0)
            shares = [maker_of(material, (rank, world))(plan_of, 0) for rank in range(world)]
            assert sum(len(share.examples) for share in shares) == len(whole.examples)
            for rank, share in enumerate(shares):
                assert share.examples == whole.examples[rank::world]
                assert share.characters == whole.characters
                assert share.images.shape[2] == whole.images.shape[2]
                if share.examples:
                    np.testing.assert_array_equal(share.images, whole.images[rank::world])
                else:
                    assert share.images.shape[0] == 1  # takes part in batch norms and sums, adds no loss
                    assert share.targets.size == 0

    def test_a_squeezed_line_keeps_the_frames_its_label_needs(self, material: Material) -> None:
        example = max(material.train, key=lambda e: needed_frames(e.target) / e.width)
        index = material.train.index(example)
        drawn = maker_of(material).line(Pick(index, 2), 0, 0)
        assert -(-drawn.shape[1] // 4) >= needed_frames(example.target)

    def test_without_augmentation_a_line_is_as_wide_as_was_measured(self, material: Material) -> None:
        maker = maker_of(material, strength=0.0)
        for index, example in enumerate(material.train):
            assert maker.line(Pick(index, 5), 0, 0).shape == (48, example.width)

    def test_a_picture_that_breaks_in_between_is_named(self, material: Material, tmp_path: Path) -> None:
        from netchu.errors import NetchuError

        broken = tmp_path / "cut.png"
        broken.write_bytes(Path(material.train[0].path).read_bytes()[:300])
        maker = Maker((Example(str(broken), "a", (1,), 100),), Pictures(72), 48, 0, 1.0, 4)
        with pytest.raises(NetchuError, match=r"cut\.png"):
            list(maker.stream([PlannedBatch((Pick(0, 100),), 128)], 0))


class TestPictures:
    def test_what_does_not_fit_the_budget_is_read_again(self, material: Material) -> None:
        none, all_of_them = Pictures(budget_bytes=0), Pictures()
        for example in material.train[:3]:
            np.testing.assert_array_equal(none(example.path), all_of_them(example.path))
        assert not none.kept
        assert len(all_of_them.kept) == 3

    def test_pictures_far_taller_than_needed_are_kept_small(self, material: Material) -> None:
        path = material.train[0].path
        assert Pictures()(path).shape[0] == 96
        assert Pictures(72)(path).shape[0] == 72
        assert Pictures(200)(path).shape[0] == 96
