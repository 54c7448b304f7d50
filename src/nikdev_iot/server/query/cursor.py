"""Where a page ended: a place in the order (time, origin, number), as an opaque text."""

from __future__ import annotations

import base64
import binascii
import struct
import uuid
import zlib
from dataclasses import dataclass

from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US
from nikdev_iot.server.errors import Invalid

__all__ = ["Cursor"]

_BODY = struct.Struct(">Bq16sQ")
_VERSION = 1
_NO_ORIGIN = uuid.UUID(int=0)


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """The page that follows begins with the first row behind this place."""

    time_us: int
    origin: uuid.UUID = _NO_ORIGIN
    number: int = 0
    """0, with the lowest origin: in front of every row of that time."""

    def to_text(self) -> str:
        """Return it as it goes into a URL: 48 characters."""
        body = _BODY.pack(_VERSION, self.time_us, self.origin.bytes, self.number)
        return base64.urlsafe_b64encode(body + zlib.crc32(body).to_bytes(4, "big")[1:]).decode()

    @classmethod
    def from_text(cls, text: str) -> Cursor:
        """Read a cursor, from anyone.

        Raises:
            Invalid: it is not one.
        """
        try:
            raw = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
            body, check = raw[:-3], raw[-3:]
            version, time_us, origin, number = _BODY.unpack(body)
        except (ValueError, binascii.Error, struct.error):
            raise _not_ours() from None
        whole = zlib.crc32(body).to_bytes(4, "big")[1:] == check and version == _VERSION
        # The decoder passes over padding too much and bits behind the end.
        if not whole or base64.urlsafe_b64encode(raw).decode() != text or not MIN_TIME_US <= time_us <= MAX_TIME_US + 1:
            raise _not_ours()
        return cls(time_us, uuid.UUID(bytes=origin), number)


def _not_ours() -> Invalid:
    return Invalid(
        "cursor: not a cursor of this server.",
        hint='Take it unchanged from "next" of the page before, or leave it out to begin at the start.',
    )
