from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nikdev_iot.server.measures.measures import Measures
from nikdev_iot.server.storage.sqlite import SqliteStorage


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[SqliteStorage]:
    storage = SqliteStorage.open(tmp_path / "store")
    yield storage
    storage.close()


def test_it_samples_from_its_start_on_and_ends(storage: SqliteStorage) -> None:
    folder = storage.path.parent
    left = folder / "backup-in-the-making-1-2.sqlite3"
    left.touch()
    measures = Measures(storage, folder, now_us=lambda: 1_790_000_000_000_000, monotonic_s=time.monotonic)
    measures.close()  # before it began
    measures = Measures(storage, folder, now_us=lambda: 1_790_000_000_000_000, monotonic_s=time.monotonic)
    measures.start()
    until_s = time.monotonic() + 10
    while not storage.size_samples(start_us=0) and time.monotonic() < until_s:
        time.sleep(0.01)
    for _ in range(2):
        measures.close()
    assert len(storage.size_samples(start_us=0)) == 1
    assert not left.exists()
    assert 0 <= measures.uptime_s < 60


def test_nothing_stored_is_nothing_counted(storage: SqliteStorage) -> None:
    measures = Measures(storage, storage.path.parent, now_us=lambda: 1, monotonic_s=time.monotonic)
    measures.stored([], [])
    assert not measures.rates._bins
