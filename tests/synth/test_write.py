"""Data sets on disk: whole or resumable, the same bytes whichever way they came to be."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from netchu.data.lines import read_lines
from netchu.errors import NetchuError
from netchu.synth.drawer import DrawSpec
from netchu.synth.write import JOURNAL, write_set

COUNT = 9


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class StoppedError(Exception):
    pass


def stop_at(number: int) -> Callable[[int], None]:
    def progress(done: int) -> None:
        if done == number:
            raise StoppedError

    return progress


@pytest.fixture(scope="module")
def whole(spec: DrawSpec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "set"
    assert write_set(out, COUNT, spec, truth=True).lines == COUNT
    return out


def test_a_set_is_what_the_drawer_drew(spec: DrawSpec, whole: Path) -> None:
    drawer, lines = spec.open(), read_lines(whole)
    assert len(lines) == COUNT and not lines.rejects and not lines.changes
    truths = [json.loads(line) for line in (whole / "truth.jsonl").read_text(encoding="utf-8").splitlines()]
    for k, (sample, truth) in enumerate(zip(lines.samples, truths, strict=True)):
        drawn = drawer.sample(k, truth=True)
        assert (sample.text, sample.split, sample.writer) == (drawn.text, "train", drawn.style)
        picture = cv2.imread(str(sample.image), cv2.IMREAD_UNCHANGED)
        assert picture.shape == drawn.picture.shape
        assert np.abs(picture.astype(int) - drawn.picture).mean() < 6  # JPEG
        assert (truth["text"], truth["style"], truth["engine"]) == (drawn.text, drawn.style, drawn.engine)
        assert np.allclose(truth["boxes"], drawn.boxes, atol=0.06) and truth["parameters"]["ops"]
        mask = cv2.imread(str(whole / truth["mask"]), cv2.IMREAD_UNCHANGED)
        assert mask.dtype == np.uint16 and np.array_equal(mask, drawn.labels)
    assert {path.name for path in whole.iterdir()} == {"lines.tsv", "lines", "masks", "truth.jsonl"}


def test_without_truth_the_pictures_are_the_same(spec: DrawSpec, whole: Path, tmp_path: Path) -> None:
    write_set(tmp_path / "set", COUNT, spec)
    bare = contents(tmp_path / "set")
    assert bare == {name: data for name, data in contents(whole).items() if name.startswith("lines")}


def test_processes_change_nothing(spec: DrawSpec, whole: Path, tmp_path: Path) -> None:
    seen: list[int] = []
    write_set(tmp_path / "set", COUNT, spec, jobs=2, truth=True, progress=seen.append)
    assert contents(tmp_path / "set") == contents(whole) and seen == list(range(1, COUNT + 1))


def test_a_longer_set_begins_like_a_shorter_one(spec: DrawSpec, whole: Path, tmp_path: Path) -> None:
    write_set(tmp_path / "set", 4, spec)
    for name, data in contents(tmp_path / "set").items():
        assert contents(whole)[name].startswith(data)


def whole_journal(out: Path) -> None:
    pass


def torn_line(out: Path) -> None:
    data = (out / JOURNAL).read_bytes()
    (out / JOURNAL).write_bytes(data[:-9])


def torn_head(out: Path) -> None:
    (out / JOURNAL).write_bytes((out / JOURNAL).read_bytes()[:20])


def missing_picture(out: Path) -> None:
    (out / "lines" / "000002.jpg").unlink()


def empty_picture(out: Path) -> None:
    (out / "lines" / "000003.jpg").write_bytes(b"")


def missing_mask(out: Path) -> None:
    (out / "masks" / "000001.png").unlink()


@pytest.mark.parametrize(
    ("damage", "kept"),
    [(whole_journal, 5), (torn_line, 4), (torn_head, 0), (missing_picture, 2), (empty_picture, 3), (missing_mask, 1)],
)
def test_an_interrupted_run_goes_on_and_ends_the_same(
    spec: DrawSpec, whole: Path, tmp_path: Path, damage: Callable[[Path], None], kept: int
) -> None:
    out = tmp_path / "set"
    with pytest.raises(StoppedError):
        write_set(out, COUNT, spec, truth=True, progress=stop_at(5))
    assert not (out / "lines.tsv").exists()
    damage(out)
    done = write_set(out, COUNT, spec, truth=True)
    assert (done.lines, done.resumed) == (COUNT, kept) and contents(out) == contents(whole)


def test_a_run_that_was_killed_goes_on(spec: DrawSpec, tmp_path: Path) -> None:
    count = 3000
    script = "import sys, pickle; from netchu.synth.write import write_set; from pathlib import Path\n"
    script += f"from netchu.synth.drawer import DrawSpec\nwrite_set(Path(sys.argv[1]), {count}, {spec!r})"
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "set")])
    try:
        until = time.monotonic() + 60
        while len(list(tmp_path.glob("set/lines/*.jpg"))) < 12 and time.monotonic() < until:
            assert process.poll() is None
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()
    there = len(list(tmp_path.glob("set/lines/*.jpg")))
    (tmp_path / "set" / "lines" / ".000099.jpg.1.partial").write_bytes(b"half")
    done = write_set(tmp_path / "set", there + 3, spec)
    assert done.lines == there + 3 and there - 1 <= done.resumed <= there
    write_set(tmp_path / "again", there + 3, spec)
    assert contents(tmp_path / "set") == contents(tmp_path / "again")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs signals")
def test_a_process_that_dies_is_told_of(spec: DrawSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from concurrent.futures import ProcessPoolExecutor

    submit = ProcessPoolExecutor.submit

    def deadly(pool: ProcessPoolExecutor, *arguments: object, **named: object) -> object:
        future = submit(pool, *arguments, **named)  # type: ignore[arg-type]
        for process in (pool._processes or {}).values():
            os.kill(process.pid, signal.SIGKILL)
        return future

    monkeypatch.setattr(ProcessPoolExecutor, "submit", deadly)
    with pytest.raises(NetchuError, match="ended from outside"):
        write_set(tmp_path / "set", 6, spec, jobs=2)
    monkeypatch.undo()
    assert write_set(tmp_path / "set", 6, spec).lines == 6


@pytest.mark.parametrize("other", [{"seed": 9}, {"height": 48}, {"settings": (("strength", 0.5),)}, {"truth": True}])
def test_an_unfinished_set_of_other_options_is_left_alone(
    spec: DrawSpec, tmp_path: Path, other: dict[str, object]
) -> None:
    out = tmp_path / "set"
    with pytest.raises(StoppedError):
        write_set(out, COUNT, spec, progress=stop_at(2))
    before = contents(out)
    truth = bool(other.pop("truth", False))
    with pytest.raises(NetchuError, match="unfinished set drawn with other options"):
        write_set(out, COUNT, replace(spec, **other), truth=truth)  # type: ignore[arg-type]
    assert contents(out) == before


def test_a_finished_set_is_left_alone(spec: DrawSpec, whole: Path) -> None:
    before = contents(whole)
    with pytest.raises(NetchuError, match=r"lines\.tsv: exists already"):
        write_set(whole, COUNT, spec, truth=True)
    assert contents(whole) == before


def test_a_folder_that_cannot_be_written(spec: DrawSpec, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for out in (tmp_path / "file", tmp_path / "file" / "set"):
        with pytest.raises(NetchuError, match="cannot be written"):
            write_set(out, 2, spec)


def test_what_is_wrong_shows_before_anything_is_written(spec: DrawSpec, tmp_path: Path) -> None:
    with pytest.raises(NetchuError, match="no such folder"):
        write_set(tmp_path / "set", 2, replace(spec, fonts=str(tmp_path / "nowhere")))
    assert not (tmp_path / "set").exists()


def test_what_nothing_could_write_is_listed(fonts: Path, tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("日本語\nplain words\n", encoding="utf-8")
    spec = DrawSpec("general", str(fonts), str(tmp_path / "lines.txt"), settings=(("texts.rare", 0),))
    done = write_set(tmp_path / "set", 12, spec)
    head, row = (tmp_path / "set" / "not-drawn.tsv").read_text(encoding="utf-8").splitlines()
    assert head == "text\tcount" and row == f"日本語\t{done.missed['日本語']}" and done.missed["日本語"] > 2
    with pytest.raises(StoppedError):
        write_set(tmp_path / "parts", 12, spec, progress=stop_at(7))
    assert write_set(tmp_path / "parts", 12, spec).missed == done.missed
    assert contents(tmp_path / "parts") == contents(tmp_path / "set")


def test_vertical_lines_with_truth(kanji_fonts: Path, tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("日口二日\n", encoding="utf-8")
    spec = DrawSpec("general", str(kanji_fonts), str(tmp_path / "lines.txt"), settings=(("vertical", 1.0),))
    write_set(tmp_path / "set", 3, spec, truth=True)
    for k, line in enumerate((tmp_path / "set" / "truth.jsonl").read_text(encoding="utf-8").splitlines()):
        truth, drawn = json.loads(line), spec.open().sample(k, truth=True)
        picture = cv2.imread(str(tmp_path / "set" / truth["image"]), cv2.IMREAD_UNCHANGED)
        assert truth["vertical"] and picture.shape[0] > picture.shape[1] == 64
        assert np.array_equal(cv2.imread(str(tmp_path / "set" / truth["mask"]), cv2.IMREAD_UNCHANGED), drawn.labels)


def test_other_splits(spec: DrawSpec, tmp_path: Path) -> None:
    write_set(tmp_path / "set", 2, spec, split="val")
    assert {sample.split for sample in read_lines(tmp_path / "set").samples} == {"val"}
    shutil.rmtree(tmp_path / "set")
