"""The letter that comes with the package, netchu/samples/page.jpg: a text of ours in a free font, on a drawn sheet.

    python recipes/sample_page.py fonts dancing-script-400 netchu/samples/page.jpg 5

`fonts` as of `netchu synth fonts install`. Another font or another seed, the last argument, write another letter.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator

import cv2
import numpy as np

from netchu.synth.draw import FontEngine
from netchu.synth.fonts import find_fonts
from netchu.synth.ink import Style
from netchu.synth.page_draft import Draft
from netchu.synth.page_sheet import Sheet
from netchu.synth.page_write import Hand, Written

WIDTH, HEIGHT, EM, PITCH = 1150, 960, 44.0, 66.0
DATE = "Hà Nội, ngày 12 tháng 5 năm 1987"
LETTER = (
    "Cô Lan kính mến,",
    "",
    "Cháu đã nhận được thư của cô hôm thứ hai.",
    "Cả nhà cháu vẫn khỏe. Mẹ cháu mới trồng hai",
    "cây ổi ở sau vườn, còn em Minh đã vào lớp một.",
    "Tháng sau bố cháu sẽ về thăm quê ba ngày.",
    "Địa chỉ mới của nhà cháu là số 12 ngõ 34,",
    "phố Huế, quận Hai Bà Trưng, Hà Nội.",
    "Khi nào rảnh, cô nhớ lên chơi với cháu nhé!",
    "",
)
FAREWELL = "Cháu của cô, Nguyễn Thị Mai"


def one_by_one(hand: Hand) -> Callable[[str], Callable[[float, float], Written | None]]:
    """Writes the text it is given, and no more, whatever the room."""

    def of(text: str) -> Callable[[float, float], Written | None]:
        words: Iterator[str] = iter((text,))
        return lambda em, _: dataclasses.replace(hand, text=lambda: next(words, "")).write(em, 1e6)

    return of


def main() -> None:
    fonts, name, out = sys.argv[1:4]
    rng = np.random.default_rng(int(sys.argv[4]) if len(sys.argv) > 4 else 0)
    engine = FontEngine([each for each in find_fonts(fonts) if each.name == name], 0.6)
    hand = Hand(engine, str, Style(3, 1), rng)
    write = one_by_one(hand)
    draft = Draft(Sheet.blank(WIDTH, HEIGHT, rng), rng, write(""), EM)
    y = 1.3 * PITCH
    lines = [(WIDTH * 0.4, DATE), (0.0, ""), *((WIDTH * 0.07, text) for text in LETTER), (WIDTH * 0.42, FAREWELL)]
    for x, text in lines:
        if text:
            draft.write = write(text)
            if not draft.put(x + float(rng.normal(0, 4)), y, WIDTH, slope=float(rng.normal(-0.008, 0.003))):
                sys.exit(f"no room for {text!r}: a font so wide needs a smaller size")
        y += PITCH * (1 if text else 0.5)
    draft.sheet.stamp(rng, EM)
    cv2.imwrite(out, draft.sheet.seen(rng, EM), [cv2.IMWRITE_JPEG_QUALITY, 75])


if __name__ == "__main__":
    main()
