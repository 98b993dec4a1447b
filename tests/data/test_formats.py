"""Import: each format is recognised and read, and each bad line is counted."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest

from netchu.data.formats import detect, import_lines
from netchu.data.lines import read_lines
from netchu.errors import NetchuError


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8"))
    return path


def told(lines) -> dict[str, str]:
    """Image name -> text."""
    return {lines.name(s): s.text for s in lines.samples}


def reasons(lines) -> list[str]:
    return [reject.reason for reject in lines.rejects]


@pytest.fixture
def src(tmp_path) -> Path:
    return tmp_path / "nguồn dữ liệu"


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "đích"


def test_gt_txt_pairs(src, out, draw):
    draw(src / "0001.png"), put(src / "0001.gt.txt", "Hà Nội\r\n")
    draw(src / "0002.bin.png"), put(src / "0002.gt.txt", "\ufeffHuế")
    draw(src / "0003.jpg"), draw(src / "0003.nrm.png"), put(src / "0003.gt.txt", "ba")
    draw(src / "train/v1.2.tif"), put(src / "train/v1.2.gt.txt", "bốn")
    put(src / "0005.gt.txt", "no picture"), draw(src / "0006.png")
    draw(src / "0007.png"), put(src / "0007.gt.txt", "two\nlines\n")
    draw(src / "0008.png"), put(src / "0008.gt.txt", "\n")
    assert detect(src) == "gt-txt"
    lines = import_lines(src, out)
    assert told(lines) == {
        "lines/0001.png": "Hà Nội",
        "lines/0002.bin.png": "Huế",
        "lines/0003.jpg": "ba",
        "lines/train/v1.2.tif": "bốn",
    }
    assert [s.split for s in lines.samples] == [None, None, None, "train"]
    assert len(reasons(lines)) == 4
    for part in ("no picture beside", "no .gt.txt beside", "several lines", "empty label"):
        assert any(part in reason for reason in reasons(lines)), part
    assert any("took 0003.jpg" in change.reason for change in lines.changes)
    assert (out / "rejects.tsv").read_text(encoding="utf-8").count("\n") == 5
    assert (out / "lines/0001.png").read_bytes() == (src / "0001.png").read_bytes()


def test_paddleocr_lists_with_splits_and_picture_lists(src, out, draw):
    for name in "abcde":
        draw(src / f"imgs/{name}.jpg")
    put(
        src / "rec/rec_gt_train.txt", 'imgs/a.jpg\tmột\n["imgs/b.jpg", "imgs/c.jpg"]\thai\nimgs/gone.jpg\tx\n\nno tab\n'
    )
    put(src / "rec/rec_gt_test.txt", "imgs/d.jpg\tbốn\nimgs/a.jpg\tmột\nimgs/e.jpg\ta\tb\nimgs/e.jpg\t\n")
    put(src / "dict.txt", "a\nb\n")
    assert detect(src) == "paddleocr"
    lines = import_lines(src, out)
    assert {(lines.name(s), s.text, s.split) for s in lines.samples} == {
        ("lines/a.jpg", "một", "test"),
        ("lines/b.jpg", "hai", "train"),
        ("lines/c.jpg", "hai", "train"),
        ("lines/d.jpg", "bốn", "test"),
    }
    wanted = ("named twice", "picture missing: imgs/gone.jpg", "no tab", "too many fields", "empty label")
    assert len(reasons(lines)) == len(wanted) and all(any(w in r for r in reasons(lines)) for w in wanted)
    assert {r.where for r in lines.rejects} >= {"rec/rec_gt_train.txt:5", "rec/rec_gt_test.txt:3"}


def test_a_list_of_everything_does_not_hide_the_splits(src, out, draw):
    draw(src / "1.png"), draw(src / "2.png")
    put(src / "all.txt", "1.png\tmột\n2.png\thai\n"), put(src / "val.txt", "1.png\tmột\n")
    lines = import_lines(src, out)
    assert {(s.text, s.split) for s in lines.samples} == {("một", "val"), ("hai", None)} and len(lines.rejects) == 1


def test_vietocr_list_named_alone(src, out, draw):
    draw(src / "word/1.png")
    file = put(src / "annotation_val.txt", "word/1.png\tPhường 1\n")
    assert detect(file) == "paddleocr"
    assert import_lines(file, out, format="vietocr").samples[0].split == "val"


def test_detection_labels_are_no_lines(src, draw):
    draw(src / "a.jpg")
    put(src / "Label.txt", 'a.jpg\t[{"transcription": "x", "points": [[0, 0]]}]\n')
    with pytest.raises(NetchuError, match="no known format"):
        detect(src)


@pytest.mark.parametrize("first", [0, 1])
def test_lmdb_counted_from_one_or_from_zero(src, out, draw, first, tmp_path):
    lmdb = pytest.importorskip("lmdb")
    src.mkdir()
    with lmdb.open(str(src), map_size=1 << 24) as env, env.begin(write=True) as store:
        for index in range(first, first + 3):
            store.put(b"image-%09d" % index, draw(tmp_path / f"{index}.png").read_bytes())
            store.put(b"label-%09d" % index, f"chữ {index}".encode())
        store.put(b"image-%09d" % (first + 1), b"not a picture")
        store.put(b"num-samples", b"2" if first == 0 else b"3")  # VietOCR writes one too few
    assert detect(src) == detect(src / "data.mdb") == "lmdb"
    lines = import_lines(src, out)
    assert [s.text for s in lines.samples] == [f"chữ {first}", f"chữ {first + 2}"]
    assert reasons(lines) == ["its bytes are no known picture format"]
    with pytest.raises(NetchuError, match="without --link"):
        import_lines(src, tmp_path / "o2", link=True)


def test_lmdb_holes_and_bad_labels(src, out, draw, tmp_path):
    lmdb = pytest.importorskip("lmdb")
    src.mkdir()
    with lmdb.open(str(src), map_size=1 << 24) as env, env.begin(write=True) as store:
        data = draw(tmp_path / "x.png").read_bytes()
        store.put(b"image-000000001", data), store.put(b"label-000000001", b"\xff")
        store.put(b"image-000000003", data), store.put(b"label-000000003", b"ok")
        store.put(b"path-000000003", b"../../evil/../a.png")
        store.put(b"num-samples", b"4")
    lines = import_lines(src, out)
    assert told(lines) == {"lines/evil/a.png": "ok"}
    assert reasons(lines) == ["label is not UTF-8", "no picture under this number", "no picture under this number"]


def test_a_broken_database_is_one_line(src):
    pytest.importorskip("lmdb")
    put(src / "data.mdb", "rubbish" * 2000)
    with pytest.raises(NetchuError, match="not a readable LMDB"):
        import_lines(src, src.parent / "o")


IAM = """#--- words.txt ---
# comment
a01-000u-00-00 ok 154 408 768 27 51 AT A
a01-000u-00-01 err 154 507 766 213 48 NN MOVE
a01-000u-00-02 ok 154 796 764 70 50 TO to stop
a01-000u-00-03 ok 154 796 764
b02-011-00-00 ok 154 796 764 70 50 TO Mr.
"""


def test_iam_words(src, out, draw, tmp_path):
    put(src / "ascii/words.txt", IAM)
    put(src / "ascii/forms.txt", "# id writer\na01-000u 007 2 prt 7 5 52 36\n")
    for end in ("00", "01", "02"):
        draw(src / f"words/a01/a01-000u/a01-000u-00-{end}.png")
    assert detect(src) == "iam"
    lines = import_lines(src, out)
    assert [(lines.name(s), s.text, s.writer) for s in lines.samples] == [
        ("lines/a01/a01-000u/a01-000u-00-00.png", "A", "007"),
        ("lines/a01/a01-000u/a01-000u-00-02.png", "to stop", "007"),
    ]
    assert [r.reason.split(":")[0].split(",")[0] for r in lines.rejects] == [
        "marked err",
        "too few fields",
        "picture missing",
    ]
    assert [r.where for r in lines.rejects] == [f"ascii/words.txt:{n}" for n in (4, 6, 7)]
    assert len(import_lines(src, tmp_path / "o2", include_err=True)) == 3


def test_iam_lines_and_both_at_once(src, out, draw):
    draw(src / "lines/a01/a01-000u/a01-000u-00.png")
    put(src / "lines.txt", "a01-000u-00 ok 154 19 408 746 1661 89 A|MOVE|to|stop\n")
    assert told(import_lines(src, out)) == {"lines/a01/a01-000u/a01-000u-00.png": "A MOVE to stop"}
    put(src / "words.txt", IAM)
    with pytest.raises(NetchuError, match=r"lines\.txt, words\.txt; name the one"):
        import_lines(src, src.parent / "o2")


def test_doctr_labels_json(src, out, draw):
    draw(src / "train/images/1.png"), draw(src / "val/images/1.png")
    put(src / "train/labels.json", '{"1.png": "một", "gone.png": "x", "1.png": "again", "2.png": 3}')
    put(src / "val/labels.json", '\ufeff{"1.png": "hai"}')
    assert detect(src) == "json"
    lines = import_lines(src, out, format="doctr")
    assert sorted((s.text, s.split) for s in lines.samples) == [("hai", "val"), ("một", "train")]
    assert len(lines.rejects) == 3 and any("not a text" in r for r in reasons(lines))


def test_a_json_map_beside_its_pictures(src, out, draw):
    draw(src / "0916_1.png")
    put(src / "labels.json", json.dumps({"0916_1.png": unicodedata.normalize("NFD", "Hà Nội")}))
    lines = import_lines(src / "labels.json", out)
    assert told(lines) == {"lines/0916_1.png": "Hà Nội"} and "NFC" in lines.changes[0].reason


def test_hf_imagefolder_csv_and_jsonl(src, out, draw):
    for name in ("train/1.png", "train/2.png", "validation/1.png"):
        draw(src / name)
    put(
        src / "train/metadata.csv", 'file_name,text,writer\n1.png,"Hà ""x"", Nội",w\n2.png,"a\nb",\n3.png,c\n4.png,d,\n'
    )
    put(
        src / "validation/metadata.jsonl",
        '{"file_name": "1.png", "transcription": "hai"}\nrubbish\n{"file_name": "1.png"}\n',
    )
    assert detect(src) == "hf"
    lines = import_lines(src, out)
    assert [(lines.name(s), s.text, s.split, s.writer) for s in lines.samples] == [
        ("lines/train/1.png", 'Hà "x", Nội', "train", "w"),
        ("lines/validation/1.png", "hai", "val", None),
    ]
    assert len(lines.rejects) == 5


def test_hf_splits_in_the_file_names_and_missing_columns(src, out, draw):
    draw(src / "test/1.png")
    put(src / "metadata.csv", "file_name,text\ntest/1.png,một\n")
    assert import_lines(src, out).samples[0].split == "test"
    put(src / "metadata.csv", "path,words\ntest/1.png,một\n")
    with pytest.raises(NetchuError, match="expected the columns file_name and text, found path, words"):
        import_lines(src, src.parent / "o2")


def test_labels_in_file_names_only_when_asked(src, out, draw, tmp_path):
    draw(src / "001_hà nội.png"), draw(src / "002_a_b.png")
    with pytest.raises(NetchuError, match=r"seen: 2 x \.png"):
        detect(src)
    assert sorted(told(import_lines(src, out, format="names")).values()) == ["a_b", "hà nội"]
    draw(src / "2b827.png")
    assert "2b827" in told(import_lines(src, tmp_path / "o2", format="names")).values()


def test_native_passes_rejects_on(make, out):
    root = make(("lines/a.png", "Huế", "val"), ("lines/b.png", "", "val"), columns="image text split")
    lines = import_lines(root, out)
    assert told(lines) == {"lines/a.png": "Huế"} and lines.samples[0].split == "val" and len(lines.rejects) == 1


def test_link_copies_nothing(src, draw, out):
    draw(src / "1.png"), put(src / "1.gt.txt", "một")
    lines = import_lines(src, out, link=True)
    assert told(lines) == {"../nguồn dữ liệu/1.png": "một"}
    assert [p.name for p in out.iterdir()] == ["lines.tsv"]
    assert told(import_lines(src, src, link=True)) == {"1.png": "một"}  # in place


def test_names_that_collide_are_numbered_alike_each_time(src, draw, tmp_path):
    draw(src / "x.png"), draw(src.parent / "b/X.png"), draw(src.parent / "c/x.png")
    put(src / "list.txt", "x.png\tmột\n../b/X.png\thai\n../c/x.png\tba\n")
    for out in ("o1", "o2"):
        assert told(import_lines(src, tmp_path / out)) == {
            "lines/x.png": "một",
            "lines/X-2.png": "hai",
            "lines/x-3.png": "ba",
        }


def test_two_formats_at_once_must_be_told_apart(src, out, draw):
    draw(src / "1.png"), put(src / "1.gt.txt", "một"), put(src / "labels.json", '{"1.png": "một"}')
    with pytest.raises(NetchuError, match=r"more than one format: gt-txt .*; json .*--format"):
        import_lines(src, out)
    assert not out.exists()
    assert len(import_lines(src, out, format="json")) == 1


@pytest.mark.parametrize(
    ("form", "message"), [("word", "no such format"), ("hf", "does not look like hf"), (None, "no known format")]
)
def test_wrong_formats(src, out, draw, form, message):
    draw(src / "1.png"), put(src / "1.txt", "một")
    with pytest.raises(NetchuError, match=message):
        import_lines(src, out, form)
    assert not out.exists()


def test_nothing_is_written_over_and_nothing_half(src, out, draw):
    draw(src / "1.png"), put(src / "1.gt.txt", " ")
    with pytest.raises(NetchuError, match=r"no line can be used; 1 x empty label, first 1\.gt\.txt"):
        import_lines(src, out)
    assert not out.exists()
    put(src / "1.gt.txt", "một")
    import_lines(src, out)
    before = (out / "lines.tsv").read_bytes()
    with pytest.raises(NetchuError, match=r"already holds lines\.tsv"):
        import_lines(src, out)
    assert (out / "lines.tsv").read_bytes() == before
    with pytest.raises(NetchuError, match="no such file"):
        import_lines(src / "gone", out)
    with pytest.raises(NetchuError, match="is a file"):
        import_lines(src, src / "1.png")


def test_an_interrupted_import_leaves_nothing(src, out, draw, monkeypatch):
    draw(src / "1.png"), put(src / "1.gt.txt", "một")

    def stop(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("netchu.data.formats.write_lines", stop)
    with pytest.raises(KeyboardInterrupt):
        import_lines(src, out)
    assert not out.exists()


def test_bad_encoding_names_file_and_line(src, out, draw):
    draw(src / "1.png")
    put(src / "list.txt", "").write_bytes(b"1.png\ta\n1.png\t\xe9\n")
    with pytest.raises(NetchuError, match=r"list\.txt: line 2 is not UTF-8"):
        import_lines(src, out)
    assert not out.exists()
    assert not [p for p in src.parent.iterdir() if p.name.startswith(".")]


def test_what_is_imported_reads_back_the_same(src, out, draw):
    draw(src / "1.png"), put(src / "1.gt.txt", "một")
    lines = import_lines(src, out)
    assert read_lines(out).samples == lines.samples
