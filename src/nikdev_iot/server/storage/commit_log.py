"""The log of a device: what of the port lists packs the newest first, without their content."""

from __future__ import annotations

import uuid
from typing import NamedTuple, Protocol

from .records import PackSpan

__all__ = ["LogReads", "OriginHead", "PackHead"]


class OriginHead(NamedTuple):
    """One journal that pushed for a device, and how far it came."""

    origin: uuid.UUID
    last: int
    """The number of its newest commit."""
    arrival: int
    """Of its newest pack."""


class PackHead(NamedTuple):
    """What a pack covers: at least one number."""

    arrival: int
    origin: uuid.UUID
    first: int
    last: int


class LogReads(Protocol):
    """Part of `port.Storage`."""

    def origins(self, device_id: uuid.UUID) -> list[OriginHead]:
        """Return the origins that have pushed for the device, the one heard of last first."""
        ...

    def heads_before(
        self, device_id: uuid.UUID, arrival: int, *, origin: uuid.UUID | None = None, limit: int
    ) -> list[PackHead]:
        """Return at most `limit` packs (of one origin, if given) stored before `arrival`, the newest first.

        It costs what it returns, however long the history is.
        """
        ...

    def heads_after(
        self, device_id: uuid.UUID, arrival: int, *, origin: uuid.UUID | None = None, limit: int
    ) -> list[PackHead]:
        """Return at most `limit` packs (of one origin, if given) stored after `arrival`, the oldest first."""
        ...

    def last_spans(self, device_id: uuid.UUID, *, end_us: int, limit: int) -> list[PackSpan]:
        """Return the `limit` packs that reach furthest, of those with a row before `end_us`: by `max_time_us`, falling.

        Of packs that reach equally far, any may be left out. It costs what it returns, however long the history is and
        whatever silence lies between.
        """
        ...
