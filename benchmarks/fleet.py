"""How long pages and charts take with 1 000 devices x 10 fields and 20 M values stored, as the browser sees it.

Each device has 2 000 commits of ten values over a year, in packs of 100. The store is made beside the server, the
requests come over a kept connection on loopback: server time, and a little more.
"""

from __future__ import annotations

import http.client
import json
import random
import statistics
import sys
import time
import urllib.request
import uuid
import zlib
from array import array
from urllib.parse import urlsplit

from nikdev_iot.model.values import Kind
from nikdev_iot.server.accounts.devices import Devices
from nikdev_iot.server.app import open_storage
from nikdev_iot.server.storage.records import NewField, StoredPack
from nikdev_iot.wire.columns import Column
from nikdev_iot.wire.frame import ZLIB, hash_content
from nikdev_iot.wire.pack import NO_PACK, Pack, encode_content

from .report import Row
from .serving import PASSWORD, Server, serving

__all__ = ["run"]

_DEVICES, _FIELDS, _PACKS, _ROWS = 1_000, 10, 20, 100
_YEAR_US = 365 * 86_400 * 1_000_000
_EMAIL = "fleet@example.org"
_RUNS = 15
_AIM_MS = {"page": 100, "chart": 200}


def _packs(device_id: uuid.UUID, walk: random.Random, end_us: int) -> list[StoredPack]:
    origin, parent, packs = uuid.UUID(int=walk.getrandbits(128), version=4), NO_PACK, []
    step_us = _YEAR_US // (_PACKS * _ROWS)
    # One walk, begun elsewhere for each field: making 20 M random numbers is not what is measured.
    values = array("d", [20.0])
    for _ in range(_ROWS * 2):
        values.append(round(values[-1] + walk.gauss(0, 0.3), 2))
    for number in range(_PACKS):
        first = number * _ROWS + 1
        start_us = end_us - _YEAR_US + first * step_us
        times = array("q", [start_us + row * step_us + walk.randrange(1_000) for row in range(_ROWS)])
        columns = []
        for field in range(_FIELDS):
            begin = walk.randrange(_ROWS)
            columns.append(Column(f"field {field}", None, values[begin : begin + _ROWS]))
        content = encode_content(
            Pack(origin=origin, first=first, count=_ROWS, parent=parent, times=times, columns=tuple(columns))
        )
        pack_hash = hash_content(content)
        packs.append(
            StoredPack(
                device_id=device_id,
                origin=origin,
                first=first,
                last=first + _ROWS - 1,
                hash=pack_hash,
                parent=parent,
                row_count=_ROWS,
                min_time_us=times[0],
                max_time_us=times[-1],
                received_us=times[-1],
                clock_offset_us=0,
                key_id=None,
                codec=ZLIB,
                content_bytes=len(content),
                payload=zlib.compress(content, 1),
            )
        )
        parent = pack_hash
    return packs


def _fill(server: Server) -> uuid.UUID:
    """Make the account, its devices and all values; return a device."""
    storage = open_storage(server.data)
    walk = random.Random(5)
    now_us = time.time_ns() // 1000
    try:
        (membership,) = storage.memberships(storage.person_by_email(_EMAIL).id)
        devices = Devices(storage, now_us=lambda: now_us)
        made = [devices.add(membership.account_id, f"device {number:04}") for number in range(_DEVICES)]
        for at in range(0, _DEVICES, 20):
            some = made[at : at + 20]
            with storage.write() as write:
                for device in some:
                    write.add_fields(
                        [
                            NewField(device_id=device.id, field_id=f"field {field}", kind=Kind.FLOAT)
                            for field in range(_FIELDS)
                        ],
                        at_us=now_us,
                    )
                    write.put_packs(_packs(device.id, walk, now_us))
                write.touch_devices([(device.id, now_us) for device in some])
            print(f"\r{at + 20} of {_DEVICES} devices", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
    finally:
        storage.close()
    return made[500].id


def _sign_in(server: Server) -> str:
    body = json.dumps({"email": _EMAIL, "password": PASSWORD}).encode()
    request = urllib.request.Request(f"{server.url}sessions", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)["token"]


def _times_ms(connection: http.client.HTTPConnection, path: str, token: str) -> list[float]:
    """Return how long each of some requests took; the first one is the first of all."""
    spent = []
    for _ in range(_RUNS + 1):
        begin = time.perf_counter()
        connection.request("GET", path, headers={"cookie": f"nikdev_session={token}", "accept-encoding": "gzip"})
        answer = connection.getresponse()
        answer.read()
        spent.append((time.perf_counter() - begin) * 1000)
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status}")
    return spent


def run() -> list[Row]:
    """Measure every page, and charts of a day, a month and a year."""
    with serving() as server:
        server.add_devices(0, email=_EMAIL)
        device_id = _fill(server)
        token = _sign_in(server)
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
        here = f"/admin/devices/{device_id}"
        pages = ["/admin/devices", "/admin/devices?q=device+07", here]
        pages += [f"{here}/{name}" for name in ("charts", "commits", "fields", "keys", "connect", "settings")]
        pages += ["/admin/dashboards", "/admin/people", "/admin/profile", "/admin/server"]
        now_us = time.time_ns() // 1000
        rows = [_row("page", path.replace(str(device_id), "…"), _times_ms(connection, path, token)) for path in pages]
        for name, days in (("a month", 30), ("a year", 365)):
            path = f"{here}/series?start_us={now_us - days * 86_400_000_000}&end_us={now_us}&points=800"
            rows.append(_row("chart", f"data of ten charts of {name}", _times_ms(connection, path, token)))
        connection.close()
        return rows


def _row(kind: str, what: str, spent_ms: list[float]) -> Row:
    median_ms = statistics.median(spent_ms[1:])
    return Row(
        what=f"{what}, 1 000 devices, 20 M values",
        ours=f"{median_ms:.0f} ms (first {spent_ms[0]:.0f} ms)",
        peer="",
        ratio="",
        aim=f"{_AIM_MS[kind]} ms",
        met=median_ms <= _AIM_MS[kind],
    )
