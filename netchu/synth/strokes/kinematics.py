"""From drawn corners to a pen's movement: a writer's distortions, joined strokes, sigma-lognormal trajectories.

The kinematic theory of rapid movements (Plamondon 1995; O'Reilly and Plamondon, "Development of a Sigma-Lognormal
representation for on-line signatures", Pattern Recognition 42, 2009): a stroke is a chain of arcs, each run through
with a lognormal speed, and each begun before the one before has ended. What they fit to a recorded pen we set: an arc
for every side of the polygon that stands for a stroke, and jitter on its parameters D, t0, mu, sigma and theta.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netchu.synth.ink import Rng
from netchu.synth.strokes.hand import FIELD, Hand, Reals, bounded, steady, steady_chance

Points = NDArray[np.complex128]
Ints = NDArray[np.intp]

_REACH = 2.6  # standard deviations of the lognormal at which a movement counts as begun and as ended
_DEVIATIONS = np.linspace(-_REACH, _REACH, 512)
_CDF = np.array([0.5 * (1 + math.erf(z / math.sqrt(2))) for z in _DEVIATIONS])
_CDF = (_CDF - _CDF[0]) / (_CDF[-1] - _CDF[0])
_WAVES = np.array([0.0, 1.0, 2.0])


@dataclass(frozen=True)
class Corners:
    """The corners of a line's strokes, in the order of writing; points are complex, y down.

    `stroke` counts through the line, `char` says whose it is; `air` marks corners that the pen reaches in passing, on
    its way to the next stroke; `run` counts the movements between pen lifts.
    """

    points: Points
    stroke: Ints
    char: Ints
    air: NDArray[np.bool_]
    run: Ints


@dataclass(frozen=True)
class Path:
    """n arcs sampled at s + 1 moments each: where the pen is, and how fast it goes against its own mean.

    `stroke` -1 is a way through the air; `char` whose ink it is; `linked` a way from one character to the next.
    """

    points: Points  # (n, s + 1)
    speed: Reals  # (n, s + 1)
    stroke: Ints  # (n,)
    char: Ints  # (n,)
    linked: NDArray[np.bool_]  # (n,)


def distort(points: Points, stroke: Ints, char: Ints, codes: Ints, hand: Hand, rng: Rng) -> Points:
    """A line's characters, each in its unit box, as this writer draws them.

    A smooth field bends each character: one part is the writer's, one the writer's for this character (`codes`, one per
    character), one is new each time. Then each stroke is turned and stretched by its direction, and slightly at random,
    and moved a little as a whole.
    """
    number = stroke - _first(char, stroke)[char]  # of the stroke within its character
    own = steady(hand.key, codes[:, None], np.arange(18)).view(complex)
    new = bounded(rng, len(codes), 18).view(complex)
    weights = hand.field.ravel() + FIELD.ravel() * (0.009 * own + 0.0065 * hand.sloppy * new)
    cosines = np.cos(np.pi * _WAVES * np.stack([points.imag, points.real])[:, :, None])  # (2, n, 3)
    waved = (cosines[0][:, :, None] * cosines[1][:, None, :]).reshape(-1, 9)
    points = points + np.einsum("nk,nk->n", waved, weights[char])
    points = points - hand.slant * (points.imag - 0.5) - 1j * hand.rise * (points.real - 0.5)

    count = int(stroke[-1]) + 1
    sizes = np.bincount(stroke)
    ends = np.cumsum(sizes) - 1
    starts = ends - sizes + 1
    sides = np.zeros_like(points)
    sides[:-1] = points[1:] - points[:-1]
    sides[ends] = 0
    toward = sides / np.maximum(np.abs(sides), 1e-9)
    waves = np.stack([toward, toward * toward]).view(np.float64).reshape(2, -1, 2)  # cos, sin of 1 and 2 times
    loose = bounded(rng, 2, len(points)) * hand.sloppy
    longer = np.einsum("knc,kc->n", waves, hand.reach.reshape(2, 2)) + 0.035 * loose[0]
    turned = np.einsum("knc,kc->n", waves, hand.bearing.reshape(2, 2)) + 0.028 * loose[1]
    moved = np.zeros_like(points)
    moved[1:] = np.cumsum(sides * (np.exp(longer + 1j * turned) - 1))[:-1]
    moved -= np.repeat(np.add.reduceat(moved, starts) / sizes, sizes)  # turned about its own middle
    kept = steady(hand.key, codes[char[starts]][:, None], 2 * number[starts][:, None] + [64, 65])
    place = 0.008 * kept.view(complex) + 0.006 * hand.sloppy * bounded(rng, count, 2).view(complex)
    points = points + moved + np.repeat(place[:, 0], sizes)

    past = hand.overshoot + 0.008 * hand.sloppy * bounded(rng, 2, count)
    for at, inner, far in ((starts, starts + 1, past[0]), (ends, ends - 1, past[1])):
        side = points[at] - points[inner]
        length = np.maximum(np.abs(side), 1e-6)
        points[at] += side / length * np.minimum(np.maximum(far, -0.2 * length), 0.2 * length)
    return points


def join(points: Points, stroke: Ints, char: Ints, codes: Ints, free: Reals, hand: Hand, rng: Rng) -> Corners:
    """Leave the pen on the paper between some strokes, and let some end in a flick towards the next.

    `points` in ems, all characters at their places; `free` (characters,) scales how readily strokes are joined.
    """
    last = np.flatnonzero(np.diff(stroke))  # the last corner of every stroke but the line's last
    way = points[last + 1] - points[last]
    same = char[last] == char[last + 1]
    number = stroke[last] - _first(char, stroke)[char[last]]
    habit = 0.65 * steady_chance(hand.key, codes[char[last]], number + 4096) + 0.35 * rng.random(len(last))
    near = np.exp(-((np.abs(way) / (0.14 + 0.32 * hand.cursive)) ** 2))
    ready = np.where(same, hand.cursive * near, hand.link * near) * np.minimum(free[char[last]], free[char[last + 1]])
    joined = habit < ready
    flicked = ~joined & same & (rng.random(len(last)) < hand.flick * free[char[last]]) & (np.abs(way) > 0.08)
    lifts = np.zeros(len(points), np.intp)
    lifts[last[~joined] + 1] = 1
    air = np.zeros(len(points), bool)
    air[last[joined] + 1] = True
    run = np.cumsum(lifts)
    at = last[flicked]
    tips = points[at] + way[flicked] * np.minimum(0.25, 0.07 / np.maximum(np.abs(way[flicked]), 1e-6))
    copies = np.ones(len(points), np.intp)
    copies[at] = 2
    each = np.repeat(np.arange(len(points)), copies)
    points, air, new = points[each], air[each], at + np.arange(len(at)) + 1
    points[new], air[new] = tips, True
    return Corners(points, stroke[each], char[each], air, run[each])


def move(corners: Corners, sharp: Reals, hand: Hand, rng: Rng, steps: int) -> Path:
    """The pen's way through the corners. `sharp` (characters,): turns above this angle are corners, not curves."""
    run, points = corners.run, corners.points
    start = np.flatnonzero(run[1:] == run[:-1])  # each arc goes from this corner to the next
    chord = points[start + 1] - points[start]
    chord = np.where(np.abs(chord) < 1e-5, 1e-5, chord)
    follows = np.zeros(len(start), bool)  # has an arc before it in its run
    follows[1:] = start[1:] - start[:-1] == 1
    leads = _next(follows)
    air = corners.air[start + 1]
    turn = np.zeros(len(start))
    turn[1:] = np.angle(chord[1:] * np.conj(chord[:-1])) * follows[1:]
    limit = sharp[corners.char[start]]
    in_air = air.copy()
    in_air[1:] |= air[:-1]
    soft = np.minimum(np.maximum((limit - np.abs(turn)) / (0.4 * limit) + 0.5, 0), 1) * ~in_air
    smooth = turn * soft
    bend = (smooth + _next(smooth)) * np.where(follows & leads, 0.25, 0.36)  # half the angle that an arc turns through
    noise = bounded(rng, 4, len(start))
    across = chord / np.abs(chord)
    bend += hand.arch[0] * across.real + hand.arch[1] * across.imag + 0.05 * hand.sloppy * noise[0]
    bend = np.minimum(np.maximum(bend, -1.2), 1.2)
    bend[np.abs(bend) < 1e-3] = 1e-3

    lasts = np.abs(chord) ** 0.4 * np.exp(0.12 * noise[1])  # near isochrony: long arcs take hardly longer
    blend = np.minimum(np.maximum(hand.fluent + 0.2 * soft + 0.04 * noise[2], 0.05), 0.5)
    overlap = np.zeros(len(start))
    overlap[1:] = (blend[1:] * np.minimum(lasts[1:], lasts[:-1])) * follows[1:]
    begins = np.zeros(len(start))
    begins[1:] = np.cumsum(lasts[:-1] - overlap[1:])
    sigma = 0.24 + 0.05 * noise[3]
    scale = lasts / (2 * np.sinh(_REACH * sigma))  # exp(mu)
    zero = begins - scale * np.exp(-_REACH * sigma)  # t0
    first = begins + overlap / 2
    lapse = begins + lasts - _next(overlap) / 2 - first
    times = first[:, None] + lapse[:, None] * np.linspace(0, 1, steps + 1)
    arcs = chord / np.sin(bend), bend, zero, scale, sigma

    where = points[start][:, None] + _arc(times, *arcs)
    # an arc still has company of the one before it in its first half, and of the one after it in its second
    half = (steps + 1) // 2
    lag = _arc(times[1:, :half], *(each[:-1] for each in arcs)) - chord[:-1, None]
    where[1:, :half] += lag * follows[1:, None]
    where[:-1, half:] += _arc(times[:-1, half:], *(each[1:] for each in arcs)) * leads[:-1, None]

    gone = np.abs(where[:, 1:] - where[:, :-1]) * (steps / np.maximum(lapse, 1e-9))[:, None]
    speed = np.empty(where.shape)
    speed[:, 0], speed[:, -1] = gone[:, 0], gone[:, -1]
    speed[:, 1:-1] = 0.5 * (gone[:, 1:] + gone[:, :-1])
    char = corners.char[start]
    linked = char != corners.char[start + 1]
    return Path(where, speed / max(1e-9, float(speed.mean())), np.where(air, -1, corners.stroke[start]), char, linked)


def _arc(times: Reals, chord: Points, bend: Reals, zero: Reals, scale: Reals, sigma: Reals) -> Points:
    """How far along each arc the pen is at `times`: the lognormal's integral, laid on a circle's arc.

    `chord` is divided by the sine of `bend`.
    """
    passed = np.maximum((times - zero[:, None]) / scale[:, None], 1e-6)
    done = np.interp(np.log(passed) / sigma[:, None], _DEVIATIONS, _CDF)
    half = bend[:, None]
    gone = half * done
    return np.asarray(chord[:, None] * (np.sin(gone) * np.exp(1j * (gone - half))))


def _next(values: NDArray[Any]) -> NDArray[Any]:
    """Each arc's successor's value; the last has none. Where arcs part, the successor's value is 0 already."""
    after = np.zeros_like(values)
    after[:-1] = values[1:]
    return after


def _first(char: Ints, stroke: Ints) -> Ints:
    """The number of each character's first stroke; indexed by character."""
    found = np.zeros(int(char[-1]) + 1, np.intp)
    found[char[::-1]] = stroke[::-1]
    return found
