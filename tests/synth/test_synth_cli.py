"""`netchu synth` as it is called: drawn sets in every format, previews, recipes, and one line for what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from drawn import netchu
from PIL import Image

from netchu.cli.synth import synth
from netchu.data.lines import read_lines
from netchu.errors import NetchuError
from netchu.synth.drawer import DrawSpec
from netchu.synth.recipe import shipped


@pytest.fixture
def what(spec: DrawSpec) -> list[str]:
    return ["--lang", "lines", "--fonts", spec.fonts, "--text", spec.texts]


def run(*arguments: str | Path, **options: object) -> Result:
    return CliRunner().invoke(synth, [str(each) for each in arguments], catch_exceptions=False, **options)  # type: ignore[arg-type]


def test_lines_are_drawn(what: list[str], tmp_path: Path) -> None:
    done = run(tmp_path / "set", "-n", 3, *what, "--seed", 4, "--height", 48, "--split", "val")
    assert done.exit_code == 0 and f"3 lines in {tmp_path / 'set'}" in done.output
    lines = read_lines(tmp_path / "set")
    assert [sample.split for sample in lines.samples] == ["val"] * 3
    assert {Image.open(sample.image).height for sample in lines.samples} == {48}
    assert run("draw", tmp_path / "other", "-n", 3, *what, "--seed", 5).exit_code == 0
    assert read_lines(tmp_path / "other").digest() != lines.digest()


def test_jobs_and_truth_change_no_picture(what: list[str], tmp_path: Path) -> None:
    run(tmp_path / "a", "-n", 3, *what)
    run(tmp_path / "b", "-n", 3, *what, "--jobs", 2, "--truth")
    assert (tmp_path / "b" / "truth.jsonl").exists() and not (tmp_path / "a" / "truth.jsonl").exists()
    for path in (tmp_path / "a").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_settings_override_the_recipe(what: list[str], tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('language = "lines"\nheight = 40\nwriters = 1\n')
    options = ["--recipe", tmp_path / "own.toml", *what[2:], "-s", "height=36", "--set", "effects.nib=0"]
    assert run(tmp_path / "set", "-n", 4, *options).exit_code == 0
    samples = read_lines(tmp_path / "set").samples
    assert {Image.open(sample.image).height for sample in samples} == {36}
    assert {sample.writer for sample in samples} == {"plain/0"}


@pytest.mark.parametrize("form", ["gt-txt", "lmdb", "paddleocr"])
def test_other_formats(what: list[str], tmp_path: Path, form: str) -> None:
    if form == "lmdb":
        pytest.importorskip("lmdb")
    done = run(tmp_path / "set", "-n", 3, *what, "--format", form)
    assert done.exit_code == 0 and "3 lines in" in done.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set"]
    names = {path.suffix or path.name for path in (tmp_path / "set").rglob("*") if path.is_file()}
    wanted = {"gt-txt": {".jpg", ".txt"}, "lmdb": {".mdb"}, "paddleocr": {".jpg", ".txt"}}[form]
    assert wanted <= names
    with pytest.raises(NetchuError, match="exists already"):
        run(tmp_path / "set", "-n", 3, *what, "--format", form)


def test_an_interrupted_run_says_what_it_found(
    what: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from netchu.synth import write

    draw = write._draw

    def failing(k: int) -> dict[str, object]:
        if k == 3:
            raise NetchuError("stopped")
        return draw(k)

    monkeypatch.setattr(write, "_draw", failing)
    with pytest.raises(NetchuError, match="stopped"):
        run(tmp_path / "set", "-n", 5, *what)
    monkeypatch.undo()
    assert "5 lines in" in (done := run(tmp_path / "set", "-n", 5, *what).output) and "3 of them from before" in done


def test_texts_that_nothing_can_write_are_told(what: list[str], tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("日本語\nplain words\n", encoding="utf-8")
    options = [*what[:4], "--text", tmp_path / "lines.txt", "-s", "texts.rare=0"]
    done = run(tmp_path / "set", "-n", 12, *options)
    assert done.exit_code == 0 and "'日本語'" in done.output and "not-drawn.tsv" in done.output


def test_previews_are_pictures(what: list[str], tmp_path: Path) -> None:
    lines, effects = tmp_path / "lines.png", tmp_path / "effects.png"
    assert run("preview", *what, "-n", 3, "-o", lines).exit_code == 0
    assert run("preview", *what, "--effects", "-o", effects).exit_code == 0
    assert Image.open(lines).height >= 3 * 64
    assert Image.open(effects).height > 2000


def test_recipes_are_listed() -> None:
    done = run("recipes")
    assert [line.split()[0] for line in done.output.splitlines()] == shipped()
    assert "strokes" in next(line for line in done.output.splitlines() if line.startswith("ja"))
    assert "of ja, latin, scene, zh" in next(line for line in done.output.splitlines() if line.startswith("pages"))


def test_the_installed_command_draws(what: list[str], tmp_path: Path) -> None:
    done = netchu("synth", tmp_path / "tập dữ liệu", "-n", 2, *what)
    assert done.returncode == 0, done.stderr
    assert len(read_lines(tmp_path / "tập dữ liệu")) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-n", "2"], "--fonts"),
        (["-n", "0", "*"], "-n"),
        (["*"], "-n"),
        (["-n", "2", "*", "--format", "tar"], "--format tar: not known; choose native or one of"),
        (["-n", "2", "*", "--recipe", "vn"], "vn: no such recipe"),
        (["-n", "2", "*", "-s", "height"], "NAME=VALUE"),
        (["-n", "2", "*", "-s", "heigth=3"], "did you mean height"),
        (["-n", "2", "*", "-s", "effects.nibb=3"], "did you mean nib"),
        (["-n", "2", "*", "-s", "engines.strokes=1"], "'strokes' needs --strokes"),
        (["-n", "2", "*", "--height", "8"], "--height"),
        (["-n", "2", "*", "--fonts", "nowhere"], "nowhere: no such folder of fonts"),
        (["-n", "2", "*", "--text", "nowhere"], "nowhere"),
        (["-n", "2", "*", "--lang", "klingon"], "klingon"),
        (["-n", "2", "*", "--held-out"], "held-out"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    what: list[str], tmp_path: Path, arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    from netchu.cli import main

    monkeypatch.chdir(tmp_path)
    given = [option for each in arguments for option in ([*what] if each == "*" else [each])]
    monkeypatch.setattr("sys.argv", ["netchu", "synth", "set", *given])
    with pytest.raises(SystemExit) as left:
        main()
    told = capsys.readouterr().err
    assert left.value.code == 2 and said in told and "Traceback" not in told
    assert len(told.strip().splitlines()) == 1 or told.startswith("Usage")
    assert not (tmp_path / "set").exists()
