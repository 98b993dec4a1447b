"""What scanners, cameras and copiers do to a picture of a line: focus, light, noise, compression, two levels.

Blur and loss of resolution go by the height of an x, and tones keep their distance, so at strength 1 a readable line
stays readable.
"""

from __future__ import annotations

import cv2
import numpy as np

from netchu.data.ops import Canvas, Op, Rng, op
from netchu.image import Grey
from netchu.synth.sheet import grain, spread, unit

SPAN = 60.0  # greys between paper and ink that no op goes below


@op("perspective", "shape", chance=0.12)
def perspective(canvas: Canvas, rng: Rng, strength: float) -> None:
    """The far end of the line is smaller."""
    rows, columns = canvas.shape
    near, far = (0.0, float(rng.uniform(0.03, 0.2)) * strength)
    if rng.random() < 0.5:
        near, far = far, near
    wider = np.linspace(near, far, columns, dtype=np.float32)[None, :]
    lean = float(rng.normal(0, 0.06)) * strength
    from_middle = np.arange(rows, dtype=np.float32)[:, None] - (rows - 1) / 2
    canvas.bend(lean * from_middle, from_middle * wider)


@op("curl", "shape", chance=0.1)
def curl(canvas: Canvas, rng: Rng, strength: float) -> None:
    """A page that is not flat: the line bows, or bends away at one end. Columns shrink by what they are moved."""
    rows, columns = canvas.shape
    along = np.linspace(0, 1, columns, dtype=np.float32)[None, :]
    depth = float(rng.uniform(0.02, 0.09)) * rows * strength * (1 if rng.random() < 0.5 else -1)
    if rng.random() < 0.5:
        bow = np.cos((along * float(rng.uniform(0.7, 1.6)) + float(rng.random())) * np.float32(np.pi)) * depth
    else:
        start = float(rng.uniform(0.3, 0.85))
        bow = np.square(np.maximum(0, (along if rng.random() < 0.5 else 1 - along) - start) / (1 - start)) * depth
    from_middle = np.arange(rows, dtype=np.float32)[:, None] - (rows - 1) / 2
    canvas.bend(0.0, bow + from_middle * (np.abs(bow) * (2 / rows)))


@op("light", chance=0.12, group="camera")
def light(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Uneven light: a slope, or the soft edge of a shadow."""
    pixels = canvas.settle()
    rows, columns = pixels.shape
    if rng.random() < 0.65:
        knots = rng.uniform(0.84, 1.0, (2, columns // (5 * rows) + 2))
    else:
        way = np.linspace(0, 1, max(8, columns // rows * 2))[None, :] - float(rng.uniform(0.1, 0.9))
        edge = np.clip((way + rng.uniform(-0.1, 0.1, (2, 1))) * float(rng.uniform(3, 16)), -0.5, 0.5)
        knots = 1 - (edge + 0.5) * float(rng.uniform(0.08, 0.3))
    field = spread((255 * (1 - strength * (1 - knots))).astype(np.float32), (rows, columns))
    canvas.pixels = cv2.multiply(pixels, cv2.convertScaleAbs(field), scale=1 / 255)  # type: ignore[assignment]


@op("focus", chance=0.45, group="camera")
def focus(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Out of focus, by a fifteenth of the height of an x at most."""
    deviation = float(rng.uniform(0.018, 0.065)) * unit(canvas) * strength
    if deviation > 0.2:
        canvas.pixels = cv2.GaussianBlur(canvas.settle(), (0, 0), deviation)  # type: ignore[assignment]


@op("motion", chance=0.03, group="camera")
def motion(canvas: Canvas, rng: Rng, strength: float) -> None:
    """The camera moved: a blur along one direction, up to a quarter of the height of an x."""
    reach = float(rng.uniform(0.1, 0.25)) * unit(canvas) * strength
    size = 2 * (int(reach) // 2) + 3
    turn = float(rng.normal(0, 0.5))
    y, x = np.mgrid[:size, :size] - size // 2
    along = np.clip(x * np.cos(turn) + y * np.sin(turn), -reach / 2, reach / 2)
    kernel = np.maximum(0, 1 - np.hypot(x - along * np.cos(turn), y - along * np.sin(turn)))
    canvas.pixels = cv2.filter2D(canvas.settle(), -1, kernel / kernel.sum())  # type: ignore[assignment]


@op("lowres", chance=0.06, group="camera")
def lowres(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Fewer pixels, then as many as before; an x keeps seven rows."""
    pixels = canvas.settle()
    rows, columns = pixels.shape
    least = min(1.0, max(0.45, 7.0 / unit(canvas)))
    part = 1 - (1 - float(rng.uniform(least, 1.0))) * min(1.0, strength)
    small = cv2.resize(
        pixels, (max(1, round(columns * part)), max(1, round(rows * part))), interpolation=cv2.INTER_AREA
    )
    how = cv2.INTER_CUBIC if rng.random() < 0.4 else cv2.INTER_LINEAR
    canvas.pixels = cv2.resize(small, (columns, rows), interpolation=how)  # type: ignore[assignment]


@op("shot", chance=0.06, group="camera")
def shot(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Noise of light itself: as the root of the grey."""
    pixels = canvas.settle()
    table = np.sqrt(np.arange(256)) * (float(rng.uniform(2, 8)) * strength / 16 * 255 / 32)
    depth = cv2.LUT(pixels, np.rint(np.minimum(table, 255)).astype(np.uint8)).astype(np.float32)
    noise = grain(pixels.shape, rng).astype(np.float32)
    noise -= 128
    noise *= depth * np.float32(1 / 255)
    noise += pixels
    canvas.pixels = cv2.convertScaleAbs(np.maximum(noise, 0))  # type: ignore[assignment]


@op("noise", chance=0.4, group="camera")
def noise(canvas: Canvas, rng: Rng, strength: float) -> None:
    """A sensor's noise, of single pixels or a little larger; mostly hardly to be seen."""
    pixels = canvas.settle()
    depth = (0.4 + 5 * float(rng.random()) ** 4) * strength / 32
    tile = grain(pixels.shape, rng, "fine" if rng.random() < 0.7 else "soft")
    canvas.pixels = cv2.addWeighted(pixels, 1, tile, depth, -128 * depth)  # type: ignore[assignment]


@op("sharpen", chance=0.12, group="camera")
def sharpen(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Unsharp masking, which leaves halos."""
    pixels = canvas.settle()
    soft = cv2.GaussianBlur(pixels, (5, 5), 1.2 * pixels.shape[0] / 64)
    amount = float(rng.uniform(0.3, 1.2)) * strength
    canvas.pixels = cv2.addWeighted(pixels, 1 + amount, soft, -amount, 0)  # type: ignore[assignment]


@op("tones", chance=0.15, group="camera")
def tones(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Contrast, brightness and gamma; ink and paper stay at least `SPAN` greys apart if they were."""
    pixels = canvas.settle()
    contrast = 1 + (float(rng.uniform(0.5, 1.3)) - 1) * strength
    paper, ink = levels_of(pixels)
    contrast = max(contrast, min(1.0, SPAN / max(1.0, abs(paper - ink))))
    middle = (paper + ink) / 2
    gamma = float(np.exp(rng.normal(0, 0.2) * strength))
    greys = 255 * (np.arange(256) / 255) ** gamma
    greys = (greys - middle) * contrast + middle
    low, high = sorted((greys[round(paper)], greys[round(ink)]))
    shift = float(rng.uniform(-25, 25)) * strength
    shift = min(max(shift, min(0.0, -low)), max(0.0, 255 - high))  # neither end is lost
    canvas.pixels = cv2.LUT(pixels, np.clip(greys + shift + 0.5, 0, 255).astype(np.uint8))  # type: ignore[assignment]


@op("levels", chance=0.06, group="camera")
def levels(canvas: Canvas, rng: Rng, strength: float) -> None:
    """A scanner's clean-up: the paper goes to white and, now and then, the ink to black."""
    pixels = canvas.settle()
    paper, ink = levels_of(pixels)
    white = paper + (ink - paper) * float(rng.uniform(0.02, 0.2))
    black = ink + (paper - ink) * float(rng.uniform(0.0, 0.12))
    to = 0.0 if rng.random() < 0.35 else ink
    if paper < ink:  # light on dark
        to = 255.0 - to if to == 0.0 else to
    clean = np.interp(np.arange(256), *_rising([black, white], [to, 255.0 if paper >= ink else 0.0]))
    mixed = np.arange(256) * (1 - min(1.0, strength)) + clean * min(1.0, strength)
    canvas.pixels = cv2.LUT(pixels, np.rint(mixed).astype(np.uint8))  # type: ignore[assignment]


@op("binary", chance=0.025, group="camera")
def binary(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Two levels, by one threshold or by each place's mean (as Sauvola & Pietikainen 2000 do), with some specks."""
    pixels = canvas.settle()
    paper, ink = levels_of(pixels)
    fine = rng.random() < 0.5  # scanned at twice the resolution
    rows, columns = pixels.shape
    large = cv2.resize(pixels, (2 * columns, 2 * rows), interpolation=cv2.INTER_LINEAR) if fine else pixels
    part = float(rng.uniform(0.25, 0.42))
    if rng.random() < 0.4:
        two = cv2.threshold(large, paper + (ink - paper) * part, 255, cv2.THRESH_BINARY)[1]
    else:
        size = int(large.shape[0] * float(rng.uniform(0.5, 1.0))) | 1
        two = cv2.adaptiveThreshold(
            large, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, size, 0.75 * part * (paper - ink)
        )
    if fine:
        two = cv2.resize(two, (columns, rows), interpolation=cv2.INTER_AREA)
    kept = abs(float(two.mean()) - (255 if paper >= ink else 0))
    if kept > 115 or kept < 2:  # a shadow went black, or the ink went away: no one keeps such a scan
        return
    _fade(canvas, two, strength)  # type: ignore[arg-type]
    if rng.random() < 0.4:
        salt.act(canvas, rng, strength)


@op("fax", chance=0.008, group="camera")
def fax(canvas: Canvas, rng: Rng, strength: float) -> None:
    """A fax: greys as ordered dots (Bayer 1973), then hardly in focus."""
    pixels = canvas.settle()
    paper, ink = levels_of(pixels)
    points = [ink + (paper - ink) * float(rng.uniform(0.15, 0.4)), paper + (ink - paper) * float(rng.uniform(0, 0.12))]
    light_paper = paper >= ink
    table = np.interp(np.arange(256), *_rising(points, [4.0, 249.0] if light_paper else [251.0, 6.0]))
    flat = cv2.LUT(pixels, np.rint(table).astype(np.uint8))
    rows, columns = pixels.shape
    screen = np.tile(_BAYER, (rows // 4 + 1, columns // 4 + 1))[:rows, :columns]
    dots = cv2.compare(flat, screen, cv2.CMP_GT)
    _fade(canvas, cv2.GaussianBlur(dots, (3, 3), float(rng.uniform(0.3, 0.7))), strength)  # type: ignore[arg-type]


_BAYER = (np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.uint8) * 16 + 7).astype(np.uint8)


@op("salt", chance=0.02, group="camera")
def salt(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Specks of dust and dead pixels, one pixel each: too small to be taken for a mark."""
    pixels = canvas.settle().copy()
    count = int(pixels.size * float(rng.uniform(0.0002, 0.0025)) * strength)
    y, x = rng.integers(pixels.shape[0], size=count), rng.integers(pixels.shape[1], size=count)
    paper, ink = levels_of(pixels)
    pixels[y, x] = rng.choice(np.array([ink, ink, paper]), count).astype(np.uint8)
    canvas.pixels = pixels


@op("jpeg", chance=0.25, group="camera")
def jpeg(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Compressed and opened again."""
    quality = round(95 - float(rng.uniform(10, 62)) * min(1.2, strength))
    done, data = cv2.imencode(".jpg", canvas.settle(), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if done and strength > 0:
        canvas.pixels = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)  # type: ignore[assignment]


@op("invert", chance=0.015, group="camera")
def invert(canvas: Canvas, rng: Rng, strength: float) -> None:
    """Light on dark."""
    if strength > 0:
        canvas.pixels = cv2.bitwise_not(canvas.settle())  # type: ignore[assignment]


CAMERA: tuple[Op, ...] = (
    perspective, curl, light, focus, motion, lowres, shot, noise, sharpen,
    tones, levels, binary, fax, salt, jpeg, invert,
)  # fmt: skip


def levels_of(pixels: Grey) -> tuple[float, float]:
    """The greys of paper and ink: the middle of all, and the one that a fiftieth lies beyond, on the farther side."""
    counts = np.cumsum(cv2.calcHist([pixels], [0], None, [256], [0, 256]).ravel())
    low, middle, high = (float(np.searchsorted(counts, part * pixels.size)) for part in (0.02, 0.5, 0.98))
    return middle, low if middle - low >= high - middle else high


def _fade(canvas: Canvas, to: Grey, strength: float) -> None:
    """Go to another picture, all the way at strength 1."""
    part = min(1.0, strength)
    canvas.pixels = to if part == 1.0 else cv2.addWeighted(canvas.pixels, 1 - part, to, part, 0)  # type: ignore[assignment]


def _rising(at: list[float], to: list[float]) -> tuple[list[float], list[float]]:
    """Points in the order that np.interp needs, apart from each other."""
    pairs = sorted(zip(at, to))
    return [pairs[0][0], max(pairs[1][0], pairs[0][0] + 1)], [pairs[0][1], pairs[1][1]]
