"""ARPA files, the common text form of n-gram models: log10 there, nats here.

A space as a symbol of a model of characters is written `<space>`, which no other symbol of one character can be; on
reading, U+2581 (as SentencePiece writes it) counts too where `<space>` does not occur.
"""

from __future__ import annotations

import gzip
import math
import os
import unicodedata
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from netchu.data.lines import write_whole
from netchu.errors import NetchuError
from netchu.image import printable, read_bytes
from netchu.lm.build import build
from netchu.lm.ngram import NGram
from netchu.lm.symbols import END, START, UNITS, UNKNOWN, Unit
from netchu.lm.table import Grams, Table
from netchu.text import Form

SPACE, LOW_LINE = "<space>", "\u2581"
_LN10 = math.log(10)
_SPECIAL = {"<s>": START, "</s>": END, "<unk>": UNKNOWN, "<UNK>": UNKNOWN}
_Key = tuple[int, ...]
_Gram = tuple[float, float]  # log10 probability, log10 back-off weight


def write_arpa(model: NGram, path: str | os.PathLike[str]) -> None:
    """Write a model as ARPA, gzipped where the name ends in .gz. Raises NetchuError when it cannot be written."""
    orders = _orders(model)
    lines = ["\\data\\", *(f"ngram {n}={len(rows)}" for n, rows in enumerate(orders, start=1))]
    for n, rows in enumerate(orders, start=1):
        lines += ["", f"\\{n}-grams:", *rows]
    data = ("\n".join([*lines, "", "\\end\\"]) + "\n").encode("utf-8", "surrogatepass")
    target = Path(path)
    write_whole(target, gzip.compress(data, mtime=0) if target.suffix == ".gz" else data)


def read_arpa(path: str | os.PathLike[str], unit: Unit | None = None, name: str = "") -> NGram:
    """Read an ARPA file, plain or .gz, of any maker (KenLM, SRILM ...), made of characters or of words.

    Without `unit` it is one of characters when every symbol is a single code point. n-grams with the unknown symbol
    in them are left out, except the 1-gram: here the context ends at an unknown symbol. A pruned model's missing
    shorter n-grams are put in, which changes no probability. Raises NetchuError naming the line that is wrong.
    """
    file = printable(os.fspath(path))
    levels, symbols = _parse(_lines(Path(path), file), file)
    tokens = [token for token in symbols if token not in _SPECIAL]
    if unit is not None and unit not in UNITS:
        raise NetchuError(f"unit {unit!r} is not known; choose one of: {', '.join(UNITS)}")
    plain = SPACE if SPACE in tokens else LOW_LINE
    single = all(len(token) == 1 or token == SPACE for token in tokens)
    if unit == "char" and not single:
        odd = next(token for token in tokens if len(token) != 1 and token != SPACE)
        raise NetchuError(f"{file}: {odd!r} is more than a character; import it as a model of words (--unit word)")
    chosen: Unit = unit or ("char" if single else "word")
    written = {token: " " if chosen == "char" and token == plain else token for token in tokens}
    vocabulary = tuple(sorted(written.values()))
    place = {symbol: label for label, symbol in enumerate(vocabulary)}
    label_of = {token: place[symbol] for token, symbol in written.items()}
    label_of.update({token: len(vocabulary) + label for token, label in _SPECIAL.items() if token in symbols})
    keyed = [_relabelled(level, [label_of[token] for token in symbols], len(vocabulary) + UNKNOWN) for level in levels]
    left_out = sum(map(len, levels)) - sum(map(len, keyed))
    table = _table(keyed, vocabulary, file)
    automaton, unknown, depths = build(table)
    about: dict[str, Any] = {"imported": Path(path).name, "ngrams": [len(level) for level in keyed]}
    if left_out:
        about["left out"] = left_out
    own = name or Path(path).name.removesuffix(".gz").removesuffix(".arpa")
    form = _form_of(vocabulary)
    return NGram(own, chosen, len(table.grams), form, vocabulary, automaton, unknown, depths, None, about)


def _orders(model: NGram) -> list[list[str]]:
    """The n-grams of each order as lines. States are numbered by depth: an arc one deeper completes its own context."""
    automaton, scale = model.automaton, model.automaton.scale / _LN10
    depth = np.repeat(np.arange(len(model.depths)), model.depths)
    token = [SPACE if symbol == " " else symbol for symbol in model.vocabulary]
    text = [""] * automaton.states
    text[automaton.start] = "<s>"
    orders: list[list[str]] = [[] for _ in range(model.order)]
    orders[0].append(f"{model.unknown / _LN10:.6f}\t<unk>")
    if automaton.start:
        orders[0].append(f"-99\t<s>\t{automaton.back_weights[automaton.start] * scale:.6f}")
    offsets, labels = automaton.offsets.tolist(), automaton.labels.tolist()
    targets, weights = automaton.targets.tolist(), automaton.weights.tolist()
    backs, back, finals = automaton.back_weights.tolist(), automaton.back.tolist(), automaton.finals.tolist()
    for state, long in enumerate(depth.tolist()):
        front = text[state] + " " if text[state] else ""
        if not long or finals[state] != max(backs[state] + finals[back[state]], -32767):
            orders[long].append(f"{finals[state] * scale:.6f}\t{front}</s>")
        for arc in range(offsets[state], offsets[state + 1]):
            row = f"{weights[arc] * scale:.6f}\t{front}{token[labels[arc]]}"
            target = targets[arc]
            if depth[target] == long + 1:
                text[target] = front + token[labels[arc]]
                row += f"\t{backs[target] * scale:.6f}"
            orders[long].append(row)
    while not orders[-1]:  # all that pruning left of the longest were ends of lines that back off anyway
        orders.pop()
    return orders


def _lines(path: Path, file: str) -> Iterator[tuple[int, str]]:
    """(number, line) of the file, a byte order mark and CRLF accepted."""
    data = read_bytes(path)
    try:
        text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise NetchuError(f"{file}: cannot be read ({str(error)[:80]}); expected an ARPA file in UTF-8") from None
    for number, line in enumerate(text.split("\n"), start=1):
        yield number, line.strip(" \t\r")


def _parse(lines: Iterator[tuple[int, str]], file: str) -> tuple[list[dict[_Key, _Gram]], list[str]]:
    """The n-grams by order, as numbers of tokens, and the tokens in order of appearance."""
    announced: list[int] = []
    levels: list[dict[_Key, _Gram]] = []
    tokens: dict[str, int] = {}
    begun = ended = False
    for number, line in lines:
        if not begun:
            begun = line == "\\data\\"
        elif line.startswith("ngram "):
            announced.append(_announced(line, len(announced) + 1, file, number))
        elif line == "\\end\\":
            ended = True
            break
        elif line.startswith("\\"):
            if line != f"\\{len(levels) + 1}-grams:":
                raise NetchuError(f"{file}: line {number}: expected \\{len(levels) + 1}-grams:, found {line[:40]!r}")
            levels.append({})
        elif line:
            if not levels:
                raise NetchuError(f"{file}: line {number}: expected \\1-grams:, found {line[:40]!r}")
            key, gram = _gram(line, len(levels), tokens, file, number)
            levels[-1][key] = gram
    if not begun:
        raise NetchuError(f"{file}: has no \\data\\ line; expected a language model in ARPA form")
    if not ended:
        raise NetchuError(f"{file}: ends before \\end\\; it was cut short: fetch or make it again")
    if announced != [len(level) for level in levels] or not levels:
        counts = ", ".join(str(len(level)) for level in levels)
        raise NetchuError(f"{file}: announces {', '.join(map(str, announced))} n-grams and has {counts or 'none'}")
    return levels, list(tokens)


def _announced(line: str, order: int, file: str, number: int) -> int:
    try:
        named, count = line[len("ngram ") :].split("=")
        if int(named) == order:
            return int(count)
    except ValueError:
        pass
    raise NetchuError(f"{file}: line {number}: expected ngram {order}=count, found {line[:40]!r}")


def _gram(line: str, order: int, tokens: dict[str, int], file: str, number: int) -> tuple[_Key, _Gram]:
    """probability <blank> token ... token [<blank> back-off weight]; only blanks and tabs part tokens."""
    fields = line.replace("\t", " ").split(" ")
    if "" in fields:
        fields = [field for field in fields if field]
    try:
        if not order + 1 <= len(fields) <= order + 2:
            raise ValueError
        prob, back = float(fields[0]), float(fields[order + 1]) if len(fields) > order + 1 else 0.0
        if not prob <= 1e-4 or math.isnan(back) or back == math.inf:
            raise ValueError
    except ValueError:
        raise NetchuError(
            f"{file}: line {number}: expected a log10 probability, {order} symbol{'s' * (order > 1)} and perhaps a "
            f"back-off weight, found {line[:60]!r}"
        ) from None
    if order > 1:
        unknown = next((token for token in fields[1 : order + 1] if token not in tokens), None)
        if unknown is not None:
            raise NetchuError(f"{file}: line {number}: {unknown!r} is in no 1-gram")
    return tuple(tokens.setdefault(token, len(tokens)) for token in fields[1 : order + 1]), (min(prob, 0.0), back)


def _relabelled(level: dict[_Key, _Gram], labels: list[int], unknown: int) -> dict[_Key, _Gram]:
    """The n-grams with labels instead of tokens; those that the unknown symbol is part of are left out."""
    found = {tuple(labels[token] for token in key): gram for key, gram in level.items()}
    return {key: gram for key, gram in found.items() if len(key) == 1 or unknown not in key}


def _table(levels: list[dict[_Key, _Gram]], vocabulary: tuple[str, ...], file: str) -> Table:
    """The n-grams as a table, with every suffix of each."""
    for label in range(len(vocabulary) + 3):
        levels[0].setdefault((label,), (-99.0, 0.0))
    for n in range(len(levels) - 1, 1, -1):  # those that a pruned model lacks are marked, and filled in below
        for key in levels[n]:
            levels[n - 1].setdefault(key[1:], (math.nan, 0.0))
    grams: list[Grams] = []
    rows: dict[_Key, int] = {(): 0}
    lower: dict[_Key, int] = {(): 0}
    for n, level in enumerate(levels):
        if not level:
            break
        keys = sorted(level)
        try:
            parents = np.array([rows[key[:-1]] for key in keys], np.int32)
        except KeyError:
            raise NetchuError(
                f"{file}: a {n + 1}-gram's first {n} symbols are no {n}-gram; the file is not whole"
            ) from None
        lower, rows = rows, {key: row for row, key in enumerate(keys)}
        suffixes = np.array([lower[key[1:]] for key in keys], np.int32) if n else np.zeros(len(keys), np.int32)
        probs, backs = (10.0 ** np.array([level[key][k] for key in keys]) for k in (0, 1))
        if n:
            missing = np.isnan(probs)
            backed = grams[-1].backs[parents] * grams[-1].probs[suffixes]
            probs = np.where(missing, backed, probs)
        labels = np.array([key[-1] for key in keys], np.int32)
        grams.append(
            Grams(parents if n else np.zeros_like(parents), labels, suffixes, probs, backs, np.zeros(len(keys)))
        )
    return Table(vocabulary, tuple(grams))


def _form_of(vocabulary: tuple[str, ...]) -> Form:
    """NFD where some symbol is a mark and none would be taken apart; else NFC."""
    marks = any(unicodedata.combining(char) for symbol in vocabulary for char in symbol)
    return "NFD" if marks and all(unicodedata.is_normalized("NFD", symbol) for symbol in vocabulary) else "NFC"
