"""Everything that can be read of a device, behind one door: it owns the caches."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence

from nikdev_iot.server.measures.slow import SlowQueries
from nikdev_iot.server.storage.port import Storage

from .aggregates import Aggregate
from .buckets import BucketsPage, read_buckets
from .fleet import Fleet
from .history import RowsPage, Window, read_rows
from .latest import LatestReader, LatestValue
from .pack_cache import PackCache
from .previews import Previews
from .series import SeriesData, SeriesQuery, cost_rows, read_series

__all__ = ["Reader"]

_MAX_BUCKET_VALUES = 800_000
"""Buckets times fields times aggregates of one page: as JSON, about as long as a page of rows may be."""

_YEAR_US = 31_557_600_000_000
_YEARS_US = 2 * _YEAR_US
"""From there on, years are said instead of days."""


class Reader:
    """Reads history and latest values; from any thread. All calls block on storage.

    Each raises `StorageUnavailable` where the engine cannot be reached, `StorageCorrupt` where a pack cannot be read.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        cache_bytes: int = 64 * 1024 * 1024,
        slow: SlowQueries | None = None,
        previews: Previews | None = None,
    ) -> None:
        self._storage = storage
        self._previews = Previews() if previews is None else previews
        self._slow = SlowQueries() if slow is None else slow
        self._cache = PackCache(storage, max_bytes=cache_bytes)
        self._latest = LatestReader(storage)
        self._fleet = Fleet(
            storage,
            self._cache,
            newest=self.newest_stored,
            previews=self._previews,
            series=lambda query, at_once_rows: self.series(query, at_once_rows=at_once_rows),
        )

    @property
    def fleet(self) -> Fleet:
        """Reads many devices at once."""
        return self._fleet

    def newest(self, device_id: uuid.UUID) -> Mapping[str, LatestValue]:
        """Return the newest value of each field that has one: stored, or shown ahead of what is on its way."""
        return self._previews.over(device_id, self.newest_stored(device_id))

    def newest_stored(self, device_id: uuid.UUID) -> Mapping[str, LatestValue]:
        """Return the newest value that is stored, of each field that has one: where its history ends."""
        with self._slow.timed("latest values", device_id):
            return self._latest.newest(device_id)

    def rows(self, window: Window, *, limit: int) -> RowsPage:
        """Return the first rows of the window, at most `limit`."""
        with self._slow.timed("a page of history", window.device_id):
            return read_rows(self._storage, self._cache, window, limit=limit)

    def buckets(
        self, window: Window, *, every_us: int, aggregates: Sequence[Aggregate], limit: int, field_count: int
    ) -> BucketsPage:
        """Return the first buckets of the window, at most `limit`, and fewer where there are very many fields."""
        limit = max(1, min(limit, _MAX_BUCKET_VALUES // max(1, field_count * len(aggregates))))
        with self._slow.timed("a page of aggregates", window.device_id):
            return read_buckets(
                self._storage, self._cache, window, every_us=every_us, aggregates=aggregates, limit=limit
            )

    def series(
        self, query: SeriesQuery, *, at_once_rows: int | None = None, is_wanted: Callable[[], bool] = lambda: True
    ) -> SeriesData | None:
        """Return what a chart shows; None where it is more work than reading `at_once_rows` rows.

        Raises:
            GivenUp: `is_wanted`, asked every now and then, said no.
        """
        with self._slow.timed(f"a chart of {_length(query.start_us, query.end_us)}", query.device_id):
            return self._series(query, at_once_rows, is_wanted)

    def _series(self, query: SeriesQuery, at_once_rows: int | None, is_wanted: Callable[[], bool]) -> SeriesData | None:
        spans = self._storage.spans(query.device_id, start_us=query.start_us, end_us=query.end_us)
        if at_once_rows is not None and cost_rows(spans) > at_once_rows:
            return None
        return read_series(self._storage, self._cache, query, spans, is_wanted=is_wanted)


def _length(start_us: int, end_us: int) -> str:
    """Return a length of time in one unit: `3 d`; what begins with 1970 is the range "all"."""
    span_us = end_us - start_us
    if start_us <= 0 and span_us >= _YEARS_US:
        return "all there is"
    if span_us >= _YEARS_US:
        return f"{span_us / _YEAR_US:.0f} y"
    for unit, length_us in (("d", 86_400_000_000), ("h", 3_600_000_000), ("min", 60_000_000)):
        if span_us >= length_us:
            return f"{span_us // length_us} {unit}"
    return f"{span_us / 1e6:g} s"
