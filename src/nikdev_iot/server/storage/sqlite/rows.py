"""Records to rows and back."""

from __future__ import annotations

import json
import uuid
from functools import lru_cache
from typing import Any

from nikdev_iot.server.storage.port import kinds_of_mask
from nikdev_iot.server.storage.records import ApiKey, Device, Field, StoredPack

__all__ = [
    "DEVICE",
    "FIELD",
    "KEY",
    "PACK",
    "device_of",
    "field_of",
    "key_of",
    "pack_of",
]


@lru_cache(8_192)
def _uuid(raw: bytes) -> uuid.UUID:
    # The same few come with every row, and making one takes longer than reading the rest of it.
    return uuid.UUID(bytes=raw)


PACK = (
    "arrival, origin, first, last, hash, parent, row_count, min_time_us, max_time_us, received_us, clock_offset_us, "
    "key_id, codec, content_bytes, payload"
)
DEVICE = "id, account, name, created_us, accepts_new_fields, note, tags, silent_after_s, last_push_us"
FIELD = "device, field_id, kinds, unit, label, created_us, color, decimals, position, hidden"
KEY = "id, device, name, secret_hash, can_read, can_write, created_us, expires_us, revoked_us, last_used_us"


def pack_of(device_id: uuid.UUID, row: tuple[Any, ...]) -> StoredPack:
    """Return the pack of a row `PACK`."""
    return StoredPack(
        device_id=device_id,
        arrival=row[0],
        origin=_uuid(row[1]),
        first=row[2],
        last=row[3],
        hash=row[4],
        parent=row[5],
        row_count=row[6],
        min_time_us=row[7],
        max_time_us=row[8],
        received_us=row[9],
        clock_offset_us=row[10],
        key_id=None if row[11] is None else _uuid(row[11]),
        codec=row[12],
        content_bytes=row[13],
        payload=row[14],
    )


def device_of(row: tuple[Any, ...]) -> Device:
    """Return the device of a row `DEVICE`."""
    return Device(
        id=_uuid(row[0]),
        account_id=_uuid(row[1]),
        name=row[2],
        created_us=row[3],
        accepts_new_fields=bool(row[4]),
        note=row[5],
        tags=tuple(json.loads(row[6])),
        silent_after_s=row[7],
        last_push_us=row[8],
    )


def field_of(row: tuple[Any, ...]) -> Field:
    """Return the field of a row `FIELD`."""
    return Field(
        device_id=_uuid(row[0]),
        field_id=row[1],
        kinds=kinds_of_mask(row[2]),
        unit=row[3],
        label=row[4],
        created_us=row[5],
        color=row[6],
        decimals=row[7],
        position=row[8],
        hidden=bool(row[9]),
    )


def key_of(row: tuple[Any, ...]) -> ApiKey:
    """Return the key of a row `KEY`."""
    return ApiKey(
        id=_uuid(row[0]),
        device_id=_uuid(row[1]),
        name=row[2],
        secret_hash=row[3],
        can_read=bool(row[4]),
        can_write=bool(row[5]),
        created_us=row[6],
        expires_us=row[7],
        revoked_us=row[8],
        last_used_us=row[9],
    )
