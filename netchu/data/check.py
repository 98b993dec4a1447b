"""The doctor's data half: everything about a line set that would make training fail, lie or waste a night.

Each finding says in plain words what is there, how often, where first, and what to do.
"""

from __future__ import annotations

import math
import statistics
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from netchu.data.lines import TABLE, LineSet, Sample, by_reason, looks_like_picture, read_table
from netchu.data.survey import Seen, survey
from netchu.framing import Pitch, stretch
from netchu.text import LOOKALIKES, Charset, canonical, describe, lookalikes, needed_frames

Level = Literal["error", "warning", "info"]
SHOWN = 5  # examples per finding
TOLERATED = 0.01  # of the lines may be lost before a loss is an error
_Key = TypeVar("_Key")
_ORDER = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True)
class Finding:
    """One thing to know about a set: `count` cases of it, a few of them as `examples`."""

    level: Level
    code: str
    message: str
    count: int
    examples: tuple[str, ...] = ()


def check(
    lineset: LineSet, charset: Charset | None = None, height: int = 48, stride: int = 4,
    seen: Sequence[Seen] | None = None, pitch: Pitch | None = None,
) -> list[Finding]:  # fmt: skip
    """Look at every label and every picture of `lineset` -> findings, errors first.

    `charset` is that of the model to be used; without one every character is as good as another. A picture scaled to
    `height`, and stretched towards the model's `pitch`, gives one CTC frame per `stride` columns. `seen` is what
    `survey` told of the samples, if it was asked before. The last finding has the code "summary": see `used_summary`.
    """
    seen = survey(lineset.samples) if seen is None else seen
    unknown = _unknown_characters(lineset, charset)
    narrow = _narrow(lineset, seen, charset, height, stride, pitch)
    findings = [
        *_rows(lineset),
        *_unicode(lineset),
        *unknown,
        *_letters(lineset),
        *_labels(lineset),
        *_pictures(lineset, seen),
        *_fit(lineset, seen, narrow),
        *_splits(lineset),
        *_leaks(lineset, seen),
        *_frequencies(lineset),
    ]
    findings.sort(key=lambda finding: _ORDER[finding.level])
    return [*findings, _summary(lineset, seen, narrow, charset)]


def used_summary(findings: Iterable[Finding]) -> str:
    """The one line to print before training: "3,377 of 3,400 lines usable; 12 too narrow; 11 unreadable"."""
    return next((finding.message for finding in findings if finding.code == "summary"), "")


def frames(seen: Seen, height: int = 48, stride: int = 4, pitch: Pitch | None = None) -> int:
    """CTC frames that a picture gives once it is scaled to `height`, its strokes nearer to a `pitch`."""
    columns = seen.width * height / seen.rows * stretch(seen.strokes, pitch)
    return math.ceil(max(1, math.floor(columns + 0.5)) / stride)


def _rows(lineset: LineSet) -> Iterator[Finding]:
    """What reading the table left out or altered; columns that seem exchanged."""
    for reason, count, first in by_reason(lineset.rejects):
        yield Finding("error", "rejected", f"{_n(count, 'row')} left out: {reason}", count, (first,))
    for reason, count, first in by_reason(lineset.changes):
        yield Finding("info", "changed", f"{_n(count, 'row')} altered when read: {reason}", count, (first,))
    swapped = [lineset.name(s) for s in lineset.samples if looks_like_picture(s.text)]
    if swapped:
        message = f"{_n(len(swapped), 'label')} like a picture's name: are the columns image and text exchanged?"
        yield _finding("error", "swapped", message, swapped)


def _unicode(lineset: LineSet) -> Iterator[Finding]:
    """Labels in two Unicode forms: read from the file again, for a LineSet is already in one."""
    table = lineset.table or lineset.root / TABLE
    if not table.is_file():
        return
    raw = read_table(table)
    text, image = raw.columns.index("text"), raw.columns.index("image")
    rows = [row for row in raw.rows if len(row.fields) == len(raw.columns) and not row.fields[text].isascii()]
    loose = [row.fields[image] for row in rows if not unicodedata.is_normalized("NFC", row.fields[text])]
    composed = sum(
        unicodedata.normalize("NFD", row.fields[text]) != row.fields[text]
        and unicodedata.is_normalized("NFC", row.fields[text])
        for row in rows
    )
    if loose:
        mixed = f", {composed:,} are: two forms are mixed" if composed else ""
        message = f"{_n(len(loose), 'label')} not in NFC{mixed}; netchu reads all as NFC, other tools need not"
        yield _finding("warning" if composed else "info", "not-nfc", message, loose)


def _unknown_characters(lineset: LineSet, charset: Charset | None) -> list[Finding]:
    """One finding per character that the model has no class for."""
    if charset is None:
        return []
    places = _places((char, sample) for sample in lineset.samples for char in charset.missing(sample.text))
    return [
        _finding(
            "error",
            "unknown-character",
            f"{describe(char)} is not in the charset: add or replace it",
            _names(lineset, at),
        )
        for char, at in _commonest(places)
    ]


def _letters(lineset: LineSet) -> Iterator[Finding]:
    """Letters that look like another one, and characters that nobody writes by hand."""
    pairs = _places((pair, sample) for sample in lineset.samples for pair in lookalikes(sample.text))
    for (char, intended), at in _commonest(pairs):
        meant = f"probably meant: {describe(intended)}" if intended.strip() else "probably not meant at all"
        yield _finding(
            "warning", "look-alike", f"{_n(len(at), 'label')} with {describe(char)}; {meant}", _names(lineset, at)
        )
    letters = Counter(char for sample in lineset.samples for char in sample.text if _script(char))
    scripts: Counter[str] = Counter()
    for char, count in letters.items():
        scripts[_script(char)] += count
    rare = {script for script, count in scripts.items() if count < 0.001 * sum(letters.values())}
    strays = _places((char, s) for s in lineset.samples for char in set(s.text) if _script(char) in rare)
    for char, at in _commonest(strays):
        message = (
            f"{_n(len(at), 'label')} with {describe(char)}, in a script hardly used here: typed for another letter?"
        )
        yield _finding("warning", "odd-script", message, _names(lineset, at))
    odd = _places((char, sample) for sample in lineset.samples for char in set(sample.text) if _is_odd(char))
    for char, at in _commonest(odd):
        why = "the text was damaged by an earlier conversion" if char == "\ufffd" else "no pen writes it; remove it"
        yield _finding(
            "warning", "control", f"{_n(len(at), 'label')} with {describe(char)}: {why}", _names(lineset, at)
        )


def _script(char: str) -> str:
    """The script of a letter: the first word of its Unicode name, CJK as one; "" for what is no letter."""
    if not char.isalpha() or char in LOOKALIKES:  # those have their own finding
        return ""
    word = unicodedata.name(char, "").split(" ")[0].split("-")[0]
    if word in ("MASCULINE", "FEMININE", "MICRO", "MODIFIER"):  # ª º µ ʰ: signs that Unicode counts as letters
        return ""
    return "CJK" if word in ("HIRAGANA", "KATAKANA", "HANGUL") else word


def _is_odd(char: str) -> bool:
    """Control, format (unless a look-alike: those are judged in their script), private, unassigned, replacement."""
    return char == "\ufffd" or (unicodedata.category(char)[0] == "C" and char not in LOOKALIKES)


def _labels(lineset: LineSet) -> Iterator[Finding]:
    """Labels far longer than the others; one label on very many pictures."""
    total = len(lineset)
    lengths = sorted(len(sample.text) for sample in lineset.samples)
    if total >= 20:
        first, _, third = statistics.quantiles(lengths, n=4)
        limit = max(third + 4 * (third - first), 2 * third, 20)
        long = [sample for sample in lineset.samples if len(sample.text) > limit]
        if long:
            message = (
                f"{_n(len(long), 'label')} over {limit:.0f} characters, usual are {lengths[total // 2]}: one line?"
            )
            yield _finding("info", "long-label", message, _names(lineset, long))
        text, count = Counter(sample.text for sample in lineset.samples).most_common(1)[0]
        if count > total * 0.2:
            message = f"{count / total:.0%} of the pictures have the same label {text[:40]!r}: is that so?"
            yield Finding("warning", "one-label", message, count)


def _pictures(lineset: LineSet, seen: Sequence[Seen]) -> Iterator[Finding]:
    """Pictures that do not open, or that are no line of writing."""
    pairs = list(zip(lineset.samples, seen))
    bad = [f"{lineset.name(s)} ({(p.fault or '').partition(': ')[2][:90]})" for s, p in pairs if p.fault]
    if bad:
        yield _finding(
            "error", "unreadable", f"{_n(len(bad), 'picture')} cannot be opened: replace or remove them", bad
        )
    good = [(sample, picture) for sample, picture in pairs if not picture.fault]
    kinds: tuple[tuple[str, str, list[Sample]], ...] = (
        ("blank", "of one grey: there is nothing to read", [s for s, p in good if p.blank]),
        ("tiny", "under 12 pixels high: too little to read", [s for s, p in good if p.height < 12]),
        (
            "wide",
            "over 60 times as wide as high: several lines joined?",
            [s for s, p in good if p.width > 60 * p.height],
        ),
        ("tall", "higher than wide, with 4 or more characters: turned?", [s for s, p in good if _is_turned(s, p)]),
    )
    for code, what, samples in kinds:
        if samples:
            yield _finding("warning", code, f"{_n(len(samples), 'picture')} {what}", _names(lineset, samples))
    dark = [sample for sample, picture in good if picture.dark and not picture.blank]
    share = len(dark) / max(1, len(good))
    if share > 0.95:
        message = f"{share:.0%} of the pictures have light writing on a dark ground: invert them if need be"
        yield _finding("warning", "dark-ground", message, _names(lineset, dark))
    elif dark:
        level: Level = "warning" if share > 0.05 else "info"
        message = f"{_n(len(dark), 'picture')} ({share:.1%}) seem light on dark, the others dark on light: look at them"
        yield _finding(level, "mixed-polarity", message, _names(lineset, dark))


def _is_turned(sample: Sample, picture: Seen) -> bool:
    return picture.height > 1.5 * picture.width and len(sample.text) >= 4


def _narrow(
    lineset: LineSet, seen: Sequence[Seen], charset: Charset | None, height: int, stride: int, pitch: Pitch | None
) -> dict[Sample, tuple[int, int]]:
    """Lines that CTC cannot write: (frames needed, frames there)."""
    found = {}
    for sample, picture in zip(lineset.samples, seen):
        if not picture.fault:
            known = charset is not None and not charset.missing(sample.text)
            classes = charset.encode(sample.text) if charset is not None and known else [ord(c) for c in sample.text]
            needed, there = needed_frames(classes), frames(picture, height, stride, pitch)
            if needed > there:
                found[sample] = (needed, there)
    return found


def _fit(lineset: LineSet, seen: Sequence[Seen], narrow: dict[Sample, tuple[int, int]]) -> Iterator[Finding]:
    """Labels that do not go with the width of their picture."""
    if narrow:
        level: Level = "error" if len(narrow) > TOLERATED * len(lineset) else "warning"
        message = f"{_n(len(narrow), 'label')} too long for CTC in the picture's frames: crop wider, or correct it"
        shown = [f"{lineset.name(s)} (needs {need}, has {there})" for s, (need, there) in narrow.items()]
        yield _finding(level, "too-narrow", message, shown)
    room = {
        sample: picture.width / picture.rows / len(sample.text)
        for sample, picture in zip(lineset.samples, seen)
        if not picture.fault and len(sample.text) >= 6
    }
    if len(room) >= 20:
        middle = statistics.median(room.values())
        odd = [s for s, r in room.items() if not middle / 3 < r < middle * 4 and s not in narrow]
        if odd:
            message = (
                f"{_n(len(odd), 'label')} with under 1/3 or over 4 times the usual width per character: right picture?"
            )
            yield _finding("warning", "misfit", message, [f"{lineset.name(s)} {s.text[:40]!r}" for s in odd])


def _splits(lineset: LineSet) -> Iterator[Finding]:
    """Splits that are missing or only half there."""
    counts = Counter(sample.split for sample in lineset.samples)
    total = len(lineset)
    if counts[None] == total:
        yield Finding("warning", "no-split", "no line has a split: run `netchu data split` before training", total)
        return
    if counts[None]:
        bare = [sample for sample in lineset.samples if sample.split is None]
        message = f"{_n(len(bare), 'line')} without a split, the others have one: they will not be used"
        yield _finding("warning", "half-split", message, _names(lineset, bare))
    if counts["train"] and not counts["val"]:
        message = "no line is in the split val: progress cannot be judged; run `netchu data split --replace`"
        yield Finding("warning", "no-val", message, 0)


def _leaks(lineset: LineSet, seen: Sequence[Seen]) -> Iterator[Finding]:
    """What is on both sides of a split, and pictures that are there twice."""
    by_picture: defaultdict[bytes, list[Sample]] = defaultdict(list)
    for sample, picture in zip(lineset.samples, seen):
        if not picture.fault:
            by_picture[picture.digest].append(sample)
    doubles = [group for group in by_picture.values() if len(group) > 1]
    across = [group for group in doubles if len({s.split for s in group}) > 1]
    torn = [group for group in doubles if len({s.text for s in group}) > 1]
    rest = [group for group in doubles if group not in across and group not in torn]
    kinds: tuple[tuple[Level, str, str, list[list[Sample]]], ...] = (
        ("error", "picture-across-splits", "in more than one split: scores will flatter; keep one", across),
        ("error", "picture-with-two-texts", "there twice with different labels: correct them", torn),
        ("warning", "double-picture", "there more than once: keep one", rest),
    )
    for level, code, what, groups in kinds:
        if groups:
            shown = [" = ".join(_names(lineset, group[:3])) for group in groups]
            yield _finding(level, code, f"{_n(len(groups), 'picture')} {what}", shown)
    train = {canonical(sample.text) for sample in lineset.samples if sample.split == "train"}
    held = [sample for sample in lineset.samples if sample.split in ("val", "test")]
    same = [sample for sample in held if sample.text in train]
    if same:
        share = len(same) / len(held)
        message = f"{_n(len(same), 'line')} of val and test ({share:.1%}) with a text of train: scores will flatter"
        shown = [f"{lineset.name(s)} {s.text[:40]!r}" for s in same]
        yield _finding("warning" if share > 0.1 else "info", "text-across-splits", message, shown)
    hands: defaultdict[str, set[str]] = defaultdict(set)
    for sample in lineset.samples:
        if sample.writer and sample.split:
            hands[sample.writer].add(sample.split)
    shared = sorted(writer for writer, splits in hands.items() if len(splits) > 1)
    if shared:
        message = f"{_n(len(shared), 'writer')} in more than one split: run `netchu data split --by writer --replace`"
        yield _finding("error", "writer-across-splits", message, shared)


def _frequencies(lineset: LineSet) -> Iterator[Finding]:
    """Characters too rare to be learned, or never shown in training."""
    known = [sample for sample in lineset.samples if sample.split in ("train", None)]
    counts = Counter(char for sample in known for char in sample.text)
    held = _places(
        (c, s) for s in lineset.samples if s.split in ("val", "test") for c in set(s.text) if c not in counts
    )
    if held and known:
        shown = [f"{describe(char)} in {lineset.name(at[0])}" for char, at in _commonest(held)]
        message = f"{_n(len(held), 'character')} of val and test never in train: no model can learn them from this set"
        yield _finding("warning", "unseen-character", message, shown)
    rare = sorted((char for char, count in counts.items() if count < 3), key=lambda char: (counts[char], char))
    if rare:
        message = f"{_n(len(rare), 'character')} under 3 times in train: {''.join(rare)[:80]}"
        yield _finding("info", "rare-character", message, [describe(char) for char in rare])


def _summary(
    lineset: LineSet, seen: Sequence[Seen], narrow: dict[Sample, tuple[int, int]], charset: Charset | None
) -> Finding:
    """How many lines a training run can use, each of the others counted once, under its first reason."""
    lost = Counter({"rejected": len(lineset.rejects)})
    for sample, picture in zip(lineset.samples, seen):
        if picture.fault:
            lost["unreadable"] += 1
        elif sample in narrow:
            lost["too narrow"] += 1
        elif charset is not None and charset.missing(sample.text):
            lost["with unknown characters"] += 1
    total = len(lineset) + len(lineset.rejects)
    usable = total - sum(lost.values())
    reasons = "".join(f"; {count:,} {why}" for why, count in lost.most_common() if count)
    return Finding("info", "summary", f"{usable:,} of {total:,} lines usable{reasons}", usable)


def _names(lineset: LineSet, samples: Iterable[Sample]) -> list[str]:
    """The image names of some samples."""
    return [lineset.name(sample) for sample in samples]


def _places(pairs: Iterable[tuple[_Key, Sample]]) -> dict[_Key, list[Sample]]:
    """Where each key occurs."""
    places: defaultdict[_Key, list[Sample]] = defaultdict(list)
    for key, sample in pairs:
        places[key].append(sample)
    return places


def _commonest(places: dict[_Key, list[Sample]]) -> list[tuple[_Key, list[Sample]]]:
    """The most frequent keys first, ties in order of appearance."""
    return sorted(places.items(), key=lambda item: -len(item[1]))


def _finding(level: Level, code: str, message: str, cases: list[str]) -> Finding:
    return Finding(level, code, message, len(cases), tuple(cases[:SHOWN]))


def _n(count: int, noun: str) -> str:
    """ "1 row", "1,200 rows"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
