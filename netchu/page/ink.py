"""Is there writing in a strip, or only the rule of the paper? A finder that learnt where lines stand takes both."""

from __future__ import annotations

import numpy as np

from netchu.image import Grey

BAND = 0.12  # of the strip's height: how thick a rule may be, at least THINNEST pixels
THINNEST = 3
FLAT = 0.9  # share of the ink in such a band, stretch by stretch; of letters it is 0.3 to 0.55
LONG = 1.5  # heights: what is shorter may be a full stop or a dash that somebody wrote
STRETCH = 2  # heights: rules may slant a little across the strip
FAINT, SHARE = 24, 0.4  # grey levels from the paper, and share of the darkest ink, from which a pixel is ink


def is_rule(strip: Grey) -> bool:
    """Whether the ink of a strip (h, w) with a line lying straight is one thin stroke all along it, or none at all.

    Of the 2,057 lines that are transcribed on the train pages none is one.
    """
    height, width = strip.shape
    if width < LONG * height:
        return False
    away = np.abs(strip.astype(np.int16) - np.int16(np.median(strip)))
    ink = away > max(FAINT, SHARE * float(np.percentile(away, 99.5)))
    band = np.ones(max(THINNEST, round(BAND * height)))
    within = whole = 0.0
    for start in range(0, width, STRETCH * height):
        rows = ink[:, start : start + STRETCH * height].sum(axis=1)
        within += float(np.convolve(rows, band).max())
        whole += float(rows.sum())
    return within >= FLAT * whole
