"""Decoded packs, the most recently used ones kept in bounded memory."""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from collections.abc import Iterator, Sequence

from nikdev_iot.server.errors import NotFound, StorageCorrupt
from nikdev_iot.server.storage.port import Storage

from .decode import decode_table
from .mask import Mask
from .table import Table

__all__ = ["PackCache"]

_BATCH = 64
_OVERHEAD_BYTES = 4096
"""What the Python objects of one table take, about; it keeps a million tiny packs from being counted as nothing."""


class PackCache:
    """Reads packs as tables, from any thread."""

    def __init__(self, storage: Storage, *, max_bytes: int = 64 * 1024 * 1024) -> None:
        self._storage = storage
        self._max_bytes = max_bytes
        self._size = 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[uuid.UUID, int], tuple[Table, int]] = OrderedDict()

    def tables(self, device_id: uuid.UUID, arrivals: Sequence[int]) -> Iterator[Table]:
        """Yield these packs in this order, decoding each when it is asked for, without the values that were deleted.

        Raises:
            StorageUnavailable: the engine cannot be reached.
            StorageCorrupt: a pack is missing or cannot be read.
            NotFound: the device was deleted meanwhile.
        """
        mask = Mask(self._storage.deletions(device_id))  # what is kept here is whole: deletions come and go
        for start in range(0, len(arrivals), _BATCH):
            batch = arrivals[start : start + _BATCH]
            held = [self._get(device_id, arrival) for arrival in batch]
            missing = [arrival for arrival, table in zip(batch, held, strict=True) if table is None]
            stored = self._storage.packs(device_id, missing) if missing else iter(())
            for arrival, table in zip(batch, held, strict=True):
                if table is not None:
                    yield mask.show(table, arrival)
                    continue
                pack = next(stored, None)
                if pack is None or pack.arrival != arrival:
                    if self._storage.has_departed(device_id):
                        raise NotFound(f"There is no device {device_id}: it was deleted just now.")
                    raise StorageCorrupt(f"The pack {arrival} of device {device_id} has gone from the store.")
                fresh = decode_table(pack)
                self._put(device_id, pack.arrival, fresh)
                yield mask.show(fresh, arrival)

    def _get(self, device_id: uuid.UUID, arrival: int) -> Table | None:
        with self._lock:
            found = self._kept.get((device_id, arrival))
            if found is None:
                return None
            self._kept.move_to_end((device_id, arrival))
            return found[0]

    def _put(self, device_id: uuid.UUID, arrival: int, table: Table) -> None:
        size = table.size_bytes() + _OVERHEAD_BYTES
        if size > self._max_bytes // 2:
            return
        with self._lock:
            if (device_id, arrival) in self._kept:
                return
            self._kept[device_id, arrival] = (table, size)
            self._size += size
            while self._size > self._max_bytes:
                _, (_, dropped) = self._kept.popitem(last=False)
                self._size -= dropped
