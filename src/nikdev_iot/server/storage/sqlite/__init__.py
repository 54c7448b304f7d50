"""The storage port over SQLite: the embedded store, one file in one folder."""

from __future__ import annotations

from .storage import SqliteStorage

__all__ = ["SqliteStorage"]
