"""One reader, many threads: the same to the last bit as one thread."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import netchu
import netchu.read as reading
from netchu.image import open_grey
from netchu.read import load

SAMPLE = open_grey(reading.__file__.replace("read.py", "samples/sample.png"))
THREADS = 4


def jobs() -> list[list[np.ndarray]]:
    """Calls of several sizes: single lines, batches, blanks, an empty one."""
    rng = np.random.default_rng(0)
    calls: list[list[np.ndarray]] = [[]]
    for size in (1, 2, 1, 3, 1, 1, 2, 4, 1, 1, 2, 1):
        lefts = rng.integers(0, 800, size)
        calls.append([SAMPLE[:, left : left + int(rng.integers(60, 456))] for left in lefts])
    calls[3].append(np.full((50, 100), 255, np.uint8))
    return calls


@pytest.fixture(scope="module")
def expected():
    reader = load("vi")
    return [reader.read_lines(call) for call in jobs()]


def test_there_is_something_to_get_wrong(expected):
    assert len({line.text for call in expected for line in call}) > 12


def test_threads_sharing_a_reader_give_what_one_gives(expected):
    reader = netchu.load("vi")
    calls = jobs()
    with ThreadPoolExecutor(THREADS) as pool:
        every = [pool.submit(reader.read_lines, calls[k % len(calls)]) for k in range(2 * len(calls))]
        found = [future.result() for future in every]
    assert found == expected * 2  # records compare by value: texts, confidences and boxes to the last bit


def test_a_second_reader_gives_the_same(expected):
    reader = netchu.load("vi")
    assert [reader.read_lines(call) for call in jobs()[:5]] == expected[:5]


def test_a_bad_picture_in_one_thread_is_that_threads_trouble(expected):
    reader = netchu.load("vi")
    calls = jobs()[:6]

    def read(k: int):
        try:
            return reader.read_lines(calls[k // 2] if k % 2 else [*calls[k // 2], b"no picture"])
        except netchu.NetchuError as error:
            return str(error)

    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(read, range(2 * len(calls))))
    assert found[1::2] == expected[:6]
    assert all("not a picture" in message for message in found[::2])
