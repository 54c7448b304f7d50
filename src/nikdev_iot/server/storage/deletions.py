"""Deletions of values as the store keeps them, and what of the port is about them.

A deletion hides values; it changes no mark and no digest, so that exactly-once knows nothing of it. Reads leave out
what is hidden (`server/query/mask.py`), until the re-packing takes it out for good.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Deletion", "DeletionReads", "DeletionWrites"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """Values that somebody deleted, and who did it, when and why."""

    id: uuid.UUID
    device_id: uuid.UUID
    fields: tuple[str, ...] | None
    """None: all."""
    start_us: int
    end_us: int
    """Exclusive."""
    commit: tuple[uuid.UUID, int] | None = None
    """(origin, number), where the values of one commit alone are meant: others may have the same time."""
    arrival: int
    """What was stored up to this pack is hidden; what was pushed later, even into the same stretch, is not."""
    value_count: int
    """How many values it hid that were shown before."""
    reason: str
    made_us: int
    made_by: str
    """The person's e-mail address, as it was then."""
    undone_us: int | None = None
    """When the values were shown again; None while they are hidden."""
    undone_by: str = ""
    erased_us: int | None = None
    """When the re-packing began to take its values out for good; None while it can be undone."""

    @property
    def is_in_force(self) -> bool:
        """Whether it hides anything."""
        return self.undone_us is None


class DeletionReads(Protocol):
    """Part of `port.Storage`."""

    def deletions(self, device_id: uuid.UUID) -> list[Deletion]:
        """Return a device's deletions, undone ones too, by (made_us, id). Every read of its values asks: quick."""
        ...


class DeletionWrites(Protocol):
    """Part of `port.WriteTransaction`."""

    def add_deletion(self, deletion: Deletion) -> None:
        """Keep it; raises `Conflict` where the device has one of this id."""
        ...

    def undo_deletion(self, device_id: uuid.UUID, deletion_id: uuid.UUID, *, at_us: int, by: str) -> bool:
        """Note that it hides nothing any more; return whether it did. The record stays.

        Where values of it have been taken out for good, it is not undone.
        """
        ...
