"""How much open live streams slow pushes down, as a ratio: with and without them, in turns, in one run of one server.

200 devices push packs of one commit of ten values as fast as they are answered, and 200 streams, one per device, are
open for every other stretch of it; a process of its own reads them. Also how long after its push a value is on a
stream while the server has little else to do.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import statistics
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

import uvloop

from nikdev_iot.wire.headers import PACK_TYPE

from .report import Row
from .serving import PASSWORD, Credentials, Server, serving
from .small_pushes import Connection, pack_requests

__all__ = ["run"]

_STREAMS = 200
_PEOPLE = 10
"""Who have these streams open: one has at most 20."""
_STRETCH_S = 4.0
_SETTLE_S = 1.5
"""Of the beginning of a stretch, not counted: streams are opened or closed in it."""
_STRETCHES = 8
_PREPARED = 900
"""Requests per device; the run goes on as long as there are some."""
_SLOT_S = 0.1
_AIM = 0.9
_SHOWN_WITHIN_S = 1.0


# -- a process that pushes -----------------------------------------------------------------------------


async def _load(port: int, per_connection: list[list[bytes]], begin_s: float) -> list[int]:
    """Return how many pushes were acknowledged in each slot since the beginning."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(begin_s - time.time())
    stop_at = time.perf_counter() + _STRETCHES * _STRETCH_S
    base = time.perf_counter()
    connections = []
    for requests in per_connection:
        _, connection = await loop.create_connection(
            lambda requests=requests: Connection(requests, stop_at, keeps_times=True), "127.0.0.1", port
        )
        connections.append(connection)
    await asyncio.gather(*(connection.done for connection in connections))
    slots = [0] * (int(_STRETCHES * _STRETCH_S / _SLOT_S) + 50)
    for connection in connections:
        for at in connection.times:
            slots[int((at - base) / _SLOT_S)] += 1
    return slots


# -- a process that looks ------------------------------------------------------------------------------


async def _look(port: int, looking: list[tuple[str, str]], begin_s: float) -> list[int]:
    """Return how many events each stretch with streams brought."""
    counts = []
    for stretch in range(1, _STRETCHES, 2):
        await asyncio.sleep(begin_s + stretch * _STRETCH_S - time.time())
        readers = [asyncio.create_task(_read(port, cookie, device_id)) for cookie, device_id in looking]
        await asyncio.sleep(begin_s + (stretch + 1) * _STRETCH_S - time.time())
        for reader in readers:
            reader.cancel()
        counts.append(sum(await asyncio.gather(*readers)))
    return counts


async def _read(port: int, cookie: str, device_id: str) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    count = 0
    with suppress(asyncio.CancelledError):
        writer.write(
            f"GET /admin/live?devices={device_id} HTTP/1.1\r\nhost: 127.0.0.1\r\ncookie: {cookie}\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise RuntimeError(head.decode())
        while data := await reader.read(65_536):
            count += data.count(b"event: values")
    writer.transport.abort()
    return count


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=("load", "look"))
    parser.add_argument("port", type=int)
    parser.add_argument("epoch")
    options = parser.parse_args()
    given = json.loads(sys.stdin.readline())
    prepared = []
    if options.role == "load":
        prepared = [pack_requests(Credentials(*pair), _PREPARED, bytes.fromhex(options.epoch)) for pair in given]
    print("ready", flush=True)
    begin_s = float(sys.stdin.readline())
    if options.role == "load":
        found = uvloop.run(_load(options.port, prepared, begin_s))
    else:
        found = uvloop.run(_look(options.port, given, begin_s))
    print(json.dumps(found))


# -- the parent ------------------------------------------------------------------------------------------


def _sign_in(url: str, email: str) -> str:
    """Return the cookie of a session."""
    request = urllib.request.Request(
        url + "sessions",
        data=json.dumps({"email": email, "password": PASSWORD}).encode(),
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return f"nikdev_session={json.load(answer)['token']}"


def _start(role: str, port: int, epoch: str, given: list[tuple[str, str]]) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.live", role, str(port), epoch],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    process.stdin.write(json.dumps(given) + "\n")
    process.stdin.flush()
    return process


class _Race(NamedTuple):
    without: float
    """Pushes per second."""
    looked_at: float
    cost: float
    """What a push costs the server of the processor, with streams by without."""
    events: float
    """Per second, on all streams."""


def _race(server: Server, epoch: str, people: list[tuple[str, Credentials]]) -> _Race:
    port = urlsplit(server.url).port
    processes = [
        _start("load", port, epoch, [(who.device_id, who.api_key) for _, who in people]),
        _start("look", port, epoch, [(cookie, who.device_id) for cookie, who in people]),
    ]
    for process in processes:
        if process.stdout.readline() != "ready\n":
            raise RuntimeError("a process of the benchmark did not start")
    begin_s = time.time() + 1.0
    found = []
    for process in processes:
        process.stdin.write(f"{begin_s}\n")
        process.stdin.flush()
    cpu_s = []
    for stretch in range(_STRETCHES):
        for at_s in (stretch * _STRETCH_S + _SETTLE_S, (stretch + 1) * _STRETCH_S):
            time.sleep(max(0.0, begin_s + at_s - time.time()))
            cpu_s.append(server.cpu_s())
    for process in processes:
        out, _ = process.communicate(timeout=120)
        found.append(json.loads(out))
    slots, events = found
    each, settle = round(_STRETCH_S / _SLOT_S), round(_SETTLE_S / _SLOT_S)
    rates: tuple[list[float], list[float]] = ([], [])
    costs: tuple[list[float], list[float]] = ([], [])
    for stretch in range(_STRETCHES):
        counted = slots[stretch * each + settle : (stretch + 1) * each]
        if any(slots[(stretch + 1) * each :]) or stretch == _STRETCHES - 1:  # else the requests are used up
            rates[stretch % 2].append(sum(counted) / (len(counted) * _SLOT_S))
            costs[stretch % 2].append((cpu_s[2 * stretch + 1] - cpu_s[2 * stretch]) / sum(counted))
    return _Race(
        statistics.median(rates[0]),
        statistics.median(rates[1]),
        statistics.median(costs[1]) / statistics.median(costs[0]),
        statistics.median(events) / _STRETCH_S,
    )


def _delays(url: str, epoch: str, cookie: str, who: Credentials) -> list[float]:
    """Return how long after the push was sent its value was on the stream, in s."""
    address = urlsplit(url)
    stream = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
    stream.request("GET", f"/admin/live?devices={who.device_id}", headers={"cookie": cookie})
    lines = stream.getresponse()
    pushes = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
    delays = []
    for number, request in enumerate(pack_requests(who, 20, bytes.fromhex(epoch))):
        body = request.partition(b"\r\n\r\n")[2]
        headers = {"x-device-id": who.device_id, "x-api-key": who.api_key, "content-type": PACK_TYPE}
        sent_s = time.perf_counter()
        pushes.request("POST", "/api/v1/packs", body, headers)
        pushes.getresponse().read()
        while True:
            line = lines.readline()
            if line.startswith(b"data:") and json.loads(line[5:])["received_us"] is not None:
                break
        delays.append(time.perf_counter() - sent_s)
        time.sleep(0.05 * (number % 8))
    stream.close()
    pushes.close()
    return sorted(delays)


def run() -> list[Row]:
    """Race pushes against themselves, with streams and without, and time single values."""
    with serving() as server:
        people = []
        for number in range(_PEOPLE):
            email = f"live{number}@example.org"
            devices = server.add_devices(_STREAMS // _PEOPLE, email=email)
            cookie = _sign_in(server.url, email)
            people += [(cookie, who) for who in devices]
        with urllib.request.urlopen(server.url) as answer:
            epoch = json.load(answer)["epoch"]
        delays = _delays(server.url, epoch, *people[0])
        race = _race(server, epoch, people)
    ratio = race.looked_at / race.without
    return [
        Row(
            what=f"ten-value pushes while {_STREAMS} live streams are open",
            ours=f"{race.looked_at:,.0f}/s at {race.cost:.2f}x the processor time, {race.events:,.0f} events/s",
            peer=f"the same without streams: {race.without:,.0f}/s",
            ratio=f"{ratio:.2f}x",
            aim=f"{_AIM}x",
            met=ratio >= _AIM,
        ),
        Row(
            what="a value on a live stream after its push",
            ours=f"{delays[len(delays) // 2] * 1000:.0f} ms, at most {delays[-1] * 1000:.0f} ms",
            peer="",
            ratio="",
            aim=f"{_SHOWN_WITHIN_S:.0f} s",
            met=delays[-1] <= _SHOWN_WITHIN_S,
        ),
    ]


if __name__ == "__main__":
    _main()
