"""Training a line finder: crops that match their maps, a network that learns a page, exact resuming, the model file."""

from __future__ import annotations

import dataclasses
import json
import signal
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from click.testing import CliRunner  # noqa: E402
from drawn import PAPER, draw_text  # noqa: E402
from PIL import Image  # noqa: E402

from netchu.cli import netchu  # noqa: E402
from netchu.data.page_sources import part_of  # noqa: E402
from netchu.data.pages import PageSample, read_pages, write_pages  # noqa: E402
from netchu.errors import NetchuError  # noqa: E402
from netchu.models.page import PAGE_ARCHITECTURES, build_page  # noqa: E402
from netchu.page.detect import LineFinder  # noqa: E402
from netchu.page.maps import ABOVE, MAPS, RIBBON, STRIDE, from_map  # noqa: E402
from netchu.page.scores import score_page  # noqa: E402
from netchu.page.trace import trace  # noqa: E402
from netchu.records import Line, Page  # noqa: E402
from netchu.train import checkpoint  # noqa: E402
from netchu.train.pages.config import PageConfig  # noqa: E402
from netchu.train.pages.crops import cut  # noqa: E402
from netchu.train.pages.export import check_parity, export_finder  # noqa: E402
from netchu.train.pages.feed import Feed  # noqa: E402
from netchu.train.pages.loop import BEST, LAST, PageTrainer  # noqa: E402
from netchu.train.pages.loss import page_loss  # noqa: E402
from netchu.train.pages.run import start_from, train_pages  # noqa: E402
from netchu.train.pages.truth import PageMaterial, gather_pages, track_of, truth_of  # noqa: E402

torch.set_num_threads(1)

QUICK = PageConfig(
    architecture="ribbon-tiny", steps=4, batch=2, crop=128, precision="float32", held=0.0, threads=1, save_every=2
)


def draw_page(path: Path, lines: int = 6, seed: int = 0) -> Page:
    """A page of printed lines, 320 x 256 pixels."""
    sheet = np.full((256, 320), PAPER, np.uint8)
    records = []
    for k in range(lines):
        text = draw_text("Nam quis nulla integer"[seed : 12 + k], 22, 0, seed)
        y, x = 12 + 38 * k, 20 + 10 * (k % 2)
        sheet[y : y + text.shape[0], x : x + text.shape[1]] = text
        right, base = float(x + text.shape[1]), y + 22.0
        polygon = ((x, y + 4.0), (right, y + 4.0), (right, y + 28.0), (x, y + 28.0))
        records.append(Line("nam", 1.0, polygon, (), baseline=((float(x), base), (right, base))))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet).save(path)
    return Page(320, 256, tuple(records), path.name)


def draw_pages(folder: Path, count: int = 2, split: str = "train") -> Path:
    samples = [
        PageSample(folder / f"doc{k}_1.png", draw_page(folder / f"doc{k}_1.png", seed=k), split) for k in range(count)
    ]
    write_pages(folder, samples)
    return folder


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_pages(tmp_path_factory.mktemp("pages"))


def trainer_of(pages: Path, folder: Path, **options) -> PageTrainer:
    config = dataclasses.replace(QUICK, **options)
    torch.manual_seed(0)
    return PageTrainer(build_page(config.architecture), gather_pages([pages], config.held), config, folder)


def same_weights(one, other) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values())
    return all(torch.equal(a, b) for a, b in pairs)


def test_the_maps_of_a_crop_belong_to_its_picture(pages: Path) -> None:
    """Wherever a crop was turned and bent to, its baselines lie just under the ink and nowhere else."""
    page = gather_pages([pages], 0.0).train[0]
    on, off = [], []
    for k in range(30):
        crop = cut(page, 192, np.random.default_rng(k), 0.0 if k == 0 else 1.0)
        assert crop.picture.shape == (192, 192) and crop.picture.dtype == np.uint8
        assert crop.maps.shape == (MAPS, 192 // STRIDE, 192 // STRIDE)
    for k in range(30):  # geometry alone, so that ink stays dark
        turned = cut(page, 192, np.random.default_rng(k), 1e-9 if k == 0 else 0.8)
        small = turned.picture.reshape(48, 4, 48, 4).astype(float).mean(axis=(1, 3))
        contrast = abs(small - np.median(small))
        ribbon = turned.maps[RIBBON] > 0.5
        above = np.roll(ribbon, -1, axis=0) | np.roll(ribbon, -2, axis=0)
        if ribbon.sum() > 20:
            on.append(contrast[above].mean())
            off.append(contrast[~(above | ribbon | np.roll(above, -2, axis=0))].mean())
    assert np.median(np.array(on) / np.maximum(off, 1)) > 2


def test_perfect_crops_at_strength_zero_are_the_page(pages: Path) -> None:
    page = gather_pages([pages], 0.0).train[0]
    crop = cut(page, 512, np.random.default_rng(3), 0.0)
    found = trace(crop.maps)
    assert len(found) >= 5
    heights = from_map(crop.maps[ABOVE][crop.known > 0])
    assert np.median(heights) == pytest.approx(18, abs=1)


def test_crops_follow_from_seed_and_number(pages: Path) -> None:
    truth = gather_pages([pages], 0.0).train
    one, other = Feed(truth, QUICK), Feed(truth, dataclasses.replace(QUICK, workers=3))
    stream = list(other.stream(1, 4))
    for step, batch in zip((1, 2, 3), stream):
        again = one.batch(step)
        for name in ("pictures", "maps", "known", "counts"):
            assert np.array_equal(getattr(again, name), getattr(batch, name))
    assert not np.array_equal(stream[0].pictures, stream[1].pictures)


def test_drawn_pages_come_in_their_share(pages: Path) -> None:
    truth = gather_pages([pages], 0.0).train
    asked: list[int] = []

    def draw(k: int):
        asked.append(k)
        return truth[0]

    config = dataclasses.replace(QUICK, drawn=0.5, drawn_kept=3, drawn_uses=2)
    feed = Feed(truth, config, draw)
    sources = [feed._page(k, np.random.default_rng(k)) is truth[0] for k in range(40)]
    assert 0.3 < np.mean(sources) < 1.0
    assert len(set(asked)) == len(asked) and max(asked) >= 8
    asked.clear()
    Feed([], dataclasses.replace(config, drawn=0.0), draw).batch(0)
    assert asked


def test_don_t_care_areas_are_not_learnt(tmp_path: Path) -> None:
    page = draw_page(tmp_path / "copiste_d_un_jour__wikitexte_0001.png", lines=1)
    sample = PageSample(tmp_path / "copiste_d_un_jour__wikitexte_0001.png", page, "train", "copiste_d_un_jour")
    truth = truth_of(sample)
    assert len(truth.ignored) == 1 and len(truth.tracks) == 1
    wide = truth_of(dataclasses.replace(sample, page=dataclasses.replace(page, lines=())))
    shares = [(cut(wide, 256, np.random.default_rng(k), 0.0).counts == 0).mean() for k in range(8)]
    assert max(shares) == pytest.approx(0.05 * 320 / 256, abs=0.03)
    logits = torch.randn(1, MAPS, 8, 8)
    maps, nothing = torch.zeros(1, MAPS, 8, 8), torch.zeros(1, 8, 8)
    assert float(page_loss(logits, maps, nothing, nothing)) == pytest.approx(0.0, abs=1e-5)


def test_loss_is_least_for_the_maps_themselves() -> None:
    maps = torch.zeros(1, MAPS, 16, 16)
    maps[:, :ABOVE, 4:6] = 1
    every = torch.ones(1, 16, 16)
    sure = torch.where(maps > 0, 12.0, -12.0)
    sure[:, ABOVE:] = 0
    assert float(page_loss(sure, maps, every, every)) < 0.01
    assert float(page_loss(-sure, maps, every, every)) > 10
    wrong = sure.clone()
    wrong[:, ABOVE] = 1.0
    assert float(page_loss(wrong, maps, every, every)) > 0.2
    assert float(page_loss(wrong, maps, torch.zeros(1, 16, 16), every)) < 0.01


def test_a_network_learns_a_page(pages: Path, tmp_path: Path) -> None:
    """A hundred small steps on two pages, and their lines are found on them: seconds."""
    trainer = trainer_of(pages, tmp_path, steps=110, batch=4, crop=160, augment=0.0, ema=0.9, cooldown=0.5)
    trainer.material = PageMaterial(trainer.material.train, read_pages(pages).samples, {})
    trainer.run()
    assert trainer.progress.best["baseline_f"] > 0.9
    export_finder(tmp_path / BEST, tmp_path / "lines.onnx")
    finder = LineFinder(tmp_path / "lines.onnx")
    for sample in read_pages(pages).samples:
        lines = finder.find_lines(sample.image)
        found = Page(320, 256, tuple(Line("", 0.0, x.polygon, (), baseline=x.baseline) for x in lines))
        rates = score_page(sample.page, found).rates
        assert rates["baseline_f"] > 0.85 and rates["hmean"] > 0.7
    assert finder.find_lines(np.full((200, 300), 230, np.uint8)) == []
    assert finder.find_lines(np.full((1, 1), 230, np.uint8)) == []


def test_resuming_is_exact(pages: Path, tmp_path: Path) -> None:
    whole = trainer_of(pages, tmp_path / "whole")
    whole.run()
    half = trainer_of(pages, tmp_path / "half")
    half.report = lambda event: None
    for batch in half.feed.stream(0, 2):
        half.step(batch)
    half.save()
    again = trainer_of(pages, tmp_path / "half")
    again.restore()
    assert again.progress.step == 2
    again.run()
    assert same_weights(whole.network, again.network) and same_weights(whole.average, again.average)


def test_an_interrupt_leaves_a_checkpoint_to_go_on_from(pages: Path, tmp_path: Path) -> None:
    trainer = trainer_of(pages, tmp_path, steps=1000, save_every=1000)
    step = trainer.step

    def interrupted(batch):
        loss = step(batch)
        if trainer.progress.step == 3:
            signal.raise_signal(signal.SIGINT)
        return loss

    trainer.step = interrupted  # type: ignore[method-assign]
    trainer.run()
    groups, state = checkpoint.load(tmp_path / LAST)
    assert state["progress"]["step"] == trainer.progress.step < 10
    assert {"network", "average", "optimizer"} <= set(groups)


@pytest.mark.parametrize("architecture", PAGE_ARCHITECTURES)
def test_exported_is_what_was_trained(architecture: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = build_page(architecture)
    for name, buffer in network.named_buffers():
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 2.0)
    state = {"architecture": architecture, "data": {"pages": "ab"}}
    checkpoint.save(tmp_path / "c.safetensors", {"average": network.state_dict()}, state)
    info = export_finder(tmp_path / "c.safetensors", tmp_path / "lines.onnx", licence="MIT")
    finder = LineFinder(tmp_path / "lines.onnx")
    assert finder.info == info and info.parameters == network.count_parameters() and info.data == {"pages": "ab"}
    with torch.no_grad():
        next(network.parameters()).mul_(1.5)
    with pytest.raises(NetchuError, match="maps differ from those trained"):
        check_parity(network.eval(), finder)


def test_training_goes_on_from_a_model_file_or_a_checkpoint(pages: Path, tmp_path: Path) -> None:
    first = trainer_of(pages, tmp_path, steps=2)
    first.run()
    export_finder(tmp_path / BEST, tmp_path / "lines.onnx")
    for name, exact in ((BEST, True), ("lines.onnx", False)):
        network, architecture = start_from(tmp_path / name)
        assert architecture == "ribbon-tiny"
        for (what, one), other in zip(network.state_dict().items(), first.average.state_dict().values()):
            if not what.endswith("num_batches_tracked"):
                assert torch.allclose(one, other, atol=0 if exact else 2e-3), what
    done = CliRunner().invoke(netchu, ["export", str(tmp_path / BEST), "-o", str(tmp_path / "made.onnx")])
    assert done.exit_code == 0 and "ribbon-tiny" in done.output
    assert LineFinder(tmp_path / "made.onnx").info.name == "made"
    wrong = CliRunner().invoke(netchu, ["export", str(tmp_path / BEST), "-o", str(tmp_path / "b.onnx"), "--int8", "x"])
    assert "are for models that read" in str(wrong.exception)
    groups, state = checkpoint.load(tmp_path / BEST)
    groups["average"].pop("stem.0.weight")
    checkpoint.save(tmp_path / "less.safetensors", groups, state)
    with pytest.raises(NetchuError, match="cannot be trained further"):
        start_from(tmp_path / "less.safetensors")
    with pytest.raises(NetchuError, match="no such file"):
        train_pages([pages], tmp_path / "on.onnx", QUICK, base=tmp_path / "none.onnx")


def test_only_pages_of_the_train_part_are_learnt_from(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    samples = [
        PageSample(folder / f"doc{k}_1.png", draw_page(folder / f"doc{k}_1.png", 2), split)
        for k, split in enumerate(("train", "val", "test", *["train"] * 9, *[None] * 12))
    ]
    write_pages(folder, samples)
    material = gather_pages([folder], 0.3)
    chosen = {page.path.name for page in material.train} | {sample.image.name for sample in material.held}
    unsplit = {f"doc{k}_1.png" for k in range(12, 24) if part_of("", f"doc{k}_1.png") == "train"}
    assert chosen == {f"doc{k}_1.png" for k in (0, *range(3, 12))} | unsplit
    assert material.held and not {page.path.name for page in material.train} & {s.image.name for s in material.held}
    only = tmp_path / "val"
    write_pages(only, [PageSample(only / "a_1.png", draw_page(only / "a_1.png"), "val")])
    with pytest.raises(NetchuError, match="no page of the train part"):
        gather_pages([only], 0.0)


def test_lines_with_an_outline_alone_get_a_baseline() -> None:
    flat = track_of(Line("", 1.0, ((10, 40), (200, 50), (198, 80), (8, 70)), ()))
    assert flat[0, 1, 0] < flat[-1, 1, 0]
    assert flat[0, 1, 1] == pytest.approx(63, abs=3)
    upright = track_of(Line("", 1.0, ((10, 20), (40, 20), (40, 200), (10, 200)), ()))
    assert upright[0, 1, 1] < upright[-1, 1, 1]
    assert (upright[:, 0, 0] > upright[:, 1, 0]).all()  # read from the top down, the letters' tops are to the right


def test_the_command_trains_goes_on_and_says_what_is_wrong(pages: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke
    options = [str(pages), "--pages", "-a", "ribbon-tiny", "-o", str(tmp_path / "lines.onnx"), "--json"]
    quick = [part for name in ("steps=2", "batch=1", "crop=64", "threads=1") for part in ("-s", name)]
    done = run(netchu, ["train", *options, *quick])
    assert done.exit_code == 0, done.output
    events = [json.loads(line) for line in done.output.splitlines()[:-1]]
    assert [event["event"] for event in events] == ["start", "evaluation"]
    assert done.output.splitlines()[-1] == str(tmp_path / "lines.onnx")
    LineFinder(tmp_path / "lines.onnx")
    for extra, said in (
        ([], "holds a run already"),
        (["--resume", "-s", "batch=2"], "batch changed since"),
        (["-s", "stepps=3"], "did you mean steps"),
        (["-e", "3"], "line readers"),
    ):
        failed = run(netchu, ["train", *options, *quick, *extra])
        assert isinstance(failed.exception, NetchuError) and said in str(failed.exception)
    with pytest.raises(NetchuError, match="holds no run"):
        train_pages([pages], tmp_path / "other.onnx", QUICK, resume=True)
    with pytest.raises(NetchuError, match="known: ribbon"):
        build_page("nothing")
