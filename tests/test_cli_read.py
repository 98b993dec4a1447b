"""netchu read: forms, folders, streams, exit codes; bad input is a line on stderr, never a traceback."""

import json
import shutil
import time
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from click.testing import CliRunner, Result
from PIL import Image

import netchu.archive as archive
import netchu.cli.read as verb
import netchu.formats as formats
import netchu.journal as journal
import netchu.read as reading
import netchu.zoo as zoo
from netchu.cli import netchu
from netchu.errors import NetchuError
from netchu.image import open_grey, to_height
from netchu.records import Page

SAMPLE = open_grey(reading.__file__.replace("read.py", "samples/sample.png"))


@pytest.fixture(scope="module")
def reader():
    return reading.load("vi")


@pytest.fixture(autouse=True)
def loaded(reader, monkeypatch):
    """The verb loads its model once for the whole module."""
    real, plain = verb.open_wished, {"models": ("vi",), "views": 1}

    def opened(**asked):
        given = {name: value for name, value in asked.items() if value and name != "threads"}
        return (reader, None) if given == plain else real(**asked)

    monkeypatch.setattr(verb, "open_wished", opened)


@pytest.fixture(scope="module")
def scans(tmp_path_factory) -> Path:
    """Four pictures, one of them blank and one below another folder, and a note that is no picture."""
    root = tmp_path_factory.mktemp("bản chụp")
    (root / "sâu").mkdir()
    for name, picture in {
        "a.png": SAMPLE[:, :170], "b 1.PNG": SAMPLE[:, 620:], "c.jpg": np.full((50, 300), 255, np.uint8),
        "sâu/a.png": SAMPLE[:, 200:700],
    }.items():  # fmt: skip
        Image.fromarray(picture).save(root / name)
    (root / "note.txt").write_text("no picture")
    return root


@pytest.fixture(scope="module")
def wanted(reader, scans) -> dict[str, Page]:
    names = ("a.png", "b 1.PNG", "c.jpg", "sâu/a.png")
    return {str(scans / name): reader.read(scans / name) for name in names}


def run(*arguments, **options) -> Result:
    return CliRunner().invoke(netchu, ["read", *map(str, arguments)], **options)


def written(folder: Path) -> list[Path]:
    """What is in a folder besides the journal."""
    return [path for path in folder.iterdir() if path.name != journal.NAME]


def test_a_picture_is_its_text(scans, wanted):
    result = run(scans / "a.png")
    assert result.exit_code == 0
    assert result.stdout == wanted[str(scans / "a.png")].text + "\n"
    assert result.stderr == ""
    assert result.stdout.strip()


def test_a_blank_picture_is_no_text_and_no_error(scans):
    result = run(scans / "c.jpg")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_a_folder_is_read_in_order_and_below(scans, wanted):
    result = run(scans)
    assert result.exit_code == 0
    assert result.stdout == "".join(f"{source}\t{page.text}\n" for source, page in wanted.items())


@pytest.mark.parametrize("form", [["--json"], ["-f", "json"]])
def test_json_is_an_object_a_line_that_from_json_takes(scans, wanted, form):
    lines = run(scans, *form).stdout.splitlines()
    assert [Page.from_json(json.loads(line)) for line in lines] == list(wanted.values())
    one = run(scans / "a.png", *form).stdout
    assert Page.from_json(json.loads(one)) == wanted[str(scans / "a.png")]


def test_tsv_has_a_row_a_line_and_one_for_a_blank(scans, wanted):
    rows = [line.split("\t") for line in run(scans, "-f", "tsv").stdout.splitlines()]
    assert [row[0] for row in rows] == list(wanted)
    assert [row[2] for row in rows] == [page.text for page in wanted.values()]
    sure = [page.lines[0].confidence if page.lines else 0.0 for page in wanted.values()]
    assert [float(row[1]) for row in rows] == pytest.approx(sure, abs=1e-4)


@pytest.mark.parametrize("form", ["alto", "page", "hocr"])
def test_what_other_programs_take_says_what_was_read(scans, wanted, form):
    result = run(scans / "b 1.PNG", "-f", form)
    assert (result.exit_code, result.stderr) == (0, "")
    (page,) = formats.read(result.stdout_bytes)
    read = wanted[str(scans / "b 1.PNG")]
    assert (page.text, page.width, page.height) == (read.text, read.width, read.height)
    assert page.source == "b 1.PNG"
    (blank,) = formats.read(run(scans / "c.jpg", "-f", form).stdout_bytes)
    assert blank.lines == ()


@pytest.mark.parametrize("stdin", [False, True])
def test_a_searchable_pdf_holds_the_text(scans, wanted, stdin):
    path = scans / "b 1.PNG"
    result = run("-", "-f", "pdf", input=path.read_bytes()) if stdin else run(path, "-f", "pdf")
    assert (result.exit_code, result.stderr) == (0, "")
    text = pypdfium2.PdfDocument(result.stdout_bytes)[0].get_textpage().get_text_range()
    assert text.split() == wanted[str(path)].text.split()


@pytest.fixture(scope="module")
def several(tmp_path_factory) -> Path:
    """A TIFF of two lines."""
    path = tmp_path_factory.mktemp("nhiều trang") / "hai.tif"
    first, second = (Image.fromarray(SAMPLE[:, left:right]) for left, right in ((620, 1256), (200, 700)))
    first.save(path, save_all=True, append_images=[second])
    return path


def test_every_page_of_a_file_is_read(several, scans, reader):
    wanted = [line.text for line in reader.read_lines([SAMPLE[:, 620:], SAMPLE[:, 200:700]], boxes=False)]
    assert run(several).stdout == f"{wanted[0]}\n\f{wanted[1]}\n"
    rows = [row.split("\t") for row in run(several, scans / "a.png").stdout.splitlines()]
    assert [row[0] for row in rows] == [f"{several}:1", f"{several}:2", str(scans / "a.png")]
    assert [row[1] for row in rows[:2]] == wanted
    pages = [Page.from_json(json.loads(row)) for row in run(several, "--json").stdout.splitlines()]
    assert [(page.number, page.text) for page in pages] == [(1, wanted[0]), (2, wanted[1])]
    assert {page.source for page in pages} == {str(several)}


def test_formats_of_one_page_a_file_number_the_pages(several, tmp_path):
    result = run(several, "-f", "page")
    assert result.exit_code == 2 and "-o" in result.stderr and result.stdout == ""
    assert run(several, "-f", "page", "-o", tmp_path).exit_code == 0
    assert sorted(path.name for path in written(tmp_path)) == ["hai-0001.xml", "hai-0002.xml"]


def test_a_pages_file_never_takes_the_place_of_another(several, tmp_path):
    shutil.copy(several, tmp_path / "hai.tif")
    Image.fromarray(SAMPLE[:, :170]).save(tmp_path / "hai-0001.png")
    assert run(tmp_path, "-f", "page", "-o", tmp_path / "out").exit_code == 0
    names = sorted(path.name for path in written(tmp_path / "out"))
    assert names == ["hai-0001-2.xml", "hai-0001.xml", "hai-0002.xml"]
    assert formats.read(tmp_path / "out" / "hai-0001.xml")[0].source == "hai-0001.png"


def test_a_pdf_is_read_page_by_page(several, tmp_path):
    assert run(several, "-f", "pdf", "-o", tmp_path).exit_code == 0
    result = run(tmp_path / "hai.pdf", "--line", "--json")
    pages = [Page.from_json(json.loads(row)) for row in result.stdout.splitlines()]
    assert [page.number for page in pages] == [1, 2] and all(page.text for page in pages)


def test_a_page_that_cannot_be_read_does_not_stop_the_others(several, tmp_path, monkeypatch):
    sheets = archive.sheets

    def spoilt(*given):
        return iter([NetchuError("hai.tif, page 1: damaged"), list(sheets(*given))[1]])

    monkeypatch.setattr(archive, "sheets", spoilt)
    result = run(several, "--json")
    assert result.exit_code == 1 and "page 1: damaged" in result.stderr
    assert [json.loads(row)["number"] for row in result.stdout.splitlines()] == [2]


def test_markdown_marks_what_is_doubtful(scans, wanted):
    plain, marked = (run(scans / "a.png", "-f", "md", "--min-conf", least).stdout for least in (0, 1))
    assert plain == wanted[str(scans / "a.png")].text + "\n"
    assert "⟦" in marked and marked.replace("⟦", "").replace("⟧", "") == plain


@pytest.mark.parametrize("form", ["alto", "page", "hocr", "pdf"])
def test_formats_that_hold_one_picture_want_a_folder_for_several(scans, tmp_path, form):
    result = run(scans, "-f", form)
    assert isinstance(result.exception, NetchuError) and "-o" in str(result.exception)
    assert result.stdout == ""
    assert run(scans, "-f", form, "-o", tmp_path).exit_code == 0
    suffix = {"hocr": "hocr", "pdf": "pdf"}.get(form, "xml")
    assert sorted(path.name for path in written(tmp_path)) == [f"{stem}.{suffix}" for stem in ("a-2", "a", "b 1", "c")]


@pytest.mark.parametrize("jobs", [1, 2, 7])
def test_the_order_does_not_depend_on_jobs(scans, wanted, jobs, monkeypatch):
    read_page = verb.read_page

    def late_first(reader, picture, where, way):
        time.sleep(0.15 if where.endswith("a.png") else 0)
        return read_page(reader, picture, where, way)

    monkeypatch.setattr(verb, "read_page", late_first)
    result = run(scans, "--json", "-j", jobs)
    assert [json.loads(line)["source"] for line in result.stdout.splitlines()] == list(wanted)


def test_patterns_and_several_files_each_once(scans, wanted):
    found = run(scans / "*.png", scans / "a.png", scans / "sâu", scans / "*1.PNG").stdout
    names = [line.split("\t")[0] for line in found.splitlines()]
    assert sorted(names) == sorted(str(scans / name) for name in ("a.png", "sâu/a.png", "b 1.PNG"))
    deep = run(scans / "**" / "*.png").stdout
    assert [line.split("\t")[0] for line in deep.splitlines()] == [str(scans / "a.png"), str(scans / "sâu/a.png")]


def test_a_folder_that_a_pattern_matches_is_read_too(scans):
    names = [line.split("\t")[0] for line in run(scans / "[as]*").stdout.splitlines()]
    assert names == [str(scans / "a.png"), str(scans / "sâu/a.png")]


def test_a_file_whose_name_looks_like_a_pattern(scans, tmp_path):
    (tmp_path / "x[1].png").write_bytes((scans / "a.png").read_bytes())
    result = run(tmp_path / "x[1].png")
    assert result.exit_code == 0
    assert result.stdout


def test_standard_input(scans, wanted):
    data = (scans / "a.png").read_bytes()
    result = run("-", "--json", input=data)
    page = Page.from_json(json.loads(result.stdout))
    assert page.source == "stdin"
    assert page.text == wanted[str(scans / "a.png")].text
    mixed = run("-", scans / "a.png", input=data).stdout.splitlines()
    assert [line.split("\t")[0] for line in mixed] == ["stdin", str(scans / "a.png")]


@pytest.mark.parametrize(("data", "reason"), [(b"", "empty"), (b"letter", "not a picture")])
def test_bad_standard_input_is_named(data, reason):
    result = run("-", input=data)
    assert result.exit_code == 2
    assert result.stderr.startswith("netchu: stdin: ")
    assert reason in result.stderr


def test_output_folder_gets_a_file_a_picture_and_no_name_twice(scans, wanted, tmp_path):
    (tmp_path / "x").mkdir()
    for name in ("x/A.png", "x/a-2.png"):
        (tmp_path / name).write_bytes((scans / "b 1.PNG").read_bytes())
    out = tmp_path / "mới" / "kết quả"
    result = run(scans, tmp_path / "x", "-o", out)
    assert (result.exit_code, result.stdout) == (0, "")
    texts = {path.name: path.read_text(encoding="utf-8") for path in written(out)}
    first, last = str(scans / "a.png"), str(scans / "b 1.PNG")
    assert len(texts) == 6
    assert len({name.casefold() for name in texts}) == 6
    assert texts["a.txt"] == wanted[first].text + "\n"
    assert texts["b 1.txt"] == wanted[last].text + "\n"
    assert texts["c.txt"] == ""
    assert texts["a-2.txt"] == wanted[str(scans / "sâu/a.png")].text + "\n"
    again = run(scans, tmp_path / "x", "-o", out)
    assert again.exit_code == 0
    assert {path.name: path.read_text(encoding="utf-8") for path in written(out)} == texts


def test_output_in_json(scans, wanted, tmp_path):
    assert run(scans / "a.png", "-o", tmp_path, "-f", "json").exit_code == 0
    page = Page.from_json(json.loads((tmp_path / "a.json").read_text(encoding="utf-8")))
    assert page == wanted[str(scans / "a.png")]


def test_output_that_cannot_be_a_folder(scans, tmp_path):
    (tmp_path / "file").write_text("mine")
    for target in (tmp_path / "file", tmp_path / "file" / "below"):
        result = run(scans / "a.png", "-o", target)
        assert isinstance(result.exception, NetchuError)
        assert str(result.exception).startswith(f"{target}: cannot be made a folder")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_single_bad_file_is_exit_code_2(tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    for name, reason in {"bad.png": "not a picture", "none.png": "no such file", "*.gif": "no such file"}.items():
        result = run(tmp_path / name)
        assert result.exit_code == 2
        assert result.stdout == ""
        assert result.stderr.startswith(f"netchu: {tmp_path / name}: {reason}")
        assert len(result.stderr.splitlines()) == 1


def test_in_a_batch_the_others_go_on_and_the_failed_are_listed_at_the_end(scans, wanted, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    (tmp_path / "cut.png").write_bytes((scans / "a.png").read_bytes()[:500])
    sources = [tmp_path / "bad.png", scans / "a.png", tmp_path / "cut.png", scans / "b 1.PNG", "none.png"]
    result = run(*sources, "-o", tmp_path / "out")
    assert result.exit_code == 1
    summary, *failed = result.stderr.splitlines()
    assert summary == "netchu: 3 of 5 pictures could not be read:"
    assert [line.split(": ")[1] for line in failed] == [str(sources[0]), str(sources[2]), "none.png"]
    assert {path.name for path in written(tmp_path / "out")} == {"a.txt", "b 1.txt"}
    printed = run(*sources, "-f", "json")
    assert printed.exit_code == 1
    assert [json.loads(line)["source"] for line in printed.stdout.splitlines()] == [str(sources[1]), str(sources[3])]


def letter() -> np.ndarray:
    """A page (700, 900) of three lines."""
    page = np.full((700, 900), 255, np.uint8)
    for place, (left, right) in enumerate(((0, 390), (560, 1060), (1075, 1280))):
        part = to_height(SAMPLE[:, left:right], 72)
        page[120 + 150 * place : 192 + 150 * place, 100 : 100 + part.shape[1]] = part
    return page


def test_a_page_is_read_line_by_line_and_line_or_page_say_what_a_picture_is(tmp_path):
    path = tmp_path / "thư.png"
    Image.fromarray(letter()).save(path)
    result = run(path)
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 3
    assert len(run(path, "--line").stdout.splitlines()) <= 1
    Image.fromarray(letter()[100:210]).save(path)  # no taller than a line
    assert json.loads(run(path, "--json").stdout)["lines"][0]["baseline"] == []
    assert len(json.loads(run(path, "--json", "--page").stdout)["lines"][0]["baseline"]) > 1
    assert run(path, "--line", "--page").exit_code == 2


def test_a_scene_is_told_in_quadrilaterals_and_is_neither_line_nor_page(tmp_path):
    path = tmp_path / "sign.png"
    Image.fromarray(letter()).save(path)
    page = json.loads(run(path, "--scene", "--json").stdout)
    assert (page["width"], page["height"], page["regions"]) == (900, 700, [])
    assert len(page["lines"]) == 3
    for line in page["lines"]:
        assert len(line["polygon"]) == 4
        assert len(line["text"]) > 4 and line["baseline"][0][0] < line["baseline"][-1][0]
    for other in ("--line", "--page"):
        result = run(path, "--scene", other)
        assert result.exit_code == 2 and "one or the other" in result.stderr


def test_a_finder_can_be_named(tmp_path):
    Image.fromarray(letter()).save(tmp_path / "p.png")
    copy = tmp_path / "tìm dòng.onnx"
    shutil.copy(zoo.find_finder("lines"), copy)
    assert run(tmp_path / "p.png", "--finder", copy).stdout == run(tmp_path / "p.png").stdout
    for wrong in ("none.onnx", zoo.find("vi")):
        assert isinstance(run(tmp_path / "p.png", "--finder", wrong).exception, NetchuError)


@pytest.mark.parametrize("form", ["alto", "page", "hocr", "md", "json", "tsv", "pdf", "png"])
def test_a_page_is_written_in_every_format(tmp_path, form):
    Image.fromarray(letter()).save(tmp_path / "p.png")
    assert run(tmp_path / "p.png", "-f", form, "-o", tmp_path / "out").exit_code == 0
    (target,) = written(tmp_path / "out")
    assert target.stat().st_size > 40
    if form in ("alto", "page", "hocr", "json"):
        (page,) = formats.read(target)
        assert len(page.lines) == 3 and page.regions


def test_a_folder_without_pictures_says_so(tmp_path):
    (tmp_path / "note.txt").write_text("x")
    result = run(tmp_path)
    assert isinstance(result.exception, NetchuError)
    assert str(result.exception).startswith(f"{tmp_path}: no pictures there")


def test_too_little_memory_for_one_does_not_stop_the_others(scans, reader, monkeypatch):
    read = reader.read

    def short(source, **options):
        if options["name"].endswith("a.png"):
            raise MemoryError
        return read(source, **options)

    monkeypatch.setattr(reader, "read", short)
    result = run(scans)
    assert result.exit_code == 1
    assert result.stderr.count("memory") == 2
    assert len(result.stdout.splitlines()) == 2


def test_min_conf_on_the_command_line(scans, wanted):
    plain, marked = run(scans / "a.png").stdout, run(scans / "a.png", "--min-conf", "1").stdout
    assert marked.count("⟦") == marked.count("⟧") >= 1
    assert marked.replace("⟦", "").replace("⟧", "") == plain
    assert run(scans / "a.png", "--min-conf", "1", "--json").stdout == run(scans / "a.png", "--json").stdout


@pytest.mark.parametrize("arguments", [
    [], ["x.png", "-f", "docx"], ["x.png", "--min-conf", "2"], ["x.png", "-j", "0"], ["x.png", "--what"],
])  # fmt: skip
def test_wrong_options_are_usage_errors(arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Usage: " in result.stderr


def test_an_unknown_model_is_one_line(scans):
    result = run(scans / "a.png", "-m", "klingon")
    assert isinstance(result.exception, NetchuError)
    assert "bundled are" in str(result.exception)
