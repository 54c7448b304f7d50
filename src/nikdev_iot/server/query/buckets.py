"""A device's history in buckets of equal length, page by page, holding no more than the buckets of a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nikdev_iot.model.times import MIN_TIME_US
from nikdev_iot.model.values import Kind
from nikdev_iot.server.storage.port import Storage

from .aggregates import Aggregate, Partial, join, summarize
from .cursor import Cursor
from .finish import Series, finish
from .history import PACK_COST_ROWS, PAGE_BYTES, SCAN_ROWS, Window, clip
from .pack_cache import PackCache
from .table import ColumnKey, Int64s, Table, value_bytes

__all__ = ["BucketsPage", "read_buckets"]

_PENDING_PACKS = 64


@dataclass(frozen=True, slots=True)
class BucketsPage:
    """Buckets of each field that has values; they begin at multiples of their length since 1970-01-01 UTC."""

    fields: Mapping[str, Series]
    next: Cursor | None
    """None at the end. A page may be short, even empty, and yet have a next one."""


class _Collector:
    """The first `limit` buckets, over all fields, of what was added so far."""

    def __init__(self, every_us: int, aggregates: frozenset[Aggregate], limit: int) -> None:
        self.ceiling_us: int | None = None
        """Once there are `limit` buckets, the beginning of the last one."""
        self.has_dropped = False
        self._every_us = every_us
        self._aggregates = aggregates
        self._limit = limit
        self._parts: dict[ColumnKey, list[Partial]] = {}
        self._pending_packs = 0
        self._pending_buckets = 0
        self._pending_bytes = 0

    def add(self, part: Table) -> None:
        starts = part.times // self._every_us * self._every_us
        if self.ceiling_us is not None:
            stop = int(np.searchsorted(starts, self.ceiling_us, "right"))
            self.has_dropped |= stop < len(starts)
            part, starts = part.slice(0, stop), starts[:stop]
        if not len(part):
            return
        begins = np.flatnonzero(np.concatenate(([True], starts[1:] != starts[:-1])))
        if len(begins) > self._limit:
            # These alone fill the page: what lies behind them is not worth summing up.
            self.has_dropped = True
            stop = int(begins[self._limit])
            part, starts = part.slice(0, stop), starts[:stop]
            self.ceiling_us = int(starts[-1])
        most = 0
        for key, column in part.columns.items():
            partial = summarize(part, column, starts, self._aggregates)
            self._parts.setdefault(key, []).append(partial)
            most = max(most, len(partial.starts))
            self._pending_bytes += int(_text_bytes(partial).sum())
        self._pending_packs += 1
        self._pending_buckets += most
        if (
            self._pending_packs >= _PENDING_PACKS
            or self._pending_buckets >= self._limit
            or self._pending_bytes >= PAGE_BYTES
        ):
            self.settle()

    def settle(self) -> None:
        if not self._pending_packs:
            return
        self._pending_packs = self._pending_buckets = self._pending_bytes = 0
        for key, parts in self._parts.items():
            self._parts[key] = [join(parts)]
        starts = np.unique(np.concatenate([part.starts for (part,) in self._parts.values()]))
        self._limit = max(1, min(self._limit, self._count_that_fit(starts)))
        if len(starts) < self._limit:
            return
        self.ceiling_us = int(starts[self._limit - 1])
        if len(starts) > self._limit:
            self.has_dropped = True
            self._keep_until(self.ceiling_us)

    def _count_that_fit(self, starts: Int64s) -> int:
        """Return how many buckets there may be before their texts are too much for a page."""
        cost = np.zeros(len(starts), dtype=np.int64)
        for (part,) in self._parts.values():
            cost[np.searchsorted(starts, part.starts)] += _text_bytes(part)
        total = np.cumsum(cost)
        return self._limit if total[-1] <= PAGE_BYTES else int(np.searchsorted(total, PAGE_BYTES, "right"))

    def _keep_until(self, start_us: int) -> None:
        kept = {key: part.until(start_us) for key, (part,) in self._parts.items()}
        self._parts = {key: [part] for key, part in kept.items() if len(part.starts)}

    def is_done(self, before_us: int) -> bool:
        """Return whether rows from `before_us` on cannot come into the page any more."""
        return self.ceiling_us is not None and before_us >= self.ceiling_us + self._every_us

    def page(
        self, ordered: Sequence[Aggregate], following: Cursor | None, *, before_us: int | None = None
    ) -> BucketsPage:
        """Finish; `before_us` leaves out the buckets from there on."""
        self.settle()
        if before_us is not None and self._parts:
            self._keep_until(before_us - 1)
        by_field: dict[str, dict[Kind, Partial]] = {}
        for (field_id, kind), (part,) in self._parts.items():
            by_field.setdefault(field_id, {})[kind] = part
        return BucketsPage(
            {field_id: _in_range(finish(field_id, kinds, ordered)) for field_id, kinds in by_field.items()}, following
        )


def _text_bytes(part: Partial) -> Int64s:
    """Return about how long the texts of each bucket are."""
    edges = [edge.data for edge in (part.first, part.last) if edge is not None and edge.data.dtype == object]
    return sum(map(value_bytes, edges), start=np.zeros(len(part.starts), dtype=np.int64))


def _in_range(series: Series) -> Series:
    """Let a bucket that begins before the year 1 begin with it: no calendar has an earlier time."""
    if series.starts[0] >= MIN_TIME_US:
        return series
    return Series(np.maximum(series.starts, MIN_TIME_US), series.values)


def read_buckets(
    storage: Storage,
    cache: PackCache,
    window: Window,
    *,
    every_us: int,
    aggregates: Sequence[Aggregate],
    limit: int,
    scan_rows: int = SCAN_ROWS,
) -> BucketsPage:
    """Return the first `limit` buckets of the window that have a value in any of its fields.

    A bucket that the window cuts holds what lies inside the window.

    Raises:
        Invalid: a sum of floats is beyond the range of a float64.
        StorageUnavailable: the engine cannot be reached.
        StorageCorrupt: a stored pack cannot be read.
    """
    spans = storage.spans(window.device_id, start_us=window.from_us, end_us=window.end_us)
    tables = cache.tables(window.device_id, spans, fields=window.fields)
    buckets = _Collector(every_us, frozenset(aggregates), limit)
    scanned = 0
    for span in spans:
        horizon_us = span.min_time_us // every_us * every_us
        is_tired = scanned >= scan_rows and horizon_us > window.from_us
        if is_tired:
            buckets.settle()
        if buckets.is_done(horizon_us):
            buckets.settle()  # what came last may have pushed others out, and the page ends where they begin
            return buckets.page(aggregates, _behind(buckets, every_us))
        if is_tired:
            return buckets.page(aggregates, Cursor(horizon_us), before_us=horizon_us)
        buckets.add(clip(next(tables), window))
        scanned += span.row_count + PACK_COST_ROWS
    buckets.settle()
    return buckets.page(aggregates, _behind(buckets, every_us) if buckets.has_dropped else None)


def _behind(buckets: _Collector, every_us: int) -> Cursor | None:
    return None if buckets.ceiling_us is None else Cursor(buckets.ceiling_us + every_us)
