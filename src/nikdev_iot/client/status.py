"""How things stand on the device."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from nikdev_iot.journal.records import JournalStatus

__all__ = ["Status"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What `Api.status` returns."""

    staged: int
    """Fields with a value that was added and not committed."""
    unpushed: int
    """Commits that the server has not acknowledged."""
    rejected: int
    """Commits that were set aside, see `Api.rejected`."""
    acknowledged_last: int
    """The last commit number that the server has acknowledged; 0 for none."""
    oldest_unpushed_us: int | None
    """The time of the first commit in the queue, µs UTC."""
    origin: uuid.UUID
    """Under which new commits are numbered."""
    journal_path: str
    size_bytes: int
    """The journal on disk."""
    limit_bytes: int | None = None
    """What it may take there, by `storageLimit`; None for no limit."""
    policy: str | None = None
    """`storagePolicy`, where there is a limit."""
    dropped: int = 0
    """Commits that were dropped at the limit, ever, and that the server never had."""
    dropped_values: int = 0
    """The values in them."""

    @classmethod
    def of(cls, journal: JournalStatus, *, staged: int, journal_path: str) -> Status:
        """Return the journal's status, with what a running program has staged."""
        return cls(
            staged=staged,
            unpushed=journal.unpushed,
            rejected=journal.rejected,
            acknowledged_last=journal.acknowledged_last,
            oldest_unpushed_us=journal.oldest_unpushed_us,
            origin=journal.origin,
            journal_path=journal_path,
            size_bytes=journal.size_bytes,
            limit_bytes=journal.limit_bytes,
            policy=journal.policy,
            dropped=journal.dropped,
            dropped_values=journal.dropped_values,
        )
