"""One write transaction: devices, fields and keys."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from nikdev_iot.server.errors import Conflict
from nikdev_iot.server.storage.port import kinds_mask
from nikdev_iot.server.storage.records import ApiKey, Device, Field

from .bulk import Execute
from .rows import DEVICE, FIELD, KEY

__all__ = ["AccountWrites"]


class AccountWrites:
    """The part of `port.WriteTransaction` that people and their programs change."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute: Execute = connection.execute
        self._executemany = connection.executemany

    def _add(self, table: str, columns: str, row: Sequence[Any], conflict: str) -> None:
        marks = ",".join("?" * len(row))
        try:
            self._execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", row)  # noqa: S608 - our own names
        except sqlite3.IntegrityError:
            raise Conflict(conflict, hint="Nothing was stored.") from None

    def add_device(self, device: Device) -> None:
        row = (
            device.id.bytes,
            device.account_id.bytes,
            device.name,
            device.created_us,
            device.accepts_new_fields,
            device.note,
            json.dumps(device.tags),
            device.silent_after_s,
            device.last_push_us,
        )
        self._add("devices", DEVICE, row, f"There is a device {device.id} already.")

    def update_device(self, device: Device) -> None:
        self._execute(
            "UPDATE devices SET name = ?, accepts_new_fields = ?, note = ?, tags = ?, silent_after_s = ? WHERE id = ?",
            (
                device.name,
                device.accepts_new_fields,
                device.note,
                json.dumps(device.tags),
                device.silent_after_s,
                device.id.bytes,
            ),
        )

    def touch_devices(self, pushed: Iterable[tuple[uuid.UUID, int]]) -> None:
        self._executemany(
            "UPDATE devices SET last_push_us = max(coalesce(last_push_us, ?1), ?1) WHERE id = ?2",
            [(pushed_us, device_id.bytes) for device_id, pushed_us in pushed],
        )

    def update_field(self, field: Field) -> None:
        self._execute(
            f"INSERT INTO fields ({FIELD}) VALUES (?,?,?,?,?,?,?,?,?,?) "  # noqa: S608 - our own names
            "ON CONFLICT (device, field_id) DO UPDATE SET unit = excluded.unit, label = excluded.label, "
            "color = excluded.color, decimals = excluded.decimals, position = excluded.position, "
            "hidden = excluded.hidden",
            (
                field.device_id.bytes,
                field.field_id,
                kinds_mask(field.kinds),
                field.unit,
                field.label,
                field.created_us,
                field.color,
                field.decimals,
                field.position,
                field.hidden,
            ),
        )

    def add_key(self, key: ApiKey) -> None:
        row = (
            key.id.bytes,
            key.device_id.bytes,
            key.name,
            key.secret_hash,
            key.can_read,
            key.can_write,
            key.created_us,
            key.expires_us,
            key.revoked_us,
            key.last_used_us,
        )
        self._add("api_keys", KEY, row, f"There is an API key {key.id}, or one with this secret, already.")

    def update_key(self, key: ApiKey) -> None:
        self._execute(
            "UPDATE api_keys SET name = ?, can_read = ?, can_write = ?, expires_us = ?, revoked_us = ? WHERE id = ?",
            (key.name, key.can_read, key.can_write, key.expires_us, key.revoked_us, key.id.bytes),
        )

    def drop_keys(self, key_ids: Iterable[uuid.UUID]) -> None:
        self._executemany("DELETE FROM api_keys WHERE id = ?", [(key_id.bytes,) for key_id in key_ids])

    def touch_keys(self, used: Iterable[tuple[uuid.UUID, int]]) -> None:
        self._executemany(
            "UPDATE api_keys SET last_used_us = max(coalesce(last_used_us, ?1), ?1) WHERE id = ?2",
            [(used_us, key_id.bytes) for key_id, used_us in used],
        )
