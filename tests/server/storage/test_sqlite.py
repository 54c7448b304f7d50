"""The SQLite adapter under the contract of its port. What only SQLite has is in `sqlite/`."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conformance.storage import Place, StorageContract

from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.sqlite import SqliteStorage


def open_store(address: str) -> Storage:
    return SqliteStorage.open(Path(address))


class TestSqlite(StorageContract):
    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        return Place("tests.server.storage.test_sqlite:open_store", str(tmp_path / "store"))
