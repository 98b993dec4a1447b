"""Texts to draw. The folder of texts is made here."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from netchu.alphabets import ALPHABETS
from netchu.errors import NetchuError
from netchu.synth.texts import LANGUAGES, coverage, open_texts, spoken
from netchu.synth.texts.chinese import capital_amount
from netchu.synth.texts.corpus import Corpus, Lengths, cut_words
from netchu.synth.texts.grammar import Grammar
from netchu.synth.texts.guard import held_out
from netchu.synth.texts.rare import upper

ALONE = ("captcha", "figures", "plate-cn", "plate-vn")
SENTENCES = {
    "vi_wiki": "Duy thấy bóng trắng dừng lại sau lũy tre một giây rồi lại đi thẳng.",
    "vi_literature": "Mẹ ẵm em Ỹ về, cặp mắt ngẫu nhiên nhìn ra phía sông rộng lớn.",
    "vi_law": "Bên thuê khoán phải trả đủ tiền thuê khoán cho dù không khai thác.",
    "fr_literature": "Merci, encore une fois, répondit-il avec un sourire ; la sœur se tut.",
    "en_literature": "She now resumed her story, exactly at the word commanded by the queen.",
    "en_tatoeba": "Are you crying?",
    "de_literature": "Auf der Straße übte der Jäger mit größter Mühe, ihn zu überhören.",
    "it_literature": "Quale destino le aspettava? Perché non si può dire così?",
    "es_literature": "¿Qué hará mañana el niño? preguntó la señora del pingüino azul.",
    "ja_aozora": "彼を見上げた口の上へ、小さな鳥が「ヴィ」と鳴いて飛んで来た。",
    "ja_tanaka": "道路を横切るときは車に注意しなさい。",
    "zh_cmrc_wiki": "博落回属的一种多年生草本植物，广泛分布于中国以南各省。",
    "zh_tatoeba": "我没时间找你想要的东西。",
}
TABLES = {
    "vi_admin_units": "level\tname\tdistrict\tprovince\tvintage\n"
    "ward\tPhường 10\tThành phố Đà Lạt\tTỉnh Lâm Đồng\t2024\nward\tXã Ẵng\tHuyện Ỹ\tThành phố Hồ Chí Minh\t2024",
    "vi_streets": "street\tn\nTrần Phú\t9\nHùng Vương\t8",
    "vi_name_parts": "part\tname\tcount\nsurname\tNguyễn\t9",
    "vi_given_names": "name\tgender\nNgọc Uyển\tf",
    "freq_vi": "word\tcount\tvi_syllable\nlà\t90000\t1\nẵng\t1\t1\nkỹ\t1\t1",
    "freq_en": "word\tcount\nthe\t9\nquartz\t2",
    "freq_fr": "word\tcount\nles\t9\nwagon\t2",
    "freq_ja": "word\tcount\n好き\t9\nテレビ\t5\n鬱\t1",
    "freq_zh": "word\tcount\n我们\t9\n植物\t2",
}
COMMON = "彼見上口小鳥鳴飛来道路横切車注意好鬱月日年円人田中一二三四五六七八九十番地号東京都市区町本山川子"


def packed(path: Path, text: str) -> None:
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("text")
    for name, text in SENTENCES.items():
        packed(folder / f"{name}.txt.gz", text + "\n")
    for name, text in TABLES.items():
        packed(folder / f"{name}.tsv.gz", text)
    kana = "".join(chr(code) for code in range(0x4E00, 0x9FA0))
    level = [char for char in kana if len(char.encode("gb2312", "ignore")) == 2]
    packed(folder / "gb2312_level1.txt.gz", "\n".join(c for c in level if c.encode("gb2312")[0] < 0xD8))
    packed(folder / "gb2312_level2.txt.gz", "\n".join(c for c in level if c.encode("gb2312")[0] >= 0xD8))
    jis = [char for char in kana if len(char.encode("euc_jp", "ignore")) == 2 and char.encode("euc_jp")[0] < 0xD0]
    packed(folder / "jisx0208_level1.txt.gz", "\n".join(jis))
    packed(folder / "joyo_kanji.tsv.gz", "char\tgrade\n" + "\n".join(f"{char}\t1" for char in jis))
    return folder


def lines_set(folder: Path, rows: list[tuple[str, str]]) -> Path:
    folder.mkdir()
    body = "".join(f"{k}.png\t{text}\t{split}\n" for k, (text, split) in enumerate(rows))
    (folder / "lines.tsv").write_text("image\ttext\tsplit\n" + body, encoding="utf-8")
    return folder


@pytest.mark.parametrize("language", [name for name in LANGUAGES if name != "lines"])
def test_samples_depend_on_their_own_generator_and_stay_in_the_alphabet(texts: Path, language: str) -> None:
    first, again = (open_texts(language, None if language in ALONE else texts) for _ in range(2))
    order = np.random.default_rng(0).permutation(200)
    drawn = {int(k): first.sample_kind(np.random.default_rng([7, int(k)])) for k in order}
    assert [drawn[k] for k in range(200)] == [again.sample_kind(np.random.default_rng([7, k])) for k in range(200)]
    for kind, text in drawn.values():
        assert kind in first.kinds and text and text == " ".join(text.split()) and first.alphabet.issuperset(text)
    assert len(set(drawn.values())) > 60


@pytest.mark.parametrize("language", ["vi", "fr", "en", "de", "it", "es"])
def test_every_letter_comes(tmp_path: Path, texts: Path, language: str) -> None:
    small = [c for c in ALPHABETS[language] if c.islower()]
    words = [f"{c}a{c}" for c in small]
    common = "the queen saw a line " * 400  # each letter below is rare beside this
    rng = np.random.default_rng(0)
    rows = [common[:60] + " ".join(words[int(k)] for k in rng.integers(0, len(words), 3)) for _ in range(400)]
    rows = [common[: 60 + k % 7] for k in range(9000)] + rows
    for path in texts.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    for name in SENTENCES:
        if name.startswith(language):
            packed(tmp_path / f"{name}.txt.gz", "\n".join(rows))
    source = open_texts(
        language, tmp_path, {"rare": 1.0, "running": 1.0} | ({"foreign": 0.0} if language == "vi" else {})
    )
    found = coverage(source, 3000)
    given = {c for c in ALPHABETS[language] if c.lower() in small}
    assert {c: found[c] for c in given if found[c] < 4} == {}, "letters that hardly come"


def test_rare_letters_come_evenly(tmp_path: Path) -> None:
    rows = ["the plain words of a line"] * 3000 + ["with ł in it"] * 1 + ["and ø there"] * 5
    (tmp_path / "own.txt").write_text("\n".join(rows), encoding="utf-8")
    found = coverage(open_texts("lines", tmp_path, {"rare": 1.0, "running": 0.0}), 400)
    assert found["ł"] > 120 and found["ø"] > 120


def test_balanced_strings_hold_every_kanji(texts: Path) -> None:
    for language in ("ja", "zh"):
        kinds = open_texts(language, texts).kinds
        source = open_texts(language, texts, {**dict.fromkeys(kinds, 0.0), "balanced": 1.0})
        kanji = [n for char, n in coverage(source, 6000).items() if "\u4e00" <= char < "\ua000"]
        assert len(kanji) > 2900 and sum(n > 0 for n in kanji) > 0.99 * len(kanji) and max(kanji) < 40


def test_wide_languages_hold_more(texts: Path) -> None:
    assert open_texts("zh-gb2312", texts).alphabet - open_texts("zh", texts).alphabet >= {"鼯", "鼢"}


def test_weights_choose_kinds(texts: Path) -> None:
    source = open_texts("vi", texts, {**dict.fromkeys(open_texts("vi", texts).kinds, 0.0), "person": 2.0})
    assert {source.sample_kind(np.random.default_rng(k))[0] for k in range(50)} == {"person"}
    assert {source.sample(np.random.default_rng(k)).lower() for k in range(50)} == {"nguyễn ngọc uyển"}
    with pytest.raises(NetchuError, match=r"'persons'.*address, bare"):
        open_texts("vi", texts, {"persons": 1.0})
    with pytest.raises(NetchuError, match="every kind has weight 0"):
        open_texts("vi", texts, dict.fromkeys(source.kinds, 0.0))
    with pytest.raises(NetchuError, match="must be 0 or more"):
        open_texts("vi", texts, {"person": -1.0})


def test_a_kind_that_is_off_needs_no_files(tmp_path: Path, texts: Path) -> None:
    for path in texts.iterdir():
        if not path.name.startswith("fr_"):
            (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(NetchuError, match=r"fr_literature\.txt\.gz: no such file"):
        open_texts("vi", tmp_path)
    assert open_texts("vi", tmp_path, {"foreign": 0.0}).sample(np.random.default_rng(0))


def test_case_styles(texts: Path) -> None:
    source = open_texts("fr", texts, dict.fromkeys(("figures", "form", "rare", "words"), 0.0))
    drawn = [source.sample(np.random.default_rng(k)) for k in range(600)]
    letters = [text for text in drawn if any(c.isalpha() for c in text)]
    assert 10 < sum(text.isupper() for text in letters) < 60
    assert any("ŒUR" in text for text in letters)
    assert upper("Straße ŉ") == "STRAẞE ŉ"


def test_signs_are_single_words_mostly_in_capitals_and_only_on_request(texts: Path) -> None:
    kinds = open_texts("en", texts).kinds
    assert kinds["signs"] == 0
    source = open_texts("en", texts, {**dict.fromkeys(kinds, 0.0), "signs": 1.0})
    drawn = [source.sample(np.random.default_rng(k)) for k in range(400)]
    assert not any(" " in text for text in drawn)
    capitals = sum(text.isupper() for text in drawn) / len(drawn)
    assert 0.4 < capitals < 0.8
    assert {"THE", "The", "the"} <= set(drawn)
    assert any(text.isdigit() for text in drawn)


def test_pieces_have_the_asked_length_and_whole_words(tmp_path: Path) -> None:
    words = [f"từ{k}" for k in range(4000)]
    (tmp_path / "a.txt").write_text(
        "\n".join(" ".join(words[k : k + 80]) for k in range(0, 4000, 80)), encoding="utf-8"
    )
    source = open_texts("lines", tmp_path / "a.txt", {"rare": 0.0}, shortest=30, longest=40)
    drawn = [source.sample(np.random.default_rng(k)) for k in range(500)]
    assert all(set(text.split()) <= set(words) and len(text) <= 40 for text in drawn)
    assert sum(len(text) >= 22 for text in drawn) > 350
    assert 10 < sum(len(text.split()) <= 3 for text in drawn) < 120
    with pytest.raises(NetchuError, match="shortest must be"):
        open_texts("lines", tmp_path / "a.txt", shortest=9, longest=3)


def test_a_piece_round_a_place_holds_it() -> None:
    line = " ".join(f"từ{k}" for k in range(60)) + " " + "x" * 200 + " ; non ? oui"
    for k in range(400):
        rng = np.random.default_rng(k)
        at = int(rng.integers(len(line)))
        if line[at] != " ":
            marked = line[:at] + "Ω" + line[at + 1 :]
            assert "Ω" in cut_words(marked, int(rng.integers(5, 70)), rng, at)
            assert "Ω" in Lengths(5, 20, spaced=False).piece(marked, rng, at)


def test_japanese_lines_break_where_lines_may() -> None:
    line = "彼は「テレビ、ラジオ」を見て、きゃっと言った。それからUSBを三〇〇円で買った。"
    lengths = Lengths(3, 12, spaced=False, brief=0.0)
    for k in range(300):
        piece = lengths.piece(line, np.random.default_rng(k))
        assert piece in line and piece[0] not in "、。」ーゃっ" and piece[-1] not in "「"
        assert "USB" in piece or not set("USB") & set(piece)


def test_words_may_be_broken_at_the_end_of_a_line() -> None:
    line = "una considerazione interessante " * 6
    drawn = [cut_words(line.strip(), 40, np.random.default_rng(k), hyphen=1.0) for k in range(60)]
    broken = [text for text in drawn if text.endswith("-")]
    assert len(broken) > 20 and all(len(text.split()[-1]) > 3 for text in broken)


def test_what_is_held_out_is_not_drawn(tmp_path: Path) -> None:
    rows = [f"w{k} alpha beta gamma delta epsilon zeta eta w{k}" for k in range(50)]
    rows += ["One two three, four five six", "one two THREE four five zzz", "short", "kept as it is"]
    (tmp_path / "own.txt").write_text("\n".join(rows), encoding="utf-8")
    judged = lines_set(
        tmp_path / "set",
        [
            ("x one: two three FOUR five six y", "val"),  # shares six words, but for case and signs
            ("Short!", "test"),
            ("kept as it is", "train"),
            ("w7 alpha beta gamma delta", "val"),  # five words only: nothing falls
        ],
    )
    free, source = (open_texts("lines", tmp_path / "own.txt", held_out=sets) for sets in ([], [judged]))
    assert (free.dropped, source.dropped) == (0, 2)
    drawn = " | ".join(source.sample(np.random.default_rng(k)) for k in range(1500)).lower()
    assert "four five six" not in drawn and "short" not in drawn
    assert "kept as" in drawn and "zzz" in drawn and "w7" in drawn


def test_held_out_runs_of_chinese_are_characters(tmp_path: Path) -> None:
    judged = lines_set(tmp_path / "set", [("甲乙丙丁戊己，庚辛壬癸子丑寅", "val")])
    held = held_out([judged], spaced=False)
    corpus = Corpus.build(["乙丙丁戊己庚辛壬癸子丑寅卯\n丙丁戊己庚辛壬癸子丑寅卯\n"], held=held)
    assert corpus.dropped == 1 and corpus.text.startswith("丙")
    assert held.holds("甲乙丙丁戊己庚辛壬癸子丑寅") and not held.holds("甲乙")


def test_a_held_out_text_is_not_made_up(tmp_path: Path) -> None:
    judged = lines_set(tmp_path / "set", [(str(k), "val") for k in range(10, 60)])
    source = open_texts("captcha", None, {"lower": 0, "upper": 0, "mixed": 0}, [judged], shortest=2, longest=2)
    drawn = {source.sample(np.random.default_rng(k)) for k in range(500)}
    assert drawn and not drawn & {str(k) for k in range(10, 60)}
    everything = lines_set(tmp_path / "all", [(f"{k:02d}", "val") for k in range(100)])
    source = open_texts("captcha", None, {"lower": 0, "upper": 0, "mixed": 0}, [everything], shortest=2, longest=2)
    with pytest.raises(NetchuError, match="'digits' were empty, held out"):
        source.sample(np.random.default_rng(0))


def test_own_lines_teach_an_alphabet(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("\ufeffΚαλημέρα\u00a0κόσμε\r\nÇa va e\u0301te\r\n", encoding="utf-8")
    packed(tmp_path / "c.txt.gz", "третий")
    (tmp_path / "notes.md").write_text("no")
    source = open_texts("lines", tmp_path)
    assert source.alphabet == frozenset("Καλημέρα κόσμε" + "Ça va éte" + "третий")
    drawn = {source.sample(np.random.default_rng(k)) for k in range(200)}
    assert {"Καλημέρα κόσμε", "Ça va éte", "третий"} <= drawn


@pytest.mark.parametrize("wrong", ["nothing", "missing", "empty", "broken", "latin-1", "no text files"])
def test_bad_lines_are_named(tmp_path: Path, wrong: str) -> None:
    path = tmp_path / ("own.txt.gz" if wrong == "broken" else "own.txt")
    if wrong in ("empty", "broken", "latin-1"):
        path.write_bytes({"empty": b" \n\n", "broken": gzip.compress(b"text")[:-9], "latin-1": b"caf\xe9"}[wrong])
    folder = {"nothing": None, "no text files": tmp_path}.get(wrong, path)
    with pytest.raises(NetchuError, match="name it" if folder is None else r"own\.txt|holds no text"):
        open_texts("lines", folder)


def test_bad_folders_are_named(tmp_path: Path, texts: Path) -> None:
    with pytest.raises(NetchuError, match="language 'xx'"):
        open_texts("xx", texts)
    with pytest.raises(NetchuError, match="name it"):
        open_texts("fr")
    with pytest.raises(NetchuError, match="no such folder"):
        open_texts("fr", tmp_path / "none")
    with pytest.raises(NetchuError, match=r"vi_admin_units\.tsv\.gz: no such file"):
        open_texts("vi", tmp_path)
    for path in texts.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    for data, reason in ((b"junk", "cannot be read"), (gzip.compress(b"level\tname\nward\tX"), "tab-separated fields")):
        (tmp_path / "vi_admin_units.tsv.gz").write_bytes(data)
        with pytest.raises(NetchuError, match=rf"vi_admin_units\.tsv\.gz: .*{reason}"):
            open_texts("vi", tmp_path)


def test_plates_follow_their_countries() -> None:
    cn, vn = open_texts("plate-cn"), open_texts("plate-vn")
    for k in range(300):
        kind, plate = cn.sample_kind(np.random.default_rng(k))
        assert len(plate) == (8 if kind == "energy" else 7) and not set(plate) & set("IO")
        kind, plate = vn.sample_kind(np.random.default_rng(k))
        assert kind == "special" or (plate[:2].isdigit() and plate[:2] != "13" and plate[-1].isdigit())


def test_sums_in_capital_numerals() -> None:
    spelt = {
        100: "壹元整", 105000: "壹仟零伍拾元整", 1000000: "壹万元整", 1000100: "壹万零壹元整", 1230: "壹拾贰元叁角整",
        10000000000: "壹亿元整", 12305: "壹佰贰拾叁元零伍分", 50: "伍角整", 7: "柒分", 30100000: "叁拾万壹仟元整",
        100000100: "壹佰万零壹元整",
    }  # fmt: skip
    assert {cents: capital_amount(cents) for cents in spelt} == spelt


def test_grammar() -> None:
    grammar = Grammar({"all": ("{01-03}-{word}~#\\#",), "word": ("Ω", "ab")}, frozenset("ab-#0123456789"))
    drawn = {grammar.draw("all", np.random.default_rng(k)) for k in range(300)}
    assert all(text[:2] in ("01", "02", "03") and text[2:5] == "-ab" and text[5] != "0" for text in drawn)
    assert all(text[-1] == "#" and len(text) == 8 for text in drawn) and len(drawn) > 100
    for rules in ({"a": ("{b}",)}, {"a": ("Ω",)}):
        with pytest.raises(ValueError, match="grammar"):
            Grammar(rules, frozenset("ab"))


def test_what_language_texts_are_in() -> None:
    assert [spoken(name) for name in ("vi", "ja-jis1", "zh", "figures", "plate-cn", "lines")] == [
        ("vi",), ("ja",), ("zh",), (), (), (),
    ]  # fmt: skip
    assert set(spoken("latin")) > {"vi", "fr", "en"}
    assert all(len(code) == 2 for name in LANGUAGES for code in spoken(name))
