"""Dashboards in SQLite."""

# ruff: noqa: S608 - the f-strings below hold our own list of columns, no input
from __future__ import annotations

import sqlite3
import uuid
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from nikdev_iot.server.errors import Conflict
from nikdev_iot.server.storage.dashboards import Dashboard

from .bulk import Execute

__all__ = ["DashboardReads", "DashboardWrites"]

_COLUMNS = "id, account, name, content, version, created_us, changed_us, share_hash, shared_us"


def _dashboard_of(row: tuple[Any, ...]) -> Dashboard:
    return Dashboard(
        id=uuid.UUID(bytes=row[0]),
        account_id=uuid.UUID(bytes=row[1]),
        name=row[2],
        content=row[3],
        version=row[4],
        created_us=row[5],
        changed_us=row[6],
        share_hash=row[7],
        shared_us=row[8],
    )


class DashboardReads(ABC):
    """`storage.dashboards.DashboardReads`."""

    @abstractmethod
    def _read_all(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]: ...

    @abstractmethod
    def _read_one(self, statement: str, parameters: Sequence[Any] = ()) -> Any: ...

    def dashboards(self, account_id: uuid.UUID) -> list[Dashboard]:
        rows = self._read_all(
            f"SELECT {_COLUMNS} FROM dashboards WHERE account = ? ORDER BY created_us, id", (account_id.bytes,)
        )
        return [_dashboard_of(row) for row in rows]

    def dashboard(self, dashboard_id: uuid.UUID) -> Dashboard | None:
        row = self._read_one(f"SELECT {_COLUMNS} FROM dashboards WHERE id = ?", (dashboard_id.bytes,))
        return _dashboard_of(row) if row else None

    def dashboard_by_share(self, share_hash: bytes) -> Dashboard | None:
        row = self._read_one(f"SELECT {_COLUMNS} FROM dashboards WHERE share_hash = ?", (share_hash,))
        return _dashboard_of(row) if row else None


class DashboardWrites(ABC):
    """`storage.dashboards.DashboardWrites`, inside a transaction."""

    _execute: Execute

    def add_dashboard(self, dashboard: Dashboard) -> None:
        row = (
            dashboard.id.bytes,
            dashboard.account_id.bytes,
            dashboard.name,
            dashboard.content,
            dashboard.version,
            dashboard.created_us,
            dashboard.changed_us,
            dashboard.share_hash,
            dashboard.shared_us,
        )
        try:
            self._execute(f"INSERT INTO dashboards ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?)", row)
        except sqlite3.IntegrityError:
            raise Conflict(f"There is a dashboard {dashboard.id} already.", hint="Nothing was stored.") from None

    def update_dashboard(self, dashboard: Dashboard) -> bool:
        changed = self._execute(
            "UPDATE dashboards SET name = ?, content = ?, changed_us = ?, version = version + 1 "
            "WHERE id = ? AND version = ?",
            (dashboard.name, dashboard.content, dashboard.changed_us, dashboard.id.bytes, dashboard.version),
        )
        return changed.rowcount == 1

    def share_dashboard(self, dashboard_id: uuid.UUID, share_hash: bytes | None, *, at_us: int | None) -> None:
        self._execute(
            "UPDATE dashboards SET share_hash = ?, shared_us = ? WHERE id = ?", (share_hash, at_us, dashboard_id.bytes)
        )

    def remove_dashboard(self, dashboard_id: uuid.UUID) -> None:
        self._execute("DELETE FROM dashboards WHERE id = ?", (dashboard_id.bytes,))
