"""A commit: the values locked together at one time, and its digest."""

from __future__ import annotations

import hashlib
import struct
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from .values import Kind, Value, kind_of

__all__ = ["DIGEST_BYTES", "Commit", "Gap", "Receipt", "commit_digest", "derive_origin"]

DIGEST_BYTES = 16
_NO_MESSAGE = 0xFFFF_FFFF
_U32 = struct.Struct("<I")
_PAYLOAD = {Kind.FLOAT: struct.Struct("<d"), Kind.INT: struct.Struct("<q"), Kind.BOOL: struct.Struct("<?")}


@dataclass(frozen=True, slots=True)
class Receipt:
    """What `commit` returns once the commit is on disk."""

    number: int
    """The commit's number in its origin, from 1."""
    origin: uuid.UUID
    time_us: int
    """When, in µs UTC, by this device's clock."""


@dataclass(frozen=True, slots=True)
class Commit:
    """The values of one device, locked together at one time."""

    number: int
    time_us: int
    """As the device recorded it, µs UTC."""
    values: tuple[tuple[str, Value], ...]
    """(Field ID, value), each field once, in the order they were staged."""
    message: str | None = None
    shift_us: int = 0
    """What a later, better clock adds to `time_us`."""
    uncertain: bool = False
    """True where the device's clock was not known to be right and could not be repaired."""

    @property
    def effective_time_us(self) -> int:
        """The time that counts, µs UTC: as recorded, plus the correction."""
        return self.time_us + self.shift_us


@dataclass(frozen=True, slots=True)
class Gap:
    """Commit numbers of an origin that will never come, declared as such with the reason."""

    first: int
    count: int
    reason: str

    @property
    def last(self) -> int:
        """The last number of the gap."""
        return self.first + self.count - 1


def commit_digest(time_us: int, message: str | None, values: Iterable[tuple[str, Value]]) -> bytes:
    """Return the 16-byte digest of a commit's content, the same on device and server, in any encoding.

    It is the head of the SHA-256 of the canonical form in `docs/wire.md`, "Digests". The recorded time counts, not a
    later correction of it; fields are in the order of their UTF-8 bytes.
    """
    parts = [struct.pack("<q", time_us)]
    if message is None:
        parts.append(_U32.pack(_NO_MESSAGE))
    else:
        _put_text(parts, message)
    rows = sorted((field_id.encode(), value) for field_id, value in values)
    parts.append(_U32.pack(len(rows)))
    for field_id, value in rows:
        parts += (_U32.pack(len(field_id)), field_id)
        kind = kind_of(value)
        parts.append(bytes((kind,)))
        if kind is Kind.TEXT:
            _put_text(parts, value)  # type: ignore[arg-type]
        else:
            parts.append(_PAYLOAD[kind].pack(value))
    return hashlib.sha256(b"".join(parts)).digest()[:DIGEST_BYTES]


def _put_text(parts: list[bytes], text: str) -> None:
    raw = text.encode()
    parts += (_U32.pack(len(raw)), raw)


def derive_origin(origin: uuid.UUID, first_digest: bytes) -> uuid.UUID:
    """Return the origin under which a forked journal goes on.

    It depends on nothing but the old origin and the first commit that the server does not have, so that
    one journal restored twice arrives at the same origin (`docs/wire.md`, "Forks").
    """
    raw = bytearray(hashlib.sha256(b"nikdev-origin\0" + origin.bytes + first_digest).digest()[:16])
    raw[6] = raw[6] & 0x0F | 0x80  # RFC 9562, version 8: the bits are ours
    raw[8] = raw[8] & 0x3F | 0x80
    return uuid.UUID(bytes=bytes(raw))
