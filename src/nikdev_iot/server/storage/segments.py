"""Segments as the store keeps them, and what of the port is about them (`docs/storage.md`).

A segment takes the place of consecutive packs of one origin, or of segments before it; whoever asks for a pack gets it
as before, made anew from the segment, but for its parent and its encoding, and with `HASH_KEPT_BYTES` of its hash. The
newest pack of an origin always stays a pack.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple, Protocol, TypeAlias

__all__ = [
    "NewSegment",
    "OpenPack",
    "SegmentHead",
    "SegmentReads",
    "SegmentWrites",
    "StoredSegment",
]

_OriginKey: TypeAlias = tuple[uuid.UUID, uuid.UUID]


class OpenPack(NamedTuple):
    """A pack that is in no segment."""

    arrival: int
    first: int
    last: int
    row_count: int
    min_time_us: int
    max_time_us: int
    received_us: int
    payload_bytes: int


class SegmentHead(NamedTuple):
    """What a segment covers."""

    id: int
    """Never used twice, in one store."""
    first: int
    last: int
    first_arrival: int
    last_arrival: int
    row_count: int
    pack_count: int
    min_time_us: int
    """0 where it has no rows, as the next."""
    max_time_us: int
    size_bytes: int


class NewSegment(NamedTuple):
    """A segment to store."""

    device_id: uuid.UUID
    origin: uuid.UUID
    first: int
    last: int
    first_arrival: int
    last_arrival: int
    row_count: int
    pack_count: int
    min_time_us: int
    max_time_us: int
    summary: bytes
    body: bytes


class StoredSegment(NamedTuple):
    """A segment that was asked for."""

    id: int
    summary: bytes
    load_body: Callable[[], bytes]
    """Reads the body; raises `StorageUnavailable`, or `StorageCorrupt` where it is missing."""


class SegmentReads(Protocol):
    """Part of `port.Storage`."""

    def origins_after(self, key: _OriginKey | None, *, limit: int) -> list[_OriginKey]:
        """Return at most `limit` origins that have packs in no segment beside their newest, behind `key` in some order.

        None begins; an empty list is the end. For going through all of them in small steps.
        """
        ...

    def open_packs(self, key: _OriginKey, *, limit: int) -> list[OpenPack]:
        """Return the first packs of an origin that are in no segment, in their order, without its newest pack."""
        ...

    def segment_heads(self, key: _OriginKey) -> list[SegmentHead]:
        """Return the segments of an origin, in the order of their numbers."""
        ...

    def devices_to_erase(self, *, made_before_us: int) -> list[uuid.UUID]:
        """Return the devices with a deletion in force that was made before then."""
        ...

    def segments(self, device_id: uuid.UUID, ids: Sequence[int]) -> Iterator[StoredSegment]:
        """Yield these segments, in this order, in bounded memory.

        What is not the device's is left out. A segment whose place was taken is there for ten minutes more: whoever
        has heard of it reads it whole, or the newer one, never both.
        """
        ...

    def put_segment(
        self,
        new: NewSegment,
        *,
        replaces: Collection[int] = (),
        honours: Collection[uuid.UUID],
        erases: Collection[uuid.UUID] = (),
        at_us: int,
    ) -> int | None:
        """Store a segment in the place of what it covers; return its id, or None where that is no longer as it was.

        It covers consecutive packs of the origin that are in no segment, the first of them or those behind the last
        segment, or the segments `replaces`, one behind the other, or both. `honours` are the deletions of the device
        that are in force for whoever made it: where others are now, nothing is changed. `erases` are those of them
        whose values it leaves out: from now on they cannot be undone. Durable when it returns; killed anywhere, either
        all of it was done or nothing. Takes the place of the writer twice, shortly.
        """
        ...

    def clear_contents(self, *, at_us: int, limit: int, is_starting: bool = False) -> bool:
        """Remove what at most `limit` segments held that are no longer there; return whether there is more now.

        With `is_starting`, what a process left behind that ended while it stored one goes too: nobody may be in
        `put_segment` then.
        """
        ...


class SegmentWrites(Protocol):
    """Part of `port.WriteTransaction`."""

    def clear_spent(self, *, max_rows: int) -> bool:
        """Remove packs, at most `max_rows`, whose place segments have taken; return whether there are more."""
        ...
