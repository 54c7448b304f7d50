from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.conformance.made import made_pack, new_key

from nikdev_iot.server.errors import StorageUnavailable
from nikdev_iot.server.storage.sqlite import SqliteStorage


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[SqliteStorage]:
    storage = SqliteStorage.open(tmp_path / "store")
    key = new_key()
    with storage.write() as write:
        write.put_packs([made_pack(key, n, payload=os.urandom(50_000)) for n in range(1, 41)])
    yield storage
    storage.close()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_copy_is_one_whole_file_for_its_owner_alone(storage: SqliteStorage) -> None:
    target = storage.path.with_name("copy.sqlite3")
    before = names(target.parent)
    storage.backup(target)
    assert names(target.parent) - before == {"copy.sqlite3"}
    if sys.platform != "win32":
        assert target.stat().st_mode & 0o777 == 0o600
    with sqlite3.connect(f"file:{target}?mode=ro", uri=True) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert copy.execute("SELECT count(*) FROM packs").fetchone() == (40,)
        assert copy.execute("SELECT count(*) FROM meta WHERE name = 'epoch'").fetchone() == (0,)
    copy.close()


def test_without_room_no_copy_is_begun(storage: SqliteStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=5_000_000, total=6_000_000))
    target = storage.path.with_name("copy.sqlite3")
    with pytest.raises(StorageUnavailable, match=r"the disk has 5 MB left.*Free some space"):
        storage.backup(target)
    assert not target.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="the system has no limit of a file's size")
def test_a_disk_that_fills_up_under_the_copy_leaves_no_copy(storage: SqliteStorage) -> None:
    import resource

    target = storage.path.with_name("copy.sqlite3")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, limits[1]))
    try:
        with pytest.raises(StorageUnavailable, match=r"disk is full.*The copy was removed; the store is as it was"):
            storage.backup(target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert not target.exists()
    storage.backup(target)  # the reader was given back in order


def test_the_log_is_begun_anew_after_a_copy(storage: SqliteStorage) -> None:
    storage.backup(storage.path.with_name("copy.sqlite3"))
    busy, _, _ = storage._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert busy == 0
