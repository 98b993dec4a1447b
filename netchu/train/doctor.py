"""The doctor's training half: what goes wrong while a network learns, said in plain words with what to do about it.

`Watch` looks on as a run goes by; `padding_fault` and `overfit_check` are quick experiments before it.
"""

from __future__ import annotations

import math
import time
import unicodedata
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from netchu.data.batch import Batch, Example, Maker, Pictures, plan
from netchu.image import Grey, pad_batch, to_height
from netchu.metrics import score
from netchu.models.line import LineNetwork
from netchu.text import Charset, needed_frames, normaliser

PLATEAU = 600  # steps: a fresh network reads nothing but blanks for a few hundred, which is how CTC begins
BLOCK = 50  # steps over which a loss is averaged before it is judged: batches differ
WELL = 0.2  # CER below which the network reads, whatever its frames look like
LOW_BLANKS, HIGH_BLANKS = 0.2, 0.97
LEARNT = 0.1  # CER on lines learnt by heart
DOUBT = 1.5  # deviations below chance; measured: Cinnamon 10, old French 3.9, Kalapa 2.6; labels moved: 0.3, 0.7


@dataclass(frozen=True)
class Advice:
    """One thing that is wrong, under a stable `code`, and in words what to do."""

    code: str
    message: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", " ".join(self.message.split()))  # one line, however it is set in the source


class Watch:
    """Looks on while a network learns. Every method returns what is new to say: each state of a thing is said once.

    `learning_rate` is the run's highest; `step` where a resumed run starts; `fresh` False for fine-tuning, which has no
    excuse for reading nothing.
    """

    def __init__(self, learning_rate: float, step: int = 0, fresh: bool = True) -> None:
        self.learning_rate, self.step = learning_rate, step
        self.patience = PLATEAU if fresh else 0
        self.recent: deque[float] = deque(maxlen=BLOCK)  # losses
        self.blocks: list[float] = []  # mean loss of each BLOCK of steps
        self.full_rate: list[bool] = []  # whether the learning rate was near its highest in it
        self.skipped = self.spikes = 0
        self.evaluations: list[tuple[float, float]] = []  # (validation CER, training loss then)
        self.has_read = False
        self.silent = True
        self._said: set[tuple[str, Hashable]] = set()

    def observe_step(self, loss: float, grad_norm: float | None = None, rate: float | None = None) -> list[Advice]:
        """After an optimiser step: its loss in nats a character, the gradient norm before clipping, the rate used."""
        self.step += 1
        found = list[Advice]()
        if not math.isfinite(loss) or (grad_norm is not None and not math.isfinite(grad_norm)):
            self.skipped += 1
            if self.skipped in (3, 30, 300, 3000):  # one or two happen in a healthy run
                found += self._say("not-finite", _NOT_FINITE.format(count=self.skipped, **self._rates()), self.skipped)
            return found
        if self.blocks and loss > max(3 * self.blocks[-1], self.blocks[-1] + 1):
            self.spikes += 1
            if self.spikes in (5, 50, 500):
                found += self._say("loss-spikes", _SPIKES.format(count=self.spikes, **self._rates()), self.spikes)
        self.recent.append(loss)
        if self.step % BLOCK == 0 and len(self.recent) == BLOCK:
            self.blocks.append(float(np.mean(self.recent)))
            self.full_rate.append(rate is None or rate >= 0.5 * self.learning_rate)
            found += self._judge_loss()
        return found

    def observe_evaluation(
        self, texts: Sequence[str], references: Sequence[str], blank_rate: float | None = None
    ) -> list[Advice]:
        """After an evaluation: what was read on the validation lines, what is written there, share of blank frames."""
        if not references:
            return []
        wanted, written = sum(map(len, references)), sum(map(len, texts))
        self.silent = written <= 0.01 * wanted
        if self.silent:
            return self._judge_silence()
        self.has_read = True
        cer = score(references, texts, resamples=1).cer
        self.evaluations.append((cer, float(np.mean(self.recent)) if self.recent else math.nan))
        found = self._judge_overfitting()
        if _is_one_text(texts, references):
            return found + self._judge_one_text(texts)
        if self.step >= self.patience:
            found += self._judge_blanks(blank_rate, cer) + self._judge_missing(texts, references)
        return found

    def _say(self, code: str, message: str, state: Hashable = None) -> list[Advice]:
        if (code, state) in self._said:
            return []
        self._said.add((code, state))
        return [Advice(code, message)]

    def _rates(self) -> dict[str, str]:
        return {"lower": f"{self.learning_rate / 3:.2g}", "higher": f"{self.learning_rate * 3:.2g}"}

    def _judge_loss(self) -> list[Advice]:
        """Too high a rate drives the loss up again; too low a one leaves it where it is."""
        now, best = self.blocks[-1], min(self.blocks)
        if now > max(1.5 * best, best + 0.3):
            return self._say("learning-rate-high", _RISES.format(now=now, best=best, **self._rates()))
        # Flat at full rate, far from learnt and off the blank plateau, where a flat loss has its own reasons.
        if len(self.blocks) >= 8 and all(self.full_rate[-6:]) and self.step >= self.patience and not self.silent:
            before = (self.blocks[-6] + self.blocks[-5]) / 2
            after = (self.blocks[-2] + self.blocks[-1]) / 2
            if after > max(1.0, 0.99 * before):
                return self._say("learning-rate-low", _FLAT.format(before=before, after=after, **self._rates()))
        return []

    def _judge_silence(self) -> list[Advice]:
        if self.has_read:
            return self._say("all-blank", _FELL_SILENT.format(**self._rates()), "again")
        if self.step < self.patience:
            return self._say("all-blank", _STILL_BLANK.format(step=self.step, patience=self.patience), "early")
        rate = _RAISE if self.learning_rate < 2e-4 else _LOWER
        return self._say("all-blank", _ALL_BLANK.format(step=self.step, rate=rate.format(**self._rates())), "late")

    def _judge_one_text(self, texts: Sequence[str]) -> list[Advice]:
        text, times = Counter(texts).most_common(1)[0]
        early = self.step < self.patience
        shown = text if len(text) <= 30 else text[:29] + "…"
        then = "Normal this early." if early else _IGNORES.format(**self._rates())
        return self._say("one-text", f"{times} of {len(texts)} lines are read as {shown!r}. {then}", early)

    def _judge_blanks(self, blank_rate: float | None, cer: float) -> list[Advice]:
        if blank_rate is None or cer < WELL or LOW_BLANKS <= blank_rate <= HIGH_BLANKS:
            return []
        words = _FEW_BLANKS if blank_rate < LOW_BLANKS else _MANY_BLANKS
        return self._say("blank-rate", words.format(rate=blank_rate), words)

    def _judge_missing(self, texts: Sequence[str], references: Sequence[str]) -> list[Advice]:
        wanted, written = (Counter(kind for text in side for kind in _kinds(text)) for side in (references, texts))
        missing = [kind for kind, count in wanted.items() if count >= 20 and not written[kind]]
        if not missing or sum(map(len, texts)) < 0.2 * sum(map(len, references)):
            return []
        counts = ", ".join(f"{kind} ({wanted[kind]:,} are written)" for kind in missing)
        return self._say("never-written", _NEVER.format(kinds=counts), frozenset(missing))

    def _judge_overfitting(self, waited: int = 4) -> list[Advice]:
        """The CER has risen for `waited` evaluations since its best while the training loss went on falling."""
        best = min(range(len(self.evaluations)), key=lambda index: self.evaluations[index][0])
        (low, then), (cer, now) = self.evaluations[best], self.evaluations[-1]
        if len(self.evaluations) - 1 - best < waited or cer <= 1.05 * low or not now < max(0.05, 0.9 * then):
            return []
        return self._say("overfitting", _OVERFITTING.format(low=low, cer=cer, loss=now, waited=waited))


def padding_fault(network: LineNetwork, images: Sequence[Grey], extra: int = 100) -> float:
    """By how much a line's logits change when it is padded: the largest difference, of one alone and one in a batch.

    `images` are grey lines (h, w); the batch is `extra` columns wider than the widest, once padded with black and once
    with white. About 1e-5 is rounding; infinite if the lengths differ. Raises ValueError for no images.
    """
    if not images:
        raise ValueError("no pictures: padding cannot be tried")
    training = network.training
    network.eval()
    lines = [to_height(image, network.height) for image in images]
    batch, widths = pad_batch(lines, max(line.shape[1] for line in lines) + extra)
    worst = 0.0
    try:
        for paper in (0, 255):
            for image, width in zip(batch, widths):
                image[:, width:] = paper
            for line, padded, count in zip(lines, *_logits(network, batch, widths)):
                [frames], [length] = _logits(network, *pad_batch([line]))
                if length != count:
                    return math.inf
                worst = max(worst, float(np.abs(frames[:count] - padded[:count]).max()))
    finally:
        network.train(training)
    return worst


def judge_padding(fault: float) -> list[Advice]:
    """What a `padding_fault` means: rounding is a hundred times less than 1e-3."""
    return [] if fault <= 1e-3 else [Advice("padding", _PADDING.format(fault=fault))]


@dataclass(frozen=True)
class OverfitResult:
    """What `overfit_check` found: the CER on the `lines` learnt by heart, after `steps` steps in `seconds`.

    `unseen` is the CER on other lines; `chance` that against one another's labels, give or take `deviation`: a network
    that got anything from the pictures does better. Both None where there were too few lines to try.
    """

    cer: float
    lines: int
    steps: int
    seconds: float
    unseen: float | None = None
    chance: float | None = None
    deviation: float = 0.0
    advice: tuple[Advice, ...] = ()


def overfit_check(
    build_network: Callable[[int], LineNetwork],
    examples: Sequence[Example],
    pictures: Pictures,
    charset: Charset,
    *,
    steps: int = 300,
    lines: int = 32,
    learning_rate: float = 0.003,
    precision: str = "float32",
    seed: int = 0,
    device: torch.device | None = None,
) -> OverfitResult:
    """Let a fresh network learn `lines` lines by heart, without augmentation or dropout, until CER 0 or `steps`.

    `build_network` takes the number of classes; `precision` is float32 or bfloat16; the lines are spread over
    `examples`. Learning by heart does not show that labels belong to their pictures: labels moved on by one line are
    learnt as fast (Cinnamon: CER 0 in 240 and 296 steps). What is read on lines never seen does: CER 0.61 against
    0.76 by chance there, 0.76 against 0.75 with labels moved. Raises ValueError when no example has a label.
    """
    known = [example for example in examples if example.target]
    if not known:
        raise ValueError("no example has a label: nothing to learn")
    learnt, rest = _spread(known, lines)
    others = _spread(rest, 4 * lines)[0]
    pupil = _Pupil(build_network, pictures, charset, device or torch.device("cpu"), seed)
    started = time.perf_counter()
    cer, taken = pupil.drill(pupil.batches(learnt), max(1, steps), learning_rate, precision == "bfloat16")
    result = OverfitResult(cer, len(learnt), taken, time.perf_counter() - started)
    if len(others) >= 8:
        texts, references = pupil.read(pupil.batches(others))
        moved = [references[by:] + references[:by] for by in range(1, min(33, len(others)))]
        unseen, *chance = [score(labels, texts, resamples=1).cer for labels in (references, *moved)]
        result = replace(result, unseen=unseen, chance=float(np.mean(chance)), deviation=float(np.std(chance)))
    return replace(result, advice=tuple(_judge(result, pupil, learnt)))


class _Pupil:
    """A fresh network without dropout, with what it needs to learn lines by heart and to read them."""

    def __init__(
        self, build: Callable[[int], LineNetwork], pictures: Pictures, charset: Charset, device: torch.device, seed: int
    ) -> None:
        with torch.random.fork_rng(devices=[]):  # the run that this may stand beside draws its own numbers
            torch.manual_seed(seed)
            self.network = build(len(charset)).to(device)
        for part in self.network.modules():
            if isinstance(part, nn.Dropout):
                part.p = 0.0
            elif isinstance(part, nn.RNNBase | nn.MultiheadAttention):  # these keep theirs as a number
                part.dropout = 0.0
        self.pictures, self.charset, self.device = pictures, charset, device

    def batches(self, examples: Sequence[Example]) -> list[Batch]:
        make = Maker(examples, self.pictures, self.network.height, 0, 0.0, self.network.stride)
        return [make(planned, 0) for planned in plan(examples, range(len(examples)), 7168)]

    def drill(self, batches: Sequence[Batch], steps: int, rate: float, half: bool) -> tuple[float, int]:
        """Train on the same batches over and over -> (CER on them, steps taken)."""
        optimizer = torch.optim.AdamW(self.network.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.0)
        losses = deque[float](maxlen=len(batches))
        for step in range(1, steps + 1):
            # The rate falls from two fifths of the way on: at a constant one the CER hovers about 0.02.
            optimizer.param_groups[0]["lr"] = rate * min(1, step / 20, (steps + 1 - step) / (0.6 * steps))
            self.network.train()
            loss = self.loss(batches[step % len(batches)], half)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            if torch.isfinite(nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)):
                optimizer.step()
            losses.append(loss.item())
            if step == steps or (step % len(batches) == 0 and np.mean(losses) < 0.5):  # above that it is never 0
                texts, references = self.read(batches)
                cer = score(references, texts, resamples=1).cer
                if cer == 0:
                    break
        return cer, step

    def loss(self, batch: Batch, half: bool) -> Tensor:
        """Loss of both heads, nats a character."""
        arrays = (batch.images, batch.widths, batch.targets, batch.target_lengths)
        images, widths, targets, counts = (torch.from_numpy(array).to(self.device) for array in arrays)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            return 2 * self.network.loss(images, widths, targets, counts, shortcut=0.5) / max(1, batch.characters)

    def read(self, batches: Iterable[Batch]) -> tuple[list[str], list[str]]:
        """(what is read, what is written) on the lines of the batches."""
        self.network.eval()
        texts, references = list[str](), list[str]()
        for batch in batches:
            pictures = (torch.from_numpy(array).to(self.device) for array in (batch.images, batch.widths))
            texts += [self.charset.decode(classes) for classes in self.network.read(*pictures)[0]]
            references += [example.text for example in batch.examples]
        return texts, references


@torch.no_grad()
def _logits(
    network: LineNetwork, images: NDArray[np.uint8], widths: NDArray[np.int64]
) -> tuple[NDArray[np.float32], list[int]]:
    """uint8 (N, H, W), (N,) -> logits (N, T, C), lengths (N,)."""
    device = network.head.weight.device
    logits, lengths = network(torch.from_numpy(images).to(device), torch.from_numpy(widths).to(device))
    return logits.float().cpu().numpy(), lengths.tolist()


def _judge(result: OverfitResult, pupil: _Pupil, examples: Sequence[Example]) -> list[Advice]:
    """What the figures of an overfit check mean."""
    if result.cer >= LEARNT:
        stride = pupil.network.stride
        tight = sum(needed_frames(example.target) * stride > 0.7 * example.width for example in examples)
        faint = sum(int(np.ptp(pupil.pictures(example.path))) < 40 for example in examples)
        seen = f"{tight} of them have hardly more frames than their label needs: crop them wider. " if tight else ""
        seen += f"{faint} of their pictures show hardly any ink: look at them. " if faint else ""
        message = _NOT_LEARNT.format(lines=result.lines, steps=result.steps, cer=result.cer, seen=seen)
        return [Advice("cannot-overfit", message)]
    unseen, chance = result.unseen, result.chance
    if unseen is not None and chance is not None and unseen > chance - DOUBT * result.deviation:
        message = _BY_HEART.format(lines=result.lines, unseen=unseen, chance=chance)
        return [Advice("labels-do-not-belong", message)]
    return []


def _is_one_text(texts: Sequence[str], references: Sequence[str]) -> bool:
    """The same for (nearly) every line, where the labels differ: the picture plays no part."""
    read, written = (Counter(side).most_common(1)[0][1] / len(side) for side in (texts, references))
    return len(texts) >= 4 and read >= 0.9 and written <= 0.5


def _spread(examples: Sequence[Example], count: int) -> tuple[list[Example], list[Example]]:
    """`count` of the examples, evenly from first to last (all, if there are fewer), and the others."""
    chosen = {index * len(examples) // count for index in range(count)}
    return [e for i, e in enumerate(examples) if i in chosen], [e for i, e in enumerate(examples) if i not in chosen]


def _kinds(text: str) -> list[str]:
    """The kinds of the characters of a text: one per character, and one more for a letter with marks."""
    categories = map(unicodedata.category, text)
    found = [_KINDS.get(category, _KINDS.get(category[0], "other signs")) for category in categories]
    return found + ["letters with diacritics" for char in text if char.isalpha() and _bare(char) != char]


_bare = normaliser("nodiacritics")
_KINDS = {"Nd": "digits", "Lu": "capital letters", "Ll": "small letters", "Lo": "letters without case", "Z": "spaces"}
_KINDS |= {"P": "punctuation marks"}

_LOWER = "lower the learning rate to a third ({lower})"
_RAISE = "raise the learning rate three times ({higher}): it is very low"
_STILL_BLANK = """Nothing but blanks is read after {step:,} steps: normal in the first few hundred steps, for this is
how CTC training begins. Wait for step {patience:,}."""
_ALL_BLANK = """Nothing but blanks is read after {step:,} steps; by now there should be letters. In this order: {rate};
look at `netchu data preview`: does each label belong to its picture, and is the ink plainly darker (or plainly lighter)
than the paper; begin with short lines; train for more epochs."""
_FELL_SILENT = """The network read text before and now writes nothing: training has come apart. Go back to the best
checkpoint and lower the learning rate to a third ({lower})."""
_IGNORES = """The network ignores the picture: check that the pictures are not all alike or blank and that each label
belongs to its picture (`netchu data preview`); then lower the learning rate to a third ({lower})."""
_FEW_BLANKS = """Only {rate:.0%} of the frames are blank: the network repeats letters or writes some where there are
none. Usual causes: pictures too narrow for their text (crop wider), or it is still early; see the worst lines."""
_MANY_BLANKS = """{rate:.0%} of the frames are blank: most letters are passed over. Usual causes: wide empty margins
around short texts (crop closer), labels that give only part of what is written, or too few epochs."""
_NEVER = """Never written on the validation lines: {kinds}. Are there enough of them in the training labels
(`netchu data stats`)? Where labels leave them out, the network learns to leave them out."""
_NOT_FINITE = """{count:,} steps had a loss or gradient that is not a number and were skipped. Lower the learning rate
to a third ({lower}); if it goes on, look for labels longer than their pictures allow (`netchu data check`)."""
_SPIKES = "{count:,} batches had a loss three times the usual: lower the learning rate to a third ({lower})."
_RISES = """The training loss rose from {best:.2f} to {now:.2f} nats a character: the learning rate is too high; lower
it to a third ({lower})."""
_FLAT = """The training loss barely moves ({before:.2f}, 200 steps later {after:.2f} nats a character): the learning
rate is probably too low; raise it three times ({higher}). If that does not help, look at `netchu data preview`."""
_OVERFITTING = """The validation CER went from {low:.1%} up to {cer:.1%} and has not been better for {waited}
evaluations, while the training loss fell to {loss:.2f}: the training lines are being learnt by heart. The best
checkpoint is kept; stop, or add lines, raise `augment` and `dropout`, or take a smaller network."""
_PADDING = """What is read depends on how far a line is padded (logits differ by up to {fault:.2g}): a fault of the
network, not of the data. Lines read differently alone and in company; do not use it until it is mended."""
_NOT_LEARNT = """{lines} lines could not be learnt by heart in {steps} steps (CER {cer:.0%}); training on more will fail
too. {seen}Usual causes: labels that do not belong to their pictures, or to two kinds of them (`netchu data preview`);
too few frames for the text; ink that does not stand out or covers half the picture; several lines in one picture."""
_BY_HEART = """{lines} lines were learnt by heart, but as many others are read no better ({unseen:.0%} CER) than if
their labels were exchanged ({chance:.0%}): the labels probably do not belong to their pictures. Look at
`netchu data preview`."""
