"""Decoded packs and segments, the most recently used ones kept in bounded memory."""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TypeAlias

from nikdev_iot.server.errors import NotFound, StorageCorrupt
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.records import PackSpan

from .decode import decode_table
from .mask import Mask
from .segment_table import decode_segment_table
from .table import Table

__all__ = ["PackCache"]

_BATCH = 64
_OVERHEAD_BYTES = 4096
"""What the Python objects of one table take, about; it keeps a million tiny packs from being counted as nothing."""
_Key: TypeAlias = "tuple[uuid.UUID, int, frozenset[str] | None, bool]"
"""Device, arrival or id, fields (None: all), whether it is a segment."""


class PackCache:
    """Reads packs and segments as tables, from any thread."""

    def __init__(self, storage: Storage, *, max_bytes: int = 64 * 1024 * 1024) -> None:
        self._storage = storage
        self._max_bytes = max_bytes
        self._size = 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Key, tuple[Table, int]] = OrderedDict()

    def tables(
        self, device_id: uuid.UUID, spans: Sequence[PackSpan], *, fields: frozenset[str] | None = None
    ) -> Iterator[Table]:
        """Yield these packs and segments in this order, decoding each when it is asked for.

        Values that were deleted are left out; of segments, those of other `fields` too (None: all).

        Raises:
            StorageUnavailable: the engine cannot be reached.
            StorageCorrupt: one is missing or cannot be read.
            NotFound: the device was deleted meanwhile.
        """
        mask = Mask(self._storage.deletions(device_id))  # what is kept here is whole: deletions come and go
        for is_segment, group in groupby(spans, key=lambda span: span.segment is not None):
            if is_segment:
                for span in group:
                    yield mask.show(self._segment(device_id, span.segment or 0, fields), span.arrival)
            else:
                yield from self._packs(device_id, [span.arrival for span in group], mask)

    def pack(self, device_id: uuid.UUID, arrival: int) -> Table:
        """Return one pack, without the values that were deleted; raises as `tables` does."""
        return next(self._packs(device_id, [arrival], Mask(self._storage.deletions(device_id))))

    def _packs(self, device_id: uuid.UUID, arrivals: Sequence[int], mask: Mask) -> Iterator[Table]:
        for start in range(0, len(arrivals), _BATCH):
            batch = arrivals[start : start + _BATCH]
            held = [self._get((device_id, arrival, None, False)) for arrival in batch]
            missing = [arrival for arrival, table in zip(batch, held, strict=True) if table is None]
            stored = self._storage.packs(device_id, missing) if missing else iter(())
            for arrival, table in zip(batch, held, strict=True):
                if table is not None:
                    yield mask.show(table, arrival)
                    continue
                pack = next(stored, None)
                if pack is None or pack.arrival != arrival:
                    raise self._missing(device_id, f"The pack {arrival}")
                fresh = decode_table(pack)
                self._put((device_id, pack.arrival, None, False), fresh)
                yield mask.show(fresh, arrival)

    def _segment(self, device_id: uuid.UUID, id_: int, fields: frozenset[str] | None) -> Table:
        table = self._get((device_id, id_, None, True)) or self._get((device_id, id_, fields, True))
        if table is None:
            stored = next(self._storage.segments(device_id, [id_]), None)
            if stored is None:
                raise self._missing(device_id, f"The segment {id_}")
            table = decode_segment_table(stored, fields)
            self._put((device_id, id_, fields, True), table)
        return table

    def _missing(self, device_id: uuid.UUID, what: str) -> NotFound | StorageCorrupt:
        if self._storage.has_departed(device_id):
            return NotFound(f"There is no device {device_id}: it was deleted just now.")
        return StorageCorrupt(f"{what} of device {device_id} has gone from the store.")

    def _get(self, key: _Key) -> Table | None:
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
            return found[0]

    def _put(self, key: _Key, table: Table) -> None:
        size = table.size_bytes() + _OVERHEAD_BYTES
        if size > self._max_bytes // 2:
            return
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = (table, size)
            self._size += size
            while self._size > self._max_bytes:
                _, (_, dropped) = self._kept.popitem(last=False)
                self._size -= dropped
