"""The networks that ours are compared with keep the same promises, or, where they are a trap, break them."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from drawn import draw_set, scrawl, settled, words  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from netchu.data.batch import Pictures  # noqa: E402
from netchu.image import pad_batch  # noqa: E402
from netchu.models import ARCHITECTURES  # noqa: E402
from netchu.models.blocks import Normalise  # noqa: E402
from netchu.models.line import LineNetwork  # noqa: E402
from netchu.train.doctor import overfit_check  # noqa: E402
from netchu.train.examples import Source, gather  # noqa: E402

torch.set_num_threads(1)

spec = importlib.util.spec_from_file_location("contenders", Path(__file__).parents[1] / "bench" / "contenders.py")
assert spec
assert spec.loader
contenders = importlib.util.module_from_spec(spec)
spec.loader.exec_module(contenders)

CLASSES = 11
SMALL = [name for name in contenders.CONTENDERS if name != "base-64"]
HONEST = [name for name in SMALL if name != "permute-wrong"]
COUNTS = torch.tensor([3, 1, 4, 0, 2])
LABELS = torch.tensor([1, 2, 2, 9, 3, 4, 5, 10, 7, 7])


@cache
def network(name: str) -> LineNetwork:
    return settled(contenders.CONTENDERS[name](CLASSES))


@torch.no_grad()
def losses(model: LineNetwork, width: int | None = None, dirt: bool = False) -> tuple[float, float]:
    """The loss of five lines together, padded to `width` columns, and the sum of their losses alone."""
    pictures = [scrawl(model.height, columns) for columns in (61, 21, 90, 33, 203)]
    images, widths = pad_batch(pictures, width)
    if dirt:
        for image, columns in zip(images, widths):
            image[:, columns:] = np.random.default_rng(0).integers(0, 255, image[:, columns:].shape)
    together = model.loss(torch.from_numpy(images), torch.from_numpy(widths), LABELS, COUNTS, 0.0)
    alone = 0.0
    for picture, labels in zip(pictures, LABELS.split(COUNTS.tolist())):
        images, widths = pad_batch([picture])
        alone += model.loss(
            torch.from_numpy(images), torch.from_numpy(widths), labels, torch.tensor([len(labels)]), 0.0
        ).item()
    return together.item(), alone


@pytest.mark.parametrize("name", SMALL)
def test_they_are_of_the_size_of_tiny(name: str) -> None:
    with torch.device("meta"):
        ours = ARCHITECTURES["tiny"](240).count_parameters()
    assert 0.8 * ours <= contenders.CONTENDERS[name](240).count_parameters() <= 1.75 * ours


@pytest.mark.parametrize("name", SMALL)
def test_every_weight_gets_a_finite_gradient(name: str) -> None:
    torch.manual_seed(0)
    model = contenders.CONTENDERS[name](CLASSES).train()
    images, widths = pad_batch([scrawl(model.height, columns) for columns in (120, 180)])
    targets, counts = torch.tensor([1, 2, 2, 3, 4]), torch.tensor([3, 2])
    model.loss(torch.from_numpy(images), torch.from_numpy(widths), targets, counts, 0.3).backward()
    for weight_name, weight in model.named_parameters():
        assert weight.grad is not None, weight_name
        assert torch.isfinite(weight.grad).all(), weight_name


@pytest.mark.parametrize("name", HONEST)
def test_neither_padding_nor_neighbours_can_be_felt(name: str) -> None:
    for width, dirt in ((None, False), (384, False), (384, True)):
        together, alone = losses(network(name), width, dirt)
        assert together == pytest.approx(alone, rel=1e-4)


@pytest.mark.parametrize("name", HONEST)
def test_lines_are_read_the_same_alone_and_together(name: str) -> None:
    model = network(name)
    pictures = [scrawl(model.height, columns) for columns in (61, 21, 90, 33, 203)]
    together, _ = model.read(*map(torch.from_numpy, pad_batch(pictures, 384)))
    assert together == [model.read(*map(torch.from_numpy, pad_batch([picture])))[0][0] for picture in pictures]


@pytest.mark.parametrize("name", ["attention-head-both", "transformer-head", "vitstr", "rectifier"])
def test_eight_lines_are_learnt_by_heart(name: str, tmp_path: Path) -> None:
    found = gather([Source(draw_set(tmp_path, words(8, longest=5)))], 48, 4, (), None)
    result = overfit_check(
        contenders.CONTENDERS[name], found.train, Pictures(), found.charset, lines=8, steps=300, learning_rate=0.002
    )
    assert result.lines == 8
    assert result.cer == 0.0


class Columns(nn.Module):
    """A trunk that says of every place in which row and column it is."""

    stride, reach, channels = 1, 0, 1

    def forward(self, ink: Tensor) -> Tensor:
        rows, columns = torch.meshgrid(torch.arange(3), torch.arange(8), indexing="ij")
        return (10 * rows + columns).float()[None, None]


class TestPermute:
    def test_right_every_frame_is_a_column(self) -> None:
        frames = contenders.Flattened(Columns(), 3, right=True)(torch.zeros(1))
        assert frames.shape == (1, 3, 1, 8)
        assert frames[0, :, 0, 5].tolist() == [5, 15, 25]

    def test_wrong_frames_go_through_the_line_once_a_row(self) -> None:
        frames = contenders.Flattened(Columns(), 3, right=False)(torch.zeros(1))
        assert frames.shape == (1, 3, 1, 8)
        over_time = frames[0, :, 0].T.flatten().tolist()
        assert over_time == [10 * row + column for row in range(3) for column in range(8)]

    def test_wrong_lets_padding_be_felt(self) -> None:
        together, alone = losses(network("permute-wrong"), 384)
        assert abs(together - alone) > 0.01 * alone


def writers() -> list[nn.Module]:
    return [
        contenders.AttentionWriter(6, CLASSES, hidden=24, look=12),
        contenders.AttentionWriter(6, CLASSES, hidden=24, look=12, backwards=True),
        contenders.TransformerWriter(6, CLASSES, size=16),
    ]


class TestWriters:
    @pytest.mark.parametrize("number", range(3))
    def test_what_is_written_is_as_likely_as_the_loss_says(self, number: int) -> None:
        """Writing letter by letter, with what is kept between them, is the sum that training makes all at once."""
        writer = settled(writers()[number])
        lengths, ended = torch.tensor([14, 9, 14, 12, 14, 7]), 0
        with torch.no_grad():
            for weight in writer.parameters():
                weight.mul_(6)  # or the same letter would be written for ever
            for seed in (2, 3):
                memory = torch.randn(6, 14, 6, generator=torch.Generator().manual_seed(seed))
                lines, likelihood = writer.write(memory, lengths)
                for k, line in enumerate(lines):
                    if 0 < len(line) < lengths[k]:
                        ended += len(line)
                        alone, count = memory[k : k + 1], torch.tensor([len(line)])
                        loss = writer.loss(alone, lengths[k : k + 1], torch.tensor(line), count)
                        assert loss.item() == pytest.approx(-likelihood[k].item(), rel=1e-3)
        assert ended >= 3

    def test_backwards_is_forwards_on_letters_turned_round(self) -> None:
        there, back = (settled(writer) for writer in writers()[:2])
        memory, lengths = torch.randn(2, 9, 6, generator=torch.Generator().manual_seed(0)), torch.tensor([9, 7])
        with torch.no_grad():
            turned = there.loss(memory, lengths, torch.tensor([3, 2, 1, 5, 4]), torch.tensor([3, 2]))
            same = back.loss(memory, lengths, torch.tensor([1, 2, 3, 4, 5]), torch.tensor([3, 2]))
        assert same.item() == pytest.approx(turned.item(), rel=1e-6)

    def test_of_both_ways_the_likelier_is_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        both = contenders.BothWays(6, CLASSES)
        for writer, lines, likelihood in zip(both.writers, ([(1,), (2,)], [(3,), (4,)]), ([-1.0, -5.0], [-2.0, -3.0])):
            monkeypatch.setattr(writer, "write", lambda *_, a=lines, b=likelihood: (a, torch.tensor(b)))
        lines, likelihood = both.write(torch.zeros(2, 5, 6), torch.tensor([5, 5]))
        assert lines == [(1,), (4,)]
        assert likelihood.tolist() == [-1.0, -3.0]

    def test_a_text_ends_where_its_end_stands(self) -> None:
        assert contenders.written([[3, 2, 0, 4], [0, 1, 1, 1], [5, 5, 5, 5]]) == [(3, 2), (), (5, 5, 5, 5)]


class TestRectifier:
    IMAGES, WIDTHS = (torch.from_numpy(array) for array in pad_batch([scrawl(48, 90), scrawl(48, 140)], 160))

    def bent(self, shift: Tensor) -> Tensor:
        rectifier = contenders.Rectifier().eval()
        with torch.no_grad():
            rectifier.move.bias.copy_(shift.flatten())
            return rectifier(self.IMAGES, self.WIDTHS)

    def test_it_begins_by_changing_nothing(self) -> None:
        plain = Normalise()(self.IMAGES, self.WIDTHS)
        torch.testing.assert_close(self.bent(torch.zeros(20, 2)), plain, atol=1e-3, rtol=1e-3)

    def test_points_that_move_take_the_ink_with_them(self) -> None:
        plain = Normalise()(self.IMAGES, self.WIDTHS)
        down = torch.tensor([0.0, 2 * 4 / 48]).expand(20, 2)  # look four rows lower
        torch.testing.assert_close(self.bent(down)[:, :, :44], plain[:, :, 4:], atol=1e-3, rtol=1e-3)
        half = torch.zeros(20, 2)
        half[:, 1] = torch.linspace(0, 2 * 8 / 48, 10).repeat(2)  # a line that rises to the right
        tilted = self.bent(half)
        torch.testing.assert_close(tilted[0, 0, :44, 44:46].mean(), plain[0, 0, 4:, 44:46].mean(), atol=0.05, rtol=0.1)
        assert (tilted[0, 0, :40, 85:89] - plain[0, 0, 8:, 85:89]).abs().mean() < 0.1

    def test_splines_go_through_their_points(self) -> None:
        fixed = contenders.Rectifier().fixed.double()
        terms = contenders.spline(fixed, fixed)
        assert terms.shape == (20, 23)
        assert not terms[:, :20].diagonal().abs().max() > 1e-9
        torch.testing.assert_close(terms[:, :20], terms[:, :20].T)
        torch.testing.assert_close(terms[:, 21:], fixed)


def test_registering_lets_the_trainer_know_them(monkeypatch: pytest.MonkeyPatch) -> None:
    known = dict(ARCHITECTURES)
    monkeypatch.setattr(contenders, "ARCHITECTURES", known)
    contenders.register()
    assert set(known) == set(ARCHITECTURES) | set(contenders.CONTENDERS)
