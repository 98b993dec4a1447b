"""A model in 8-bit integers reads as the one that it was made from, and is still one to train on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from drawn import draw_set, scrawl, settled  # noqa: E402

from netchu.data.lines import LineSet, read_lines  # noqa: E402
from netchu.errors import NetchuError  # noqa: E402
from netchu.export import to_onnx  # noqa: E402
from netchu.image import pad_batch  # noqa: E402
from netchu.integers import STEP, named_weights  # noqa: E402
from netchu.models import build  # noqa: E402
from netchu.models.line import LineNetwork  # noqa: E402
from netchu.quantise import quantise  # noqa: E402
from netchu.session import ModelInfo, Session  # noqa: E402
from netchu.text import Charset  # noqa: E402
from netchu.train.config import configure  # noqa: E402
from netchu.train.examples import Source  # noqa: E402
from netchu.train.finetune import load_base, start_from  # noqa: E402
from netchu.train.run import train  # noqa: E402

torch.set_num_threads(1)

LETTERS = Charset.from_symbols(" abcdehiklmnopqrstuvxy")


def make(folder: Path, lines: LineSet, architecture: str) -> tuple[LineNetwork, Path, Path]:
    """A network whose norms have seen something, its file, and its file in integers."""
    network = settled(build(architecture, len(LETTERS)))
    info = ModelInfo("old", LETTERS, network.height, network.stride, architecture=architecture, languages=("vi",))
    whole, small = folder / "whole.onnx", folder / "small.onnx"
    whole.write_bytes(to_onnx(network, info))
    quantise(whole, small, lines)
    return network, whole, small


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> LineSet:
    return read_lines(draw_set(tmp_path_factory.mktemp("lines"), ["abc hai", "kim", "mot hai ba", "cay xoai"] * 2))


@pytest.fixture(scope="module", params=["tiny", "base-32"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, lines: LineSet) -> tuple:
    return make(tmp_path_factory.mktemp(request.param), lines, request.param)


def read_by(network: LineNetwork) -> np.ndarray:
    images, widths = pad_batch([scrawl(network.height, 150), scrawl(network.height, 60)])
    with torch.no_grad():
        return network.eval()(torch.from_numpy(images), torch.from_numpy(widths))[0].numpy()


def test_what_is_read_hardly_changes(made: tuple) -> None:
    network, whole, small = made
    batch = pad_batch([scrawl(network.height, 150), scrawl(network.height, 60)])
    (exact, _), (rough, _) = (Session(path).run(*batch) for path in (whole, small))
    assert 0 < np.abs(rough - exact).max() < 0.2 * np.abs(exact).max()
    assert small.stat().st_size < 0.75 * whole.stat().st_size


def test_every_weight_comes_back_within_what_seven_bits_hold(made: tuple) -> None:
    network, _, small = made
    held = named_weights(small)
    for name, weight in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        rows = weight.numpy().reshape(len(weight), -1)
        step = np.abs(rows).max(1, keepdims=True) / 63 if weight.ndim > 1 else 1e-6
        assert (np.abs(held[name].reshape(rows.shape) - rows) <= step + 1e-3 * np.abs(rows)).all(), name


def test_integers_are_stored_once(made: tuple) -> None:
    entries = {entry.name: entry for entry in onnx.load(str(made[2])).graph.initializer}
    stepped = [name for name in entries if name + STEP in entries]
    assert len(stepped) > 20
    assert all(entries[name].data_type == onnx.TensorProto.INT8 for name in stepped)
    large = {name for name, weight in made[0].state_dict().items() if weight.numel() >= 4096}
    assert {name for name, entry in entries.items() if np.prod(entry.dims) >= 4096} == large


def test_training_goes_on_from_integers(made: tuple, lines: LineSet, tmp_path: Path) -> None:
    network, _, small = made
    base = load_base(str(small))
    again = start_from(base, LETTERS)
    np.testing.assert_allclose(read_by(again), read_by(network), atol=0.15 * np.abs(read_by(network)).max())
    both = [each.eval().forward_both(*map(torch.from_numpy, pad_batch([scrawl(each.height, 90)])))[1].detach()
            for each in (again, network)]  # fmt: skip
    np.testing.assert_allclose(both[0], both[1], atol=0.15 * float(both[1].abs().max()))
    options = configure({"epochs": 1, "batch_columns": 1024, "threads": 1, "check": False})
    train([Source(lines.root)], tmp_path / "more.onnx", options, str(small))
    assert Session(tmp_path / "more.onnx").info.architecture == base.architecture


def test_integers_are_not_made_integers_again(made: tuple, lines: LineSet, tmp_path: Path) -> None:
    with pytest.raises(NetchuError, match="its convolutions are integers already"):
        quantise(made[2], tmp_path / "again.onnx", lines)
    assert not (tmp_path / "again.onnx").exists()
