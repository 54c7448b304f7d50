"""What a segment holds, laid out: rows ascending by (time, number), and all that its packs told beside them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from nikdev_iot.model.commits import Gap
from nikdev_iot.model.values import Kind
from nikdev_iot.server.errors import StorageCorrupt

__all__ = [
    "HASH_KEPT_BYTES",
    "NO_ROWS",
    "ErasedCommit",
    "Floats",
    "Int64s",
    "PackHead",
    "Segment",
    "SegmentColumn",
    "SegmentDamaged",
]

Int64s: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]

HASH_KEPT_BYTES = 8
"""What is kept of a pack's hash: enough to know that very pack again."""
NO_ROWS: Int64s = np.empty(0, dtype=np.int64)
NO_ROWS.setflags(write=False)


def _no_rows() -> Int64s:
    return NO_ROWS


class SegmentDamaged(StorageCorrupt):
    """Bytes that are not those of a segment, or no longer."""

    code = "segment-damaged"


class PackHead(NamedTuple):
    """What one pack told beside its rows. A segment's packs follow one another in arrivals and in numbers."""

    arrival: int
    first: int
    last: int
    hash_head: bytes
    """The first `HASH_KEPT_BYTES` of the pack's hash."""
    received_us: int
    clock_offset_us: int | None
    key_id: uuid.UUID | None
    layout: tuple[int, ...]
    """Which of the segment's columns it had, in its own order."""


class ErasedCommit(NamedTuple):
    """A commit that lost values for good: its digest, from before, still answers for it."""

    row: int
    digest: bytes
    """As `model.digests` has it."""


@dataclass(frozen=True, slots=True, eq=False)
class SegmentColumn:
    """The values of one field and one kind."""

    field_id: str
    kind: Kind
    at: Int64s | None
    """The rows that have a value, strictly ascending; None where every row has one."""
    data: npt.NDArray[Any]
    """float64, int64, bool, or object for texts."""
    erased: Int64s
    """The rows whose value was taken out, strictly ascending; they have none any more."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Segment:
    """Consecutive whole packs of one origin of one device."""

    device_id: uuid.UUID
    origin: uuid.UUID
    packs: tuple[PackHead, ...]
    """At least one."""
    times: Int64s
    """Effective, µs UTC."""
    numbers: Int64s
    columns: tuple[SegmentColumn, ...]
    gaps: tuple[Gap, ...] = ()
    """By number."""
    messages: tuple[tuple[int, str], ...] = ()
    """(row, text), by row."""
    shift_rows: Int64s = field(default_factory=_no_rows)
    shifts: Int64s = field(default_factory=_no_rows)
    """What was added to the recorded time, of each of `shift_rows`; never 0."""
    uncertain: Int64s = field(default_factory=_no_rows)
    """Rows whose time is not known to be right."""
    erased: tuple[ErasedCommit, ...] = ()
    """By row."""

    def __len__(self) -> int:
        return len(self.times)

    @property
    def first(self) -> int:
        """The first number that it covers."""
        return self.packs[0].first

    @property
    def last(self) -> int:
        """The last number that it covers."""
        return self.packs[-1].last

    def recorded_times(self) -> Int64s:
        """Return the time of each row as the device's clock had it."""
        if not len(self.shift_rows):
            return self.times
        times = self.times.copy()
        times[self.shift_rows] -= self.shifts
        return times
