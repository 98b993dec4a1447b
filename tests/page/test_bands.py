"""Large looks come in bands: the same maps, each band with the page's contrast, and none too large."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from netchu.page import bands
from netchu.page.bands import MARGIN, MOST, MULTIPLE, WHOLE, paint_in_bands, patch
from netchu.page.maps import MAPS, STRIDE

RNG = np.random.default_rng(4)
SHAPES = [(2400, 1728), (1728, 2400), (4096, 992), (640, 6400)]


class Network:
    """What the network does with contrast, and one map that shows its neighbours: the mean of 9 x 9 pixels."""

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def __call__(self, images: np.ndarray) -> np.ndarray:
        assert images.dtype == np.uint8 and all(side % MULTIPLE == 0 for side in images.shape[1:])
        self.seen.append(images[0])
        grey = images[0].astype(np.float32)
        level = cv2.blur((grey - grey.mean()) / grey.std(), (9, 9))
        rows, columns = grey.shape
        maps = level.reshape(rows // STRIDE, STRIDE, columns // STRIDE, STRIDE).mean(axis=(1, 3))
        return np.repeat(maps[None], MAPS, axis=0)[None]


def written(shape: tuple[int, int], uneven: float = 0.0) -> np.ndarray:
    """A page of dark specks, `uneven`: fewer and fewer of them to its lower right."""
    picture = np.full(shape, 200.0)
    share = 1 - uneven * np.add.outer(np.linspace(0, 0.5, shape[0]), np.linspace(0, 0.5, shape[1]))
    picture[RNG.random(shape) < 0.15 * share] = 40
    return picture.astype(np.uint8)


def test_what_is_small_is_looked_at_as_it_is() -> None:
    network, picture = Network(), written((1280, 960))
    assert picture.size <= WHOLE
    maps = paint_in_bands(network, picture)
    assert len(network.seen) == 1
    assert np.array_equal(maps, Network()(picture[None])[0])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("uneven", [0.0, 0.4])
def test_bands_give_the_maps_of_the_whole(shape: tuple[int, int], uneven: float) -> None:
    network, picture = Network(), written(shape, uneven)
    maps = paint_in_bands(network, picture)
    assert maps.shape == (MAPS, shape[0] // STRIDE, shape[1] // STRIDE)
    assert np.abs(maps - Network()(picture[None])[0]).max() < 0.03
    assert len(network.seen) > 1
    most = (WHOLE + 2 * MARGIN * min(shape)) * (1 + MOST) + 2 * MULTIPLE * min(shape)
    assert max(seen.size for seen in network.seen) < most


def test_a_band_sees_what_is_beyond_its_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    network, picture = Network(), written((2400, 1728))
    paint_in_bands(network, picture)
    rows = sum(len(seen) for seen in network.seen)
    assert rows >= len(picture) + 2 * MARGIN * (len(network.seen) - 1)
    monkeypatch.setattr(bands, "MARGIN", 0)
    bare = Network()
    paint_in_bands(bare, picture)
    assert sum(len(seen) for seen in bare.seen) < rows - 2 * MARGIN


@pytest.mark.parametrize(("mean", "deviation"), [(180, 55), (215, 40), (120, 70), (190, 65)])
def test_a_patch_gives_a_band_the_contrast_of_the_page(mean: float, deviation: float) -> None:
    band = np.clip(RNG.normal(mean + 5, 0.98 * deviation, (704, 960)), 0, 255).astype(np.uint8)
    wanted = float(band.mean()) - 5, float(band.std()) * 1.02
    greys = patch(band, *wanted)
    assert greys.dtype == np.uint8 and greys.shape[1] == 960 and 0 < len(greys) <= MOST * 704 + MULTIPLE
    both = np.concatenate([band, greys])
    assert both.mean() == pytest.approx(wanted[0], abs=0.3)
    assert both.std() == pytest.approx(wanted[1], abs=0.3)


@pytest.mark.parametrize("band", [np.zeros((320, 64)), np.full((320, 64), 255), np.tile([0, 255], (320, 32))])
@pytest.mark.parametrize("wanted", [(0.0, 0.0), (255.0, 0.0), (127.5, 127.5), (10.0, 3.0)])
def test_a_patch_is_no_larger_than_may_be(band: np.ndarray, wanted: tuple[float, float]) -> None:
    greys = patch(band.astype(np.uint8), *wanted)
    assert len(greys) % MULTIPLE == 0 and 0 < len(greys) <= MOST * len(band) + MULTIPLE
