"""Devices that were deleted, and what of the port is about them.

A deleted device is gone at once for everyone who asks, and what it sent goes after it in small steps: there may be
millions of packs, and no push shall wait for them.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Protocol

__all__ = ["KNOWN_FOR_US", "LeavingReads", "LeavingWrites"]

KNOWN_FOR_US = 3_600_000_000
"""How long a device is known as departed after all that it sent has gone: no request is under way for so long."""


class LeavingReads(Protocol):
    """Part of `port.Storage`."""

    def has_leaving(self, *, at_us: int) -> bool:
        """Return whether there is something for `clear_leaving` to remove or forget at this time. Cheap."""
        ...

    def has_departed(self, device_id: uuid.UUID) -> bool:
        """Return whether the device was deleted; known until `KNOWN_FOR_US` after the last of what it sent went."""
        ...

    def read_leaving(self, *, max_rows: int, max_bytes: int) -> None:
        """Read what the next `clear_leaving` with these limits removes, so that it is at hand when others wait for it.

        A disk may take long to find it; reading makes nobody wait.
        """
        ...


class LeavingWrites(Protocol):
    """Part of `port.WriteTransaction`."""

    def delete_device(self, device_id: uuid.UUID, *, at_us: int) -> None:
        """Take the device away, with its keys, fields and last values.

        What it sent is no longer the store's to show: reads may find all, some or nothing of it, until `clear_leaving`
        has removed it. Nothing may be stored for it any more; `departed` tells who must not. What `put_latest` brings
        for it is not kept.
        """
        ...

    def departed(self, device_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
        """Return those of the devices that were deleted, as `LeavingReads.has_departed` does, and hold to it."""
        ...

    def clear_leaving(self, *, at_us: int, max_rows: int, max_bytes: int) -> bool:
        """Remove some of what deleted devices have left behind; return whether there is more.

        At most `max_rows` packs and entry keys, and packs of at most `max_bytes` together, but at least one thing: the
        caller makes it few enough that a push can wait for it. Killed anywhere, the next call goes on.
        """
        ...
