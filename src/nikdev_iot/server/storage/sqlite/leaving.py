"""Deleted devices: taking them away at once, and what they sent step by step.

Packs have no index by device; they are found through shelves and origins, so that a shelf goes only with its last pack,
and an origin after its shelves. A row of `leaving` says which device is on its way, and is removed last.
"""

from __future__ import annotations

import json
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from nikdev_iot.server.storage.leaving import KNOWN_FOR_US

from .bulk import Bulk, Execute
from .origins import SHELF_PACKS, unpack_arrivals

__all__ = ["LeavingReads", "LeavingWrites"]

_AT_ONCE = ("fields", "latest", "api_keys")
"""What goes with the device, by the column `device`: a thousand rows, or not many more."""
_LAST = (*_AT_ONCE, "deletions")
"""What goes after all that it sent: who still reads shall not see what was deleted before; and once more what was being
written about it while it went."""
_NEXT = "SELECT device FROM leaving WHERE cleared_us IS NULL ORDER BY left_us LIMIT 1"
_DEPARTED = Bulk("SELECT gone.device FROM (", 1, ") AS asked CROSS JOIN leaving AS gone ON gone.device = asked.column1")


class LeavingReads(ABC):
    """The part of `port.Storage` that knows deleted devices."""

    @abstractmethod
    def _read_one(self, statement: str, parameters: Sequence[Any] = ()) -> Any: ...

    @abstractmethod
    def _snapshot(self) -> AbstractContextManager[Execute]: ...

    def has_leaving(self, *, at_us: int) -> bool:
        found = self._read_one(
            "SELECT EXISTS (SELECT 1 FROM leaving WHERE cleared_us IS NULL OR cleared_us < ?)", (at_us - KNOWN_FOR_US,)
        )
        return bool(found[0])

    def has_departed(self, device_id: uuid.UUID) -> bool:
        return bool(self._read_one("SELECT EXISTS (SELECT 1 FROM leaving WHERE device = ?)", (device_id.bytes,))[0])

    def read_leaving(self, *, max_rows: int, max_bytes: int) -> None:
        budget = _Budget(max_rows, max_bytes)
        with self._snapshot() as execute:
            row = execute(_NEXT).fetchone()
            if row is None:
                return
            shelves = execute(
                "SELECT arrivals FROM (SELECT arrivals FROM shelves WHERE device = ?1 ORDER BY origin, last LIMIT ?2) "
                "UNION ALL SELECT arrivals FROM (SELECT arrivals FROM origins WHERE device = ?1 LIMIT ?2)",
                (row[0], max_rows // SHELF_PACKS + 1),
            )
            for (raw,) in shelves.fetchall():
                packs = execute(
                    "SELECT payload FROM packs WHERE arrival IN (SELECT value FROM json_each(?)) ORDER BY arrival",
                    (json.dumps(unpack_arrivals(raw)),),
                )
                for (payload,) in packs:
                    if not budget.take(1, len(payload)):
                        return


class LeavingWrites(ABC):
    """The part of `port.WriteTransaction` that deletes devices."""

    _execute: Execute

    @abstractmethod
    def _has_departures(self) -> bool:
        """Return whether `leaving` may have a row; it costs no statement of its own."""

    @abstractmethod
    def _note_departure(self, device: bytes) -> None:
        """Forget what is kept of the device in memory."""

    def delete_device(self, device_id: uuid.UUID, *, at_us: int) -> None:
        device = device_id.bytes
        if not self._execute("DELETE FROM devices WHERE id = ?", (device,)).rowcount:
            return
        self._clear_tables(device, _AT_ONCE)
        self._note_departure(device)
        self._execute("INSERT INTO leaving (device, left_us) VALUES (?,?)", (device, at_us))

    def departed(self, device_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
        if not self._has_departures():
            return set()
        by_bytes = {device_id.bytes: device_id for device_id in device_ids}
        return {by_bytes[device] for (device,) in _DEPARTED.all(self._execute, [(device,) for device in by_bytes])}

    def clear_leaving(self, *, at_us: int, max_rows: int, max_bytes: int) -> bool:
        budget = _Budget(max_rows, max_bytes)
        while True:
            row = self._execute(_NEXT).fetchone()
            if row is None:
                self._execute("DELETE FROM leaving WHERE cleared_us < ?", (at_us - KNOWN_FOR_US,))
                return False
            (device,) = row
            if not budget.take(1, 0) or not self._clear_packs(device, budget) or not self._clear_keys(device, budget):
                return True
            self._clear_tables(device, _LAST)
            self._note_departure(device)
            self._execute("UPDATE leaving SET cleared_us = ? WHERE device = ?", (at_us, device))

    def _clear_tables(self, device: bytes, tables: Sequence[str]) -> None:
        for table in tables:
            self._execute(f"DELETE FROM {table} WHERE device = ?", (device,))  # noqa: S608 - our own names

    def _clear_packs(self, device: bytes, budget: _Budget) -> bool:
        """Remove segments, packs and the shelves that they were on; return whether none is left."""
        find = "SELECT id, period FROM segments WHERE device = ? LIMIT 1"
        while segment := self._execute(find, (device,)).fetchone():
            if not budget.take(1, 0):
                return False
            self._execute("DELETE FROM segments WHERE id = ?", segment[:1])
            # Its content goes with `clear_contents`.
            self._execute("INSERT INTO doomed VALUES (?,?,?,0)", (segment[0], device, segment[1]))
        while True:
            shelf = self._execute(
                "SELECT rowid, arrivals FROM shelves WHERE device = ? ORDER BY origin, last LIMIT 1", (device,)
            ).fetchone()
            if shelf is not None:
                if not self._clear_shelf(device, shelf[1], budget):
                    return False
                self._execute("DELETE FROM shelves WHERE rowid = ?", (shelf[0],))
                continue
            newest = self._execute(
                "SELECT origin, arrivals FROM origins WHERE device = ? LIMIT 1", (device,)
            ).fetchone()
            if newest is None:
                return True
            if not self._clear_shelf(device, newest[1], budget):
                return False
            self._execute("DELETE FROM origins WHERE device = ? AND origin = ?", (device, newest[0]))

    def _clear_shelf(self, device: bytes, arrivals: bytes, budget: _Budget) -> bool:
        """Remove the packs of one shelf, as far as the budget goes; return whether none is left."""
        packs = self._execute(
            "SELECT arrival, length(payload) FROM packs "
            "WHERE arrival IN (SELECT value FROM json_each(?)) AND device = ? ORDER BY arrival",
            (json.dumps(unpack_arrivals(arrivals)), device),
        ).fetchall()
        taken = []
        for arrival, size_bytes in packs:
            if not budget.take(1, size_bytes):
                break
            taken.append(arrival)
        self._execute("DELETE FROM packs WHERE arrival IN (SELECT value FROM json_each(?))", (json.dumps(taken),))
        return len(taken) == len(packs)

    def _clear_keys(self, device: bytes, budget: _Budget) -> bool:
        """Remove the keys of its JSON entries; return whether none is left."""
        limit = max(budget.rows, 1)
        removed = self._execute(
            "DELETE FROM entry_keys WHERE device = ?1 AND key IN "
            "(SELECT key FROM entry_keys WHERE device = ?1 ORDER BY key LIMIT ?2)",
            (device, limit),
        ).rowcount
        budget.take(removed, 0)
        return removed < limit


@dataclass(slots=True)
class _Budget:
    """What one step may still remove; the first thing always fits."""

    rows: int
    size_bytes: int
    is_fresh: bool = True

    def take(self, rows: int, size_bytes: int) -> bool:
        """Return whether so much is left, and count it as used."""
        if size_bytes and self.is_fresh:
            self.is_fresh = False
        elif rows > self.rows or size_bytes > self.size_bytes:
            return False
        self.rows -= rows
        self.size_bytes -= size_bytes
        return True
