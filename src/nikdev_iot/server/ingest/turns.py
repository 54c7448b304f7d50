"""Who decodes a big body when: one at a time, and each API key waits for itself before it waits for others."""

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
    """Keeps what decoding takes in memory to that of one big body. On the event loop's thread.

    A key that sends many big bodies at once has one of them in the common line, and delays the others by that one.
    """

    def __init__(self) -> None:
        self._one = asyncio.Lock()
        self._lines: WeakValueDictionary[uuid.UUID, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def take(self, key_id: uuid.UUID) -> AsyncIterator[None]:
        """Wait for the turn, and have it."""
        line = self._lines.get(key_id)
        if line is None:
            line = self._lines[key_id] = asyncio.Lock()
        async with line, self._one:
            yield
