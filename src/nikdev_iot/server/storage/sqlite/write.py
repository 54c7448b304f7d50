"""One write transaction: what it does for pushes. `write_accounts` has the rest."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Sequence

from nikdev_iot.server.storage.port import OriginKey
from nikdev_iot.server.storage.records import LatestSnapshot, NewField, StoredPack
from nikdev_iot.wire.marks import Mark

from .rows import width_of
from .write_accounts import AccountWrites

__all__ = ["SqliteWrite"]

_PUT_PACK = (
    "INSERT INTO packs (arrival, device, origin, first, last, hash, parent, row_count, width, min_time_us, "
    "max_time_us, received_us, clock_offset_us, key_id, codec, content_bytes, payload) "
    "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
)
_PUT_MARK = (
    "INSERT INTO origins VALUES (?,?,?,?) ON CONFLICT (device, origin) "
    "DO UPDATE SET mark_number = excluded.mark_number, mark_hash = excluded.mark_hash"
)
_IN_SIZES = (256, 16, 1)


class SqliteWrite(AccountWrites):
    """`port.WriteTransaction` on the one writer connection, inside BEGIN IMMEDIATE."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)

    def marks(self, keys: Iterable[OriginKey]) -> dict[OriginKey, Mark]:
        # The transaction began with the file's write lock, so what is read here holds until its end.
        found = {}
        for key in keys:
            row = self._execute(
                "SELECT mark_number, mark_hash FROM origins WHERE device = ? AND origin = ?",
                (key[0].bytes, key[1].bytes),
            ).fetchone()
            found[key] = Mark(*row) if row else Mark()
        return found

    def has_pack(self, key: OriginKey, *, first: int, last: int, hash: bytes) -> bool:
        row = self._execute(
            "SELECT first, hash FROM packs WHERE device = ? AND origin = ? AND last = ?",
            (key[0].bytes, key[1].bytes, last),
        ).fetchone()
        return row is not None and row == (first, hash)

    def put_packs(self, packs: Sequence[StoredPack]) -> None:
        if not packs:
            return
        (arrival,) = self._execute("SELECT value FROM meta WHERE name = 'arrival'").fetchone()
        self._executemany(
            _PUT_PACK,
            [
                (
                    number,
                    pack.device_id.bytes,
                    pack.origin.bytes,
                    pack.first,
                    pack.last,
                    pack.hash,
                    pack.parent,
                    pack.row_count,
                    width_of(pack),
                    pack.min_time_us,
                    pack.max_time_us,
                    pack.received_us,
                    pack.clock_offset_us,
                    None if pack.key_id is None else pack.key_id.bytes,
                    pack.codec,
                    pack.content_bytes,
                    pack.payload,
                )
                for number, pack in enumerate(packs, arrival + 1)
            ],
        )
        marks = {(pack.device_id, pack.origin): pack for pack in packs}  # the last of each origin stays
        self._executemany(
            _PUT_MARK, [(pack.device_id.bytes, pack.origin.bytes, pack.last, pack.hash) for pack in marks.values()]
        )
        self._execute("UPDATE meta SET value = ? WHERE name = 'arrival'", (arrival + len(packs),))

    def seen_entries(self, device_id: uuid.UUID, keys: Sequence[bytes]) -> set[bytes]:
        seen: set[bytes] = set()
        for part in _parts(keys):
            marks = ",".join("?" * len(part))
            rows = self._execute(
                f"SELECT key FROM entry_keys WHERE device = ? AND key IN ({marks})",  # noqa: S608 - only question marks
                (device_id.bytes, *part),
            )
            seen.update(key for (key,) in rows)
        return seen

    def remember_entries(self, device_id: uuid.UUID, keys: Sequence[bytes], *, at_us: int) -> None:
        self._executemany(
            "INSERT INTO entry_keys VALUES (?,?,?) ON CONFLICT (device, key) "
            "DO UPDATE SET at_us = max(at_us, excluded.at_us)",
            [(device_id.bytes, key, at_us) for key in keys],
        )

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
            "INSERT INTO latest VALUES (?,?,?) ON CONFLICT (device) DO UPDATE "
            "SET arrival = excluded.arrival, content = excluded.content WHERE excluded.arrival >= arrival",
            (device_id.bytes, snapshot.arrival, snapshot.content),
        )


def _parts(keys: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Cut into few different lengths, so that few different statements are prepared."""
    at = 0
    for size in _IN_SIZES:
        while len(keys) - at >= size:
            yield keys[at : at + size]
            at += size
