from __future__ import annotations

import datetime
import sqlite3
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conformance.made import new_key
from tests.conformance.repacking import AT_US, all_packs, new_segment, one_commit, push, repack, segment_of

from nikdev_iot.server.errors import StorageCorrupt, StorageUnavailable
from nikdev_iot.server.segments.periods import OTHER, period_of
from nikdev_iot.server.storage.sqlite import SqliteStorage
from nikdev_iot.server.storage.sqlite.periods import PeriodFiles

_DAY_US = 86_400_000_000


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[SqliteStorage]:
    storage = SqliteStorage.open(tmp_path / "store", new_epoch=lambda: bytes(range(16)))
    yield storage
    storage.close()


def _us(text: str) -> int:
    return int(datetime.datetime.fromisoformat(text).timestamp() * 1_000_000)


def _names(storage: SqliteStorage) -> list[str]:
    return sorted(path.name for path in storage.path.parent.glob("segments-*.sqlite3"))


def test_each_month_has_its_file_for_the_owner_alone(storage: SqliteStorage) -> None:
    key, begin_us = new_key(), _us("2026-10-20T00:00:00+00:00")
    times = [*range(begin_us, begin_us + 30 * _DAY_US, _DAY_US), 5, 6]
    push(storage, key, [one_commit(number, time_us) for number, time_us in enumerate(times, 1)])
    before = all_packs(storage, key[0])
    for count in (12, 18, 1):
        repack(storage, key, count=count)
    assert _names(storage) == [
        "segments-2026-10-00010203.sqlite3",
        "segments-2026-11-00010203.sqlite3",
        "segments-other-00010203.sqlite3",
    ]
    if sys.platform != "win32":
        assert {path.stat().st_mode & 0o777 for path in storage.path.parent.glob("segments-*.sqlite3")} == {0o600}
    assert all_packs(storage, key[0]) == before


def test_what_was_begun_and_not_finished_is_removed_at_the_start(
    storage: SqliteStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = new_key()
    push(storage, key, [one_commit(number) for number in range(1, 10)])
    before = all_packs(storage, key[0])

    class KilledError(Exception):
        pass

    def killed(*_arguments: object) -> None:
        raise KilledError

    put = PeriodFiles.put

    def killed_behind(files: PeriodFiles, *arguments: object) -> None:
        put(files, *arguments)
        raise KilledError

    for instead in (killed, killed_behind):
        with monkeypatch.context() as patched, pytest.raises(KilledError):
            patched.setattr(PeriodFiles, "put", instead)
            storage.put_segment(new_segment(segment_of(storage, key, count=5)), honours=(), at_us=AT_US)
        assert all_packs(storage, key[0]) == before
        assert storage.segment_heads(key) == []
    assert not storage.clear_contents(at_us=AT_US, limit=10)  # somebody may be at it
    assert _content_count(storage) == 1
    storage.clear_contents(at_us=AT_US, limit=10, is_starting=True)
    assert _content_count(storage) == 0
    assert storage._read_all("SELECT * FROM doomed") == []
    assert repack(storage, key, count=5) is not None
    assert all_packs(storage, key[0]) == before


def _content_count(storage: SqliteStorage) -> int:
    count = 0
    for path in storage.path.parent.glob("segments-*.sqlite3"):
        with sqlite3.connect(path) as connection:
            count += connection.execute("SELECT count(*) FROM contents").fetchone()[0]
        connection.close()
    return count


def test_what_a_file_loses_is_said(storage: SqliteStorage) -> None:
    key = new_key()
    push(storage, key, [one_commit(number) for number in range(1, 10)])
    id_ = repack(storage, key, count=5)
    assert id_ is not None
    (name,) = _names(storage)
    path = storage.path.with_name(name)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE contents SET body = zeroblob(length(body))")
    connection.close()
    with pytest.raises(StorageCorrupt, match=rf"segment {id_} cannot be read back.*Restore|segment {id_} cannot"):
        storage.pack_holding(key, 3)
    path.unlink()
    storage._files.close()
    storage._files._closed = False
    with pytest.raises(StorageCorrupt, match=r"is missing.*Put it back"):
        list(storage.segments(key[0], [id_]))
    PeriodFiles(path.parent, bytes(16)).put(period_of(5), [(id_ + 1, b"", b"")])
    with pytest.raises(StorageCorrupt, match="has gone from"):
        PeriodFiles(path.parent, bytes(16)).body(period_of(5), id_)


def test_files_stay_open_for_a_while_and_not_all_of_them(tmp_path: Path) -> None:
    files = PeriodFiles(tmp_path, bytes(16))
    first = period_of(_us("2020-01-05T00:00:00+00:00"))
    for period in range(first, first + 40):
        files.put(period, [(period, b"summary", b"body")])
    for period in range(first, first + 40):
        assert files.summary(period, period) == b"summary"
        assert files.body(period, period) == b"body"
    assert sum(map(len, files._idle.values())) <= 16
    files.remove(first, [first, 99])
    files.remove(first + 500, [1])
    with pytest.raises(StorageCorrupt, match="has gone"):
        files.body(first, first)
    assert len(files.paths()) == 40
    files.close()
    with pytest.raises(StorageUnavailable, match="has been closed"):
        files.body(first, first)


def test_the_files_of_another_epoch_are_not_ours(tmp_path: Path) -> None:
    one, other = PeriodFiles(tmp_path, b"a" * 16), PeriodFiles(tmp_path, b"b" * 16)
    one.put(OTHER, [(1, b"of a", b"")])
    other.put(OTHER, [(1, b"of b", b"")])
    assert (one.summary(OTHER, 1), other.summary(OTHER, 1)) == (b"of a", b"of b")
    one.close()
    other.close()


def test_without_room_or_access_nothing_is_stored(storage: SqliteStorage) -> None:
    key = (uuid.uuid4(), uuid.uuid4())
    push(storage, key, [one_commit(number) for number in range(1, 10)])
    segment = new_segment(segment_of(storage, key, count=5))
    storage._files.path(period_of(5)).mkdir()
    with pytest.raises(StorageUnavailable):
        storage.put_segment(segment, honours=(), at_us=AT_US)
    assert storage.segment_heads(key) == []
