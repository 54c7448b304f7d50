"""The digests of an origin's commits, for a device that has to compare what the server holds with its own."""

from __future__ import annotations

from nikdev_iot.server.storage.port import OriginKey, Storage
from nikdev_iot.wire.limits import Limits
from nikdev_iot.wire.pack import decode_content, decompress

__all__ = ["MAX_DIGESTS", "digests_after"]

MAX_DIGESTS = 10_000
"""What one answer holds, at most."""


def digests_after(
    storage: Storage, key: OriginKey, *, after: int, limit: int, limits: Limits
) -> tuple[list[tuple[int, bytes]], int | None]:
    """Return (number, digest) of at most `limit` commits beyond `after`, and from where to go on: None at the end.

    Numbers in a declared gap have none. Blocks, reading the store.
    """
    found: list[tuple[int, bytes]] = []
    while True:
        stored = storage.pack_holding(key, after + 1)
        if stored is None:
            return found, None
        pack = decode_content(decompress(stored.payload, stored.codec, stored.content_bytes), limits)
        here = [pair for pair in pack.digests() if pair[0] > after]
        room = limit - len(found)
        found += here[:room]
        if len(here) > room:
            return found, found[-1][0]
        after = stored.last
        if len(found) >= limit:
            return found, after if storage.mark(key).number > after else None
