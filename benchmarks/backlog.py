"""A backlog of 100 000 commits of ten values, pushed end to end, beside the InfluxDB libraries writing the same values.

The peers write to a null sink (a server that reads the request and answers 204), which is the best they can do; ours
goes through the journal to a durable acknowledgement of a real server.
"""

from __future__ import annotations

import importlib.util
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from nikdev_iot import Api
from nikdev_iot.journal.journal import Journal

from .report import Row
from .serving import serving

__all__ = ["run"]

_COMMITS, _FIELDS = 100_000, 10
_PEER_COMMITS, _PEER_BATCH = 20_000, 5_000
_START_US = 1_750_000_000_000_000


def _rows(count: int) -> Iterator[tuple[int, dict[str, float], None]]:
    walk = random.Random(1)
    values = [20.0 + number for number in range(_FIELDS)]
    for number in range(count):
        values = [round(value + walk.gauss(0, 0.05), 2) for value in values]
        yield _START_US + number * 1_000_000, {f"f{k}": value for k, value in enumerate(values)}, None


def _ours() -> tuple[float, float]:
    """Return values per second, and the server's peak memory in MB."""
    with tempfile.TemporaryDirectory() as folder, serving() as server:
        (who,) = server.add_devices(1)
        config = {"baseUrl": server.url, "deviceId": who.device_id, "apiKey": who.api_key, "storagePath": folder}
        with Api(config) as api:
            with Journal.open(api.status().journal_path) as journal:
                journal.commit_many(_rows(_COMMITS))
            begin = time.perf_counter()
            api.push()
            spent = time.perf_counter() - begin
            if api.status().unpushed:
                raise RuntimeError("the push left commits behind")
        return _COMMITS * _FIELDS / spent, server.peak_memory_mb()


@contextmanager
def _sink() -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.null_sink"], stdout=subprocess.PIPE, text=True)
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


def _points() -> list[dict[str, object]]:
    return [
        {"measurement": "readings", "tags": {"device": "d1"}, "time": time_us, "fields": values}
        for time_us, values, _ in _rows(_PEER_COMMITS)
    ]


def _batches(points: list[dict[str, object]]) -> Iterator[list[dict[str, object]]]:
    for at in range(0, len(points), _PEER_BATCH):
        yield points[at : at + _PEER_BATCH]


def _influxdb(port: int, points: list[dict[str, object]]) -> float:
    from influxdb import InfluxDBClient

    client = InfluxDBClient("127.0.0.1", port, database="bench", gzip=False)
    begin = time.perf_counter()
    for batch in _batches(points):
        client.write_points(batch, time_precision="u")
    return len(points) * _FIELDS / (time.perf_counter() - begin)


def _influxdb_client(port: int, points: list[dict[str, object]]) -> float:
    from influxdb_client import InfluxDBClient, WritePrecision
    from influxdb_client.client.write_api import SYNCHRONOUS

    with InfluxDBClient(f"http://127.0.0.1:{port}", token="x", org="o") as client:
        write = client.write_api(write_options=SYNCHRONOUS)
        begin = time.perf_counter()
        for batch in _batches(points):
            write.write("bench", "o", batch, write_precision=WritePrecision.US)
        return len(points) * _FIELDS / (time.perf_counter() - begin)


_PEERS = {"influxdb": ("influxdb 5 (1.x)", _influxdb), "influxdb_client": ("influxdb-client 1 (2.x)", _influxdb_client)}


def run() -> list[Row]:
    """Measure ours and each peer three times by turns; the best of each counts."""
    points = _points()
    ours: list[tuple[float, float]] = []
    peers: dict[str, list[float]] = {name: [] for name in _PEERS if importlib.util.find_spec(name)}
    for _ in range(3):
        ours.append(_ours())
        with _sink() as port:
            for name, figures in peers.items():
                figures.append(_PEERS[name][1](port, points))
    best, memory_mb = max(ours)
    rows = []
    for name, (label, _) in _PEERS.items():
        if name not in peers:
            rows.append(
                Row(what=f"backlog beside {label}", ours="", peer="not installed", ratio="", aim="8x", met=False)
            )
            continue
        peer = max(peers[name])
        rows.append(
            Row(
                what="push of 100 000 commits x 10 values, journal to durable acknowledgement",
                ours=f"{best / 1e6:.2f} M values/s (server's peak {memory_mb:.0f} MB)",
                peer=f"{label} to a null sink: {peer / 1e6:.2f} M values/s",
                ratio=f"{best / peer:.1f}x",
                aim="at least 8x",
                met=best / peer >= 8,
            )
        )
    return rows
