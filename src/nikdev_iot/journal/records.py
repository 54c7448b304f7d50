"""What the journal hands out."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from nikdev_iot.model.commits import Gap
from nikdev_iot.model.values import Value

__all__ = [
    "Acknowledged",
    "BulkReceipt",
    "CommitState",
    "Fate",
    "GoneRange",
    "JournalStatus",
    "LogEntry",
    "Problem",
    "RejectedCommit",
    "SentPack",
]


class CommitState(Enum):
    """Where a commit stands."""

    UNPUSHED = "unpushed"
    """Queued: the next pushes take it."""
    ACKNOWLEDGED = "acknowledged"
    """The server has it."""
    REJECTED = "rejected"
    """Set aside with a reason; `Journal.restore_rejected` brings it back."""
    DISCARDED = "discarded"
    """Thrown away by the user while a pack with it was under way; its end is not known yet."""


class Fate(Enum):
    """What became of a commit that is no longer in the journal."""

    EVICTED = "evicted"
    """The server acknowledged it; the storage limit left no room for it as local history."""
    DROPPED = "dropped"
    """The server never had it; the storage policy dropped it at the limit, and declares that to the server."""
    DISCARDED = "discarded"
    """The user threw it away, or it was lost with a damaged journal, as the reason says."""
    MOVED = "moved"
    """It was restored, and went on under a new number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoneRange:
    """Commits next to each other that are no longer in the journal."""

    first: int
    """The `id` of the first, as `LogEntry.id`."""
    last: int
    fate: Fate
    reason: str
    at_us: int
    """When the last of them went, µs UTC."""

    @property
    def count(self) -> int:
        """How many there are."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class BulkReceipt:
    """What `Journal.commit_many` returns once all its commits are on disk."""

    first: int
    """The first number in `origin`; 0 where there were no rows."""
    last: int
    count: int
    origin: uuid.UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalStatus:
    """The journal in numbers."""

    origin: uuid.UUID
    staged: int
    """Fields with a staged value in the journal, those taken by a running program included."""
    unpushed: int
    rejected: int
    in_flight: int
    """Packs sent whose fate is not known."""
    acknowledged_last: int
    """The last number of `origin` that the server has acknowledged; 0 for none."""
    oldest_unpushed_us: int | None
    """The time of the first commit in the queue, µs UTC."""
    size_bytes: int
    """The file with its write-ahead log; 0 in memory."""
    limit_bytes: int | None = None
    """What it may take, by its budget; None without one, or where that holds for acknowledged commits alone."""
    policy: str | None = None
    """What happens at that limit; None without one."""
    dropped: int = 0
    """Commits that the storage policy has dropped, ever."""
    dropped_values: int = 0
    """The values in them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One commit, as the device's own history shows it."""

    id: int
    """Its place in this journal, from 1, over all origins: what `Journal.log(before=…)` takes."""
    number: int
    origin: uuid.UUID
    time_us: int
    message: str | None
    state: CommitState
    value_count: int
    reason: str | None = None
    """Why it was rejected."""
    values: Mapping[str, Value] | None = None
    """By Field ID, in the order they were staged; None in `Journal.log`."""
    shift_us: int = 0
    """`time_us` and this is when it was: the device's clock was wrong by so much."""
    is_uncertain: bool = False
    """The clock was wrong, and it is not known by how much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedCommit:
    """A commit that was set aside."""

    number: int
    origin: uuid.UUID
    time_us: int
    message: str | None
    reason: str
    rejected_us: int
    """When it was set aside, µs UTC."""
    declared: bool
    """True where the server knows its number as a gap: restored, it gets a new number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentPack:
    """A pack that was recorded before it was sent, and is not settled; its range and gaps never change."""

    origin: uuid.UUID
    first: int
    count: int
    hash: bytes
    parent: bytes
    gaps: tuple[Gap, ...]
    sent_us: int

    @property
    def last(self) -> int:
        """The last number that the pack covers."""
        return self.first + self.count - 1


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """How far the server has acknowledged the current origin."""

    number: int
    """0 for nothing."""
    hash: bytes
    """The hash of the last acknowledged pack, the parent of the next; 32 zero bytes for none."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that `Journal.check` found wrong."""

    what: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.what} {self.hint}" if self.hint else self.what
