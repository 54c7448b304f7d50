from __future__ import annotations

import time

import pytest
from tests.client.networks import StubServer, json_reply, scripted
from tests.client.pushing import Device

from nikdev_iot.client.preview import Previewer
from nikdev_iot.model.errors import PushException
from nikdev_iot.wire.pack import decode_content, decode_frame

SHOWN = {"shown": True, "again_after_s": 5, "server_time_us": 1}


class Server(StubServer):
    """Answers `POST live` with what is next in `answers`, the last one for ever."""

    def __init__(self, *answers):
        super().__init__()
        self.answers = list(answers or [json_reply(200, SHOWN)])

    def reply(self, request):
        if request.path == "/api/v1/live":
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return super().reply(request)

    def seen(self):
        """The commits shown, of each request."""
        packs = [decode_content(decode_frame(request.body).content) for request in self.requests]
        return [[(commit.number, dict(commit.values)) for commit in pack.commits()] for pack in packs]


class Clock:
    def __init__(self):
        self.s = 100.0

    def __call__(self):
        return self.s


@pytest.fixture
def clock():
    return Clock()


def previewer(device: Device, port, clock, **options):
    pusher = device.pusher(port, timeout_s=2)
    return Previewer(
        device.journal,
        pusher.transport,
        now_us=lambda: time.time_ns() // 1000,
        monotonic_s=clock,
        fraction=lambda: 0.0,
        **options,
    )


def test_the_newest_commit_is_shown_and_again_when_there_is_a_newer_one(device: Device, clock):
    server = Server(json_reply(200, SHOWN), json_reply(200, {**SHOWN, "again_after_s": 20}))
    with scripted(server) as port:
        lane = previewer(device, port, clock)
        lane.show()
        assert server.requests == []  # nothing is queued
        device.commit(2_000)
        clock.s += 5
        lane.show()
        lane.show()
        assert server.seen() == [[(2_000, {"n": 1_999, "t": 1_999 / 8})]]
        assert lane.bytes_sent > len(server.requests[0].body)
        assert lane.last_us == pytest.approx(time.time_ns() // 1000, abs=60_000_000)
        device.journal.commit({"n": -1})
        clock.s += 4.9
        lane.show()
        assert len(server.requests) == 1
        clock.s += 0.2
        lane.show()
        assert server.seen()[1] == [(2_000, {"n": 1_999, "t": 1_999 / 8}), (2_001, {"n": -1})]
        assert lane.due_in_s == pytest.approx(20)  # as the server asked


def test_what_is_no_news_is_shown_once_a_minute(device: Device, clock):
    server = Server()
    device.commit(3)
    with scripted(server) as port:
        lane = previewer(device, port, clock)
        for _ in range(121):
            lane.show()
            clock.s += 1
    assert len(server.requests) == 3


def test_a_server_that_knows_nothing_of_it_is_left_alone(device: Device, clock):
    server = Server(json_reply(404, {"message": "There is no such address."}))
    device.commit(3)
    with scripted(server) as port:
        lane = previewer(device, port, clock)
        for _ in range(200):
            lane.show()
            clock.s += 60
        assert len(server.requests) == 1
        assert lane.last_us is None
        clock.s += 86_400
        lane.show()
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    "answer",
    [
        json_reply(500, {"message": "no"}),
        json_reply(413, {"message": "no"}),
        json_reply(503, {"message": "no"}),
        (404, {"content-type": "text/html"}, b"<title>Sign in</title>"),
        (200, {"content-type": "text/html"}, b"<title>Sign in</title>"),
        json_reply(200, {"shown": True, "again_after_s": "soon"}),
        json_reply(200, {"shown": True, "again_after_s": 10**400}),
        json_reply(200, ["shown"]),
    ],
)
def test_what_fails_is_tried_again_less_and_less_often(device: Device, clock, answer):
    server = Server(answer)
    device.commit(3)
    with scripted(server) as port:
        lane = previewer(device, port, clock)
        waits = []
        for _ in range(4):
            lane.show()
            waits.append(lane.due_in_s)
            clock.s += waits[-1]
        assert waits == [5, 5, 10, 20]
        assert len(server.requests) == 4
        server.answers = [json_reply(200, SHOWN)]
        lane.show()
        assert lane.last_us is not None


def test_no_answer_is_tried_again_later_too(device: Device, clock):
    device.commit(3)
    lane = previewer(device, 1, clock)
    lane.show()
    assert lane.due_in_s == 5


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_asks_to_wait_is_heard_by_whoever_pushes(device: Device, clock, status):
    server = Server(json_reply(status, {"message": "slowly"}, **{"retry-after": "7"}))
    device.commit(3)
    with scripted(server) as port:
        lane = previewer(device, port, clock)
        with pytest.raises(PushException, match="slowly") as caught:
            lane.show()
        assert (caught.value.retry_after_s, caught.value.retained_data) == (7, True)
        lane.show()  # not at once again
        assert len(server.requests) == 1


def test_it_takes_a_tenth_of_what_the_network_may_carry(device: Device, clock):
    server = Server()
    device.commit(1)
    with scripted(server) as port:
        lane = previewer(device, port, clock, bytes_per_s=200)
        for number in range(300):
            device.journal.commit({"n": number})
            lane.show()
            clock.s += 1
        assert lane.bytes_sent < 200 * 300 / 10 * 1.2
        assert len(server.requests) > 5


def test_what_is_long_is_not_shown_ahead(device: Device, clock):
    server = Server()
    device.journal.commit({f"t{n}": "".join(map(chr, range(n + 200, n + 9_000))) for n in range(3)})
    with scripted(server) as port:
        lane = previewer(device, port, clock)
        lane.show()
        assert server.requests == []
