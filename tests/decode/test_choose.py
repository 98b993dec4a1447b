"""From what a person asks for to a decoder: files, settings, and what is said when they make no sense."""

import dataclasses

import numpy as np
import pytest

from netchu.decode.choose import Wish, choose
from netchu.decode.rerank import Rerank, Weights
from netchu.errors import NetchuError
from netchu.lm import save
from netchu.lm.sources import Source
from netchu.lm.train import Options, train
from netchu.session import Session
from netchu.zoo import find

LINES = ("số nhà mười hai", "đường Hai Bà Trưng", "quận Hoàn Kiếm", "phố Hàng Bài", "một dòng chữ dài hơn năm từ")


@pytest.fixture(scope="module")
def info():
    return Session(find("vi-tiny")).info


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    save(train([Source("lines", LINES)], Options(order=3)), folder / "chars.lm")
    save(train([Source("lines", LINES)], Options(order=2, unit="word")), folder / "words.lm")
    save(train([Source("lines", ("читаем строки",))], Options(order=2)), folder / "ru.lm")
    (folder / "empty.txt").write_text(" \n\n", encoding="utf-8")
    (folder / "blank.txt").write_text("\u200b\n", encoding="utf-8")
    (folder / "ru.txt").write_text("читаем\n", encoding="utf-8")
    return folder


def test_the_models_default_is_taken_with_settings_and_gives_way_to_files(info, folder):
    default = choose(Wish(), info)
    assert (default.name, default.decoder.lm.name, default.decoder.width) == ("text", "vi", 12)
    wider = choose(Wish(settings=(("width", 64),)), info)
    assert (wider.name, wider.decoder.lm.name, wider.decoder.width) == ("text", "vi", 64)
    own = choose(Wish(lm=str(folder / "chars.lm")), info)
    assert (own.name, own.decoder.lm.order, own.decoder.word_lm) == ("beam", 3, None)
    ruled = choose(Wish(grammar=r"\d+"), info)
    assert (ruled.name, ruled.decoder.lm) == ("beam", None)
    bare = dataclasses.replace(info, decoders={})
    assert choose(Wish(), bare).name == "greedy" and choose(Wish(settings=(("width", 64),)), bare).name == "beam"


@pytest.mark.parametrize("settings, message", [
    ({"width": 3.5}, "width=3.5: expected a whole number"),
    ({"width": True}, "width=True: expected a number"),
    ({"width": "wide"}, "width='wide': expected a number"),
    ({"width": -1}, "width=-1: must be from 0"),
    ({"width": 10**12}, "width=1000000000000: must be from 0"),
    ({"alpha": [1]}, r"alpha=\[1\]: expected a number"),
    ({"mode": 3}, "mode=3: expected a word"),
    ({"lexicon": 3}, "3: no such file"),
    ({"widht": 3}, "no 'widht'; did you mean width"),
    ({"gamma": 0.3}, "gamma is a setting of --rerank"),
])  # fmt: skip
def test_settings_that_make_no_sense(info, settings, message):
    with pytest.raises(NetchuError, match=message) as found:
        choose(Wish("beam", settings=tuple(settings.items())), info)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("wish, message", [
    ({"lm": "ru.lm"}, r"ru\.lm: language model lm: knows 0 .* another alphabet"),
    ({"lm": "words.lm"}, "a model of words; give it as --word-lm"),
    ({"word_lm": "chars.lm"}, "a model of chars; give it as --lm"),
    ({"lm": "none.lm"}, "no such file"),
    ({"lm": "empty.txt"}, "no language model of ours"),
    ({"lexicon": "empty.txt"}, "empty.txt: is empty"),
    ({"lexicon": "blank.txt"}, "blank.txt: the lexicon is empty"),
    ({"lexicon": "ru.txt"}, "ru.txt: none of the lexicon's 1 words can be written"),
    ({"lexicon": "none.txt"}, "no such file"),
    ({"rerank": "chars.lm"}, "not a whole ONNX model"),
    ({"rerank": "none.onnx"}, "no such file"),
])  # fmt: skip
@pytest.mark.parametrize("name", ["beam", "tokens", "lines"])
def test_files_that_do_not_serve(info, folder, name, wish, message):
    if name != "beam" and "lexicon" not in wish:
        pytest.skip("takes words alone")
    if name == "lines":
        message = message.replace("words can", "entries can").replace("the lexicon is empty", "none of the lexicon")
    with pytest.raises(NetchuError, match=message) as found:
        choose(Wish(name, **{key: str(folder / value) for key, value in wish.items()}), info)
    assert "\n" not in str(found.value)


def test_settings_far_beyond_any_line(info, folder):
    (folder / "words.txt").write_text("nhà\nphố\n" + "a" * 100_000 + "\n", encoding="utf-8")
    logits = np.random.default_rng(0).normal(0, 3, (30, len(info.charset))).astype(np.float32)
    huge = {
        "lines": {"ranked": 10**12, "tolerance": 1e300},
        "beam": {"ranked": 10**6, "threshold": 1e300},
        "tokens": {},
    }
    for name, settings in huge.items():
        wish = Wish(name, lexicon=str(folder / "words.txt"), settings=tuple(settings.items()))
        reading = choose(wish, info).decoder(logits, 30)
        assert len(reading.classes) <= 30 and "read without" not in reading.note
    assert len(choose(wish, info).decoder.words.words) == 2  # what is longer than any line is left out


def test_a_neural_model_ranks_the_readings_of_a_beam_anew(info, folder):
    pytest.importorskip("torch")
    from netchu.train.language import NeuralOptions, train_neural

    neural = folder / "neural.onnx"
    made = NeuralOptions(steps=3, batch=4, width=8, layers=2, least=1, name="small")
    train_neural([Source("lines", LINES)], neural, made)
    settings = (("gamma", 0.3), ("beta", 0.5), ("candidates", 7), ("ranked", 3))
    choice = choose(Wish("beam", lm=str(folder / "chars.lm"), rerank=str(neural), settings=settings), info)
    decoder = choice.decoder
    assert isinstance(decoder, Rerank)
    assert (decoder.candidates, decoder.ranked, decoder.beam.beta) == (7, 3, 0.5)
    assert decoder.judge.weights == Weights(decoder.beam.alpha, 0.3, 0.5)
    assert [model.name for model in choice.models] == ["lm", "small"]  # the guard asks them all
    logits = np.random.default_rng(0).normal(0, 3, (30, len(info.charset))).astype(np.float32)
    reading = decoder(logits, 30)
    scores = {each.classes: each.acoustic for each in decoder.beam.search(logits, 30)[:7]}
    text = info.charset.decode(reading.classes)
    assert reading.ranked[0][1] == pytest.approx(scores[reading.classes] + decoder.judge([text])[0])
    own = {"address": {"kind": "beam", "lm": "chars.lm", "rerank": "neural.onnx"}}
    named = choose(Wish("address"), dataclasses.replace(info, decoders=own), folder).decoder
    assert isinstance(named, Rerank) and named.judge.weights.gamma == 0.2
    export = [Source("lines", ("читаем строки букв",) * 3)]
    train_neural(export, folder / "ru.onnx", made)
    with pytest.raises(NetchuError, match="another alphabet"):
        choose(Wish("beam", rerank=str(folder / "ru.onnx")), info)
    with pytest.raises(NetchuError, match="'rerank'"):
        choose(Wish("tokens", lexicon=str(folder / "ru.txt"), rerank=str(neural)), info)
