from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from nikdev_iot.client.config import Config
from nikdev_iot.client.opening import open_journal
from nikdev_iot.model.errors import ConfigError, JournalError

DEVICE = "0a5c7c1e-7b0c-4e4e-9d2c-2f1f3a1d0b11"
OTHER = "7d7b6c4e-0d57-4c8e-a6a0-0f4c2b6f4a11"


def config(folder: Path, **options: object) -> Config:
    return Config.from_dict({"storagePath": folder, **options}, environ={})


def test_folders_are_made(tmp_path: Path) -> None:
    journal = open_journal(config(tmp_path / "a" / "b", deviceId=DEVICE))
    assert journal.path == tmp_path / "a" / "b" / f"nikdev-{DEVICE}.db"
    assert journal.path.is_file()
    journal.close()


def test_a_journal_belongs_to_one_device(tmp_path: Path) -> None:
    open_journal(config(tmp_path, deviceId=DEVICE.upper(), storageFilename="x.db")).close()
    open_journal(config(tmp_path, deviceId=DEVICE, storageFilename="x.db")).close()
    with pytest.raises(JournalError):
        open_journal(config(tmp_path, deviceId=OTHER, storageFilename="x.db"))


def test_without_a_device_id_a_named_journal_can_be_used(tmp_path: Path) -> None:
    journal = open_journal(config(tmp_path, storageFilename="x.db"))
    journal.commit({"a": 1})
    journal.close()
    with pytest.raises(ConfigError):
        open_journal(config(tmp_path))


@pytest.mark.parametrize(("durability", "level"), [("full", 2), ("normal", 1)])
def test_durability_reaches_the_disk(tmp_path: Path, durability: str, level: int) -> None:
    journal = open_journal(config(tmp_path, deviceId=DEVICE, durability=durability))
    with journal._database.plain("look") as connection:
        assert isinstance(connection, sqlite3.Connection)
        assert connection.execute("PRAGMA synchronous").fetchone() == (level,)
    journal.close()
