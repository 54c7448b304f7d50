"""That a group commit is cheap; what it stores is for the contract to say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conformance.made import made_pack, new_key

from nikdev_iot.server.storage.port import OriginKey
from nikdev_iot.server.storage.sqlite import SqliteStorage
from nikdev_iot.server.storage.sqlite.origins import SHELF_PACKS


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[SqliteStorage]:
    storage = SqliteStorage.open(tmp_path)
    yield storage
    storage.close()


def _store(storage: SqliteStorage, keys: list[OriginKey], number: int) -> list[str]:
    """Store one pack of each origin, as a push does; return the statements that it took."""
    statements: list[str] = []
    storage._writer.set_trace_callback(statements.append)
    with storage.write() as write:
        marks = write.marks(keys)
        write.put_packs([made_pack(key, number, parent=marks[key].hash) for key in keys])
    storage._writer.set_trace_callback(None)
    return [statement.partition("(")[0].strip() for statement in statements]


def test_a_group_takes_few_statements(storage: SqliteStorage) -> None:
    keys = [new_key() for _ in range(256)]
    _store(storage, keys, 1)
    statements = _store(storage, keys, 2)
    # The rows go in by 64; nothing is read but the counter.
    assert sorted(statements) == sorted(
        ["BEGIN IMMEDIATE", "SELECT value, EXISTS"]
        + ["INSERT INTO packs", "INSERT INTO origins"] * 4
        + [statement for statement in statements if statement.startswith("UPDATE meta")]
        + ["COMMIT"]
    )
    assert len(statements) == 12


def test_a_group_changes_few_pages(storage: SqliteStorage) -> None:
    keys = [new_key() for _ in range(256)]
    for number in range(1, SHELF_PACKS):
        _store(storage, keys, number)
    storage._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    _store(storage, keys, SHELF_PACKS)
    written = storage.path.with_name("store.sqlite3-wal").stat().st_size
    # 256 packs of 200 bytes; as many pages per index, were there one, would be a megabyte each.
    assert written < 400_000


def test_origins_not_in_memory_are_loaded(storage: SqliteStorage) -> None:
    keys = [new_key() for _ in range(20)]
    for number in range(1, 2 * SHELF_PACKS + 3):
        if number % 5 == 0:
            storage._origins.clear()
        _store(storage, keys, number)
    for key in keys:
        packs = storage.packs_after(key[0], 0, limit=1_000)
        assert [pack.first for pack in packs] == list(range(1, 2 * SHELF_PACKS + 3))


def test_the_entries_of_a_group_take_few_statements(storage: SqliteStorage) -> None:
    keys = [(new_key()[0], bytes([number]) * 16) for number in range(200)]
    statements: list[str] = []
    storage._writer.set_trace_callback(statements.append)
    with storage.write() as write:
        assert write.seen_entries(keys) == set()
        write.remember_entries(keys, at_us=1)
        assert write.seen_entries(keys) == set(keys)
    storage._writer.set_trace_callback(None)
    # 200 rows: three times 64, and once 8, each time.
    assert len(statements) == 2 + 3 * 4
