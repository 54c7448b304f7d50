from __future__ import annotations

import asyncio
import json
import re
import socket
import time

import pytest
from tests.server.pushing import Client, entries_body
from uvicorn import Config
from uvicorn.server import ServerState

from nikdev_iot.server.config import ConnectionLimits
from nikdev_iot.server.protocol import OneWriteProtocol, OneWriteTransport


class Wire:
    """Stands for the socket: what was written, in which pieces, and whether it was closed."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.closed = False
        self.paused: list[bool] = []

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.pieces.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.paused.append(True)

    def resume_reading(self) -> None:
        self.paused.append(False)

    def get_extra_info(self, name: str) -> str:
        return name


def run(steps) -> Wire:
    wire = Wire()

    async def main():
        loop = asyncio.get_running_loop()
        await steps(OneWriteTransport(wire, loop))  # type: ignore[arg-type]

    asyncio.run(main())
    return wire


def test_head_and_body_go_out_together_and_at_once():
    async def steps(transport):
        transport.write(b"head")
        transport.write(b"body")
        assert transport._transport.pieces == [b"headbody"]
        await asyncio.sleep(0)

    assert run(steps).pieces == [b"headbody"]


def test_a_head_alone_waits_no_longer_than_one_round():
    async def steps(transport):
        transport.write(b"head")
        await asyncio.sleep(0)
        assert transport._transport.pieces == [b"head"]
        transport.write(b"first")
        await asyncio.sleep(0)
        transport.write(b"second")
        transport.write(b"third")
        transport.write(b"fourth")
        await asyncio.sleep(0)

    assert run(steps).pieces == [b"head", b"first", b"secondthird", b"fourth"]


def test_closing_loses_nothing():
    async def steps(transport):
        transport.write(b"last words")
        transport.close()
        await asyncio.sleep(0)
        assert transport.is_closing()

    wire = run(steps)
    assert (wire.pieces, wire.closed) == ([b"last words"], True)


def test_the_rest_is_the_transports():
    async def steps(transport):
        transport.pause_reading()
        transport.resume_reading()
        assert transport.get_extra_info("peername") == "peername"

    assert run(steps).paused == [True, False]


def test_an_answer_comes_in_one_packet(server):
    who = server.new_device()
    body = entries_body((5, {"a": 1}))
    head = (
        f"POST /api/v1/entries/ HTTP/1.1\r\nhost: x\r\nx-device-id: {who.device_id}\r\nx-api-key: {who.api_key}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(head.encode() + body)
        answer = connection.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.endswith(b"}")


def test_requests_sent_one_behind_the_other_are_answered_in_order(server):
    who = server.new_device()
    credentials = f"x-device-id: {who.device_id}\r\nx-api-key: {who.api_key}\r\n"
    paths = ["nonsense", "00000000-0000-0000-0000-000000000001", "nonsense", "00000000-0000-0000-0000-000000000002"]
    requests = [f"GET /api/v1/origins/{path} HTTP/1.1\r\nhost: x\r\n{credentials}\r\n" for path in paths]
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall("".join(requests).encode())
        answers = b""
        while len(statuses := re.findall(rb"HTTP/1.1 (\d+) ", answers)) < len(paths):
            answers += connection.recv(65_536)
    assert statuses == [b"404", b"200", b"404", b"200"]


def test_a_client_behind_a_trusted_proxy_is_told_by_its_own_address(tmp_path):
    from tests.servers import run_server

    with run_server(tmp_path, "--trusted-proxies", "127.0.0.1", environment={"NIKDEV_WRONG_KEYS_BURST": "1"}) as server:
        who = server.new_device()
        wrong = {**who.headers, "x-api-key": who.device_id}
        with Client(server.url, wrong) as client:

            def status(forwarded: str) -> int:
                return client.entries(b"", {"x-forwarded-for": forwarded}).status

            assert [status("192.0.2.1"), status("192.0.2.2"), status("192.0.2.1")] == [401, 401, 429]


# -- what a client may send, and for how long ---------------------------------------------------------


def answer_of(connection: socket.socket) -> bytes:
    """Return what comes until the server closes."""
    parts = []
    try:
        while part := connection.recv(65_536):
            parts.append(part)
    except ConnectionError:
        pass
    return b"".join(parts)


def connect(server, timeout_s: float = 20) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=timeout_s)


def flood(server, beginning: bytes, piece: bytes, times: int) -> tuple[bytes, int]:
    """Send until the server will have no more; return its answer, and how much it took."""
    sent = 0
    with connect(server) as connection:
        connection.sendall(beginning)
        try:
            for _ in range(times):
                connection.sendall(piece)
                sent += len(piece)
        except ConnectionError:
            pass
        return answer_of(connection), sent


@pytest.mark.parametrize(
    ("beginning", "piece"),
    [
        (b"GET /", b"a" * 65_536),
        (b"GET / HTTP/1.1\r\n", b"X-A: " + b"a" * 60_000 + b"\r\n"),
        (b"GET / HTTP/1.1\r\nX-A: ", b"a" * 65_536),
        (b"", b"\r\n" * 10_000),
        (b"POST /api/v1/sessions HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\nX-A: ", b"a" * 65_536),
        (b"POST /api/v1/sessions HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1;", b"a" * 65_536),
    ],
    ids=["line", "headers", "header", "nothing", "trailer", "extension"],
)
def test_a_head_without_end_is_refused_and_keeps_nobody_waiting(server, beginning, piece):
    begin_s = time.monotonic()
    answer, sent = flood(server, beginning, piece, 400)
    assert sent < 20 * 1024 * 1024
    assert answer.startswith(b"HTTP/1.1 431 ") or not answer  # reset where it went on sending
    assert time.monotonic() - begin_s < 15
    assert json.loads(server.get("/healthz")) == {"status": "ok"}


def test_the_refusal_is_json_with_a_message(server):
    with connect(server) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX-A: " + b"a" * 65_536)
        head, _, body = answer_of(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert b"content-security-policy: " in head
    assert json.loads(body)["code"] == "headers-too-large"
    assert "65536 bytes" in json.loads(body)["message"]


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /healthz HTTP/1.1\r\nX-A: %s\r\n\r\n" % (b"a" * 65_000), b"200"),
        (b"GET /healthz HTTP/1.1\r\nX-A: %s\r\n\r\n" % (b"a" * 66_000), b"431"),
        (b"GET /healthz HTTP/1.1\r\n%s\r\n" % (b"X-A: a\r\n" * 150), b"200"),
        (b"GET /healthz HTTP/1.1\r\n%s\r\n" % (b"X-A: a\r\n" * 250), b"431"),
        (b"no http at all\r\n\r\n", b"400"),
    ],
)
@pytest.mark.parametrize("pieces", [1, 7])
def test_where_the_line_is(server, head, status, pieces):
    with connect(server) as connection:
        for at in range(pieces):
            connection.sendall(head[at * len(head) // pieces : (at + 1) * len(head) // pieces])
            time.sleep(0.01)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 " + status)


def test_many_requests_behind_one_another_are_no_long_head(server):
    who = server.new_device()
    body = entries_body((5, {"a": "x" * 60_000}))
    head = (
        f"POST /api/v1/entries/ HTTP/1.1\r\nhost: x\r\nx-device-id: {who.device_id}\r\nx-api-key: {who.api_key}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    ).encode()
    small = b"GET /healthz HTTP/1.1\r\nhost: x\r\nX-A: " + b"a" * 1_000 + b"\r\n\r\n"
    last = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    with connect(server) as connection:
        connection.sendall((head + body) * 5 + small * 100 + (head + body) * 2 + last)
        answer = answer_of(connection)
    assert re.findall(rb"HTTP/1.1 (\d+) ", answer) == [b"200"] * 108


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """A server with little patience, and few connections."""
    from tests.servers import run_server

    with run_server(
        tmp_path_factory.mktemp("strict"), "--head-timeout-s=1", "--body-timeout-s=1", "--max-connections=12"
    ) as server:
        yield server


def trickle(connection: socket.socket, piece: bytes, *, for_s: float) -> bytes:
    """Send a little now and then until there is an answer, or nobody any more."""
    connection.settimeout(0.2)
    until_s = time.monotonic() + for_s
    while time.monotonic() < until_s:
        try:
            connection.sendall(piece)
            return connection.recv(65_536)
        except TimeoutError:
            continue
        except ConnectionError:
            return b""
    raise AssertionError("it waits still")


@pytest.mark.parametrize("beginning", [b"", b"G", b"GET /healthz HTTP/1.1\r\nX-A: "])
@pytest.mark.parametrize("piece", [b"", b"x", b"\r\n"])
def test_a_head_has_to_come_in_time(strict, beginning, piece):
    if piece == b"\r\n" and beginning:
        piece = b"y"
    with connect(strict) as connection:
        connection.sendall(beginning)
        answer = trickle(connection, piece, for_s=8)
        assert answer[:12] in {b"HTTP/1.1 408", b"HTTP/1.1 400", b""}


def test_so_has_the_head_of_a_later_request(strict):
    with connect(strict) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
        connection.sendall(b"GET /healthz HTTP/1.1\r\nX-A: ")
        assert trickle(connection, b"x", for_s=8).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("path", ["/api/v1/entries/", "/api/v1/packs", "/api/v1/sessions"])
@pytest.mark.parametrize("piece", [b"", b"x"])
def test_a_body_has_to_come_in_time_part_by_part_and_as_a_whole(strict, path, piece):
    who = strict.new_device()
    head = (
        f"POST {path} HTTP/1.1\r\nhost: x\r\nx-device-id: {who.device_id}\r\nx-api-key: {who.api_key}\r\n"
        "content-type: application/json\r\ncontent-length: 5000\r\n\r\n{"
    )
    with connect(strict) as connection:
        connection.sendall(head.encode())
        answer = trickle(connection, piece, for_s=8)
        assert answer.startswith(b"HTTP/1.1 408"), answer
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "timeout"


def test_a_body_that_comes_steadily_may_take_its_time(strict):
    who = strict.new_device()
    body = entries_body((5, {"a": "x" * 60_000}))
    head = (
        f"POST /api/v1/entries/ HTTP/1.1\r\nhost: x\r\nx-device-id: {who.device_id}\r\nx-api-key: {who.api_key}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    with connect(strict) as connection:
        connection.sendall(head.encode())
        for at in range(0, len(body), 12_000):
            connection.sendall(body[at : at + 12_000])
            time.sleep(0.5)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")


def test_idle_connections_make_room_and_busy_ones_do_not(strict):
    who = strict.new_device()
    idle = [connect(strict) for _ in range(40)]
    with Client(strict.url, who.headers) as client:
        assert client.send("GET", "/healthz").status == 200
    for connection in idle:
        connection.close()
    busy = [connect(strict) for _ in range(12)]
    for connection in busy:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n")
    time.sleep(0.2)
    with connect(strict) as connection:
        answer = answer_of(connection)
    for connection in busy:
        connection.close()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "busy"


def test_a_key_that_is_revoked_while_its_body_comes_stores_nothing(server):
    who = server.new_device()
    late = server.add_key(who.device_id)
    body = entries_body((5, {"late": 1}))
    head = (
        f"POST /api/v1/entries/ HTTP/1.1\r\nhost: x\r\nx-device-id: {late.device_id}\r\nx-api-key: {late.api_key}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    with connect(server) as connection:
        connection.sendall(head.encode() + body[:10])
        time.sleep(0.3)
        server.revoke(late)
        time.sleep(1.5)
        connection.sendall(body[10:])
        assert connection.recv(65_536).startswith(b"HTTP/1.1 401 ")
    with Client(server.url, who.headers) as client:
        assert client.send("GET", "/api/v1/values/late").status == 404


def test_an_answer_that_nobody_reads_is_given_up():
    # The whole of it would take two minutes: here, that the clock runs, and stops.
    async def run():
        class Read:
            async def __call__(self, scope, receive, send):
                """Nothing is asked."""

        config = Config(Read(), lifespan="off", log_config=None)  # type: ignore[arg-type]
        config.load()
        limits = ConnectionLimits(unread_timeout_s=0.05)
        aborted: list[bool] = []
        protocol = OneWriteProtocol(config=config, server_state=ServerState(), app_state={}, limits=limits)
        wire = Wire()
        wire.abort = lambda: aborted.append(True)  # type: ignore[attr-defined]
        wire.get_extra_info = lambda *_: None  # type: ignore[method-assign,assignment,return-value]
        protocol.connection_made(wire)  # type: ignore[arg-type]
        protocol.pause_writing()
        protocol.resume_writing()
        await asyncio.sleep(0.2)
        assert aborted == []
        protocol.pause_writing()
        await asyncio.sleep(0.2)
        protocol.connection_lost(None)
        return aborted

    assert asyncio.run(run()) == [True]
