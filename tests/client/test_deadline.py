from __future__ import annotations

import threading
import time

import pytest

from nikdev_iot.client.deadline import Deadline


class Line:
    def __init__(self) -> None:
        self.did: list[str] = []
        self.was_cut = threading.Event()

    def put_under(self, deadline: Deadline) -> None:
        deadline.watch(cut=self.cut, let_go=lambda: self.did.append("let go"))

    def cut(self) -> None:
        self.did.append("cut")
        self.was_cut.set()


def test_what_is_done_in_time_is_not_cut() -> None:
    line = Line()
    with Deadline(60) as deadline:
        assert Deadline.current() is deadline
        line.put_under(deadline)
    assert Deadline.current() is None
    assert not deadline.passed
    assert line.did == ["let go"]
    assert "nikdev-deadline" not in {thread.name for thread in threading.enumerate()}


def test_what_takes_too_long_is_cut() -> None:
    line = Line()
    with Deadline(0.05) as deadline:
        line.put_under(deadline)
        assert line.was_cut.wait(5)
        late = Line()
        late.put_under(deadline)  # too late for this one as well
    assert deadline.passed
    assert line.did == ["cut", "let go"]
    assert late.did == ["cut", "let go"]


def test_another_connection_takes_the_place_of_the_one_before() -> None:
    first, second = Line(), Line()
    with Deadline(0.05) as deadline:
        first.put_under(deadline)
        second.put_under(deadline)
        assert second.was_cut.wait(5)
    assert first.did == ["let go"]
    assert second.did == ["cut", "let go"]


def test_it_can_begin_again() -> None:
    line = Line()
    with Deadline(60) as deadline:
        line.put_under(deadline)
        deadline.begin_again(0.05)
        assert line.was_cut.wait(5)
    with Deadline(0.2) as deadline:
        deadline.begin_again(60)
        time.sleep(0.3)
    assert not deadline.passed


def test_without_a_thread_nothing_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", start)
    line = Line()
    with Deadline(0.01) as deadline:
        line.put_under(deadline)
    assert line.did == ["let go"]
