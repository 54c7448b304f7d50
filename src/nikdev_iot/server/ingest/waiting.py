"""How many commits still wait on each device, as its last push said."""

from __future__ import annotations

import uuid

__all__ = ["Waiting", "read_count"]

_MOST = 10**12
_MAX_DEVICES = 100_000


class Waiting:
    """In memory alone: a device says it again with each push. For the event loop to note, for any thread to ask."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[uuid.UUID, int] = {}

    def note(self, device_id: uuid.UUID, count: int) -> None:
        """Keep what a device said; the one that said so longest ago makes room."""
        if not count:
            self._counts.pop(device_id, None)
            return
        self._counts.pop(device_id, None)
        if len(self._counts) >= _MAX_DEVICES:
            del self._counts[next(iter(self._counts))]
        self._counts[device_id] = count

    def of(self, device_id: uuid.UUID) -> int:
        """Return how many commits wait on a device; 0 where none do, or it has not said."""
        return self._counts.get(device_id, 0)


def read_count(header: bytes | None) -> int:
    """Return the count that a header says; 0 for none, and for nonsense: a push is not refused for it."""
    if header is None or len(header) > 20 or not header.isdigit():
        return 0
    return min(int(header), _MOST)
