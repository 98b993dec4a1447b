"""The training doctor: each fault is brought about once and must be named; a healthy run must hear nothing."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from netchu.data.batch import Example, Pictures
from netchu.models import build
from netchu.text import Charset
from netchu.train.doctor import (
    BLOCK,
    PLATEAU,
    Watch,
    judge_padding,
    overfit_check,
    padding_fault,
)

torch.set_num_threads(1)
REFERENCES = ["Huế 1995", "Đà Nẵng 27", "Số 5, Hà Nội", "Cần Thơ 12", "phố Huế 88", "quận 10"]


def codes(advice):
    return [item.code for item in advice]


def steps(watch, losses, rate=None):
    """Feed losses -> codes of all that was said."""
    return [code for loss in losses for code in codes(watch.observe_step(loss, 1.0, rate))]


def at(step, rate=0.002, **options):
    return Watch(rate, step=step, **options)


def test_a_healthy_run_hears_nothing():
    watch = Watch(0.002)
    noise = np.random.default_rng(0).uniform(0.7, 1.4, 1500)
    said = steps(watch, 4 * np.exp(-np.arange(1500) / 400) * noise)
    texts = [text[:-1] for text in REFERENCES]
    said += codes(watch.observe_evaluation(texts, REFERENCES, 0.6))
    said += codes(watch.observe_evaluation(REFERENCES, REFERENCES, 0.6))
    assert said == []


def test_blanks_are_normal_at_first_a_fault_later_and_each_is_said_once():
    blank, watch = [""] * len(REFERENCES), Watch(0.003)
    [early] = watch.observe_evaluation(blank, REFERENCES, 1.0)
    assert early.code == "all-blank" and "normal" in early.message
    assert watch.observe_evaluation(blank, REFERENCES, 1.0) == []
    steps(watch, np.full(PLATEAU, 3.2))
    [late] = watch.observe_evaluation(blank, REFERENCES, 1.0)
    assert "0.001" in late.message and "netchu data preview" in late.message and "short lines" in late.message
    assert "  " not in late.message and "\n" not in late.message
    assert watch.observe_evaluation(blank, REFERENCES, 1.0) == []


def test_blanks_at_a_very_low_rate_call_for_a_higher_one_and_a_trained_network_gets_no_grace():
    [advice] = at(PLATEAU, rate=1e-5).observe_evaluation([""] * 6, REFERENCES)
    assert "raise the learning rate" in advice.message and "3e-05" in advice.message
    [advice] = at(1, fresh=False).observe_evaluation([""] * 6, REFERENCES)
    assert "normal" not in advice.message


def test_falling_silent_after_having_read_is_another_matter():
    watch = at(2000)
    watch.observe_evaluation(REFERENCES, REFERENCES)
    [advice] = watch.observe_evaluation([""] * 6, REFERENCES)
    assert advice.code == "all-blank" and "come apart" in advice.message


@pytest.mark.parametrize("fault", [{"loss": math.nan}, {"loss": math.inf}, {"loss": 1.0, "grad_norm": math.nan}])
def test_steps_that_are_not_finite_are_counted_and_said_at_the_third(fault):
    watch = Watch(0.002)
    said = [codes(watch.observe_step(**fault)) for _ in range(29)]
    assert said[2] == ["not-finite"] and sum(map(len, said)) == 1
    assert codes(watch.observe_step(**fault)) == ["not-finite"]  # ten times as many: it changed


def test_a_loss_that_rises_says_the_rate_is_too_high_once():
    watch = Watch(0.003)
    assert steps(watch, [3.0] * BLOCK + [1.0] * BLOCK + [1.2] * BLOCK) == []
    [advice] = [advice for _ in range(3 * BLOCK) for advice in watch.observe_step(1.9)]
    assert advice.code == "learning-rate-high" and "0.001" in advice.message


def test_spikes_are_told_from_unevenness():
    watch = Watch(0.002)
    assert steps(watch, [1.0, 1.9] * BLOCK) == []
    assert "loss-spikes" not in steps(watch, ([1.0] * 9 + [6.0]) * 4)  # it takes more than a few
    assert steps(watch, ([1.0] * 9 + [6.0]) * 4).count("loss-spikes") == 1


def test_a_flat_loss_says_the_rate_is_too_low_unless_there_is_another_reason():
    def flat(rate=None, texts=tuple(text[::-1] for text in REFERENCES), slope=0.0, level=2.5):
        watch = at(PLATEAU)
        watch.observe_evaluation(texts, REFERENCES)
        return steps(watch, level - slope * np.arange(10 * BLOCK), rate)

    assert flat() == ["learning-rate-low"]
    assert flat(rate=0.0005) == []  # in the warm-up or the cooldown
    assert flat(texts=[""] * 6) == []  # the blank plateau has its own advice
    assert flat(slope=0.002) == []  # it moves
    assert flat(level=0.3) == []  # it has learnt


def test_one_text_for_all_lines():
    watch = at(2000)
    [advice] = watch.observe_evaluation(["n h n"] * 6, REFERENCES, 0.1)
    assert advice.code == "one-text" and "'n h n'" in advice.message and "ignores the picture" in advice.message
    assert watch.observe_evaluation(["n h n"] * 6, REFERENCES, 0.1) == []
    assert "one-text" not in codes(at(2000).observe_evaluation(["Huế"] * 6, ["Huế"] * 5 + ["Hà Nội"]))


def test_blank_rate_is_judged_only_while_reading_badly():
    def said(rate, texts):
        return [
            advice for advice in at(2000).observe_evaluation(texts, REFERENCES, rate) if advice.code == "blank-rate"
        ]

    bad = [text[::-1] for text in REFERENCES]
    assert "repeats" in said(0.1, bad)[0].message
    assert "passed over" in said(0.98, bad)[0].message
    assert said(0.5, bad) == said(0.1, REFERENCES) == said(None, bad) == []


def test_kinds_of_characters_that_are_never_written():
    references = [f"H{'uae'[index % 3]}ế {index}" for index in range(30)]

    def said(watch, end):
        return watch.observe_evaluation([text[:end] for text in references], references)

    watch = at(2000)
    [advice] = said(watch, 4)
    assert advice.code == "never-written" and "digits (50 are written)" in advice.message
    assert "letters" not in advice.message
    assert said(watch, 4) == []
    [more] = said(watch, 2)
    assert "letters with diacritics (30 " in more.message  # it changed: said again
    assert said(Watch(0.002), 4) == []  # too early to tell
    few = [*REFERENCES[:3], "Ô", "Ế"]
    assert at(2000).observe_evaluation([text.lower() for text in few], few) == []  # a handful proves nothing


def test_overfitting_needs_a_rising_cer_and_a_falling_loss():
    def run(losses, wrong):
        watch, said = at(5000), []
        for loss, bad in zip(losses, wrong):
            steps(watch, [loss] * BLOCK)
            texts = [text[bad:] for text in REFERENCES]
            said.append([code for code in codes(watch.observe_evaluation(texts, REFERENCES)) if code == "overfitting"])
        return said

    falling = [0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01]
    said = run(falling, [2, 1, 2, 2, 2, 2, 3])
    assert said == [[], [], [], [], [], ["overfitting"], []]
    assert not any(run(falling, [3, 3, 2, 2, 2, 1, 1]))
    assert not any(run([0.3] * 7, [2, 1, 2, 2, 2, 2, 2]))
    assert not any(run(falling, [2, 1, 1, 1, 1, 1, 1]))  # as good as its best


def test_no_validation_lines_no_advice():
    assert Watch(0.002).observe_evaluation([], []) == []


def lines_of_ink(count=3):
    noise = np.random.default_rng(0)
    return [noise.integers(0, 255, (30, 60 + 37 * index)).astype(np.uint8) for index in range(count)]


def test_a_sound_network_has_no_padding_fault_and_keeps_its_mode():
    network = build("tiny", 10).train()
    fault = padding_fault(network, lines_of_ink())
    assert fault < 1e-4 and judge_padding(fault) == [] and network.training
    with pytest.raises(ValueError, match="no pictures"):
        padding_fault(network, [])


@pytest.mark.parametrize("seen", ["everything", "what is not black"])
def test_a_network_that_looks_at_the_padding_is_found_out(seen):
    network = build("tiny", 10)
    sound = network.normalise.forward

    def broken(images, widths):
        lit = images.amax(1) > 0 if seen == "what is not black" else torch.ones_like(images[:, 0], dtype=torch.bool)
        return sound(images, (lit * torch.arange(1, images.shape[2] + 1)).amax(1))

    network.normalise.forward = broken
    fault = padding_fault(network, lines_of_ink())
    assert fault > 1e-3 and codes(judge_padding(fault)) == ["padding"]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """16 lines of three letters, each letter its own strokes, as examples."""
    folder, noise = tmp_path_factory.mktemp("lines"), np.random.default_rng(1)
    glyphs = {letter: noise.integers(0, 2, (6, 4)).repeat(8, 0).repeat(4, 1) * 200 for letter in "abcd"}
    charset, examples = Charset.from_symbols("abcd"), []
    for index in range(16):
        text = "".join(noise.choice(list("abcd"), 3))
        ink = np.concatenate([np.pad(glyphs[letter], ((0, 0), (2, 2))) for letter in text], 1)
        examples.append(example(folder / f"{index}.png", 250 - ink, text, charset))
    return examples, charset


def example(path, grey, text, charset):
    Image.fromarray(grey.astype(np.uint8)).save(path)
    return Example(str(path), text, tuple(charset.encode(text)), grey.shape[1])


def overfit(examples, charset, **options):
    return overfit_check(partial(build, "tiny"), examples, Pictures(48), charset, lines=8, **options)


def test_lines_learnt_by_heart_say_something_of_others(drawn):
    state = torch.get_rng_state()
    result = overfit(*drawn, steps=80)
    assert (result.cer, result.lines, result.advice) == (0.0, 8, ())
    assert 0 < result.steps < 80 and result.seconds > 0  # it stops as soon as there is no error
    assert result.unseen < 0.6 * result.chance
    assert torch.equal(state, torch.get_rng_state())  # a run beside it draws what it would have drawn


def test_labels_that_do_not_belong_are_found_out_even_when_learnt_by_heart(drawn, tmp_path):
    examples, charset = drawn
    noise = np.random.default_rng(2)
    wrong = [
        example(
            tmp_path / f"{index}.png", noise.integers(0, 2, (6, 15)).repeat(8, 0).repeat(4, 1) * 255, e.text, charset
        )
        for index, e in enumerate(examples)
    ]
    result = overfit(wrong, charset, steps=80)
    assert result.cer < 0.1 and result.unseen > 0.9 * result.chance
    assert codes(result.advice) == ["labels-do-not-belong"]


def test_lines_that_cannot_be_learnt_get_words_and_what_was_seen(drawn, tmp_path):
    examples, charset = drawn
    Image.new("L", (100, 48), 255).save(tmp_path / "blank.png")
    blank = Example(str(tmp_path / "blank.png"), "abcdabcdabcdabcdabcdabcd", tuple(charset.encode("abcd" * 6)), 100)
    result = overfit([*examples[:6], blank], charset, steps=2)
    assert result.cer > 0.1 and result.steps == 2 and result.unseen is None
    [advice] = result.advice
    assert advice.code == "cannot-overfit" and "7 lines" in advice.message
    assert "1 of them have hardly more frames" in advice.message and "1 of their pictures show hardly" in advice.message
    with pytest.raises(ValueError, match="no example has a label"):
        overfit([replace(examples[0], target=())], charset)
