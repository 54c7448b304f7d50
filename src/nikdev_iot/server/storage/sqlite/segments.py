"""Segments in SQLite: which there are stands in the store's own file; what is in them, in the files of `periods.py`.

An origin's packs are in its segments first, then on its shelves, then on the shelf in its own row. A segment takes the
oldest of those that are in none: their arrivals leave the shelves, and from then on nobody finds these packs. Their
rows are removed later, in small steps (`spent`), for they lie scattered among those of all other devices.
"""

from __future__ import annotations

import json
import struct
import uuid
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from nikdev_iot.server.segments.periods import period_of
from nikdev_iot.server.storage.segments import NewSegment, OpenPack, SegmentHead, StoredSegment

from .bulk import Execute
from .contents import Contents, Place
from .origins import SHELF_PACKS, Origin, RawKey, put_origins, unpack_arrivals, width_of, without_packs
from .periods import PeriodFiles

if TYPE_CHECKING:
    from nikdev_iot.server.storage.port import OriginKey

    from .write import SqliteWrite

__all__ = ["RETIRED_FOR_US", "SegmentReads", "SegmentWrites"]

RETIRED_FOR_US = 600_000_000
"""How long the content of a segment stays whose place was taken: for reads and backups that have begun."""
_HEAD = "id, first, last, first_arrival, last_arrival, row_count, pack_count, min_time_us, max_time_us, size_bytes"
_OPEN = (
    "SELECT arrival, first, last, row_count, min_time_us, max_time_us, received_us, length(payload) FROM packs "
    "WHERE arrival IN (SELECT value FROM json_each(?)) ORDER BY arrival"
)


class SegmentReads(ABC):
    """`storage.segments.SegmentReads`."""

    _files: PeriodFiles
    _contents: Contents

    @abstractmethod
    def _snapshot(self) -> AbstractContextManager[Execute]: ...

    @abstractmethod
    def write(self) -> AbstractContextManager[SqliteWrite]: ...

    def origins_after(self, key: OriginKey | None, *, limit: int) -> list[OriginKey]:
        device, origin = (b"", b"") if key is None else (key[0].bytes, key[1].bytes)
        with self._snapshot() as execute:
            rows = execute(
                "SELECT device, origin FROM origins AS o WHERE (device, origin) > (?, ?) AND (length(arrivals) > 8 "
                "OR EXISTS (SELECT 1 FROM shelves AS s WHERE s.device = o.device AND s.origin = o.origin)) "
                "ORDER BY device, origin LIMIT ?",
                (device, origin, limit),
            ).fetchall()
        return [(uuid.UUID(bytes=device), uuid.UUID(bytes=origin)) for device, origin in rows]

    def open_packs(self, key: OriginKey, *, limit: int) -> list[OpenPack]:
        with self._snapshot() as execute:
            arrivals = _open_arrivals(execute, key[0].bytes, key[1].bytes, limit=limit)
            return [OpenPack(*row) for row in execute(_OPEN, (json.dumps(arrivals),))]

    def segment_heads(self, key: OriginKey) -> list[SegmentHead]:
        with self._snapshot() as execute:
            rows = execute(
                f"SELECT {_HEAD} FROM segments WHERE device = ? AND origin = ? ORDER BY last",  # noqa: S608
                (key[0].bytes, key[1].bytes),
            )
            return [SegmentHead(*row) for row in rows]

    def devices_to_erase(self, *, made_before_us: int) -> list[uuid.UUID]:
        with self._snapshot() as execute:
            rows = execute(
                "SELECT DISTINCT device FROM deletions WHERE undone_us IS NULL AND made_us < ?", (made_before_us,)
            )
            return [uuid.UUID(bytes=device) for (device,) in rows]

    def segments(self, device_id: uuid.UUID, ids: Sequence[int]) -> Iterator[StoredSegment]:
        for id_ in ids:
            with self._snapshot() as execute:
                row = execute(
                    "SELECT id, period FROM segments WHERE id = ?1 AND device = ?2 "
                    "UNION ALL SELECT id, period FROM doomed WHERE id = ?1 AND device = ?2 AND due_us IS NOT NULL",
                    (id_, device_id.bytes),
                ).fetchone()
                if row is None:
                    continue
                place = Place(*row)
                summary = self._contents.summary(execute, place)
            yield StoredSegment(id_, summary, lambda place=place: self._body(place))  # type: ignore[misc]

    def _body(self, place: Place) -> bytes:
        with self._snapshot() as execute:
            return self._contents.body(execute, place)

    def put_segment(
        self,
        new: NewSegment,
        *,
        replaces: Collection[int] = (),
        honours: Collection[uuid.UUID],
        erases: Collection[uuid.UUID] = (),
        at_us: int,
    ) -> int | None:
        period = period_of(new.max_time_us)
        with self.write() as write:
            id_ = write.intend_segment(new.device_id, period)
        # The file first: whoever hears of the segment finds it. Killed in between, the intention is what remains.
        self._files.put(period, [(id_, new.summary, new.body)])
        with self.write() as write:
            is_done = write.switch_segment(
                id_, new, period=period, replaces=replaces, honours=honours, erases=erases, at_us=at_us
            )
        return id_ if is_done else None

    def clear_contents(self, *, at_us: int, limit: int, is_starting: bool = False) -> bool:
        due = "due_us IS NULL OR due_us <= ?" if is_starting else "due_us <= ?"
        with self._snapshot() as execute:
            rows = execute(
                f"SELECT id, period FROM doomed WHERE {due} ORDER BY due_us LIMIT ?",  # noqa: S608
                (at_us, limit),
            ).fetchall()
        if not rows:
            return False
        by_period: dict[int | None, list[int]] = {}
        for id_, period in rows:
            by_period.setdefault(period, []).append(id_)
        own = by_period.pop(None, [])
        for period, ids in by_period.items():
            if period is not None:
                self._files.remove(period, ids)
        with self.write() as write:
            write.forget_contents([id_ for id_, _ in rows], own)
        return len(rows) == limit


class SegmentWrites(ABC):
    """`storage.segments.SegmentWrites`, inside a transaction, and the steps of `put_segment`."""

    _execute: Execute
    _changed: dict[RawKey, Origin]

    @abstractmethod
    def _begin(self) -> int: ...

    @abstractmethod
    def _skip_arrival(self) -> None:
        """Let the counter of arrivals pass one by, so that other processes look again at what they know of origins."""

    @abstractmethod
    def _origin(self, key: RawKey) -> Origin: ...

    def intend_segment(self, device_id: uuid.UUID, period: int) -> int:
        """Give an id to a segment that is about to be stored."""
        self._execute("UPDATE meta SET value = value + 1 WHERE name = 'segment'")
        (id_,) = self._execute("SELECT value FROM meta WHERE name = 'segment'").fetchone()
        self._execute("INSERT INTO doomed VALUES (?,?,?,NULL)", (id_, device_id.bytes, period))
        return int(id_)

    def switch_segment(
        self,
        id_: int,
        new: NewSegment,
        *,
        period: int,
        replaces: Collection[int],
        honours: Collection[uuid.UUID],
        erases: Collection[uuid.UUID],
        at_us: int,
    ) -> bool:
        """Put a segment whose content is stored in the place of what it covers; or doom it where it cannot be."""
        self._begin()
        if not self._is_as_it_was(new, honours) or not self._replace(new, replaces, at_us):
            self._execute("UPDATE doomed SET due_us = 0 WHERE id = ?", (id_,))
            return False
        self._execute("DELETE FROM doomed WHERE id = ?", (id_,))
        times = (new.min_time_us, new.max_time_us)
        self._execute(
            "INSERT INTO segments VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                id_,
                new.device_id.bytes,
                new.origin.bytes,
                new.first,
                new.last,
                new.first_arrival,
                new.last_arrival,
                new.row_count,
                new.pack_count,
                width_of(*times) if new.row_count else None,
                *times,
                period,
                len(new.summary) + len(new.body),
            ),
        )
        for deletion in erases:
            self._execute(
                "UPDATE deletions SET erased_us = coalesce(erased_us, ?) WHERE device = ? AND id = ?",
                (at_us, new.device_id.bytes, deletion.bytes),
            )
        self._skip_arrival()
        return True

    def _is_as_it_was(self, new: NewSegment, honours: Collection[uuid.UUID]) -> bool:
        device = new.device_id.bytes
        if self._execute("SELECT 1 FROM leaving WHERE device = ?", (device,)).fetchone():
            return False
        rows = self._execute("SELECT id FROM deletions WHERE device = ? AND undone_us IS NULL", (device,))
        return {row[0] for row in rows.fetchall()} == {deletion.bytes for deletion in honours}

    def _replace(self, new: NewSegment, replaces: Collection[int], at_us: int) -> bool:
        """Take away what the new segment covers, if that is still there, and nothing else."""
        key = (new.device_id.bytes, new.origin.bytes)
        rows = self._execute(
            "SELECT id, period, first, last, pack_count FROM segments WHERE device = ? AND origin = ? "
            "AND id IN (SELECT value FROM json_each(?)) ORDER BY last",
            (*key, json.dumps(list(replaces))),
        ).fetchall()
        if len(rows) != len(replaces):
            return False
        following, pack_count = new.first, 0
        for _, _, first, last, packs in rows:
            if first != following:
                return False
            following, pack_count = last + 1, pack_count + packs
        if following != new.last + 1 and not self._take_packs(key, following, new, new.pack_count - pack_count):
            return False
        for id_, segment_period, *_ in rows:
            self._execute("DELETE FROM segments WHERE id = ?", (id_,))
            due = (id_, key[0], segment_period, at_us + RETIRED_FOR_US)
            self._execute("INSERT INTO doomed VALUES (?,?,?,?)", due)
        return True

    def _take_packs(self, key: tuple[bytes, bytes], following: int, new: NewSegment, count: int) -> bool:
        """Take the first packs that are in no segment, from number `following` on, off the shelves."""
        raw_key = key[0] + key[1]
        origin = self._origin(raw_key)
        if not origin.arrivals or new.last_arrival >= unpack_arrivals(origin.arrivals[-8:])[0]:
            return False
        shelves = self._execute(
            "SELECT rowid, arrivals FROM shelves WHERE device = ? AND origin = ? ORDER BY last LIMIT ?",
            (*key, new.pack_count // SHELF_PACKS + 2),
        ).fetchall()
        shelves = [(rowid, raw) for rowid, raw in shelves if unpack_arrivals(raw[:8])[0] <= new.last_arrival]
        taken = [one for _, raw in shelves for one in unpack_arrivals(raw) if one <= new.last_arrival]
        own = [one for one in unpack_arrivals(origin.arrivals) if one <= new.last_arrival]
        if not self._is_run([*taken, *own], following, count):
            return False
        for rowid, raw in shelves:
            arrivals = unpack_arrivals(raw)
            left = [one for one in arrivals if one > new.last_arrival]
            if left:
                self._execute("UPDATE shelves SET arrivals = ? WHERE rowid = ?", (_packed(left), rowid))
            else:
                self._execute("DELETE FROM shelves WHERE rowid = ?", (rowid,))
            self._spend([one for one in arrivals if one <= new.last_arrival])
        if own:
            self._spend(own)
            changed = {raw_key: without_packs(origin, new.last_arrival)}
            put_origins(self._execute, changed)
            self._changed.update(changed)
        return True

    def _is_run(self, arrivals: Sequence[int], following: int, count: int) -> bool:
        """Return whether these are as many packs as that, and begin with number `following`; they have no hole."""
        if len(arrivals) != count or not arrivals:
            return False
        row = self._execute("SELECT first FROM packs WHERE arrival = ?", (arrivals[0],)).fetchone()
        return bool(row == (following,))

    def _spend(self, arrivals: Sequence[int]) -> None:
        if arrivals:
            self._execute("INSERT INTO spent (arrivals) VALUES (?)", (_packed(arrivals),))

    def clear_spent(self, *, max_rows: int) -> bool:
        rows = self._execute(
            "SELECT id, arrivals FROM spent ORDER BY id LIMIT ?", (max(1, max_rows // SHELF_PACKS),)
        ).fetchall()
        if not rows:
            return False
        arrivals = sorted(one for _, raw in rows for one in unpack_arrivals(raw))
        self._execute("DELETE FROM packs WHERE arrival IN (SELECT value FROM json_each(?))", (json.dumps(arrivals),))
        self._execute("DELETE FROM spent WHERE id <= ?", (rows[-1][0],))
        return bool(self._execute("SELECT EXISTS (SELECT 1 FROM spent)").fetchone()[0])

    def forget_contents(self, ids: Sequence[int], own: Sequence[int]) -> None:
        """Note that contents have been removed from their files; remove those that are in the store's own."""
        self._execute("DELETE FROM segment_contents WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(own),))
        self._execute("DELETE FROM doomed WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(ids),))


def _packed(arrivals: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(arrivals)}q", *arrivals)


def _open_arrivals(execute: Execute, device: bytes, origin: bytes, *, limit: int) -> list[int]:
    """Return the arrivals of an origin's first packs that are in no segment, without its newest."""
    shelves: list[Any] = execute(
        "SELECT arrivals FROM shelves WHERE device = ? AND origin = ? ORDER BY last LIMIT ?",
        (device, origin, limit // SHELF_PACKS + 2),
    ).fetchall()
    shelves += execute("SELECT arrivals FROM origins WHERE device = ? AND origin = ?", (device, origin)).fetchall()
    arrivals = [one for (raw,) in shelves for one in unpack_arrivals(raw)]
    return arrivals[:-1][:limit]
