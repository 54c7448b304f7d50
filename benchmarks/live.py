"""How much open live streams slow pushes down, as a ratio: before, while and after they are open, in one run.

200 devices push packs of one commit of ten values as fast as they are answered, and 200 streams, one per device, are
open in the middle of it; a process of its own reads them. Also how long after its push a value is on a
stream while the server has little else to do.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Mapping
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
_STRETCH_S = 5.0
_SETTLE_S = 1.0
"""After streams were opened or closed."""
_LOAD_S = 60.0
_PREPARED = 1_800
"""Requests per device; the run goes on as long as there are some."""
_SLOT_S = 0.1
_AIM = 0.9
_SHOWN_WITHIN_S = 1.0


# -- a process that pushes -----------------------------------------------------------------------------


async def _load(port: int, per_connection: list[list[bytes]]) -> None:
    """Push until the parent has heard enough; print how many pushes were acknowledged in each slot of the clock."""
    loop = asyncio.get_running_loop()
    stop_at = time.perf_counter() + _LOAD_S
    offset_s = time.time() - time.perf_counter()
    connections = []
    for requests in per_connection:
        _, connection = await loop.create_connection(
            lambda requests=requests: Connection(requests, stop_at, keeps_times=True), "127.0.0.1", port
        )
        connections.append(connection)
    working = asyncio.gather(*(connection.done for connection in connections))
    await asyncio.wait([working, loop.run_in_executor(None, sys.stdin.readline)], return_when=asyncio.FIRST_COMPLETED)
    for connection in connections:
        connection.stop_at = 0.0
    await working
    slots = Counter(int((at + offset_s) / _SLOT_S) for connection in connections for at in connection.times)
    print(json.dumps(slots), flush=True)


# -- a process that looks ------------------------------------------------------------------------------


async def _look(port: int, looking: list[tuple[str, str]]) -> None:
    """Open all streams, say so, read them until the parent has seen enough, and print how many events came."""
    loop = asyncio.get_running_loop()
    opened = asyncio.Semaphore(0)
    readers = [asyncio.create_task(_read(port, cookie, device_id, opened)) for cookie, device_id in looking]
    for _ in readers:
        await opened.acquire()
    print("open", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    for reader in readers:
        reader.cancel()
    print(sum(await asyncio.gather(*readers)), flush=True)


async def _read(port: int, cookie: str, device_id: str, opened: asyncio.Semaphore) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    count = 0
    with suppress(asyncio.CancelledError):
        writer.write(
            f"GET /admin/live?devices={device_id} HTTP/1.1\r\nhost: 127.0.0.1\r\ncookie: {cookie}\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise RuntimeError(head.decode())
        opened.release()
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
    if options.role == "load":
        prepared = [pack_requests(Credentials(*pair), _PREPARED, bytes.fromhex(options.epoch)) for pair in given]
        print("ready", flush=True)
        uvloop.run(_load(options.port, prepared))
    else:
        uvloop.run(_look(options.port, given))


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


class _Stretch(NamedTuple):
    begin_s: float
    end_s: float
    cpu_s: float
    """What the server used of the processor."""

    def pushes(self, slots: Mapping[str, int]) -> int:
        """Return how many pushes it had; raises `RuntimeError` where there were none left before its end."""
        begin, end = round(self.begin_s / _SLOT_S), round(self.end_s / _SLOT_S)
        if max(map(int, slots)) < end:
            raise RuntimeError("the prepared requests were used up too soon")
        return sum(slots.get(str(slot), 0) for slot in range(begin, end))


def _stretch(server: Server) -> _Stretch:
    time.sleep(_SETTLE_S)
    begin_s, cpu_s = time.time(), server.cpu_s()
    time.sleep(_STRETCH_S)
    return _Stretch(begin_s, time.time(), server.cpu_s() - cpu_s)


def _say(process: subprocess.Popen[str]) -> None:
    process.stdin.write("\n")
    process.stdin.flush()


def _race(server: Server, epoch: str, people: list[tuple[str, Credentials]]) -> _Race:
    port = urlsplit(server.url).port
    load = _start("load", port, epoch, [(who.device_id, who.api_key) for _, who in people])
    load.stdout.readline()
    before = _stretch(server)
    look = _start("look", port, epoch, [(cookie, who.device_id) for cookie, who in people])
    if look.stdout.readline() != "open\n":
        raise RuntimeError("the streams could not be opened")
    opened_s = time.time()
    during = _stretch(server)
    _say(look)
    events = int(look.stdout.readline()) / (time.time() - opened_s)
    after = _stretch(server)
    _say(load)
    slots = json.loads(load.stdout.readline())
    for process in (load, look):
        process.communicate(timeout=60)
    without = before.pushes(slots) + after.pushes(slots)
    looked_at = during.pushes(slots)
    return _Race(
        without / (2 * _STRETCH_S),
        looked_at / _STRETCH_S,
        (during.cpu_s / looked_at) / ((before.cpu_s + after.cpu_s) / without),
        events,
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
