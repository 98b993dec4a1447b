"""The report of a training run: one self-contained page (no script, no network) and three tables beside it."""

from __future__ import annotations

import base64
import io
import itertools
import json
import math
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from PIL import Image

from netchu.data.lines import Reject, write_whole
from netchu.errors import NetchuError
from netchu.image import open_grey
from netchu.metrics import align, confusions, count, diacritic_only, score
from netchu.text import Charset, canonical, describe, normaliser
from netchu.train.page import PAGE, STYLE, Html, make_section, make_table, plain

Event = Mapping[str, Any]
WORST, PAIRS, EXAMPLES = 30, 30, 4  # lines with their pictures, confusion pairs, examples per reason on the page
ROWS, COLUMNS = 48, 1600  # pixels: no picture on the page has more


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
    page = PAGE.format(title=plain(folder.absolute().name), style=STYLE, body="\n".join(filter(None, sections)))
    # A file name that is not UTF-8 comes in as lone surrogates, which no UTF-8 file may hold.
    write_whole(target / "index.html", page.encode("utf-8", "backslashreplace"))
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
    facts = {
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
    }
    shown = "".join(f"<div><dt>{plain(k)}</dt><dd>{plain(v)}</dd></div>" for k, v in facts.items() if v)
    return f'<dl class="facts">{shown}</dl>'


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
    drawn = _panel({"training loss": losses}, epochs, "nats per character", 0)
    if any(rates.values()):
        drawn += _panel(rates, epochs, "per cent, validation lines", 1)
    return make_section("Learning curve", f'<div class="curves">{drawn}</div>')


def _panel(series: Mapping[str, Mapping[int, float]], last: int, unit: str, first: int) -> str:
    """One plot of `series`, by name epoch -> value, up to epoch `last`; colours from `first` on. Big dot: lowest."""
    left, right, top, bottom = 46, 560, 40, 232  # pixels of the plotting area; the picture is 580 x 270
    values = [value for points in series.values() for value in points.values()]
    ticks, epochs = _ticks(max(values, default=1.0)), [tick for tick in _ticks(last) if tick == int(tick)]

    def x(epoch: float) -> float:
        return left + (right - left) * epoch / max(epochs[-1], last)

    def y(value: float) -> float:
        return bottom - (bottom - top) * value / ticks[-1]

    parts = [f'<text x="{left}" y="14">{plain(unit)}</text>']
    parts += [f'<path d="M{left} {y(tick):.1f}H{right}" class="grid"/>' for tick in ticks]
    parts += [f'<text x="{left - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>' for tick in ticks]
    parts += [f'<text x="{x(t):.1f}" y="{bottom + 18}" text-anchor="middle">{t:g}</text>' for t in epochs]
    parts.append(f'<text x="{(left + right) / 2:.0f}" y="{bottom + 34}" text-anchor="middle">epoch</text>')
    for number, (name, points) in enumerate(series.items()):
        at, colour = left + 120 * number, f"s{first + number}"
        parts.append(f'<line x1="{at}" x2="{at + 18}" y1="27" y2="27" class="curve {colour}"/>')
        parts.append(f'<text x="{at + 24}" y="31">{plain(name)}</text>')
        path = " ".join(f"{x(epoch):.1f},{y(value):.1f}" for epoch, value in sorted(points.items()))
        parts.append(f'<polyline points="{path}" class="curve {colour}"/>')
        lowest = min(points, key=lambda epoch: (points[epoch], epoch)) if points else None
        for epoch, value in points.items():  # its value is the dot's tooltip
            dot = f'<circle cx="{x(epoch):.1f}" cy="{y(value):.1f}" r="{5 if epoch == lowest else 2}" class="{colour}">'
            parts.append(f"{dot}<title>epoch {epoch}: {plain(name)} {value:.4g}</title></circle>")
    return f'<svg viewBox="0 0 580 270" role="img" aria-label="{plain(unit)} by epoch">{"".join(parts)}</svg>'


def _ticks(highest: float) -> list[float]:
    """About five round numbers from 0 to at least `highest`."""
    highest = highest if highest > 0 else 1.0
    raw = highest / 5
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    return [float(f"{step * index:.6g}") for index in range(math.ceil(highest / step - 1e-6) + 1)]


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
        rates = ((scores.cer, scores.cer_ci95), (scores.wer, scores.wer_ci95), (scores.ser, scores.ser_ci95))
        shown = [Html(f"{rate:.2%} <small>[{ci[0]:.1%}, {ci[1]:.1%}]</small>") for rate, ci in rates]
        rows.append((name or "validation lines", f"{scores.lines:,}", *shown))
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
    cards = []
    for reading in wrong:
        left, right = _marked(reading.reference, reading.hypothesis)
        facts = " · ".join(fact for fact in (f"CER {reading.cer:.2%}", reading.source, reading.image) if fact)
        cards.append(
            f'<figure>{_picture(reading.image)}<figcaption><table class="pair">'
            f'<tr><th>written</th><td dir="auto">{left}</td></tr><tr><th>read</th><td dir="auto">{right}</td></tr>'
            f"</table><small>{plain(facts)}</small></figcaption></figure>"
        )
    note = "Marked: characters that differ; ␣ is a space, · a place where the other side has a character. "
    return make_section("Worst lines", "".join(cards), note + "All lines are in lines.tsv.")


def _picture(path: str) -> str:
    """A line picture of at most 48 rows as a JPEG inside the page; else why there is none."""
    if not path:
        return '<p class="none">no picture named</p>'
    try:
        grey = Image.fromarray(open_grey(path))
    except NetchuError as error:
        return f'<p class="none">{plain(error)}</p>'
    grey.thumbnail((COLUMNS, ROWS), Image.Resampling.LANCZOS)  # only ever shrinks
    data = io.BytesIO()
    grey.save(data, "jpeg", quality=75)
    code = base64.b64encode(data.getvalue()).decode("ascii")
    return f'<img src="data:image/jpeg;base64,{code}" width="{grey.width}" height="{grey.height}" alt="{plain(path)}">'


def _marked(reference: str, hypothesis: str) -> tuple[str, str]:
    """Both sides as HTML, runs of differing characters in <mark>."""
    sides: tuple[list[str], list[str]] = ([], [])
    for equal, run in itertools.groupby(align(reference, hypothesis), key=lambda pair: pair[0] == pair[1]):
        for out, chars in zip(sides, zip(*run)):
            text = "".join(chars if equal else map(_shown, chars))
            out.append(plain(text) if equal else f"<mark>{plain(text)}</mark>")
    return "".join(sides[0]), "".join(sides[1])


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
    rows += [("characters", " ".join(map(_shown, charset.symbols[1:])))] if charset is not None else []
    body = make_table(("option", "value"), rows)
    return f"<details><summary>Options and characters of the run</summary>{body}</details>" if rows else ""


def _shown(char: str | None) -> str:
    """A character where it must be seen: a space, a mark alone and an absent one get a body."""
    return "·" if not char else "␣" if char == " " else f"◌{char}" if unicodedata.combining(char[0]) else char


def _letter(char: str) -> Html:
    return Html(f'<b title="{plain(describe(char))}">{plain(_shown(char))}</b>' if char else "<i>nothing</i>")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
