"""Reading the bodies of pushes: each within its size, and all of them together within the memory meant for them.

How long a body may take is the connection's affair (`server/protocol.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from nikdev_iot.model.errors import TooLarge
from nikdev_iot.server.errors import ServerError

from .answers import Receive

__all__ = ["Bodies", "ClientGone", "Hold"]


class ClientGone(Exception):
    """The client has closed the connection; nobody waits for an answer."""


class _NoRoom(ServerError):
    status = 503
    code = "busy"
    retry_after_s = 2.0


class Bodies:
    """The bodies at hand: at most `limit` bytes each, and `together` bytes in all. On the event loop's thread."""

    __slots__ = ("_limit", "_together", "held_bytes")

    def __init__(self, *, limit: int, together: int) -> None:
        self._limit = limit
        self._together = max(together, limit)
        self.held_bytes = 0

    async def read(self, hold: Hold, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        """Return the body, however it comes; it counts until `hold` is released.

        Raises:
            TooLarge: it exceeds its limit.
            ServerError: there is no room for it at the moment.
            ClientGone: the client closed the connection, or took too long.
        """
        declared = headers.get(b"content-length")
        if declared is not None and declared.isdigit() and int(declared) > self._limit:
            raise _too_large(int(declared), self._limit)
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        body: bytes = message["body"]
        self._take(hold, len(body))
        if message.get("more_body"):
            parts = [body]
            while message.get("more_body"):
                message = await receive()
                if message["type"] != "http.request":
                    raise ClientGone
                parts.append(message["body"])
                self._take(hold, len(parts[-1]))
            body = b"".join(parts)
        return body

    def _take(self, hold: Hold, size_bytes: int) -> None:
        hold.size_bytes += size_bytes
        self.held_bytes += size_bytes
        if hold.size_bytes > self._limit:
            raise _too_large(hold.size_bytes, self._limit)
        if self.held_bytes > self._together:
            raise _NoRoom(
                "The server has as much to receive as it has room for.", hint="Nothing was stored; try again."
            )


class Hold:
    """What one request holds of `bodies`; release it whatever happens."""

    __slots__ = ("_bodies", "size_bytes")

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self.size_bytes = 0

    def release(self) -> None:
        """Give the room back. Idempotent."""
        self._bodies.held_bytes -= self.size_bytes
        self.size_bytes = 0


def _too_large(size: int, limit: int) -> TooLarge:
    return TooLarge(
        f"{size} bytes; the limit is {limit}",
        limit=limit,
        place="body",
        hint="Nothing was stored; send it in smaller parts.",
    )
