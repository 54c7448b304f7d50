from __future__ import annotations

import threading
import time

from nikdev_iot.cli.collect.pusher import BackgroundPusher
from nikdev_iot.model.errors import PushException


class Server:
    """What `push` does, one answer after the other; the last for ever."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = 0
        self.called = threading.Condition()

    def __call__(self):
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        with self.called:
            self.asked += 1
            self.called.notify_all()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def wait_for(self, count):
        with self.called:
            assert self.called.wait_for(lambda: self.asked >= count, 10)


def _pusher(server, **options):
    told = []
    pusher = BackgroundPusher(server, tell=told.append, **options)
    pusher.start()
    return pusher, told


def _push(pusher, server, times):
    for _ in range(times):
        count = server.asked + 1
        pusher.wake()
        server.wait_for(count)
        time.sleep(0.05)  # until it has said what there is to say


def test_the_first_success_is_told_once():
    server = Server(3, 1)
    pusher, told = _pusher(server)
    _push(pusher, server, 3)
    assert pusher.stop(timeout_s=5)
    assert told == ["Pushed 3 commits: values arrive."]


def test_trouble_is_told_once_and_so_is_its_end():
    server = Server(PushException("no\nconnection"), PushException("no\nconnection"), PushException("timeout"), 4, 1)
    pusher, told = _pusher(server)
    _push(pusher, server, 1)
    assert isinstance(pusher.error, PushException)
    _push(pusher, server, 4)
    assert pusher.stop(timeout_s=5)
    assert pusher.error is None
    assert told == [
        "Not pushed, tried again with the next reading: no connection",
        "Not pushed, tried again with the next reading: timeout",
        "Pushed 4 commits: values arrive.",
    ]


def test_a_fault_does_not_end_it():
    server = Server(ZeroDivisionError("oh"), 1)
    pusher, told = _pusher(server)
    _push(pusher, server, 2)
    assert pusher.stop(timeout_s=5)
    assert told[0].endswith("ZeroDivisionError: oh")
    assert told[1] == "Pushed 1 commit: values arrive."


def test_what_waits_is_pushed_at_the_end():
    server = Server(1)
    pusher, _ = _pusher(server, every_s=3600)
    _push(pusher, server, 1)
    pusher.wake()
    time.sleep(0.1)
    assert server.asked == 1
    assert pusher.stop(timeout_s=5)
    assert server.asked == 2


def test_nothing_is_tried_at_the_end_where_the_last_push_failed():
    server = Server(PushException("no connection"))
    pusher, _ = _pusher(server, every_s=3600)
    _push(pusher, server, 1)
    pusher.wake()
    assert pusher.stop(timeout_s=5)
    assert server.asked == 1


def test_not_more_often_than_asked_for():
    server = Server(1)
    pusher, _ = _pusher(server, every_s=0.3)
    began = time.monotonic()
    for _ in range(40):
        pusher.wake()
        time.sleep(0.02)
    pusher.stop(timeout_s=5)
    assert 2 <= server.asked <= (time.monotonic() - began) / 0.3 + 2


def test_a_push_that_hangs_does_not_hold_up_the_end():
    gate = threading.Event()

    def hang():
        gate.wait(20)
        return 1

    pusher, _ = _pusher(hang)
    pusher.wake()
    time.sleep(0.1)
    assert not pusher.stop(timeout_s=0.1)
    gate.set()
