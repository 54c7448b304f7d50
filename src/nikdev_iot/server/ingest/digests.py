"""The digests of an origin's commits, for a device that has to compare what the server holds with its own."""

from __future__ import annotations

import time
from collections.abc import Callable

from nikdev_iot.server.storage.port import OriginKey, Storage
from nikdev_iot.wire.limits import UNLIMITED
from nikdev_iot.wire.pack import decode_content, decompress

__all__ = ["MAX_DIGESTS", "digests_after"]

MAX_DIGESTS = 10_000
"""What one answer holds, at most."""
_MAX_PACKS = 500
_MAX_S = 0.5
"""What one answer may cost: packs may hold one commit each, or gaps alone."""


def digests_after(
    storage: Storage,
    key: OriginKey,
    *,
    after: int,
    limit: int,
    monotonic_s: Callable[[], float] = time.monotonic,
) -> tuple[list[tuple[int, bytes]], int | None]:
    """Return (number, digest) of at most `limit` commits beyond `after`, and from where to go on: None at the end.

    Numbers in a declared gap have none. There may be fewer, or none at all, before the end: one call costs half a
    second at most. Blocks, reading the store.
    """
    found: list[tuple[int, bytes]] = []
    last = storage.mark(key).number
    until_s = monotonic_s() + _MAX_S
    packs = 0
    while after < last:
        if len(found) >= limit or packs >= _MAX_PACKS or (packs and monotonic_s() >= until_s):
            return found, after
        stored = storage.pack_holding(key, after + 1)
        if stored is None:
            break
        packs += 1
        pack = decode_content(decompress(stored.payload, stored.codec, stored.content_bytes), UNLIMITED)
        known = {one.number: one.digest for one in stored.erased}  # of those that are no longer whole
        here = [(number, known.get(number, digest)) for number, digest in pack.digests() if number > after]
        room = limit - len(found)
        found += here[:room]
        if len(here) > room:
            return found, found[-1][0]
        after = stored.last
    return found, None
