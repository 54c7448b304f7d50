"""`commit()` of ten values beside a bare SQLite insert of the same size with the same durability."""

from __future__ import annotations

import sqlite3
import statistics
import struct
import tempfile
import time
from pathlib import Path

from nikdev_iot import Api

from .report import Row

__all__ = ["run"]

_DEVICE = "6e696b64-6576-4000-8000-000000000001"
_ROUNDS, _BLOCK = 30, 50


def _bare(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE commits (id INTEGER PRIMARY KEY AUTOINCREMENT, time_us INTEGER, body BLOB)")
    return connection


def run() -> list[Row]:
    """Measure blocks of both by turns, in one folder; the median block counts."""
    fields = [f"f{number}" for number in range(10)]
    values = [20.0 + number for number in range(10)]
    ours, staged, bare = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        connection = _bare(Path(folder) / "bare.db")
        insert = "INSERT INTO commits (time_us, body) VALUES (?, ?)"
        with Api({"deviceId": _DEVICE, "apiKey": _DEVICE, "storagePath": folder}) as api:
            for _ in range(_ROUNDS):
                spent = adding = 0.0
                for _ in range(_BLOCK):
                    begin = time.perf_counter()
                    for field, value in zip(fields, values, strict=True):
                        api.add_value(field, value)
                    middle = time.perf_counter()
                    api.commit()
                    spent += time.perf_counter() - middle
                    adding += middle - begin
                ours.append(spent / _BLOCK)
                staged.append(adding / _BLOCK)
                begin = time.perf_counter()
                for _ in range(_BLOCK):
                    connection.execute(insert, (time.time_ns() // 1000, struct.pack("<10d", *values)))
                bare.append((time.perf_counter() - begin) / _BLOCK)
        connection.close()
    ours_us, bare_us, staged_us = (statistics.median(x) * 1e6 for x in (ours, bare, staged))
    ratio = ours_us / bare_us
    return [
        Row(
            what="`commit()` of ten values, on disk when it returns",
            ours=f"{ours_us:.0f} µs (and ten `add_value`: {staged_us:.0f} µs)",
            peer=f"bare SQLite insert, same durability: {bare_us:.0f} µs",
            ratio=f"{ratio:.2f}x",
            aim="at most 1.5x",
            met=ratio <= 1.5,
        )
    ]
