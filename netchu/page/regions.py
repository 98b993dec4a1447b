from __future__ import annotations
def regions_of(frame, parts, width, height):
    return []
