"""What is in segments, and packs made anew of it."""

from __future__ import annotations

import threading
import uuid
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

from nikdev_iot.server.errors import StorageCorrupt
from nikdev_iot.server.segments.decode import SegmentReader, decode_segment
from nikdev_iot.server.segments.records import HASH_KEPT_BYTES, PackHead, SegmentDamaged
from nikdev_iot.server.segments.unpack import Unpacker
from nikdev_iot.server.storage.records import StoredPack

from .bulk import Execute
from .periods import PeriodFiles

__all__ = ["Contents", "Place"]

_MAX_KEPT = 4
_OF_ORIGIN = "SELECT id, period, first, last_arrival, first_arrival FROM segments WHERE device = ? AND origin = ? AND "


class Place(NamedTuple):
    """Where a segment's content is."""

    id: int
    period: int | None
    """None: in the store's own file."""


class _Row(NamedTuple):
    id: int
    period: int | None
    first: int
    last_arrival: int
    first_arrival: int

    @property
    def place(self) -> Place:
        return Place(self.id, self.period)


class _Open(NamedTuple):
    unpacker: Unpacker
    packs: tuple[PackHead, ...]


class Contents:
    """Reads segments for those who want single packs; the last few are kept. From any thread."""

    def __init__(self, files: PeriodFiles) -> None:
        self._files = files
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, _Open] = OrderedDict()

    # -- whole ------------------------------------------------------------------------------------

    def summary(self, execute: Execute, place: Place) -> bytes:
        """Return a segment's summary."""
        if place.period is None:
            return self._own(execute, place, "summary")
        return self._files.summary(place.period, place.id)

    def body(self, execute: Execute, place: Place) -> bytes:
        """Return a segment's body."""
        if place.period is None:
            return self._own(execute, place, "body")
        return self._files.body(place.period, place.id)

    def _own(self, execute: Execute, place: Place, column: str) -> bytes:
        row = execute(f"SELECT {column} FROM segment_contents WHERE id = ?", (place.id,)).fetchone()  # noqa: S608
        if row is None:
            raise StorageCorrupt(f"The segment {place.id} has gone from the store.")
        return bytes(row[0])

    def _open(self, execute: Execute, place: Place) -> _Open:
        with self._lock:
            found = self._kept.get(place.id)
            if found is not None:
                self._kept.move_to_end(place.id)
                return found
        try:
            segment = decode_segment(self.summary(execute, place), self.body(execute, place))
        except SegmentDamaged as error:
            raise _named(error, place) from error
        found = _Open(Unpacker(segment), segment.packs)
        with self._lock:
            self._kept[place.id] = found
            if len(self._kept) > _MAX_KEPT:
                self._kept.popitem(last=False)
        return found

    # -- packs ------------------------------------------------------------------------------------

    def pack_holding(self, execute: Execute, device: bytes, origin: bytes, number: int) -> StoredPack | None:
        """Return the pack that covers a number, if it is in a segment."""
        found = self._holding(execute, device, origin, number)
        return None if found is None else found[0].unpacker.packs([found[1]])[0]

    def has_pack(self, execute: Execute, device: bytes, origin: bytes, claimed: tuple[int, int, bytes]) -> bool | None:
        """Return whether the pack (first, last, hash) is in a segment; None where none covers its last number."""
        first, last, pack_hash = claimed
        row = _holding_row(execute, device, origin, last)
        if row is None:
            return None
        # Only the heads are read: this may be asked while others wait.
        place = row.place
        try:
            reader = SegmentReader(self.summary(execute, place), lambda: self.body(execute, place))
            return any(
                (head.first, head.last, head.hash_head) == (first, last, pack_hash[:HASH_KEPT_BYTES])
                for head in reader.packs
            )
        except SegmentDamaged as error:
            raise _named(error, place) from error

    def _holding(self, execute: Execute, device: bytes, origin: bytes, number: int) -> tuple[_Open, PackHead] | None:
        row = _holding_row(execute, device, origin, number)
        if row is None:
            return None
        found = self._open(execute, row.place)
        lasts = [head.last for head in found.packs]
        return found, found.packs[bisect_left(lasts, number)]

    def packs(self, execute: Execute, device: bytes, arrivals: Sequence[int]) -> list[StoredPack]:
        """Return those of the packs that are in the device's segments, by arrival."""
        wanted = sorted(set(arrivals))
        packs: list[StoredPack] = []
        for origin in _origins(execute, device):
            at = 0
            while at < len(wanted):
                row = execute(
                    _OF_ORIGIN + "last_arrival >= ? ORDER BY last_arrival LIMIT 1", (device, origin, wanted[at])
                )
                found = row.fetchone()
                if found is None:
                    break
                segment = _Row(*found)
                opened = self._open(execute, segment.place)
                here = {one for one in wanted[at:] if one <= segment.last_arrival}
                packs += opened.unpacker.packs(head for head in opened.packs if head.arrival in here)
                at += len(here)
        return sorted(packs, key=lambda pack: pack.arrival)

    def heads(
        self,
        execute: Execute,
        device: bytes,
        *,
        origin: uuid.UUID | None = None,
        after: int | None = None,
        before: int | None = None,
        limit: int,
    ) -> list[tuple[uuid.UUID, PackHead]]:
        """Return (origin, head) of packs in segments: the first `limit` after an arrival, or the last before one."""
        found: list[tuple[uuid.UUID, PackHead]] = []
        for name in _origins(execute, device) if origin is None else [origin.bytes]:
            here: list[PackHead] = []
            for row in _rows_from(execute, device, name, after, before):
                here += [
                    head
                    for head in self._open(execute, row.place).packs
                    if (after is None or head.arrival > after) and (before is None or head.arrival < before)
                ]
                if len(here) >= limit:
                    break
            found += [(uuid.UUID(bytes=name), head) for head in here]
        found.sort(key=lambda pair: pair[1].arrival, reverse=before is not None)
        return found[:limit]

    def received(self, execute: Execute, device: bytes, *, limit: int) -> list[tuple[int, int]]:
        """Return (arrival, when received) of the last packs in the newest segments, at most `limit`."""
        found: list[tuple[int, int]] = []
        for origin in _origins(execute, device):
            rows = execute(_OF_ORIGIN + "last >= 0 ORDER BY last DESC LIMIT ?", (device, origin, limit)).fetchall()
            count = 0
            for row in rows:
                place = _Row(*row).place
                try:
                    reader = SegmentReader(self.summary(execute, place), partial(self.body, execute, place))
                    heads = reader.packs
                except SegmentDamaged as error:
                    raise _named(error, place) from error
                found += [(head.arrival, head.received_us) for head in heads[-limit:]]
                count += len(heads)
                if count >= limit:
                    break
        return sorted(found)[-limit:]

    def all_packs(self, execute: Execute, place: Place) -> list[StoredPack]:
        """Return all packs of a segment."""
        opened = self._open(execute, place)
        return opened.unpacker.packs(opened.packs)


def _rows_from(execute: Execute, device: bytes, origin: bytes, after: int | None, before: int | None) -> Iterator[_Row]:
    """Yield the segments of an origin with packs after an arrival, the first ones first, or before one, falling."""
    key = (device, origin)
    if before is None:
        while row := execute(_OF_ORIGIN + "last_arrival > ? ORDER BY last_arrival LIMIT 1", (*key, after)).fetchone():
            yield _Row(*row)
            after = row[3]
        return
    row = execute(_OF_ORIGIN + "last_arrival >= ? ORDER BY last_arrival LIMIT 1", (*key, before)).fetchone()
    if row is not None and row[-1] < before:
        yield _Row(*row)
    down = _OF_ORIGIN + "last_arrival < ? ORDER BY last_arrival DESC LIMIT 1"
    while row := execute(down, (*key, before)).fetchone():
        yield _Row(*row)
        before = row[3]


def _origins(execute: Execute, device: bytes) -> list[bytes]:
    rows = execute("SELECT origin FROM origins WHERE device = ?", (device,))
    return [origin for (origin,) in rows.fetchall()]


def _holding_row(execute: Execute, device: bytes, origin: bytes, number: int) -> _Row | None:
    row = execute(_OF_ORIGIN + "last >= ? ORDER BY last LIMIT 1", (device, origin, number)).fetchone()
    return _Row(*row) if row is not None and row[2] <= number else None


def _named(error: SegmentDamaged, place: Place) -> StorageCorrupt:
    return StorageCorrupt(
        f"The segment {place.id} cannot be read back: {error.message}",
        hint="Nothing was changed. Check the disk, and restore the store from a backup.",
    )
