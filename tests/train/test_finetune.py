"""Going on from a trained model: what it could read it can still read, and what is frozen stays."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from drawn import draw_set, held_out, scrawl, settled, words  # noqa: E402

from netchu.errors import NetchuError  # noqa: E402
from netchu.export import to_onnx  # noqa: E402
from netchu.image import pad_batch  # noqa: E402
from netchu.models import build  # noqa: E402
from netchu.session import METADATA_KEY, ModelInfo, Session  # noqa: E402
from netchu.text import Charset  # noqa: E402
from netchu.train import checkpoint  # noqa: E402
from netchu.train.config import configure  # noqa: E402
from netchu.train.examples import Source, gather  # noqa: E402
from netchu.train.finetune import Base, load_base, start_from  # noqa: E402
from netchu.train.loop import Trainer  # noqa: E402
from netchu.train.run import Outcome, prepare, train  # noqa: E402

torch.set_num_threads(1)

OLD = Charset.from_symbols(" abdehik")
OPTIONS: dict[str, Any] = {"epochs": 1, "batch_columns": 1024, "precision": "float32", "threads": 1, "check": False}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    network = settled(build("tiny", len(OLD)))
    path = tmp_path_factory.mktemp("base") / "old.onnx"
    info = ModelInfo("old", OLD, network.height, network.stride, architecture="tiny", languages=("vi",))
    path.write_bytes(to_onnx(network, info))
    return path


@pytest.fixture(scope="module")
def base(model: Path) -> Base:
    return load_base(str(model))


def logits_of(network: torch.nn.Module) -> list[dict[str, np.ndarray]]:
    """Logits of both heads by the head's name, from the same lines whatever the charset: (N, T, C)."""
    images, widths = map(torch.from_numpy, pad_batch([scrawl(48, 150), scrawl(48, 60)]))
    with torch.no_grad():
        logits, shortcut, _ = network.eval().forward_both(images, widths)
    return [logits.numpy(), shortcut.numpy()]


class TestCharacters:
    @pytest.mark.parametrize("symbols", [" abdehik", "kihedba ", "xa bydehkiđ", "hz"])
    def test_rows_go_by_character_not_by_place(self, base: Base, symbols: str) -> None:
        charset = Charset.from_symbols(symbols)
        for old, new in zip(logits_of(start_from(base, OLD)), logits_of(start_from(base, charset))):
            for row, symbol in enumerate(charset.symbols):
                if symbol in OLD.symbols:
                    expected = old[..., OLD.symbols.index(symbol)]
                    np.testing.assert_allclose(new[..., row], expected, atol=1e-5 * np.abs(old).max())

    def test_a_new_character_starts_as_unlikely_as_the_rarest(self, base: Base) -> None:
        network = start_from(base, Charset((*OLD.symbols, "x", "y")))
        for head in (network.head, network.shortcut):
            assert torch.equal(head.bias[-2:], head.bias[:-2].min().expand(2))
            assert head.weight[-1].abs().max() > 0  # a fresh row, not a dead one
            assert not torch.equal(head.weight[-1], head.weight[-2])

    def test_an_alphabet_without_a_character_in_common(self, base: Base) -> None:
        network = start_from(base, Charset.from_symbols("xyz"))
        old, new = logits_of(start_from(base, OLD))[0], logits_of(network)[0]
        np.testing.assert_allclose(new[..., 0], old[..., 0], atol=1e-5 * np.abs(old).max())  # the blank is common
        assert np.isfinite(new).all()

    def test_the_base_is_kept_whole_or_only_what_the_data_shows(self, model: Path, tmp_path: Path) -> None:
        data = draw_set(tmp_path / "new", ["bax", "xab"])
        kept, _ = prepare([Source(data)], configure({**OPTIONS}), str(model), tmp_path / "a.run", None)
        assert kept.material.charset.symbols == (*OLD.symbols, "x")
        dropped, _ = prepare(
            [Source(data)], configure({**OPTIONS, "keep_alphabet": False}), str(model), tmp_path / "b.run", None
        )
        assert dropped.material.charset.symbols == ("", "a", "b", "x")
        assert torch.equal(dropped.network.head.weight[1], kept.network.head.weight[OLD.symbols.index("a")])

    def test_the_base_brings_its_architecture(self, model: Path, tmp_path: Path) -> None:
        trainer, _ = prepare(
            [Source(draw_set(tmp_path / "new", ["ab"]))], configure(OPTIONS), str(model), tmp_path / "a.run", None
        )
        assert (trainer.config.architecture, trainer.network.height) == ("tiny", 48)

    def test_another_architecture_that_its_weights_fit(self, model: Path, tmp_path: Path) -> None:
        options = configure({**OPTIONS, "architecture": "tiny-32"})
        data = draw_set(tmp_path / "new", ["ab"])
        trainer, _ = prepare([Source(data)], options, str(model), tmp_path / "a.run", None)
        assert (trainer.config.architecture, trainer.network.height) == ("tiny-32", 32)
        taken = load_base(str(model)).weights["trunk.layers.0.0.weight"]
        assert torch.equal(trainer.network.state_dict()["trunk.layers.0.0.weight"], taken.float())

    @pytest.mark.parametrize("vertical", [False, True])
    def test_tall_pictures_are_laid_down_on_request(self, model: Path, tmp_path: Path, vertical: bool) -> None:
        options = configure({**OPTIONS, "vertical": vertical})
        data = draw_set(tmp_path / "new", ["ab"])
        trainer, _ = prepare([Source(data)], options, str(model), tmp_path / "a.run", None)
        assert trainer.material.direction == ("ltr ttb" if vertical else "ltr")


class TestBases:
    """What cannot be gone on from: one line that names it."""

    def one_line(self, model: str | Path) -> str:
        with pytest.raises(NetchuError) as caught:
            start_from(load_base(str(model)), OLD)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def test_a_model_of_another_program(self, tmp_path: Path) -> None:
        node = onnx.helper.make_node("Identity", ["x"], ["y"])
        ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy"]
        graph = onnx.helper.make_graph([node], "g", ends[:1], ends[1:])
        theirs = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
        (tmp_path / "theirs.onnx").write_bytes(theirs.SerializeToString())
        assert "theirs.onnx: an ONNX model, but not one of ours" in self.one_line(tmp_path / "theirs.onnx")

    def test_a_file_cut_short(self, model: Path, tmp_path: Path) -> None:
        (tmp_path / "cut.onnx").write_bytes(model.read_bytes()[:5000])
        assert "cut.onnx: not a whole ONNX model" in self.one_line(tmp_path / "cut.onnx")

    def test_a_name_that_is_not_bundled(self) -> None:
        assert "bundled are" in self.one_line("no-such-model")

    def test_a_checkpoint_of_another_program(self, tmp_path: Path) -> None:
        (tmp_path / "x.safetensors").write_bytes(b"0123456789")
        assert "x.safetensors" in self.one_line(tmp_path / "x.safetensors")

    @pytest.mark.parametrize(
        ("said", "answer"), [("base", "wants"), ("base-lstm", "wants|lacks"), ("future", "'future' does not exist")]
    )
    def test_weights_of_another_architecture(self, model: Path, tmp_path: Path, said: str, answer: str) -> None:
        import re

        changed = onnx.load(str(model))
        for entry in changed.metadata_props:
            if entry.key == METADATA_KEY:
                entry.value = entry.value.replace('"architecture": "tiny"', f'"architecture": "{said}"')
        (tmp_path / "x.onnx").write_bytes(changed.SerializeToString())
        assert re.search(answer, self.one_line(tmp_path / "x.onnx"))

    def test_a_file_that_lost_a_weight(self, model: Path, tmp_path: Path) -> None:
        changed = onnx.load(str(model))
        kept = [entry for entry in changed.graph.initializer if entry.name != "shortcut.weight"]
        del changed.graph.initializer[:]
        changed.graph.initializer.extend(kept)
        (tmp_path / "x.onnx").write_bytes(changed.SerializeToString())
        assert "lacks shortcut.weight; it cannot be trained further" in self.one_line(tmp_path / "x.onnx")

    def test_a_checkpoint_is_as_good_as_its_model(self, base: Base, tmp_path: Path) -> None:
        network = start_from(base, OLD)
        state = {"architecture": "tiny", "charset": list(OLD.symbols), "form": "NFC", "languages": [],
                 "direction": "ltr ttb", "pitch": [0.2, 9], "data": {}}  # fmt: skip
        checkpoint.save(tmp_path / "best.safetensors", {"average": network.state_dict()}, state)
        again = load_base(str(tmp_path / "best.safetensors"))
        assert (again.direction, again.pitch) == ("ltr ttb", (0.2, 9))
        for one, other in zip(
            logits_of(network), logits_of(start_from(load_base(str(tmp_path / "best.safetensors")), OLD))
        ):
            np.testing.assert_array_equal(one, other)


class TestFrozen:
    def trunks(self, base: Base, tmp_path: Path, freeze: int) -> tuple[list[dict[str, torch.Tensor]], Trainer]:
        """The trunk's weights and statistics at the start and after each epoch."""
        material = gather([Source(draw_set(tmp_path / "new", words(6, longest=4)))], 48, 4, (), OLD)
        config = configure({**OPTIONS, "epochs": 2, "freeze": freeze})
        trainer = Trainer(start_from(base, material.charset), material, config, tmp_path / "run")
        seen: list[dict[str, torch.Tensor]] = []

        def look(event: dict[str, Any] | None = None) -> None:
            if event is None or event["event"] == "epoch":
                seen.append({name: value.clone() for name, value in trainer.network.trunk.state_dict().items()})

        trainer.report = look
        look()
        self.heads = [trainer.network.head.weight.detach().clone()]
        trainer.run()
        self.heads.append(trainer.network.head.weight.detach().clone())
        return seen, trainer

    def test_the_trunk_stays_as_it_was_to_the_last_statistic(self, base: Base, tmp_path: Path) -> None:
        (start, first, second), trainer = self.trunks(base, tmp_path, freeze=1)
        assert any(name.endswith("running_mean") for name in start)
        for name, value in start.items():
            assert torch.equal(first[name], value), name
        assert not torch.equal(self.heads[0], self.heads[1])  # the rest did learn
        for part in ("0.0.weight", "0.1.running_mean"):  # and the second epoch is no longer frozen
            name = f"layers.{part}"
            assert not torch.equal(second[name], first[name]), name
        assert all(weight.requires_grad for weight in trainer.network.parameters())

    def test_without_being_asked_nothing_is_frozen(self, base: Base, tmp_path: Path) -> None:
        (start, first, _), _ = self.trunks(base, tmp_path, freeze=0)
        assert not torch.equal(first["layers.0.0.weight"], start["layers.0.0.weight"])
        assert not torch.equal(first["layers.0.1.running_mean"], start["layers.0.1.running_mean"])


@pytest.fixture(scope="module")
def outcome(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    folder = tmp_path_factory.mktemp("fine")
    new = draw_set(folder / "new", words(10, 1, "abxy"), held_out(10))
    old = draw_set(folder / "old", words(10, 2, "abdehik"), held_out(10))
    return train([Source(new), Source(old, 0.2)], folder / "new.onnx", configure(OPTIONS), str(model))


class TestRun:
    def test_every_set_is_scored_before_and_after(self, outcome: Outcome) -> None:
        assert set(outcome.before) == set(outcome.after) == {"new", "old"}
        for scores in (*outcome.before.values(), *outcome.after.values()):
            assert scores["lines"] == 2
            assert scores["cer"] >= 0
        assert outcome.before != outcome.after

    def test_a_fifth_of_the_old_is_rehearsed(self, outcome: Outcome) -> None:
        assert outcome.progress.lines >= 8 + round(8 * 0.2)
        assert outcome.progress.lines < 16 * 2

    def test_the_model_reads_the_old_alphabet_and_the_new(self, outcome: Outcome) -> None:
        assert outcome.model is not None
        assert Session(outcome.model).info.charset.symbols == (*OLD.symbols, "x", "y")

    def test_resumed_it_still_knows_what_was_before(self, outcome: Outcome, model: Path) -> None:
        new, old = (outcome.folder.parent / name for name in ("new", "old"))
        again = train(
            [Source(new), Source(old, 0.2)],
            outcome.folder.with_suffix(".onnx"),
            configure(OPTIONS),
            str(model),
            resume=True,
        )
        assert again.before == outcome.before
        assert again.after == outcome.after


def test_a_base_reads_what_it_read_before_any_step(base: Base, tmp_path: Path) -> None:
    """The table's first column is the base's own reading: its charset, its decoding."""
    data = draw_set(tmp_path / "set", words(5, 3, "abdehik"), ["train"] * 3 + ["val"] * 2)
    material = gather([Source(data)], 48, 4, (), None)
    from netchu.train.run import _before

    scores = _before(base, dataclasses.replace(material), tmp_path / "x.run", False)
    assert set(scores) == {"set"}
    assert (tmp_path / "x.run" / "before.json").exists()
