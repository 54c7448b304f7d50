"""A push that does not know what the server has: lost answers, delayed packs, contradictions."""

from __future__ import annotations

import time

import pytest
from tests.client.networks import (
    AnswerEater,
    Reply,
    Request,
    StubServer,
    json_reply,
    listening,
    scripted,
)
from tests.client.pushing import Device, fails, posts

from nikdev_iot.client.push import PushProgress, PushReport
from nikdev_iot.model.errors import PushException
from nikdev_iot.wire.marks import Mark
from nikdev_iot.wire.pack import decode_content, decode_frame


def test_a_lost_acknowledgement_is_found_out_and_nothing_is_sent_again(device: Device) -> None:
    device.commit(4)
    server = StubServer()
    with scripted(server) as inner, listening(AnswerEater(inner, begins=b"POST")) as port:
        pusher = device.pusher(port)
        error = fails(pusher)
        assert error.retained_data is True
        assert "ended before the answer was complete" in str(error)
        assert server.numbers == [1, 2, 3, 4]
        device.commit(2)
        seen: list[PushProgress] = []
        assert pusher.push(progress=seen.append).pushed == 6
    assert server.numbers == [1, 2, 3, 4, 5, 6]
    assert [progress.pushed for progress in seen] == [4, 6]
    assert [request.method for request in server.requests] == ["GET", "POST", "GET", "POST"]


def test_a_timeout_makes_the_next_pack_smaller_and_either_may_arrive(device: Device) -> None:
    device.commit(1_000)
    server = StubServer()
    held: list[bytes] = []

    def hold(request: Request) -> Reply | None:
        if request.method == "POST" and not held:
            held.append(request.body)
            time.sleep(2)
        return None

    server.intervene = hold
    with scripted(server) as port:
        pusher = device.pusher(port, timeout_s=0.5)
        error = fails(pusher)
        assert error.retained_data is True
        pusher.transport = device.pusher(port).transport  # which waits long enough on any machine
        report = pusher.push()  # the first is still held: its half goes first, and then it comes too late
        assert report.pushed == 1_000
        time.sleep(2)
    assert server.numbers == list(range(1, 1_001))
    assert decode_content(decode_frame(held[0]).content).last == 1_000
    assert len(posts(server)) >= 3
    assert device.journal.in_flight() == []


def test_a_slow_way_is_got_through_by_a_program_that_is_started_anew_each_time(device: Device) -> None:
    device.commit(400)
    server = StubServer()

    def slow(request: Request) -> Reply | None:
        if request.method == "POST" and decode_content(decode_frame(request.body).content).row_count > 60:
            time.sleep(0.8)
            return json_reply(504, {"message": "too slow"})
        return None

    server.intervene = slow
    with scripted(server) as port:
        failures = 0
        while device.journal.status().unpushed:
            try:
                device.pusher(port, timeout_s=0.4).push()  # each knows only what the journal knows
            except PushException:
                failures += 1
            assert failures < 30
    assert server.numbers == list(range(1, 401))
    assert failures >= 3


def test_a_delayed_pack_that_arrives_first_is_settled_by_the_conflict(device: Device) -> None:
    device.commit(1_000)
    server = StubServer()
    delayed: list[bytes] = []

    def lose_then_deliver(request: Request) -> Reply | None:
        if request.method != "POST":
            return None
        if not delayed:
            delayed.append(request.body)
            time.sleep(0.6)  # the client gives up
            return json_reply(500, {"message": "too late"})
        if len(delayed) == 1:
            delayed.append(b"")
            server.store(delayed[0])  # now it arrives after all, just before the smaller one
        return None

    server.intervene = lose_then_deliver
    with scripted(server) as port:
        pusher = device.pusher(port, timeout_s=0.3)
        fails(pusher)
        pusher.transport = device.pusher(port).transport
        assert pusher.push().pushed == 1_000
    assert server.numbers == list(range(1, 1_001))


def test_a_server_restored_to_the_same_state_is_pushed_to_under_its_new_epoch(device: Device) -> None:
    server = StubServer()
    with scripted(server) as port:
        pusher = device.pusher(port)
        device.commit(1)
        pusher.push()
        server.epoch = bytes(reversed(server.epoch))
        device.commit(1)
        assert pusher.push().pushed == 1
    assert server.numbers == [1, 2]
    assert device.journal.epoch == server.epoch


@pytest.mark.parametrize("mark", [Mark(1, b"x" * 32), Mark(3, b"x" * 32), Mark(9, b"x" * 32)])
@pytest.mark.parametrize("is_doubtful", [False, True])
def test_while_it_is_not_known_what_a_server_has_it_gets_nothing(device: Device, mark: Mark, is_doubtful: bool) -> None:
    server = StubServer()  # it does not tell digests
    with scripted(server) as port:
        pusher = device.pusher(port)
        device.commit(3)
        pusher.push()
        device.commit(1)
        if is_doubtful:
            server.intervene = lambda request: json_reply(500, {"message": "no"}) if request.method == "POST" else None
            fails(pusher)
            server.intervene = lambda _: None
        server.mark = mark
        origin = device.journal.origin
        error = fails(pusher)
    assert error.retained_data is True
    assert "1 commit is still queued" in str(error)
    assert server.mark == mark
    assert (device.journal.status().unpushed, device.journal.origin) == (1, origin)


def test_a_server_that_contradicts_itself_ends_the_push(device: Device) -> None:
    device.commit(1)
    server = StubServer()
    server.intervene = lambda request: (
        json_reply(409, {"message": "no", "code": "fork", **server.answer()}) if request.method == "POST" else None
    )
    with scripted(server) as port:
        error = fails(device.pusher(port))
    assert error.retained_data is True
    assert "contradict" in str(error)
    assert len(posts(server)) < 10


def test_an_acknowledgement_of_something_else_is_none(device: Device) -> None:
    device.commit(2)
    server = StubServer()
    server.intervene = lambda request: json_reply(200, server.answer(stored=True)) if request.method == "POST" else None
    with scripted(server) as port:
        error = fails(device.pusher(port))
    assert error.retained_data is True
    assert "contradicts itself" in str(error)
    assert device.journal.status().unpushed == 2


def test_commits_set_aside_although_they_arrived_count_beside_those_queued_since(device: Device) -> None:
    device.commit(10)
    server = StubServer()
    with scripted(server) as inner, listening(AnswerEater(inner, begins=b"POST")) as port:
        pusher = device.pusher(port)
        fails(pusher)  # stored, and the answer lost
        server.intervene = lambda _: json_reply(403, {"message": "no write access"})
        assert fails(pusher).retained_data is False
        assert len(device.journal.rejected()) == 10
        server.intervene = lambda _: None
        device.commit(3)
        seen: list[PushProgress] = []
        assert pusher.push(progress=seen.append) == PushReport(13, 0, 2, len(posts(server)[-1].body))
    assert [(progress.pushed, progress.total) for progress in seen] == [(10, 13), (13, 13)]
    assert server.numbers == list(range(1, 14))
    assert (device.journal.status().unpushed, device.journal.status().rejected) == (0, 0)


def test_what_was_restored_while_a_pack_was_in_doubt_goes_along(device: Device) -> None:
    device.commit(4)
    device.journal.set_rejected({2: "no"})
    server = StubServer()
    with scripted(server) as inner, listening(AnswerEater(inner, begins=b"POST")) as port:
        pusher = device.pusher(port)
        fails(pusher)  # stored, with 2 as a gap
        assert device.journal.restore_rejected() == 1
        assert pusher.push().pushed == 4
    assert server.numbers == [1, 3, 4, 5]  # 2, under a number that is still free
    assert device.journal.status().unpushed == 0
