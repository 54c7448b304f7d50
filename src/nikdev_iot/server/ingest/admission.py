"""Who may come in with a device's key, and how often: right keys have a rate each, wrong ones a rate per client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor

from nikdev_iot.server.accounts.keys import Keys
from nikdev_iot.server.config import RateLimits
from nikdev_iot.server.errors import TooMany, Unauthorized
from nikdev_iot.server.peers import network_of
from nikdev_iot.server.storage.records import Access

from .limits import TokenBuckets

__all__ = ["Admission"]

_LONGEST_DELAY_S = 1.0
_MAX_DELAYED = 256
"""Answers held back at a time; beyond it they go out at once, so that holding back cannot fill the memory."""


class Admission:
    """The one gate for device keys, so that pushes and reads count against the same rates. On the event loop's thread.

    Requests with wrong credentials have a rate per client address: over it they are answered late, and with 429. Right
    credentials are let in as ever, from that address too.
    """

    def __init__(self, keys: Keys, rates: RateLimits, *, executor: Executor, monotonic_s: Callable[[], float]) -> None:
        self._keys = keys
        self._executor = executor
        self._rates = TokenBuckets(per_s=rates.requests_per_s, burst=rates.burst, monotonic_s=monotonic_s)
        self._wrong = TokenBuckets(per_s=rates.wrong_keys_per_s, burst=rates.wrong_keys_burst, monotonic_s=monotonic_s)
        self._rate_text = f"{rates.requests_per_s:g} requests per second"
        self._looking: dict[tuple[str | None, str | None], asyncio.Future[Access]] = {}
        self._delayed = 0

    async def admit(self, device_id: str | None, api_key: str | None, peer: str = "", *, again: bool = False) -> Access:
        """Return what the two headers allow; `peer` is the client's address.

        With `again`, for a request that was admitted a while ago: it does not count against the rate twice.

        Raises:
            Unauthorized: unknown device or key, or an expired or revoked one.
            TooMany: over the key's rate, or too many wrong keys from this address.
        """
        try:
            access = self._keys.cached(device_id, api_key)
            if access is None:
                access = await self._look_up(device_id, api_key)
        except Unauthorized as error:
            await self._slow_down(peer)
            raise error from None
        wait_s = 0.0 if again else self._rates.take(access.key.id)
        if wait_s:
            raise TooMany(
                f"Over the limit of {self._rate_text} for this API key.",
                retry_after_s=wait_s,
                hint="Nothing was done. Several commits fit in one push.",
            )
        return access

    async def _look_up(self, device_id: str | None, api_key: str | None) -> Access:
        asked = (device_id, api_key)
        answer = self._looking.get(asked)
        if answer is None:
            # Many connections with one key ask the store once.
            loop = asyncio.get_running_loop()
            answer = loop.run_in_executor(self._executor, self._keys.check, device_id, api_key)
            self._looking[asked] = answer
            answer.add_done_callback(lambda _: self._looking.pop(asked, None))
        return await asyncio.shield(answer)

    async def _slow_down(self, peer: str) -> None:
        """Count a wrong key; over the rate, wait and raise `TooMany`."""
        wait_s = self._wrong.take(network_of(peer))
        if not wait_s:
            return
        if self._delayed < _MAX_DELAYED:
            self._delayed += 1
            try:
                await asyncio.sleep(min(wait_s, _LONGEST_DELAY_S))
            finally:
                self._delayed -= 1
        raise TooMany(
            "Too many requests with a wrong Device ID or API key from this address.",
            retry_after_s=wait_s,
            hint="Nothing was done. Right ones are let in as ever.",
        )
