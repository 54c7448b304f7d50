"""What is kept of each origin: its mark, and where its packs are.

An index of packs by device would be changed at another place by every push: three such indexes, and the engine writes
13 kB for a pack of 300 bytes. Instead, the row of an origin, which each push changes anyway for the mark, also lists
the arrivals of its newest packs. Such a *shelf* is moved to the table `shelves` when it has `SHELF_PACKS`, so that the
indexes there change once for that many. All packs of an origin are on its shelves, in the order of their numbers,
which is that of their arrivals too.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable
from typing import NamedTuple, TypeAlias

from nikdev_iot.server.storage.records import StoredPack
from nikdev_iot.wire.pack import NO_PACK

from .bulk import Bulk, Execute

__all__ = [
    "NO_ORIGIN",
    "SHELF_PACKS",
    "Origin",
    "OriginCache",
    "RawKey",
    "load_origin",
    "put_origins",
    "put_shelves",
    "unpack_arrivals",
    "width_of",
    "with_pack",
    "without_packs",
]

SHELF_PACKS = 32
_SHELF_BYTES = 8 * SHELF_PACKS
_MAX_CACHED = 20_000
"""About 1 kB each."""

_LOAD = (
    "SELECT mark_number, mark_hash, first_arrival, min_time_us, max_time_us, arrivals "
    "FROM origins WHERE device = ? AND origin = ?"
)
_PUT_ORIGINS = Bulk(
    "INSERT INTO origins (device, origin, mark_number, mark_hash, first_arrival, min_time_us, max_time_us, arrivals)",
    8,
    "ON CONFLICT (device, origin) DO UPDATE SET mark_number = excluded.mark_number, mark_hash = excluded.mark_hash, "
    "first_arrival = excluded.first_arrival, min_time_us = excluded.min_time_us, max_time_us = excluded.max_time_us, "
    "arrivals = excluded.arrivals",
)
_PUT_SHELVES = Bulk(
    "INSERT INTO shelves (device, origin, last, last_arrival, width, min_time_us, max_time_us, arrivals)", 8
)

RawKey: TypeAlias = bytes
"""The 16 bytes of the device and the 16 of the origin: hashed ten times as fast as two UUIDs."""


class Origin(NamedTuple):
    """A row of `origins`: the mark, and the newest shelf, which is empty only before the first pack."""

    mark_number: int
    mark_hash: bytes
    first_arrival: int
    """Of the packs on the shelf."""
    min_time_us: int | None
    """Of the packs on the shelf that have rows; None where none has."""
    max_time_us: int | None
    arrivals: bytes
    """int64 each, little-endian."""

    @property
    def is_full(self) -> bool:
        """Whether the next pack begins a new shelf."""
        return len(self.arrivals) == _SHELF_BYTES


NO_ORIGIN = Origin(0, NO_PACK, 0, None, None, b"")


def with_pack(origin: Origin, pack: StoredPack, arrival: int) -> Origin:
    """Return the origin with one pack more, on a new shelf if this one is full."""
    _, _, first_arrival, low, high, arrivals = origin
    if not arrivals or len(arrivals) == _SHELF_BYTES:
        first_arrival, low, high, arrivals = arrival, None, None, b""
    if pack.row_count:
        low = pack.min_time_us if low is None else min(low, pack.min_time_us)
        high = pack.max_time_us if high is None else max(high, pack.max_time_us)
    return Origin(pack.last, pack.hash, first_arrival, low, high, arrivals + arrival.to_bytes(8, "little"))


def without_packs(origin: Origin, arrival: int) -> Origin:
    """Return the origin without the packs up to this arrival on its newest shelf; at least one must be left."""
    left = [one for one in unpack_arrivals(origin.arrivals) if one > arrival]
    return origin._replace(first_arrival=left[0], arrivals=struct.pack(f"<{len(left)}q", *left))


def unpack_arrivals(raw: bytes) -> tuple[int, ...]:
    """Return the arrivals of a shelf."""
    return struct.unpack(f"<{len(raw) // 8}q", raw)


class OriginCache:
    """Origins as of the store's counter of arrivals: as long as no other process has stored a pack, they hold."""

    def __init__(self, limit: int = _MAX_CACHED) -> None:
        self._limit = limit
        self._arrival = -1
        self._origins: dict[RawKey, Origin] = {}

    def at(self, arrival: int) -> None:
        """Forget everything unless the counter is as it was."""
        if arrival != self._arrival:
            self._origins.clear()
            self._arrival = arrival

    def get(self, key: RawKey) -> Origin | None:
        """Return a committed origin, or None where it has to be loaded."""
        return self._origins.get(key)

    def put(self, key: RawKey, origin: Origin) -> None:
        """Keep a committed origin; the one kept longest makes room."""
        if key in self._origins:
            del self._origins[key]
        elif len(self._origins) >= self._limit:
            del self._origins[next(iter(self._origins))]
        self._origins[key] = origin

    def committed(self, arrival: int, changed: dict[RawKey, Origin]) -> None:
        """Keep what a transaction has changed, once it is durable."""
        self._arrival = arrival
        for key, origin in changed.items():
            self.put(key, origin)

    def forget(self, devices: Collection[bytes]) -> None:
        """Forget the origins of these devices."""
        for key in [key for key in self._origins if key[:16] in devices]:
            del self._origins[key]

    def clear(self) -> None:
        """Forget everything."""
        self._arrival = -1
        self._origins.clear()


def load_origin(execute: Execute, key: RawKey) -> Origin:
    """Read an origin; `NO_ORIGIN` where nothing is stored."""
    row = execute(_LOAD, (key[:16], key[16:])).fetchone()
    return Origin(*row) if row else NO_ORIGIN


def put_origins(execute: Execute, origins: dict[RawKey, Origin]) -> None:
    """Write origins."""
    # In the order of the table: neighbours find their page where the one before left it.
    _PUT_ORIGINS.run(execute, [(key[:16], key[16:], *origin) for key, origin in sorted(origins.items())])


def put_shelves(execute: Execute, shelves: Iterable[tuple[RawKey, Origin]]) -> None:
    """Write full shelves."""
    rows = [
        (
            key[:16],
            key[16:],
            origin.mark_number,
            unpack_arrivals(origin.arrivals[-8:])[0],
            width_of(origin.min_time_us, origin.max_time_us),
            origin.min_time_us,
            origin.max_time_us,
            origin.arrivals,
        )
        for key, origin in shelves
    ]
    _PUT_SHELVES.run(execute, rows)


def width_of(min_time_us: int | None, max_time_us: int | None) -> int | None:
    """Return how many hexadecimal digits a time span has (0 for one instant), None where there is none."""
    if min_time_us is None or max_time_us is None:
        return None
    return ((max_time_us - min_time_us).bit_length() + 3) // 4
