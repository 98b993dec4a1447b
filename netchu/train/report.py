"""The report of a training run: one self-contained page (no script, no network) and three tables beside it."""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from netchu.data.lines import Reject, write_whole
from netchu.html import (
    Axis,
    Dot,
    Html,
    make_card,
    make_facts,
    make_page,
    make_plot,
    make_rates,
    make_section,
    make_table,
    plain,
    round_ticks,
    show_char,
)  # fmt: skip
from netchu.metrics import align, confusions, count, diacritic_only, score
from netchu.text import Charset, canonical, describe, normaliser

Event = Mapping[str, Any]
WORST, PAIRS, EXAMPLES = 30, 30, 4  # lines with their pictures, confusion pairs, examples per reason on the page


@dataclass(frozen=True)
class Table:
    """A table to print as it is, such as the scores before and after fine-tuning. Cells are shown by str()."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class Reading:
    """A validation line with what was read: canonical texts, `cer` = edits / reference characters."""

    image: str
    source: str
    reference: str
    hypothesis: str
    cer: float


def write_report(
    folder: Path,
    *,
    log: Sequence[Event],
    references: Sequence[str] = (),
    hypotheses: Sequence[str] = (),
    images: Sequence[str | Path] = (),
    sources: Sequence[str] = (),
    charset: Charset | None = None,
    rejects: Iterable[Reject] = (),
    config: Mapping[str, Any] | None = None,
    tables: Sequence[Table] = (),
) -> Path:
    """Write `folder/report/`: index.html, lines.tsv (worst first), confusions.tsv, rejects.tsv -> path of the page.

    `log` holds the events of log.jsonl in order. `references`, `hypotheses`, `images` (paths) and `sources` (the
    data set's name) are one per validation line; all may be empty, and the latter two are left out where they are.
    A picture that cannot be opened is shown as its reason. Raises ValueError for lists of unequal length and
    NetchuError when the folder cannot be written.
    """
    readings = _readings(references, hypotheses, images, sources)
    log, rejects, target = _last_run(log), tuple(rejects), folder / "report"
    every = confusions([r.reference for r in readings], [r.hypothesis for r in readings], top=1 << 40)
    rows = [(r.image, f"{r.cer:.4f}", r.reference, r.hypothesis) for r in readings]
    _write_tsv(target / "lines.tsv", ("image", "cer", "reference", "hypothesis"), rows)
    named = [(a, b, number, describe(a), describe(b)) for a, b, number in every]
    _write_tsv(target / "confusions.tsv", ("reference", "hypothesis", "count", "meant", "read"), named)
    _write_tsv(target / "rejects.tsv", ("where", "reason"), [(r.where, r.reason) for r in rejects])
    said = [(event.get("epoch", ""), event.get("message", "")) for event in log if event.get("event") == "advice"]
    tables = [*tables, *([Table("What the doctor said", ("epoch", "advice"), tuple(said))] if said else [])]
    sections = [
        _facts(log, charset, config or {}, len(rejects)),
        _curves(log),
        _scores(readings),
        *(make_section(table.title, make_table(table.header, table.rows), table.note) for table in tables),
        _worst(readings),
        _confused(readings, every),
        _never_right(readings, charset),
        _dropped(rejects),
        _options(config or {}, charset),
    ]
    write_whole(target / "index.html", make_page(f"{folder.absolute().name}: training report", sections))
    return target / "index.html"


def _last_run(log: Sequence[Event]) -> Sequence[Event]:
    """The log from where its epochs last began anew: a folder may have been trained in before."""
    epochs = [(index, event["epoch"]) for index, event in enumerate(log) if event.get("event") == "epoch"]
    starts = [later[0] for earlier, later in itertools.pairwise(epochs) if later[1] < earlier[1]]
    return log[starts[-1] :] if starts else log


def _readings(
    references: Sequence[str], hypotheses: Sequence[str], images: Sequence[str | Path], sources: Sequence[str]
) -> list[Reading]:
    """One per line, worst first; of equal CER the longer first."""
    total = len(references)
    if len(hypotheses) != total or len(images) not in (0, total) or len(sources) not in (0, total):
        sizes = f"{total} references, {len(hypotheses)} hypotheses, {len(images)} images, {len(sources)} sources"
        raise ValueError(f"one of each per line is needed: {sizes}")
    readings = []
    for index, texts in enumerate(zip(references, hypotheses)):
        left, right = map(canonical, texts)
        image, source = str(images[index]) if images else "", sources[index] if sources else ""
        readings.append(Reading(image, source, left, right, count(left, right).rate))
    return sorted(readings, key=lambda reading: (-reading.cer, -len(reading.reference)))


def _write_tsv(target: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """UTF-8, no quoting: a tab or line end in a cell becomes a space."""
    lines = ["\t".join(" ".join(str(cell).splitlines()).replace("\t", " ") for cell in row) for row in (header, *rows)]
    write_whole(target, ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace"))


def _facts(log: Sequence[Event], charset: Charset | None, config: Mapping[str, Any], rejected: int) -> str:
    """What ran, how long and how it ended."""
    epoch: Event = next((event for event in reversed(log) if event.get("event") == "epoch"), {})
    best: Event = min((e for e in log if _is_number(e.get("cer"))), key=lambda e: float(e["cer"]), default={})
    epochs = [event for event in log if event.get("event") == "epoch"]
    waits = [float(event["waiting_share"]) for event in epochs if _is_number(event.get("waiting_share"))]
    drawn = sum(int(event.get("drawn", 0)) for event in epochs)
    skipped = sum(event.get("event") == "skipped step" for event in log)
    last: Event = log[-1] if log else {}
    ended = {"interrupted": "interrupted", "stopped early": "early: the CER no longer fell"}
    return make_facts({
        "network": config.get("architecture"),
        "best validation CER": best and f"{best['cer']:.2%} at epoch {best.get('epoch')}",
        "epochs": epoch.get("epoch"),
        "steps": epoch and f"{epoch.get('step', 0):,}",
        "speed": epoch and f"{epoch.get('lines_per_second', 0)} lines/s",
        "training time": _is_number(last.get("seconds")) and f"{timedelta(seconds=round(last['seconds']))} h",
        "waiting for lines": waits and f"{sum(waits) / len(waits):.1%} of the time",
        "drawn lines": drawn and f"{drawn:,}",
        "characters": charset and f"{len(charset) - 1} in {charset.form}",
        "lines left out": f"{rejected:,}" if rejected else "none",
        "skipped steps": skipped and f"{skipped:,} (gradients not finite)",
        "ended": ended.get(str(last.get("event"))),
    })  # fmt: skip


def _curves(log: Sequence[Event]) -> str:
    """Training loss above, validation CER and WER below, over the same epochs."""
    losses: dict[int, float] = {}
    rates: dict[str, dict[int, float]] = {"CER": {}, "WER": {}}
    for event in log:
        if event.get("event") == "epoch" and _is_number(event.get("loss")):
            losses[event["epoch"]] = float(event["loss"])
        for name, points in rates.items():
            if event.get("event") == "evaluation" and _is_number(event.get(name.lower())):
                points[event["epoch"]] = 100 * float(event[name.lower()])
    epochs = max((*losses, *rates["CER"]), default=0)
    if not epochs:
        return ""
    drawn = _panel("training loss", "nats per character", {"training loss": losses}, epochs, 0)
    if any(rates.values()):
        drawn += _panel("CER and WER of the validation lines", "", rates, epochs, 1)
    return make_section("Learning curve", f'<div class="curves">{drawn}</div>')


def _panel(title: str, unit: str, series: Mapping[str, Mapping[int, float]], last: int, first: int) -> str:
    """One plot of `series`, by name epoch -> value, up to epoch `last`; colours from `first` on. Big dot: lowest."""
    values = [value for points in series.values() for value in points.values()]
    epochs = [tick for tick in round_ticks(last) if tick == int(tick)]
    epochs += [epochs[-1] + epochs[1]] if epochs[-1] < last else []
    dots = {}
    for name, points in series.items():
        lowest = min(points, key=lambda epoch: (points[epoch], epoch)) if points else None
        said = {epoch: f"epoch {epoch}: {name} {value:.4g}" for epoch, value in points.items()}
        dots[name] = [Dot(epoch, points[epoch], said[epoch], epoch == lowest) for epoch in sorted(points)]
    across = Axis("epoch", [(tick, f"{tick:g}") for tick in epochs])
    sign = "" if unit else " %"
    up = Axis(unit, [(tick, f"{tick:g}{sign}") for tick in round_ticks(max(values, default=1.0))])
    return make_plot(title, across, up, dots, first)


def _scores(readings: Sequence[Reading]) -> str:
    """CER, WER and SER with their 95 % intervals, together and by data set."""
    if not readings:
        return make_section("Scores", "<p>There was no validation line, so nothing could be scored.</p>")
    groups: defaultdict[str, list[Reading]] = defaultdict(list)
    for reading in sorted(readings, key=lambda reading: reading.source):
        groups[reading.source].append(reading)
    sets = [*groups.items(), *([("all together", list(readings))] if len(groups) > 1 else [])]
    rows = []
    for name, members in sets:
        scores = score([r.reference for r in members], [r.hypothesis for r in members])
        rows.append((name or "validation lines", f"{scores.lines:,}", *make_rates(scores)))
    note = "Edits over reference characters (code points in NFC) and words; SER: share of lines not exactly right. "
    note += "In brackets the 95 % bootstrap interval over lines."
    return make_section(
        "Scores on the validation lines", make_table(("data set", "lines", "CER", "WER", "SER"), rows), note
    )


def _worst(readings: Sequence[Reading]) -> str:
    """The worst lines: picture, reference and reading with what differs marked."""
    wrong = [reading for reading in readings if reading.cer][:WORST]
    if not wrong:
        return make_section("Worst lines", "<p>Every line was read right.</p>") if readings else ""
    cards = [
        make_card(each.image, each.reference, each.hypothesis, (f"CER {each.cer:.2%}", each.source, each.image))
        for each in wrong
    ]
    note = "Marked: characters that differ; ␣ is a space, · a place where the other side has a character. "
    return make_section("Worst lines", "".join(cards), note + "All lines are in lines.tsv.")


def _confused(readings: Sequence[Reading], every: Sequence[tuple[str, str, int]]) -> str:
    """The most frequent character errors, and those that miss only the marks of a letter."""
    if not every:
        return ""
    total = sum(number for _, _, number in every)
    bare = normaliser("nodiacritics")
    marks = [pair for pair in every if bare(pair[0]) and bare(pair[0]) == bare(pair[1])]
    found = diacritic_only([r.reference for r in readings], [r.hypothesis for r in readings])

    note = f"{total:,} character errors of {len(every):,} kinds; all are in confusions.tsv."
    only = f"{found.substitutions:,} of {total:,} character errors ({found.share:.2%}) miss only the marks."
    shown = ""
    for title, pairs, about in (("Confusions", every, note), ("Diacritics only", marks, only)):
        rows = [(_letter(a), _letter(b), f"{number:,}", f"{number / total:.2%}") for a, b, number in pairs[:PAIRS]]
        shown += make_section(title, make_table(("written", "read", "times", "of all errors"), rows), about)
    return f'<div class="beside">{shown}</div>'


def _never_right(readings: Sequence[Reading], charset: Charset | None) -> str:
    """Characters of the references that were not read right once."""
    seen, right, instead = Counter[str](), Counter[str](), defaultdict[str, Counter[str]](Counter)
    for reading in readings:
        for left, read in align(reading.reference, reading.hypothesis):
            if left is not None:
                seen[left] += 1
                right[left] += left == read
                instead[left][read or ""] += 1
    never = sorted((char for char in seen if not right[char]), key=lambda char: (-seen[char], char))
    if not never:
        return make_section("Characters never read right", "<p>None.</p>") if readings else ""
    rows = []
    for char in never[:100]:
        absent = charset is not None and bool(charset.missing(char))
        read = "not in the charset: cannot be read" if absent else _letter(instead[char].most_common(1)[0][0])
        rows.append((_letter(char), describe(char), f"{seen[char]:,}", read))
    note = f"{len(never):,} of the {len(seen):,} characters of the validation lines: train on more lines with them."
    return make_section(
        "Characters never read right", make_table(("written", "name", "times", "mostly read as"), rows), note
    )


def _dropped(rejects: Sequence[Reject]) -> str:
    """What was left out, by reason: the words before a colon are the kind, those after it the detail."""
    if not rejects:
        return make_section("What was left out", "<p>Nothing: every line was used.</p>")
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for reject in rejects:
        kind, _, detail = reject.reason.partition(": ")
        groups[kind].append(f"{reject.where} ({detail})" if detail else reject.where)
    ranked = sorted(groups.items(), key=lambda item: -len(item[1]))
    rows = [(kind, f"{len(where):,}", Html("<br>".join(map(plain, where[:EXAMPLES])))) for kind, where in ranked]
    note = f"{len(rejects):,} cases; each is in rejects.tsv."
    return make_section("What was left out", make_table(("reason", "lines", "for example"), rows), note)


def _options(config: Mapping[str, Any], charset: Charset | None) -> str:
    """All options and the charset, folded away."""
    rows = [(name, json.dumps(value, ensure_ascii=False, default=str)) for name, value in config.items()]
    rows += [("characters", " ".join(map(show_char, charset.symbols[1:])))] if charset is not None else []
    body = make_table(("option", "value"), rows)
    return f"<details><summary>Options and characters of the run</summary>{body}</details>" if rows else ""


def _letter(char: str) -> Html:
    return Html(f'<b title="{plain(describe(char))}">{plain(show_char(char))}</b>' if char else "<i>nothing</i>")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
