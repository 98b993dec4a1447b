"""Every network of the registry keeps the same promises. A new one needs a line in ROLE and nothing else."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from drawn import scrawl, settled  # noqa: E402

from netchu.errors import NetchuError  # noqa: E402
from netchu.image import pad_batch  # noqa: E402
from netchu.models import ARCHITECTURES, build  # noqa: E402
from netchu.models.blocks import FAINTEST, Normalise, to_sequence  # noqa: E402
from netchu.models.line import LineNetwork  # noqa: E402
from netchu.models.necks import LSTMNeck  # noqa: E402

torch.set_num_threads(1)

CLASSES = 11
MILLION = 1_000_000
ROLE = {  # architecture -> fewest and most parameters it may have, with the 240 classes of a Vietnamese alphabet
    "tiny": (0.3 * MILLION, 2 * MILLION),
    "base": (3 * MILLION, 8 * MILLION),
    "tiny-32": (0.3 * MILLION, 2 * MILLION),
    "base-32": (3 * MILLION, 8 * MILLION),
    "base-lstm": (1 * MILLION, 8 * MILLION),
    "base-attention": (1 * MILLION, 8 * MILLION),
    "crnn": (6 * MILLION, 10 * MILLION),
    "seed": (21 * MILLION, 23 * MILLION),
}
GOLDEN = Path(__file__).parent / "golden"
every = pytest.mark.parametrize("name", list(ARCHITECTURES))


@cache
def network(name: str) -> LineNetwork:
    return settled(build(name, CLASSES))


def lines(height: int, *widths: int) -> list[np.ndarray]:
    return [scrawl(height, width) for width in widths]


@torch.no_grad()
def run(model: LineNetwork, pictures: list[np.ndarray], width: int | None = None) -> list[np.ndarray]:
    """Logits of each line, cut to its length."""
    images, widths = pad_batch(pictures, width)
    logits, lengths = model(torch.from_numpy(images), torch.from_numpy(widths))
    return [row[:length].numpy() for row, length in zip(logits, lengths.tolist())]


def test_the_roles_name_every_architecture() -> None:
    assert set(ROLE) == set(ARCHITECTURES)


@every
def test_parameters_fit_the_role(name: str) -> None:
    few, many = ROLE[name]
    with torch.device("meta"):
        assert few <= build(name, 240).count_parameters() <= many


@every
def test_shapes_and_lengths(name: str) -> None:
    model = network(name)
    widths = [1, model.stride, model.stride + 1, 97, 200]
    images, _ = pad_batch(lines(model.height, *widths), 207)
    with torch.no_grad():
        logits, lengths = model(torch.from_numpy(images), torch.tensor(widths))
    assert logits.shape == (len(widths), math.ceil(207 / model.stride), CLASSES)
    assert logits.dtype == torch.float32
    assert lengths.tolist() == [math.ceil(width / model.stride) for width in widths]
    assert lengths.dtype == torch.int64


@every
def test_every_weight_gets_a_finite_gradient(name: str) -> None:
    torch.manual_seed(0)
    model = build(name, CLASSES).train()
    images, widths = pad_batch(lines(model.height, 120, 180))
    logits, shortcut, lengths = model.forward_both(torch.from_numpy(images), torch.from_numpy(widths))
    targets, counts = torch.tensor([1, 2, 2, 3, 4]), torch.tensor([3, 2])
    loss = sum(
        torch.nn.functional.ctc_loss(output.log_softmax(2).transpose(0, 1), targets, lengths, counts, reduction="sum")
        for output in (logits, shortcut)
    )
    loss.backward()
    for weight_name, weight in model.named_parameters():
        assert weight.grad is not None, weight_name
        assert torch.isfinite(weight.grad).all(), weight_name
        if not weight_name.endswith("bias"):
            assert weight.grad.abs().max() > 0, weight_name


@every
def test_reading_does_not_depend_on_padding_or_neighbours(name: str) -> None:
    model = network(name)
    pictures = lines(model.height, 61, 1, 90, 203)  # odd widths: frames that a line and its padding share
    alone = [run(model, [picture])[0] for picture in pictures]
    for together in (run(model, pictures), run(model, pictures, 384), run(model, pictures[::-1], 211)[::-1]):
        for one, other in zip(alone, together):
            assert one.shape == other.shape
            np.testing.assert_allclose(one, other, atol=1e-4 * np.abs(one).max())


@every
def test_what_is_beyond_the_width_is_not_seen(name: str) -> None:
    model = network(name)
    images, widths = pad_batch(lines(model.height, 61), 128)
    dirty = images.copy()
    dirty[:, :, 61:] = np.random.default_rng(0).integers(0, 255, dirty[:, :, 61:].shape)
    with torch.no_grad():
        clean, other = (model(torch.from_numpy(i), torch.from_numpy(widths))[0][:, : -(-61 // model.stride)]
                        for i in (images, dirty))  # fmt: skip
    np.testing.assert_array_equal(clean.numpy(), other.numpy())


@every
def test_a_shift_by_one_stride_shifts_the_frames_by_one(name: str) -> None:
    model = network(name)
    width, stride = 480, model.stride
    picture = np.full((model.height, width), 220, np.uint8)
    picture[:, 180:300] = scrawl(model.height, 120)
    moved = np.roll(picture, stride, axis=1)
    images, widths = pad_batch([picture, moved])
    with torch.no_grad():
        frames, _ = model.features(torch.from_numpy(images), torch.from_numpy(widths))  # (2, C, 1, T)
    edge = model.margin // stride + 1  # frames that feel the ends of the picture
    still, shifted = frames[0, :, 0, edge : -edge - 1], frames[1, :, 0, edge + 1 : -edge]
    torch.testing.assert_close(shifted, still, atol=1e-4, rtol=1e-4)
    assert (still[:, 1:] - still[:, :-1]).abs().max() > 0.1  # so that the comparison means something


@pytest.mark.parametrize("name", ["tiny", "base"])
def test_a_shift_by_two_strides_shifts_the_logits_by_two(name: str) -> None:
    """The neck works at half rate, so two frames are its step; what lies further than it sees does not matter."""
    model = network(name)
    width = 1400
    picture = np.full((model.height, width), 220, np.uint8)
    picture[:, 640:760] = scrawl(model.height, 120)
    still, shifted = run(model, [picture, np.roll(picture, 2 * model.stride, axis=1)])
    inner = slice(130, 220)
    np.testing.assert_allclose(shifted[132:222], still[inner], atol=2e-3 * np.abs(still).max())
    assert np.abs(shifted[130:220] - still[inner]).max() > 0.05 * np.abs(still).max()


@every
@torch.no_grad()
def test_blanking_the_right_half_leaves_the_left_frames(name: str) -> None:
    trunk = network(name).trunk
    ink = torch.rand(1, 1, network(name).height, 400, generator=torch.Generator().manual_seed(0))
    blanked = ink.clone()
    blanked[..., 200:] = 0
    whole, half = to_sequence(trunk(ink)), to_sequence(trunk(blanked))
    safe = (200 - int(trunk.reach) - 1) // trunk.stride + 1  # frames t with t * stride + reach < 200
    assert safe > 12
    torch.testing.assert_close(half[..., :safe], whole[..., :safe], atol=1e-5, rtol=1e-5)
    assert not torch.allclose(half[..., 200 // trunk.stride :], whole[..., 200 // trunk.stride :], atol=1e-2)


@every
def test_the_reach_of_a_trunk_is_what_it_says(name: str) -> None:
    """Measured by gradients: the columns that can move a frame, with every unit of the trunk switched on."""
    trunk = build(name, 2).trunk.eval()
    with torch.no_grad():
        for weight in trunk.parameters():
            weight.abs_().clamp_(min=1e-3)
    width, middle = 400, 200 // trunk.stride
    felt: set[int] = set()
    for seed in range(3 if name != "seed" else 1):
        ink = torch.rand(1, 1, network(name).height, width, generator=torch.Generator().manual_seed(seed))
        ink.requires_grad_()
        trunk(ink)[0, :, :, middle].sum().backward()
        felt |= set(torch.nonzero(ink.grad.abs().amax((0, 1, 2))).flatten().tolist())
    measured = max(felt) - middle * trunk.stride
    assert measured <= trunk.reach, "padding would be felt"
    assert trunk.reach - measured <= 2 * trunk.stride, "the margin costs more columns than it needs"


def test_a_half_of_the_network_that_mixes_frames_ignores_batch_mates() -> None:
    neck = settled(LSTMNeck(6, 5))
    frames = torch.rand(3, 6, 1, 20, generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([20, 7, 13])
    with torch.no_grad():
        together = neck(frames, lengths)
        for row, length in enumerate(lengths.tolist()):
            alone = neck(frames[row : row + 1, :, :, :length], lengths[row : row + 1])
            torch.testing.assert_close(together[row : row + 1, :, :, :length], alone, atol=1e-6, rtol=1e-5)


class TestNormalise:
    """Grey levels to ink."""

    @staticmethod
    def ink(picture: np.ndarray, width: int | None = None) -> np.ndarray:
        images, widths = pad_batch([picture], width)
        return Normalise()(torch.from_numpy(images), torch.from_numpy(widths))[0, 0].numpy()

    def test_paper_is_nought_and_ink_is_one(self) -> None:
        picture = np.full((48, 100), 200, np.uint8)
        picture[10:20, 30:60] = 50
        ink = self.ink(picture, 128)
        assert ink[30, 5] == pytest.approx(0, abs=1e-5)
        assert ink[15, 40] == pytest.approx(1, abs=1e-5)
        assert not ink[:, 100:].any()

    def test_polarity_does_not_matter(self) -> None:
        picture = scrawl(48, 150)
        np.testing.assert_allclose(self.ink(255 - picture), self.ink(picture), atol=1e-5)

    def test_contrast_and_brightness_do_not_matter(self) -> None:
        picture = scrawl(48, 150)
        fainter = (picture // 4 + 100).astype(np.uint8)
        assert fainter.max() - fainter.min() > 3 * FAINTEST
        np.testing.assert_allclose(self.ink(fainter), self.ink(picture), atol=0.05)

    @pytest.mark.parametrize("level", [0, 128, 255])
    def test_blank_paper_stays_blank(self, level: int) -> None:
        assert not self.ink(np.full((48, 70), level, np.uint8)).any()

    def test_grain_is_not_stretched_to_ink(self) -> None:
        grain = np.random.default_rng(0).integers(229, 232, (48, 300)).astype(np.uint8)
        assert np.abs(self.ink(grain)).max() < 0.5


@every
@pytest.mark.parametrize("level", [0, 255])
def test_a_blank_picture_stays_finite(name: str, level: int) -> None:
    model = network(name)
    for width in (1, 64):
        assert np.isfinite(run(model, [np.full((model.height, width), level, np.uint8)])[0]).all()


def test_an_unknown_architecture_names_the_nearest() -> None:
    with pytest.raises(NetchuError, match=r"'bas' does not exist; did you mean base\? \(known: tiny, base, "):
        build("bas", 5)
    with pytest.raises(NetchuError, match=r"'zzzz' does not exist \(known: "):
        build("zzzz", 5)


@every
def test_golden_logits(name: str) -> None:
    """A change of a network's arithmetic shows here. Was it meant? Then: python tests/test_models.py."""
    model = network(name)
    golden = np.load(GOLDEN / f"{name}.npz", allow_pickle=False)["logits"]
    logits = run(model, lines(model.height, 150))[0]
    assert logits.shape == golden.shape
    np.testing.assert_allclose(logits, golden, atol=1e-3 * np.abs(golden).max())


def test_the_bundled_model_reads_its_sample() -> None:
    import netchu
    from netchu import zoo

    if "vi" not in zoo.MODELS:
        pytest.skip("no model is bundled yet")
    reader = netchu.load("vi")
    sample = Path(netchu.__file__).parent / "samples" / "sample.png"
    text = "Số 12 ngõ 34, phố Huế, quận Hai Bà Trưng, Hà Nội"
    assert reader.read(sample).text == text
    assert reader.read_lines([sample, np.full((48, 90), 255, np.uint8), sample])[2].text == text


if __name__ == "__main__":
    for architecture in ARCHITECTURES:
        found = run(network(architecture), lines(network(architecture).height, 150))[0]
        np.savez_compressed(GOLDEN / f"{architecture}.npz", logits=found)
        print(architecture, found.shape, float(np.abs(found).max()))
