"""One person's live stream: what waits for it, joined, and when it goes out."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from .events import LiveEvent, gone_bytes, joined

__all__ = ["CHECK_S", "KEEP_ALIVE_S", "PAUSE_S", "LiveStream"]

PAUSE_S = 0.25
"""Between two events of one device on one stream, at least."""
KEEP_ALIVE_S = 15.0
CHECK_S = 10.0
"""How often it is looked up whether whoever looks still may."""
_RETRY = b"retry: 3000\n\n"
_COMMENT = b": still here\n\n"


class LiveStream:
    """Belongs to the event loop's thread.

    A reader that is slower than what comes gets what it missed joined to one event per device: nothing is kept beyond
    that.
    """

    def __init__(
        self,
        *,
        pause_s: float,
        is_allowed: Callable[[], Awaitable[uuid.UUID | bool]],
        narrow: Callable[[LiveEvent], LiveEvent | None] | None = None,
    ) -> None:
        self.pause_s = pause_s
        self._is_allowed = is_allowed
        self._narrow = narrow
        """Takes out of an event what whoever looks may see."""
        self._pending: dict[uuid.UUID, LiveEvent] = {}
        self._waiter: asyncio.Future[None] | None = None
        self._wakes_for_events = False
        self.is_closed = False

    def publish(self, event: LiveEvent) -> None:
        """Take an event along with the next part that goes out."""
        if self._narrow is not None:
            narrow = self._narrow(event)
            if narrow is None:
                return
            event = narrow
        before = self._pending.get(event.device_id)
        self._pending[event.device_id] = event if before is None else joined(before, event)
        if self._wakes_for_events:
            self._wake()

    def close(self) -> None:
        """End it, as soon as the part that is on its way has gone."""
        self.is_closed = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self, until_s: float, *, for_events: bool) -> None:
        loop = asyncio.get_running_loop()
        waiter = self._waiter = loop.create_future()
        self._wakes_for_events = for_events
        timer = loop.call_at(until_s, self._wake)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiter, self._wakes_for_events = None, False

    async def parts(self, snapshot: Mapping[uuid.UUID, LiveEvent]) -> AsyncIterator[bytes]:
        """Yield what goes out, until it is closed or whoever looks no longer may."""
        clock = asyncio.get_running_loop().time
        yield _RETRY + b"".join([event.encode() for event in snapshot.values()])
        sent_s = checked_s = clock()
        while not self.is_closed:
            now_s = clock()
            if now_s >= checked_s + CHECK_S:
                allowed = await self._is_allowed()
                if allowed is not True:
                    yield gone_bytes(None if allowed is False else allowed)
                    return
                checked_s = clock()
            elif self._pending and now_s >= sent_s + self.pause_s:
                events, self._pending = self._pending, {}
                sent_s = now_s
                yield b"".join([event.encode() for event in events.values()])
            elif now_s >= sent_s + KEEP_ALIVE_S:
                sent_s = now_s
                yield _COMMENT
            elif self._pending:
                await self._wait(min(sent_s + self.pause_s, checked_s + CHECK_S), for_events=False)
            else:
                await self._wait(min(sent_s + KEEP_ALIVE_S, checked_s + CHECK_S), for_events=True)
