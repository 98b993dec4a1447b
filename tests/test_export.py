"""What is exported is what was trained, with everything inside; or nothing is written."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from drawn import scrawl, settled  # noqa: E402

from netchu import export as export_module  # noqa: E402
from netchu.errors import NetchuError  # noqa: E402
from netchu.export import TOLERANCE, check_parity, export, restore, round_to_half, to_onnx  # noqa: E402
from netchu.image import pad_batch  # noqa: E402
from netchu.models import ARCHITECTURES, build  # noqa: E402
from netchu.models.line import LineNetwork  # noqa: E402
from netchu.session import METADATA_KEY, ModelInfo, Session  # noqa: E402
from netchu.text import Charset  # noqa: E402
from netchu.train import checkpoint  # noqa: E402
from netchu.train.finetune import load_base, start_from  # noqa: E402

torch.set_num_threads(1)

CHARSET = Charset.from_symbols(" abcđế'\"\\,")


def write_checkpoint(path: Path, architecture: str = "tiny") -> Path:
    network = settled(build(architecture, len(CHARSET)))
    state = {
        "architecture": architecture, "charset": list(CHARSET.symbols), "form": CHARSET.form, "languages": ["vi"],
        "direction": "ltr ttb", "pitch": [0.2, 9], "data": {"tập": "0" * 64},
    }  # fmt: skip
    checkpoint.save(path, {"average": network.state_dict()}, state)
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("trained") / "best.safetensors")


@pytest.fixture(scope="module")
def exported(trained: Path) -> Path:
    export(trained, trained.with_name("mô hình.onnx"), scores={"validation": {"cer": 0.5}}, licence="Apache-2.0")
    return trained.with_name("mô hình.onnx")


def shipped(source: Path) -> LineNetwork:
    """The network of a checkpoint as its file holds it: weights rounded to half precision."""
    network, _ = restore(source)
    round_to_half(network)
    return network


def both(network: LineNetwork, session: Session, *widths: int) -> tuple[np.ndarray, np.ndarray]:
    images, columns = pad_batch([scrawl(network.height, width) for width in widths])
    with torch.no_grad():
        logits, lengths = network(torch.from_numpy(images), torch.from_numpy(columns))
    found, counted = session.run(images, columns)
    assert lengths.tolist() == counted.tolist()
    return logits.numpy(), found


@pytest.mark.parametrize("architecture", [name for name in ARCHITECTURES if name != "seed"])  # whose file has 44 MB
def test_every_architecture_exports_and_can_be_trained_on_from_the_file(architecture: str, tmp_path: Path) -> None:
    source = write_checkpoint(tmp_path / "best.safetensors", architecture)
    export(source, tmp_path / "model.onnx")
    network = shipped(source)
    session = Session(tmp_path / "model.onnx")
    assert check_parity(network, session) <= TOLERANCE
    expected, found = both(network, session, 33, 150, 501)
    np.testing.assert_allclose(found, expected, atol=1e-4 * max(1, np.abs(expected).max()))
    again = start_from(load_base(str(tmp_path / "model.onnx")), CHARSET).eval()
    for name, weight in network.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(again.state_dict()[name], weight), name


class TestTheFile:
    def test_it_says_everything_of_itself(self, exported: Path) -> None:
        info = Session(exported).info
        assert info == ModelInfo(
            name="mô hình", charset=CHARSET, height=48, stride=4, languages=("vi",), direction="ltr ttb",
            pitch=(0.2, 9.0), architecture="tiny", parameters=build("tiny", len(CHARSET)).count_parameters(),
            data={"tập": "0" * 64}, scores={"validation": {"cer": 0.5}}, licence="Apache-2.0",
        )  # fmt: skip
        assert ModelInfo.from_json(info.to_json()) == info

    def test_its_metadata_is_json_with_the_blank_first(self, exported: Path) -> None:
        entries = {entry.key: entry.value for entry in onnx.load(str(exported)).metadata_props}
        said = json.loads(entries[METADATA_KEY])
        assert said["charset"][:2] == ["", " "]
        assert said["format"] == 1
        assert said["form"] == "NFC"

    def test_inputs_and_outputs_are_those_of_the_contract(self, exported: Path) -> None:
        graph = onnx.load(str(exported)).graph
        kinds = {entry.name: entry.type.tensor_type.elem_type for entry in (*graph.input, *graph.output)}
        number = onnx.TensorProto
        assert kinds == {
            "images": number.UINT8, "widths": number.INT64, "logits": number.FLOAT, "lengths": number.INT64,
        }  # fmt: skip
        free = [entry.dim_param for entry in graph.input[0].type.tensor_type.shape.dim]
        assert free == ["N", "", "W"]

    def test_lines_are_read_alone_as_in_a_batch(self, exported: Path) -> None:
        session = Session(exported)
        pictures = [scrawl(48, width) for width in (200, 3, 77)]
        together, lengths = session.run(*pad_batch(pictures))
        for picture, row, length in zip(pictures, together, lengths):
            alone, _ = session.run(*pad_batch([picture]))
            np.testing.assert_allclose(row[:length], alone[0], atol=1e-4 * np.abs(alone).max())

    def test_training_goes_on_from_it_with_equal_logits(self, trained: Path, exported: Path) -> None:
        """Of both heads: the shortcut is not read with, but without it there is no going on."""
        network = shipped(trained)
        again = start_from(load_base(str(exported)), CHARSET).eval()
        images, widths = map(torch.from_numpy, pad_batch([scrawl(48, 150), scrawl(48, 60)]))
        with torch.no_grad():
            for one, other in zip(network.forward_both(images, widths), again.forward_both(images, widths)):
                assert torch.equal(one, other)

    def test_a_newer_format_is_refused_with_advice(self, exported: Path, tmp_path: Path) -> None:
        model = onnx.load(str(exported))
        for entry in model.metadata_props:
            entry.value = entry.value.replace('"format": 1', '"format": 9')
        (tmp_path / "new.onnx").write_bytes(model.SerializeToString())
        with pytest.raises(NetchuError, match=r"model format 9 .*newer netchu"):
            Session(tmp_path / "new.onnx")


class TestParity:
    @pytest.mark.parametrize("name", ["trunk.layers.0.0.weight", "neck.inner.2.project.bias", "head.weight"])
    def test_one_changed_weight_is_noticed(self, trained: Path, exported: Path, name: str) -> None:
        network = shipped(trained)
        with torch.no_grad():
            network.state_dict()[name].view(-1)[0] += 1.0
        with pytest.raises(NetchuError, match="export failed, logits differ from those trained by"):
            check_parity(network, Session(exported))

    def test_a_tie_between_classes_is_no_mismatch(self, trained: Path, exported: Path) -> None:
        """Two classes that differ by less than rounding: either kernel may call either the best."""
        network = shipped(trained)
        with torch.no_grad():
            network.head.weight[2] = network.head.weight[1] = network.head.weight[1] * 5
            network.head.bias[2], network.head.bias[1] = 50.0, 50.0 + 2e-6
        target = exported.with_name("tied.onnx")
        target.write_bytes(to_onnx(network, Session(exported).info))
        assert check_parity(network, Session(target)) <= TOLERANCE

    def test_rounding_to_half_precision_changes_little(self, trained: Path, exported: Path) -> None:
        """The file is compared with the rounded network; this compares it with the one that was trained."""
        network, _ = restore(trained)
        expected, found = both(network, Session(exported), 150, 333)
        assert np.abs(found - expected).max() < 2e-3 * np.abs(expected).max()

    def test_a_weight_that_half_precision_cannot_hold_fails_the_export(self, tmp_path: Path) -> None:
        source = write_checkpoint(tmp_path / "best.safetensors")
        groups, state = checkpoint.load(source)
        groups["average"]["head.weight"][3] *= 1e6
        checkpoint.save(source, groups, state)
        with pytest.raises(NetchuError, match="export failed"):
            export(source, tmp_path / "model.onnx")
        assert not (tmp_path / "model.onnx").exists()

    def test_what_is_no_number_is_no_match(self, trained: Path, tmp_path: Path) -> None:
        """Not a number differs from everything, which a comparison with the tolerance would not show."""
        network = shipped(trained)
        with torch.no_grad():
            network.head.bias.fill_(float("nan"))
        info = ModelInfo("broken", CHARSET, network.height, network.stride)
        (tmp_path / "nan.onnx").write_bytes(to_onnx(network, info))
        with pytest.raises(NetchuError, match="export failed"):
            check_parity(network, Session(tmp_path / "nan.onnx"))

    def test_another_length_is_noticed(self, trained: Path, exported: Path) -> None:
        network = shipped(trained)
        original = network.forward
        network.forward = lambda images, widths: (original(images, widths)[0], widths)
        with pytest.raises(NetchuError, match="the lengths differ"):
            check_parity(network, Session(exported))


class TestFailure:
    """A failed export leaves what was there, and nothing else."""

    def test_a_mismatch(self, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        target = tmp_path / "model.onnx"
        target.write_bytes(b"the old one")
        original = export_module.to_onnx

        def tampered(network: LineNetwork, info: ModelInfo) -> bytes:
            data = original(network, info)
            with torch.no_grad():
                network.head.weight[1] += 0.5
            return data

        monkeypatch.setattr(export_module, "to_onnx", tampered)
        with pytest.raises(NetchuError, match="export failed"):
            export(trained, target)
        assert [file.name for file in tmp_path.iterdir()] == ["model.onnx"]
        assert target.read_bytes() == b"the old one"

    def test_a_full_disk(self, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(self: Path, data: bytes) -> int:
            with self.open("wb") as file:
                file.write(data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(Path, "write_bytes", full)
        with pytest.raises(NetchuError, match=r"model\.onnx.*No space left on device"):
            export(trained, tmp_path / "model.onnx")
        assert not list(tmp_path.iterdir())

    def test_a_checkpoint_that_is_none(self, tmp_path: Path) -> None:
        (tmp_path / "x.safetensors").write_bytes(b"no tensors here")
        with pytest.raises(NetchuError, match=r"x\.safetensors: not a whole checkpoint"):
            export(tmp_path / "x.safetensors", tmp_path / "model.onnx")
        with pytest.raises(NetchuError, match="no such checkpoint"):
            export(tmp_path / "y.safetensors", tmp_path / "model.onnx")
        assert not (tmp_path / "model.onnx").exists()

    def test_tensors_of_another_program(self, tmp_path: Path) -> None:
        from safetensors.torch import save_file

        save_file({"weight": torch.zeros(3)}, tmp_path / "x.safetensors")
        with pytest.raises(
            NetchuError, match=r"not a checkpoint that this version reads \(None, not 'netchu-checkpoint-3'\)"
        ):
            export(tmp_path / "x.safetensors", tmp_path / "model.onnx")
