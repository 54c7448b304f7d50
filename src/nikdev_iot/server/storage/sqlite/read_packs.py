"""Reading packs, marks and last values."""

from __future__ import annotations

import sqlite3
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import chain
from operator import itemgetter

from nikdev_iot.server.storage.port import OriginKey
from nikdev_iot.server.storage.records import LatestSnapshot, PackSpan, StoredPack
from nikdev_iot.wire.marks import Mark

from .bulk import Execute
from .contents import Contents
from .origins import SHELF_PACKS, RawKey, load_origin, unpack_arrivals
from .rows import PACK, pack_of

__all__ = ["PackReads", "find_arrival"]

_WIDTHS = 17
"""One more than the hexadecimal digits of an int64: no span of times is wider."""
_BOUNDS = ",".join(["(?,?)"] * _WIDTHS)
_SHELVES_IN_SPAN = (
    "SELECT s.arrivals "  # noqa: S608 - question marks are put in
    f"FROM (VALUES {_BOUNDS}) AS w "
    "CROSS JOIN shelves AS s ON s.device = ? AND s.width = w.column1 AND s.min_time_us >= w.column2 "
    "AND s.min_time_us < ? AND s.max_time_us >= ? WHERE s.width IS NOT NULL "
    "UNION ALL SELECT arrivals FROM origins WHERE device = ? AND min_time_us < ? AND max_time_us >= ?"
)
_SEGMENTS_IN_SPAN = (
    "SELECT s.min_time_us, s.last_arrival, s.max_time_us, s.row_count, s.id "  # noqa: S608 - question marks are put in
    f"FROM (VALUES {_BOUNDS}) AS w "
    "CROSS JOIN segments AS s ON s.device = ? AND s.width = w.column1 AND s.min_time_us >= w.column2 "
    "AND s.min_time_us < ? AND s.max_time_us >= ? WHERE s.width IS NOT NULL"
)
_AT_ONCE = 4_096
_PACKS_AT_ONCE = 64
_PAYLOAD_BYTES_AT_ONCE = 4 * 1024 * 1024


def _json(numbers: Sequence[int]) -> str:
    return f"[{','.join(map(str, numbers))}]"


def find_arrival(execute: Execute, key: RawKey, number: int) -> int | None:
    """Return the arrival of the origin's first pack that ends at commit `number` or behind it."""
    row = execute(
        "SELECT arrivals FROM shelves WHERE device = ? AND origin = ? AND last >= ? ORDER BY last LIMIT 1",
        (key[:16], key[16:], number),
    ).fetchone()
    if row is None:
        origin = load_origin(execute, key)
        if number > origin.mark_number:
            return None
        row = (origin.arrivals,)
    found = execute(
        "SELECT arrival FROM packs WHERE arrival IN (SELECT value FROM json_each(?)) AND last >= ? "
        "ORDER BY arrival LIMIT 1",
        (_json(unpack_arrivals(row[0])), number),
    ).fetchone()
    return found[0] if found else None


class PackReads(ABC):
    """The part of `port.Storage` that knows packs."""

    _contents: Contents

    @abstractmethod
    def _snapshot(self) -> AbstractContextManager[Execute]:
        """Lend a connection inside a read transaction: all its statements see one state."""

    def mark(self, key: OriginKey) -> Mark:
        with self._snapshot() as execute:
            origin = load_origin(execute, key[0].bytes + key[1].bytes)
        return Mark(origin.mark_number, origin.mark_hash)

    def pack_holding(self, key: OriginKey, number: int) -> StoredPack | None:
        with self._snapshot() as execute:
            in_segment = self._contents.pack_holding(execute, key[0].bytes, key[1].bytes, number)
            if in_segment is not None:
                return in_segment
            arrival = find_arrival(execute, key[0].bytes + key[1].bytes, number)
            found = [] if arrival is None else _load(execute, key[0], [arrival])
        return found[0] if found and found[0].first <= number else None

    def spans(self, device_id: uuid.UUID, *, start_us: int, end_us: int) -> list[PackSpan]:
        # An index on both ends of a span would be searched by one of them only, and everything older (or newer) read
        # past. Among spans whose width has n hexadecimal digits, none that reaches `start_us` begins 16**n before it.
        bounds = [value for width in range(_WIDTHS) for value in (width, max(start_us - 16**width, -(2**63)))]
        device = device_id.bytes
        with self._snapshot() as execute:
            shelves = execute(
                _SHELVES_IN_SPAN, (*bounds, device, end_us, start_us, device, end_us, start_us)
            ).fetchall()
            arrivals = list(chain.from_iterable(unpack_arrivals(raw) for (raw,) in shelves))
            rows: list[tuple[int, int, int, int, int | None]] = execute(
                _SEGMENTS_IN_SPAN, (*bounds, device, end_us, start_us)
            ).fetchall()
            for at in range(0, len(arrivals), _AT_ONCE):
                rows += execute(
                    "SELECT min_time_us, arrival, max_time_us, row_count, NULL FROM packs "
                    "WHERE arrival IN (SELECT value FROM json_each(?)) "
                    "AND row_count > 0 AND max_time_us >= ? AND min_time_us < ?",
                    (_json(arrivals[at : at + _AT_ONCE]), start_us, end_us),
                ).fetchall()
        rows.sort(key=itemgetter(0, 1))
        return [
            PackSpan(arrival=arrival, row_count=row_count, min_time_us=min_us, max_time_us=max_us, segment=segment)
            for min_us, arrival, max_us, row_count, segment in rows
        ]

    def packs(self, device_id: uuid.UUID, arrivals: Sequence[int]) -> Iterator[StoredPack]:
        # A few at a time, by what they hold, for bounded memory; and no cursor stays open while the caller takes its
        # time, for that would keep the log from being emptied.
        at, size = 0, 1
        while at < len(arrivals):
            wanted = arrivals[at : at + size]
            with self._snapshot() as execute:
                found = {pack.arrival: pack for pack in _load(execute, device_id, wanted)}
                missing = [arrival for arrival in wanted if arrival not in found]
                if missing:
                    found |= {pack.arrival: pack for pack in self._contents.packs(execute, device_id.bytes, missing)}
            for arrival in wanted:
                if arrival in found:
                    yield found[arrival]
            at += size
            largest = max((len(pack.payload) for pack in found.values()), default=0)
            size = min(size * 4, _PACKS_AT_ONCE, max(1, _PAYLOAD_BYTES_AT_ONCE // (largest or 1)))

    def packs_after(self, device_id: uuid.UUID, arrival: int, *, limit: int) -> list[StoredPack]:
        device = device_id.bytes
        arrivals: list[int] = []
        with self._snapshot() as execute:
            origins = execute(
                "SELECT origin, first_arrival, arrivals FROM origins WHERE device = ?", (device,)
            ).fetchall()
            for origin, first_arrival, newest in origins:
                shelves = [newest]
                if first_arrival > arrival + 1:
                    # The first of them may hold older packs, too; each other one is full.
                    shelves += [
                        raw
                        for (raw,) in execute(
                            "SELECT arrivals FROM shelves WHERE device = ? AND origin = ? AND last_arrival > ? "
                            "ORDER BY last_arrival LIMIT ?",
                            (device, origin, arrival, limit // SHELF_PACKS + 2),
                        )
                    ]
                arrivals += [one for raw in shelves for one in unpack_arrivals(raw) if one > arrival]
            re_packed = [head.arrival for _, head in self._contents.heads(execute, device, after=arrival, limit=limit)]
            wanted = sorted([*arrivals, *re_packed])[:limit]
            packs = _load(execute, device_id, [one for one in wanted if one not in set(re_packed)])
            if re_packed:
                packs += self._contents.packs(execute, device, [one for one in wanted if one in set(re_packed)])
            return sorted(packs, key=lambda pack: pack.arrival)

    def latest(self, device_id: uuid.UUID) -> LatestSnapshot | None:
        with self._snapshot() as execute:
            row = execute("SELECT arrival, content FROM latest WHERE device = ?", (device_id.bytes,)).fetchone()
        return LatestSnapshot(arrival=row[0], content=row[1]) if row else None


def _load(execute: Execute, device_id: uuid.UUID, arrivals: Sequence[int]) -> list[StoredPack]:
    """Return those of the packs that are the device's, by arrival."""
    rows: sqlite3.Cursor = execute(
        f"SELECT {PACK} FROM packs WHERE arrival IN (SELECT value FROM json_each(?)) AND device = ? "  # noqa: S608
        "ORDER BY arrival",
        (_json(arrivals), device_id.bytes),
    )
    return [pack_of(device_id, row) for row in rows]
