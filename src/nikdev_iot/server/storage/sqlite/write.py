"""One write transaction: what it does for pushes. `write_accounts` has the rest."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from nikdev_iot.server.storage.port import EntryKey, OriginKey
from nikdev_iot.server.storage.records import LatestSnapshot, NewField, StoredPack
from nikdev_iot.wire.marks import Mark

from .bulk import Bulk
from .contents import Contents
from .dashboards import DashboardWrites
from .deletions import DeletionWrites
from .leaving import LeavingWrites
from .operating import OperatingWrites
from .origins import Origin, OriginCache, RawKey, load_origin, put_origins, put_shelves, with_pack
from .people import PeopleWrites
from .read_packs import find_arrival
from .segments import SegmentWrites
from .settings import SettingWrites
from .write_accounts import AccountWrites

__all__ = ["SqliteWrite"]

_PUT_PACKS = Bulk(
    "INSERT INTO packs (arrival, device, origin, first, last, hash, parent, row_count, min_time_us, max_time_us, "
    "received_us, clock_offset_us, key_id, codec, content_bytes, payload)",
    16,
)
_REMEMBER = Bulk(
    "INSERT INTO entry_keys (device, key, at_us)",
    3,
    "ON CONFLICT (device, key) DO UPDATE SET at_us = max(at_us, excluded.at_us)",
)
_SEEN = Bulk(
    "SELECT entry.device, entry.key FROM (",
    2,
    ") AS asked CROSS JOIN entry_keys AS entry ON entry.device = asked.column1 AND entry.key = asked.column2",
)
_BEGIN = "SELECT value, EXISTS (SELECT 1 FROM leaving) FROM meta WHERE name = 'arrival'"


class SqliteWrite(
    AccountWrites,
    DashboardWrites,
    DeletionWrites,
    OperatingWrites,
    LeavingWrites,
    PeopleWrites,
    SegmentWrites,
    SettingWrites,
):
    """`port.WriteTransaction` on the one writer connection, inside BEGIN IMMEDIATE.

    That holds the file's write lock from the first statement on, so that what is read here stays so until its end.
    """

    def __init__(self, connection: sqlite3.Connection, cache: OriginCache, contents: Contents) -> None:
        super().__init__(connection)
        self._contents = contents
        self._cache = cache
        self._arrival: int | None = None
        """The counter of arrivals as this transaction has it, once it is known."""
        self._changed: dict[RawKey, Origin] = {}
        self._are_leaving = False
        """Whether `leaving` had a row when the counter was read."""
        self._left: set[bytes] = set()
        """Devices that went in this transaction."""

    def committed(self) -> None:
        """Note that the transaction is durable."""
        if self._arrival is not None:
            self._cache.committed(self._arrival, self._changed)
        if self._left:
            self._cache.forget(self._left)

    def _begin(self) -> int:
        if self._arrival is None:
            self._arrival, self._are_leaving = self._execute(_BEGIN).fetchone()
            self._cache.at(self._arrival)
        return self._arrival

    def _skip_arrival(self) -> None:
        self._arrival = self._begin() + 1
        self._execute("UPDATE meta SET value = ? WHERE name = 'arrival'", (self._arrival,))

    def _has_departures(self) -> bool:
        self._begin()
        return bool(self._are_leaving or self._left)

    def _note_departure(self, device: bytes) -> None:
        self._left.add(device)

    def _origin(self, key: RawKey) -> Origin:
        origin = self._changed.get(key) or self._cache.get(key)
        if origin is None:
            origin = load_origin(self._execute, key)
            self._cache.put(key, origin)
        return origin

    def marks(self, keys: Iterable[OriginKey]) -> dict[OriginKey, Mark]:
        self._begin()
        found = {}
        for key in keys:
            origin = self._origin(key[0].bytes + key[1].bytes)
            found[key] = Mark(origin.mark_number, origin.mark_hash)
        return found

    def has_pack(self, key: OriginKey, *, first: int, last: int, hash: bytes) -> bool:
        re_packed = self._contents.has_pack(self._execute, key[0].bytes, key[1].bytes, (first, last, hash))
        if re_packed is not None:
            return re_packed
        arrival = find_arrival(self._execute, key[0].bytes + key[1].bytes, last)
        if arrival is None:
            return False
        row = self._execute("SELECT first, last, hash FROM packs WHERE arrival = ?", (arrival,)).fetchone()
        return bool(row == (first, last, hash))

    def put_packs(self, packs: Sequence[StoredPack]) -> None:
        if not packs:
            return
        arrival = 0
        rows: list[tuple[Any, ...]] = []
        full: list[tuple[RawKey, Origin]] = []
        changed: dict[RawKey, Origin] = {}
        for arrival, pack in enumerate(packs, self._begin() + 1):
            device, name = pack.device_id.bytes, pack.origin.bytes
            key = device + name
            origin = changed.get(key) or self._origin(key)
            if origin.is_full:
                full.append((key, origin))
            changed[key] = with_pack(origin, pack, arrival)
            rows.append(
                (
                    arrival,
                    device,
                    name,
                    pack.first,
                    pack.last,
                    pack.hash,
                    pack.parent,
                    pack.row_count,
                    pack.min_time_us,
                    pack.max_time_us,
                    pack.received_us,
                    pack.clock_offset_us,
                    None if pack.key_id is None else pack.key_id.bytes,
                    pack.codec,
                    pack.content_bytes,
                    pack.payload,
                )
            )
        _PUT_PACKS.run(self._execute, rows)
        put_shelves(self._execute, full)
        put_origins(self._execute, changed)
        self._execute("UPDATE meta SET value = ? WHERE name = 'arrival'", (arrival,))
        self._arrival = arrival
        self._changed.update(changed)

    def seen_entries(self, keys: Sequence[EntryKey]) -> set[EntryKey]:
        devices = {device_id.bytes: device_id for device_id, _ in keys}
        rows = _SEEN.all(self._execute, [(device_id.bytes, key) for device_id, key in keys])
        return {(devices[device], key) for device, key in rows}

    def remember_entries(self, keys: Sequence[EntryKey], *, at_us: int) -> None:
        _REMEMBER.run(self._execute, [(device_id.bytes, key, at_us) for device_id, key in keys])

    def forget_entries(self, *, before_us: int, limit: int) -> int:
        return self._execute(
            "DELETE FROM entry_keys WHERE (device, key) IN "
            "(SELECT device, key FROM entry_keys WHERE at_us < ? ORDER BY at_us LIMIT ?)",
            (before_us, limit),
        ).rowcount

    def add_fields(self, fields: Iterable[NewField], *, at_us: int) -> None:
        self._executemany(
            "INSERT INTO fields (device, field_id, kinds, unit, label, created_us) VALUES (?,?,?,'','',?) "
            "ON CONFLICT (device, field_id) DO UPDATE SET kinds = kinds | excluded.kinds",
            [(field.device_id.bytes, field.field_id, 1 << field.kind, at_us) for field in fields],
        )

    def put_latest(self, device_id: uuid.UUID, snapshot: LatestSnapshot) -> None:
        self._execute(
            # A reader may come with the values of a device that was deleted while it read.
            "INSERT INTO latest SELECT ?1, ?2, ?3 WHERE NOT EXISTS (SELECT 1 FROM leaving WHERE device = ?1) "
            "ON CONFLICT (device) DO UPDATE SET arrival = excluded.arrival, content = excluded.content "
            "WHERE excluded.arrival >= arrival",
            (device_id.bytes, snapshot.arrival, snapshot.content),
        )
