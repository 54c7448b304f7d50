"""Whose turn it is where something takes much memory: only so many at once, and no key more than its share."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

__all__ = ["BIG_BYTES", "Turns"]

BIG_BYTES = 1024 * 1024
"""A body that is longer, decompressed, needs a turn."""


class Turns:
    """Lets in `together` at once, and `each` of one key; the others wait. On the event loop's thread.

    A key that asks for many at once has `each` of them in the common line, and delays the others by these.
    """

    def __init__(self, *, together: int = 1, each: int = 1) -> None:
        self._together = asyncio.Semaphore(together)
        self._each = each
        self._lines: WeakValueDictionary[uuid.UUID, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def take(self, key_id: uuid.UUID) -> AsyncIterator[None]:
        """Wait for the turn, and have it."""
        line = self._lines.get(key_id)
        if line is None:
            line = self._lines[key_id] = asyncio.Semaphore(self._each)
        async with line, self._together:
            yield
