from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from tests.conformance.made import made_account

from nikdev_iot.server.errors import StorageUnavailable
from nikdev_iot.server.storage.sqlite import SqliteStorage


def test_folder_and_file_are_for_their_owner_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        storage = SqliteStorage.open(tmp_path / "deep" / "store")
        with storage.write() as write:
            write.add_account(made_account())
        files = list(storage.path.parent.iterdir())
        storage.close()
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "deep" / "store").stat().st_mode) == 0o700
    assert len(files) == 3
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files if path.exists())


def test_every_commit_is_synchronised(tmp_path: Path) -> None:
    storage = SqliteStorage.open(tmp_path)
    assert storage._writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert storage._writer.execute("PRAGMA synchronous").fetchone() == (2,)
    storage.close()


def test_without_create_there_has_to_be_a_store(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable, match="There is no store in"):
        SqliteStorage.open(tmp_path / "store", create=False)
    assert not (tmp_path / "store").exists()
    SqliteStorage.open(tmp_path / "store").close()
    SqliteStorage.open(tmp_path / "store", create=False).close()


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageUnavailable, match="cannot be opened"):
        SqliteStorage.open(tmp_path / "file" / "store")


def test_a_guest_leaves_the_log_to_the_server(tmp_path: Path) -> None:
    host, guest = SqliteStorage.open(tmp_path), SqliteStorage.open(tmp_path, guest=True)
    settings = [storage._writer.execute("PRAGMA wal_autocheckpoint").fetchone()[0] for storage in (host, guest)]
    guest.close()
    host.close()
    assert settings[0] > 0
    assert settings[1] == 0
