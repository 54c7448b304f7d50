"""JSON v1 as it arrives: entries without a number become commits of an origin that the server makes for the device.

An entry is known again, when a client that lost the answer sends it once more, by its key (`wire.v1.entry_keys`), for a
configured number of days.
"""

from __future__ import annotations

import hashlib
import uuid
import zlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from nikdev_iot.model.errors import Malformed
from nikdev_iot.model.values import kind_of
from nikdev_iot.server.errors import Invalid
from nikdev_iot.server.storage.records import Device, StoredPack
from nikdev_iot.wire.columns import columns_from_rows
from nikdev_iot.wire.limits import Limits
from nikdev_iot.wire.marks import Mark
from nikdev_iot.wire.pack import RAW, ZLIB, Pack, encode_content, hash_content
from nikdev_iot.wire.v1 import Entry, decode_push, entry_keys

from .fields import FieldKind, FieldsRefused
from .packs import stored_pack

__all__ = ["EntriesPush", "entries_origin", "entries_refused", "pack_of_entries", "read_entries"]

_SQUEEZE_FROM_BYTES = 1_024
"""Shorter contents gain nothing worth the time."""


@dataclass(frozen=True, slots=True)
class EntriesPush:
    """The entries of one request, at least one, and the key of each."""

    device: Device
    origin: uuid.UUID
    entries: tuple[Entry, ...]
    keys: Sequence[bytes]
    brought: Sequence[FieldKind]
    brought_set: frozenset[FieldKind]
    received_us: int
    sent_us: int | None
    key_id: uuid.UUID
    size_bytes: int

    @property
    def key(self) -> tuple[uuid.UUID, uuid.UUID]:
        """Whose mark it moves: (device, origin)."""
        return self.device.id, self.origin


@lru_cache(16_384)
def entries_origin(device_id: uuid.UUID) -> uuid.UUID:
    """Return the origin under which the server numbers a device's entries; always the same."""
    raw = bytearray(hashlib.sha256(b"nikdev-entries\0" + device_id.bytes).digest()[:16])
    raw[6] = raw[6] & 0x0F | 0x80  # RFC 9562, version 8: the bits are ours
    raw[8] = raw[8] & 0x3F | 0x80
    return uuid.UUID(bytes=bytes(raw))


def read_entries(
    body: bytes, *, device: Device, key_id: uuid.UUID, limits: Limits, received_us: int
) -> EntriesPush | None:
    """Read the body of `POST entries/`; None where it has no values.

    Raises:
        Malformed, TooLarge: as `wire.v1` does, naming the place.
    """
    try:
        data = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        hint = 'Send {"clientTimestamp": s, "entries": [...]}.'
        raise Malformed(f"not JSON ({error})", place="body", hint=hint) from None
    push = decode_push(data, limits)
    if not push.entries:
        return None
    brought = list(dict.fromkeys((name, kind_of(value)) for entry in push.entries for name, value in entry.values))
    return EntriesPush(
        device,
        entries_origin(device.id),
        push.entries,
        entry_keys(push.entries),
        brought,
        frozenset(brought),
        received_us,
        push.sent_us,
        key_id,
        10 * len(body),
    )


def pack_of_entries(push: EntriesPush, entries: Sequence[Entry], mark: Mark) -> StoredPack:
    """Return those `entries` of a push that are new as the pack that continues its origin at `mark`."""
    pack = Pack(
        origin=push.origin,
        first=mark.number + 1,
        count=len(entries),
        parent=mark.hash,
        times=array("q", [entry.time_us for entry in entries]),
        columns=columns_from_rows([entry.values for entry in entries]),
    )
    content = encode_content(pack)
    payload, codec = content, RAW
    if len(content) >= _SQUEEZE_FROM_BYTES:
        squeezed = zlib.compress(content, 1)
        if len(squeezed) < len(content):
            payload, codec = squeezed, ZLIB
    return stored_pack(
        pack,
        device_id=push.device.id,
        key_id=push.key_id,
        hash=hash_content(content),
        codec=codec,
        content_bytes=len(content),
        payload=payload,
        received_us=push.received_us,
        sent_us=push.sent_us,
    )


def entries_refused(refused: FieldsRefused) -> Invalid:
    """Return the error for entries with a field that the device will not have."""
    names = ", ".join(repr(field_id) for field_id in refused.field_ids[:5])
    more = f" and {len(refused.field_ids) - 5} more" if len(refused.field_ids) > 5 else ""
    return Invalid(
        f"Refused: {refused.reason}, and {names}{more} would be new.",
        hint="Nothing of the request was stored; leave these fields out.",
    )
