"""Ten-value pushes per second on 64 and 256 keep-alive connections, each a device of its own.

The load comes from one process with prepared requests; it shares the machine with the server. Each acknowledgement
means "on disk". JSON v1 and packs. Beside it, what the web server alone makes of the same load on the same machine: the
requests read and answered, and nothing done.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import uvloop

from nikdev_iot.model.commits import Commit
from nikdev_iot.wire.headers import PACK_TYPE
from nikdev_iot.wire.pack import NO_PACK, encode_content, encode_frame, hash_content, pack_from_commits

from .report import Row
from .serving import Credentials, serving

__all__ = ["Connection", "pack_requests", "run"]

_SECONDS = 6
_AIM = 8_000
_EXPECTED = 2_500
"""Requests prepared per connection and run, at most; a run ends early where they are used up."""


def _values(walk: random.Random) -> tuple[tuple[str, float], ...]:
    return tuple((f"f{number}", round(20 + number + walk.gauss(0, 1), 2)) for number in range(10))


def _head(path: str, who: Credentials, content_type: str, size: int) -> bytes:
    return (
        f"POST /api/v1/{path} HTTP/1.1\r\nhost: 127.0.0.1\r\n"
        f"x-device-id: {who.device_id}\r\nx-api-key: {who.api_key}\r\n"
        f"content-type: {content_type}\r\ncontent-length: {size}\r\n\r\n"
    ).encode()


def _json_requests(who: Credentials, count: int) -> list[bytes]:
    walk = random.Random(who.device_id)
    begin_s = int(time.time()) - count
    requests = []
    for number in range(count):
        values = [{field: value} for field, value in _values(walk)]
        entry = {"timestamp": begin_s + number, "values": values}
        body = json.dumps({"clientTimestamp": begin_s + number, "entries": [entry]}).encode()
        requests.append(_head("entries/", who, "application/json", len(body)) + body)
    return requests


def pack_requests(who: Credentials, count: int, epoch: bytes) -> list[bytes]:
    """Return the requests that push `count` commits of ten values, one by one, from a new origin."""
    walk = random.Random(who.device_id)
    origin, parent = uuid.uuid4(), NO_PACK
    begin_us = time.time_ns() // 1000 - count * 1_000_000
    requests = []
    for number in range(1, count + 1):
        commit = Commit(number, begin_us + number * 1_000_000, _values(walk))
        content = encode_content(pack_from_commits(origin, [commit], parent=parent))
        parent = hash_content(content)
        body = encode_frame(content, epoch=epoch)
        requests.append(_head("packs", who, PACK_TYPE, len(body)) + body)
    return requests


class Connection(asyncio.Protocol):
    """Sends the next request as soon as the last one is answered; any other answer than 200 ends the run."""

    def __init__(self, requests: list[bytes], stop_at: float, *, keeps_times: bool = False) -> None:
        self.keeps_times = keeps_times
        self.times: list[float] = []
        """When each was answered, where they are to be kept."""
        self.requests = iter(requests)
        self.stop_at = stop_at
        self.latencies: list[float] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.send()

    def send(self) -> None:
        self.sent_at = time.perf_counter()
        request = next(self.requests, None) if self.sent_at < self.stop_at else None
        if request is None:
            self.transport.close()
            if not self.done.done():
                self.done.set_result(None)
        else:
            self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, separator, body = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if len(body) < length:
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self.done.set_exception(RuntimeError(self.buffer.decode(errors="replace")[:500]))
            self.transport.close()
            return
        self.buffer = b""
        now = time.perf_counter()
        self.latencies.append(now - self.sent_at)
        if self.keeps_times:
            self.times.append(now)
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server closed the connection"))


async def _load(port: int, per_connection: list[list[bytes]]) -> tuple[float, float]:
    """Return requests per second, and the 99th percentile of the latency in ms."""
    loop = asyncio.get_running_loop()
    begin = time.perf_counter()
    connections = []
    for requests in per_connection:
        _, connection = await loop.create_connection(
            lambda requests=requests: Connection(requests, begin + _SECONDS), "127.0.0.1", port
        )
        connections.append(connection)
    await asyncio.gather(*(connection.done for connection in connections))
    spent = time.perf_counter() - begin
    latencies = sorted(latency for connection in connections for latency in connection.latencies)
    return len(latencies) / spent, latencies[int(len(latencies) * 0.99)] * 1000


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("form", choices=("json", "packs"))
    parser.add_argument("port", type=int)
    parser.add_argument("epoch")
    options = parser.parse_args()
    people = [Credentials(*pair) for pair in json.load(sys.stdin)]
    count = min(_EXPECTED, 160_000 // len(people))
    if options.form == "json":
        prepared = [_json_requests(who, count) for who in people]
    else:
        prepared = [pack_requests(who, count, bytes.fromhex(options.epoch)) for who in people]
    print(json.dumps(uvloop.run(_load(options.port, prepared))))


def _measure(form: str, port: str, epoch: str, people: list[Credentials]) -> tuple[float, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.small_pushes", form, port, epoch],
        input=json.dumps([[who.device_id, who.api_key] for who in people]),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    rate, p99_ms = json.loads(done.stdout)
    return rate, p99_ms


@contextmanager
def _bare_server() -> Iterator[str]:
    """Run `benchmarks.bare_server`; yield its port."""
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.bare_server"], stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(timeout=30)


def run() -> list[Row]:
    """Measure both forms on 64 and on 256 connections, one after the other, against one server."""
    rows = []
    with serving() as server, _bare_server() as bare_port:
        people = server.add_devices(256)
        port = server.url.split(":")[2].split("/")[0]
        with urllib.request.urlopen(server.url) as answer:
            info = json.load(answer)
        for connections in (64, 256):
            for form in ("json", "packs"):
                rate, p99_ms = _measure(form, port, info["epoch"], people[:connections])
                bare, _ = _measure(form, bare_port, info["epoch"], people[:connections])
                rows.append(
                    Row(
                        what=f"ten-value pushes, {'JSON v1' if form == 'json' else 'packs'}, {connections} connections",
                        ours=f"{rate:,.0f}/s, 99 % within {p99_ms:.0f} ms",
                        peer=f"uvicorn alone, nothing done: {bare:,.0f}/s",
                        ratio=f"{rate / bare:.2f}x",
                        aim=f"{_AIM:,}/s",
                        met=rate >= _AIM,
                    )
                )
    return rows


if __name__ == "__main__":
    _main()
