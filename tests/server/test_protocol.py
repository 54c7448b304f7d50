from __future__ import annotations

import asyncio
import re
import socket

from tests.server.pushing import Client, entries_body

from nikdev_iot.server.protocol import OneWriteTransport


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
