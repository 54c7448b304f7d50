"""Reading devices, fields and keys."""

# ruff: noqa: S608 - the f-strings below hold our own lists of columns, no input
from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from nikdev_iot.server.storage.records import Access, ApiKey, Device, Field

from .rows import DEVICE, FIELD, KEY, device_of, field_of, key_of

__all__ = ["AccountReads"]

_KEY_COLUMNS = KEY.count(",") + 1
_ACCESS = (
    f"SELECT {', '.join('k.' + name.strip() for name in KEY.split(','))}, "
    f"{', '.join('d.' + name.strip() for name in DEVICE.split(','))} "
    "FROM api_keys AS k JOIN devices AS d ON d.id = k.device WHERE k.device = ? AND k.secret_hash = ?"
)


class AccountReads(ABC):
    """The part of `port.Storage` that knows devices and keys."""

    @abstractmethod
    def _read_all(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]: ...

    @abstractmethod
    def _read_one(self, statement: str, parameters: Sequence[Any] = ()) -> Any: ...

    def devices(self, account_id: uuid.UUID | None = None) -> list[Device]:
        if account_id is None:
            rows = self._read_all(f"SELECT {DEVICE} FROM devices ORDER BY created_us, id")
        else:
            rows = self._read_all(
                f"SELECT {DEVICE} FROM devices WHERE account = ? ORDER BY created_us, id", (account_id.bytes,)
            )
        return [device_of(row) for row in rows]

    def device(self, device_id: uuid.UUID) -> Device | None:
        row = self._read_one(f"SELECT {DEVICE} FROM devices WHERE id = ?", (device_id.bytes,))
        return device_of(row) if row else None

    def fields(self, device_id: uuid.UUID) -> list[Field]:
        rows = self._read_all(
            f"SELECT {FIELD} FROM fields WHERE device = ? ORDER BY created_us, field_id", (device_id.bytes,)
        )
        return [field_of(row) for row in rows]

    def keys(self, device_id: uuid.UUID) -> list[ApiKey]:
        rows = self._read_all(
            f"SELECT {KEY} FROM api_keys WHERE device = ? ORDER BY created_us, id", (device_id.bytes,)
        )
        return [key_of(row) for row in rows]

    def key(self, key_id: uuid.UUID) -> ApiKey | None:
        row = self._read_one(f"SELECT {KEY} FROM api_keys WHERE id = ?", (key_id.bytes,))
        return key_of(row) if row else None

    def access(self, device_id: uuid.UUID, secret_hash: bytes) -> Access | None:
        row = self._read_one(_ACCESS, (device_id.bytes, secret_hash))
        return Access(key=key_of(row[:_KEY_COLUMNS]), device=device_of(row[_KEY_COLUMNS:])) if row else None
