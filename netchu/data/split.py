"""Divide a line set into train, val and test so that the same writer, page or text is never on both sides.

Groups are put in the order of their keys' hashes and dealt out until each split has its share of the lines. So the same
data always give the same split, on every machine, and lines added later move only the few at the borders.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import replace
from typing import Literal

from netchu.data.lines import LineSet
from netchu.errors import NetchuError
from netchu.text import canonical

By = Literal["auto", "writer", "group", "hash"]


def split_lines(
    lineset: LineSet,
    by: By = "auto",
    val: float = 0.1,
    test: float = 0.0,
    group_regex: str | None = None,
    seed: str = "",
) -> LineSet:
    """Give every sample a split: about `val` and `test` of the lines, the rest to train. Splits it had are forgotten.

    `by` says what must stay together: "writer"; "group", what `group_regex` finds in the image's name (its first
    bracket, or the whole match): a page, a sheet; "hash", lines of the same text. "auto" takes the group where a
    regex is given, else the writer where every line names one and there are three or more, else the hash.
    `seed` gives another split of the same kind. Nothing is written: pass the samples to `write_lines`.
    Raises NetchuError when shares are out of range, a line has no writer or no group, or there are too few groups.
    """
    if not (0 <= val < 1 and 0 <= test < 1 and val + test < 1):
        raise NetchuError(f"{lineset.root}: shares val {val} and test {test} must be from 0 to below 1, together too")
    keys = _keys(lineset, by, group_regex)
    sizes = Counter(keys)
    shares = {name: share for name, share in (("test", test), ("val", val)) if share > 0}
    if len(sizes) <= len(shares):
        fault = f"{len(sizes)} group(s) cannot fill {len(shares) + 1} splits"
        raise NetchuError(f"{lineset.root}: {fault}; use --by hash, or ask for fewer splits")
    parts = _deal(sizes, shares, seed)
    samples = tuple(replace(sample, split=parts[key]) for sample, key in zip(lineset.samples, keys))
    columns = lineset.columns if "split" in lineset.columns else (*lineset.columns, "split")
    return replace(lineset, samples=samples, columns=columns)


def _keys(lineset: LineSet, by: By, group_regex: str | None) -> list[str]:
    """What each sample must stay together with."""
    writers = {sample.writer for sample in lineset.samples}
    if by == "auto":
        by = "group" if group_regex is not None else "writer" if None not in writers and len(writers) >= 3 else "hash"
    if group_regex is not None and by != "group":
        raise NetchuError(f"--group {group_regex}: only goes with --by group, not with --by {by}")
    if by == "hash":
        return [" ".join(canonical(sample.text).casefold().split()) for sample in lineset.samples]
    if by == "writer":
        bare = [lineset.name(sample) for sample in lineset.samples if not sample.writer]
        if bare:
            raise NetchuError(
                f"{lineset.root}: {len(bare):,} lines name no writer, first {bare[0]}; use --by group or hash"
            )
        return [sample.writer or "" for sample in lineset.samples]
    if by != "group":
        raise NetchuError(f"--by {by}: unknown; choose auto, writer, group or hash")
    if group_regex is None:
        raise NetchuError(
            "--by group: needs --group with a regular expression for the part of the name that tells the page"
        )
    return _group_keys(lineset, group_regex)


def _group_keys(lineset: LineSet, group_regex: str) -> list[str]:
    """The part of each image's name that the regex finds."""
    try:
        pattern = re.compile(group_regex)
    except re.error as error:
        raise NetchuError(f"--group {group_regex}: not a regular expression ({error})") from None
    keys, missed = [], []
    for sample in lineset.samples:
        name = lineset.name(sample)
        match = pattern.search(name)
        if match is None:
            missed.append(name)
        else:
            keys.append((match[1] if pattern.groups else match[0]) or "")
    if missed:
        raise NetchuError(f"--group {group_regex}: not found in {len(missed):,} image names, first {missed[0]}")
    return keys


def _deal(sizes: Counter[str], shares: dict[str, float], seed: str) -> dict[str, str]:
    """Group -> split. A group that would overshoot by more than half of itself is passed over; no split stays empty."""
    left = sorted(sizes, key=lambda key: (_spot(seed, key), key))
    parts: dict[str, str] = {}
    for number, (name, share) in enumerate(shares.items()):
        target, count = share * sum(sizes.values()), 0
        spare = len(left) - (len(shares) - number)  # the rest is for the splits to come, train among them
        taken: list[str] = []
        for key in left:
            if count + sizes[key] / 2 <= target and len(taken) < spare:
                taken.append(key)
                count += sizes[key]
        parts |= dict.fromkeys(taken or [min(left, key=lambda key: sizes[key])], name)
        left = [key for key in left if key not in parts]
    return parts | dict.fromkeys(left, "train")


def _spot(seed: str, key: str) -> bytes:
    """Where a group comes in the order: it depends on nothing but its key."""
    return hashlib.sha256(f"{seed}\0{key}".encode("utf-8", "surrogatepass")).digest()
