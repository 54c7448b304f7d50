"""What `from nikdev_iot import Api` costs, in time and memory, beside the standard library's own parts for the job."""

from __future__ import annotations

import statistics
import subprocess
import sys

from .report import Row

__all__ = ["run"]

_OURS = "from nikdev_iot import Api, PushException, GetException"
_BESIDE = "import sqlite3, json, http.client"
_MEASURE = """
import time
begin = time.perf_counter()
{}
spent = time.perf_counter() - begin
status = open("/proc/self/status").read()
print(spent * 1000, int(status.split("VmRSS:")[1].split()[0]) / 1000)
"""


def _once(statement: str) -> tuple[float, float]:
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE.format(statement)], capture_output=True, text=True, check=True, timeout=60
    )
    milliseconds, megabytes = done.stdout.split()
    return float(milliseconds), float(megabytes)


def run() -> list[Row]:
    """Measure both by turns, 40 processes each."""
    pairs = [(_once(_OURS), _once(_BESIDE)) for _ in range(40)][5:]
    ours_ms, beside_ms = (statistics.median(pair[side][0] for pair in pairs) for side in (0, 1))
    ours_mb, beside_mb = (statistics.median(pair[side][1] for pair in pairs) for side in (0, 1))
    ratio = ours_ms / beside_ms
    return [
        Row(
            what="`from nikdev_iot import Api`, time",
            ours=f"{ours_ms:.1f} ms",
            peer=f"`{_BESIDE}`: {beside_ms:.1f} ms",
            ratio=f"{ratio:.2f}x",
            aim="at most 1.6x",
            met=ratio <= 1.6,
        ),
        Row(
            what="the same, memory of the process",
            ours=f"{ours_mb:.1f} MB",
            peer=f"{beside_mb:.1f} MB",
            ratio=f"{ours_mb / beside_mb:.2f}x",
            aim="at most 22 MB",
            met=ours_mb <= 22,
        ),
    ]
