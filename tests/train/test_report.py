"""The training report: what stands on the page and in the tables, for any text that a data set may hold."""

from __future__ import annotations

import base64
import io
import json
import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from netchu.data.lines import Reject
from netchu.errors import NetchuError
from netchu.text import Charset
from netchu.train.report import Table, write_report


def epoch(number, loss=1.0, cer=None, **more):
    events = [{"event": "epoch", "epoch": number, "step": number * 10, "loss": loss, "seconds": number * 60.0, **more}]
    if cer is not None:
        events.append({"event": "evaluation", "epoch": number, "step": number * 10, "cer": cer, "wer": 2 * cer})
    return events


class Reader(HTMLParser):
    """Collects the text, the tags and the marks; fails where tags do not close in order."""

    EMPTY = frozenset({"meta", "img", "br"})

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.text, self.marks = [], [], "", []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text += data + "\n"
            if "mark" in self.open:
                self.marks.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def page(folder, **options):
    path = write_report(folder, **{"log": [], **options})
    assert path == folder / "report" / "index.html"
    return Reader(path.read_text(encoding="utf-8"))


def table(folder, name):
    data = (folder / "report" / name).read_bytes()
    assert b"\r" not in data and data.endswith(b"\n")
    return [line.split("\t") for line in data.decode("utf-8").split("\n")[:-1]]


def test_without_validation_lines_there_is_still_a_report(tmp_path):
    read = page(tmp_path, log=[*epoch(1), {"event": "evaluation", "epoch": 1, "step": 10}])
    assert "no validation line" in read.text and len(read.all("svg")) == 1
    assert table(tmp_path, "lines.tsv") == [["image", "cer", "reference", "hypothesis"]]
    assert len(table(tmp_path, "confusions.tsv")) == len(table(tmp_path, "rejects.tsv")) == 1
    assert page(tmp_path / "empty").all("svg") == []


def test_lines_are_sorted_worst_first_with_what_differs_marked(tmp_path):
    read = page(
        tmp_path, references=["Huế xưa", "a b", "sông"], hypotheses=["Huê xưa", "a b", "s"], images=["1", "2", "3"]
    )
    assert table(tmp_path, "lines.tsv")[1:] == [
        ["3", "0.7500", "sông", "s"],
        ["1", "0.1429", "Huế xưa", "Huê xưa"],
        ["2", "0.0000", "a b", "a b"],
    ]
    assert read.marks == ["ông", "···", "ế", "ê"]
    assert read.text.index("sông"[0]) < read.text.index("Hu")
    assert len(read.all("figure")) == 2  # the line without an error is not among the worst


def test_only_the_worst_thirty_lines_are_drawn(tmp_path):
    read = page(tmp_path, references=["abc"] * 40, hypotheses=["abd"] * 40)
    assert len(read.all("figure")) == 30 and len(table(tmp_path, "lines.tsv")) == 41


def test_spaces_and_marks_alone_can_be_seen(tmp_path):
    read = page(tmp_path, references=["a b"], hypotheses=["ab\u0301\u0323x"])
    assert "␣" in read.marks[0]
    assert any("◌" in mark for mark in read.marks)


def test_pictures_travel_inside_the_page_at_48_rows(tmp_path):
    Image.fromarray(np.full((96, 400), 200, np.uint8)).save(tmp_path / "big.png")
    Image.fromarray(np.full((20, 100), 200, np.uint8)).save(tmp_path / "small.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    names = [tmp_path / name for name in ("big.png", "small.png", "broken.png", "gone.png")]
    read = page(tmp_path, references=["aa", "ab", "ac", "ad"], hypotheses=["x"] * 4, images=names)
    sizes = []
    for attributes in read.all("img"):
        data = re.fullmatch(r"data:image/jpeg;base64,(.+)", attributes["src"]).group(1)
        sizes.append(Image.open(io.BytesIO(base64.b64decode(data))).size)
        assert sizes[-1] == (int(attributes["width"]), int(attributes["height"]))
    assert sizes == [(200, 48), (100, 20)]  # never enlarged
    assert re.search(r"broken.png: not a\b.* picture", read.text) and "gone.png: no such file" in read.text


def test_nothing_on_the_page_runs_or_reaches_out(tmp_path):
    evil = "<script>alert(1)</script> & \"'"
    read = page(
        tmp_path / evil.replace("/", ""),
        log=[{"event": "advice", "epoch": evil, "message": evil}, *epoch(1, cer=0.5)],
        references=[evil, "b"], hypotheses=[evil + "x", "<b>"], images=[evil, "c"], sources=[evil, "d"],
        charset=Charset.from_texts([evil]), rejects=[Reject(evil, f"{evil}: {evil}")],
        config={evil: evil}, tables=[Table(evil, (evil,), ((evil,),), evil)],
    )  # fmt: skip
    assert not read.all("script") and not read.all("link") and "<script>alert(1)</script>" in read.text
    whole = next((tmp_path).glob("*/report/index.html")).read_text("utf-8")
    assert not re.search(r"https?://|url\(|@import|\son\w+=", whole)
    policy = [a["content"] for a in read.all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy and "default-src 'none'" in policy[0]


def test_odd_characters_stay_valid_utf8_and_in_their_cell(tmp_path):
    read = page(tmp_path, references=["a\x00\x0bb"], hypotheses=["a"], images=["na\udce9me\tx.png"],
                rejects=[Reject("a\tb", "why\nnot\r\n: really")])  # fmt: skip
    assert "\x00" not in read.text and "\x0b" not in read.text
    assert all(len(row) == 4 for row in table(tmp_path, "lines.tsv"))
    assert table(tmp_path, "rejects.tsv")[1:] == [["a b", "why not : really"]]


def test_scores_are_those_of_the_metrics_by_data_set(tmp_path):
    read = page(tmp_path, references=["abcd", "abcd", "abcde"], hypotheses=["abcd", "abcx", "abcde"],
                sources=["new", "new", "old"])  # fmt: skip
    rows = re.sub(r"\s+", " ", read.text)
    assert "new 2 12.50% [0.0%, 25.0%]" in rows and "old 1 0.00% [0.0%, 0.0%]" in rows
    assert "all together 3 7.69%" in rows


def test_confusions_and_diacritics(tmp_path):
    read = page(tmp_path, references=["ế ế đo", "ba"], hypotheses=["ê ê do", "xa"])
    assert table(tmp_path, "confusions.tsv")[1][:3] == ["ế", "ê", "2"]
    assert "LATIN SMALL LETTER E WITH CIRCUMFLEX AND ACUTE" in table(tmp_path, "confusions.tsv")[1][3]
    assert "3 of 4 character errors (75.00%) miss only the marks" in read.text
    marks = read.text[read.text.index("Diacritics only") : read.text.index("never read right")].split()
    assert "đ" in marks and "x" not in marks


def test_characters_never_read_right_name_what_the_charset_lacks(tmp_path):
    read = page(tmp_path, references=["qaq", "wa"], hypotheses=["gag", "a"], charset=Charset.from_symbols("qag"))
    never = " ".join(read.text[read.text.index("never read right") : read.text.index("left out", 400)].split())
    assert "2 of the 3 characters" in never
    assert "q U+0071 LATIN SMALL LETTER Q 'q' 2 g" in never
    assert "w U+0077 LATIN SMALL LETTER W 'w' 1 not in the charset" in never


def test_what_was_left_out_is_grouped_by_reason(tmp_path):
    rejects = [Reject(f"a/{i}.png", f"unknown characters: U+{i}") for i in range(7)] + [Reject("b.png", "unreadable")]
    read = page(tmp_path, rejects=rejects)
    text = " ".join(read.text.split())
    assert "unknown characters 7 a/0.png (U+0) a/1.png (U+1) a/2.png (U+2) a/3.png (U+3) unreadable 1 b.png" in text
    assert len(table(tmp_path, "rejects.tsv")) == 9


def points(read, which=0):
    return [[float(x) for x in pair.split(",")] for pair in read.all("polyline")[which]["points"].split()]


def test_the_curve_follows_the_log(tmp_path):
    log = [*epoch(1, 4.0, 0.8), *epoch(2, 2.0, 0.4), *epoch(3, 3.0, 0.6)]
    read = page(tmp_path, log=log)
    loss, cer, wer = (points(read, which) for which in range(3))
    assert len(loss) == len(cer) == len(wer) == 3
    assert [x for x, _ in loss] == sorted(x for x, _ in loss)
    assert loss[0][1] < loss[2][1] < loss[1][1]  # SVG rows count downwards
    assert all(0 <= x <= 580 and 0 <= y <= 270 for line in (loss, cer, wer) for x, y in line)
    for word in ("training loss", "CER", "WER", "epoch", "nats per character", "150 %"):
        assert word in read.text
    assert "40.00% at epoch 2" in read.text


def test_a_curve_of_one_epoch_of_nothing_and_of_nan(tmp_path):
    assert len(points(page(tmp_path, log=epoch(1, 0.0, 0.0)))) == 1
    assert len(points(page(tmp_path, log=[*epoch(1, 2.0, math.nan), *epoch(2, math.nan, 0.5)]))) == 1


def test_a_resumed_epoch_counts_once_and_a_new_run_hides_the_old(tmp_path):
    assert len(points(page(tmp_path, log=[*epoch(1, 4.0), *epoch(2, 3.0), *epoch(2, 2.0)]))) == 2
    read = page(tmp_path, log=[*epoch(1, 4.0, 0.01), *epoch(2, 3.0), *epoch(1, 2.0, 0.5)])
    assert len(points(read)) == 1 and "50.00% at epoch 1" in read.text


def test_facts_tables_options_and_advice(tmp_path):
    log = [
        *epoch(1, lines_per_second=12.5),
        {"event": "skipped step", "step": 3},
        {"event": "advice", "epoch": 1, "message": "Wait a little."},
        {"event": "interrupted", "epoch": 1, "seconds": 3725.0},
    ]
    tables = [Table("Before and after", ("set", "before", "after"), (("new", "40 %", 0.5),), "A note.")]
    config = {"architecture": "tiny", "languages": ("vi",), "folder": tmp_path}
    read = page(tmp_path, log=log, config=config, charset=Charset.from_symbols("aế "), tables=tables)
    for said in ("tiny", "12.5 lines/s", "1:02:05 h", "3 in NFC", "1 (gradients not finite)", "interrupted", "A note.",
                 "Before and after", "40 %", "0.5", "Wait a little.", '["vi"]', "a ế ␣"):  # fmt: skip
        assert said in read.text


def test_lists_of_unequal_length_and_a_folder_that_cannot_be_written(tmp_path):
    with pytest.raises(ValueError, match="2 references, 1 hypotheses"):
        write_report(tmp_path, log=[], references=["a", "b"], hypotheses=["a"])
    with pytest.raises(ValueError, match="1 images"):
        write_report(tmp_path, log=[], references=["a", "b"], hypotheses=["a", "b"], images=["x"])
    (tmp_path / "report" / "lines.tsv").mkdir(parents=True)
    with pytest.raises(NetchuError, match="cannot be written"):
        write_report(tmp_path, log=[])


def test_the_log_may_come_straight_from_its_file(tmp_path):
    log = [json.loads(line) for line in '{"event": "epoch", "epoch": 1, "loss": NaN, "step": 7}\n'.splitlines()]
    assert "7" in page(tmp_path, log=log).text
