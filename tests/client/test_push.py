"""The push loop against scripted servers and bad networks; against the real server: `test_push_for_real.py`."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.client.networks import (
    AnswerEater,
    Reply,
    Request,
    StubServer,
    closed_port,
    http,
    json_reply,
    listening,
    never_answering,
    replying,
    scripted,
    url_of,
)

from nikdev_iot.client.push import Pusher, PushProgress, PushReport
from nikdev_iot.client.transport import Transport
from nikdev_iot.journal.journal import Journal
from nikdev_iot.model.errors import PushException
from nikdev_iot.wire.marks import Mark
from nikdev_iot.wire.pack import decode_content, decode_frame


@dataclass
class Device:
    journal: Journal
    transports: list[Transport]

    def commit(self, count: int) -> None:
        now_us = time.time_ns() // 1000
        self.journal.commit_many((now_us + number, {"n": number, "t": number / 8}, None) for number in range(count))

    def pusher(self, port: int, *, timeout_s: float = 5) -> Pusher:
        transport = Transport(base_url=url_of(port), timeout_s=timeout_s)
        self.transports.append(transport)
        return Pusher(journal=self.journal, transport=transport, now_us=lambda: time.time_ns() // 1000)


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    made = Device(Journal.open(tmp_path / "journal.db"), [])
    yield made
    for transport in made.transports:
        transport.close()
    made.journal.close()


def fails(pusher: Pusher) -> PushException:
    with pytest.raises(PushException) as caught:
        pusher.push()
    return caught.value


def posts(server: StubServer) -> list[Request]:
    return [request for request in server.requests if request.method == "POST"]


def test_everything_goes_once_and_in_order(device: Device) -> None:
    device.commit(2_500)
    server = StubServer()
    seen: list[PushProgress] = []
    with scripted(server) as port:
        pusher = device.pusher(port)
        report = pusher.push(progress=seen.append)
        assert pusher.push() == PushReport()
    assert server.numbers == list(range(1, 2_501))
    assert report.pushed == 2_500
    assert report.packs == 2
    assert report.bytes_sent == sum(len(request.body) for request in posts(server))
    assert [progress.pushed for progress in seen] == [1_000, 2_500]
    assert [progress.total for progress in seen] == [2_500, 2_500]
    assert seen[-1].bytes_sent == report.bytes_sent
    assert device.journal.status().unpushed == 0
    assert device.journal.epoch == server.epoch


def test_without_commits_nothing_is_asked(device: Device) -> None:
    assert device.pusher(closed_port()).push() == PushReport()


def test_the_mark_is_asked_for_the_first_time_only(device: Device) -> None:
    server = StubServer()
    with scripted(server) as port:
        pusher = device.pusher(port)
        for _ in range(3):
            device.commit(1)
            pusher.push()
    assert [request.method for request in server.requests] == ["GET", "POST", "POST", "POST"]
    assert all(request.headers["x-nikdev-sent-us"].isdigit() for request in posts(server))


# -- networks that fail: each keeps the commits, says what it was, and comes back in time ------------------

Network = Callable[[socket.socket], None]


@pytest.mark.parametrize(
    ("network", "says"),
    [
        (never_answering, "did not answer within 1 s"),
        (replying(b""), "ended before the answer was complete"),
        (replying(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"), "ended before the answer was complete"),
        (replying(http("200 OK", "<html><title>Hotel Wi-Fi</title>", "Content-Type: text/html")), "'Hotel Wi-Fi'"),
        (replying(http("200 OK", '{"mark": {"num', "Content-Type: application/json")), "JSON that is damaged"),
        (replying(http("200 OK", '{"mark": 7}', "Content-Type: application/json")), "JSON that is damaged"),
        (replying(http("200 OK", '{"message": "ok"}', "Content-Type: application/json")), "not as a NikDev server"),
        (replying(http("500 Internal Server Error", '{"message": "it broke"}')), "it broke"),
        (replying(http("503 Service Unavailable", "try later", "Content-Type: text/plain")), "'try later'"),
        (replying(http("404 Not Found", '{"detail": "Not Found"}', "Content-Type: application/json")), "HTTP 404"),
        (replying(http("403 Forbidden", "<html>blocked", "Content-Type: text/html")), "a web page"),
        (replying(http("401 Unauthorized", "")), "HTTP 401 and nothing"),
        (replying(http("302 Found", "", "Location: http://sign-in.invalid/")), "'http://sign-in.invalid/'"),
        (replying(b"220 mail ESMTP\r\n"), "does not speak HTTP"),
    ],
)
@pytest.mark.parametrize("at", ["mark", "pack"])
def test_a_bad_network_keeps_the_commits(device: Device, network: Network, says: str, at: str) -> None:
    device.commit(3)
    if at == "pack":
        device.journal.set_epoch(bytes(16))  # a server was met before: the pack is sent at once
    with listening(network) as port:
        began = time.monotonic()
        error = fails(device.pusher(port, timeout_s=1))
        assert time.monotonic() - began < 4
        assert says in str(error)
        assert f"127.0.0.1:{port}" in str(error)
    assert error.retained_data is True
    assert f"3 commits are still queued in {device.journal.path}" in str(error)
    assert device.journal.status().unpushed == 3
    assert device.journal.status().rejected == 0


def test_a_port_where_nothing_listens(device: Device) -> None:
    device.commit(1)
    port = closed_port()
    error = fails(device.pusher(port))
    assert error.retained_data is True
    assert error.status is None
    assert f"Nothing accepts connections at 127.0.0.1:{port}" in str(error)
    assert "1 commit is still queued" in str(error)


def test_a_server_that_asks_to_wait(device: Device) -> None:
    device.commit(1)
    with scripted(lambda _: json_reply(429, {"message": "slower, please"}, **{"retry-after": "17"})) as port:
        error = fails(device.pusher(port))
    assert (error.retained_data, error.status, error.retry_after_s) == (True, 429, 17.0)
    assert "slower, please" in str(error)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("at", ["/api/v1/origins/", "/api/v1/packs"])
def test_refused_credentials_set_everything_aside(device: Device, status: int, at: str) -> None:
    device.commit(5)
    server = StubServer(
        lambda request: json_reply(status, {"message": "not with this key"}) if request.path.startswith(at) else None
    )
    with scripted(server) as port:
        pusher = device.pusher(port)
        error = fails(pusher)
        assert (error.retained_data, error.status) == (False, status)
        assert "not with this key" in str(error)
        assert "5 commits left the queue" in str(error)
        assert "restore_rejected()" in str(error)
        assert device.journal.status().unpushed == 0
        assert [commit.number for commit in device.journal.rejected()] == [1, 2, 3, 4, 5]
        assert pusher.push() == PushReport()  # nothing is queued, and nothing is asked

        server.intervene = lambda _: None
        assert device.journal.restore_rejected() == 5
        assert pusher.push().pushed == 5
    assert server.numbers == [1, 2, 3, 4, 5]


# -- doubt ---------------------------------------------------------------------------------------------


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


# -- commits that the server judges ----------------------------------------------------------------------


def rejecting(numbers: set[int]) -> Callable[[Request], Reply | None]:
    def intervene(request: Request) -> Reply | None:
        if request.method != "POST":
            return None
        held = set(decode_content(decode_frame(request.body).content).numbers())
        refused = [{"number": number, "reason": f"no {number}"} for number in sorted(numbers & held)]
        return json_reply(422, {"message": "not these", "rejected": refused}) if refused else None

    return intervene


def test_commits_that_the_server_refuses_do_not_block_those_behind_them(device: Device) -> None:
    device.commit(6)
    server = StubServer(rejecting({2, 3, 6}))
    with scripted(server) as port:
        report = device.pusher(port).push()
    assert (report.pushed, report.rejected) == (3, 3)
    assert server.numbers == [1, 4, 5]
    assert [(commit.number, commit.reason) for commit in device.journal.rejected()] == [
        (2, "no 2"),
        (3, "no 3"),
        (6, "no 6"),
    ]
    assert device.journal.status().unpushed == 0


def test_only_what_was_set_aside_is_counted_as_such(device: Device) -> None:
    device.commit(3)
    server = StubServer()

    def refuse_what_is_aside(request: Request) -> Reply | None:
        if request.method == "POST" and len(posts(server)) == 1:
            device.journal.set_rejected({1: "by another program, meanwhile"})
            refused = [{"number": number, "reason": {"not": "a text"}} for number in (1, 2)]
            return json_reply(422, {"message": "not these", "rejected": refused})
        return None

    server.intervene = refuse_what_is_aside
    with scripted(server) as port:
        assert device.pusher(port).push().rejected == 1
    assert server.numbers == [3]
    assert [commit.reason for commit in device.journal.rejected()] == ["by another program, meanwhile", "not these"]


@pytest.mark.parametrize(
    "listed", [None, [], [{"number": 99, "reason": "x"}], [7], [{"number": "1"}], [{"number": True}], "all"]
)
def test_a_refusal_that_names_no_commit_keeps_them_all(device: Device, listed: object) -> None:
    device.commit(2)
    server = StubServer(
        lambda request: (
            json_reply(422, {"message": "hm", "rejected": listed}) if request.path == "/api/v1/packs" else None
        )
    )
    with scripted(server) as port:
        error = fails(device.pusher(port))
    assert (error.retained_data, error.status) == (True, 422)
    assert device.journal.status().unpushed == 2


def at_most(limit: int) -> Callable[[Request], Reply | None]:
    def intervene(request: Request) -> Reply | None:
        if request.method == "POST":
            pack = decode_content(decode_frame(request.body).content)
            if pack.row_count > limit or any(len(str(commit.values)) > 500 for commit in pack.commits()):
                return json_reply(413, {"message": f"at most {limit}"})
        return None

    return intervene


def test_a_pack_that_is_too_large_is_halved(device: Device) -> None:
    device.commit(100)
    server = StubServer(at_most(30))
    with scripted(server) as port:
        assert device.pusher(port).push().pushed == 100
    assert server.numbers == list(range(1, 101))


def test_a_single_commit_that_is_too_large_is_set_aside(device: Device) -> None:
    device.commit(3)
    device.journal.commit({"text": "x" * 600})
    device.commit(3)
    server = StubServer(at_most(1_000))
    with scripted(server) as port:
        report = device.pusher(port).push()
    assert (report.pushed, report.rejected) == (6, 1)
    assert server.numbers == [1, 2, 3, 5, 6, 7]
    (aside,) = device.journal.rejected()
    assert aside.number == 4
    assert "at most" in aside.reason


def test_the_limit_of_a_proxy_on_the_way(device: Device) -> None:
    """As nginx puts it; smaller packs get through, and a commit that does not is kept until somebody lifts it."""
    device.commit(64)
    device.journal.commit({"text": "x" * 600})
    server = StubServer()

    def limit(request: Request) -> Reply | None:
        if request.method == "POST" and len(decode_frame(request.body).content) > 700:
            return 413, {"content-type": "text/html"}, b"<html><title>413 Request Entity Too Large</title></html>"
        return None

    server.intervene = limit
    with scripted(server) as port:
        error = fails(device.pusher(port))
        assert (error.retained_data, error.status) == (True, 413)
        assert "413 Request Entity Too Large" in str(error)
        assert "1 commit is still queued" in str(error)
        assert server.numbers == list(range(1, 65))
        server.intervene = lambda _: None
        assert device.pusher(port).push().pushed == 1


# -- others at the same journal ------------------------------------------------------------------------------


def test_commits_made_during_a_push_stay_or_go_along_and_are_never_lost(device: Device) -> None:
    device.commit(1)
    server = StubServer()

    def commit_meanwhile(request: Request) -> Reply | None:
        if request.method == "POST" and len(posts(server)) == 1:
            device.commit(5)
        return None

    server.intervene = commit_meanwhile
    with scripted(server) as port:
        pusher = device.pusher(port)
        pusher.push()
        assert device.journal.status().unpushed == 5
        pusher.push()
    assert server.numbers == [1, 2, 3, 4, 5, 6]


def test_two_pushes_at_once_send_each_commit_once(device: Device) -> None:
    device.commit(3_000)
    server = StubServer()
    with scripted(server) as port:
        pushers = [device.pusher(port) for _ in range(4)]
        reports: list[PushReport] = []
        threads = [threading.Thread(target=lambda p=pusher: reports.append(p.push())) for pusher in pushers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert server.numbers == list(range(1, 3_001))
    assert sum(report.pushed for report in reports) == 3_000
    assert all(request.method == "POST" or request.path.startswith("/api/v1/origins/") for request in server.requests)


def test_a_push_that_waits_too_long_for_another_says_so(device: Device) -> None:
    device.commit(1)
    holding = threading.Event()
    done = threading.Event()

    def hold() -> None:
        lock: AbstractContextManager[None] = device.journal.push_lock(5)
        with lock:
            holding.set()
            done.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    holding.wait(5)
    error = fails(device.pusher(closed_port(), timeout_s=0.2))
    done.set()
    thread.join(10)
    assert error.retained_data is True
    assert "under way" in str(error)


def test_commits_discarded_while_the_pack_is_under_way(device: Device) -> None:
    device.commit(2)
    server = StubServer()

    def discard(request: Request) -> Reply | None:
        if request.method == "POST":
            device.journal.reset_unpushed()
        return None

    server.intervene = discard
    with scripted(server) as port:
        pusher = device.pusher(port)
        pusher.push()
        server.intervene = lambda _: None
        device.commit(1)
        pusher.push()
    assert server.numbers == [1, 2, 3]
    assert device.journal.status().unpushed == 0
