"""How the store grows: its size is sampled once an hour and kept in the store itself."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from nikdev_iot.server.errors import StorageError
from nikdev_iot.server.storage.operating import SizeSample
from nikdev_iot.server.storage.port import Storage

__all__ = ["Growth", "Trend"]

_log = logging.getLogger(__name__)
_HOUR_US = 3_600_000_000
_DAY_US = 24 * _HOUR_US
_KEPT_DAYS = 90
_SHORTEST_US = 2 * _HOUR_US
"""What two samples closer than this say of a day is chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """The samples, and what they say."""

    samples: list[SizeSample]
    bytes_per_day: float | None
    """Over the last week at most; None while there is too little to say."""

    def days_left(self, free_bytes: int | None) -> float | None:
        """Return for how many days the disk lasts if it goes on like this; None where nobody can say."""
        if free_bytes is None or self.bytes_per_day is None or self.bytes_per_day <= 0:
            return None
        return free_bytes / self.bytes_per_day


class Growth:
    """Takes the samples, from whatever calls `sample` now and then."""

    def __init__(self, storage: Storage, *, now_us: Callable[[], int]) -> None:
        self._storage = storage
        self._now_us = now_us
        self._lock = threading.Lock()
        self._last_us: int | None = None

    def sample(self) -> bool:
        """Keep a sample if an hour has gone by since the last; return whether one was kept. A full disk is no error."""
        at_us = self._now_us()
        with self._lock:
            if self._last_us is not None and at_us - self._last_us < _HOUR_US:
                return False
            try:
                before = self._storage.size_samples(start_us=at_us - _HOUR_US + 1)
                if before:  # of another run of the server
                    self._last_us = before[-1].at_us
                    return False
                sample = SizeSample(
                    at_us=at_us, data_bytes=self._storage.size().total_bytes, commits=self._storage.counts().commits
                )
                with self._storage.write() as write:
                    write.add_size_sample(sample, forget_before_us=at_us - _KEPT_DAYS * _DAY_US)
            except StorageError as error:
                _log.warning("the size of the store was not noted: %s", error)
                return False
            self._last_us = at_us
            return True

    def trend(self) -> Trend:
        """Return the samples of the last weeks, and one of now."""
        now_us = self._now_us()
        samples = [one for one in self._storage.size_samples(start_us=now_us - 30 * _DAY_US) if one.at_us < now_us]
        samples.append(
            SizeSample(
                at_us=now_us, data_bytes=self._storage.size().total_bytes, commits=self._storage.counts().commits
            )
        )
        return Trend(samples=samples, bytes_per_day=_bytes_per_day(samples))


def _bytes_per_day(samples: list[SizeSample]) -> float | None:
    last = samples[-1]
    first = next(one for one in samples if one.at_us >= last.at_us - 7 * _DAY_US)
    span_us = last.at_us - first.at_us
    if span_us < _SHORTEST_US:
        return None
    return (last.data_bytes - first.data_bytes) / span_us * _DAY_US
