"""From what a decoder read to a Line: its text, its words, how sure each is, and where each stands in the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from netchu.calibration import Calibration
from netchu.decode.reading import Reading
from netchu.image import Grey
from netchu.records import Box, Char, Choice, Line, Word
from netchu.text import Charset, canonical

RAW = Calibration()  # confidences as the decoder gives them


def compose(
    reading: Reading, charset: Charset, picture: Grey, across: float, calibration: Calibration = RAW, boxes: bool = True
) -> Line:
    """A reading of a line picture (h, w), whose frames are `across` of its columns wide -> the Line.

    Spaces at the ends and doubled ones are left out. Without `boxes` those of characters are not fitted to the ink:
    they are as high as the line and meet half way between the frames, which is half as dear.
    """
    rows, columns = picture.shape
    symbols = [charset.symbols[index] for index in reading.classes]
    kept = _kept(symbols)
    texts = [symbols[place] for place in kept]
    sure = [reading.confidences[place] for place in kept]
    whole = _whole(reading.missing, kept, len(symbols))
    chars = [
        Char(text, confidence, box, _others(reading, place, charset, confidence))
        for text, confidence, box, place in zip(
            texts, calibration.char(sure).tolist(), _boxes(reading, kept, texts, picture, across, boxes), kept
        )
    ]
    spans = split(texts)
    # the spaces beside a word are part of its being a word: without them it would be a piece of a longer one
    parts = [math.prod(sure[max(0, a - 1) : b + 1]) * math.prod(whole[a : b + 1]) for a, b in spans]
    words = tuple(
        Word("".join(texts[a:b]), confidence, _around([char.box for char in chars[a:b]]))
        for (a, b), confidence in zip(spans, calibration.word(parts).tolist())
    )
    line = float(calibration.line([math.prod(sure) * math.prod(whole)])[0]) if chars else 0.0
    corners = ((0.0, 0.0), (float(columns), 0.0), (float(columns), float(rows)), (0.0, float(rows)))
    ranked = tuple((canonical(charset.decode(classes), charset.form), score) for classes, score in reading.ranked)
    return Line("".join(texts), line, corners, tuple(chars), words, ranked, reading.note)


def split(chars: Sequence[str]) -> list[tuple[int, int]]:
    """The words of a line: first and one past the last character of each run without white space."""
    spans, start = [], 0
    for index, char in enumerate([*chars, " "]):
        if char.isspace():
            if index > start:
                spans.append((start, index))
            start = index + 1
    return spans


def _kept(symbols: Sequence[str]) -> list[int]:
    """The places of all but spaces at the ends and after others."""
    kept: list[int] = []
    for place, symbol in enumerate(symbols):
        if symbol != " " or (kept and symbols[kept[-1]] != " "):
            kept.append(place)
    while kept and symbols[kept[-1]] == " ":
        kept.pop()
    return kept


def _whole(missing: Sequence[float], kept: Sequence[int], count: int) -> list[float]:
    """How likely it is that nothing is missing before each character that is kept, and after the last."""
    if not missing:
        return [1.0] * (len(kept) + 1)
    gaps = pairwise([-1, *kept, count])
    return [math.prod(1 - share for share in missing[last + 1 : place + 1]) for last, place in gaps]


def _others(reading: Reading, place: int, charset: Charset, confidence: float) -> tuple[Choice, ...]:
    """What else a character may be; all of it shares what the calibrated confidence leaves, as it did before."""
    if not reading.alternatives:
        return ()
    left = 1 - reading.confidences[place]
    scale = (1 - confidence) / left if left > 0 else 1.0
    return tuple((charset.symbols[other], min(1.0, share * scale)) for other, share in reading.alternatives[place])


def _boxes(
    reading: Reading, kept: Sequence[int], texts: Sequence[str], picture: Grey, across: float, fitted: bool
) -> list[Box]:
    """The boxes of the characters that are kept, in pixels of the picture."""
    starts, ends = [reading.starts[place] for place in kept], [reading.ends[place] for place in kept]
    if fitted:
        from netchu.decode.positions import find_boxes

        return find_boxes(picture, starts, ends, across, [text.isspace() for text in texts])
    rows, columns = picture.shape
    middles = [min((end + start) / 2 * across, columns) for end, start in zip(ends, starts[1:])]
    return [(left, 0.0, right, float(rows)) for left, right in pairwise([0.0, *middles, float(columns)])][: len(kept)]


def _around(boxes: Sequence[Box]) -> Box:
    lefts, tops, rights, bottoms = zip(*boxes)
    return min(lefts), min(tops), max(rights), max(bottoms)
