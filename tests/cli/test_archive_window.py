"""The window through which a run over many files looks: a bounded number ahead, and what is begun is kept on Ctrl-C."""

import pytest

from netchu.archive import End, File, Threads, Unit, Window
from netchu.records import Page


def test_no_more_than_the_limit_is_taken_ahead():
    taken: list[int] = []

    def events():
        for number in range(20):
            taken.append(number)
            yield Unit(File(str(number)), 1, b"")
            yield End(File(str(number)))

    window = Window(events(), Threads(lambda picture, where: Page(1, 1, (), where), 2))
    for place, (event, outcome) in enumerate(window):
        assert len(taken) <= place // 2 + 4
        if isinstance(event, Unit):
            assert isinstance(outcome, Page) and outcome.source == event.where == str(place // 2)
    assert place == 39


class Late:
    """A page that is read when it is waited for a second time: the first time Ctrl-C comes."""

    def __init__(self, begun: bool) -> None:
        self.begun, self.waited = begun, 0

    def result(self) -> Page:
        assert self.begun
        self.waited += 1
        if self.waited == 1:
            raise KeyboardInterrupt
        return Page(1, 1, ())

    def cancel(self) -> bool:
        return not self.begun


class Lates:
    limit = 4

    def submit(self, picture, where) -> Late:
        return Late(begun=where in "abc")

    def close(self) -> None:
        pass


def test_ctrl_c_keeps_what_is_begun_and_gives_up_the_rest():
    window = Window((Unit(File(name), 1, b"") for name in "abcdef"), Lates())
    with pytest.raises(KeyboardInterrupt):
        next(iter(window))
    for handle in [handle for _, handle in window._waiting]:
        handle.waited += 1
    drained = [(event.file.name, outcome) for event, outcome in window.drain()]
    page = Page(1, 1, ())
    assert drained == [("a", page), ("b", page), ("c", page), ("d", None)]
