from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conformance.made import made_pack, new_key

from nikdev_iot.server.errors import Conflict, ServerError
from nikdev_iot.server.measures.backups import Backups, Progress
from nikdev_iot.server.storage.sqlite import SqliteStorage


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[SqliteStorage]:
    storage = SqliteStorage.open(tmp_path / "store")
    with storage.write() as write:
        key = new_key()
        write.put_packs([made_pack(key, n, payload=os.urandom(50_000)) for n in range(1, 101)])
    yield storage
    storage.close()


def new_backups(storage: SqliteStorage) -> Backups:
    return Backups(storage, storage.path.parent, now_us=lambda: 1_790_000_000_000_000)


def copies(storage: SqliteStorage) -> list[str]:
    return [path.name for path in storage.path.parent.iterdir() if not path.name.startswith("store.")]


def test_a_copy_is_made_and_removed(storage: SqliteStorage) -> None:
    backups = new_backups(storage)
    copy = backups.make()
    assert copies(storage) == [copy.path.name]
    assert (copy.size_bytes, copy.made_us) == (copy.path.stat().st_size, 1_790_000_000_000_000)
    assert backups.progress is None
    for _ in range(2):
        backups.remove(copy)
    assert copies(storage) == []


class Watched(Backups):
    """Stops at the first step until it is let go."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]
        self.begun, self.go_on = threading.Event(), threading.Event()

    def _note(self, copied_bytes: int, total_bytes: int) -> None:
        super()._note(copied_bytes, total_bytes)
        self.begun.set()
        assert self.go_on.wait(10)


def test_one_at_a_time_and_it_tells_how_far_it_is(storage: SqliteStorage) -> None:
    backups = Watched(storage, storage.path.parent, now_us=lambda: 1)
    made = []
    thread = threading.Thread(target=lambda: made.append(backups.make()))
    thread.start()
    try:
        assert backups.begun.wait(10)
        progress = backups.progress
        assert isinstance(progress, Progress)
        assert 0 < progress.copied_bytes < progress.total_bytes
        with pytest.raises(Conflict, match="being made already"):
            backups.make()
    finally:
        backups.go_on.set()
        thread.join()
    assert len(made) == 1
    backups.remove(made[0])
    backups.remove(backups.make())


def test_a_stop_ends_it(storage: SqliteStorage) -> None:
    backups = new_backups(storage)
    backups.stop()
    with pytest.raises(ServerError, match="is stopping"):
        backups.make()
    assert copies(storage) == []


def test_what_a_killed_server_left_is_removed_at_the_next_start(storage: SqliteStorage) -> None:
    left = new_backups(storage).make()
    other = storage.path.with_name("mine.sqlite3")
    other.touch()
    new_backups(storage).remove_left_over()
    assert not left.path.exists()
    assert copies(storage) == ["mine.sqlite3"]
