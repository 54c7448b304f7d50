"""Frames: a pack's content as it travels and is kept (`docs/wire.md`, "Frame").

A frame carries the content's compression and hash, the server's epoch and a check value, so that damage to any byte is
detected.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass

from nikdev_iot.model.errors import Damaged, TooLarge, Unsupported

from .limits import DEFAULT_LIMITS, Limits

__all__ = [
    "EPOCH_BYTES",
    "HASH_BYTES",
    "NO_EPOCH",
    "RAW",
    "ZLIB",
    "Frame",
    "decode_frame",
    "decompress",
    "encode_frame",
    "hash_content",
]

HASH_BYTES = 32
EPOCH_BYTES = 16
NO_EPOCH = bytes(EPOCH_BYTES)
"""What a device names that has not yet met the server; no server has this epoch."""

RAW, ZLIB = 0, 1
_MAGIC = b"NKP\x01"
_HEAD = struct.Struct("<4sB3sII16s32s")
_RESERVED = bytes(3)
_CRC_AT = 12


def hash_content(content: bytes) -> bytes:
    """Return a pack's hash: the SHA-256 of its content."""
    return hashlib.sha256(content).digest()


@dataclass(frozen=True, slots=True)
class Frame:
    """A pack as it travels."""

    epoch: bytes
    hash: bytes
    content: bytes
    codec: int
    """How `payload` is compressed: 0 not at all, 1 zlib (RFC 1950)."""
    payload: bytes
    """The content as it arrived."""


_SQUEEZE_FROM_BYTES = 512


def encode_frame(content: bytes, *, epoch: bytes, level: int = 1, content_hash: bytes | None = None) -> bytes:
    """Return the request body for `content`; `level` is zlib's, 0 for none; its hash where it is known already.

    A short content is not compressed: a few dozen bytes less do not make the packet cheaper, and setting up zlib costs
    the server more than all else that it does to read such a frame.
    """
    payload, codec = content, RAW
    if level and len(content) >= _SQUEEZE_FROM_BYTES:
        squeezed = zlib.compress(content, level)
        if len(squeezed) < len(content):
            payload, codec = squeezed, ZLIB
    digest = content_hash or hash_content(content)
    head = bytearray(_HEAD.pack(_MAGIC, codec, _RESERVED, len(content), 0, epoch, digest))
    struct.pack_into("<I", head, _CRC_AT, zlib.crc32(payload, zlib.crc32(head)))
    return bytes(head) + payload


def decode_frame(body: bytes, limits: Limits = DEFAULT_LIMITS) -> Frame:
    """Read a frame, from anyone, in memory bounded by `limits`.

    Raises:
        Damaged: any byte differs from what was sent, or some are missing.
        TooLarge: the body, or what it decompresses to, is over a limit.
        Unsupported: not a pack, or one of another version or compression.
    """
    if len(body) > limits.body_bytes:
        raise TooLarge(f"{len(body)} bytes; the limit is {limits.body_bytes}", limit=limits.body_bytes, place="body")
    if body[: len(_MAGIC)] != _MAGIC:
        if body[:3] == _MAGIC[:3]:
            raise Unsupported(f"version {body[3:4].hex()} of the frame", place="frame")
        raise Unsupported("not a pack: it does not begin with 'NKP'", place="frame")
    if len(body) < _HEAD.size:
        raise Damaged(f"cut short after {len(body)} bytes", place="frame")
    _, codec, reserved, length, crc, epoch, content_hash = _HEAD.unpack_from(body)
    payload = body[_HEAD.size :]
    head = body[:_CRC_AT] + bytes(4) + body[_CRC_AT + 4 : _HEAD.size]
    if zlib.crc32(payload, zlib.crc32(head)) != crc:
        raise Damaged("the check value does not agree: bytes were altered or cut off on the way", place="frame")
    if reserved != _RESERVED:
        raise Unsupported("its reserved bytes are not zero", place="frame")
    if length > limits.content_bytes:
        raise TooLarge(
            f"{length} bytes decompressed; the limit is {limits.content_bytes}",
            limit=limits.content_bytes,
            place="frame",
        )
    content = decompress(payload, codec, length)
    if hash_content(content) != content_hash:
        raise Damaged("the hash does not agree with the content", place="frame")
    return Frame(epoch, content_hash, content, codec, payload)


def decompress(payload: bytes, codec: int, length: int) -> bytes:
    """Return the content of `length` bytes, never holding more than that.

    Raises:
        Damaged: it is not `length` bytes long, or not in its compression.
        Unsupported: an unknown `codec`.
    """
    if codec == RAW:
        content = payload
    elif codec == ZLIB:
        stream = zlib.decompressobj()
        try:
            content = stream.decompress(payload, length + 1)
            # The last bytes of the stream, its own check value, may still be waiting behind a full buffer.
            content += stream.decompress(stream.unconsumed_tail, 1)
        except zlib.error as error:
            raise Damaged(f"not a zlib stream ({error})", place="frame") from None
        if not stream.eof or stream.unused_data or stream.unconsumed_tail:
            raise Damaged("its compressed part does not end where it should", place="frame")
    else:
        raise Unsupported(f"compression {codec}", place="frame")
    if len(content) != length:
        raise Damaged(f"{len(content)} bytes where {length} belong", place="frame")
    return content
