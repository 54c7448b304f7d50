"""That packs are found without reading past others; what is found is for the contract to say."""

from __future__ import annotations

import sqlite3
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.conformance.made import made_pack, new_key

from nikdev_iot.server.storage.port import OriginKey
from nikdev_iot.server.storage.sqlite import SqliteStorage
from nikdev_iot.server.storage.sqlite.connection import connect


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[SqliteStorage]:
    storage = SqliteStorage.open(tmp_path)
    yield storage
    storage.close()


_READS: dict[str, Callable[[SqliteStorage, OriginKey], object]] = {
    "mark": lambda storage, key: storage.mark(key),
    "pack_holding": lambda storage, key: storage.pack_holding(key, 50),
    "spans": lambda storage, key: storage.spans(key[0], start_us=5_000_000, end_us=9_000_000),
    "packs": lambda storage, key: list(storage.packs(key[0], [1, 2, 3])),
    "packs_after": lambda storage, key: storage.packs_after(key[0], 10, limit=20),
    "latest": lambda storage, key: storage.latest(key[0]),
    "access": lambda storage, key: storage.access(key[0], bytes(32)),
    "session": lambda storage, key: storage.session(bytes(32)),
    "standing": lambda storage, key: storage.standing(bytes(32)),
    "sessions": lambda storage, key: storage.sessions(key[0]),
    "person_by_email": lambda storage, key: storage.person_by_email("ada@example.org"),
    "memberships": lambda storage, key: storage.memberships(key[0]),
    "members": lambda storage, key: storage.members(key[0]),
    "invitations": lambda storage, key: storage.invitations(key[0]),
    "invitation": lambda storage, key: storage.invitation(bytes(32)),
    "count_backup_codes": lambda storage, key: storage.count_backup_codes(key[0]),
    "setting": lambda storage, key: storage.setting("registration"),
    "devices": lambda storage, key: storage.devices(key[0]),
    "fields": lambda storage, key: storage.fields(key[0]),
    "keys": lambda storage, key: storage.keys(key[0]),
}

# The bounds of spans(), and lists of arrivals.
_SHORT = {"SCAN w", "SCAN 17 CONSTANT ROWS"}


@pytest.mark.parametrize("name", _READS)
def test_no_read_goes_through_a_whole_table(storage: SqliteStorage, name: str) -> None:
    key = new_key()
    with storage.write() as write:
        write.put_packs([made_pack(key, number) for number in range(1, 101)])
    reader = connect(storage.path, writer=False)
    statements: list[str] = []
    reader.set_trace_callback(statements.append)
    storage._idle.append(reader)
    _READS[name](storage, key)
    reader.set_trace_callback(None)
    asked = [statement for statement in statements if statement.startswith("SELECT")]
    assert asked
    for statement in asked:
        for step in _plan(reader, statement):
            assert "SCAN" not in step or step in _SHORT or "json_each" in step


def _plan(connection: sqlite3.Connection, statement: str) -> list[str]:
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]


def test_large_packs_are_held_one_at_a_time(storage: SqliteStorage) -> None:
    key = new_key()
    for number in range(1, 13):
        with storage.write() as write:
            write.put_packs([made_pack(key, number, payload=bytes(5_000_000))])
    arrivals = [span.arrival for span in storage.spans(key[0], start_us=0, end_us=2**60)]
    tracemalloc.start()
    for pack in storage.packs(key[0], arrivals):
        assert len(pack.payload) == 5_000_000
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 25_000_000


def test_small_packs_are_read_many_at_a_time(storage: SqliteStorage) -> None:
    key = new_key()
    with storage.write() as write:
        write.put_packs([made_pack(key, number) for number in range(1, 1_001)])
    reader = connect(storage.path, writer=False)
    statements: list[str] = []
    reader.set_trace_callback(statements.append)
    storage._idle.append(reader)
    assert len(list(storage.packs(key[0], range(1, 1_001)))) == 1_000
    assert len([statement for statement in statements if statement.startswith("SELECT")]) < 25
