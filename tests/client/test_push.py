"""The push loop against scripted servers and bad networks; against the real server: `test_push_for_real.py`."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from tests.client.networks import (
    Reply,
    Request,
    StubServer,
    clear_text,
    closed_port,
    dribbling,
    half_closing,
    http,
    json_reply,
    listening,
    never_answering,
    replying,
    resetting,
    scripted,
    speaking_tls,
)
from tests.client.pushing import Device, fails, posts

from nikdev_iot.client.push import Pusher, PushProgress, PushReport
from nikdev_iot.client.transport import Transport


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
        (dribbling(b"", b"H"), "did not answer within 1 s"),
        (dribbling(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b" "), "did not answer within 1 s"),
        (half_closing, "ended before the answer was complete"),
        (resetting, "ended before the answer was complete"),
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
        (replying(http("413 Payload Too Large", "<html>nginx", "Content-Type: text/html")), "HTTP 413 and a web page"),
        (replying(http("429 Too Many Requests", "<html>", "Content-Type: text/html")), "HTTP 429 and a web page"),
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


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("certificate", "The certificate of localhost:{port} cannot be trusted: self-signed certificate"),
        ("no TLS", "localhost:{port} does not speak TLS"),
        ("proxy", "The proxy on the way to server.invalid did not work: Connection refused"),
        ("proxy's name", "The proxy no-proxy.invalid on the way to server.invalid cannot be found"),
        ("name", "The host name of no-such-host.invalid cannot be found"),
        ("name server", "The host name of hangs.example was not found out within 1 s: no name server answers"),
    ],
)
def test_a_way_that_leads_nowhere_keeps_the_commits(
    device: Device, monkeypatch: pytest.MonkeyPatch, case: str, says: str
) -> None:
    go_on = threading.Event()

    def hang(*_: object, **__: object) -> None:
        go_on.wait(30)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    if case == "name server":
        monkeypatch.setattr(socket, "getaddrinfo", hang)
    elif case.startswith("proxy"):
        host = "no-proxy.invalid:3128" if case == "proxy's name" else f"127.0.0.1:{closed_port()}"
        monkeypatch.setenv("http_proxy", f"http://{host}")
    device.commit(3)
    with listening(speaking_tls if case == "certificate" else clear_text) as port:
        url = {
            "certificate": f"https://localhost:{port}/api/v1/",
            "no TLS": f"https://localhost:{port}/api/v1/",
            "name": "http://no-such-host.invalid/api/v1/",
            "name server": "http://hangs.example/api/v1/",
        }.get(case, "http://server.invalid/api/v1/")
        transport = Transport(base_url=url, timeout_s=1)
        device.transports.append(transport)
        began = time.monotonic()
        error = fails(Pusher(journal=device.journal, transport=transport, now_us=lambda: time.time_ns() // 1000))
        assert time.monotonic() - began < 4
    go_on.set()
    assert says.format(port=port) in str(error)
    assert (error.retained_data, error.status) == (True, None)
    assert f"3 commits are still queued in {device.journal.path}; push again later." in str(error)
    assert device.journal.status().unpushed == 3


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
