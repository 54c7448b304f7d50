"""The digest of a commit, and the origin derived from one: the canonical forms of `docs/wire.md`."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256
from operator import itemgetter

from .values import Kind, Value

__all__ = ["DIGEST_BYTES", "commit_digest", "derive_origin"]

DIGEST_BYTES = 16

_NO_MESSAGE = b"\xff\xff\xff\xff"
_pack_i64 = struct.Struct("<q").pack
_pack_u32 = struct.Struct("<I").pack
_pack_float = struct.Struct("<Bd").pack
_pack_int = struct.Struct("<Bq").pack
_FLOAT, _INT = int(Kind.FLOAT), int(Kind.INT)
_BOOLS = bytes((Kind.BOOL, 0)), bytes((Kind.BOOL, 1))
_TEXT = bytes((Kind.TEXT,))
_field_id_of = itemgetter(0)


def commit_digest(time_us: int, message: str | None, values: Iterable[tuple[str, Value]]) -> bytes:
    """Return the 16-byte digest of a commit's content, the same on device and server, in any encoding.

    It is the head of the SHA-256 of the canonical form in `docs/wire.md`, "Digests". The recorded time counts, not a
    later correction of it; fields are in the order of their UTF-8 bytes.
    """
    rows = sorted(values, key=_field_id_of)  # the order of code points is that of UTF-8 bytes
    parts = [_pack_i64(time_us), _NO_MESSAGE if message is None else _text(message), _pack_u32(len(rows))]
    for field_id, value in rows:
        plain = type(value)
        if plain is float:
            parts += _name(field_id), _pack_float(_FLOAT, value)
        elif plain is int:
            parts += _name(field_id), _pack_int(_INT, value)
        elif plain is bool:
            parts += _name(field_id), _BOOLS[value]  # type: ignore[index]
        else:
            parts += _name(field_id), _TEXT, _text(value)  # type: ignore[arg-type]
    return sha256(b"".join(parts)).digest()[:DIGEST_BYTES]


def _text(text: str) -> bytes:
    raw = text.encode()
    return _pack_u32(len(raw)) + raw


_name = lru_cache(4096)(_text)  # the same few names come with every commit


def derive_origin(origin: uuid.UUID, first_digest: bytes) -> uuid.UUID:
    """Return the origin under which a forked journal goes on.

    It depends on nothing but the old origin and the first commit that the server does not have, so that
    one journal restored twice arrives at the same origin (`docs/wire.md`, "Forks").
    """
    raw = bytearray(sha256(b"nikdev-origin\0" + origin.bytes + first_digest).digest()[:16])
    raw[6] = raw[6] & 0x0F | 0x80  # RFC 9562, version 8: the bits are ours
    raw[8] = raw[8] & 0x3F | 0x80
    return uuid.UUID(bytes=bytes(raw))
