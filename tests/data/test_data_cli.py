"""`netchu data`: verbs, exit codes, what goes to stdout and what to stderr."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from netchu.cli.data import data
from netchu.data.lines import read_lines
from netchu.errors import NetchuError

SPLIT = "image text split"


def run(*arguments, code=0):
    result = CliRunner().invoke(data, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def good(make):
    return make(
        *((f"{i}.png", f"dòng {i % 7} {i % 3}", "val" if i > 16 else "train") for i in range(20)), columns=SPLIT
    )


def test_check_exits_1_only_on_errors(good):
    assert run("check", good).stdout.splitlines()[-1] == "20 of 20 lines usable"
    (good / "1.png").write_bytes(b"")
    result = run("check", good, code=1)
    assert (
        result.stdout.startswith("error\tunreadable\t1 picture")
        and "19 of 20 lines usable; 1 unreadable" in result.stdout
    )


def test_check_judges_by_a_model(good):
    lines = good / "lines.tsv"
    lines.write_text(lines.read_text(encoding="utf-8").replace("dòng 1 1", "dòng Ж"), encoding="utf-8")
    assert "CYRILLIC CAPITAL LETTER ZHE" in run("check", good, "-m", "vi", code=1).stdout
    with pytest.raises(NetchuError, match="bundled are"):
        run("check", good, "-m", "no-such-model")


def test_check_json(good):
    (good / "1.png").write_bytes(b"")
    told = json.loads(run("check", good, "--json", code=1).stdout)
    assert told["summary"].startswith("19 of 20") and told["findings"][0]["code"] == "unreadable"


def test_import_and_export_tell_what_was_left_out(good, tmp_path):
    with (good / "lines.tsv").open("a", encoding="utf-8") as file:
        file.write("gone.png\tx\ttrain\n")
    result = run("export", good, tmp_path / "o", "--format", "gt-txt")
    assert "20 lines, 1 left out" in result.stdout and "picture missing" in result.stderr
    result = run("import", tmp_path / "o", tmp_path / "b")
    assert "20 lines (train 17, val 3), 0 left out" in result.stdout
    result = run("import", good, tmp_path / "c", "--link")
    assert (
        "1 left out" in result.stdout
        and "left out: 1 x picture missing, first lines.tsv:22 (gone.png)" in result.stderr
    )
    assert "rejects.tsv" in result.stdout


def test_errors_go_through_to_the_main_command(tmp_path):
    with pytest.raises(NetchuError):
        run("check", tmp_path)


def test_split_in_place_and_elsewhere(good, tmp_path):
    before = (good / "lines.tsv").read_bytes()
    with pytest.raises(NetchuError, match="--replace"):
        run("split", good)
    assert (good / "lines.tsv").read_bytes() == before
    run("split", good, "--val", "0.3", "--test", "0.2", "-o", tmp_path / "s")
    assert {s.split for s in read_lines(tmp_path / "s").samples} == {"train", "val", "test"}
    with pytest.raises(NetchuError, match="already"):
        run("split", good, "-o", tmp_path / "s")
    run("split", good, "--group", r"(\d+)", "--replace")
    assert (good / "lines.tsv").read_bytes() != before and len(read_lines(good)) == 20


def test_split_in_place_never_drops_a_row(good):
    with (good / "lines.tsv").open("a", encoding="utf-8") as file:
        file.write("gone.png\tx\ttrain\n")
    before = (good / "lines.tsv").read_bytes()
    with pytest.raises(NetchuError, match="picture missing"):
        run("split", good, "--replace")
    assert (good / "lines.tsv").read_bytes() == before


def test_split_of_a_table_by_another_name_spares_lines_tsv(good):
    other = good / "mine.tsv"
    other.write_bytes((good / "lines.tsv").read_bytes())
    with pytest.raises(NetchuError, match="is there already"):
        run("split", other)


def test_preview_and_stats(good, tmp_path):
    assert run("preview", good, "-o", tmp_path / "p.png", "-n", 4, "--split", "val").stdout.strip() == str(
        tmp_path / "p.png"
    )
    assert (tmp_path / "p.png").is_file()
    assert "lines\t20\t17\t3" in run("stats", good).stdout
    assert json.loads(run("stats", good, "--json").stdout)["parts"]["all"]["lines"] == 20
