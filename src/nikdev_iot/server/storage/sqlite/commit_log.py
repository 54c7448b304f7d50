"""The log of a device in SQLite: packs by arrival, from either end, through shelves."""

# ruff: noqa: S608 - the f-strings below hold our own words, no input
from __future__ import annotations

import json
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

from nikdev_iot.server.storage.commit_log import OriginHead, PackHead
from nikdev_iot.server.storage.records import PackSpan

from .bulk import Execute
from .contents import Contents, Place
from .origins import SHELF_PACKS, unpack_arrivals

__all__ = ["LogReads"]


class LogReads(ABC):
    """`storage.commit_log.LogReads`."""

    _contents: Contents

    @abstractmethod
    def _snapshot(self) -> AbstractContextManager[Execute]: ...

    def origins(self, device_id: uuid.UUID) -> list[OriginHead]:
        with self._snapshot() as execute:
            rows = execute(
                "SELECT origin, mark_number, arrivals FROM origins WHERE device = ?", (device_id.bytes,)
            ).fetchall()
        heads = [
            OriginHead(uuid.UUID(bytes=origin), last, unpack_arrivals(arrivals[-8:])[0])
            for origin, last, arrivals in rows
            if arrivals
        ]
        return sorted(heads, key=lambda head: head.arrival, reverse=True)

    def heads_before(
        self, device_id: uuid.UUID, arrival: int, *, origin: uuid.UUID | None = None, limit: int
    ) -> list[PackHead]:
        def find(execute: Execute, name: bytes, first_arrival: int, newest: bytes) -> Iterable[bytes]:
            if first_arrival < arrival:
                yield newest
            key = (device_id.bytes, name, arrival)
            # The shelf that `arrival` is on, if it is not the newest, and the full ones before it.
            yield from _column(
                execute("SELECT arrivals FROM shelves WHERE " + _OF_ORIGIN + " >= ? ORDER BY last_arrival LIMIT 1", key)
            )
            yield from _column(
                execute(
                    "SELECT arrivals FROM shelves WHERE " + _OF_ORIGIN + " < ? ORDER BY last_arrival DESC LIMIT ?",
                    (*key, limit // SHELF_PACKS + 1),
                )
            )

        with self._snapshot() as execute:
            arrivals = [one for one in _arrivals(execute, device_id, origin, find) if one < arrival]
            heads = _heads(execute, device_id, sorted(arrivals, reverse=True)[:limit], "DESC")
            heads += self._re_packed(execute, device_id, origin=origin, before=arrival, limit=limit)
            return sorted(heads, key=lambda head: head.arrival, reverse=True)[:limit]

    def heads_after(
        self, device_id: uuid.UUID, arrival: int, *, origin: uuid.UUID | None = None, limit: int
    ) -> list[PackHead]:
        def find(execute: Execute, name: bytes, first_arrival: int, newest: bytes) -> Iterable[bytes]:
            yield newest
            if first_arrival > arrival + 1:
                yield from _column(
                    execute(
                        "SELECT arrivals FROM shelves WHERE " + _OF_ORIGIN + " > ? ORDER BY last_arrival LIMIT ?",
                        (device_id.bytes, name, arrival, limit // SHELF_PACKS + 2),
                    )
                )

        with self._snapshot() as execute:
            arrivals = [one for one in _arrivals(execute, device_id, origin, find) if one > arrival]
            heads = _heads(execute, device_id, sorted(arrivals)[:limit], "ASC")
            heads += self._re_packed(execute, device_id, origin=origin, after=arrival, limit=limit)
            return sorted(heads, key=lambda head: head.arrival)[:limit]

    def _re_packed(
        self, execute: Execute, device_id: uuid.UUID, *, origin: uuid.UUID | None, limit: int, **where: int
    ) -> list[PackHead]:
        found = self._contents.heads(execute, device_id.bytes, origin=origin, limit=limit, **where)
        return [PackHead(head.arrival, name, head.first, head.last) for name, head in found]

    def last_spans(self, device_id: uuid.UUID, *, end_us: int, limit: int) -> list[PackSpan]:
        device, shelf_count = device_id.bytes, 2 + limit // SHELF_PACKS
        with self._snapshot() as execute:
            while True:
                raws = _column(
                    execute("SELECT arrivals FROM origins WHERE device = ? AND min_time_us < ?", (device, end_us))
                )
                segments: list[Place] = []
                beyond_us: int | None = None
                """No pack that was not looked at reaches beyond this time; None: all were looked at."""
                for width in range(_WIDTHS):
                    shelves = execute(_SHELVES_BACK, (device, width, end_us, shelf_count)).fetchall()
                    raws += [raw for raw, _ in shelves]
                    found = execute(_SEGMENTS_BACK, (device, width, end_us, shelf_count)).fetchall()
                    segments += [Place(id_, period) for id_, period, _ in found]
                    for some in (shelves, found):
                        if len(some) == shelf_count:
                            # Those of this width that were not looked at begin no later than the last of these.
                            reach_us = some[-1][-1] + 16**width - 1
                            beyond_us = reach_us if beyond_us is None else max(beyond_us, reach_us)
                spans = _spans(execute, raws, end_us)
                for place in segments:
                    spans += self._spans_in(execute, place, end_us)
                spans.sort(key=lambda span: (span.max_time_us, span.arrival), reverse=True)
                known = sum(beyond_us is None or span.max_time_us > beyond_us for span in spans)
                if known >= limit or beyond_us is None:
                    return spans[: min(limit, known)]
                shelf_count *= 4

    def _spans_in(self, execute: Execute, place: Place, end_us: int) -> list[PackSpan]:
        """Return the packs in a segment with a row before `end_us`."""
        return [
            PackSpan(
                arrival=pack.arrival,
                row_count=pack.row_count,
                min_time_us=pack.min_time_us,
                max_time_us=pack.max_time_us,
            )
            for pack in self._contents.all_packs(execute, place)
            if pack.row_count and pack.min_time_us < end_us
        ]


_WIDTHS = 17
"""As in `read_packs.py`."""
_SHELVES_BACK = (
    "SELECT arrivals, min_time_us FROM shelves WHERE device = ? AND width = ? AND min_time_us < ? "
    "AND width IS NOT NULL ORDER BY min_time_us DESC LIMIT ?"
)
_SEGMENTS_BACK = (
    "SELECT id, period, min_time_us FROM segments WHERE device = ? AND width = ? AND min_time_us < ? "
    "AND width IS NOT NULL ORDER BY min_time_us DESC LIMIT ?"
)
_OF_ORIGIN = "device = ? AND origin = ? AND last_arrival"


def _column(rows: Iterable[tuple[bytes]]) -> list[bytes]:
    return [raw for (raw,) in rows]


def _arrivals(
    execute: Execute,
    device_id: uuid.UUID,
    origin: uuid.UUID | None,
    find: Callable[[Execute, bytes, int, bytes], Iterable[bytes]],
) -> set[int]:
    only, names = ("", ()) if origin is None else (" AND origin = ?", (origin.bytes,))
    rows = execute(
        f"SELECT origin, first_arrival, arrivals FROM origins WHERE device = ?{only}", (device_id.bytes, *names)
    ).fetchall()
    return {one for row in rows for raw in find(execute, *row) for one in unpack_arrivals(raw)}


def _spans(execute: Execute, shelves: list[bytes], end_us: int) -> list[PackSpan]:
    """Return the packs on these shelves with a row before `end_us`, those that reach furthest first."""
    arrivals = [one for raw in shelves for one in unpack_arrivals(raw)]
    rows = execute(
        "SELECT arrival, row_count, min_time_us, max_time_us FROM packs "
        "WHERE arrival IN (SELECT value FROM json_each(?)) AND row_count > 0 AND min_time_us < ? "
        "ORDER BY max_time_us DESC, arrival DESC",
        (json.dumps(arrivals), end_us),
    )
    return [
        PackSpan(arrival=arrival, row_count=row_count, min_time_us=low, max_time_us=high)
        for arrival, row_count, low, high in rows
    ]


def _heads(execute: Execute, device_id: uuid.UUID, arrivals: list[int], order: str) -> list[PackHead]:
    rows = execute(
        "SELECT arrival, origin, first, last FROM packs "
        f"WHERE arrival IN (SELECT value FROM json_each(?)) AND device = ? ORDER BY arrival {order}",
        (json.dumps(arrivals), device_id.bytes),
    )
    return [PackHead(arrival, uuid.UUID(bytes=origin), first, last) for arrival, origin, first, last in rows]
