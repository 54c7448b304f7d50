"""Settings in SQLite."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from .bulk import Execute

__all__ = ["SettingReads", "SettingWrites"]


class SettingReads(ABC):
    """`storage.settings.SettingReads`."""

    @abstractmethod
    def _read_one(self, statement: str, parameters: Sequence[Any] = ()) -> Any: ...

    def setting(self, name: str) -> str | None:
        row = self._read_one("SELECT value FROM settings WHERE name = ?", (name,))
        return str(row[0]) if row else None


class SettingWrites(ABC):
    """`storage.settings.SettingWrites`, inside a transaction."""

    _execute: Execute

    def put_setting(self, name: str, value: str | None) -> None:
        if value is None:
            self._execute("DELETE FROM settings WHERE name = ?", (name,))
        else:
            self._execute("INSERT OR REPLACE INTO settings (name, value) VALUES (?,?)", (name, value))
