"""Deletions of values in SQLite."""

# ruff: noqa: S608 - the f-strings below hold our own list of columns, no input
from __future__ import annotations

import json
import sqlite3
import uuid
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from nikdev_iot.server.errors import Conflict
from nikdev_iot.server.storage.deletions import Deletion

from .bulk import Execute

__all__ = ["DeletionReads", "DeletionWrites"]

_COLUMNS = (
    "device, id, fields, start_us, end_us, origin, number, arrival, value_count, reason, made_us, made_by, undone_us, "
    "undone_by, erased_us"
)


def _deletion_of(row: tuple[Any, ...]) -> Deletion:
    return Deletion(
        device_id=uuid.UUID(bytes=row[0]),
        id=uuid.UUID(bytes=row[1]),
        fields=None if row[2] is None else tuple(json.loads(row[2])),
        start_us=row[3],
        end_us=row[4],
        commit=None if row[5] is None else (uuid.UUID(bytes=row[5]), row[6]),
        arrival=row[7],
        value_count=row[8],
        reason=row[9],
        made_us=row[10],
        made_by=row[11],
        undone_us=row[12],
        undone_by=row[13],
        erased_us=row[14],
    )


class DeletionReads(ABC):
    """`storage.deletions.DeletionReads`."""

    @abstractmethod
    def _read_all(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]: ...

    def deletions(self, device_id: uuid.UUID) -> list[Deletion]:
        rows = self._read_all(
            f"SELECT {_COLUMNS} FROM deletions WHERE device = ? ORDER BY made_us, id", (device_id.bytes,)
        )
        return [_deletion_of(row) for row in rows]


class DeletionWrites(ABC):
    """`storage.deletions.DeletionWrites`, inside a transaction."""

    _execute: Execute

    def add_deletion(self, deletion: Deletion) -> None:
        origin, number = deletion.commit or (None, None)
        row = (
            deletion.device_id.bytes,
            deletion.id.bytes,
            None if deletion.fields is None else json.dumps(deletion.fields),
            deletion.start_us,
            deletion.end_us,
            None if origin is None else origin.bytes,
            number,
            deletion.arrival,
            deletion.value_count,
            deletion.reason,
            deletion.made_us,
            deletion.made_by,
            deletion.undone_us,
            deletion.undone_by,
            deletion.erased_us,
        )
        try:
            self._execute(f"INSERT INTO deletions ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", row)
        except sqlite3.IntegrityError:
            raise Conflict(f"There is a deletion {deletion.id} already.", hint="Nothing was stored.") from None

    def undo_deletion(self, device_id: uuid.UUID, deletion_id: uuid.UUID, *, at_us: int, by: str) -> bool:
        changed = self._execute(
            "UPDATE deletions SET undone_us = ?, undone_by = ? "
            "WHERE device = ? AND id = ? AND undone_us IS NULL AND erased_us IS NULL",
            (at_us, by, device_id.bytes, deletion_id.bytes),
        )
        return changed.rowcount == 1
