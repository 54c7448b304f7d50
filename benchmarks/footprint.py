"""What a device process takes with a month's backlog: its memory while it commits and pushes, and its time per reading.

The month is one commit of ten values each second. The process is one of its own; what it reports is of it alone.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from nikdev_iot import Api
from nikdev_iot.journal.journal import Journal

from .report import Row
from .serving import serving

__all__ = ["run"]

MONTH_COMMITS = 30 * 86_400
_FIELDS = 10
_READINGS = 300
_MAX_MB = 40
_MAX_CPU_MS = 5.0
_START_US = 1_760_000_000_000_000

_PROGRAM = """
import json, random, statistics, sys, time
from nikdev_iot import Api

def megabytes(key):
    return int(open("/proc/self/status").read().split(key + ":")[1].split()[0]) / 1000

def reading():
    for k in range({fields}):
        api.add_value(f"f{{k}}", round(random.gauss(20 + k, 1), 2))
    api.commit()

config, seconds = json.loads(sys.argv[1]), float(sys.argv[2])
random.seed(1)
if seconds:
    # With the backlog going out in the background, a reading now and then.
    with Api({{**config, "autoPush": True}}) as api:
        begin = time.monotonic()
        while api.status().unpushed and time.monotonic() < begin + seconds:
            reading()
            time.sleep(0.02)
        print(json.dumps({{"peak_mb": megabytes("VmHWM"), "left": api.status().unpushed}}))
else:
    import urllib3
    with Api(config) as api, urllib3.PoolManager() as pools:
        spent, wall, bare = [], [], []
        for _ in range({readings}):
            begin, began = time.process_time(), time.perf_counter()
            reading()
            api.push()
            spent.append(time.process_time() - begin)
            wall.append(time.perf_counter() - began)
            begin = time.process_time()
            pools.request("GET", config["baseUrl"])
            bare.append(time.process_time() - begin)
        spent, wall, bare = spent[20:], wall[20:], bare[20:]
        print(json.dumps({{
            "median_ms": statistics.median(spent) * 1000,
            "p95_ms": sorted(spent)[len(spent) * 95 // 100] * 1000,
            "wall_ms": statistics.median(wall) * 1000,
            "bare_ms": statistics.median(bare) * 1000,
            "peak_mb": megabytes("VmHWM"),
        }}))
"""


def _rows(count: int) -> Iterator[tuple[int, dict[str, float], None]]:
    walk = random.Random(1)
    values = [20.0 + number for number in range(_FIELDS)]
    for number in range(count):
        values[number % _FIELDS] = round(values[number % _FIELDS] + walk.gauss(0, 0.05), 2)
        yield _START_US + number * 1_000_000, {f"f{k}": value for k, value in enumerate(values)}, None


def _measure(config: dict[str, str], seconds: float) -> dict[str, float]:
    program = _PROGRAM.format(fields=_FIELDS, readings=_READINGS)
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(config), str(seconds)],
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + 300,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def run(commits: int = MONTH_COMMITS) -> list[Row]:
    """Measure one reading on a journal that is empty, then a process that pushes the month away."""
    with tempfile.TemporaryDirectory() as folder, serving() as server:
        one, month = (
            {"baseUrl": server.url, "deviceId": who.device_id, "apiKey": who.api_key, "storagePath": f"{folder}/{name}"}
            for who, name in zip(server.add_devices(2), ("one", "month"), strict=True)
        )
        single = _measure(one, 0)
        with Api(month) as api, Journal.open(api.status().journal_path) as journal:
            journal.commit_many(_rows(commits))
            size_mb = Path(api.status().journal_path).stat().st_size / 1e6
        begin = time.monotonic()
        pushing = _measure(month, 600)
        spent_s = time.monotonic() - begin
    return [
        Row(
            what=f"memory of a device that commits, and pushes a backlog of {commits:,} commits x {_FIELDS} values",
            ours=f"{pushing['peak_mb']:.1f} MB at its peak ({pushing['left']:,.0f} left after {spent_s:.0f} s; "
            f"journal of {size_mb:.0f} MB)",
            peer="",
            ratio="",
            aim=f"at most {_MAX_MB} MB",
            met=pushing["peak_mb"] <= _MAX_MB,
        ),
        Row(
            what=f"{_FIELDS} `add_value`, `commit` and `push` of one reading: processor time of the device",
            ours=f"{single['median_ms']:.2f} ms (19 of 20 within {single['p95_ms']:.2f} ms; "
            f"{single['wall_ms']:.1f} ms until it is acknowledged)",
            peer=f"one request with bare urllib3: {single['bare_ms']:.2f} ms",
            ratio=f"{single['median_ms'] / single['bare_ms']:.1f}x",
            aim=f"at most {_MAX_CPU_MS:g} ms",
            met=single["median_ms"] <= _MAX_CPU_MS,
        ),
    ]
