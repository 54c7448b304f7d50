from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.conformance.made import made_pack

from nikdev_iot.server.accounts import Devices
from nikdev_iot.server.accounts.leaving import Leaving, StepSize
from nikdev_iot.server.errors import StorageUnavailable
from nikdev_iot.server.storage.leaving import KNOWN_FOR_US
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.records import Device
from nikdev_iot.server.storage.sqlite import SqliteStorage

NOW_US = 1_900_000_000_000_000


def _fill(storage: Storage, device: Device, packs: int) -> None:
    key = (device.id, uuid.uuid4())
    with storage.write() as write:
        write.put_packs([made_pack(key, number) for number in range(1, packs + 1)])


@contextmanager
def _running(storage: Any, **options: Any) -> Iterator[Leaving]:
    leaving = Leaving(storage, now_us=lambda: NOW_US, **options)
    leaving.start()
    try:
        yield leaving
    finally:
        leaving.close()


def _wait_until(is_so: Callable[[], bool]) -> None:
    give_up_s = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < give_up_s
        time.sleep(0.005)


def test_what_is_left_behind_goes_after_the_device(storage: SqliteStorage, device: Device) -> None:
    _fill(storage, device, 100)
    with _running(storage, look_every_s=60) as leaving:
        Devices(storage, now_us=lambda: NOW_US, on_delete=leaving.wake).delete(device.id)
        _wait_until(lambda: not storage.has_leaving(at_us=NOW_US))
        assert storage.packs_after(device.id, 0, limit=1) == []


def test_devices_that_another_process_deleted_are_found(storage: SqliteStorage, device: Device) -> None:
    _fill(storage, device, 100)
    with _running(storage, look_every_s=0.01):
        Devices(storage, now_us=lambda: NOW_US).delete(device.id)
        _wait_until(lambda: not storage.has_leaving(at_us=NOW_US))


def test_the_next_start_goes_on(storage: SqliteStorage, device: Device) -> None:
    _fill(storage, device, 100)
    Devices(storage, now_us=lambda: NOW_US - KNOWN_FOR_US - 1).delete(device.id)
    first = Leaving(storage, now_us=lambda: NOW_US)
    assert first.step()  # and then it was killed
    assert 0 < len(storage.packs_after(device.id, 0, limit=100)) < 100
    with _running(storage):
        _wait_until(lambda: not storage.has_leaving(at_us=NOW_US))


def test_a_store_that_fails_for_a_while_is_asked_again(storage: SqliteStorage, device: Device) -> None:
    class Failing:
        def __init__(self) -> None:
            self.errors: list[Exception] = [StorageUnavailable("away"), ValueError("odd"), StorageUnavailable("away")]
            self.write, self.read_leaving = storage.write, storage.read_leaving

        def has_leaving(self, *, at_us: int) -> bool:
            if self.errors:
                raise self.errors.pop()
            return storage.has_leaving(at_us=at_us)

    _fill(storage, device, 20)
    Devices(storage, now_us=lambda: NOW_US).delete(device.id)
    with _running(Failing(), look_every_s=0.01):
        _wait_until(lambda: not storage.has_leaving(at_us=NOW_US))


def test_a_stop_does_not_wait_for_the_rest(storage: SqliteStorage, device: Device) -> None:
    _fill(storage, device, 5_000)
    Devices(storage, now_us=lambda: NOW_US).delete(device.id)
    leaving = Leaving(storage, now_us=lambda: NOW_US)
    leaving.start()
    _wait_until(lambda: len(storage.packs_after(device.id, 0, limit=5_000)) < 5_000)
    closed = threading.Thread(target=leaving.close)
    closed.start()
    closed.join(5)
    assert not closed.is_alive()
    leaving.close()


@pytest.mark.parametrize(
    ("took_s", "rows"),
    [
        ([0.001] * 3, 64),
        ([0.001] * 20, 1_024),
        ([0.001] * 3 + [0.01] * 5, 64),
        ([0.001] * 3 + [0.1], 32),
        ([0.1] * 20, 8),
    ],
)
def test_a_step_is_as_large_as_it_is_quick(took_s: list[float], rows: int) -> None:
    size = StepSize()
    for seconds in took_s:
        size.took(seconds)
    assert size.rows == rows
    assert size.size_bytes == rows * 16 * 1024
