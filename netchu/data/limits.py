"""How strongly each op of augment.py may act, by script: what a trained reader could still read when it was measured.

By bench/op_limits.py: each op alone on lines of the model's own training parts, at strengths 0.5, 1, 1.5, 2 and 3; the
largest up to which the character error rate rose by less than a fifth, or than half a point where that is more. The
model had seen these very lines, so this says how much a trained reader stands, not how much a learner should get.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

LIMITS: dict[str, dict[str, float]] = {
    "latin": {  # vi on 150 training lines of cinnamon and kalapa, 2026-11
        "thicken": 2.0,
        "thin": 3.0,
        "soften": 1.5,
        "tall": 3.0,
        "shift": 3.0,
        "slant": 1.5,
        "turn": 3.0,
        "elastic": 1.5,
        "rule": 1.0,
        "intrude": 1.0,
        "contrast": 3.0,
        "shade": 1.5,
        "grain": 1.5,
        "invert": 3.0,
        "coarse": 1.0,
        "motion": 1.0,
        "sharpen": 3.0,
        "jpeg": 1.5,
    },
    "han": {  # ja on 150 drawn training lines, a quarter of them vertical, 2026-11
        "thicken": 0.5,
        "thin": 3.0,
        "soften": 0.5,
        "tall": 2.0,
        "shift": 3.0,
        "slant": 1.0,
        "turn": 3.0,
        "elastic": 0.5,
        "rule": 1.5,
        "intrude": 3.0,
        "contrast": 3.0,
        "shade": 1.5,
        "grain": 1.0,
        "invert": 3.0,
        "coarse": 0.0,
        "motion": 0.5,
        "sharpen": 3.0,
        "jpeg": 1.0,
    },
}


def script_of(letters: Iterable[str]) -> str:
    """The key of LIMITS for an alphabet: "han" where half of the letters or more are kana, kanji or hanzi."""
    named = [unicodedata.name(letter[0], "") for letter in letters if letter and letter[0].isalpha()]
    dense = sum(name.startswith(("CJK", "HIRAGANA", "KATAKANA")) for name in named)
    return "han" if 2 * dense >= max(1, len(named)) else "latin"
