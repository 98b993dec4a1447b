"""What stands where on a drawn page: columns, registers, letters, loose notes, squared manuscript paper.

All of them are drawn for lines that run to the right and follow one another downwards; `page` turns the sheet for lines
that run down.
"""

from __future__ import annotations

import numpy as np

from netchu.synth.page_draft import Draft


def columns(draft: Draft) -> None:
    """One to four columns of paragraphs, a title, page numbers, notes in the margin."""
    rng, (width, height), em = draft.rng, draft.size, draft.em
    count = int(rng.choice([1, 1, 1, 2, 2, 3, 4]))
    draft.em = em = min(em, 46 - 7 * count)
    left, right = (width * rng.uniform(0.04, 0.16) for _ in range(2))
    gap = em * rng.uniform(0.8, 2.5)
    room = (width - left - right - gap * (count - 1)) / count
    pitch, slope = em * draft.pitch(0.95, 1.9), rng.normal(0, 0.008)
    top = height * rng.uniform(0.05, 0.14)
    if rng.random() < 0.6:
        big = em * rng.uniform(1.1, 2.2)
        draft.put(left, top, width - left - right, big, 0.5, slope)
        top += big * 1.6
    foot, rule = height * rng.uniform(0.86, 0.96), rng.random() < 0.3
    aided = draft.han and pitch > 1.5 * em and rng.random() < 0.6
    for column in range(count):
        x = left + column * (room + gap)
        y = top + (rng.random() < 0.3) * pitch
        short = rng.random() < 0.2  # verse, lists
        while y < foot - pitch:
            if rng.random() < 0.06:  # between paragraphs
                y += pitch * rng.choice([0.5, 1, 3])
                continue
            indent = em * 1.5 if rng.random() < 0.12 else 0.0
            share = rng.uniform(0.3, 0.9) if short or rng.random() < 0.1 else 1.0
            done = draft.put(x + indent, y, (room - indent) * share, slope=slope + rng.normal(0, 0.001))
            if aided and rng.random() < 0.5:
                draft.ruby(x + indent, y, done)
            y += pitch * (1 + rng.normal(0, 0.02))
        if rule and column:
            draft.sheet.rule((x - gap / 2, top - pitch), (x - gap / 2, foot), rng)
    if rng.random() < 0.5:
        draft.put(width * rng.choice([0.5, 0.9, 0.08]), foot + pitch, em * 2.5)
    if left > 4 * em and rng.random() < 0.7:
        for y in np.arange(top, foot, pitch * 3):
            if rng.random() < 0.4:
                for line in range(int(rng.integers(1, 4))):
                    draft.put(em * 0.4, y + line * em * 0.8, left - em, em * 0.7)


def letter(draft: Draft) -> None:
    """A letter or a note book: lines that rise or sink, a date, a signature, words between the lines."""
    rng, (width, height), em = draft.rng, draft.size, draft.em
    left, pitch, slope = width * rng.uniform(0.02, 0.25), em * draft.pitch(0.9, 2.2), rng.normal(0, 0.02)
    if rng.random() < 0.4:
        draft.sheet.ruled(pitch, slope, rng)
    y = height * rng.uniform(0.05, 0.2)
    if rng.random() < 0.6:
        draft.put(left, y, width * 0.9 - left, align=1.0, slope=slope)
        y += pitch * rng.uniform(1, 3)
    drift = rng.normal(0, 0.15)  # of the margin, columns a row
    while y < height * 0.95:
        x = float(np.clip(left + drift * y + rng.normal(0, 0.3 * em), 2, width * 0.5))
        share = rng.uniform(0.2, 0.7) if rng.random() < 0.12 else 1.0
        tilt = slope + rng.normal(0, 0.006)
        done = draft.put(x, y, (width * rng.uniform(0.93, 0.99) - x) * share, em * np.exp(rng.normal(0, 0.05)), 0, tilt)
        if done > 6 * em and pitch > 1.5 * em and rng.random() < 0.06:
            draft.put(x + done * rng.uniform(0, 0.6), y - pitch * 0.5, 5 * em, em * 0.6, slope=tilt)
        y += pitch * (1 + rng.normal(0, 0.06)) + (rng.random() < 0.08) * pitch * rng.uniform(0.5, 2)
    if rng.random() < 0.3:
        draft.sheet.stamp(rng, em)


def register(draft: Draft) -> None:
    """A table: cells of words or figures, ruled or not, some of several lines, many empty."""
    rng, (width, height) = draft.rng, draft.size
    count = int(rng.integers(3, 10))
    draft.em = em = min(draft.em, 30.0)
    edges = np.cumsum(np.concatenate([[rng.uniform(0.01, 0.08)], rng.dirichlet(np.full(count, 1.5)) * 0.9])) * width
    pitch = em * draft.pitch(0.95, 1.7)
    slope = rng.normal(0, 0.004)
    top, foot = height * rng.uniform(0.06, 0.2), height * rng.uniform(0.85, 0.98)
    upright, level = rng.random() < 0.75, rng.random() < 0.35
    full = rng.uniform(0.2, 1.0, count)
    if rng.random() < 0.5:
        draft.put(edges[0], top - 1.8 * em, width * 0.8, em * rng.uniform(1, 1.8), rng.uniform(0, 0.5))
    y = top + em
    while y < foot - pitch:
        deep = int(rng.choice([1, 1, 1, 2, 4]))
        for column in range(count):
            x, room = edges[column] + 0.25 * em, edges[column + 1] - edges[column] - 0.4 * em
            lines = 1 if room < 5 * em else int(rng.integers(1, deep + 1))
            if room < 0.8 * em or rng.random() > full[column]:
                continue
            align = 0.0 if room > 4 * em else float(rng.choice([0.0, 0.5, 1.0]))
            for line in range(lines):
                share = 1.0 if rng.random() < 0.6 else rng.uniform(0.3, 1)
                draft.put(x, y + line * pitch + slope * x, room * share, align=align, slope=slope)
        y += deep * pitch * rng.uniform(1.0, 1.15)
        if level:
            draft.sheet.rule((edges[0], y - 0.75 * pitch), (edges[-1], y - 0.75 * pitch + slope * width), rng)
    if upright:
        for x in edges:
            draft.sheet.rule((x, top - em * rng.uniform(0, 2)), (x - slope * height, foot), rng)


def notes(draft: Draft) -> None:
    """Loose blocks, each of its own size and slope, and things that are no text."""
    rng, (width, height) = draft.rng, draft.size
    for _ in range(int(rng.integers(1, 3))):
        (draft.sheet.stamp if rng.random() < 0.5 else draft.sheet.photo)(rng, draft.em)
    y = height * 0.08
    while y < height * 0.9:
        em = draft.em * float(np.exp(rng.normal(0, 0.35)))
        x, slope = width * rng.uniform(0.02, 0.6), rng.normal(0, 0.05)
        room = (width * 0.97 - x) * rng.uniform(0.3, 1)
        for _ in range(int(rng.integers(1, 6))):
            draft.put(x, y - min(0.0, slope * room), room, em, float(rng.choice([0, 0, 0.5])), slope)
            y += em * draft.pitch(1.0, 1.6)
        y += em * rng.uniform(0.5, 3) + abs(slope) * room


def manuscript(draft: Draft) -> None:
    """Squared manuscript paper (genkoyoshi): a square a letter, strips for reading aids between the lines."""
    rng, (width, height), em = draft.rng, draft.size, draft.em
    square, strip = em * rng.uniform(1.02, 1.2), em * float(rng.choice([0.0, 0.25, 0.4, 0.5]))
    pitch, left, top = square + strip, width * rng.uniform(0.03, 0.1), height * rng.uniform(0.03, 0.12)
    count, rows = int((width * 0.95 - left) / square), int((height * 0.97 - top) / pitch)
    ink, fold = rng.uniform(30, 130), rows // 2 if rng.random() < 0.4 else -1
    begun = 0
    for row in range(rows):
        y = top + row * pitch + (row >= fold >= 0) * square
        if y + square > height * 0.99:
            break
        draft.sheet.squares((left, y), square, count, ink)
        if row < begun or rng.random() < 0.06:
            continue
        indent = float(rng.choice([0, 0, 0, 1, 2])) * square
        share = rng.uniform(0.05, 0.9) if rng.random() < 0.2 else 1.0
        baseline = y + square / 2 + 0.38 * em
        draft.put(left + indent + 0.05 * em, baseline, (count * square - indent) * share)
        begun = row + (2 if rng.random() < 0.1 else 1)


def aslant(draft: Draft) -> None:
    """A few lines that lie on their side where the page is empty: notes in the margin, names of archives, stamps."""
    rng, em = draft.rng, draft.em
    for _ in range(int(rng.integers(1, 4))):
        quarters = int(rng.choice([1, 3]))
        aside = draft.aside(quarters)
        width, height = aside.size
        small = em * float(rng.uniform(0.6, 1.2))
        for _ in range(6):
            edge = float(rng.choice([0.0, 0.93])) + rng.uniform(0.03, 0.05) if rng.random() < 0.6 else rng.random()
            x, y = width * rng.uniform(0.02, 0.7), height * edge
            room = min(width * 0.95 - x, small * rng.uniform(3, 25))
            if aside.put(x, y, room, small, free=True):
                for line in range(1, int(rng.integers(1, 4))):
                    aside.put(x, y + line * small * 1.3, room, small, free=True)
                break
        draft.take(aside, quarters)
