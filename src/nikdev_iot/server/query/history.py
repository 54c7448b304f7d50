"""A device's rows, page by page: each page decodes only the packs it needs, in memory bounded by the page."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import numpy as np

from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US
from nikdev_iot.server.storage.port import Storage

from .cursor import Cursor
from .merge import merge
from .pack_cache import PackCache
from .table import Table, empty_table, split_origin

__all__ = ["PACK_COST_ROWS", "PAGE_BYTES", "SCAN_ROWS", "RowsPage", "Window", "clip", "read_rows"]

PAGE_BYTES = 32 * 1024 * 1024
"""A page that would be longer than this as JSON ends early, after its first row at the soonest."""
SCAN_ROWS = 5_000_000
"""A page that has looked through so many rows ends where it is, even without a row: it has a cursor to go on."""
PACK_COST_ROWS = 50
"""Opening a pack costs as much as this many rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What a query looks at."""

    device_id: uuid.UUID
    fields: frozenset[str] | None = None
    """None: all."""
    start_us: int = MIN_TIME_US
    end_us: int = MAX_TIME_US + 1
    """Exclusive."""
    after: Cursor | None = None
    """Only rows behind this place."""

    @property
    def from_us(self) -> int:
        """The earliest time that a row may have."""
        return self.start_us if self.after is None else max(self.start_us, self.after.time_us)


@dataclass(frozen=True, slots=True)
class RowsPage:
    """Rows in the order (time, origin, number), each with a value in one of the fields asked for."""

    table: Table
    next: Cursor | None
    """None at the end. A page may be short, even empty, and yet have a next one."""


def clip(pack: Table, window: Window) -> Table:
    """Return the part of one pack that lies in the window."""
    stop = int(np.searchsorted(pack.times, window.end_us))
    after = window.after
    if after is None or after.time_us < window.start_us:
        start = int(np.searchsorted(pack.times, window.start_us))
    else:
        start = _behind(pack, after)
    return pack.slice(start, max(start, stop)).only(window.fields)


def _behind(pack: Table, after: Cursor) -> int:
    """Return the first row of a pack (so of one origin) behind `after`."""
    low, high = (int(np.searchsorted(pack.times, after.time_us, side)) for side in ("left", "right"))
    if low == high:
        return low
    origin = (int(pack.origin_high[low]), int(pack.origin_low[low]))
    if origin == split_origin(after.origin):
        return low + int(np.searchsorted(pack.numbers[low:high], after.number, "right"))
    return low if origin > split_origin(after.origin) else high


class _Collector:
    """The first rows of what was added so far: at most `limit`, and `max_bytes` of an answer."""

    def __init__(self, limit: int, max_bytes: int) -> None:
        self.table = empty_table()
        self.is_full = False
        self.has_dropped = False
        self._limit = limit
        self._max_bytes = max_bytes
        self._pending: list[Table] = []
        self._pending_rows = 0
        self._pending_bytes = 0

    def add(self, part: Table) -> None:
        if self.is_full:
            # What lies behind a full page cannot come into it any more.
            stop = int(np.searchsorted(part.times, self.table.times[-1], "right"))
            if stop < len(part):
                self.has_dropped = True
                part = part.slice(0, stop)
        if not len(part):
            return
        size_bytes = part.answer_bytes()
        if size_bytes > self._max_bytes:
            # What does not fit alone does not fit with others. One row too many is kept: by it the page is full.
            sizes = np.cumsum(part.row_bytes())
            fit = max(1, int(np.searchsorted(sizes, self._max_bytes, "right")))
            part = part.slice(0, fit + 1)
        self._pending.append(part)
        self._pending_rows += len(part)
        self._pending_bytes += size_bytes
        wanted = 1 if self.is_full else self._limit - len(self.table)
        if self._pending_rows >= wanted or self._pending_bytes >= self._max_bytes:
            self.settle()

    def settle(self) -> None:
        if not self._pending:
            return
        table = merge([self.table, *self._pending])
        self._pending, self._pending_rows, self._pending_bytes = [], 0, 0
        # A page that was full once stays so: where it ended, rows may have been dropped.
        keep = min(_count_until(table, Cursor(*self.table.key(-1))) if self.is_full else len(table), self._limit)
        if table.answer_bytes() > self._max_bytes:
            sizes = np.cumsum(table.row_bytes())
            keep = max(1, min(keep, int(np.searchsorted(sizes, self._max_bytes, "right"))))
        self.has_dropped |= keep < len(table)
        self.is_full |= keep == self._limit or keep < len(table)
        self.table = table.slice(0, keep)

    def is_done(self, before_us: int) -> bool:
        """Return whether rows from `before_us` on cannot come into the page any more."""
        return self.is_full and int(self.table.times[-1]) < before_us


def _count_until(table: Table, last: Cursor) -> int:
    """Return how many rows stand up to and including `last`."""
    low, high = (int(np.searchsorted(table.times, last.time_us, side)) for side in ("left", "right"))
    while high > low and table.key(high - 1) > (last.time_us, last.origin, last.number):
        high -= 1
    return high


def read_rows(
    storage: Storage,
    cache: PackCache,
    window: Window,
    *,
    limit: int,
    max_bytes: int = PAGE_BYTES,
    scan_rows: int = SCAN_ROWS,
) -> RowsPage:
    """Return the first `limit` rows of the window.

    Packs come by their earliest time, so that once a page is full, it is final as soon as the next pack begins later
    than the page ends. Memory is that of two pages and one pack, however the packs overlap.

    Raises:
        StorageUnavailable: the engine cannot be reached.
        StorageCorrupt: a stored pack cannot be read.
    """
    spans = storage.spans(window.device_id, start_us=window.from_us, end_us=window.end_us)
    tables = cache.tables(window.device_id, spans, fields=window.fields)
    page = _Collector(limit, max_bytes)
    scanned = 0
    for span in spans:
        is_tired = scanned >= scan_rows and span.min_time_us > window.from_us
        if is_tired:
            page.settle()  # which may fill the page, and then it ends where it is full
        if page.is_done(span.min_time_us):
            return RowsPage(page.table.owned(), Cursor(*page.table.key(-1)))
        if is_tired:
            return _cut(page.table, span.min_time_us)
        page.add(clip(next(tables), window))
        scanned += span.row_count + PACK_COST_ROWS
    page.settle()
    return RowsPage(page.table.owned(), Cursor(*page.table.key(-1)) if page.has_dropped else None)


def _cut(table: Table, before_us: int) -> RowsPage:
    """Return what is final where the packs from `before_us` on were not looked at."""
    return RowsPage(table.slice(0, int(np.searchsorted(table.times, before_us))).owned(), Cursor(before_us))
