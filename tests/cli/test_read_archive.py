"""netchu read into a folder: what was read is not read again, whatever ended the last run; nothing is half-written."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

import netchu.cli.read as verb
import netchu.read as reading
from netchu.cli import netchu
from netchu.errors import NetchuError
from netchu.image import open_grey
from netchu.journal import NAME, Journal

SAMPLE = open_grey(reading.__file__.replace("read.py", "samples/sample.png"))


@pytest.fixture(scope="module")
def reader():
    return reading.load("vi", decoder="greedy")


@pytest.fixture(autouse=True)
def read_pages(reader, monkeypatch) -> list[str]:
    """The verb loads its model once for the whole module; the list grows with the names of the pages that it reads."""
    names: list[str] = []
    read_page = verb.read_page

    def noted(reader, picture, where, way):
        names.append(Path(where).name)
        return read_page(reader, picture, where, way)

    monkeypatch.setattr(verb, "open_wished", lambda **asked: (reader, None))
    monkeypatch.setattr(verb, "read_page", noted)
    return names


@pytest.fixture
def scans(tmp_path) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    for name, left in {"a": 0, "b": 200, "c": 400}.items():
        Image.fromarray(SAMPLE[:, left : left + 170]).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "out"


def run(*arguments, code: int = 0) -> Result:
    result = CliRunner().invoke(netchu, ["read", "--line", "-j", "1", *map(str, arguments)])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def made(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != NAME}


def test_what_was_read_is_skipped(scans, out, read_pages):
    assert "skipped" not in run(scans, "-o", out, "-f", "alto").stderr
    before = made(out)
    assert read_pages == ["a.png", "b.png", "c.png"] and len(before) == 3
    again = run(scans, "-o", out, "-f", "alto")
    assert again.stderr == "netchu: 3 pages skipped, read before; --again reads all anew\n"
    assert len(read_pages) == 3 and made(out) == before


def test_again_reads_all_anew(scans, out, read_pages):
    run(scans, "-o", out)
    assert "skipped" not in run(scans, "-o", out, "--again").stderr
    assert len(read_pages) == 6


def test_a_new_a_changed_and_a_lost_file_are_read(scans, out, read_pages):
    run(scans, "-o", out)
    shutil.copy(scans / "b.png", scans / "a.png")
    shutil.copy(scans / "b.png", scans / "d.png")
    (out / "c.txt").unlink()
    del read_pages[:]
    assert "1 page skipped" in run(scans, "-o", out).stderr
    assert read_pages == ["a.png", "c.png", "d.png"]
    texts = made(out)
    assert texts["a.txt"] == texts["b.txt"] == texts["d.txt"] != texts["c.txt"]


def test_an_empty_file_that_was_not_is_read_again_and_an_edited_one_is_kept(scans, out, read_pages):
    run(scans, "-o", out)
    (out / "a.txt").write_text("")  # what a power cut may leave
    (out / "b.txt").write_text("corrected")
    del read_pages[:]
    run(scans, "-o", out)
    assert read_pages == ["a.png"]
    assert made(out)["b.txt"] == b"corrected"


@pytest.mark.parametrize("other", [["-f", "json"], ["--min-conf", "0.5"], ["--grammar", "a+"], ["-D", "width=3"]])
def test_another_option_is_another_text(scans, out, read_pages, other):
    run(scans, "-o", out)
    run(scans, "-o", out, *other)
    assert len(read_pages) == 6


def test_another_content_of_a_lexicon_is_another_text(scans, out, read_pages, tmp_path):
    words = tmp_path / "words.txt"
    for text in ("Hà\n", "Nội\n"):
        words.write_text(text, encoding="utf-8")
        run(scans, "-o", out, "--lexicon", words)
    assert len(read_pages) == 6


def test_another_model_is_another_text(scans, out, read_pages, monkeypatch):
    run(scans, "-o", out)
    other = reading.load("vi-tiny", decoder="greedy")
    monkeypatch.setattr(verb, "open_wished", lambda **asked: (other, None))
    run(scans, "-o", out)
    assert len(read_pages) == 6


@pytest.mark.parametrize("cut", [1, 40, 200])
def test_a_journal_cut_short_costs_its_last_line(scans, out, read_pages, cut):
    run(scans, "-o", out)
    journal = out / NAME
    journal.write_bytes(journal.read_bytes()[:-cut])
    del read_pages[:]
    run(scans, "-o", out)
    whole = cut == 1  # only the line break is lost
    assert read_pages == ([] if whole else ["c.png"])
    del read_pages[:]
    shutil.copy(scans / "b.png", scans / "d.png")
    run(scans, "-o", out)
    assert read_pages == ["d.png"]
    for line in journal.read_text(encoding="utf-8").splitlines()[-1:]:
        assert json.loads(line)["file"] == "d.txt"


def test_a_journal_of_nonsense_is_passed_over(scans, out, read_pages):
    out.mkdir()
    (out / NAME).write_bytes(b'\xff\xfe\x00\n[]\n{}\n{"file": 1}\nnull\n"x"\n{"source": 1, "page": "x"}\n')
    run(scans, "-o", out)
    run(scans, "-o", out)
    assert len(read_pages) == 3


def test_what_failed_is_told_and_tried_again(scans, out, read_pages):
    (scans / "b.png").write_bytes(b"no picture")
    result = run(scans, "-o", out, code=1)
    assert "1 of 3 pictures could not be read:" in result.stderr
    entries = [json.loads(line) for line in (out / NAME).read_text(encoding="utf-8").splitlines()]
    (failure,) = [entry for entry in entries if "error" in entry]
    assert failure["source"] == str(scans / "b.png") and "not a picture" in failure["error"]
    again = run(scans, "-o", out, code=1)
    assert "2 pages skipped" in again.stderr and "not a picture" in again.stderr
    assert read_pages == ["a.png", "b.png", "c.png", "b.png"]


@pytest.fixture
def several(tmp_path) -> Path:
    path = tmp_path / "hai.tif"
    first, *rest = (Image.fromarray(SAMPLE[:, left : left + 200]) for left in (0, 200, 400))
    first.save(path, save_all=True, append_images=rest)
    return path


@pytest.mark.parametrize("suffix", [".tif", ".pdf"])
def test_of_a_file_of_pages_those_that_are_missing_are_read(several, out, read_pages, suffix):
    path = several.with_suffix(suffix)
    if suffix == ".pdf":
        run(several, "-o", several.parent, "-f", "pdf")
        del read_pages[:]
    run(path, "-o", out, "-f", "alto")
    before = made(out)
    assert sorted(before) == ["hai-0001.xml", "hai-0002.xml", "hai-0003.xml"]
    assert len(read_pages) == 3
    (out / "hai-0002.xml").unlink()
    del read_pages[:]
    assert "2 pages skipped" in run(path, "-o", out, "-f", "alto").stderr
    assert read_pages == [f"hai{suffix}, page 2"] and made(out) == before


@pytest.mark.parametrize("form", ["txt", "md", "json", "tsv", "hocr", "pdf"])
def test_a_file_of_pages_with_a_fault_is_written_and_read_again(several, out, read_pages, form, monkeypatch):
    read_page = verb.read_page

    def spoilt(reader, picture, where, way):
        return "page 2: bad" if where.endswith("2") else read_page(reader, picture, where, way)

    run(several, "-o", out, "-f", form)
    whole = made(out)
    monkeypatch.setattr(verb, "read_page", spoilt)
    run(several, "-o", out, "-f", form, "--again", code=1)
    assert list(made(out)) == list(whole) and made(out) != whole
    monkeypatch.setattr(verb, "read_page", read_page)
    (out / NAME).unlink()  # of the first run
    monkeypatch.setattr(verb, "read_page", spoilt)
    run(several, "-o", out, "-f", form, code=1)
    monkeypatch.setattr(verb, "read_page", read_page)
    assert "skipped" not in run(several, "-o", out, "-f", form).stderr
    assert made(out) == whole
    assert "3 pages skipped" in run(several, "-o", out, "-f", form).stderr


@pytest.mark.parametrize("form", ["md", "json", "txt"])
def test_a_file_written_page_by_page_is_what_stdout_gets(several, out, form):
    run(several, "-o", out, "-f", form)
    (data,) = made(out).values()
    assert data == run(several, "-f", form).stdout_bytes


def test_its_own_pdfs_are_not_read(scans, read_pages):
    for place in (scans, scans / "below"):
        run(scans, "-o", place, "-f", "pdf")
        run(scans, "-o", place, "-f", "pdf", "--again")
        for path in scans.glob("*.pdf"):
            path.unlink()
    assert read_pages == ["a.png", "b.png", "c.png"] * 4


def test_its_own_files_are_not_read_where_a_pattern_matches_them(scans, read_pages):
    for _ in range(2):
        run(scans / "*", "-o", scans, "-f", "pdf", "--again")
    assert read_pages == ["a.png", "b.png", "c.png"] * 2


def test_a_pdf_whose_run_was_killed_before_its_line_is_not_read(scans, read_pages):
    run(scans, "-o", scans, "-f", "pdf")
    lines = (scans / NAME).read_text(encoding="utf-8").splitlines(keepends=True)
    (scans / NAME).write_text("".join(lines[:-1]), encoding="utf-8")
    del read_pages[:]
    run(scans, "-o", scans, "-f", "pdf")
    assert read_pages == ["c.png"]


def test_a_file_to_read_is_never_written_over(scans, out):
    run(scans / "a.png", "-o", out, "-f", "pdf")
    before = (out / "a.pdf").read_bytes()
    result = run(out / "a.pdf", "-o", out, "-f", "pdf", code=1)
    assert isinstance(result.exception, NetchuError) and "would be written over" in str(result.exception)
    assert (out / "a.pdf").read_bytes() == before


def test_two_runs_into_one_folder(scans, out):
    out.mkdir()
    other = Journal(out)
    result = run(scans, "-o", out, code=1)
    assert isinstance(result.exception, NetchuError)
    assert str(result.exception).startswith(f"{out}: another netchu read writes there")
    assert made(out) == {}
    other.close()
    run(scans, "-o", out)


def test_a_folder_that_cannot_be_written_to(scans, out):
    (out / NAME).mkdir(parents=True)
    result = run(scans, "-o", out, code=1)
    assert isinstance(result.exception, NetchuError) and "cannot be written (Is a directory)" in str(result.exception)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_rights(scans, out):
    out.mkdir(mode=0o500)
    result = run(scans, "-o", out, code=1)
    assert isinstance(result.exception, NetchuError) and "Permission denied" in str(result.exception)


@pytest.mark.parametrize("form", ["txt", "alto"])
def test_a_full_disk_ends_the_run_and_the_next_goes_on(scans, out, read_pages, form, monkeypatch):
    replace, full = Path.replace, [True]

    def short(self, target):
        if full[0] and target.stem == "b":
            raise OSError(errno.ENOSPC, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", short)
    result = run(scans, "-o", out, "-f", form, code=1)
    assert "cannot be written (No space left on device)" in str(result.exception)
    assert [Path(name).stem for name in made(out)] == ["a"]
    full[0] = False
    del read_pages[:]
    assert "1 page skipped" in run(scans, "-o", out, "-f", form).stderr
    assert read_pages == ["b.png", "c.png"] and len(made(out)) == 3


def test_what_a_killed_run_left_half_written_is_removed(scans, out):
    out.mkdir()
    for name in (".a.txt.123.partial", ".other.partial"):
        (out / name).write_text("half")
    run(scans, "-o", out)
    assert sorted(made(out)) == [".other.partial", "a.txt", "b.txt", "c.txt"]


def test_no_journal_on_standard_output(scans, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    run(scans)
    assert not list(tmp_path.rglob(NAME))


# From here on the real command, a process each.


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    for number in range(60):
        Image.fromarray(SAMPLE[:, number : number + 700]).save(folder / f"{number:02}.png")
    return folder


def start(*arguments) -> subprocess.Popen:
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\nfrom netchu.cli import main\nmain()"
    )
    call = [sys.executable, "-c", code, "read", "--line", "--decoder", "greedy", "-j", "2", *map(str, arguments)]
    return subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.fixture(scope="module")
def whole(many, tmp_path_factory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("whole")
    process = start(many, "-o", out, "-f", "alto")
    assert process.communicate(timeout=120) == (b"", b"") and process.returncode == 0
    return made(out)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_was_interrupted_goes_on(many, out, whole, number):
    process = start(many, "-o", out, "-f", "alto")
    deadline = time.monotonic() + 60
    while len(list(out.glob("*.xml"))) < 10 and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    kept = {name: data for name, data in made(out).items() if name.endswith(".xml")}
    assert 10 <= len(kept) < 60
    assert all(data == whole[name] for name, data in kept.items())  # none is half
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert f"{len(kept)} pages read; give the command again to go on" in errors.decode()
    process = start(many, "-o", out, "-f", "alto")
    _, errors = process.communicate(timeout=60)
    skipped = int(errors.decode().split()[1])
    assert process.returncode == 0
    assert skipped == len(kept) or (number == signal.SIGKILL and skipped == len(kept) - 1)  # killed before its line
    assert made(out) == whole


@pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")
def test_a_limit_on_the_size_of_files_is_one_line(many, out):
    import resource

    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))\n"
    code = limit + "from netchu.cli import main\nmain()"
    assert resource.RLIMIT_FSIZE is not None
    call = [sys.executable, "-c", code, "read", "--line", "--decoder", "greedy", str(many), "-o", str(out), "-f", "pdf"]
    found = subprocess.run(call, capture_output=True, text=True, timeout=60)
    assert found.returncode == 2
    assert found.stderr.splitlines()[-1].endswith("cannot be written (File too large); check the folder")
    assert "Traceback" not in found.stderr and not list(out.glob("*.pdf"))


@pytest.mark.skipif(os.name == "nt", reason="terminals of POSIX")
def test_progress_is_for_terminals(many, out):
    import pty

    ours, theirs = pty.openpty()
    code = "from netchu.cli import main\nmain()"
    call = [sys.executable, "-c", code, "read", "--line", "--decoder", "greedy", str(many), "-o", str(out)]
    process = subprocess.Popen(call, stderr=theirs, env={**os.environ, "TERM": "xterm", "COLUMNS": "100"})
    os.close(theirs)
    shown = b""
    try:
        while data := os.read(ours, 65536):
            shown += data
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert process.wait(60) == 0
    assert b"/60" in shown and b"pages/s" in shown and b"reading" in shown


def test_ray_that_is_missing_is_told(many):
    code = "import sys; sys.modules['ray'] = None\nfrom netchu.cli import main\nmain()"
    call = [sys.executable, "-c", code, "read", str(many / "00.png"), "--decoder", "greedy", "--ray"]
    found = subprocess.run(call, capture_output=True, text=True, timeout=60)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == "netchu: ray is not installed; pip install 'netchu[ray]'\n"
