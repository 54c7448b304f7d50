from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conformance.made import made_pack, new_key

from nikdev_iot.server.measures.growth import Growth, Trend
from nikdev_iot.server.storage.operating import SizeSample
from nikdev_iot.server.storage.sqlite import SqliteStorage

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US


class Clock:
    def __init__(self) -> None:
        self.now_us = 1_790_000_000_000_000

    def __call__(self) -> int:
        return self.now_us


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[SqliteStorage]:
    storage = SqliteStorage.open(tmp_path / "store")
    yield storage
    storage.close()


def test_one_sample_an_hour_and_none_for_ever(storage: SqliteStorage) -> None:
    clock = Clock()
    growth = Growth(storage, now_us=clock)
    assert growth.sample()
    assert not growth.sample()
    clock.now_us += HOUR_US
    assert growth.sample()
    assert len(storage.size_samples(start_us=0)) == 2
    clock.now_us += 91 * DAY_US
    assert growth.sample()
    assert len(storage.size_samples(start_us=0)) == 1


def test_the_trend_says_how_much_a_day(storage: SqliteStorage) -> None:
    clock = Clock()
    growth = Growth(storage, now_us=clock)
    assert growth.trend().bytes_per_day is None  # nothing to compare with
    growth.sample()
    clock.now_us += HOUR_US
    assert growth.trend().bytes_per_day is None  # chance
    before_bytes = storage.size().total_bytes
    with storage.write() as write:
        write.put_packs([made_pack(new_key(), 1, payload=os.urandom(2_000_000))])
    clock.now_us += 23 * HOUR_US
    trend = growth.trend()
    assert trend.bytes_per_day == pytest.approx(storage.size().total_bytes - before_bytes, rel=0.2)
    assert trend.samples[-1] == SizeSample(
        at_us=clock.now_us, data_bytes=storage.size().total_bytes, commits=storage.counts().commits
    )


def test_how_long_the_disk_lasts() -> None:
    def trend(bytes_per_day: float | None) -> Trend:
        return Trend(samples=[], bytes_per_day=bytes_per_day)

    assert trend(10).days_left(100) == 10
    assert trend(0).days_left(100) is None
    assert trend(-5).days_left(100) is None
    assert trend(None).days_left(100) is None
    assert trend(10).days_left(None) is None


def test_a_store_that_takes_nothing_is_no_error(storage: SqliteStorage, caplog: pytest.LogCaptureFixture) -> None:
    growth = Growth(storage, now_us=Clock())
    storage.close()
    assert not growth.sample()
    assert "was not noted" in caplog.text
