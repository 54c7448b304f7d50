"""What the contract of the port does not say, because only this engine has it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conformance.made import made_account, made_pack, new_key

from nikdev_iot.server.errors import StorageCorrupt, StorageUnavailable
from nikdev_iot.server.storage.port import OriginKey
from nikdev_iot.server.storage.sqlite import SqliteStorage


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[SqliteStorage]:
    storage = SqliteStorage.open(tmp_path / "store")
    yield storage
    storage.close()


def test_a_full_disk_stores_nothing_and_later_it_works(storage: SqliteStorage) -> None:
    key = new_key()
    with storage.write() as write:
        write.put_packs([made_pack(key, 1)])
    (pages,) = storage._writer.execute("PRAGMA page_count").fetchone()
    storage._writer.execute(f"PRAGMA max_page_count = {pages + 20}")

    def put_more() -> None:
        with storage.write() as write:
            assert write.marks([key])[key].number == 1
            write.put_packs([made_pack(key, 2, payload=bytes(1_000_000))])

    with pytest.raises(StorageUnavailable, match="disk is full"):
        put_more()
    assert storage.mark(key).number == 1
    storage._writer.execute("PRAGMA max_page_count = 4294967294")
    put_more()
    assert storage.mark(key).number == 2


def test_a_store_that_another_process_holds_is_unavailable(storage: SqliteStorage) -> None:
    storage._writer.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(storage.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageUnavailable, match="another process"), storage.write():
        pass
    assert storage.count_accounts() == 0  # reading goes on
    other.execute("ROLLBACK")
    other.close()
    with storage.write() as write:
        write.add_account(made_account())
    assert storage.count_accounts() == 1


def test_a_damaged_file_is_found(tmp_path: Path) -> None:
    storage = SqliteStorage.open(tmp_path)
    key = new_key()
    with storage.write() as write:
        write.put_packs([made_pack(key, number, payload=bytes(3_000)) for number in range(1, 200)])
    storage.close()
    with storage.path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (storage.path.stat().st_size - 4096))
    with pytest.raises(StorageCorrupt, match="damaged"):
        _use(tmp_path, key)


def _use(folder: Path, key: OriginKey) -> None:
    storage = SqliteStorage.open(folder)
    try:
        storage.packs_after(key[0], 0, limit=1_000)
    finally:
        storage.close()


def test_a_file_cut_short_is_found(tmp_path: Path) -> None:
    storage = SqliteStorage.open(tmp_path)
    key = new_key()
    with storage.write() as write:
        write.put_packs([made_pack(key, number, payload=bytes(3_000)) for number in range(1, 200)])
    storage.close()
    os.truncate(storage.path, storage.path.stat().st_size // 2)
    with pytest.raises(StorageCorrupt, match="damaged"):
        _use(tmp_path, key)


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    path.write_bytes(b"no database at all " * 1_000)
    with pytest.raises(StorageCorrupt, match="not a SQLite database"):
        SqliteStorage.open(tmp_path)
    assert path.read_bytes() == b"no database at all " * 1_000


def test_a_file_that_was_taken_away_is_noticed(storage: SqliteStorage, tmp_path: Path) -> None:
    storage.check()
    with storage.write():
        storage.check()  # a transaction in hand is no reason to worry
    shutil.move(storage.path, tmp_path / "elsewhere")
    with pytest.raises(StorageUnavailable, match="no longer"):
        storage.check()


def test_check_notices_that_nothing_can_be_written(storage: SqliteStorage) -> None:
    writer = storage._writer
    storage._writer = sqlite3.connect(f"file:{storage.path}?mode=ro", uri=True, isolation_level=None)
    with pytest.raises(StorageUnavailable, match="cannot be written to"):
        storage.check()
    storage._writer.close()
    storage._writer = writer
    storage.check()
