from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.conformance.repacking import all_packs, one_commit, push

from nikdev_iot.server.errors import StorageUnavailable
from nikdev_iot.server.repacking.policy import Policy
from nikdev_iot.server.repacking.repacker import Repacker
from nikdev_iot.server.storage.sqlite import SqliteStorage

NOW_US = 1_900_000_000_000_000
EAGER = Policy(rows=20, step_packs=20, fan_in=4, sizes=(20, 80), undo_for_us=0)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[SqliteStorage]:
    storage = SqliteStorage.open(tmp_path / "store")
    yield storage
    storage.close()


def _repacker(storage: SqliteStorage, **options: object) -> Repacker:
    return Repacker(storage, now_us=lambda: NOW_US, policy=EAGER, rest=0, **options)  # type: ignore[arg-type]


def _fill(storage: SqliteStorage, count: int = 210) -> tuple[uuid.UUID, uuid.UUID]:
    key = (uuid.uuid4(), uuid.uuid4())
    push(storage, key, [one_commit(number) for number in range(1, count + 1)])
    return key


def _wait_until(is_so: Callable[[], bool]) -> None:
    give_up_s = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < give_up_s
        time.sleep(0.005)


def test_a_sweep_does_all_there_is_to_do(storage: SqliteStorage) -> None:
    keys = [_fill(storage) for _ in range(3)]
    before = [all_packs(storage, key[0]) for key in keys]
    _repacker(storage).sweep(is_starting=True)
    for key, packs in zip(keys, before, strict=True):
        assert all_packs(storage, key[0]) == packs
        assert storage.open_packs(key, limit=5) == []
        rows = [head.row_count for head in storage.segment_heads(key)]
        assert sum(rows) == 209
        assert len(rows) <= 5
    assert storage._read_one("SELECT count(*) FROM packs") == (3,)  # the newest of each
    assert storage._read_one("SELECT count(*) FROM spent") == (0,)


def test_in_the_background_it_goes_on_with_what_comes(storage: SqliteStorage) -> None:
    key = _fill(storage, 50)
    repacker = _repacker(storage, look_every_s=0.01)
    repacker.start()
    try:
        _wait_until(lambda: len(storage.open_packs(key, limit=5)) == 0)
        push(storage, key, [one_commit(number) for number in range(51, 101)])
        _wait_until(lambda: len(storage.open_packs(key, limit=5)) == 0)
    finally:
        repacker.close()
    repacker.close()
    assert [pack[2] for pack in all_packs(storage, key[0])] == list(range(1, 101))


def test_an_origin_that_cannot_be_read_keeps_no_other_waiting(
    storage: SqliteStorage, caplog: pytest.LogCaptureFixture
) -> None:
    keys = sorted(_fill(storage, 30) for _ in range(3))
    arrival = storage.open_packs(keys[1], limit=5)[3].arrival
    with storage.write() as write:
        write._execute("UPDATE packs SET payload = zeroblob(9) WHERE arrival = ?", (arrival,))
    repacker = _repacker(storage)
    with caplog.at_level(logging.ERROR):
        repacker.sweep()
        repacker.sweep()
    assert [len(storage.segment_heads(key)) > 0 for key in keys] == [True, False, True]
    (record,) = caplog.records
    assert "cannot be read back" in record.getMessage()


def test_a_store_that_is_away_is_tried_again(
    storage: SqliteStorage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    key = _fill(storage, 30)
    real, calls = storage.origins_after, []

    def away(*arguments: object, **options: object) -> object:
        calls.append(1)
        if len(calls) == 1:
            raise StorageUnavailable("The disk is away.")
        return real(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(storage, "origins_after", away)
    repacker = _repacker(storage, look_every_s=0.01)
    with caplog.at_level(logging.WARNING):
        repacker.start()
        _wait_until(lambda: bool(storage.segment_heads(key)))
        repacker.close()
    assert "packs are not re-packed: The disk is away." in caplog.text
